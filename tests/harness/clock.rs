//! Time in tests.

use std::{sync::Arc, time::Duration};

use isopolity_domain::{
    Clock as _,
    clock::{FixedClock, SystemClock},
};
use tokio::time::Instant;

/// How long a condition may take to come true before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A clock that stands at the present time until it is moved. It begins at the present because a client of the API checks
/// certificates by the machine's clock.
pub fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(SystemClock.now()))
}

/// Looks until there is something, and returns it. Fails the test with `what` if there never is.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(LOOK).await;
    }
}
