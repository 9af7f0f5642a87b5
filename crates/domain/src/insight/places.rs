//! Which places of many records are the same.
//!
//! Places with an identifier in common (`GeoNames`, Wikidata, UN/LOCODE) are one. A place without an identifier is the one of its
//! country that is called so, if there is only one; where two of one name are known to be different, it stays by itself: a name
//! never decides between them. Of the public twin-town data, 59 names occur twice inside one country far apart.

use std::collections::BTreeMap;

use isopolity_proto::types::Place;

use super::described::folded;

/// For each place the number of the one that it is: the index of the first that is the same.
pub(super) fn same(places: &[&Place]) -> Vec<usize> {
    let mut groups = Groups { parent: (0..places.len()).collect() };
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        for identifier in identifiers(place) {
            let first = *seen.entry(identifier).or_insert(at);
            groups.join(first, at);
        }
    }
    // By name and country: those with identifiers, by group, and those without.
    let mut called: BTreeMap<(String, String), (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        for name in place.names.iter().filter_map(|name| folded(&name.text)) {
            let (known, unknown) = called.entry((place.country.clone(), name)).or_default();
            if identifiers(place).is_empty() { unknown.push(at) } else { known.push(at) }
        }
    }
    for (known, unknown) in called.into_values() {
        let different = known.iter().any(|one| known.iter().any(|other| differ(places, *one, *other)));
        let together = if different { unknown } else { known.into_iter().chain(unknown).collect() };
        for pair in together.windows(2) {
            if let [one, other] = pair {
                groups.join(*one, *other);
            }
        }
    }
    (0..places.len()).map(|at| groups.find(at)).collect()
}

fn identifiers(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    if place.geonames_id != 0 {
        found.push(format!("geonames {}", place.geonames_id));
    }
    for (scheme, value) in [("wikidata", &place.wikidata), ("locode", &place.locode)] {
        if !value.is_empty() {
            found.push(format!("{scheme} {value}"));
        }
    }
    found
}

/// Whether two places are known to be different: the first identifier that both have is not the same.
fn differ(places: &[&Place], one: usize, other: usize) -> bool {
    let (Some(one), Some(other)) = (places.get(one), places.get(other)) else { return false };
    if one.geonames_id != 0 && other.geonames_id != 0 {
        return one.geonames_id != other.geonames_id;
    }
    if !one.wikidata.is_empty() && !other.wikidata.is_empty() {
        return one.wikidata != other.wikidata;
    }
    !one.locode.is_empty() && !other.locode.is_empty() && one.locode != other.locode
}

/// Which belong together: a forest, of which the root is the least.
struct Groups {
    parent: Vec<usize>,
}

impl Groups {
    fn find(&mut self, mut at: usize) -> usize {
        while let Some(&above) = self.parent.get(at) {
            if above == at {
                break;
            }
            let higher = self.parent.get(above).copied().unwrap_or(above);
            if let Some(parent) = self.parent.get_mut(at) {
                *parent = higher;
            }
            at = higher;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        if let Some(parent) = self.parent.get_mut(one.max(other)) {
            *parent = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::types::LocalizedText;

    use super::*;

    fn place(name: &str, country: &str, geonames_id: i64, wikidata: &str) -> Place {
        let text = LocalizedText { text: name.into(), ..Default::default() };
        let names = vec![text];
        Place { names, country: country.into(), geonames_id, wikidata: wikidata.into(), ..Default::default() }
    }

    #[test]
    fn places_are_the_same_by_identifier_or_by_a_name_that_is_clear() {
        let all = [
            place("Kénitra", "MA", 1, ""),
            place("Port-Lyautey", "MA", 1, "Q2"),
            place("القنيطرة", "MA", 0, "Q2"),
            place("KENITRA", "MA", 0, ""),
            place("Kénitra", "DZ", 0, ""),
            // Two of one name in one country, and one of which nobody knows which it is.
            place("Santana", "BR", 7, ""),
            place("Santana", "BR", 8, ""),
            place("Santana", "BR", 0, ""),
            place("santana", "BR", 0, ""),
        ];
        let all: Vec<&Place> = all.iter().collect();
        assert_eq!(same(&all), [0, 0, 0, 0, 4, 5, 6, 7, 7]);
        assert!(same(&[]).is_empty());
    }
}
