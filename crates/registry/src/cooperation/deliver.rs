//! The worker that brings events to other cities.
//!
//! What is to be delivered stands in the store since the transaction that caused it. Cities are delivered to at the same time, and so are
//! some cooperations of one city, what has waited longest first; within a cooperation it goes in order: what can't be delivered holds up
//! what comes after it, there and nowhere else. A delivery is done when the city's signed receipt is kept; until then it is repeated, which
//! does no harm, for whoever receives an event twice keeps it once.
//!
//! Two processes on one database may both send the same events for that reason. Neither counts an attempt that the other has
//! counted, so they do not wait longer than one alone would.
//!
//! | part | what it does |
//! | --- | --- |
//! | `batch` | what is sent at once |
//! | `lane` | how much of a city is called at once |
//! | `outcome` | what comes of what the city says |
//! | `later` | putting off and giving up |

mod batch;
mod lane;
mod later;
mod outcome;
#[cfg(test)]
pub(super) mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
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

use self::{lane::Lane, outcome::Next};
use crate::{Error, Registry, error::with_causes};

/// Calls at the same time, to all cities together.
const AT_ONCE: usize = 64;
/// Cooperations that are looked at at once.
const DUE: u64 = 1_000;
/// How long a city may take to keep what it is sent.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked for what has become due, or was written by another process of this node.
const TICK: Duration = Duration::from_secs(2);
/// The least time between two looks: with much under way something ends all the time.
const BREATH: Duration = Duration::from_millis(20);
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

/// A cooperation in which something is due to a city.
type Due = (CityId, String);

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
        let mut under_way: HashMap<Id, Due> = HashMap::new();
        let mut lanes: HashMap<CityId, Arc<Lane>> = HashMap::new();
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
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = sleep(BREATH) => {}
            }
            while let Some(ended) = running.try_join_next_with_id() {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                under_way.remove(&id);
            }
            let now = Instant::now();
            hastened.retain(|_, last| *last + FLOOR > now);
            let (later, ready): (BTreeSet<_>, BTreeSet<_>) =
                std::mem::take(&mut back).into_iter().partition(|city| hastened.contains_key(city));
            back = later;
            for city in ready {
                self.hasten_quietly(&city).await;
                // What is put off from now on is put off for a new reason.
                lanes.remove(&city);
                hastened.insert(city, now);
            }
            let busy: HashSet<Due> = under_way.values().cloned().collect();
            lanes.retain(|city, _| busy.iter().any(|(to, _)| to == city));
            for due in self.due_quietly().await {
                if busy.contains(&due) {
                    continue;
                }
                let lane = Arc::clone(lanes.entry(due.0.clone()).or_default());
                let (registry, places, (to, name)) = (self.clone(), Arc::clone(&places), due.clone());
                let task = running.spawn(async move {
                    if let Err(error) = registry.deliver_in(&lane, &places, &to, &name).await {
                        warn!(peer.city = %to, error = %with_causes(&error), "what became of deliveries can't be kept");
                        // It is still due: not at once again.
                        sleep(TICK).await;
                    }
                });
                under_way.insert(task.id(), due);
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
        let mut lanes: HashMap<CityId, Lane> = HashMap::new();
        let due = self.due().await?;
        for (city, _) in &due {
            lanes.entry(city.clone()).or_default();
        }
        let places = Semaphore::new(AT_ONCE);
        let tries = due.iter().filter_map(|(city, name)| {
            let lane = lanes.get(city)?;
            Some(self.deliver_in(lane, &places, city, name))
        });
        let mut sum = Delivered::default();
        let mut tries: FuturesUnordered<_> = tries.collect();
        while let Some(tried) = tries.next().await {
            sum.add(tried?);
        }
        Ok(sum)
    }

    /// The cooperations in which something is due, what has waited longest first.
    async fn due(&self) -> Result<Vec<Due>, Error> {
        let heads = self.store().due_deliveries(self.now(), DUE).await?;
        Ok(heads.into_iter().map(|head| (head.city, head.cooperation)).collect())
    }

    async fn due_quietly(&self) -> Vec<Due> {
        self.due().await.unwrap_or_else(|error| {
            warn!(error = %with_causes(&error), "what is to be delivered can't be read; trying again");
            Vec::new()
        })
    }

    /// Delivers what is due in a cooperation to a city, when it is its turn.
    async fn deliver_in(&self, lane: &Lane, places: &Semaphore, city: &CityId, name: &str) -> Result<Delivered, Error> {
        let _turn = lane.place().await;
        if let Some(error) = lane.away() {
            return self.put_off_head(city, name, error).await;
        }
        // Never closed.
        let _place = places.acquire().await;
        let mut sum = Delivered::default();
        if let Went::Away(error) = self.deliver_history(lane, city, name, &mut sum).await? {
            lane.close(error);
        }
        Ok(sum)
    }

    /// Delivers what waits in one cooperation to one city, until nothing does or something can't be delivered.
    async fn deliver_history(
        &self,
        lane: &Lane,
        city: &CityId,
        name: &str,
        sum: &mut Delivered,
    ) -> Result<Went, Error> {
        // From where on the city was sent what it says that it lacks.
        let mut sent_from = 0;
        loop {
            let batch = self.batch(city, name).await?;
            let Some(head) = batch.head() else { return Ok(Went::On) };
            if head.submission && !self.is_current(head).await? {
                continue;
            }
            let mut answered = match self.send(lane, city, name, batch.envelopes()).await {
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
                match self.send(lane, city, name, missing).await {
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
        lane: &Lane,
        city: &CityId,
        name: &str,
        events: Vec<isopolity_proto::federation::Envelope>,
    ) -> Result<Vec<isopolity_proto::federation::DeliveryResult>, LinkError> {
        let request = DeliverEventsRequest { cooperation: name.to_owned(), events };
        let answer = self.federation().deliver_events(city, request, PATIENCE).await?;
        lane.open();
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
