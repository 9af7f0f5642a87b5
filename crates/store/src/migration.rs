//! How the tables came to be. Each migration runs once, in order, on both databases.
//!
//! What is released is not edited: a change is a further migration, and one under which the version before still works.

use sea_orm::{ConnectionTrait as _, DbBackend, Iden};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager, async_trait, prelude::ColumnDef};

/// A migration, named after its file, that does what a function does.
macro_rules! migration {
    ($up:ident) => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub(crate) struct Migration;

        #[sea_orm_migration::async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                $up(manager).await
            }
        }
    };
}

mod m20261123_000001_begin;
mod m20261124_000002_keep;
mod m20261124_000003_circuits;
mod m20261126_000004_trust;
mod m20261126_000005_invitations;
mod m20261126_000006_users;
mod m20261126_000007_sharing;
mod m20261126_000008_audit;
mod m20261126_000009_directory;
mod m20261126_000010_privacy;
mod m20261126_000011_cooperations;

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_begin::Migration),
            Box::new(m20261124_000002_keep::Migration),
            Box::new(m20261124_000003_circuits::Migration),
            Box::new(m20261126_000004_trust::Migration),
            Box::new(m20261126_000005_invitations::Migration),
            Box::new(m20261126_000006_users::Migration),
            Box::new(m20261126_000007_sharing::Migration),
            Box::new(m20261126_000008_audit::Migration),
            Box::new(m20261126_000009_directory::Migration),
            Box::new(m20261126_000010_privacy::Migration),
            Box::new(m20261126_000011_cooperations::Migration),
        ]
    }
}

/// A column for names and ids, which are ordered by byte on both databases.
fn name(manager: &SchemaManager, column: impl Iden + 'static) -> ColumnDef {
    let mut definition = ColumnDef::new(column);
    match manager.get_connection().get_database_backend() {
        DbBackend::Postgres => definition.custom("text COLLATE \"C\""),
        _ => definition.text(),
    };
    definition.not_null().take()
}
