//! What a stage event must say.

use isopolity_proto::registry::StageEvent;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &StageEvent, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &StageEvent) -> Vec<(String, Name)> {
    Vec::new()
}
