//! What is left of what is gone, and what was cleaned up. It only adds: the version before works with it too, but gives erased
//! names again.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::{clean_up, document, tombstone};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use tombstone::Column;
        manager
            .create_table(
                Table::create()
                    .table(tombstone::Entity)
                    .col(name(manager, Column::Name).primary_key())
                    // The number of the reason in the proto.
                    .col(ColumnDef::new(Column::Reason).integer().not_null())
                    .col(ColumnDef::new(Column::Time).big_integer().not_null())
                    // The id of a token, or "node".
                    .col(ColumnDef::new(Column::Author).text().not_null())
                    .col(ColumnDef::new(Column::Note).text().not_null())
                    // Of the withdrawal in the feed.
                    .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                    .take(),
            )
            .await?;
        let by_time = Index::create()
            .name("tombstone_by_time")
            .table(tombstone::Entity)
            .col(Column::Time)
            .col(Column::Name)
            .take();
        manager.create_index(by_time).await?;
        manager
            .create_table(
                Table::create()
                    .table(clean_up::Entity)
                    // A UUID of version 7: the order of ids is that of time.
                    .col(name(manager, clean_up::Column::Id).primary_key())
                    .col(ColumnDef::new(clean_up::Column::Time).big_integer().not_null())
                    .col(ColumnDef::new(clean_up::Column::Author).text().not_null())
                    // The serialized message.
                    .col(ColumnDef::new(clean_up::Column::Body).blob().not_null())
                    .take(),
            )
            .await?;
        let by_delete_time = Index::create()
            .name("document_by_delete_time")
            .table(document::Entity)
            .col(document::Column::DeleteTime)
            .col(document::Column::Name)
            .take();
        manager.create_index(by_delete_time).await
    }
}
