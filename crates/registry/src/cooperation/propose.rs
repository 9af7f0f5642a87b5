//! What only this city's registry can say of a step: whether participants are peers, and whether records are there and may be seen.

use isopolity_domain::{
    CityId, Name, Violation, Violations,
    cooperation::{CooperationName, check_draft, check_step},
    sharing::Use,
};
use isopolity_proto::{
    admin::Granularity,
    cooperation::{Cooperation, Proposal, Statement, Step, step::Action},
    error::Reason,
};
use isopolity_store::Tx;

use super::outbox::others;
use crate::{Error, Registry, author::dangling};

impl Registry {
    /// Checks what a person enters before it is signed.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::ParticipantNotPeer`], or what the store says.
    pub(super) async fn check_entered(
        &self,
        tx: &mut Tx,
        cooperation: &Cooperation,
        name: &CooperationName,
        step: &Step,
    ) -> Result<(), Error> {
        match &step.action {
            Some(Action::Proposal(proposal)) => self.check_proposal(tx, proposal).await,
            Some(action) => {
                check_step(cooperation, self.city(), step).map_err(|violations| violations.below("step"))?;
                let Action::Answer(answer) = action else { return Ok(()) };
                let Some(statement) = &answer.statement else { return Ok(()) };
                let seen_by = others(cooperation, &[self.city(), name.host()]).into_iter().chain([name.host().clone()]);
                let mut found = Vec::new();
                self.check_mirror(tx, statement, "step.answer.statement", &seen_by.collect::<Vec<_>>(), &mut found)
                    .await?;
                Ok(Violations::check(found)?)
            }
            None => Err(Violation::required("step").into()),
        }
    }

    async fn check_proposal(&self, tx: &mut Tx, proposal: &Proposal) -> Result<(), Error> {
        check_draft(self.city(), proposal).map_err(|violations| violations.below("draft"))?;
        let participants: Vec<CityId> = proposal.participants.iter().filter_map(|city| city.parse().ok()).collect();
        let strangers: Vec<_> =
            participants.iter().filter(|city| self.must_be_active(city).is_err()).cloned().collect();
        if !strangers.is_empty() {
            return Err(Error::ParticipantNotPeer(strangers));
        }
        let mut found = Vec::new();
        for (at, subject) in proposal.subjects.iter().enumerate() {
            if let Ok(name) = subject.name.parse::<Name>()
                && name.city() == self.city()
            {
                self.must_be_shown(tx, &name, &format!("draft.subjects[{at}].name"), &participants, &mut found).await?;
            }
        }
        if let Some(statement) = &proposal.statement {
            let about = statement.record.parse::<Name>().ok();
            if !about.is_some_and(|record| participants.contains(record.city())) {
                found.push(Violation::invalid(
                    "draft.statement.record",
                    "must be a record of one of the participants: nobody else could show what is said of it",
                ));
            }
            self.check_mirror(tx, statement, "draft.statement", &participants, &mut found).await?;
        }
        Ok(Violations::check(found)?)
    }

    async fn check_mirror(
        &self,
        tx: &mut Tx,
        statement: &Statement,
        below: &str,
        seen_by: &[CityId],
        found: &mut Vec<Violation>,
    ) -> Result<(), Error> {
        match statement.mirror.parse::<Name>() {
            Ok(mirror) if mirror.city() == self.city() => {
                self.must_be_shown(tx, &mirror, &format!("{below}.mirror"), seen_by, found).await
            }
            _ => Ok(()),
        }
    }

    /// An own record that others are pointed to must be there, and one that all of them may see.
    async fn must_be_shown(
        &self,
        tx: &mut Tx,
        name: &Name,
        field: &str,
        to: &[CityId],
        found: &mut Vec<Violation>,
    ) -> Result<(), Error> {
        if tx.document(name).await?.is_none_or(|document| document.delete_time.is_some()) {
            found.push(dangling(field, name));
            return Ok(());
        }
        for city in to {
            if !self.shows(tx, name, city).await? {
                found.push(Violation {
                    field: field.to_owned(),
                    reason: Reason::FieldInvalid,
                    description: format!(
                        "{city} may not see {name}: widen its audience or the sharing agreement with {city}, or leave it out"
                    ),
                });
            }
        }
        Ok(())
    }

    /// Whether a city sees one of this city's records, by the sharing agreement with it. It asks for nothing now, so it needs no
    /// purpose.
    pub(super) async fn shows(&self, tx: &mut Tx, name: &Name, city: &CityId) -> Result<bool, Error> {
        let Ok(grant) = self.sight_of(city, Use::Greeting) else { return Ok(false) };
        if grant.granularity != Granularity::Records {
            return Ok(false);
        }
        let publication = tx.publication(name).await?;
        Ok(publication.is_some_and(|publication| grant.sight.record_of(&publication).is_some()))
    }
}
