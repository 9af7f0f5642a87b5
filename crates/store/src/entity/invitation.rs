//! Table `invitation`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) create_time: i64,
    pub(crate) expire_time: i64,
    pub(crate) used_by: Option<String>,
    pub(crate) use_time: Option<i64>,
    pub(crate) revoke_time: Option<i64>,
    pub(crate) failures: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
