//! What peers say that they have, so that only those are asked that may have an answer.
//!
//! A digest is kept for each peer. It leaves the peer out of a question only while it is beyond doubt: confirmed a short
//! while ago, of the peer's present epoch, and not behind what the peer was since seen to have published. In any doubt the
//! peer is asked. One in a hundred of those that would be left out is asked all the same, so that a digest that is wrong
//! is noticed.

mod follow;
mod keep;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isopolity_domain::{
    CityId,
    digest::{CheckedDigest, Freshness},
    feed::Position,
    query::TextQuery,
};
use isopolity_proto::{
    admin::{PeerDigest, PeerState},
    federation::{QueryStart, Question},
    options::Audience,
};
use tokio::{sync::Notify, time::Instant};
use tracing::warn;

use crate::{Peers, trust::Table};

/// The longest feed epoch that is taken in.
pub(crate) const LONGEST_EPOCH: usize = 100;
/// Of those that are ruled out, this part is asked all the same.
const SAMPLED: f64 = 0.01;

/// What is known of the digests of all peers in the table.
#[derive(Debug, Default)]
pub(crate) struct DigestBook {
    entries: Mutex<BTreeMap<CityId, Entry>>,
    /// Somebody's digest should be looked at soon.
    wake: Notify,
}

#[derive(Debug, Default)]
struct Entry {
    digest: Option<Arc<CheckedDigest>>,
    /// When the peer last said that it is true: when it was asked, so that what happened on the way counts as later.
    confirmed: Option<Instant>,
    /// What the peer last named of its feed, anywhere.
    seen: Position,
    /// What it last said that we may see.
    audience: Audience,
    /// The sharing agreement that it last named, by its etag; empty if it named none.
    agreement: String,
    /// That with which the digest came.
    digest_agreement: String,
    /// Goes up when what was known is no longer to be believed: an answer that is still on its way does not count then.
    generation: u64,
    turn: keep::Turn,
    ruled_out: i64,
    sampled: i64,
    false_exclusions: i64,
}

/// A peer that is asked although its digest rules it out.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Arc<CheckedDigest>);

/// What a digest says of a question.
#[derive(Debug)]
pub(crate) enum Advice {
    /// To ask.
    Ask,
    /// Not to ask: it proves that nothing there matches, for this reason.
    LeaveOut(String),
    /// Not to ask; but this time it is put to the test.
    Test(Sample),
}

impl DigestBook {
    /// Forgets peers that are not in the table, and looks soon at those that are new in it.
    pub(crate) fn retain(&self, table: &Table) {
        let is_active = |city| table.get(city).is_some_and(|peer| peer.state == PeerState::Active);
        let mut entries = self.lock();
        entries.retain(|city, _| table.contains_key(city));
        for city in table.keys().filter(|city| is_active(city)) {
            entries.entry(city.clone()).or_default();
        }
        self.wake.notify_one();
    }

    /// Forgets a digest that is no longer to be believed.
    pub(crate) fn drop_digest(&self, city: &CityId) {
        if let Some(entry) = self.lock().get_mut(city) {
            entry.drop_digest();
            self.wake.notify_one();
        }
    }

    /// Forgets a digest for good: the peer gives none any more.
    fn forget_digest(&self, city: &CityId) {
        if let Some(entry) = self.lock().get_mut(city) {
            entry.digest = None;
            entry.confirmed = None;
            entry.generation += 1;
        }
    }

    /// Asks a peer soon again that could not be asked for a while.
    pub(crate) fn hurry(&self, city: &CityId) {
        if let Some(entry) = self.lock().get_mut(city) {
            entry.turn.soon();
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CityId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn drop_digest(&mut self) {
        self.digest = None;
        self.confirmed = None;
        self.generation += 1;
        self.turn.soon();
    }

    /// The digest, if it may rule out. In any doubt it may not.
    fn usable(&self, longest: Duration) -> Option<&Arc<CheckedDigest>> {
        let (digest, confirmed) = (self.digest.as_ref()?, self.confirmed?);
        let freshness = Freshness { confirmed_within: longest };
        (self.is_of_audience(digest) && freshness.usable(digest, confirmed.elapsed(), &self.seen)).then_some(digest)
    }

    /// Whether a digest speaks of the records that we are shown, as far as the peer has said which those are.
    fn is_of_audience(&self, digest: &CheckedDigest) -> bool {
        (self.audience == Audience::Unspecified || self.audience == digest.audience())
            && (self.agreement.is_empty() || self.agreement == self.digest_agreement)
    }

    /// The peer named a point of its feed.
    fn see(&mut self, epoch: &str, sequence: i64) {
        if self.seen.epoch != epoch {
            self.seen = Position { epoch: epoch.to_owned(), sequence };
        }
        self.seen.sequence = self.seen.sequence.max(sequence);
        let Some(digest) = &self.digest else { return };
        if digest.position().epoch != epoch {
            self.drop_digest();
        } else if digest.position().sequence < self.seen.sequence {
            self.turn.soon();
        }
    }
}

impl Peers {
    /// Whether there are so many peers that digests are worth it.
    pub(crate) fn uses_digests(&self) -> bool {
        let limits = self.limits();
        limits.digests && self.trust().table().len() > limits.ask_all_up_to
    }

    /// The peer named this point of its feed as that up to which it has told everything: so a digest of that point is true now.
    pub(crate) fn confirm_digest(&self, city: &CityId, position: &Position) {
        self.seen_position(city, &position.epoch, position.sequence);
        if let Some(entry) = self.digests().lock().get_mut(city)
            && entry.digest.as_ref().is_some_and(|digest| digest.position() == position)
        {
            entry.confirmed = Some(Instant::now());
        }
    }

    /// Nobody tells any more what the peer publishes: its digest is not used until the peer says anew that it is true.
    pub(crate) fn doubt_digest(&self, city: &CityId) {
        if let Some(entry) = self.digests().lock().get_mut(city) {
            entry.confirmed = None;
            entry.turn.soon();
        }
        self.digests().wake.notify_one();
    }

    /// Remembers which point of its feed a peer named last. A digest from before does not rule it out any more.
    pub fn seen_position(&self, city: &CityId, epoch: &str, sequence: i64) {
        if epoch.is_empty() || epoch.len() > LONGEST_EPOCH || sequence < 0 {
            return;
        }
        let book = self.digests();
        if let Some(entry) = book.lock().get_mut(city) {
            let before = entry.turn.is_soon();
            entry.see(epoch, sequence);
            if entry.turn.is_soon() && !before {
                book.wake.notify_one();
            }
        }
    }

    /// Remembers what a peer said that we may see, and the sharing agreement by which. With another one its records are others.
    pub(crate) fn seen_agreement(&self, city: &CityId, audience: Audience, agreement: &str) {
        let changed = match self.digests().lock().get_mut(city) {
            Some(entry) => {
                let has_digest = entry.digest.is_some();
                let is_news = |known: bool, of_digest: bool| known || (has_digest && !of_digest);
                let mut changed = false;
                if audience != Audience::Unspecified && entry.audience != audience {
                    let of_digest = entry.digest.as_ref().is_some_and(|digest| digest.audience() == audience);
                    changed |= is_news(entry.audience != Audience::Unspecified, of_digest);
                    entry.audience = audience;
                }
                if !agreement.is_empty() && entry.agreement != agreement {
                    changed |= is_news(!entry.agreement.is_empty(), entry.digest_agreement == agreement);
                    agreement.clone_into(&mut entry.agreement);
                }
                changed
            }
            None => false,
        };
        if changed {
            self.digests().drop_digest(city);
            self.statistics_book().forget(city);
        }
    }

    /// What a peer's digest says of a question, and the count of it.
    pub(crate) fn digest_advice(&self, city: &CityId, question: &Question, text: &TextQuery) -> Advice {
        let limits = self.limits();
        if !self.uses_digests() {
            return Advice::Ask;
        }
        let usable = self.digests().lock().get(city).and_then(|entry| entry.usable(limits.digest_age).cloned());
        let Some(digest) = usable else { return Advice::Ask };
        // Not under the lock: others ask too.
        let Some(reason) = digest.rules_out(question, text) else { return Advice::Ask };
        let sampled = self.trust().dice.roll() < SAMPLED;
        if let Some(entry) = self.digests().lock().get_mut(city) {
            *(if sampled { &mut entry.sampled } else { &mut entry.ruled_out }) += 1;
        }
        if sampled { Advice::Test(Sample(digest)) } else { Advice::LeaveOut(reason) }
    }

    /// Compares how a peer's answer begins with what its digest says.
    pub(crate) fn compare_digest(&self, city: &CityId, start: &QueryStart, sample: Option<&Sample>) {
        // What was published after the digest was made does not make it wrong.
        let speaks_of = |digest: &CheckedDigest| {
            *digest.position() == Position { epoch: start.epoch.clone(), sequence: start.sequence }
        };
        let mut entries = self.digests().lock();
        let Some(entry) = entries.get_mut(city) else { return };
        let before = entry.turn.is_soon();
        if sample.is_some_and(|Sample(digest)| start.total > 0 && speaks_of(digest)) {
            entry.false_exclusions += 1;
            entry.drop_digest();
            let (sequence, total) = (start.sequence, start.total);
            warn!(peer.city = %city, sequence, total, "the peer's digest says that nothing there matches, but the peer has an answer; tell the city");
        }
        // It speaks of other records than we are shown: those of another audience.
        if entry.digest.as_ref().is_some_and(|digest| speaks_of(digest) && digest.statistics().records != start.records)
        {
            entry.drop_digest();
        }
        if entry.turn.is_soon() && !before {
            self.digests().wake.notify_one();
        }
    }

    /// A peer's digest and how it did, if there is one.
    #[must_use]
    pub fn digest_state(&self, city: &CityId) -> Option<PeerDigest> {
        let entries = self.digests().lock();
        let entry = entries.get(city)?;
        let (digest, confirmed) = (entry.digest.as_ref()?, entry.confirmed?);
        Some(PeerDigest {
            epoch: digest.position().epoch.clone(),
            sequence: digest.position().sequence,
            age: prost_types::Duration::try_from(confirmed.elapsed()).ok(),
            false_positive_rate: digest.false_positive_rate(),
            bytes: i64::try_from(digest.bytes()).unwrap_or(i64::MAX),
            ruled_out: entry.ruled_out,
            sampled: entry.sampled,
            false_exclusions: entry.false_exclusions,
        })
    }
}

#[cfg(test)]
mod tests;
