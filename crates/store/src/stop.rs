//! Where a test may stop the process: just before and just after each commit. In production nothing is set, and nothing is asked.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};

use crate::Store;

/// On which side of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Everything is ready, and nothing is written yet.
    Before,
    /// Everything is written, and whoever commits has not heard of it yet.
    After,
}

/// Is asked at each commit, with the label of the transaction. The transaction goes on when the future is over: a future that never is
/// stands for a process that has died there.
pub type Stop = Arc<dyn Fn(&'static str, Moment) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What is set, if anything is.
#[derive(Default)]
pub(crate) struct Stops(OnceLock<Stop>);

impl Store {
    /// For tests of what a crash leaves behind. The first one counts, for all clones of this store.
    #[doc(hidden)]
    pub fn stop_at_commits(&self, stop: Stop) {
        // A second one is left out.
        self.inner.stops.0.set(stop).ok();
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        self.inner.stops.0.get().cloned()
    }
}

/// Goes on unless it is stopped here.
pub(crate) async fn pass(stop: Option<&Stop>, label: &'static str, moment: Moment) {
    if let Some(stop) = stop {
        stop(label, moment).await;
    }
}
