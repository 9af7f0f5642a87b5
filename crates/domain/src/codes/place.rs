//! Countries, their subdivisions, and UN/LOCODEs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use super::{embedded, nearest::Index};
use crate::text;

/// A country.
pub(super) struct Country {
    alpha3: String,
    pub(super) english: String,
    pub(super) french: String,
}

static COUNTRIES: LazyLock<BTreeMap<String, Country>> = LazyLock::new(|| {
    embedded::rows(include_str!("../../data/iso3166/countries.csv"))
        .map(|row| {
            let cell = |column| embedded::cell(&row, column);
            (cell(0), Country { alpha3: cell(1), english: cell(2), french: cell(3) })
        })
        .collect()
});

static SUBDIVISIONS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| embedded::column(include_str!("../../data/iso3166/subdivisions.csv")));

static NEAREST_COUNTRY: LazyLock<Index> = LazyLock::new(|| Index::of(COUNTRIES.keys()));
static NEAREST_SUBDIVISION: LazyLock<Index> = LazyLock::new(|| Index::of(&*SUBDIVISIONS));

/// What people write instead of a country's code: its alpha-3 code, its English or French name, or one of the two codes by
/// which the European Union differs. In words, folded.
static COUNTRY_WORDS: LazyLock<HashMap<Vec<String>, &'static str>> = LazyLock::new(|| {
    let mut known = HashMap::from([(text::words("UK"), "GB"), (text::words("EL"), "GR")]);
    for (code, country) in &*COUNTRIES {
        for word in [&country.alpha3, &country.english, &country.french] {
            known.insert(text::words(word), code.as_str());
        }
    }
    known
});

pub(super) fn country(code: &str) -> Option<&'static Country> {
    COUNTRIES.get(code)
}

pub(super) fn nearest_country(code: &str) -> Option<String> {
    let word: String = code.chars().take(100).collect();
    let meant = COUNTRY_WORDS.get(&text::words(&word)).map(|&code| code.to_owned());
    // The beginning of a longer word says nothing.
    meant.or_else(|| NEAREST_COUNTRY.nearest(&word).filter(|_| word.len() <= 3))
}

pub(super) fn is_subdivision(code: &str) -> bool {
    SUBDIVISIONS.contains(code)
}

pub(super) fn nearest_subdivision(code: &str) -> Option<String> {
    NEAREST_SUBDIVISION.nearest(code)
}

/// A country and three letters or digits from 2 to 9. The places themselves, over a hundred thousand, are not kept here.
pub(super) fn is_locode(code: &str) -> bool {
    let place = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'9').contains(&byte);
    code.len() == 5
        && code.split_at_checked(2).is_some_and(|(land, rest)| country(land).is_some() && rest.bytes().all(place))
}

pub(super) fn nearest_locode(code: &str) -> Option<String> {
    let bare: String = code.chars().take(20).filter(char::is_ascii_alphanumeric).collect();
    Some(bare.to_ascii_uppercase()).filter(|bare| is_locode(bare))
}

#[cfg(test)]
pub(super) fn counts() -> (usize, usize) {
    (COUNTRIES.len(), SUBDIVISIONS.len())
}
