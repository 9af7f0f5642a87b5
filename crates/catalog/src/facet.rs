//! The terms of facets, the same for records and questions.

use std::collections::BTreeSet;

use isopolity_domain::codes;
use isopolity_proto::{
    federation::SectorPrefix,
    types::{Sector, SectorScheme},
};

/// No code is longer; what is, is cut.
const CODE_LENGTH_MAX: usize = 16;

/// A country, in upper case.
pub(crate) fn country(code: &str) -> String {
    code.to_ascii_uppercase()
}

/// The language that a question names.
pub(crate) fn language(tag: &str) -> String {
    tag.to_ascii_lowercase()
}

/// A record's language and all that are wider: `pt-BR` is found by `pt-br` and `pt`.
pub(crate) fn languages(tag: &str) -> Vec<String> {
    let tag = language(tag);
    let mut all: Vec<_> = tag.match_indices('-').map(|(end, _)| tag[..end].to_owned()).collect();
    all.push(tag);
    all
}

/// The sector that a question names, or the beginning of one.
pub(crate) fn sector_prefix(prefix: &SectorPrefix) -> String {
    sector_term(prefix.scheme, &prefix.version, &plain(&prefix.code))
}

/// A record's sector in every way in which a question can name it: each beginning of its code and everything that it
/// belongs to, with and without scheme and version.
pub(crate) fn sectors(sector: &Sector) -> BTreeSet<String> {
    let code = plain(&sector.code);
    let scheme = SectorScheme::try_from(sector.scheme).unwrap_or_default();
    let mut found: BTreeSet<String> = (0..=code.len()).filter_map(|end| code.get(..end)).map(str::to_owned).collect();
    found.extend(codes::sector_ancestors(scheme, &sector.version, &sector.code).iter().map(|above| plain(above)));
    let mut terms = BTreeSet::new();
    for code in &found {
        for scheme in [SectorScheme::Unspecified.into(), sector.scheme] {
            for version in ["", &sector.version] {
                terms.insert(sector_term(scheme, version, code));
            }
        }
    }
    terms
}

fn sector_term(scheme: i32, version: &str, code: &str) -> String {
    // The code holds only letters and digits, so no two sectors give one term.
    format!("{scheme}/{code}/{version}")
}

/// A code without points, in upper case.
fn plain(code: &str) -> String {
    let kept = code.chars().filter(char::is_ascii_alphanumeric).take(CODE_LENGTH_MAX);
    kept.map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(scheme: SectorScheme, version: &str, code: &str) -> SectorPrefix {
        SectorPrefix { scheme: scheme.into(), version: version.into(), code: code.into() }
    }

    #[test]
    fn a_sector_is_found_by_each_beginning_of_its_code() {
        let sector = Sector {
            scheme: SectorScheme::Nace.into(),
            version: "2".into(),
            code: "10.71".into(),
            ..Default::default()
        };
        let terms = sectors(&sector);
        let finds = |scheme, version, code| terms.contains(&sector_prefix(&prefix(scheme, version, code)));
        for code in ["C", "c", "10", "10.7", "107", "10.71", "1071", "1", ""] {
            for scheme in [SectorScheme::Unspecified, SectorScheme::Nace] {
                assert!(finds(scheme, "", code) && finds(scheme, "2", code), "{scheme:?} {code:?}");
            }
            assert!(!finds(SectorScheme::Isic, "", code) && !finds(SectorScheme::Nace, "2.1", code), "{code:?}");
        }
        for code in ["A", "71", "10.72", "10.711"] {
            assert!(!finds(SectorScheme::Nace, "2", code), "{code}");
        }
    }

    #[test]
    fn a_code_that_no_list_holds_is_found_all_the_same() {
        let sector = Sector { scheme: 99, version: "x".into(), code: "Z.9".into(), ..Default::default() };
        assert!(sectors(&sector).contains(&sector_prefix(&prefix(SectorScheme::Unspecified, "x", "z"))));
        let endless = Sector { code: "7".repeat(10_000), ..Default::default() };
        assert_eq!(sectors(&endless).len(), CODE_LENGTH_MAX + 1);
    }

    #[test]
    fn a_language_is_found_by_wider_ones() {
        assert_eq!(languages("zh-Hant-TW"), ["zh", "zh-hant", "zh-hant-tw"]);
        assert_eq!(languages("PT"), ["pt"]);
        assert_eq!(language("pt-BR"), "pt-br");
    }
}
