//! What the federation's records say together. Each method asks this city and its peers one question, or two, in the way of
//! [`mod@crate::search`], hands the records to the rules of [`isopolity_domain::insight`], and says what came of asking.
//!
//! It works with what the caller and this city may see, and with at most [`RECORDS_MAX`] records of each question, those that
//! changed last; where more match, the coverage says so.
//!
//! | module | what it does |
//! | --- | --- |
//! | `status` | how far two cities cooperate |
//! | `suggest` | opportunities of other cities that fit |
//! | `overlap` | cities that do not know of one another |
//! | `open` | which cooperations are under way |

mod open;
mod overlap;
mod status;
mod suggest;

use std::{collections::BTreeMap, time::Duration};

use isopolity_domain::{CityId, Kind, insight::Described};
use isopolity_proto::{
    admin::{Granularity, Scope},
    catalog::{CityOutcome, Outcome},
    registry::City,
};

use crate::{
    Caller, Error, Registry, Right,
    desk::Place,
    search::{Gathered, Item},
};

/// The most records of one question that are worked with.
pub const RECORDS_MAX: i32 = 2_000;
/// Results where the caller names no number, and at most.
const PAGE: (i32, i32) = (20, 100);

impl Registry {
    /// Lets a caller in who may ask the federation. Returns a place, to be held while it is asked, and the time for the whole.
    async fn enter(&self, caller: &Caller, within: Option<Duration>) -> Result<(Place, Duration), Error> {
        caller.must((Right::Read, Scope::Search))?;
        let patience = self.patience().search;
        let within = within.unwrap_or(patience).min(patience);
        let begun = tokio::time::Instant::now();
        let place = self.inner.callers.enter(&caller.id().to_owned(), within / 2).await?;
        Ok((place, within.saturating_sub(begun.elapsed())))
    }
}

/// What the cities say of themselves.
fn profiles(gathered: &Gathered) -> BTreeMap<CityId, Described> {
    let profile = |item: &Item| Some((item.city.clone(), item.of::<City>(Kind::City)?));
    gathered.items.iter().filter_map(profile).map(|(id, city)| (id.clone(), Described::of_profile(id, &city))).collect()
}

/// What came of asking, where the cities' profiles were read along with what was asked for: the counts are without them. Of a city that
/// does not show its records it is not known whether its profile is among those that it counts.
fn without_profiles(gathered: &Gathered) -> Vec<CityOutcome> {
    let is_profile = |item: &&Item, city: &str| item.city.as_str() == city && item.of::<City>(Kind::City).is_some();
    let without = |outcome: &CityOutcome| {
        let mut outcome = outcome.clone();
        if matches!(outcome.granularity(), Granularity::Unspecified | Granularity::Records) {
            let profiles = gathered.items.iter().filter(|item| is_profile(item, &outcome.city)).count();
            let profiles = i32::try_from(profiles).unwrap_or(i32::MAX);
            outcome.hits = outcome.hits.saturating_sub(profiles).max(0);
            outcome.total = outcome.total.saturating_sub(i64::from(profiles)).max(0);
            if outcome.outcome() == Outcome::Answered && outcome.total == 0 {
                outcome.set_outcome(Outcome::AnsweredEmpty);
            }
        }
        outcome
    };
    gathered.outcomes.iter().map(without).collect()
}

/// Rules over many records take a moment: not on the threads that serve calls.
async fn compute<T: Send + 'static>(rule: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(rule).await.map_err(Error::internal)
}
