//! Table `audit_witness`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_witness")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) city: String,
    pub(crate) receipt_sequence: i64,
    pub(crate) receipt: Option<Vec<u8>>,
    pub(crate) contradiction: String,
    pub(crate) contradiction_time: Option<i64>,
    pub(crate) contradiction_proof: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
