//! Table `cooperation`.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cooperation")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) kind: i32,
    pub(crate) state: i32,
    pub(crate) sequence: i64,
    pub(crate) create_time: i64,
    pub(crate) update_time: i64,
    pub(crate) due_time: Option<i64>,
    pub(crate) open: bool,
    pub(crate) forked: bool,
    pub(crate) participants: String,
    pub(crate) subjects: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
