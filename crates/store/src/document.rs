//! The registry's documents.

use std::collections::BTreeSet;

use bytes::Bytes;
use isopolity_domain::Name;
use isopolity_proto::options::Audience;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    NAMES_AT_ONCE, ROWS_AT_ONCE, Store, StoreError, Tx,
    entity::document::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
    tombstone,
};

/// A resource as it is kept: its message, and what is needed to find, list and change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The resource name.
    pub name: Name,
    /// Counts the changes, from 1.
    pub revision: i64,
    /// Who may see it at all.
    pub audience: Audience,
    /// When it was created. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it was last changed. Kept to the microsecond.
    pub update_time: OffsetDateTime,
    /// When it was deleted, if it was: it can be restored. Kept to the microsecond.
    pub delete_time: Option<OffsetDateTime>,
    /// The serialized message.
    pub body: Bytes,
}

impl Store {
    /// The document of this name, also a deleted one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn document(&self, name: &Name) -> Result<Option<Document>, StoreError> {
        document(self.pool(), name).await.map_err(self.fault("read document"))
    }

    /// Those of the named documents that exist, by name; deleted ones too.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents(&self, names: &[Name]) -> Result<Vec<Document>, StoreError> {
        documents(self.pool(), names).await.map_err(self.fault("read documents"))
    }
}

impl Tx {
    /// The document of this name, also a deleted one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn document(&mut self, name: &Name) -> Result<Option<Document>, StoreError> {
        let found = document(self.step()?, name).await;
        self.done(found)
    }

    /// Those of the named documents that exist, by name; deleted ones too.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents(&mut self, names: &[Name]) -> Result<Vec<Document>, StoreError> {
        let found = documents(self.step()?, names).await;
        self.done(found)
    }

    /// Which of these names are those of documents that are not deleted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn existing(&mut self, names: &[Name]) -> Result<BTreeSet<Name>, StoreError> {
        let found = existing(self.step()?, names, false).await;
        self.done(found)
    }

    /// Adds documents.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if a name is taken, also by a deleted one, or given twice; [`StoreError::Erased`] if one was
    /// erased. Then none was added.
    pub async fn insert_documents(&mut self, documents: &[Document]) -> Result<(), StoreError> {
        let inserted = insert(self.step()?, documents).await;
        self.done(inserted)
    }

    /// Replaces a document, except for the time of its creation; so it is deleted and restored as well. `false` if it
    /// has not `expected_revision` any more, or is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn update_document(&mut self, document: &Document, expected_revision: i64) -> Result<bool, StoreError> {
        let updated = update(self.step()?, document, expected_revision).await;
        self.done(updated)
    }

    /// Erases a document and its references to others for good; its former versions stay. `false` if it has not
    /// `expected_revision` any more, or is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_document(&mut self, name: &Name, expected_revision: i64) -> Result<bool, StoreError> {
        let erased = erase(self.step()?, name, expected_revision).await;
        self.done(erased)
    }
}

async fn document(db: &impl ConnectionTrait, name: &Name) -> Result<Option<Document>, Fault> {
    Entity::find_by_id(name.to_string()).one(db).await?.map(from_row).transpose()
}

async fn documents(db: &impl ConnectionTrait, names: &[Name]) -> Result<Vec<Document>, Fault> {
    let mut documents = Vec::with_capacity(names.len());
    for names in names.chunks(NAMES_AT_ONCE) {
        let rows = Entity::find().filter(Column::Name.is_in(names.iter().map(Name::to_string))).all(db).await?;
        for row in rows {
            documents.push(from_row(row)?);
        }
    }
    documents.sort_by(|one, other| one.name.cmp(&other.name));
    // A name that was asked for twice may have been found twice.
    documents.dedup_by(|one, other| one.name == other.name);
    Ok(documents)
}

/// Which of these names are taken; `deleted`: also by deleted documents.
async fn existing(db: &impl ConnectionTrait, names: &[Name], deleted: bool) -> Result<BTreeSet<Name>, Fault> {
    let mut existing = BTreeSet::new();
    for names in names.chunks(NAMES_AT_ONCE) {
        let mut query = Entity::find()
            .select_only()
            .column(Column::Name)
            .filter(Column::Name.is_in(names.iter().map(Name::to_string)));
        if !deleted {
            query = query.filter(Column::DeleteTime.is_null());
        }
        let found: Vec<String> = query.into_tuple().all(db).await?;
        for name in found {
            existing.insert(parse(&name)?);
        }
    }
    Ok(existing)
}

async fn insert(db: &impl ConnectionTrait, documents: &[Document]) -> Result<(), Fault> {
    // Asked beforehand, because PostgreSQL gives a transaction up on a double key. Nobody else writes meanwhile.
    let names: Vec<Name> = documents.iter().map(|document| document.name.clone()).collect();
    let mut taken = existing(db, &names, true).await?;
    for name in names {
        if let Some(name) = taken.replace(name) {
            return Err(Fault::Exists(name));
        }
    }
    let names: Vec<Name> = documents.iter().map(|document| document.name.clone()).collect();
    tombstone::give(db, &names).await?;
    for documents in documents.chunks(ROWS_AT_ONCE) {
        Entity::insert_many(documents.iter().map(to_row)).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn update(db: &impl ConnectionTrait, document: &Document, expected_revision: i64) -> Result<bool, Fault> {
    let updated = Entity::update_many()
        .col_expr(Column::Revision, Expr::value(document.revision))
        .col_expr(Column::Audience, Expr::value(i32::from(document.audience)))
        .col_expr(Column::UpdateTime, Expr::value(to_micros(document.update_time)))
        .col_expr(Column::DeleteTime, Expr::value(document.delete_time.map(to_micros)))
        .col_expr(Column::Body, Expr::value(document.body.to_vec()))
        .filter(Column::Name.eq(document.name.to_string()))
        .filter(Column::Revision.eq(expected_revision))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

async fn erase(db: &impl ConnectionTrait, name: &Name, expected_revision: i64) -> Result<bool, Fault> {
    // Its references go with it: they cascade.
    let deleted = Entity::delete_many()
        .filter(Column::Name.eq(name.to_string()))
        .filter(Column::Revision.eq(expected_revision))
        .exec(db)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// Reads a name that was stored.
pub(crate) fn parse(name: &str) -> Result<Name, Fault> {
    name.parse().map_err(|error: isopolity_domain::name::NameError| Fault::Damaged(error.to_string()))
}

/// Reads an audience that was stored.
pub(crate) fn audience(number: i32) -> Result<Audience, Fault> {
    Audience::try_from(number).map_err(|error| Fault::Damaged(format!("an audience: {error}")))
}

fn to_row(document: &Document) -> ActiveModel {
    ActiveModel {
        name: Set(document.name.to_string()),
        kind: Set(document.name.kind().to_string()),
        audience: Set(document.audience.into()),
        revision: Set(document.revision),
        create_time: Set(to_micros(document.create_time)),
        update_time: Set(to_micros(document.update_time)),
        delete_time: Set(document.delete_time.map(to_micros)),
        body: Set(document.body.to_vec()),
    }
}

pub(crate) fn from_row(row: Model) -> Result<Document, Fault> {
    Ok(Document {
        name: parse(&row.name)?,
        revision: row.revision,
        audience: audience(row.audience)?,
        create_time: from_micros(row.create_time)?,
        update_time: from_micros(row.update_time)?,
        delete_time: row.delete_time.map(from_micros).transpose()?,
        body: row.body.into(),
    })
}
