//! Trust bundles: this city's own, for its peers, and the newer ones of its peers.
//!
//! A peer's bundle is looked at by the clock, at a quarter of the hint that it gives, and at once when the peer says that there is a
//! newer one or shows what the held one does not explain. What comes must follow from what is held: each bundle is signed by a key
//! that the one before names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use isopolity_domain::{CityId, envelope};
use isopolity_federation::{Bundle, BundleError, PeerSettings, bundle};
use isopolity_proto::{
    admin::{AuditAction, PeerState},
    error::Reason,
    federation::{GetBundleRequest, GetBundleResponse},
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Caller, Error, Registry, Right,
    author::NODE,
    error::with_causes,
    expiry,
    peers::{GREETING, bad_bundle, renewed},
};

/// Where the store keeps this city's own bundle, and what was in it.
pub(crate) const OWN_BUNDLE: &str = "own_bundle";
const OWN_MARK: &str = "own_bundle_mark";
/// The least and the longest time between two looks at a peer. What a peer revokes is in force here after the longest.
const FLOOR: Duration = Duration::from_secs(10);
const CEILING: Duration = Duration::from_mins(4);
/// How often it is looked for peers whose turn it is.
const TURN: Duration = Duration::from_secs(5);
/// How often it is looked for invitations.
const DOOR: Duration = Duration::from_mins(1);
/// Peers that are looked at at once.
const AT_ONCE: usize = 16;

impl Registry {
    /// This city's own trust bundle as a file for others, and its fingerprint.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn own_bundle(&self, caller: &Caller) -> Result<(Bytes, String), Error> {
        caller.must(Right::Administer)?;
        let bundle = self.present_bundle().await?;
        Ok((bundle.file.clone(), bundle.fingerprint()))
    }

    /// This city's own trust bundle for an approved peer, with those that lead to it from the one that the peer holds.
    ///
    /// # Errors
    /// [`Error::PeerNotApproved`] and the like.
    pub async fn bundle_for_peer(&self, peer: &CityId, request: &GetBundleRequest) -> Result<GetBundleResponse, Error> {
        self.must_be_active(peer)?;
        let mut history = Vec::new();
        for file in self.store().own_bundles().await? {
            history.push(Bundle::parse(&file).map_err(Error::internal)?);
        }
        let mut before = Vec::new();
        for file in bundle::links(&history, request.held_sequence) {
            before.push(envelope::from_file(&file).map_err(Error::internal)?);
        }
        let bundle = before.pop().ok_or_else(|| Error::internal("the own bundle is not stored"))?;
        Ok(GetBundleResponse { bundle: Some(bundle), before })
    }

    /// Makes the own bundle, or a newer one when something in it has changed or it is a week old. Returns whether it did.
    ///
    /// # Errors
    /// What the store says, or that the keys make no good bundle.
    pub async fn renew_own_bundle(&self) -> Result<bool, Error> {
        // Where peers reach this node is not known while a folder is being prepared.
        let Some(endpoint) = &self.inner.endpoint else { return Ok(false) };
        let mut tx = self.store().begin("own bundle").await?;
        let now = self.now();
        let former = match tx.setting(OWN_BUNDLE).await? {
            Some(file) => Some(Bundle::parse(&file).map_err(Error::internal)?),
            None => None,
        };
        let mark = self.identity().bundle_mark(endpoint);
        let unchanged = tx.setting(OWN_MARK).await?.is_some_and(|before| before == mark.as_bytes());
        let still_good = |former: &&Bundle| {
            unchanged && former.age(now).is_some_and(|age| age < bundle::REISSUE) && !former.expired(now)
        };
        if let Some(present) = former.as_ref().filter(still_good) {
            self.federation().set_bundle_sequence(present.sequence);
            return Ok(false);
        }
        let sequence = former.as_ref().map_or(1, |one| one.sequence + 1);
        let fresh = Bundle::parse(&self.identity().sign_bundle(endpoint, sequence, now)).map_err(|error| {
            Error::internal(format!(
                "the own bundle would not be accepted (federation.endpoint is {endpoint:?}): {error}"
            ))
        })?;
        if let Some(former) = &former {
            if let Err(error) = fresh.succeeds(former) {
                // The keys were lost, and new ones made for the same registry.
                tracing::error!(%error, "this city's keys are not those of before: each peer has to reset its bundle");
            }
            // One of before there was a history.
            tx.put_own_bundle(former.sequence, &former.signer, &former.file).await?;
        }
        tx.put_own_bundle(fresh.sequence, &fresh.signer, &fresh.file).await?;
        tx.set_setting(OWN_BUNDLE, &fresh.file).await?;
        tx.set_setting(OWN_MARK, mark.as_bytes()).await?;
        tx.audit(self.event(NODE, AuditAction::OwnBundleMade).saying(&fresh.fingerprint()));
        tx.commit().await?;
        self.federation().set_bundle_sequence(fresh.sequence);
        info!(bundle.sequence = fresh.sequence, bundle.expires = %fresh.expires, "signed a new trust bundle");
        Ok(true)
    }

    /// Greets all approved peers at once, so that they hear of a new bundle. Who does not answer hears of it later.
    pub(crate) async fn announce_bundle(&self) {
        let active = self.federation().all().into_iter().filter(|peer| peer.state == PeerState::Active);
        join_all(active.map(|peer| async move { self.greet_quietly(&peer.city).await })).await;
    }

    pub(crate) async fn present_bundle(&self) -> Result<Bundle, Error> {
        let file =
            self.store().setting(OWN_BUNDLE).await?.ok_or_else(|| Error::internal("the own bundle is not stored"))?;
        Bundle::parse(&file).map_err(Error::internal)
    }

    /// Greets every peer once, takes bundles that are newer than those here, and keeps what peers said of themselves.
    pub async fn tend_peers(&self) {
        self.tend_invitations().await;
        join_all(self.federation().all().into_iter().map(|peer| async move { self.tend_peer(&peer.city).await })).await;
    }

    /// Lets guests in as long as an invitation is open, also one that another process of this node has made.
    async fn tend_invitations(&self) {
        if let Err(error) = self.tend_door().await {
            warn!(error = %with_causes(&error), "which invitations are open can't be read");
        }
    }

    /// Greets a peer, takes its newer bundle if there is one, and keeps what it said of itself. Returns whether it took one.
    pub async fn tend_peer(&self, city: &CityId) -> bool {
        let Some(settings) = self.federation().get(city) else { return false };
        if !matches!(settings.state, PeerState::Invited | PeerState::Active) {
            return false;
        }
        let newer = self.look_for_newer(&settings).await;
        // By the bundle that is held now.
        if let Some(settings) = self.federation().get(city).filter(|peer| peer.state == PeerState::Active) {
            self.witness_peer(&settings).await;
        }
        if let Err(error) = self.keep_record_count(&settings).await {
            warn!(peer.city = %city, error = %with_causes(&error), "what the peer said can't be kept");
        }
        if let Some(settings) = self.federation().get(city) {
            self.inner.warned.log(city.as_str(), &expiry::of_peer(&settings.bundle, self.now()));
        }
        newer
    }

    /// Looks at peers by the clock and when nudged, until it is cancelled.
    pub async fn keep_bundles(&self, cancelled: CancellationToken) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut looks = JoinSet::new();
        let mut under_way: BTreeSet<CityId> = BTreeSet::new();
        let mut turns: BTreeMap<CityId, Instant> = BTreeMap::new();
        let (mut ticks, mut doors) = (interval(TURN), interval(DOOR));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (due, nudged) = tokio::select! {
                () = cancelled.cancelled() => return,
                Some(done) = looks.join_next() => {
                    if let Ok(city) = done {
                        under_way.remove(&city);
                    }
                    continue;
                }
                _ = doors.tick() => {
                    self.tend_invitations().await;
                    continue;
                }
                nudged = self.federation().nudged() => (nudged, true),
                _ = ticks.tick() => (self.whose_turn(&mut turns), false),
            };
            for city in due {
                if !under_way.insert(city.clone()) && !nudged {
                    continue;
                }
                let (registry, places) = (self.clone(), places.clone());
                looks.spawn(async move {
                    // Never closed.
                    let _place = places.acquire_owned().await;
                    let newer = registry.tend_peer(&city).await;
                    if nudged {
                        registry.federation().looked(&city, newer);
                    }
                    city
                });
            }
        }
    }

    /// The peers that were not looked at for a quarter of the time that their bundles say.
    fn whose_turn(&self, turns: &mut BTreeMap<CityId, Instant>) -> Vec<CityId> {
        let (now, peers) = (Instant::now(), self.federation().all());
        turns.retain(|city, _| peers.iter().any(|peer| peer.city == *city));
        let mut due = Vec::new();
        for peer in peers {
            if turns.get(&peer.city).is_none_or(|next| *next <= now) {
                turns.insert(peer.city.clone(), now + self.federation().jittered(poll_time(&peer.bundle)));
                due.push(peer.city);
            }
        }
        due
    }

    /// Asks a peer for its present bundle, if it has a newer one or is not to be believed by the one that is held.
    async fn look_for_newer(&self, settings: &PeerSettings) -> bool {
        let city = &settings.city;
        let greeted = self.federation().greet(city, GREETING).await;
        if let Ok(hello) = &greeted {
            self.heard_quietly(city, hello.state(), &hello.state_reason).await;
            self.consider_directory(city, hello.directory_version).await;
        }
        let files = match greeted {
            Ok(hello) if settings.state != PeerState::Active || !hello.approved => return false,
            Ok(hello) if hello.bundle_sequence > settings.bundle.sequence => {
                self.federation().fetch_bundle(city, GREETING).await
            }
            Ok(hello) => {
                if hello.bundle_sequence == settings.bundle.sequence {
                    self.federation().bundle_confirmed(city);
                } else if hello.bundle_sequence > 0 {
                    let held = settings.bundle.sequence;
                    let text = format!(
                        "it says that its present trust bundle has sequence {}, but {held} was seen before: its node was \
                         restored from an old backup, or somebody serves an old bundle",
                        hello.bundle_sequence
                    );
                    self.federation().answered_wrongly(city, Reason::BundleRollback, &text);
                }
                return false;
            }
            // What does not prove that it is the peer may still hand over the peer's bundle: that proves itself.
            Err(_) if settings.state == PeerState::Active && self.is_refused(city) => {
                self.federation().recover_bundle(city, GREETING).await
            }
            Err(error) => {
                info!(peer.city = %city, reason = %error.description, "peer did not answer a greeting");
                return false;
            }
        };
        let taken = match files {
            Ok(files) => self.take_newer_bundle(settings, &files).await,
            Err(error) => {
                info!(peer.city = %city, reason = %error.description, "the peer's bundle can't be fetched");
                return false;
            }
        };
        taken.unwrap_or_else(|error| {
            self.federation().answered_wrongly(city, error.reason(), &format!("its trust bundle was refused: {error}"));
            warn!(peer.city = %city, error = %with_causes(&error), "the peer's newer bundle can't be taken");
            false
        })
    }

    /// Whether the trouble with a peer is that it and we do not believe each other's certificates.
    fn is_refused(&self, city: &CityId) -> bool {
        let health = self.federation().health(city);
        let of_trust = |reason: Reason| matches!(reason, Reason::TlsHandshake | Reason::BundleInvalid);
        health.outbound.iter().chain(&health.inbound).any(|trouble| of_trust(trouble.reason))
    }

    async fn take_newer_bundle(&self, settings: &PeerSettings, files: &[Bytes]) -> Result<bool, Error> {
        let bundle = settings.bundle.advance(files).map_err(|error| match error {
            BundleError::Rollback { city, held, found } => Error::BundleRollback { city, found, known: held },
            other => bad_bundle(&other),
        })?;
        if bundle.expired(self.now()) {
            return Err(crate::peers::bad_bundle_text(&format!("expired at {}", bundle.expires)));
        }
        let mut tx = self.store().begin("take newer bundle").await?;
        let Some(known) = tx.peer(&settings.city).await? else { return Ok(false) };
        if known.state != PeerState::Active || known.bundle == bundle.file {
            return Ok(false);
        }
        // What the bundles between have proven: they led here from the one that was held when it was asked.
        let peer = renewed(known, &bundle, Some(&settings.bundle))?;
        tx.put_peer(&peer).await?;
        tx.audit(self.event(NODE, AuditAction::BundleTaken).with_peer(&peer.city).saying(&bundle.fingerprint()));
        tx.commit().await?;
        info!(peer.city = %peer.city, peer.bundle_sequence = peer.bundle_sequence, "took the peer's newer bundle");
        self.reload_peers().await?;
        self.federation().bundle_confirmed(&peer.city);
        // So that the city knows who holds it, before it takes a key into use.
        self.greet_quietly(&peer.city).await;
        Ok(true)
    }
}

/// How long a peer's bundle is not looked at.
fn poll_time(bundle: &Bundle) -> Duration {
    let hint = Duration::try_from(bundle.refresh_hint).unwrap_or_default();
    (hint / 4).clamp(FLOOR, CEILING)
}

#[cfg(test)]
mod tests {
    use isopolity_federation::Identity;

    use super::*;

    #[test]
    fn a_bundle_is_looked_for_at_a_quarter_of_its_hint_within_bounds() {
        let now = time::macros::datetime!(2026-01-01 00:00 UTC);
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::create(&folder.path().join("trust"), &"feira.example".parse().unwrap(), now).unwrap();
        let mut bundle = Bundle::parse(&identity.sign_bundle("https://127.0.0.1:1", 1, now)).unwrap();
        for (hint, poll) in [(60, 15), (16 * 60, 240), (20, 10), (0, 10), (86_400, 240), (400, 100)] {
            bundle.refresh_hint = time::Duration::seconds(hint);
            assert_eq!(poll_time(&bundle), Duration::from_secs(poll), "{hint} s");
        }
        assert!(CEILING < Duration::from_mins(5), "what is revoked is in force within five minutes");
    }
}
