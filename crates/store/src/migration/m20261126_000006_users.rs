//! People who sign in, and tokens that are narrowed down. It only adds.
//!
//! The version before works with these tables too, but takes a token that is narrowed down for one that is not: after going back
//! to it, revoke such tokens.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, ForeignKey, ForeignKeyAction, Index, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use super::name;
use crate::entity::{local_user, login_attempt, token, user_session};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A bit for each scope's number in the proto; none: not narrowed down.
        let scopes = ColumnDef::new(token::Column::Scopes).big_integer().not_null().default(0).take();
        manager.alter_table(Table::alter().table(token::Entity).add_column(scopes).take()).await?;
        users(manager).await?;
        sessions(manager).await?;
        attempts(manager).await
    }
}

async fn users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use local_user::Column;
    manager
        .create_table(
            Table::create()
                .table(local_user::Entity)
                .col(name(manager, Column::Id).primary_key())
                // Of those that are not deleted each has another: writers are serial, so whoever writes looks first.
                .col(name(manager, Column::Name))
                .col(ColumnDef::new(Column::DisplayName).text().not_null())
                .col(ColumnDef::new(Column::Role).integer().not_null())
                // A PHC string: the algorithm, its parameters, salt and hash. Empty once the user is deleted.
                .col(ColumnDef::new(Column::Password).text().not_null())
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::UpdateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::PasswordTime).big_integer().not_null())
                .col(ColumnDef::new(Column::LoginTime).big_integer().null())
                .col(ColumnDef::new(Column::DisableTime).big_integer().null())
                .col(ColumnDef::new(Column::DeleteTime).big_integer().null())
                .take(),
        )
        .await?;
    let by_name = Index::create().name("local_user_by_name").table(local_user::Entity).col(Column::Name).take();
    manager.create_index(by_name).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use user_session::Column;
    manager
        .create_table(
            Table::create()
                .table(user_session::Entity)
                .col(name(manager, Column::Id).primary_key())
                .col(ColumnDef::new(Column::Hash).blob().not_null())
                .col(name(manager, Column::UserId))
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::ExpireTime).big_integer().not_null())
                .foreign_key(
                    ForeignKey::create()
                        .name("session_of")
                        .from(user_session::Entity, Column::UserId)
                        .to(local_user::Entity, local_user::Column::Id)
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .take(),
        )
        .await?;
    let by_user = Index::create().name("session_by_user").table(user_session::Entity).col(Column::UserId).take();
    manager.create_index(by_user).await
}

async fn attempts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use login_attempt::Column;
    manager
        .create_table(
            Table::create()
                .table(login_attempt::Entity)
                // A keyed hash of who tried and from where: what was typed as a name may have been a password.
                .col(name(manager, Column::Key).primary_key())
                .col(ColumnDef::new(Column::Failures).big_integer().not_null())
                // No attempt before this time.
                .col(ColumnDef::new(Column::DelayTime).big_integer().not_null())
                // As if it had never been from this time on.
                .col(ColumnDef::new(Column::ForgetTime).big_integer().not_null())
                .take(),
        )
        .await?;
    let by_time =
        Index::create().name("login_attempt_by_time").table(login_attempt::Entity).col(Column::ForgetTime).take();
    manager.create_index(by_time).await
}
