//! Which cities are active in the same place and sector and, as far as their records say, do not know of one another.
//!
//! Partnerships that go on are put together by place and by field. The places are those of a partnership's ends, in whichever
//! country and on whichever side; a country of origin in which it names no place stands for itself. The fields are divisions of
//! NACE 2, into which the other classifications are converted ([`Activity::field`]): two bakeries and a dairy are in one, two of a
//! section alone are not. Where a record says no more than the section, all of the section at that place are put together with it.
//!
//! Two cities know of one another if a partnership of either in that group names the other city: as a participant or its place as
//! an end, by a mirror, an agreement or a confirmation, whatever that says. **That no record says so does not prove that nobody
//! knows**: it is a reason to ask.
//!
//! Isolation of local authorities that work with the same place is what decentralised cooperation's own reviews complain of (OECD,
//! *Decentralised Development Co-operation*: lack of data and coordination between subnational donors). The rule is this project's.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_proto::{
    insight::{Overlap, OverlapRecord},
    registry::Partnership,
    types::{Place, Sector},
};

use super::{
    Described,
    activity::{Activities, Activity, Field},
    goes_on, ladder, places,
};
use crate::{CityId, codes};

/// A partnership with the city that states it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// The city.
    pub city: CityId,
    /// What it states.
    pub partnership: Partnership,
}

/// Which overlaps are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only in this country (ISO 3166-1). Empty: all.
    pub country: &'a str,
    /// Only in this economic activity.
    pub sector: Option<&'a Sector>,
    /// Only those in which this city takes part.
    pub with: Option<&'a CityId>,
}

/// Where partnerships are put together: the country, and the number of the place in it.
type Spot = (String, Option<usize>);

/// The overlaps: places before countries, more cities first, then by country, place and sector. `cities` are what is known of each.
#[must_use]
pub fn overlaps(stated: &[Stated], cities: &BTreeMap<CityId, Described>, wanted: &Wanted<'_>) -> Vec<Overlap> {
    let mut stated: Vec<&Stated> = stated.iter().filter(|one| goes_on(&one.partnership)).collect();
    // So that the order in which cities answered makes no difference.
    stated.sort_by(|one, other| one.partnership.name.cmp(&other.partnership.name));
    let known: BTreeMap<&CityId, Described> = stated
        .iter()
        .map(|one| (&one.city, cities.get(&one.city).cloned().unwrap_or_else(|| Described::new(one.city.clone()))))
        .collect();
    let (groups, names) = groups(&stated, wanted);
    let mut found: Vec<(Field, Overlap)> = Vec::new();
    for ((spot, field), members) in groups {
        if field.is_section() && !members.values().any(|broad| *broad) {
            continue;
        }
        let members: Vec<&Stated> = members.keys().filter_map(|at| stated.get(*at).copied()).collect();
        let unaware = unaware(&members, &known);
        let cities: BTreeSet<&CityId> = unaware.iter().flat_map(|(one, other)| [*one, *other]).collect();
        if cities.is_empty() || wanted.with.is_some_and(|own| !cities.contains(own)) {
            continue;
        }
        let place = spot.1.and_then(|number| names.get(&number).cloned()).unwrap_or_default();
        let records = members.iter().filter(|one| cities.contains(&one.city)).map(|one| OverlapRecord {
            name: one.partnership.name.clone(),
            city: one.city.to_string(),
            titles: one.partnership.titles.clone(),
        });
        let overlap = Overlap {
            explanation: explain(&spot.0, &place, &field, &unaware),
            country: spot.0,
            place,
            sector: Some(field.to_proto()),
            records: records.collect(),
            cities: cities.into_iter().map(ToString::to_string).collect(),
        };
        found.push((field, overlap));
    }
    without_repeated_sections(&mut found);
    let mut overlaps: Vec<Overlap> = found.into_iter().map(|(_, overlap)| overlap).collect();
    overlaps.sort_by(|one, other| order(one).cmp(&order(other)));
    overlaps
}

fn order(overlap: &Overlap) -> (bool, std::cmp::Reverse<usize>, &str, &str, &str) {
    let sector = overlap.sector.as_ref().map(|sector| sector.code.as_str()).unwrap_or_default();
    let cities = std::cmp::Reverse(overlap.cities.len());
    (overlap.place.is_empty(), cities, &overlap.country, &overlap.place, sector)
}

/// Which partnerships meet at each spot in each field, each with whether it says no more than the section; and what places are
/// called.
type Met = BTreeMap<(Spot, Field), BTreeMap<usize, bool>>;

fn groups(stated: &[&Stated], wanted: &Wanted<'_>) -> (Met, BTreeMap<usize, String>) {
    let mut owners = Vec::new();
    let mut all: Vec<&Place> = Vec::new();
    for (at, one) in stated.iter().enumerate() {
        for place in one.partnership.ends.iter().filter_map(|end| end.place.as_ref()) {
            owners.push(at);
            all.push(place);
        }
    }
    let numbers = places::same(&all);
    let mut spots: Vec<BTreeSet<Spot>> = vec![BTreeSet::new(); stated.len()];
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    // A place whose country one record leaves out lies where others say.
    let mut countries: BTreeMap<usize, &str> = BTreeMap::new();
    for (place, number) in all.iter().zip(&numbers) {
        if !place.country.is_empty() {
            countries.entry(*number).or_insert(&place.country);
        }
        if let Some(name) = place.names.first() {
            names.entry(*number).or_insert_with(|| name.text.clone());
        }
    }
    for (owner, number) in owners.iter().zip(&numbers) {
        let country = countries.get(number).copied().unwrap_or_default().to_owned();
        if let Some(spots) = spots.get_mut(*owner) {
            spots.insert((country, Some(*number)));
        }
    }
    let mut activities = Activities::default();
    let within = wanted.sector.map(Activity::of);
    let mut met = Met::new();
    for (at, (one, mut here)) in stated.iter().zip(spots).enumerate() {
        for country in &one.partnership.origin_countries {
            if here.iter().all(|(placed, _)| placed != country) {
                here.insert((country.clone(), None));
            }
        }
        let fields: BTreeSet<Field> = activities
            .of_all(&one.partnership.sectors)
            .iter()
            .filter(|activity| within.as_ref().is_none_or(|whole| activity.lies_within(whole)))
            .map(Activity::field)
            .collect();
        for spot in here.into_iter().filter(|(country, _)| wanted.country.is_empty() || country == wanted.country) {
            for field in &fields {
                let broad = field.is_section();
                *met.entry((spot.clone(), field.clone())).or_default().entry(at).or_default() |= broad;
                if let Some(section) = field.section() {
                    met.entry((spot.clone(), section)).or_default().entry(at).or_default();
                }
            }
        }
    }
    (met, names)
}

/// The pairs of cities of which neither names the other, in order.
fn unaware<'a>(members: &[&'a Stated], known: &BTreeMap<&CityId, Described>) -> Vec<(&'a CityId, &'a CityId)> {
    let mut of_city: BTreeMap<&CityId, Vec<&Partnership>> = BTreeMap::new();
    for one in members {
        of_city.entry(&one.city).or_default().push(&one.partnership);
    }
    let names = |city: &CityId, other: &CityId| {
        let records = of_city.get(city).map(Vec::as_slice).unwrap_or_default();
        known.get(other).is_some_and(|other| records.iter().any(|record| ladder::names(record, other)))
    };
    let cities: Vec<&CityId> = of_city.keys().copied().collect();
    let mut pairs = Vec::new();
    for (at, one) in cities.iter().enumerate() {
        for other in cities.iter().skip(at + 1) {
            if !names(one, other) && !names(other, one) {
                pairs.push((*one, *other));
            }
        }
    }
    pairs
}

/// Leaves out whole sections that tell of no more cities than a division in them does at the same place.
fn without_repeated_sections(found: &mut Vec<(Field, Overlap)>) {
    let divisions: Vec<(Option<Field>, String, String, Vec<String>)> = found
        .iter()
        .filter(|(field, _)| !field.is_section())
        .map(|(field, one)| (field.section(), one.country.clone(), one.place.clone(), one.cities.clone()))
        .collect();
    found.retain(|(field, one)| {
        let told = divisions.iter().any(|(section, country, place, cities)| {
            section.as_ref() == Some(field)
                && (country, place) == (&one.country, &one.place)
                && one.cities.iter().all(|city| cities.contains(city))
        });
        !field.is_section() || !told
    });
}

fn explain(country: &str, place: &str, field: &Field, unaware: &[(&CityId, &CityId)]) -> String {
    let country = codes::country_name(country, "en").unwrap_or(country);
    let spot = match (place, country) {
        ("", country) => country.to_owned(),
        (place, "") => place.to_owned(),
        (place, country) => format!("{place}, {country}"),
    };
    let pairs: Vec<String> = unaware.iter().take(10).map(|(one, other)| format!("{one} and {other}")).collect();
    let more = match unaware.len().saturating_sub(pairs.len()) {
        0 => String::new(),
        more => format!(", and {more} more pairs"),
    };
    let label = field.label();
    format!("partnerships in {spot} in {label}; no record there of either names the other: {}{more}", pairs.join(", "))
}

#[cfg(test)]
mod tests;
