//! What is on its way to other cities: written in the transaction that makes it due, kept until the city has signed a receipt, and
//! the receipt kept for good.
//!
//! Within a cooperation a city gets one after the other: events that are part of the history by sequence, and after them steps on their
//! way to the host, by id. What was given up is in the way of what comes after it.

mod queue;
mod report;

use bytes::Bytes;
use isopolity_domain::CityId;
use isopolity_proto::cooperation::DeliveryStanding;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;

use crate::{
    ROWS_AT_ONCE, StoreError, Tx,
    cooperation::{city, hash},
    entity::delivery::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

pub use queue::Redrive;
pub use report::{DeliveryDepth, DeliveryFilter, Reach};

const WAITING: i32 = DeliveryStanding::Waiting as i32;
const DELIVERED: i32 = DeliveryStanding::Delivered as i32;
const DEAD: i32 = DeliveryStanding::Dead as i32;
/// What is not delivered. Asked for like this it is found in the indexes; as "not delivered" it is not.
const UNDELIVERED: [i32; 2] = [WAITING, DEAD];

/// Something that is to be delivered to another city.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id, a UUID of version 7.
    pub id: String,
    /// The city that it goes to.
    pub city: CityId,
    /// The cooperation's resource name.
    pub cooperation: String,
    /// The event's sequence.
    pub sequence: i64,
    /// The event's hash.
    pub event_hash: [u8; 32],
    /// It is this city's step on its way to the host, not part of the history yet.
    pub submission: bool,
    /// It came from the host and is passed on.
    pub relay: bool,
    /// The event as it was signed, a serialized envelope. Empty once it is delivered: the history has it.
    pub envelope: Bytes,
    /// The number of its [`DeliveryStanding`].
    pub standing: i32,
    /// Since when it waits. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next. Kept to the microsecond.
    pub next_time: OffsetDateTime,
    /// Why the last attempt was in vain.
    pub problem: String,
    /// The city's receipt, a serialized envelope.
    pub receipt: Option<Bytes>,
}

impl Tx {
    /// Adds deliveries. One of the same event to the same city, a submission or not as this one, stays as it is, whatever has become
    /// of it. Says how many were added.
    ///
    /// # Errors
    /// What the database says.
    pub async fn enqueue_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<u64, StoreError> {
        let added = enqueue(self.step()?, rows).await;
        self.done(added)
    }

    /// Keeps what came of an attempt: standing, attempts, time, problem and receipt. The envelope is let go of once it is delivered.
    /// `false` if the delivery is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn update_delivery(&mut self, row: &DeliveryRow) -> Result<bool, StoreError> {
        let updated = update(self.step()?, row).await;
        self.done(updated)
    }

    /// Drops a delivery. `false` if it is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete_delivery(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = delete(self.step()?, id).await;
        self.done(deleted)
    }

    /// One delivery.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delivery(&mut self, id: &str) -> Result<Option<DeliveryRow>, StoreError> {
        let found = one(self.step()?, id).await;
        self.done(found)
    }

    /// The delivery of an event to a city. If it goes there both as part of the history and as a submission: the former.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delivery_of(
        &mut self,
        city: &CityId,
        event_hash: &[u8; 32],
    ) -> Result<Option<DeliveryRow>, StoreError> {
        let found = of(self.step()?, city, event_hash).await;
        self.done(found)
    }
}

async fn enqueue(db: &impl ConnectionTrait, rows: &[DeliveryRow]) -> Result<u64, Fault> {
    let mut added = 0;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let once = OnConflict::columns([Column::City, Column::EventHash, Column::Submission]).do_nothing().to_owned();
        added += Entity::insert_many(rows.iter().map(to_row)).on_conflict(once).exec_without_returning(db).await?;
    }
    Ok(added)
}

async fn update(db: &impl ConnectionTrait, row: &DeliveryRow) -> Result<bool, Fault> {
    let mut update = Entity::update_many()
        .col_expr(Column::Standing, Expr::value(row.standing))
        .col_expr(Column::Attempts, Expr::value(row.attempts))
        .col_expr(Column::NextTime, Expr::value(to_micros(row.next_time)))
        .col_expr(Column::Problem, Expr::value(row.problem.clone()))
        .col_expr(Column::Receipt, Expr::value(row.receipt.as_ref().map(|bytes| bytes.to_vec())))
        .filter(Column::Id.eq(row.id.as_str()));
    if row.standing == DELIVERED {
        update = update.col_expr(Column::Envelope, Expr::value(Vec::<u8>::new()));
    }
    Ok(update.exec(db).await?.rows_affected == 1)
}

async fn delete(db: &impl ConnectionTrait, id: &str) -> Result<bool, Fault> {
    Ok(Entity::delete_by_id(id.to_owned()).exec(db).await?.rows_affected == 1)
}

async fn one(db: &impl ConnectionTrait, id: &str) -> Result<Option<DeliveryRow>, Fault> {
    Entity::find_by_id(id.to_owned()).one(db).await?.map(from_row).transpose()
}

async fn of(db: &impl ConnectionTrait, city: &CityId, event_hash: &[u8; 32]) -> Result<Option<DeliveryRow>, Fault> {
    let query = Entity::find()
        .filter(Column::City.eq(city.as_str()))
        .filter(Column::EventHash.eq(event_hash.to_vec()))
        .order_by_asc(Column::Submission)
        .limit(1);
    query.one(db).await?.map(from_row).transpose()
}

fn to_row(row: &DeliveryRow) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.clone()),
        city: Set(row.city.to_string()),
        cooperation: Set(row.cooperation.clone()),
        sequence: Set(row.sequence),
        event_hash: Set(row.event_hash.to_vec()),
        submission: Set(row.submission),
        relay: Set(row.relay),
        // Twice, as nodes have always kept it.
        place: Set(if row.submission { i64::MAX } else { row.sequence.saturating_mul(2) }),
        envelope: Set(row.envelope.to_vec()),
        standing: Set(row.standing),
        create_time: Set(to_micros(row.create_time)),
        attempts: Set(row.attempts),
        next_time: Set(to_micros(row.next_time)),
        problem: Set(row.problem.clone()),
        receipt: Set(row.receipt.as_ref().map(|bytes| bytes.to_vec())),
    }
}

fn from_row(row: Model) -> Result<DeliveryRow, Fault> {
    Ok(DeliveryRow {
        id: row.id,
        city: city(&row.city)?,
        cooperation: row.cooperation,
        sequence: row.sequence,
        event_hash: hash(&row.event_hash)?,
        submission: row.submission,
        relay: row.relay,
        envelope: row.envelope.into(),
        standing: row.standing,
        create_time: from_micros(row.create_time)?,
        attempts: row.attempts,
        next_time: from_micros(row.next_time)?,
        problem: row.problem,
        receipt: row.receipt.map(Bytes::from),
    })
}
