//! An event becomes part of a history: with everything that follows from it, in one transaction.

use bytes::Bytes;
use isopolity_domain::{
    CityId,
    cooperation::{self, CooperationName, Move, Verified},
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{Cooperation, NoticeKind, WatchInboxResponse},
    federation::Envelope,
};
use isopolity_store::EventRow;
use prost::Message as _;

use super::{
    outbox::{Parcel, others},
    unit::{Unit, pending},
};
use crate::{Error, Registry};

/// By which way an event came to be part of the history here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// This city is the host, and acts.
    Own,
    /// This city is the host, and has put a participant's step in its place.
    Submitted,
    /// It came with the host's signature, from this city.
    From(&'a CityId),
}

impl Registry {
    /// Keeps an event that `after` has come of: the event, the cooperation, what follows for this city's records, what is to be
    /// delivered, and what becomes of steps of this city that are on their way.
    pub(super) async fn keep(
        &self,
        unit: &mut Unit,
        before: Option<&Cooperation>,
        mut after: Cooperation,
        event: &Verified,
        envelope: &Envelope,
        origin: Origin<'_>,
    ) -> Result<Cooperation, Error> {
        let name: CooperationName = after.name.parse().map_err(Error::internal)?;
        let city: CityId = event.event.city.parse().map_err(Error::internal)?;
        let (now, bytes) = (self.now(), Bytes::from(envelope.encode_to_vec()));
        let row = EventRow {
            cooperation: after.name.clone(),
            sequence: event.event.sequence,
            hash: event.hash,
            city: city.clone(),
            envelope: bytes.clone(),
            keep_time: now,
        };
        if !unit.tx.append_event(&row).await? {
            return Err(Error::internal(format!("{name} has an event {} already", event.event.sequence)));
        }
        Box::pin(self.effects(unit, &mut after, &event.event)).await?;
        self.put(&mut unit.tx, &after).await?;

        let own = self.city();
        match origin {
            Origin::Own | Origin::Submitted => {
                let to = others(&after, &[own]).into_iter();
                self.enqueue(&mut unit.tx, to, event, &bytes, Parcel::Ordered).await?;
            }
            Origin::From(sender) if sender == name.host() => {
                let to = others(&after, &[own, sender]).into_iter();
                self.enqueue(&mut unit.tx, to, event, &bytes, Parcel::Relay).await?;
            }
            // What was passed on is not passed on again.
            Origin::From(_) => {}
        }
        let waited = match before {
            Some(before) => {
                let steps = unit.tx.pending_steps(&before.name).await?.iter().map(pending).collect::<Result<_, _>>()?;
                cooperation::waitings(&Cooperation { pending_steps: steps, ..before.clone() }, own, now)
            }
            None => Vec::new(),
        };
        Box::pin(self.reconsider_pending(unit, &name, &after)).await?;
        after.pending_steps =
            unit.tx.pending_steps(&after.name).await?.iter().map(pending).collect::<Result<_, _>>()?;
        let waitings = cooperation::waitings(&after, own, now);
        self.mail_waiting(&mut unit.tx, &waited, &waitings).await?;
        unit.notices.push(WatchInboxResponse {
            kind: NoticeKind::Event.into(),
            cooperation: after.name.clone(),
            sequence: after.sequence,
            event: Some(event.event.clone()),
            waitings: waitings.into_iter().filter(|one| one.city == own.as_str()).collect(),
        });
        if city != *own {
            let step = event.event.action.as_ref().map_or("", |action| Move::of(action).as_str());
            let sender = if let Origin::From(sender) = origin { sender } else { &city };
            let received =
                self.event(isopolity_domain::audit::Subject::peer(sender), AuditAction::CooperationEventReceived);
            unit.tx.audit(received.about(&name).with_peer(&city).saying(step));
        }
        Ok(after)
    }

    /// Tells that something of a cooperation changed for this city alone, and mails what newly waits.
    pub(super) async fn noticed(
        &self,
        unit: &mut Unit,
        kind: NoticeKind,
        before: &Cooperation,
        after: &Cooperation,
    ) -> Result<(), Error> {
        let (own, now) = (self.city(), self.now());
        let waited = cooperation::waitings(before, own, now);
        let waitings = cooperation::waitings(after, own, now);
        self.mail_waiting(&mut unit.tx, &waited, &waitings).await?;
        unit.notices.push(WatchInboxResponse {
            kind: kind.into(),
            cooperation: after.name.clone(),
            sequence: after.sequence,
            event: None,
            waitings: waitings.into_iter().filter(|one| one.city == own.as_str()).collect(),
        });
        Ok(())
    }
}
