//! What an agreement must say.

use isopolity_proto::registry::Agreement;

use super::{
    findings::{Findings, below, entry},
    named,
};
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
        found.must_name(Kind::Organization, &party.organization, &below(&path, "organization"));
    }
    // Without a name it is not known yet whose agreement it is.
    let home = agreement.name.parse::<Name>().ok().map(|name| Name::of_city(name.city().clone()));
    if let Some(home) = &home
        && !agreement.parties.is_empty()
        && !cities.contains(home)
    {
        found.invalid("parties", format!("this city's authority must be one of them, with \"{home}\" as its city"));
    }
    for (at, confirmation) in agreement.confirmations.iter().enumerate() {
        let path = entry("confirmations", at);
        let city = below(&path, "city");
        found.must_have(&confirmation.city, &city);
        if found.must_name(Kind::City, &confirmation.city, &city).is_some_and(|named| Some(&named) == home.as_ref()) {
            found.invalid(&city, "is this city: a confirmation is what another says");
        }
        found.must_be_stated(confirmation.stance, &below(&path, "stance"));
    }
    if let Some(meetings) = &agreement.meetings {
        found.must_not_end_before(&meetings.last_date, &meetings.next_date, "meetings.next_date");
    }
}

pub(super) fn references(agreement: &Agreement) -> Vec<(String, Name)> {
    let parties = agreement.parties.iter().enumerate();
    let parties = parties.map(|(at, party)| (below(&entry("parties", at), "organization"), &party.organization));
    named(Kind::Organization, parties).collect()
}
