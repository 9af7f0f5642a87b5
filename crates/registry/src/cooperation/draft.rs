//! Drafts: cooperations of which no other city knows yet.

use isopolity_domain::{
    Violation,
    clock::to_timestamp,
    cooperation::{CooperationName, PAYLOAD_MAX},
};
use isopolity_proto::{
    admin::AuditAction,
    cooperation::{
        Cooperation, CooperationState, CreateCooperationRequest, Participation, Proposal, UpdateDraftRequest,
    },
};
use prost::Message as _;
use uuid::Uuid;

use super::{named, unit::Unit};
use crate::{Caller, Error, Registry, Right};

impl Registry {
    /// Begins a draft. No other city learns of it.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::CooperationExists`], or what the store says.
    pub async fn create_cooperation(
        &self,
        caller: &Caller,
        request: CreateCooperationRequest,
    ) -> Result<Cooperation, Error> {
        caller.must(Right::Coordinate)?;
        let CreateCooperationRequest { cooperation_id, draft, validate_only } = request;
        let draft = draft.ok_or_else(|| Violation::required("draft"))?;
        let mut unit = self.begin_unit("create cooperation").await?;
        let cooperation = self.begin_draft(&mut unit, caller, &cooperation_id, draft).await?;
        if !validate_only {
            self.finish(unit).await?;
        }
        self.described(cooperation).await
    }

    /// Replaces a draft.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], [`Error::StepImpossible`] once it was proposed, or what the
    /// store says.
    pub async fn update_draft(&self, caller: &Caller, request: UpdateDraftRequest) -> Result<Cooperation, Error> {
        caller.must(Right::Coordinate)?;
        let name = named(&request.name)?;
        let draft = checked(request.draft.ok_or_else(|| Violation::required("draft"))?)?;
        let mut unit = self.begin_unit("update draft").await?;
        let before = self.draft(&mut unit, &name).await?;
        let cooperation = Cooperation {
            create_time: before.create_time,
            ..of_draft(&name, draft, self.city().as_str(), to_timestamp(self.now()))
        };
        self.put(&mut unit.tx, &cooperation).await?;
        unit.tx.audit(self.event(caller, AuditAction::CooperationDrafted).about(&name).saying("changed"));
        self.finish(unit).await?;
        self.described(cooperation).await
    }

    /// Deletes a draft.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::NotFound`], [`Error::StepImpossible`] once it was proposed, or what the
    /// store says.
    pub async fn delete_draft(&self, caller: &Caller, name: &str) -> Result<(), Error> {
        caller.must(Right::Coordinate)?;
        let name = named(name)?;
        let mut unit = self.begin_unit("delete draft").await?;
        self.draft(&mut unit, &name).await?;
        unit.tx.delete_cooperation(&name.to_string()).await?;
        unit.tx.audit(self.event(caller, AuditAction::CooperationDrafted).about(&name).saying("deleted"));
        self.finish(unit).await
    }

    /// Writes a new draft.
    pub(super) async fn begin_draft(
        &self,
        unit: &mut Unit,
        caller: &Caller,
        id: &str,
        draft: Proposal,
    ) -> Result<Cooperation, Error> {
        let id = if id.is_empty() { Uuid::now_v7().to_string() } else { id.to_owned() };
        let name = CooperationName::new(self.city().clone(), &id)
            .map_err(|error| Violation::invalid("cooperation_id", error.to_string()))?;
        if unit.tx.cooperation(&name.to_string()).await?.is_some() {
            return Err(Error::CooperationExists(name));
        }
        let cooperation = of_draft(&name, checked(draft)?, self.city().as_str(), to_timestamp(self.now()));
        self.put(&mut unit.tx, &cooperation).await?;
        unit.tx.audit(self.event(caller, AuditAction::CooperationDrafted).about(&name).saying("begun"));
        Ok(cooperation)
    }

    /// A draft that may be changed.
    async fn draft(&self, unit: &mut Unit, name: &CooperationName) -> Result<Cooperation, Error> {
        let found = self.stored(&mut unit.tx, name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let impossible = |what: &str| Error::StepImpossible { name: name.clone(), what: what.to_owned() };
        if found.state() != CooperationState::Draft {
            return Err(impossible("it was proposed already; withdraw it, or offer other terms"));
        }
        if !unit.tx.pending_steps(&found.name).await?.is_empty() {
            // What the second person approves is what the first one saw.
            return Err(impossible("its proposal waits for approval: approve or drop that step first"));
        }
        Ok(found)
    }
}

/// A draft may have gaps, but must be small enough to be kept.
fn checked(draft: Proposal) -> Result<Proposal, Violation> {
    let bytes = draft.encoded_len();
    if bytes > PAYLOAD_MAX {
        return Err(Violation::invalid("draft", format!("has {bytes} bytes; at most {PAYLOAD_MAX} are allowed")));
    }
    Ok(draft)
}

fn of_draft(name: &CooperationName, draft: Proposal, host: &str, now: prost_types::Timestamp) -> Cooperation {
    let cities = [host].into_iter().chain(draft.participants.iter().map(String::as_str));
    Cooperation {
        name: name.to_string(),
        kind: draft.kind,
        state: CooperationState::Draft.into(),
        participations: cities.map(|city| Participation { city: city.to_owned(), ..Default::default() }).collect(),
        subjects: draft.subjects.clone(),
        create_time: Some(now),
        update_time: Some(now),
        draft: Some(draft),
        ..Default::default()
    }
}
