//! `[search]`: how long searches may take.

use std::time::Duration;

use isopolity_federation::Limits;
use serde::Deserialize;

/// `[search]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// A search whose caller sets no deadline, and the longest that a caller may set.
    pub deadline_ms: u64,
    /// What each peer may take in all.
    pub peer_budget_ms: u64,
    /// How long a peer may say nothing.
    pub peer_silence_ms: u64,
    /// How long a search waits for the writer's own changes to be indexed.
    pub index_wait_ms: u64,
    /// Up to so many peers all are asked each time. With more, those whose digest proves that they have no answer are left out.
    pub ask_all_up_to: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            deadline_ms: 10_000,
            peer_budget_ms: 3_000,
            peer_silence_ms: 1_500,
            index_wait_ms: 2_000,
            ask_all_up_to: Limits::default().ask_all_up_to,
        }
    }
}

impl Search {
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    pub(crate) fn index_wait(&self) -> Duration {
        Duration::from_millis(self.index_wait_ms)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            budget: Duration::from_millis(self.peer_budget_ms),
            silence: Duration::from_millis(self.peer_silence_ms),
            ask_all_up_to: self.ask_all_up_to,
            ..Limits::default()
        }
    }
}
