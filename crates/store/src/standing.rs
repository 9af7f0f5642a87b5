//! How this city stands at others, as they said.

use isopolity_domain::{CityId, city_id::CityIdError};
use isopolity_proto::admin::PeerState;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, QueryOrder as _, sea_query::OnConflict};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    entity::standing::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// How this city stands at another one, as that one last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The other city.
    pub city: CityId,
    /// What this city is there.
    pub state: PeerState,
    /// Why, in the other city's words.
    pub reason: String,
    /// When it said so first. Kept to the microsecond.
    pub time: OffsetDateTime,
}

impl Store {
    /// What all others said, by city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let all = async {
            let rows = Entity::find().order_by_asc(Column::City).all(self.pool()).await?;
            rows.into_iter().map(from_row).collect::<Result<Vec<_>, Fault>>()
        };
        all.await.map_err(self.fault("read standings"))
    }

    /// What one city said.
    ///
    /// # Errors
    /// What the database says.
    pub async fn standing(&self, city: &CityId) -> Result<Option<Standing>, StoreError> {
        let one = async { Entity::find_by_id(city.to_string()).one(self.pool()).await?.map(from_row).transpose() };
        one.await.map_err(self.fault("read standing"))
    }
}

impl Tx {
    /// Keeps what a city said, in place of what it said before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_standing(&mut self, standing: &Standing) -> Result<(), StoreError> {
        let put = put(self.step()?, standing).await;
        self.done(put)
    }
}

async fn put(db: &impl ConnectionTrait, standing: &Standing) -> Result<(), Fault> {
    let row = ActiveModel {
        city: Set(standing.city.to_string()),
        state: Set(standing.state.into()),
        reason: Set(standing.reason.clone()),
        time: Set(to_micros(standing.time)),
    };
    let replace =
        OnConflict::column(Column::City).update_columns([Column::State, Column::Reason, Column::Time]).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn from_row(row: Model) -> Result<Standing, Fault> {
    Ok(Standing {
        city: row.city.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))?,
        // A later version may know more states.
        state: PeerState::try_from(row.state).unwrap_or_default(),
        reason: row.reason,
        time: from_micros(row.time)?,
    })
}
