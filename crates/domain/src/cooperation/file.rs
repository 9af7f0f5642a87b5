//! The history as a file that is checked without a node: JSON Lines.
//!
//! | line | what it holds |
//! | --- | --- |
//! | first | the cooperation's name |
//! | one for each event | the event as its city and the host signed it, a DSSE envelope |
//! | two, if the host forked the history | the place, and the other event that it signed there, a DSSE envelope |
//! | last | how many events there are, and the hash of the last one |
//!
//! Each line has exactly one spelling, so that not a single byte can be changed unnoticed. The last line is not signed: it shows that
//! nothing is missing at the end of the file, not that nothing has happened since. Nor does a file without a fork show that there is none:
//! only that its city knew of none.

mod deed;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use isopolity_proto::{cooperation::Cooperation, federation::Envelope};

pub use deed::Deed;

use super::{CooperationName, EventError, Hash, Refusal, Verified, apply::apply, event_hash, open_event};
use crate::{
    CityId,
    envelope::{self, EnvelopeError, Keys},
};

/// With this a file begins.
pub const BEGINNING: &str = r#"{"isopolityCooperation":"1","#;
/// With this its last line begins.
const END: &str = r#"{"end":{"events":""#;

/// With this begins the line before the other event of a fork.
const FORK: &str = r#"{"fork":{"sequence":""#;

/// Writes a history, line by line.
#[derive(Debug)]
pub struct Writer {
    events: i64,
    head: Hash,
}

impl Writer {
    /// Begins a file. Returns the first line too.
    #[must_use]
    pub fn begin(name: &CooperationName) -> (Self, String) {
        (Self { events: 0, head: [0; 32] }, first_line(name))
    }

    /// The line of the next event, from the first on.
    pub fn event(&mut self, envelope: &Envelope) -> String {
        self.events += 1;
        self.head = event_hash(&envelope.payload);
        envelope::to_file(envelope)
    }

    /// The lines that prove a fork, after those of the events: the place, and the other event that has the host's signature there.
    #[must_use]
    pub fn fork(&self, sequence: i64, other: &Envelope) -> String {
        format!("{}{}", fork_line(sequence), envelope::to_file(other))
    }

    /// The last line.
    #[must_use]
    pub fn end(self) -> String {
        last_line(self.events, &self.head)
    }
}

fn first_line(name: &CooperationName) -> String {
    format!("{BEGINNING}\"cooperation\":\"{name}\"}}\n")
}

fn fork_line(sequence: i64) -> String {
    format!("{FORK}{sequence}\"}}}}\n")
}

fn last_line(events: i64, head: &Hash) -> String {
    format!("{END}{events}\",\"headHash\":\"{}\"}}}}\n", STANDARD.encode(head))
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFlaw {
    /// It is no line of an exported cooperation.
    #[error("it is not spelt as this program spells it; a byte was changed")]
    Spelling,
    /// It is not the line that should be here.
    #[error("{0} should stand here")]
    Order(&'static str),
    /// It is an event of another cooperation.
    #[error("it is an event of {found}, not of {expected}")]
    Cooperation {
        /// Of which.
        found: String,
        /// Of which it should be.
        expected: CooperationName,
    },
    /// A signature is not good, or the event can't be read.
    #[error("{0}")]
    Event(#[from] EventError),
    /// The host has not put it in its place.
    #[error("it lacks the signature of the host, {0}: it is no part of the history")]
    Unordered(CityId),
    /// It does not follow the event before.
    #[error(
        "it does not follow the event before: event {expected}, with the hash of the one before, should stand here"
    )]
    Chain {
        /// The place of the event that should be here.
        expected: i64,
    },
    /// It is not possible after the events before.
    #[error("it is signed, but not possible: {0}")]
    Refused(Refusal),
    /// What should prove a fork proves none.
    #[error("it is no other event in place {sequence}: it does not prove that the host forked the history")]
    Fork {
        /// The place that it is said to be for.
        sequence: i64,
    },
    /// The last line does not fit.
    #[error("the last line speaks of {said} events with another end than the {found} that are here")]
    End {
        /// How many it says there are.
        said: i64,
        /// How many there are.
        found: i64,
    },
    /// The file ends too early.
    #[error("the file is not whole: it ends without its last line")]
    Cut,
}

/// The first line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {flaw}")]
pub struct FileError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub flaw: FileFlaw,
}

/// A file that is as it was exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The cooperation.
    pub name: CooperationName,
    /// How it stands after its last event.
    pub cooperation: Cooperation,
    /// Who did what, when.
    pub deeds: Vec<Deed>,
    /// The host signed two different events in one place.
    pub fork: Option<Forked>,
}

/// Two events in one place, both with the host's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forked {
    /// The place.
    pub sequence: i64,
    /// The one that the history has.
    pub known: Deed,
    /// The other one. What it says was not checked, only who signed it.
    pub other: Deed,
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the history.
    Events,
    /// Before the other event of this place.
    Fork(i64),
    /// After the proof of a fork.
    Proven,
    /// At its end.
    End,
}

/// Checks a file, line by line.
#[derive(Debug)]
pub struct Reader<'a> {
    keys: &'a BTreeMap<CityId, Keys>,
    line: usize,
    name: Option<CooperationName>,
    cooperation: Option<Cooperation>,
    deeds: Vec<Deed>,
    fork: Option<Forked>,
    at: At,
}

impl<'a> Reader<'a> {
    /// Begins, with the keys of every city whose bundle is there.
    #[must_use]
    pub fn begin(keys: &'a BTreeMap<CityId, Keys>) -> Self {
        Self { keys, line: 0, name: None, cooperation: None, deeds: Vec::new(), fork: None, at: At::Events }
    }

    /// Checks a line, with its line feed. Returns what it tells of if it is an event.
    ///
    /// # Errors
    /// [`FileError`]. What comes after can't be checked then.
    pub fn line(&mut self, line: &str) -> Result<Option<&Deed>, FileError> {
        self.line += 1;
        let is_event = self.read(line).map_err(|flaw| FileError { line: self.line, flaw })?;
        Ok(self.deeds.last().filter(|_| is_event))
    }

    /// Tells that there are no more lines.
    ///
    /// # Errors
    /// [`FileError`] if the file was cut off.
    pub fn finish(self) -> Result<Checked, FileError> {
        match (self.name, self.cooperation) {
            (Some(name), Some(cooperation)) if self.at == At::End => {
                Ok(Checked { name, cooperation, deeds: self.deeds, fork: self.fork })
            }
            _ => Err(FileError { line: self.line + 1, flaw: FileFlaw::Cut }),
        }
    }

    fn read(&mut self, line: &str) -> Result<bool, FileFlaw> {
        let Some(name) = self.name.clone() else {
            self.name = Some(first(line)?);
            return Ok(false);
        };
        match self.at {
            At::End => return Err(FileFlaw::Order("the end of the file")),
            At::Fork(sequence) => {
                self.other(&name, sequence, line)?;
                return Ok(false);
            }
            At::Proven if !line.starts_with(END) => return Err(FileFlaw::Order("the last line")),
            At::Events if line.starts_with(FORK) => {
                self.at = At::Fork(forked_at(line)?);
                return Ok(false);
            }
            At::Events | At::Proven => {}
        }
        if line.starts_with(END) {
            self.last(line)?;
            return Ok(false);
        }
        self.event(&name, line)?;
        Ok(true)
    }

    fn event(&mut self, name: &CooperationName, line: &str) -> Result<(), FileFlaw> {
        let event = self.opened(name, line)?;
        let after = apply(self.cooperation.as_ref(), &event).map_err(|refusal| match refusal {
            Refusal::Place { expected, .. } => FileFlaw::Chain { expected },
            other => FileFlaw::Refused(other),
        })?;
        self.deeds.push(Deed::of(&event));
        self.cooperation = Some(after);
        Ok(())
    }

    /// An event of this cooperation with the host's signature.
    fn opened(&self, name: &CooperationName, line: &str) -> Result<Verified, FileFlaw> {
        let envelope = envelope::from_file(line.as_bytes()).map_err(|_error: EnvelopeError| FileFlaw::Spelling)?;
        let opened = open_event(&envelope, |city| self.keys.get(city).cloned())?;
        let event = &opened.verified.event;
        if event.cooperation != name.to_string() {
            return Err(FileFlaw::Cooperation { found: event.cooperation.clone(), expected: name.clone() });
        }
        if !opened.ordered {
            return Err(FileFlaw::Unordered(name.host().clone()));
        }
        Ok(opened.verified)
    }

    /// The other event in a place.
    fn other(&mut self, name: &CooperationName, sequence: i64, line: &str) -> Result<(), FileFlaw> {
        let other = self.opened(name, line)?;
        let known = self.deeds.iter().find(|deed| deed.sequence == sequence);
        let known = known.filter(|known| other.event.sequence == sequence && other.hash != known.hash);
        let known = known.cloned().ok_or(FileFlaw::Fork { sequence })?;
        self.fork = Some(Forked { sequence, known, other: Deed::of(&other) });
        self.at = At::Proven;
        Ok(())
    }

    fn last(&mut self, line: &str) -> Result<(), FileFlaw> {
        let Some(cooperation) = &self.cooperation else { return Err(FileFlaw::Order("the first event")) };
        let head: Hash = cooperation.head_hash.as_ref().try_into().unwrap_or_default();
        let said = line.strip_prefix(END).and_then(|rest| rest.split_once('"')).ok_or(FileFlaw::Spelling)?.0;
        let said: i64 = said.parse().map_err(|_error: std::num::ParseIntError| FileFlaw::Spelling)?;
        if line == last_line(cooperation.sequence, &head) {
            self.at = At::End;
            return Ok(());
        }
        // What is spelt as it should be speaks of another end; anything else was changed.
        let hash = line.strip_suffix("\"}}\n").and_then(|rest| rest.rsplit_once('"')).ok_or(FileFlaw::Spelling)?.1;
        let hash = STANDARD.decode(hash).map_err(|_error: base64::DecodeError| FileFlaw::Spelling)?;
        let hash = Hash::try_from(hash.as_slice()).map_err(|_error| FileFlaw::Spelling)?;
        if line == last_line(said, &hash) {
            return Err(FileFlaw::End { said, found: cooperation.sequence });
        }
        Err(FileFlaw::Spelling)
    }
}

/// Checks a whole file.
///
/// # Errors
/// [`FileError`] with the first line that is wrong, and why.
pub fn check(file: &str, keys: &BTreeMap<CityId, Keys>) -> Result<Checked, FileError> {
    let mut reader = Reader::begin(keys);
    for line in file.split_inclusive('\n') {
        reader.line(line)?;
    }
    reader.finish()
}

fn first(line: &str) -> Result<CooperationName, FileFlaw> {
    let rest = line.strip_prefix(BEGINNING).ok_or(FileFlaw::Spelling)?;
    let name = rest.strip_prefix("\"cooperation\":\"").and_then(|rest| rest.strip_suffix("\"}\n"));
    let name = name.and_then(|name| name.parse().ok()).ok_or(FileFlaw::Spelling)?;
    if first_line(&name) == line { Ok(name) } else { Err(FileFlaw::Spelling) }
}

/// The place of which another event follows.
fn forked_at(line: &str) -> Result<i64, FileFlaw> {
    let said = line.strip_prefix(FORK).and_then(|rest| rest.split_once('"')).ok_or(FileFlaw::Spelling)?.0;
    let sequence: i64 = said.parse().map_err(|_error: std::num::ParseIntError| FileFlaw::Spelling)?;
    if line == fork_line(sequence) { Ok(sequence) } else { Err(FileFlaw::Spelling) }
}
