//! Keeping the digests fresh.

use std::{sync::Arc, time::Duration};

use isopolity_domain::{
    CityId,
    digest::{CheckedDigest, DigestError},
    feed::Position,
};
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    error::Reason,
    federation::{GetDigestRequest, GetDigestResponse},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info_span};

use super::{DigestBook, Entry, follow::Followed};
use crate::{LinkError, Peers, trust::Table};

/// How often a peer is asked whether its digest is still true.
const PERIOD: Duration = Duration::from_secs(30);
/// By how much chance makes that longer or shorter.
const JITTER: f64 = 0.2;
/// The shortest time between two such questions to one peer.
const SPACING: Duration = Duration::from_secs(5);
/// How long a peer may take for its digest. No longer than [`SPACING`], so that one at a time is under way.
const WITHIN: Duration = SPACING;
/// How many peers are asked at once.
const AT_ONCE: usize = 8;

/// When a peer is asked for its digest next.
#[derive(Debug, Default)]
pub(super) struct Turn {
    soon: bool,
    /// When it was asked last, and when it is asked again if there is no hurry. `None`: it never was.
    last: Option<(Instant, Instant)>,
}

impl Turn {
    /// What is known is not what it should be.
    pub(super) fn soon(&mut self) {
        self.soon = true;
    }

    pub(super) fn is_soon(&self) -> bool {
        self.soon
    }

    fn due(&self, now: Instant) -> Instant {
        match self.last {
            None => now,
            Some((last, next)) if self.soon => next.min(last + SPACING),
            Some((_, next)) => next,
        }
    }

    fn take(&mut self, now: Instant, luck: f64) {
        self.soon = false;
        self.last = Some((now, now + PERIOD.mul_f64(1.0 - JITTER + 2.0 * JITTER * luck)));
    }
}

/// What was known when a peer was asked.
struct Before {
    generation: u64,
    epoch: String,
    digest: Option<Arc<CheckedDigest>>,
    /// The sharing agreement with which the digest came.
    agreement: String,
    asked: Instant,
}

impl Peers {
    /// Keeps the digests of all active peers fresh, until cancelled. To be run once.
    pub async fn keep_digests(&self, cancelled: CancellationToken) {
        if !self.limits().digests {
            return cancelled.cancelled().await;
        }
        let mut under_way = JoinSet::new();
        let mut followed = Followed::default();
        loop {
            let next = self.begin_what_is_due(&mut under_way);
            self.follow_feeds(&mut followed);
            tokio::select! {
                () = cancelled.cancelled() => return,
                Some(_) = under_way.join_next() => {}
                () = self.digests().wake.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Returns when somebody is due next.
    fn begin_what_is_due(&self, under_way: &mut JoinSet<()>) -> Instant {
        let now = Instant::now();
        if !self.uses_digests() {
            // A change of the table wakes.
            return now + PERIOD;
        }
        let (due, next) = self.digests().due(&self.trust().table(), now);
        // Who has no place now is still due when one is free.
        for city in due.into_iter().take(AT_ONCE.saturating_sub(under_way.len())) {
            // From here on it is not due, whatever the task does.
            self.take_turn(&city, now);
            let peers = self.clone();
            let span = info_span!("federation.digest", peer.city = %city);
            let refresh = async move {
                if let Err(error) = peers.refresh_digest(&city, WITHIN).await {
                    debug!("no digest came: {error}");
                }
            };
            under_way.spawn(refresh.instrument(span));
        }
        next
    }

    /// Asks a peer whether its digest is still true, and takes the one that it has now if not.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer, is left alone at present, or sends what can't be a digest. What was known
    /// stays, until it is too old to be used.
    pub async fn refresh_digest(&self, city: &CityId, within: Duration) -> Result<(), LinkError> {
        let now = Instant::now();
        self.take_turn(city, now);
        if !self.gives_records(city) {
            self.digests().forget_digest(city);
            return Ok(());
        }
        let link = self.admitted_link(city)?;
        let before = self.digests().lock().get(city).map(|entry| Before::of(entry, now));
        // Without it the city has just left the table.
        let Some(before) = before else { return Ok(()) };
        let position = before.digest.as_ref().map(|digest| digest.position().clone()).unwrap_or_default();
        let request = GetDigestRequest {
            epoch: position.epoch,
            sequence: position.sequence,
            sharing_agreement: before.agreement.clone(),
        };
        let called = tokio::time::timeout(within, link.get_digest(request, within)).await;
        let answer = called.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)));
        let taken = answer.and_then(|answer| self.take_digest(city, &before, answer));
        taken.map_err(|error| match error.outcome {
            // A peer of an older version can answer questions all the same.
            Outcome::Incompatible => error,
            _ => self.note(city, error),
        })
    }

    fn take_turn(&self, city: &CityId, now: Instant) {
        let luck = self.trust().dice.roll();
        if let Some(entry) = self.digests().lock().get_mut(city) {
            entry.turn.take(now, luck);
        }
    }

    fn take_digest(&self, city: &CityId, before: &Before, answer: GetDigestResponse) -> Result<(), LinkError> {
        let invalid = |text: String| LinkError::new(Outcome::Invalid, Reason::AnswerInvalid, text);
        let agreement: String = answer.sharing_agreement.chars().take(100).collect();
        let fresh = match answer.digest {
            Some(digest) => {
                let wrong = |error: DigestError| invalid(format!("its digest can't be used: {error}"));
                Some(Arc::new(CheckedDigest::check(digest, city).map_err(wrong)?))
            }
            None if before.digest.is_some() => None,
            None => return Err(invalid("it says that a digest is still true that we do not have".to_owned())),
        };
        if let Some(entry) = self.digests().lock().get_mut(city) {
            entry.take(before, fresh, agreement);
        }
        Ok(())
    }
}

impl DigestBook {
    /// Who is due now, and when the next one is after them.
    fn due(&self, table: &Table, now: Instant) -> (Vec<CityId>, Instant) {
        let (mut due, mut next) = (Vec::new(), now + PERIOD);
        for (city, entry) in self.lock().iter() {
            if table.get(city).is_some_and(|peer| peer.state == PeerState::Active) {
                match entry.turn.due(now) {
                    then if then > now => next = next.min(then),
                    _ => due.push(city.clone()),
                }
            }
        }
        (due, next)
    }
}

impl Before {
    fn of(entry: &Entry, asked: Instant) -> Self {
        Self {
            generation: entry.generation,
            epoch: entry.seen.epoch.clone(),
            digest: entry.digest.clone(),
            agreement: if entry.digest.is_some() { entry.digest_agreement.clone() } else { String::new() },
            asked,
        }
    }
}

impl Entry {
    fn take(&mut self, before: &Before, fresh: Option<Arc<CheckedDigest>>, agreement: String) {
        // Something happened meanwhile after which nobody knows whether this was said before or after it.
        if self.generation != before.generation {
            return;
        }
        if let Some(digest) = fresh {
            let Position { epoch, sequence } = digest.position().clone();
            if self.seen.epoch != epoch && self.seen.epoch != before.epoch {
                return;
            }
            self.digest = Some(digest);
            self.digest_agreement = agreement;
            self.confirmed = Some(before.asked);
            self.see(&epoch, sequence);
        } else if self.digest.as_ref().map(Arc::as_ptr) == before.digest.as_ref().map(Arc::as_ptr) {
            self.confirmed = Some(before.asked);
        }
    }
}
