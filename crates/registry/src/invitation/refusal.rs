//! Why two cities do not become peers with an invitation.

use isopolity_proto::error::Reason;
use time::OffsetDateTime;

/// Why two cities do not become peers with an invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// No such invitation, or another secret. Says no more: it is a stranger who hears it.
    #[error("there is no such invitation here: compare the code with the original, or ask for a new one")]
    Unknown,
    /// It was used.
    #[error("the invitation was used already, {}", if *.same_city { "by this city; ask for a new one" } else { "by another city: if that was not you, telephone at once" })]
    Used {
        /// By the city that presents it again.
        same_city: bool,
    },
    /// Its time is over.
    #[error("the invitation expired at {0}: ask for a new one")]
    Expired(OffsetDateTime),
    /// It was revoked, or closed itself.
    #[error("the invitation was revoked: ask for a new one")]
    Closed,
    /// The inviting city is not the one that the code names.
    #[error("{0}")]
    Mismatch(String),
    /// The guest is not the city that it says it is.
    #[error("the bundle that was presented is not that of the certificate: {0}")]
    GuestMismatch(String),
    /// A guest calls something else.
    #[error("a city that is no peer here may only join, with an invitation")]
    OnlyJoins,
    /// Too many are open.
    #[error("{0} invitations are open already: revoke some first")]
    TooMany(usize),
    /// The endpoint leads to where strangers' endpoints must not lead.
    #[error("{endpoint} is {class}; it is not called unless federation.allow_private_addresses is set")]
    Address {
        /// The endpoint in the code.
        endpoint: String,
        /// What kind of address it is.
        class: String,
    },
    /// The same, after its name was resolved.
    #[error("{0}")]
    NotCalled(String),
    /// What the inviting city said.
    #[error("{description}")]
    Told {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        description: String,
    },
}

impl JoinRefusal {
    /// The reason for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unknown => Reason::InvitationUnknown,
            Self::Used { .. } => Reason::InvitationUsed,
            Self::Expired(_) => Reason::InvitationExpired,
            Self::Closed => Reason::InvitationClosed,
            Self::Mismatch(_) => Reason::InvitationMismatch,
            Self::GuestMismatch(_) => Reason::GuestMismatch,
            Self::OnlyJoins => Reason::GuestOnlyJoins,
            Self::TooMany(_) => Reason::TooManyInvitations,
            Self::Address { .. } | Self::NotCalled(_) => Reason::AddressNotAllowed,
            Self::Told { reason, .. } => *reason,
        }
    }
}
