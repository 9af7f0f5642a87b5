//! Resources as files: JSON Lines, CSV and workbooks.
//!
//! A writer takes one resource at a time. What may leave the city is decided before: whoever exports hands over what its
//! audience may see.
//!
//! | writer | what it makes |
//! | --- | --- |
//! | [`JsonLines`] | on each line a resource in protobuf JSON with its `@type`; any kinds, nothing is lost |
//! | [`Csv`] | a table of one kind, with the columns of [`flat`] |
//! | [`Workbook`] | the same as a workbook (`.xlsx`) with one sheet |

pub(crate) mod csv;
pub mod flat;
mod json_lines;
mod workbook;

use std::io;

pub use csv::Csv;
pub use json_lines::JsonLines;
use prost_reflect::DynamicMessage;
pub use workbook::Workbook;

/// A resource that does not fit the file. The writers give it within an [`io::Error`]; what was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A table holds resources of one kind only.
    #[error("a table of the kind {expected} can't hold a {found}")]
    OtherKind {
        /// What the table holds.
        expected: String,
        /// The full name of what was to be written.
        found: String,
    },
    /// The resource holds what JSON can't, for example a time before the year 1.
    #[error("{name} has no JSON form")]
    NoJson {
        /// The resource's name.
        name: String,
    },
    /// A workbook's cell holds at most 32,767 characters.
    #[error(
        "column {column} of {name} is longer than the 32,767 characters that a workbook's cell holds: export it as CSV"
    )]
    CellTooLong {
        /// The resource's name.
        name: String,
        /// The column.
        column: String,
    },
    /// A workbook's sheet holds at most 1,048,576 rows.
    #[error("a workbook's sheet holds at most 1,048,576 rows: export it as CSV")]
    TooManyRows,
    /// The workbook could not be put together.
    #[error("the workbook can't be written")]
    Workbook(#[source] rust_xlsxwriter::XlsxError),
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// What a resource is called, for errors.
fn name_of(resource: &DynamicMessage) -> String {
    resource.get_field_by_name("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
