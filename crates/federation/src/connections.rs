//! The connections between this node and each city, both ways, so that they can be counted, judged again and closed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isopolity_domain::CityId;
use tokio_util::sync::CancellationToken;

use crate::tls::Credential;

/// How old connections between nodes become. What has changed in trust takes hold with the next one, at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// After so long a connection takes no new calls. From 0.8 to 1 of it for those that this node makes, so that not all of them
    /// come back at once.
    pub age: Duration,
    /// What is still under way on it, a watch above all, is then cut off after so long; from 0.8 to 1 of it.
    pub grace: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        Self { age: Duration::from_mins(30), grace: Duration::from_mins(5) }
    }
}

impl Ages {
    /// A part of a time, as the dice (0 to 1) say.
    pub(crate) fn jittered(time: Duration, roll: f64) -> Duration {
        time.mul_f64(0.8 + 0.2 * roll)
    }
}

/// All open connections of peers.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    /// For each city, the oldest first.
    open: BTreeMap<CityId, Vec<Open>>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    inbound: bool,
    credential: Arc<Credential>,
    closing: CancellationToken,
}

/// The place of one connection; given back when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    connections: Arc<Connections>,
    city: CityId,
    number: u64,
    /// Cancelled when the connection must go.
    pub(crate) closing: CancellationToken,
}

impl Connections {
    /// Enters a connection that a city has made. Beyond `most` for one city its oldest one goes: a peer that was restarted gets
    /// in, though its old connections may not be noticed to be dead yet.
    pub(crate) fn enter(self: &Arc<Self>, city: &CityId, most: usize, credential: Credential) -> Entry {
        self.open(city, Some(most), credential)
    }

    /// Enters a connection that this node has made.
    pub(crate) fn enter_own(self: &Arc<Self>, city: &CityId, credential: Credential) -> Entry {
        self.open(city, None, credential)
    }

    fn open(self: &Arc<Self>, city: &CityId, most: Option<usize>, credential: Credential) -> Entry {
        let closing = CancellationToken::new();
        let mut book = self.lock();
        let number = book.next;
        book.next += 1;
        let open = book.open.entry(city.clone()).or_default();
        if let Some(most) = most {
            while let Some(oldest) = open.iter().position(|one| one.inbound)
                && open.iter().filter(|one| one.inbound).count() >= most
            {
                open.remove(oldest).closing.cancel();
            }
        }
        let (inbound, credential) = (most.is_some(), Arc::new(credential));
        open.push(Open { number, inbound, credential, closing: closing.clone() });
        Entry { connections: self.clone(), city: city.clone(), number, closing }
    }

    /// Closes those connections of a city whose other end showed what is not good any more. Returns how many.
    pub(crate) fn judge(&self, city: &CityId, good: impl Fn(&Credential) -> bool) -> usize {
        // Judging takes signatures: not under the lock, which every handshake needs.
        let open: Vec<(u64, Arc<Credential>)> = {
            let book = self.lock();
            let open = book.open.get(city).map(Vec::as_slice).unwrap_or_default();
            open.iter().map(|one| (one.number, one.credential.clone())).collect()
        };
        let bad: Vec<u64> = open.into_iter().filter(|(_, shown)| !good(shown)).map(|(number, _)| number).collect();
        let mut book = self.lock();
        let Some(open) = book.open.get_mut(city) else { return 0 };
        open.retain(|one| {
            let bad = bad.contains(&one.number);
            if bad {
                one.closing.cancel();
            }
            !bad
        });
        if open.is_empty() {
            book.open.remove(city);
        }
        bad.len()
    }

    /// Closes all connections of a city.
    pub(crate) fn close(&self, city: &CityId) {
        for one in self.lock().open.remove(city).unwrap_or_default() {
            one.closing.cancel();
        }
    }

    /// How many connections a city holds to this node.
    pub(crate) fn count(&self, city: &CityId) -> usize {
        self.lock().open.get(city).map_or(0, |open| open.iter().filter(|one| one.inbound).count())
    }

    /// The number of the latest connection that a city has made.
    #[cfg(test)]
    pub(crate) fn latest(&self, city: &CityId) -> Option<u64> {
        self.lock().open.get(city)?.iter().filter(|one| one.inbound).map(|one| one.number).max()
    }

    /// How many connections this node holds to a city.
    pub(crate) fn count_own(&self, city: &CityId) -> usize {
        self.lock().open.get(city).map_or(0, |open| open.iter().filter(|one| !one.inbound).count())
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut book = self.connections.lock();
        if let Some(open) = book.open.get_mut(&self.city) {
            open.retain(|one| one.number != self.number);
            if open.is_empty() {
                book.open.remove(&self.city);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_at_its_limit_loses_its_oldest_connection_and_no_other_city_does() {
        let connections = Arc::new(Connections::default());
        let (feira, geneve) = ("feira.example".parse().unwrap(), "geneve.example".parse().unwrap());
        let shown = |name: u8| Credential::of_client(&[vec![name].into()]);
        let other = connections.enter(&geneve, 2, shown(0));
        let own = connections.enter_own(&feira, shown(9));
        let [first, second, third] = [1, 2, 3].map(|name| connections.enter(&feira, 2, shown(name)));
        assert!(first.closing.is_cancelled() && !second.closing.is_cancelled() && !third.closing.is_cancelled());
        assert!(!other.closing.is_cancelled() && !own.closing.is_cancelled());
        drop(first);
        assert_eq!((connections.count(&feira), connections.count_own(&feira)), (2, 1));
        connections.close(&feira);
        assert!(second.closing.is_cancelled() && third.closing.is_cancelled() && own.closing.is_cancelled());
        assert!(!other.closing.is_cancelled());
        drop((second, third, other));
        assert_eq!((connections.count(&feira), connections.count(&geneve)), (0, 0));
    }

    #[test]
    fn the_connections_that_are_not_good_any_more_are_closed_both_ways_and_no_others() {
        let connections = Arc::new(Connections::default());
        let feira: CityId = "feira.example".parse().unwrap();
        let shown = |name: u8| Credential::of_server(&[vec![name].into()]);
        let [inbound_old, inbound_new] = [1, 2].map(|name| connections.enter(&feira, 8, shown(name)));
        let [own_old, own_new] = [1, 2].map(|name| connections.enter_own(&feira, shown(name)));
        assert_eq!(connections.judge(&feira, |shown| !format!("{shown:?}").contains("0x01")), 2);
        assert!(inbound_old.closing.is_cancelled() && own_old.closing.is_cancelled());
        assert!(!inbound_new.closing.is_cancelled() && !own_new.closing.is_cancelled());
    }

    #[test]
    fn ages_vary_within_a_fifth() {
        let hour = Duration::from_hours(1);
        assert_eq!(Ages::jittered(hour, 0.0), Duration::from_mins(48));
        assert_eq!(Ages::jittered(hour, 0.5), Duration::from_mins(54));
        assert!(Ages::jittered(hour, 0.999) < hour);
    }
}
