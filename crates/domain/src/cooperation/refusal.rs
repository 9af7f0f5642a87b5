//! Why an event is not taken, in words that say what would be possible.

use isopolity_proto::{cooperation::CooperationState, error::Reason};

use super::{EVENTS_MAX, Move, PAYLOAD_MAX};
use crate::{Violations, violation::Violation};

/// What makes no sense where a cooperation stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It has not been proposed.
    #[error("it has not been proposed yet")]
    NotProposed,
    /// It was proposed before.
    #[error("it was proposed already")]
    Proposed,
    /// It is over.
    #[error("it is {}, and that is final", word(*.0))]
    Final(CooperationState),
    /// Not in this state.
    #[error("no city can {mv} while it is {}", word(*.state))]
    State {
        /// The step.
        mv: Move,
        /// Where it stands.
        state: CooperationState,
    },
    /// Its kind has no terms.
    #[error("cities {0} only where there are terms; this kind ends with the answers")]
    Answered(Move),
    /// Its kind has terms.
    #[error("cities {0} only where something was asked; this kind has terms")]
    Negotiated(Move),
    /// Only the host does this.
    #[error("only the host can {0}")]
    HostOnly(Move),
    /// The host does not do this.
    #[error("the host can't {0}")]
    NotForHost(Move),
    /// It has accepted these terms.
    #[error("it has accepted version {0} already, or offered it itself")]
    Accepted(i32),
    /// It names other terms than those that count.
    #[error("it is about version {named} of the terms, but {expected}")]
    OtherTerms {
        /// The version that was named.
        named: i32,
        /// Which would be right.
        expected: String,
    },
    /// It has signed.
    #[error("it has signed already")]
    Signed,
    /// Somebody has not signed.
    #[error("not every participant has signed: {0} has not")]
    Unsigned(String),
    /// There is an amendment.
    #[error("version {0} of the terms is on offer: accept or decline that first")]
    AmendmentOpen(i32),
    /// There is no amendment.
    #[error("no other terms are on offer")]
    NoAmendment,
    /// A renewal that changes more.
    #[error("a renewal may change the period alone; offer an amendment that is none")]
    MoreThanPeriod,
    /// It has concluded.
    #[error("it has said already that it is done")]
    Concluded,
    /// It has answered.
    #[error("it has answered already")]
    DoneAnswering,
    /// It is too early to expire.
    #[error("it does not expire before {0}")]
    NotDue(String),
    /// It never expires.
    #[error("the agreed terms have no end, so it does not expire")]
    Endless,
    /// No such milestone.
    #[error("there is no milestone {0:?}")]
    NoMilestone(String),
    /// There is nothing to complete.
    #[error("it has no open milestone")]
    NoOwnMilestone,
    /// The milestone is closed.
    #[error("milestone {0:?} is done or dropped")]
    MilestoneClosed(String),
    /// Another city's milestone.
    #[error("milestone {milestone:?} is for {owner} to complete")]
    NotOwner {
        /// The milestone.
        milestone: String,
        /// Its owner.
        owner: String,
    },
    /// The document is there.
    #[error("a document with this SHA-256 is attached already")]
    Attached,
    /// There is no room.
    #[error("it has as many {of} as it may have, {most}")]
    Full {
        /// Of what.
        of: &'static str,
        /// How many that is.
        most: usize,
    },
    /// The history is so long that only what ends it is taken.
    #[error("its history is nearly full ({EVENTS_MAX} events): only what ends the cooperation is taken now")]
    NearlyFull,
}

/// Why an event is not taken. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It makes no sense where the cooperation stands.
    #[error("{wrong}{}", listed(.possible))]
    Impossible {
        /// Why.
        wrong: Wrong,
        /// What the city could do instead.
        possible: Vec<Move>,
    },
    /// It does not say what it must, or says what can't be.
    #[error("{0}")]
    Invalid(Violations),
    /// The city does not take part.
    #[error("{0} does not take part in this cooperation")]
    Stranger(String),
    /// Something about the event itself is wrong: its name, city, time or action.
    #[error("{0}")]
    Event(String),
    /// It is not the next event.
    #[error("it has place {found} and does not follow the last event; place {expected} is next")]
    Place {
        /// The sequence of the event.
        found: i64,
        /// The sequence of the next event.
        expected: i64,
    },
    /// The event is too long.
    #[error("it has {0} bytes; at most {PAYLOAD_MAX} are allowed")]
    TooLarge(usize),
    /// The host forked the history.
    #[error("the host put two different events in place {0}: nothing more is taken from it")]
    Forked(i64),
    /// Another event came first, after which it would not mean the same.
    #[error(
        "event {0} came first, and after it this may not be what was decided: take the step anew if it is still wanted"
    )]
    Lost(i64),
}

impl Refusal {
    /// Why, for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Impossible { wrong: Wrong::Full { .. } | Wrong::NearlyFull, .. } => Reason::CooperationFull,
            Self::Impossible { .. } => Reason::CooperationStepImpossible,
            Self::Invalid(_) | Self::Stranger(_) | Self::Event(_) | Self::Place { .. } | Self::TooLarge(_) => {
                Reason::EventInvalid
            }
            Self::Forked(_) => Reason::HistoryForked,
            Self::Lost(_) => Reason::CooperationMovedOn,
        }
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Self::Invalid(violation.into())
    }
}

/// The word of a state, as people read it.
pub(super) fn word(state: CooperationState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("COOPERATION_STATE_").unwrap_or(name)
}

fn listed(possible: &[Move]) -> String {
    let names: Vec<_> = possible.iter().map(|one| one.verb()).collect();
    if names.is_empty() { String::new() } else { format!("; possible: {}", names.join(", ")) }
}
