//! Other cities.

use bytes::Bytes;
use isopolity_domain::{CityId, city_id::CityIdError};
use isopolity_proto::{admin::PeerState, options::Audience};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    document::audience,
    entity::peer::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// Another city, as this one knows it. Kept when it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The city.
    pub city: CityId,
    /// How far peering has come.
    pub state: PeerState,
    /// Why it is suspended or was removed.
    pub state_reason: String,
    /// What the sharing agreement that comes with its approval lets it see.
    pub audience: Audience,
    /// Its trust bundle, as it signed it.
    pub bundle: Bytes,
    /// The highest sequence of its bundle that was ever seen.
    pub bundle_sequence: i64,
    /// How many records it last said we may see there.
    pub records: i64,
    /// When it was added. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it was approved. Kept to the microsecond.
    pub approve_time: Option<OffsetDateTime>,
    /// What was kept of its circuit; empty if nothing was. Written with [`Tx::put_circuits`] alone.
    pub circuit: Bytes,
}

impl Store {
    /// All peers, by city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        peers(self.pool()).await.map_err(self.fault("read peers"))
    }

    /// One peer.
    ///
    /// # Errors
    /// What the database says.
    pub async fn peer(&self, city: &CityId) -> Result<Option<Peer>, StoreError> {
        peer(self.pool(), city).await.map_err(self.fault("read peer"))
    }
}

impl Tx {
    /// All peers, by city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn peers(&mut self) -> Result<Vec<Peer>, StoreError> {
        let found = peers(self.step()?).await;
        self.done(found)
    }

    /// One peer.
    ///
    /// # Errors
    /// What the database says.
    pub async fn peer(&mut self, city: &CityId) -> Result<Option<Peer>, StoreError> {
        let found = peer(self.step()?, city).await;
        self.done(found)
    }

    /// Adds a peer or replaces it. Its circuit stays as it is, that of a new peer is empty.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_peer(&mut self, peer: &Peer) -> Result<(), StoreError> {
        let put = put(self.step()?, peer).await;
        self.done(put)
    }

    /// Keeps the circuits of these peers. Cities that are no peers are passed over.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_circuits(&mut self, circuits: &[(CityId, Bytes)]) -> Result<(), StoreError> {
        let put = put_circuits(self.step()?, circuits).await;
        self.done(put)
    }
}

async fn peers(db: &impl ConnectionTrait) -> Result<Vec<Peer>, Fault> {
    Entity::find().order_by_asc(Column::City).all(db).await?.into_iter().map(from_row).collect()
}

async fn peer(db: &impl ConnectionTrait, city: &CityId) -> Result<Option<Peer>, Fault> {
    Entity::find_by_id(city.to_string()).one(db).await?.map(from_row).transpose()
}

async fn put(db: &impl ConnectionTrait, peer: &Peer) -> Result<(), Fault> {
    let row = ActiveModel {
        city: Set(peer.city.to_string()),
        state: Set(peer.state.into()),
        state_reason: Set(peer.state_reason.clone()),
        audience: Set(peer.audience.into()),
        bundle: Set(peer.bundle.to_vec()),
        bundle_sequence: Set(peer.bundle_sequence),
        records: Set(peer.records),
        create_time: Set(to_micros(peer.create_time)),
        approve_time: Set(peer.approve_time.map(to_micros)),
        circuit: NotSet,
    };
    let replace = OnConflict::column(Column::City)
        .update_columns([
            Column::State,
            Column::StateReason,
            Column::Audience,
            Column::Bundle,
            Column::BundleSequence,
            Column::Records,
            Column::CreateTime,
            Column::ApproveTime,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn put_circuits(db: &impl ConnectionTrait, circuits: &[(CityId, Bytes)]) -> Result<(), Fault> {
    for (city, circuit) in circuits {
        Entity::update_many()
            .col_expr(Column::Circuit, Expr::value(circuit.to_vec()))
            .filter(Column::City.eq(city.as_str()))
            .exec(db)
            .await?;
    }
    Ok(())
}

fn from_row(row: Model) -> Result<Peer, Fault> {
    Ok(Peer {
        city: row.city.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))?,
        state: PeerState::try_from(row.state).map_err(|error| Fault::Damaged(format!("a peer's state: {error}")))?,
        state_reason: row.state_reason,
        audience: audience(row.audience)?,
        bundle: row.bundle.into(),
        bundle_sequence: row.bundle_sequence,
        records: row.records,
        create_time: from_micros(row.create_time)?,
        approve_time: row.approve_time.map(from_micros).transpose()?,
        circuit: row.circuit.unwrap_or_default().into(),
    })
}
