//! What is written with every change, in the same transaction: history, references, signed records and the feed.

use isopolity_domain::{
    Kind, Name,
    audit::Subject,
    clock::to_timestamp,
    feed::{Position, Publication},
    record, validate,
};
use isopolity_proto::{options::Audience, registry::RevisionChange};
use isopolity_store::{Document, Revision, Tx};
use time::OffsetDateTime;

use super::{Resource, narrow::shown_to};
use crate::{Error, Registry};

/// Who made a change that nobody asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node;

/// The one.
pub(crate) const NODE: Node = Node;

/// A document that the transaction has written, and what was done with it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) document: Document,
    pub(crate) kind: RevisionChange,
    /// The document's body before, where that is known.
    pub(crate) before: Option<bytes::Bytes>,
}

impl Change {
    pub(crate) fn created(document: Document) -> Self {
        Self { document, kind: RevisionChange::Created, before: None }
    }

    pub(crate) fn updated(document: Document) -> Self {
        Self { document, kind: RevisionChange::Updated, before: None }
    }

    pub(crate) fn deleted(document: Document) -> Self {
        Self { document, kind: RevisionChange::Deleted, before: None }
    }

    pub(crate) fn restored(document: Document) -> Self {
        Self { document, kind: RevisionChange::Restored, before: None }
    }

    /// The same, with what the document was before, for the audit log. Without it that is looked up in the history.
    pub(crate) fn after(mut self, before: &Document) -> Self {
        self.before = Some(before.body.clone());
        self
    }
}

/// What a transaction has published, to be told once it is committed.
#[derive(Debug)]
#[must_use = "what was published is told after the commit"]
pub(crate) struct Settled {
    position: Position,
    names: Vec<String>,
}

impl Registry {
    /// Writes history, references, records, feed and audit entries of documents that the transaction already holds, and commits.
    /// What is deleted is withdrawn from the feed. `author` is who did it, or [`NODE`].
    ///
    /// # Errors
    /// [`Error::AppendOnly`] for a stage event that was changed, or what the store says. Nothing is written then.
    pub(crate) async fn settle(
        &self,
        mut tx: Tx,
        author: impl Into<Subject>,
        changes: Vec<Change>,
        validate_only: bool,
    ) -> Result<(), Error> {
        must_not_rewrite(&changes)?;
        if validate_only || changes.is_empty() {
            return Ok(());
        }
        let settled = self.settle_within(&mut tx, author, changes).await?;
        tx.commit().await?;
        self.tell_settled(settled);
        Ok(())
    }

    /// The same as part of a transaction that writes other things too, and without a commit: after that comes
    /// [`Registry::tell_settled`]. At most once in a transaction.
    ///
    /// # Errors
    /// As [`Registry::settle`].
    pub(crate) async fn settle_within(
        &self,
        tx: &mut Tx,
        author: impl Into<Subject>,
        mut changes: Vec<Change>,
    ) -> Result<Settled, Error> {
        let author = author.into();
        must_not_rewrite(&changes)?;
        let tells_of_conditions =
            |change: &Change| matches!(change.document.name.kind(), Kind::ConditionAssessment | Kind::StageEvent);
        if changes.iter().any(tells_of_conditions) {
            tx.set_references_of(&references_of(&changes)?).await?;
            self.reassess(tx, &mut changes).await?;
        }
        let others = self.events_shown_to_others(tx, &changes).await?;
        let documents = changes.iter().map(|change| &change.document).chain(&others);
        let circles = self.circles_of(tx, documents).await?;
        let count = i64::try_from(changes.len() + others.len()).map_err(Error::internal)?;
        let first = tx.next_positions(count).await?;
        let mut publications = Vec::with_capacity(changes.len() + others.len());
        let mut revisions = Vec::with_capacity(changes.len());
        let mut references = Vec::with_capacity(changes.len());
        let mut position = first;
        for change in changes {
            let message = Resource::decode(change.document.name.kind(), change.document.body.clone())?;
            self.audit_change(tx, &author, &change, &message).await?;
            let Change { document, kind, .. } = change;
            if kind != RevisionChange::Deleted {
                references.push(references_from(&document, &message));
            }
            let (audience, message) = shown_to(&document, message, &circles);
            publications.push(self.publication(&document, audience, &message, &position));
            revisions.push(Revision {
                name: document.name,
                revision: document.revision,
                time: document.update_time,
                author: author.id().to_owned(),
                change: kind,
                body: document.body,
            });
            position.sequence += 1;
        }
        for document in others {
            let message = Resource::decode(document.name.kind(), document.body.clone())?;
            let (audience, message) = shown_to(&document, message, &circles);
            publications.push(self.publication(&document, audience, &message, &position));
            position.sequence += 1;
        }
        position.sequence -= 1;
        tx.set_references_of(&references).await?;
        tx.add_revisions(&revisions).await?;
        tx.publish(&publications).await?;
        Ok(Settled { position, names: publications.into_iter().map(|publication| publication.name).collect() })
    }

    /// Tells those who wait for it what a transaction has published. After its commit.
    pub(crate) fn tell_settled(&self, settled: Settled) {
        self.inner.hot.superseded(settled.names.iter().map(String::as_str));
        self.published(settled.position);
    }

    fn publication(
        &self,
        document: &Document,
        audience: Audience,
        message: &Resource,
        position: &Position,
    ) -> Publication {
        if document.delete_time.is_some() {
            return Publication {
                sequence: position.sequence,
                name: document.name.to_string(),
                kind: document.name.kind().to_string(),
                records: Vec::new(),
            };
        }
        record::publication_until(
            &document.name,
            &message.0,
            audience,
            document.revision,
            position,
            to_timestamp(document.update_time),
            self.retention().delete_after(document.name.kind(), document.update_time).map(to_timestamp),
            &self.identity().record_key(),
        )
    }

    /// The first version of a resource as it is stored.
    pub(crate) fn first_version(&self, name: &Name, resource: &mut Resource) -> Document {
        let now = self.now();
        resource.set_name(name);
        resource.document(name.clone(), 1, now, now, None)
    }

    /// The next version of a resource as it is stored, not deleted.
    pub(crate) fn next_version(&self, current: &Document, resource: &mut Resource) -> Document {
        version_after(current, resource, self.now(), None)
    }

    /// Tells the index worker and searches that the feed has grown.
    pub(crate) fn published(&self, head: Position) {
        // Wakes nobody for what is known already, or the index worker would wake itself for ever.
        self.inner.head.send_if_modified(|known| {
            let news = known.epoch != head.epoch || known.sequence < head.sequence;
            if news {
                *known = head;
            }
            news
        });
    }
}

/// Whichever way it came: nobody rewrites what happened.
fn must_not_rewrite(changes: &[Change]) -> Result<(), Error> {
    let rewritten =
        |change: &&Change| change.kind == RevisionChange::Updated && change.document.name.kind() == Kind::StageEvent;
    match changes.iter().find(rewritten) {
        Some(change) => Err(Error::AppendOnly(change.document.name.clone())),
        None => Ok(()),
    }
}

/// What each of these documents refers to, but for those that were deleted: they keep theirs.
fn references_of(changes: &[Change]) -> Result<Vec<(Name, Vec<Name>)>, Error> {
    let kept = changes.iter().filter(|change| change.kind != RevisionChange::Deleted);
    kept.map(|Change { document, .. }| {
        let message = Resource::decode(document.name.kind(), document.body.clone())?;
        Ok(references_from(document, &message))
    })
    .collect()
}

fn references_from(document: &Document, message: &Resource) -> (Name, Vec<Name>) {
    let to = validate::references(document.name.kind(), &message.0).into_iter().map(|(_, name)| name);
    (document.name.clone(), to.collect())
}

/// The next version of a resource as it is stored, deleted or not.
pub(crate) fn version_after(
    current: &Document,
    resource: &mut Resource,
    now: OffsetDateTime,
    delete_time: Option<OffsetDateTime>,
) -> Document {
    // Never earlier than the version before, should the clock have been set back.
    let now = now.max(current.update_time);
    resource.set_name(&current.name);
    resource.document(current.name.clone(), current.revision + 1, current.create_time, now, delete_time)
}
