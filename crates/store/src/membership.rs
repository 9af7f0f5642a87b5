//! Which cities the directory names, and how they became peers.

use isopolity_domain::{CityId, city_id::CityIdError};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, QueryOrder as _, sea_query::OnConflict};

use crate::{
    Store, StoreError, Tx,
    entity::membership::{ActiveModel, Column, Entity, Model},
    error::Fault,
};

/// A city that the directory names, or has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The city.
    pub city: CityId,
    /// Whether the directory in force names it.
    pub present: bool,
    /// Whether its bundle was here before by hand, so that the directory decides nothing about it.
    pub pinned: bool,
    /// The version of the directory that said so.
    pub version: i64,
    /// What is wrong between the directory and the peer that is here; empty if nothing is.
    pub trouble: String,
}

impl Store {
    /// All cities that the directory names or has named, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn memberships(&self) -> Result<Vec<Membership>, StoreError> {
        memberships(self.pool()).await.map_err(self.fault("read memberships"))
    }

    /// What the directory says of one city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn membership(&self, city: &CityId) -> Result<Option<Membership>, StoreError> {
        let one = async { Entity::find_by_id(city.to_string()).one(self.pool()).await?.map(from_row).transpose() };
        one.await.map_err(self.fault("read membership"))
    }
}

impl Tx {
    /// All cities that the directory names or has named, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn memberships(&mut self) -> Result<Vec<Membership>, StoreError> {
        let found = memberships(self.step()?).await;
        self.done(found)
    }

    /// Adds what the directory says of a city, or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_membership(&mut self, membership: &Membership) -> Result<(), StoreError> {
        let put = put(self.step()?, membership).await;
        self.done(put)
    }
}

async fn memberships(db: &impl ConnectionTrait) -> Result<Vec<Membership>, Fault> {
    Entity::find().order_by_asc(Column::City).all(db).await?.into_iter().map(from_row).collect()
}

async fn put(db: &impl ConnectionTrait, membership: &Membership) -> Result<(), Fault> {
    let row = ActiveModel {
        city: Set(membership.city.to_string()),
        present: Set(membership.present),
        pinned: Set(membership.pinned),
        version: Set(membership.version),
        trouble: Set(membership.trouble.clone()),
    };
    let replace = OnConflict::column(Column::City)
        .update_columns([Column::Present, Column::Pinned, Column::Version, Column::Trouble])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn from_row(row: Model) -> Result<Membership, Fault> {
    Ok(Membership {
        city: row.city.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))?,
        present: row.present,
        pinned: row.pinned,
        version: row.version,
        trouble: row.trouble,
    })
}
