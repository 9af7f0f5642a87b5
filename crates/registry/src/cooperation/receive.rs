//! Events that other cities send, and those that they ask for.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use isopolity_domain::{
    CityId, Violation,
    clock::to_timestamp,
    cooperation::{
        CooperationName, EventError, Hash, Received, Verified, countersign, participation, receive_ordered,
        receive_submission, seal_receipt,
    },
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{Cooperation, Fork, NoticeKind, Proposal, WatchInboxResponse, cooperation_event::Action},
    error::Reason,
    federation::{
        CooperationReceipt, DeliverEventsRequest, DeliverEventsResponse, DeliveryOutcome, DeliveryResult, Envelope,
        FetchEventsRequest, FetchEventsResponse,
    },
};
use prost::Message as _;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    keep::Origin,
    keys::may_pass,
    named,
    outbox::{Parcel, others},
    unit::{Unit, decoded},
};
use crate::{Error, Registry, author::NODE};

/// The most events in one call, and the most bytes of them.
pub(super) const EVENTS_AT_ONCE: usize = 100;
pub(super) const BYTES_AT_ONCE: usize = 512 << 10;
/// For how long events of one call are kept: whoever sends them waits for an answer, and hears of none if it waits in vain.
const KEEPING: Duration = Duration::from_secs(5);
/// The most cooperations of one host that may be open here.
const OPEN_MAX: u64 = 1_000;

impl Registry {
    /// Receives events of a cooperation from a peer. Each is kept with everything that follows from it and a receipt, in one
    /// transaction; the first that can't be kept ends the call, and so does the first that is kept after five seconds.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`] and the like, [`Error::Invalid`] for too many or too large events, [`Error::NotFound`] for a cooperation
    /// in which the peer does not take part, or what the store says. What was kept before stays kept: it may all be sent again.
    pub async fn receive_events(
        &self,
        peer: &CityId,
        request: DeliverEventsRequest,
    ) -> Result<DeliverEventsResponse, Error> {
        self.receive_within(peer, request, KEEPING).await
    }

    async fn receive_within(
        &self,
        peer: &CityId,
        request: DeliverEventsRequest,
        within: Duration,
    ) -> Result<DeliverEventsResponse, Error> {
        self.must_be_active(peer)?;
        let name = named_as(&request.cooperation, "cooperation")?;
        let count = request.events.len();
        if !(1..=EVENTS_AT_ONCE).contains(&count) {
            return Err(Violation::invalid("events", format!("are {count}, not 1 to {EVENTS_AT_ONCE}")).into());
        }
        let bytes: usize = request.events.iter().map(Envelope::encoded_len).sum();
        if bytes > BYTES_AT_ONCE {
            let what = format!("have {bytes} bytes together; at most {BYTES_AT_ONCE} are allowed");
            return Err(Violation::invalid("events", what).into());
        }
        if let Some(row) = self.store().cooperation(&name.to_string()).await?
            && (row.sequence > 0 && !row.participants.contains(peer))
        {
            return Err(Error::NotFound(name.to_string()));
        }
        let mut results = Vec::with_capacity(count);
        let begun = Instant::now();
        for envelope in &request.events {
            let result = self.receive_event(peer, &name, envelope).await?;
            let is_kept = result.outcome() == DeliveryOutcome::Kept;
            if !is_kept {
                info!(
                    peer.city = %peer,
                    cooperation.name = %name,
                    delivery.outcome = result.outcome().as_str_name(),
                    delivery.description = result.description,
                    "an event was not taken"
                );
            }
            results.push(result);
            if !is_kept || begun.elapsed() >= within {
                break;
            }
        }
        Ok(DeliverEventsResponse { results })
    }

    /// Events of a cooperation for a participant, in order, as many as go into one message.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`] and the like, [`Error::NotFound`] if the peer does not take part, or what the store says.
    pub async fn events_for_peer(
        &self,
        peer: &CityId,
        request: &FetchEventsRequest,
    ) -> Result<FetchEventsResponse, Error> {
        self.must_be_active(peer)?;
        let name = named_as(&request.cooperation, "cooperation")?.to_string();
        let row = self.store().cooperation(&name).await?;
        if row.is_none_or(|row| row.sequence == 0 || !row.participants.contains(peer)) {
            return Err(Error::NotFound(name));
        }
        let after = request.after_sequence.max(0);
        let rows = self.store().cooperation_events(&name, after, EVENTS_AT_ONCE as u64).await?;
        let mut events = Vec::with_capacity(rows.len());
        let mut room = BYTES_AT_ONCE;
        for row in rows {
            if row.envelope.len() > room {
                break;
            }
            room -= row.envelope.len();
            events.push(Envelope::decode(row.envelope).map_err(Error::internal)?);
        }
        Ok(FetchEventsResponse { events })
    }

    /// Receives one event from a peer, in a transaction of its own.
    pub(super) async fn receive_event(
        &self,
        peer: &CityId,
        name: &CooperationName,
        envelope: &Envelope,
    ) -> Result<DeliveryResult, Error> {
        let opened = match self.opened(envelope).await? {
            Ok(opened) => opened,
            Err(error) => return Ok(unbelieved(&error)),
        };
        let event = opened.verified;
        if event.event.cooperation != name.to_string() {
            return Ok(refused(Reason::EventInvalid, "it is an event of another cooperation"));
        }
        let mut unit = self.begin_unit("receive event").await?;
        let row = unit.tx.cooperation(&name.to_string()).await?;
        let known = unit.tx.event_at(&name.to_string(), event.event.sequence).await?;
        let ours = row.as_ref().map(decoded).transpose()?;
        let known_hash = known.as_ref().map(|known| known.hash);
        if opened.ordered {
            let ours = match (ours, &event.event.action) {
                (Some(ours), _) if ours.sequence > 0 && participation(&ours, peer.as_str()).is_none() => {
                    return Err(Error::NotFound(name.to_string()));
                }
                (Some(ours), _) if ours.sequence > 0 => Some(ours),
                (Some(_draft), _) => return Ok(refused(Reason::EventInvalid, "here it is not proposed yet")),
                (None, Some(Action::Proposal(proposal))) => {
                    if let Some(result) = self.unwanted(&mut unit, peer, name, proposal).await? {
                        return Ok(result);
                    }
                    None
                }
                (None, _) => return Ok(early(1)),
            };
            let received = receive_ordered(ours.as_ref(), known_hash.as_ref(), &event);
            let known = known.map(|known| known.envelope);
            return Box::pin(self.ordered(unit, peer, ours, &event, envelope, known, received)).await;
        }
        let Some(ours) = ours.filter(|ours| ours.sequence > 0 && name.host() == self.city()) else {
            let what =
                "a step that is no part of the history yet is for the host alone, which does not have this cooperation";
            return Ok(refused(Reason::ResourceNotFound, what));
        };
        if event.event.city != peer.as_str() || participation(&ours, peer.as_str()).is_none() {
            return Ok(refused(Reason::EventInvalid, "a city hands in its own steps, where it takes part"));
        }
        let received = receive_submission(&ours, known_hash.as_ref(), &event);
        let known = known.map(|known| known.envelope);
        Box::pin(self.submitted(unit, peer, ours, &event, envelope, known, received)).await
    }

    /// What comes of an event with the host's signature.
    #[expect(clippy::too_many_arguments, reason = "all that is known of one event")]
    async fn ordered(
        &self,
        mut unit: Unit,
        peer: &CityId,
        ours: Option<Cooperation>,
        event: &Verified,
        envelope: &Envelope,
        known: Option<Bytes>,
        received: Received,
    ) -> Result<DeliveryResult, Error> {
        match received {
            Received::Kept(after) => {
                Box::pin(self.keep(&mut unit, ours.as_ref(), *after, event, envelope, Origin::From(peer))).await?;
                self.finish(unit).await?;
                Ok(self.kept(peer, event, None))
            }
            Received::Known => Ok(self.kept(peer, event, None)),
            Received::Forked => {
                let known = known.ok_or_else(|| Error::internal("a fork has two events"))?;
                let ours = ours.ok_or_else(|| Error::internal("a fork has a history"))?;
                let conflicting = Envelope::decode(known.clone()).map_err(Error::internal)?;
                Box::pin(self.found_fork(unit, peer, ours, event, known, envelope.encode_to_vec().into())).await?;
                Ok(DeliveryResult {
                    outcome: DeliveryOutcome::Forked.into(),
                    reason: Reason::HistoryForked.into(),
                    description: "another event with the host's signature has its place here".to_owned(),
                    event: Some(conflicting),
                    ..Default::default()
                })
            }
            other => Ok(not_kept(&other)),
        }
    }

    /// What comes of a participant's step, at the host.
    #[expect(clippy::too_many_arguments, reason = "all that is known of one event")]
    async fn submitted(
        &self,
        mut unit: Unit,
        peer: &CityId,
        ours: Cooperation,
        event: &Verified,
        envelope: &Envelope,
        known: Option<Bytes>,
        received: Received,
    ) -> Result<DeliveryResult, Error> {
        match received {
            Received::Kept(after) => {
                let mut envelope = envelope.clone();
                countersign(&mut envelope, &self.identity().record_key());
                Box::pin(self.keep(&mut unit, Some(&ours), *after, event, &envelope, Origin::Submitted)).await?;
                self.finish(unit).await?;
                Ok(self.kept(peer, event, Some(envelope)))
            }
            Received::Known => {
                let known = known.ok_or_else(|| Error::internal("an event that is known is kept"))?;
                Ok(self.kept(peer, event, Some(Envelope::decode(known).map_err(Error::internal)?)))
            }
            other => Ok(not_kept(&other)),
        }
    }

    /// Why a cooperation that is new here is not taken, if it is not.
    async fn unwanted(
        &self,
        unit: &mut Unit,
        peer: &CityId,
        name: &CooperationName,
        proposal: &Proposal,
    ) -> Result<Option<DeliveryResult>, Error> {
        let takes_part =
            |city: &CityId| city == name.host() || proposal.participants.iter().any(|one| one == city.as_str());
        if !takes_part(self.city()) || !takes_part(peer) {
            let what = "this city and the one that sends it do not both take part in it";
            return Ok(Some(refused(Reason::EventInvalid, what)));
        }
        if unit.tx.count_open_hosted_by(name.host()).await? >= OPEN_MAX {
            let what = format!("{OPEN_MAX} cooperations of {} are open here: end some of them first", name.host());
            return Ok(Some(result(DeliveryOutcome::Later, Reason::CooperationFull, what)));
        }
        Ok(None)
    }

    /// Keeps the proof that the host put two events in one place. Nothing more is taken from it.
    async fn found_fork(
        &self,
        mut unit: Unit,
        peer: &CityId,
        ours: Cooperation,
        event: &Verified,
        known: Bytes,
        other: Bytes,
    ) -> Result<(), Error> {
        if ours.fork.is_some() {
            return Ok(());
        }
        let name: CooperationName = ours.name.parse().map_err(Error::internal)?;
        let fork = Fork {
            sequence: event.event.sequence,
            known,
            other: other.clone(),
            shown_by: peer.to_string(),
            find_time: Some(to_timestamp(self.now())),
        };
        let after = Cooperation { fork: Some(fork), ..ours };
        self.put(&mut unit.tx, &after).await?;
        // To those who may have been shown only the one that is known here: it proves the fork to them too.
        let to = others(&after, &[self.city(), peer, name.host()]).into_iter();
        self.enqueue(&mut unit.tx, to, event, &other, Parcel::Relay).await?;
        self.reconsider_pending(&mut unit, &name, &after).await?;
        let found = self.event(NODE, AuditAction::CooperationForkFound).about(&name).with_peer(name.host());
        unit.tx.audit(found.saying(&format!("event {}, shown by {peer}", event.event.sequence)));
        self.mail_fork(&mut unit.tx, &after.name, event.event.sequence).await?;
        unit.notices.push(WatchInboxResponse {
            kind: NoticeKind::Fork.into(),
            cooperation: after.name.clone(),
            sequence: after.sequence,
            ..Default::default()
        });
        self.finish(unit).await?;
        warn!(
            cooperation.name = %name,
            cooperation.sequence = event.event.sequence,
            peer.city = %name.host(),
            "the host put two different events in one place; nothing more is taken from this history"
        );
        Ok(())
    }

    fn kept(&self, sender: &CityId, event: &Verified, envelope: Option<Envelope>) -> DeliveryResult {
        let receipt = CooperationReceipt {
            cooperation: event.event.cooperation.clone(),
            sequence: event.event.sequence,
            event_hash: Bytes::copy_from_slice(hash(event)),
            receiver: self.city().to_string(),
            sender: sender.to_string(),
            time: Some(to_timestamp(self.now())),
        };
        DeliveryResult {
            outcome: DeliveryOutcome::Kept.into(),
            receipt: Some(seal_receipt(&receipt, &self.identity().record_key())),
            event: envelope,
            ..Default::default()
        }
    }
}

fn hash(event: &Verified) -> &Hash {
    &event.hash
}

fn named_as(name: &str, field: &str) -> Result<CooperationName, Error> {
    named(name).map_err(|violation| Violation { field: field.to_owned(), ..violation }.into())
}

fn unbelieved(error: &EventError) -> DeliveryResult {
    if may_pass(error) {
        result(DeliveryOutcome::Later, Reason::SignerUnknown, error.to_string())
    } else {
        result(DeliveryOutcome::Refused, error.reason(), error.to_string())
    }
}

/// What was not kept, but for forks.
fn not_kept(received: &Received) -> DeliveryResult {
    match received {
        Received::Early { next } => early(*next),
        Received::Overtaken { next } => {
            DeliveryResult { outcome: DeliveryOutcome::Overtaken.into(), next_sequence: *next, ..Default::default() }
        }
        Received::Refused(refusal) => refused(refusal.reason(), &refusal.to_string()),
        Received::Kept(_) | Received::Known | Received::Forked => {
            result(DeliveryOutcome::Later, Reason::Internal, "a fault of this node".to_owned())
        }
    }
}

fn early(next: i64) -> DeliveryResult {
    DeliveryResult { outcome: DeliveryOutcome::Early.into(), next_sequence: next, ..Default::default() }
}

fn refused(reason: Reason, what: &str) -> DeliveryResult {
    result(DeliveryOutcome::Refused, reason, what.to_owned())
}

fn result(outcome: DeliveryOutcome, reason: Reason, description: String) -> DeliveryResult {
    DeliveryResult { outcome: outcome.into(), reason: reason.into(), description, ..Default::default() }
}
