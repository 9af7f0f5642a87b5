//! A mapping proposed from a header and some rows, for a person to look over.
//!
//! A column is recognised by its name, in seven languages, or else by its values. What is doubtful is written into the
//! proposal, but commented out. The proposal is always a mapping that [`crate::Mapping`] reads.

mod proposal;
mod targets;
mod values;
mod words;

use std::{collections::BTreeMap, io::Cursor};

use isopolity_domain::{Kind, Name};

use crate::{
    mapping::mapping_text_for,
    read,
    table::{Header, Layout},
    write::flat,
};
use proposal::Proposal;
use words::Meaning;

/// The longest name of a column that is proposed.
const NAME_MAX: usize = 200;
/// The most rows that are looked at.
const ROWS_MAX: usize = 500;

/// How sure a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    /// By name or by values alone, or against the values: commented out.
    Doubtful,
    /// By name.
    Likely,
    /// By name and by values.
    Sure,
}

impl Sureness {
    fn word(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::Doubtful => "doubtful, so it is commented out",
        }
    }
}

/// A file for which nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GuessError(String);

/// Proposes a mapping file for a table: a delimited text, of which the beginning is enough, or a whole workbook (its first
/// sheet). Without a kind, the kind is guessed from the columns as well.
///
/// # Errors
/// [`GuessError`] if it has no header that can be read.
pub fn guess(head: &[u8], workbook: bool, kind: Option<Kind>) -> Result<String, GuessError> {
    let layout = Layout::default();
    let sample = if workbook {
        read::sample_workbook(Cursor::new(head), &layout, ROWS_MAX)
    } else {
        read::sample_table(head, &layout, ROWS_MAX)
    };
    let (header, rows) = sample.map_err(|flaw| GuessError(flaw.description))?;
    Ok(from_sample(&header, &rows, kind))
}

/// Proposes a mapping file from a header and some rows.
#[must_use]
pub fn from_sample(header: &Header, rows: &[Vec<String>], kind: Option<Kind>) -> String {
    let columns: Vec<Column<'_>> = header
        .names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty() && name.len() <= NAME_MAX && header.position(name).is_some())
        .filter(|(at, name)| header.names.iter().position(|other| other == *name) == Some(*at))
        .map(|(at, name)| Column { name, values: values::said(rows, at), named: words::meaning(name) })
        .collect();
    if let Some(kind) = own_kind(&columns, kind) {
        return mapping_text_for(kind);
    }
    let guessed = kind.unwrap_or_else(|| kind_of(&columns));
    Proposal::new(guessed, language_of(&columns)).write(&columns, kind.is_some())
}

struct Column<'a> {
    name: &'a str,
    values: Vec<&'a str>,
    named: Option<(Meaning, &'static str, bool)>,
}

impl Column<'_> {
    fn means(&self, meaning: Meaning) -> bool {
        self.named.is_some_and(|(found, _, _)| found == meaning)
    }
}

/// The kind that the columns' names speak for.
fn kind_of(columns: &[Column<'_>]) -> Kind {
    let has = |meaning| columns.iter().any(|column| column.means(meaning));
    if has(Meaning::Stage) {
        Kind::Partnership
    } else if has(Meaning::Partner) || has(Meaning::Signed) {
        Kind::Agreement
    } else if has(Meaning::Latitude) && (has(Meaning::GeoNames) || has(Meaning::Locode)) && !has(Meaning::City) {
        Kind::Place
    } else {
        Kind::Organization
    }
}

/// The kind of a table that we wrote ourselves, if it is one.
fn own_kind(columns: &[Column<'_>], stated: Option<Kind>) -> Option<Kind> {
    let find = |name: &str| columns.iter().find(|column| column.name == name);
    find(flat::EXACT_COLUMN)?;
    let of_rows = find("name")?.values.first().and_then(|name| name.parse::<Name>().ok());
    stated.or_else(|| of_rows.map(|name| name.kind()))
}

/// The language of most of the columns' names; English where nothing tells.
fn language_of(columns: &[Column<'_>]) -> &'static str {
    let mut votes: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (_, language, _) in columns.iter().filter_map(|column| column.named) {
        *votes.entry(language).or_default() += 1;
    }
    votes.into_iter().max_by_key(|(language, count)| (*count, *language == "en")).map_or("en", |(language, _)| language)
}

#[cfg(test)]
mod tests;
