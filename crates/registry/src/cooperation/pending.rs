//! Steps of this city that are not part of a history yet: what becomes of them when the history goes on.

use isopolity_domain::{
    clock::to_timestamp,
    cooperation::{CooperationName, Reconsidered, Refusal, Verified, next_event, reconsider, seal_event},
};
use isopolity_proto::{
    cooperation::{Cooperation, CooperationEvent, NoticeKind, PendingState, PendingStep, Step, WatchInboxResponse},
    federation::Envelope,
};
use isopolity_store::PendingRow;
use prost::Message as _;
use tracing::info;
use uuid::Uuid;

use super::{
    outbox::Parcel,
    unit::{Unit, pending},
};
use crate::{Caller, Error, Registry};

/// The most steps of one cooperation that wait.
const PENDING_MAX: usize = 100;

impl Registry {
    /// Looks at each step that waits in the light of a history that went on, in the transaction that it went on in.
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
                    let known = unit.tx.event_at(&ours.name, event.event.sequence).await?.map(|known| known.hash);
                    match reconsider(&event, ours, known.as_ref()) {
                        Reconsidered::Waits => {}
                        Reconsidered::Done => {
                            self.arrived(&mut unit.tx, name.host(), &event.hash).await?;
                            unit.tx.delete_pending(&row.id).await?;
                        }
                        Reconsidered::Rebased(rebased) => {
                            self.recall(&mut unit.tx, name.host(), &event.hash).await?;
                            let rebased = Verified::made_here(*rebased);
                            info!(
                                cooperation.name = %name,
                                cooperation.sequence = rebased.event.sequence,
                                "another city's step came first; this city's is signed anew after it"
                            );
                            self.submit(unit, name, row.id, row.create_time, step, &rebased).await?;
                        }
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

    /// Signs a step and puts it on its way to the host.
    pub(super) async fn submit(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        id: String,
        create_time: time::OffsetDateTime,
        step: PendingStep,
        event: &Verified,
    ) -> Result<(), Error> {
        let envelope = seal_event(&event.event, &self.identity().record_key()).encode_to_vec().into();
        let step = PendingStep { state: PendingState::Submitted.into(), ..step };
        let row = PendingRow {
            id,
            cooperation: name.to_string(),
            state: step.state,
            body: step.encode_to_vec().into(),
            envelope: Some(bytes::Bytes::clone(&envelope)),
            event_hash: Some(event.hash),
            create_time,
        };
        unit.tx.put_pending(&row).await?;
        self.enqueue(&mut unit.tx, [name.host().clone()].into_iter(), event, &envelope, Parcel::Submission).await
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

/// The event of a step that was signed here.
pub(super) fn signed(row: &PendingRow) -> Result<Option<Verified>, Error> {
    let (Some(envelope), Some(hash)) = (&row.envelope, row.event_hash) else { return Ok(None) };
    let envelope = Envelope::decode(envelope.clone()).map_err(Error::internal)?;
    let event = CooperationEvent::decode(envelope.payload).map_err(Error::internal)?;
    Ok(Some(Verified { event, hash }))
}
