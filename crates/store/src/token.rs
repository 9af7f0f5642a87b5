//! Tokens for the API.

use std::fmt;

use bytes::Bytes;
use isopolity_proto::admin::{Role, Scope};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, QueryOrder as _, sea_query::OnConflict};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    entity::token::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A token for the API, without its secret. Kept when it is revoked.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its public id.
    pub id: String,
    /// The hash of its secret.
    pub hash: Bytes,
    /// What it is for, in words.
    pub label: String,
    /// What it allows.
    pub role: Role,
    /// To what it is narrowed down, by number. Empty: to nothing.
    pub scopes: Vec<Scope>,
    /// When it was created. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it ends, if it does. Kept to the microsecond.
    pub expire_time: Option<OffsetDateTime>,
    /// When it was revoked, if it was. Kept to the microsecond.
    pub revoke_time: Option<OffsetDateTime>,
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut token = formatter.debug_struct("Token");
        token.field("id", &self.id).field("label", &self.label).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Store {
    /// All tokens, by creation time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        tokens(self.pool()).await.map_err(self.fault("read tokens"))
    }

    /// One token.
    ///
    /// # Errors
    /// What the database says.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        token(self.pool(), id).await.map_err(self.fault("read token"))
    }
}

impl Tx {
    /// All tokens, by creation time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tokens(&mut self) -> Result<Vec<Token>, StoreError> {
        let found = tokens(self.step()?).await;
        self.done(found)
    }

    /// One token.
    ///
    /// # Errors
    /// What the database says.
    pub async fn token(&mut self, id: &str) -> Result<Option<Token>, StoreError> {
        let found = token(self.step()?, id).await;
        self.done(found)
    }

    /// Adds a token or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_token(&mut self, token: &Token) -> Result<(), StoreError> {
        let put = put(self.step()?, token).await;
        self.done(put)
    }
}

async fn tokens(db: &impl ConnectionTrait) -> Result<Vec<Token>, Fault> {
    let by_time = Entity::find().order_by_asc(Column::CreateTime).order_by_asc(Column::Id);
    by_time.all(db).await?.into_iter().map(from_row).collect()
}

async fn token(db: &impl ConnectionTrait, id: &str) -> Result<Option<Token>, Fault> {
    // PostgreSQL has no way to ask for a text with a zero byte; no id has one.
    if id.contains('\0') {
        return Ok(None);
    }
    Entity::find_by_id(id.to_owned()).one(db).await?.map(from_row).transpose()
}

async fn put(db: &impl ConnectionTrait, token: &Token) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(token.id.clone()),
        hash: Set(token.hash.to_vec()),
        label: Set(token.label.clone()),
        role: Set(token.role.into()),
        create_time: Set(to_micros(token.create_time)),
        expire_time: Set(token.expire_time.map(to_micros)),
        revoke_time: Set(token.revoke_time.map(to_micros)),
        scopes: Set(to_bits(&token.scopes)),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([
            Column::Hash,
            Column::Label,
            Column::Role,
            Column::CreateTime,
            Column::ExpireTime,
            Column::RevokeTime,
            Column::Scopes,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn from_row(row: Model) -> Result<Token, Fault> {
    Ok(Token {
        id: row.id,
        hash: row.hash.into(),
        label: row.label,
        role: Role::try_from(row.role).map_err(|error| Fault::Damaged(format!("a token's role: {error}")))?,
        scopes: from_bits(row.scopes)?,
        create_time: from_micros(row.create_time)?,
        expire_time: row.expire_time.map(from_micros).transpose()?,
        revoke_time: row.revoke_time.map(from_micros).transpose()?,
    })
}

/// A bit for each number.
fn to_bits(scopes: &[Scope]) -> i64 {
    scopes.iter().fold(0, |bits, scope| bits | 1 << (*scope as u32 & 63))
}

fn from_bits(bits: i64) -> Result<Vec<Scope>, Fault> {
    let numbers = (0..63).filter(|number| bits >> number & 1 == 1);
    let scopes = numbers.map(|number| {
        // A scope that this version does not know must not be taken for none: the token would be wider than was said.
        Scope::try_from(number).map_err(|error| Fault::Damaged(format!("a token's scope: {error}")))
    });
    scopes.collect()
}
