//! Why something was refused.

use std::time::Duration;

use isopolity_catalog::CatalogError;
use isopolity_domain::{
    CityId, Kind, Name, Violation, Violations,
    cooperation::{self, CooperationName},
    sharing::Refusal,
    stage::StageError,
};
use isopolity_proto::{
    admin::Scope,
    catalog::{CityOutcome, Coverage},
    error::Reason,
};
use isopolity_store::StoreError;

use crate::{Right, TrustError, directory::DirectoryRefusal, invitation::JoinRefusal, permission::scope_word};

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
    /// The token is narrowed down to something else.
    #[error("this needs the scope {}, to which the token is not made", scope_word(*.0))]
    ScopeMissing(Scope),
    /// The method is for nobody here.
    #[error("this method is not for anybody here")]
    MethodClosed,
    /// Nobody signs in like this.
    #[error("there is no user of that name with that password who may sign in")]
    LoginFailed,
    /// Too many wrong passwords.
    #[error("there were too many wrong passwords; try again after {} s", retry_after.as_secs_f64().ceil())]
    LoginDelayed {
        /// When the next attempt may be made.
        retry_after: Duration,
    },
    /// What was shown is no session.
    #[error("this needs a session of a local user: sign in with a name and a password")]
    SessionRequired,
    /// The name of a user is taken.
    #[error("there is a user {0} already")]
    UserExists(String),
    /// Tokens of the identity provider can't be checked now.
    #[error("the identity provider's keys can't be had at present, so its tokens can't be checked")]
    ProviderUnreachable,
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
    /// It was erased.
    #[error("{0} was erased: its name is not given again, choose another id")]
    Erased(Name),
    /// It goes with something else, or not at all.
    #[error("{0} can't be erased alone: {why}", why = why_not_erasable(.0))]
    NotErasable(Name),
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
    /// A cooperation can't take this step.
    #[error("{refusal}")]
    Cooperation {
        /// The cooperation.
        name: CooperationName,
        /// Why not.
        refusal: cooperation::Refusal,
    },
    /// What is asked makes no sense where a cooperation or a step that waits stands.
    #[error("{what}")]
    StepImpossible {
        /// The cooperation.
        name: CooperationName,
        /// Why not, and what would be possible.
        what: String,
    },
    /// A cooperation moved on meanwhile.
    #[error("{name} has moved on since you read it: its last event is now {sequence}; read it again and decide anew")]
    CooperationMovedOn {
        /// The cooperation.
        name: CooperationName,
        /// The sequence of its last event.
        sequence: i64,
    },
    /// The name of a cooperation is taken.
    #[error("{0} exists already")]
    CooperationExists(CooperationName),
    /// Whoever took a step does not approve it too.
    #[error("somebody else must approve this step than who took it")]
    SecondPersonRequired,
    /// Participants that are no peers.
    #[error("{} no approved peer of this city: become peers first", not_peers(.0))]
    ParticipantNotPeer(Vec<CityId>),
    /// There is as much as there may be.
    #[error("{0}")]
    CooperationFull(String),
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
    /// The peering has ended.
    #[error("the peering with {city} has ended: {reason}")]
    PeerLeft {
        /// The peer.
        city: CityId,
        /// Why.
        reason: String,
    },
    /// Two cities do not become peers with an invitation.
    #[error(transparent)]
    Joining(#[from] JoinRefusal),
    /// A directory is not taken or shown.
    #[error(transparent)]
    Directory(#[from] DirectoryRefusal),
    /// No such peer.
    #[error("{0} is not a peer of this city")]
    PeerUnknown(String),
    /// The sharing agreement does not allow it.
    #[error("{0}")]
    NotShared(Refusal),
    /// More than the sharing agreement allows.
    #[error("{what}; try again after {} s", retry_after.as_secs_f64())]
    RateExceeded {
        /// What there is too much of, and what is allowed.
        what: String,
        /// When there is room again.
        retry_after: Duration,
    },
    /// The sharing agreement changed meanwhile.
    #[error("the sharing agreement with {0} has changed since you read it: read it again and repeat the change")]
    AgreementChanged(CityId),
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
    /// The last administrator would be lost.
    #[error(
        "nobody could administer for good any more: first make another administrator, a user or a token without an end"
    )]
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
    /// What must be logged can't be.
    #[error("the audit log can't be written at present, and this is not done unlogged; try again")]
    AuditUnavailable,
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

    /// A step of a cooperation that was refused. `path` is where the request says it: `step.counter`, `draft`.
    pub(crate) fn step_refused(name: &CooperationName, path: &str, refusal: cooperation::Refusal) -> Self {
        match refusal {
            cooperation::Refusal::Invalid(violations) => Self::Invalid(violations.below(path)),
            refusal => Self::Cooperation { name: name.clone(), refusal },
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
            Self::ScopeMissing(_) => Reason::ScopeMissing,
            Self::MethodClosed => Reason::MethodClosed,
            Self::LoginFailed => Reason::LoginFailed,
            Self::LoginDelayed { .. } => Reason::LoginDelayed,
            Self::SessionRequired => Reason::SessionRequired,
            Self::ProviderUnreachable => Reason::ProviderUnreachable,
            Self::NotFound(_) | Self::Deleted(_) => Reason::ResourceNotFound,
            Self::Exists(_) | Self::ExistsDeleted(_) | Self::UserExists(_) | Self::CooperationExists(_) => {
                Reason::ResourceExists
            }
            Self::NotDeleted(_) => Reason::ResourceNotDeleted,
            Self::AppendOnly(_) => Reason::AppendOnly,
            Self::Erased(_) => Reason::ResourceErased,
            Self::NotErasable(_) => Reason::NotErasable,
            Self::InUse { .. } | Self::LastAdministrator => Reason::ResourceInUse,
            Self::Stage { refusal, .. } => refusal.reason(),
            Self::EtagMismatch(_) | Self::AgreementChanged(_) => Reason::EtagMismatch,
            Self::Cooperation { refusal, .. } => refusal.reason(),
            Self::StepImpossible { .. } => Reason::CooperationStepImpossible,
            Self::CooperationMovedOn { .. } => Reason::CooperationMovedOn,
            Self::SecondPersonRequired => Reason::SecondPersonRequired,
            Self::ParticipantNotPeer(_) => Reason::ParticipantNotPeer,
            Self::CooperationFull(_) => Reason::CooperationFull,
            Self::PeerNotApproved(_) => Reason::PeerNotApproved,
            Self::PeerSuspended { .. } => Reason::PeerSuspended,
            Self::PeerLeft { .. } => Reason::PeerLeft,
            Self::Joining(refusal) => refusal.reason(),
            Self::Directory(refusal) => refusal.reason(),
            Self::PeerUnknown(_) => Reason::PeerUnknown,
            Self::NotShared(refusal) => refusal.reason(),
            Self::RateExceeded { .. } => Reason::RateExceeded,
            Self::BundleRollback { .. } => Reason::BundleRollback,
            Self::Trust(refusal) => refusal.reason(),
            Self::Incomplete { .. } => Reason::FederationIncomplete,
            Self::HomeUnreachable { .. } => Reason::HomeCityUnreachable,
            Self::StorageBusy(_) => Reason::StorageBusy,
            Self::StorageFull(_) => Reason::StorageFull,
            Self::Overloaded { .. } => Reason::Overloaded,
            Self::AuditUnavailable => Reason::AuditUnavailable,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Incompatible(_) => Reason::ProtocolIncompatible,
            Self::Internal(_) => Reason::Internal,
        }
    }
}

fn not_peers(cities: &[CityId]) -> String {
    let names: Vec<_> = cities.iter().map(CityId::as_str).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

fn why_not_erasable(name: &Name) -> &'static str {
    match name.kind() {
        Kind::City => "a node has its city's profile; empty its fields by an update",
        _ => "it belongs to a partnership and is erased with it",
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
            StoreError::Erased { name } => match name.parse() {
                Ok(name) => Self::Erased(name),
                Err(_) => Self::internal(format!("{name} was erased")),
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
