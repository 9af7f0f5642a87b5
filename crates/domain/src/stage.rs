//! How a partnership moves from the idea to the profit and beyond.
//!
//! Forward by one stage; a skip or a step back needs a reason. The gates of every stage that is entered or passed must be
//! open. A suspension lies over the stage, an end is final. Each change is a [`StageEvent`]; nothing of the past is edited
//! except by a correcting event. So where a partnership stands always follows from its events: [`course()`] reads it from
//! them, and [`follow`] writes it into the partnership.
//!
//! | module | what it decides |
//! | --- | --- |
//! | `course` | where the events, as corrected, put a partnership |
//! | `step` | whether it may be advanced, suspended, resumed or ended |
//! | `correction` | whether an earlier event may be set right |
//! | `entry` | the first events of a partnership, and what an update may not touch |
//! | `takeover` | whether an event that a file brings may join those that are there |
//! | [`requirement`] | what a stage asks for besides its conditions |

mod correction;
mod course;
mod entry;
pub mod requirement;
mod step;
mod takeover;

use isopolity_proto::{
    error::Reason,
    registry::{
        Agreement, Condition, ConditionAssessment, Ending, EndingKind, IndicatorObservation, Partnership,
        PartnershipStage, PartnershipStatus, Side, StageEvent,
    },
};

pub use correction::correct;
pub use course::{Course, course, follow};
pub use entry::{entered, restated, unchanged_by_update};
pub use step::{advance, end, resume, suspend};
pub use takeover::{ends, ends_as_stated, fits, missing};

use crate::Violations;

/// What a registry knows of a partnership.
#[derive(Clone, Copy, Debug)]
pub struct Dossier<'a> {
    /// The partnership.
    pub partnership: &'a Partnership,
    /// Its events, in any order.
    pub events: &'a [StageEvent],
    /// What was found about its conditions, in any order.
    pub assessments: &'a [ConditionAssessment],
    /// Those of the agreements that it rests on which this registry holds.
    pub agreements: &'a [Agreement],
    /// What was measured of it.
    pub observations: &'a [IndicatorObservation],
}

/// What closes a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// What is missing, for programs: a condition's name as the API has it (`CONDITION_A1`), or that of a
    /// [`requirement::Requirement`] (`STUDY`).
    pub kind: &'static str,
    /// On which side, as the API names it; `SIDE_UNSPECIFIED` for both at once.
    pub side: &'static str,
    /// What to do, in English.
    pub description: String,
}

/// Why a step was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// More than one stage forward, or back, without a reason.
    #[error("from {} to {} is not one stage forward: give a reason", word(*from), word(*to))]
    Skipped {
        /// Where it stands.
        from: PartnershipStage,
        /// Where it was to go.
        to: PartnershipStage,
    },
    /// Conditions or records are missing.
    #[error("{} can't be entered yet: {}", word(*to), told(blockers))]
    GateClosed {
        /// Where it was to go.
        to: PartnershipStage,
        /// Everything that is missing; at least one thing.
        blockers: Vec<Blocker>,
    },
    /// It is suspended.
    #[error("the partnership is suspended since {since}: resume it first")]
    Suspended {
        /// Since when.
        since: String,
    },
    /// It has ended.
    #[error("the partnership ended on {date}, and an end is final: a renewed tie is a new partnership")]
    Ended {
        /// When.
        date: String,
    },
    /// The step makes no sense here.
    #[error("{0}")]
    Impossible(String),
    /// Fields of the request are wrong.
    #[error("{0}")]
    Invalid(#[from] Violations),
}

impl StageError {
    /// The reason for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Skipped { .. } => Reason::StageSkipped,
            Self::GateClosed { .. } => Reason::StageGateClosed,
            Self::Suspended { .. } => Reason::StageSuspended,
            Self::Ended { .. } => Reason::StageEnded,
            Self::Impossible(_) => Reason::StageImpossible,
            Self::Invalid(violations) => violations.0.first().map_or(Reason::FieldInvalid, |first| first.reason),
        }
    }
}

fn told(blockers: &[Blocker]) -> String {
    let all: Vec<_> = blockers.iter().map(|one| one.description.as_str()).collect();
    all.join("; ")
}

/// The word for a stage in prose.
#[must_use]
pub fn word(stage: PartnershipStage) -> &'static str {
    match stage {
        PartnershipStage::Unspecified => "no stage",
        PartnershipStage::Opportunity => "opportunity",
        PartnershipStage::MarketResearch => "market research",
        PartnershipStage::PartnerSearch => "partner search",
        PartnershipStage::Feasibility => "feasibility",
        PartnershipStage::Formalised => "formalised",
        PartnershipStage::Launch => "launch",
        PartnershipStage::Operating => "operating",
        PartnershipStage::ProfitTaking => "profit-taking",
        PartnershipStage::Scaling => "scaling",
    }
}

/// The stage after this one; `None` after the last.
#[must_use]
pub fn next(stage: PartnershipStage) -> Option<PartnershipStage> {
    PartnershipStage::try_from(i32::from(stage).saturating_add(1)).ok()
}

/// Whether a gate is passed on the way forward from a stage to another. Entering `to` counts, being at `from` does not.
pub(crate) fn is_gate_between(gate: Option<PartnershipStage>, from: PartnershipStage, to: PartnershipStage) -> bool {
    gate.is_some_and(|gate| gate > from && gate <= to)
}

/// Where a partnership stands as everyone may know it. The numbers are those of IATI's activity status.
#[must_use]
pub fn status(stage: PartnershipStage, suspended: bool, ending: Option<&Ending>) -> PartnershipStatus {
    match ending.map(Ending::kind) {
        Some(EndingKind::Cancelled) => return PartnershipStatus::Cancelled,
        Some(_) => return PartnershipStatus::Closed,
        None if suspended => return PartnershipStatus::Suspended,
        None => {}
    }
    match stage {
        PartnershipStage::Unspecified => PartnershipStatus::Unspecified,
        PartnershipStage::Scaling => PartnershipStatus::Finalisation,
        stage if stage < PartnershipStage::Launch => PartnershipStatus::Pipeline,
        _ => PartnershipStatus::Implementation,
    }
}

/// Whether a partnership at this stage can end in this way: before its launch it is cancelled, afterwards it is completed
/// or discontinued.
#[must_use]
pub fn can_end(stage: PartnershipStage, kind: EndingKind) -> bool {
    match kind {
        EndingKind::Cancelled => stage < PartnershipStage::Launch,
        EndingKind::Completed | EndingKind::Discontinued => stage >= PartnershipStage::Launch,
        EndingKind::Unspecified => false,
    }
}

fn on_side(side: Side) -> &'static str {
    match side {
        Side::Destination => " on the side of destination",
        Side::Origin => " on the side of origin",
        Side::Unspecified | Side::Third => "",
    }
}

fn code_of(condition: Condition) -> &'static str {
    let name = condition.as_str_name();
    name.strip_prefix("CONDITION_").unwrap_or(name)
}

#[cfg(test)]
mod tests;
