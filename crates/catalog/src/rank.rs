//! The best hits in their exact order.
//!
//! Relevance is BM25, added up here word by word in the question's order instead of by the index library, for two reasons:
//! the frequencies are those of the records that the asker may see, so that scores tell nothing about others; and equal
//! records have equal scores wherever in the index they lie, so that ties are ties.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc};

use isopolity_domain::answer::SortKey;
use isopolity_proto::options::Audience;
use tantivy::{
    DocAddress, DocId, DocSet as _, SegmentReader, TantivyError, Term,
    columnar::ColumnValues,
    error::DataCorruption,
    fieldnorm::FieldNormReader,
    postings::{Postings as _, SegmentPostings},
    query::{Bm25Weight, EnableScoring, Query},
    schema::IndexRecordOption,
};

use crate::{
    schema::{NAME, UPDATE_TIME},
    snapshot::Snapshot,
};

/// How much more a word counts in a title than elsewhere.
const TITLE_WEIGHT: f32 = 3.0;

/// By what hits are ordered.
pub(crate) enum Ranking {
    /// The sum over these.
    Relevance(Vec<Weighted>),
    UpdateTime,
}

/// A word in a field, and what it counts.
pub(crate) struct Weighted {
    term: Term,
    weight: Bm25Weight,
}

impl Ranking {
    /// The relevance of these words among the records that this clearance sees. `None` if one of them is in none.
    pub(crate) fn relevance(
        snapshot: &Snapshot,
        words: &[String],
        clearance: Audience,
    ) -> Result<Option<Self>, TantivyError> {
        if words.is_empty() {
            return Ok(Some(Self::Relevance(Vec::new())));
        }
        let (records, lengths) = (snapshot.records(clearance)?, snapshot.lengths(clearance)?);
        let mut weighted = Vec::new();
        for word in words {
            let before = weighted.len();
            for (field, length, boost) in
                [(snapshot.fields.title, lengths.title, TITLE_WEIGHT), (snapshot.fields.body, lengths.body, 1.0)]
            {
                let term = Term::from_field_text(field, word);
                let holding = snapshot.records_with(&term, clearance)?;
                if holding > 0 {
                    let weight = Bm25Weight::for_one_term_without_explain(holding, records, mean(length, records));
                    weighted.push(Weighted { term, weight: weight.boost_by(boost) });
                }
            }
            if weighted.len() == before {
                return Ok(None);
            }
        }
        Ok(Some(Self::Relevance(weighted)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean length of words needs no more than f32 has")]
fn mean(length: u64, records: u64) -> f32 {
    length as f32 / records as f32
}

/// What the best are, and how many there are in all.
pub(crate) struct Best {
    pub(crate) total: u64,
    pub(crate) hits: Vec<Hit>,
}

pub(crate) struct Hit {
    pub(crate) key: SortKey,
    pub(crate) name: String,
    pub(crate) address: DocAddress,
}

/// The first `limit` of all that match, by key and then by name in byte order.
pub(crate) fn best(
    snapshot: &Snapshot,
    query: &dyn Query,
    ranking: &Ranking,
    limit: usize,
) -> Result<Best, TantivyError> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
    let mut best = Best { total: 0, hits: Vec::new() };
    for (segment_ord, segment) in (0..).zip(snapshot.searcher.segment_readers()) {
        // A segment without documents has no columns.
        let Some(names) = segment.fast_fields().str(NAME)? else { continue };
        // Within a segment names are numbered in byte order, so the numbers are compared instead.
        let ords = names.ords().clone().first_or_default_col(u64::MAX);
        let mut keys = Keys::new(ranking, segment)?;
        let mut first = BinaryHeap::with_capacity(limit + 1);
        weight.for_each_no_score(segment, &mut |docs| {
            for &doc in docs {
                if segment.is_deleted(doc) {
                    continue;
                }
                best.total += 1;
                let candidate = Candidate { key: keys.of(doc), name: ords.get_val(doc), doc };
                if first.len() < limit {
                    first.push(candidate);
                } else if first.peek().is_some_and(|last| candidate < *last) {
                    first.pop();
                    first.push(candidate);
                }
            }
        })?;
        for Candidate { key, name: ord, doc } in first {
            let mut name = String::new();
            if !names.ord_to_str(ord, &mut name)? {
                return Err(DataCorruption::comment_only("a record has no name").into());
            }
            best.hits.push(Hit { key, name, address: DocAddress::new(segment_ord, doc) });
        }
    }
    best.hits.sort_unstable_by(|one, two| one.key.better_first(&two.key).then_with(|| one.name.cmp(&two.name)));
    best.hits.truncate(limit);
    Ok(best)
}

/// A match within a segment. Less is better.
struct Candidate {
    key: SortKey,
    name: u64,
    doc: DocId,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.better_first(&other.key).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Gives the keys of a segment's documents, in ascending order of documents.
enum Keys {
    Relevance(Vec<Occurrences>),
    UpdateTime(Arc<dyn ColumnValues<i64>>),
}

struct Occurrences {
    postings: SegmentPostings,
    lengths: FieldNormReader,
    weight: Bm25Weight,
}

impl Keys {
    fn new(ranking: &Ranking, segment: &SegmentReader) -> Result<Self, TantivyError> {
        let Ranking::Relevance(words) = ranking else {
            return Ok(Self::UpdateTime(segment.fast_fields().i64(UPDATE_TIME)?.first_or_default_col(0)));
        };
        let mut occurring = Vec::with_capacity(words.len());
        for Weighted { term, weight } in words {
            let index = segment.inverted_index(term.field())?;
            if let Some(postings) = index.read_postings(term, IndexRecordOption::WithFreqs)? {
                let lengths = segment.get_fieldnorms_reader(term.field())?;
                occurring.push(Occurrences { postings, lengths, weight: weight.clone() });
            }
        }
        Ok(Self::Relevance(occurring))
    }

    fn of(&mut self, doc: DocId) -> SortKey {
        match self {
            Self::UpdateTime(times) => SortKey::UpdateTime(times.get_val(doc).into()),
            Self::Relevance(words) => SortKey::Score(words.iter_mut().fold(0.0, |sum, word| sum + word.score(doc))),
        }
    }
}

impl Occurrences {
    fn score(&mut self, doc: DocId) -> f32 {
        if self.postings.doc() < doc {
            self.postings.seek(doc);
        }
        if self.postings.doc() == doc {
            self.weight.score(self.lengths.fieldnorm_id(doc), self.postings.term_freq())
        } else {
            0.0
        }
    }
}
