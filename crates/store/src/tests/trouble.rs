use bytes::Bytes;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use super::bed::{Bed, SHORT, document, name, on_both_databases, on_postgresql, on_sqlite};
use crate::{Document, Limits, Store, StoreError, error::Fault};

on_both_databases!(
    a_second_writer_waits_and_is_then_told_that_it_is_busy,
    another_program_that_writes_makes_it_busy,
    after_an_error_a_transaction_is_not_committed,
    after_a_call_that_was_cancelled_a_transaction_is_not_committed,
);

async fn a_second_writer_waits_and_is_then_told_that_it_is_busy(bed: Bed) {
    let store = bed.open(SHORT).await.unwrap();
    let held = store.begin("first").await.unwrap();
    let error = store.begin("second").await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { doing: "second", .. }), "{error:?}");
    // Reading goes on.
    assert_eq!(store.document(&name("a")).await.unwrap(), None);
    held.commit().await.unwrap();
    store.begin("third").await.unwrap();
}

async fn another_program_that_writes_makes_it_busy(bed: Bed) {
    let store = bed.open(SHORT).await.unwrap();
    let other = bed.other_program().await;
    let writing = other.begin().await.unwrap();
    writing.execute_unprepared("update feed set sequence = sequence").await.unwrap();
    for _ in 0..2 {
        let error = store.begin("test").await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
        assert!(error.to_string().contains("is busy or does not answer (test)"), "{error}");
    }
    assert_eq!(store.feed_head().await.unwrap().sequence, 0);
    writing.rollback().await.unwrap();
    store.add(&[document(&name("a"))]).await;
}

async fn after_an_error_a_transaction_is_not_committed(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.insert_documents(&[document(&name("a"))]).await.unwrap();
    // What refers must exist.
    let error = tx.set_references(&name("missing"), &[name("a")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Internal { .. }), "{error:?}");
    assert!(tx.document(&name("a")).await.is_err());
    assert!(tx.commit().await.is_err());
    assert_eq!(store.document(&name("a")).await.unwrap(), None);
}

async fn after_a_call_that_was_cancelled_a_transaction_is_not_committed(bed: Bed) {
    let store = bed.store().await;
    let documents = [document(&name("a"))];
    // SQLite is sometimes so quick that there is nothing to cancel.
    for _ in 0..100 {
        let mut tx = store.begin("test").await.unwrap();
        let cancelled = tokio::select! {
            biased;
            _ = tx.insert_documents(&documents) => false,
            () = std::future::ready(()) => true,
        };
        if cancelled {
            assert!(tx.commit().await.is_err());
            assert_eq!(store.document(&name("a")).await.unwrap(), None);
            store.add(&documents).await;
            return;
        }
    }
    panic!("no call could be cancelled");
}

#[tokio::test]
async fn a_full_database_keeps_what_it_has_and_goes_on_when_there_is_room() {
    on_sqlite(|bed| async move {
        let store = bed.open(Limits { pages: Some(120), ..SHORT }).await.unwrap();
        let big = |id: &str| Document { body: Bytes::from(vec![7; 10_000]), ..document(&name(id)) };
        let mut kept = Vec::new();
        // One by one until it is full.
        let error = loop {
            let document = big(&format!("n{}", kept.len()));
            match write(&store, std::slice::from_ref(&document)).await {
                Ok(()) => kept.push(document),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("is full"), "{error}");
        assert!(kept.len() > 5);
        // Many at once, and more often than there are connections.
        let many: Vec<_> = (0..50).map(|number| big(&format!("m{number}"))).collect();
        for _ in 0..10 {
            let error = write(&store, &many).await.unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        }
        let names: Vec<_> = kept.iter().chain(&many).map(|one| one.name.clone()).collect();
        assert_eq!(store.documents(&names).await.unwrap().len(), kept.len());
        // There is room again.
        let mut tx = store.begin("test").await.unwrap();
        for document in &kept[..5] {
            assert!(tx.erase_document(&document.name, 1).await.unwrap());
        }
        tx.commit().await.unwrap();
        write(&store, &many[..1]).await.unwrap();
    })
    .await;
}

async fn write(store: &Store, documents: &[Document]) -> Result<(), StoreError> {
    let mut tx = store.begin("test").await?;
    // Before it and after it: nothing of a transaction may stay.
    tx.set_setting("mark", b"mark").await?;
    if let Err(error) = tx.insert_documents(documents).await {
        assert!(tx.set_setting("late", b"late").await.is_err());
        assert!(tx.commit().await.is_err());
        assert_eq!(store.setting("late").await?, None);
        return Err(error);
    }
    tx.commit().await
}

#[tokio::test]
async fn what_the_server_says_is_told_by_its_kind() {
    on_postgresql(|bed| async move {
        let store = bed.store().await;
        let place = "there".into();
        for (code, kind) in
            [("53100", "full"), ("53300", "busy"), ("55P03", "busy"), ("08006", "busy"), ("22012", "other")]
        {
            let raise = format!("do $$ begin raise exception 'no' using errcode = '{code}'; end $$");
            let error = store.pool().execute_unprepared(&raise).await.unwrap_err();
            let found = match Fault::from(error).at(&place, "test") {
                StoreError::Full { .. } => "full",
                StoreError::Busy { .. } => "busy",
                _ => "other",
            };
            assert_eq!(found, kind, "{code}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_connection_breaks_leaves_nothing_and_the_next_goes_well() {
    on_postgresql(|bed| async move {
        let store = bed.store().await;
        let mut tx = store.begin("test").await.unwrap();
        tx.insert_documents(&[document(&name("a"))]).await.unwrap();
        let end_others = "select pg_terminate_backend(pid) from pg_stat_activity \
                          where datname = current_database() and pid <> pg_backend_pid()";
        bed.other_program().await.execute_unprepared(end_others).await.unwrap();
        let error = tx.next_positions(1).await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
        drop(tx);
        // The connections in the pool are gone too: a call or two may notice.
        let mut tries = 0;
        while let Err(error) = store.feed_head().await {
            assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
            tries += 1;
            assert!(tries < 10);
        }
        store.add(&[document(&name("b"))]).await;
        assert_eq!(store.document(&name("a")).await.unwrap(), None);
    })
    .await;
}
