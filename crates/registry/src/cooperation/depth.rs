//! How much waits to be delivered to whom, for operators.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use isopolity_domain::{CityId, clock::to_timestamp};
use isopolity_proto::admin::PeerDeliveries;
use isopolity_store::DeliveryDepth;
use time::Duration;
use tracing::{info, warn};

use crate::{Error, Registry, error::with_causes};

/// The ages at which it is warned of what waits.
const AGES: [(Duration, &str); 2] = [(Duration::days(1), "a day"), (Duration::hours(1), "an hour")];

/// What was said last of each city.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<HashMap<CityId, Depth>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Depth {
    waiting: u64,
    dead: u64,
    /// How many of [`AGES`] the oldest has passed.
    warned: usize,
}

impl Registry {
    /// How much waits for each peer, by city.
    pub(crate) async fn peer_deliveries(&self) -> Result<HashMap<String, PeerDeliveries>, Error> {
        let depths = self.store().delivery_depths().await?;
        Ok(depths.into_iter().map(|depth| (depth.city.to_string(), described(&depth))).collect())
    }

    /// Logs how much waits for each peer, where that is another number than last time, and warns where something has waited for an hour or a
    /// day. Once a minute is enough: what goes out at once is not seen here.
    pub async fn log_delivery_depths(&self) {
        match self.store().delivery_depths().await {
            Ok(depths) => self.log_depths(&depths),
            Err(error) => warn!(error = %with_causes(&error), "how much waits to be delivered can't be read"),
        }
    }

    fn log_depths(&self, depths: &[DeliveryDepth]) {
        let now = self.now();
        let mut said = self.inner.depths.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *said);
        for depth in depths {
            let age = depth.oldest.map_or(Duration::ZERO, |oldest| now - oldest);
            let passed = AGES.iter().filter(|(least, _)| age >= *least).count();
            let present = Depth { waiting: depth.waiting, dead: depth.dead, warned: passed };
            let last = before.get(&depth.city).copied().unwrap_or_default();
            let (city, waiting, dead, oldest_s) = (&depth.city, depth.waiting, depth.dead, age.whole_seconds());
            if passed > last.warned {
                let since = AGES.iter().find(|(least, _)| age >= *least).map_or("", |(_, words)| *words);
                warn!(peer.city = %city, delivery.waiting = waiting, delivery.dead = dead, delivery.oldest_s = oldest_s, "events have waited to be delivered for more than {since}");
            } else if present != last {
                info!(peer.city = %city, delivery.waiting = waiting, delivery.dead = dead, delivery.oldest_s = oldest_s, "events wait to be delivered");
            }
            said.insert(depth.city.clone(), present);
        }
        for city in before.keys().filter(|city| !said.contains_key(*city)) {
            info!(peer.city = %city, delivery.waiting = 0, delivery.dead = 0, delivery.oldest_s = 0, "nothing waits to be delivered any more");
        }
    }
}

fn described(depth: &DeliveryDepth) -> PeerDeliveries {
    PeerDeliveries {
        waiting_count: i32::try_from(depth.waiting).unwrap_or(i32::MAX),
        dead_count: i32::try_from(depth.dead).unwrap_or(i32::MAX),
        oldest_time: depth.oldest.map(to_timestamp),
    }
}
