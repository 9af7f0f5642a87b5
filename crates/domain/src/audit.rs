//! The audit log: what was done, asked and answered, in a chain that nobody can change unnoticed.
//!
//! Each entry is stored as the bytes that were chained, and nobody serializes them again. The chain's hash at an entry is
//! reckoned from the hash before it and the digest of the entry's bytes, so whoever knows the hash at one entry can be led to
//! a later one by digests alone, without seeing what the entries say: that is how peers witness a log ([`head`]).
//!
//! What a person could be known by (values of fields, purposes, pseudonyms, reasons) is not in the chain but beside it, in a
//! detail. The entry holds the detail's digest, salted, so that the detail can be erased, with its salt, and the chain stays
//! whole while nothing can be guessed from what is left.
//!
//! | module | what it decides |
//! | --- | --- |
//! | `event` | what is said of something that was done |
//! | `changes` | which fields of a resource changed, and from what to what |
//! | `chain` | how events become entries, and how entries are checked |
//! | [`head`] | how a log's end is signed, and whether one follows from another |
//! | [`file`](mod@file) | the log as a file that is checked without a node |

mod chain;
mod changes;
mod event;
pub mod file;
pub mod head;

pub use chain::{Broken, Chain, Checker, Entry, Flaw, Hash, Kept, SALT, entry_digest};
pub use event::{Event, Subject};

#[cfg(test)]
mod tests;
