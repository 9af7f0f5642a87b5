//! Seeing one another's logs, so that nobody rewrites one unnoticed.
//!
//! Whenever a node tends its peers it reads how far each one's log goes, with the digests that lead there from what it saw
//! before. What follows is kept and answered with a signed receipt, which the peer keeps. What does not is named on both sides: here
//! in the list of peers, there by an objection that holds the head which the peer once signed itself.
//!
//! Both also tell what they have seen of cities that both know. So a city that shows each of them a log of its own is found out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use isopolity_domain::{
    CityId, Violation,
    audit::{
        Chain,
        head::{self, Claim, Contradiction},
    },
    envelope::EnvelopeError,
};
use isopolity_federation::PeerSettings;
use isopolity_proto::{
    admin::{AuditAction, PeerState},
    error::Reason,
    federation::{
        AuditHead, AuditOutcome, Envelope, GetAuditHeadRequest, GetAuditHeadResponse, WitnessAuditHeadRequest,
    },
};
use isopolity_store::SeenHead;
use prost::Message as _;
use tracing::{debug, error};

use super::read::envelope;
use crate::{Error, Registry, author::NODE};

/// As many entries are passed over at once.
const DIGESTS: i64 = 4_096;
/// How many heads of other cities' logs are compared at once.
const COMPARED: usize = 64;
/// Claims that are kept of one city.
const CLAIMS: usize = 64;
/// How many times the log is followed on at once: so much of it is passed over in one visit.
const STEPS: usize = 250;
/// How long a peer may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest objection, in characters.
const OBJECTION_MAX: usize = 500;

/// What others say that they were shown of a city's log, until it was compared.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<BTreeMap<CityId, Vec<(Claim, Envelope)>>>);

impl Claims {
    fn add(&self, city: &CityId, claim: Claim, head: Envelope) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let claims = all.entry(city.clone()).or_default();
        if claims.len() < CLAIMS && !claims.iter().any(|(known, _)| known.chain == claim.chain) {
            claims.push((claim, head));
        }
    }

    fn take(&self, city: &CityId) -> Vec<(Claim, Envelope)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(city).unwrap_or_default()
    }
}

/// Why a peer's log was not witnessed.
enum Unseen {
    /// It is not to be believed.
    Wrong(Contradiction, Option<Envelope>),
    /// It could not be looked at.
    Fault(String),
}

impl From<Contradiction> for Unseen {
    fn from(wrong: Contradiction) -> Self {
        Self::Wrong(wrong, None)
    }
}

impl From<Error> for Unseen {
    fn from(error: Error) -> Self {
        Self::Fault(crate::error::with_causes(&error))
    }
}

impl From<isopolity_store::StoreError> for Unseen {
    fn from(error: isopolity_store::StoreError) -> Self {
        Error::from(error).into()
    }
}

impl Registry {
    /// How far this city's log goes, for a peer, and what leads there from what the peer saw before.
    ///
    /// # Errors
    /// As [`Registry::answer`], and [`Error::Invalid`] with too many heads.
    pub async fn audit_head_for_peer(
        &self,
        peer: &CityId,
        request: &GetAuditHeadRequest,
    ) -> Result<GetAuditHeadResponse, Error> {
        self.must_be_active(peer)?;
        if request.seen.len() > COMPARED {
            return Err(Violation::invalid("seen", format!("has more than {COMPARED} values")).into());
        }
        let end = self.store().audit_chain().await?.head;
        let after = request.after_sequence;
        let (head, entry_digests) = if after <= 0 || after >= end.sequence {
            (end, Bytes::new())
        } else {
            let count = (end.sequence - after).min(DIGESTS);
            let digests = self.store().audit_digests(after, u64::try_from(count).unwrap_or_default()).await?;
            let last = self.store().audit_point(after + count).await?;
            let whole = i64::try_from(digests.len()) == Ok(count);
            let head = last.filter(|_| whole).ok_or_else(|| Error::internal("the audit log has gaps"))?;
            (head, Bytes::from(digests.concat()))
        };
        let mut seen = Vec::new();
        for envelope in &request.seen {
            if let Some(city) = self.compare_heads(peer, envelope).await?
                && let Some(own) = self.store().seen_head(&city, i64::MAX).await?
            {
                seen.extend(super::read::envelope(Some(&own.envelope))?);
            }
        }
        Ok(GetAuditHeadResponse {
            head: Some(self.sign_audit_head(head)),
            entry_digests,
            seen,
            more: head.sequence < end.sequence,
        })
    }

    /// Keeps what a peer says of this city's log.
    ///
    /// # Errors
    /// As [`Registry::answer`]; [`Error::Invalid`] with the reason `AUDIT_RECEIPT_INVALID` for a receipt that is not good or for
    /// another log, and for an objection that nothing proves.
    pub async fn witnessed_by_peer(&self, peer: &CityId, request: &WitnessAuditHeadRequest) -> Result<(), Error> {
        self.must_be_active(peer)?;
        let settings = self.federation().get(peer).ok_or_else(|| Error::PeerUnknown(peer.to_string()))?;
        let bad = |field: &str, description: String| {
            Error::from(Violation { field: field.to_owned(), reason: Reason::AuditReceiptInvalid, description })
        };
        if let Some(receipt) = &request.receipt {
            let (_, chain) = head::open_receipt(receipt, self.city(), peer, &settings.bundle.keys)
                .map_err(|error| bad("receipt", error.to_string()))?;
            if self.store().audit_point(chain.sequence).await? != Some(chain) {
                return Err(bad("receipt", format!("this city's log has another entry {}, or none", chain.sequence)));
            }
            let mut tx = self.store().begin("keep receipt").await?;
            let mut known = tx.witness(peer).await?;
            if chain.sequence >= known.receipt_sequence {
                known.receipt_sequence = chain.sequence;
                known.receipt = Some(Bytes::from(receipt.encode_to_vec()));
                tx.put_witness(&known).await?;
                tx.commit().await?;
            }
            return Ok(());
        }
        let contradicted = request.contradicted.as_ref().ok_or_else(|| {
            bad("contradicted", "must hold the head that this city signed, or there must be a receipt".to_owned())
        })?;
        let keys = self.own_keys();
        let (_, chain) = head::open_head(contradicted, self.city(), &keys)
            .map_err(|error| bad("contradicted", error.to_string()))?;
        if self.store().audit_point(chain.sequence).await? == Some(chain) {
            return Err(bad("contradicted", format!("this city's log does hold that entry {}", chain.sequence)));
        }
        let objection: String = request.objection.chars().take(OBJECTION_MAX).collect();
        let text = format!(
            "{peer} objects to this city's own audit log, which does not hold entry {} as this city signed it: {objection}",
            chain.sequence
        );
        self.contradicted(peer, text, contradicted).await
    }

    /// Looks at the log of a peer, keeps what was seen, and tells the peer.
    pub(crate) async fn witness_peer(&self, settings: &PeerSettings) {
        let city = &settings.city;
        let claims = self.inner.claims.take(city);
        let answer = match self.look_at_log(settings, &claims).await {
            Ok(None) => return,
            Ok(Some(chain)) => {
                let key = self.identity().record_key();
                let receipt = head::sign_receipt(city, self.city(), chain, self.now(), &key);
                WitnessAuditHeadRequest { receipt: Some(receipt), ..Default::default() }
            }
            Err(Unseen::Fault(description)) => {
                // What was not compared is compared another time.
                for (claim, head) in claims {
                    self.inner.claims.add(city, claim, head);
                }
                debug!(peer.city = %city, %description, "the peer's audit log was not looked at");
                return;
            }
            Err(Unseen::Wrong(wrong, proof)) => {
                let reason = match wrong {
                    Contradiction::Split { .. } => Reason::AuditLogSplit,
                    _ => Reason::AuditLogRewritten,
                };
                self.federation().audit_log_contradicts(city, reason, &wrong.to_string());
                let proof = proof.unwrap_or_default();
                if let Err(fault) = self.contradicted(city, wrong.to_string(), &proof).await {
                    error!(error = %crate::error::with_causes(&fault), "a contradiction can't be kept");
                }
                WitnessAuditHeadRequest { receipt: None, objection: wrong.to_string(), contradicted: Some(proof) }
            }
        };
        if let Err(error) = self.federation().witness_audit_head(city, answer, PATIENCE).await {
            debug!(peer.city = %city, error = %error.description, "the peer did not take what was said of its audit log");
        }
    }

    /// Follows a peer's log from what was seen before to its end. `None`: it has no entries yet.
    async fn look_at_log(
        &self,
        settings: &PeerSettings,
        claims: &[(Claim, Envelope)],
    ) -> Result<Option<Chain>, Unseen> {
        let city = &settings.city;
        let seen = self.store().seen_head(city, i64::MAX).await?;
        let known = seen.as_ref().map(|seen| seen.chain);
        // Begin before the first claim, where that is possible.
        let first = claims.iter().map(|(claim, _)| claim.chain.sequence).min().unwrap_or(i64::MAX);
        let earlier = self.store().seen_head(city, first).await?.map(|seen| seen.chain);
        let begin = match (earlier, known) {
            (Some(earlier), Some(known)) if first < known.sequence => Some(earlier),
            (_, known) => known,
        };
        let mut compared: Vec<Claim> = claims.iter().map(|(claim, _)| claim.clone()).collect();
        // On the way it must pass what was seen here.
        let here = self.city().to_string();
        compared.extend(known.filter(|_| begin != known).map(|chain| Claim { chain, shown_to: here.clone() }));
        let mut at = begin;
        let mut others = self.heads_for_comparison(city).await?;
        let mut latest = None;
        for _ in 0..STEPS {
            let request = GetAuditHeadRequest {
                after_sequence: at.map_or(0, |chain| chain.sequence),
                seen: std::mem::take(&mut others),
            };
            let answer = self.federation().get_audit_head(city, request, PATIENCE).await;
            let GetAuditHeadResponse { head, entry_digests, seen: told, more } =
                answer.map_err(|error| Unseen::Fault(error.description))?;
            for envelope in told.iter().take(COMPARED) {
                self.compare_heads(city, envelope).await?;
            }
            let head = head.unwrap_or_default();
            let opened = head::open_head(&head, city, &settings.bundle.keys);
            if let Err(EnvelopeError::UnknownKey(key)) = &opened {
                // It has rotated its key since the bundle that is held: that comes first, and is no sin.
                return Err(Unseen::Fault(format!("it signs with key {key}, of a bundle that is not held yet")));
            }
            let (_, end) = opened.map_err(Contradiction::from)?;
            let followed = match at {
                Some(at) => head::follow(at, &entry_digests, end, &compared),
                // It is seen for the first time.
                None => head::follow(end, &[], end, &compared),
            };
            if let Err(wrong) = followed {
                return Err(wrong_with_proof(wrong, &here, claims, seen.as_ref())?);
            }
            at = Some(end);
            latest = Some((end, head));
            if !more {
                break;
            }
        }
        let Some((end, head)) = latest else { return Ok(None) };
        if known.is_none_or(|known| known.sequence < end.sequence) && end.sequence > 0 {
            let mut tx = self.store().begin("keep seen head").await?;
            let envelope = Bytes::from(head.encode_to_vec());
            tx.put_seen_head(&SeenHead { city: city.clone(), chain: end, envelope }).await?;
            tx.commit().await?;
        }
        // A receipt costs little: it is sent each time, so that one that got lost is made good.
        Ok((end.sequence > 0).then_some(end))
    }

    /// Heads of other cities' logs, to be compared with what a peer has seen of them.
    async fn heads_for_comparison(&self, peer: &CityId) -> Result<Vec<Envelope>, Error> {
        let mut heads = Vec::new();
        for other in self.federation().all() {
            if other.city == *peer || other.state != PeerState::Active || heads.len() >= COMPARED {
                continue;
            }
            if let Some(seen) = self.store().seen_head(&other.city, i64::MAX).await? {
                heads.extend(envelope(Some(&seen.envelope))?);
            }
        }
        Ok(heads)
    }

    /// Compares a head that a peer was shown of a third city's log with what was seen of it here. Returns the city if it is a peer
    /// whose log it truly is.
    async fn compare_heads(&self, shown_to: &CityId, envelope: &Envelope) -> Result<Option<CityId>, Error> {
        let said = AuditHead::decode(envelope.payload.clone()).ok();
        let city = said.and_then(|head| head.city.parse::<CityId>().ok());
        let Some(settings) = city.and_then(|city| self.federation().get(&city)) else { return Ok(None) };
        let city = settings.city;
        if city == *shown_to {
            return Ok(None);
        }
        // What the city did not sign says nothing of it.
        let Ok((_, chain)) = head::open_head(envelope, &city, &settings.bundle.keys) else { return Ok(None) };
        let here = self.store().seen_head(&city, chain.sequence).await?;
        match here.filter(|here| here.chain.sequence == chain.sequence) {
            Some(here) if here.chain == chain => {}
            Some(_) => {
                let wrong = Contradiction::Split { sequence: chain.sequence, other: shown_to.to_string() };
                self.federation().audit_log_contradicts(&city, Reason::AuditLogSplit, &wrong.to_string());
                self.contradicted(&city, wrong.to_string(), envelope).await?;
            }
            None => {
                let claim = Claim { chain, shown_to: shown_to.to_string() };
                self.inner.claims.add(&city, claim, envelope.clone());
            }
        }
        Ok(Some(city))
    }

    /// Keeps and logs what does not agree between this city and a peer about a log. The first that was found stays.
    async fn contradicted(&self, peer: &CityId, text: String, proof: &Envelope) -> Result<(), Error> {
        error!(peer.city = %peer, audit.contradiction = text, "an audit log does not agree with what was seen of it");
        let mut tx = self.store().begin("keep contradiction").await?;
        let mut known = tx.witness(peer).await?;
        if known.contradiction.is_empty() {
            let event = self.event(NODE, AuditAction::LogContradicted).with_peer(peer).saying(&text);
            tx.audit(event.came_to(AuditOutcome::Failed, Reason::AuditLogRewritten));
            known.contradiction = text;
            known.contradiction_time = Some(self.now());
            known.contradiction_proof = Some(Bytes::from(proof.encode_to_vec()));
            tx.put_witness(&known).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The public keys with which this city signs, or signed before.
    fn own_keys(&self) -> isopolity_domain::envelope::Keys {
        self.identity().record_keys().iter().map(|key| (key.id(), key.public)).collect()
    }
}

/// The contradiction with the head that proves it: the one that was seen here, or the one that somebody else was shown.
fn wrong_with_proof(
    wrong: Contradiction,
    here: &str,
    claims: &[(Claim, Envelope)],
    seen: Option<&SeenHead>,
) -> Result<Unseen, Error> {
    let own = envelope(seen.map(|seen| &seen.envelope))?;
    Ok(match wrong {
        Contradiction::Split { sequence, other } if other == here => {
            Unseen::Wrong(Contradiction::Rewritten { sequence }, own)
        }
        Contradiction::Split { sequence, ref other } => {
            let shown = claims.iter().find(|(claim, _)| claim.chain.sequence == sequence && claim.shown_to == *other);
            Unseen::Wrong(wrong.clone(), shown.map(|(_, head)| head.clone()))
        }
        wrong => Unseen::Wrong(wrong, own),
    })
}
