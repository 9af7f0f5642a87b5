//! Taking away what is past its limit.

use std::collections::BTreeMap;

use isopolity_domain::{
    Kind, Name, audit::Subject, clock::to_timestamp, page_token, question::check_page_size, retention,
};
use isopolity_proto::{
    admin::{AuditAction, CleanUp, CleanUpClass, CleanUpItem, ListCleanUpsResponse, TombstoneReason},
    options::Audience,
};
use isopolity_store::{Old, PastCleanUp, Tombstone, Tx};
use prost::Message as _;
use time::OffsetDateTime;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    Caller, Error, Registry, Right,
    author::{NODE, PAGE_DEFAULT, PAGE_MAX},
};

/// Documents that are looked at or taken away at once.
const AT_ONCE: u64 = 500;
/// How many of a class are named.
const EXAMPLES: usize = 10;
/// What page tokens of lists of clean-ups are for.
const CLEAN_UPS: &str = "clean-ups";
/// How long mails are kept that were sent or given up. They hold addresses of offices, and nothing that is asked for later.
const MAILS_KEPT: time::Duration = time::Duration::days(30);

/// A class with its limit, and how it is said.
struct Limit {
    class: CleanUpClass,
    old: Old,
    days: u32,
    before: OffsetDateTime,
}

impl Limit {
    fn item(&self, count: i64, examples: Vec<String>) -> CleanUpItem {
        CleanUpItem {
            class: self.class.into(),
            limit_days: days(self.days),
            before_time: Some(to_timestamp(self.before)),
            count,
            examples,
            ..CleanUpItem::default()
        }
    }
}

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

impl Registry {
    /// Says what a clean-up would take away now. Changes nothing.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`], or what the store says.
    pub async fn preview_clean_up(&self, caller: &Caller) -> Result<Vec<CleanUpItem>, Error> {
        caller.must(Right::Administer)?;
        let now = self.now();
        let mut items = Vec::new();
        for (kind, limit) in &self.retention().kinds {
            let before = retention::before(now, *limit);
            let mut item = expired(*kind, *limit, before);
            let mut after = None;
            loop {
                let found = self.expired_of(*kind, before, &mut after).await?;
                item.count += i64::try_from(found.len()).unwrap_or(i64::MAX);
                let room = EXAMPLES.saturating_sub(item.examples.len());
                item.examples.extend(found.iter().take(room).map(Name::to_string));
                if after.is_none() {
                    break;
                }
            }
            items.push(item);
        }
        for limit in self.limits(now) {
            let found = self.store().count_old(limit.old, limit.before, EXAMPLES as u64).await?;
            items.push(limit.item(found.count, found.examples));
        }
        Ok(items)
    }

    /// Takes away what is past its limit.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`], or what the store says: what was taken away by then stays so.
    pub async fn run_clean_up(&self, caller: &Caller) -> Result<CleanUp, Error> {
        caller.must(Right::Administer)?;
        self.clean_up(caller.into()).await
    }

    /// The same without anybody asking.
    ///
    /// # Errors
    /// What the store says: what was taken away by then stays so.
    pub async fn clean_up_unasked(&self) -> Result<CleanUp, Error> {
        self.clean_up(NODE.into()).await
    }

    /// Lists past clean-ups, the latest first.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`]; [`Error::Invalid`] for a page size out of range or a foreign page token.
    pub async fn clean_ups(
        &self,
        caller: &Caller,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListCleanUpsResponse, Error> {
        caller.must(Right::Administer)?;
        let size = check_page_size(page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let before = match page_token {
            "" => None,
            token => Some(
                page_token::decode(&self.inner.page_key, CLEAN_UPS, token).map_err(|error| error.at("page_token"))?,
            ),
        };
        let mut found = self.store().clean_ups(before.as_deref(), (size + 1) as u64).await?;
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last().filter(|_| more) {
            Some(last) => page_token::encode(&self.inner.page_key, CLEAN_UPS, &last.id),
            None => String::new(),
        };
        let clean_ups = found.into_iter().map(|past| CleanUp::decode(past.body).map_err(Error::internal));
        Ok(ListCleanUpsResponse { clean_ups: clean_ups.collect::<Result<_, _>>()?, next_page_token })
    }

    async fn clean_up(&self, by: Subject) -> Result<CleanUp, Error> {
        let (now, author) = (self.now(), by.id().to_owned());
        let mut items = Vec::new();
        for (kind, limit) in self.retention().kinds.clone() {
            let before = retention::before(now, limit);
            items.push(self.delete_expired(kind, limit, before).await?);
        }
        let mut withdrawn = false;
        for limit in self.limits(now) {
            let count = if limit.old == Old::Deleted {
                let purged = self.purge_deleted(&by, limit.before).await?;
                withdrawn = purged > 0;
                purged
            } else {
                let mut tx = self.store().begin("clean up").await?;
                let removed = tx.remove_old(limit.old, limit.before).await?;
                tx.commit().await?;
                removed
            };
            items.push(limit.item(i64::try_from(count).unwrap_or(i64::MAX), Vec::new()));
        }
        let mut tx = self.store().begin("clean up").await?;
        tx.forget_mails(now - MAILS_KEPT).await?;
        tx.commit().await?;
        items.retain(|item| item.count > 0 || item.kept_in_use > 0);
        let mut done = CleanUp { time: Some(to_timestamp(now)), author: author.clone(), items, ..CleanUp::default() };
        if !done.items.iter().any(|item| item.count > 0) {
            return Ok(done);
        }
        let mut tx = self.store().begin("note clean-up").await?;
        self.note(&mut tx, &mut done, now).await?;
        let count = done.items.iter().map(|item| item.count).sum();
        let about = format!("cleanUps/{}", done.clean_up);
        tx.audit(self.event(by, AuditAction::RetentionEnforced).about(about).times(count));
        tx.commit().await?;
        if withdrawn {
            self.clean_index().await;
        }
        let taken: BTreeMap<&str, i64> =
            done.items.iter().map(|item| (item.class().as_str_name(), item.count)).collect();
        info!(clean_up = done.clean_up, author, ?taken, "what was past its limit is taken away");
        Ok(done)
    }

    /// Keeps what a clean-up did, under an id of its own.
    pub(super) async fn note(&self, tx: &mut Tx, done: &mut CleanUp, now: OffsetDateTime) -> Result<(), Error> {
        done.clean_up = Uuid::now_v7().to_string();
        let body = done.encode_to_vec().into();
        let past = PastCleanUp { id: done.clean_up.clone(), time: now, author: done.author.clone(), body };
        Ok(tx.add_clean_up(&past).await?)
    }

    /// Takes withdrawn records out of the files of the search index. `false` if they may still be there.
    pub(super) async fn clean_index(&self) -> bool {
        let cleaned = async {
            self.index_once().await?;
            self.catalog().purge().await.map_err(Error::from)
        };
        cleaned.await.unwrap_or_else(|error| {
            warn!(error = %crate::error::with_causes(&error), "the search index can't be rewritten now");
            false
        })
    }

    fn limits(&self, now: OffsetDateTime) -> Vec<Limit> {
        let kept = self.retention();
        [
            (CleanUpClass::DeletedRecords, Old::Deleted, kept.deleted),
            (CleanUpClass::Revisions, Old::Revisions, kept.revisions),
            (CleanUpClass::QuarantinedRows, Old::QuarantinedRows, kept.quarantined_rows),
            (CleanUpClass::Imports, Old::Imports, kept.imports),
            (CleanUpClass::Tokens, Old::Tokens, kept.tokens),
            // As long as they are looked at.
            (CleanUpClass::Requests, Old::Requests, 1),
            (CleanUpClass::Tombstones, Old::Tombstones, kept.tombstones),
        ]
        .map(|(class, old, days)| Limit { class, old, days, before: retention::before(now, days) })
        .into()
    }

    /// The records of a kind that have reached its limit, of the next page. `after` is `None` after the last.
    async fn expired_of(
        &self,
        kind: Kind,
        before: OffsetDateTime,
        after: &mut Option<Name>,
    ) -> Result<Vec<Name>, Error> {
        let page = self.store().documents_of_kind(kind, Audience::Internal, after.as_ref(), AT_ONCE).await?;
        *after = page.last().map(|last| last.name.clone());
        Ok(page.into_iter().filter(|one| one.update_time < before).map(|one| one.name).collect())
    }

    async fn delete_expired(&self, kind: Kind, limit: u32, before: OffsetDateTime) -> Result<CleanUpItem, Error> {
        let mut item = expired(kind, limit, before);
        let mut after = None;
        loop {
            for name in self.expired_of(kind, before, &mut after).await? {
                match self.delete_unasked(&name, before).await {
                    Ok(true) => item.count += 1,
                    Ok(false) => {}
                    Err(Error::InUse { .. }) => item.kept_in_use += 1,
                    Err(error) => return Err(error),
                }
            }
            if after.is_none() {
                return Ok(item);
            }
        }
    }

    /// Takes deleted records away for good. Says how many.
    async fn purge_deleted(&self, by: &Subject, before: OffsetDateTime) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let mut tx = self.store().begin("purge deleted").await?;
            let names = tx.deleted_before(before, AT_ONCE).await?;
            if names.is_empty() {
                return Ok(purged);
            }
            let sequences = tx.sequences_of(&names).await?;
            let tombstones: Vec<Tombstone> = sequences
                .into_iter()
                .map(|(name, sequence)| Tombstone {
                    name,
                    reason: TombstoneReason::Purged,
                    time: self.now(),
                    author: by.id().to_owned(),
                    note: String::new(),
                    sequence,
                })
                .collect();
            tx.erase_documents(&names).await?;
            tx.put_tombstones(&tombstones).await?;
            let through = tx.audit_chain().await?.head.sequence;
            for name in &names {
                self.erase_details(&mut tx, by.clone(), name, "past its limit", through).await?;
            }
            tx.commit().await?;
            purged += u64::try_from(names.len()).unwrap_or_default();
        }
    }
}

fn expired(kind: Kind, limit: u32, before: OffsetDateTime) -> CleanUpItem {
    CleanUpItem {
        class: CleanUpClass::ExpiredRecords.into(),
        kind: kind.to_string(),
        limit_days: days(limit),
        before_time: Some(to_timestamp(before)),
        ..CleanUpItem::default()
    }
}
