//! Sessions of local users, and attempts to begin one.

use std::fmt;

use bytes::Bytes;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::OnConflict,
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx, User,
    entity::{local_user, login_attempt as attempt, user_session as session},
    error::Fault,
    micros::{from_micros, to_micros},
    user,
};

/// A session of a user, without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Its public id.
    pub id: String,
    /// The hash of its secret.
    pub hash: Bytes,
    /// The user's id.
    pub user: String,
    /// When it began. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it ends. Kept to the microsecond.
    pub expire_time: OffsetDateTime,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// What is remembered of attempts to sign in, under a key that its owner makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Whose, and from where.
    pub key: String,
    /// How many failed, one after the other.
    pub failures: i64,
    /// No further attempt before this time. Kept to the microsecond.
    pub delay_time: OffsetDateTime,
    /// As if it had never been from this time on. Kept to the microsecond.
    pub forget_time: OffsetDateTime,
}

impl Store {
    /// A session and its user.
    ///
    /// # Errors
    /// What the database says.
    pub async fn session(&self, id: &str) -> Result<Option<(Session, User)>, StoreError> {
        one(self.pool(), id).await.map_err(self.fault("read session"))
    }

    /// What is remembered under these keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn attempts(&self, keys: &[String]) -> Result<Vec<Attempts>, StoreError> {
        attempts(self.pool(), keys).await.map_err(self.fault("read attempts to sign in"))
    }
}

impl Tx {
    /// Adds a session.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let added = add(self.step()?, session).await;
        self.done(added)
    }

    /// Ends a user's sessions but the latest `keep`, and but `spared`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_sessions(&mut self, user: &str, keep: u64, spared: Option<&str>) -> Result<(), StoreError> {
        let ended = end(self.step()?, user, keep, spared).await;
        self.done(ended)
    }

    /// Ends one session.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_session(&mut self, id: &str) -> Result<(), StoreError> {
        let ended = session::Entity::delete_by_id(id.to_owned()).exec(self.step()?).await;
        self.done(ended.map(drop).map_err(Fault::from))
    }

    /// Forgets sessions that ended before this time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_sessions(&mut self, now: OffsetDateTime) -> Result<(), StoreError> {
        let over = session::Entity::delete_many().filter(session::Column::ExpireTime.lte(to_micros(now)));
        let forgotten = over.exec(self.step()?).await;
        self.done(forgotten.map(drop).map_err(Fault::from))
    }

    /// What is remembered under these keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn attempts(&mut self, keys: &[String]) -> Result<Vec<Attempts>, StoreError> {
        let found = attempts(self.step()?, keys).await;
        self.done(found)
    }

    /// Remembers this instead of what was remembered under the same keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_attempts(&mut self, all: &[Attempts]) -> Result<(), StoreError> {
        let put = put_attempts(self.step()?, all).await;
        self.done(put)
    }

    /// Forgets what is remembered under these keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_attempts(&mut self, keys: &[String]) -> Result<(), StoreError> {
        let gone = attempt::Entity::delete_many().filter(attempt::Column::Key.is_in(keys.iter().cloned()));
        let forgotten = gone.exec(self.step()?).await;
        self.done(forgotten.map(drop).map_err(Fault::from))
    }

    /// Forgets what is over by now, and of the rest all but `keep` that would be remembered longest.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tidy_attempts(&mut self, now: OffsetDateTime, keep: u64) -> Result<(), StoreError> {
        let tidied = tidy(self.step()?, now, keep).await;
        self.done(tidied)
    }
}

async fn one(db: &impl ConnectionTrait, id: &str) -> Result<Option<(Session, User)>, Fault> {
    // PostgreSQL has no way to ask for a text with a zero byte; no id has one.
    if id.contains('\0') {
        return Ok(None);
    }
    let Some(row) = session::Entity::find_by_id(id.to_owned()).one(db).await? else { return Ok(None) };
    let Some(of) = local_user::Entity::find_by_id(row.user_id.clone()).one(db).await? else { return Ok(None) };
    let session = Session {
        id: row.id,
        hash: row.hash.into(),
        user: row.user_id,
        create_time: from_micros(row.create_time)?,
        expire_time: from_micros(row.expire_time)?,
    };
    Ok(Some((session, user::from_row(of)?)))
}

async fn add(db: &impl ConnectionTrait, session: &Session) -> Result<(), Fault> {
    let row = session::ActiveModel {
        id: Set(session.id.clone()),
        hash: Set(session.hash.to_vec()),
        user_id: Set(session.user.clone()),
        create_time: Set(to_micros(session.create_time)),
        expire_time: Set(to_micros(session.expire_time)),
    };
    session::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

async fn end(db: &impl ConnectionTrait, user: &str, keep: u64, spared: Option<&str>) -> Result<(), Fault> {
    use session::Column;
    let kept: Vec<String> = session::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::CreateTime)
        .order_by_desc(Column::Id)
        .limit(keep)
        .into_tuple()
        .all(db)
        .await?;
    let kept = kept.into_iter().chain(spared.map(ToOwned::to_owned));
    let ended = session::Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::Id.is_not_in(kept));
    ended.exec(db).await?;
    Ok(())
}

async fn attempts(db: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<Attempts>, Fault> {
    let found = attempt::Entity::find().filter(attempt::Column::Key.is_in(keys.iter().cloned())).all(db).await?;
    let each = found.into_iter().map(|row| {
        Ok(Attempts {
            key: row.key,
            failures: row.failures,
            delay_time: from_micros(row.delay_time)?,
            forget_time: from_micros(row.forget_time)?,
        })
    });
    each.collect()
}

async fn put_attempts(db: &impl ConnectionTrait, all: &[Attempts]) -> Result<(), Fault> {
    use attempt::Column;
    if all.is_empty() {
        return Ok(());
    }
    let rows = all.iter().map(|attempts| attempt::ActiveModel {
        key: Set(attempts.key.clone()),
        failures: Set(attempts.failures),
        delay_time: Set(to_micros(attempts.delay_time)),
        forget_time: Set(to_micros(attempts.forget_time)),
    });
    let replace = OnConflict::column(Column::Key)
        .update_columns([Column::Failures, Column::DelayTime, Column::ForgetTime])
        .to_owned();
    attempt::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn tidy(db: &impl ConnectionTrait, now: OffsetDateTime, keep: u64) -> Result<(), Fault> {
    use attempt::Column;
    attempt::Entity::delete_many().filter(Column::ForgetTime.lte(to_micros(now))).exec(db).await?;
    let count = attempt::Entity::find().count(db).await?;
    if let Some(surplus) = count.checked_sub(keep).filter(|surplus| *surplus > 0) {
        let soonest: Vec<String> = attempt::Entity::find()
            .select_only()
            .column(Column::Key)
            .order_by_asc(Column::ForgetTime)
            .order_by_asc(Column::Key)
            .limit(surplus)
            .into_tuple()
            .all(db)
            .await?;
        attempt::Entity::delete_many().filter(Column::Key.is_in(soonest)).exec(db).await?;
    }
    Ok(())
}
