//! The best documents of a segment in their exact order.
//!
//! Relevance is added up here word by word instead of by the index library: the statistics are those of all cities, and the
//! same record has the same score wherever it lies, to the last bit, so that ties are ties.

use isopolity_domain::{
    answer::{After, NO_START, SortKey},
    query::RelevantWord,
    relevance::{self, Corpus, Part, Word},
    sight::Sight,
};
use isopolity_proto::federation::{SearchOrder, Statistics, WordStatistics};
use tantivy::{
    DocId, TantivyError, Term, fieldnorm::FieldNormReader, postings::BlockSegmentPostings, schema::IndexRecordOption,
};

use crate::{
    documents::{Documents, Window},
    schema::{START_DAY, UPDATE_TIME, order_of},
    segment::{NO_TEXT, Segment, Texts},
    snapshot::Snapshot,
};

/// How many words of 64 documents are scored at a time: their sums fit into the nearest cache. In tests there are
/// so few documents that the seams would not be met.
const WINDOW: usize = if cfg!(test) { 1 } else { 64 };
/// How many windows are ranked at a time: then another thread may rank the next.
const STRETCH: usize = if cfg!(test) { 2 } else { 64 };
/// To look up a document in a list takes as long as to read so many of the list.
const LOOKUP: u64 = 8;
/// What a word counts is computed once for each length if it occurs so often in the index, up to this many times in a
/// document.
const TABLE_FROM: u64 = 2_000;
const TABLE_TIMES: u32 = 4;
/// The steps of [`relevance::step`].
const STEPS: usize = 256;

/// By what hits are ordered.
pub(crate) enum Ranking {
    /// The sum over these.
    Relevance(Vec<Weighted>),
    UpdateTime,
    StartDay,
    Title,
}

/// A word in a field, and what it counts.
pub(crate) struct Weighted {
    term: Term,
    word: Word,
    /// By times and step of length. Empty if it is not worth it.
    table: Vec<f64>,
}

impl Ranking {
    /// The ranking of an order. Relevance is that of these words among the records of which `statistics` are, or if there
    /// are none, among those that are seen here; words that they lack count as they occur here.
    pub(crate) fn new(
        order: SearchOrder,
        snapshot: &Snapshot,
        words: &[RelevantWord],
        statistics: Option<&Statistics>,
        sight: &Sight,
    ) -> Result<Self, TantivyError> {
        match order {
            SearchOrder::UpdateTime => Ok(Self::UpdateTime),
            SearchOrder::StartDate => Ok(Self::StartDay),
            SearchOrder::Title => Ok(Self::Title),
            SearchOrder::Relevance | SearchOrder::Unspecified => {
                relevance(snapshot, words, statistics, sight).map(Self::Relevance)
            }
        }
    }
}

fn relevance(
    snapshot: &Snapshot,
    words: &[RelevantWord],
    statistics: Option<&Statistics>,
    sight: &Sight,
) -> Result<Vec<Weighted>, TantivyError> {
    let mut weighted = Vec::with_capacity(2 * words.len());
    if words.is_empty() {
        return Ok(weighted);
    }
    let own;
    let statistics = if let Some(statistics) = statistics {
        statistics
    } else {
        own = snapshot.statistics(&[], sight)?;
        &own
    };
    let corpus = Corpus::new(statistics);
    for word in words {
        let known: Option<&WordStatistics> = statistics.words.iter().find(|known| known.word == word.word);
        let holding = match known {
            Some(known) => known.clone(),
            None => snapshot.word(&word.word, sight)?,
        };
        let title = (Part::Title, snapshot.fields.title, holding.title_records);
        let body = (!word.title_only).then_some((Part::Body, snapshot.fields.body, holding.body_records));
        for (part, field, holding) in std::iter::once(title).chain(body) {
            let term = Term::from_field_text(field, &word.word);
            weighted.push(Weighted::new(snapshot, term, corpus.word(part, holding))?);
        }
    }
    Ok(weighted)
}

impl Weighted {
    fn new(snapshot: &Snapshot, term: Term, word: Word) -> Result<Self, TantivyError> {
        let mut there: u64 = 0;
        for segment in &snapshot.segments {
            there += u64::from(segment.reader.inverted_index(term.field())?.doc_freq(&term)?);
        }
        let mut table = Vec::new();
        if there >= TABLE_FROM {
            let steps = |times| (0..=u8::MAX).map(move |step| (times, FieldNormReader::id_to_fieldnorm(step)));
            table.extend((1..=TABLE_TIMES).flat_map(steps).map(|(times, step)| word.relevance(times, step)));
        }
        Ok(Self { term, word, table })
    }

    /// What the word counts in a document that holds it so many times in a text of that length.
    #[inline]
    fn relevance(&self, times: u32, step: u8) -> f64 {
        let place = (times as usize).wrapping_sub(1).wrapping_mul(STEPS).wrapping_add(usize::from(step));
        match self.table.get(place) {
            Some(known) => *known,
            None => self.word.relevance(times, FieldNormReader::id_to_fieldnorm(step)),
        }
    }
}

/// A match within a segment. Less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// Stands for the key: the less, the better.
    rank: u64,
    /// The number of its name.
    pub(crate) name: u32,
    pub(crate) doc: DocId,
}

impl Candidate {
    /// What its rank stands for, if that is the same in all segments.
    pub(crate) fn global_rank(&self, order: SearchOrder) -> Option<u64> {
        (order != SearchOrder::Title).then_some(self.rank)
    }

    /// The key for which its rank stands.
    pub(crate) fn key(&self, order: SearchOrder, titles: Option<&Texts>) -> Result<SortKey, TantivyError> {
        Ok(match order {
            SearchOrder::Relevance | SearchOrder::Unspecified => SortKey::Score(score_of(self.rank)),
            SearchOrder::UpdateTime => SortKey::UpdateTime(latest_of(self.rank).into()),
            SearchOrder::StartDate => SortKey::StartDay(i32::try_from(latest_of(self.rank)).unwrap_or(NO_START)),
            SearchOrder::Title => SortKey::Title(match (titles, self.rank.checked_sub(1)) {
                (Some(titles), Some(number)) => titles.text(u32::try_from(number).unwrap_or(NO_TEXT))?,
                _ => String::new(),
            }),
        })
    }
}

/// The greatest score has the least rank. In the order of `f32::total_cmp`.
fn rank_of_score(score: f32) -> u64 {
    let bits = score.to_bits();
    let ascending = if score.is_sign_negative() { !bits } else { bits | 1 << 31 };
    u64::from(!ascending)
}

fn score_of(rank: u64) -> f32 {
    let ascending = !u32::try_from(rank).unwrap_or(u32::MAX);
    f32::from_bits(if ascending >> 31 == 0 { !ascending } else { ascending & !(1 << 31) })
}

/// The greatest number has the least rank.
fn rank_of_latest(number: i64) -> u64 {
    !(number.cast_unsigned() ^ 1 << 63)
}

fn latest_of(rank: u64) -> i64 {
    (!rank ^ 1 << 63).cast_signed()
}

/// A stretch of a segment that is ranked at a time, in windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    first: usize,
    windows: usize,
}

impl Stretch {
    /// The stretches of a segment of so many documents.
    pub(crate) fn all(max_doc: DocId) -> impl Iterator<Item = Self> {
        let windows = (max_doc as usize).div_ceil(WINDOW * 64);
        (0..windows).step_by(STRETCH).map(|first| Self { first, windows: STRETCH })
    }

    fn of(self, matches: &Documents) -> impl Iterator<Item = Window<'_>> {
        matches.windows(WINDOW).skip(self.first).take(self.windows).filter(|window| !window.is_empty())
    }
}

/// The first `limit` of the documents in a stretch that come `after`, in order. With how many match in the whole segment.
pub(crate) fn best(
    segment: &Segment,
    ranking: &Ranking,
    (matches, count, stretch): (&Documents, u64, Stretch),
    after: Option<&After>,
    limit: usize,
) -> Result<Vec<Candidate>, TantivyError> {
    let windows = stretch.of(matches);
    let names = segment.names()?;
    let titles = if matches!(ranking, Ranking::Title) { segment.titles()? } else { None };
    let from = match after.map(|after| Beginning::new(after, &names, titles.as_ref())) {
        None => Beginning::default(),
        Some(from) => match from? {
            Some(from) => from,
            None => return Ok(Vec::new()),
        },
    };
    let mut first = First { limit, from, worst: None, kept: Vec::new(), names: &names };
    match ranking {
        Ranking::Relevance(words) => relevant(segment, words, windows, count, &mut first)?,
        Ranking::UpdateTime | Ranking::StartDay => {
            let column = if matches!(ranking, Ranking::UpdateTime) { UPDATE_TIME } else { START_DAY };
            let numbers = segment.numbers(column)?;
            windows.flat_map(Window::iter).for_each(|doc| first.offer(rank_of_latest(numbers.get_val(doc)), doc));
        }
        Ranking::Title => windows.flat_map(Window::iter).for_each(|doc| {
            let number = titles.as_ref().map_or(NO_TEXT, |titles| titles.number(doc));
            first.offer(if number == NO_TEXT { 0 } else { u64::from(number) + 1 }, doc);
        }),
    }
    Ok(first.into_order())
}

/// The first candidate that is wanted.
#[derive(Clone, Copy, Default)]
struct Beginning {
    rank: u64,
    /// Of those of this rank.
    name: u32,
}

impl Beginning {
    /// The first after this point. `None` if nothing can be.
    fn new(after: &After, names: &Texts, titles: Option<&Texts>) -> Result<Option<Self>, TantivyError> {
        // Whether records with the point's own key may be there.
        let (rank, is_key) = match &after.key {
            SortKey::Score(score) => (rank_of_score(*score), true),
            SortKey::UpdateTime(time) => match i64::try_from(*time) {
                Ok(time) => (rank_of_latest(time), true),
                Err(_) if *time > 0 => (0, false),
                Err(_) => return Ok(None),
            },
            SortKey::StartDay(day) => (rank_of_latest((*day).into()), true),
            SortKey::Title(title) if title.is_empty() => (0, true),
            SortKey::Title(title) => match titles {
                Some(titles) => {
                    let (number, is_there) = titles.find(title)?;
                    (u64::from(number) + 1, is_there)
                }
                // Here no record has a title, and those come first.
                None => return Ok(None),
            },
        };
        if !is_key {
            return Ok(Some(Self { rank, name: 0 }));
        }
        if after.key_taken {
            return Ok(rank.checked_add(1).map(|rank| Self { rank, name: 0 }));
        }
        let (name, is_there) = names.find(&order_of(&after.name))?;
        Ok(Some(Self { rank, name: if is_there { name.saturating_add(1) } else { name } }))
    }
}

/// Takes documents in any order and keeps the best.
struct First<'a> {
    limit: usize,
    from: Beginning,
    /// Worse than this is not among the best.
    worst: Option<Candidate>,
    kept: Vec<Candidate>,
    names: &'a Texts,
}

impl First<'_> {
    #[inline]
    fn offer(&mut self, rank: u64, doc: DocId) {
        if rank < self.from.rank || self.worst.is_some_and(|worst| rank > worst.rank) {
            return;
        }
        let candidate = Candidate { rank, name: self.names.number(doc), doc };
        if rank == self.from.rank && candidate.name < self.from.name
            || self.worst.is_some_and(|worst| candidate > worst)
        {
            return;
        }
        self.kept.push(candidate);
        // Twice as many, so that to choose among them takes a constant time for each.
        if self.kept.len() >= self.limit.saturating_mul(2).max(64) {
            self.choose();
        }
    }

    fn choose(&mut self) {
        if self.kept.len() > self.limit {
            let (_, worst, _) = self.kept.select_nth_unstable(self.limit - 1);
            self.worst = Some(*worst);
            self.kept.truncate(self.limit);
        }
    }

    fn into_order(mut self) -> Vec<Candidate> {
        self.choose();
        self.kept.sort_unstable();
        self.kept.shrink_to_fit();
        self.kept
    }
}

fn relevant<'a>(
    segment: &Segment,
    words: &[Weighted],
    windows: impl Iterator<Item = Window<'a>>,
    count: u64,
    first: &mut First<'_>,
) -> Result<(), TantivyError> {
    let mut occurring = Vec::with_capacity(words.len());
    for weighted in words {
        let index = segment.reader.inverted_index(weighted.term.field())?;
        if let Some(list) = index.read_block_postings(&weighted.term, IndexRecordOption::WithFreqs)? {
            let lengths = segment.reader.get_fieldnorms_reader(weighted.term.field())?;
            let few = count.saturating_mul(LOOKUP) < list.doc_freq().into();
            occurring.push(Occurrences { list, place: 0, lengths, weighted, few });
        }
    }
    let mut sums = vec![0.0_f64; WINDOW * 64];
    for window in windows {
        for word in &mut occurring {
            word.add(window, &mut sums);
        }
        for doc in window.iter() {
            // Sums are taken and left at 0: to clear them all for a few matches would take longer than to score those.
            let sum = sums.get_mut((doc - window.first) as usize).map(std::mem::take).unwrap_or_default();
            first.offer(rank_of_score(relevance::score(sum)), doc);
        }
    }
    Ok(())
}

/// Where a word occurs in a segment.
struct Occurrences<'a> {
    list: BlockSegmentPostings,
    /// The next in the list's present block.
    place: usize,
    lengths: FieldNormReader,
    weighted: &'a Weighted,
    /// There are so few matches that each is looked up.
    few: bool,
}

impl Occurrences<'_> {
    /// Adds what the word counts to the sums of the window's documents. Windows come in ascending order.
    fn add(&mut self, window: Window<'_>, sums: &mut [f64]) {
        if self.few {
            for doc in window.iter() {
                let place = self.list.seek(doc);
                if self.list.doc(place) == doc {
                    let relevance = self.weighted.relevance(self.list.freq(place), self.lengths.fieldnorm_id(doc));
                    if let Some(sum) = sums.get_mut((doc - window.first) as usize) {
                        *sum += relevance;
                    }
                }
            }
            return;
        }
        if self.list.docs().last().is_some_and(|last| *last < window.first) {
            self.place = self.list.seek(window.first);
        }
        let end = window.end();
        loop {
            let (docs, freqs) = (self.list.docs(), self.list.freqs());
            if docs.is_empty() {
                return;
            }
            let mut place = self.place;
            while let (Some(&doc), Some(&times)) = (docs.get(place), freqs.get(place)) {
                if doc >= end {
                    self.place = place;
                    return;
                }
                place += 1;
                // Before the first document it wraps, to a place beyond the window.
                let at = doc.wrapping_sub(window.first);
                if window.contains(at)
                    && let Some(sum) = sums.get_mut(at as usize)
                {
                    *sum += self.weighted.relevance(times, self.lengths.fieldnorm_id(doc));
                }
            }
            self.list.advance();
            self.place = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_key_has_the_lesser_rank_and_the_rank_gives_the_key() {
        let scores = [f32::MAX, 3.5, 1.0, f32::MIN_POSITIVE, 0.0, -0.0];
        assert!(scores.map(rank_of_score).is_sorted_by(|one, two| one < two));
        assert!(scores.iter().all(|score| score_of(rank_of_score(*score)).to_bits() == score.to_bits()));
        let numbers = [i64::MAX, 7, 0, -1, i64::MIN];
        assert!(numbers.map(rank_of_latest).is_sorted_by(|one, two| one < two));
        assert!(numbers.iter().all(|number| latest_of(rank_of_latest(*number)) == *number));
    }

    #[test]
    fn lengths_are_in_the_steps_of_the_contract() {
        for words in (0..5_000).chain([123_456, 1_000_000, u32::MAX]) {
            let kept = FieldNormReader::id_to_fieldnorm(FieldNormReader::fieldnorm_to_id(words));
            assert_eq!(kept, relevance::step(words), "{words}");
        }
    }
}
