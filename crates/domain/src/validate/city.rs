//! What a city's profile must say.

use isopolity_proto::registry::City;

use super::{
    findings::{Findings, below, entry},
    named,
};
use crate::{Kind, Name};

pub(super) fn check(city: &City, found: &mut Findings) {
    found.must_have_audience(city.audience);
    found.must_hold(1, city.display_names.len(), "display_names");
    for (at, community) in city.diaspora_communities.iter().enumerate() {
        found.must_have(&community.country, &below(&entry("diaspora_communities", at), "country"));
    }
    found.must_name(Kind::Organization, &city.authority, "authority");
}

pub(super) fn references(city: &City) -> Vec<(String, Name)> {
    named(Kind::Organization, [("authority".to_owned(), &city.authority)]).collect()
}
