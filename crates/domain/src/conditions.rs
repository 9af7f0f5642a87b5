//! The checklist of conditions that migrants and authorities meet on the way: which stage must not be entered without
//! which, on which side it must hold, and who is responsible.
//!
//! On which side a condition must hold is decided once, in [`RULES`]:
//!
//! * M1 to M4 and M6 concern the firm or association of migrants, which has its seat where they live: destination.
//! * M5, the right to work, trade and travel, must hold on both sides, each assessed by itself.
//! * A1 to A6 are the authority of destination, O1 to O4 that of origin.
//! * B1 and B2 ask for agencies and services on both sides, each assessed by itself: a gap on one side is no less a gap
//!   because the other has none.
//! * B3 and J1 to J7 are about what both sides agreed with each other: assessed once, without a side.

mod readiness;
mod table;

use isopolity_proto::{
    registry::{Condition, ConditionAssessment, ConditionStatus, PartnershipStage, Side},
    types::RecordState,
};
use time::Date;

pub use readiness::{open, readiness};
pub use table::RULES;

use crate::validate::value;

/// On which side of a partnership a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Where the migrants live.
    Destination,
    /// Where they came from.
    Origin,
    /// On both, each assessed by itself.
    Each,
    /// Once for both together; an assessment has no side.
    Joint,
}

impl Sides {
    /// The sides that an assessment may state. [`Side::Unspecified`] stands for both together.
    #[must_use]
    pub fn all(self) -> &'static [Side] {
        match self {
            Self::Destination => &[Side::Destination],
            Self::Origin => &[Side::Origin],
            Self::Each => &[Side::Destination, Side::Origin],
            Self::Joint => &[Side::Unspecified],
        }
    }
}

/// One condition of the checklist.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The condition.
    pub condition: Condition,
    /// Who is responsible, in English.
    pub responsible: &'static str,
    /// On which side it must hold.
    pub sides: Sides,
    /// The stage that must not be entered without it. `None`: it is asked for at any time and closes no gate.
    pub gate: Option<PartnershipStage>,
    /// What it asks for, in English.
    pub description: &'static str,
}

/// The rule of a condition. `None` only for [`Condition::Unspecified`].
#[must_use]
pub fn rule(condition: Condition) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.condition == condition)
}

/// How a condition stands on one side.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The condition.
    pub rule: &'static Rule,
    /// The side. Unspecified: both together.
    pub side: Side,
    /// What counts: `NOT_ASSESSED` where nobody has looked or the finding has expired.
    pub status: ConditionStatus,
    /// The assessment that counts, the latest; also where it has expired.
    pub assessment: Option<&'a ConditionAssessment>,
    /// The latest finding has expired.
    pub expired: bool,
}

impl Standing<'_> {
    /// It is met, or makes no sense here: it closes no gate.
    #[must_use]
    pub fn is_satisfied(&self) -> bool {
        matches!(self.status, ConditionStatus::Met | ConditionStatus::NotApplicable)
    }
}

/// How each condition stands on each side that it concerns, in the order of the checklist.
///
/// The latest assessment by its date counts; of one day's the one that was written last. What was deleted, superseded, or
/// is dated after `today` does not count. A finding holds until the end of its `expire_date`.
#[must_use]
pub fn standing(assessments: &[ConditionAssessment], today: Date) -> Vec<Standing<'_>> {
    let of_side = |rule: &'static Rule, side: Side| {
        let assessment = assessments
            .iter()
            .filter(|one| {
                one.condition == i32::from(rule.condition) && one.side == i32::from(side) && counts(one, today)
            })
            .max_by_key(|one| {
                let written = one.update_time.as_ref().map(|time| (time.seconds, time.nanos));
                (value::partial_date(&one.assess_date).map(|(first, _)| first), written, one.name.as_str())
            });
        let expired =
            assessment.and_then(|one| value::partial_date(&one.expire_date)).is_some_and(|(_, last)| last < today);
        let status = match assessment.map(|one| ConditionStatus::try_from(one.status)) {
            Some(Ok(status)) if !expired && status != ConditionStatus::Unspecified => status,
            _ => ConditionStatus::NotAssessed,
        };
        Standing { rule, side, status, assessment, expired }
    };
    RULES.iter().flat_map(|rule| rule.sides.all().iter().map(move |side| of_side(rule, *side))).collect()
}

fn counts(assessment: &ConditionAssessment, today: Date) -> bool {
    let holds = matches!(RecordState::try_from(assessment.state), Ok(RecordState::Unspecified | RecordState::Active));
    holds
        && assessment.delete_time.is_none()
        && value::partial_date(&assessment.assess_date).is_some_and(|(first, _)| first <= today)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::types::LocalizedText;
    use time::macros::date;

    use super::*;

    fn assessment(condition: Condition, side: Side, status: ConditionStatus, on: &str) -> ConditionAssessment {
        ConditionAssessment {
            condition: condition.into(),
            side: side.into(),
            status: status.into(),
            assess_date: on.into(),
            summaries: vec![LocalizedText::default()],
            ..Default::default()
        }
    }

    fn status_of(assessments: &[ConditionAssessment], condition: Condition, side: Side) -> ConditionStatus {
        let all = standing(assessments, date!(2020 - 06 - 01));
        all.iter().find(|one| one.rule.condition == condition && one.side == side).unwrap().status
    }

    #[test]
    fn every_condition_has_a_rule() {
        let known = isopolity_proto::pool().get_enum_by_name("isopolity.registry.v1.Condition").unwrap();
        let numbers: Vec<i32> = known.values().map(|value| value.number()).filter(|number| *number != 0).collect();
        let ruled: Vec<i32> = RULES.iter().map(|rule| rule.condition.into()).collect();
        assert_eq!(numbers, ruled);
        assert!(rule(Condition::Unspecified).is_none());
    }

    #[test]
    fn the_latest_assessment_counts() {
        let (met, not_met) = (ConditionStatus::Met, ConditionStatus::NotMet);
        let all = [
            assessment(Condition::A1, Side::Destination, not_met, "2020-05-01"),
            assessment(Condition::A1, Side::Destination, met, "2020-05-02"),
            assessment(Condition::A1, Side::Destination, not_met, "2020-07-01"),
        ];
        assert_eq!(status_of(&all, Condition::A1, Side::Destination), met);
        assert_eq!(status_of(&all, Condition::A2, Side::Destination), ConditionStatus::NotAssessed);
    }

    #[test]
    fn an_expired_finding_is_no_finding() {
        let held = |until: &str| ConditionAssessment {
            expire_date: until.into(),
            ..assessment(Condition::J4, Side::Unspecified, ConditionStatus::Met, "2019-01-01")
        };
        assert_eq!(status_of(&[held("2020-06-01")], Condition::J4, Side::Unspecified), ConditionStatus::Met);
        let expired = [held("2020-05-31")];
        assert_eq!(status_of(&expired, Condition::J4, Side::Unspecified), ConditionStatus::NotAssessed);
        assert!(standing(&expired, date!(2020 - 06 - 01)).iter().any(|one| one.expired && one.assessment.is_some()));
    }

    #[test]
    fn what_was_superseded_does_not_count() {
        let superseded = ConditionAssessment {
            state: RecordState::Superseded.into(),
            ..assessment(Condition::M1, Side::Destination, ConditionStatus::Met, "2020-01-01")
        };
        assert_eq!(status_of(&[superseded], Condition::M1, Side::Destination), ConditionStatus::NotAssessed);
    }

    #[test]
    fn a_condition_of_both_sides_is_assessed_on_each() {
        let one = [assessment(Condition::B1, Side::Destination, ConditionStatus::Met, "2020-01-01")];
        assert_eq!(status_of(&one, Condition::B1, Side::Destination), ConditionStatus::Met);
        assert_eq!(status_of(&one, Condition::B1, Side::Origin), ConditionStatus::NotAssessed);
    }
}
