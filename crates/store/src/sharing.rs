//! What this city lets its peers do, and what it let them do before.

use isopolity_domain::{CityId, clock::to_timestamp};
use isopolity_proto::admin::SharingAgreement;
use prost::Message as _;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx, at_most,
    entity::sharing_agreement::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

impl Store {
    /// The present agreement with each city that ever had one, by city; with etag, time and author.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sharing_agreements(&self) -> Result<Vec<SharingAgreement>, StoreError> {
        present(self.pool()).await.map_err(self.fault("read sharing agreements"))
    }

    /// The agreements with a city, the latest first; the first is the present one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sharing_revisions(&self, city: &CityId, limit: u64) -> Result<Vec<SharingAgreement>, StoreError> {
        revisions(self.pool(), city, limit).await.map_err(self.fault("read sharing agreement"))
    }
}

impl Tx {
    /// The present agreement with a city.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sharing_agreement(&mut self, city: &CityId) -> Result<Option<SharingAgreement>, StoreError> {
        let found = revisions(self.step()?, city, 1).await;
        Ok(self.done(found)?.pop())
    }

    /// Puts an agreement in place of the present one, which is kept as one of before. Gives it with etag, time and author.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_sharing_agreement(
        &mut self,
        city: &CityId,
        agreement: &SharingAgreement,
        author: &str,
        time: OffsetDateTime,
    ) -> Result<SharingAgreement, StoreError> {
        let set = set(self.step()?, city, agreement, author, time).await;
        self.done(set)
    }
}

async fn present(db: &impl ConnectionTrait) -> Result<Vec<SharingAgreement>, Fault> {
    // Few cities, few changes: the last of each city counts.
    let rows = Entity::find().order_by_asc(Column::City).order_by_asc(Column::Revision).all(db).await?;
    let mut present: Vec<SharingAgreement> = Vec::new();
    for row in rows {
        let agreement = from_row(row)?;
        match present.last_mut() {
            Some(last) if last.city == agreement.city => *last = agreement,
            _ => present.push(agreement),
        }
    }
    Ok(present)
}

async fn revisions(db: &impl ConnectionTrait, city: &CityId, limit: u64) -> Result<Vec<SharingAgreement>, Fault> {
    Entity::find()
        .filter(Column::City.eq(city.as_str()))
        .order_by_desc(Column::Revision)
        .limit(at_most(limit))
        .all(db)
        .await?
        .into_iter()
        .map(from_row)
        .collect()
}

async fn set(
    db: &impl ConnectionTrait,
    city: &CityId,
    agreement: &SharingAgreement,
    author: &str,
    time: OffsetDateTime,
) -> Result<SharingAgreement, Fault> {
    let last = Entity::find().filter(Column::City.eq(city.as_str())).order_by_desc(Column::Revision).one(db).await?;
    let revision = last.map_or(1, |last| last.revision + 1);
    Entity::insert(row(city, revision, time, author, agreement)).exec_without_returning(db).await?;
    let kept = Entity::find_by_id((city.to_string(), revision)).one(db).await?;
    from_row(kept.ok_or_else(|| Fault::Damaged(format!("the sharing agreement with {city} was not kept")))?)
}

/// A row for an agreement.
pub(crate) fn row(
    city: &CityId,
    revision: i64,
    time: OffsetDateTime,
    author: &str,
    agreement: &SharingAgreement,
) -> ActiveModel {
    // What the columns say is not said twice.
    let body = SharingAgreement {
        city: String::new(),
        etag: String::new(),
        update_time: None,
        author: String::new(),
        ..agreement.clone()
    };
    ActiveModel {
        city: Set(city.to_string()),
        revision: Set(revision),
        time: Set(to_micros(time)),
        author: Set(author.to_owned()),
        body: Set(body.encode_to_vec()),
    }
}

fn from_row(row: Model) -> Result<SharingAgreement, Fault> {
    let body = SharingAgreement::decode(row.body.as_slice())
        .map_err(|error| Fault::Damaged(format!("the sharing agreement with {}: {error}", row.city)))?;
    Ok(SharingAgreement {
        city: row.city,
        etag: row.revision.to_string(),
        update_time: Some(to_timestamp(from_micros(row.time)?)),
        author: row.author,
        ..body
    })
}
