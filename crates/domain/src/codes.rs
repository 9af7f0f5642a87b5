//! Which codes exist: countries, languages, currencies, places and economic activities.
//!
//! The lists are data, embedded from `data/`, where each folder names its source. Whether a code fits a field is decided
//! elsewhere: a field of the proto names its list (`codes`), and [`crate::validate`] asks [`check`].

mod embedded;
mod language;
mod nearest;
mod place;
mod sector;

use std::{collections::BTreeSet, sync::LazyLock};

use isopolity_proto::types::SectorScheme;
use nearest::Index;

static CURRENCIES: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| embedded::column(include_str!("../data/iso4217/currencies.csv")));
static NEAREST_CURRENCY: LazyLock<Index> = LazyLock::new(|| Index::of(&*CURRENCIES));

/// A code that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// There is no such list.
    #[error("there is no code list {0:?}")]
    UnknownList(String),
    /// The list does not hold the code.
    #[error("{code:?} is not in {list}{}", suggestion(nearest.as_deref()))]
    Unknown {
        /// The list.
        list: String,
        /// The code as it was given, cut to 100 characters.
        code: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
}

impl CodeError {
    fn unknown(list: &str, code: &str, nearest: Option<String>) -> Self {
        Self::Unknown { list: list.to_owned(), code: code.chars().take(100).collect(), nearest }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|code| format!("; did you mean {code:?}?")).unwrap_or_default()
}

/// Checks a code of the lists that the proto's option `codes` can name: `iso3166-1`, `iso3166-2`, `iso4217`, `bcp47`,
/// `un-locode`. Codes are compared as they are written; only language tags are the same in upper and lower case.
///
/// # Errors
/// [`CodeError`] with what was probably meant.
pub fn check(list: &str, code: &str) -> Result<(), CodeError> {
    let (known, nearest): (bool, fn(&str) -> Option<String>) = match list {
        "iso3166-1" => (place::country(code).is_some(), place::nearest_country),
        "iso3166-2" => (place::is_subdivision(code), place::nearest_subdivision),
        "iso4217" => (CURRENCIES.contains(code), |code| NEAREST_CURRENCY.nearest(code)),
        "bcp47" => (language::is_tag(code), language::nearest_tag),
        "un-locode" => (place::is_locode(code), place::nearest_locode),
        _ => return Err(CodeError::UnknownList(list.chars().take(100).collect())),
    };
    if known { Ok(()) } else { Err(CodeError::unknown(list, code, nearest(code))) }
}

/// The short name of a country (ISO 3166-1 alpha-2, or `XK`) in `en` or `fr`.
#[must_use]
pub fn country_name(code: &str, language: &str) -> Option<&'static str> {
    let country = place::country(code)?;
    match language {
        "en" => Some(&country.english),
        "fr" => Some(&country.french),
        _ => None,
    }
}

/// Checks a code of a classification of economic activities: NACE 2 and 2.1 with a point (`10.71`), ISIC 4 without
/// (`1071`).
///
/// # Errors
/// [`CodeError::UnknownList`] if there is no such version of the scheme, else [`CodeError::Unknown`].
pub fn check_sector(scheme: SectorScheme, version: &str, code: &str) -> Result<(), CodeError> {
    let name = sector::name(scheme, version);
    let list = sector::list(scheme, version).ok_or_else(|| CodeError::UnknownList(name.clone()))?;
    if list.entries.contains_key(code) {
        Ok(())
    } else {
        Err(CodeError::unknown(&name, code, list.nearest.nearest(code)))
    }
}

/// An economic activity and everything that it belongs to, up to its section: `10.71`, `10.7`, `10`, `C`. Empty if the
/// code does not exist.
#[must_use]
pub fn sector_ancestors(scheme: SectorScheme, version: &str, code: &str) -> Vec<String> {
    let Some(list) = sector::list(scheme, version) else { return Vec::new() };
    std::iter::successors(list.entries.get_key_value(code), |(_, entry)| list.entries.get_key_value(&entry.parent))
        .map(|(code, _)| code.clone())
        .collect()
}

/// The English title of an economic activity. ISIC: of sections and divisions only, which it shares with NACE 2.
#[must_use]
pub fn sector_label(scheme: SectorScheme, version: &str, code: &str) -> Option<&'static str> {
    sector::list(scheme, version)?.entries.get(code)?.label.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_read_whole() {
        assert_eq!(place::counts(), (250, 4_672));
        assert_eq!(CURRENCIES.len(), 307);
        assert!(language::count() > 550, "{}", language::count());
        for (scheme, version, entries) in
            [(SectorScheme::Nace, "2", 996), (SectorScheme::Nace, "2.1", 1_047), (SectorScheme::Isic, "4", 766)]
        {
            assert_eq!(sector::list(scheme, version).unwrap().entries.len(), entries, "{scheme:?} {version}");
        }
    }

    #[test]
    fn codes_are_found_in_their_own_list_only() {
        for (list, good, bad) in [
            ("iso3166-1", ["PT", "XK"], ["pt", "PRT"]),
            ("iso3166-2", ["PT-01", "MA-KEN"], ["PT01", "PT-99"]),
            ("iso4217", ["EUR", "PTE"], ["eur", "EURO"]),
            ("bcp47", ["fr-CH", "kea"], ["por", "fr_CH"]),
            ("un-locode", ["MANNA", "CHGVA"], ["MA NNA", "XXNNA"]),
        ] {
            for code in good {
                assert_eq!(check(list, code), Ok(()), "{list}");
            }
            for code in bad {
                assert!(matches!(check(list, code), Err(CodeError::Unknown { .. })), "{list} {code}");
            }
        }
        assert_eq!(check("iso", "PT"), Err(CodeError::UnknownList("iso".into())));
    }

    #[test]
    fn every_list_that_the_proto_names_exists() {
        for field in isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
            if let Some(list) = isopolity_proto::field::codes(&field) {
                assert!(!matches!(check(&list, ""), Err(CodeError::UnknownList(_))), "{}", field.full_name());
            }
        }
    }

    #[test]
    fn an_error_says_what_was_probably_meant() {
        for (list, code, meant) in [
            ("iso3166-1", "TR1", Some("TR")),
            ("iso3166-1", "PRT", Some("PT")),
            ("iso3166-1", "cote d'ivoire", Some("CI")),
            ("iso3166-1", "Maroc", Some("MA")),
            ("iso3166-1", "UK", Some("GB")),
            ("iso3166-1", "??", None),
            ("iso3166-2", "PT01", Some("PT-01")),
            ("iso4217", "eur", Some("EUR")),
            ("iso4217", "ERU", None),
            ("bcp47", "por-BR", Some("pt-BR")),
            ("bcp47", "fr_CH", Some("fr-CH")),
            ("un-locode", "ma nna", Some("MANNA")),
        ] {
            let Err(CodeError::Unknown { nearest, .. }) = check(list, code) else { panic!("{list} holds {code}") };
            assert_eq!(nearest.as_deref(), meant, "{list} {code}");
        }
        let error = check("iso3166-1", "TR1").unwrap_err().to_string();
        assert_eq!(error, r#""TR1" is not in iso3166-1; did you mean "TR"?"#);
        let error = check_sector(SectorScheme::Nace, "2", "1071").unwrap_err().to_string();
        assert_eq!(error, r#""1071" is not in NACE 2; did you mean "10.71"?"#);
    }

    #[test]
    fn a_sector_leads_up_to_its_section() {
        assert_eq!(sector_ancestors(SectorScheme::Nace, "2", "10.71"), ["10.71", "10.7", "10", "C"]);
        assert_eq!(sector_ancestors(SectorScheme::Isic, "4", "1071"), ["1071", "107", "10", "C"]);
        assert_eq!(sector_ancestors(SectorScheme::Nace, "2.1", "C"), ["C"]);
        assert!(sector_ancestors(SectorScheme::Nace, "3", "C").is_empty());
        assert!(sector_ancestors(SectorScheme::Nace, "2", "10.99").is_empty());
    }

    #[test]
    fn every_sector_belongs_to_a_section_and_has_a_title() {
        for (scheme, version) in [(SectorScheme::Nace, "2"), (SectorScheme::Nace, "2.1"), (SectorScheme::Isic, "4")] {
            for code in sector::list(scheme, version).unwrap().entries.keys() {
                let ancestors = sector_ancestors(scheme, version, code);
                assert_eq!(ancestors.last().map(String::len), Some(1), "{scheme:?} {version} {code}");
                let titled = sector_label(scheme, version, code).is_some();
                assert_eq!(titled, scheme == SectorScheme::Nace || code.len() <= 2, "{scheme:?} {version} {code}");
            }
        }
    }

    #[test]
    fn a_country_has_its_name_in_both_languages() {
        assert_eq!(country_name("MA", "fr"), Some("Maroc"));
        assert_eq!(country_name("CH", "en"), Some("Switzerland"));
        assert_eq!(country_name("CH", "de"), None);
        assert_eq!(country_name("ch", "en"), None);
    }
}
