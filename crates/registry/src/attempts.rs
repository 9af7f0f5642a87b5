//! How guessing of passwords is slowed down.
//!
//! An attempt counts as a failure before the password is looked at, in a transaction, so a hundred at once are a hundred; when it
//! succeeds, it is taken back. Failures are counted for the user from everywhere, and for the network over all users. From a network
//! from which the user has signed in lately only failures from there count: a stranger can slow down a user elsewhere, and never
//! locks anybody out of their office. Names that nobody has are counted alike, so that nothing is learnt from being delayed.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use isopolity_domain::{
    login::{FAILURES_COUNT_FOR, FREE_FOR_A_NETWORK, FREE_FOR_A_USER, NETWORK_KNOWN_FOR, delay_after, network_of},
    text,
};
use isopolity_store::{Attempts, Tx};
use sha2::Sha256;
use time::OffsetDateTime;

use crate::{Error, Registry};

/// What is remembered at most. What would be forgotten soonest goes first.
const KEPT: u64 = 20_000;

/// An attempt to sign in: under which keys it is counted.
#[derive(Debug)]
pub(crate) struct Attempt {
    user: String,
    user_here: String,
    network: String,
    known: String,
}

/// The key under which failures of a user from everywhere are counted.
pub(crate) fn user_key(registry: &Registry, name: &str) -> String {
    registry.attempt_key(&["user", name])
}

impl Attempt {
    pub(crate) fn of(registry: &Registry, name: &str, from: IpAddr) -> Self {
        let network = network_of(from);
        Self {
            user: user_key(registry, name),
            user_here: registry.attempt_key(&["user here", name, &network]),
            network: registry.attempt_key(&["network", &network]),
            known: registry.attempt_key(&["known", name, &network]),
        }
    }

    fn keys(&self) -> [String; 4] {
        [self.user.clone(), self.user_here.clone(), self.network.clone(), self.known.clone()]
    }

    /// The counters that count here, and how much each lets pass.
    fn counters(&self, kept: &[Attempts], now: OffsetDateTime) -> [(Attempts, i64); 2] {
        let is_known = kept.iter().any(|one| one.key == self.known && one.forget_time > now);
        let user = if is_known { &self.user_here } else { &self.user };
        [(user, FREE_FOR_A_USER), (&self.network, FREE_FOR_A_NETWORK)].map(|(key, free)| {
            let counter = kept.iter().find(|one| one.key == *key && one.forget_time > now);
            let none = || Attempts { key: key.clone(), failures: 0, delay_time: now, forget_time: now };
            (counter.cloned().unwrap_or_else(none), free)
        })
    }
}

impl Registry {
    /// Lets an attempt through and counts it as a failure, or not.
    ///
    /// # Errors
    /// [`Error::LoginDelayed`].
    pub(crate) async fn begin_attempt(&self, attempt: &Attempt) -> Result<(), Error> {
        let now = self.now();
        // Whoever is delayed costs one look, and no turn among the writers.
        let kept = self.store().attempts(&attempt.keys()).await?;
        refuse(&attempt.counters(&kept, now), now)?;
        let mut tx = self.store().begin("count an attempt to sign in").await?;
        let kept = tx.attempts(&attempt.keys()).await?;
        let counters = attempt.counters(&kept, now);
        refuse(&counters, now)?;
        let counted = counters.map(|(counter, free)| {
            let failures = counter.failures.saturating_add(1);
            Attempts {
                failures,
                delay_time: now + delay_after(failures, free),
                forget_time: now + FAILURES_COUNT_FOR,
                ..counter
            }
        });
        tx.put_attempts(&counted).await?;
        tx.tidy_attempts(now, KEPT).await?;
        Ok(tx.commit().await?)
    }

    /// Takes back what was counted for an attempt that succeeded. The user's failures are forgotten; those of the network are not, or
    /// whoever has one password could guess others for ever.
    pub(crate) async fn forgive_attempt(&self, tx: &mut Tx, attempt: &Attempt) -> Result<(), Error> {
        let now = self.now();
        let kept = tx.attempts(&attempt.keys()).await?;
        let [(user, _), (network, free)] = attempt.counters(&kept, now);
        tx.forget_attempts(&[user.key]).await?;
        let failures = network.failures.saturating_sub(1).max(0);
        let delay_time = network.delay_time.min(now + delay_after(failures, free));
        let known =
            Attempts { key: attempt.known.clone(), failures: 0, delay_time: now, forget_time: now + NETWORK_KNOWN_FOR };
        Ok(tx.put_attempts(&[Attempts { failures, delay_time, ..network }, known]).await?)
    }

    /// A keyed hash: what is typed as a name may be a password by mistake, and addresses are nobody's business.
    fn attempt_key(&self, parts: &[&str]) -> String {
        keyed(&self.inner.attempt_key, parts)
    }
}

/// A keyed hash of these texts, in letters.
pub(crate) fn keyed(key: &[u8; 32], parts: &[&str]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("a key may have any length") };
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(&[0]);
    }
    let code = mac.finalize().into_bytes();
    text::hexadecimal(code.get(..16).unwrap_or(&code))
}

fn refuse(counters: &[(Attempts, i64)], now: OffsetDateTime) -> Result<(), Error> {
    let until = counters.iter().map(|(counter, _)| counter.delay_time).max().unwrap_or(now);
    match (until - now).try_into() {
        Ok(retry_after) if until > now => Err(Error::LoginDelayed { retry_after }),
        _ => Ok(()),
    }
}
