//! Who calls, and what they may do.

use isopolity_proto::{admin::Role, options::Audience};

use crate::Error;

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
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody without a token, where the city lets everyone read what is PUBLIC.
    Anonymous,
    /// The bearer of a token.
    Token {
        /// The token's public id.
        id: String,
        /// What it allows.
        role: Role,
    },
}

impl Caller {
    /// Refuses a caller who lacks the right.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] without a token, [`Error::RightMissing`] with one that does not allow it.
    pub fn must(&self, right: Right) -> Result<(), Error> {
        match self {
            Self::Anonymous => Err(Error::TokenMissing),
            Self::Token { role, .. } => {
                if right.is_of(*role) {
                    Ok(())
                } else {
                    Err(Error::RightMissing(right))
                }
            }
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

    /// A name for logs and for the pseudonym that peers see; never the secret.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Token { id, .. } => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_allows_what_it_says_and_no_more() {
        let caller = |role| Caller::Token { id: "x".into(), role };
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
}
