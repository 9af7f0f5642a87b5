//! Table `audit_chain`.

use sea_orm::entity::prelude::*;

/// The id of the only row.
pub(crate) const ONLY: i32 = 1;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_chain")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i32,
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) moved_sequence: i64,
    pub(crate) moved_hash: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
