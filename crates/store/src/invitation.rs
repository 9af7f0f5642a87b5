//! Invitations of this city to others.

use std::fmt;

use bytes::Bytes;
use isopolity_domain::{CityId, city_id::CityIdError};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, EntityTrait as _, QueryOrder as _, QuerySelect as _, sea_query::OnConflict,
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    entity::invitation::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// The most invitations that are listed.
const LISTED: u64 = 1_000;

/// An invitation, without its secret. Kept when it is used, revoked or over.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its public id.
    pub id: String,
    /// The hash of its secret.
    pub hash: Bytes,
    /// When it was made. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// Until when it can be used. Kept to the microsecond.
    pub expire_time: OffsetDateTime,
    /// The city that used it.
    pub used_by: Option<CityId>,
    /// When it was used. Kept to the microsecond.
    pub use_time: Option<OffsetDateTime>,
    /// When it was revoked. Kept to the microsecond.
    pub revoke_time: Option<OffsetDateTime>,
    /// How often a wrong secret was presented.
    pub failures: i32,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut invitation = formatter.debug_struct("Invitation");
        invitation.field("id", &self.id).field("used_by", &self.used_by).finish_non_exhaustive()
    }
}

impl Store {
    /// The invitations, the latest first, at most 1,000.
    ///
    /// # Errors
    /// What the database says.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        invitations(self.pool()).await.map_err(self.fault("read invitations"))
    }
}

impl Tx {
    /// The invitations, the latest first, at most 1,000.
    ///
    /// # Errors
    /// What the database says.
    pub async fn invitations(&mut self) -> Result<Vec<Invitation>, StoreError> {
        let found = invitations(self.step()?).await;
        self.done(found)
    }

    /// One invitation.
    ///
    /// # Errors
    /// What the database says.
    pub async fn invitation(&mut self, id: &str) -> Result<Option<Invitation>, StoreError> {
        let found = invitation(self.step()?, id).await;
        self.done(found)
    }

    /// Adds an invitation or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        let put = put(self.step()?, invitation).await;
        self.done(put)
    }
}

async fn invitations(db: &impl ConnectionTrait) -> Result<Vec<Invitation>, Fault> {
    let latest = Entity::find().order_by_desc(Column::CreateTime).order_by_asc(Column::Id).limit(LISTED);
    latest.all(db).await?.into_iter().map(from_row).collect()
}

async fn invitation(db: &impl ConnectionTrait, id: &str) -> Result<Option<Invitation>, Fault> {
    // PostgreSQL has no way to ask for a text with a zero byte; no id has one.
    if id.contains('\0') {
        return Ok(None);
    }
    Entity::find_by_id(id.to_owned()).one(db).await?.map(from_row).transpose()
}

async fn put(db: &impl ConnectionTrait, invitation: &Invitation) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(invitation.id.clone()),
        hash: Set(invitation.hash.to_vec()),
        create_time: Set(to_micros(invitation.create_time)),
        expire_time: Set(to_micros(invitation.expire_time)),
        used_by: Set(invitation.used_by.as_ref().map(ToString::to_string)),
        use_time: Set(invitation.use_time.map(to_micros)),
        revoke_time: Set(invitation.revoke_time.map(to_micros)),
        failures: Set(invitation.failures),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([Column::UsedBy, Column::UseTime, Column::RevokeTime, Column::Failures])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn from_row(row: Model) -> Result<Invitation, Fault> {
    let used_by = row.used_by.map(|city| city.parse()).transpose();
    Ok(Invitation {
        id: row.id,
        hash: row.hash.into(),
        create_time: from_micros(row.create_time)?,
        expire_time: from_micros(row.expire_time)?,
        used_by: used_by.map_err(|error: CityIdError| Fault::Damaged(error.to_string()))?,
        use_time: row.use_time.map(from_micros).transpose()?,
        revoke_time: row.revoke_time.map(from_micros).transpose()?,
        failures: row.failures,
    })
}
