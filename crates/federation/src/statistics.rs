//! How often words occur in the whole federation, as far as it is known here.
//!
//! Relevance is computed from the statistics of all cities together. What each peer said last is kept with the time when it
//! came; what is missing or old is fetched before a question is asked, in a short time, from all peers at once. A peer that
//! does not answer counts with what it said before.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use isopolity_domain::{CityId, text};
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    error::Reason,
    federation::{GetStatisticsRequest, Statistics, WordStatistics},
};
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::{LinkError, Peers, trust::Table};

/// What is older is fetched anew.
const FRESH: Duration = Duration::from_mins(10);
/// The longest time for fetching. The question itself is still to be asked.
const LONGEST_FETCH: Duration = Duration::from_secs(1);
/// The most words in one call.
const MOST_WORDS: usize = 64;
/// The most words that are kept of one peer.
const MOST_KEPT: usize = 10_000;

/// The statistics of all peers together, for one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The sum, with a line for each word. This city is not in it.
    pub sum: Statistics,
    /// How old the part of each city is that counts. Those that are missing are not in the sum.
    pub ages: BTreeMap<CityId, Duration>,
    /// The cities of which it was fetched for this question.
    pub fetched: BTreeSet<CityId>,
    /// The time that it took.
    pub took: Duration,
}

/// What peers said of their words.
#[derive(Debug, Default)]
pub(crate) struct StatisticsBook(Mutex<BTreeMap<CityId, Kept>>);

/// What one peer said.
#[derive(Debug)]
struct Kept {
    records: i64,
    title_words: i64,
    body_words: i64,
    came: Instant,
    words: HashMap<String, KeptWord>,
    /// When which word came, the oldest first. A word that came again stands here again.
    order: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct KeptWord {
    title_records: i64,
    body_records: i64,
    came: Instant,
}

impl StatisticsBook {
    /// Forgets peers that are not in the table, or not active.
    pub(crate) fn retain(&self, table: &Table) {
        self.lock().retain(|city, _| table.get(city).is_some_and(|peer| peer.state == PeerState::Active));
    }

    /// Forgets what a peer said.
    pub(crate) fn forget(&self, city: &CityId) {
        self.lock().remove(city);
    }

    /// How old what a peer said of these words is, its oldest part. `None` if not all is known.
    fn age(&self, city: &CityId, words: &[String]) -> Option<Duration> {
        let book = self.lock();
        let kept = book.get(city)?;
        let mut oldest = kept.came;
        for word in words {
            oldest = oldest.min(kept.words.get(word)?.came);
        }
        Some(oldest.elapsed())
    }

    /// Adds a peer's part to a sum that has a line for each of the words. Nothing is added if not all is known.
    fn add_to(&self, sum: &mut Statistics, city: &CityId) {
        let book = self.lock();
        let Some(kept) = book.get(city) else { return };
        if !sum.words.iter().all(|line| kept.words.contains_key(&line.word)) {
            return;
        }
        sum.records = sum.records.saturating_add(kept.records);
        sum.title_words = sum.title_words.saturating_add(kept.title_words);
        sum.body_words = sum.body_words.saturating_add(kept.body_words);
        for line in &mut sum.words {
            if let Some(word) = kept.words.get(&line.word) {
                line.title_records = line.title_records.saturating_add(word.title_records);
                line.body_records = line.body_records.saturating_add(word.body_records);
            }
        }
    }

    fn learn(&self, city: &CityId, statistics: &Statistics, now: Instant) {
        let mut book = self.lock();
        let kept = book.entry(city.clone()).or_insert_with(|| Kept {
            records: 0,
            title_words: 0,
            body_words: 0,
            came: now,
            words: HashMap::new(),
            order: VecDeque::new(),
        });
        kept.came = now;
        kept.records = statistics.records;
        kept.title_words = statistics.title_words;
        kept.body_words = statistics.body_words;
        for line in &statistics.words {
            let (title_records, body_records) = (line.title_records, line.body_records);
            kept.words.insert(line.word.clone(), KeptWord { title_records, body_records, came: now });
            kept.order.push_back((now, line.word.clone()));
        }
        kept.forget_the_oldest();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CityId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget_the_oldest(&mut self) {
        while self.words.len() > MOST_KEPT {
            let Some((came, word)) = self.order.pop_front() else { return };
            // Where it came again later, that later place in the order is the one that counts.
            if self.words.get(&word).is_some_and(|kept| kept.came == came) {
                self.words.remove(&word);
            }
        }
        if self.order.len() > 2 * MOST_KEPT {
            let mut order: Vec<_> = self.words.iter().map(|(word, kept)| (kept.came, word.clone())).collect();
            order.sort_unstable();
            self.order = order.into();
        }
    }
}

impl Peers {
    /// How often these words occur in the records that active peers let us see, all together. What is missing or older than
    /// 10 minutes is fetched of the peers that are selected, in a third of the time and in a second at most. Peers that are
    /// not selected count with what they said before, and so does a peer that does not answer; where that is not all that
    /// is needed, it does not count at all.
    pub async fn statistics(
        &self,
        words: &[String],
        selected: Option<&BTreeSet<CityId>>,
        within: Duration,
    ) -> Gathered {
        let words: Vec<String> = words.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let lines = words.iter().map(|word| WordStatistics { word: word.clone(), ..WordStatistics::default() });
        let mut gathered =
            Gathered { sum: Statistics { words: lines.collect(), ..Statistics::default() }, ..Gathered::default() };
        if words.is_empty() {
            return gathered;
        }
        let started = Instant::now();
        let limit = (within / 3).min(LONGEST_FETCH);
        let table = self.trust().table();
        let active: Vec<_> =
            table.values().filter(|peer| peer.state == PeerState::Active).map(|peer| &peer.city).collect();
        let book = self.statistics_book();
        let wanted = active
            .iter()
            .filter(|city| selected.is_none_or(|selected| selected.contains(**city)) && self.gives_records(city))
            .filter(|city| book.age(city, &words).is_none_or(|age| age > FRESH));
        let fetched = join_all(wanted.map(|city| self.fetch_statistics(city, &words, limit))).await;
        gathered.fetched = fetched.into_iter().flatten().collect();
        for city in active {
            if let Some(age) = book.age(city, &words) {
                book.add_to(&mut gathered.sum, city);
                gathered.ages.insert(city.clone(), age);
            }
        }
        gathered.took = started.elapsed();
        gathered
    }

    /// Keeps what an active peer said of its words. What is impossible is not kept.
    pub fn learn(&self, city: &CityId, statistics: &Statistics) {
        let known = self.trust().table().get(city).is_some_and(|peer| peer.state == PeerState::Active);
        if known && is_plausible(statistics) {
            self.statistics_book().learn(city, statistics, Instant::now());
        }
    }

    /// Returns the city if its statistics came.
    async fn fetch_statistics(&self, city: &CityId, words: &[String], limit: Duration) -> Option<CityId> {
        let until = Instant::now() + limit;
        let mut fetched = Ok(());
        for words in words.chunks(MOST_WORDS) {
            let left = until.saturating_duration_since(Instant::now());
            let fetching = timeout(left, self.fetch_some_statistics(city, words, left));
            fetched = fetching.await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(limit)));
            if fetched.is_err() {
                break;
            }
        }
        match fetched {
            Ok(()) => return Some(city.clone()),
            Err(error) if error.outcome == Outcome::Invalid => {
                self.note(city, error);
            }
            // It is asked the question itself next: what is wrong will be seen, and told, then.
            Err(error) => debug!(peer.city = %city, "no statistics came: {error}"),
        }
        None
    }

    async fn fetch_some_statistics(&self, city: &CityId, words: &[String], left: Duration) -> Result<(), LinkError> {
        let request = GetStatisticsRequest { words: words.to_vec(), analyser: text::ANALYSER.to_owned() };
        let answer = self.admitted_link(city)?.get_statistics(request, left).await?;
        self.seen_position(city, &answer.epoch, answer.sequence);
        let statistics = answer.statistics.unwrap_or_default();
        if statistics.words.iter().map(|line| &line.word).ne(words) {
            return Err(impossible("its statistics are not those of the words that were asked for"));
        }
        if !is_plausible(&statistics) {
            return Err(impossible("its statistics hold impossible values"));
        }
        self.learn(city, &statistics);
        Ok(())
    }
}

fn impossible(text: &str) -> LinkError {
    LinkError::new(Outcome::Invalid, Reason::AnswerInvalid, text)
}

/// Whether statistics can be those of a catalogue: nothing occurs in more records than there are, and no word twice.
fn is_plausible(statistics: &Statistics) -> bool {
    let records = 0..=statistics.records;
    let counts = statistics.words.iter().all(|line| {
        records.contains(&line.title_records)
            && records.contains(&line.body_records)
            && (1..=text::WORD_BYTES_MAX).contains(&line.word.len())
    });
    let distinct = statistics.words.windows(2).all(|pair| matches!(pair, [one, other] if one.word < other.word));
    statistics.records >= 0 && statistics.title_words >= 0 && statistics.body_words >= 0 && counts && distinct
}

#[cfg(test)]
mod tests;
