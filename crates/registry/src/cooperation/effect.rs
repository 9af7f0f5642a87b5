//! What follows from an event for this city's own records: the agreement, what other cities say of a record, and whether two records
//! are of the same thing.
//!
//! It is written in the event's own transaction, by the same rules as what people enter. Where a rule refuses it the cooperation has moved
//! on all the same, for the other cities have signed: the problem is logged and shown with the cooperation, and the next event tries
//! again. What an officer has deleted is not brought back.

use isopolity_domain::{
    CityId, Kind, Name, Violations,
    clock::from_timestamp,
    cooperation::{agreement_record, match_record},
    settle::settle,
};
use isopolity_proto::{
    cooperation::{Cooperation, CooperationEvent, Statement, cooperation_event::Action},
    registry::{Agreement, Confirmation, ConfirmationStance, Partnership},
    to_dynamic,
};
use isopolity_store::Document;
use tracing::warn;
use uuid::Uuid;

use super::unit::Unit;
use crate::{
    Error, Registry,
    author::{Change, Resource, hooks},
};

impl Registry {
    /// Writes what follows from an event into this city's records.
    pub(super) async fn effects(
        &self,
        unit: &mut Unit,
        after: &mut Cooperation,
        event: &CooperationEvent,
    ) -> Result<(), Error> {
        let mut problems = Vec::new();
        problems.extend(self.agree(unit, after).await?);
        if let Some(statement) = statement_of(event) {
            problems.extend(self.stated(unit, &after.name, event, statement).await?);
        }
        if let Some(Action::Answer(_)) = &event.action
            && let Some(decision) = match_record(after)
        {
            // The event is the last one: this is written once.
            let id = Uuid::now_v7().to_string();
            let name = Name::new(self.city().clone(), Kind::MatchAssertion, &id).map_err(Error::internal)?;
            problems.extend(self.write_record(unit, &name, None, Resource(to_dynamic(&decision))).await?);
        }
        after.record_problem = problems.join("; ");
        if !problems.is_empty() {
            warn!(
                cooperation.name = after.name,
                cooperation.sequence = after.sequence,
                problem = after.record_problem,
                "what follows from an event can't be written into this city's records"
            );
        }
        Ok(())
    }

    /// Writes the agreement record that comes of a cooperation.
    async fn agree(&self, unit: &mut Unit, after: &mut Cooperation) -> Result<Option<String>, Error> {
        let present = match after.agreement.parse::<Name>() {
            Ok(name) => match unit.tx.document(&name).await?.filter(|document| document.delete_time.is_none()) {
                Some(document) => Some(document),
                // An officer deleted it: it stays so.
                None => return Ok(None),
            },
            Err(_) => None,
        };
        let before = present.as_ref().map(decoded::<Agreement>).transpose()?;
        let events = self.proofs(unit, after).await?;
        let Some(record) = agreement_record(after, self.city(), before.as_ref(), &events) else { return Ok(None) };
        let name = match &present {
            Some(document) => document.name.clone(),
            None => {
                Name::new(self.city().clone(), Kind::Agreement, &Uuid::now_v7().to_string()).map_err(Error::internal)?
            }
        };
        let written = self.write_record(unit, &name, present.as_ref(), Resource(to_dynamic(&record))).await?;
        if written.is_none() {
            after.agreement = name.to_string();
        }
        Ok(written)
    }

    /// The events by which cities offered, accepted and signed what is agreed.
    async fn proofs(
        &self,
        unit: &mut Unit,
        cooperation: &Cooperation,
    ) -> Result<Vec<(i64, isopolity_domain::cooperation::Hash, bytes::Bytes)>, Error> {
        let Some(agreed) = &cooperation.agreed else { return Ok(Vec::new()) };
        let of_cities =
            cooperation.participations.iter().flat_map(|one| [one.accepted_sequence, one.signature_sequence]);
        let sequences: std::collections::BTreeSet<i64> =
            of_cities.chain([agreed.sequence]).filter(|sequence| *sequence > 0).collect();
        let mut events = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            if let Some(row) = unit.tx.event_at(&cooperation.name, sequence).await? {
                events.push((sequence, row.hash, row.envelope));
            }
        }
        Ok(events)
    }

    /// Writes what a city says of a record: into the record, if it is ours, and into ours of the same thing, if it is we who say it.
    async fn stated(
        &self,
        unit: &mut Unit,
        cooperation: &str,
        event: &CooperationEvent,
        statement: &Statement,
    ) -> Result<Option<String>, Error> {
        let (Ok(record), Ok(by)) = (statement.record.parse::<Name>(), event.city.parse::<CityId>()) else {
            return Ok(None);
        };
        let mirror = statement.mirror.parse::<Name>().ok();
        let is_so = matches!(statement.stance(), ConfirmationStance::Confirmed | ConfirmationStance::Ended);
        if by == *self.city() {
            return match mirror.filter(|mirror| mirror.city() == self.city() && is_so) {
                Some(own) => self.note_statement(unit, &own, None, Some(&record)).await,
                None => Ok(None),
            };
        }
        if record.city() != self.city() {
            return Ok(None);
        }
        if !self.shows(&mut unit.tx, &record, &by).await? {
            return Ok(Some(format!("{by} says something of {record}, which is not here or which it may not see")));
        }
        let date = || event.time.as_ref().and_then(from_timestamp).map(|time| time.date().to_string());
        let confirmation = Confirmation {
            city: format!("cities/{by}"),
            stance: statement.stance,
            date: if statement.date.is_empty() { date().unwrap_or_default() } else { statement.date.clone() },
            version_seen: statement.version_seen,
            remarks: statement.remarks.clone(),
            cooperation: cooperation.to_owned(),
        };
        let mirror = mirror.filter(|mirror| *mirror.city() == by && mirror.kind() == record.kind() && is_so);
        self.note_statement(unit, &record, Some(confirmation), mirror.as_ref()).await
    }

    /// Notes in an own record what a city says of it, and where that city has the same.
    async fn note_statement(
        &self,
        unit: &mut Unit,
        name: &Name,
        confirmation: Option<Confirmation>,
        mirror: Option<&Name>,
    ) -> Result<Option<String>, Error> {
        let Some(document) = unit.tx.document(name).await?.filter(|document| document.delete_time.is_none()) else {
            return Ok(None);
        };
        let resource = match name.kind() {
            Kind::Agreement => {
                let mut agreement: Agreement = decoded(&document)?;
                noted(&mut agreement.confirmations, &mut agreement.mirrors, confirmation, mirror);
                to_dynamic(&agreement)
            }
            Kind::Partnership => {
                let mut partnership: Partnership = decoded(&document)?;
                noted(&mut partnership.confirmations, &mut partnership.mirrors, confirmation, mirror);
                to_dynamic(&partnership)
            }
            // Of other records nothing is kept that could be confirmed; what was said stands in the cooperation.
            _ => return Ok(None),
        };
        self.write_record(unit, name, Some(&document), Resource(resource)).await
    }

    /// Writes an own record as the rules want it. Returns why it could not be, if it could not.
    async fn write_record(
        &self,
        unit: &mut Unit,
        name: &Name,
        current: Option<&Document>,
        mut resource: Resource,
    ) -> Result<Option<String>, Error> {
        let (kind, now) = (name.kind(), self.now());
        resource.set_name(name);
        settle(kind, &mut resource.0, now.date());
        let problem = |violations: Violations| Some(format!("{name}: {violations}"));
        if let Err(violations) = hooks::must_be_right(kind, &resource.0, now) {
            return Ok(problem(violations));
        }
        match self.references_must_exist(&mut unit.tx, kind, &resource.0, kind.as_str()).await {
            Ok(()) => {}
            Err(Error::Invalid(violations)) => return Ok(problem(violations)),
            Err(error) => return Err(error),
        }
        let Some(current) = current else {
            let document = self.first_version(name, &mut resource);
            unit.tx.insert_documents(std::slice::from_ref(&document)).await?;
            unit.changes.push(Change::created(document));
            return Ok(None);
        };
        if resource.content() == Resource::decode(kind, current.body.clone())?.content() {
            return Ok(None);
        }
        let document = self.next_version(current, &mut resource);
        if !unit.tx.update_document(&document, current.revision).await? {
            return Err(Error::internal(format!("{name} was changed in the middle of a transaction")));
        }
        unit.changes.push(Change::updated(document).after(current));
        Ok(None)
    }
}

/// What an event says of a record.
fn statement_of(event: &CooperationEvent) -> Option<&Statement> {
    match event.action.as_ref()? {
        Action::Proposal(proposal) => proposal.statement.as_ref(),
        Action::Answer(answer) => answer.statement.as_ref(),
        _ => None,
    }
}

fn noted(
    confirmations: &mut Vec<Confirmation>,
    mirrors: &mut Vec<String>,
    confirmation: Option<Confirmation>,
    mirror: Option<&Name>,
) {
    if let Some(confirmation) = confirmation {
        match confirmations.iter_mut().find(|one| one.city == confirmation.city) {
            Some(present) => *present = confirmation,
            None => confirmations.push(confirmation),
        }
    }
    if let Some(mirror) = mirror.map(ToString::to_string)
        && !mirrors.contains(&mirror)
    {
        mirrors.push(mirror);
    }
}

fn decoded<M: prost::Message + Default>(document: &Document) -> Result<M, Error> {
    M::decode(document.body.clone()).map_err(Error::internal)
}
