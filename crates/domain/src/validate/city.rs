//! What a city's profile must say.

use isopolity_proto::registry::City;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(city: &City, found: &mut Findings) {
    found.must_have_audience(city.audience);
    found.must_hold(1, city.display_names.len(), "display_names");
}

pub(super) fn references(_: &City) -> Vec<(String, Name)> {
    Vec::new()
}
