//! Which cities the directory of a federation names. It only adds: the version before works with it too.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::membership;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use membership::Column;
        // Those that it named before too. The directory itself is a setting.
        manager
            .create_table(
                Table::create()
                    .table(membership::Entity)
                    .col(name(manager, Column::City).primary_key())
                    .col(ColumnDef::new(Column::Present).boolean().not_null())
                    // Its bundle was here before by hand.
                    .col(ColumnDef::new(Column::Pinned).boolean().not_null())
                    .col(ColumnDef::new(Column::Version).big_integer().not_null())
                    .col(ColumnDef::new(Column::Trouble).text().not_null())
                    .take(),
            )
            .await
    }
}
