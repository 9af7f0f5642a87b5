//! The kinds of steps, without what they say.

use std::fmt;

use isopolity_proto::cooperation::{cooperation_event, step};

macro_rules! moves {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $verb:literal),+ $(,)?) => {
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

            /// What a city does by it, in plain words, for example `set a milestone`. Where that is one word, it is also that of the
            /// command line.
            #[must_use]
            pub fn verb(self) -> &'static str {
                match self { $(Self::$variant => $verb),+ }
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
    Proposal "proposal" "propose",
    /// Other terms.
    Counter "counter" "counter",
    /// Terms are accepted.
    Acceptance "acceptance" "accept",
    /// Not wanted.
    Decline "decline" "decline",
    /// Taken back by the host.
    Withdrawal "withdrawal" "withdraw",
    /// Time is over.
    Expiry "expiry" "let it expire",
    /// Signed.
    Signature "signature" "sign",
    /// Begun.
    Activation "activation" "activate",
    /// Other terms while it is active.
    Amendment "amendment" "amend",
    /// The other terms are not wanted.
    AmendmentDecline "amendment_decline" "decline the amendment",
    /// A city is done.
    Conclusion "conclusion" "conclude",
    /// Ended by a city.
    Termination "termination" "terminate",
    /// Answered.
    Answer "answer" "answer",
    /// Said.
    Message "message" "say",
    /// A milestone is set or changed.
    MilestoneSetting "milestone_setting" "set a milestone",
    /// A milestone is done.
    MilestoneCompletion "milestone_completion" "complete a milestone",
    /// A document is attached.
    DocumentAttachment "document_attachment" "attach a document",
}

impl fmt::Display for Move {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.verb())
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
