//! What a place must say.

use isopolity_proto::registry::Place;

use super::{common, findings::Findings, named, shared};
use crate::{Kind, Name};

pub(super) fn check(place: &Place, found: &mut Findings) {
    found.must_have_audience(place.audience);
    found.must_hold(1, place.display_names.len(), "display_names");
    found.must_be_stated(place.kind, "kind");
    shared::subdivision(&place.country, &place.subdivision, "subdivision", found);
    if !place.nuts_code.is_empty() {
        // Codes are used again for other regions: without its version a code says nothing.
        found.must_have(&place.nuts_version, "nuts_version");
    }
    if !place.nuts_version.is_empty() && place.nuts_version != "2021" {
        found.invalid("nuts_version", format!("{:?} is not a version that is known here: 2021", place.nuts_version));
    }
    if found.must_name(Kind::Place, &place.parent, "parent").is_some() {
        common::must_not_be(&place.name, &place.parent, "parent", found);
    }
}

pub(super) fn references(place: &Place) -> Vec<(String, Name)> {
    named(Kind::Place, [("parent".to_owned(), &place.parent)]).collect()
}
