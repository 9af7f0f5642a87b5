//! What this city does: steps, a second person's approval of them, and statements about records.

use isopolity_domain::{
    CityId, Name, Violation,
    cooperation::{self, CooperationName, Move, Verified, apply, is_binding, next_event, pin, seal_event},
    name::NameError,
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{
        ApproveStepResponse, ConfirmRecordResponse, Cooperation, CooperationKind, NoticeKind, PendingState,
        PendingStep, Proposal, Statement, Step, StepOutcome, Subject, TakeStepRequest, TakeStepResponse, step::Action,
    },
};
use isopolity_store::PendingRow;

use super::{
    keep::Origin,
    named,
    pending::{Ids, signed},
    unit::{Unit, pending},
};
use crate::{Caller, Error, Registry, Right};

/// What came of a step.
struct Taken {
    cooperation: Cooperation,
    outcome: StepOutcome,
    step_id: String,
}

impl Registry {
    /// Takes a step. The step, what follows from it and what is to be delivered are written together or not at all.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], [`Error::CooperationMovedOn`], [`Error::Cooperation`],
    /// [`Error::ParticipantNotPeer`], or what the store says.
    pub async fn take_step(&self, caller: &Caller, request: TakeStepRequest) -> Result<TakeStepResponse, Error> {
        caller.must(Right::Coordinate)?;
        let TakeStepRequest { name, step, expected_sequence, validate_only } = request;
        let name = named(&name)?;
        let step = step.filter(|step| step.action.is_some()).ok_or_else(|| Violation::required("step"))?;
        let mut unit = self.begin_unit("take step").await?;
        let before = self.stored(&mut unit.tx, &name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        if expected_sequence != 0 && expected_sequence != before.sequence {
            return Err(Error::CooperationMovedOn { name, sequence: before.sequence });
        }
        let taken = Box::pin(self.take(&mut unit, caller, &name, before.clone(), step)).await?;
        if validate_only {
            drop(unit);
            let outcome = StepOutcome::Unspecified.into();
            return Ok(TakeStepResponse {
                cooperation: Some(self.described(before).await?),
                outcome,
                step_id: String::new(),
            });
        }
        self.finish(unit).await?;
        let Taken { cooperation, outcome, step_id } = taken;
        let cooperation = Some(self.described(cooperation).await?);
        Ok(TakeStepResponse { cooperation, outcome: outcome.into(), step_id })
    }

    /// Approves a step that somebody else took; the node signs it then.
    ///
    /// # Errors
    /// [`Error::SecondPersonRequired`] for whoever took it, and as [`Registry::take_step`].
    pub async fn approve_step(&self, caller: &Caller, name: &str, step_id: &str) -> Result<ApproveStepResponse, Error> {
        caller.must(Right::Coordinate)?;
        let name = named(name)?;
        let mut unit = self.begin_unit("approve step").await?;
        let (before, row) = self.step_that_waits(&mut unit, &name, step_id).await?;
        let waiting = pending(&row)?;
        if waiting.state() != PendingState::AwaitsApproval {
            let what = format!("it does not wait for approval: it is {}", word(waiting.state()));
            return Err(Error::StepImpossible { name, what });
        }
        if waiting.author == caller.id() {
            return Err(Error::SecondPersonRequired);
        }
        let step = waiting.step.clone().unwrap_or_default();
        self.check_entered(&mut unit.tx, &before, &name, &step).await?;
        unit.tx.delete_pending(&row.id).await?;
        let approved = self.event(caller, AuditAction::CooperationStepApproved).about(&name).saying(kind_of(&step));
        unit.tx.audit(approved);
        let taken = Box::pin(self.sign(&mut unit, &name, before, waiting)).await?;
        self.finish(unit).await?;
        Ok(ApproveStepResponse {
            cooperation: Some(self.described(taken.cooperation).await?),
            outcome: taken.outcome.into(),
        })
    }

    /// Drops a step that awaits approval, was overtaken or was refused.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], [`Error::StepImpossible`] for a step that is on its way, or
    /// what the store says.
    pub async fn drop_step(&self, caller: &Caller, name: &str, step_id: &str) -> Result<Cooperation, Error> {
        caller.must(Right::Coordinate)?;
        let name = named(name)?;
        let mut unit = self.begin_unit("drop step").await?;
        let (before, row) = self.step_that_waits(&mut unit, &name, step_id).await?;
        let waiting = pending(&row)?;
        if waiting.state() == PendingState::Submitted {
            let what = "it is signed and on its way to the host, and can't be taken back".to_owned();
            return Err(Error::StepImpossible { name, what });
        }
        if let Some(event) = signed(&row)? {
            // What the host refused is in the way of what comes after it.
            self.recall(&mut unit.tx, name.host(), &event.hash).await?;
        }
        unit.tx.delete_pending(&row.id).await?;
        let step = waiting.step.unwrap_or_default();
        unit.tx.audit(self.event(caller, AuditAction::CooperationStepDropped).about(&name).saying(kind_of(&step)));
        self.finish(unit).await?;
        self.described(before).await
    }

    /// Says what this city knows of another city's record: makes a CONFIRMATION and proposes it, in one step.
    ///
    /// # Errors
    /// As [`Registry::take_step`].
    pub async fn confirm_record(&self, caller: &Caller, statement: Statement) -> Result<ConfirmRecordResponse, Error> {
        caller.must(Right::Coordinate)?;
        let record: Name = statement
            .record
            .parse()
            .map_err(|error: NameError| Violation::invalid("statement.record", error.to_string()))?;
        if record.city() == self.city() {
            let what = "is this city's own; another city confirms it";
            return Err(Violation::invalid("statement.record", what).into());
        }
        let draft = Proposal {
            kind: CooperationKind::Confirmation.into(),
            participants: vec![record.city().to_string()],
            subjects: vec![Subject { name: record.to_string(), version: statement.version_seen, ..Default::default() }],
            statement: Some(statement),
            ..Default::default()
        };
        let mut unit = self.begin_unit("confirm record").await?;
        let begun = self.begin_draft(&mut unit, caller, "", draft).await?;
        let name: CooperationName = begun.name.parse().map_err(Error::internal)?;
        let step = Step { action: Some(Action::Proposal(Proposal::default())) };
        let taken = Box::pin(self.take(&mut unit, caller, &name, begun, step)).await.map_err(of_statement)?;
        self.finish(unit).await?;
        let cooperation = Some(self.described(taken.cooperation).await?);
        Ok(ConfirmRecordResponse { cooperation, outcome: taken.outcome.into() })
    }

    /// Takes a step in an open transaction: signs it, or keeps it until somebody approves it.
    async fn take(
        &self,
        unit: &mut Unit,
        caller: &Caller,
        name: &CooperationName,
        before: Cooperation,
        step: Step,
    ) -> Result<Taken, Error> {
        let step = match (step.action, &before.draft) {
            // Whatever the caller holds for the draft: the one that is kept here counts.
            (Some(Action::Proposal(_)), Some(draft)) => Step { action: Some(Action::Proposal(draft.clone())) },
            (action, _) => pin(&before, &Step { action }),
        };
        self.must_be_possible(unit, name, &before, &step).await?;
        self.check_entered(&mut unit.tx, &before, name, &step).await?;
        unit.tx.audit(self.event(caller, AuditAction::CooperationStepTaken).about(name).saying(kind_of(&step)));
        if self.inner.rules.second_person && is_binding(&step) {
            let steps = unit.tx.pending_steps(&before.name).await?.iter().map(pending).collect::<Result<_, _>>()?;
            let before = Cooperation { pending_steps: steps, ..before };
            let mut after = before.clone();
            let step = self.keep_waiting(unit, caller, name, step).await?;
            let step_id = step.step_id.clone();
            after.pending_steps.push(step);
            self.noticed(unit, NoticeKind::ApprovalWanted, &before, &after).await?;
            return Ok(Taken { cooperation: after, outcome: StepOutcome::AwaitsApproval, step_id });
        }
        let waiting = self.new_pending(unit, caller, name, step).await?;
        Box::pin(self.sign(unit, name, before, waiting)).await
    }

    /// Signs a step. As the host it is part of the history by that; otherwise it is on its way to the host.
    async fn sign(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        before: Cooperation,
        waiting: PendingStep,
    ) -> Result<Taken, Error> {
        let step = waiting.step.clone().unwrap_or_default();
        let now = self.now();
        let made = next_event(Some(&before), name, self.city(), &step, now).map(Verified::made_here);
        let event = made.map_err(|refusal| Error::step_refused(name, &path_of(&step), refusal))?;
        if name.host() != self.city() {
            let step_id = waiting.step_id.clone();
            self.submit(unit, name, Ids::of(step_id.clone()), now, waiting, &event).await?;
            return Ok(Taken { cooperation: before, outcome: StepOutcome::Submitted, step_id });
        }
        let after =
            apply(Some(&before), &event).map_err(|refusal| Error::step_refused(name, &path_of(&step), refusal))?;
        let envelope = seal_event(&event.event, &self.identity().record_key());
        let cooperation = Box::pin(self.keep(unit, Some(&before), after, &event, &envelope, Origin::Own)).await?;
        Ok(Taken { cooperation, outcome: StepOutcome::Done, step_id: String::new() })
    }

    /// Whether a step is possible, also after those of this city that are on their way to the host.
    async fn must_be_possible(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        before: &Cooperation,
        step: &Step,
    ) -> Result<(), Error> {
        let (now, own): (_, &CityId) = (self.now(), self.city());
        next_event(Some(before), name, own, step, now)
            .map_err(|refusal| Error::step_refused(name, &path_of(step), refusal))?;
        let mut expected = before.clone();
        for row in unit.tx.pending_steps(&before.name).await? {
            let is_on_its_way = row.state == i32::from(PendingState::Submitted);
            let Some(mut event) = signed(&row)?.filter(|_| is_on_its_way) else { continue };
            // As if it were the next one.
            event.event.sequence = expected.sequence + 1;
            event.event.previous_hash = expected.head_hash.clone();
            if let Ok(after) = apply(Some(&expected), &Verified::made_here(event.event)) {
                expected = after;
            }
        }
        if expected.sequence > before.sequence
            && let Err(cooperation::Refusal::Impossible { wrong, .. }) =
                next_event(Some(&expected), name, own, step, now)
        {
            let what = format!("{wrong}, by a step of this city that is on its way to {}", name.host());
            return Err(Error::StepImpossible { name: name.clone(), what });
        }
        Ok(())
    }

    /// A step that waits, with its cooperation.
    async fn step_that_waits(
        &self,
        unit: &mut Unit,
        name: &CooperationName,
        step_id: &str,
    ) -> Result<(Cooperation, PendingRow), Error> {
        let before = self.stored(&mut unit.tx, name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let mut rows = unit.tx.pending_steps(&before.name).await?.into_iter();
        let row = rows.find(|row| row.id == step_id);
        let row = row.ok_or_else(|| Error::NotFound(format!("step {step_id:?} that waits in {name}")))?;
        Ok((before, row))
    }
}

fn word(state: PendingState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("PENDING_STATE_").unwrap_or(name)
}

/// A caller who makes a statement has written no draft.
fn of_statement(error: Error) -> Error {
    match error {
        Error::Invalid(mut violations) => {
            for violation in &mut violations.0 {
                if let Some(field) = violation.field.strip_prefix("draft.") {
                    violation.field = field.to_owned();
                }
            }
            Error::Invalid(violations)
        }
        other => other,
    }
}

/// Where a request says what a step says.
fn path_of(step: &Step) -> String {
    match &step.action {
        // The node takes it from the draft.
        Some(Action::Proposal(_)) => "draft".to_owned(),
        _ => format!("step.{}", kind_of(step)),
    }
}

/// What kind of step it is, for the log.
fn kind_of(step: &Step) -> &'static str {
    step.action.as_ref().map_or("", |action| {
        match action {
            Action::Proposal(_) => Move::Proposal,
            Action::Counter(_) => Move::Counter,
            Action::Acceptance(_) => Move::Acceptance,
            Action::Decline(_) => Move::Decline,
            Action::Withdrawal(_) => Move::Withdrawal,
            Action::Signature(_) => Move::Signature,
            Action::Activation(_) => Move::Activation,
            Action::Amendment(_) => Move::Amendment,
            Action::AmendmentDecline(_) => Move::AmendmentDecline,
            Action::Conclusion(_) => Move::Conclusion,
            Action::Termination(_) => Move::Termination,
            Action::Answer(_) => Move::Answer,
            Action::Message(_) => Move::Message,
            Action::MilestoneSetting(_) => Move::MilestoneSetting,
            Action::MilestoneCompletion(_) => Move::MilestoneCompletion,
            Action::DocumentAttachment(_) => Move::DocumentAttachment,
        }
        .as_str()
    })
}
