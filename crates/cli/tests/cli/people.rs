//! Users are made, sign in, and sign out.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::support::{Access, City, Ended, Running};

const PASSWORD: &str = "sardinha lua quarta";

/// Somebody with a home of their own, and without a token.
struct Person<'a> {
    access: &'a Access,
    home: &'a Path,
}

impl Person<'_> {
    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.access.command(arguments);
        command.env_remove("ISOPOLITY_TOKEN").env("XDG_CONFIG_HOME", self.home);
        Running::start(&mut command).end()
    }
}

fn password_file(folder: &Path, password: &str) -> String {
    let file = folder.join("password");
    fs::write(&file, format!("{password}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn whoever_signs_in_needs_no_token_until_they_sign_out() {
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("home");
    let node = City::init(parent.path(), "feira.example").serve();
    let (admin, ana) = (&node.access, Person { access: &node.access, home: &home });
    let file = password_file(parent.path(), PASSWORD);
    let create = ["user", "create", "ana", "--role", "editor", "--display-name", "Ana", "--password-file", &file];
    assert!(admin.run(create).text().starts_with("user ana (u"));
    assert!(admin.run(create).complaint(3).contains("[RESOURCE_EXISTS]"));

    let refused = ana.run(&["whoami"]);
    assert!(refused.complaint(3).contains("isopolity login"), "{}", refused.stderr);
    let wrong = password_file(parent.path(), "not the password");
    let refused = ana.run(&["login", "ana", "--password-file", &wrong]);
    assert!(refused.complaint(3).contains("[LOGIN_FAILED]") && !home.exists(), "{}", refused.stderr);

    let file = password_file(parent.path(), PASSWORD);
    let signed_in = ana.run(&["login", "ana", "--password-file", &file]);
    assert!(signed_in.text().contains("signed in as ana (editor) until"), "{}", signed_in.text());
    assert!(!signed_in.text().contains("isos_") && !signed_in.stderr.contains("isos_"), "the session is not shown");
    let session = home.join("isopolity/sessions").join(node.access.api.replace(':', "_"));
    assert_eq!(fs::metadata(&session).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(session.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(ana.run(&["whoami"]).text().contains("editor"));
    assert!(ana.run(&["user", "list"]).complaint(3).contains("[RIGHT_MISSING]"));

    let other = parent.path().join("other");
    fs::write(&other, "another good password").unwrap();
    let change = ["change-password", "--password-file", &file, "--new-password-file", other.to_str().unwrap()];
    ana.run(&change).text();
    assert!(ana.run(&change).complaint(3).contains("[LOGIN_FAILED]"), "the present password is another now");

    fs::set_permissions(&session, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ana.run(&["whoami"]).complaint(2).contains("can be read by others"));
    fs::set_permissions(&session, fs::Permissions::from_mode(0o600)).unwrap();

    let secret = fs::read_to_string(&session).unwrap();
    assert_eq!(ana.run(&["logout"]).text(), "signed out\n");
    assert!(!session.exists());
    fs::write(&session, secret).unwrap();
    fs::set_permissions(&session, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(ana.run(&["whoami"]).complaint(3).contains("[TOKEN_INVALID]"), "it ended at the node too");
    node.stop();
}

#[test]
fn an_administrator_changes_users_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("home");
    let node = City::init(parent.path(), "feira.example").serve();
    let (admin, ana) = (&node.access, Person { access: &node.access, home: &home });
    let file = password_file(parent.path(), PASSWORD);
    admin.run(["user", "create", "ana", "--role", "viewer", "--password-file", &file]).text();
    let login = ["login", "ana", "--password-file", &file];
    for (change, told) in [
        (&["user", "set-role", "ana", "auditor"][..], "another role"),
        (&["user", "set-password", "ana", "--password-file", &file], "another password"),
        (&["user", "disable", "ana"], "is disabled"),
    ] {
        ana.run(&login).text();
        assert!(admin.run(change).text().contains(told), "{change:?}");
        assert!(ana.run(&["whoami"]).complaint(3).contains("[TOKEN_INVALID]"), "{change:?}");
    }
    assert!(ana.run(&login).complaint(3).contains("[LOGIN_FAILED]"));
    admin.run(["user", "enable", "ana"]).text();
    ana.run(&login).text();
    let list = admin.json(&["user", "list"]);
    assert_eq!(list["users"][0]["role"], "ROLE_AUDITOR");
    assert!(admin.run(["user", "list"]).text().contains("auditor"));
    admin.run(["user", "delete", "ana"]).text();
    assert_eq!(admin.json(&["user", "list"])["users"].as_array().unwrap().len(), 0);
    assert_eq!(admin.json(&["user", "list", "--deleted"])["users"].as_array().unwrap().len(), 1);
    node.stop();
}

#[test]
fn a_password_is_never_an_argument_and_is_not_asked_for_where_nobody_sits() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let refused = node.access.run(["user", "create", "ana", "--role", "viewer"]);
    assert!(refused.line(2).contains("--password-file"), "{}", refused.stderr);
    assert_eq!(node.access.run(["login", "ana", "--password", PASSWORD]).code, Some(2));
    let file = password_file(parent.path(), "too short");
    let refused = node.access.run(["user", "create", "ana", "--role", "viewer", "--password-file", &file]);
    assert!(refused.complaint(3).contains("[PASSWORD_WEAK]"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("too short"), "{}", refused.stderr);
    node.stop();
}

#[test]
fn a_token_is_narrowed_down_to_scopes() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let made = node.access.run([
        "token",
        "create",
        "--label",
        "a reader",
        "--role",
        "editor",
        "--scope",
        "records.read",
        "--scope",
        "search",
    ]);
    let reader = Access { token: made.text().trim().to_owned(), ..node.access.clone() };
    let about = reader.json(&["whoami"]);
    assert_eq!(about["scopes"], serde_json::json!(["SCOPE_RECORDS_READ", "SCOPE_SEARCH"]));
    reader.run(["search", "bread"]).text();
    reader.run(["record", "list", "partnership"]).text();
    let refused = reader.run(["export", "--format", "csv", "--kind", "partnership"]);
    assert!(refused.complaint(3).contains("[SCOPE_MISSING]"), "{}", refused.stderr);
    assert!(node.access.run(["token", "list"]).text().contains("records.read search"));
    node.stop();
}
