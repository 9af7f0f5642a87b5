//! What a city is called, by which records speak of it.
//!
//! A name never identifies (`Santana` is in eleven countries): one that fits counts only where the country does not contradict it,
//! and never against an identifier.

use std::collections::BTreeSet;

use isopolity_proto::{
    registry::City,
    types::{LocalizedText, Place},
};

use crate::{CityId, text};

/// A city, with or without a node, as records speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    id: CityId,
    /// Folded.
    names: BTreeSet<String>,
    /// ISO 3166-1, or empty where it is not known.
    country: String,
    geonames_id: i64,
    wikidata: String,
    locode: String,
}

impl Described {
    /// A city of which nothing but the id is known.
    #[must_use]
    pub fn new(id: CityId) -> Self {
        Self {
            id,
            names: BTreeSet::new(),
            country: String::new(),
            geonames_id: 0,
            wikidata: String::new(),
            locode: String::new(),
        }
    }

    /// What a city's own profile says.
    #[must_use]
    pub fn of_profile(id: CityId, profile: &City) -> Self {
        let mut described = Self::new(id);
        described.names = profile.display_names.iter().filter_map(|name| folded(&name.text)).collect();
        if let Some(place) = &profile.place {
            described.names.extend(place.names.iter().filter_map(|name| folded(&name.text)));
            described.country.clone_from(&place.country);
            described.geonames_id = place.geonames_id;
            described.wikidata.clone_from(&place.wikidata);
            described.locode.clone_from(&place.locode);
        }
        described
    }

    /// The same city with further names.
    #[must_use]
    pub fn also_called<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.names.extend(names.into_iter().filter_map(folded));
        self
    }

    /// The city's id.
    #[must_use]
    pub fn id(&self) -> &CityId {
        &self.id
    }

    /// The country in which it lies (ISO 3166-1), or empty where it is not known.
    #[must_use]
    pub fn country(&self) -> &str {
        &self.country
    }

    /// Whether a resource name is the city's, or that of something in its registry.
    #[must_use]
    pub fn owns(&self, name: &str) -> bool {
        let rest = name.strip_prefix("cities/").and_then(|rest| rest.strip_prefix(self.id.as_str()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether a place is this city: by an identifier that both have, else by name and country.
    #[must_use]
    pub fn is_at(&self, place: &Place) -> bool {
        let identifiers = [
            (self.geonames_id != 0 && place.geonames_id != 0).then_some(self.geonames_id == place.geonames_id),
            known(&self.wikidata, &place.wikidata),
            known(&self.locode, &place.locode),
        ];
        // The first that both have decides.
        if let Some(same) = identifiers.into_iter().flatten().next() {
            return same;
        }
        self.is_called(&place.names, std::slice::from_ref(&place.country))
    }

    /// Whether one of the names is one of this city's, and it may lie in one of the countries. Countries that are not known
    /// contradict nothing.
    #[must_use]
    pub fn is_called(&self, names: &[LocalizedText], countries: &[String]) -> bool {
        let fits = names.iter().filter_map(|name| folded(&name.text)).any(|name| self.names.contains(&name));
        let mut stated = countries.iter().filter(|country| !country.is_empty()).peekable();
        fits && (self.country.is_empty() || stated.peek().is_none() || stated.any(|country| *country == self.country))
    }
}

/// A name without case, diacritics and punctuation. `None` if nothing is left.
pub(super) fn folded(name: &str) -> Option<String> {
    let words = text::words(name).join(" ");
    (!words.is_empty()).then_some(words)
}

/// Whether two identifiers are the same, if both are known.
fn known(one: &str, other: &str) -> Option<bool> {
    (!one.is_empty() && !other.is_empty()).then_some(one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Vec<LocalizedText> {
        names.iter().map(|name| LocalizedText { text: (*name).into(), ..Default::default() }).collect()
    }

    fn kenitra() -> Described {
        let place = Place {
            names: texts(&["Kénitra", "القنيطرة"]),
            country: "MA".into(),
            geonames_id: 2_544_571,
            ..Default::default()
        };
        let profile = City { place: Some(place), ..Default::default() };
        Described::of_profile("kenitra.example".parse().unwrap(), &profile)
    }

    #[test]
    fn a_city_owns_its_name_and_what_is_below_it_and_no_other_that_begins_alike() {
        let city = kenitra();
        assert!(city.owns("cities/kenitra.example") && city.owns("cities/kenitra.example/agreements/a"));
        for other in ["cities/kenitra.example.org", "cities/kenitra.exampl", "kenitra.example", ""] {
            assert!(!city.owns(other), "{other}");
        }
    }

    #[test]
    fn a_name_fits_in_any_script_unless_the_country_or_an_identifier_says_otherwise() {
        let city = kenitra();
        let place = |name: &str, country: &str, geonames_id| Place {
            names: texts(&[name]),
            country: country.into(),
            geonames_id,
            ..Default::default()
        };
        for (fits, place) in [
            (true, place("KENITRA", "MA", 0)),
            (true, place("قنيطرة", "", 0)),
            (true, place("Port-Lyautey", "MA", 2_544_571)),
            (false, place("Kénitra", "MA", 7)),
            (false, place("Kénitra", "DZ", 0)),
            (false, place("Kénitra Province", "MA", 0)),
        ] {
            assert_eq!(city.is_at(&place), fits, "{place:?}");
        }
        assert!(!city.is_called(&[], &[]) && !city.is_called(&texts(&["--"]), &[]));
    }
}
