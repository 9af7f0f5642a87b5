//! What an opportunity must say.

use isopolity_proto::registry::Opportunity;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &Opportunity, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &Opportunity) -> Vec<(String, Name)> {
    Vec::new()
}
