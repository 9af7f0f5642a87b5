//! Whether two economic activities are the same, across classifications.
//!
//! Within one classification the code list decides: two codes are the same, or one contains the other (ISIC 4 and NACE, *structure
//! and explanatory notes*: section, division, group, class). Between ISIC 4, NACE 2 and NACE 2.1 both are taken to NACE 2 by
//! [`codes::convert`]; what that finds only by likeness is not used, but the nearest broader activity that both revisions have under
//! one title. So a conversion may say less than there is, and never something else.

use std::collections::BTreeMap;

use isopolity_proto::{
    federation::SectorPrefix,
    types::{Sector, SectorScheme},
};

use crate::codes::{self, Conversion};

/// The list through which classifications are compared.
const HUB: &str = "nace-2";

/// How two activities are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// One lies within the other, which is a whole section: agriculture, manufacturing, trade.
    WithinSection,
    /// One lies within the other.
    Within,
    /// They are the same.
    Same,
}

/// An activity, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    scheme: SectorScheme,
    version: String,
    vocabulary: String,
    /// The code and everything that it belongs to.
    path: Vec<String>,
    /// The same in the list through which classifications are compared; several where the code is split there.
    hub: Vec<Vec<String>>,
    /// What stands first there is the activity itself, not one that contains it or a part of it.
    exact: bool,
}

impl Activity {
    /// Reads what a record says.
    #[must_use]
    pub fn of(sector: &Sector) -> Self {
        let (scheme, version, code) = (sector.scheme(), sector.version.as_str(), sector.code.as_str());
        let mut path = codes::sector_ancestors(scheme, version, code);
        if path.is_empty() {
            path = vec![code.to_owned()];
        }
        if scheme == SectorScheme::Dac
            && version == "5"
            && let Some(category) = code.get(..3)
        {
            // A purpose lies within the category with which its code begins.
            path = vec![code.to_owned(), category.to_owned()];
        }
        let (hub, exact) = match (scheme, version) {
            (SectorScheme::Nace, "2") => (vec![path.clone()], true),
            (SectorScheme::Nace, "2.1") => from_revision(&path),
            (SectorScheme::Isic, "4") => from_isic(code),
            _ => (Vec::new(), false),
        };
        Self { scheme, version: version.to_owned(), vocabulary: sector.vocabulary_uri.clone(), path, hub, exact }
    }

    /// How this and another are related, if they are.
    #[must_use]
    pub fn kinship(&self, other: &Self) -> Option<Kinship> {
        let comparable = self.scheme == other.scheme
            && self.vocabulary == other.vocabulary
            && (self.version == other.version || self.scheme == SectorScheme::Dac);
        if comparable {
            return related(&self.path, &other.path);
        }
        let pairs = self.hub.iter().flat_map(|one| other.hub.iter().map(move |two| (one, two)));
        let nearest = pairs.filter_map(|(one, two)| related(one, two)).max()?;
        match nearest {
            Kinship::Same if self.exact && other.exact => Some(Kinship::Same),
            Kinship::Same if self.hub.iter().chain(&other.hub).any(|path| path.len() == 1) => {
                Some(Kinship::WithinSection)
            }
            Kinship::Same => Some(Kinship::Within),
            related => Some(related),
        }
    }

    /// Whether this lies within another, or is the same. Between classifications, also where it may do so.
    #[must_use]
    pub fn lies_within(&self, other: &Self) -> bool {
        let Some(whole) = other.path.first() else { return false };
        if self.scheme == other.scheme && self.version == other.version {
            return self.vocabulary == other.vocabulary && self.path.contains(whole);
        }
        other.hub.iter().filter_map(|path| path.first()).any(|whole| self.hub.iter().any(|path| path.contains(whole)))
    }

    /// The field in which it lies: a division of NACE 2 where it can be taken there, or the section where it is no finer; else a
    /// category of DAC purposes, or the code itself.
    #[must_use]
    pub fn field(&self) -> Field {
        if let Some(path) = self.hub.first() {
            let division = path.iter().find(|code| code.len() == 2).or_else(|| path.last());
            return Field {
                scheme: SectorScheme::Nace,
                version: "2".to_owned(),
                vocabulary: String::new(),
                code: division.cloned().unwrap_or_default(),
            };
        }
        let (version, code) = match self.scheme {
            SectorScheme::Dac => ("3".to_owned(), self.path.last()),
            _ => (self.version.clone(), self.path.first()),
        };
        let code = code.cloned().unwrap_or_default();
        Field { scheme: self.scheme, version, vocabulary: self.vocabulary.clone(), code }
    }

    /// What people read: `NACE 2.1 10.71 Manufacture of bread …`.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.scheme, &self.version, self.path.first().map(String::as_str).unwrap_or_default())
    }
}

/// The fields in which records are put together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    scheme: SectorScheme,
    version: String,
    vocabulary: String,
    code: String,
}

impl Field {
    /// The section in which a division of NACE 2 lies. `None` for a section, and in other classifications.
    #[must_use]
    pub fn section(&self) -> Option<Self> {
        let above = codes::sector_ancestors(self.scheme, &self.version, &self.code);
        let section = above.last().filter(|section| **section != self.code)?;
        (self.scheme == SectorScheme::Nace).then(|| Self { code: section.clone(), ..self.clone() })
    }

    /// Whether it is a whole section of NACE 2.
    #[must_use]
    pub fn is_section(&self) -> bool {
        self.scheme == SectorScheme::Nace && self.code.len() == 1
    }

    /// The same as a message.
    #[must_use]
    pub fn to_proto(&self) -> Sector {
        Sector {
            scheme: self.scheme.into(),
            version: self.version.clone(),
            code: self.code.clone(),
            vocabulary_uri: self.vocabulary.clone(),
            ..Sector::default()
        }
    }

    /// What people read.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.scheme, &self.version, &self.code)
    }
}

/// Activities that were read already: many records have the same few.
#[derive(Debug, Default)]
pub struct Activities(BTreeMap<(i32, String, String, String), Activity>);

impl Activities {
    /// Reads what a record says.
    pub fn of(&mut self, sector: &Sector) -> Activity {
        let key = (sector.scheme, sector.version.clone(), sector.code.clone(), sector.vocabulary_uri.clone());
        self.0.entry(key).or_insert_with(|| Activity::of(sector)).clone()
    }

    /// Reads all that a record says.
    pub fn of_all(&mut self, sectors: &[Sector]) -> Vec<Activity> {
        sectors.iter().map(|sector| self.of(sector)).collect()
    }
}

/// By what records of an activity are found, whichever classification they use.
#[must_use]
pub fn prefixes(sector: &Sector) -> Vec<SectorPrefix> {
    let prefix = |scheme: SectorScheme, version: &str, code: &str| SectorPrefix {
        scheme: scheme.into(),
        version: version.to_owned(),
        code: code.to_owned(),
    };
    let mut found = vec![prefix(sector.scheme(), &sector.version, &sector.code)];
    for code in Activity::of(sector).hub.iter().filter_map(|path| path.first()) {
        found.push(prefix(SectorScheme::Nace, "2", code));
        if let Ok(Conversion::Same(code)) = codes::convert(HUB, code, "nace-2.1") {
            found.push(prefix(SectorScheme::Nace, "2.1", &code));
        }
        if let Ok(Conversion::Same(code) | Conversion::Within(code)) = codes::convert(HUB, code, "isic-4") {
            found.push(prefix(SectorScheme::Isic, "4", &code));
        }
    }
    let mut unique: Vec<SectorPrefix> = Vec::with_capacity(found.len());
    for one in found {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    unique
}

fn label(scheme: SectorScheme, version: &str, code: &str) -> String {
    let name = scheme.as_str_name().trim_start_matches("SECTOR_SCHEME_");
    let words = [name, version, code, codes::sector_label(scheme, version, code).unwrap_or_default()];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Of a code of NACE 2.1, or of the nearest that contains it and stands in NACE 2 under the same title.
fn from_revision(path: &[String]) -> (Vec<Vec<String>>, bool) {
    for (above, code) in path.iter().enumerate() {
        if let Ok(Conversion::Same(code)) = codes::convert("nace-2.1", code, HUB) {
            let path = codes::sector_ancestors(SectorScheme::Nace, "2", &code);
            return (vec![path], above == 0);
        }
    }
    (Vec::new(), false)
}

fn from_isic(code: &str) -> (Vec<Vec<String>>, bool) {
    let above = |code: &String| codes::sector_ancestors(SectorScheme::Nace, "2", code);
    match codes::convert("isic-4", code, HUB) {
        Ok(Conversion::Same(code)) => (vec![above(&code)], true),
        Ok(Conversion::Split(codes)) => (codes.iter().map(above).collect(), false),
        _ => (Vec::new(), false),
    }
}

/// How two codes of one list are related, each with everything that it belongs to.
fn related(one: &[String], other: &[String]) -> Option<Kinship> {
    let (first, second) = (one.first()?, other.first()?);
    if first == second {
        return Some(Kinship::Same);
    }
    let whole = if one.contains(second) { second } else { other.contains(first).then_some(first)? };
    let section = whole.len() == 1;
    Some(if section { Kinship::WithinSection } else { Kinship::Within })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(scheme: SectorScheme, version: &str, code: &str) -> Activity {
        Activity::of(&sector(scheme, version, code))
    }

    fn sector(scheme: SectorScheme, version: &str, code: &str) -> Sector {
        Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() }
    }

    #[test]
    fn activities_are_compared_within_and_between_classifications() {
        use Kinship::{Same, Within, WithinSection};
        use SectorScheme::{Dac, Isic, Nace};
        for (one, other, expected) in [
            ((Nace, "2.1", "10.71"), (Nace, "2.1", "10.71"), Some(Same)),
            ((Nace, "2.1", "10.71"), (Nace, "2.1", "10"), Some(Within)),
            ((Nace, "2.1", "10.71"), (Nace, "2.1", "C"), Some(WithinSection)),
            ((Nace, "2.1", "10.71"), (Nace, "2.1", "10.73"), None),
            ((Nace, "2", "10"), (Isic, "4", "10"), Some(Same)),
            // One class of ISIC is two of NACE.
            ((Nace, "2", "10.71"), (Isic, "4", "1071"), Some(Within)),
            ((Nace, "2", "10.73"), (Isic, "4", "1071"), None),
            // The letter K means telecommunication in 2.1, finance in 2.
            ((Nace, "2", "K"), (Nace, "2.1", "K"), None),
            ((Dac, "5", "32130"), (Dac, "3", "321"), Some(Within)),
            ((Dac, "5", "32130"), (Nace, "2", "10"), None),
        ] {
            let [left, right] = [one, other].map(|(scheme, version, code)| activity(scheme, version, code));
            assert_eq!(left.kinship(&right), expected, "{one:?} {other:?}");
            assert_eq!(right.kinship(&left), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn codes_of_other_vocabularies_are_the_same_only_within_one() {
        let own = |uri: &str| Sector { vocabulary_uri: uri.into(), ..sector(SectorScheme::Other, "", "7") };
        let (one, other) = (Activity::of(&own("https://a.example")), Activity::of(&own("https://b.example")));
        assert_eq!((one.kinship(&one), one.kinship(&other)), (Some(Kinship::Same), None));
        assert!(one.lies_within(&one) && !one.lies_within(&other));
    }

    #[test]
    fn a_field_is_a_division_and_says_its_section() {
        use SectorScheme::{Dac, Isic, Nace};
        for (scheme, version, code, field) in [
            (Nace, "2.1", "10.71", "NACE 2 10 Manufacture of food products"),
            (Isic, "4", "1071", "NACE 2 10 Manufacture of food products"),
            (Nace, "2", "C", "NACE 2 C MANUFACTURING"),
        ] {
            assert!(activity(scheme, version, code).field().label().eq_ignore_ascii_case(field), "{code}");
        }
        assert_eq!(activity(Dac, "5", "32130").field().to_proto().code, "321");
        let food = activity(Nace, "2.1", "10.71").field();
        let section = food.section().unwrap();
        assert!(section.is_section() && section.section().is_none());
    }

    #[test]
    fn an_activity_is_asked_for_in_every_classification_that_has_it() {
        let asked = prefixes(&sector(SectorScheme::Nace, "2.1", "10.71"));
        let codes: Vec<_> = asked.iter().map(|one| (one.scheme(), one.version.as_str(), one.code.as_str())).collect();
        assert!(codes.contains(&(SectorScheme::Nace, "2", "10.71")), "{codes:?}");
        assert!(codes.contains(&(SectorScheme::Isic, "4", "1071")), "{codes:?}");
        let whole = activity(SectorScheme::Nace, "2.1", "10");
        assert!(activity(SectorScheme::Isic, "4", "1071").lies_within(&whole));
        assert!(!whole.lies_within(&activity(SectorScheme::Nace, "2.1", "10.71")));
    }
}
