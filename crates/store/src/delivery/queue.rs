//! Whose turn it is.

use isopolity_domain::CityId;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _, Query},
};
use time::OffsetDateTime;

use super::{DEAD, DeliveryRow, UNDELIVERED, WAITING, from_row};
use crate::{
    Store, StoreError, Tx, at_most,
    entity::delivery::{Column, Entity},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// Which deliveries to try anew.
#[derive(Clone, Copy, Debug)]
pub enum Redrive<'a> {
    /// The one with this id.
    Delivery(&'a str),
    /// Those to a city.
    City(&'a CityId),
    /// All.
    All,
}

impl Store {
    /// Of each city and cooperation the first that is not delivered, if it waits and its time has come. The earliest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_deliveries(&self, now: OffsetDateTime, limit: u64) -> Result<Vec<DeliveryRow>, StoreError> {
        due(self.pool(), now, limit).await.map_err(self.fault("read due deliveries"))
    }

    /// When the next delivery is to be tried: the earliest time of those whose turn it is. `None`: none waits, but behind what was
    /// given up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_delivery_time(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        next_time(self.pool()).await.map_err(self.fault("read due deliveries"))
    }

    /// What is not delivered to a city of a cooperation, in order, with what was given up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deliveries_of(
        &self,
        city: &CityId,
        cooperation: &str,
        limit: u64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        of(self.pool(), city, cooperation, limit).await.map_err(self.fault("read deliveries"))
    }

    /// Whether something to a city waits for a later time, so that [`Tx::hasten_deliveries`] would change something.
    ///
    /// # Errors
    /// What the database says.
    pub async fn holds_back(&self, city: &CityId, now: OffsetDateTime) -> Result<bool, StoreError> {
        holds_back(self.pool(), city, now).await.map_err(self.fault("read deliveries"))
    }
}

impl Tx {
    /// Makes due at once what waits to be delivered to a city. Says how many waited for a later time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hasten_deliveries(&mut self, city: &CityId, now: OffsetDateTime) -> Result<u64, StoreError> {
        let hastened = hasten(self.step()?, city, now).await;
        self.done(hastened)
    }

    /// Makes due at once what waits or was given up, as if it had not been tried. What was given up waits anew from now on. Says how
    /// many there were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn redrive(&mut self, which: Redrive<'_>, now: OffsetDateTime) -> Result<u64, StoreError> {
        let redriven = redrive(self.step()?, which, now).await;
        self.done(redriven)
    }
}

/// Those that wait and have nothing in their way.
fn heads() -> Select<Entity> {
    let this = |column| Expr::col((Entity, column));
    let other = |column| Expr::col(("ahead", column));
    let ahead = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, "ahead")
        .and_where(other(Column::Cooperation).eq(this(Column::Cooperation)))
        .and_where(other(Column::City).eq(this(Column::City)))
        .and_where(other(Column::Standing).is_in(UNDELIVERED))
        .and_where(other(Column::Place).lte(this(Column::Place)))
        .cond_where(
            Condition::any()
                .add(other(Column::Place).lt(this(Column::Place)))
                .add(other(Column::Id).lt(this(Column::Id))),
        )
        .take();
    Entity::find().filter(Column::Standing.eq(WAITING)).filter(Expr::exists(ahead).not())
}

fn due_by(now: OffsetDateTime, limit: u64) -> Select<Entity> {
    heads()
        .filter(Column::NextTime.lte(to_micros(now)))
        .order_by_asc(Column::NextTime)
        .order_by_asc(Column::Id)
        .limit(at_most(limit))
}

async fn due(db: &impl ConnectionTrait, now: OffsetDateTime, limit: u64) -> Result<Vec<DeliveryRow>, Fault> {
    due_by(now, limit).all(db).await?.into_iter().map(from_row).collect()
}

async fn next_time(db: &impl ConnectionTrait) -> Result<Option<OffsetDateTime>, Fault> {
    let next: Option<Option<i64>> = heads()
        .select_only()
        .column_as(Expr::col((Entity, Column::NextTime)).min(), "next_time")
        .into_tuple()
        .one(db)
        .await?;
    next.flatten().map(from_micros).transpose()
}

async fn of(
    db: &impl ConnectionTrait,
    city: &CityId,
    cooperation: &str,
    limit: u64,
) -> Result<Vec<DeliveryRow>, Fault> {
    let query = Entity::find()
        .filter(Column::Cooperation.eq(cooperation))
        .filter(Column::City.eq(city.as_str()))
        .filter(Column::Standing.is_in(UNDELIVERED))
        .order_by_asc(Column::Place)
        .order_by_asc(Column::Id)
        .limit(at_most(limit));
    query.all(db).await?.into_iter().map(from_row).collect()
}

fn later(city: &CityId, now: OffsetDateTime) -> Condition {
    Condition::all()
        .add(Column::Standing.eq(WAITING))
        .add(Column::City.eq(city.as_str()))
        .add(Column::NextTime.gt(to_micros(now)))
}

async fn holds_back(db: &impl ConnectionTrait, city: &CityId, now: OffsetDateTime) -> Result<bool, Fault> {
    let query = Entity::find().select_only().column(Column::NextTime).filter(later(city, now)).limit(1);
    let found: Option<i64> = query.into_tuple().one(db).await?;
    Ok(found.is_some())
}

async fn hasten(db: &impl ConnectionTrait, city: &CityId, now: OffsetDateTime) -> Result<u64, Fault> {
    let update = Entity::update_many().col_expr(Column::NextTime, Expr::value(to_micros(now))).filter(later(city, now));
    Ok(update.exec(db).await?.rows_affected)
}

async fn redrive(db: &impl ConnectionTrait, which: Redrive<'_>, now: OffsetDateTime) -> Result<u64, Fault> {
    let anew = |standing: i32| {
        let update = Entity::update_many()
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::NextTime, Expr::value(to_micros(now)))
            .filter(Column::Standing.eq(standing));
        match which {
            Redrive::Delivery(id) => update.filter(Column::Id.eq(id)),
            Redrive::City(city) => update.filter(Column::City.eq(city.as_str())),
            Redrive::All => update,
        }
    };
    let waiting = anew(WAITING).exec(db).await?.rows_affected;
    let dead = anew(DEAD)
        .col_expr(Column::Standing, Expr::value(WAITING))
        .col_expr(Column::CreateTime, Expr::value(to_micros(now)));
    Ok(waiting + dead.exec(db).await?.rows_affected)
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait as _, Statement};

    use super::*;
    use crate::tests::bed::on_sqlite;

    #[tokio::test]
    async fn whose_turn_it_is_is_found_in_the_indexes_however_much_was_delivered() {
        on_sqlite(|bed| async move {
            let store = bed.store().await;
            for query in [heads(), due_by(OffsetDateTime::UNIX_EPOCH, 9)] {
                let query = query.build(DbBackend::Sqlite);
                let Statement { sql, values, .. } = query;
                let plan = format!("explain query plan {sql}");
                let plan = Statement { sql: plan, values, db_backend: DbBackend::Sqlite };
                let rows = store.pool().query_all_raw(plan).await.unwrap();
                let told: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
                for part in [
                    "SEARCH delivery USING INDEX delivery_by_standing (standing=?)",
                    "SEARCH ahead USING COVERING INDEX delivery_in_order \
                     (cooperation=? AND city=? AND standing=? AND place<?)",
                ] {
                    assert!(told.iter().any(|line| line.contains(part)), "{told:#?}");
                }
            }
        })
        .await;
    }
}
