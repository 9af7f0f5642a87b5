//! What becomes of each row: planned within one transaction, from what stands in the registry and the rows above.

use std::collections::{BTreeMap, BTreeSet};

use isopolity_domain::{
    Kind, Name, Violation, Violations,
    matching::{self, Subject},
    validate,
};
use isopolity_exchange::{Entry, Flaw, Outcome, Row};
use isopolity_proto::{
    admin::TombstoneReason,
    registry::{Partnership, RowFlaw, RowOutcome, StageEvent},
};
use isopolity_store::{Document, Tx};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use time::OffsetDateTime;

use super::{
    change::{Became, combine},
    form::Form,
    seen::Seen,
    takeover::Taken,
    too_large,
};
use crate::{
    Caller, Error, Registry,
    author::{Resource, dangling, hooks},
};

/// The largest resource.
const RESOURCE_MAX: usize = 1 << 20;

/// How far a chain of places, successors or better records is followed.
const STEPS_MAX: usize = 100;

/// What stands under a name.
#[derive(Clone, Debug)]
struct Standing {
    resource: Resource,
    /// As it is stored. `None` if a row above would write it.
    document: Option<Document>,
}

/// A resource that is to be written.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) name: Name,
    pub(super) resource: Resource,
    /// What it replaces.
    pub(super) before: Option<Document>,
    /// It comes with another one, if it is not there yet.
    pub(super) is_along: bool,
}

/// What becomes of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    pub(super) outcome: RowOutcome,
    pub(super) names: Vec<Name>,
    pub(super) flaws: Vec<RowFlaw>,
    pub(super) changed_fields: Vec<String>,
    /// New organisations and places, which may be known under another name.
    pub(super) unmatched: Vec<(Name, DynamicMessage)>,
}

impl Judged {
    /// What is compared of the new organisations and places.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.unmatched.iter().filter_map(|(name, resource)| matching::subject(name, resource)).collect()
    }
}

/// A plan for some rows.
pub(super) struct Plan<'a> {
    registry: &'a Registry,
    caller: &'a Caller,
    form: &'a Form,
    now: OffsetDateTime,
    standing: BTreeMap<Name, Standing>,
    /// Resources of this city that are there to be referred to.
    existing: BTreeSet<Name>,
    /// Names that were erased and are not given again.
    erased: BTreeSet<Name>,
    planned: BTreeSet<Name>,
    writes: Vec<Write>,
    taken: &'a mut Taken,
}

/// What a row wants of one resource.
struct Step {
    name: Name,
    document: Option<Document>,
    is_new: bool,
    became: Became,
}

impl<'a> Plan<'a> {
    /// Reads what the rows are about.
    pub(super) async fn prepare(
        registry: &'a Registry,
        caller: &'a Caller,
        form: &'a Form,
        tx: &mut Tx,
        seen: Option<&mut Seen>,
        taken: &'a mut Taken,
        rows: impl Iterator<Item = &Row>,
    ) -> Result<Self, Error> {
        let (mut names, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            let Outcome::Resources { entries, .. } = &row.outcome else { continue };
            for entry in entries.iter().filter(|entry| entry.name.city() == registry.city()) {
                names.insert(entry.name.clone());
                let references = validate::references(entry.name.kind(), &entry.resource);
                wanted.extend(references.into_iter().map(|(_, to)| to).filter(|to| to.city() == registry.city()));
            }
        }
        let names: Vec<Name> = names.into_iter().collect();
        let wanted: Vec<Name> = wanted.into_iter().collect();
        let erased = tx.tombstones_of(&names).await?.into_iter();
        let erased = erased.filter(|one| one.reason == TombstoneReason::Erased).map(|one| one.name).collect();
        let mut standing = BTreeMap::new();
        for document in tx.documents(&names).await? {
            let resource = Resource::decode(document.name.kind(), document.body.clone())?;
            standing.insert(document.name.clone(), Standing { resource, document: Some(document) });
        }
        let mut existing = if wanted.is_empty() { BTreeSet::new() } else { tx.existing(&wanted).await? };
        if let Some(seen) = seen {
            for name in names {
                if let Some(body) = seen.get(&name).await.map_err(Error::internal)? {
                    let resource = Resource::decode(name.kind(), body)?;
                    standing.insert(name, Standing { resource, document: None });
                }
            }
            existing.extend(wanted.into_iter().filter(|name| seen.holds(name)));
        }
        let (planned, writes) = (BTreeSet::new(), Vec::new());
        Ok(Self { registry, caller, form, now: registry.now(), standing, existing, erased, planned, writes, taken })
    }

    /// What becomes of the next row. `None`: it changes what a row above writes, so that has to be written first.
    pub(super) async fn take(
        &mut self,
        tx: &mut Tx,
        seen: Option<&mut Seen>,
        outcome: &Outcome,
    ) -> Result<Option<Judged>, Error> {
        match outcome {
            Outcome::Skipped => Ok(Some(Judged { outcome: RowOutcome::Skipped, ..Judged::default() })),
            Outcome::Rejected(flaws) => {
                let flaws = flaws.iter().map(reported).collect();
                Ok(Some(Judged { outcome: RowOutcome::Rejected, flaws, ..Judged::default() }))
            }
            Outcome::Resources { entries, doubts } => self.resources(tx, seen, entries, doubts).await,
        }
    }

    /// What is to be written, in the order of the rows.
    pub(super) fn into_writes(self) -> Vec<Write> {
        self.writes
    }

    async fn resources(
        &mut self,
        tx: &mut Tx,
        mut seen: Option<&mut Seen>,
        entries: &[Entry],
        doubts: &[Flaw],
    ) -> Result<Option<Judged>, Error> {
        let mut judged = Judged { outcome: RowOutcome::Same, ..Judged::default() };
        let mut steps: Vec<Step> = Vec::new();
        for entry in entries {
            if !judged.names.contains(&entry.name) {
                judged.names.push(entry.name.clone());
            }
            match self.step(entry, &steps) {
                Ok(step) if self.planned.contains(&step.name) && !step.became.changed_fields.is_empty() => {
                    return Ok(None);
                }
                Ok(step) => match steps.iter_mut().find(|one| one.name == step.name) {
                    Some(above) => *above = step,
                    None => steps.push(step),
                },
                Err(violation) => judged.flaws.push(flaw(entry, entries, violation)),
            }
        }
        for step in steps.iter().filter(|step| step.is_new || !step.became.changed_fields.is_empty()) {
            let mut violations = self.violations(step, &steps);
            if violations.is_empty() {
                violations = self.leading_back(tx, seen.as_deref_mut(), step, &steps).await?;
            }
            if violations.is_empty() && step.is_new && step.name.kind() == Kind::StageEvent {
                violations.extend(self.out_of_course(tx, seen.as_deref_mut(), step, &steps).await?);
            }
            if let Some(entry) = entries.iter().find(|entry| entry.name == step.name) {
                judged.flaws.extend(violations.into_iter().map(|violation| flaw(entry, entries, violation)));
            }
            judged.outcome = match judged.outcome {
                _ if step.is_new => RowOutcome::New,
                RowOutcome::Same => RowOutcome::Changed,
                other => other,
            };
        }
        if let [step] = steps.as_slice() {
            judged.changed_fields.clone_from(&step.became.changed_fields);
        }
        let refused = if judged.flaws.is_empty() { None } else { Some(RowOutcome::Rejected) };
        // What stands there already was looked at before.
        let doubted = !doubts.is_empty() && !self.form.accepts_doubts() && judged.outcome != RowOutcome::Same;
        if let Some(outcome) = refused.or(doubted.then_some(RowOutcome::Doubtful)) {
            judged.outcome = outcome;
            judged.changed_fields.clear();
            judged.flaws.extend(doubts.iter().map(reported));
            return Ok(Some(judged));
        }
        for step in steps {
            self.accept(step, &mut judged)?;
        }
        Ok(Some(judged))
    }

    /// What an entry makes of what stands under its name.
    fn step(&self, entry: &Entry, above: &[Step]) -> Result<Step, Violation> {
        let name = &entry.name;
        self.registry.must_be_ours(name, "name")?;
        let size = entry.resource.encoded_len();
        if size > RESOURCE_MAX {
            return Err(too_large("", size, RESOURCE_MAX));
        }
        if let Some(above) = above.iter().find(|step| step.name == *name) {
            let mut became = self.combined(name, Some(&above.became.resource), &entry.resource)?;
            became.changed_fields.extend(above.became.changed_fields.iter().cloned());
            became.changed_fields.sort_unstable();
            became.changed_fields.dedup();
            became.along.extend(above.became.along.iter().cloned());
            let (document, is_new) = (above.document.clone(), above.is_new);
            return Ok(Step { name: name.clone(), document, is_new, became });
        }
        if self.erased.contains(name) {
            let description =
                format!("{name} was erased here: its name is not given again; take the row out of the file");
            return Err(Violation::invalid("", description));
        }
        let standing = self.standing.get(name);
        if let Some(time) = standing.and_then(|standing| standing.document.as_ref()?.delete_time) {
            let description =
                format!("{name} was deleted here on {}: restore it, or take the row out of the file", time.date());
            return Err(Violation::invalid("", description));
        }
        let before = standing.map(|standing| &standing.resource);
        let became = self.combined(name, before, &entry.resource)?;
        if before.is_some() && name.kind() == Kind::StageEvent && !became.changed_fields.is_empty() {
            let description = "a stage event is never changed: enter another one that corrects it";
            return Err(Violation::invalid("", description));
        }
        let document = standing.and_then(|standing| standing.document.clone());
        Ok(Step { name: name.clone(), document, is_new: before.is_none(), became })
    }

    fn combined(&self, name: &Name, before: Option<&Resource>, stated: &DynamicMessage) -> Result<Became, Violation> {
        combine(self.form, self.caller, name, before, stated, self.now).map_err(|error| {
            let first = match &error {
                Error::Invalid(Violations(violations)) => violations.first().cloned(),
                _ => None,
            };
            first.unwrap_or_else(|| Violation::invalid("", error.to_string()))
        })
    }

    /// What is wrong with a resource as it would be written.
    fn violations(&self, step: &Step, steps: &[Step]) -> Vec<Violation> {
        let (kind, resource) = (step.name.kind(), &step.became.resource.0);
        if let Err(violation) = step.became.resource.must_not_be_withdrawn(kind) {
            return vec![Violation { field: "state".to_owned(), ..violation }];
        }
        if let Err(violations) = hooks::must_be_right(kind, resource, self.now) {
            return violations.0;
        }
        let is_there = |to: &Name| self.existing.contains(to) || steps.iter().any(|step| step.name == *to);
        let mut missing: Vec<(String, Name)> = validate::references(kind, resource)
            .into_iter()
            .filter(|(_, to)| to.city() == self.registry.city() && !is_there(to))
            .collect();
        if let Some(standing) = self.standing.get(&step.name).filter(|_| !missing.is_empty()) {
            // What it referred to before is there: a resource in use is not deleted.
            let before = validate::references(kind, &standing.resource.0);
            missing.retain(|(_, to)| !before.iter().any(|(_, known)| known == to));
        }
        missing.into_iter().map(|(field, to)| dangling(&field, &to)).collect()
    }

    /// Refuses a place within itself, a successor of itself, and what at last is superseded by itself.
    async fn leading_back(
        &self,
        tx: &mut Tx,
        mut seen: Option<&mut Seen>,
        step: &Step,
        steps: &[Step],
    ) -> Result<Vec<Violation>, Error> {
        let own = match step.name.kind() {
            Kind::Place => Some("parent"),
            Kind::Organization => Some("successor"),
            _ => None,
        };
        let mut violations = Vec::new();
        for field in own.into_iter().chain(["superseded_by"]) {
            let is_news = step.is_new || step.became.changed_fields.iter().any(|changed| changed == field);
            let first = step.became.resource.text(field).parse::<Name>().ok();
            let Some(mut next) = first.filter(|first| is_news && first.city() == self.registry.city()) else {
                continue;
            };
            // Nothing can lead to a new resource yet, except what its own row brings.
            let most = if step.is_new && steps.len() == 1 { 1 } else { STEPS_MAX };
            for _ in 0..most {
                if next == step.name {
                    violations.push(Violation::invalid(field, format!("leads back to {} itself", step.name)));
                    break;
                }
                let Some(text) = self.text_of(tx, seen.as_deref_mut(), &next, field, steps).await? else { break };
                let Ok(after) = text.parse::<Name>() else { break };
                next = after;
            }
        }
        Ok(violations)
    }

    /// Refuses an event that would move a partnership past what this registry holds of it.
    async fn out_of_course(
        &self,
        tx: &mut Tx,
        seen: Option<&mut Seen>,
        step: &Step,
        steps: &[Step],
    ) -> Result<Option<Violation>, Error> {
        let event: StageEvent = step.became.resource.typed()?;
        // That it is there was seen before; one of another city has no stages here.
        let Ok(name) = Name::parse_as(Kind::Partnership, &event.partnership) else { return Ok(None) };
        let Some(partnership) = self.resource_of(tx, seen, &name, steps).await? else { return Ok(None) };
        let partnership: Partnership = partnership.typed()?;
        Ok(self.taken.judge(tx, &partnership, &name, &event).await?.err())
    }

    /// A field of a resource as it stands after the rows so far.
    async fn text_of(
        &self,
        tx: &mut Tx,
        seen: Option<&mut Seen>,
        name: &Name,
        field: &str,
        steps: &[Step],
    ) -> Result<Option<String>, Error> {
        Ok(self.resource_of(tx, seen, name, steps).await?.map(|resource| resource.text(field)))
    }

    /// A resource as it stands after the rows so far.
    async fn resource_of(
        &self,
        tx: &mut Tx,
        seen: Option<&mut Seen>,
        name: &Name,
        steps: &[Step],
    ) -> Result<Option<Resource>, Error> {
        if let Some(step) = steps.iter().find(|step| step.name == *name) {
            return Ok(Some(step.became.resource.clone()));
        }
        if let Some(standing) = self.standing.get(name) {
            return Ok(Some(standing.resource.clone()));
        }
        if let Some(seen) = seen
            && let Some(body) = seen.get(name).await.map_err(Error::internal)?
        {
            return Resource::decode(name.kind(), body).map(Some);
        }
        let Some(document) = tx.document(name).await? else { return Ok(None) };
        Resource::decode(name.kind(), document.body).map(Some)
    }

    fn accept(&mut self, step: Step, judged: &mut Judged) -> Result<(), Error> {
        let Step { name, document, is_new, became } = step;
        if !is_new && became.changed_fields.is_empty() {
            return Ok(());
        }
        match name.kind() {
            Kind::Partnership if is_new && became.along.is_empty() => self.taken.bring(&name),
            Kind::StageEvent if is_new => self.taken.take(&name, &became.resource, self.now)?,
            _ => {}
        }
        if is_new && matches!(name.kind(), Kind::Organization | Kind::Place) {
            judged.unmatched.push((name.clone(), became.resource.0.clone()));
        }
        let written = Write { name, resource: became.resource, before: document, is_along: false };
        let along = became.along.into_iter().filter(|(name, _)| !self.standing.contains_key(name));
        let along = along.map(|(name, resource)| Write { name, resource, before: None, is_along: true });
        let writes: Vec<Write> = std::iter::once(written).chain(along).collect();
        for write in writes {
            let Write { name, resource, .. } = &write;
            self.planned.insert(name.clone());
            self.existing.insert(name.clone());
            self.standing.insert(name.clone(), Standing { resource: resource.clone(), document: None });
            self.writes.push(write);
        }
        Ok(())
    }
}

fn reported(flaw: &Flaw) -> RowFlaw {
    let Flaw { column, character, description } = flaw.clone();
    RowFlaw { column, character, description }
}

/// A violation of one of a row's resources. Where there are several, it says of which.
fn flaw(entry: &Entry, entries: &[Entry], violation: Violation) -> RowFlaw {
    let Violation { field, description, .. } = violation;
    let description = if entries.len() > 1 { format!("{}: {description}", entry.name) } else { description };
    RowFlaw { column: field, character: 0, description }
}
