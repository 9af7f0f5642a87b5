//! What is told of deliveries.

use std::collections::BTreeMap;

use isopolity_domain::CityId;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use time::OffsetDateTime;

use super::{DEAD, DELIVERED, DeliveryRow, UNDELIVERED, from_row};
use crate::{
    Store, StoreError, at_most,
    cooperation::city,
    entity::delivery::{Column, Entity},
    error::Fault,
    micros::from_micros,
};

/// Which deliveries are wanted: those for which all that is given holds.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// The number of one of these standings. Empty: any.
    pub standings: Vec<i32>,
    /// The city that they go to.
    pub city: Option<CityId>,
}

/// How much waits for a city.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryDepth {
    /// The city.
    pub city: CityId,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up.
    pub dead: u64,
    /// Since when the oldest of those waits that wait.
    pub oldest: Option<OffsetDateTime>,
}

/// How far a city is known to be with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The city.
    pub city: CityId,
    /// It has signed a receipt for the event at this sequence. 0: for none.
    pub received_sequence: i64,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up.
    pub dead: u64,
    /// Since when the oldest of those waits that wait.
    pub oldest: Option<OffsetDateTime>,
    /// Why the last attempt was in vain with the first that is not delivered.
    pub problem: String,
}

impl Store {
    /// A page of deliveries, the oldest first, from the first after an id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: u64,
        after: Option<&str>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        list(self.pool(), filter, limit, after).await.map_err(self.fault("list deliveries"))
    }

    /// How much waits for each city, by city. Those for which nothing does are left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delivery_depths(&self) -> Result<Vec<DeliveryDepth>, StoreError> {
        depths(self.pool()).await.map_err(self.fault("count deliveries"))
    }

    /// What was delivered of a cooperation, with the receipts, by city and in order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn receipts_of(&self, cooperation: &str) -> Result<Vec<DeliveryRow>, StoreError> {
        receipts(self.pool(), cooperation).await.map_err(self.fault("read receipts"))
    }

    /// How far each city to which something of a cooperation was ever to be delivered is with its history, by city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reaches(&self, cooperation: &str) -> Result<Vec<Reach>, StoreError> {
        reaches(self.pool(), cooperation).await.map_err(self.fault("read deliveries"))
    }
}

async fn list(
    db: &impl ConnectionTrait,
    filter: &DeliveryFilter,
    limit: u64,
    after: Option<&str>,
) -> Result<Vec<DeliveryRow>, Fault> {
    let mut query = Entity::find();
    if !filter.standings.is_empty() {
        query = query.filter(Column::Standing.is_in(filter.standings.iter().copied()));
    }
    if let Some(city) = &filter.city {
        query = query.filter(Column::City.eq(city.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    let query = query.order_by_asc(Column::Id).limit(at_most(limit));
    query.all(db).await?.into_iter().map(from_row).collect()
}

async fn depths(db: &impl ConnectionTrait) -> Result<Vec<DeliveryDepth>, Fault> {
    let counts: Vec<(String, i32, i64, i64)> = Entity::find()
        .select_only()
        .column(Column::City)
        .column(Column::Standing)
        .column_as(Column::Id.count(), "count")
        .column_as(Column::CreateTime.min(), "oldest")
        .filter(Column::Standing.is_in(UNDELIVERED))
        .group_by(Column::City)
        .group_by(Column::Standing)
        .order_by_asc(Column::City)
        .into_tuple()
        .all(db)
        .await?;
    let mut depths: Vec<DeliveryDepth> = Vec::new();
    for (id, standing, count, oldest) in counts {
        let city = city(&id)?;
        let mut depth = match depths.pop_if(|last| last.city == city) {
            Some(depth) => depth,
            None => DeliveryDepth { city, waiting: 0, dead: 0, oldest: None },
        };
        let count = u64::try_from(count).unwrap_or_default();
        if standing == DEAD {
            depth.dead = count;
        } else {
            depth.waiting = count;
            depth.oldest = Some(from_micros(oldest)?);
        }
        depths.push(depth);
    }
    Ok(depths)
}

async fn receipts(db: &impl ConnectionTrait, cooperation: &str) -> Result<Vec<DeliveryRow>, Fault> {
    let query = Entity::find()
        .filter(Column::Cooperation.eq(cooperation))
        .filter(Column::Standing.eq(DELIVERED))
        .order_by_asc(Column::City)
        .order_by_asc(Column::Place)
        .order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(from_row).collect()
}

async fn reaches(db: &impl ConnectionTrait, cooperation: &str) -> Result<Vec<Reach>, Fault> {
    let received: Vec<(String, i64)> = Entity::find()
        .select_only()
        .column(Column::City)
        .column_as(Column::Sequence.max(), "received")
        .filter(Column::Cooperation.eq(cooperation))
        .filter(Column::Standing.eq(DELIVERED))
        .group_by(Column::City)
        .into_tuple()
        .all(db)
        .await?;
    let undelivered: Vec<(String, i32, i64, String)> = Entity::find()
        .select_only()
        .columns([Column::City, Column::Standing, Column::CreateTime, Column::Problem])
        .filter(Column::Cooperation.eq(cooperation))
        .filter(Column::Standing.is_in(UNDELIVERED))
        .order_by_asc(Column::City)
        .order_by_asc(Column::Place)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let mut reaches: BTreeMap<String, Reach> = BTreeMap::new();
    for (id, received_sequence) in received {
        let reach = Reach { received_sequence, ..nothing(city(&id)?) };
        reaches.insert(id, reach);
    }
    for (id, standing, create_time, problem) in undelivered {
        let reach = match reaches.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let city = city(new.key())?;
                new.insert(nothing(city))
            }
        };
        if reach.waiting + reach.dead == 0 {
            reach.problem = problem;
        }
        if standing == DEAD {
            reach.dead += 1;
            continue;
        }
        reach.waiting += 1;
        let since = from_micros(create_time)?;
        reach.oldest = Some(reach.oldest.map_or(since, |oldest| oldest.min(since)));
    }
    Ok(reaches.into_values().collect())
}

fn nothing(city: CityId) -> Reach {
    Reach { city, received_sequence: 0, waiting: 0, dead: 0, oldest: None, problem: String::new() }
}
