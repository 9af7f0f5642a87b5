//! What an advantage factor must say.

use isopolity_proto::registry::AdvantageFactor;

use super::{findings::Findings, shared};
use crate::{Name, codes};

pub(super) fn check(factor: &AdvantageFactor, found: &mut Findings) {
    found.must_have_audience(factor.audience);
    found.must_have(&factor.country, "country");
    found.must_be_stated(factor.advantage, "advantage");
    if factor.sectors.len() > 1 {
        found.invalid("sectors", format!("has {} entries; at most 1 is allowed", factor.sectors.len()));
    }
    found.must_have(&factor.value, "value");
    if !factor.value.is_empty() {
        shared::signed_decimal(&factor.value, "value", found);
    }
    found.must_have(&factor.unit, "unit");
    if factor.year == 0 {
        found.required("year");
    }
    // A country or a part of one: two lists, so that no option of the proto can name them.
    let list = if factor.territory.contains('-') { "iso3166-2" } else { "iso3166-1" };
    if !factor.territory.is_empty()
        && let Err(error) = codes::check(list, &factor.territory)
    {
        found.unknown_code("territory", &error);
    }
}

pub(super) fn references(_: &AdvantageFactor) -> Vec<(String, Name)> {
    Vec::new()
}
