//! What is kept between two pages of a merged answer: for each city, up to where its hits were given out.
//!
//! A page ends at a place in the order of all hits: key, city, name. A city that answered in full goes on after that place.
//! One that broke off or did not answer goes on where it stood, so that its hits come with the next page for which it answers:
//! later than their place, but none is lost and none comes twice.
//!
//! Most cities stand at the same place. It is kept once, and only the cities that stand elsewhere are named. So a city that
//! becomes a member between two pages begins at that place too: what it holds before it was never part of the list that is
//! being paged through, and to put it in now would upset the order of all that follows. It is the same as with a record that
//! was published meanwhile and belongs on an earlier page.
//!
//! Which question this belongs to is not kept here: whoever makes a token of it binds the token to question and caller.

mod wire;

use std::{cmp::Ordering, collections::BTreeMap};

use isopolity_proto::{
    catalog::{CityOutcome, Outcome},
    error::Reason,
    federation::{SearchOrder, Statistics},
};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    CityId,
    answer::{After, SortKey},
    merge::Merged,
    page_token::PageTokenError,
};

/// How long one can go on from a page.
pub const GOOD_FOR: Duration = Duration::hours(24);

/// A place in the order of all hits.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    key: SortKey,
    city: CityId,
    name: String,
}

impl Place {
    fn compare(&self, other: &Self) -> Ordering {
        self.key
            .better_first(&other.key)
            .then_with(|| self.city.cmp(&other.city))
            .then_with(|| self.name.cmp(&other.name))
    }

    /// The later of two places. Nothing is before every place.
    fn later(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if one.compare(&other).is_lt() { other } else { one }),
            (one, other) => one.or(other),
        }
    }

    /// The same place among one city's hits.
    fn among(self, city: &CityId) -> After {
        let Self { key, city: last, name } = self;
        match city.cmp(&last) {
            // Of hits with the same key those of cities that come earlier were all taken, those of later ones not yet.
            Ordering::Less => After { key, name: String::new(), key_taken: true },
            Ordering::Equal => After { key, name, key_taken: false },
            Ordering::Greater => After { key, name: String::new(), key_taken: false },
        }
    }
}

/// What is kept between two pages.
#[derive(Clone, Debug, PartialEq)]
pub struct PageState {
    order: SearchOrder,
    statistics: Option<Statistics>,
    created: OffsetDateTime,
    /// The furthest place that was reached. All cities but those named below stand there. `None`: at the beginning.
    reached: Option<Place>,
    /// Cities that stand elsewhere.
    apart: BTreeMap<CityId, Option<Place>>,
    /// Fingerprints of cities, and of the epochs of their feeds when they last answered.
    epochs: BTreeMap<u32, u32>,
}

impl PageState {
    /// The state before the first page: all cities stand at the beginning. `statistics` are those by which relevance is
    /// computed on all pages.
    #[must_use]
    pub fn new(order: SearchOrder, statistics: Option<Statistics>, now: OffsetDateTime) -> Self {
        Self { order, statistics, created: now, reached: None, apart: BTreeMap::new(), epochs: BTreeMap::new() }
    }

    /// The order of hits.
    #[must_use]
    pub fn order(&self) -> SearchOrder {
        self.order
    }

    /// The statistics of the first page.
    #[must_use]
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_ref()
    }

    /// When the page was given out after which this goes on.
    #[must_use]
    pub fn created(&self) -> OffsetDateTime {
        self.created
    }

    /// Whether it is too late to go on.
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        now - self.created > GOOD_FOR
    }

    /// Whether a city's feed had another epoch when it last answered: its backup was restored meanwhile, and what it holds
    /// may have changed more than usual.
    #[must_use]
    pub fn was_restored(&self, city: &CityId, epoch: &str) -> bool {
        self.epochs.get(&fingerprint(city.as_str())).is_some_and(|known| *known != fingerprint(epoch))
    }

    /// After which point a city is to be asked. `None`: from the beginning.
    #[must_use]
    pub fn after_for(&self, city: &CityId) -> Option<After> {
        let place = self.apart.get(city).unwrap_or(&self.reached);
        place.clone().map(|place| place.among(city))
    }

    /// The same for several cities, without those that are to be asked from the beginning.
    #[must_use]
    pub fn after<'a>(&self, cities: impl IntoIterator<Item = &'a CityId>) -> BTreeMap<CityId, After> {
        cities.into_iter().filter_map(|city| Some((city.clone(), self.after_for(city)?))).collect()
    }

    /// The state after a page, or `None` if it was the last. Cities must have been asked after the points of this state, and
    /// each for one hit more than the page may have.
    ///
    /// Another page follows if hits came that found no place on this one, or if a city did not answer in full but may do so
    /// later: not one that was not selected, is suspended, speaks another protocol or refuses for other reasons than load.
    #[must_use]
    pub fn next(&self, page: &Merged, now: OffsetDateTime) -> Option<Self> {
        let last = page.hits.last();
        let last = last.map(|hit| Place { key: hit.key.clone(), city: hit.city.clone(), name: hit.name.clone() });
        let reached = Place::later(self.reached.clone(), last.clone());
        let outcomes: BTreeMap<&str, &CityOutcome> = page.outcomes.iter().map(|one| (one.city.as_str(), one)).collect();
        let (mut goes_on, mut apart, mut epochs) = (false, BTreeMap::new(), BTreeMap::new());
        // Only members have outcomes: who is no longer one is forgotten here.
        for (city, detail) in &page.details {
            let Some(outcome) = outcomes.get(city.as_str()) else { continue };
            let epoch = outcome.position.as_ref().map(|position| fingerprint(&position.epoch));
            let number = fingerprint(city.as_str());
            epochs.extend(epoch.or_else(|| self.epochs.get(&number).copied()).map(|epoch| (number, epoch)));
            let stood = || self.apart.get(city).unwrap_or(&self.reached).clone();
            let stands = match outcome.outcome() {
                Outcome::Answered | Outcome::AnsweredEmpty | Outcome::RuledOut | Outcome::FromReplica => {
                    goes_on |= detail.untaken;
                    Place::later(stood(), last.clone())
                }
                Outcome::Partial => {
                    goes_on = true;
                    if detail.untaken {
                        // All its hits up to the end of the page came.
                        Place::later(stood(), last.clone())
                    } else {
                        let own = detail.last.clone();
                        own.map(|(key, name)| Place { key, city: city.clone(), name }).or_else(stood)
                    }
                }
                // Never asked in the whole list.
                Outcome::NotAsked => continue,
                Outcome::Suspended | Outcome::Incompatible => stood(),
                Outcome::Refused => {
                    goes_on |= outcome.error_reason() == Reason::Overloaded;
                    stood()
                }
                Outcome::TimedOut | Outcome::Unreachable | Outcome::Invalid | Outcome::Unspecified => {
                    goes_on = true;
                    stood()
                }
            };
            if stands != reached {
                apart.insert(city.clone(), stands);
            }
        }
        let (order, statistics) = (self.order, self.statistics.clone());
        goes_on.then_some(Self { order, statistics, created: now, reached, apart, epochs })
    }

    /// The state as bytes, for a token. With 1,000 members that all answer, less than 10 kB.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a state from bytes.
    ///
    /// # Errors
    /// [`PageTokenError`] if they hold none.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageTokenError> {
        wire::decode(bytes).ok_or(PageTokenError)
    }
}

/// Four bytes instead of a name: two cities or epochs in four thousand million look alike, and then only a notice is missing.
fn fingerprint(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    digest.first_chunk().copied().map(u32::from_le_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
