//! Sharing agreements with peers, and the cities that see what is shared. A peer that was approved before has the agreement that comes
//! with approval, so that nothing changes for it. It only adds: the version before works with it too.

use isopolity_domain::{CityId, city_id::CityIdError, sharing};
use isopolity_proto::{admin::PeerState, options::Audience};
use sea_orm::{EntityTrait as _, QuerySelect as _};
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};

use super::name;
use crate::{
    entity::{peer, record, sharing_agreement},
    micros::from_micros,
    sharing::row,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cities = ColumnDef::new(record::Column::Cities).text().null().take();
        manager.alter_table(Table::alter().table(record::Entity).add_column(cities).take()).await?;
        let mut table = Table::create();
        table
            .table(sharing_agreement::Entity)
            .col(name(manager, sharing_agreement::Column::City))
            .col(ColumnDef::new(sharing_agreement::Column::Revision).big_integer().not_null())
            .col(ColumnDef::new(sharing_agreement::Column::Time).big_integer().not_null())
            .col(ColumnDef::new(sharing_agreement::Column::Author).text().not_null())
            .col(ColumnDef::new(sharing_agreement::Column::Body).blob().not_null())
            .primary_key(Index::create().col(sharing_agreement::Column::City).col(sharing_agreement::Column::Revision));
        manager.create_table(table).await?;
        agree_with_the_approved(manager).await
    }
}

async fn agree_with_the_approved(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    // Only columns that the table has had from the beginning.
    let known: Vec<(String, i32, i32, i64, Option<i64>)> = peer::Entity::find()
        .select_only()
        .columns([
            peer::Column::City,
            peer::Column::State,
            peer::Column::Audience,
            peer::Column::CreateTime,
            peer::Column::ApproveTime,
        ])
        .into_tuple()
        .all(db)
        .await?;
    for (city, state, audience, create_time, approve_time) in known {
        if !matches!(PeerState::try_from(state), Ok(PeerState::Active | PeerState::Suspended)) {
            continue;
        }
        let city: CityId = city.parse().map_err(|error: CityIdError| DbErr::Migration(error.to_string()))?;
        let audience = Audience::try_from(audience).unwrap_or(Audience::Public).min(Audience::Federation);
        let time = from_micros(approve_time.unwrap_or(create_time))
            .map_err(|error| DbErr::Migration(format!("the time of {city}: {error:?}")))?;
        let row = row(&city, 1, time, "node", &sharing::by_default(&city, audience));
        sharing_agreement::Entity::insert(row).exec_without_returning(db).await?;
    }
    Ok(())
}
