//! Erasure: a resource and everything that holds its values are gone, and its name stays, so that it is not given again and others
//! learn that it is gone.

use std::collections::BTreeSet;

use bytes::Bytes;
use isopolity_domain::{
    Kind, Name, Violation,
    audit::Subject,
    clock::to_timestamp,
    feed::Publication,
    subject::{self, Needle},
};
use isopolity_proto::{
    admin::{
        AuditAction, CleanUp, CleanUpClass, CleanUpItem, EraseHistoryResponse, EraseResourceResponse, TombstoneReason,
    },
    registry::QuarantinedRow,
};
use isopolity_store::{Document, Tombstone, Tx};
use prost::Message as _;
use tracing::{info, warn};

use super::{shown, subject::Subject as About};
use crate::{
    Caller, Error, Registry, Right,
    author::{Change, Resource, belongs_to, hooks},
};

/// The longest reason, in characters.
const REASON_MAX: usize = 200;
/// Rows and documents that are read at once.
const AT_ONCE: u64 = 500;
/// Values that are looked for at once.
const VALUES_AT_ONCE: usize = 50;
/// How many referring records are named, and how many that mention a value.
const REFERENCES_NAMED: usize = 1_000;
const MENTIONS_NAMED: usize = 100;
/// How many cooperations are named.
const COOPERATIONS_NAMED: usize = 100;
/// How many users an error names.
const USERS_NAMED: usize = 10;

/// What is to be erased, and how.
#[derive(Clone, Debug)]
pub struct Erasure<'a> {
    /// The resource.
    pub name: &'a Name,
    /// Why. It stays with the tombstone.
    pub reason: &'a str,
    /// Take the name out of what refers to it.
    pub cut_references: bool,
    /// Say what would go, and change nothing.
    pub validate_only: bool,
}

/// What an erasure found.
struct Found {
    /// What goes, with the resource itself.
    names: BTreeSet<Name>,
    /// What stays and refers to it.
    referring: Vec<Document>,
    /// Rows in quarantine that carry a value.
    rows: Vec<String>,
    /// What stays and holds a value in its text.
    mentions: Vec<String>,
}

impl Registry {
    /// Erases a resource with everything here that holds its values, withdraws it from the feed and leaves a tombstone.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`]; [`Error::Invalid`]; [`Error::NotFound`]; [`Error::NotErasable`];
    /// [`Error::InUse`] if others refer to it and that is not cut, or if one of them would not be whole without. Nothing is written
    /// then.
    pub async fn erase(&self, caller: &Caller, erasure: Erasure<'_>) -> Result<EraseResourceResponse, Error> {
        caller.must(Right::Administer)?;
        let Erasure { name, reason, cut_references, validate_only } = erasure;
        self.must_be_ours(name, "name")?;
        if reason.trim().is_empty() {
            return Err(Violation::required("reason").into());
        }
        if reason.chars().count() > REASON_MAX {
            return Err(Violation::invalid("reason", format!("is longer than {REASON_MAX} characters")).into());
        }
        if matches!(name.kind(), Kind::City | Kind::StageEvent) {
            return Err(Error::NotErasable(name.clone()));
        }
        self.flush_audit().await?;
        // Histories can be long: they are read before anything else has to wait.
        let about = About { resource: Some(name.clone()), needles: self.needles_of(name).await? };
        let cooperations = self.cooperations_mentioning(&about, COOPERATIONS_NAMED).await?;
        let mut tx = self.store().begin("erase").await?;
        let before = tx.tombstones_of(std::slice::from_ref(name)).await?.pop();
        if let Some(before) = before.as_ref().filter(|one| one.reason == TombstoneReason::Erased) {
            drop(tx);
            let answer = EraseResourceResponse { tombstones: vec![shown(before.clone())], ..Default::default() };
            return Ok(if validate_only { answer } else { self.clean_files(answer).await });
        }
        let document = tx.document(name).await?;
        if document.is_none() && before.is_none() {
            return Err(Error::NotFound(name.to_string()));
        }
        let found = self.find_all(&mut tx, name, document).await?;
        let mut answer = EraseResourceResponse {
            quarantined_rows: i64::try_from(found.rows.len()).unwrap_or(i64::MAX),
            references: named(&found.referring),
            mentions: found.mentions.clone(),
            cooperations,
            ..Default::default()
        };
        // A deleted one that refers to it holds the name and nothing else; it can't be restored without it.
        let live: Vec<&Document> = found.referring.iter().filter(|one| one.delete_time.is_none()).collect();
        let cut = self.without(&found.names, &live, cut_references || validate_only)?;
        if validate_only {
            answer.tombstones = found.names.iter().map(|name| shown(self.tombstone(caller, name, reason, 0))).collect();
            return Ok(answer);
        }

        let names: Vec<Name> = found.names.iter().cloned().collect();
        answer.revisions = i64::try_from(tx.erase_documents(&names).await?).unwrap_or(i64::MAX);
        for id in &found.rows {
            tx.remove_quarantined(id).await?;
        }
        let mut position = tx.next_positions(i64::try_from(names.len()).map_err(Error::internal)?).await?;
        let mut publications = Vec::with_capacity(names.len());
        let mut tombstones = Vec::with_capacity(names.len());
        for name in &names {
            publications.push(Publication {
                sequence: position.sequence,
                name: name.to_string(),
                kind: name.kind().to_string(),
                records: Vec::new(),
            });
            tombstones.push(self.tombstone(caller, name, reason, position.sequence));
            position.sequence += 1;
        }
        position.sequence -= 1;
        tx.publish(&publications).await?;
        tx.put_tombstones(&tombstones).await?;
        let through = tx.audit_chain().await?.head.sequence;
        for name in &names {
            self.erase_details(&mut tx, caller, name, reason, through).await?;
            tx.audit(self.event(caller, AuditAction::ResourceErased).about(name).saying(reason));
        }
        let mut changes = Vec::with_capacity(cut.len());
        for (current, mut resource) in cut {
            let document = self.next_version(current, &mut resource);
            if !tx.update_document(&document, current.revision).await? {
                return Err(Error::EtagMismatch(current.name.clone()));
            }
            changes.push(Change::updated(document));
        }
        if changes.is_empty() {
            tx.commit().await?;
        } else {
            self.settle(tx, caller, changes, false).await?;
        }
        self.inner.hot.superseded(publications.iter().map(|publication| publication.name.as_str()));
        self.published(position);
        info!(resource.name = %name, erased = names.len(), author = caller.id(), "a record was erased");
        answer.tombstones = tombstones.into_iter().map(shown).collect();
        Ok(self.clean_files(answer).await)
    }

    /// Erases the former versions of a resource; the present one stays.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`]; [`Error::Invalid`]; [`Error::NotFound`]; or what the store says. Nothing is
    /// written then.
    pub async fn erase_history(&self, caller: &Caller, name: &Name) -> Result<EraseHistoryResponse, Error> {
        caller.must(Right::Administer)?;
        self.must_be_ours(name, "name")?;
        self.flush_audit().await?;
        let mut tx = self.store().begin("erase history").await?;
        let document = tx.document(name).await?.ok_or_else(|| Error::NotFound(name.to_string()))?;
        let erased = tx.erase_former_revisions(name, document.revision).await?;
        let revisions = i64::try_from(erased).unwrap_or(i64::MAX);
        if revisions > 0 {
            let now = self.now();
            let item =
                CleanUpItem { class: CleanUpClass::Revisions.into(), count: revisions, ..CleanUpItem::default() };
            let author = caller.id().to_owned();
            let mut done = CleanUp { time: Some(to_timestamp(now)), author, items: vec![item], ..CleanUp::default() };
            self.note(&mut tx, &mut done, now).await?;
        }
        // What they said of persons stands in the log's details, too.
        let through = tx.audit_chain().await?.head.sequence;
        self.erase_details(&mut tx, caller, name, "history erased", through).await?;
        tx.commit().await?;
        info!(resource.name = %name, revisions, author = caller.id(), "a record's history was erased");
        let answer = self.clean_files(EraseResourceResponse::default()).await;
        let EraseResourceResponse { database_cleaned, index_cleaned, .. } = answer;
        Ok(EraseHistoryResponse { revisions, database_cleaned, index_cleaned })
    }

    /// Erases what the audit log says of a resource beside its chain, up to an entry.
    pub(super) async fn erase_details(
        &self,
        tx: &mut Tx,
        by: impl Into<Subject>,
        name: &Name,
        reason: &str,
        through: i64,
    ) -> Result<(), Error> {
        let erased = tx.erase_audit_details(&name.to_string(), through).await?;
        if erased > 0 {
            let count = i64::try_from(erased).unwrap_or(i64::MAX);
            let event = self.event(by, AuditAction::DetailsErased).about(name).saying(reason);
            tx.audit(event.times(count).erasing_through(through));
        }
        Ok(())
    }

    fn tombstone(&self, caller: &Caller, name: &Name, reason: &str, sequence: i64) -> Tombstone {
        Tombstone {
            name: name.clone(),
            reason: TombstoneReason::Erased,
            time: self.now(),
            author: caller.id().to_owned(),
            note: reason.to_owned(),
            sequence,
        }
    }

    /// Rewrites the files. What is erased is erased even if that can't be done now: asking again does it.
    async fn clean_files(&self, mut answer: EraseResourceResponse) -> EraseResourceResponse {
        answer.index_cleaned = self.clean_index().await;
        answer.database_cleaned = self.store().scrub().await.unwrap_or_else(|error| {
            warn!(error = %crate::error::with_causes(&error), "the database can't be rewritten now: erase again later");
            false
        });
        answer
    }

    async fn find_all(&self, tx: &mut Tx, name: &Name, document: Option<Document>) -> Result<Found, Error> {
        let mut values = BTreeSet::from([name.to_string()]);
        let mut names = BTreeSet::from([name.clone()]);
        if let Some(document) = document {
            values.extend(subject::telling(&decode(&document)?));
        }
        // What it was called before, too.
        for revision in self.store().revisions(name, None, u64::MAX).await? {
            values.extend(subject::telling(&Resource::decode(name.kind(), revision.body)?.0));
        }
        let mut referring = Vec::new();
        for document in stating(tx, name).await? {
            if goes_along(name, &document)? {
                names.insert(document.name);
            } else {
                referring.push(document);
            }
        }
        for along in names.iter().filter(|one| *one != name).cloned().collect::<Vec<_>>() {
            referring.extend(stating(tx, &along).await?);
        }
        referring.retain(|one| !names.contains(&one.name));
        referring.sort_by(|one, other| one.name.cmp(&other.name));
        referring.dedup_by(|one, other| one.name == other.name);

        let mut mentions = BTreeSet::new();
        let others: Vec<Bytes> =
            values.iter().filter(|one| **one != name.to_string()).cloned().map(Bytes::from).collect();
        for values in others.chunks(VALUES_AT_ONCE) {
            for document in tx.documents_holding(values, None, MENTIONS_NAMED as u64).await? {
                if !names.contains(&document.name) {
                    mentions.insert(document.name.to_string());
                }
            }
        }
        let rows = self.rows_with(&values).await?;
        let mentions = mentions.into_iter().take(MENTIONS_NAMED).collect();
        Ok(Found { names, referring, rows, mentions })
    }

    /// The rows in quarantine that carry one of these values.
    async fn rows_with(&self, values: &BTreeSet<String>) -> Result<Vec<String>, Error> {
        let needles: Vec<Needle> = values.iter().map(|value| Needle::whole(value)).collect();
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store().quarantined_rows(None, after.as_deref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.id.clone());
            for row in page {
                let said = QuarantinedRow::decode(row.body).map_err(Error::internal)?;
                let content = String::from_utf8_lossy(&said.content);
                let flaws = said.flaws.iter().map(|flaw| flaw.description.as_str());
                if flaws.chain([&*content]).any(|text| needles.iter().any(|needle| needle.is_in(text))) {
                    found.push(row.id);
                }
            }
        }
    }

    /// What refers to these, without them.
    fn without<'a>(
        &self,
        names: &BTreeSet<Name>,
        referring: &[&'a Document],
        cut: bool,
    ) -> Result<Vec<(&'a Document, Resource)>, Error> {
        let first = names.iter().next();
        let in_use = |used_by: Vec<Name>| {
            let name = names.iter().find(|name| !matches!(name.kind(), Kind::MatchAssertion)).or(first);
            let name = name.ok_or_else(|| Error::internal("nothing to erase"));
            name.map_or_else(|error| error, |name| Error::InUse { name: name.clone(), used_by })
        };
        if !cut && !referring.is_empty() {
            return Err(in_use(referring.iter().take(USERS_NAMED).map(|one| one.name.clone()).collect()));
        }
        let mut without = Vec::with_capacity(referring.len());
        let mut not_whole = Vec::new();
        for document in referring {
            let kind = document.name.kind();
            let mut message = decode(document)?;
            for name in names {
                subject::cut(&mut message, &name.to_string());
            }
            if kind == Kind::StageEvent || hooks::must_be_right(kind, &message, self.now()).is_err() {
                not_whole.push(document.name.clone());
            }
            without.push((*document, Resource(message)));
        }
        if not_whole.is_empty() {
            return Ok(without);
        }
        not_whole.truncate(USERS_NAMED);
        Err(in_use(not_whole))
    }
}

fn decode(document: &Document) -> Result<prost_reflect::DynamicMessage, Error> {
    Ok(Resource::decode(document.name.kind(), document.body.clone())?.0)
}

/// The documents, deleted ones too, in which a field is this name.
async fn stating(tx: &mut Tx, name: &Name) -> Result<Vec<Document>, Error> {
    let text = name.to_string();
    let value = [Bytes::from(text.clone())];
    let mut found = Vec::new();
    let mut after: Option<Name> = None;
    loop {
        let page = tx.documents_holding(&value, after.as_ref(), AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.name.clone());
        for document in page {
            if document.name != *name && subject::states(&decode(&document)?, &text) {
                found.push(document);
            }
        }
    }
}

/// Whether a document that refers to what is erased goes with it: what belongs to a partnership, and what compares it with another.
fn goes_along(name: &Name, document: &Document) -> Result<bool, Error> {
    if document.name.kind() == Kind::MatchAssertion {
        let resource = Resource::decode(Kind::MatchAssertion, document.body.clone())?;
        let name = name.to_string();
        return Ok(resource.text("left") == name || resource.text("right") == name);
    }
    Ok(name.kind() == Kind::Partnership && belongs_to(name, document))
}

fn named(documents: &[Document]) -> Vec<String> {
    documents.iter().take(REFERENCES_NAMED).map(|one| one.name.to_string()).collect()
}
