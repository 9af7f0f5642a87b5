//! What a city's digest proves: that nothing there matches a question, so that the city need not be asked.
//!
//! A digest is a claim of a peer. [`CheckedDigest::check`] refuses what contradicts itself, so that damage and carelessness
//! never rule a city out; a city that lies about itself well enough is only left out itself. Nothing that is missing, cut
//! off or not understood here rules anything out.

mod check;
mod filter;

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use isopolity_proto::{
    federation::{OpenConditions, Question, Statistics},
    options::{Audience, Facet},
};
use time::OffsetDateTime;

pub use self::{
    check::DigestError,
    filter::{FALSE_POSITIVE_RATE, FILTER_BYTES_MAX, SALT_BYTES, contains, word_filter},
};
use crate::{
    CityId, Kind,
    facet::{self, SectorParts},
    feed::Position,
    query::{Scope, TextQuery},
    text::ANALYSER,
};

/// The most values of a facet in a digest.
pub const VALUES_MAX: usize = 10_000;
/// How many values a reason names.
const VALUES_NAMED: usize = 3;

/// A digest that does not contradict itself.
#[derive(Clone, Debug)]
pub struct CheckedDigest {
    city: CityId,
    position: Position,
    create_time: Option<OffsetDateTime>,
    audience: Audience,
    analyser: String,
    statistics: Statistics,
    /// The facets of which all values are there and understood.
    facets: BTreeMap<Facet, Values>,
    words: Option<filter::Filter>,
    /// Two words that stand beside each other are among the words.
    pairs: bool,
    bytes: usize,
}

/// The values of a facet that records have.
#[derive(Clone, Debug)]
enum Values {
    Words(HashSet<String>),
    Sectors(Vec<SectorParts>),
}

impl CheckedDigest {
    /// The city.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.city
    }

    /// The point of the city's feed up to which it is true.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// When it was made, by the city's own clock.
    #[must_use]
    pub fn create_time(&self) -> Option<OffsetDateTime> {
        self.create_time
    }

    /// Who may see the records.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// What cut its words. Where it is another one than [`ANALYSER`], words rule nothing out.
    #[must_use]
    pub fn analyser(&self) -> &str {
        &self.analyser
    }

    /// How many records there are, and how long; without words.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How often a word that does not occur is taken to occur; 1 without words.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        self.words.as_ref().map_or(1.0, |words| words.rate)
    }

    /// Its size as it came, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it proves that nothing there matches: then the reason, for people. `text` is what was read of the question's
    /// text.
    ///
    /// Only words and phrases that must occur, kinds, values of facets and open conditions prove something; beginnings of words,
    /// exclusions, dates and distances never do.
    #[must_use]
    pub fn rules_out(&self, question: &Question, text: &TextQuery) -> Option<String> {
        if self.statistics.records == 0 {
            return Some("no record there".to_owned());
        }
        self.without_open_conditions(question.open_conditions())
            .or_else(|| facet::asked(question).into_iter().find_map(|condition| self.without(&condition, question)))
            .or_else(|| self.without_word(text))
    }

    fn without_open_conditions(&self, asked: OpenConditions) -> Option<String> {
        let lacks = |facet, value: Option<&str>| match self.facets.get(&facet) {
            Some(Values::Words(values)) => value.map_or(values.is_empty(), |value| !values.contains(value)),
            _ => false,
        };
        match asked {
            OpenConditions::Unspecified => None,
            _ if lacks(Facet::Kind, Some(Kind::Partnership.as_str())) => Some("no partnership there".to_owned()),
            OpenConditions::Some if lacks(Facet::OpenCondition, None) => {
                Some("no partnership there has an open condition".to_owned())
            }
            OpenConditions::Some | OpenConditions::None => None,
        }
    }

    fn without(&self, condition: &facet::Condition, question: &Question) -> Option<String> {
        let asked = match self.facets.get(&condition.facet)? {
            Values::Words(values) if condition.terms.iter().any(|term| values.contains(term)) => return None,
            Values::Words(_) => condition.terms.clone(),
            Values::Sectors(values) => {
                let asked: Vec<_> = question.sectors.iter().map(SectorParts::of_prefix).collect();
                if asked.iter().any(|prefix| values.iter().any(|value| prefix.may_find(value))) {
                    return None;
                }
                asked.iter().map(ToString::to_string).collect()
            }
        };
        Some(match condition.facet {
            Facet::Kind => format!("no {} there", one_of(asked.iter().map(|kind| kind.replace('_', " ")).collect())),
            facet => format!("no record there has the {} {}", facet::noun(facet), one_of(asked)),
        })
    }

    fn without_word(&self, text: &TextQuery) -> Option<String> {
        let filter = self.words.as_ref().filter(|_| self.analyser == ANALYSER)?;
        text.clauses.iter().filter(|clause| !clause.excluded).find_map(|clause| {
            let in_title = clause.scope == Scope::Title;
            let words: Vec<&str> = clause.what.whole_words().collect();
            let missing = |word: &str| !filter.contains(word, in_title);
            let place = if in_title { " in its title" } else { "" };
            if let Some(word) = words.iter().find(|word| missing(word)) {
                return Some(format!("no record there holds \"{word}\"{place}"));
            }
            // Beside each other the words of a clause stand in a phrase alone.
            let mut pairs = words.windows(2).filter(|_| self.pairs).map(|pair| pair.join(" "));
            let pair = pairs.find(|pair| missing(pair))?;
            let place = if in_title { ", in its title" } else { "" };
            Some(format!("no record there holds \"{pair}\", one word beside the other{place}"))
        })
    }
}

/// A few of the values, and how many more there are.
fn one_of(mut values: Vec<String>) -> String {
    let more = values.len().saturating_sub(VALUES_NAMED);
    values.truncate(VALUES_NAMED);
    if more > 0 {
        return format!("{} or {more} more", values.join(", "));
    }
    let last = values.pop().unwrap_or_default();
    if values.is_empty() { last } else { format!("{} or {last}", values.join(", ")) }
}

/// When a digest may rule its city out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// For how long it counts after the city said that it is true.
    pub confirmed_within: Duration,
}

impl Freshness {
    /// Whether a digest may rule its city out: the city confirmed it not long ago, and has named no point of its feed since then
    /// that is of another epoch or later. `known` is the point that the city last named, in any answer.
    #[must_use]
    pub fn usable(self, digest: &CheckedDigest, confirmed_ago: Duration, known: &Position) -> bool {
        confirmed_ago <= self.confirmed_within
            && digest.position.epoch == known.epoch
            && digest.position.sequence >= known.sequence
    }
}

#[cfg(test)]
mod tests;
