//! Mail on its way to people.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx, at_most,
    entity::mail::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRow {
    /// Its id, a UUID of version 7.
    pub id: String,
    /// The address that it goes to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// When it was written. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next. Kept to the microsecond.
    pub next_time: OffsetDateTime,
    /// Why the last attempt was in vain.
    pub problem: String,
    /// [`MailRow::WAITING`], [`MailRow::SENT`] or [`MailRow::GIVEN_UP`].
    pub standing: i32,
}

impl MailRow {
    /// It waits for an attempt.
    pub const WAITING: i32 = 1;
    /// The mail server took it.
    pub const SENT: i32 = 2;
    /// It was given up.
    pub const GIVEN_UP: i32 = 3;
}

impl Store {
    /// The mails that wait and whose time has come, the earliest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_mails(&self, now: OffsetDateTime, limit: u64) -> Result<Vec<MailRow>, StoreError> {
        due(self.pool(), now, limit).await.map_err(self.fault("read due mails"))
    }

    /// When the next mail is to be tried. `None`: none waits.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_mail_time(&self) -> Result<Option<OffsetDateTime>, StoreError> {
        next_time(self.pool()).await.map_err(self.fault("read due mails"))
    }

    /// The last mails, the latest first: those before one with this id, if one is given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn mails(&self, before: Option<&str>, limit: u64) -> Result<Vec<MailRow>, StoreError> {
        last(self.pool(), before, limit).await.map_err(self.fault("read mails"))
    }
}

impl Tx {
    /// Adds a mail. One with its id stays as it is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_mail(&mut self, row: &MailRow) -> Result<(), StoreError> {
        let put = put(self.step()?, row).await;
        self.done(put)
    }

    /// Keeps what came of an attempt: standing, attempts, time and problem. `false` if the mail is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn update_mail(&mut self, row: &MailRow) -> Result<bool, StoreError> {
        let updated = update(self.step()?, row).await;
        self.done(updated)
    }

    /// How many mails to an address were written after this time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count_mails(&mut self, address: &str, after: OffsetDateTime) -> Result<u64, StoreError> {
        let counted = count(self.step()?, address, after).await;
        self.done(counted)
    }

    /// Forgets the mails that were written before this time and do not wait any more. Says how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_mails(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let forgotten = forget(self.step()?, before).await;
        self.done(forgotten)
    }
}

async fn due(db: &impl ConnectionTrait, now: OffsetDateTime, limit: u64) -> Result<Vec<MailRow>, Fault> {
    let query = Entity::find()
        .filter(Column::Standing.eq(MailRow::WAITING))
        .filter(Column::NextTime.lte(to_micros(now)))
        .order_by_asc(Column::NextTime)
        .order_by_asc(Column::Id);
    query.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn next_time(db: &impl ConnectionTrait) -> Result<Option<OffsetDateTime>, Fault> {
    let next: Option<i64> = Entity::find()
        .select_only()
        .column(Column::NextTime)
        .filter(Column::Standing.eq(MailRow::WAITING))
        .order_by_asc(Column::NextTime)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    next.map(from_micros).transpose()
}

async fn last(db: &impl ConnectionTrait, before: Option<&str>, limit: u64) -> Result<Vec<MailRow>, Fault> {
    let mut query = Entity::find();
    if let Some(id) = before {
        query = query.filter(Column::Id.lt(id));
    }
    let query = query.order_by_desc(Column::Id).limit(at_most(limit));
    query.all(db).await?.into_iter().map(from_row).collect()
}

async fn put(db: &impl ConnectionTrait, row: &MailRow) -> Result<(), Fault> {
    let active = ActiveModel {
        id: Set(row.id.clone()),
        address: Set(row.to.clone()),
        subject: Set(row.subject.clone()),
        text: Set(row.text.clone()),
        create_time: Set(to_micros(row.create_time)),
        attempts: Set(row.attempts),
        next_time: Set(to_micros(row.next_time)),
        problem: Set(row.problem.clone()),
        standing: Set(row.standing),
    };
    let once = OnConflict::column(Column::Id).do_nothing().to_owned();
    Entity::insert(active).on_conflict(once).exec_without_returning(db).await?;
    Ok(())
}

async fn update(db: &impl ConnectionTrait, row: &MailRow) -> Result<bool, Fault> {
    let updated = Entity::update_many()
        .col_expr(Column::Standing, Expr::value(row.standing))
        .col_expr(Column::Attempts, Expr::value(row.attempts))
        .col_expr(Column::NextTime, Expr::value(to_micros(row.next_time)))
        .col_expr(Column::Problem, Expr::value(row.problem.clone()))
        .filter(Column::Id.eq(row.id.as_str()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

async fn count(db: &impl ConnectionTrait, address: &str, after: OffsetDateTime) -> Result<u64, Fault> {
    let written = Entity::find().filter(Column::Address.eq(address)).filter(Column::CreateTime.gt(to_micros(after)));
    Ok(written.count(db).await?)
}

async fn forget(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<u64, Fault> {
    let old = Entity::delete_many()
        .filter(Column::Standing.ne(MailRow::WAITING))
        .filter(Column::CreateTime.lt(to_micros(before)));
    Ok(old.exec(db).await?.rows_affected)
}

fn from_row(row: Model) -> Result<MailRow, Fault> {
    Ok(MailRow {
        id: row.id,
        to: row.address,
        subject: row.subject,
        text: row.text,
        create_time: from_micros(row.create_time)?,
        attempts: row.attempts,
        next_time: from_micros(row.next_time)?,
        problem: row.problem,
        standing: row.standing,
    })
}
