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
//! | [`dcat`] | a registry described as a catalogue (DCAT-AP) |

pub mod dcat;
pub mod row;

pub use row::{Context, Entry, Flaw, Outcome, Row};
