//! How well a record fits the words of a question: the formula of `isopolity.federation.v1.Statistics`.
//!
//! A score must have the same bits on every node. So everything is done in double precision, in one order of operations,
//! with a logarithm that is not the platform's own; sums go over the words in byte order, for each word first the title.

use isopolity_proto::federation::Statistics;

/// The part of a record's text in which a word occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What names the record.
    Title,
    /// Its other text.
    Body,
}

impl Part {
    /// How much a word counts there.
    fn weight(self) -> f64 {
        match self {
            Self::Title => 3.0,
            Self::Body => 1.0,
        }
    }
}

/// What the relevance of all words is computed from: how many records there are, and how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corpus {
    records: f64,
    mean_title: f64,
    mean_body: f64,
}

impl Corpus {
    /// The records of which these are the statistics. Its words do not matter.
    #[must_use]
    pub fn new(statistics: &Statistics) -> Self {
        let records = number(statistics.records);
        // Statistics that contradict themselves must not give a score that is no number.
        let mean = |words: i64| if statistics.records > 0 && words > 0 { number(words) / records } else { 1.0 };
        Self { records, mean_title: mean(statistics.title_words), mean_body: mean(statistics.body_words) }
    }

    /// What a word counts that occurs in that part of so many records.
    #[must_use]
    pub fn word(&self, part: Part, holding: i64) -> Word {
        // More than there are contradicts itself.
        let holding = number(holding).min(self.records);
        let rarity = libm::log(1.0 + (self.records - holding + 0.5) / (holding + 0.5));
        let mean = match part {
            Part::Title => self.mean_title,
            Part::Body => self.mean_body,
        };
        Word { factor: part.weight() * rarity, mean }
    }
}

/// What a word counts in a part of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word {
    factor: f64,
    mean: f64,
}

impl Word {
    /// What it adds to the score of a record that holds it so many `times` in a part whose length, in words, is of this
    /// [`step`]. Finite, at least 0, and 0 for a word that does not occur.
    #[must_use]
    pub fn relevance(&self, times: u32, step: u32) -> f64 {
        let times = f64::from(times);
        let saturation = 1.2 * (0.25 + 0.75 * f64::from(step) / self.mean);
        self.factor * times * 2.2 / (times + saturation)
    }
}

/// The score: the sum over the words, rounded to single precision.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the contract rounds to single precision at the end")]
pub fn score(sum: f64) -> f32 {
    sum as f32
}

/// The length of a text in words, rounded down to one of 256 steps (Lucene's `SmallFloat.intToByte4`): exact up to 40,
/// then with four significant bits, up to 2,013,265,944.
#[must_use]
pub fn step(words: u32) -> u32 {
    const EXACT: u32 = 24;
    let words = words.min(i32::MAX.unsigned_abs());
    match words.checked_sub(EXACT) {
        None => words,
        Some(rest) => {
            let dropped = (u32::BITS - rest.leading_zeros()).saturating_sub(4);
            EXACT + (rest >> dropped << dropped)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no city has 2^53 words")]
fn number(count: i64) -> f64 {
    count.max(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(records: i64, title_words: i64, body_words: i64) -> Statistics {
        Statistics { records, title_words, body_words, words: Vec::new() }
    }

    #[test]
    fn the_formula_is_that_of_the_contract() {
        let corpus = Corpus::new(&statistics(1_000, 4_000, 50_000));
        // Computed apart from this code.
        let title = corpus.word(Part::Title, 10).relevance(1, 6);
        let body = corpus.word(Part::Body, 250).relevance(3, 44);
        assert!((title - 11.350_454_66).abs() < 1e-6, "{title}");
        assert!((body - 2.234_348_16).abs() < 1e-6, "{body}");
        assert!(corpus.word(Part::Title, 10).relevance(0, 0).abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn rarer_words_more_often_in_shorter_texts_count_more() {
        let corpus = Corpus::new(&statistics(1_000, 4_000, 50_000));
        let of = |holding, times, step| corpus.word(Part::Body, holding).relevance(times, step);
        assert!(of(10, 1, 40) > of(11, 1, 40));
        assert!(of(10, 2, 40) > of(10, 1, 40));
        assert!(of(10, 1, 40) > of(10, 1, 42));
        assert!(of(1_000, 1, 40) > 0.0, "also a word that is everywhere counts");
    }

    #[test]
    fn statistics_that_contradict_themselves_give_a_score_all_the_same() {
        for records in [i64::MIN, -1, 0, 1, i64::MAX] {
            for words in [i64::MIN, -1, 0, 1, i64::MAX] {
                let corpus = Corpus::new(&statistics(records, words, words));
                for holding in [i64::MIN, 0, 1, i64::MAX] {
                    for (times, step) in [(0, 0), (1, 0), (1, 1), (u32::MAX, u32::MAX)] {
                        let relevance = corpus.word(Part::Title, holding).relevance(times, step);
                        let score = score(relevance);
                        assert!(score.is_finite() && score >= 0.0, "{records} {words} {holding} {times}: {score}");
                    }
                }
            }
        }
    }

    #[test]
    fn lengths_are_exact_up_to_forty_and_then_in_steps() {
        assert!((0..=40).all(|words| step(words) == words));
        assert_eq!([41, 42, 55, 56, 60, 1_000_000].map(step), [40, 42, 54, 56, 60, 983_064]);
        assert_eq!([step(i32::MAX.unsigned_abs()), step(u32::MAX)], [2_013_265_944; 2]);
        let mut steps: Vec<u32> = (0..2_000_000).map(step).collect();
        steps.dedup();
        assert!(steps.is_sorted() && steps.len() < 200, "{}", steps.len());
        assert!(steps.iter().all(|one| step(*one) == *one));
    }
}
