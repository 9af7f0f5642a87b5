//! This city's own trust bundles of before, for peers that were away while keys took over. It only adds: the version before works
//! with it too.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::own_bundle::{Column, Entity};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Entity)
                    .col(ColumnDef::new(Column::Sequence).big_integer().not_null().primary_key())
                    // The id of the record key that signed it. Of each key the last one is kept.
                    .col(name(manager, Column::Signer))
                    // The signed file.
                    .col(ColumnDef::new(Column::File).blob().not_null())
                    .take(),
            )
            .await
    }
}
