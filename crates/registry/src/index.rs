//! The worker that feeds the search index: one more reader of the feed.

use std::time::Duration;

use isopolity_domain::feed::Position;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{Error, Registry};

/// Publications that are indexed in one commit.
const BATCH: u64 = 500;
/// How long the worker sleeps when nothing is announced: other processes may share the database.
const POLL: Duration = Duration::from_secs(2);
/// How long it waits after a fault before it tries again.
const AFTER_FAULT: Duration = Duration::from_secs(5);

impl Registry {
    /// Keeps the search index up with the feed until it is cancelled. When nothing was published for a while it is tidied, which
    /// holds nothing up: what is published meanwhile is indexed at once.
    pub async fn keep_index(&self, cancelled: CancellationToken) {
        let mut head = self.inner.head.subscribe();
        let (mut untidy, mut tidying) = (true, JoinSet::new());
        loop {
            head.mark_unchanged();
            let pause = match self.index_once().await {
                Ok(taken) => {
                    untidy |= taken > 0;
                    POLL
                }
                Err(error) => {
                    warn!(error = %crate::error::with_causes(&error), "the search index can't follow the feed; trying again");
                    AFTER_FAULT
                }
            };
            tokio::select! {
                () = cancelled.cancelled() => return,
                changed = head.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
                Some(more) = tidying.join_next() => {
                    untidy |= matches!(more, Ok(true));
                    continue;
                }
                () = tokio::time::sleep(pause) => {}
            }
            if untidy && tidying.is_empty() {
                untidy = false;
                let registry = self.clone();
                tidying.spawn(async move { registry.tidy_index().await });
            }
        }
    }

    /// Merges what is in small pieces in the search index. Where that fails it is only slower. Returns whether there may be more
    /// to do.
    pub async fn tidy_index(&self) -> bool {
        match self.catalog().tidy().await {
            Ok(tidied) => {
                debug!(index.tidied = tidied, "the search index was looked through");
                tidied
            }
            Err(error) => {
                warn!(error = %crate::error::with_causes(&error), "the search index can't be tidied");
                false
            }
        }
    }

    /// Brings the index up to the present end of the feed. Returns how many publications it took.
    ///
    /// # Errors
    /// What the store or the index says; the index is then where it was.
    pub async fn index_once(&self) -> Result<u64, Error> {
        let mut taken = 0;
        loop {
            let head = self.store().feed_head().await?;
            let mut position = self.catalog().position();
            if position.epoch != head.epoch {
                if position.sequence > 0 {
                    info!(feed.epoch = %head.epoch, "the feed began a new epoch; indexing from its start");
                }
                position = Position { epoch: head.epoch.clone(), sequence: 0 };
            }
            let publications = self.store().feed_after(position.sequence, BATCH).await?;
            let whole = u64::try_from(publications.len()).unwrap_or(BATCH) < BATCH;
            // Where the feed was read to its end, sequences that were superseded count as read.
            let sequence = match publications.last() {
                Some(last) if whole => last.sequence.max(head.sequence),
                Some(last) => last.sequence,
                None => head.sequence,
            };
            let to = Position { epoch: head.epoch, sequence };
            if publications.is_empty() && to == self.catalog().position() {
                self.published(to);
                return Ok(taken);
            }
            taken += u64::try_from(publications.len()).unwrap_or_default();
            // Another process of the same node may have written them.
            self.inner.hot.superseded(publications.iter().map(|publication| publication.name.as_str()));
            let catalog = self.catalog().clone();
            tokio::task::spawn_blocking(move || catalog.apply(&publications, to)).await.map_err(Error::internal)??;
        }
    }
}

/// How far the feed has come, and the index after it.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The latest publication.
    pub published: Position,
    /// The latest publication that searches find.
    pub indexed: Position,
    /// How many resources are published.
    pub records: i64,
}

impl Registry {
    /// How far the feed has come, and the index after it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn progress(&self) -> Result<Progress, Error> {
        Ok(Progress {
            published: self.store().feed_head().await?,
            indexed: self.catalog().position(),
            records: self.store().published_count().await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Feira;

    #[tokio::test]
    async fn an_index_that_is_up_to_date_wakes_nobody() {
        let feira = Feira::open_at(time::macros::datetime!(2026-11-23 12:00 UTC)).await;
        let registry = &feira.registry;
        // The city's profile is the first publication.
        assert_eq!(registry.index_once().await.unwrap(), 1);
        let head = registry.inner.head.subscribe();
        assert_eq!(registry.index_once().await.unwrap(), 0);
        assert!(!head.has_changed().unwrap(), "the worker would wake itself for ever");
        assert_eq!(registry.progress().await.unwrap().indexed.sequence, 1);
    }
}
