//! How many connections and handshakes come from one address: a stranger who opens many takes the places of his own address only.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts what comes from each address.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Connections from one address.
    most: usize,
    /// Handshakes from one address at once.
    handshakes: usize,
    addresses: Mutex<HashMap<IpAddr, Address>>,
}

#[derive(Debug)]
struct Address {
    connections: usize,
    door: Arc<Semaphore>,
}

/// One of an address's places, given back when dropped.
#[derive(Debug)]
pub(crate) struct Head {
    crowd: Arc<Crowd>,
    address: IpAddr,
    door: Arc<Semaphore>,
}

impl Crowd {
    pub(super) fn new(most: usize, handshakes: usize) -> Arc<Self> {
        Arc::new(Self { most, handshakes, addresses: Mutex::default() })
    }

    /// Takes one more in from an address, unless there are too many from it.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Head> {
        let address = household(address);
        let mut addresses = self.lock();
        let its = addresses
            .entry(address)
            .or_insert_with(|| Address { connections: 0, door: Arc::new(Semaphore::new(self.handshakes)) });
        if its.connections >= self.most {
            return None;
        }
        its.connections += 1;
        Some(Head { crowd: self.clone(), address, door: its.door.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Address>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    /// Waits until another of this address's handshakes may begin.
    pub(super) async fn knock(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.door.clone().acquire_owned().await.ok()
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        if let Entry::Occupied(mut its) = self.crowd.lock().entry(self.address) {
            its.get_mut().connections -= 1;
            if its.get().connections == 0 {
                its.remove();
            }
        }
    }
}

/// Whom an address belongs to: in IPv6 one subscriber has a whole /64 (RFC 6177), in which he may take another address for each call.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_at_its_limit_keeps_no_other_out_and_gets_its_places_back() {
        let crowd = Crowd::new(2, 1);
        let held = [(); 2].map(|()| crowd.enter(address("192.0.2.1")).unwrap());
        assert!(crowd.enter(address("192.0.2.1")).is_none());
        assert!(crowd.enter(address("::ffff:192.0.2.1")).is_none(), "the same address in other clothes");
        assert!(crowd.enter(address("192.0.2.2")).is_some());
        drop(held);
        assert!(crowd.lock().is_empty(), "nothing is kept of who is gone");
        assert!(crowd.enter(address("192.0.2.1")).is_some());
    }

    #[test]
    fn all_addresses_of_an_ipv6_subscriber_count_as_one() {
        let crowd = Crowd::new(1, 1);
        let _held = crowd.enter(address("2001:db8:0:1::1")).unwrap();
        assert!(crowd.enter(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(crowd.enter(address("2001:db8:0:2::1")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_dawdles_in_its_handshakes_waits_for_itself() {
        let crowd = Crowd::new(9, 1);
        let (one, second, other) = ("192.0.2.1", "192.0.2.1", "192.0.2.2");
        let [one, second, other] = [one, second, other].map(|text| crowd.enter(address(text)).unwrap());
        let shaking = one.knock().await.unwrap();
        let wait = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(wait, second.knock()).await.is_err());
        drop(other.knock().await.unwrap());
        drop(shaking);
        drop(second.knock().await.unwrap());
    }
}
