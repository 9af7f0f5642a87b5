//! What a question demands, and which documents of a segment fulfil it.
//!
//! A condition narrows a set of documents, the one first that leaves the fewest. How it does so depends on how many are
//! left: it looks up each of them, or makes the set of all that fulfil it, which costs less for each but more in all.

use std::{borrow::Cow, sync::Arc};

use isopolity_domain::{
    Kind,
    answer::NO_START,
    facet,
    query::{Scope, TextQuery, What},
};
use isopolity_proto::{
    federation::{OpenConditions, Question},
    options::Facet,
};
use tantivy::{
    DocSet as _, Searcher, TantivyError, Term,
    columnar::{Column, ColumnValues},
    postings::BlockSegmentPostings,
    query::{EnableScoring, PhraseQuery, Query as _, Scorer},
    schema::{Field, IndexRecordOption},
};

use crate::{
    circle::Circle,
    days::days,
    documents::Documents,
    schema::{self, END_DAY, Fields, LATITUDE, LONGITUDE, NO_END, SEQUENCE, START_DAY},
    segment::{Segment, Visible},
};
/// To look up a document in a list takes as long as to read so many of the list.
const LOOKUP: u64 = 10;

/// What a question demands. All of it must hold.
pub(crate) struct Conditions(Vec<Condition>);

struct Condition {
    excluded: bool,
    demand: Demand,
}

enum Demand {
    /// One of these terms.
    OneOf(Vec<Term>),
    /// These words beside each other in one of the fields.
    Phrase(Vec<Field>, Vec<String>),
    /// A word that begins so in one of the fields.
    Prefix(Vec<Field>, String),
    /// A time that overlaps these days, both included.
    Days(i64, i64),
    /// A point in the circle.
    Within(Circle),
    /// Published after this sequence.
    After(i64),
}

impl Conditions {
    pub(crate) fn new(fields: &Fields, question: &Question, text: &TextQuery) -> Self {
        let mut all = Self(Vec::new());
        all.text(fields, text);
        let carries = |condition: &str| Term::from_field_text(fields.condition, condition);
        for condition in facet::asked(question) {
            let term = |term: &String| carries(&schema::condition(condition.facet, term));
            all.must(Demand::OneOf(condition.terms.iter().map(term).collect()));
        }
        let has_open = || Demand::OneOf(vec![carries(&schema::has(Facet::OpenCondition))]);
        let partnership = || Demand::OneOf(vec![carries(&schema::condition(Facet::Kind, Kind::Partnership.as_str()))]);
        match question.open_conditions() {
            OpenConditions::Unspecified => {}
            OpenConditions::Some => {
                all.must(partnership());
                all.must(has_open());
            }
            OpenConditions::None => {
                all.must(partnership());
                all.0.push(Condition { excluded: true, demand: has_open() });
            }
        }
        if let Some(range) = &question.dates {
            let first = days(&range.start_date).map_or(i64::MIN, |(first, _)| first.into());
            let last = days(&range.end_date).map_or(i64::MAX, |(_, last)| last.into());
            all.must(Demand::Days(first, last));
        }
        if let Some(near) = &question.near {
            all.must(Demand::Within(Circle::new(near)));
        }
        all
    }

    /// Only what was published after this sequence.
    pub(crate) fn published_after(mut self, sequence: i64) -> Self {
        self.must(Demand::After(sequence));
        self
    }

    fn must(&mut self, demand: Demand) {
        self.0.push(Condition { excluded: false, demand });
    }

    fn text(&mut self, fields: &Fields, text: &TextQuery) {
        for clause in &text.clauses {
            let within = match clause.scope {
                Scope::Anywhere => vec![fields.title, fields.body],
                Scope::Title => vec![fields.title],
            };
            let word =
                |word: &String| Demand::OneOf(within.iter().map(|field| Term::from_field_text(*field, word)).collect());
            let demand = match &clause.what {
                What::Word(one) => word(one),
                What::Prefix(letters) => Demand::Prefix(within, letters.clone()),
                What::Phrase(words) => {
                    // To look for the words first takes less.
                    if !clause.excluded {
                        for one in words {
                            self.must(word(one));
                        }
                    }
                    Demand::Phrase(within, words.clone())
                }
            };
            self.0.push(Condition { excluded: clause.excluded, demand });
        }
    }

    /// The documents of the segment, among those visible, that fulfil all.
    pub(crate) fn fulfilled<'a>(
        &self,
        searcher: &Searcher,
        segment: &Segment,
        visible: &'a Visible,
    ) -> Result<Cow<'a, Documents>, TantivyError> {
        if self.0.is_empty() || visible.count == 0 {
            return Ok(Cow::Borrowed(&visible.documents));
        }
        let mut tests = Vec::with_capacity(self.0.len());
        for condition in &self.0 {
            let test = Test::new(&condition.demand, searcher, segment)?;
            if !condition.excluded && test.is_never() {
                return Ok(Cow::Owned(Documents::none(segment.reader.max_doc())));
            }
            tests.push((condition.excluded, test));
        }
        tests.sort_by_key(|(excluded, test)| (test.is_dear(), *excluded, test.cost()));
        let mut left = visible.documents.clone();
        let mut count = visible.count;
        for (excluded, mut test) in tests {
            test.narrow(&mut left, count, excluded, segment.reader.max_doc());
            count = left.count();
            if count == 0 {
                break;
            }
        }
        Ok(Cow::Owned(left))
    }
}

/// A condition in a segment.
enum Test {
    Lists(Vec<BlockSegmentPostings>),
    Set(Documents, u64),
    Phrase(Vec<Box<dyn Scorer>>),
    Days { starts: Arc<dyn ColumnValues<i64>>, ends: Arc<dyn ColumnValues<i64>>, first: i64, last: i64 },
    Within { latitudes: Column<f64>, longitudes: Column<f64>, circle: Circle },
    After { sequences: Arc<dyn ColumnValues<i64>>, sequence: i64 },
}

impl Test {
    fn new(demand: &Demand, searcher: &Searcher, segment: &Segment) -> Result<Self, TantivyError> {
        let reader = &segment.reader;
        Ok(match demand {
            Demand::OneOf(terms) => {
                let mut lists = Vec::with_capacity(terms.len());
                for term in terms {
                    lists.extend(
                        reader.inverted_index(term.field())?.read_block_postings(term, IndexRecordOption::Basic)?,
                    );
                }
                Self::Lists(lists)
            }
            Demand::Phrase(fields, words) => {
                let mut phrases = Vec::with_capacity(fields.len());
                for field in fields {
                    let terms = words.iter().map(|word| Term::from_field_text(*field, word)).collect();
                    let weight = PhraseQuery::new(terms).weight(EnableScoring::disabled_from_searcher(searcher))?;
                    phrases.push(weight.scorer(reader, 1.0)?);
                }
                Self::Phrase(phrases)
            }
            Demand::Prefix(fields, letters) => Self::prefix(fields, letters, segment)?,
            Demand::Days(first, last) => Self::Days {
                starts: segment.numbers(START_DAY)?,
                ends: segment.numbers(END_DAY)?,
                first: *first,
                last: *last,
            },
            Demand::Within(circle) => {
                let column = |name| reader.fast_fields().column_opt::<f64>(name);
                match (column(LATITUDE)?, column(LONGITUDE)?) {
                    (Some(latitudes), Some(longitudes)) => Self::Within { latitudes, longitudes, circle: *circle },
                    // No document has a point.
                    _ => Self::Lists(Vec::new()),
                }
            }
            Demand::After(sequence) => Self::After { sequences: segment.numbers(SEQUENCE)?, sequence: *sequence },
        })
    }

    fn prefix(fields: &[Field], letters: &str, segment: &Segment) -> Result<Self, TantivyError> {
        let mut set = Documents::none(segment.reader.max_doc());
        let mut list = BlockSegmentPostings::empty();
        for field in fields {
            let index = segment.reader.inverted_index(*field)?;
            let mut terms = index.terms().range().ge(letters).into_stream()?;
            while terms.advance() && terms.key().starts_with(letters.as_bytes()) {
                list = index.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                add_all(&mut set, &mut list);
            }
        }
        drop(list);
        let count = set.count();
        Ok(Self::Set(set, count))
    }

    /// Whether no document fulfils it.
    fn is_never(&self) -> bool {
        match self {
            Self::Lists(lists) => lists.is_empty(),
            Self::Set(_, count) => *count == 0,
            Self::Phrase(phrases) => phrases.iter().all(|phrase| phrase.doc() == tantivy::TERMINATED),
            Self::After { sequences, sequence } => sequences.max_value() <= *sequence,
            Self::Days { .. } | Self::Within { .. } => false,
        }
    }

    /// Whether to ask for one document takes long, so that it is to be asked for few.
    fn is_dear(&self) -> bool {
        matches!(self, Self::Days { .. } | Self::Within { .. } | Self::Phrase(_))
    }

    /// The more documents fulfil it, the greater; of the dear ones, the longer it takes.
    fn cost(&self) -> u64 {
        match self {
            Self::Lists(lists) => lists.iter().map(|list| u64::from(list.doc_freq())).sum(),
            Self::Set(_, count) => *count,
            Self::After { .. } | Self::Days { .. } => 0,
            Self::Within { .. } => 1,
            Self::Phrase(_) => 2,
        }
    }

    /// Leaves the documents that fulfil it, or those that do not.
    fn narrow(&mut self, left: &mut Documents, count: u64, excluded: bool, max_doc: u32) {
        match self {
            Self::Lists(lists) => {
                let lookups = count.saturating_mul(lists.len() as u64).saturating_mul(LOOKUP);
                let listed = lists.iter().map(|list| u64::from(list.doc_freq())).sum::<u64>();
                if lookups < listed.saturating_add(u64::from(max_doc) / 64) {
                    left.keep(|doc| lists.iter_mut().any(|list| holds(list, doc)) != excluded);
                } else {
                    let mut set = Documents::none(max_doc);
                    for list in lists {
                        add_all(&mut set, list);
                    }
                    apply(left, &set, excluded);
                }
            }
            Self::Set(set, _) => apply(left, set, excluded),
            Self::Phrase(phrases) => {
                left.keep(|doc| phrases.iter_mut().any(|phrase| matches_at(phrase, doc)) != excluded);
            }
            Self::Days { starts, ends, first, last } => left.keep(|doc| {
                let (start, end) = (starts.get_val(doc), ends.get_val(doc));
                let has_time = start != i64::from(NO_START) || end != i64::from(NO_END);
                (has_time && start <= *last && end >= *first) != excluded
            }),
            Self::Within { latitudes, longitudes, circle } => left.keep(|doc| {
                let mut points = latitudes.values_for_doc(doc).zip(longitudes.values_for_doc(doc));
                points.any(|(latitude, longitude)| circle.holds(latitude, longitude)) != excluded
            }),
            Self::After { sequences, sequence } => {
                left.keep(|doc| (sequences.get_val(doc) > *sequence) != excluded);
            }
        }
    }
}

fn apply(left: &mut Documents, set: &Documents, excluded: bool) {
    if excluded {
        left.subtract(set);
    } else {
        left.intersect(set);
    }
}

fn add_all(set: &mut Documents, list: &mut BlockSegmentPostings) {
    while !list.docs().is_empty() {
        for &doc in list.docs() {
            set.insert(doc);
        }
        list.advance();
    }
}

/// Whether the document is in the list. To be asked in ascending order.
fn holds(list: &mut BlockSegmentPostings, doc: u32) -> bool {
    let place = list.seek(doc);
    list.doc(place) == doc
}

/// The same for a phrase.
fn matches_at(phrase: &mut Box<dyn Scorer>, doc: u32) -> bool {
    if phrase.doc() < doc {
        phrase.seek(doc);
    }
    phrase.doc() == doc
}
