//! What was asked with an id of its own, so that the same request sent again gets the same answer.

use isopolity_domain::Name;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use time::OffsetDateTime;

use crate::{
    StoreError, Tx,
    document::parse,
    entity::request::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A request that was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asked: the id of a token.
    pub author: String,
    /// The id that the caller gave it. Two callers may use the same.
    pub request_id: String,
    /// What makes two requests the same request: a hash of what was asked.
    pub digest: Vec<u8>,
    /// The document that it was about.
    pub name: Name,
    /// The version that it led to.
    pub revision: i64,
    /// When it was served. Kept to the microsecond.
    pub time: OffsetDateTime,
}

impl Tx {
    /// The request that a caller gave this id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn request(&mut self, author: &str, request_id: &str) -> Result<Option<Request>, StoreError> {
        let found = request(self.step()?, author, request_id).await;
        self.done(found)
    }

    /// Adds a request.
    ///
    /// # Errors
    /// What the database says, also if the caller gave this id to another.
    pub async fn add_request(&mut self, request: &Request) -> Result<(), StoreError> {
        let added = add(self.step()?, request).await;
        self.done(added)
    }

    /// Forgets the requests that were served before this time. Says how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_requests(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let forgotten = forget(self.step()?, before).await;
        self.done(forgotten)
    }
}

async fn request(db: &impl ConnectionTrait, author: &str, request_id: &str) -> Result<Option<Request>, Fault> {
    Entity::find_by_id((author.to_owned(), request_id.to_owned())).one(db).await?.map(from_row).transpose()
}

async fn add(db: &impl ConnectionTrait, request: &Request) -> Result<(), Fault> {
    let row = ActiveModel {
        author: Set(request.author.clone()),
        request_id: Set(request.request_id.clone()),
        digest: Set(request.digest.clone()),
        name: Set(request.name.to_string()),
        revision: Set(request.revision),
        time: Set(to_micros(request.time)),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

async fn forget(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<u64, Fault> {
    let old = Column::Time.lt(to_micros(before));
    Ok(Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}

fn from_row(row: Model) -> Result<Request, Fault> {
    Ok(Request {
        author: row.author,
        request_id: row.request_id,
        digest: row.digest,
        name: parse(&row.name)?,
        revision: row.revision,
        time: from_micros(row.time)?,
    })
}
