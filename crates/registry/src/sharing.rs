//! What this city lets each peer see and do, by its sharing agreements.
//!
//! Whatever a peer calls asks here first: [`Registry::admit`] and [`Registry::sight_of`] are the only way from a peer to a
//! [`Sight`](isopolity_domain::sight::Sight), without which the catalogue gives nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

pub use isopolity_domain::sharing::{
    PURPOSES, legal_basis_label, purpose_label, purpose_of, purpose_word, transfer_tool_label,
};
use isopolity_domain::{
    CityId, Violation,
    audit::Subject,
    city_id::CityIdError,
    clock::to_timestamp,
    sharing::{self, Exceeded, Grant, Meter, Refusal, Use},
};
use isopolity_proto::{
    admin::{AuditAction, GetSharingAgreementResponse, Granularity, PeerState, SharingAgreement, SharingPair},
    options::Audience,
};
use isopolity_store::{Peer, Tx};
use tokio::sync::watch;
use tracing::info;

use crate::{Caller, Error, Registry, Right, permission::Standing};

/// How many agreements of before are shown.
const REVISIONS: u64 = 100;

/// The agreements that are kept here, and how much each peer has asked lately. What was asked is forgotten with the process.
#[derive(Debug)]
pub(crate) struct Sharing {
    agreements: RwLock<BTreeMap<CityId, Arc<SharingAgreement>>>,
    meters: Mutex<BTreeMap<CityId, Meter>>,
    /// Goes up with each change.
    changes: watch::Sender<u64>,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { agreements: RwLock::default(), meters: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Sharing {
    /// The present agreement with a city, in force or not.
    pub(crate) fn with(&self, city: &CityId) -> Option<Arc<SharingAgreement>> {
        self.agreements.read().unwrap_or_else(PoisonError::into_inner).get(city).cloned()
    }

    /// Tells of each change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn set(&self, agreements: Vec<SharingAgreement>) -> Result<(), CityIdError> {
        let agreements = agreements.into_iter().map(|one| Ok((one.city.parse()?, Arc::new(one))));
        let agreements = agreements.collect::<Result<BTreeMap<CityId, _>, CityIdError>>()?;
        *self.agreements.write().unwrap_or_else(PoisonError::into_inner) = agreements;
        self.changes.send_modify(|changes| *changes += 1);
        Ok(())
    }

    fn meter<T>(&self, city: &CityId, count: impl FnOnce(&mut Meter) -> T) -> T {
        count(self.meters.lock().unwrap_or_else(PoisonError::into_inner).entry(city.clone()).or_default())
    }
}

impl Registry {
    /// What a peer sees for this use. Counts nothing: for what goes on after it was admitted.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::PeerNotApproved`], [`Error::PeerSuspended`], [`Error::NotShared`], or [`Error::Invalid`] where
    /// a purpose is required.
    pub fn sight_of(&self, peer: &CityId, wanted: Use<'_>) -> Result<Grant, Error> {
        self.must_be_active(peer)?;
        let agreement = self.inner.sharing.with(peer);
        sharing::decide(agreement.as_deref(), peer, wanted, self.now()).map_err(refused)
    }

    /// The same for a call that counts as a question.
    ///
    /// # Errors
    /// As [`Registry::sight_of`], and [`Error::RateExceeded`].
    pub(crate) fn admit(&self, peer: &CityId, wanted: Use<'_>) -> Result<Grant, Error> {
        let grant = self.sight_of(peer, wanted)?;
        let (rates, now) = (self.rates_of(peer), self.now());
        self.inner.sharing.meter(peer, |meter| meter.question(rates.as_ref(), now)).map_err(|over| exceeded(&over))?;
        Ok(grant)
    }

    /// Counts records that a peer is about to get.
    ///
    /// # Errors
    /// [`Error::RateExceeded`]; nothing of it may be handed out then.
    pub(crate) fn hand_out(&self, peer: &CityId, records: usize) -> Result<(), Error> {
        let (rates, now) = (self.rates_of(peer), self.now());
        self.inner
            .sharing
            .meter(peer, |meter| meter.records(rates.as_ref(), records, now))
            .map_err(|over| exceeded(&over))
    }

    /// Refuses a city that is no active peer.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::PeerNotApproved`], [`Error::PeerSuspended`].
    pub(crate) fn must_be_active(&self, peer: &CityId) -> Result<(), Error> {
        self.peer_must(peer, Standing::Active)
    }

    /// What this city and another one grant each other, with what this one granted before. Greets the other first if asked to.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::PeerUnknown`], or what the store says.
    pub async fn sharing_agreement(
        &self,
        caller: &Caller,
        city: &str,
        greet: bool,
    ) -> Result<GetSharingAgreementResponse, Error> {
        caller.must(Right::Administer)?;
        let city = self.known_peer(city).await?.city;
        if greet {
            self.greet_quietly(&city).await;
        }
        let revisions = self.store().sharing_revisions(&city, REVISIONS).await?;
        Ok(GetSharingAgreementResponse { pair: Some(self.pair(&city)), revisions })
    }

    /// Sets what this city grants a peer, in whatever state the peering is.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::PeerUnknown`], [`Error::AgreementChanged`], or what the store says.
    /// Nothing is changed then.
    pub async fn set_sharing_agreement(
        &self,
        caller: &Caller,
        agreement: SharingAgreement,
    ) -> Result<SharingAgreement, Error> {
        caller.must(Right::Administer)?;
        sharing::check(&agreement)?;
        let mut tx = self.store().begin("set sharing agreement").await?;
        let city = parsed(&agreement.city)?;
        let peer = tx.peer(&city).await?.filter(|peer| peer.state != PeerState::Left);
        let peer = peer.ok_or_else(|| Error::PeerUnknown(city.to_string()))?;
        let present = tx.sharing_agreement(&city).await?;
        let etag = present.as_ref().map(|present| present.etag.as_str()).unwrap_or_default();
        if !agreement.etag.is_empty() && agreement.etag != etag {
            return Err(Error::AgreementChanged(city));
        }
        let agreement = settled(agreement);
        if let Some(present) = present.filter(|present| content(present) == content(&agreement)) {
            return Ok(present);
        }
        let kept = self.keep_agreement(&mut tx, peer, &agreement, caller.id()).await?;
        tx.audit(self.event(caller, AuditAction::SharingSet).with_peer(&city).saying(&kept.etag));
        tx.commit().await?;
        self.reload_peers().await?;
        info!(peer.city = %city, sharing.etag = kept.etag, caller.id = caller.id(), "sharing agreement set");
        Ok(kept)
    }

    /// What this city and each of its peers grant each other, by city.
    ///
    /// # Errors
    /// [`Error::RightMissing`], or what the store says.
    pub async fn sharing_agreements(&self, caller: &Caller) -> Result<Vec<SharingPair>, Error> {
        caller.must(Right::Administer)?;
        let mut peers = self.store().peers().await?;
        peers.retain(|peer| peer.state != PeerState::Left);
        Ok(peers.iter().map(|peer| self.pair(&peer.city)).collect())
    }

    /// Brings the agreement with a peer into line with a change of its state: who is approved has one from then on, and with who
    /// leaves it ends. `audience` is what an approval names; unspecified: as it is.
    pub(crate) async fn agree_by_state(
        &self,
        tx: &mut Tx,
        before: PeerState,
        peer: &Peer,
        audience: Audience,
        by: Subject,
    ) -> Result<(), Error> {
        let present = tx.sharing_agreement(&peer.city).await?;
        let now = self.now();
        let holds = |present: &SharingAgreement| sharing::in_force(present, &peer.city, now).is_ok();
        let next = match (peer.state, present) {
            (PeerState::Active, None) => Some(sharing::by_default(&peer.city, peer.audience)),
            // It was approved before and left: what was agreed then does not come back.
            (PeerState::Active, Some(present)) if before == PeerState::Invited && has_ended(&present, peer, now) => {
                Some(sharing::by_default(&peer.city, peer.audience))
            }
            (PeerState::Active, Some(present)) => {
                let is_another = audience != Audience::Unspecified && present.audience() != audience;
                is_another.then(|| SharingAgreement { audience: audience.into(), ..present })
            }
            (PeerState::Left, Some(present)) if holds(&present) => {
                Some(SharingAgreement { valid_until_time: Some(to_timestamp(now)), ..present })
            }
            _ => None,
        };
        if let Some(next) = next {
            let kept = tx.set_sharing_agreement(&peer.city, &next, by.id(), now).await?;
            let action =
                if peer.state == PeerState::Left { AuditAction::SharingWithdrawn } else { AuditAction::SharingSet };
            tx.audit(self.event(by, action).with_peer(&peer.city).saying(&kept.etag));
        }
        Ok(())
    }

    /// Takes over the agreements that are stored.
    pub(crate) async fn reload_sharing(&self) -> Result<(), Error> {
        self.inner.sharing.set(self.store().sharing_agreements().await?).map_err(Error::internal)
    }

    /// What a peer gets to see of the agreement with it.
    pub(crate) fn agreement_for_peer(&self, peer: &CityId) -> Option<SharingAgreement> {
        let agreement = self.inner.sharing.with(peer)?;
        Some(SharingAgreement { author: String::new(), ..(*agreement).clone() })
    }

    fn pair(&self, city: &CityId) -> SharingPair {
        let granted = self.inner.sharing.with(city);
        let now = self.now();
        SharingPair {
            city: city.to_string(),
            granted_in_force: granted.as_ref().is_some_and(|one| sharing::in_force(one, city, now).is_ok())
                && self.must_be_active(city).is_ok(),
            granted: granted.map(|one| (*one).clone()),
            received: self.federation().health(city).sharing_agreement,
        }
    }

    async fn keep_agreement(
        &self,
        tx: &mut Tx,
        peer: Peer,
        agreement: &SharingAgreement,
        author: &str,
    ) -> Result<SharingAgreement, Error> {
        // What approval would grant next time is what is granted now.
        let peer = Peer { audience: agreement.audience(), ..peer };
        tx.put_peer(&peer).await?;
        Ok(tx.set_sharing_agreement(&peer.city, agreement, author, self.now()).await?)
    }

    async fn known_peer(&self, city: &str) -> Result<Peer, Error> {
        self.store().peer(&parsed(city)?).await?.ok_or_else(|| Error::PeerUnknown(city.to_owned()))
    }

    fn rates_of(&self, peer: &CityId) -> Option<isopolity_proto::admin::SharingRates> {
        self.inner.sharing.with(peer).and_then(|agreement| agreement.rates)
    }
}

fn has_ended(agreement: &SharingAgreement, peer: &Peer, now: time::OffsetDateTime) -> bool {
    matches!(sharing::in_force(agreement, &peer.city, now), Err(Refusal::Ended(..)))
}

/// The agreement with what is left open filled in.
fn settled(agreement: SharingAgreement) -> SharingAgreement {
    let granularity = match agreement.granularity() {
        Granularity::Unspecified => Granularity::Records,
        granularity => granularity,
    };
    SharingAgreement { granularity: granularity.into(), note: agreement.note.trim().to_owned(), ..agreement }
}

/// The agreement without what the node sets.
fn content(agreement: &SharingAgreement) -> SharingAgreement {
    SharingAgreement { etag: String::new(), update_time: None, author: String::new(), ..agreement.clone() }
}

fn parsed(city: &str) -> Result<CityId, Violation> {
    city.parse().map_err(|error: CityIdError| Violation::invalid("city", error.to_string()))
}

fn refused(refusal: Refusal) -> Error {
    match refusal.violation() {
        Some(violation) => violation.into(),
        None => Error::NotShared(refusal),
    }
}

fn exceeded(exceeded: &Exceeded) -> Error {
    // To the second, and never at once: who comes back too early is refused again.
    let retry_after = Duration::from_secs(exceeded.retry_after.as_secs() + 1);
    Error::RateExceeded { what: exceeded.to_string(), retry_after }
}
