//! How the answers of many cities become one.
//!
//! Each answer is checked, hit by hit. One that breaks the protocol is not used, but stays visible as such among the
//! outcomes: no city is ever missing silently.
//!
//! [`Merger`] merges streams while they come; [`merge`] does the same with answers that are there as a whole.

mod check;
mod city;
mod coverage;
mod facets;
mod merger;
mod replica;
mod require;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use isopolity_proto::{
    catalog::{CityOutcome, Coverage, FacetRequest, Outcome},
    federation::{Envelope, FacetCounts, Record, SearchOrder, Statistics},
};

use crate::{
    CityId,
    answer::{After, Answer, Effort, SortKey},
};

pub use merger::{Merger, Next};
pub use require::{Insufficient, require};

/// What was asked of all cities, to which their answers are held.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The order of hits. Never unspecified.
    pub order: SearchOrder,
    /// How many hits the merged answer has at most. 0: only totals and facets.
    pub limit: usize,
    /// How many hits each city was asked for at most. For a page one more than `limit`: so it is known whether more follow.
    pub each: usize,
    /// The facets that were asked for, with how many values of each are shown.
    pub facets: Vec<FacetRequest>,
    /// The points after which cities were asked. A city that is not named was asked from the beginning.
    pub after: BTreeMap<CityId, After>,
    /// Hits come without their records.
    pub omit_records: bool,
}

impl Terms {
    /// As many hits as this from the beginning, with their records and without facets.
    #[must_use]
    pub fn new(order: SearchOrder, limit: usize) -> Self {
        Self { order, limit, each: limit, facets: Vec::new(), after: BTreeMap::new(), omit_records: false }
    }
}

/// How a city's answer breaks the protocol: the rest of a sentence that begins with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Breach(pub String);

/// A hit of the merged answer.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedHit {
    /// The home city.
    pub city: CityId,
    /// The value by which it is ordered.
    pub key: SortKey,
    /// The resource name.
    pub name: String,
    /// What is in the envelope. Empty where records are omitted.
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
    /// More may match: some cities do not say how many exactly.
    pub total_at_least: bool,
    /// One for each city: the own one first, the others by id.
    pub outcomes: Vec<CityOutcome>,
    /// How much of the federation this covers.
    pub coverage: Coverage,
    /// The facets that were asked for, in that order: the values of all used answers, the greatest count first, then by
    /// value, as many as were asked for. `values_left_off` is exact unless a city left values off itself; then at least as
    /// many are missing.
    pub facets: Vec<FacetCounts>,
    /// What else is known of each city: for the next page and for explanations.
    pub details: BTreeMap<CityId, CityDetail>,
}

/// What is known of a city's answer beside its outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CityDetail {
    /// How many good hits it sent itself.
    pub hits_sent: usize,
    /// Hits of it came that are not among those of the merged answer.
    pub untaken: bool,
    /// Key and name of the last good hit that came.
    pub last: Option<(SortKey, String)>,
    /// The time that it says it took, if its answer is used.
    pub city_took: Option<Duration>,
    /// How often the question's words occur there, if it said so and its answer is used.
    pub statistics: Option<Statistics>,
    /// What asking it took beside time.
    pub effort: Effort,
}

/// Merges the answers of all members of the federation, the own city's first, into the best hits. Of a city there may be
/// answers from replicas too. Neither the order of the other answers nor the time at which they came makes a difference.
///
/// Of an answer that breaks the protocol anywhere nothing is used. A record that was reached twice, live and through a
/// replica, comes once, in its newest version.
#[must_use]
pub fn merge(answers: Vec<Answer>, terms: &Terms) -> Merged {
    debug_assert_ne!(terms.order, SearchOrder::Unspecified, "a question is asked in an order that is decided");
    let mut members = Vec::new();
    let mut of_city: BTreeMap<CityId, Vec<Answer>> = BTreeMap::new();
    for answer in answers {
        match of_city.entry(answer.city.clone()) {
            Entry::Occupied(mut known) => known.get_mut().push(answer),
            Entry::Vacant(new) => {
                members.push(answer.city.clone());
                new.insert(vec![answer]);
            }
        }
    }
    let mut merger = Merger::new(members, terms.clone());
    for answers in of_city.into_values() {
        replica::take_in(&mut merger, answers, terms);
    }
    let mut hits = Vec::new();
    while let Next::Hit(hit) = merger.take_next() {
        hits.push(*hit);
    }
    Merged { hits, ..merger.finish() }
}

/// Whether a city answered in full: itself, or its digest, which proves that nothing there matches.
fn in_full(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Answered | Outcome::AnsweredEmpty | Outcome::RuledOut)
}

#[cfg(test)]
mod tests;
