//! What an indicator observation must say.

use isopolity_proto::registry::IndicatorObservation;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &IndicatorObservation, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &IndicatorObservation) -> Vec<(String, Name)> {
    Vec::new()
}
