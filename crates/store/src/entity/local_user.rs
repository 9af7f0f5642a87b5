//! Table `local_user`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "local_user")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) role: i32,
    pub(crate) password: String,
    pub(crate) create_time: i64,
    pub(crate) update_time: i64,
    pub(crate) password_time: i64,
    pub(crate) login_time: Option<i64>,
    pub(crate) disable_time: Option<i64>,
    pub(crate) delete_time: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
