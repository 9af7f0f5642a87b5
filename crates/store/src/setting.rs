//! Small values by key.

use bytes::Bytes;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, sea_query::OnConflict};

use crate::{
    Store, StoreError, Tx,
    entity::setting::{ActiveModel, Column, Entity},
    error::Fault,
};

impl Store {
    /// A small value, for example the city's own trust bundle.
    ///
    /// # Errors
    /// What the database says.
    pub async fn setting(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        setting(self.pool(), key).await.map_err(self.fault("read setting"))
    }
}

impl Tx {
    /// A small value.
    ///
    /// # Errors
    /// What the database says.
    pub async fn setting(&mut self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let found = setting(self.step()?, key).await;
        self.done(found)
    }

    /// Sets a small value.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_setting(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let set = set(self.step()?, key, value).await;
        self.done(set)
    }
}

async fn setting(db: &impl ConnectionTrait, key: &str) -> Result<Option<Bytes>, Fault> {
    Ok(Entity::find_by_id(key.to_owned()).one(db).await?.map(|row| Bytes::from(row.value)))
}

async fn set(db: &impl ConnectionTrait, key: &str, value: &[u8]) -> Result<(), Fault> {
    let row = ActiveModel { key: Set(key.to_owned()), value: Set(value.to_vec()) };
    let replace = OnConflict::column(Column::Key).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}
