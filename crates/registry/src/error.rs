//! Why something was refused.

use std::time::Duration;

use isopolity_catalog::CatalogError;
use isopolity_domain::{CityId, Name, Violation, Violations, stage::StageError};
use isopolity_proto::{
    catalog::{CityOutcome, Coverage},
    error::Reason,
};
use isopolity_store::StoreError;

use crate::{Right, TrustError};

/// Why something was refused. `Display` is for the caller; the cause of a fault of the node is its `source`, for the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields are wrong.
    #[error("{0}")]
    Invalid(#[from] Violations),
    /// The call needs a token.
    #[error("this needs a token: send it as \"authorization: Bearer …\"")]
    TokenMissing,
    /// The token is not good.
    #[error("the token is not known here, has expired or was revoked")]
    TokenInvalid,
    /// The token does not allow it.
    #[error("this needs the right to {}, which the token's role does not give", .0.as_str())]
    RightMissing(Right),
    /// There is no such resource for this caller.
    #[error("there is no {0} here that you may see")]
    NotFound(String),
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(Name),
    /// The name is taken by something that was deleted.
    #[error("{0} exists already: it was deleted and can be restored")]
    ExistsDeleted(Name),
    /// It was deleted, so it can't be changed.
    #[error("{0} was deleted: restore it first")]
    Deleted(Name),
    /// There is nothing to restore.
    #[error("{0} is not deleted, so there is nothing to restore")]
    NotDeleted(Name),
    /// It is never changed or deleted.
    #[error("{0} is a stage event: it is never changed or deleted; what was wrong is set right by a correcting event")]
    AppendOnly(Name),
    /// Something refers to it.
    #[error("{name} is in use: {} to it", referring(used_by))]
    InUse {
        /// What was to be deleted.
        name: Name,
        /// The first that refer to it, at most ten.
        used_by: Vec<Name>,
    },
    /// A partnership can't take this step.
    #[error("{refusal}")]
    Stage {
        /// The partnership.
        name: Name,
        /// Why not.
        refusal: StageError,
    },
    /// It changed meanwhile.
    #[error("{0} has changed since you read it: read it again and repeat the change")]
    EtagMismatch(Name),
    /// The peer is known but not approved here.
    #[error("{0} is known here but not approved yet")]
    PeerNotApproved(CityId),
    /// The peer is held back.
    #[error("the peering with {city} is suspended: {reason}")]
    PeerSuspended {
        /// The peer.
        city: CityId,
        /// Why.
        reason: String,
    },
    /// No such peer.
    #[error("{0} is not a peer of this city")]
    PeerUnknown(String),
    /// An older bundle came back.
    #[error(
        "the bundle of {city} has sequence {found}, but {known} was seen before: ask the city for its present bundle"
    )]
    BundleRollback {
        /// The city.
        city: CityId,
        /// The sequence that came.
        found: i64,
        /// The highest that was seen.
        known: i64,
    },
    /// Too few cities answered.
    #[error("{required}")]
    Incomplete {
        /// What was required and who is missing.
        required: String,
        /// What came of asking each.
        outcomes: Vec<CityOutcome>,
        /// How much was covered.
        coverage: Option<Coverage>,
        /// What was waited.
        took: Duration,
    },
    /// A foreign record can't be fetched now.
    #[error("{city} did not answer: {description}")]
    HomeUnreachable {
        /// The home city.
        city: CityId,
        /// What happened.
        description: String,
    },
    /// A change of this city's own keys is refused.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The last administrator's token would be lost.
    #[error("this is the last token that may administer: create another first")]
    LastAdministrator,
    /// The database can't be written now.
    #[error("the database is busy; nothing was changed, try again")]
    StorageBusy(#[source] StoreError),
    /// No room.
    #[error("the database or its disk is full; nothing was changed")]
    StorageFull(#[source] StoreError),
    /// Too much is asked at once.
    #[error("{what}; try again after {} s", retry_after.as_secs_f64())]
    Overloaded {
        /// What there is too much of.
        what: String,
        /// When there may be room again.
        retry_after: Duration,
    },
    /// The caller's time is over.
    #[error("the deadline passed before the answer was whole")]
    DeadlineExceeded,
    /// The caller and this node mean different things.
    #[error("{0}")]
    Incompatible(String),
    /// A fault of this node.
    #[error("a fault of this node")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A fault of this node.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// A step of a partnership that was refused.
    pub(crate) fn refused(name: Name, refusal: StageError) -> Self {
        match refusal {
            StageError::Invalid(violations) => Self::Invalid(violations),
            refusal => Self::Stage { name, refusal },
        }
    }

    /// The reason for programs. For [`Error::Invalid`] that of the first violation.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Invalid(violations) => violations.0.first().map_or(Reason::FieldInvalid, |first| first.reason),
            Self::TokenMissing => Reason::TokenMissing,
            Self::TokenInvalid => Reason::TokenInvalid,
            Self::RightMissing(_) => Reason::RightMissing,
            Self::NotFound(_) | Self::Deleted(_) => Reason::ResourceNotFound,
            Self::Exists(_) | Self::ExistsDeleted(_) => Reason::ResourceExists,
            Self::NotDeleted(_) => Reason::ResourceNotDeleted,
            Self::AppendOnly(_) => Reason::AppendOnly,
            Self::InUse { .. } | Self::LastAdministrator => Reason::ResourceInUse,
            Self::Stage { refusal, .. } => refusal.reason(),
            Self::EtagMismatch(_) => Reason::EtagMismatch,
            Self::PeerNotApproved(_) => Reason::PeerNotApproved,
            Self::PeerSuspended { .. } => Reason::PeerSuspended,
            Self::PeerUnknown(_) => Reason::PeerUnknown,
            Self::BundleRollback { .. } => Reason::BundleRollback,
            Self::Trust(refusal) => refusal.reason(),
            Self::Incomplete { .. } => Reason::FederationIncomplete,
            Self::HomeUnreachable { .. } => Reason::HomeCityUnreachable,
            Self::StorageBusy(_) => Reason::StorageBusy,
            Self::StorageFull(_) => Reason::StorageFull,
            Self::Overloaded { .. } => Reason::Overloaded,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Incompatible(_) => Reason::ProtocolIncompatible,
            Self::Internal(_) => Reason::Internal,
        }
    }
}

fn referring(used_by: &[Name]) -> String {
    let names: Vec<_> = used_by.iter().map(Name::to_string).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "refers" } else { "refer" })
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation.into())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy { .. } => Self::StorageBusy(error),
            StoreError::Full { .. } => Self::StorageFull(error),
            StoreError::Exists { name } => match name.parse() {
                Ok(name) => Self::Exists(name),
                Err(_) => Self::internal(format!("{name} is stored twice")),
            },
            other => Self::internal(other),
        }
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        Self::internal(error)
    }
}

/// An error with all its causes on one line, for the log.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        // Many libraries repeat their cause in their own text.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = inner.source();
    }
    line
}
