use isopolity_domain::{record, sight::Sight};
use isopolity_proto::{federation::Question, options::Audience, registry::Partnership};

use super::support::{Desk, asking, ids, score, texts, titled};

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
