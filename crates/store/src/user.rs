//! Local users.

use std::fmt;

use isopolity_proto::admin::Role;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    sea_query::OnConflict,
};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Tx,
    entity::local_user::{ActiveModel, Column, Entity, Model},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// A person who signs in with a name and a password. Kept when it is deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The node's own id.
    pub id: String,
    /// The name to sign in with. The store does not see to it that it is unique.
    pub name: String,
    /// The person's name.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// The password's hash as a PHC string.
    pub password: String,
    /// When it was created. All times are kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// When it was last changed.
    pub update_time: OffsetDateTime,
    /// When the password was set last.
    pub password_time: OffsetDateTime,
    /// When somebody signed in last, if anybody did.
    pub login_time: Option<OffsetDateTime>,
    /// When it was disabled, if it is.
    pub disable_time: Option<OffsetDateTime>,
    /// When it was deleted, if it was.
    pub delete_time: Option<OffsetDateTime>,
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("User").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Store {
    /// All users, deleted ones too, by creation time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        users(self.pool()).await.map_err(self.fault("read users"))
    }

    /// The user of this name that is not deleted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError> {
        named(self.pool(), name).await.map_err(self.fault("read user"))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        user(self.pool(), id).await.map_err(self.fault("read user"))
    }
}

impl Tx {
    /// All users, deleted ones too, by creation time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let found = users(self.step()?).await;
        self.done(found)
    }

    /// The user of this name that is not deleted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn user_named(&mut self, name: &str) -> Result<Option<User>, StoreError> {
        let found = named(self.step()?, name).await;
        self.done(found)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn user(&mut self, id: &str) -> Result<Option<User>, StoreError> {
        let found = user(self.step()?, id).await;
        self.done(found)
    }

    /// Adds a user or replaces it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_user(&mut self, user: &User) -> Result<(), StoreError> {
        let put = put(self.step()?, user).await;
        self.done(put)
    }
}

async fn users(db: &impl ConnectionTrait) -> Result<Vec<User>, Fault> {
    let by_time = Entity::find().order_by_asc(Column::CreateTime).order_by_asc(Column::Id);
    by_time.all(db).await?.into_iter().map(from_row).collect()
}

async fn named(db: &impl ConnectionTrait, name: &str) -> Result<Option<User>, Fault> {
    // PostgreSQL has no way to ask for a text with a zero byte; no name has one.
    if name.contains('\0') {
        return Ok(None);
    }
    let found = Entity::find().filter(Column::Name.eq(name)).filter(Column::DeleteTime.is_null());
    found.one(db).await?.map(from_row).transpose()
}

async fn user(db: &impl ConnectionTrait, id: &str) -> Result<Option<User>, Fault> {
    if id.contains('\0') {
        return Ok(None);
    }
    Entity::find_by_id(id.to_owned()).one(db).await?.map(from_row).transpose()
}

async fn put(db: &impl ConnectionTrait, user: &User) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(user.id.clone()),
        name: Set(user.name.clone()),
        display_name: Set(user.display_name.clone()),
        role: Set(user.role.into()),
        password: Set(user.password.clone()),
        create_time: Set(to_micros(user.create_time)),
        update_time: Set(to_micros(user.update_time)),
        password_time: Set(to_micros(user.password_time)),
        login_time: Set(user.login_time.map(to_micros)),
        disable_time: Set(user.disable_time.map(to_micros)),
        delete_time: Set(user.delete_time.map(to_micros)),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([
            Column::Name,
            Column::DisplayName,
            Column::Role,
            Column::Password,
            Column::CreateTime,
            Column::UpdateTime,
            Column::PasswordTime,
            Column::LoginTime,
            Column::DisableTime,
            Column::DeleteTime,
        ])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

pub(crate) fn from_row(row: Model) -> Result<User, Fault> {
    Ok(User {
        id: row.id,
        name: row.name,
        display_name: row.display_name,
        role: Role::try_from(row.role).map_err(|error| Fault::Damaged(format!("a user's role: {error}")))?,
        password: row.password,
        create_time: from_micros(row.create_time)?,
        update_time: from_micros(row.update_time)?,
        password_time: from_micros(row.password_time)?,
        login_time: row.login_time.map(from_micros).transpose()?,
        disable_time: row.disable_time.map(from_micros).transpose()?,
        delete_time: row.delete_time.map(from_micros).transpose()?,
    })
}
