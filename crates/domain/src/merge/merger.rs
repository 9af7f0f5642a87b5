//! Merging streams hit by hit, in bounded memory.

use std::{cmp::Ordering, collections::BTreeMap, collections::BinaryHeap, time::Duration};

use isopolity_proto::{admin::Granularity, catalog::FacetRequest, federation::FacetCounts};

use super::{
    Breach, Merged, MergedHit, Terms,
    city::{City, Concluded, FromReplica},
    coverage, facets,
};
use crate::{
    CityId,
    answer::{AnswerEnd, AnswerHit, AnswerStart, Effort},
};

/// Merges the answers of many cities while they come.
///
/// A hit is given out when no city can have a better one any more: each has a hit in its queue or has ended. Each stream
/// is checked as it comes. The order in which parts of different cities come makes no difference to what is given out.
///
/// Who feeds it reads only from cities that it [wants](Self::wants); so a city's queue stays short, however much it sends.
#[derive(Debug)]
pub struct Merger {
    terms: Terms,
    cities: Vec<City>,
    numbers: BTreeMap<CityId, usize>,
    heads: BinaryHeap<Head>,
    /// How many cities may still have a hit that comes before all those that are known.
    waited_for: usize,
    given_out: usize,
}

/// What comes next out of a [`Merger`].
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The next hit, in its place.
    Hit(Box<MergedHit>),
    /// Nothing before one of these cities has said more. Never empty.
    Waiting(Vec<CityId>),
    /// The answer is whole: as many hits as were wanted, or all.
    Done,
}

impl Merger {
    /// A merge of one stream for each of these cities, the own one first.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = CityId>, terms: Terms) -> Self {
        let mut merger = Self {
            terms,
            cities: Vec::new(),
            numbers: BTreeMap::new(),
            heads: BinaryHeap::new(),
            waited_for: 0,
            given_out: 0,
        };
        for city in members {
            if !merger.numbers.contains_key(&city) {
                merger.numbers.insert(city.clone(), merger.cities.len());
                merger.cities.push(City::new(city, &merger.terms));
                merger.waited_for += 1;
            }
        }
        merger
    }

    /// Takes in the beginning of a city's answer.
    ///
    /// # Errors
    /// [`Breach`] if it breaks the protocol. The city is then `INVALID`; nothing more of it is taken in.
    pub fn start(&mut self, city: &CityId, start: AnswerStart) -> Result<(), Breach> {
        self.change(city, |city, terms| city.begin(start, terms))
    }

    /// Takes in a hit of a city.
    ///
    /// # Errors
    /// As [`Self::start`]; hits of it that were not given out yet are dropped.
    pub fn hit(&mut self, city: &CityId, hit: AnswerHit) -> Result<(), Breach> {
        self.change(city, |city, terms| city.put(hit, terms))
    }

    /// Takes in the end of a city's answer. Also for a city that was never asked and for one that broke the protocol: it
    /// tells how long that took and how many records the city has.
    ///
    /// # Errors
    /// As [`Self::hit`].
    pub fn end(&mut self, city: &CityId, end: AnswerEnd) -> Result<(), Breach> {
        let Some(at) = self.numbers.get(city) else { return Ok(()) };
        let Some(one) = self.cities.get_mut(*at) else { return Ok(()) };
        let was = one.is_waited_for();
        let ended = one.end(end, &self.terms);
        self.settle(*at, was);
        ended
    }

    /// Says that no more of a city's answer is read, because the merged answer is whole. As far as it came it was good, so
    /// the city has answered.
    pub fn stop(&mut self, city: &CityId, took: Duration, records_before: i64, effort: Effort) {
        let Some(at) = self.numbers.get(city) else { return };
        let Some(one) = self.cities.get_mut(*at) else { return };
        let was = one.is_waited_for();
        one.stop(took, records_before, effort);
        self.settle(*at, was);
    }

    /// Whether more of a city is to be read at present: its answer goes on, and not much of it is waiting for its turn.
    #[must_use]
    pub fn wants(&self, city: &CityId) -> bool {
        self.city(city).is_some_and(City::wants_more)
    }

    /// Whether a city's answer goes on, as far as is known.
    #[must_use]
    pub fn is_open(&self, city: &CityId) -> bool {
        self.city(city).is_some_and(City::is_open)
    }

    /// Gives out the next hit, if it is certain.
    pub fn take_next(&mut self) -> Next {
        if self.given_out >= self.terms.limit {
            // The last hit was certain, but totals and facets come with each beginning.
            return self.waiting_or_done(City::is_silent);
        }
        if self.waited_for > 0 {
            return self.waiting_or_done(City::is_waited_for);
        }
        let Some(Head { hit, city: at }) = self.heads.pop() else { return Next::Done };
        if let Some(city) = self.cities.get_mut(at) {
            city.taken += 1;
            city.at_head = false;
        }
        self.settle(at, false);
        self.given_out += 1;
        Next::Hit(hit)
    }

    /// The best of what is queued, at most so many: the hits that would come next if no city had more.
    #[must_use]
    pub fn preview(&self, most: usize) -> Vec<&MergedHit> {
        let most = most.min(self.terms.limit.saturating_sub(self.given_out));
        let queued = self.cities.iter().flat_map(|city| city.queued().take(most));
        let mut hits: Vec<&MergedHit> = self.heads.iter().map(|head| &*head.hit).chain(queued).collect();
        hits.sort_unstable_by(|one, other| one.place(other));
        hits.truncate(most);
        hits
    }

    /// How many records match, by what cities have said so far.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.cities.iter().map(City::total).fold(0, i64::saturating_add)
    }

    /// Whether more may match than [`Self::total`] says, in cities that have begun to answer: they do not say how many exactly.
    #[must_use]
    pub fn total_is_least(&self) -> bool {
        self.cities.iter().any(City::total_is_least)
    }

    /// The cities whose answers go on.
    #[must_use]
    pub fn open(&self) -> Vec<CityId> {
        self.cities.iter().filter(|city| city.is_open()).map(|city| city.id.clone()).collect()
    }

    /// What came of it all, without the hits that were given out: outcomes, totals, facets, coverage.
    ///
    /// A city that neither ended nor was [stopped](Self::stop) is `UNREACHABLE`.
    #[must_use]
    pub fn finish(mut self) -> Merged {
        let mut cities: Vec<Concluded> = std::mem::take(&mut self.cities).into_iter().map(City::conclude).collect();
        if let Some((_, others)) = cities.split_first_mut() {
            others.sort_by(|one, other| one.id.cmp(&other.id));
        }
        let coverage = coverage::of(cities.iter().map(|city| (city.outcome.outcome(), city.records)));
        let total = cities.iter().filter(|city| city.used).map(|city| city.outcome.total).fold(0, i64::saturating_add);
        let (mut outcomes, mut details, mut counted) = (Vec::new(), BTreeMap::new(), Vec::new());
        for city in cities {
            if city.used {
                let only_says_that_some_match =
                    city.outcome.granularity() == Granularity::YesNo && city.outcome.total_at_least;
                counted.push(if only_says_that_some_match { self.withheld() } else { city.facets });
            }
            outcomes.push(city.outcome);
            details.insert(city.id, city.detail);
        }
        let facets = facets::sum(&self.terms.facets, &counted);
        let total_at_least = outcomes.iter().any(|city| city.total_at_least);
        Merged { total_at_least, hits: Vec::new(), total, outcomes, coverage, facets, details }
    }

    /// Takes in a city's hits that are checked already, partly or all from a replica.
    pub(super) fn adopt(
        &mut self,
        city: &CityId,
        start: AnswerStart,
        hits: Vec<MergedHit>,
        end: AnswerEnd,
        from: FromReplica,
    ) {
        // What is checked already can't break the protocol.
        let _adopted = self.change(city, |city, _| {
            city.adopt(start, hits, end, from);
            Ok(())
        });
    }

    /// The facets of a city that counts none of what matches there.
    fn withheld(&self) -> Vec<FacetCounts> {
        let none = |asked: &FacetRequest| FacetCounts { facet: asked.facet, withheld: true, ..FacetCounts::default() };
        self.terms.facets.iter().map(none).collect()
    }

    fn city(&self, city: &CityId) -> Option<&City> {
        self.cities.get(*self.numbers.get(city)?)
    }

    fn waiting_or_done(&self, awaited: impl Fn(&City) -> bool) -> Next {
        let awaited: Vec<_> = self.cities.iter().filter(|city| awaited(city)).map(|city| city.id.clone()).collect();
        if awaited.is_empty() { Next::Done } else { Next::Waiting(awaited) }
    }

    /// Changes a city whose answer goes on.
    fn change(
        &mut self,
        city: &CityId,
        change: impl FnOnce(&mut City, &Terms) -> Result<(), Breach>,
    ) -> Result<(), Breach> {
        let Some(at) = self.numbers.get(city).copied() else { return Ok(()) };
        let Some(one) = self.cities.get_mut(at).filter(|city| city.is_open()) else { return Ok(()) };
        let was = one.is_waited_for();
        let changed = change(one, &self.terms);
        self.settle(at, was);
        changed
    }

    /// Brings the heap and the count of cities that are waited for up to date with a changed city.
    fn settle(&mut self, at: usize, was_waited_for: bool) {
        let Some(city) = self.cities.get_mut(at) else { return };
        if city.at_head && !city.keeps_head() {
            city.at_head = false;
            self.heads.retain(|head| head.city != at);
        }
        if !city.at_head
            && let Some(hit) = city.dequeue()
        {
            city.at_head = true;
            self.heads.push(Head { hit, city: at });
        }
        self.waited_for = self.waited_for + usize::from(city.is_waited_for()) - usize::from(was_waited_for);
    }
}

/// The next hit of a city.
#[derive(Debug)]
struct Head {
    hit: Box<MergedHit>,
    city: usize,
}

impl Ord for Head {
    /// The greatest is taken first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.hit.place(&self.hit)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
