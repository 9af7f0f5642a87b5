//! What peers witnessed of this city's audit log, and what this city witnessed of theirs.

use bytes::Bytes;
use isopolity_domain::{CityId, audit::Chain, city_id::CityIdError};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::OnConflict,
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    entity::{audit_head, audit_witness},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// As many heads of a peer's log are kept: those of the last days, so that they can be compared with what others saw.
const HEADS_KEPT: u64 = 500;

/// What is known between this city and a peer about their logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The peer.
    pub city: CityId,
    /// Up to where the peer has seen this city's log, 0 if it has not.
    pub receipt_sequence: i64,
    /// Its receipt, a serialized envelope.
    pub receipt: Option<Bytes>,
    /// What does not agree. Empty: nothing.
    pub contradiction: String,
    /// When that was found.
    pub contradiction_time: Option<OffsetDateTime>,
    /// The head that contradicts, a serialized envelope.
    pub contradiction_proof: Option<Bytes>,
}

impl Witness {
    /// Nothing is known yet.
    #[must_use]
    pub fn of(city: CityId) -> Self {
        Self {
            city,
            receipt_sequence: 0,
            receipt: None,
            contradiction: String::new(),
            contradiction_time: None,
            contradiction_proof: None,
        }
    }
}

/// A head of a peer's log that was seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHead {
    /// The peer.
    pub city: CityId,
    /// How far its log went.
    pub chain: Chain,
    /// The head as it was signed, a serialized envelope.
    pub envelope: Bytes,
}

impl Store {
    /// What is known about the logs, by city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn witnesses(&self) -> Result<Vec<Witness>, StoreError> {
        let rows = audit_witness::Entity::find().order_by_asc(audit_witness::Column::City).all(self.pool()).await;
        let read = || rows?.into_iter().map(witness_from).collect::<Result<Vec<_>, Fault>>();
        read().map_err(self.fault("read witnesses"))
    }

    /// The last head of a peer's log that was seen, not beyond a sequence.
    ///
    /// # Errors
    /// What the database says.
    pub async fn seen_head(&self, city: &CityId, not_beyond: i64) -> Result<Option<SeenHead>, StoreError> {
        seen(self.pool(), city, not_beyond).await.map_err(self.fault("read seen heads"))
    }
}

impl Tx {
    /// What is known about a peer's log.
    ///
    /// # Errors
    /// What the database says.
    pub async fn witness(&mut self, city: &CityId) -> Result<Witness, StoreError> {
        let found = one(self.step()?, city).await;
        self.done(found)
    }

    /// Keeps what is known about a peer's log.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_witness(&mut self, witness: &Witness) -> Result<(), StoreError> {
        let put = put(self.step()?, witness).await;
        self.done(put)
    }

    /// Keeps a head of a peer's log that was seen. The oldest are forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_seen_head(&mut self, head: &SeenHead) -> Result<(), StoreError> {
        let put = put_head(self.step()?, head).await;
        self.done(put)
    }
}

async fn one(db: &impl ConnectionTrait, city: &CityId) -> Result<Witness, Fault> {
    match audit_witness::Entity::find_by_id(city.to_string()).one(db).await? {
        Some(row) => witness_from(row),
        None => Ok(Witness::of(city.clone())),
    }
}

fn witness_from(row: audit_witness::Model) -> Result<Witness, Fault> {
    Ok(Witness {
        city: row.city.parse().map_err(|error: CityIdError| Fault::Damaged(error.to_string()))?,
        receipt_sequence: row.receipt_sequence,
        receipt: row.receipt.map(Bytes::from),
        contradiction: row.contradiction,
        contradiction_time: row.contradiction_time.map(from_micros).transpose()?,
        contradiction_proof: row.contradiction_proof.map(Bytes::from),
    })
}

async fn put(db: &impl ConnectionTrait, witness: &Witness) -> Result<(), Fault> {
    use audit_witness::Column;
    let row = audit_witness::ActiveModel {
        city: Set(witness.city.to_string()),
        receipt_sequence: Set(witness.receipt_sequence),
        receipt: Set(witness.receipt.as_ref().map(|bytes| bytes.to_vec())),
        contradiction: Set(witness.contradiction.clone()),
        contradiction_time: Set(witness.contradiction_time.map(to_micros)),
        contradiction_proof: Set(witness.contradiction_proof.as_ref().map(|bytes| bytes.to_vec())),
    };
    let replace = OnConflict::column(Column::City)
        .update_columns([
            Column::ReceiptSequence,
            Column::Receipt,
            Column::Contradiction,
            Column::ContradictionTime,
            Column::ContradictionProof,
        ])
        .to_owned();
    audit_witness::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn seen(db: &impl ConnectionTrait, city: &CityId, not_beyond: i64) -> Result<Option<SeenHead>, Fault> {
    use audit_head::Column;
    let found = audit_head::Entity::find()
        .filter(Column::City.eq(city.as_str()))
        .filter(Column::Sequence.lte(not_beyond))
        .order_by_desc(Column::Sequence)
        .limit(1)
        .one(db)
        .await?;
    found
        .map(|row| {
            let hash = row.hash.as_slice().try_into();
            let hash = hash.map_err(|error| Fault::Damaged(format!("the hash of a head of {city}: {error}")))?;
            let chain = Chain { sequence: row.sequence, hash };
            Ok(SeenHead { city: city.clone(), chain, envelope: row.envelope.into() })
        })
        .transpose()
}

async fn put_head(db: &impl ConnectionTrait, head: &SeenHead) -> Result<(), Fault> {
    use audit_head::Column;
    let row = audit_head::ActiveModel {
        city: Set(head.city.to_string()),
        sequence: Set(head.chain.sequence),
        hash: Set(head.chain.hash.to_vec()),
        envelope: Set(head.envelope.to_vec()),
    };
    let replace = OnConflict::columns([Column::City, Column::Sequence])
        .update_columns([Column::Hash, Column::Envelope])
        .to_owned();
    audit_head::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    let oldest: Option<i64> = audit_head::Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Column::City.eq(head.city.as_str()))
        .order_by_desc(Column::Sequence)
        .offset(HEADS_KEPT)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    if let Some(oldest) = oldest {
        audit_head::Entity::delete_many()
            .filter(Column::City.eq(head.city.as_str()))
            .filter(Column::Sequence.lte(oldest))
            .exec(db)
            .await?;
    }
    Ok(())
}
