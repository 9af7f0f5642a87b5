//! How much of a city is called at the same time.

use std::sync::OnceLock;

use isopolity_federation::LinkError;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Cooperations that are delivered to one city at the same time, once it has answered.
const WIDTH: usize = 4;

/// What the deliveries to one city that are under way have in common. The first of them goes alone: nobody waits in several places for
/// a city that is not there, nor once more for each of its cooperations.
pub(super) struct Lane {
    places: Semaphore,
    opened: OnceLock<()>,
    away: OnceLock<LinkError>,
}

impl Default for Lane {
    fn default() -> Self {
        Self { places: Semaphore::new(1), opened: OnceLock::new(), away: OnceLock::new() }
    }
}

impl Lane {
    /// Waits for a place.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.places.acquire().await.ok()
    }

    /// The city has answered.
    pub(super) fn open(&self) {
        if self.opened.set(()).is_ok() {
            self.places.add_permits(WIDTH - 1);
        }
    }

    /// The city is not there, or has asked not to be called.
    pub(super) fn close(&self, error: LinkError) {
        // The first reason is as good as a second.
        self.away.get_or_init(|| error);
    }

    /// Why the city is not called.
    pub(super) fn away(&self) -> Option<&LinkError> {
        self.away.get()
    }
}
