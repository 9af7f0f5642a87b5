//! The index as one commit left it, with its statistics.

use std::sync::OnceLock;

use isopolity_domain::feed::Position;
use isopolity_proto::options::Audience;
use tantivy::{
    DocSet as _, Searcher, TERMINATED, TantivyError, Term,
    query::{BooleanQuery, Query, TermQuery},
    schema::{Field, IndexRecordOption},
};

use crate::schema::{CLEARANCES, Fields};

/// The index as one commit left it.
pub(crate) struct Snapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    pub(crate) position: Position,
    /// Counted when first asked for, one for each of [`CLEARANCES`].
    statistics: [Statistics; CLEARANCES.len()],
}

#[derive(Default)]
struct Statistics {
    records: OnceLock<u64>,
    lengths: OnceLock<Lengths>,
}

/// How many words there are in all the records that a clearance sees.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lengths {
    pub(crate) title: u64,
    pub(crate) body: u64,
}

impl Snapshot {
    pub(crate) fn new(searcher: Searcher, fields: Fields, position: Position) -> Self {
        Self { searcher, fields, position, statistics: Default::default() }
    }

    /// How many records this clearance sees.
    pub(crate) fn records(&self, clearance: Audience) -> Result<u64, TantivyError> {
        let count = || self.count(&*term(self.fields.seen_by(clearance)));
        self.statistics(clearance).map_or(Ok(0), |known| remembered(&known.records, count))
    }

    /// How many of them hold the term.
    pub(crate) fn records_with(&self, held: &Term, clearance: Audience) -> Result<u64, TantivyError> {
        let both: Vec<Box<dyn Query>> = vec![term(held.clone()), term(self.fields.seen_by(clearance))];
        self.count(&BooleanQuery::intersection(both))
    }

    /// How many words they hold.
    pub(crate) fn lengths(&self, clearance: Audience) -> Result<Lengths, TantivyError> {
        let Some(known) = self.statistics(clearance) else { return Ok(Lengths::default()) };
        remembered(&known.lengths, || {
            let Fields { title, body, .. } = self.fields;
            Ok(Lengths { title: self.length(title, clearance)?, body: self.length(body, clearance)? })
        })
    }

    fn length(&self, field: Field, clearance: Audience) -> Result<u64, TantivyError> {
        let mut length = 0;
        for segment in self.searcher.segment_readers() {
            let seen = segment.inverted_index(self.fields.clearance)?;
            let lengths = segment.get_fieldnorms_reader(field)?;
            let Some(mut seen) = seen.read_postings(&self.fields.seen_by(clearance), IndexRecordOption::Basic)? else {
                continue;
            };
            while seen.doc() != TERMINATED {
                if !segment.is_deleted(seen.doc()) {
                    length += u64::from(lengths.fieldnorm(seen.doc()));
                }
                seen.advance();
            }
        }
        Ok(length)
    }

    fn count(&self, query: &dyn Query) -> Result<u64, TantivyError> {
        Ok(u64::try_from(query.count(&self.searcher)?).unwrap_or(u64::MAX))
    }

    fn statistics(&self, clearance: Audience) -> Option<&Statistics> {
        self.statistics.get(CLEARANCES.iter().position(|one| *one == clearance)?)
    }
}

/// Matches what holds the term.
pub(crate) fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// A count as messages carry it.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn remembered<T: Copy>(known: &OnceLock<T>, find: impl FnOnce() -> Result<T, TantivyError>) -> Result<T, TantivyError> {
    match known.get() {
        Some(value) => Ok(*value),
        None => find().map(|value| *known.get_or_init(|| value)),
    }
}
