//! Table `cooperation_step`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cooperation_step")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) cooperation: String,
    pub(crate) state: i32,
    pub(crate) body: Vec<u8>,
    pub(crate) envelope: Option<Vec<u8>>,
    pub(crate) event_hash: Option<Vec<u8>>,
    pub(crate) create_time: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
