//! What each method of each service needs: one table, from which follow what the servers enforce before a service is called, the
//! document `deploy/permissions.md`, and a test that calls them all.
//!
//! A method that is not in the table is served to nobody.

mod document;
mod table;

use std::{collections::BTreeMap, sync::LazyLock};

use isopolity_proto::admin::{PeerState, Scope};

use crate::{Caller, Error, Right};

pub use document::document;

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Everyone, also without a token.
    Everyone,
    /// Who may read, in this scope; without a token, where the city lets everyone read what is PUBLIC, with that alone.
    Public(Scope),
    /// Who has shown who they are, whatever their role.
    Known,
    /// Who has this right, in this scope.
    Has(Right, Scope),
    /// A peer that stands like this, or closer.
    Peer(Standing),
}

/// How a caller of the federation listener stands to this city.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Somebody who comes with an invitation and nothing else.
    Guest,
    /// A peer that is held back, or was left: it may hear why.
    Held,
    /// A peer that is not approved yet.
    Invited,
    /// A peer that is approved.
    Active,
}

/// What a caller must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The right.
    pub right: Right,
    /// In which scope. `None`: in any in which it is used.
    pub scope: Option<Scope>,
}

impl From<Right> for Want {
    fn from(right: Right) -> Self {
        Self { right, scope: None }
    }
}

impl From<(Right, Scope)> for Want {
    fn from((right, scope): (Right, Scope)) -> Self {
        Self { right, scope: Some(scope) }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u64);

impl Scopes {
    /// Every scope: not narrowed down.
    pub const ALL: Self = Self(u64::MAX);

    /// These scopes; of none, all: nothing is narrowed down then.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        if scopes.is_empty() { Self::ALL } else { Self(scopes.iter().fold(0, |set, scope| set | bit(*scope))) }
    }

    /// Whether a scope is in it.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        scope != Scope::Unspecified && self.0 & bit(scope) != 0
    }

    /// The scopes, by number; none if it is every scope.
    #[must_use]
    pub fn list(self) -> Vec<Scope> {
        if self == Self::ALL { Vec::new() } else { every_scope().filter(|scope| self.has(*scope)).collect() }
    }
}

fn bit(scope: Scope) -> u64 {
    1 << (scope as u32 & 63)
}

/// Every scope, by number.
pub fn every_scope() -> impl Iterator<Item = Scope> {
    (1..).map_while(|number| Scope::try_from(number).ok())
}

/// The word for a scope: `records.read`.
#[must_use]
pub fn scope_word(scope: Scope) -> String {
    scope.as_str_name().trim_start_matches("SCOPE_").to_lowercase().replace('_', ".")
}

/// What a method needs, by its full name, `isopolity.registry.v1.PlaceService/GetPlace`. `None`: it is served to nobody.
#[must_use]
pub fn of(method: &str) -> Option<Permission> {
    static ALL: LazyLock<BTreeMap<&str, Permission>> = LazyLock::new(|| table::all().collect());
    if let Some(permission) = ALL.get(method) {
        return Some(*permission);
    }
    let (service, _) = method.split_once('/')?;
    table::OF_EVERYONE.contains(&service).then_some(Permission::Everyone)
}

impl Permission {
    /// Refuses a caller of the API who may not.
    ///
    /// # Errors
    /// What [`Caller::must`] says; [`Error::MethodClosed`] for what is for peers.
    pub fn check(self, caller: &Caller) -> Result<(), Error> {
        match self {
            Self::Everyone => Ok(()),
            Self::Public(scope) => match caller {
                // Whether there are such callers at all is decided where they are let in.
                Caller::Anonymous => Ok(()),
                Caller::Known(_) => caller.must((Right::Read, scope)),
            },
            Self::Known => caller.known().map(drop),
            Self::Has(right, scope) => caller.must((right, scope)),
            Self::Peer(_) => Err(Error::MethodClosed),
        }
    }
}

impl Standing {
    /// How a peer in this state stands. `None`: it is served nothing.
    #[must_use]
    pub fn of(state: PeerState) -> Option<Self> {
        match state {
            PeerState::Invited => Some(Self::Invited),
            PeerState::Active => Some(Self::Active),
            PeerState::Suspended | PeerState::Left => Some(Self::Held),
            PeerState::Unspecified => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use isopolity_proto::pool;

    use super::*;

    #[test]
    fn every_method_says_what_it_needs_and_nothing_else_is_in_the_table() {
        let methods = pool().services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let methods: BTreeSet<String> =
            methods.map(|method| format!("{}/{}", method.parent_service().full_name(), method.name())).collect();
        for method in &methods {
            let found = of(method);
            assert!(
                found.is_some(),
                "{method} says nowhere what it needs: add it to crates/registry/src/permission/table.rs"
            );
            let is_for_peers = matches!(found, Some(Permission::Peer(_)));
            assert_eq!(is_for_peers, method.starts_with("isopolity.federation."), "{method} is on the other listener");
        }
        let entries: Vec<&str> = table::all().map(|(method, _)| method).collect();
        for entry in &entries {
            assert!(methods.contains(*entry), "{entry} is in crates/registry/src/permission/table.rs and nowhere else");
        }
        assert_eq!(entries.len(), entries.iter().collect::<BTreeSet<_>>().len(), "a method is in the table twice");
    }

    #[test]
    fn a_method_that_is_not_in_the_table_is_served_to_nobody() {
        for method in ["", "isopolity.registry.v1.PlaceService", "isopolity.registry.v1.PlaceService/Explode", "x/y"] {
            assert_eq!(of(method), None, "{method}");
        }
        assert_eq!(of("grpc.health.v1.Health/Check"), Some(Permission::Everyone));
    }

    #[test]
    fn a_scope_is_one_in_which_its_right_is_used() {
        for (method, permission) in table::all() {
            match permission {
                Permission::Has(right, scope) => assert!(right.scopes().contains(&scope), "{method}"),
                Permission::Public(scope) => assert!(Right::Read.scopes().contains(&scope), "{method}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_set_of_scopes_comes_back_as_it_was() {
        assert_eq!(Scopes::of(&[]), Scopes::ALL);
        assert_eq!(Scopes::ALL.list(), []);
        let some = [Scope::RecordsRead, Scope::Administer];
        assert_eq!(Scopes::of(&some).list(), some);
        assert_eq!(every_scope().count(), 8);
        assert!(!Scopes::ALL.has(Scope::Unspecified));
        assert_eq!(scope_word(Scope::RecordsRead), "records.read");
    }
}
