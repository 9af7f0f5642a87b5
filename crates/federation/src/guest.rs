//! Guests: cities that are no peers yet and hold, or say that they hold, an invitation.
//!
//! A guest passes the handshake only while an invitation is open, and has proven no more than that it has the key of the certificate
//! that it shows. It may take the two steps of joining and nothing else; the node sees to that. Its connection ends after a short
//! time, there are few at once, and few in a minute.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use isopolity_domain::CityId;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{
    Bundle, HandshakeRefusal, PeerSettings, Peers,
    connections::Entry,
    tls::Credential,
    trust::{Table, Trust},
};

/// How long a guest's connection lasts.
const STAY: Duration = Duration::from_secs(30);
/// Connections of guests at once. A further one takes the place of the oldest.
const MOST: usize = 8;
/// Connections of guests in a minute, from one address and in all.
const PER_MINUTE: (u32, u32) = (20, 60);
/// Calls over one connection: two are needed.
const CALLS: u32 = 6;

/// Whether guests are let in at present, and how many came.
#[derive(Debug)]
pub(crate) struct GuestDoor {
    /// Until when, in seconds since 1970.
    until: AtomicI64,
    came: Mutex<Minute>,
}

/// Who came within a minute of the clock.
#[derive(Debug, Default)]
struct Minute {
    number: i64,
    all: u32,
    by_address: BTreeMap<IpAddr, u32>,
}

impl Default for GuestDoor {
    fn default() -> Self {
        Self { until: AtomicI64::new(i64::MIN), came: Mutex::default() }
    }
}

impl GuestDoor {
    pub(crate) fn is_open(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() < self.until.load(Ordering::Relaxed)
    }

    fn open_until(&self, time: Option<OffsetDateTime>) {
        self.until.store(time.map_or(i64::MIN, OffsetDateTime::unix_timestamp), Ordering::Relaxed);
    }

    /// Counts one that comes; `false` if there were too many.
    fn count(&self, address: IpAddr, now: OffsetDateTime) -> bool {
        let number = now.unix_timestamp().div_euclid(60);
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        if came.number != number {
            *came = Minute { number, ..Minute::default() };
        }
        if came.all >= PER_MINUTE.1 {
            return false;
        }
        came.all += 1;
        let of_address = came.by_address.entry(address).or_default();
        *of_address += 1;
        *of_address <= PER_MINUTE.0
    }
}

/// What a guest showed in the handshake. Nothing of it is believed yet, but that it has the key.
#[derive(Clone, Debug)]
pub struct Guest {
    chain: Arc<[CertificateDer<'static>]>,
    calls: Arc<AtomicU32>,
}

impl Guest {
    fn new(chain: &[CertificateDer<'_>]) -> Self {
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Self { chain, calls: Arc::default() }
    }

    /// Counts a call over the guest's connection; `false` if it has had its share.
    #[must_use]
    pub fn may_call(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) < CALLS
    }
}

impl PartialEq for Guest {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for Guest {}

impl Peers {
    /// Lets guests in until this time; `None`: no longer.
    pub fn let_guests_in_until(&self, time: Option<OffsetDateTime>) {
        self.trust().guests.open_until(time);
    }

    /// Whether guests are let in at present.
    #[must_use]
    pub fn lets_guests_in(&self) -> bool {
        let trust = self.trust();
        trust.guests.is_open(trust.clock.now())
    }

    /// Whether endpoints may lead to this machine or to private networks.
    #[must_use]
    pub fn allows_private_addresses(&self) -> bool {
        self.trust().allows_private_addresses()
    }

    /// Whether the certificate that a guest showed is one of this bundle's city: issued by one of its CAs, in date.
    ///
    /// # Errors
    /// Why it is not.
    pub fn belongs_to(&self, guest: &Guest, bundle: &Bundle) -> Result<(), HandshakeRefusal> {
        Credential::of_client(&guest.chain).still_good(&self.trust_in(bundle), &bundle.city)
    }

    /// Enters the connection of a guest, unless there are too many.
    pub(crate) fn admit_guest(
        &self,
        city: &CityId,
        address: IpAddr,
        chain: &[CertificateDer<'_>],
    ) -> Option<(Guest, Entry)> {
        let trust = self.trust();
        let now = trust.clock.now();
        // Who is in the table is judged by its bundle, and was refused by it.
        if trust.table().contains_key(city) || !trust.guests.is_open(now) {
            return None;
        }
        if !trust.guests.count(address, now) {
            warn!(peer.city = %city, guest.address = %address, "too many guests in this minute; one was turned away");
            return None;
        }
        info!(peer.city = %city, guest.address = %address, "a city that is no peer calls, with an invitation or without");
        let entry = self.guest_connections().enter(city, MOST, Credential::of_client(chain));
        let closing = entry.closing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(STAY).await;
            closing.cancel();
        });
        Some((Guest::new(chain), entry))
    }

    /// Trust in nothing but one bundle, for a city that is no peer yet.
    pub(crate) fn trust_in(&self, bundle: &Bundle) -> Arc<Trust> {
        let trust = Trust::new(self.trust().clock.clone());
        trust.allow_private_addresses(self.trust().allows_private_addresses());
        trust.replace(Table::from([(bundle.city.clone(), PeerSettings::invited(bundle.clone()))]));
        Arc::new(trust)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_door_is_open_until_the_last_invitation_ends() {
        let (door, now) = (GuestDoor::default(), datetime!(2026-03-16 09:00 UTC));
        assert!(!door.is_open(now));
        door.open_until(Some(now + time::Duration::SECOND));
        assert!(door.is_open(now) && !door.is_open(now + time::Duration::SECOND));
        door.open_until(None);
        assert!(!door.is_open(now));
    }

    #[test]
    fn so_many_guests_come_in_a_minute_from_one_address_and_in_all() {
        let (door, now) = (GuestDoor::default(), datetime!(2026-03-16 09:00 UTC));
        let address = |last: u32| IpAddr::from(Ipv4(last));
        let let_in = |from: IpAddr, now, tries: u32| (0..tries).filter(|_| door.count(from, now)).count();
        assert_eq!(let_in(address(1), now, 30), 20);
        assert_eq!(let_in(address(2), now, 30), 20, "another address is not to blame");
        assert_eq!(let_in(address(3), now, 30), 0, "but there is an end");
        assert_eq!(let_in(address(3), now + time::Duration::minutes(1), 1), 1);
    }

    struct Ipv4(u32);

    impl From<Ipv4> for IpAddr {
        fn from(address: Ipv4) -> Self {
            std::net::Ipv4Addr::from(0xc000_0200 + address.0).into()
        }
    }
}
