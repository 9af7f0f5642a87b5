use isopolity_proto::{admin::TombstoneReason, registry::RevisionChange};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, document, name, on_both_databases};
use crate::{Document, Old, PastCleanUp, Quarantined, Revision, StoreError, Token, Tombstone};

on_both_databases!(
    an_erased_name_is_refused_and_a_purged_one_is_given_again,
    tombstones_are_listed_from_the_latest_and_go_with_their_place_in_the_feed,
    documents_are_found_by_the_bytes_that_they_hold,
    what_is_counted_as_old_is_what_is_removed,
    clean_ups_are_listed_from_the_latest,
    a_rewritten_database_holds_what_it_held,
);

const THEN: OffsetDateTime = datetime!(2026-03-15 12:00:00.5 UTC);

fn tombstone(id: &str, reason: TombstoneReason, after: i64) -> Tombstone {
    Tombstone {
        name: name(id),
        reason,
        time: THEN + Duration::minutes(after),
        author: "abc".into(),
        note: "17/2026".into(),
        sequence: after,
    }
}

async fn an_erased_name_is_refused_and_a_purged_one_is_given_again(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let (erased, purged) = (TombstoneReason::Erased, TombstoneReason::Purged);
    tx.put_tombstones(&[tombstone("a", erased, 1), tombstone("b", purged, 2)]).await.unwrap();
    let refused = tx.insert_documents(&[document(&name("b")), document(&name("a"))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Erased { name: refused } if refused == name("a").to_string()));
    // The transaction goes on.
    tx.insert_documents(&[document(&name("b")), document(&name("c"))]).await.unwrap();
    let left = tx.tombstones_of(&[name("a"), name("b"), name("c")]).await.unwrap();
    assert_eq!(left, [tombstone("a", erased, 1)]);
    tx.commit().await.unwrap();
    assert_eq!(store.document(&name("a")).await.unwrap(), None);
}

async fn tombstones_are_listed_from_the_latest_and_go_with_their_place_in_the_feed(bed: Bed) {
    let store = bed.store().await;
    let publication = |id: &str, sequence| isopolity_domain::feed::Publication {
        sequence,
        name: name(id).to_string(),
        kind: "partnership".into(),
        records: Vec::new(),
    };
    let all: Vec<Tombstone> =
        [("a", 1), ("c", 2), ("b", 2)].map(|(id, after)| tombstone(id, TombstoneReason::Erased, after)).into();
    let mut tx = store.begin("test").await.unwrap();
    tx.put_tombstones(&all).await.unwrap();
    tx.next_positions(4).await.unwrap();
    tx.publish(&[publication("a", 1), publication("c", 2), publication("b", 3), publication("d", 4)]).await.unwrap();
    assert_eq!(tx.sequences_of(&[name("c"), name("x")]).await.unwrap(), [(name("c"), 2)]);
    tx.commit().await.unwrap();
    let ids = async |after: Option<&Tombstone>, limit| {
        let page = store.tombstones(after.map(|one| (one.time, &one.name)), limit).await.unwrap();
        page.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, [name("b"), name("c")]);
    assert_eq!(ids(Some(&all[1]), 2).await, [name("a")]);
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.remove_old(Old::Tombstones, THEN + Duration::minutes(2)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let feed: Vec<i64> = store.feed_after(0, 10).await.unwrap().into_iter().map(|one| one.sequence).collect();
    assert_eq!(feed, [2, 3, 4]);
}

async fn documents_are_found_by_the_bytes_that_they_hold(bed: Bed) {
    let store = bed.store().await;
    let with = |id: &str, body: &'static [u8]| Document { body: body.into(), ..document(&name(id)) };
    let deleted = Document { delete_time: Some(THEN), ..with("b", b"\xff\0bread\xfe") };
    store.add(&[with("a", b"bread and butter"), deleted, with("c", b"Bread"), with("d", b"b%_read")]).await;
    let found = async |values: &[&'static [u8]], after: Option<&str>| {
        let values: Vec<bytes::Bytes> = values.iter().map(|value| bytes::Bytes::from_static(value)).collect();
        let after = after.map(name);
        let page = store.documents_holding(&values, after.as_ref(), 10).await.unwrap();
        page.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(found(&[b"bread"], None).await, [name("a"), name("b")]);
    assert_eq!(found(&[b"bread", b"%_"], Some("a")).await, [name("b"), name("d")]);
    assert_eq!(found(&[b"\0b"], None).await, [name("b")]);
    assert!(found(&[], None).await.is_empty());
}

fn version(id: &str, revision: i64, day: i64) -> Revision {
    let (time, change) = (THEN + Duration::days(day), RevisionChange::Updated);
    Revision { name: name(id), revision, time, author: "abc".into(), change, body: "body".into() }
}

async fn what_is_counted_as_old_is_what_is_removed(bed: Bed) {
    let store = bed.store().await;
    let at = |id: &str, revision, deleted: Option<i64>| Document {
        revision,
        delete_time: deleted.map(|day| THEN + Duration::days(day)),
        ..document(&name(id))
    };
    store.add(&[at("a", 4, None), at("b", 1, Some(1)), at("c", 1, Some(9))]).await;
    let row = |id: &str, import: &str, day| Quarantined {
        id: id.into(),
        import_id: import.into(),
        line: 1,
        create_time: THEN + Duration::days(day),
        body: "row".into(),
        key: id.into(),
    };
    let run = |id: &str, day| crate::ImportRun {
        id: id.into(),
        begin_time: THEN,
        update_time: THEN + Duration::days(day),
        author: "abc".into(),
        state: "state".into(),
    };
    let token = |id: &str, expires: Option<i64>, revoked: Option<i64>| Token {
        id: id.into(),
        hash: "hash".into(),
        label: id.into(),
        role: isopolity_proto::admin::Role::Viewer,
        create_time: THEN,
        expire_time: expires.map(|day| THEN + Duration::days(day)),
        scopes: Vec::new(),
        revoke_time: revoked.map(|day| THEN + Duration::days(day)),
    };
    let mut tx = store.begin("test").await.unwrap();
    // Superseded on days 2, 3 and 9.
    tx.add_revisions(&[version("a", 1, 1), version("a", 2, 2), version("a", 3, 3), version("a", 4, 9)]).await.unwrap();
    tx.put_quarantined(&[row("old", "i1", 1), row("new", "i1", 9)]).await.unwrap();
    for import in [run("i1", 1), run("i2", 1), run("i3", 9)] {
        tx.put_import(&import).await.unwrap();
    }
    for one in
        [token("t1", Some(1), None), token("t2", None, Some(1)), token("t3", Some(9), None), token("t4", None, None)]
    {
        tx.put_token(&one).await.unwrap();
    }
    tx.commit().await.unwrap();

    let before = THEN + Duration::days(5);
    for (what, expected) in [
        (Old::Deleted, vec![name("b").to_string()]),
        (Old::Revisions, vec![name("a").to_string(); 2]),
        (Old::QuarantinedRows, vec!["old".to_owned()]),
        (Old::Imports, vec!["i2".to_owned()]),
        (Old::Tokens, vec!["t1".to_owned(), "t2".to_owned()]),
        (Old::Requests, vec![]),
        (Old::Tombstones, vec![]),
    ] {
        let counted = store.count_old(what, before, 10).await.unwrap();
        assert_eq!(counted.examples, expected, "{what:?}");
        assert_eq!(usize::try_from(counted.count).unwrap(), expected.len(), "{what:?}");
        let mut tx = store.begin("test").await.unwrap();
        if what == Old::Deleted {
            assert_eq!(tx.deleted_before(before, 10).await.unwrap(), [name("b")]);
            tx.erase_documents(&[name("b")]).await.unwrap();
        } else {
            assert_eq!(
                usize::try_from(tx.remove_old(what, before).await.unwrap()).unwrap(),
                expected.len(),
                "{what:?}"
            );
        }
        tx.commit().await.unwrap();
        assert_eq!(store.count_old(what, before, 1).await.unwrap().count, 0, "{what:?}");
    }
    let left: Vec<i64> =
        store.revisions(&name("a"), None, 10).await.unwrap().into_iter().map(|one| one.revision).collect();
    assert_eq!(left, [4, 3]);
    let all = store.all_documents(None, 10).await.unwrap();
    assert_eq!(all.into_iter().map(|one| one.name).collect::<Vec<_>>(), [name("a"), name("c")]);
    let after = store.all_revisions(Some((&name("a"), 3)), 10).await.unwrap();
    assert_eq!(after.iter().map(|one| one.revision).collect::<Vec<_>>(), [4]);
}

async fn clean_ups_are_listed_from_the_latest(bed: Bed) {
    let store = bed.store().await;
    let past = |id: &str| PastCleanUp { id: id.into(), time: THEN, author: "node".into(), body: "what".into() };
    let mut tx = store.begin("test").await.unwrap();
    for id in ["b", "a", "c"] {
        tx.add_clean_up(&past(id)).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(store.clean_ups(None, 2).await.unwrap(), [past("c"), past("b")]);
    assert_eq!(store.clean_ups(Some("b"), 2).await.unwrap(), [past("a")]);
}

async fn a_rewritten_database_holds_what_it_held(bed: Bed) {
    let store = bed.store().await;
    store.add(&[document(&name("a")), document(&name("b"))]).await;
    assert!(store.scrub().await.unwrap());
    assert_eq!(store.document(&name("a")).await.unwrap(), Some(document(&name("a"))));
    store.add(&[document(&name("c"))]).await;
    assert_eq!(store.all_documents(None, 10).await.unwrap().len(), 3);
}
