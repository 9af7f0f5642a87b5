//! How cities come to an agreement, and keep it: the steps, their signed history, and what waits for whom.
//!
//! A history is a list of events, each signed by the city that acts and by the host, which gives the order. [`apply`] is the one place
//! that says what an event makes of a cooperation; the host, the other participants, the verifier of an exported file, the model check
//! and the published table all call it. It reads no clock and forgets nothing: whoever has the history has the same cooperation.
//!
//! | part | what it decides |
//! | --- | --- |
//! | [`CooperationName`], [`Move`] | what a cooperation and a step are called |
//! | [`open_event`], [`seal_event`], [`countersign`] | whether an event is signed as it must be |
//! | [`apply`], [`possible`], [`expires_at`] | what an event makes of a cooperation, and which are possible |
//! | [`check_draft`], [`check_step`] | whether what a person enters may be signed, field by field |
//! | [`next_event`], [`expiry_event`], [`pin`], [`is_binding`] | how a step becomes an event |
//! | [`receive_ordered`], [`receive_submission`], [`reconsider`] | what comes of what other cities send, in whatever order |
//! | [`waitings`] | what waits for whom |
//! | [`told`], [`told_step`] | what a city does by an event or a step, in words |
//! | [`agreement_record`] | the agreement in a city's registry that comes of it |
//! | [`file`](mod@file) | the history as a file that is checked without a node |
//! | [`table`] | every legal and illegal message in every standing |
//!
//! Not here: whether subjects exist and may be seen, whether a participant is a peer, who may act, and delivery.

mod agreement;
mod apply;
mod check;
mod event;
pub mod file;
mod moves;
mod name;
mod receive;
mod refusal;
mod shape;
mod step;
pub mod table;
mod told;
mod verdict;
mod waiting;

pub use agreement::agreement_record;
pub use apply::{apply, expires_at, possible};
pub use check::{check_draft, check_step};
pub use event::{
    EVENT, EventError, Hash, Opened, PAYLOAD_MAX, RECEIPT, Verified, countersign, event_hash, open_event, open_receipt,
    seal_event, seal_receipt,
};
pub use moves::Move;
pub use name::{CooperationName, CooperationNameError};
pub use receive::{Received, Reconsidered, receive_ordered, receive_submission, reconsider};
pub use refusal::{Refusal, Wrong};
pub use step::{expiry_event, is_binding, next_event, pin};
pub use told::{told, told_step};
pub use verdict::match_record;
pub use waiting::waitings;

use isopolity_proto::cooperation::{Cooperation, CooperationKind, CooperationState};

/// The most participants beside the host.
pub const PARTICIPANTS_MAX: usize = 19;
/// The most events of a history.
pub const EVENTS_MAX: i64 = 2_000;
/// So many of these are kept for steps that bring a cooperation to its end.
pub const EVENTS_RESERVED: i64 = 100;
/// The most milestones.
pub const MILESTONES_MAX: usize = 200;
/// The most documents.
pub const DOCUMENTS_MAX: usize = 200;
/// The most subjects.
pub const SUBJECTS_MAX: usize = 50;
/// The most commitments in terms.
pub const COMMITMENTS_MAX: usize = 100;
/// For so many days an answer is waited for where the proposal says nothing.
pub const REPLY_DAYS: i64 = 60;

/// Nothing comes after such a state.
#[must_use]
pub fn is_final(state: CooperationState) -> bool {
    use CooperationState as State;
    match state {
        State::Concluded | State::Declined | State::Withdrawn | State::Expired | State::Terminated => true,
        State::Unspecified | State::Draft | State::Proposed | State::Agreed | State::Active => false,
    }
}

/// Whether cooperations of this kind have terms that are negotiated, agreed and signed. The others end with answers.
#[must_use]
pub fn is_negotiated(kind: CooperationKind) -> bool {
    use CooperationKind as Kind;
    matches!(kind, Kind::Referral | Kind::JointPartnership | Kind::GoodPracticeExchange)
}

/// A city's part in a cooperation.
#[must_use]
pub fn participation<'a>(
    cooperation: &'a Cooperation,
    city: &str,
) -> Option<&'a isopolity_proto::cooperation::Participation> {
    cooperation.participations.iter().find(|one| one.city == city)
}

/// Every participant has signed the agreed terms.
#[must_use]
pub fn all_signed(cooperation: &Cooperation) -> bool {
    cooperation.participations.iter().all(|one| one.signature.is_some())
}

#[cfg(test)]
mod tests;
