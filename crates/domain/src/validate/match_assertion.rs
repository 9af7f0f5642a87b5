//! What a match assertion must say.

use isopolity_proto::registry::MatchAssertion;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &MatchAssertion, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &MatchAssertion) -> Vec<(String, Name)> {
    Vec::new()
}
