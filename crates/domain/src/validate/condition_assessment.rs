//! What a condition assessment must say.

use isopolity_proto::{
    options::Audience,
    registry::{ConditionAssessment, ConditionStatus, Side},
};

use super::{findings::Findings, named};
use crate::{
    Kind, Name,
    conditions::{self, Sides},
};

pub(super) fn check(assessment: &ConditionAssessment, found: &mut Findings) {
    found.must_have_audience(assessment.audience);
    found.must_have(&assessment.partnership, "partnership");
    found.must_name(Kind::Partnership, &assessment.partnership, "partnership");
    found.must_be_stated(assessment.condition, "condition");
    if let Some(rule) = conditions::rule(assessment.condition()) {
        check_side(rule.sides, assessment, found);
    }
    found.must_be_stated(assessment.status, "status");
    if assessment.status() == ConditionStatus::NotApplicable && assessment.summaries.is_empty() {
        found.invalid("summaries", "are required for NOT_APPLICABLE: say why the condition makes no sense here");
    }
    if assessment.audience == i32::from(Audience::Public) && assessment.status() != ConditionStatus::Met {
        found.invalid("audience", "only MET may be PUBLIC: else FEDERATION or INTERNAL");
    }
    found.must_have(&assessment.assess_date, "assess_date");
    found.must_not_end_before(&assessment.assess_date, &assessment.expire_date, "expire_date");
}

fn check_side(sides: Sides, assessment: &ConditionAssessment, found: &mut Findings) {
    let expected = match sides {
        Sides::Joint => "concerns both sides at once: leave the side out",
        Sides::Destination => "concerns the side of destination: SIDE_DESTINATION",
        Sides::Origin => "concerns the side of origin: SIDE_ORIGIN",
        Sides::Each => "is assessed on each side by itself: SIDE_DESTINATION or SIDE_ORIGIN",
    };
    let stated = Side::try_from(assessment.side).unwrap_or_default();
    if sides != Sides::Joint && assessment.side == 0 {
        found.required("side");
    } else if !sides.all().contains(&stated) {
        found.invalid("side", format!("the condition {expected}"));
    }
}

pub(super) fn references(assessment: &ConditionAssessment) -> Vec<(String, Name)> {
    named(Kind::Partnership, [("partnership".to_owned(), &assessment.partnership)]).collect()
}
