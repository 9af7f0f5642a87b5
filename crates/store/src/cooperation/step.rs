//! Steps of this city that are not part of a history yet.

use bytes::Bytes;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    sea_query::OnConflict,
};
use time::OffsetDateTime;

use super::hash;
use crate::{
    Store, StoreError, Tx,
    entity::cooperation_step::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A step that is not part of a history yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRow {
    /// Its id.
    pub id: String,
    /// The cooperation's resource name.
    pub cooperation: String,
    /// The number of the reason why not.
    pub state: i32,
    /// An encoded `isopolity.cooperation.v1.PendingStep`.
    pub body: Bytes,
    /// The event as it was signed, a serialized envelope, once it was.
    pub envelope: Option<Bytes>,
    /// The hash of that event.
    pub event_hash: Option<[u8; 32]>,
    /// When it was taken. Kept to the microsecond.
    pub create_time: OffsetDateTime,
}

impl Store {
    /// The pending steps of a cooperation, or of all, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending_steps(&self, cooperation: Option<&str>) -> Result<Vec<PendingRow>, StoreError> {
        steps(self.pool(), cooperation).await.map_err(self.fault("read pending steps"))
    }
}

impl Tx {
    /// The pending steps of a cooperation, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending_steps(&mut self, cooperation: &str) -> Result<Vec<PendingRow>, StoreError> {
        let found = steps(self.step()?, Some(cooperation)).await;
        self.done(found)
    }

    /// Adds a pending step or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_pending(&mut self, row: &PendingRow) -> Result<(), StoreError> {
        let put = put(self.step()?, row).await;
        self.done(put)
    }

    /// Deletes a pending step. `false` if there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete_pending(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = delete(self.step()?, id).await;
        self.done(deleted)
    }
}

async fn steps(db: &impl ConnectionTrait, cooperation: Option<&str>) -> Result<Vec<PendingRow>, Fault> {
    let mut query = Entity::find();
    if let Some(name) = cooperation {
        query = query.filter(Column::Cooperation.eq(name));
    }
    let query = query.order_by_asc(Column::CreateTime).order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(from_row).collect()
}

async fn put(db: &impl ConnectionTrait, row: &PendingRow) -> Result<(), Fault> {
    let active = ActiveModel {
        id: Set(row.id.clone()),
        cooperation: Set(row.cooperation.clone()),
        state: Set(row.state),
        body: Set(row.body.to_vec()),
        envelope: Set(row.envelope.as_ref().map(|bytes| bytes.to_vec())),
        event_hash: Set(row.event_hash.map(|hash| hash.to_vec())),
        create_time: Set(to_micros(row.create_time)),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([
            Column::Cooperation,
            Column::State,
            Column::Body,
            Column::Envelope,
            Column::EventHash,
            Column::CreateTime,
        ])
        .to_owned();
    Entity::insert(active).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn delete(db: &impl ConnectionTrait, id: &str) -> Result<bool, Fault> {
    Ok(Entity::delete_by_id(id.to_owned()).exec(db).await?.rows_affected == 1)
}

fn from_row(row: Model) -> Result<PendingRow, Fault> {
    Ok(PendingRow {
        id: row.id,
        cooperation: row.cooperation,
        state: row.state,
        body: row.body.into(),
        envelope: row.envelope.map(Bytes::from),
        event_hash: row.event_hash.as_deref().map(hash).transpose()?,
        create_time: from_micros(row.create_time)?,
    })
}
