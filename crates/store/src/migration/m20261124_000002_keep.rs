//! What is needed to keep records for good: what was deleted, what was before, what was asked, and what an import left.
//!
//! It only adds: the version before works with these tables too. Then what it changes is not in the history.

use sea_orm::ConnectionTrait as _;
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::{document, import_run, quarantine, request, revision};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        documents(manager).await?;
        history(manager).await?;
        requests(manager).await?;
        imports(manager).await
    }
}

async fn documents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use document::Column;
    // When it was deleted; null while it is not.
    let delete_time = ColumnDef::new(Column::DeleteTime).big_integer().null().take();
    manager.alter_table(Table::alter().table(document::Entity).add_column(delete_time).take()).await?;
    // For each order that a list can have.
    for (index, by) in
        [("document_by_create_time", Column::CreateTime), ("document_by_update_time", Column::UpdateTime)]
    {
        let index =
            Index::create().name(index).table(document::Entity).col(Column::Kind).col(by).col(Column::Name).take();
        manager.create_index(index).await?;
    }
    Ok(())
}

async fn history(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use revision::Column;
    // Every version of every document, also of those that are gone: there is no foreign key.
    manager
        .create_table(
            Table::create()
                .table(revision::Entity)
                .col(name(manager, Column::Name))
                .col(ColumnDef::new(Column::Revision).big_integer().not_null())
                .col(ColumnDef::new(Column::Time).big_integer().not_null())
                // The id of a token, or "node".
                .col(ColumnDef::new(Column::Author).text().not_null())
                // The number of the change in the proto.
                .col(ColumnDef::new(Column::Change).integer().not_null())
                .col(ColumnDef::new(Column::Body).blob().not_null())
                .primary_key(Index::create().col(Column::Name).col(Column::Revision))
                .take(),
        )
        .await?;
    // The history begins with what there is. Who wrote it nobody knows any more.
    manager
        .get_connection()
        .execute_unprepared(
            "insert into revision (name, revision, time, author, change, body) \
             select name, revision, update_time, 'node', case when revision = 1 then 1 else 2 end, body from document",
        )
        .await?;
    Ok(())
}

async fn requests(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use request::Column;
    // What was asked with an id of its own, and which version of what came of it, for about a day.
    manager
        .create_table(
            Table::create()
                .table(request::Entity)
                .col(name(manager, Column::Author))
                .col(name(manager, Column::RequestId))
                .col(ColumnDef::new(Column::Digest).blob().not_null())
                .col(name(manager, Column::Name))
                .col(ColumnDef::new(Column::Revision).big_integer().not_null())
                .col(ColumnDef::new(Column::Time).big_integer().not_null())
                .primary_key(Index::create().col(Column::Author).col(Column::RequestId))
                .take(),
        )
        .await?;
    let by_time = Index::create().name("request_by_time").table(request::Entity).col(Column::Time).take();
    manager.create_index(by_time).await
}

async fn imports(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(import_run::Entity)
                // A UUID of version 7: the order of ids is that of time.
                .col(name(manager, import_run::Column::Id).primary_key())
                .col(ColumnDef::new(import_run::Column::BeginTime).big_integer().not_null())
                .col(ColumnDef::new(import_run::Column::UpdateTime).big_integer().not_null())
                .col(ColumnDef::new(import_run::Column::Author).text().not_null())
                // The serialized message.
                .col(ColumnDef::new(import_run::Column::State).blob().not_null())
                .take(),
        )
        .await?;
    // Rows that were not taken and wait to be corrected.
    manager
        .create_table(
            Table::create()
                .table(quarantine::Entity)
                .col(name(manager, quarantine::Column::Id).primary_key())
                .col(name(manager, quarantine::Column::ImportId))
                .col(ColumnDef::new(quarantine::Column::Line).big_integer().not_null())
                .col(ColumnDef::new(quarantine::Column::CreateTime).big_integer().not_null())
                // The serialized message.
                .col(ColumnDef::new(quarantine::Column::Body).blob().not_null())
                // What makes two rows the same row.
                .col(ColumnDef::new(quarantine::Column::Key).blob().not_null().unique_key())
                .take(),
        )
        .await?;
    let by_import = Index::create()
        .name("quarantine_by_import")
        .table(quarantine::Entity)
        .col(quarantine::Column::ImportId)
        .col(quarantine::Column::Id)
        .take();
    manager.create_index(by_import).await
}
