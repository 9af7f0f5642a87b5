use std::time::Duration;

use bytes::Bytes;
use isopolity_domain::{
    feed::{Position, Publication, PublishedRecord},
    record,
    sight::Sight,
};
use isopolity_proto::{
    federation::{Question, Record},
    options::Audience,
};
use prost::Message as _;
use prost_types::Any;

use super::support::{Desk, asked, at, full, publication, titled};
use crate::Catalog;

#[test]
fn a_later_publication_replaces_the_earlier_also_within_one_commit() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    desk.publish(&[
        ("partnerships/one", Audience::Public, titled("cork")),
        ("partnerships/one", Audience::Public, titled("harbour")),
    ]);
    assert!(desk.ids_of("bakery").is_empty() && desk.ids_of("cork").is_empty());
    assert_eq!(desk.ids_of("harbour"), ["one"]);
    assert_eq!(desk.catalog.records(Sight::of(Audience::Internal)).unwrap(), 1);
}

#[test]
fn what_is_withdrawn_is_gone() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    desk.publish_open("partnerships/two", titled("bakery"));
    desk.withdraw("partnerships/one");
    assert_eq!(desk.ids_of("bakery"), ["two"]);
    desk.withdraw("partnerships/never");
    assert_eq!(desk.catalog.records(Sight::of(Audience::Public)).unwrap(), 1);
}

#[test]
fn it_goes_on_where_it_was_when_it_is_opened_again() {
    let mut desk = Desk::new();
    assert_eq!(desk.catalog.position(), Position::default());
    desk.publish_open("partnerships/one", titled("bakery"));
    // Superseded sequences may leave the end of the feed beyond its last publication.
    desk.catalog.apply(&[], at(9)).unwrap();
    drop(desk.catalog);
    desk.catalog = Catalog::open(desk.folder.path()).unwrap();
    assert_eq!(desk.catalog.position(), at(9));
    assert_eq!(desk.search(&Question::default()).position, at(9));
    assert_eq!(desk.ids_of("bakery"), ["one"]);
    desk.sequence = 9;
    desk.publish_open("partnerships/two", titled("bakery"));
    assert_eq!(desk.ids_of("bakery"), ["one", "two"]);
}

#[test]
fn it_never_goes_back_within_an_epoch() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    desk.publish_open("partnerships/one", titled("cork"));
    let outdated = publication("partnerships/one", Audience::Public, &titled("bakery"), 1);
    desk.catalog.apply(std::slice::from_ref(&outdated), at(1)).unwrap();
    desk.catalog.apply(&[outdated], at(3)).unwrap();
    assert_eq!(desk.catalog.position(), at(3));
    assert_eq!((desk.ids_of("bakery").len(), desk.ids_of("cork").len()), (0, 1));
}

#[test]
fn a_new_epoch_clears_the_index() {
    let mut desk = Desk::new();
    for id in ["a", "b", "c"] {
        desk.publish_open(&format!("partnerships/{id}"), titled("bakery"));
    }
    let begun = publication("partnerships/d", Audience::Public, &titled("bakery"), 1);
    let to = Position { epoch: "e2".into(), sequence: 1 };
    desk.catalog.apply(&[begun], to.clone()).unwrap();
    assert_eq!(desk.catalog.position(), to);
    assert_eq!(desk.ids_of("bakery"), ["d"]);
    let empty = Position { epoch: "e3".into(), sequence: 0 };
    desk.catalog.apply(&[], empty.clone()).unwrap();
    assert_eq!((desk.catalog.position(), desk.catalog.records(Sight::of(Audience::Internal)).unwrap()), (empty, 0));
}

#[test]
fn a_record_that_can_not_be_read_does_not_hold_up_the_others() {
    let desk = Desk::new();
    let broken = Publication {
        sequence: 1,
        name: full("partnerships/broken"),
        kind: "partnership".into(),
        records: vec![PublishedRecord {
            audience: Audience::Public,
            cities: Vec::new(),
            envelope: Bytes::from_static(b"\xff"),
        }],
    };
    let good = publication("partnerships/good", Audience::Public, &titled("bakery"), 2);
    desk.catalog.apply(&[broken, good], at(2)).unwrap();
    assert_eq!(desk.ids(&Question::default()), ["good"]);
}

#[test]
fn a_resource_of_a_newer_type_is_found_by_its_kind() {
    let desk = Desk::new();
    let resource = Any { type_url: "type.googleapis.com/isopolity.registry.v9.Fair".into(), value: vec![1] };
    let record = Record { resource: Some(resource), ..Record::default() };
    let key = isopolity_domain::envelope::SigningKey::from_bytes(&[7; 32]);
    let envelope =
        isopolity_domain::envelope::seal(isopolity_domain::envelope::RECORD, Bytes::from(record.encode_to_vec()), &key);
    let fair = Publication {
        sequence: 1,
        name: full("fairs/one"),
        kind: "fair".into(),
        records: vec![PublishedRecord {
            audience: Audience::Public,
            cities: Vec::new(),
            envelope: Bytes::from(envelope.encode_to_vec()),
        }],
    };
    desk.catalog.apply(&[fair], at(1)).unwrap();
    let found = desk.search(&Question { kinds: vec!["fair".into()], ..Question::default() });
    assert_eq!((found.total, &found.hits[0].envelope), (1, &envelope));
}

#[test]
fn a_search_that_has_begun_keeps_its_own_position() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    let mut before = desk.catalog.ask(&asked(&Question::default(), Audience::Public, 10)).unwrap();
    desk.publish_open("partnerships/one", titled("cork"));
    desk.publish_open("partnerships/two", titled("bakery"));
    assert_eq!((before.total, before.position), (1, at(1)));
    let record = record::read(&before.hits.next_batch(10).unwrap()[0].envelope).unwrap();
    assert_eq!(record.sequence, 1);
    assert_eq!(desk.search(&Question::default()).position, at(3));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_position_ends_when_it_is_reached() {
    let mut desk = Desk::new();
    let catalog = desk.catalog.clone();
    let (begun, waits) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        begun.send(()).unwrap();
        catalog.reached(&at(2), Duration::from_hours(1)).await
    });
    waits.await.unwrap();
    assert!(!waiting.is_finished());
    desk.publish_open("partnerships/one", titled("bakery"));
    desk.publish_open("partnerships/two", titled("bakery"));
    assert!(waiting.await.unwrap());
    assert!(desk.catalog.reached(&at(1), Duration::ZERO).await, "what is past is reached");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_position_ends_in_time() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    assert!(!desk.catalog.reached(&at(2), Duration::from_secs(5)).await);
    let elsewhere = Position { epoch: "e2".into(), sequence: 1 };
    assert!(!desk.catalog.reached(&elsewhere, Duration::from_secs(5)).await);
}

#[test]
fn what_was_published_after_a_sequence_comes_in_its_order() {
    let mut desk = Desk::new();
    for (id, title) in [("z", "bakery"), ("y", "cork"), ("a", "bakery"), ("m", "bakery")] {
        desk.publish_open(&format!("partnerships/{id}"), titled(title));
    }
    desk.publish(&[("partnerships/inside", Audience::Internal, titled("bakery"))]);
    desk.publish_open("partnerships/z", titled("bakery again"));
    let published = |after, limit| {
        let question = Question { text: "bakery".into(), ..Question::default() };
        let (published, position) =
            desk.catalog.published_after(&question, Sight::of(Audience::Public), after, limit).unwrap();
        assert_eq!(position, at(6));
        published
            .into_iter()
            .map(|(sequence, name, envelope)| {
                let record = record::read(&envelope).unwrap();
                assert_eq!((record.sequence, &record.name), (sequence, &name));
                (sequence, name.rsplit('/').next().unwrap().to_owned())
            })
            .collect::<Vec<_>>()
    };
    let all = [(3, "a".to_owned()), (4, "m".to_owned()), (6, "z".to_owned())];
    assert_eq!(published(0, 10), all);
    assert_eq!(published(0, 2), all[..2]);
    assert_eq!(published(3, 10), all[1..]);
    assert!(published(6, 10).is_empty());
}

#[tokio::test]
async fn tidying_changes_how_many_segments_there_are_and_nothing_that_is_found() {
    let mut desk = Desk::new();
    for number in 0..7 {
        desk.publish_open(&format!("partnerships/p{number}"), titled("bakery"));
    }
    desk.withdraw("partnerships/p3");
    let segments = |desk: &Desk| desk.catalog.snapshot().segments.len();
    let (before, position) = (desk.ids_of("bakery"), desk.catalog.position());
    assert!(segments(&desk) > 2 && before.len() == 6);
    assert!(desk.catalog.tidy().await.unwrap());
    assert_eq!(
        (segments(&desk), desk.ids_of("bakery"), desk.catalog.position()),
        (1, before.clone(), position.clone())
    );
    assert!(!desk.catalog.tidy().await.unwrap(), "nothing is left to tidy");
    // It is the same index for who opens it, and takes what is published next.
    drop(desk.catalog);
    desk.catalog = Catalog::open(desk.folder.path()).unwrap();
    assert_eq!((desk.ids_of("bakery"), desk.catalog.position()), (before, position));
    desk.publish_open("partnerships/later", titled("bakery"));
    assert_eq!(desk.ids_of("bakery").len(), 7);
}

#[tokio::test]
async fn what_is_published_while_segments_are_merged_is_found_before_and_after() {
    let mut desk = Desk::new();
    // In one segment with another: one of which nothing is left goes at once, and the merge with it.
    let [first, beside] =
        ["partnerships/p0", "partnerships/beside"].map(|name| (name, Audience::Public, titled("bakery")));
    desk.publish(&[first, beside]);
    for number in 1..5 {
        desk.publish_open(&format!("partnerships/p{number}"), titled("bakery"));
    }
    let merging = desk.catalog.0.begin_tidying().unwrap().unwrap();
    desk.publish_open("partnerships/later", titled("bakery"));
    desk.withdraw("partnerships/p0");
    assert_eq!(desk.ids_of("bakery").len(), 6);
    merging.await.unwrap();
    desk.catalog.0.end_tidying().unwrap();
    let mut found = desk.ids_of("bakery");
    found.sort();
    assert_eq!(found, ["beside", "later", "p1", "p2", "p3", "p4"]);
}

#[tokio::test]
async fn segments_that_were_merged_meanwhile_are_no_fault() {
    let mut desk = Desk::new();
    for number in 0..5 {
        desk.publish_open(&format!("partnerships/p{number}"), titled("bakery"));
    }
    let first = desk.catalog.0.begin_tidying().unwrap().unwrap();
    let second = desk.catalog.0.begin_tidying().unwrap().unwrap();
    first.await.unwrap();
    assert!(matches!(second.await, Err(tantivy::TantivyError::InvalidArgument(_))), "what tidying takes for no fault");
    // They are those of before for the searcher still.
    while desk.catalog.tidy().await.unwrap() {}
    assert_eq!((desk.catalog.snapshot().segments.len(), desk.ids_of("bakery").len()), (1, 5));
}
