use bytes::Bytes;
use isopolity_domain::{
    CityId,
    feed::{Publication, PublishedRecord},
};
use isopolity_proto::options::Audience;
use tokio::{sync::watch, task::JoinSet};

use super::bed::{Bed, name, on_both_databases};
use crate::Store;

on_both_databases!(
    the_feed_begins_before_the_first_sequence,
    sequences_have_no_gaps_and_appear_in_order,
    sequences_that_were_not_committed_are_given_again,
    a_publication_takes_the_place_of_the_former_one,
    what_is_withdrawn_stays_in_the_feed_without_records,
    the_feed_is_read_in_pages,
    the_feed_goes_on_after_a_restart,
    many_resources_are_published_at_once,
);

fn shared_with() -> Vec<CityId> {
    ["dakar.example", "praia.example"].map(|city| city.parse().unwrap()).to_vec()
}

fn publication(sequence: i64, id: &str, audiences: &[Audience]) -> Publication {
    let record = |audience: &Audience| PublishedRecord {
        audience: *audience,
        cities: if *audience == Audience::Shared { shared_with() } else { Vec::new() },
        envelope: Bytes::from(format!("{id} {sequence} {}", audience.as_str_name())),
    };
    Publication {
        sequence,
        name: name(id).to_string(),
        kind: "partnership".into(),
        records: audiences.iter().map(record).collect(),
    }
}

/// Publishes one resource, and says its sequence.
async fn publish(store: &Store, id: &str, audiences: &[Audience]) -> i64 {
    let mut tx = store.begin("test").await.unwrap();
    let sequence = tx.next_positions(1).await.unwrap().sequence;
    tx.publish(&[publication(sequence, id, audiences)]).await.unwrap();
    tx.commit().await.unwrap();
    sequence
}

fn sequences(publications: &[Publication]) -> Vec<i64> {
    publications.iter().map(|one| one.sequence).collect()
}

async fn the_feed_begins_before_the_first_sequence(bed: Bed) {
    let store = bed.store().await;
    let head = store.feed_head().await.unwrap();
    assert_eq!((head.sequence, head.epoch.len()), (0, 36));
    assert!(store.feed_after(0, 10).await.unwrap().is_empty());
    assert_eq!(store.published_count().await.unwrap(), 0);
    assert_eq!(store.publication(&name("a")).await.unwrap(), None);
}

async fn sequences_have_no_gaps_and_appear_in_order(bed: Bed) {
    // Two stores are two processes to each other.
    let stores = [bed.store().await, bed.store().await];
    let (done, reading) = watch::channel(false);
    let reader = {
        let store = stores[0].clone();
        tokio::spawn(async move {
            let mut seen = 0;
            loop {
                let last_look = *reading.borrow();
                let feed = sequences(&store.feed_after(0, 10_000).await.unwrap());
                let end = i64::try_from(feed.len()).unwrap();
                assert_eq!(feed, (1..=end).collect::<Vec<_>>(), "a later sequence was seen before an earlier one");
                assert!(end >= seen);
                seen = end;
                if last_look {
                    return seen;
                }
            }
        })
    };
    let mut writers = JoinSet::new();
    for writer in 0..8_usize {
        let store = stores[writer % 2].clone();
        writers.spawn(async move {
            let mut committed = 0;
            for round in 0..12_i64 {
                let mut tx = store.begin("test").await.unwrap();
                let count = 1 + round % 3;
                let first = tx.next_positions(count).await.unwrap().sequence;
                let publications: Vec<_> = (0..count)
                    .map(|at| publication(first + at, &format!("w{writer}-{round}-{at}"), &[Audience::Public]))
                    .collect();
                tx.publish(&publications).await.unwrap();
                // Every fourth is given up.
                if round % 4 == 3 {
                    drop(tx);
                } else {
                    tx.commit().await.unwrap();
                    committed += count;
                }
            }
            committed
        });
    }
    let committed: i64 = writers.join_all().await.into_iter().sum();
    done.send(true).unwrap();
    assert_eq!(reader.await.unwrap(), committed);
    assert_eq!(stores[1].feed_head().await.unwrap().sequence, committed);
}

async fn sequences_that_were_not_committed_are_given_again(bed: Bed) {
    let store = bed.store().await;
    let mut tx = store.begin("test").await.unwrap();
    let epoch = store.feed_head().await.unwrap().epoch;
    for (count, first) in [(3, 1), (0, 4), (1, 4), (-7, 5), (2, 5)] {
        let position = tx.next_positions(count).await.unwrap();
        assert_eq!((position.sequence, &position.epoch), (first, &epoch));
    }
    drop(tx);
    assert_eq!(publish(&store, "a", &[]).await, 1);
}

async fn a_publication_takes_the_place_of_the_former_one(bed: Bed) {
    let store = bed.store().await;
    publish(&store, "a", &[Audience::Public, Audience::Internal]).await;
    publish(&store, "b", &[Audience::Public]).await;
    publish(&store, "a", &[Audience::Federation]).await;
    let feed = store.feed_after(0, 10).await.unwrap();
    assert_eq!(feed, [publication(2, "b", &[Audience::Public]), publication(3, "a", &[Audience::Federation])]);
    assert_eq!(store.publication(&name("a")).await.unwrap().as_ref(), feed.last());
    assert_eq!(store.published_count().await.unwrap(), 2);
}

async fn what_is_withdrawn_stays_in_the_feed_without_records(bed: Bed) {
    let store = bed.store().await;
    publish(&store, "a", &[Audience::Internal, Audience::Public]).await;
    // The widest audience comes first, however the records were given.
    let audiences = [Audience::Public, Audience::Internal];
    assert_eq!(store.publication(&name("a")).await.unwrap(), Some(publication(1, "a", &audiences)));
    publish(&store, "a", &[]).await;
    assert_eq!(store.feed_after(0, 10).await.unwrap(), [publication(2, "a", &[])]);
    assert_eq!(store.publication(&name("a")).await.unwrap(), Some(publication(2, "a", &[])));
    assert_eq!(store.published_count().await.unwrap(), 0);
}

async fn the_feed_is_read_in_pages(bed: Bed) {
    let store = bed.store().await;
    for id in ["c", "a", "d", "b"] {
        publish(&store, id, &[Audience::Public, Audience::Federation, Audience::Shared, Audience::Internal]).await;
    }
    // The limit counts publications, not their records.
    let first = store.feed_after(0, 3).await.unwrap();
    assert_eq!(sequences(&first), [1, 2, 3]);
    assert!(first.iter().all(|one| one.records.len() == 4));
    assert_eq!(sequences(&store.feed_after(3, 3).await.unwrap()), [4]);
    assert!(store.feed_after(4, 3).await.unwrap().is_empty());
    assert_eq!(store.feed_after(0, u64::MAX).await.unwrap().len(), 4);
}

async fn the_feed_goes_on_after_a_restart(bed: Bed) {
    let store = bed.store().await;
    publish(&store, "a", &[Audience::Public]).await;
    let head = store.feed_head().await.unwrap();
    store.close().await;
    let store = bed.store().await;
    assert_eq!(store.feed_head().await.unwrap(), head);
    assert_eq!(publish(&store, "b", &[Audience::Public]).await, 2);
}

async fn many_resources_are_published_at_once(bed: Bed) {
    let store = bed.store().await;
    let all: Vec<_> = (1..=501)
        .map(|sequence| publication(sequence, &format!("n{sequence}"), &[Audience::Public, Audience::Internal]))
        .collect();
    for _ in 0..2 {
        let mut tx = store.begin("test").await.unwrap();
        tx.publish(&all).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(store.feed_after(0, 1_000).await.unwrap(), all);
    assert_eq!(store.published_count().await.unwrap(), 501);
}
