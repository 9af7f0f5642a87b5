use bytes::Bytes;
use isopolity_domain::{
    CityId,
    audit::{Chain, Checker, Event, Subject},
};
use isopolity_proto::admin::AuditAction;
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::task::JoinSet;

use super::bed::{Bed, document, name, on_both_databases};
use crate::{AuditFilter, SeenHead, Store, StoreError, Witness};

on_both_databases!(
    entries_exist_with_what_they_tell_of_and_not_without,
    writers_at_once_make_one_chain_without_gaps,
    entries_are_found_by_what_they_tell_of,
    a_detail_is_erased_and_the_chain_stays_whole,
    entries_that_were_moved_leave_the_chain_going_on,
    a_changed_byte_is_found,
    what_peers_witnessed_is_kept,
);

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);

fn kenitra() -> CityId {
    "kenitra.example".parse().unwrap()
}

fn event(at: i64) -> Event {
    let action = if at % 2 == 0 { AuditAction::TokenCreated } else { AuditAction::PeerSuspended };
    let event = Event::new(action, &Subject::node(), NOW + Duration::seconds(at)).about(format!("tokens/{at}"));
    if at % 3 == 0 { event } else { event.saying("why").with_peer(&kenitra()) }
}

async fn write(store: &Store, events: impl IntoIterator<Item = Event>) {
    let mut tx = store.begin("test").await.unwrap();
    for event in events {
        tx.audit(event);
    }
    tx.commit().await.unwrap();
}

/// Checks all that is stored.
async fn check(store: &Store) -> Result<Checker, isopolity_domain::audit::Broken> {
    let mut checker = Checker::after(store.audit_chain().await.unwrap().moved);
    for row in store.audit_entries(&AuditFilter::default(), true, None, 10_000).await.unwrap() {
        let said = checker.check(&row.entry)?;
        assert_eq!((said.sequence, &said.resource, &said.peer), (row.sequence, &row.resource, &row.peer));
    }
    Ok(checker)
}

async fn entries_exist_with_what_they_tell_of_and_not_without(bed: Bed) {
    let store = bed.store().await;
    assert_eq!(store.audit_chain().await.unwrap().head, Chain::EMPTY);
    let mut dropped = store.begin("test").await.unwrap();
    dropped.audit(event(1));
    drop(dropped);
    store.add(&[document(&name("a"))]).await;
    let mut refused = store.begin("test").await.unwrap();
    refused.audit(event(2));
    let there = refused.insert_documents(&[document(&name("a"))]).await;
    assert!(matches!(there, Err(StoreError::Exists { .. })));
    drop(refused);
    assert_eq!(store.audit_chain().await.unwrap().head, Chain::EMPTY);
    write(&store, (0..500).map(event)).await;
    let checker = check(&store).await.unwrap();
    assert_eq!(checker.chain(), store.audit_chain().await.unwrap().head);
    assert_eq!(checker.chain().sequence, 500);
    assert_eq!(store.audit_point(3).await.unwrap().unwrap().sequence, 3);
    assert_eq!(store.audit_digests(490, 100).await.unwrap().len(), 10);
}

async fn writers_at_once_make_one_chain_without_gaps(bed: Bed) {
    // Two stores are two processes to each other.
    let stores = [bed.store().await, bed.store().await];
    let mut writers = JoinSet::new();
    for at in 0..20 {
        let store = stores[at % 2].clone();
        writers.spawn(async move { write(&store, (0..3).map(event)).await });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(check(&stores[0]).await.unwrap().chain().sequence, 60);
}

async fn entries_are_found_by_what_they_tell_of(bed: Bed) {
    let store = bed.store().await;
    write(&store, (1..=9).map(event)).await;
    let find = async |filter: AuditFilter, oldest, beyond, limit| {
        let found = store.audit_entries(&filter, oldest, beyond, limit).await.unwrap();
        found.into_iter().map(|row| row.sequence).collect::<Vec<_>>()
    };
    assert_eq!(find(AuditFilter::default(), false, None, 3).await, [9, 8, 7]);
    assert_eq!(find(AuditFilter::default(), false, Some(7), 3).await, [6, 5, 4]);
    assert_eq!(find(AuditFilter::default(), true, Some(7), 3).await, [8, 9]);
    let created = vec![AuditAction::TokenCreated.into()];
    assert_eq!(find(AuditFilter { actions: created, ..Default::default() }, true, None, 9).await, [2, 4, 6, 8]);
    let peer = Some("kenitra.example".to_owned());
    assert_eq!(find(AuditFilter { peer, ..Default::default() }, true, None, 9).await, [1, 2, 4, 5, 7, 8]);
    let resource = Some("tokens/5".to_owned());
    assert_eq!(find(AuditFilter { resource, ..Default::default() }, true, None, 9).await, [5]);
    let (start, end) = (Some(NOW + Duration::seconds(3)), Some(NOW + Duration::seconds(5)));
    assert_eq!(find(AuditFilter { start, end, ..Default::default() }, true, None, 9).await, [3, 4]);
    let subject = Some("nobody".to_owned());
    assert!(find(AuditFilter { subject, ..Default::default() }, true, None, 9).await.is_empty());
}

async fn a_detail_is_erased_and_the_chain_stays_whole(bed: Bed) {
    let store = bed.store().await;
    write(&store, (1..=4).map(event)).await;
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.erase_audit_details("tokens/2", 4).await.unwrap(), 1);
    assert_eq!(tx.erase_audit_details("tokens/3", 4).await.unwrap(), 0, "it has none");
    tx.commit().await.unwrap();
    let checker = check(&store).await.unwrap();
    assert_eq!((checker.erased(), checker.chain()), (1, store.audit_chain().await.unwrap().head));
    let rows = store.audit_entries(&AuditFilter::default(), true, Some(1), 1).await.unwrap();
    assert_eq!(rows[0].entry.kept, None);
}

async fn entries_that_were_moved_leave_the_chain_going_on(bed: Bed) {
    let store = bed.store().await;
    write(&store, (1..=6).map(event)).await;
    let point = store.audit_point(4).await.unwrap().unwrap();
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.remove_audited_through(point).await.unwrap(), 4);
    tx.audit(event(7));
    tx.commit().await.unwrap();
    assert_eq!(store.audit_chain().await.unwrap().moved, point);
    assert_eq!(store.audit_point(4).await.unwrap(), Some(point));
    assert_eq!(store.audit_point(2).await.unwrap().unwrap().sequence, 2);
    // A peer that saw the log before can still be led to its end.
    let mut led = store.audit_point(2).await.unwrap().unwrap();
    for digest in store.audit_digests(2, 100).await.unwrap() {
        led.follow(&digest);
    }
    assert_eq!(led, store.audit_chain().await.unwrap().head);
    assert_eq!(check(&store).await.unwrap().chain().sequence, 7);
}

async fn a_changed_byte_is_found(bed: Bed) {
    use sea_orm::ConnectionTrait as _;
    let store = bed.store().await;
    write(&store, (1..=4).map(event)).await;
    let other = bed.other_program().await;
    other
        .execute_unprepared("update audit set entry = (select entry from audit where sequence = 2) where sequence = 3")
        .await
        .unwrap();
    assert_eq!(check(&store).await.unwrap_err().sequence, 3);
}

async fn what_peers_witnessed_is_kept(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let unknown = tx.witness(&kenitra()).await.unwrap();
    assert_eq!(unknown, Witness::of(kenitra()));
    let known = Witness {
        receipt_sequence: 4,
        receipt: Some(Bytes::from_static(b"receipt")),
        contradiction: "it was rewritten".into(),
        contradiction_time: Some(NOW),
        contradiction_proof: Some(Bytes::from_static(b"head")),
        ..unknown
    };
    tx.put_witness(&known).await.unwrap();
    tx.put_witness(&known).await.unwrap();
    for sequence in 1..=505 {
        let chain = Chain { sequence, hash: [7; 32] };
        tx.put_seen_head(&SeenHead { city: kenitra(), chain, envelope: Bytes::from_static(b"e") }).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(store.witnesses().await.unwrap(), [known]);
    let seen = async |not_beyond| {
        let found = store.seen_head(&kenitra(), not_beyond).await.unwrap();
        found.map(|head| head.chain.sequence)
    };
    assert_eq!((seen(i64::MAX).await, seen(100).await, seen(5).await), (Some(505), Some(100), None));
}
