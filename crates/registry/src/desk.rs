//! Where questions wait for their turn: who asks much waits for himself, never another for him.
//!
//! So many questions are answered at once as there are places. One asker, a peer or a caller of the API, takes at most half of
//! them, and his own questions wait behind each other; so whatever one asker does, another finds a place as soon as one question is
//! done. A question that can't be answered in the time that its asker gives is refused at once, with the time after which to ask
//! again. Peers and callers have desks of their own.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::Error;

/// After how long a peer that was refused may ask again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Questions of all askers.
    pub(crate) all: usize,
    /// Of these, of one asker.
    pub(crate) of_one: usize,
    /// Questions of one asker that wait.
    pub(crate) waiting: usize,
    /// Long answers and watches of one asker that he is reading.
    pub(crate) streams: usize,
}

impl Default for Places {
    /// Twice as many as there are processors: while one question reads, another counts.
    fn default() -> Self {
        let all = std::thread::available_parallelism().map_or(4, |processors| (processors.get() * 2).max(4));
        Self { all, of_one: all / 2, waiting: 64, streams: 32 }
    }
}

impl Places {
    /// For callers of the API: most of the time of their questions is spent waiting for other cities.
    pub(crate) const CALLERS: Self = Self { all: 64, of_one: 32, waiting: 128, streams: 16 };
}

/// The places for questions of askers who are known by such a key.
#[derive(Debug)]
pub(crate) struct Desk<K> {
    places: Places,
    all: Arc<Semaphore>,
    askers: Mutex<BTreeMap<K, Arc<Own>>>,
}

/// What an asker has for himself.
#[derive(Debug)]
struct Own {
    places: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place, free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// Leave to read a long answer, or to watch, until dropped.
#[derive(Debug)]
pub(crate) struct Reading(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Counts itself out, also when the wait is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<K: Clone + Display + Ord> Desk<K> {
    pub(crate) fn new(places: Places) -> Self {
        Self { places, all: Arc::new(Semaphore::new(places.all)), askers: Mutex::default() }
    }

    /// Waits for a place, no longer than `within`.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if too many of his questions wait already, or none gets a place in time.
    pub(crate) async fn enter(&self, asker: &K, within: Duration) -> Result<Place, Error> {
        let its = self.of(asker);
        let before = its.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&its.waiting);
        if before >= self.places.waiting {
            return Err(overloaded(format!("{before} questions of {asker} wait already")));
        }
        let places = async {
            let own = its.places.clone().acquire_owned().await;
            let all = self.all.clone().acquire_owned().await;
            own.and_then(|own| all.map(|all| Place { _all: all, _own: own }))
        };
        let entered = timeout(within, places).await;
        drop(waiting);
        match entered {
            Ok(place) => place.map_err(Error::internal),
            Err(_elapsed) => Err(overloaded("too many questions are being answered".to_owned())),
        }
    }

    /// Leave to read a long answer.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if he reads as many as he may.
    pub(crate) fn read(&self, asker: &K) -> Result<Reading, Error> {
        let permit = self.of(asker).streams.clone().try_acquire_owned();
        permit.map(Reading).map_err(|_full: tokio::sync::TryAcquireError| {
            overloaded(format!("{asker} reads {} long answers and watches already", self.places.streams))
        })
    }

    fn of(&self, asker: &K) -> Arc<Own> {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        let its = askers.entry(asker.clone()).or_insert_with(|| {
            Arc::new(Own {
                places: Arc::new(Semaphore::new(self.places.of_one.max(1))),
                streams: Arc::new(Semaphore::new(self.places.streams)),
                waiting: AtomicUsize::new(0),
            })
        });
        its.clone()
    }
}

fn overloaded(what: String) -> Error {
    Error::Overloaded { what, retry_after: RETRY_AFTER }
}

#[cfg(test)]
mod tests {
    use isopolity_domain::CityId;

    use super::*;

    const PLACES: Places = Places { all: 4, of_one: 2, waiting: 3, streams: 1 };
    const SOON: Duration = Duration::from_millis(50);

    fn city(name: &str) -> CityId {
        format!("{name}.example").parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_asks_much_waits_for_itself_and_no_other_for_it() {
        let desk = Desk::new(PLACES);
        let (noisy, quiet) = (city("noisy"), city("quiet"));
        let held = (desk.enter(&noisy, SOON).await.unwrap(), desk.enter(&noisy, SOON).await.unwrap());
        assert!(matches!(desk.enter(&noisy, SOON).await, Err(Error::Overloaded { .. })));
        // Two places are left, and nothing of the noisy peer waits for them.
        let others = (desk.enter(&quiet, SOON).await.unwrap(), desk.enter(&quiet, SOON).await.unwrap());
        drop((held, others));
        desk.enter(&noisy, SOON).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_wait_behind_too_many_is_refused_at_once_with_the_time_to_come_back() {
        let desk = Arc::new(Desk::new(PLACES));
        let noisy = city("noisy");
        let held = (desk.enter(&noisy, SOON).await.unwrap(), desk.enter(&noisy, SOON).await.unwrap());
        let wait =
            |desk: Arc<Desk<CityId>>, noisy: CityId| async move { desk.enter(&noisy, Duration::from_secs(10)).await };
        let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(wait(desk.clone(), noisy.clone()))).collect();
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        match desk.enter(&noisy, Duration::from_secs(10)).await {
            Err(Error::Overloaded { retry_after, .. }) => assert_eq!(retry_after, RETRY_AFTER),
            other => panic!("{other:?}"),
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        drop(held);
        for waiting in waiting {
            waiting.await.unwrap().unwrap();
        }
        desk.enter(&noisy, SOON).await.unwrap();
    }

    #[tokio::test]
    async fn a_peer_reads_only_so_many_long_answers_at_once() {
        let desk = Desk::new(PLACES);
        let reading = desk.read(&city("noisy")).unwrap();
        assert!(matches!(desk.read(&city("noisy")), Err(Error::Overloaded { .. })));
        desk.read(&city("quiet")).unwrap();
        drop(reading);
        desk.read(&city("noisy")).unwrap();
    }
}
