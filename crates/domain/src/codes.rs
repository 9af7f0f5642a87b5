//! Which codes exist: countries, languages, currencies, places, economic activities, legal forms, registers, goals.
//!
//! The lists are data, embedded from `data/`, where each folder names its source and what was changed; nothing is read
//! while the program runs, and a list costs memory once it is first used. Whether a code fits a field is decided elsewhere:
//! a field of the proto names its list (`codes`), and [`crate::validate`] asks [`check`].
//!
//! | list | what | codes | bytes | licence |
//! | --- | --- | ---: | ---: | --- |
//! | `bcp47` | language tags of CLDR; any well-formed tag of a known language is good | 1,121 | 6,836 | PDDL 1.0 |
//! | `elf` | legal forms, ISO 20275, version 1.5 | 3,430 | 222,266 | CC0 1.0 |
//! | `iati-…` | 41 lists of IATI 2.03, for example `iati-sector`, `iati-activity-status` | 1,985 | 75,319 | CC BY 4.0 |
//! | `isic-4` | economic activities of the United Nations, with the correspondence to NACE 2 | 766 | 54,656 | CC BY 4.0 |
//! | `iso3166-1` | countries, in ar, en, es, fr, ru, zh; with `XK` | 250 | 39,453 | PDDL 1.0 |
//! | `iso3166-2` | their subdivisions | 4,672 | 132,727 | PDDL 1.0 |
//! | `iso4217` | currencies, also withdrawn ones, with their minor units | 307 | 8,532 | PDDL 1.0 |
//! | `iso639` | languages, in en and fr, by the shortest code | 486 | 14,903 | PDDL 1.0 |
//! | `nace-2` | economic activities of Europe, with the correspondence to ISIC 4 | 996 | 56,610 | CC BY 4.0 |
//! | `nace-2.1` | the same, revised | 1,047 | 56,708 | CC BY 4.0 |
//! | `nuts-2021` | regions of Europe's statistics | 2,119 | 55,067 | CC BY 4.0 |
//! | `org-id` | registers that identify organisations ([`identifier`]) | 823 | 111,963 | `ODbL` 1.0 |
//! | `sdg-goal` | the Sustainable Development Goals, in en and fr | 17 | 4,052 | CC BY 4.0 |
//! | `sdg-target` | their targets, in en and fr | 169 | 80,093 | CC BY 4.0 |
//! | `un-locode` | a tenth of the places; any well-formed code is good, the others have no name | 11,496 | 399,809 | PDDL 1.0 |
//!
//! A code that was withdrawn is still good: records of its time hold it ([`Status`]).

mod code;
mod conversion;
pub mod identifier;
mod language;
mod list;
mod lists;
mod nearest;
mod place;
mod search;
mod sector;
mod table;

use isopolity_proto::types::SectorScheme;

pub use self::{
    code::{Code, Label, Status},
    conversion::{Candidate, Conversion, convert},
    list::List,
};

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
    /// The code was withdrawn, and where it is used a withdrawn one is not good. [`check`] never says so.
    #[error("{code:?} was withdrawn from {list}{}", instead.as_deref().map(|code| format!("; use {code:?}")).unwrap_or_default())]
    Withdrawn {
        /// The list.
        list: &'static str,
        /// The code.
        code: String,
        /// The code that took its place.
        instead: Option<String>,
    },
    /// Between these lists there is no conversion.
    #[error("codes of {from} can't be converted to {to}")]
    NoConversion {
        /// The list that was given.
        from: &'static str,
        /// The list that was wanted.
        to: &'static str,
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

/// All lists, in the order of their ids.
#[must_use]
pub fn lists() -> &'static [List] {
    lists::all()
}

/// The list that the proto's option `codes` names.
///
/// # Errors
/// [`CodeError::UnknownList`].
pub fn list(id: &str) -> Result<&'static List, CodeError> {
    lists::find(id).ok_or_else(|| CodeError::UnknownList(id.chars().take(100).collect()))
}

/// Checks a code of any list. Codes are compared as they are written; only language tags are the same in upper and lower
/// case. Withdrawn codes are good.
///
/// # Errors
/// [`CodeError::UnknownList`], or [`CodeError::Unknown`] with what was probably meant.
pub fn check(id: &str, code: &str) -> Result<(), CodeError> {
    let list = list(id)?;
    if list.contains(code) { Ok(()) } else { Err(CodeError::unknown(id, code, list.nearest(code))) }
}

/// What a list says about a code; `None` if there is no such list or no such code.
#[must_use]
pub fn look_up(id: &str, code: &str) -> Option<Code> {
    lists::find(id)?.look_up(code)
}

/// A page of a list: see [`List::entries`]. The next page begins after the last code of this one.
///
/// # Errors
/// [`CodeError::UnknownList`].
pub fn entries(id: &str, after: &str, limit: usize, query: &str) -> Result<Vec<Code>, CodeError> {
    Ok(list(id)?.entries(after, limit, query))
}

/// The short name of a country (ISO 3166-1 alpha-2, or `XK`) in `ar`, `en`, `es`, `fr`, `ru` or `zh`.
#[must_use]
pub fn country_name(code: &str, language: &str) -> Option<&'static str> {
    let countries = lists::find("iso3166-1")?;
    countries.table().label(countries.row(code)?, language)
}

/// Checks a code of a classification of economic activities: NACE 2 and 2.1 with a point (`10.71`), ISIC 4 without
/// (`1071`).
///
/// # Errors
/// [`CodeError::UnknownList`] if there is no such version of the scheme, else [`CodeError::Unknown`].
pub fn check_sector(scheme: SectorScheme, version: &str, code: &str) -> Result<(), CodeError> {
    let unknown = || CodeError::UnknownList(sector::name(scheme, version));
    let list = sector::list(scheme, version).ok_or_else(unknown)?;
    if list.contains(code) {
        Ok(())
    } else {
        Err(CodeError::unknown(&sector::name(scheme, version), code, list.nearest(code)))
    }
}

/// An economic activity and everything that it belongs to, up to its section: `10.71`, `10.7`, `10`, `C`. Empty if the
/// code does not exist.
#[must_use]
pub fn sector_ancestors(scheme: SectorScheme, version: &str, code: &str) -> Vec<String> {
    sector::list(scheme, version).map(|list| sector::ancestors(list, code)).unwrap_or_default()
}

/// The English title of an economic activity. ISIC: of sections and divisions only, which it shares with NACE 2.
#[must_use]
pub fn sector_label(scheme: SectorScheme, version: &str, code: &str) -> Option<&'static str> {
    let list = sector::list(scheme, version)?;
    list.table().label(list.row(code)?, "en")
}

#[cfg(test)]
mod tests;
