//! Which document refers to which.

use std::collections::BTreeSet;

use isopolity_domain::Name;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::{
    ROWS_AT_ONCE, StoreError, Tx, at_most,
    document::parse,
    entity::reference::{ActiveModel, Column, Entity},
    error::Fault,
};

impl Tx {
    /// Replaces what a document refers to. The document must be in the store; what it refers to need not.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_references(&mut self, from: &Name, to: &[Name]) -> Result<(), StoreError> {
        let set = set(self.step()?, from, to).await;
        self.done(set)
    }

    /// The first documents, by name, that refer to this one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn referrers(&mut self, name: &Name, limit: u64) -> Result<Vec<Name>, StoreError> {
        let found = referrers(self.step()?, name, limit).await;
        self.done(found)
    }
}

async fn set(db: &impl ConnectionTrait, from: &Name, to: &[Name]) -> Result<(), Fault> {
    let from = from.to_string();
    Entity::delete_many().filter(Column::FromName.eq(&from)).exec(db).await?;
    let to: Vec<Name> = to.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    for to in to.chunks(ROWS_AT_ONCE) {
        let rows = to.iter().map(|to| ActiveModel { from_name: Set(from.clone()), to_name: Set(to.to_string()) });
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn referrers(db: &impl ConnectionTrait, name: &Name, limit: u64) -> Result<Vec<Name>, Fault> {
    let names: Vec<String> = Entity::find()
        .select_only()
        .column(Column::FromName)
        .filter(Column::ToName.eq(name.to_string()))
        .order_by_asc(Column::FromName)
        .limit(at_most(limit))
        .into_tuple()
        .all(db)
        .await?;
    names.iter().map(|name| parse(name)).collect()
}
