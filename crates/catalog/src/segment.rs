//! A segment of the index as one commit left it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use isopolity_domain::{CityId, Kind, sight::Sight};
use isopolity_proto::options::Facet;
use tantivy::{
    DocId, DocSet as _, SegmentReader, TERMINATED, TantivyError, Term,
    columnar::{Column, ColumnIndex, ColumnValues, StrColumn},
    error::DataCorruption,
    postings::Postings as _,
    schema::{Field, IndexRecordOption},
};

use crate::{
    documents::Documents,
    schema::{CLEARANCES, Fields, NAME_ORDER, TITLE_ORDER, condition, facet_column},
};

/// How many sights are remembered of those that are not plain. A set takes a bit for each document.
const SIGHTS_MAX: usize = 32;

/// A segment of the index as one commit left it, with what is known of it.
pub(crate) struct Segment {
    pub(crate) reader: SegmentReader,
    fields: Fields,
    /// Found when first asked for, one for each of [`CLEARANCES`].
    plain: [OnceLock<Arc<Visible>>; CLEARANCES.len()],
    /// The others, that which was used last at the end.
    others: Mutex<VecDeque<(Sight, Arc<Visible>)>>,
}

/// What somebody sees of a segment.
pub(crate) struct Visible {
    pub(crate) documents: Documents,
    pub(crate) count: u64,
    /// Every document of the segment, and none is deleted.
    whole: bool,
    lengths: OnceLock<Lengths>,
}

/// How many words records hold.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lengths {
    pub(crate) title: u64,
    pub(crate) body: u64,
}

impl Segment {
    pub(crate) fn new(reader: SegmentReader, fields: Fields) -> Self {
        Self { reader, fields, plain: Default::default(), others: Mutex::default() }
    }

    /// Whether it is the same segment with the same documents deleted; deletions only grow.
    pub(crate) fn is(&self, reader: &SegmentReader) -> bool {
        self.reader.segment_id() == reader.segment_id() && self.reader.num_deleted_docs() == reader.num_deleted_docs()
    }

    /// What is seen of it. `None`: nothing, for it is no clearance.
    pub(crate) fn visible(&self, sight: &Sight) -> Result<Option<Arc<Visible>>, TantivyError> {
        let Some(place) = CLEARANCES.iter().position(|one| *one == sight.audience()) else { return Ok(None) };
        if sight.is_plain() {
            let Some(known) = self.plain.get(place) else { return Ok(None) };
            return remembered(known, || self.see(sight).map(Arc::new)).map(|known| Some(Arc::clone(known)));
        }
        {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = others.iter().position(|(one, _)| one == sight)
                && let Some(known) = others.remove(at)
            {
                let visible = Arc::clone(&known.1);
                others.push_back(known);
                return Ok(Some(visible));
            }
        }
        // Not under the lock: others are not held up. Who looks at the same time finds the same.
        let visible = Arc::new(self.see(sight)?);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.push_back((sight.clone(), Arc::clone(&visible)));
        if others.len() > SIGHTS_MAX {
            others.pop_front();
        }
        Ok(Some(visible))
    }

    /// Whether a record of it names this city, as one that sees it or one that does not.
    pub(crate) fn names_city(&self, city: &CityId) -> Result<bool, TantivyError> {
        let index = self.reader.inverted_index(self.fields.clearance)?;
        Ok(index.doc_freq(&self.fields.also_seen_by(city))? > 0 || index.doc_freq(&self.fields.not_seen_by(city))? > 0)
    }

    /// How many words the documents hold that are seen.
    pub(crate) fn lengths(&self, visible: &Visible) -> Result<Lengths, TantivyError> {
        remembered(&visible.lengths, || {
            let length = |field: Field| -> Result<u64, TantivyError> {
                let lengths = self.reader.get_fieldnorms_reader(field)?;
                Ok(visible.documents.iter().map(|doc| u64::from(lengths.fieldnorm(doc))).sum())
            };
            Ok(Lengths { title: length(self.fields.title)?, body: length(self.fields.body)? })
        })
        .copied()
    }

    /// How many of the documents that are seen hold the term.
    pub(crate) fn holding(&self, term: &Term, visible: &Visible) -> Result<u64, TantivyError> {
        let index = self.reader.inverted_index(term.field())?;
        if visible.whole {
            return Ok(index.doc_freq(term)?.into());
        }
        let Some(mut postings) = index.read_block_postings(term, IndexRecordOption::Basic)? else { return Ok(0) };
        let mut count = 0;
        while !postings.docs().is_empty() {
            for &doc in postings.docs() {
                count += u64::from(visible.documents.contains(doc));
            }
            postings.advance();
        }
        Ok(count)
    }

    /// Calls for each word of a text field that a document holds that is seen, in byte order.
    pub(crate) fn words(
        &self,
        field: Field,
        visible: &Visible,
        mut each: impl FnMut(&str),
    ) -> Result<(), TantivyError> {
        let index = self.reader.inverted_index(field)?;
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            let is_seen = visible.whole || {
                let mut postings = index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                while postings.doc() != TERMINATED && !visible.documents.contains(postings.doc()) {
                    postings.advance();
                }
                postings.doc() != TERMINATED
            };
            if is_seen && let Ok(word) = str::from_utf8(terms.key()) {
                each(word);
            }
        }
        Ok(())
    }

    /// Calls for each two words of a text field that stand beside each other in a document that is seen, as phrases
    /// find them: with a space between them, in no order, some more than once. Takes 12 bytes for each word of these documents.
    pub(crate) fn pairs(
        &self,
        field: Field,
        visible: &Visible,
        mut each: impl FnMut(String),
    ) -> Result<(), TantivyError> {
        let index = self.reader.inverted_index(field)?;
        let (mut words, mut places, mut in_document) = (Vec::new(), Vec::new(), Vec::new());
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            let Ok(word) = str::from_utf8(terms.key()) else { continue };
            let mut postings =
                index.read_postings_from_terminfo(terms.value(), IndexRecordOption::WithFreqsAndPositions)?;
            let number = u32::try_from(words.len()).unwrap_or(u32::MAX);
            words.push(word.to_owned());
            while postings.doc() != TERMINATED {
                if visible.documents.contains(postings.doc()) {
                    postings.positions(&mut in_document);
                    places.extend(in_document.iter().map(|position| (postings.doc(), *position, number)));
                }
                postings.advance();
            }
        }
        places.sort_unstable();
        let mut pairs: Vec<(u32, u32)> = places
            .windows(2)
            .filter_map(|two| match two {
                [(one, at, first), (other, beside, second)] if one == other && at + 1 == *beside => {
                    Some((*first, *second))
                }
                _ => None,
            })
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let word = |number: u32| usize::try_from(number).ok().and_then(|number| words.get(number));
        for (first, second) in pairs {
            if let (Some(first), Some(second)) = (word(first), word(second)) {
                each(format!("{first} {second}"));
            }
        }
        Ok(())
    }

    /// The names, in [`crate::schema::order_of`]. Only for a segment that holds documents.
    pub(crate) fn names(&self) -> Result<Texts, TantivyError> {
        Texts::open(&self.reader, NAME_ORDER)?.ok_or_else(|| corrupt("a segment has no names"))
    }

    /// The titles by which results are ordered. `None` if no document has one.
    pub(crate) fn titles(&self) -> Result<Option<Texts>, TantivyError> {
        Texts::open(&self.reader, TITLE_ORDER)
    }

    /// The values of a facet. `None` if no document has one.
    pub(crate) fn facet(&self, facet: Facet) -> Result<Option<StrColumn>, TantivyError> {
        self.reader.fast_fields().str(&facet_column(facet))
    }

    /// A column of numbers of which every document has one.
    pub(crate) fn numbers(&self, name: &str) -> Result<Arc<dyn ColumnValues<i64>>, TantivyError> {
        Ok(single(self.reader.fast_fields().i64(name)?, 0))
    }

    fn see(&self, sight: &Sight) -> Result<Visible, TantivyError> {
        let mut documents = self.holding_any([self.fields.seen_by(sight.audience())])?;
        if let Some(city) = sight.city() {
            documents.subtract(&self.holding_any([self.fields.not_seen_by(city)])?);
            for doc in self.holding_any([self.fields.also_seen_by(city)])?.iter() {
                documents.insert(doc);
            }
        }
        if !sight.kinds().is_empty() {
            let kind =
                |kind: &Kind| Term::from_field_text(self.fields.condition, &condition(Facet::Kind, kind.as_str()));
            documents.intersect(&self.holding_any(sight.kinds().iter().map(kind))?);
        }
        let count = documents.count();
        let whole = count == u64::from(self.reader.max_doc());
        Ok(Visible { documents, count, whole, lengths: OnceLock::new() })
    }

    /// The documents that hold one of these terms, without those that are deleted.
    fn holding_any(&self, terms: impl IntoIterator<Item = Term>) -> Result<Documents, TantivyError> {
        let mut documents = Documents::none(self.reader.max_doc());
        for term in terms {
            let index = self.reader.inverted_index(term.field())?;
            let Some(mut postings) = index.read_block_postings(&term, IndexRecordOption::Basic)? else { continue };
            while !postings.docs().is_empty() {
                for &doc in postings.docs() {
                    if !self.reader.is_deleted(doc) {
                        documents.insert(doc);
                    }
                }
                postings.advance();
            }
        }
        Ok(documents)
    }
}

/// A column of texts, of which a document has one or none. The texts of a segment are numbered in byte order.
pub(crate) struct Texts {
    column: StrColumn,
    numbers: Arc<dyn ColumnValues<u64>>,
}

/// The number of a document that has no text.
pub(crate) const NO_TEXT: u32 = u32::MAX;

impl Texts {
    fn open(reader: &SegmentReader, name: &str) -> Result<Option<Self>, TantivyError> {
        let Some(column) = reader.fast_fields().str(name)? else { return Ok(None) };
        let numbers = single(column.ords().clone(), NO_TEXT.into());
        Ok(Some(Self { column, numbers }))
    }

    /// The number of the document's text, or [`NO_TEXT`].
    #[inline]
    pub(crate) fn number(&self, doc: DocId) -> u32 {
        u32::try_from(self.numbers.get_val(doc)).unwrap_or(NO_TEXT)
    }

    /// The text of this number.
    pub(crate) fn text(&self, number: u32) -> Result<String, TantivyError> {
        let mut text = String::new();
        if self.column.ord_to_str(number.into(), &mut text)? {
            Ok(text)
        } else {
            Err(corrupt("a record has no name or title"))
        }
    }

    /// The number of this text, and if there is none, that of the next; whether it is there.
    pub(crate) fn find(&self, text: &str) -> Result<(u32, bool), TantivyError> {
        use tantivy::columnar::TermOrdHit;
        Ok(match self.column.dictionary().term_ord_or_next(text)? {
            TermOrdHit::Exact(number) => (u32::try_from(number).unwrap_or(NO_TEXT), true),
            TermOrdHit::Next(number) => (u32::try_from(number).unwrap_or(NO_TEXT), false),
        })
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Texts").finish_non_exhaustive()
    }
}

/// The column as one value for each document.
fn single<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static>(
    column: Column<T>,
    absent: T,
) -> Arc<dyn ColumnValues<T>> {
    match column.index {
        ColumnIndex::Full => column.values,
        _ => column.first_or_default_col(absent),
    }
}

pub(crate) fn corrupt(what: &str) -> TantivyError {
    DataCorruption::comment_only(what).into()
}

fn remembered<T>(known: &OnceLock<T>, find: impl FnOnce() -> Result<T, TantivyError>) -> Result<&T, TantivyError> {
    match known.get() {
        Some(value) => Ok(value),
        None => find().map(|value| known.get_or_init(|| value)),
    }
}
