//! What a place must say.

use isopolity_proto::registry::Place;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(resource: &Place, found: &mut Findings) {
    found.must_have_audience(resource.audience);
}

pub(super) fn references(_: &Place) -> Vec<(String, Name)> {
    Vec::new()
}
