//! The audit log: entries are chained inside the transaction of what they tell of.

use bytes::Bytes;
use isopolity_domain::{
    audit::{Chain, Entry, Event, Hash, Kept, SALT, entry_digest},
    clock::from_timestamp,
};
use isopolity_proto::admin::{AuditAction, AuditEntry};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, Query},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    entity::{
        audit::{ActiveModel, Column, Entity, Model},
        audit_chain, audit_moved,
    },
    error::Fault,
    micros::{from_micros, to_micros},
};

/// How far the log goes, and how much of it is not here any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditChain {
    /// The last entry.
    pub head: Chain,
    /// The last entry that was moved to a file.
    pub moved: Chain,
}

/// An entry as it is stored, and what it is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place.
    pub sequence: i64,
    /// When it was.
    pub time: OffsetDateTime,
    /// The number of the action.
    pub action: i32,
    /// The id of who did it.
    pub subject: String,
    /// The resource, or empty.
    pub resource: String,
    /// The other city, or empty.
    pub peer: String,
    /// What is chained, and its detail.
    pub entry: Entry,
}

/// Which entries are wanted: those for which all that is given holds.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Not earlier.
    pub start: Option<OffsetDateTime>,
    /// Earlier.
    pub end: Option<OffsetDateTime>,
    /// The id of who did it.
    pub subject: Option<String>,
    /// One of these numbers. Empty: any.
    pub actions: Vec<i32>,
    /// The resource.
    pub resource: Option<String>,
    /// The other city.
    pub peer: Option<String>,
}

impl Store {
    /// How far the log goes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_chain(&self) -> Result<AuditChain, StoreError> {
        chain(self.pool()).await.map_err(self.fault("read audit chain"))
    }

    /// Entries from the one after `beyond` on, the latest first or the oldest.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        oldest_first: bool,
        beyond: Option<i64>,
        limit: u64,
    ) -> Result<Vec<AuditRow>, StoreError> {
        list(self.pool(), filter, oldest_first, beyond, limit).await.map_err(self.fault("read audit log"))
    }

    /// The digests of the entries after a sequence, in order, also of those that were moved to files.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_digests(&self, after: i64, limit: u64) -> Result<Vec<Hash>, StoreError> {
        digests(self.pool(), after, limit).await.map_err(self.fault("read audit log"))
    }

    /// The point of the chain at a sequence, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_point(&self, sequence: i64) -> Result<Option<Chain>, StoreError> {
        point(self.pool(), sequence).await.map_err(self.fault("read audit log"))
    }
}

impl Tx {
    /// Adds an entry to the audit log. It is chained when the transaction commits, in the order of these calls; without a commit
    /// there is none.
    pub fn audit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// How far the log goes, without what this transaction adds.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_chain(&mut self) -> Result<AuditChain, StoreError> {
        let found = chain(self.step()?).await;
        self.done(found)
    }

    /// Erases the details of a resource's entries up to a sequence. Says how many there were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_audit_details(&mut self, resource: &str, through: i64) -> Result<u64, StoreError> {
        let erased = erase(self.step()?, resource, through).await;
        self.done(erased)
    }

    /// Removes the entries up to a point, which were moved to a file.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_audited_through(&mut self, through: Chain) -> Result<u64, StoreError> {
        let removed = remove(self.step()?, through).await;
        self.done(removed)
    }
}

async fn chain(db: &impl ConnectionTrait) -> Result<AuditChain, Fault> {
    let missing = || Fault::Damaged("the audit chain's row is missing".to_owned());
    let row = audit_chain::Entity::find_by_id(audit_chain::ONLY).one(db).await?.ok_or_else(missing)?;
    Ok(AuditChain {
        head: Chain { sequence: row.sequence, hash: hash(&row.hash)? },
        moved: Chain { sequence: row.moved_sequence, hash: hash(&row.moved_hash)? },
    })
}

fn hash(bytes: &[u8]) -> Result<Hash, Fault> {
    bytes.try_into().map_err(|error| Fault::Damaged(format!("a hash of the audit log: {error}")))
}

/// Chains events. Called once in a transaction, at its end: so the chain's row is locked as shortly as can be.
pub(crate) async fn append(db: &impl ConnectionTrait, events: Vec<Event>) -> Result<(), Fault> {
    let mut head = chain(db).await?.head;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let salt: [u8; SALT] = *Uuid::new_v4().as_bytes();
        let (said, entry) = head.append(event, salt);
        rows.push(row(said, entry));
    }
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS_AT_ONCE));
        Entity::insert_many(std::mem::replace(&mut rows, rest)).exec_without_returning(db).await?;
    }
    let update = Query::update()
        .table(audit_chain::Entity)
        .value(audit_chain::Column::Sequence, head.sequence)
        .value(audit_chain::Column::Hash, head.hash.to_vec())
        .and_where(audit_chain::Column::Id.eq(audit_chain::ONLY))
        .take();
    db.execute(&update).await?;
    Ok(())
}

fn row(said: AuditEntry, entry: Entry) -> ActiveModel {
    let time = said.time.as_ref().and_then(from_timestamp).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (salt, detail) = match entry.kept {
        Some(Kept { salt, detail }) => (Some(salt.to_vec()), Some(detail.to_vec())),
        None => (None, None),
    };
    ActiveModel {
        sequence: Set(said.sequence),
        time: Set(to_micros(time)),
        action: Set(said.action),
        subject: Set(said.subject.unwrap_or_default().id),
        resource: Set(said.resource),
        peer: Set(said.peer),
        entry: Set(entry.bytes.to_vec()),
        hash: Set(entry.hash.to_vec()),
        salt: Set(salt),
        detail: Set(detail),
    }
}

async fn list(
    db: &impl ConnectionTrait,
    filter: &AuditFilter,
    oldest_first: bool,
    beyond: Option<i64>,
    limit: u64,
) -> Result<Vec<AuditRow>, Fault> {
    let AuditFilter { start, end, subject, actions, resource, peer } = filter;
    let mut all = Condition::all()
        .add_option(start.map(|time| Column::Time.gte(to_micros(time))))
        .add_option(end.map(|time| Column::Time.lt(to_micros(time))))
        .add_option(subject.as_ref().map(|id| Column::Subject.eq(id.as_str())))
        .add_option(resource.as_ref().map(|name| Column::Resource.eq(name.as_str())))
        .add_option(peer.as_ref().map(|city| Column::Peer.eq(city.as_str())));
    if !actions.is_empty() {
        all = all.add(Column::Action.is_in(actions.iter().copied()));
    }
    if let Some(beyond) = beyond {
        all = all.add(if oldest_first { Column::Sequence.gt(beyond) } else { Column::Sequence.lt(beyond) });
    }
    let query = Entity::find().filter(all);
    let query = if oldest_first { query.order_by_asc(Column::Sequence) } else { query.order_by_desc(Column::Sequence) };
    query.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn digests(db: &impl ConnectionTrait, after: i64, limit: u64) -> Result<Vec<Hash>, Fault> {
    let moved: Vec<Vec<u8>> = audit_moved::Entity::find()
        .select_only()
        .column(audit_moved::Column::Digest)
        .filter(audit_moved::Column::Sequence.gt(after))
        .order_by_asc(audit_moved::Column::Sequence)
        .limit(at_most(limit))
        .into_tuple()
        .all(db)
        .await?;
    let mut digests = moved.iter().map(|digest| hash(digest)).collect::<Result<Vec<_>, _>>()?;
    let found = digests.len() as u64;
    let entries: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::Entry)
        .filter(Column::Sequence.gt(after))
        .order_by_asc(Column::Sequence)
        .limit(at_most(limit.saturating_sub(found)))
        .into_tuple()
        .all(db)
        .await?;
    digests.extend(entries.iter().map(|bytes| entry_digest(bytes)));
    Ok(digests)
}

async fn point(db: &impl ConnectionTrait, sequence: i64) -> Result<Option<Chain>, Fault> {
    if sequence == 0 {
        return Ok(Some(Chain::EMPTY));
    }
    let kept = match Entity::find_by_id(sequence).one(db).await? {
        Some(row) => Some(row.hash),
        None => audit_moved::Entity::find_by_id(sequence).one(db).await?.map(|row| row.hash),
    };
    kept.map(|kept| Ok(Chain { sequence, hash: hash(&kept)? })).transpose()
}

async fn erase(db: &impl ConnectionTrait, resource: &str, through: i64) -> Result<u64, Fault> {
    let nothing: Option<Vec<u8>> = None;
    let erased = Entity::update_many()
        .col_expr(Column::Salt, Expr::value(nothing.clone()))
        .col_expr(Column::Detail, Expr::value(nothing))
        .filter(Column::Resource.eq(resource))
        .filter(Column::Sequence.lte(through))
        .filter(Column::Detail.is_not_null())
        // Why something was erased names nobody and stays.
        .filter(Column::Action.ne(i32::from(AuditAction::DetailsErased)))
        .exec(db)
        .await?;
    Ok(erased.rows_affected)
}

async fn remove(db: &impl ConnectionTrait, through: Chain) -> Result<u64, Fault> {
    let mut removed = 0;
    loop {
        let leaving = Entity::find()
            .filter(Column::Sequence.lte(through.sequence))
            .order_by_asc(Column::Sequence)
            .limit(ROWS_AT_ONCE as u64)
            .all(db)
            .await?;
        let Some(last) = leaving.last().map(|row| row.sequence) else { break };
        let left = leaving.into_iter().map(|row| audit_moved::ActiveModel {
            sequence: Set(row.sequence),
            digest: Set(entry_digest(&row.entry).to_vec()),
            hash: Set(row.hash),
        });
        audit_moved::Entity::insert_many(left).exec_without_returning(db).await?;
        removed += Entity::delete_many().filter(Column::Sequence.lte(last)).exec(db).await?.rows_affected;
    }
    let update = Query::update()
        .table(audit_chain::Entity)
        .value(audit_chain::Column::MovedSequence, through.sequence)
        .value(audit_chain::Column::MovedHash, through.hash.to_vec())
        .and_where(audit_chain::Column::Id.eq(audit_chain::ONLY))
        .take();
    db.execute(&update).await?;
    Ok(removed)
}

fn from_row(row: Model) -> Result<AuditRow, Fault> {
    let kept = match (row.salt, row.detail) {
        (Some(salt), Some(detail)) => Some(Kept { salt: salt.into(), detail: detail.into() }),
        _ => None,
    };
    Ok(AuditRow {
        sequence: row.sequence,
        time: from_micros(row.time)?,
        action: row.action,
        subject: row.subject,
        resource: row.resource,
        peer: row.peer,
        entry: Entry { bytes: Bytes::from(row.entry), hash: Bytes::from(row.hash), kept },
    })
}
