//! The audit log, who witnessed it, and what this city witnessed of others' logs. It only adds: the version before works with it
//! too, but what it does is not in the log.

use sea_orm::{ActiveValue::Set, EntityTrait as _};
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::{audit, audit_chain, audit_head, audit_moved, audit_witness};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        entries(manager).await?;
        chain(manager).await?;
        moved(manager).await?;
        witnesses(manager).await?;
        heads(manager).await
    }
}

async fn entries(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use audit::Column;
    manager
        .create_table(
            Table::create()
                .table(audit::Entity)
                // From 1 without gaps, given in the writing transaction.
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null().primary_key())
                // These five are copies from the entry, by which it is found.
                .col(ColumnDef::new(Column::Time).big_integer().not_null())
                .col(ColumnDef::new(Column::Action).integer().not_null())
                .col(name(manager, Column::Subject))
                .col(name(manager, Column::Resource))
                .col(name(manager, Column::Peer))
                // The bytes that are chained.
                .col(ColumnDef::new(Column::Entry).blob().not_null())
                .col(ColumnDef::new(Column::Hash).blob().not_null())
                // What can be erased: both are null then, or if there never was a detail.
                .col(ColumnDef::new(Column::Salt).blob().null())
                .col(ColumnDef::new(Column::Detail).blob().null())
                .take(),
        )
        .await?;
    for (index, by) in [("audit_by_resource", Column::Resource), ("audit_by_peer", Column::Peer)] {
        let index = Index::create().name(index).table(audit::Entity).col(by).col(Column::Sequence).take();
        manager.create_index(index).await?;
    }
    Ok(())
}

async fn chain(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use audit_chain::Column;
    manager
        .create_table(
            Table::create()
                .table(audit_chain::Entity)
                .col(ColumnDef::new(Column::Id).integer().not_null().primary_key())
                // How far the log goes.
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                .col(ColumnDef::new(Column::Hash).blob().not_null())
                // How much of it was moved to files.
                .col(ColumnDef::new(Column::MovedSequence).big_integer().not_null())
                .col(ColumnDef::new(Column::MovedHash).blob().not_null())
                .take(),
        )
        .await?;
    let empty = audit_chain::ActiveModel {
        id: Set(audit_chain::ONLY),
        sequence: Set(0),
        hash: Set(vec![0; 32]),
        moved_sequence: Set(0),
        moved_hash: Set(vec![0; 32]),
    };
    audit_chain::Entity::insert(empty).exec_without_returning(manager.get_connection()).await?;
    Ok(())
}

async fn moved(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use audit_moved::Column;
    // What is left of entries that were moved to files: enough to lead a peer from one it saw to the present.
    manager
        .create_table(
            Table::create()
                .table(audit_moved::Entity)
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null().primary_key())
                .col(ColumnDef::new(Column::Digest).blob().not_null())
                .col(ColumnDef::new(Column::Hash).blob().not_null())
                .take(),
        )
        .await
}

async fn witnesses(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use audit_witness::Column;
    manager
        .create_table(
            Table::create()
                .table(audit_witness::Entity)
                .col(name(manager, Column::City).primary_key())
                // The peer's last receipt for this city's log.
                .col(ColumnDef::new(Column::ReceiptSequence).big_integer().not_null())
                .col(ColumnDef::new(Column::Receipt).blob().null())
                // What does not agree; the first that was found stays.
                .col(ColumnDef::new(Column::Contradiction).text().not_null())
                .col(ColumnDef::new(Column::ContradictionTime).big_integer().null())
                // The signed head that contradicts.
                .col(ColumnDef::new(Column::ContradictionProof).blob().null())
                .take(),
        )
        .await
}

async fn heads(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use audit_head::Column;
    manager
        .create_table(
            Table::create()
                .table(audit_head::Entity)
                // The peer whose log it is.
                .col(name(manager, Column::City))
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                .col(ColumnDef::new(Column::Hash).blob().not_null())
                // As the peer signed it.
                .col(ColumnDef::new(Column::Envelope).blob().not_null())
                .primary_key(Index::create().col(Column::City).col(Column::Sequence))
                .take(),
        )
        .await
}
