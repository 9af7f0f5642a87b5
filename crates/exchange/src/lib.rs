//! Files and resources: what a city keeps in spreadsheets, and what others exchange, read into the messages of
//! `isopolity-proto` and written from them.
//!
//! Nothing here knows a database, a socket or a clock. A reader takes bytes and hands on one [`Row`] at a time, so memory
//! does not grow with the file; a writer takes one resource at a time and hands on bytes. Whether a row is kept is decided
//! by whoever imports it: `isopolity-registry`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`iati`] | files of IATI Activity 2.03 |
//! | [`row`] | what a reader makes of a part of a file |
//! | [`schema`] | whether XML is what its schema allows |

pub mod iati;
pub mod row;
pub mod schema;

pub use row::{Context, Entry, Flaw, Outcome, Row};
