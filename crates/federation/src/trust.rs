//! What TLS and the peers share: whom to believe, what time it is, and how each peer does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use isopolity_domain::{CityId, Clock};
use isopolity_proto::error::Reason;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::{
    circuit::CircuitBook,
    dice::Dice,
    guest::GuestDoor,
    health::{Direction, HealthBook, Trouble},
    lookout::Lookout,
    nudge::Nudges,
    peers::PeerSettings,
};

/// The peers by city.
pub(crate) type Table = BTreeMap<CityId, PeerSettings>;

/// What TLS and the peers share. The table is replaced as a whole; who reads it sees one state of it.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: HealthBook,
    pub(crate) circuits: CircuitBook,
    pub(crate) dice: Dice,
    pub(crate) guests: GuestDoor,
    private_addresses: AtomicBool,
    changes: watch::Sender<()>,
    pub(crate) nudges: Nudges,
    pub(crate) lookout: Lookout,
    table: ArcSwap<Table>,
}

impl Trust {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            health: HealthBook::default(),
            circuits: CircuitBook::default(),
            dice: Dice::default(),
            guests: GuestDoor::default(),
            private_addresses: AtomicBool::new(false),
            changes: watch::Sender::new(()),
            nudges: Nudges::default(),
            lookout: Lookout::default(),
            table: ArcSwap::default(),
        }
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    pub(crate) fn replace(&self, table: Table) {
        self.health.retain(|city| table.contains_key(city));
        self.circuits.retain(table.iter().map(|(city, peer)| (city, &peer.circuit)));
        self.table.store(Arc::new(table));
        self.changes.send_replace(());
    }

    /// Tells of each change of the table.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Whether endpoints may lead to this machine or to private networks.
    pub(crate) fn allows_private_addresses(&self) -> bool {
        self.private_addresses.load(Ordering::Relaxed)
    }

    pub(crate) fn allow_private_addresses(&self, allowed: bool) {
        self.private_addresses.store(allowed, Ordering::Relaxed);
    }

    /// Remembers a trouble with a peer and warns if it is a new one.
    pub(crate) fn trouble(&self, city: &CityId, direction: Direction, reason: Reason, description: &str) {
        // Who is not in the table is not remembered, or strangers could fill the memory.
        if !self.table.load().contains_key(city) {
            return;
        }
        let trouble = Trouble { time: self.clock.now(), reason, description: description.to_owned() };
        let inbound = direction == Direction::Inbound;
        if self.health.trouble(city, direction, trouble) {
            warn!(peer.city = %city, peer.inbound = inbound, reason = reason.as_str_name(), "{description}");
        } else {
            debug!(peer.city = %city, peer.inbound = inbound, reason = reason.as_str_name(), "still: {description}");
        }
    }
}
