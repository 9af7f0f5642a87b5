//! Sectors: in how many ways a question can name one.

use std::{collections::BTreeSet, fmt};

use isopolity_proto::{
    federation::SectorPrefix,
    types::{Sector, SectorScheme},
};

use crate::codes;

/// No code is longer; what is, is cut.
const CODE_LENGTH_MAX: usize = 16;
/// Nor is a version.
const VERSION_LENGTH_MAX: usize = 20;
/// What is longer is none of a code list, and is written without what is neither letter nor digit.
const CODE_BYTES_MAX: usize = 32;

/// The term of the sector that a question names, or of the beginning of one.
pub(super) fn term(prefix: &SectorPrefix) -> String {
    of_parts(prefix.scheme, &version(&prefix.version), &plain(&prefix.code))
}

/// The terms of a record's sector, in every way in which a question can name it: each beginning of its code and everything
/// that it belongs to, with and without scheme and version.
pub(super) fn terms(sector: &Sector) -> BTreeSet<String> {
    let code = plain(&sector.code);
    let mut found: BTreeSet<String> = (0..=code.len()).filter_map(|end| code.get(..end)).map(str::to_owned).collect();
    found.extend(
        codes::sector_ancestors(sector.scheme(), &sector.version, &sector.code).iter().map(|above| plain(above)),
    );
    let mut terms = BTreeSet::new();
    for code in &found {
        for scheme in [SectorScheme::Unspecified.into(), sector.scheme] {
            for version in ["", &version(&sector.version)] {
                terms.insert(of_parts(scheme, version, code));
            }
        }
    }
    terms
}

/// The public values of a record's sector: its own and everything that it belongs to in its code list.
pub(super) fn values(sector: &Sector) -> BTreeSet<String> {
    if sector.code.is_empty() {
        return BTreeSet::new();
    }
    let mut codes: BTreeSet<String> =
        codes::sector_ancestors(sector.scheme(), &sector.version, &sector.code).into_iter().collect();
    let own = &sector.code;
    codes.insert(if own.len() <= CODE_BYTES_MAX { own.clone() } else { plain(own) });
    let (scheme, version) = (scheme_name(sector.scheme), version(&sector.version));
    codes.into_iter().map(|code| format!("{scheme}/{version}/{code}")).collect()
}

/// A sector in its parts, to compare what a question names with the values under which records are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SectorParts {
    scheme: String,
    version: String,
    code: String,
}

impl SectorParts {
    /// Those of a public value. `None` if it is written in a way that is not known here.
    pub(crate) fn of_value(value: &str) -> Option<Self> {
        let mut parts = value.splitn(3, '/');
        let (scheme, version, code) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { scheme: scheme.to_owned(), version: version.to_owned(), code: plain(code) })
    }

    /// Those that a question names; what it leaves open is empty.
    pub(crate) fn of_prefix(prefix: &SectorPrefix) -> Self {
        let any = prefix.scheme == i32::from(SectorScheme::Unspecified);
        let scheme = if any { String::new() } else { scheme_name(prefix.scheme) };
        Self { scheme, version: version(&prefix.version), code: plain(&prefix.code) }
    }

    /// Whether this, as a question names it, may find a record that is counted under that value. If it does so for none of
    /// a record's values, the record is not found: it is found by the beginnings of its own code and by the codes of what
    /// it belongs to, and it is counted under each of these codes.
    pub(crate) fn may_find(&self, value: &Self) -> bool {
        (self.scheme.is_empty() || self.scheme == value.scheme)
            && (self.version.is_empty() || self.version == value.version)
            && value.code.starts_with(&self.code)
    }
}

impl fmt::Display for SectorParts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.scheme, &self.version, &self.code];
        let given: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        formatter.write_str(&given.join(" "))
    }
}

fn of_parts(scheme: i32, version: &str, code: &str) -> String {
    // The code holds only letters and digits, so no two sectors give one term.
    format!("{scheme}/{code}/{version}")
}

/// A code without points, in upper case.
fn plain(code: &str) -> String {
    let kept = code.chars().filter(char::is_ascii_alphanumeric).take(CODE_LENGTH_MAX);
    kept.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// A version as it stands in terms and values, where `/` parts it from the code.
fn version(version: &str) -> String {
    version.chars().take(VERSION_LENGTH_MAX).map(|letter| if letter == '/' { '-' } else { letter }).collect()
}

fn scheme_name(scheme: i32) -> String {
    SectorScheme::try_from(scheme).map_or_else(
        |_error: prost::UnknownEnumValue| scheme.to_string(),
        |scheme| scheme.as_str_name().trim_start_matches("SECTOR_SCHEME_").to_owned(),
    )
}
