//! The circuits of all peers: who is left alone because it failed, or because it asked for it.
//!
//! When a circuit opens and closes is said in [`isopolity_domain::circuit`]. Here it is kept for each peer in the table, and
//! fed: every call goes through a link that tells the circuit what became of it, and every connection and call that comes
//! in is a sign of life.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use isopolity_domain::{
    CityId,
    circuit::{Circuit, FAILURES, Held, Trial},
};
use isopolity_proto::{
    admin::{self, CircuitState},
    catalog::Outcome,
    error::Reason,
};
use time::OffsetDateTime;
use tracing::{debug, info, warn};

use crate::{LinkError, Peers, trust::Trust};

/// The circuits of all peers in the table.
#[derive(Debug, Default)]
pub(crate) struct CircuitBook(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    circuits: BTreeMap<CityId, Circuit>,
    /// Those that are not as they were when they were last asked for.
    changed: BTreeSet<CityId>,
}

impl CircuitBook {
    /// Keeps a circuit for each of these cities, as handed in unless it is known already, and no others.
    pub(crate) fn retain<'table>(&self, table: impl Iterator<Item = (&'table CityId, &'table Bytes)>) {
        let mut book = self.lock();
        let mut before = std::mem::take(&mut book.circuits);
        book.circuits = table
            .map(|(city, kept)| (city.clone(), before.remove(city).unwrap_or_else(|| Circuit::decode(kept))))
            .collect();
        let Book { circuits, changed } = &mut *book;
        changed.retain(|city| circuits.contains_key(city));
    }

    /// A call is made.
    pub(crate) fn earn_retry(&self, city: &CityId) {
        if let Some(circuit) = self.lock().circuits.get_mut(city) {
            circuit.earn_retry();
        }
    }

    /// Takes one second attempt, if one is left.
    pub(crate) fn take_retry(&self, city: &CityId) -> bool {
        self.lock().circuits.get_mut(city).is_some_and(Circuit::take_retry)
    }

    /// The circuit of a city, that of one that never failed if it is not in the table.
    fn of(&self, city: &CityId) -> Circuit {
        self.lock().circuits.get(city).cloned().unwrap_or_default()
    }

    /// Changes the circuit of a city, and marks it if it is another one then as far as it is kept.
    fn update<T>(&self, city: &CityId, change: impl FnOnce(&mut Circuit) -> T) -> Option<T> {
        let mut book = self.lock();
        let Book { circuits, changed } = &mut *book;
        let circuit = circuits.get_mut(city)?;
        let before = circuit.clone();
        let done = change(circuit);
        if *circuit != before {
            changed.insert(city.clone());
        }
        Some(done)
    }

    fn take_changed(&self) -> Vec<(CityId, Bytes)> {
        let mut book = self.lock();
        let changed = std::mem::take(&mut book.changed);
        changed
            .into_iter()
            .filter_map(|city| book.circuits.get(&city).map(Circuit::encode).map(|kept| (city, kept)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to call a peer. Where it is the one question that tries a peer which failed, the next one may try it if nothing
/// had come of this when it is dropped.
#[derive(Debug)]
pub struct Permit {
    trust: Arc<Trust>,
    city: CityId,
    trial: Option<Trial>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(trial) = &self.trial {
            let now = self.trust.clock.now();
            self.trust.circuits.update(&self.city, |circuit| circuit.give_back(trial, now));
        }
    }
}

/// What became of a call, for the circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The peer is there, whatever it said.
    Alive,
    /// It is not, for this reason.
    Failed(String),
    /// It is, and asked not to be called for this time.
    PushedBack(Duration),
    /// Nothing can be said.
    Open,
}

impl Verdict {
    /// What an error says. That there was no answer in time says something only of a peer that was given a fair time.
    pub(crate) fn of(error: &LinkError, fair: bool) -> Self {
        if let Some(delay) = error.retry_after {
            return Self::PushedBack(delay);
        }
        match error.outcome {
            Outcome::Unreachable => Self::Failed(error.description.clone()),
            Outcome::TimedOut if fair => Self::Failed(error.description.clone()),
            Outcome::Refused if error.reason == Reason::Overloaded => Self::Failed(error.description.clone()),
            Outcome::AnsweredEmpty | Outcome::Refused | Outcome::Incompatible | Outcome::Invalid => Self::Alive,
            _ => Self::Open,
        }
    }
}

impl Peers {
    /// Asks to call a peer. Whoever is given leave calls it and drops the permit then.
    ///
    /// # Errors
    /// [`Held`] if the peer is left alone at present; its text says until when and why.
    pub fn admits(&self, city: &CityId) -> Result<Permit, Held> {
        let now = self.trust().clock.now();
        let admitted = self.trust().circuits.update(city, |circuit| circuit.admit(now));
        let trial = admitted.unwrap_or(Ok(None))?;
        if trial.is_some() {
            debug!(peer.city = %city, "trying a peer that failed before");
        }
        Ok(Permit { trust: self.shared_trust(), city: city.clone(), trial })
    }

    /// The peer answered or called: it is called again from now on.
    pub fn sign_of_life(&self, city: &CityId) {
        self.lookout().saw(city);
        let was_closed = self.trust().circuits.update(city, |circuit| {
            let before = circuit.state();
            circuit.alive();
            before == CircuitState::Closed
        });
        if was_closed == Some(false) {
            info!(peer.city = %city, "the peer is there again");
            self.digests().hurry(city);
        }
    }

    /// Whether a peer is called, as an operator sees it.
    #[must_use]
    pub fn circuit(&self, city: &CityId) -> admin::Circuit {
        self.trust().circuits.of(city).describe(self.trust().clock.now())
    }

    /// The circuits that have changed since this was last called, as bytes to be kept and handed in after a restart
    /// ([`crate::PeerSettings::circuit`]). How many second attempts are left is in them but does not make them changed.
    #[must_use]
    pub fn changed_circuits(&self) -> Vec<(CityId, Bytes)> {
        self.trust().circuits.take_changed()
    }

    /// Leave to greet a peer: greeting is how its return is noticed, so only what it asked for itself stands against it.
    pub(crate) fn admits_greeting(&self, city: &CityId) -> Result<Permit, Held> {
        match self.trust().circuits.of(city).pushed_back(self.trust().clock.now()) {
            Some(held) => Err(held),
            None => Ok(Permit { trust: self.shared_trust(), city: city.clone(), trial: None }),
        }
    }

    /// Tells a peer's circuit what became of a call.
    pub(crate) fn judge(&self, city: &CityId, verdict: &Verdict) {
        let now = self.trust().clock.now();
        match verdict {
            Verdict::Open => {}
            Verdict::Alive => self.sign_of_life(city),
            Verdict::PushedBack(delay) => {
                self.sign_of_life(city);
                info!(peer.city = %city, delay_ms = millis(*delay), "the peer asked not to be called for a while");
                self.trust().circuits.update(city, |circuit| circuit.push_back(*delay, now));
            }
            Verdict::Failed(description) => {
                let luck = self.trust().dice.roll();
                let opened = self.trust().circuits.update(city, |circuit| {
                    let until = circuit.failed(description, now, luck)?;
                    Some((until, circuit.describe(now).failures))
                });
                if let Some(Some((until, failures))) = opened {
                    self.tell_of_opening(city, until, failures, description);
                }
            }
        }
    }

    fn tell_of_opening(&self, city: &CityId, until: OffsetDateTime, failures: i32, description: &str) {
        let retry_ms = millis(Duration::try_from(until - self.trust().clock.now()).unwrap_or_default());
        if u32::try_from(failures) == Ok(FAILURES) {
            warn!(peer.city = %city, failures, retry_ms, "the peer is left alone for a while; the last failure: {description}");
        } else {
            debug!(peer.city = %city, failures, retry_ms, "the peer is left alone for longer; the last failure: {description}");
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
