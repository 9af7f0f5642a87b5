//! This city's own trust bundles: of each record key the last one that it signed. A peer that holds any of them, or one before,
//! gets from there to the present one.

use bytes::Bytes;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::{
    Store, StoreError, Tx,
    entity::own_bundle::{ActiveModel, Column, Entity},
    error::Fault,
};

impl Store {
    /// The files of all bundles that are kept, in order of their sequence. The last one is the present one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn own_bundles(&self) -> Result<Vec<Bytes>, StoreError> {
        own_bundles(self.pool()).await.map_err(self.fault("read own bundles"))
    }
}

impl Tx {
    /// Keeps a bundle in the place of those that the same key signed before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_own_bundle(&mut self, sequence: i64, signer: &str, file: &[u8]) -> Result<(), StoreError> {
        let put = put(self.step()?, sequence, signer, file).await;
        self.done(put)
    }
}

async fn own_bundles(db: &impl ConnectionTrait) -> Result<Vec<Bytes>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Sequence).all(db).await?;
    Ok(rows.into_iter().map(|row| Bytes::from(row.file)).collect())
}

async fn put(db: &impl ConnectionTrait, sequence: i64, signer: &str, file: &[u8]) -> Result<(), Fault> {
    Entity::delete_many().filter(Column::Signer.eq(signer)).exec(db).await?;
    let row = ActiveModel { sequence: Set(sequence), signer: Set(signer.to_owned()), file: Set(file.to_vec()) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}
