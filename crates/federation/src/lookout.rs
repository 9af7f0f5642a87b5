//! Peers for whose return something waits.
//!
//! Every answer and every call of a peer is a sign of life. There are many, and most are of no interest: only cities that are looked
//! out for are remembered, so that a sign costs a look into a small set and nothing is written for it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use isopolity_domain::CityId;
use tokio::sync::Notify;

use crate::Peers;

/// Who is looked out for, and who was seen.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    book: Mutex<Book>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct Book {
    wanted: BTreeSet<CityId>,
    seen: BTreeSet<CityId>,
}

impl Lookout {
    /// A city gave a sign of life.
    pub(crate) fn saw(&self, city: &CityId) {
        let mut book = self.lock();
        if book.wanted.contains(city) && book.seen.insert(city.clone()) {
            self.woken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peers {
    /// Something waits for this city to come back: its next sign of life is told of by [`Peers::returned`].
    pub fn look_out_for(&self, city: &CityId) {
        self.lookout().lock().wanted.insert(city.clone());
    }

    /// Whether something waits for this city to come back.
    #[must_use]
    pub fn looks_out_for(&self, city: &CityId) -> bool {
        self.lookout().lock().wanted.contains(city)
    }

    /// Nothing waits for this city any more, or it is there.
    pub fn look_no_more_for(&self, city: &CityId) {
        let mut book = self.lookout().lock();
        book.wanted.remove(city);
        book.seen.remove(city);
    }

    /// The cities that were looked out for and gave a sign of life since this was last asked. They are still looked out for.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<CityId> {
        std::mem::take(&mut self.lookout().lock().seen)
    }

    /// The same, as soon as there are any.
    pub async fn returned(&self) -> BTreeSet<CityId> {
        loop {
            let woken = self.lookout().woken.notified();
            let seen = self.seen();
            if !seen.is_empty() {
                return seen;
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_looked_out_for_is_remembered_and_once() {
        let lookout = Lookout::default();
        let (feira, kenitra): (CityId, CityId) = ("feira.example".parse().unwrap(), "kenitra.example".parse().unwrap());
        lookout.lock().wanted.insert(feira.clone());
        lookout.saw(&kenitra);
        lookout.saw(&feira);
        lookout.saw(&feira);
        assert_eq!(lookout.lock().seen, BTreeSet::from([feira]));
    }
}
