//! A mapping says how the columns of a table become a resource.
//!
//! It is a small TOML file that an office writes once for each of its tables, best from the proposal of [`crate::guess`]:
//!
//! ```toml
//! kind = "organization"             # what each row is
//! key = ["Registernr"]              # columns that tell one row from another; the resource's name is made from them
//!
//! # How the file is written. All of it may be left out.
//! encoding = "windows-1252"         # without it: UTF-8, or what a byte order mark says
//! delimiter = ";"                   # without it: found out from the header
//! sheet = "Firmen"                  # of a workbook; without it: the first
//! header_row = 1                    # what stands above it is passed over
//!
//! [[field]]
//! to = "display_names[0].text"      # a path in the resource
//! column = "Firmenname"             # what it is filled from: a column …
//! language = "de"                   # sets `language` beside it
//! required = true                   # a row without it is rejected
//!
//! [[field]]
//! to = "kind"
//! value = "ENTERPRISE"              # … or the same in each row …
//!
//! [[field]]
//! to = "summaries[0].text"
//! template = "{Branche}, {Ort}"     # … or a text of several columns. {{ and }} stand for braces
//! language = "de"
//!
//! [[field]]
//! to = "country"
//! column = "Land"
//! country = "name"                  # the cell holds a country's name or any of its codes
//! default = "Deutschland"           # where the cell is empty
//! empty = ["-", "k.A."]             # cells that say nothing
//!
//! [[field]]
//! to = "last_verified_date"
//! column = "Stand"
//! format = "dd.mm.yyyy"             # dates; also "mm/yyyy" and "yyyy". ISO 8601 is always understood
//!
//! [[field]]
//! to = "seat.population"
//! column = "Einwohner"
//! decimal = ","                     # numbers as 1.234,56; "." for 1,234.56
//! remove = ["ca."]                  # taken out before anything else
//!
//! [[field]]
//! to = "languages[]"                # a whole list …
//! column = "Sprachen"
//! split = ","                       # … whose entries stand between these
//! other_values = "reject"           # or "keep" (without it): what is not among the values below
//! [field.values]                    # what a cell says, and what it means. Enum values by their short names
//! "Deutsch" = "de"
//! "Türkisch" = "tr"
//! ```
//!
//! More, for files of several cities and for our own exports: `city_column` (rows whose cell is not one of the city's names
//! are passed over), `key_prefix`, `name_column` (holds the resource name itself), `exact_column` (holds the resource as
//! JSON where columns can't; cells that differ from it win), `allow_missing_columns`, `guarded = false` (apostrophes before
//! `=`, `+`, `-`, `@` are text); for a field: `skip_row_if_empty`, `trim = false`, `reference = "organization"` (the name of
//! that kind's resource whose key is the cell).
//!
//! An amount stays the text that it is, so nothing is rounded. A value that stands beside columns in the same entry of a
//! list appears only where one of them says something: no identifier's scheme without an identifier.

mod apply;
mod convert;
mod file;
mod standard;

use std::collections::BTreeSet;

use isopolity_domain::{Kind, text::hexadecimal, text::slug};
use sha2::{Digest as _, Sha256};

pub(crate) use apply::Bound;
pub use standard::{mapping_for, mapping_text_for};

use crate::{
    path::Path,
    table::{Header, Layout},
};

/// How the columns of a table become resources of one kind.
#[derive(Clone, Debug)]
pub struct Mapping {
    kind: Kind,
    layout: Layout,
    naming: Naming,
    city_column: Option<String>,
    exact_column: Option<String>,
    allow_missing_columns: bool,
    fields: Vec<Field>,
}

/// Where a resource's name comes from.
#[derive(Clone, Debug)]
enum Naming {
    /// The city's own profile has only one.
    City,
    /// Made from columns.
    Key { columns: Vec<String>, prefix: String },
    /// Stated in a column.
    Column(String),
}

/// One field and what it is filled from.
#[derive(Clone, Debug)]
struct Field {
    path: Path,
    source: Source,
    conversion: convert::Conversion,
    /// The path of the language beside it, and the language.
    language: Option<(Path, String)>,
    required: bool,
    skip_row_if_empty: bool,
    default: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    Column(String),
    Value(String),
    Template(Vec<Piece>),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Column(String),
}

impl Source {
    fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::Value(_) => Vec::new(),
            Self::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Column(name) => Some(name.as_str()),
                    Piece::Text(_) => None,
                })
                .collect(),
        }
    }
}

/// A mapping file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{description}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), if key.is_empty() { String::new() } else { format!("{key}: ") })]
pub struct MappingError {
    /// Where, from 1, if it is known.
    pub line: Option<usize>,
    /// The key that it is about; empty if it is the file as a whole.
    pub key: String,
    /// What is wrong and what would be right.
    pub description: String,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// [`MappingError`] with key and line.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        file::parse(text)
    }

    /// What each row becomes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How the file is written.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The columns of a file of which the mapping makes nothing, to be told to whoever imports it.
    #[must_use]
    pub fn unused_columns(&self, header: &Header) -> Vec<String> {
        let used: BTreeSet<usize> = self.columns().into_iter().filter_map(|column| header.position(column)).collect();
        let names = header.names.iter().enumerate();
        names.filter(|(at, name)| !used.contains(at) && !name.is_empty()).map(|(_, name)| name.clone()).collect()
    }

    /// Every column that it names.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<&str> {
        let naming: Vec<&str> = match &self.naming {
            Naming::City => Vec::new(),
            Naming::Key { columns, .. } => columns.iter().map(String::as_str).collect(),
            Naming::Column(name) => vec![name],
        };
        let fields = self.fields.iter().flat_map(|field| field.source.columns());
        let single = self.city_column.iter().chain(&self.exact_column).map(String::as_str);
        naming.into_iter().chain(fields).chain(single).collect()
    }
}

/// The id of a resource whose row has these key cells, the same for the same cells: readable by its beginning, told apart
/// by its end. `None` if all are empty.
pub(crate) fn id_of(prefix: &str, cells: &[&str]) -> Option<String> {
    if cells.iter().all(|cell| cell.is_empty()) {
        return None;
    }
    let digest = hexadecimal(Sha256::digest(cells.join("\u{1f}").as_bytes()).get(..4).unwrap_or_default());
    let readable = slug(cells.first().copied().unwrap_or_default(), 40);
    let parts = [prefix, readable.as_str(), digest.as_str()];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests;
