//! Deleting and restoring. What is deleted stays: it keeps its name, its history and what it refers to.

use std::collections::BTreeSet;

use isopolity_domain::{Kind, Name, consent};
use isopolity_proto::types::RecordState;
use isopolity_store::{Document, Tx};
use prost_reflect::DynamicMessage;
use time::OffsetDateTime;

use super::{Asked, Change, NODE, Resource, Terms, settle::version_after};
use crate::{Caller, Error, Registry, Right};

/// How many users an error names.
const USERS_NAMED: usize = 10;
/// What belongs to a partnership: it is deleted and restored with it.
const BELONGING: [Kind; 3] = [Kind::StageEvent, Kind::ConditionAssessment, Kind::IndicatorObservation];

impl Registry {
    /// Deletes a resource, withdraws it from the feed and returns it as it is kept. What belongs to a partnership, its stage
    /// events, assessments and observations, is deleted with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is deleted already, [`Error::AppendOnly`], [`Error::EtagMismatch`],
    /// [`Error::InUse`], or what the store says. Nothing is written then.
    pub async fn delete(
        &self,
        caller: &Caller,
        name: &Name,
        etag: &str,
        terms: Terms<'_>,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        self.must_be_ours(name, "name")?;
        let asked = Asked::of_bytes(caller, terms, "delete", &[&name.to_string(), etag], &[])?;
        let mut tx = self.store().begin("delete").await?;
        if let Some(answer) = self.answer_given(&mut tx, asked.as_ref()).await? {
            return Ok(answer);
        }
        let current = tx.document(name).await?.filter(|document| document.delete_time.is_none());
        let current = current.ok_or_else(|| Error::NotFound(name.to_string()))?;
        if name.kind() == Kind::StageEvent {
            return Err(Error::AppendOnly(name.clone()));
        }
        must_be_at(&current, etag)?;
        let changes = self.deletion(&mut tx, current).await?;
        self.settle_first(tx, caller, asked, changes, terms).await
    }

    /// Deletes a resource that nobody has changed since `before`, without anybody asking. `false` if there is none.
    ///
    /// # Errors
    /// [`Error::InUse`], or what the store says. Nothing is written then.
    pub(crate) async fn delete_unasked(&self, name: &Name, before: OffsetDateTime) -> Result<bool, Error> {
        let mut tx = self.store().begin("delete expired").await?;
        let is_old = |document: &Document| document.delete_time.is_none() && document.update_time < before;
        let Some(current) = tx.document(name).await?.filter(is_old) else { return Ok(false) };
        let changes = self.deletion(&mut tx, current).await?;
        self.settle(tx, NODE, changes, false).await?;
        Ok(true)
    }

    /// Marks a document as deleted, and what belongs to it.
    async fn deletion(&self, tx: &mut Tx, current: Document) -> Result<Vec<Change>, Error> {
        let mut all = belonging(tx, &current.name).await?;
        unused(tx, &current.name, &all).await?;
        all.insert(0, current);

        // One time for all of them, by which they are found again.
        let now = all.iter().map(|document| document.update_time).fold(self.now(), Ord::max);
        let mut changes = Vec::with_capacity(all.len());
        for current in &all {
            let mut resource = Resource::decode(current.name.kind(), current.body.clone())?;
            resource.set_state(RecordState::Withdrawn);
            let document = version_after(current, &mut resource, now, Some(now));
            if !tx.update_document(&document, current.revision).await? {
                return Err(Error::EtagMismatch(current.name.clone()));
            }
            changes.push(Change::deleted(document).after(current));
        }
        Ok(changes)
    }

    /// Restores a deleted resource as it was before, publishes it again and returns it; with a partnership what was deleted
    /// with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotDeleted`], [`Error::EtagMismatch`], [`Error::Invalid`] if what it refers to is not
    /// there any more, or what the store says. Nothing is written then.
    pub async fn undelete(
        &self,
        caller: &Caller,
        name: &Name,
        etag: &str,
        terms: Terms<'_>,
    ) -> Result<DynamicMessage, Error> {
        caller.must(Right::Edit)?;
        self.must_be_ours(name, "name")?;
        let asked = Asked::of_bytes(caller, terms, "undelete", &[&name.to_string(), etag], &[])?;
        let mut tx = self.store().begin("undelete").await?;
        if let Some(answer) = self.answer_given(&mut tx, asked.as_ref()).await? {
            return Ok(answer);
        }
        let current = tx.document(name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let Some(delete_time) = current.delete_time else { return Err(Error::NotDeleted(name.clone())) };
        must_be_at(&current, etag)?;
        let mut all = vec![current];
        if name.kind() == Kind::Partnership {
            let deleted = tx.deleted_referrers(name, delete_time).await?;
            all.extend(deleted.into_iter().filter(|document| belongs_to(name, document)));
        }
        let mut changes = Vec::with_capacity(all.len());
        for current in &all {
            let mut resource = before_deletion(&mut tx, current).await?;
            // A consent may have ended meanwhile.
            consent::narrow(current.name.kind(), &mut resource.0, self.now().date());
            let document = version_after(current, &mut resource, self.now(), None);
            if !tx.update_document(&document, current.revision).await? {
                return Err(Error::EtagMismatch(current.name.clone()));
            }
            changes.push(Change::restored(document).after(current));
        }
        // Only now: they may refer to one another.
        for Change { document, .. } in &changes {
            let kind = document.name.kind();
            let resource = Resource::decode(kind, document.body.clone())?;
            self.references_must_exist(&mut tx, kind, &resource.0, kind.as_str()).await?;
        }
        self.settle_first(tx, caller, asked, changes, terms).await
    }

    /// Settles changes of which the first answers the request.
    async fn settle_first(
        &self,
        mut tx: Tx,
        caller: &Caller,
        asked: Option<Asked>,
        changes: Vec<Change>,
        terms: Terms<'_>,
    ) -> Result<DynamicMessage, Error> {
        let first = changes.first().map(|change| change.document.clone());
        let first = first.ok_or_else(|| Error::internal("a change of nothing"))?;
        self.remember(&mut tx, asked, &first.name, first.revision).await?;
        self.settle(tx, caller, changes, terms.validate_only).await?;
        Ok(Resource::decode(first.name.kind(), first.body)?.read_at(self.now()))
    }
}

/// What belongs to a partnership and goes with it.
async fn belonging(tx: &mut Tx, name: &Name) -> Result<Vec<Document>, Error> {
    let mut belonging = Vec::new();
    if name.kind() == Kind::Partnership {
        for kind in BELONGING {
            let names = tx.referrers_of_kind(name, kind, None, u64::MAX).await?;
            let documents = tx.documents(&names).await?;
            belonging.extend(documents.into_iter().filter(|document| belongs_to(name, document)));
        }
    }
    Ok(belonging)
}

/// Whether a document says that this partnership is its own.
pub(crate) fn belongs_to(partnership: &Name, document: &Document) -> bool {
    BELONGING.contains(&document.name.kind())
        && Resource::decode(document.name.kind(), document.body.clone())
            .is_ok_and(|resource| resource.text("partnership") == partnership.to_string())
}

/// Refuses to delete what others use that stay.
async fn unused(tx: &mut Tx, name: &Name, belonging: &[Document]) -> Result<(), Error> {
    let mut going: BTreeSet<&Name> = belonging.iter().map(|document| &document.name).collect();
    going.insert(name);
    let mut used_by = BTreeSet::new();
    for gone in &going {
        // So many that not all of them can be among what goes.
        let users = tx.referrers(gone, (going.len() + USERS_NAMED) as u64).await?;
        used_by.extend(users.into_iter().filter(|user| !going.contains(user)));
    }
    if used_by.is_empty() {
        return Ok(());
    }
    Err(Error::InUse { name: name.clone(), used_by: used_by.into_iter().take(USERS_NAMED).collect() })
}

/// A deleted resource as it was before its deletion.
async fn before_deletion(tx: &mut Tx, current: &Document) -> Result<Resource, Error> {
    let kind = current.name.kind();
    if let Some(revision) = tx.revision(&current.name, current.revision - 1).await? {
        return Resource::decode(kind, revision.body);
    }
    // A version of this software that keeps no history wrote it.
    let mut resource = Resource::decode(kind, current.body.clone())?;
    resource.set_state(RecordState::Active);
    Ok(resource)
}

fn must_be_at(current: &Document, etag: &str) -> Result<(), Error> {
    if etag.is_empty() || etag == current.revision.to_string() {
        return Ok(());
    }
    Err(Error::EtagMismatch(current.name.clone()))
}
