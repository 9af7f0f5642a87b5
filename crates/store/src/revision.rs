//! What documents were before.

use bytes::Bytes;
use isopolity_domain::Name;
use isopolity_proto::registry::RevisionChange;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;

use crate::{
    ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    document::parse,
    entity::revision::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A version of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The document.
    pub name: Name,
    /// The number of the version, from 1.
    pub revision: i64,
    /// When it was made. Kept to the microsecond.
    pub time: OffsetDateTime,
    /// Who made it: the id of a token, or `node`.
    pub author: String,
    /// What was done.
    pub change: RevisionChange,
    /// The serialized message as it was then.
    pub body: Bytes,
}

impl Store {
    /// The versions of a document, the latest first, from the first before `before`; also of a deleted one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revisions(&self, name: &Name, before: Option<i64>, limit: u64) -> Result<Vec<Revision>, StoreError> {
        revisions(self.pool(), name, before, limit).await.map_err(self.fault("read revisions"))
    }

    /// All versions of all documents, by name and number, from the first after `after`. For reading everything in pieces.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all_revisions(&self, after: Option<(&Name, i64)>, limit: u64) -> Result<Vec<Revision>, StoreError> {
        all(self.pool(), after, limit).await.map_err(self.fault("read all revisions"))
    }

    /// One version of a document.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revision(&self, name: &Name, revision: i64) -> Result<Option<Revision>, StoreError> {
        one(self.pool(), name, revision).await.map_err(self.fault("read revision"))
    }
}

impl Tx {
    /// One version of a document.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revision(&mut self, name: &Name, revision: i64) -> Result<Option<Revision>, StoreError> {
        let found = one(self.step()?, name, revision).await;
        self.done(found)
    }

    /// Adds versions, each once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_revisions(&mut self, revisions: &[Revision]) -> Result<(), StoreError> {
        let added = add(self.step()?, revisions).await;
        self.done(added)
    }
}

async fn revisions(
    db: &impl ConnectionTrait,
    name: &Name,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Revision>, Fault> {
    let mut query = Entity::find().filter(Column::Name.eq(name.to_string()));
    if let Some(before) = before {
        query = query.filter(Column::Revision.lt(before));
    }
    let rows = query.order_by_desc(Column::Revision).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(from_row).collect()
}

async fn all(db: &impl ConnectionTrait, after: Option<(&Name, i64)>, limit: u64) -> Result<Vec<Revision>, Fault> {
    let mut query = Entity::find();
    if let Some((name, revision)) = after {
        let name = name.to_string();
        let same = Condition::all().add(Column::Name.eq(name.clone())).add(Column::Revision.gt(revision));
        query = query.filter(Condition::any().add(Column::Name.gt(name)).add(same));
    }
    let ordered = query.order_by_asc(Column::Name).order_by_asc(Column::Revision);
    ordered.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn one(db: &impl ConnectionTrait, name: &Name, revision: i64) -> Result<Option<Revision>, Fault> {
    Entity::find_by_id((name.to_string(), revision)).one(db).await?.map(from_row).transpose()
}

async fn add(db: &impl ConnectionTrait, revisions: &[Revision]) -> Result<(), Fault> {
    for revisions in revisions.chunks(ROWS_AT_ONCE) {
        let rows = revisions.iter().map(|one| ActiveModel {
            name: Set(one.name.to_string()),
            revision: Set(one.revision),
            time: Set(to_micros(one.time)),
            author: Set(one.author.clone()),
            change: Set(one.change.into()),
            body: Set(one.body.to_vec()),
        });
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

fn from_row(row: Model) -> Result<Revision, Fault> {
    Ok(Revision {
        name: parse(&row.name)?,
        revision: row.revision,
        time: from_micros(row.time)?,
        author: row.author,
        change: RevisionChange::try_from(row.change)
            .map_err(|error| Fault::Damaged(format!("a revision's change: {error}")))?,
        body: row.body.into(),
    })
}
