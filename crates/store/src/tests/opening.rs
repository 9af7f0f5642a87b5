use std::error::Error as _;

use isopolity_proto::registry::RevisionChange;
use sea_orm::ConnectionTrait as _;
use sea_orm_migration::MigratorTrait as _;
use time::macros::datetime;
use tokio::task::JoinSet;

use super::bed::{Bed, SHORT, city, document, name, on_both_databases, on_postgresql, on_sqlite};
use crate::{Revision, StorageKind, Store, StoreError, migration::Migrator};

on_both_databases!(
    a_database_is_opened_again_as_it_was,
    another_citys_database_is_refused,
    a_newer_schema_is_refused_and_left_alone,
    several_processes_may_open_a_new_database_at_once,
    a_closed_store_can_be_tried_again,
    a_database_of_the_first_version_keeps_what_it_has_and_gets_a_history,
);

async fn a_database_is_opened_again_as_it_was(bed: Bed) {
    let store = bed.store().await;
    let kind = if bed.url.starts_with("sqlite") { StorageKind::Sqlite } else { StorageKind::Postgresql };
    assert_eq!(store.kind(), kind);
    store.add(&[document(&name("a"))]).await;
    store.close().await;
    let store = bed.store().await;
    assert_eq!(store.document(&name("a")).await.unwrap(), Some(document(&name("a"))));
}

async fn another_citys_database_is_refused(bed: Bed) {
    bed.store().await.close().await;
    let other = "kenitra.example".parse().unwrap();
    let error = Store::open(&bed.url, &other).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("belongs to feira.example, not to kenitra.example"), "{text}");
    assert!(
        matches!(error, StoreError::Foreign { found, expected, .. } if found == "feira.example" && expected == other)
    );
    bed.store().await;
}

async fn a_newer_schema_is_refused_and_left_alone(bed: Bed) {
    bed.store().await.close().await;
    let other = bed.other_program().await;
    let later = "insert into seaql_migrations (version, applied_at) values ('m99991231_000001_later', 0)";
    other.execute_unprepared(later).await.unwrap();
    match Store::open(&bed.url, &bed.city).await.unwrap_err() {
        StoreError::SchemaTooNew { found, known, .. } => {
            assert_eq!((found.as_str(), known.as_str()), ("m99991231_000001_later", "m20261126_000004_trust"));
        }
        error => panic!("{error:?}"),
    }
    other.execute_unprepared("delete from seaql_migrations where version like 'm9999%'").await.unwrap();
    bed.store().await;
}

async fn several_processes_may_open_a_new_database_at_once(bed: Bed) {
    let mut opening = JoinSet::new();
    for _ in 0..4 {
        let bed = bed.clone();
        opening.spawn(async move { bed.store().await.feed_head().await.unwrap().epoch });
    }
    let epochs = opening.join_all().await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
}

async fn a_closed_store_can_be_tried_again(bed: Bed) {
    let store = bed.store().await;
    store.clone().close().await;
    assert!(matches!(store.feed_head().await.unwrap_err(), StoreError::Busy { .. }));
    assert!(matches!(store.begin("test").await.unwrap_err(), StoreError::Busy { .. }));
}

async fn a_database_of_the_first_version_keeps_what_it_has_and_gets_a_history(bed: Bed) {
    if bed.url.starts_with("sqlite") {
        std::fs::write(bed.folder().join("registry.db"), "").unwrap();
    }
    let first = bed.other_program().await;
    Migrator::up(&first, Some(1)).await.unwrap();
    // As the first version wrote it.
    first
        .execute_unprepared(
            "insert into feed (id, city, epoch, sequence) values (1, 'feira.example', 'an epoch', 7); \
             insert into document (name, kind, audience, revision, create_time, update_time, body) values \
             ('cities/feira.example/partnerships/new', 'partnership', 10, 1, 1000000, 1000000, 'new'), \
             ('cities/feira.example/partnerships/old', 'partnership', 10, 3, 1000000, 2000000, 'old'); \
             insert into reference (from_name, to_name) values \
             ('cities/feira.example/partnerships/old', 'cities/feira.example/partnerships/new')",
        )
        .await
        .unwrap();
    first.close().await.unwrap();

    let store = bed.store().await;
    let head = store.feed_head().await.unwrap();
    assert_eq!((head.epoch.as_str(), head.sequence), ("an epoch", 7));
    let old = store.document(&name("old")).await.unwrap().unwrap();
    assert_eq!((old.revision, old.delete_time, old.body.as_ref()), (3, None, b"old".as_slice()));
    let revision = Revision {
        name: name("old"),
        revision: 3,
        time: datetime!(1970-01-01 00:00:02 UTC),
        author: "node".into(),
        change: RevisionChange::Updated,
        body: "old".into(),
    };
    assert_eq!(store.revisions(&name("old"), None, 10).await.unwrap(), [revision]);
    let new = store.revision(&name("new"), 1).await.unwrap().unwrap();
    assert_eq!(new.change, RevisionChange::Created);
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.referrers(&name("new"), 10).await.unwrap(), [name("old")]);
    tx.commit().await.unwrap();

    // It is expanded only: what the first version writes still goes in.
    let first = bed.other_program().await;
    first
        .execute_unprepared(
            "insert into document (name, kind, audience, revision, create_time, update_time, body) values \
             ('cities/feira.example/partnerships/later', 'partnership', 10, 1, 1000000, 1000000, 'later'); \
             insert into peer \
             (city, state, state_reason, audience, bundle, bundle_sequence, records, create_time, approve_time) \
             values ('lublin.example', 2, '', 10, 'bundle', 1, 7, 1000000, null)",
        )
        .await
        .unwrap();
    assert!(store.document(&name("later")).await.unwrap().is_some());
    let peers = store.peers().await.unwrap();
    assert_eq!(peers.iter().map(|peer| (peer.records, peer.circuit.len())).collect::<Vec<_>>(), [(7, 0)]);
}

#[tokio::test]
async fn a_file_is_created_for_its_owner_only_and_written_through() {
    on_sqlite(|bed| async move {
        let store = bed.store().await;
        store.add(&[document(&name("a"))]).await;
        for (pragma, value) in
            [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000")]
        {
            let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("pragma {pragma}"));
            let row = store.pool().query_one_raw(statement).await.unwrap().unwrap();
            let found = row
                .try_get_by_index::<String>(0)
                .or_else(|_| row.try_get_by_index::<i64>(0).map(|one| one.to_string()));
            assert_eq!(found.unwrap(), value, "{pragma}");
        }
        #[cfg(unix)]
        for entry in std::fs::read_dir(bed.folder()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    on_sqlite(|bed| async move {
        let text = "this is a letter to the mayor, not a database\n".repeat(200);
        let file = bed.folder().join("registry.db");
        std::fs::write(&file, &text).unwrap();
        let error = Store::open(&bed.url, &bed.city).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains("registry.db can't be opened"), "{error}");
        assert!(error.source().unwrap().to_string().contains("not a database"));
        assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    })
    .await;
}

#[tokio::test]
async fn a_database_in_a_missing_folder_is_refused_and_the_folder_not_made() {
    on_sqlite(|bed| async move {
        let folder = bed.folder().join("missing");
        let url = format!("sqlite://{}/registry.db", folder.display());
        let error = Store::open(&url, &bed.city).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.source().unwrap().to_string().contains("folder does not exist"));
        assert!(!folder.exists());
    })
    .await;
}

#[tokio::test]
async fn what_is_no_url_of_a_database_is_refused_without_showing_it() {
    for url in [
        "",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://a.db?mode=ro",
        "mysql://root:secret@host/db",
        "secret",
        "postgres://u:secret@host:port/db",
        "postgres://u:secret@host/db?sslmode=secret",
    ] {
        let error = Store::open(url, &city()).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{url}");
        assert!(!error.to_string().contains("secret") || url == "secret", "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_busy_and_its_password_is_not_shown() {
    // Nothing listens on port 1.
    for scheme in ["postgres", "postgresql"] {
        let url = format!("{scheme}://user:secret@127.0.0.1:1/registry?sslmode=disable");
        let error = crate::open::open(&url, &city(), SHORT).await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
        assert_eq!(error.to_string(), "postgres://127.0.0.1:1/registry is busy or does not answer (open)");
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_database_that_the_server_does_not_have_is_refused() {
    on_postgresql(|bed| async move {
        let url = format!("{}_missing", bed.url);
        let error = Store::open(&url, &bed.city).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.source().unwrap().to_string().contains("does not exist"), "{error:?}");
    })
    .await;
}
