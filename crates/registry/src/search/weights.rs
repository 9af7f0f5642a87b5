//! By which statistics relevance is computed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use isopolity_domain::{CityId, sight::Sight};
use isopolity_proto::federation::Statistics;

use super::Asked;
use crate::{Caller, Error, Registry, Right};

/// The statistics of the whole federation for one question, and where they come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    /// `None`: no word counts.
    pub(super) statistics: Option<Statistics>,
    /// How old each peer's part is. Not there: it is not in them.
    pub(super) ages: BTreeMap<CityId, Duration>,
    /// The peers whose part was fetched for this question.
    pub(super) fetched: BTreeSet<CityId>,
    /// The time that putting them together took.
    pub(super) took: Duration,
}

impl Weights {
    /// Those of the first page.
    pub(super) fn pinned(statistics: Option<Statistics>) -> Self {
        Self { statistics, ..Self::default() }
    }
}

impl Registry {
    /// Puts the statistics of the whole federation together: this city's own as they are, of each peer what it said last, or says
    /// now. Who may only see what is public here gets those of that alone, so that scores tell nothing of other records.
    ///
    /// # Errors
    /// A fault of the index.
    pub(super) async fn weights(&self, caller: &Caller, asked: &Asked, within: Duration) -> Result<Weights, Error> {
        let words = asked.words();
        if words.is_empty() {
            return Ok(Weights::default());
        }
        let begun = std::time::Instant::now();
        self.catch_up_with_own(within).await;
        let (catalog, clearance) = (self.catalog().clone(), caller.clearance());
        let counted = words.clone();
        let own = tokio::task::spawn_blocking(move || catalog.statistics(&counted, Sight::of(clearance)));
        if caller.must(Right::Read).is_err() {
            let (statistics, _) = own.await.map_err(Error::internal)??;
            return Ok(Weights { statistics: Some(statistics), took: begun.elapsed(), ..Weights::default() });
        }
        let gathering = self.federation().statistics(&words, asked.selected.as_ref(), within);
        let (own, gathered) = tokio::join!(own, gathering);
        let (mut statistics, _) = own.map_err(Error::internal)??;
        add(&mut statistics, &gathered.sum);
        Ok(Weights {
            statistics: Some(statistics),
            ages: gathered.ages,
            fetched: gathered.fetched,
            took: begun.elapsed(),
        })
    }
}

/// Adds the counts of others for the same words.
fn add(sum: &mut Statistics, other: &Statistics) {
    sum.records = sum.records.saturating_add(other.records);
    sum.title_words = sum.title_words.saturating_add(other.title_words);
    sum.body_words = sum.body_words.saturating_add(other.body_words);
    for word in &mut sum.words {
        if let Ok(at) = other.words.binary_search_by(|one| one.word.cmp(&word.word))
            && let Some(theirs) = other.words.get(at)
        {
            word.title_records = word.title_records.saturating_add(theirs.title_records);
            word.body_records = word.body_records.saturating_add(theirs.body_records);
        }
    }
}
