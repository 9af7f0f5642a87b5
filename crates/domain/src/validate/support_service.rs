//! What a support service must say.

use isopolity_proto::registry::SupportService;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &SupportService, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &SupportService) -> Vec<(String, Name)> {
    Vec::new()
}
