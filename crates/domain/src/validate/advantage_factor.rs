//! What an advantage factor must say.

use isopolity_proto::registry::AdvantageFactor;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &AdvantageFactor, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &AdvantageFactor) -> Vec<(String, Name)> {
    Vec::new()
}
