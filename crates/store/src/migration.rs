//! How the tables came to be. Each migration runs once, in order, on both databases.
//!
//! What is released is not edited: a change is a further migration, and one under which the version before still works.

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

mod m20261123_000001_begin;

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261123_000001_begin::Migration)]
    }
}
