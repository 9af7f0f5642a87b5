use std::fmt::Write as _;

use bytes::Bytes;
use isopolity_domain::CityId;
use isopolity_proto::cooperation::DeliveryStanding::{Dead, Delivered, Waiting};
use sea_orm::ConnectionTrait as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::bed::{Bed, on_both_databases};
use crate::{DeliveryDepth, DeliveryFilter, DeliveryRow, Reach, Redrive, Store};

on_both_databases!(
    a_delivery_is_queued_once_and_keeps_what_became_of_it,
    a_delivered_envelope_is_let_go_of_and_its_receipt_kept,
    it_is_the_turn_of_the_first_of_each_city_and_cooperation,
    submissions_come_after_events_in_the_order_of_their_ids,
    what_was_given_up_is_in_the_way_until_it_is_driven_anew_or_dropped,
    a_sign_of_life_makes_due_what_waits_for_that_city,
    deliveries_are_driven_anew_one_by_city_or_all,
    deliveries_are_listed_the_oldest_first_page_by_page,
    it_is_told_how_much_waits_and_how_far_each_city_is,
    a_transaction_that_is_dropped_leaves_no_delivery,
    a_hundred_thousand_delivered_are_not_in_the_way,
);

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00:00.000001 UTC);

fn to(id: &str) -> CityId {
    format!("{id}.example").parse().unwrap()
}

fn of(id: &str) -> String {
    format!("cities/feira.example/cooperations/{id}")
}

/// A delivery that is due.
fn delivery(id: &str, city: &str, cooperation: &str, sequence: i64) -> DeliveryRow {
    let mut event_hash = [0; 32];
    for (place, byte) in event_hash.iter_mut().zip(id.bytes().rev().chain(cooperation.bytes())) {
        *place = byte;
    }
    DeliveryRow {
        id: id.to_owned(),
        city: to(city),
        cooperation: of(cooperation),
        sequence,
        event_hash,
        submission: false,
        relay: false,
        envelope: Bytes::from(format!("the envelope of {sequence}")),
        standing: Waiting.into(),
        create_time: NOW - Duration::hours(1),
        attempts: 0,
        next_time: NOW,
        problem: String::new(),
        receipt: None,
    }
}

async fn enqueue(store: &Store, rows: &[DeliveryRow]) -> u64 {
    let mut tx = store.begin("test").await.unwrap();
    let added = tx.enqueue_deliveries(rows).await.unwrap();
    tx.commit().await.unwrap();
    added
}

async fn update(store: &Store, row: &DeliveryRow) {
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.update_delivery(row).await.unwrap());
    tx.commit().await.unwrap();
}

async fn delivered(store: &Store, id: &str) {
    let mut tx = store.begin("test").await.unwrap();
    let row = tx.delivery(id).await.unwrap().unwrap();
    let receipt = Some(Bytes::from(format!("the receipt of {id}")));
    assert!(tx.update_delivery(&DeliveryRow { standing: Delivered.into(), receipt, ..row }).await.unwrap());
    tx.commit().await.unwrap();
}

fn ids(rows: &[DeliveryRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

async fn due(store: &Store, now: OffsetDateTime) -> Vec<String> {
    ids(&store.due_deliveries(now, 99).await.unwrap()).into_iter().map(str::to_owned).collect()
}

async fn a_delivery_is_queued_once_and_keeps_what_became_of_it(bed: Bed) {
    let store = bed.store().await;
    let first = delivery("1", "kenitra", "x", 1);
    let tried = DeliveryRow {
        attempts: 3,
        next_time: NOW + Duration::hours(1),
        problem: "it does not answer".to_owned(),
        ..first.clone()
    };
    assert_eq!(enqueue(&store, std::slice::from_ref(&first)).await, 1);
    update(&store, &tried).await;
    // The same event again; the same to another city; the same as a submission.
    let again = DeliveryRow { id: "2".to_owned(), ..first.clone() };
    let elsewhere = DeliveryRow { id: "3".to_owned(), city: to("praia"), relay: true, ..first.clone() };
    let submission = DeliveryRow { id: "4".to_owned(), submission: true, ..first.clone() };
    assert_eq!(enqueue(&store, &[again, elsewhere.clone(), submission.clone()]).await, 2);
    assert_eq!(enqueue(&store, &[]).await, 0);
    let all = store.deliveries(&DeliveryFilter::default(), 9, None).await.unwrap();
    assert_eq!(all, [tried.clone(), elsewhere, submission.clone()]);
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.delivery("1").await.unwrap(), Some(tried.clone()));
    assert_eq!(tx.delivery("2").await.unwrap(), None);
    assert_eq!(tx.delivery_of(&to("kenitra"), &first.event_hash).await.unwrap(), Some(tried));
    assert!(tx.delete_delivery("1").await.unwrap());
    assert!(!tx.delete_delivery("1").await.unwrap());
    assert!(!tx.update_delivery(&first).await.unwrap());
    assert_eq!(tx.delivery_of(&to("kenitra"), &first.event_hash).await.unwrap(), Some(submission));
    assert_eq!(tx.delivery_of(&to("dakar"), &first.event_hash).await.unwrap(), None);
}

async fn a_delivered_envelope_is_let_go_of_and_its_receipt_kept(bed: Bed) {
    let store = bed.store().await;
    enqueue(&store, &[delivery("1", "praia", "x", 1), delivery("2", "kenitra", "x", 1)]).await;
    enqueue(&store, &[delivery("3", "kenitra", "x", 2), delivery("4", "kenitra", "y", 1)]).await;
    for id in ["3", "1", "4", "2"] {
        delivered(&store, id).await;
    }
    let receipts = store.receipts_of(&of("x")).await.unwrap();
    assert_eq!(ids(&receipts), ["2", "3", "1"]);
    assert_eq!(receipts[0].receipt, Some(Bytes::from_static(b"the receipt of 2")));
    assert!(receipts.iter().all(|row| row.envelope.is_empty() && row.standing == i32::from(Delivered)));
    // What is delivered is not queued again.
    assert_eq!(enqueue(&store, &[delivery("1", "praia", "x", 1)]).await, 0);
    assert!(due(&store, NOW).await.is_empty());
    assert_eq!(store.next_delivery_time().await.unwrap(), None);
}

async fn it_is_the_turn_of_the_first_of_each_city_and_cooperation(bed: Bed) {
    let store = bed.store().await;
    let later = |row: DeliveryRow, seconds| DeliveryRow { next_time: NOW + Duration::seconds(seconds), ..row };
    // Sequences decide, not ids, nor the order in which they came.
    let rows = [
        delivery("5", "kenitra", "x", 9),
        delivery("1", "kenitra", "x", 10),
        delivery("2", "kenitra", "y", 1),
        later(delivery("3", "praia", "x", 9), 1),
        later(delivery("4", "praia", "x", 10), -9),
        later(delivery("6", "dakar", "x", 9), -1),
    ];
    assert_eq!(enqueue(&store, &rows).await, 6);
    // What comes earlier first, then by id.
    assert_eq!(due(&store, NOW).await, ["6", "2", "5"]);
    assert_eq!(ids(&store.due_deliveries(NOW, 2).await.unwrap()), ["6", "2"]);
    assert_eq!(due(&store, NOW - Duration::microseconds(1)).await, ["6"]);
    assert_eq!(due(&store, NOW + Duration::seconds(1)).await, ["6", "2", "5", "3"]);
    for id in ["6", "2", "5"] {
        delivered(&store, id).await;
    }
    assert_eq!(due(&store, NOW).await, ["1"]);
    delivered(&store, "1").await;
    assert!(due(&store, NOW).await.is_empty());
    // Praia's first, though what is behind it could have been tried before.
    assert_eq!(store.next_delivery_time().await.unwrap(), Some(NOW + Duration::seconds(1)));
    assert_eq!(ids(&store.deliveries_of(&to("praia"), &of("x"), 9).await.unwrap()), ["3", "4"]);
    assert_eq!(ids(&store.deliveries_of(&to("praia"), &of("x"), 1).await.unwrap()), ["3"]);
    assert!(store.deliveries_of(&to("kenitra"), &of("x"), 9).await.unwrap().is_empty());
}

async fn submissions_come_after_events_in_the_order_of_their_ids(bed: Bed) {
    let store = bed.store().await;
    let rows = [
        // Signed anew, for a later place: it was taken first all the same.
        DeliveryRow { submission: true, ..delivery("1", "kenitra", "x", 9) },
        DeliveryRow { submission: true, ..delivery("2", "kenitra", "x", 2) },
        delivery("3", "kenitra", "x", 2),
        delivery("4", "kenitra", "x", 3),
        delivery("5", "kenitra", "x", 1),
    ];
    enqueue(&store, &rows).await;
    let order = ["5", "3", "4", "1", "2"];
    assert_eq!(ids(&store.deliveries_of(&to("kenitra"), &of("x"), 9).await.unwrap()), order);
    for id in order {
        assert_eq!(due(&store, NOW).await, [id]);
        delivered(&store, id).await;
    }
}

async fn what_was_given_up_is_in_the_way_until_it_is_driven_anew_or_dropped(bed: Bed) {
    let store = bed.store().await;
    let rows = [1, 2, 3].map(|sequence| delivery(&sequence.to_string(), "kenitra", "x", sequence));
    enqueue(&store, &rows).await;
    enqueue(&store, &[delivery("9", "kenitra", "y", 1)]).await;
    delivered(&store, "9").await;
    let dead = DeliveryRow { standing: Dead.into(), attempts: 9, problem: "refused".to_owned(), ..rows[0].clone() };
    update(&store, &dead).await;
    assert!(due(&store, NOW).await.is_empty());
    assert_eq!(store.next_delivery_time().await.unwrap(), None);
    assert_eq!(store.deliveries_of(&to("kenitra"), &of("x"), 9).await.unwrap()[0], dead);

    let now = NOW + Duration::days(40);
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.redrive(Redrive::Delivery("1"), now).await.unwrap(), 1);
    let anew = DeliveryRow { standing: Waiting.into(), attempts: 0, next_time: now, create_time: now, ..dead.clone() };
    assert_eq!(tx.delivery("1").await.unwrap(), Some(anew));
    tx.commit().await.unwrap();
    assert_eq!(due(&store, now).await, ["1"]);

    update(&store, &dead).await;
    let mut tx = store.begin("test").await.unwrap();
    assert!(tx.delete_delivery("1").await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(due(&store, NOW).await, ["2"]);
}

async fn a_sign_of_life_makes_due_what_waits_for_that_city(bed: Bed) {
    let store = bed.store().await;
    let later = |row: DeliveryRow| DeliveryRow { next_time: NOW + Duration::hours(1), attempts: 7, ..row };
    enqueue(
        &store,
        &[
            later(delivery("1", "kenitra", "x", 1)),
            later(delivery("2", "kenitra", "y", 1)),
            later(delivery("3", "praia", "x", 1)),
            DeliveryRow { standing: Dead.into(), ..later(delivery("4", "kenitra", "z", 1)) },
            delivery("5", "kenitra", "x", 2),
        ],
    )
    .await;
    assert!(store.holds_back(&to("kenitra"), NOW).await.unwrap());
    assert!(!store.holds_back(&to("dakar"), NOW).await.unwrap());
    let mut tx = store.begin("test").await.unwrap();
    assert_eq!(tx.hasten_deliveries(&to("kenitra"), NOW).await.unwrap(), 2);
    assert_eq!(tx.hasten_deliveries(&to("kenitra"), NOW).await.unwrap(), 0);
    assert_eq!(tx.delivery("1").await.unwrap().unwrap().attempts, 7);
    tx.commit().await.unwrap();
    assert!(!store.holds_back(&to("kenitra"), NOW).await.unwrap());
    assert!(store.holds_back(&to("praia"), NOW).await.unwrap());
    assert_eq!(due(&store, NOW).await, ["1", "2"]);
}

async fn deliveries_are_driven_anew_one_by_city_or_all(bed: Bed) {
    let store = bed.store().await;
    let later = |row: DeliveryRow| DeliveryRow { next_time: NOW + Duration::hours(1), attempts: 7, ..row };
    let reset = async || {
        let mut tx = store.begin("test").await.unwrap();
        for id in ["1", "2", "3", "4"] {
            tx.delete_delivery(id).await.unwrap();
        }
        let rows = [
            later(delivery("1", "kenitra", "x", 1)),
            DeliveryRow { standing: Dead.into(), ..later(delivery("2", "kenitra", "y", 1)) },
            DeliveryRow { standing: Dead.into(), ..later(delivery("3", "praia", "x", 1)) },
            DeliveryRow { standing: Delivered.into(), ..later(delivery("4", "praia", "y", 1)) },
        ];
        tx.enqueue_deliveries(&rows).await.unwrap();
        tx.commit().await.unwrap();
    };
    let (kenitra, dakar) = (to("kenitra"), to("dakar"));
    for (which, expected) in [
        (Redrive::Delivery("1"), vec!["1"]),
        (Redrive::Delivery("3"), vec!["3"]),
        (Redrive::Delivery("4"), vec![]),
        (Redrive::Delivery("5"), vec![]),
        (Redrive::City(&kenitra), vec!["1", "2"]),
        (Redrive::City(&dakar), vec![]),
        (Redrive::All, vec!["1", "2", "3"]),
    ] {
        reset().await;
        let mut tx = store.begin("test").await.unwrap();
        assert_eq!(tx.redrive(which, NOW).await.unwrap(), expected.len() as u64, "{which:?}");
        tx.commit().await.unwrap();
        let found = store.due_deliveries(NOW, 9).await.unwrap();
        assert_eq!(ids(&found), expected, "{which:?}");
        assert!(found.iter().all(|row| row.attempts == 0));
    }
}

async fn deliveries_are_listed_the_oldest_first_page_by_page(bed: Bed) {
    let store = bed.store().await;
    let rows: Vec<DeliveryRow> = (0..7)
        .map(|index| {
            let city = if index % 2 == 0 { "kenitra" } else { "praia" };
            let standing = [Waiting, Delivered, Dead][index % 3].into();
            DeliveryRow { standing, ..delivery(&index.to_string(), city, "x", index.try_into().unwrap()) }
        })
        .collect();
    enqueue(&store, &rows).await;
    let undelivered = vec![Waiting.into(), Dead.into()];
    for (standings, city, expected) in [
        (vec![], None, "0123456"),
        (vec![Delivered.into()], None, "14"),
        (undelivered.clone(), None, "02356"),
        (vec![], Some(to("praia")), "135"),
        (undelivered, Some(to("praia")), "35"),
        (vec![], Some(to("dakar")), ""),
    ] {
        let filter = DeliveryFilter { standings, city };
        for limit in [1, 2, 7, u64::MAX] {
            let (mut seen, mut after): (String, Option<String>) = (String::new(), None);
            loop {
                let page = store.deliveries(&filter, limit, after.as_deref()).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.id.clone());
                seen.extend(ids(&page));
            }
            assert_eq!(seen, expected, "{filter:?} in pages of {limit}");
        }
    }
}

async fn it_is_told_how_much_waits_and_how_far_each_city_is(bed: Bed) {
    let store = bed.store().await;
    let since = |hours| NOW - Duration::hours(hours);
    enqueue(
        &store,
        &[
            DeliveryRow { create_time: since(9), ..delivery("1", "kenitra", "x", 1) },
            DeliveryRow { create_time: since(8), ..delivery("2", "kenitra", "x", 2) },
            DeliveryRow { create_time: since(2), problem: "no answer".to_owned(), ..delivery("3", "kenitra", "x", 3) },
            DeliveryRow { create_time: since(3), problem: "not this".to_owned(), ..delivery("4", "kenitra", "x", 4) },
            DeliveryRow { create_time: since(7), ..delivery("5", "kenitra", "y", 1) },
            DeliveryRow { standing: Dead.into(), problem: "refused".to_owned(), ..delivery("6", "praia", "x", 1) },
            delivery("7", "dakar", "x", 4),
        ],
    )
    .await;
    for id in ["1", "2", "7"] {
        delivered(&store, id).await;
    }
    let depth = |city, waiting, dead, oldest| DeliveryDepth { city: to(city), waiting, dead, oldest };
    let depths = [depth("kenitra", 3, 0, Some(since(7))), depth("praia", 0, 1, None)];
    assert_eq!(store.delivery_depths().await.unwrap(), depths);
    let reach = |city, received_sequence, problem: &str| Reach {
        city: to(city),
        received_sequence,
        waiting: 0,
        dead: 0,
        oldest: None,
        problem: problem.to_owned(),
    };
    assert_eq!(
        store.reaches(&of("x")).await.unwrap(),
        [
            reach("dakar", 4, ""),
            Reach { waiting: 2, oldest: Some(since(3)), ..reach("kenitra", 2, "no answer") },
            Reach { dead: 1, ..reach("praia", 0, "refused") },
        ]
    );
    assert!(store.reaches(&of("z")).await.unwrap().is_empty());
}

async fn a_transaction_that_is_dropped_leaves_no_delivery(bed: Bed) {
    let store = bed.store().await;
    enqueue(&store, &[delivery("1", "kenitra", "x", 1)]).await;
    let mut tx = store.begin("test").await.unwrap();
    tx.enqueue_deliveries(&[delivery("2", "kenitra", "x", 2)]).await.unwrap();
    let kept = DeliveryRow { standing: Delivered.into(), ..delivery("1", "kenitra", "x", 1) };
    assert!(tx.update_delivery(&kept).await.unwrap());
    drop(tx);
    let all = store.deliveries(&DeliveryFilter::default(), 9, None).await.unwrap();
    assert_eq!(all, [delivery("1", "kenitra", "x", 1)]);
}

async fn a_hundred_thousand_delivered_are_not_in_the_way(bed: Bed) {
    let store = bed.store().await;
    // 50 cooperations with 20 cities, 100 events each.
    let mut fill = String::new();
    let (series, bytes) = if bed.url.starts_with("sqlite") {
        ("with recursive n(i) as (select 0 union all select i + 1 from n where i < 99999)", "cast(i as blob)")
    } else {
        ("with n(i) as (select generate_series(0, 99999))", "decode(lpad(to_hex(i), 64, '0'), 'hex')")
    };
    write!(
        fill,
        "insert into delivery (id, city, cooperation, sequence, event_hash, submission, relay, place, envelope, \
         standing, create_time, attempts, next_time, problem, receipt) {series} \
         select 'a' || i, 'city' || (i % 20) || '.example', 'cities/feira.example/cooperations/c' || (i / 2000), \
         i / 20 % 100, {bytes}, false, false, i / 20 % 100 * 2, '', 2, 0, 1, 0, '', '' from n"
    )
    .unwrap();
    bed.other_program().await.execute_unprepared(&fill).await.unwrap();
    let rows: Vec<DeliveryRow> = (0..1000)
        .map(|index| {
            let (city, cooperation) = (format!("city{}", index % 20), format!("c{}", index / 20));
            delivery(&format!("b{index:04}"), &city, &cooperation, 200)
        })
        .collect();
    assert_eq!(enqueue(&store, &rows).await, 1000);
    assert_eq!(store.due_deliveries(NOW, 5000).await.unwrap(), rows);
    assert_eq!(store.next_delivery_time().await.unwrap(), Some(NOW));
    let filter = DeliveryFilter { standings: vec![Waiting.into(), Dead.into()], city: None };
    assert_eq!(store.deliveries(&filter, 5000, None).await.unwrap(), rows);
    let depths = store.delivery_depths().await.unwrap();
    assert!(depths.len() == 20 && depths.iter().all(|depth| (depth.waiting, depth.dead) == (50, 0)), "{depths:?}");
    let reaches = store.reaches(&of("c7")).await.unwrap();
    assert!(reaches.len() == 20 && reaches.iter().all(|reach| reach.received_sequence == 99), "{reaches:?}");
}
