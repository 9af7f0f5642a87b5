//! The connections that each city holds to this node, so that they can be counted and closed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use isopolity_domain::CityId;
use tokio_util::sync::CancellationToken;

/// All open connections of peers.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    next: u64,
    /// For each city, the oldest first.
    open: BTreeMap<CityId, Vec<(u64, CancellationToken)>>,
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
    /// Enters a connection. Beyond `most` for one city its oldest one goes: a peer that was restarted gets in, though its
    /// old connections may not be noticed to be dead yet.
    pub(crate) fn enter(self: &Arc<Self>, city: &CityId, most: usize) -> Entry {
        let closing = CancellationToken::new();
        let mut book = self.lock();
        let number = book.next;
        book.next += 1;
        let open = book.open.entry(city.clone()).or_default();
        while !open.is_empty() && open.len() >= most {
            open.remove(0).1.cancel();
        }
        open.push((number, closing.clone()));
        Entry { connections: self.clone(), city: city.clone(), number, closing }
    }

    /// Closes all connections of a city.
    pub(crate) fn close(&self, city: &CityId) {
        for (_, closing) in self.lock().open.remove(city).unwrap_or_default() {
            closing.cancel();
        }
    }

    /// How many connections a city holds.
    pub(crate) fn count(&self, city: &CityId) -> usize {
        self.lock().open.get(city).map_or(0, Vec::len)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut book = self.connections.lock();
        if let Some(open) = book.open.get_mut(&self.city) {
            open.retain(|(number, _)| *number != self.number);
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
        let other = connections.enter(&geneve, 2);
        let [first, second, third] = [(); 3].map(|()| connections.enter(&feira, 2));
        assert!(first.closing.is_cancelled() && !second.closing.is_cancelled() && !third.closing.is_cancelled());
        assert!(!other.closing.is_cancelled());
        drop(first);
        assert_eq!(connections.count(&feira), 2);
        connections.close(&feira);
        assert!(second.closing.is_cancelled() && third.closing.is_cancelled() && !other.closing.is_cancelled());
        drop((second, third, other));
        assert_eq!((connections.count(&feira), connections.count(&geneve)), (0, 0));
    }
}
