use bytes::Bytes;
use isopolity_domain::CityId;
use sea_orm::ConnectionTrait as _;
use sea_orm_migration::MigratorTrait as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, city, document, name, on_both_databases};
use crate::{CooperationFilter, CooperationRow, EventRow, PendingRow, Store, migration::Migrator};

on_both_databases!(
    a_cooperation_comes_back_as_it_was_put_and_is_replaced_whole,
    cooperations_are_listed_by_their_last_change_page_by_page,
    cooperations_are_found_by_state_kind_city_and_subject,
    what_is_open_or_due_is_found,
    a_draft_is_deleted_with_its_steps_and_what_has_a_history_stays,
    a_history_has_one_event_at_each_sequence_and_goes_by_them,
    pending_steps_are_put_replaced_and_deleted,
    a_transaction_that_is_dropped_leaves_no_cooperation,
    a_database_of_the_version_before_keeps_what_it_has_and_takes_cooperations,
);

const BEGUN: OffsetDateTime = datetime!(2026-03-16 09:00:00.000001 UTC);

fn other(id: &str) -> CityId {
    format!("{id}.example").parse().unwrap()
}

fn named(id: &str) -> String {
    format!("cities/feira.example/cooperations/{id}")
}

/// An open cooperation of the test's city with Kénitra.
fn cooperation(id: &str) -> CooperationRow {
    CooperationRow {
        name: named(id),
        host: city(),
        kind: 1,
        state: 2,
        sequence: 1,
        create_time: BEGUN,
        update_time: BEGUN,
        due_time: None,
        open: true,
        forked: false,
        participants: vec![other("kenitra")],
        subjects: Vec::new(),
        body: Bytes::from(format!("the body of {id}")),
    }
}

fn event(id: &str, sequence: i64, hash: u8) -> EventRow {
    EventRow {
        cooperation: named(id),
        sequence,
        hash: [hash; 32],
        city: other("kenitra"),
        envelope: Bytes::from(format!("the envelope of {sequence}")),
        keep_time: BEGUN,
    }
}

fn step(id: &str, cooperation: &str) -> PendingRow {
    PendingRow {
        id: id.to_owned(),
        cooperation: named(cooperation),
        state: 1,
        body: Bytes::from_static(b"a step"),
        envelope: None,
        event_hash: None,
        create_time: BEGUN,
    }
}

async fn put(store: &Store, rows: &[CooperationRow]) {
    let mut tx = store.begin("test").await.unwrap();
    for row in rows {
        tx.put_cooperation(row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The last parts of the names.
fn ids(rows: &[CooperationRow]) -> Vec<&str> {
    rows.iter().map(|row| row.name.rsplit('/').next().unwrap()).collect()
}

async fn a_cooperation_comes_back_as_it_was_put_and_is_replaced_whole(bed: Bed) {
    let store = bed.store().await;
    let first = CooperationRow {
        participants: vec![other("praia"), other("kenitra")],
        subjects: vec![name("b").to_string(), name("a").to_string()],
        due_time: Some(datetime!(2026-04-16 09:00:00.123456 UTC)),
        ..cooperation("x")
    };
    put(&store, std::slice::from_ref(&first)).await;
    assert_eq!(store.cooperation(&first.name).await.unwrap(), Some(first.clone()));
    let second = CooperationRow {
        host: other("kenitra"),
        kind: 4,
        state: 5,
        sequence: 7,
        create_time: BEGUN + Duration::seconds(1),
        update_time: BEGUN + Duration::seconds(2),
        due_time: None,
        open: false,
        forked: true,
        participants: vec![other("dakar"), city()],
        subjects: vec![name("c").to_string()],
        body: Bytes::from_static(b"changed"),
        ..first
    };
    let mut tx = store.begin("test").await.unwrap();
    tx.put_cooperation(&second).await.unwrap();
    assert_eq!(tx.cooperation(&second.name).await.unwrap(), Some(second.clone()));
    tx.commit().await.unwrap();
    assert_eq!(store.cooperation(&second.name).await.unwrap(), Some(second));
    assert_eq!(store.cooperation(&named("y")).await.unwrap(), None);
    // It is not found any more by what it was about, and with whom.
    let filter = |city: Option<&str>, subject: Option<&str>| CooperationFilter {
        city: city.map(other),
        subject: subject.map(|id| name(id).to_string()),
        limit: 9,
        ..CooperationFilter::default()
    };
    for (city, subject, found) in [
        (Some("praia"), None, 0),
        (Some("kenitra"), None, 1),
        (Some("dakar"), None, 1),
        (None, Some("a"), 0),
        (None, Some("c"), 1),
    ] {
        let rows = store.cooperations(&filter(city, subject)).await.unwrap();
        assert_eq!(rows.len(), found, "{city:?} {subject:?}");
    }
}

async fn cooperations_are_listed_by_their_last_change_page_by_page(bed: Bed) {
    let store = bed.store().await;
    // Two of each time: names decide, by their bytes.
    let rows: Vec<CooperationRow> = [("a0", 0), ("a-b", 0), ("c", 1), ("b", 1), ("d", 2), ("e", 2)]
        .map(|(id, later)| CooperationRow { update_time: BEGUN + Duration::microseconds(later), ..cooperation(id) })
        .into();
    put(&store, &rows).await;
    for limit in [1, 2, 3, 6, u64::MAX] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let filter = CooperationFilter { after, limit, ..CooperationFilter::default() };
            let page = store.cooperations(&filter).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.update_time, last.name.clone()));
            seen.extend(page);
        }
        assert_eq!(ids(&seen), ["d", "e", "b", "c", "a-b", "a0"], "in pages of {limit}");
    }
}

async fn cooperations_are_found_by_state_kind_city_and_subject(bed: Bed) {
    let store = bed.store().await;
    let about = |id: &str| vec![name(id).to_string()];
    put(
        &store,
        &[
            CooperationRow { state: 1, kind: 1, subjects: about("p"), ..cooperation("a") },
            CooperationRow { state: 2, kind: 1, participants: vec![other("praia")], ..cooperation("b") },
            CooperationRow { state: 2, kind: 2, host: other("praia"), participants: vec![city()], ..cooperation("c") },
            CooperationRow { state: 3, kind: 2, subjects: about("p"), ..cooperation("d") },
        ],
    )
    .await;
    let all = || CooperationFilter { limit: 9, ..CooperationFilter::default() };
    let p = || Some(name("p").to_string());
    for (filter, expected) in [
        (all(), vec!["a", "b", "c", "d"]),
        (CooperationFilter { states: vec![1, 3], ..all() }, vec!["a", "d"]),
        (CooperationFilter { kinds: vec![2], ..all() }, vec!["c", "d"]),
        (CooperationFilter { states: vec![2], kinds: vec![1], ..all() }, vec!["b"]),
        // As host and as participant.
        (CooperationFilter { city: Some(other("praia")), ..all() }, vec!["b", "c"]),
        (CooperationFilter { city: Some(city()), ..all() }, vec!["a", "b", "c", "d"]),
        (CooperationFilter { subject: p(), ..all() }, vec!["a", "d"]),
        (CooperationFilter { subject: p(), kinds: vec![2], city: Some(other("kenitra")), ..all() }, vec!["d"]),
        (CooperationFilter { subject: p(), after: Some((BEGUN, named("a"))), ..all() }, vec!["d"]),
        (CooperationFilter { city: Some(other("nowhere")), ..all() }, vec![]),
        (CooperationFilter::default(), vec![]),
    ] {
        let found = store.cooperations(&filter).await.unwrap();
        assert_eq!(ids(&found), expected, "{filter:?}");
    }
}

async fn what_is_open_or_due_is_found(bed: Bed) {
    let store = bed.store().await;
    let at = |seconds| Some(BEGUN + Duration::seconds(seconds));
    put(
        &store,
        &[
            CooperationRow { due_time: at(2), ..cooperation("a") },
            CooperationRow { due_time: at(1), ..cooperation("b") },
            CooperationRow { due_time: at(3), ..cooperation("c") },
            CooperationRow { due_time: at(1), open: false, ..cooperation("d") },
            CooperationRow { host: other("praia"), ..cooperation("e") },
        ],
    )
    .await;
    assert_eq!(ids(&store.open_cooperations().await.unwrap()), ["a", "b", "c", "e"]);
    let now = BEGUN + Duration::seconds(2);
    assert_eq!(ids(&store.due_cooperations(now, 9).await.unwrap()), ["b", "a"]);
    assert_eq!(ids(&store.due_cooperations(now, 1).await.unwrap()), ["b"]);
    assert!(store.due_cooperations(BEGUN, 9).await.unwrap().is_empty());
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.count_open_hosted_by(&city()).await.unwrap(), 3);
    assert_eq!(tx.count_open_hosted_by(&other("praia")).await.unwrap(), 1);
    assert_eq!(tx.count_open_hosted_by(&other("kenitra")).await.unwrap(), 0);
}

async fn a_draft_is_deleted_with_its_steps_and_what_has_a_history_stays(bed: Bed) {
    let store = bed.store().await;
    let draft = CooperationRow { sequence: 0, subjects: vec![name("p").to_string()], ..cooperation("draft") };
    put(&store, &[draft, cooperation("proposed")]).await;
    let mut tx = store.begin("test").await.unwrap();
    for (id, of) in [("1", "draft"), ("2", "proposed")] {
        tx.put_pending(&step(id, of)).await.unwrap();
    }
    assert!(!tx.delete_cooperation(&named("proposed")).await.unwrap());
    assert!(!tx.delete_cooperation(&named("nothing")).await.unwrap());
    assert!(tx.delete_cooperation(&named("draft")).await.unwrap());
    assert!(!tx.delete_cooperation(&named("draft")).await.unwrap());
    tx.commit().await.unwrap();
    let filter = CooperationFilter { city: Some(city()), limit: 9, ..CooperationFilter::default() };
    assert_eq!(ids(&store.cooperations(&filter).await.unwrap()), ["proposed"]);
    assert_eq!(store.pending_steps(None).await.unwrap(), [step("2", "proposed")]);
}

async fn a_history_has_one_event_at_each_sequence_and_goes_by_them(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    for sequence in [1, 2, 10, 3] {
        assert!(tx.append_event(&event("x", sequence, 1)).await.unwrap());
    }
    assert!(tx.append_event(&event("y", 2, 2)).await.unwrap());
    // Neither another nor the same; and the transaction goes on.
    assert!(!tx.append_event(&event("x", 2, 9)).await.unwrap());
    assert!(!tx.append_event(&event("x", 2, 1)).await.unwrap());
    assert_eq!(tx.event_at(&named("x"), 2).await.unwrap(), Some(event("x", 2, 1)));
    assert_eq!(tx.cooperation_events(&named("x"), 3, 9).await.unwrap(), [event("x", 10, 1)]);
    tx.commit().await.unwrap();
    assert_eq!(store.event_at(&named("x"), 2).await.unwrap(), Some(event("x", 2, 1)));
    assert_eq!(store.event_at(&named("x"), 4).await.unwrap(), None);
    let read = async |after, limit| {
        let events = store.cooperation_events(&named("x"), after, limit).await.unwrap();
        events.iter().map(|one| one.sequence).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(3, 3).await, [10]);
    assert!(read(10, 3).await.is_empty());
}

async fn pending_steps_are_put_replaced_and_deleted(bed: Bed) {
    let store = bed.store().await;
    let later = PendingRow { create_time: BEGUN + Duration::microseconds(1), ..step("1", "x") };
    let signed = PendingRow {
        state: 2,
        body: Bytes::from_static(b"signed"),
        envelope: Some(Bytes::from_static(b"an envelope")),
        event_hash: Some([7; 32]),
        ..step("2", "x")
    };
    let mut tx = store.begin("test").await.unwrap();
    for row in [&later, &step("2", "x"), &step("3", "y"), &signed] {
        tx.put_pending(row).await.unwrap();
    }
    assert_eq!(tx.pending_steps(&named("x")).await.unwrap(), [signed.clone(), later.clone()]);
    tx.commit().await.unwrap();
    assert_eq!(store.pending_steps(None).await.unwrap(), [signed.clone(), step("3", "y"), later.clone()]);
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.delete_pending("2").await.unwrap());
    assert!(!tx.delete_pending("2").await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.pending_steps(Some(&named("x"))).await.unwrap(), [later]);
}

async fn a_transaction_that_is_dropped_leaves_no_cooperation(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    tx.put_cooperation(&cooperation("x")).await.unwrap();
    tx.append_event(&event("x", 1, 1)).await.unwrap();
    tx.put_pending(&step("1", "x")).await.unwrap();
    drop(tx);
    // The next writer finds nothing of it.
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.cooperation(&named("x")).await.unwrap(), None);
    assert_eq!(tx.event_at(&named("x"), 1).await.unwrap(), None);
    assert!(tx.append_event(&event("x", 1, 2)).await.unwrap());
    drop(tx);
    assert!(store.pending_steps(None).await.unwrap().is_empty());
    let filter = CooperationFilter { city: Some(other("kenitra")), limit: 9, ..CooperationFilter::default() };
    assert!(store.cooperations(&filter).await.unwrap().is_empty());
}

async fn a_database_of_the_version_before_keeps_what_it_has_and_takes_cooperations(bed: Bed) {
    if bed.url.starts_with("sqlite") {
        std::fs::write(bed.folder().join("registry.db"), "").unwrap();
    }
    let before = bed.other_program().await;
    Migrator::up(&before, Some(10)).await.unwrap();
    before
        .execute_unprepared(
            "insert into feed (id, city, epoch, sequence) values (1, 'feira.example', 'an epoch', 7); \
             insert into document (name, kind, audience, revision, create_time, update_time, body) values \
             ('cities/feira.example/partnerships/old', 'partnership', 10, 3, 1000000, 2000000, 'old'); \
             insert into audit_head (city, sequence, hash, envelope) values ('kenitra.example', 1, 'h', 'e')",
        )
        .await
        .unwrap();
    before.close().await.unwrap();
    let store = bed.store().await;
    assert_eq!(store.feed_head().await.unwrap().sequence, 7);
    assert_eq!(store.document(&name("old")).await.unwrap().unwrap().revision, 3);
    put(&store, &[cooperation("x")]).await;
    assert_eq!(store.open_cooperations().await.unwrap(), [cooperation("x")]);
    // The version before goes on with it.
    let before = bed.other_program().await;
    before
        .execute_unprepared("update document set revision = 4 where name = 'cities/feira.example/partnerships/old'")
        .await
        .unwrap();
    store.add(&[document(&name("new"))]).await;
    assert_eq!(store.document(&name("old")).await.unwrap().unwrap().revision, 4);
    assert!(store.scrub().await.unwrap());
    assert_eq!(store.cooperation(&named("x")).await.unwrap(), Some(cooperation("x")));
}
