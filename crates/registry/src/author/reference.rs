//! What a resource refers to must be there, and what follows on one another must not lead back.

use isopolity_domain::{Kind, Name, Violation, Violations, validate};
use isopolity_proto::error::Reason;
use isopolity_store::Tx;
use prost_reflect::DynamicMessage;

use super::Resource;
use crate::{Error, Registry};

/// How far a chain of places, successors or better records is followed.
const STEPS_MAX: usize = 100;

impl Registry {
    /// Refuses references to resources of this city that do not exist or are deleted. Those of other cities can't be checked
    /// here.
    pub(crate) async fn references_must_exist(
        &self,
        tx: &mut Tx,
        kind: Kind,
        resource: &DynamicMessage,
        below: &str,
    ) -> Result<(), Error> {
        let references: Vec<_> =
            validate::references(kind, resource).into_iter().filter(|(_, name)| name.city() == self.city()).collect();
        if references.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = references.iter().map(|(_, name)| name.clone()).collect();
        let existing = tx.existing(&names).await?;
        let dangling = references
            .into_iter()
            .filter(|(_, name)| !existing.contains(name))
            .map(|(field, name)| dangling(&format!("{below}.{field}"), &name))
            .collect();
        Ok(Violations::check(dangling)?)
    }

    /// Refuses a place within itself, a successor of itself, and a resource that at last says better what it says itself.
    pub(crate) async fn must_not_lead_back(
        &self,
        tx: &mut Tx,
        name: &Name,
        resource: &Resource,
        below: &str,
    ) -> Result<(), Error> {
        let own = match name.kind() {
            Kind::Place => Some("parent"),
            Kind::Organization => Some("successor"),
            _ => None,
        };
        let mut violations = Vec::new();
        for field in own.into_iter().chain(["superseded_by"]) {
            if let Some(description) = self.leads_back(tx, name, resource, field).await? {
                violations.push(Violation::invalid(format!("{below}.{field}"), description));
            }
        }
        Ok(Violations::check(violations)?)
    }

    /// What is wrong with the chain that a field begins, if anything.
    async fn leads_back(
        &self,
        tx: &mut Tx,
        name: &Name,
        resource: &Resource,
        field: &str,
    ) -> Result<Option<String>, Error> {
        let mut next: Option<Name> = resource.text(field).parse().ok();
        for _ in 0..STEPS_MAX {
            let Some(step) = next.filter(|step| step.city() == self.city()) else { return Ok(None) };
            if step == *name {
                return Ok(Some(format!("leads back to {name} itself")));
            }
            let Some(document) = tx.document(&step).await? else { return Ok(None) };
            next = Resource::decode(step.kind(), document.body)?.text(field).parse().ok();
        }
        Ok(Some(format!("is followed by more than {STEPS_MAX} others: refer to the last of them")))
    }
}

pub(crate) fn dangling(field: &str, name: &Name) -> Violation {
    Violation {
        field: field.to_owned(),
        reason: Reason::ReferenceDangling,
        description: format!("{name} does not exist: create it first"),
    }
}
