//! How the answers of many cities become one.
//!
//! Each answer is checked first. One that breaks the protocol is not used at all, but stays visible as such among the
//! outcomes: no city is ever missing silently.

mod check;
mod coverage;
mod require;

use std::{cmp::Ordering, collections::BinaryHeap, vec};

use isopolity_proto::{
    catalog::{CityOutcome, Coverage, FeedPosition, Outcome},
    error::Reason,
    federation::{Envelope, Record, SearchOrder},
};

use crate::{
    CityId,
    answer::{Answer, Ending, SortKey},
};

pub use require::{Insufficient, require};

/// A hit of the merged answer.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedHit {
    /// The home city.
    pub city: CityId,
    /// The value by which it is ordered.
    pub key: SortKey,
    /// The resource name.
    pub name: String,
    /// What is in the envelope.
    pub record: Record,
    /// The record as its home city signed it.
    pub envelope: Envelope,
}

impl MergedHit {
    /// Orders what comes first before what comes later: by key, then city, then name.
    fn place(&self, other: &Self) -> Ordering {
        self.key
            .better_first(&other.key)
            .then_with(|| self.city.cmp(&other.city))
            .then_with(|| self.name.cmp(&other.name))
    }
}

/// What all cities answered together.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The best hits in order.
    pub hits: Vec<MergedHit>,
    /// How many records match in the cities whose answers are used.
    pub total: i64,
    /// One for each city: the own one first, the others by id.
    pub outcomes: Vec<CityOutcome>,
    /// How much of the federation this covers.
    pub coverage: Coverage,
}

/// Merges the answers of all members of the federation, the own city's first, into the `limit` best hits. Neither the order
/// of the other answers nor the time at which they came makes a difference.
#[must_use]
pub fn merge(answers: Vec<Answer>, order: SearchOrder, limit: usize) -> Merged {
    debug_assert_ne!(order, SearchOrder::Unspecified, "a question is asked in an order that is decided");
    let mut cities: Vec<City> = answers.into_iter().map(|answer| City::settle(answer, order, limit)).collect();
    if let Some((_, others)) = cities.split_first_mut() {
        others.sort_by(|one, other| one.outcome.city.cmp(&other.outcome.city));
    }
    let hits = take_best(cities.iter_mut().map(|city| std::mem::take(&mut city.hits)), limit);
    for city in &mut cities {
        let own = hits.iter().filter(|hit| hit.city.as_str() == city.outcome.city).count();
        city.outcome.hits = i32::try_from(own).unwrap_or(i32::MAX);
    }
    let total = cities.iter().filter(|city| city.used).map(|city| city.outcome.total).fold(0, i64::saturating_add);
    let coverage = coverage::of(cities.iter().map(|city| (city.outcome.outcome(), city.records)));
    Merged { hits, total, outcomes: cities.into_iter().map(|city| city.outcome).collect(), coverage }
}

/// Whether a city answered in full.
fn in_full(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Answered | Outcome::AnsweredEmpty)
}

/// A city's answer after the check.
struct City {
    outcome: CityOutcome,
    /// Its hits count, in full or in part.
    used: bool,
    hits: Vec<MergedHit>,
    /// The records that it is known to hold for the asker.
    records: i64,
}

impl City {
    fn settle(answer: Answer, order: SearchOrder, limit: usize) -> Self {
        let Answer { city, took, start, hits, ending, records_before } = answer;
        let complete = ending == Ending::Complete;
        let worth_reading = match &ending {
            Ending::Complete | Ending::Fault { outcome: Outcome::Partial, .. } => true,
            Ending::Fault { outcome: Outcome::TimedOut | Outcome::Unreachable, .. } => !hits.is_empty(),
            Ending::Fault { .. } => false,
        };
        let checked = worth_reading.then(|| check::check(&city, start.as_ref(), hits, complete, order, limit));
        let start = start.unwrap_or_default();
        let mut outcome = CityOutcome { city: city.to_string(), took: took.try_into().ok(), ..Default::default() };
        let (mut used, mut merged) = (false, Vec::new());
        match (checked, ending) {
            (Some(Err(breach)), _) => {
                outcome.set_outcome(Outcome::Invalid);
                outcome.set_error_reason(Reason::AnswerInvalid);
                outcome.reason = breach;
            }
            (Some(Ok(hits)), ending) => {
                (used, merged) = (true, hits);
                outcome.total = start.total;
                match ending {
                    Ending::Complete if start.total == 0 => outcome.set_outcome(Outcome::AnsweredEmpty),
                    Ending::Complete => outcome.set_outcome(Outcome::Answered),
                    Ending::Fault { reason, description, .. } => {
                        outcome.set_outcome(Outcome::Partial);
                        outcome.set_error_reason(reason);
                        outcome.reason = description;
                    }
                }
                outcome.position =
                    Some(FeedPosition { epoch: start.position.epoch, sequence: start.position.sequence });
            }
            (None, Ending::Fault { outcome: fault, reason, description }) => {
                outcome.set_outcome(match fault {
                    // A fault that claims an answer contradicts itself.
                    Outcome::Unspecified | Outcome::Answered | Outcome::AnsweredEmpty => Outcome::Invalid,
                    other => other,
                });
                outcome.set_error_reason(reason);
                outcome.reason = description;
                if fault != Outcome::Invalid {
                    outcome.total = start.total.max(0);
                }
            }
            (None, Ending::Complete) => unreachable!("a complete answer is always checked"),
        }
        let records = if in_full(outcome.outcome()) { start.records } else { records_before.max(0) };
        Self { outcome, used, hits: merged, records }
    }
}

/// A city's hits that were not taken yet; the next one decides whose turn it is.
struct Queue {
    next: MergedHit,
    rest: vec::IntoIter<MergedHit>,
}

impl Queue {
    fn new(mut hits: vec::IntoIter<MergedHit>) -> Option<Self> {
        Some(Self { next: hits.next()?, rest: hits })
    }
}

impl Ord for Queue {
    /// The greatest is taken first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.next.place(&self.next)
    }
}

impl PartialOrd for Queue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Queue {}

fn take_best(sorted: impl Iterator<Item = Vec<MergedHit>>, limit: usize) -> Vec<MergedHit> {
    let mut queues: BinaryHeap<Queue> = sorted.filter_map(|hits| Queue::new(hits.into_iter())).collect();
    let mut best = Vec::new();
    while best.len() < limit
        && let Some(Queue { next, rest }) = queues.pop()
    {
        best.push(next);
        queues.extend(Queue::new(rest));
    }
    best
}

#[cfg(test)]
mod tests;
