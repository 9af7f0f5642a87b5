//! The index as one commit left it, with its statistics.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use isopolity_domain::{feed::Position, sight::Sight};
use isopolity_proto::federation::{Envelope, Statistics, WordStatistics};
use prost::Message as _;
use tantivy::{
    DocAddress, Searcher, TantivyError, Term,
    schema::{
        Field,
        document::{DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize, ValueDeserializer},
    },
};

use crate::{
    schema::Fields,
    segment::{Segment, corrupt},
};

/// How many counts of a word are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// The index as one commit left it.
pub(crate) struct Snapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    pub(crate) position: Position,
    /// In the searcher's order.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// How many records hold a term of which there are many.
    holding: Mutex<HashMap<(Sight, Term), u64>>,
}

impl Snapshot {
    /// Takes over what the snapshot `before` knows of segments that are still the same.
    pub(crate) fn new(searcher: Searcher, fields: Fields, position: Position, before: Option<&Self>) -> Self {
        let known = before.map_or(&[] as &[Arc<Segment>], |before| &before.segments);
        let segment = |reader: &tantivy::SegmentReader| {
            let same = known.iter().find(|segment| segment.is(reader));
            same.map_or_else(|| Arc::new(Segment::new(reader.clone(), fields)), Arc::clone)
        };
        let segments = searcher.segment_readers().iter().map(segment).collect();
        Self { searcher, fields, position, segments, holding: Mutex::default() }
    }

    /// The same sight in its plainest form: where nothing names its city, it sees what others of its clearance do. So what is known
    /// for these serves it, too.
    pub(crate) fn plainest(&self, sight: &Sight) -> Result<Sight, TantivyError> {
        let Some(city) = sight.city() else { return Ok(sight.clone()) };
        for segment in &self.segments {
            if segment.names_city(city)? {
                return Ok(sight.clone());
            }
        }
        Ok(sight.without_city())
    }

    /// How many records are seen.
    pub(crate) fn records(&self, sight: &Sight) -> Result<u64, TantivyError> {
        let mut records = 0;
        for segment in &self.segments {
            records += segment.visible(sight)?.map_or(0, |visible| visible.count);
        }
        Ok(records)
    }

    /// The statistics of the records that are seen, with a line for each of the words, in byte order.
    pub(crate) fn statistics(&self, words: &[String], sight: &Sight) -> Result<Statistics, TantivyError> {
        let mut statistics = Statistics { records: signed(self.records(sight)?), ..Statistics::default() };
        for segment in &self.segments {
            if let Some(visible) = segment.visible(sight)? {
                let lengths = segment.lengths(&visible)?;
                statistics.title_words = statistics.title_words.saturating_add(signed(lengths.title));
                statistics.body_words = statistics.body_words.saturating_add(signed(lengths.body));
            }
        }
        for word in words.iter().collect::<BTreeSet<_>>() {
            statistics.words.push(self.word(word, sight)?);
        }
        Ok(statistics)
    }

    /// How many of the records that are seen hold the word.
    pub(crate) fn word(&self, word: &str, sight: &Sight) -> Result<WordStatistics, TantivyError> {
        let of = |field: Field| self.holding(Term::from_field_text(field, word), sight).map(signed);
        Ok(WordStatistics {
            word: word.to_owned(),
            title_records: of(self.fields.title)?,
            body_records: of(self.fields.body)?,
        })
    }

    /// The signed record of a document.
    pub(crate) fn envelope(&self, address: DocAddress) -> Result<Envelope, TantivyError> {
        let Stored(bytes) = self.searcher.doc(address)?;
        Envelope::decode(Bytes::from(bytes))
            .map_err(|error| corrupt(&format!("a stored envelope can't be read: {error}")))
    }

    fn holding(&self, term: Term, sight: &Sight) -> Result<u64, TantivyError> {
        let key = (sight.clone(), term);
        if let Some(known) = self.holding.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let mut holding = 0;
        for segment in &self.segments {
            if let Some(visible) = segment.visible(sight)? {
                holding += segment.holding(&key.1, &visible)?;
            }
        }
        // What is counted in no time need not be remembered.
        if holding > 1_000 {
            let mut known = self.holding.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() < REMEMBERED_MAX {
                known.insert(key, holding);
            }
        }
        Ok(holding)
    }
}

/// What the index keeps of a record: its envelope alone. Read as it is, which is much quicker than a document of any fields.
struct Stored(Vec<u8>);

impl DocumentDeserialize for Stored {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(mut document: D) -> Result<Self, DeserializeError> {
        let value = document.next_field::<Self>()?;
        value.map(|(_, stored)| stored).ok_or_else(|| DeserializeError::custom("a record has no envelope"))
    }
}

impl ValueDeserialize for Stored {
    fn deserialize<'de, D: ValueDeserializer<'de>>(value: D) -> Result<Self, DeserializeError> {
        value.deserialize_bytes().map(Self)
    }
}

/// A count as messages carry it.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
