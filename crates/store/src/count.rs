//! How much there is of what an operator watches: numbers alone. Each is found by an index, or in a table that stays small.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::{
    MailRow, Store, StoreError,
    entity::{cooperation, cooperation_step, mail},
    error::Fault,
};

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cooperations that are not over, drafts too.
    pub open_cooperations: u64,
    /// Steps of this city that are not part of a history yet, by the number of the reason why not.
    pub pending_steps: BTreeMap<i32, u64>,
    /// Mails that wait for an attempt.
    pub waiting_mails: u64,
    /// Mails that were given up, as far as they are still kept.
    pub given_up_mails: u64,
}

impl Store {
    /// Counts what an operator watches.
    ///
    /// # Errors
    /// What the database says.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        counts(self.pool()).await.map_err(self.fault("count what is open and waits"))
    }
}

async fn counts(db: &impl ConnectionTrait) -> Result<Counts, Fault> {
    let mails = mails(db).await?;
    let of = |standing: i32| mails.get(&standing).copied().unwrap_or_default();
    Ok(Counts {
        open_cooperations: open_cooperations(db).await?,
        pending_steps: pending_steps(db).await?,
        waiting_mails: of(MailRow::WAITING),
        given_up_mails: of(MailRow::GIVEN_UP),
    })
}

async fn open_cooperations(db: &impl ConnectionTrait) -> Result<u64, Fault> {
    use cooperation::{Column, Entity};
    let count: Option<i64> = Entity::find()
        .select_only()
        .column_as(Column::Name.count(), "count")
        .filter(Column::Open.eq(true))
        .into_tuple()
        .one(db)
        .await?;
    Ok(unsigned(count.unwrap_or_default()))
}

async fn pending_steps(db: &impl ConnectionTrait) -> Result<BTreeMap<i32, u64>, Fault> {
    use cooperation_step::{Column, Entity};
    let counts: Vec<(i32, i64)> = Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "count")
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().map(|(state, count)| (state, unsigned(count))).collect())
}

async fn mails(db: &impl ConnectionTrait) -> Result<BTreeMap<i32, u64>, Fault> {
    use mail::{Column, Entity};
    let counts: Vec<(i32, i64)> = Entity::find()
        .select_only()
        .column(Column::Standing)
        .column_as(Column::Id.count(), "count")
        .filter(Column::Standing.is_in([MailRow::WAITING, MailRow::GIVEN_UP]))
        .group_by(Column::Standing)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts.into_iter().map(|(standing, count)| (standing, unsigned(count))).collect())
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
