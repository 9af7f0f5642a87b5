//! Cooperations with other cities, their histories, what is on its way to those cities, and mail to people. It only adds: the
//! version before works with it too, but takes no part in cooperations.

use sea_orm_migration::prelude::{ColumnDef, DbErr, ForeignKey, ForeignKeyAction, Index, SchemaManager, Table};

use super::name;
use crate::entity::{
    cooperation, cooperation_city, cooperation_event, cooperation_step, cooperation_subject, delivery, mail,
};

migration!(up);

async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    cooperations(manager).await?;
    found_by(manager).await?;
    histories(manager).await?;
    deliveries(manager).await?;
    mails(manager).await
}

async fn cooperations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use cooperation::Column;
    manager
        .create_table(
            Table::create()
                .table(cooperation::Entity)
                .col(name(manager, Column::Name).primary_key())
                .col(name(manager, Column::Host))
                // The numbers of kind and state in the proto.
                .col(ColumnDef::new(Column::Kind).integer().not_null())
                .col(ColumnDef::new(Column::State).integer().not_null())
                // Of the last event; 0 for a draft.
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::UpdateTime).big_integer().not_null())
                // When something follows from time alone; null if nothing does.
                .col(ColumnDef::new(Column::DueTime).big_integer().null())
                // It is not over.
                .col(ColumnDef::new(Column::Open).boolean().not_null())
                .col(ColumnDef::new(Column::Forked).boolean().not_null())
                // In their order, one a line. The tables beside this one are for finding only.
                .col(ColumnDef::new(Column::Participants).text().not_null())
                .col(ColumnDef::new(Column::Subjects).text().not_null())
                // The serialized message.
                .col(ColumnDef::new(Column::Body).blob().not_null())
                .take(),
        )
        .await?;
    let index = |name: &str| Index::create().name(name).table(cooperation::Entity).take();
    let by_change = index("cooperation_by_update_time").col(Column::UpdateTime).col(Column::Name).take();
    manager.create_index(by_change).await?;
    manager.create_index(index("cooperation_by_due_time").col(Column::Open).col(Column::DueTime).take()).await?;
    manager.create_index(index("cooperation_by_host").col(Column::Host).col(Column::Open).take()).await
}

async fn found_by(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use cooperation_city::Column as City;
    use cooperation_subject::Column as Subject;
    // They go with their cooperation.
    let mut cities = Table::create();
    cities
        .table(cooperation_city::Entity)
        .col(name(manager, City::City))
        .col(name(manager, City::Cooperation))
        .primary_key(Index::create().col(City::City).col(City::Cooperation))
        .foreign_key(
            ForeignKey::create()
                .from(cooperation_city::Entity, City::Cooperation)
                .to(cooperation::Entity, cooperation::Column::Name)
                .on_delete(ForeignKeyAction::Cascade),
        );
    manager.create_table(cities).await?;
    let mut subjects = Table::create();
    subjects
        .table(cooperation_subject::Entity)
        .col(name(manager, Subject::Subject))
        .col(name(manager, Subject::Cooperation))
        .primary_key(Index::create().col(Subject::Subject).col(Subject::Cooperation))
        .foreign_key(
            ForeignKey::create()
                .from(cooperation_subject::Entity, Subject::Cooperation)
                .to(cooperation::Entity, cooperation::Column::Name)
                .on_delete(ForeignKeyAction::Cascade),
        );
    manager.create_table(subjects).await?;
    let of_cities =
        Index::create().name("cooperation_city_of").table(cooperation_city::Entity).col(City::Cooperation).take();
    manager.create_index(of_cities).await?;
    let of_subjects = Index::create()
        .name("cooperation_subject_of")
        .table(cooperation_subject::Entity)
        .col(Subject::Cooperation)
        .take();
    manager.create_index(of_subjects).await
}

async fn histories(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use cooperation_event::Column as Event;
    use cooperation_step::Column as Step;
    manager
        .create_table(
            Table::create()
                .table(cooperation_event::Entity)
                .col(name(manager, Event::Cooperation))
                // From 1 without gaps.
                .col(ColumnDef::new(Event::Sequence).big_integer().not_null())
                .col(ColumnDef::new(Event::Hash).blob().not_null())
                // Whose step it was.
                .col(name(manager, Event::City))
                // As it was signed.
                .col(ColumnDef::new(Event::Envelope).blob().not_null())
                .col(ColumnDef::new(Event::KeepTime).big_integer().not_null())
                .primary_key(Index::create().col(Event::Cooperation).col(Event::Sequence))
                .take(),
        )
        .await?;
    // This city's steps that are not part of a history yet.
    manager
        .create_table(
            Table::create()
                .table(cooperation_step::Entity)
                .col(name(manager, Step::Id).primary_key())
                .col(name(manager, Step::Cooperation))
                // The number of the state in the proto.
                .col(ColumnDef::new(Step::State).integer().not_null())
                // The serialized message.
                .col(ColumnDef::new(Step::Body).blob().not_null())
                // As it was signed, and the hash of what was signed; null until it is.
                .col(ColumnDef::new(Step::Envelope).blob().null())
                .col(ColumnDef::new(Step::EventHash).blob().null())
                .col(ColumnDef::new(Step::CreateTime).big_integer().not_null())
                .take(),
        )
        .await?;
    let by_cooperation = Index::create()
        .name("cooperation_step_by_cooperation")
        .table(cooperation_step::Entity)
        .col(Step::Cooperation)
        .col(Step::CreateTime)
        .take();
    manager.create_index(by_cooperation).await
}

async fn deliveries(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use delivery::Column;
    manager
        .create_table(
            Table::create()
                .table(delivery::Entity)
                // A UUID of version 7: the order of ids is that of time.
                .col(name(manager, Column::Id).primary_key())
                // Where it goes.
                .col(name(manager, Column::City))
                .col(name(manager, Column::Cooperation))
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                .col(ColumnDef::new(Column::EventHash).blob().not_null())
                // It is not part of the history yet.
                .col(ColumnDef::new(Column::Submission).boolean().not_null())
                // It came from the host and is passed on.
                .col(ColumnDef::new(Column::Relay).boolean().not_null())
                // Twice the sequence, and one more for a submission: in this order they are delivered.
                .col(ColumnDef::new(Column::Place).big_integer().not_null())
                // As it was signed; empty once it is delivered.
                .col(ColumnDef::new(Column::Envelope).blob().not_null())
                // The number of the standing in the proto.
                .col(ColumnDef::new(Column::Standing).integer().not_null())
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::Attempts).integer().not_null())
                .col(ColumnDef::new(Column::NextTime).big_integer().not_null())
                .col(ColumnDef::new(Column::Problem).text().not_null())
                // As the city signed it.
                .col(ColumnDef::new(Column::Receipt).blob().null())
                .take(),
        )
        .await?;
    let index = |name: &str| Index::create().name(name).table(delivery::Entity).take();
    let once = index("delivery_once").col(Column::City).col(Column::EventHash).col(Column::Submission).unique().take();
    manager.create_index(once).await?;
    // Many are delivered and few wait: those that wait are found without looking at the others.
    let by_standing =
        index("delivery_by_standing").col(Column::Standing).col(Column::City).col(Column::NextTime).take();
    manager.create_index(by_standing).await?;
    let in_order = index("delivery_in_order")
        .col(Column::Cooperation)
        .col(Column::City)
        .col(Column::Standing)
        .col(Column::Place)
        .col(Column::Id)
        .take();
    manager.create_index(in_order).await
}

async fn mails(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use mail::Column;
    manager
        .create_table(
            Table::create()
                .table(mail::Entity)
                // A UUID of version 7: the order of ids is that of time.
                .col(name(manager, Column::Id).primary_key())
                .col(ColumnDef::new(Column::Address).text().not_null())
                .col(ColumnDef::new(Column::Subject).text().not_null())
                .col(ColumnDef::new(Column::Text).text().not_null())
                .col(ColumnDef::new(Column::CreateTime).big_integer().not_null())
                .col(ColumnDef::new(Column::Attempts).integer().not_null())
                .col(ColumnDef::new(Column::NextTime).big_integer().not_null())
                .col(ColumnDef::new(Column::Problem).text().not_null())
                // 1 waits, 2 was sent, 3 was given up.
                .col(ColumnDef::new(Column::Standing).integer().not_null())
                .take(),
        )
        .await?;
    let by_standing =
        Index::create().name("mail_by_standing").table(mail::Entity).col(Column::Standing).col(Column::NextTime).take();
    manager.create_index(by_standing).await
}
