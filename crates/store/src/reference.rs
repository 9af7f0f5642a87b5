//! Which document refers to which.

use std::collections::BTreeSet;

use isopolity_domain::{Kind, Name};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Query,
};
use time::OffsetDateTime;

use crate::{
    Document, ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    document::{from_row, parse},
    entity::{
        document,
        reference::{ActiveModel, Column, Entity},
    },
    error::Fault,
    micros::to_micros,
};

impl Tx {
    /// Replaces what a document refers to. The document must be in the store; what it refers to need not.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_references(&mut self, from: &Name, to: &[Name]) -> Result<(), StoreError> {
        self.set_references_of(&[(from.clone(), to.to_vec())]).await
    }

    /// The same for many documents, each given once, in a few statements.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_references_of(&mut self, references: &[(Name, Vec<Name>)]) -> Result<(), StoreError> {
        let set = set(self.step()?, references).await;
        self.done(set)
    }

    /// The first documents, by name, that refer to this one and are not deleted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn referrers(&mut self, name: &Name, limit: u64) -> Result<Vec<Name>, StoreError> {
        let found = referrers(self.step()?, name, None, None, limit).await;
        self.done(found)
    }

    /// The documents of a kind that refer to this one and are not deleted, by name, from the first after `after`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn referrers_of_kind(
        &mut self,
        name: &Name,
        kind: Kind,
        after: Option<&Name>,
        limit: u64,
    ) -> Result<Vec<Name>, StoreError> {
        let found = referrers(self.step()?, name, Some(kind), after, limit).await;
        self.done(found)
    }

    /// The documents that refer to this one and were deleted at this time, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deleted_referrers(
        &mut self,
        name: &Name,
        delete_time: OffsetDateTime,
    ) -> Result<Vec<Document>, StoreError> {
        let found = deleted(self.step()?, name, delete_time).await;
        self.done(found)
    }
}

impl Store {
    /// The documents of a kind that refer to this one and are not deleted, by name, from the first after `after`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn referrers_of_kind(
        &self,
        name: &Name,
        kind: Kind,
        after: Option<&Name>,
        limit: u64,
    ) -> Result<Vec<Name>, StoreError> {
        referrers(self.pool(), name, Some(kind), after, limit).await.map_err(self.fault("read references"))
    }
}

async fn set(db: &impl ConnectionTrait, references: &[(Name, Vec<Name>)]) -> Result<(), Fault> {
    for references in references.chunks(ROWS_AT_ONCE) {
        let from = references.iter().map(|(from, _)| from.to_string());
        Entity::delete_many().filter(Column::FromName.is_in(from)).exec(db).await?;
        let pairs: BTreeSet<(String, String)> = references
            .iter()
            .flat_map(|(from, to)| to.iter().map(move |to| (from.to_string(), to.to_string())))
            .collect();
        let rows: Vec<ActiveModel> =
            pairs.into_iter().map(|(from, to)| ActiveModel { from_name: Set(from), to_name: Set(to) }).collect();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            Entity::insert_many(rows.iter().cloned()).exec_without_returning(db).await?;
        }
    }
    Ok(())
}

async fn referrers(
    db: &impl ConnectionTrait,
    name: &Name,
    kind: Option<Kind>,
    after: Option<&Name>,
    limit: u64,
) -> Result<Vec<Name>, Fault> {
    let mut query = referring(name).filter(document::Column::DeleteTime.is_null());
    if let Some(kind) = kind {
        query = query.filter(document::Column::Kind.eq(kind.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(document::Column::Name.gt(after.to_string()));
    }
    let names: Vec<String> =
        query.select_only().column(document::Column::Name).limit(at_most(limit)).into_tuple().all(db).await?;
    names.iter().map(|name| parse(name)).collect()
}

async fn deleted(db: &impl ConnectionTrait, name: &Name, delete_time: OffsetDateTime) -> Result<Vec<Document>, Fault> {
    let these = referring(name).filter(document::Column::DeleteTime.eq(to_micros(delete_time)));
    these.all(db).await?.into_iter().map(from_row).collect()
}

/// The documents that refer to this one, by name.
fn referring(name: &Name) -> sea_orm::Select<document::Entity> {
    let from =
        Query::select().column(Column::FromName).from(Entity).and_where(Column::ToName.eq(name.to_string())).take();
    document::Entity::find().filter(document::Column::Name.in_subquery(from)).order_by_asc(document::Column::Name)
}
