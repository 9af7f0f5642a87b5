//! The histories of cooperations: events in the order that the host gave them. What is in a history stays as it is.

use bytes::Bytes;
use isopolity_domain::CityId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::OnConflict,
};
use time::OffsetDateTime;

use super::{city, hash};
use crate::{
    Store, StoreError, Tx, at_most,
    entity::cooperation_event::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// An event of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The cooperation's resource name.
    pub cooperation: String,
    /// Its place, from 1.
    pub sequence: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The city whose step it was.
    pub city: CityId,
    /// The event as it was signed, a serialized envelope.
    pub envelope: Bytes,
    /// When it became part of the history here. Kept to the microsecond.
    pub keep_time: OffsetDateTime,
}

impl Store {
    /// The events after a sequence, in order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cooperation_events(&self, name: &str, after: i64, limit: u64) -> Result<Vec<EventRow>, StoreError> {
        events(self.pool(), name, after, limit).await.map_err(self.fault("read events"))
    }

    /// The event at a sequence.
    ///
    /// # Errors
    /// What the database says.
    pub async fn event_at(&self, name: &str, sequence: i64) -> Result<Option<EventRow>, StoreError> {
        at(self.pool(), name, sequence).await.map_err(self.fault("read event"))
    }
}

impl Tx {
    /// The events after a sequence, in order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cooperation_events(
        &mut self,
        name: &str,
        after: i64,
        limit: u64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let found = events(self.step()?, name, after, limit).await;
        self.done(found)
    }

    /// The event at a sequence.
    ///
    /// # Errors
    /// What the database says.
    pub async fn event_at(&mut self, name: &str, sequence: i64) -> Result<Option<EventRow>, StoreError> {
        let found = at(self.step()?, name, sequence).await;
        self.done(found)
    }

    /// Adds an event to a history. `false` if there is one at its sequence, be it the same: that one stays as it is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn append_event(&mut self, row: &EventRow) -> Result<bool, StoreError> {
        let appended = append(self.step()?, row).await;
        self.done(appended)
    }
}

async fn events(db: &impl ConnectionTrait, name: &str, after: i64, limit: u64) -> Result<Vec<EventRow>, Fault> {
    let query = Entity::find()
        .filter(Column::Cooperation.eq(name))
        .filter(Column::Sequence.gt(after))
        .order_by_asc(Column::Sequence);
    query.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn at(db: &impl ConnectionTrait, name: &str, sequence: i64) -> Result<Option<EventRow>, Fault> {
    Entity::find_by_id((name.to_owned(), sequence)).one(db).await?.map(from_row).transpose()
}

async fn append(db: &impl ConnectionTrait, row: &EventRow) -> Result<bool, Fault> {
    let active = ActiveModel {
        cooperation: Set(row.cooperation.clone()),
        sequence: Set(row.sequence),
        hash: Set(row.hash.to_vec()),
        city: Set(row.city.to_string()),
        envelope: Set(row.envelope.to_vec()),
        keep_time: Set(to_micros(row.keep_time)),
    };
    let once = OnConflict::columns([Column::Cooperation, Column::Sequence]).do_nothing().to_owned();
    Ok(Entity::insert(active).on_conflict(once).exec_without_returning(db).await? == 1)
}

fn from_row(row: Model) -> Result<EventRow, Fault> {
    Ok(EventRow {
        cooperation: row.cooperation,
        sequence: row.sequence,
        hash: hash(&row.hash)?,
        city: city(&row.city)?,
        envelope: row.envelope.into(),
        keep_time: from_micros(row.keep_time)?,
    })
}
