//! The worker that brings events to other cities.
//!
//! What is to be delivered stands in the store since the transaction that caused it. Cities are delivered to at the same time, within a
//! city one cooperation after the other, and within a cooperation in order: what can't be delivered holds up what comes after it. A
//! delivery is done when the city's signed receipt is kept; until then it is repeated, which does no harm, for whoever receives an event
//! twice keeps it once.
//!
//! Two processes on one database may both send the same events for that reason. Neither counts an attempt that the other has
//! counted, so they do not wait longer than one alone would.
//!
//! | part | what it does |
//! | --- | --- |
//! | `batch` | what is sent at once |
//! | `outcome` | what comes of what the city says |
//! | `later` | putting off and giving up |

mod batch;
mod later;
mod outcome;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use isopolity_domain::CityId;
use isopolity_federation::LinkError;
use isopolity_proto::{catalog::Outcome, error::Reason, federation::DeliverEventsRequest};
use tokio::{
    sync::Semaphore,
    task::{Id, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::outcome::Next;
use crate::{Error, Registry, error::with_causes};

/// Cities that are delivered to at the same time.
const AT_ONCE: usize = 16;
/// Cooperations that are looked at at once.
const DUE: u64 = 1_000;
/// How long a city may take to keep what it is sent.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked for what has become due, or was written by another process of this node.
const TICK: Duration = Duration::from_secs(2);
/// The least time between two signs of life of a city that each end its wait: it may call us all the time and not be reached.
const FLOOR: Duration = Duration::from_secs(5);

/// What one look at the deliveries came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// So many have a receipt now.
    pub kept: usize,
    /// So many attempts were in vain, and are repeated later.
    pub put_off: usize,
    /// So many were given up.
    pub dead: usize,
}

impl Delivered {
    fn add(&mut self, other: Self) {
        self.kept += other.kept;
        self.put_off += other.put_off;
        self.dead += other.dead;
    }
}

/// Whether to go on with a city.
enum Went {
    /// It is there.
    On,
    /// It is not there, or has asked not to be called.
    Away(LinkError),
}

impl Registry {
    /// Delivers what is due, until it is cancelled. What was under way then is repeated after the next start.
    pub async fn deliver(&self, cancelled: CancellationToken) {
        self.look_out_quietly().await;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        let mut under_way: HashMap<Id, CityId> = HashMap::new();
        let mut back = BTreeSet::new();
        let mut hastened: BTreeMap<CityId, Instant> = BTreeMap::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                Some(ended) = running.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    under_way.remove(&id);
                }
                seen = self.federation().returned() => back.extend(seen),
                () = self.outbox_news().notified() => {}
                _ = ticks.tick() => {}
            }
            let now = Instant::now();
            hastened.retain(|_, last| *last + FLOOR > now);
            let (later, ready): (BTreeSet<_>, BTreeSet<_>) =
                std::mem::take(&mut back).into_iter().partition(|city| hastened.contains_key(city));
            back = later;
            for city in ready {
                self.hasten_quietly(&city).await;
                hastened.insert(city, now);
            }
            for (city, cooperations) in self.due_quietly().await {
                if under_way.values().any(|busy| *busy == city) {
                    continue;
                }
                let (registry, places, to) = (self.clone(), places.clone(), city.clone());
                let task = running.spawn(async move {
                    // Never closed.
                    let _place = places.acquire_owned().await;
                    if let Err(error) = registry.deliver_to(&to, &cooperations).await {
                        warn!(peer.city = %to, error = %with_causes(&error), "what became of deliveries can't be kept");
                        // It is still due: not at once again.
                        sleep(TICK).await;
                    }
                });
                under_way.insert(task.id(), city);
            }
        }
    }

    /// Delivers what is due now, and returns when that was tried. What the worker does again and again.
    ///
    /// # Errors
    /// What the store says.
    pub async fn deliver_once(&self) -> Result<Delivered, Error> {
        self.look_out().await?;
        for city in self.federation().seen() {
            self.hasten(&city).await?;
        }
        let due = self.due().await?;
        let tries =
            due.into_iter().map(|(city, cooperations)| async move { self.deliver_to(&city, &cooperations).await });
        let mut sum = Delivered::default();
        let mut tries = stream::iter(tries).buffer_unordered(AT_ONCE);
        while let Some(tried) = tries.next().await {
            sum.add(tried?);
        }
        Ok(sum)
    }

    /// The cooperations in which something is due, by city.
    async fn due(&self) -> Result<BTreeMap<CityId, BTreeSet<String>>, Error> {
        let mut due: BTreeMap<CityId, BTreeSet<String>> = BTreeMap::new();
        for head in self.store().due_deliveries(self.now(), DUE).await? {
            due.entry(head.city).or_default().insert(head.cooperation);
        }
        Ok(due)
    }

    async fn due_quietly(&self) -> BTreeMap<CityId, BTreeSet<String>> {
        self.due().await.unwrap_or_else(|error| {
            warn!(error = %with_causes(&error), "what is to be delivered can't be read; trying again");
            BTreeMap::new()
        })
    }

    /// Delivers what is due in these cooperations to one city.
    async fn deliver_to(&self, city: &CityId, cooperations: &BTreeSet<String>) -> Result<Delivered, Error> {
        let mut sum = Delivered::default();
        let mut left = cooperations.iter();
        while let Some(name) = left.next() {
            if let Went::Away(error) = self.deliver_history(city, name, &mut sum).await? {
                // Nobody waits for it once more for each of the others.
                for name in left.by_ref() {
                    sum.add(self.put_off_head(city, name, &error).await?);
                }
            }
        }
        Ok(sum)
    }

    /// Delivers what waits in one cooperation to one city, until nothing does or something can't be delivered.
    async fn deliver_history(&self, city: &CityId, name: &str, sum: &mut Delivered) -> Result<Went, Error> {
        // From where on the city was sent what it says that it lacks.
        let mut sent_from = 0;
        loop {
            let batch = self.batch(city, name).await?;
            let Some(head) = batch.head() else { return Ok(Went::On) };
            let mut answered = match self.send(city, name, batch.envelopes()).await {
                Ok(results) => self.take_results(&batch, &results).await?,
                Err(error) => return self.not_taken(city, name, error, sum).await,
            };
            sum.add(answered.came_to);
            while let Next::Lacks { next } = answered.next {
                let missing = self.missing(name, next, head.sequence).await?;
                if next <= sent_from || missing.is_empty() {
                    let problem = format!("it says that it lacks events from {next} on, which does not help");
                    sum.add(self.put_off(head, &problem, None).await?);
                    return Ok(Went::On);
                }
                sent_from = next;
                match self.send(city, name, missing).await {
                    Ok(results) => answered.next = outcome::after_missing(next, &results),
                    Err(error) => return self.not_taken(city, name, error, sum).await,
                }
            }
            if let Next::Stop = answered.next {
                return Ok(Went::On);
            }
        }
    }

    async fn send(
        &self,
        city: &CityId,
        name: &str,
        events: Vec<isopolity_proto::federation::Envelope>,
    ) -> Result<Vec<isopolity_proto::federation::DeliveryResult>, LinkError> {
        let request = DeliverEventsRequest { cooperation: name.to_owned(), events };
        let answer = self.federation().deliver_events(city, request, PATIENCE).await?;
        // It is there: what it puts off waits for its time, and not for a sign of life. But what could not be sent before, in another
        // cooperation perhaps, waits no longer.
        let was_away = self.federation().looks_out_for(city);
        self.federation().look_no_more_for(city);
        if was_away {
            self.hasten_quietly(city).await;
        }
        Ok(answer.results)
    }

    /// The call itself came to nothing.
    async fn not_taken(&self, city: &CityId, name: &str, error: LinkError, sum: &mut Delivered) -> Result<Went, Error> {
        sum.add(self.put_off_head(city, name, &error).await?);
        let overloaded = error.reason == Reason::Overloaded;
        let gone =
            matches!(error.outcome, Outcome::Unreachable | Outcome::TimedOut | Outcome::NotAsked | Outcome::Suspended);
        if gone && !overloaded {
            self.federation().look_out_for(city);
        } else {
            self.federation().look_no_more_for(city);
        }
        Ok(if gone || overloaded { Went::Away(error) } else { Went::On })
    }
}
