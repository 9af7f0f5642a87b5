use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, on_both_databases};
use crate::{ImportRun, Quarantined, Store};

on_both_databases!(
    imports_are_listed_from_the_latest,
    a_row_that_comes_again_replaces_the_old_one_and_keeps_its_id,
    rows_are_taken_out_one_by_one_and_by_their_keys,
    an_id_that_no_database_can_hold_is_not_found,
);

const BEGUN: OffsetDateTime = datetime!(2026-03-15 12:00:00.5 UTC);

fn run(id: &str) -> ImportRun {
    let state = format!("the state of {id}").into();
    ImportRun { id: id.into(), begin_time: BEGUN, update_time: BEGUN, author: "abc".into(), state }
}

fn row(id: &str, import: &str, key: u8) -> Quarantined {
    let body = format!("the row {id}").into();
    Quarantined { id: id.into(), import_id: import.into(), line: 7, create_time: BEGUN, body, key: vec![key; 32] }
}

async fn put(store: &Store, rows: &[Quarantined]) {
    let mut tx = store.begin("test").await.unwrap();
    tx.put_quarantined(rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn ids(store: &Store, import: Option<&str>, after: Option<&str>, limit: u64) -> Vec<String> {
    store.quarantined_rows(import, after, limit).await.unwrap().into_iter().map(|row| row.id).collect()
}

async fn imports_are_listed_from_the_latest(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for id in ["b", "c", "a"] {
        tx.put_import(&run(id)).await.unwrap();
    }
    let later = ImportRun { update_time: BEGUN + Duration::HOUR, state: "done".into(), ..run("b") };
    tx.put_import(&ImportRun { begin_time: BEGUN + Duration::DAY, author: "other".into(), ..later.clone() })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.imports(None, 10).await.unwrap(), [run("c"), later.clone(), run("a")]);
    assert_eq!(store.imports(Some("c"), 1).await.unwrap(), std::slice::from_ref(&later));
    assert_eq!(store.import_run("b").await.unwrap(), Some(later));
    assert_eq!(store.import_run("d").await.unwrap(), None);
}

async fn a_row_that_comes_again_replaces_the_old_one_and_keeps_its_id(bed: Bed) {
    let store = bed.store().await;
    put(&store, &[row("a", "first", 1), row("b", "first", 2)]).await;
    put(&store, &[row("c", "second", 1), row("d", "second", 3), Quarantined { line: 8, ..row("e", "second", 1) }])
        .await;
    assert_eq!(ids(&store, None, None, 10).await, ["a", "b", "d"]);
    let replaced = store.quarantined("a").await.unwrap().unwrap();
    assert_eq!(replaced, Quarantined { line: 8, body: "the row e".into(), ..row("a", "second", 1) });
    assert_eq!(ids(&store, Some("first"), None, 10).await, ["b"]);
    assert_eq!(ids(&store, Some("second"), None, 1).await, ["a"]);
    assert_eq!(ids(&store, Some("second"), Some("a"), 10).await, ["d"]);
}

async fn rows_are_taken_out_one_by_one_and_by_their_keys(bed: Bed) {
    let store = bed.store().await;
    let many: Vec<_> = (0..=250).map(|key| row(&format!("r{key:03}"), "run", key)).collect();
    put(&store, &many).await;
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.remove_quarantined("r000").await.unwrap());
    assert!(!tx.remove_quarantined("r000").await.unwrap());
    let keys: Vec<_> = (0..250).map(|key| vec![key; 32]).collect();
    tx.remove_quarantined_by_key(&keys).await.unwrap();
    tx.remove_quarantined_by_key(&[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&store, None, None, 1_000).await, ["r250"]);
}

async fn an_id_that_no_database_can_hold_is_not_found(bed: Bed) {
    let store = bed.store().await;
    put(&store, &[row("a", "run", 1)]).await;
    assert_eq!(store.quarantined("a\0").await.unwrap(), None);
    assert_eq!(store.import_run("a\0").await.unwrap(), None);
    assert!(ids(&store, Some("run\0"), None, 10).await.is_empty());
    let mut tx = store.begin("test").await.unwrap();
    assert!(!tx.remove_quarantined("a\0").await.unwrap());
}
