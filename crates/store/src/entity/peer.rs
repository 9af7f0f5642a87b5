//! Table `peer`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) city: String,
    pub(crate) state: i32,
    pub(crate) state_reason: String,
    pub(crate) audience: i32,
    pub(crate) bundle: Vec<u8>,
    pub(crate) bundle_sequence: i64,
    pub(crate) records: i64,
    pub(crate) create_time: i64,
    pub(crate) approve_time: Option<i64>,
    pub(crate) circuit: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
