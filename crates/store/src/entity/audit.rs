//! Table `audit`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) sequence: i64,
    pub(crate) time: i64,
    pub(crate) action: i32,
    pub(crate) subject: String,
    pub(crate) resource: String,
    pub(crate) peer: String,
    pub(crate) entry: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) detail: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
