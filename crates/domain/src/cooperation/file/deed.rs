//! What a file tells: who agreed to what, when.

use std::fmt;

use time::{OffsetDateTime, UtcOffset};

use super::super::{Hash, Move, Verified, told};
use crate::clock::from_timestamp;

/// What a city did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Its place in the history.
    pub sequence: i64,
    /// The event's hash.
    pub hash: Hash,
    /// The id of the city.
    pub city: String,
    /// When, as the city says.
    pub time: OffsetDateTime,
    /// The kind of step.
    pub mv: Move,
    /// What it did, as [`told`] says it.
    pub words: String,
}

impl Deed {
    /// What an event tells.
    pub(super) fn of(event: &Verified) -> Self {
        let Verified { event, hash } = event;
        let time = event.time.as_ref().and_then(from_timestamp);
        Self {
            sequence: event.sequence,
            hash: *hash,
            city: event.city.clone(),
            time: time.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(UtcOffset::UTC),
            mv: event.action.as_ref().map_or(Move::Message, Move::of),
            words: told(event),
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time;
        write!(
            formatter,
            "{:>4}  {} {:02}:{:02} UTC  {} {}",
            self.sequence,
            time.date(),
            time.hour(),
            time.minute(),
            self.city,
            self.words
        )
    }
}
