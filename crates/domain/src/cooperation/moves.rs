//! The kinds of steps, without what they say.

use std::fmt;

use isopolity_proto::cooperation::{cooperation_event, step};

macro_rules! moves {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal),+ $(,)?) => {
        /// What kind of step it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Move {
            $($(#[doc = $doc])* $variant,)+
        }

        impl Move {
            /// All of them, in the order of the proto.
            pub const ALL: [Self; 17] = [$(Self::$variant),+];

            /// Its name in the proto, for example `milestone_setting`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The kind of an event's action.
            #[must_use]
            pub fn of(action: &cooperation_event::Action) -> Self {
                match action { $(cooperation_event::Action::$variant(_) => Self::$variant),+ }
            }
        }
    };
}

moves! {
    /// The beginning.
    Proposal "proposal",
    /// Other terms.
    Counter "counter",
    /// Terms are accepted.
    Acceptance "acceptance",
    /// Not wanted.
    Decline "decline",
    /// Taken back by the host.
    Withdrawal "withdrawal",
    /// Time is over.
    Expiry "expiry",
    /// Signed.
    Signature "signature",
    /// Begun.
    Activation "activation",
    /// Other terms while it is active.
    Amendment "amendment",
    /// The other terms are not wanted.
    AmendmentDecline "amendment_decline",
    /// A city is done.
    Conclusion "conclusion",
    /// Ended by a city.
    Termination "termination",
    /// Answered.
    Answer "answer",
    /// Said.
    Message "message",
    /// A milestone is set or changed.
    MilestoneSetting "milestone_setting",
    /// A milestone is done.
    MilestoneCompletion "milestone_completion",
    /// A document is attached.
    DocumentAttachment "document_attachment",
}

impl fmt::Display for Move {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

macro_rules! both_ways {
    ($($variant:ident),+) => {
        /// A step's action as an event's.
        pub(super) fn to_event(action: &step::Action) -> cooperation_event::Action {
            match action { $(step::Action::$variant(one) => cooperation_event::Action::$variant(one.clone())),+ }
        }

        /// An event's action as a step's. An expiry is no step that a person takes.
        pub(super) fn to_step(action: &cooperation_event::Action) -> Option<step::Action> {
            match action {
                $(cooperation_event::Action::$variant(one) => Some(step::Action::$variant(one.clone())),)+
                cooperation_event::Action::Expiry(_) => None,
            }
        }
    };
}

both_ways!(
    Proposal,
    Counter,
    Acceptance,
    Decline,
    Withdrawal,
    Signature,
    Activation,
    Amendment,
    AmendmentDecline,
    Conclusion,
    Termination,
    Answer,
    Message,
    MilestoneSetting,
    MilestoneCompletion,
    DocumentAttachment
);
