//! Who calls, and what they may do.

use isopolity_proto::{
    admin::{Identification, Role, Scope},
    options::Audience,
};
use time::OffsetDateTime;

use crate::{
    Error,
    permission::{Scopes, Want},
};

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To read the registry and ask the federation.
    Read,
    /// To change the registry.
    Edit,
    /// To act for the city towards other cities.
    Coordinate,
    /// To read the audit log.
    Audit,
    /// To administer peers, people and tokens.
    Administer,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 5] = [Self::Read, Self::Edit, Self::Coordinate, Self::Audit, Self::Administer];

    /// Whether a role has the right.
    #[must_use]
    pub fn is_of(self, role: Role) -> bool {
        match role {
            Role::Unspecified => false,
            Role::Viewer => matches!(self, Self::Read),
            Role::Editor => matches!(self, Self::Read | Self::Edit),
            Role::Coordinator => matches!(self, Self::Read | Self::Edit | Self::Coordinate),
            Role::Auditor => matches!(self, Self::Read | Self::Audit),
            Role::Administrator => true,
        }
    }

    /// The word for it, as errors carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Coordinate => "coordinate",
            Self::Audit => "audit",
            Self::Administer => "administer",
        }
    }

    /// The scopes in which the right is used. Who has none of them does not have the right.
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Read => &[Scope::RecordsRead, Scope::Search, Scope::Export, Scope::Import],
            Self::Edit => &[Scope::RecordsWrite, Scope::Import],
            Self::Coordinate => &[Scope::Coordinate],
            Self::Audit => &[Scope::Audit],
            Self::Administer => &[Scope::Administer],
        }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody without a token, where the city lets everyone read what is PUBLIC.
    Anonymous,
    /// Somebody who has shown who they are.
    Known(Known),
}

/// Somebody who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The id for logs and histories: stable, and neither a secret nor anything of a person.
    pub id: String,
    /// How they have shown it.
    pub identification: Identification,
    /// What they may do.
    pub role: Role,
    /// To what that is narrowed down.
    pub scopes: Scopes,
    /// The session that the call carries, if it carries one.
    pub session: Option<String>,
    /// When what they have shown ends, as far as it is known.
    pub expire_time: Option<OffsetDateTime>,
}

impl Caller {
    /// The bearer of a token that is not narrowed down.
    #[must_use]
    pub fn token(id: impl Into<String>, role: Role) -> Self {
        Self::Known(Known {
            id: id.into(),
            identification: Identification::Token,
            role,
            scopes: Scopes::ALL,
            session: None,
            expire_time: None,
        })
    }

    /// Refuses a caller who lacks a right: the only place where this is decided. With a [`Right`] alone, whoever uses it in any scope
    /// may; with a scope, only who has that.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] if nothing was shown, [`Error::RightMissing`] if the role does not give the right,
    /// [`Error::ScopeMissing`] if what was shown is narrowed down to something else.
    pub fn must(&self, want: impl Into<Want>) -> Result<(), Error> {
        let Want { right, scope } = want.into();
        let Known { role, scopes, .. } = self.known()?;
        if !right.is_of(*role) {
            return Err(Error::RightMissing(right));
        }
        match scope {
            Some(scope) if !scopes.has(scope) => Err(Error::ScopeMissing(scope)),
            None if !right.scopes().iter().any(|scope| scopes.has(*scope)) => {
                Err(Error::ScopeMissing(right.scopes().first().copied().unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a caller who has shown nothing.
    ///
    /// # Errors
    /// [`Error::TokenMissing`].
    pub fn known(&self) -> Result<&Known, Error> {
        match self {
            Self::Anonymous => Err(Error::TokenMissing),
            Self::Known(known) => Ok(known),
        }
    }

    /// How much of this city's own registry the caller may see.
    #[must_use]
    pub fn clearance(&self) -> Audience {
        match self.must(Right::Read) {
            Ok(()) => Audience::Internal,
            Err(_) => Audience::Public,
        }
    }

    /// A name for logs and histories; never a secret and nothing of a person.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Known(known) => &known.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_allows_what_it_says_and_no_more() {
        let caller = |role| Caller::token("x", role);
        for (role, rights) in [
            (Role::Viewer, &[Right::Read][..]),
            (Role::Editor, &[Right::Read, Right::Edit]),
            (Role::Coordinator, &[Right::Read, Right::Edit, Right::Coordinate]),
            (Role::Auditor, &[Right::Read, Right::Audit]),
            (Role::Administrator, &Right::ALL),
            (Role::Unspecified, &[]),
        ] {
            for right in Right::ALL {
                assert_eq!(caller(role).must(right).is_ok(), rights.contains(&right), "{role:?} {right:?}");
            }
        }
        assert!(matches!(Caller::Anonymous.must(Right::Read), Err(Error::TokenMissing)));
        assert_eq!(Caller::Anonymous.clearance(), Audience::Public);
        assert_eq!(caller(Role::Unspecified).clearance(), Audience::Public);
    }

    #[test]
    fn a_scope_narrows_a_role_down_and_never_widens_it() {
        let narrowed = |role, scopes: &[Scope]| {
            let Caller::Known(known) = Caller::token("x", role) else { unreachable!() };
            Caller::Known(Known { scopes: Scopes::of(scopes), ..known })
        };
        let reader = narrowed(Role::Administrator, &[Scope::RecordsRead]);
        reader.must((Right::Read, Scope::RecordsRead)).unwrap();
        reader.must(Right::Read).unwrap();
        assert!(matches!(reader.must((Right::Read, Scope::Search)), Err(Error::ScopeMissing(Scope::Search))));
        for right in [Right::Edit, Right::Coordinate, Right::Audit, Right::Administer] {
            assert!(matches!(reader.must(right), Err(Error::ScopeMissing(_))), "{right:?}");
        }
        let viewer = narrowed(Role::Viewer, &[Scope::RecordsWrite, Scope::Administer]);
        assert!(matches!(viewer.must((Right::Edit, Scope::RecordsWrite)), Err(Error::RightMissing(Right::Edit))));
        assert_eq!(viewer.clearance(), Audience::Public, "it may not read, so it sees what everyone sees");
    }
}
