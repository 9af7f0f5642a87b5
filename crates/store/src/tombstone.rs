//! What is left of what is gone, and taking it away from everywhere.

use bytes::Bytes;
use isopolity_domain::Name;
use isopolity_proto::admin::TombstoneReason;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use time::OffsetDateTime;

use crate::{
    Document, NAMES_AT_ONCE, Store, StoreError, Tx, at_most,
    document::{from_row, parse},
    entity::{
        document, publication, request, revision,
        tombstone::{ActiveModel, Column, Entity, Model},
    },
    error::Fault,
    micros::{from_micros, to_micros},
};

/// What is left of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The resource name.
    pub name: Name,
    /// Why there is nothing else.
    pub reason: TombstoneReason,
    /// Since when. Kept to the microsecond.
    pub time: OffsetDateTime,
    /// By whom: the id of a token, or `node`.
    pub author: String,
    /// Why, in words.
    pub note: String,
    /// The sequence of its withdrawal in the feed.
    pub sequence: i64,
}

impl Store {
    /// Tombstones, the latest first, from the first after a point.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tombstones(
        &self,
        after: Option<(OffsetDateTime, &Name)>,
        limit: u64,
    ) -> Result<Vec<Tombstone>, StoreError> {
        tombstones(self.pool(), after, limit).await.map_err(self.fault("read tombstones"))
    }

    /// Documents whose message holds one of these byte sequences, by name, from the first after `after`; deleted ones too. Reads all
    /// of them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents_holding(
        &self,
        values: &[Bytes],
        after: Option<&Name>,
        limit: u64,
    ) -> Result<Vec<Document>, StoreError> {
        holding(self.pool(), values, after, limit).await.map_err(self.fault("read documents that hold a value"))
    }
}

impl Tx {
    /// Those of these names that have a tombstone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tombstones_of(&mut self, names: &[Name]) -> Result<Vec<Tombstone>, StoreError> {
        let found = of(self.step()?, names).await;
        self.done(found)
    }

    /// Adds tombstones or replaces them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_tombstones(&mut self, tombstones: &[Tombstone]) -> Result<(), StoreError> {
        let put = put(self.step()?, tombstones).await;
        self.done(put)
    }

    /// The same as [`Store::documents_holding`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents_holding(
        &mut self,
        values: &[Bytes],
        after: Option<&Name>,
        limit: u64,
    ) -> Result<Vec<Document>, StoreError> {
        let found = holding(self.step()?, values, after, limit).await;
        self.done(found)
    }

    /// Takes documents away for good with all their versions and what is remembered of requests about them. What was published of
    /// them stays: publish their withdrawal. Says how many versions went.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_documents(&mut self, names: &[Name]) -> Result<u64, StoreError> {
        let erased = erase(self.step()?, names).await;
        self.done(erased)
    }

    /// Takes the versions of a document before this one away for good, and what is remembered of requests about it. Says how many
    /// versions went.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_former_revisions(&mut self, name: &Name, present: i64) -> Result<u64, StoreError> {
        let erased = former(self.step()?, name, present).await;
        self.done(erased)
    }

    /// The names of documents that were deleted before this time, the first by that time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deleted_before(&mut self, before: OffsetDateTime, limit: u64) -> Result<Vec<Name>, StoreError> {
        let found = deleted(self.step()?, before, limit).await;
        self.done(found)
    }

    /// The sequences at which these were published last, those that were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sequences_of(&mut self, names: &[Name]) -> Result<Vec<(Name, i64)>, StoreError> {
        let found = sequences(self.step()?, names).await;
        self.done(found)
    }
}

/// Refuses names that were erased, and forgets that others were purged. `names` are about to be given.
pub(crate) async fn give(db: &impl ConnectionTrait, names: &[Name]) -> Result<(), Fault> {
    let left = of(db, names).await?;
    if let Some(erased) = left.iter().find(|one| one.reason == TombstoneReason::Erased) {
        return Err(Fault::Erased(erased.name.clone()));
    }
    if !left.is_empty() {
        let these = Column::Name.is_in(left.iter().map(|one| one.name.to_string()));
        Entity::delete_many().filter(these).exec(db).await?;
    }
    Ok(())
}

async fn tombstones(
    db: &impl ConnectionTrait,
    after: Option<(OffsetDateTime, &Name)>,
    limit: u64,
) -> Result<Vec<Tombstone>, Fault> {
    let mut query = Entity::find();
    if let Some((time, name)) = after {
        let time = to_micros(time);
        let same = Condition::all().add(Column::Time.eq(time)).add(Column::Name.gt(name.to_string()));
        query = query.filter(Condition::any().add(Column::Time.lt(time)).add(same));
    }
    let rows = query.order_by_desc(Column::Time).order_by_asc(Column::Name).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(tombstone).collect()
}

async fn of(db: &impl ConnectionTrait, names: &[Name]) -> Result<Vec<Tombstone>, Fault> {
    let mut found = Vec::new();
    for names in names.chunks(NAMES_AT_ONCE) {
        let these = Column::Name.is_in(names.iter().map(Name::to_string));
        let rows = Entity::find().filter(these).order_by_asc(Column::Name).all(db).await?;
        for row in rows {
            found.push(tombstone(row)?);
        }
    }
    Ok(found)
}

async fn put(db: &impl ConnectionTrait, tombstones: &[Tombstone]) -> Result<(), Fault> {
    for tombstones in tombstones.chunks(crate::ROWS_AT_ONCE) {
        let rows = tombstones.iter().map(|one| ActiveModel {
            name: Set(one.name.to_string()),
            reason: Set(one.reason.into()),
            time: Set(to_micros(one.time)),
            author: Set(one.author.clone()),
            note: Set(one.note.clone()),
            sequence: Set(one.sequence),
        });
        let replace = OnConflict::column(Column::Name)
            .update_columns([Column::Reason, Column::Time, Column::Author, Column::Note, Column::Sequence])
            .to_owned();
        Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn holding(
    db: &impl ConnectionTrait,
    values: &[Bytes],
    after: Option<&Name>,
    limit: u64,
) -> Result<Vec<Document>, Fault> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let any = values.iter().fold(Condition::any(), |any, value| any.add(holds(db, value)));
    let mut query = document::Entity::find().filter(any);
    if let Some(after) = after {
        query = query.filter(document::Column::Name.gt(after.to_string()));
    }
    let rows = query.order_by_asc(document::Column::Name).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(from_row).collect()
}

/// Whether the column `body` holds these bytes.
fn holds(db: &impl ConnectionTrait, value: &Bytes) -> SimpleExpr {
    let sql = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => "position($1 in \"body\") > 0",
        _ => "instr(\"body\", ?) > 0",
    };
    Expr::cust_with_values(sql, [value.to_vec()])
}

async fn erase(db: &impl ConnectionTrait, names: &[Name]) -> Result<u64, Fault> {
    let mut revisions = 0;
    for names in names.chunks(NAMES_AT_ONCE) {
        let these = || names.iter().map(Name::to_string);
        // What they refer to goes with them: it cascades.
        document::Entity::delete_many().filter(document::Column::Name.is_in(these())).exec(db).await?;
        request::Entity::delete_many().filter(request::Column::Name.is_in(these())).exec(db).await?;
        let gone = revision::Entity::delete_many().filter(revision::Column::Name.is_in(these())).exec(db).await?;
        revisions += gone.rows_affected;
    }
    Ok(revisions)
}

async fn former(db: &impl ConnectionTrait, name: &Name, present: i64) -> Result<u64, Fault> {
    let name = name.to_string();
    // They are answered with the version of then.
    request::Entity::delete_many().filter(request::Column::Name.eq(name.clone())).exec(db).await?;
    let these = Condition::all().add(revision::Column::Name.eq(name)).add(revision::Column::Revision.lt(present));
    Ok(revision::Entity::delete_many().filter(these).exec(db).await?.rows_affected)
}

async fn deleted(db: &impl ConnectionTrait, before: OffsetDateTime, limit: u64) -> Result<Vec<Name>, Fault> {
    let names: Vec<String> = document::Entity::find()
        .select_only()
        .column(document::Column::Name)
        .filter(document::Column::DeleteTime.lt(to_micros(before)))
        .order_by_asc(document::Column::DeleteTime)
        .order_by_asc(document::Column::Name)
        .limit(at_most(limit))
        .into_tuple()
        .all(db)
        .await?;
    names.iter().map(|name| parse(name)).collect()
}

async fn sequences(db: &impl ConnectionTrait, names: &[Name]) -> Result<Vec<(Name, i64)>, Fault> {
    let mut found = Vec::with_capacity(names.len());
    for names in names.chunks(NAMES_AT_ONCE) {
        let these = publication::Column::Name.is_in(names.iter().map(Name::to_string));
        for row in publication::Entity::find().filter(these).all(db).await? {
            found.push((parse(&row.name)?, row.sequence));
        }
    }
    Ok(found)
}

fn tombstone(row: Model) -> Result<Tombstone, Fault> {
    Ok(Tombstone {
        name: parse(&row.name)?,
        reason: TombstoneReason::try_from(row.reason)
            .map_err(|error| Fault::Damaged(format!("a tombstone's reason: {error}")))?,
        time: from_micros(row.time)?,
        author: row.author,
        note: row.note,
        sequence: row.sequence,
    })
}
