//! Invitations to become a peer, and how this city stands at its peers. It only adds: the version before works with it too.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::entity::{invitation, standing};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use invitation::Column;
        // Used, revoked and expired ones too; of the secret only a hash.
        manager
            .create_table(
                Table::create()
                    .table(invitation::Entity)
                    .col(name(manager, Column::Id).primary_key())
                    .col(ColumnDef::new(Column::Hash).blob().not_null())
                    .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                    .col(ColumnDef::new(Column::ExpireTime).big_integer().not_null())
                    .col(ColumnDef::new(Column::UsedBy).text())
                    .col(ColumnDef::new(Column::UseTime).big_integer())
                    .col(ColumnDef::new(Column::RevokeTime).big_integer())
                    // Wrong secrets that were presented.
                    .col(ColumnDef::new(Column::Failures).integer().not_null())
                    .take(),
            )
            .await?;
        // What each peer last said of this city.
        manager
            .create_table(
                Table::create()
                    .table(standing::Entity)
                    .col(name(manager, standing::Column::City).primary_key())
                    .col(ColumnDef::new(standing::Column::State).integer().not_null())
                    .col(ColumnDef::new(standing::Column::Reason).text().not_null())
                    .col(ColumnDef::new(standing::Column::Time).big_integer().not_null())
                    .take(),
            )
            .await
    }
}
