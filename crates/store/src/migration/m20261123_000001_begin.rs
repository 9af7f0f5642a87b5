//! The first tables.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, ForeignKey, ForeignKeyAction, Index, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use super::name;
use crate::entity::{document, feed, peer, publication, record, reference, setting, token};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        documents(manager).await?;
        the_feed(manager).await?;
        access(manager).await
    }
}

async fn documents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use document::Column;
    manager
        .create_table(
            Table::create()
                .table(document::Entity)
                .col(name(manager, Column::Name).primary_key())
                // The kind as the name has it, to list by.
                .col(name(manager, Column::Kind))
                // The number of the audience in the proto: the wider, the smaller.
                .col(ColumnDef::new(Column::Audience).integer().not_null())
                // Goes up by one with each change.
                .col(ColumnDef::new(Column::Revision).big_integer().not_null())
                // All times are microseconds since 1970.
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::UpdateTime).big_integer().not_null())
                // The serialized message.
                .col(ColumnDef::new(Column::Body).blob().not_null())
                .take(),
        )
        .await?;
    let by_kind =
        Index::create().name("document_by_kind").table(document::Entity).col(Column::Kind).col(Column::Name).take();
    manager.create_index(by_kind).await?;

    // What a document refers to may be another city's, so only the beginning of a reference is a document here.
    let key = Index::create().col(reference::Column::FromName).col(reference::Column::ToName).take();
    manager
        .create_table(
            Table::create()
                .table(reference::Entity)
                .col(name(manager, reference::Column::FromName))
                .col(name(manager, reference::Column::ToName))
                .primary_key(&mut key.clone())
                .foreign_key(
                    ForeignKey::create()
                        .name("reference_from")
                        .from(reference::Entity, reference::Column::FromName)
                        .to(document::Entity, Column::Name)
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .take(),
        )
        .await?;
    let by_to = Index::create()
        .name("reference_by_to")
        .table(reference::Entity)
        .col(reference::Column::ToName)
        .col(reference::Column::FromName)
        .take();
    manager.create_index(by_to).await
}

async fn the_feed(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // One row: whose database it is, its epoch and the last sequence that was given. Writers in PostgreSQL lock it.
    manager
        .create_table(
            Table::create()
                .table(feed::Entity)
                .col(ColumnDef::new(feed::Column::Id).integer().not_null().primary_key())
                .col(name(manager, feed::Column::City))
                .col(ColumnDef::new(feed::Column::Epoch).text().not_null())
                .col(ColumnDef::new(feed::Column::Sequence).big_integer().not_null())
                .take(),
        )
        .await?;
    // The latest publication of each resource. One without records was withdrawn.
    manager
        .create_table(
            Table::create()
                .table(publication::Entity)
                .col(ColumnDef::new(publication::Column::Sequence).big_integer().not_null().primary_key())
                .col(name(manager, publication::Column::Name).unique_key())
                .col(name(manager, publication::Column::Kind))
                .take(),
        )
        .await?;
    // Its signed records, one for each audience that sees something of its own.
    let key = Index::create().col(record::Column::Name).col(record::Column::Audience).take();
    manager
        .create_table(
            Table::create()
                .table(record::Entity)
                .col(name(manager, record::Column::Name))
                .col(ColumnDef::new(record::Column::Audience).integer().not_null())
                .col(ColumnDef::new(record::Column::Envelope).blob().not_null())
                .primary_key(&mut key.clone())
                .foreign_key(
                    ForeignKey::create()
                        .name("record_of")
                        .from(record::Entity, record::Column::Name)
                        .to(publication::Entity, publication::Column::Name)
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .take(),
        )
        .await
}

async fn access(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Other cities, those that were removed too.
    manager
        .create_table(
            Table::create()
                .table(peer::Entity)
                .col(name(manager, peer::Column::City).primary_key())
                .col(ColumnDef::new(peer::Column::State).integer().not_null())
                .col(ColumnDef::new(peer::Column::StateReason).text().not_null())
                .col(ColumnDef::new(peer::Column::Audience).integer().not_null())
                .col(ColumnDef::new(peer::Column::Bundle).blob().not_null())
                // The highest that was ever seen.
                .col(ColumnDef::new(peer::Column::BundleSequence).big_integer().not_null())
                .col(ColumnDef::new(peer::Column::Records).big_integer().not_null())
                .col(ColumnDef::new(peer::Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(peer::Column::ApproveTime).big_integer())
                .take(),
        )
        .await?;
    // Tokens for the API, revoked ones too; of the secret only a hash.
    manager
        .create_table(
            Table::create()
                .table(token::Entity)
                .col(name(manager, token::Column::Id).primary_key())
                .col(ColumnDef::new(token::Column::Hash).blob().not_null())
                .col(ColumnDef::new(token::Column::Label).text().not_null())
                .col(ColumnDef::new(token::Column::Role).integer().not_null())
                .col(ColumnDef::new(token::Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(token::Column::ExpireTime).big_integer())
                .col(ColumnDef::new(token::Column::RevokeTime).big_integer())
                .take(),
        )
        .await?;
    // Small values by key, for example the city's own trust bundle.
    manager
        .create_table(
            Table::create()
                .table(setting::Entity)
                .col(name(manager, setting::Column::Key).primary_key())
                .col(ColumnDef::new(setting::Column::Value).blob().not_null())
                .take(),
        )
        .await
}
