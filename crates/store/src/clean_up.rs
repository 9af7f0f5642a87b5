//! What is past its limit, what was taken away before, and files without what was deleted in them.

use bytes::Bytes;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Statement,
    sea_query::{Condition, Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use time::OffsetDateTime;

use crate::{
    StorageKind, Store, StoreError, Tx, at_most,
    entity::clean_up::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// Something that is not kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Documents, since they were deleted. [`Tx::erase_documents`] takes them away.
    Deleted,
    /// Versions of documents, since they were superseded; not the last two.
    Revisions,
    /// Rows in quarantine, since they came.
    QuarantinedRows,
    /// Imports of which no row is in quarantine, since they were last heard of.
    Imports,
    /// Tokens, since they were revoked or ended.
    Tokens,
    /// What is remembered of requests, since they were served.
    Requests,
    /// Tombstones, since there is nothing else; with their place in the feed.
    Tombstones,
}

/// How much there is that is old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldCount {
    /// How much.
    pub count: i64,
    /// The names or ids of the first.
    pub examples: Vec<String>,
}

/// A clean-up that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCleanUp {
    /// Its id, a UUID of version 7.
    pub id: String,
    /// When it was done. Kept to the microsecond.
    pub time: OffsetDateTime,
    /// Who asked for it: the id of a token, or `node`.
    pub author: String,
    /// What it took: an encoded `isopolity.admin.v1.CleanUp`.
    pub body: Bytes,
}

impl Store {
    /// How much is older than this, with the first `examples`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_old(&self, what: Old, before: OffsetDateTime, examples: u64) -> Result<OldCount, StoreError> {
        count(self.pool(), what, before, examples).await.map_err(self.fault("count what is old"))
    }

    /// The clean-ups before one, the latest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn clean_ups(&self, before: Option<&str>, limit: u64) -> Result<Vec<PastCleanUp>, StoreError> {
        clean_ups(self.pool(), before, limit).await.map_err(self.fault("read clean-ups"))
    }

    /// Rewrites the files, so that what was deleted is not in what is free in them. Nobody writes meanwhile. `false` if others were
    /// reading all the time and SQLite's log could not be emptied.
    ///
    /// # Errors
    /// What the database says; nothing is lost then.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        let _turn = self.inner.writer.lock().await;
        scrub(self.pool(), self.kind()).await.map_err(self.fault("rewrite the database"))
    }
}

impl Tx {
    /// Takes away what is older than this. Says how much.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_old(&mut self, what: Old, before: OffsetDateTime) -> Result<u64, StoreError> {
        let removed = remove(self.step()?, what, before).await;
        self.done(removed)
    }

    /// Keeps what a clean-up did.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_clean_up(&mut self, clean_up: &PastCleanUp) -> Result<(), StoreError> {
        let added = add(self.step()?, clean_up).await;
        self.done(added)
    }
}

/// The table and what identifies a row of it to people.
fn place(what: Old) -> (&'static str, &'static str) {
    match what {
        Old::Deleted => ("document", "name"),
        Old::Revisions => ("revision", "name"),
        Old::QuarantinedRows => ("quarantine", "id"),
        Old::Imports => ("import_run", "id"),
        Old::Tokens => ("token", "id"),
        Old::Requests => ("request", "name"),
        Old::Tombstones => ("tombstone", "name"),
    }
}

fn is_old(what: Old, before: OffsetDateTime) -> Condition {
    let before = to_micros(before);
    let older = |column: &'static str| Expr::col(column).lt(before);
    match what {
        Old::Deleted => Condition::all().add(older("delete_time")),
        Old::QuarantinedRows => Condition::all().add(older("create_time")),
        Old::Requests | Old::Tombstones => Condition::all().add(older("time")),
        Old::Tokens => Condition::any().add(older("revoke_time")).add(older("expire_time")),
        Old::Imports => {
            let rows = Query::select()
                .expr(Expr::val(1))
                .from("quarantine")
                .and_where(Expr::col(("quarantine", "import_id")).equals(("import_run", "id")))
                .take();
            Condition::all().add(older("update_time")).add(Expr::exists(rows).not())
        }
        Old::Revisions => {
            let superseded = Query::select()
                .expr(Expr::val(1))
                .from_as("revision", "newer")
                .and_where(Expr::col(("newer", "name")).equals(("revision", "name")))
                .and_where(Expr::col(("newer", "revision")).eq(Expr::col(("revision", "revision")).add(1)))
                .and_where(Expr::col(("newer", "time")).lt(before))
                .take();
            // Restoring a deleted document needs the version before its deletion.
            let last_two = Query::select()
                .expr(Expr::val(1))
                .from("document")
                .and_where(Expr::col(("document", "name")).equals(("revision", "name")))
                .and_where(Expr::col(("document", "revision")).lte(Expr::col(("revision", "revision")).add(1)))
                .take();
            Condition::all().add(Expr::exists(superseded)).add(Expr::exists(last_two).not())
        }
    }
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

#[derive(FromQueryResult)]
struct Example {
    example: String,
}

fn select(what: Old, before: OffsetDateTime) -> SelectStatement {
    let (table, _) = place(what);
    Query::select().from(table).cond_where(is_old(what, before)).take()
}

async fn count(db: &impl ConnectionTrait, what: Old, before: OffsetDateTime, examples: u64) -> Result<OldCount, Fault> {
    let (table, key) = place(what);
    let backend = db.get_database_backend();
    let counting = select(what, before).expr_as(Expr::col((table, key)).count(), "count").take();
    let found = Count::find_by_statement(backend.build(&counting)).one(db).await?;
    let first = select(what, before)
        .expr_as(Expr::col((table, key)), "example")
        .order_by((table, key), Order::Asc)
        .limit(at_most(examples))
        .take();
    let rows = Example::find_by_statement(backend.build(&first)).all(db).await?;
    Ok(OldCount {
        count: found.map_or(0, |found| found.count),
        examples: rows.into_iter().map(|row| row.example).collect(),
    })
}

async fn remove(db: &impl ConnectionTrait, what: Old, before: OffsetDateTime) -> Result<u64, Fault> {
    if what == Old::Tombstones {
        let names = select(what, before).column("name").take();
        let records = Query::select()
            .expr(Expr::val(1))
            .from("record")
            .and_where(Expr::col(("record", "name")).equals(("publication", "name")))
            .take();
        let withdrawn = Query::delete()
            .from_table("publication")
            .and_where(Expr::col("name").in_subquery(names))
            .and_where(Expr::exists(records).not())
            .take();
        db.execute(&withdrawn).await?;
    }
    let (table, _) = place(what);
    let removal = Query::delete().from_table(table).cond_where(is_old(what, before)).take();
    Ok(db.execute(&removal).await?.rows_affected())
}

async fn add(db: &impl ConnectionTrait, clean_up: &PastCleanUp) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(clean_up.id.clone()),
        time: Set(to_micros(clean_up.time)),
        author: Set(clean_up.author.clone()),
        body: Set(clean_up.body.to_vec()),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

async fn clean_ups(db: &impl ConnectionTrait, before: Option<&str>, limit: u64) -> Result<Vec<PastCleanUp>, Fault> {
    let mut query = Entity::find();
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    let rows = query.order_by_desc(Column::Id).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(from_row).collect()
}

fn from_row(row: Model) -> Result<PastCleanUp, Fault> {
    Ok(PastCleanUp { id: row.id, time: from_micros(row.time)?, author: row.author, body: row.body.into() })
}

/// The tables that hold what people entered.
const REWRITTEN: [&str; 15] = [
    "audit",
    "cooperation",
    "cooperation_event",
    "cooperation_step",
    "delivery",
    "mail",
    "document",
    "revision",
    "record",
    "publication",
    "reference",
    "request",
    "quarantine",
    "import_run",
    "tombstone",
];

async fn scrub(db: &impl ConnectionTrait, kind: StorageKind) -> Result<bool, Fault> {
    if kind == StorageKind::Postgresql {
        for table in REWRITTEN {
            db.execute_unprepared(&format!("vacuum (full) \"{table}\"")).await?;
        }
        return Ok(true);
    }
    db.execute_unprepared("vacuum").await?;
    // What is in the log is put into the file, and the log emptied.
    let checkpoint = Statement::from_string(db.get_database_backend(), "pragma wal_checkpoint(truncate)");
    let row = db.query_one_raw(checkpoint).await?;
    let busy: i32 = match row {
        Some(row) => row.try_get_by_index(0)?,
        None => 0,
    };
    Ok(busy == 0)
}
