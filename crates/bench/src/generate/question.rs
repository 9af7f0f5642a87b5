//! Questions as people ask them, from what is in the records: so that each has an answer.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_proto::{
    federation::{Question, SearchOrder},
    to_dynamic,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use super::{Resource, indexed, with};

/// What kind of question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// A word that few records have.
    Rare,
    /// A word that many records have.
    Common,
    /// Two words that stand in one record.
    TwoWords,
    /// Two words that most records have.
    TwoCommon,
    /// Two words beside each other.
    Phrase,
    /// A word, among the records of one kind and country.
    Filtered,
    /// No word: a kind and a country, the latest first.
    Filter,
    /// A rarer word, with counts by kind and by country.
    RareFacets,
    /// Words that most records have, with the same counts.
    CommonFacets,
}

impl Class {
    pub(crate) const ALL: [Self; 9] = [
        Self::Rare,
        Self::Common,
        Self::TwoWords,
        Self::TwoCommon,
        Self::Phrase,
        Self::Filtered,
        Self::Filter,
        Self::RareFacets,
        Self::CommonFacets,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rare => "rare word",
            Self::Common => "common word",
            Self::TwoWords => "two words",
            Self::TwoCommon => "two common words",
            Self::Phrase => "phrase",
            Self::Filtered => "word and filters",
            Self::Filter => "filters only",
            Self::RareFacets => "rare word, two facets",
            Self::CommonFacets => "common word, two facets",
        }
    }

    pub(crate) fn with_facets(self) -> bool {
        matches!(self, Self::RareFacets | Self::CommonFacets)
    }
}

/// A question, and what others need to ask the same.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) class: Class,
    pub(crate) question: Question,
    /// The folded words, all of which a record must have.
    pub(crate) words: Vec<String>,
    /// They must stand beside each other in this order.
    pub(crate) beside: bool,
}

/// The words that most records have: so many of the most frequent.
const MOST: usize = 4;

/// What a sample of records holds.
struct Sample {
    /// Each record's texts as words, kind and countries.
    records: Vec<(Vec<Vec<String>>, String, Vec<String>)>,
    /// In how many records of the sample a word stands.
    counts: BTreeMap<String, usize>,
}

impl Sample {
    fn new(resources: impl Iterator<Item = Resource>) -> Self {
        let mut sample = Self { records: Vec::new(), counts: BTreeMap::new() };
        for resource in resources {
            let found = indexed(&with!(&resource, message => to_dynamic(message.as_ref())));
            let texts: Vec<Vec<String>> = found.title.into_iter().chain(found.body).collect();
            let distinct: BTreeSet<&String> = texts.iter().flatten().collect();
            for word in distinct {
                *sample.counts.entry(word.clone()).or_default() += 1;
            }
            sample.records.push((texts, resource.kind().to_string(), found.origin_countries));
        }
        sample
    }

    fn share(&self, word: &str) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a sample has some thousand records")]
        let share = self.counts.get(word).copied().unwrap_or_default() as f64 / self.records.len().max(1) as f64;
        share
    }

    /// A word of these texts that so large a share of all records has.
    fn word(&self, random: &mut StdRng, texts: &[Vec<String>], from: f64, to: f64) -> Option<String> {
        let fit = |word: &&String| (from..to).contains(&self.share(word)) && word.chars().count() > 1;
        let fitting: Vec<&String> = texts.iter().flatten().filter(fit).collect();
        pick(random, &fitting).map(|word| (*word).clone())
    }
}

/// So many questions of each class, in turns, about records like these.
pub(crate) fn questions(sample: impl Iterator<Item = Resource>, seed: u64, of_each: usize) -> Vec<Asked> {
    let sample = Sample::new(sample);
    let mut random = StdRng::seed_from_u64(seed);
    let mut most: Vec<(&String, &usize)> = sample.counts.iter().collect();
    most.sort_by_key(|(word, count)| (std::cmp::Reverse(**count), *word));
    let most: Vec<&String> = most.into_iter().map(|(word, _)| word).take(MOST).collect();
    let mut asked: Vec<Asked> = Vec::new();
    for class in Class::ALL {
        // A record does not always have words for a class: then another is taken.
        for _ in 0..of_each * 1_000 {
            if asked.iter().filter(|one| one.class == class).count() == of_each {
                break;
            }
            asked.extend(one(&sample, &most, &mut random, class));
        }
    }
    asked.sort_by_cached_key(|_| random.random::<u64>());
    asked
}

fn one(sample: &Sample, most: &[&String], random: &mut StdRng, class: Class) -> Option<Asked> {
    let (texts, kind, countries) = pick(random, &sample.records)?;
    let common = |random: &mut StdRng| pick(random, most).map(|word| (*word).clone());
    let words = match class {
        Class::Rare | Class::RareFacets => vec![sample.word(random, texts, 0.0, 0.005)?],
        Class::Common => vec![sample.word(random, texts, 0.1, 1.0)?],
        Class::Filtered => vec![sample.word(random, texts, 0.02, 0.5)?],
        Class::TwoWords => {
            vec![sample.word(random, texts, 0.005, 0.1)?, sample.word(random, texts, 0.1, 1.0)?]
        }
        Class::TwoCommon | Class::CommonFacets => vec![common(random)?, common(random)?],
        Class::Phrase => {
            let text = pick(random, texts)?;
            let at = random.random_range(0..text.len().max(1));
            text.get(at..at + 2).filter(|two| two.iter().all(|word| word.chars().count() > 1))?.to_vec()
        }
        Class::Filter => Vec::new(),
    };
    if words.first() == words.get(1) && !words.is_empty() {
        return None;
    }
    let beside = class == Class::Phrase;
    let narrow = matches!(class, Class::Filter | Class::Filtered);
    let text = if beside { format!("\"{}\"", words.join(" ")) } else { words.join(" ") };
    let question = Question {
        text,
        kinds: if narrow { vec![kind.clone()] } else { Vec::new() },
        origin_countries: if narrow { vec![pick(random, countries)?.clone()] } else { Vec::new() },
        order: if words.is_empty() { SearchOrder::UpdateTime } else { SearchOrder::Relevance }.into(),
        ..Default::default()
    };
    Some(Asked { class, question, words, beside })
}

fn pick<'a, T>(random: &mut StdRng, values: &'a [T]) -> Option<&'a T> {
    values.get(random.random_range(0..values.len().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Generator;

    #[test]
    fn there_are_as_many_questions_of_each_class_and_the_same_for_the_same_seed() {
        let ask = |seed| {
            let mut generator = Generator::of("a.example", 1_000, 1).unwrap();
            questions(std::iter::from_fn(move || generator.resource()), seed, 3)
        };
        let asked = ask(4);
        for class in Class::ALL {
            assert_eq!(asked.iter().filter(|one| one.class == class).count(), 3, "{class:?}");
        }
        let texts = |asked: Vec<Asked>| asked.into_iter().map(|one| one.question).collect::<Vec<_>>();
        assert_eq!(texts(asked), texts(ask(4)));
    }
}
