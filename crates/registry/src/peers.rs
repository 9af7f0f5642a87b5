//! Adding, approving and suspending peers.

use std::time::Duration;

use bytes::Bytes;
use isopolity_domain::{CityId, Violation, clock::to_timestamp, words::are_the_same};
use isopolity_federation::{Bundle, BundleError, Health, PeerSettings, Trouble};
use isopolity_proto::{
    admin::{self, AuditAction, PeerState, PeerTrouble},
    error::Reason,
    options::Audience,
};
use isopolity_store::{Peer, Tx};
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{Caller, Error, Registry, Right, expiry};

/// How long a greeting may take.
pub(crate) const GREETING: Duration = Duration::from_secs(5);
/// The longest reason for a suspension.
const REASON_MAX: usize = 500;

impl Registry {
    /// Adds a city by its bundle file, or takes a newer bundle of one that is known. Adding a city that was removed
    /// begins again: it has to be approved.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bundle that is damaged, expired or this city's own, [`Error::BundleRollback`] for one that
    /// is older than one seen before.
    pub async fn add_peer(&self, caller: &Caller, file: &[u8]) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        let bundle = parse_bundle(file, self.now())?;
        if bundle.city == *self.city() {
            return Err(bad_bundle_text("is this city's own; add the other city's bundle here, and this one there"));
        }
        let mut tx = self.store().begin("add peer").await?;
        let peer = match tx.peer(&bundle.city).await? {
            None => invited(&bundle, self.now()),
            Some(known) => renewed(known, &bundle, None)?,
        };
        tx.put_peer(&peer).await?;
        tx.audit(self.event(caller, AuditAction::PeerAdded).with_peer(&peer.city).saying(&bundle.fingerprint()));
        tx.commit().await?;
        self.reload_peers().await?;
        info!(peer.city = %peer.city, peer.bundle_sequence = peer.bundle_sequence, caller.id = caller.id(), "peer added");
        self.greet_quietly(&peer.city).await;
        self.shown(&peer).await
    }

    /// Approves a city that was added, or ends its suspension.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::Invalid`] if a fingerprint is given that is not that of the bundle here.
    pub async fn approve_peer(
        &self,
        caller: &Caller,
        city: &str,
        audience: Audience,
        fingerprint: &str,
    ) -> Result<admin::Peer, Error> {
        self.approve_peer_by(caller, city, audience, fingerprint, "").await
    }

    /// The same, with the six words that were compared instead of a fingerprint, or both.
    ///
    /// # Errors
    /// As [`Registry::approve_peer`]; words that are not those of the two bundles are [`Error::Invalid`].
    pub async fn approve_peer_by(
        &self,
        caller: &Caller,
        city: &str,
        audience: Audience,
        fingerprint: &str,
        words: &str,
    ) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        // Which bundle the words are of is looked at again below, in the transaction.
        let compared = if words.trim().is_empty() { None } else { Some(self.compared_words(city, words).await?) };
        if !matches!(audience, Audience::Unspecified | Audience::Public | Audience::Federation) {
            return Err(Violation::invalid("audience", "must be AUDIENCE_PUBLIC or AUDIENCE_FEDERATION").into());
        }
        let now = self.now();
        let peer = self
            .change_peer(caller, AuditAction::PeerApproved, city, audience, |peer| {
                let bundle = Bundle::parse(&peer.bundle).map_err(Error::internal)?;
                if compared.as_ref().is_some_and(|file| *file != peer.bundle) {
                    return Err(
                        Violation::invalid("words", "are of a bundle that was just replaced: compare again").into()
                    );
                }
                if !fingerprint.is_empty() && !fingerprint.eq_ignore_ascii_case(&bundle.fingerprint()) {
                    let found = bundle.fingerprint();
                    let description =
                        format!("is not that of the bundle here, which is {found}: do not approve; ask the city again");
                    return Err(Violation::invalid("fingerprint", description).into());
                }
                if peer.state == PeerState::Left {
                    return Err(Error::PeerUnknown(format!("{}, which was left; add its bundle again", peer.city)));
                }
                if audience != Audience::Unspecified {
                    peer.audience = audience;
                }
                if peer.state != PeerState::Active {
                    peer.state = PeerState::Active;
                    peer.state_reason.clear();
                    peer.approve_time = Some(now);
                }
                Ok(())
            })
            .await?;
        info!(peer.city = %peer.city, peer.audience = ?peer.audience, caller.id = caller.id(), "peer approved");
        self.greet_quietly(&peer.city).await;
        self.shown(&peer).await
    }

    /// The bundle here whose words somebody compared.
    async fn compared_words(&self, city: &str, words: &str) -> Result<Bytes, Error> {
        let unknown = || Error::PeerUnknown(city.to_owned());
        let id: CityId = city.parse().map_err(|_error: isopolity_domain::city_id::CityIdError| unknown())?;
        let peer = self.store().peer(&id).await?.ok_or_else(unknown)?;
        if are_the_same(words, &self.words_with(&peer).await?) {
            return Ok(peer.bundle);
        }
        let description = "are not those of the two bundles: do not approve. Compare again with \"peer list\" on both sides; if they \
                           still differ, somebody stands between the two cities";
        Err(Violation::invalid("words", description).into())
    }

    /// Holds a city back, and tells it why.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::Invalid`] without a reason.
    pub async fn suspend_peer(&self, caller: &Caller, city: &str, reason: &str) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        if reason.trim().is_empty() {
            return Err(Violation::required("reason").into());
        }
        let reason = checked_reason(reason)?;
        let peer = self
            .change_peer(caller, AuditAction::PeerSuspended, city, Audience::Unspecified, |peer| match peer.state {
                PeerState::Active | PeerState::Suspended => {
                    peer.state = PeerState::Suspended;
                    peer.state_reason.clone_from(&reason);
                    Ok(())
                }
                _ => Err(Error::PeerNotApproved(peer.city.clone())),
            })
            .await?;
        warn!(peer.city = %peer.city, reason, caller.id = caller.id(), "peer suspended");
        self.tell_and_close(&peer.city).await;
        self.shown(&peer).await
    }

    /// Lists the peers by id; greets each first if asked to.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn list_peers(
        &self,
        caller: &Caller,
        include_left: bool,
        greet: bool,
    ) -> Result<Vec<admin::Peer>, Error> {
        caller.must(Right::Administer)?;
        let mut peers = self.store().peers().await?;
        peers.retain(|peer| include_left || peer.state != PeerState::Left);
        peers.sort_by(|one, other| one.city.cmp(&other.city));
        if greet {
            let asked = peers.iter().filter(|peer| matches!(peer.state, PeerState::Invited | PeerState::Active));
            futures::future::join_all(asked.map(|peer| self.greet_quietly(&peer.city))).await;
        }
        let mut shown = futures::future::try_join_all(peers.iter().map(|peer| self.shown(peer))).await?;
        let logs = self.audit_witnesses().await?;
        let mut deliveries = self.peer_deliveries().await?;
        for peer in &mut shown {
            peer.deliveries = deliveries.remove(peer.city.as_str());
            if let Some(log) = logs.iter().find(|log| log.city == peer.city) {
                peer.audit_witnessed_sequence = log.witnessed_sequence;
                peer.audit_seen_sequence = log.seen_sequence;
                peer.audit_contradiction.clone_from(&log.contradiction);
            }
        }
        Ok(shown)
    }

    /// Remembers over restarts how many records a peer said we may see, for coverage when it does not answer.
    pub(crate) async fn keep_record_count(&self, settings: &PeerSettings) -> Result<(), Error> {
        let Some(records) = self.federation().health(&settings.city).records else { return Ok(()) };
        let mut tx = self.store().begin("keep record count").await?;
        match tx.peer(&settings.city).await? {
            Some(mut peer) if peer.records != records => {
                peer.records = records;
                tx.put_peer(&peer).await?;
                tx.commit().await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn change_peer(
        &self,
        caller: &Caller,
        action: AuditAction,
        city: &str,
        audience: Audience,
        change: impl FnOnce(&mut Peer) -> Result<(), Error>,
    ) -> Result<Peer, Error> {
        let id: CityId = city
            .parse()
            .map_err(|error: isopolity_domain::city_id::CityIdError| Violation::invalid("city", error.to_string()))?;
        let mut tx: Tx = self.store().begin("change peer").await?;
        let mut peer = tx.peer(&id).await?.ok_or_else(|| Error::PeerUnknown(city.to_owned()))?;
        let before = peer.state;
        change(&mut peer)?;
        tx.put_peer(&peer).await?;
        let told = match action {
            AuditAction::PeerApproved => peer.audience.as_str_name(),
            _ => peer.state_reason.as_str(),
        };
        tx.audit(self.event(caller, action).with_peer(&peer.city).saying(told));
        self.agree_by_state(&mut tx, before, &peer, audience, caller.into()).await?;
        tx.commit().await?;
        self.reload_peers().await?;
        Ok(peer)
    }

    /// Hands the peers in the store to the federation.
    pub(crate) async fn reload_peers(&self) -> Result<(), Error> {
        let mut settings = Vec::new();
        for peer in self.store().peers().await? {
            match Bundle::parse(&peer.bundle) {
                Ok(bundle) => settings.push(PeerSettings {
                    city: peer.city,
                    state: peer.state,
                    state_reason: peer.state_reason,
                    bundle,
                    records: peer.records,
                    circuit: peer.circuit,
                }),
                Err(error) => {
                    return Err(Error::internal(format!("the stored bundle of {} is damaged: {error}", peer.city)));
                }
            }
        }
        // Before the peers: who is approved is never without it.
        self.reload_sharing().await?;
        self.federation().set(settings);
        Ok(())
    }

    /// A greeting whose failure is kept in the peer's health and is no error here.
    pub(crate) async fn greet_quietly(&self, city: &CityId) {
        match self.federation().greet(city, GREETING).await {
            Ok(hello) => {
                self.federation().heard_of_bundle(city, hello.bundle_sequence);
                self.heard_quietly(city, hello.state(), &hello.state_reason).await;
            }
            Err(error) => info!(peer.city = %city, reason = %error.description, "peer did not answer a greeting"),
        }
    }

    pub(crate) fn describe(&self, peer: &Peer) -> admin::Peer {
        let health: Health = self.federation().health(&peer.city);
        let bundle = Bundle::parse(&peer.bundle).ok();
        let granted = self.inner.sharing.with(&peer.city);
        let trouble = |inbound: bool, trouble: &Trouble| PeerTrouble {
            time: Some(to_timestamp(trouble.time)),
            inbound,
            reason: trouble.reason.into(),
            description: trouble.description.clone(),
        };
        let inbound = health.inbound.iter().map(|one| trouble(true, one));
        let outbound = health.outbound.iter().chain(&health.audit_log).map(|one| trouble(false, one));
        admin::Peer {
            city: peer.city.to_string(),
            state: peer.state.into(),
            state_reason: peer.state_reason.clone(),
            endpoint: bundle.as_ref().map(|one| one.endpoint.clone()).unwrap_or_default(),
            audience: granted.as_ref().map_or(peer.audience.into(), |granted| granted.audience),
            bundle_fingerprint: bundle.as_ref().map(Bundle::fingerprint).unwrap_or_default(),
            bundle_sequence: peer.bundle_sequence,
            bundle_expire_time: bundle.as_ref().map(|one| to_timestamp(one.expires)),
            create_time: Some(to_timestamp(peer.create_time)),
            approve_time: peer.approve_time.map(to_timestamp),
            last_answer_time: health.last_answer.map(to_timestamp),
            approved_by_peer: health.approved_by_peer,
            records: health.records.unwrap_or(peer.records),
            troubles: inbound.chain(outbound).collect(),
            clock_skew_millis: health
                .clock_skew
                .and_then(|skew| i64::try_from(skew.whole_milliseconds()).ok())
                .unwrap_or_default(),
            circuit: Some(self.federation().circuit(&peer.city)),
            digest: self.federation().digest_state(&peer.city),
            granted: granted.as_deref().cloned(),
            received: health.sharing_agreement,
            bundle_issue_time: bundle.as_ref().and_then(|one| one.issued).map(to_timestamp),
            bundle_confirm_time: health.bundle_confirmed.map(to_timestamp),
            clock_warning: health.clock_skew.map(clock_warning).unwrap_or_default(),
            held_bundle_sequence: health.holds_of_ours.unwrap_or_default(),
            warnings: bundle.as_ref().map(|one| expiry::of_peer(one, self.now())).unwrap_or_default(),
            ..admin::Peer::default()
        }
    }

    /// Keeps which peers are left alone, so that a restart does not make them be called at once.
    ///
    /// # Errors
    /// What the store says; what was not kept is lost, and is kept with the next change.
    pub async fn keep_circuits(&self) -> Result<(), Error> {
        let changed = self.federation().changed_circuits();
        if changed.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin("keep circuits").await?;
        tx.put_circuits(&changed).await?;
        Ok(tx.commit().await?)
    }
}

/// A bundle that may be taken: sound, and in date.
pub(crate) fn parse_bundle(file: &[u8], now: OffsetDateTime) -> Result<Bundle, Error> {
    let bundle = Bundle::parse(file).map_err(|error| bad_bundle(&error))?;
    if bundle.expired(now) {
        return Err(bad_bundle_text(&format!("expired at {}: ask the city for its present one", bundle.expires)));
    }
    Ok(bundle)
}

/// A city that becomes known.
pub(crate) fn invited(bundle: &Bundle, now: OffsetDateTime) -> Peer {
    Peer {
        city: bundle.city.clone(),
        state: PeerState::Invited,
        state_reason: String::new(),
        audience: Audience::Public,
        bundle: bundle.file.clone(),
        bundle_sequence: bundle.sequence,
        records: 0,
        create_time: now,
        approve_time: None,
        circuit: Bytes::new(),
    }
}

/// What is wrong with the clocks of a peer and of this node, if it is more than is tolerated.
fn clock_warning(skew: time::Duration) -> String {
    if skew.abs() <= isopolity_federation::peers::TOLERATED_SKEW {
        return String::new();
    }
    let (minutes, way) =
        ((skew.whole_seconds().abs() + 30) / 60, if skew.is_positive() { "ahead of" } else { "behind" });
    format!("its clock is {minutes} min {way} ours; at most 5 min are tolerated: check both")
}

/// A known peer with the bundle that came now. `from`: the bundle from which others were found to lead to it.
pub(crate) fn renewed(mut peer: Peer, bundle: &Bundle, from: Option<&Bundle>) -> Result<Peer, Error> {
    let rejoining = peer.state == PeerState::Left;
    if bundle.sequence < peer.bundle_sequence {
        return Err(Error::BundleRollback { city: peer.city, found: bundle.sequence, known: peer.bundle_sequence });
    }
    if bundle.file != peer.bundle {
        if from.is_none_or(|from| from.file != peer.bundle) {
            let former = Bundle::parse(&peer.bundle).map_err(Error::internal)?;
            bundle.succeeds(&former).map_err(|error| bad_bundle(&error))?;
        }
        peer.bundle = bundle.file.clone();
        peer.bundle_sequence = bundle.sequence;
    }
    if rejoining {
        peer.state = PeerState::Invited;
        peer.state_reason.clear();
        peer.approve_time = None;
    }
    Ok(peer)
}

pub(crate) fn checked_reason(reason: &str) -> Result<String, Violation> {
    if reason.chars().count() > REASON_MAX {
        return Err(Violation::invalid("reason", format!("is longer than {REASON_MAX} characters")));
    }
    Ok(reason.trim().to_owned())
}

pub(crate) fn bad_bundle(error: &BundleError) -> Error {
    bad_bundle_text(&error.to_string())
}

pub(crate) fn bad_bundle_text(description: &str) -> Error {
    let violation =
        Violation { field: "bundle".to_owned(), reason: Reason::BundleInvalid, description: description.to_owned() };
    violation.into()
}
