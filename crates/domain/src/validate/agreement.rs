//! What an agreement must say.

use isopolity_proto::registry::Agreement;

use super::findings::{Findings, below, entry};
use crate::{Kind, Name};

pub(super) fn check(agreement: &Agreement, found: &mut Findings) {
    found.must_have_audience(agreement.audience);
    found.must_hold(1, agreement.titles.len(), "titles");
    found.must_be_stated(agreement.kind, "kind");
    found.must_hold(2, agreement.parties.len(), "parties");
    let mut cities = Vec::new();
    for (at, party) in agreement.parties.iter().enumerate() {
        let path = entry("parties", at);
        found.must_hold(1, party.display_names.len(), &below(&path, "display_names"));
        cities.extend(found.must_name(Kind::City, &party.city, &below(&path, "city")));
    }
    // Without a name it is not known yet whose agreement it is.
    if let Ok(name) = agreement.name.parse::<Name>() {
        let home = Name::of_city(name.city().clone());
        if !agreement.parties.is_empty() && !cities.contains(&home) {
            found.invalid("parties", format!("this city's authority must be one of them, with \"{home}\" as its city"));
        }
    }
}

pub(super) fn references(_: &Agreement) -> Vec<(String, Name)> {
    Vec::new()
}
