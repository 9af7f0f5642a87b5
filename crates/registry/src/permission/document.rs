//! The table as a document for a city's IT and legal department.

use std::fmt::Write as _;

use isopolity_proto::admin::{Identification, Role, Scope};

use super::{Permission, Scopes, Standing, every_scope, scope_word, table};
use crate::{Caller, Known, Right};

const ROLES: [Role; 5] = [Role::Viewer, Role::Editor, Role::Coordinator, Role::Auditor, Role::Administrator];
const STATES: [(&str, Option<Standing>); 5] = [
    ("unknown city", None),
    ("guest", Some(Standing::Guest)),
    ("invited", Some(Standing::Invited)),
    ("active", Some(Standing::Active)),
    ("suspended or left", Some(Standing::Held)),
];

const BEGINNING: &str = "\
<!-- Made from crates/registry/src/permission by a test; do not edit. To make it anew:
     ISOPOLITY_UPDATE=1 cargo test -p isopolity-registry permissions -->
# Who may call what

Every method of every service. A server looks here before it calls the service; the use case behind it checks the right once more. What
is not in these tables is served to nobody.

- **–**: refused. Without a token by UNAUTHENTICATED, otherwise by PERMISSION_DENIED.
- **PUBLIC**: sees records, and fields of records, that are for everyone. Only where the city sets `api.anonymous_reads`.
- **all**: sees all that the city has, INTERNAL fields too.
- **granted**: sees what this city granted to that peer: PUBLIC, or FEDERATION too. Never INTERNAL.
- **yes**: may do what the method does.

A token can be narrowed down to *scopes*. It may then call only methods of these scopes, and of them only those that its role may
call. A session, and a token of an identity provider, is not narrowed down.

";

/// The document.
#[must_use]
pub fn document() -> String {
    let mut text = BEGINNING.to_owned();
    api(&mut text);
    scopes(&mut text);
    federation(&mut text);
    text
}

fn api(text: &mut String) {
    text.push_str("## API\n\n| method | needs | scope | no token |");
    for role in ROLES {
        line(text, format_args!(" {} |", word(role)));
    }
    text.push_str("\n| --- | --- | --- |");
    text.push_str(&" --- |".repeat(ROLES.len() + 1));
    text.push('\n');
    for service in table::OF_EVERYONE {
        line(text, format_args!("| `{service}/*` | nothing | |{}\n", " yes |".repeat(ROLES.len() + 1)));
    }
    let mut all: Vec<_> = table::all().filter(|(_, permission)| !matches!(permission, Permission::Peer(_))).collect();
    all.sort_unstable_by_key(|(method, _)| *method);
    for (method, permission) in all {
        let (needs, scope) = match permission {
            Permission::Everyone => ("nothing".to_owned(), None),
            Permission::Public(scope) => ("nothing, or the right to read".to_owned(), Some(scope)),
            Permission::Known => ("to be known".to_owned(), None),
            Permission::Has(right, scope) => (format!("the right to {}", right.as_str()), Some(scope)),
            Permission::Peer(_) => continue,
        };
        let scope = scope.map(|scope| format!("`{}`", scope_word(scope))).unwrap_or_default();
        line(text, format_args!("| `{method}` | {needs} | {scope} |"));
        let callers = std::iter::once(Caller::Anonymous).chain(ROLES.map(|role| Caller::token("", role)));
        for caller in callers {
            line(text, format_args!(" {} |", cell(permission, &caller)));
        }
        text.push('\n');
    }
}

/// What a caller gets by a method.
fn cell(permission: Permission, caller: &Caller) -> &'static str {
    if permission.check(caller).is_err() {
        return "–";
    }
    match (permission, caller) {
        (Permission::Public(_), Caller::Anonymous) => "PUBLIC",
        (Permission::Public(_) | Permission::Has(Right::Read, _), _) => "all",
        _ => "yes",
    }
}

fn scopes(text: &mut String) {
    text.push_str("\n## Scopes\n\nWhich scopes leave something of a role.\n\n| scope |");
    for role in ROLES {
        line(text, format_args!(" {} |", word(role)));
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(ROLES.len()));
    text.push('\n');
    for scope in every_scope() {
        line(text, format_args!("| `{}` |", scope_word(scope)));
        for role in ROLES {
            let caller = narrowed(role, scope);
            let rights = Right::ALL.into_iter().filter(|right| caller.must((*right, scope)).is_ok());
            let rights: Vec<&str> = rights.filter(|right| right.scopes().contains(&scope)).map(Right::as_str).collect();
            line(text, format_args!(" {} |", if rights.is_empty() { "–".to_owned() } else { rights.join(", ") }));
        }
        text.push('\n');
    }
}

fn narrowed(role: Role, scope: Scope) -> Caller {
    Caller::Known(Known {
        id: String::new(),
        identification: Identification::Token,
        role,
        scopes: Scopes::of(&[scope]),
        session: None,
        expire_time: None,
    })
}

fn federation(text: &mut String) {
    text.push_str("\n## Federation\n\nOver mutual TLS. A city that is not in the table of peers does not get through the handshake, unless\nan invitation is open: then it is a guest.\n\n| method |");
    for (state, _) in STATES {
        line(text, format_args!(" {state} |"));
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(STATES.len()));
    text.push('\n');
    for (method, permission) in table::all() {
        let Permission::Peer(needed) = permission else { continue };
        line(text, format_args!("| `{method}` |"));
        for (_, standing) in STATES {
            let may = standing.is_some_and(|standing| standing >= needed);
            line(
                text,
                format_args!(
                    " {} |",
                    if !may {
                        "–"
                    } else if needed == Standing::Active {
                        "granted"
                    } else {
                        "yes"
                    }
                ),
            );
        }
        text.push('\n');
    }
}

fn word(role: Role) -> String {
    role.as_str_name().trim_start_matches("ROLE_").to_lowercase()
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_err() {
        unreachable!("a text takes all that is written to it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/permissions.md");

    #[test]
    fn the_document_of_permissions_says_what_the_code_does() {
        if std::env::var_os("ISOPOLITY_UPDATE").is_some() {
            std::fs::write(FILE, document()).unwrap();
        }
        let kept = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(
            kept == document(),
            "deploy/permissions.md is not what the code says: ISOPOLITY_UPDATE=1 cargo test -p isopolity-registry permissions"
        );
    }
}
