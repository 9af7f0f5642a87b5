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
    /// To administer peers and tokens.
    Administer,
}

impl Right {
    /// The word for it, as errors carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
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
                let allowed = match right {
                    Right::Read => matches!(role, Role::Reader | Role::Editor | Role::Administrator),
                    Right::Edit => matches!(role, Role::Editor | Role::Administrator),
                    Right::Administer => matches!(role, Role::Administrator),
                };
                if allowed { Ok(()) } else { Err(Error::RightMissing(right)) }
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
        for (role, read, edit, administer) in [
            (Role::Reader, true, false, false),
            (Role::Editor, true, true, false),
            (Role::Administrator, true, true, true),
            (Role::Unspecified, false, false, false),
        ] {
            let rights = [Right::Read, Right::Edit, Right::Administer].map(|right| caller(role).must(right).is_ok());
            assert_eq!(rights, [read, edit, administer], "{role:?}");
        }
        assert!(matches!(Caller::Anonymous.must(Right::Read), Err(Error::TokenMissing)));
        assert_eq!(Caller::Anonymous.clearance(), Audience::Public);
        assert_eq!(caller(Role::Unspecified).clearance(), Audience::Public);
    }
}
