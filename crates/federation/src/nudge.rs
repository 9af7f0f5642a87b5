//! Whose trust bundle is to be looked for at once: the peer said that it has a newer one, or showed what the held one does not
//! explain.
//!
//! A nudge is a hint and nothing more: whoever sends many makes this node look no more often than [`FLOOR`] says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isopolity_domain::CityId;
use tokio::{sync::Notify, time::Instant};

/// A nudge that led to nothing newer makes the next one wait so long. The least time between two looks by the clock, too.
pub(crate) const FLOOR: Duration = Duration::from_secs(10);

/// The peers that are to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Nudges {
    book: Mutex<Book>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct Book {
    waiting: BTreeSet<CityId>,
    /// When those were looked at last that had nothing newer.
    in_vain: BTreeMap<CityId, Instant>,
}

impl Nudges {
    /// A peer says that its bundle has this sequence; the one that is held has another.
    pub(crate) fn told(&self, city: &CityId, sequence: i64, held: i64) {
        if sequence > held {
            self.outdated(city);
        }
    }

    /// What is held of a peer does not explain what it shows.
    pub(crate) fn outdated(&self, city: &CityId) {
        if self.lock().waiting.insert(city.clone()) {
            self.woken.notify_one();
        }
    }

    /// The peers that are to be looked at now, once there are any.
    pub(crate) async fn due(&self) -> Vec<CityId> {
        loop {
            let woken = self.woken.notified();
            let (due, next) = self.take(Instant::now());
            if !due.is_empty() {
                return due;
            }
            match next {
                Some(next) => {
                    let _ = tokio::time::timeout_at(next, woken).await;
                }
                None => woken.await,
            }
        }
    }

    /// A peer was looked at.
    pub(crate) fn looked(&self, city: &CityId, newer: bool) {
        let mut book = self.lock();
        if newer {
            book.in_vain.remove(city);
        } else {
            book.in_vain.insert(city.clone(), Instant::now());
        }
    }

    pub(crate) fn retain(&self, is_peer: impl Fn(&CityId) -> bool) {
        let mut book = self.lock();
        book.waiting.retain(&is_peer);
        book.in_vain.retain(|city, _| is_peer(city));
    }

    fn take(&self, now: Instant) -> (Vec<CityId>, Option<Instant>) {
        let mut book = self.lock();
        let Book { waiting, in_vain } = &mut *book;
        let ready = |city: &CityId| in_vain.get(city).is_none_or(|last| *last + FLOOR <= now);
        let due: Vec<CityId> = waiting.iter().filter(|city| ready(city)).cloned().collect();
        waiting.retain(|city| !due.contains(city));
        let next = waiting.iter().filter_map(|city| in_vain.get(city)).map(|last| *last + FLOOR).min();
        (due, next)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nudges_of_a_peer_that_has_nothing_newer_wait() {
        let (nudges, feira): (Nudges, CityId) = (Nudges::default(), "feira.example".parse().unwrap());
        nudges.told(&feira, 3, 3);
        assert!(nudges.take(Instant::now()).0.is_empty(), "that is the one which is held");
        nudges.told(&feira, 4, 3);
        nudges.told(&feira, 5, 3);
        assert_eq!(nudges.due().await, std::slice::from_ref(&feira));
        nudges.looked(&feira, true);
        nudges.told(&feira, 6, 5);
        let begun = Instant::now();
        assert_eq!(nudges.due().await, std::slice::from_ref(&feira), "it was true: the next one is believed at once");
        assert!(begun.elapsed() < FLOOR);
        nudges.looked(&feira, false);
        nudges.told(&feira, i64::MAX, 5);
        assert_eq!(nudges.due().await, [feira]);
        assert!(begun.elapsed() >= FLOOR, "it was not: so the next one waits");
    }
}
