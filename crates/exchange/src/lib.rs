//! Files and resources: what a city keeps in spreadsheets, and what others exchange, read into the messages of
//! `isopolity-proto` and written from them.
//!
//! Nothing here knows a database, a socket or a clock. A reader takes bytes and hands on one [`Row`] at a time, so memory
//! does not grow with the file; a writer takes one resource at a time and hands on bytes. Whether a row is kept is decided
//! by whoever imports it: `isopolity-registry`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`row`] | what a reader makes of a part of a file |
//! | [`read`] | one function for each format that is read |
//! | [`iati`] | files of IATI Activity 2.03 |
//! | [`schema`] | whether XML is what its schema allows |
//! | [`mapping`] | how the columns of a table become a resource |
//! | [`guess`] | a mapping proposed from a header and some rows |
//! | [`table`] | rows of cells, from texts and workbooks |
//! | [`text_file`], [`lines`] | texts in any usual encoding, line by line |
//! | [`path`] | where a value stands in a message |
//! | [`write`] | resources as JSON Lines, CSV and workbooks |

mod country;
pub mod guess;
pub mod iati;
mod json_lines;
pub mod lines;
pub mod mapping;
pub mod path;
mod plausible;
pub mod read;
pub mod row;
pub mod schema;
mod stamp;
pub mod table;
#[cfg(test)]
mod testing;
pub mod text_file;
mod twin_towns;
mod value;
pub mod write;

pub use mapping::{Mapping, MappingError};
pub use row::{Context, Entry, Flaw, Outcome, Row};
