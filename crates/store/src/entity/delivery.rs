//! Table `delivery`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) city: String,
    pub(crate) cooperation: String,
    pub(crate) sequence: i64,
    pub(crate) event_hash: Vec<u8>,
    pub(crate) submission: bool,
    pub(crate) relay: bool,
    pub(crate) place: i64,
    pub(crate) envelope: Vec<u8>,
    pub(crate) standing: i32,
    pub(crate) create_time: i64,
    pub(crate) attempts: i32,
    pub(crate) next_time: i64,
    pub(crate) problem: String,
    pub(crate) receipt: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
