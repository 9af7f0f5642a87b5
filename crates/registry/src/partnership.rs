//! Moving a partnership on: each step is an event, and where the partnership stands follows from its events.

use std::collections::BTreeSet;

use isopolity_domain::{
    Kind, Name, Violation, clock, conditions,
    settle::settle,
    stage::{self, Dossier, StageError},
};
use isopolity_proto::{
    registry::{
        AdvancePartnershipRequest, Agreement, ConditionAssessment, CorrectStageEventRequest, EndPartnershipRequest,
        GetReadinessRequest, GetReadinessResponse, IndicatorObservation, Partnership, PartnershipStage,
        ResumePartnershipRequest, StageEvent, SuspendPartnershipRequest,
    },
    to_dynamic,
};
use isopolity_store::{Document, Tx};
use prost::Message;
use time::{Date, OffsetDateTime};

use crate::{
    Caller, Error, Registry, Right,
    author::{Asked, Change, Resource, Terms, hooks},
};

/// The most documents that refer to one partnership and are looked at. Far more than any has.
const REFERRERS_MAX: u64 = 10_000;
/// What a step changes of a partnership. Everything else stays as it is kept, known here or not.
const CHANGED_BY_STEP: [&str; 5] = ["stage", "stage_date", "suspension", "ending", "status"];

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Stepped {
    /// The partnership as stored.
    pub partnership: Partnership,
    /// The step as stored.
    pub stage_event: StageEvent,
}

/// Who asks for a step, and on which terms.
struct Asking<'a> {
    caller: &'a Caller,
    asked: Option<Asked>,
    validate_only: bool,
}

impl<'a> Asking<'a> {
    fn of(
        caller: &'a Caller,
        method: &str,
        request: &impl Message,
        validate_only: bool,
        request_id: &str,
    ) -> Result<Self, Error> {
        let terms = Terms { validate_only, request_id };
        let asked = Asked::of_bytes(caller, terms, method, &[], &request.encode_to_vec())?;
        Ok(Self { caller, asked, validate_only })
    }
}

/// A partnership and what this registry knows of it.
struct File {
    current: Document,
    partnership: Partnership,
    events: Vec<StageEvent>,
    assessments: Vec<ConditionAssessment>,
    agreements: Vec<Agreement>,
    observations: Vec<IndicatorObservation>,
}

impl File {
    fn dossier(&self) -> Dossier<'_> {
        Dossier {
            partnership: &self.partnership,
            events: &self.events,
            assessments: &self.assessments,
            agreements: &self.agreements,
            observations: &self.observations,
        }
    }
}

impl Registry {
    /// Moves a partnership on by one stage, or, with a reason, elsewhere. Partnership and event are written together.
    ///
    /// # Errors
    /// [`Error::Stage`] with everything that stands in the way, [`Error::Invalid`], [`Error::NotFound`],
    /// [`Error::EtagMismatch`], or what the store says. Nothing is written then.
    pub async fn advance_partnership(
        &self,
        caller: &Caller,
        request: &AdvancePartnershipRequest,
    ) -> Result<Stepped, Error> {
        let step = |dossier: &Dossier<'_>, today: Date| stage::advance(dossier, request, today);
        let asking = Asking::of(caller, "advance", request, request.validate_only, &request.request_id)?;
        self.step(&asking, &request.name, &request.etag, step).await
    }

    /// Suspends a partnership.
    ///
    /// # Errors
    /// As [`Registry::advance_partnership`].
    pub async fn suspend_partnership(
        &self,
        caller: &Caller,
        request: &SuspendPartnershipRequest,
    ) -> Result<Stepped, Error> {
        let step = |dossier: &Dossier<'_>, today: Date| stage::suspend(dossier, request, today);
        let asking = Asking::of(caller, "suspend", request, request.validate_only, &request.request_id)?;
        self.step(&asking, &request.name, &request.etag, step).await
    }

    /// Resumes a suspended partnership.
    ///
    /// # Errors
    /// As [`Registry::advance_partnership`].
    pub async fn resume_partnership(
        &self,
        caller: &Caller,
        request: &ResumePartnershipRequest,
    ) -> Result<Stepped, Error> {
        let step = |dossier: &Dossier<'_>, today: Date| stage::resume(dossier, request, today);
        let asking = Asking::of(caller, "resume", request, request.validate_only, &request.request_id)?;
        self.step(&asking, &request.name, &request.etag, step).await
    }

    /// Ends a partnership for good.
    ///
    /// # Errors
    /// As [`Registry::advance_partnership`].
    pub async fn end_partnership(&self, caller: &Caller, request: &EndPartnershipRequest) -> Result<Stepped, Error> {
        let step = |dossier: &Dossier<'_>, today: Date| stage::end(dossier, request, today);
        let asking = Asking::of(caller, "end", request, request.validate_only, &request.request_id)?;
        self.step(&asking, &request.name, &request.etag, step).await
    }

    /// Sets right what an earlier event of a partnership said wrongly.
    ///
    /// # Errors
    /// As [`Registry::advance_partnership`]; [`Error::NotFound`] if there is no such event.
    pub async fn correct_stage_event(
        &self,
        caller: &Caller,
        request: &CorrectStageEventRequest,
    ) -> Result<Stepped, Error> {
        caller.must(Right::Edit)?;
        let name = named(Kind::StageEvent, &request.name)?;
        self.must_be_ours(&name, "name")?;
        let document = self.store().document(&name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let wrong: StageEvent = read(&document)?;
        let step = |dossier: &Dossier<'_>, today: Date| stage::correct(dossier, request, today);
        let asking = Asking::of(caller, "correct", request, request.validate_only, &request.request_id)?;
        self.step(&asking, &wrong.partnership, "", step).await
    }

    /// What stands between a partnership and a stage, side by side. Writes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a stage that does not exist, or what the store says.
    pub async fn readiness(
        &self,
        caller: &Caller,
        request: &GetReadinessRequest,
    ) -> Result<GetReadinessResponse, Error> {
        caller.must(Right::Read)?;
        let name = named(Kind::Partnership, &request.name)?;
        self.must_be_ours(&name, "name")?;
        let to = PartnershipStage::try_from(request.to_stage).map_err(|error| {
            Violation::invalid("to_stage", format!("{} is no known stage: {error}", request.to_stage))
        })?;
        let to = Some(to).filter(|stage| *stage != PartnershipStage::Unspecified);
        let mut tx = self.store().begin("read readiness").await?;
        let file = self.file(&mut tx, &name).await?;
        Ok(conditions::readiness(&file.dossier(), to, self.now().date()))
    }

    /// Takes a step that the domain decides, and writes it with the partnership as it stands then.
    async fn step<S>(&self, asking: &Asking<'_>, name: &str, etag: &str, step: S) -> Result<Stepped, Error>
    where
        S: FnOnce(&Dossier<'_>, Date) -> Result<StageEvent, StageError> + Send,
    {
        let Asking { caller, asked, validate_only } = asking;
        caller.must(Right::Edit)?;
        let name = named(Kind::Partnership, name)?;
        self.must_be_ours(&name, "name")?;
        let mut tx = self.store().begin("move partnership").await?;
        if let Some((event, revision)) = self.outcome_of(&mut tx, asked.as_ref()).await? {
            return self.stepped_before(&mut tx, &event, &name, revision).await;
        }
        let mut file = self.file(&mut tx, &name).await?;
        if !etag.is_empty() && etag != file.current.revision.to_string() {
            return Err(Error::EtagMismatch(name));
        }
        // Events are in order of the time at which they were written, also where the clock has been set back.
        let written = file.events.iter().filter_map(|event| clock::from_timestamp(event.create_time.as_ref()?)).max();
        let now = self.now().max(written.unwrap_or(OffsetDateTime::UNIX_EPOCH));

        let mut changes = Vec::new();
        if file.events.is_empty() {
            // It came without any, or was kept before events were: its first say what it said itself.
            let first = stage::entered(&file.partnership, file.current.create_time.date());
            file.events = self.written(&first, now, &mut changes)?;
        } else {
            // A file that brought it may have brought only some of its events.
            let missing = stage::missing(&file.partnership, &file.events, now.date());
            let made_up = self.written(&missing, now, &mut changes)?;
            file.events.extend(made_up);
        }
        let event = step(&file.dossier(), now.date()).map_err(|refusal| Error::refused(name.clone(), refusal))?;
        let taken = self.written(&[event], now, &mut changes)?;
        let stage_event = taken.first().cloned().ok_or_else(|| Error::internal("a step without an event"))?;
        file.events.extend(taken);

        let mut partnership = file.partnership.clone();
        stage::follow(&mut partnership, &file.events);
        let mut after = Resource::decode(Kind::Partnership, file.current.body.clone())?;
        after.merge(&Resource(to_dynamic(&partnership)), &CHANGED_BY_STEP.map(str::to_owned), Kind::Partnership)?;
        hooks::set_open_conditions(&mut after, &conditions::open(&file.dossier(), now.date()));
        settle(Kind::Partnership, &mut after.0, now.date());
        let document = self.next_version(&file.current, &mut after);
        if !tx.update_document(&document, file.current.revision).await? {
            return Err(Error::EtagMismatch(name));
        }
        let revision = document.revision;
        let event = named(Kind::StageEvent, &stage_event.name)?;
        tx.insert_documents(&changes.iter().map(|change| change.document.clone()).collect::<Vec<_>>()).await?;
        changes.push(Change::updated(document).after(&file.current));
        self.remember(&mut tx, asked.clone(), &event, revision).await?;
        self.settle(tx, *caller, changes, *validate_only).await?;
        let partnership = after.read_at(self.now()).transcode_to().map_err(Error::internal)?;
        Ok(Stepped { partnership, stage_event })
    }

    /// Events as they are stored, each under a name of its own, in their order; and that they are to be written.
    fn written(
        &self,
        events: &[StageEvent],
        now: OffsetDateTime,
        changes: &mut Vec<Change>,
    ) -> Result<Vec<StageEvent>, Error> {
        let mut written = Vec::with_capacity(events.len());
        for (name, message) in hooks::events(self.city(), events, now)? {
            let mut resource = Resource(message);
            changes.push(Change::created(resource.document(name, 1, now, now, None)));
            written.push(resource.typed()?);
        }
        Ok(written)
    }

    /// The answer that the same request got before: its event, and the partnership in the version that it made.
    async fn stepped_before(
        &self,
        tx: &mut Tx,
        event: &Name,
        partnership: &Name,
        revision: i64,
    ) -> Result<Stepped, Error> {
        let stage_event = self.as_it_was(tx, event, 1).await?.transcode_to().map_err(Error::internal)?;
        let partnership = self.as_it_was(tx, partnership, revision).await?.transcode_to().map_err(Error::internal)?;
        Ok(Stepped { partnership, stage_event })
    }

    /// Which conditions are open before the next gate of partnerships of which these changes speak: those whose assessments or
    /// events are among them. A partnership for which that is news becomes a change itself.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn reassess(&self, tx: &mut Tx, changes: &mut Vec<Change>) -> Result<(), Error> {
        let mut affected = BTreeSet::new();
        for change in changes.iter() {
            let kind = change.document.name.kind();
            if matches!(kind, Kind::ConditionAssessment | Kind::StageEvent) {
                let partnership = Resource::decode(kind, change.document.body.clone())?.text("partnership");
                affected.extend(Name::parse_as(Kind::Partnership, &partnership).ok());
            }
        }
        for name in affected.into_iter().filter(|name| name.city() == self.city()) {
            let file = match self.file(tx, &name).await {
                Ok(file) => file,
                // Deleted together with it.
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let open = conditions::open(&file.dossier(), self.now().date());
            if file.partnership.open_conditions().eq(open.iter().copied()) {
                continue;
            }
            let mut after = Resource::decode(Kind::Partnership, file.current.body.clone())?;
            hooks::set_open_conditions(&mut after, &open);
            let own = changes.iter_mut().find(|change| change.document.name == name);
            let (document, written) = if let Some(own) = own {
                // Nobody has seen the version yet.
                let Document { revision, create_time, update_time, .. } = own.document;
                own.document = after.document(name.clone(), revision, create_time, update_time, None);
                (own.document.clone(), revision)
            } else {
                let document = self.next_version(&file.current, &mut after);
                changes.push(Change::updated(document.clone()).after(&file.current));
                (document, file.current.revision)
            };
            if !tx.update_document(&document, written).await? {
                return Err(Error::EtagMismatch(name));
            }
        }
        Ok(())
    }

    /// A partnership that is not deleted, with what refers to it and what it rests on.
    async fn file(&self, tx: &mut Tx, name: &Name) -> Result<File, Error> {
        let current = tx.document(name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let partnership: Partnership = read(&current)?;
        if partnership.delete_time.is_some() {
            return Err(Error::NotFound(name.to_string()));
        }
        let referrers = tx.referrers(name, REFERRERS_MAX).await?;
        let agreements = partnership.agreements.iter().filter_map(|one| Name::parse_as(Kind::Agreement, one).ok());
        let own = agreements.filter(|agreement| agreement.city() == self.city());
        let wanted: Vec<Name> = referrers
            .into_iter()
            .filter(|one| {
                matches!(one.kind(), Kind::StageEvent | Kind::ConditionAssessment | Kind::IndicatorObservation)
            })
            .chain(own)
            .collect();
        let mut file = File {
            current,
            partnership,
            events: Vec::new(),
            assessments: Vec::new(),
            agreements: Vec::new(),
            observations: Vec::new(),
        };
        for document in tx.documents(&wanted).await? {
            match document.name.kind() {
                Kind::StageEvent => file.events.push(read(&document)?),
                Kind::ConditionAssessment => file.assessments.push(read(&document)?),
                Kind::IndicatorObservation => file.observations.push(read(&document)?),
                Kind::Agreement => file.agreements.push(read(&document)?),
                _ => {}
            }
        }
        file.agreements.retain(|one| one.delete_time.is_none());
        file.observations.retain(|one| one.delete_time.is_none());
        Ok(file)
    }
}

fn named(kind: Kind, text: &str) -> Result<Name, Error> {
    Ok(Name::parse_as(kind, text).map_err(|error| Violation::invalid("name", error.to_string()))?)
}

fn read<M: Message + Default>(document: &Document) -> Result<M, Error> {
    M::decode(document.body.clone()).map_err(Error::internal)
}

#[cfg(test)]
mod tests;
