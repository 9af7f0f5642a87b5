//! What is done together with other cities: cooperations, their histories, and steps that are not part of them yet.

mod history;
mod step;

use std::collections::BTreeSet;

use bytes::Bytes;
use isopolity_domain::{CityId, city_id::CityIdError};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::{OnConflict, Query, SelectStatement},
};
use time::OffsetDateTime;

use crate::{
    ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    entity::{
        cooperation::{ActiveModel, Column, Entity, Model},
        cooperation_city, cooperation_step, cooperation_subject,
    },
    error::Fault,
    micros::{from_micros, to_micros},
};

pub use history::EventRow;
pub use step::PendingRow;

/// A cooperation as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CooperationRow {
    /// Its resource name.
    pub name: String,
    /// The city that proposed it and orders what happens.
    pub host: CityId,
    /// The number of its kind.
    pub kind: i32,
    /// The number of its state.
    pub state: i32,
    /// The sequence of its last event, 0 for a draft.
    pub sequence: i64,
    /// When it began. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it changed last. Kept to the microsecond.
    pub update_time: OffsetDateTime,
    /// When something follows from time alone. Kept to the microsecond.
    pub due_time: Option<OffsetDateTime>,
    /// It is not over.
    pub open: bool,
    /// Its host forked the history.
    pub forked: bool,
    /// The cities that take part, in their order. It is found by its host and by these.
    pub participants: Vec<CityId>,
    /// The names of the records that it is about, in their order. It is found by these.
    pub subjects: Vec<String>,
    /// An encoded `isopolity.cooperation.v1.Cooperation`.
    pub body: Bytes,
}

/// Which cooperations are wanted: those for which all that is given holds, those that changed last first and then by name.
#[derive(Clone, Debug, Default)]
pub struct CooperationFilter {
    /// One of these numbers. Empty: any.
    pub states: Vec<i32>,
    /// One of these numbers. Empty: any.
    pub kinds: Vec<i32>,
    /// A city that takes part, as host too.
    pub city: Option<CityId>,
    /// A record that it is about.
    pub subject: Option<String>,
    /// Only those that come after one: its time of change and its name.
    pub after: Option<(OffsetDateTime, String)>,
    /// The most to return.
    pub limit: u64,
}

impl Store {
    /// One cooperation.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cooperation(&self, name: &str) -> Result<Option<CooperationRow>, StoreError> {
        one(self.pool(), name).await.map_err(self.fault("read cooperation"))
    }

    /// A page of cooperations.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cooperations(&self, filter: &CooperationFilter) -> Result<Vec<CooperationRow>, StoreError> {
        list(self.pool(), filter).await.map_err(self.fault("list cooperations"))
    }

    /// All cooperations that are not over, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open_cooperations(&self) -> Result<Vec<CooperationRow>, StoreError> {
        open(self.pool()).await.map_err(self.fault("read open cooperations"))
    }

    /// The open cooperations in which something follows from time alone by now, the earliest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_cooperations(&self, now: OffsetDateTime, limit: u64) -> Result<Vec<CooperationRow>, StoreError> {
        due(self.pool(), now, limit).await.map_err(self.fault("read due cooperations"))
    }
}

impl Tx {
    /// One cooperation.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cooperation(&mut self, name: &str) -> Result<Option<CooperationRow>, StoreError> {
        let found = one(self.step()?, name).await;
        self.done(found)
    }

    /// Adds a cooperation or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_cooperation(&mut self, row: &CooperationRow) -> Result<(), StoreError> {
        let put = put(self.step()?, row).await;
        self.done(put)
    }

    /// Deletes a draft with its pending steps. `false` if there is none: what has a history stays.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete_cooperation(&mut self, name: &str) -> Result<bool, StoreError> {
        let deleted = delete(self.step()?, name).await;
        self.done(deleted)
    }

    /// How many cooperations of this host are not over.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_open_hosted_by(&mut self, city: &CityId) -> Result<u64, StoreError> {
        let count = count_open(self.step()?, city).await;
        self.done(count)
    }
}

async fn one(db: &impl ConnectionTrait, name: &str) -> Result<Option<CooperationRow>, Fault> {
    Entity::find_by_id(name.to_owned()).one(db).await?.map(from_row).transpose()
}

async fn list(db: &impl ConnectionTrait, filter: &CooperationFilter) -> Result<Vec<CooperationRow>, Fault> {
    let CooperationFilter { states, kinds, city, subject, after, limit } = filter;
    let mut all = Condition::all()
        .add_option(city.as_ref().map(|city| Column::Name.in_subquery(with_city(city))))
        .add_option(subject.as_ref().map(|subject| Column::Name.in_subquery(with_subject(subject))));
    if !states.is_empty() {
        all = all.add(Column::State.is_in(states.iter().copied()));
    }
    if !kinds.is_empty() {
        all = all.add(Column::Kind.is_in(kinds.iter().copied()));
    }
    if let Some((time, name)) = after {
        let time = to_micros(*time);
        let beyond = Condition::any()
            .add(Column::UpdateTime.lt(time))
            .add(Condition::all().add(Column::UpdateTime.eq(time)).add(Column::Name.gt(name.as_str())));
        // The first says nothing more, but lets the databases begin there in the index.
        all = all.add(Column::UpdateTime.lte(time)).add(beyond);
    }
    let query = Entity::find().filter(all).order_by_desc(Column::UpdateTime).order_by_asc(Column::Name);
    query.limit(at_most(*limit)).all(db).await?.into_iter().map(from_row).collect()
}

fn with_city(city: &CityId) -> SelectStatement {
    use cooperation_city::{Column, Entity};
    Query::select().column(Column::Cooperation).from(Entity).and_where(Column::City.eq(city.as_str())).take()
}

fn with_subject(subject: &str) -> SelectStatement {
    use cooperation_subject::{Column, Entity};
    Query::select().column(Column::Cooperation).from(Entity).and_where(Column::Subject.eq(subject)).take()
}

async fn open(db: &impl ConnectionTrait) -> Result<Vec<CooperationRow>, Fault> {
    let query = Entity::find().filter(Column::Open.eq(true)).order_by_asc(Column::Name);
    query.all(db).await?.into_iter().map(from_row).collect()
}

async fn due(db: &impl ConnectionTrait, now: OffsetDateTime, limit: u64) -> Result<Vec<CooperationRow>, Fault> {
    let query = Entity::find()
        .filter(Column::Open.eq(true))
        .filter(Column::DueTime.lte(to_micros(now)))
        .order_by_asc(Column::DueTime)
        .order_by_asc(Column::Name);
    query.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn put(db: &impl ConnectionTrait, row: &CooperationRow) -> Result<(), Fault> {
    let name = row.name.as_str();
    let active = ActiveModel {
        name: Set(name.to_owned()),
        host: Set(row.host.to_string()),
        kind: Set(row.kind),
        state: Set(row.state),
        sequence: Set(row.sequence),
        create_time: Set(to_micros(row.create_time)),
        update_time: Set(to_micros(row.update_time)),
        due_time: Set(row.due_time.map(to_micros)),
        open: Set(row.open),
        forked: Set(row.forked),
        participants: Set(lines(row.participants.iter().map(CityId::as_str))?),
        subjects: Set(lines(row.subjects.iter().map(String::as_str))?),
        body: Set(row.body.to_vec()),
    };
    let replace = OnConflict::column(Column::Name)
        .update_columns([
            Column::Host,
            Column::Kind,
            Column::State,
            Column::Sequence,
            Column::CreateTime,
            Column::UpdateTime,
            Column::DueTime,
            Column::Open,
            Column::Forked,
            Column::Participants,
            Column::Subjects,
            Column::Body,
        ])
        .to_owned();
    Entity::insert(active).on_conflict(replace).exec_without_returning(db).await?;
    find_by_cities(db, row).await?;
    find_by_subjects(db, row).await
}

async fn find_by_cities(db: &impl ConnectionTrait, row: &CooperationRow) -> Result<(), Fault> {
    use cooperation_city::{ActiveModel, Column, Entity};
    Entity::delete_many().filter(Column::Cooperation.eq(row.name.as_str())).exec(db).await?;
    let cities: BTreeSet<&str> = row.participants.iter().chain([&row.host]).map(CityId::as_str).collect();
    let rows = cities.iter().map(|&city| ActiveModel { city: Set(city.into()), cooperation: Set(row.name.clone()) });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

async fn find_by_subjects(db: &impl ConnectionTrait, row: &CooperationRow) -> Result<(), Fault> {
    use cooperation_subject::{ActiveModel, Column, Entity};
    Entity::delete_many().filter(Column::Cooperation.eq(row.name.as_str())).exec(db).await?;
    let subjects: Vec<&String> = row.subjects.iter().collect::<BTreeSet<_>>().into_iter().collect();
    for subjects in subjects.chunks(ROWS_AT_ONCE) {
        let rows = subjects
            .iter()
            .map(|&subject| ActiveModel { subject: Set(subject.clone()), cooperation: Set(row.name.clone()) });
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Puts names together, one a line.
fn lines<'a>(names: impl Iterator<Item = &'a str>) -> Result<String, Fault> {
    let names: Vec<&str> = names.collect();
    match names.iter().find(|name| name.is_empty() || name.contains(['\n', '\r'])) {
        Some(bad) => Err(Fault::Damaged(format!("{bad:?} can't be put with other names"))),
        None => Ok(names.join("\n")),
    }
}

async fn delete(db: &impl ConnectionTrait, name: &str) -> Result<bool, Fault> {
    // What it is found by goes with it: it cascades.
    let draft = Entity::delete_many().filter(Column::Name.eq(name)).filter(Column::Sequence.eq(0));
    let deleted = draft.exec(db).await?.rows_affected == 1;
    if deleted {
        let steps = cooperation_step::Column::Cooperation.eq(name);
        cooperation_step::Entity::delete_many().filter(steps).exec(db).await?;
    }
    Ok(deleted)
}

async fn count_open(db: &impl ConnectionTrait, host: &CityId) -> Result<u64, Fault> {
    Ok(Entity::find().filter(Column::Host.eq(host.as_str())).filter(Column::Open.eq(true)).count(db).await?)
}

/// Reads the id of a city that was stored.
pub(crate) fn city(id: &str) -> Result<CityId, Fault> {
    id.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))
}

/// Reads a hash that was stored.
pub(crate) fn hash(bytes: &[u8]) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|error| Fault::Damaged(format!("the hash of an event: {error}")))
}

fn from_row(row: Model) -> Result<CooperationRow, Fault> {
    Ok(CooperationRow {
        host: city(&row.host)?,
        name: row.name,
        kind: row.kind,
        state: row.state,
        sequence: row.sequence,
        create_time: from_micros(row.create_time)?,
        update_time: from_micros(row.update_time)?,
        due_time: row.due_time.map(from_micros).transpose()?,
        open: row.open,
        forked: row.forked,
        participants: row.participants.lines().map(city).collect::<Result<_, _>>()?,
        subjects: row.subjects.lines().map(str::to_owned).collect(),
        body: row.body.into(),
    })
}
