//! What a good practice must say.

use isopolity_proto::registry::GoodPractice;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &GoodPractice, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &GoodPractice) -> Vec<(String, Name)> {
    Vec::new()
}
