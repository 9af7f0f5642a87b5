//! Steps of this city that are not part of a history yet: what becomes of them when the history goes on.

use isopolity_domain::{
    clock::to_timestamp,
    cooperation::{CooperationName, Reconsidered, Refusal, Verified, next_event, reconsider, seal_event},
};
use isopolity_proto::{
    cooperation::{Cooperation, CooperationEvent, NoticeKind, PendingState, PendingStep, Step, WatchInboxResponse},
    federation::Envelope,
};
use isopolity_store::{DeliveryRow, PendingRow};
use prost::Message as _;
use tracing::info;
use uuid::Uuid;

use super::{
    outbox::Parcel,
    unit::{Unit, decoded, pending},
};
use crate::{Caller, Error, Registry};

/// The most steps of one cooperation that wait.
const PENDING_MAX: usize = 100;

impl Registry {
    /// Looks at each step that waits in the light of a history that went on, in the transaction that it went on in. A step that goes
    /// on its way to the host and still means the same is signed anew when it is its turn, by [`Registry::is_current`], and not each
    /// time that another event comes before it.
    pub(super) async fn reconsider_pending(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        ours: &Cooperation,
    ) -> Result<(), Error> {
        for row in unit.tx.pending_steps(&ours.name).await? {
            let mut step = pending(&row)?;
            match step.state() {
                PendingState::AwaitsApproval => {
                    let wanted = step.step.clone().unwrap_or_default();
                    if let Err(refusal) = next_event(Some(ours), name, self.city(), &wanted, self.now()) {
                        self.overtaken(unit, row, &mut step, ours, &refusal).await?;
                    }
                }
                PendingState::Submitted => {
                    let Some(event) = signed(&row)? else { continue };
                    match reconsider(&event, ours, None) {
                        Reconsidered::Waits | Reconsidered::Rebased(_) => {}
                        Reconsidered::Done => self.done(unit, name, &row, &event).await?,
                        Reconsidered::Overtaken(refusal) => {
                            self.recall(&mut unit.tx, name.host(), &event.hash).await?;
                            self.overtaken(unit, row, &mut step, ours, &refusal).await?;
                        }
                    }
                }
                // A person has to say what is to become of them.
                PendingState::Overtaken | PendingState::Refused | PendingState::Unspecified => {}
            }
        }
        Ok(())
    }

    /// Whether a step that is to go to the host now still fits the history. If not, it is signed anew for the place that is free, or
    /// goes no more.
    ///
    /// # Errors
    /// What the store says.
    pub(super) async fn is_current(&self, delivery: &DeliveryRow) -> Result<bool, Error> {
        let Some(stored) = self.store().cooperation(&delivery.cooperation).await? else { return Ok(true) };
        if follows(delivery, &decoded(&stored)?)? {
            return Ok(true);
        }
        let name: CooperationName = delivery.cooperation.parse().map_err(Error::internal)?;
        let mut unit = self.begin_unit("sign step anew").await?;
        let present = unit.tx.delivery(&delivery.id).await?;
        let is_same = |row: &DeliveryRow| (row.event_hash, row.standing) == (delivery.event_hash, delivery.standing);
        if !present.as_ref().is_some_and(is_same) {
            return Ok(false);
        }
        let Some(stored) = unit.tx.cooperation(&delivery.cooperation).await? else { return Ok(true) };
        let ours = decoded(&stored)?;
        let steps = unit.tx.pending_steps(&ours.name).await?;
        let Some(row) = steps.into_iter().find(|row| row.event_hash == Some(delivery.event_hash)) else {
            // Nobody holds it any more, so nobody could sign it anew: the host would refuse it each time, and it would be in the way.
            unit.tx.delete_delivery(&delivery.id).await?;
            self.finish(unit).await?;
            return Ok(false);
        };
        let Some(event) = signed(&row)? else { return Ok(true) };
        let known = unit.tx.event_at(&ours.name, event.event.sequence).await?.map(|known| known.hash);
        let mut step = pending(&row)?;
        match reconsider(&event, &ours, known.as_ref()) {
            Reconsidered::Waits => return Ok(true),
            Reconsidered::Done => self.done(&mut unit, &name, &row, &event).await?,
            Reconsidered::Rebased(rebased) => {
                let rebased = Verified::made_here(*rebased);
                unit.tx.delete_delivery(&delivery.id).await?;
                let ids = Ids { step: row.id, delivery: delivery.id.clone() };
                self.submit(&mut unit, &name, ids, row.create_time, step, &rebased).await?;
                info!(
                    cooperation.name = %name,
                    cooperation.sequence = rebased.event.sequence,
                    "another city's step came first; this city's is signed anew after it"
                );
            }
            Reconsidered::Overtaken(refusal) => {
                unit.tx.delete_delivery(&delivery.id).await?;
                self.overtaken(&mut unit, row, &mut step, &ours, &refusal).await?;
            }
        }
        self.finish(unit).await?;
        Ok(false)
    }

    /// A step of this city is part of the history.
    async fn done(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        row: &PendingRow,
        event: &Verified,
    ) -> Result<(), Error> {
        self.arrived(&mut unit.tx, name.host(), &event.hash).await?;
        unit.tx.delete_pending(&row.id).await?;
        Ok(())
    }

    /// Signs a step and puts it on its way to the host. Steps go in the order of their deliveries' ids: one that is signed anew keeps its
    /// own.
    pub(super) async fn submit(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        ids: Ids,
        create_time: time::OffsetDateTime,
        step: PendingStep,
        event: &Verified,
    ) -> Result<(), Error> {
        let envelope = seal_event(&event.event, &self.identity().record_key()).encode_to_vec().into();
        let step = PendingStep { state: PendingState::Submitted.into(), ..step };
        let row = PendingRow {
            id: ids.step,
            cooperation: name.to_string(),
            state: step.state,
            body: step.encode_to_vec().into(),
            envelope: Some(bytes::Bytes::clone(&envelope)),
            event_hash: Some(event.hash),
            create_time,
        };
        unit.tx.put_pending(&row).await?;
        let parcel = self.parcel(name.host().clone(), event, &envelope, Parcel::Submission);
        unit.tx.enqueue_deliveries(&[DeliveryRow { id: ids.delivery, ..parcel }]).await?;
        Ok(())
    }

    /// Keeps a step until somebody else approves it. Returns its id.
    pub(super) async fn keep_waiting(
        &self,
        unit: &mut Unit,
        caller: &Caller,
        name: &CooperationName,
        step: Step,
    ) -> Result<PendingStep, Error> {
        let step = self.new_pending(unit, caller, name, step).await?;
        let row = PendingRow {
            id: step.step_id.clone(),
            cooperation: name.to_string(),
            state: step.state,
            body: step.encode_to_vec().into(),
            envelope: None,
            event_hash: None,
            create_time: self.now(),
        };
        unit.tx.put_pending(&row).await?;
        Ok(step)
    }

    /// A step that waits for approval, not kept yet.
    pub(super) async fn new_pending(
        &self,
        unit: &mut Unit,
        caller: &Caller,
        name: &CooperationName,
        step: Step,
    ) -> Result<PendingStep, Error> {
        if unit.tx.pending_steps(&name.to_string()).await?.len() >= PENDING_MAX {
            let what = format!("{PENDING_MAX} steps of {name} wait already: drop those that are not wanted any more");
            return Err(Error::CooperationFull(what));
        }
        Ok(PendingStep {
            step_id: Uuid::now_v7().to_string(),
            state: PendingState::AwaitsApproval.into(),
            step: Some(step),
            author: caller.id().to_owned(),
            create_time: Some(to_timestamp(self.now())),
            reason: String::new(),
            overtaken_by: 0,
        })
    }

    /// Keeps a step for somebody to take anew, or to drop.
    async fn overtaken(
        &self,
        unit: &mut Unit,
        row: PendingRow,
        step: &mut PendingStep,
        ours: &Cooperation,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        step.state = PendingState::Overtaken.into();
        step.reason = refusal.to_string();
        step.overtaken_by = ours.sequence;
        let row = PendingRow { envelope: None, event_hash: None, ..row };
        self.lost(unit, row, step, ours).await
    }

    /// Keeps a step that is lost, and tells of it.
    pub(super) async fn lost(
        &self,
        unit: &mut Unit,
        row: PendingRow,
        step: &PendingStep,
        ours: &Cooperation,
    ) -> Result<(), Error> {
        let row = PendingRow { state: step.state, body: step.encode_to_vec().into(), ..row };
        unit.tx.put_pending(&row).await?;
        unit.notices.push(WatchInboxResponse {
            kind: NoticeKind::StepLost.into(),
            cooperation: ours.name.clone(),
            sequence: ours.sequence,
            ..Default::default()
        });
        Ok(())
    }
}

/// By what a step on its way to the host is known.
pub(super) struct Ids {
    pub(super) step: String,
    pub(super) delivery: String,
}

impl Ids {
    /// Of a step that goes on its way for the first time.
    pub(super) fn of(step: String) -> Self {
        Self { step, delivery: Uuid::now_v7().to_string() }
    }
}

/// Whether a step is signed for the place after the history, or a later one.
fn follows(delivery: &DeliveryRow, ours: &Cooperation) -> Result<bool, Error> {
    if delivery.sequence != ours.sequence + 1 {
        return Ok(delivery.sequence > ours.sequence);
    }
    let envelope = Envelope::decode(delivery.envelope.clone()).map_err(Error::internal)?;
    let event = CooperationEvent::decode(envelope.payload).map_err(Error::internal)?;
    Ok(event.previous_hash == ours.head_hash)
}

/// The event of a step that was signed here.
pub(super) fn signed(row: &PendingRow) -> Result<Option<Verified>, Error> {
    let (Some(envelope), Some(hash)) = (&row.envelope, row.event_hash) else { return Ok(None) };
    let envelope = Envelope::decode(envelope.clone()).map_err(Error::internal)?;
    let event = CooperationEvent::decode(envelope.payload).map_err(Error::internal)?;
    Ok(Some(Verified { event, hash }))
}
