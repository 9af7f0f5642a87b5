//! What was published, in which order.

use bytes::Bytes;
use isopolity_domain::{
    CityId, Name,
    city_id::CityIdError,
    feed::{Position, Publication, PublishedRecord},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement},
};

use crate::{
    ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    document::audience,
    entity::{feed, publication, record},
    error::Fault,
};

impl Store {
    /// The latest publication of a resource.
    ///
    /// # Errors
    /// What the database says.
    pub async fn publication(&self, name: &Name) -> Result<Option<Publication>, StoreError> {
        let mut page = publications();
        page.and_where(publication::Column::Name.eq(name.to_string()));
        let mut found = read(self.pool(), page).await.map_err(self.fault("read publication"))?;
        Ok(found.pop())
    }

    /// The publications after a sequence, in order. Withdrawn ones come without records.
    ///
    /// # Errors
    /// What the database says.
    pub async fn feed_after(&self, sequence: i64, limit: u64) -> Result<Vec<Publication>, StoreError> {
        let mut page = publications();
        page.and_where(publication::Column::Sequence.gt(sequence))
            .order_by(publication::Column::Sequence, Order::Asc)
            .limit(at_most(limit));
        read(self.pool(), page).await.map_err(self.fault("read feed"))
    }

    /// The last sequence that was given, 0 before the first, and its epoch.
    ///
    /// # Errors
    /// What the database says.
    pub async fn feed_head(&self) -> Result<Position, StoreError> {
        head(self.pool()).await.map_err(self.fault("read feed head"))
    }

    /// How many resources are published; withdrawn ones are not.
    ///
    /// # Errors
    /// What the database says.
    pub async fn published_count(&self) -> Result<i64, StoreError> {
        count(self.pool()).await.map_err(self.fault("count publications"))
    }
}

impl Tx {
    /// The latest publication of a resource.
    ///
    /// # Errors
    /// What the database says.
    pub async fn publication(&mut self, name: &Name) -> Result<Option<Publication>, StoreError> {
        let mut page = publications();
        page.and_where(publication::Column::Name.eq(name.to_string()));
        let found = read(self.step()?, page).await;
        Ok(self.done(found)?.pop())
    }

    /// Takes `count` sequences that follow one another, and says the first. Sequences of a transaction that is not
    /// committed are given again.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_positions(&mut self, count: i64) -> Result<Position, StoreError> {
        let first = take(self.step()?, count).await;
        self.done(first)
    }

    /// Publishes resources, each instead of its former publication; without records it is withdrawn. A resource may be
    /// given once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn publish(&mut self, publications: &[Publication]) -> Result<(), StoreError> {
        let published = publish(self.step()?, publications).await;
        self.done(published)
    }
}

/// A publication with one of its records, or with none.
#[derive(FromQueryResult)]
struct Row {
    sequence: i64,
    name: String,
    kind: String,
    audience: Option<i32>,
    envelope: Option<Vec<u8>>,
    cities: Option<String>,
}

fn publications() -> SelectStatement {
    Query::select()
        .columns([publication::Column::Sequence, publication::Column::Name, publication::Column::Kind])
        .from(publication::Entity)
        .take()
}

/// Reads some publications with their records, in one statement: between two, another publication could come.
async fn read(db: &impl ConnectionTrait, page: SelectStatement) -> Result<Vec<Publication>, Fault> {
    let query = Query::select()
        .columns([("page", "sequence"), ("page", "name"), ("page", "kind")])
        .columns([
            (record::Entity, record::Column::Audience),
            (record::Entity, record::Column::Envelope),
            (record::Entity, record::Column::Cities),
        ])
        .from_subquery(page, "page")
        .join(
            JoinType::LeftJoin,
            record::Entity,
            Expr::col((record::Entity, record::Column::Name)).equals(("page", "name")),
        )
        .order_by(("page", "sequence"), Order::Asc)
        .order_by((record::Entity, record::Column::Audience), Order::Asc)
        .take();
    let rows = Row::find_by_statement(db.get_database_backend().build(&query)).all(db).await?;
    let mut publications: Vec<Publication> = Vec::new();
    for row in rows {
        let record = match (row.audience, row.envelope) {
            (Some(number), Some(envelope)) => {
                let cities = row.cities.as_deref().unwrap_or_default().split_whitespace().map(city);
                let cities = cities.collect::<Result<_, _>>()?;
                Some(PublishedRecord { audience: audience(number)?, cities, envelope: Bytes::from(envelope) })
            }
            _ => None,
        };
        match publications.last_mut() {
            Some(last) if last.sequence == row.sequence => last.records.extend(record),
            _ => publications.push(Publication {
                sequence: row.sequence,
                name: row.name,
                kind: row.kind,
                records: record.into_iter().collect(),
            }),
        }
    }
    Ok(publications)
}

async fn head(db: &impl ConnectionTrait) -> Result<Position, Fault> {
    let feed = feed::Entity::find_by_id(feed::ONLY).one(db).await?.ok_or_else(no_feed)?;
    Ok(Position { epoch: feed.epoch, sequence: feed.sequence })
}

async fn count(db: &impl ConnectionTrait) -> Result<i64, Fault> {
    let count: Option<i64> = record::Entity::find()
        .select_only()
        .column_as(Expr::col(record::Column::Name).count_distinct(), "count")
        .into_tuple()
        .one(db)
        .await?;
    Ok(count.unwrap_or_default())
}

async fn take(db: &impl ConnectionTrait, count: i64) -> Result<Position, Fault> {
    // The feed never goes back.
    let count = Ord::max(count, 0);
    let taken = Query::update()
        .table(feed::Entity)
        .value(feed::Column::Sequence, Expr::col(feed::Column::Sequence).add(count))
        .and_where(feed::Column::Id.eq(feed::ONLY))
        .returning(Query::returning().columns([feed::Column::Epoch, feed::Column::Sequence]))
        .take();
    let row = db.query_one(&taken).await?.ok_or_else(no_feed)?;
    let last: i64 = row.try_get("", "sequence")?;
    Ok(Position { epoch: row.try_get("", "epoch")?, sequence: last - count + 1 })
}

async fn publish(db: &impl ConnectionTrait, publications: &[Publication]) -> Result<(), Fault> {
    for publications in publications.chunks(ROWS_AT_ONCE) {
        // Former records go with their publication: they cascade.
        publication::Entity::delete_many()
            .filter(publication::Column::Name.is_in(publications.iter().map(|one| one.name.as_str())))
            .exec(db)
            .await?;
        let rows = publications.iter().map(|one| publication::ActiveModel {
            sequence: Set(one.sequence),
            name: Set(one.name.clone()),
            kind: Set(one.kind.clone()),
        });
        publication::Entity::insert_many(rows).exec_without_returning(db).await?;
        let records: Vec<record::ActiveModel> = publications
            .iter()
            .flat_map(|one| one.records.iter().map(move |record| (one, record)))
            .map(|(one, record)| record::ActiveModel {
                name: Set(one.name.clone()),
                audience: Set(record.audience.into()),
                envelope: Set(record.envelope.to_vec()),
                cities: Set((!record.cities.is_empty()).then(|| together(&record.cities))),
            })
            .collect();
        for records in records.chunks(ROWS_AT_ONCE) {
            record::Entity::insert_many(records.iter().cloned()).exec_without_returning(db).await?;
        }
    }
    Ok(())
}

fn together(cities: &[CityId]) -> String {
    cities.iter().map(CityId::as_str).collect::<Vec<_>>().join(" ")
}

fn city(id: &str) -> Result<CityId, Fault> {
    id.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))
}

fn no_feed() -> Fault {
    Fault::Damaged("the feed's row is missing".to_owned())
}
