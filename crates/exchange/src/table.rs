//! Rows of cells under a header, from a text ([`csv`]) or a spreadsheet ([`xlsx`]).
//!
//! Both hand on the same [`Part`]s, one at a time. A row that is damaged is handed on as such, with the reasons, and the next
//! one is read all the same.

pub mod csv;
mod split;
pub mod xlsx;

use std::collections::BTreeMap;

use bytes::Bytes;
use isopolity_domain::text::fold;

use crate::Flaw;

/// The names of the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The names in order, without spaces around them. Empty where a column has none.
    pub names: Vec<String>,
}

impl Header {
    /// A header of these names.
    #[must_use]
    pub fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let clean =
            |name: T| name.as_ref().trim_start_matches('\u{feff}').split_whitespace().collect::<Vec<_>>().join(" ");
        Self { names: names.into_iter().map(clean).collect() }
    }

    /// Where a column stands: by its exact name, else by its name without regard to case and accents if that is only one.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let exact = self.names.iter().position(|one| *one == name);
        exact.or_else(|| {
            let folded = fold(&name);
            let mut alike = self.names.iter().enumerate().filter(|(_, one)| fold(one) == folded);
            alike.next().map(|(at, _)| at).filter(|_| alike.next().is_none())
        })
    }

    /// What is wrong with it: two columns of one name, or no name at all.
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (at, name) in self.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            places.entry(name).or_default().push((at + 1).to_string());
        }
        let mut flaws: Vec<Flaw> = places
            .into_iter()
            .filter(|(_, places)| places.len() > 1)
            .map(|(name, places)| {
                Flaw::of(name, format!("names columns {}: give each column a name of its own", places.join(" and ")))
            })
            .collect();
        if self.names.iter().all(String::is_empty) {
            flaws.push(Flaw::of("", "the header names no column: the first row has to hold the columns' names"));
        }
        flaws
    }

    /// How a column is called in messages.
    pub(crate) fn label(&self, at: usize) -> String {
        self.names.get(at).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("column {}", at + 1))
    }
}

/// A row below the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it begins: the line of a text, the row of a spreadsheet, from 1.
    pub line: i64,
    /// How much of the file is read with it, in bytes.
    pub bytes: i64,
    /// As many texts as the header has names.
    pub cells: Vec<String>,
    /// What is wrong with single cells, which matters only if they are used.
    pub cell_flaws: Vec<(usize, String)>,
    /// Header and row alone, as a file that can be read again.
    pub source: Bytes,
}

/// A part of a table, in the order of the file.
#[derive(Clone, Debug)]
pub enum Part {
    /// The header; at most once, before any record.
    Header(Header),
    /// A row.
    Record(Record),
    /// A row, or the rest of the file, that can't be read.
    Flawed {
        /// Where it begins, from 1.
        line: i64,
        /// How much of the file is read with it, in bytes.
        bytes: i64,
        /// What is wrong; at least one.
        flaws: Vec<Flaw>,
        /// Header and row alone; empty if the row can't be told apart.
        source: Bytes,
    },
}

impl Part {
    pub(crate) fn flawed(line: i64, bytes: i64, flaw: Flaw) -> Self {
        Self::Flawed { line, bytes, flaws: vec![flaw], source: Bytes::new() }
    }
}

/// What people have to say about a table besides its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// A text's encoding if it has no byte order mark; `None`: UTF-8.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// What stands between the cells of a text; `None`: found out from the header.
    pub delimiter: Option<u8>,
    /// The spreadsheet's sheet; `None`: the first.
    pub sheet: Option<String>,
    /// The line or row of the header, from 1. What stands above it is passed over.
    pub header_row: i64,
    /// A cell that begins with an apostrophe before `=`, `+`, `-`, `@`, a tab, a carriage return or another apostrophe was
    /// guarded against being taken for a formula: the apostrophe is dropped. Only in texts.
    pub guarded: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { encoding: None, delimiter: None, sheet: None, header_row: 1, guarded: true }
    }
}

/// Brings a row to the header's width, or says why that would lose something.
fn fit(header: &Header, cells: &mut Vec<String>, short_is_wrong: bool) -> Result<(), Flaw> {
    let wanted = header.names.len();
    let used = cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
    if used > wanted || (short_is_wrong && cells.len() < wanted) {
        let found = if used > wanted { used } else { cells.len() };
        return Err(Flaw::of(
            "",
            format!("has {found} cells, the header has {wanted}: is a delimiter or a quote missing?"),
        ));
    }
    cells.resize(wanted, String::new());
    let nameless =
        header.names.iter().zip(cells.iter()).position(|(name, cell)| name.is_empty() && !cell.trim().is_empty());
    match nameless {
        Some(at) => Err(Flaw::of(header.label(at), "holds a value but has no name in the header")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_and_by_nearly_its_name() {
        let header = Header::new(["\u{feff} Firmen name ", "Größe", "grosse", "GROSSE"]);
        assert_eq!(header.position("Firmen name"), Some(0));
        assert_eq!(header.position("firmen  NAME"), Some(0));
        assert_eq!(header.position("Größe"), Some(1));
        assert_eq!(header.position("Grosse"), None, "which of two is not guessed");
        assert_eq!(header.position("Ort"), None);
    }

    #[test]
    fn a_name_that_stands_twice_and_a_header_without_names_are_flaws() {
        assert_eq!(Header::new(["a", "b"]).flaws(), []);
        let flaws = Header::new(["a", "b", "a"]).flaws();
        assert_eq!(flaws[0].column, "a");
        assert!(flaws[0].description.contains("1 and 3"), "{flaws:?}");
        assert_eq!(Header::new(["", " "]).flaws().len(), 1);
    }
}
