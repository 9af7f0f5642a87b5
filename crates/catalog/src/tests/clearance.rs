use isopolity_domain::{CityId, Kind, record, sight::Sight};
use isopolity_proto::{
    federation::Question,
    options::Audience,
    registry::{Participant, Partnership},
};

use super::support::{Desk, answer, asked, asking, ids, score, texts, titled};
use crate::Asked;

const ALL: [Audience; 3] = [Audience::Public, Audience::Federation, Audience::Internal];

/// A title for all, lessons for peers, and a note that only makes the staff's record another one.
fn layered() -> Partnership {
    Partnership { lessons: texts("late permit", "en"), internal_notes: "note".into(), ..titled("bakery") }
}

#[test]
fn each_clearance_finds_what_it_may_see_and_gets_its_own_view() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/layered", layered());
    for (clearance, by_lesson) in ALL.into_iter().zip([0, 1, 1]) {
        let search = |text| desk.search_as(&asking(text), clearance, 10);
        assert_eq!(search("permit").total, by_lesson, "{clearance:?}");
        let found = search("bakery");
        assert_eq!((found.total, found.records), (1, 1), "{clearance:?}");
        assert_eq!(record::read(&found.hits[0].envelope).unwrap().audience(), clearance);
    }
}

#[test]
fn what_is_not_open_is_neither_found_nor_counted() {
    let mut desk = Desk::new();
    desk.publish(&[
        ("partnerships/open", Audience::Public, titled("bakery")),
        ("partnerships/peers", Audience::Federation, titled("bakery peers")),
        ("partnerships/staff", Audience::Internal, titled("bakery staff")),
    ]);
    for (clearance, seen) in ALL.into_iter().zip([1, 2, 3]) {
        let found = desk.search_as(&asking("bakery"), clearance, 10);
        assert_eq!((found.total, found.records), (seen, seen), "{clearance:?}");
        assert_eq!(desk.catalog.records(Sight::of(clearance)).unwrap(), seen);
    }
    assert!(desk.ids_of("staff").is_empty());
    assert_eq!(desk.catalog.records(Sight::of(Audience::Unspecified)).unwrap(), 0);
    assert_eq!(desk.search_as(&Question::default(), Audience::Unspecified, 10).total, 0);
}

#[test]
fn a_score_tells_nothing_about_records_that_the_asker_may_not_see() {
    let (mut plain, mut guarded) = (Desk::new(), Desk::new());
    for desk in [&mut plain, &mut guarded] {
        desk.publish_open("partnerships/a", titled("bakery"));
        desk.publish_open("partnerships/b", titled("cork and bakery"));
    }
    for id in ["c", "d", "e"] {
        let hidden = Partnership { lessons: texts("bakery bakery", "en"), ..titled("bakery of many words more") };
        guarded.publish(&[(&format!("partnerships/{id}"), Audience::Federation, hidden)]);
    }
    let scores =
        |desk: &Desk| desk.search(&asking("bakery")).hits.iter().map(|hit| score(hit.key.clone())).collect::<Vec<_>>();
    assert_eq!(scores(&plain), scores(&guarded));
}

#[test]
fn a_record_that_is_closed_again_is_gone_for_others() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/layered", layered());
    desk.publish(&[("partnerships/layered", Audience::Internal, layered())]);
    assert!(desk.ids_of("bakery").is_empty());
    let staff = desk.search_as(&asking("bakery permit"), Audience::Internal, 10);
    assert_eq!(ids(&staff), ["layered"]);
    assert_eq!(desk.catalog.records(Sight::of(Audience::Federation)).unwrap(), 0);
}

/// A peer that is granted FEDERATION, of these kinds; none: all.
fn peer(id: &str, kinds: &[Kind]) -> Sight {
    let city: CityId = format!("{id}.example").parse().unwrap();
    Sight::of_peer(&city, Audience::Federation, kinds.iter().copied().collect())
}

fn found(desk: &Desk, sight: &Sight, text: &str) -> (i64, i64, Vec<Audience>) {
    let question = asking(text);
    let found = answer(&desk.catalog, &Asked { sight, ..asked(&question, Audience::Public, 10) });
    let views = found.hits.iter().map(|hit| record::read(&hit.envelope).unwrap().audience()).collect();
    (found.total, found.records, views)
}

#[test]
fn a_city_that_is_named_finds_what_is_shared_in_place_of_what_all_peers_find_and_never_both() {
    let mut desk = Desk::new();
    let participant = |audience: Audience| Participant {
        display_names: texts("mill", "en"),
        audience: audience.into(),
        ..Participant::default()
    };
    let shared_with = vec!["praia.example".to_owned()];
    let part = Partnership {
        participants: vec![participant(Audience::Shared)],
        shared_with: shared_with.clone(),
        ..titled("bakery")
    };
    desk.publish(&[
        ("partnerships/part", Audience::Federation, part.clone()),
        ("partnerships/whole", Audience::Shared, Partnership { shared_with, ..titled("bakery alone") }),
    ]);
    let (praia, dakar) = (peer("praia", &[]), peer("dakar", &[]));
    let shared = Audience::Shared;
    assert_eq!(found(&desk, &praia, "bakery"), (2, 2, vec![shared, shared]));
    assert_eq!(found(&desk, &praia, "mill"), (1, 2, vec![shared]));
    assert_eq!(found(&desk, &dakar, "bakery"), (1, 1, vec![Audience::Federation]));
    assert_eq!(found(&desk, &dakar, "mill"), (0, 1, vec![]));
    let words = ["mill", "alone"].map(str::to_owned);
    let counts = |sight: &Sight| {
        let (statistics, _) = desk.catalog.statistics(&words, sight).unwrap();
        let words = statistics.words.iter().map(|word| word.title_records + word.body_records).sum::<i64>();
        (statistics.records, words)
    };
    assert_eq!([counts(&praia), counts(&dakar)], [(2, 2), (1, 0)]);
    // Whoever else asks meanwhile: what is remembered of one sight is not shown to another.
    for number in 0..100 {
        assert_eq!(found(&desk, &peer(&format!("c{number}"), &[Kind::Partnership]), "bakery").0, 1);
    }
    assert_eq!(found(&desk, &praia, "bakery").0, 2);
    // Named no more.
    desk.publish(&[("partnerships/part", Audience::Federation, Partnership { shared_with: Vec::new(), ..part })]);
    assert_eq!(found(&desk, &praia, "mill").0, 0);
    assert_eq!(found(&desk, &praia, "bakery"), (2, 2, vec![Audience::Federation, shared]));
}

#[test]
fn a_kind_that_is_not_seen_counts_nowhere() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/a", titled("bakery"));
    assert_eq!(found(&desk, &peer("praia", &[Kind::Partnership, Kind::Place]), "bakery").0, 1);
    let places = peer("praia", &[Kind::Place]);
    assert_eq!(found(&desk, &places, "bakery"), (0, 0, vec![]));
    assert_eq!(desk.catalog.records(&places).unwrap(), 0);
    let (statistics, _) = desk.catalog.statistics(&["bakery".to_owned()], &places).unwrap();
    assert_eq!((statistics.records, statistics.title_words, statistics.words[0].title_records), (0, 0, 0));
    let time = prost_types::Timestamp::default();
    let digest = desk.catalog.digest(&"feira.example".parse().unwrap(), &places, time).unwrap();
    assert!(digest.facets.iter().all(|facet| facet.values.is_empty()), "{digest:?}");
}
