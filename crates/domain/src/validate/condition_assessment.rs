//! What a condition assessment must say.

use isopolity_proto::registry::ConditionAssessment;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &ConditionAssessment, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &ConditionAssessment) -> Vec<(String, Name)> {
    Vec::new()
}
