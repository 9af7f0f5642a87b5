//! What is kept over a restart of what is done about a peer that fails. It only adds: the version before works with it too.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use crate::entity::peer;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // As its owner encodes it; null until something was kept.
        let circuit = ColumnDef::new(peer::Column::Circuit).blob().null().take();
        manager.alter_table(Table::alter().table(peer::Entity).add_column(circuit).take()).await
    }
}
