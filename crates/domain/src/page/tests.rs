use std::collections::BTreeSet;

use isopolity_proto::{catalog::Outcome, error::Reason, federation::Envelope};
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::{
    answer::{Answer, AnswerHit, AnswerStart, Effort, Ending, Source},
    feed::Position,
    merge::{Terms, merge},
};

const NOW: OffsetDateTime = datetime!(2013-03-15 12:00 UTC);
/// Cities whose names are not in the order of their resource names as bytes.
const CITIES: [&str; 6] = ["a.b", "a.b-c", "a.b.c", "b.example", "c.example", "d.example"];

/// How a city behaves for one page.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Well,
    Silent,
    /// Breaks off after so many hits.
    BreaksAfter(usize),
    /// Sends a hit twice.
    Lies,
    Refuses(Reason),
}

fn id(city: usize) -> CityId {
    CITIES[city].parse().unwrap()
}

/// What a city holds: names with their scores.
fn records(city: usize, held: &[(u8, u8)]) -> Vec<AnswerHit> {
    let mut hits: Vec<_> = held
        .iter()
        .map(|(number, score)| AnswerHit {
            key: Some(SortKey::Score(f32::from(*score))),
            name: format!("cities/{}/partnerships/p{number}", CITIES[city]),
            envelope: Envelope::default(),
        })
        .collect();
    hits.sort_by(|one, other| {
        let key = |hit: &AnswerHit| hit.key.clone().unwrap();
        key(one).better_first(&key(other)).then_with(|| one.name.cmp(&other.name))
    });
    hits
}

fn answer(city: usize, held: &[AnswerHit], after: Option<&After>, each: usize, manner: Manner) -> Answer {
    let follows = |hit: &&AnswerHit| after.is_none_or(|after| after.is_before(hit.key.as_ref().unwrap(), &hit.name));
    let mut hits: Vec<AnswerHit> = held.iter().filter(follows).take(each).cloned().collect();
    let position = Position { epoch: "e".into(), sequence: 1 };
    let total = i64::try_from(held.len()).unwrap();
    let mut start = Some(AnswerStart { total, records: total, position, ..Default::default() });
    let mut ending = Ending::fault(Outcome::TimedOut, Reason::DeadlineExceeded, "late");
    match manner {
        Manner::Well => ending = Ending::Complete,
        Manner::Silent => (start, hits) = (None, Vec::new()),
        Manner::BreaksAfter(count) => hits.truncate(count),
        Manner::Lies => hits.extend(hits.first().cloned()),
        Manner::Refuses(reason) => {
            (start, hits) = (None, Vec::new());
            ending = Ending::fault(Outcome::Refused, reason, "no");
        }
    }
    let (took, records_before, effort) = (std::time::Duration::ZERO, 0, Effort::default());
    Answer { city: id(city), source: Source::Live, took, start, hits, ending, records_before, effort }
}

fn page(federation: &[Vec<AnswerHit>], state: &PageState, limit: usize, manner: impl Fn(usize) -> Manner) -> Merged {
    let cities: Vec<CityId> = (0..federation.len()).map(id).collect();
    let after = state.after(&cities);
    let each = limit + 1;
    let answers = federation
        .iter()
        .enumerate()
        .map(|(city, held)| answer(city, held, after.get(&id(city)), each, manner(city)))
        .collect();
    merge(answers, &Terms { each, after, omit_records: true, ..Terms::new(SearchOrder::Relevance, limit) })
}

fn begin() -> PageState {
    PageState::new(SearchOrder::Relevance, None, NOW)
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![
        3 => Just(Manner::Well),
        1 => Just(Manner::Silent),
        2 => (0_usize..5).prop_map(Manner::BreaksAfter),
        1 => Just(Manner::Lies),
        1 => Just(Manner::Refuses(Reason::Overloaded)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn every_hit_comes_exactly_once_whoever_fails_between_and_those_of_the_others_in_order(
        held in proptest::collection::vec(
            proptest::collection::btree_map(any::<u8>(), 0_u8..4, 0..14).prop_map(|held| held.into_iter().collect::<Vec<_>>()),
            1..=6,
        ),
        limit in 1_usize..9,
        // For each of the first pages, how each city behaves. The first city always answers.
        course in proptest::collection::vec(proptest::collection::vec(manners(), 6), 0..8),
    ) {
        let federation: Vec<_> = held.iter().enumerate().map(|(city, held)| records(city, held)).collect();
        let always: BTreeSet<String> = (0..federation.len())
            .filter(|city| *city == 0 || course.iter().all(|page| matches!(page[*city], Manner::Well)))
            .map(|city| CITIES[city].to_owned())
            .collect();
        let mut state = Some(begin());
        let mut came: Vec<(f32, CityId, String)> = Vec::new();
        for number in 0.. {
            prop_assert!(number < 200, "it has an end");
            let Some(before) = state else { break };
            // What is kept survives a restart.
            let before = PageState::decode(&before.encode()).unwrap();
            let page = page(&federation, &before, limit, |city| match course.get(number) {
                Some(manners) if city > 0 => manners[city],
                _ => Manner::Well,
            });
            prop_assert!(page.hits.len() <= limit);
            state = before.next(&page, NOW);
            came.extend(page.hits.into_iter().map(|hit| {
                let SortKey::Score(score) = hit.key else { unreachable!() };
                (score, hit.city, hit.name)
            }));
        }
        let mut names: Vec<&str> = came.iter().map(|(_, _, name)| name.as_str()).collect();
        names.sort_unstable();
        let mut expected: Vec<&str> = federation.iter().flatten().map(|hit| hit.name.as_str()).collect();
        expected.sort_unstable();
        prop_assert_eq!(names, expected);
        let reliable: Vec<_> = came.iter().filter(|(_, city, _)| always.contains(city.as_str())).collect();
        let in_order = reliable.is_sorted_by(|one, other| {
            other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)).then_with(|| one.2.cmp(&other.2)).is_lt()
        });
        prop_assert!(in_order);
    }
}

#[test]
fn a_page_that_ends_with_the_last_hit_is_the_last() {
    let federation = [records(0, &[(1, 3), (2, 2)]), records(1, &[(1, 1)])];
    let well = |_: usize| Manner::Well;
    let whole = page(&federation, &begin(), 3, well);
    assert_eq!((whole.hits.len(), begin().next(&whole, NOW)), (3, None));
    let first = page(&federation, &begin(), 2, well);
    let second = begin().next(&first, NOW).unwrap();
    let rest = page(&federation, &second, 2, well);
    assert_eq!((rest.hits.len(), rest.total), (1, 3));
    assert_eq!(second.next(&rest, NOW), None);
}

#[test]
fn a_city_that_refuses_for_good_does_not_keep_a_list_going() {
    let federation = [records(0, &[(1, 3)]), records(1, &[(1, 1)])];
    for (reason, goes_on) in [(Reason::PeerNotApproved, false), (Reason::Overloaded, true)] {
        let manner = |city| if city == 1 { Manner::Refuses(reason) } else { Manner::Well };
        let page = page(&federation, &begin(), 5, manner);
        assert_eq!(begin().next(&page, NOW).is_some(), goes_on, "{reason:?}");
    }
}

#[test]
fn a_city_that_joins_between_pages_goes_on_where_the_others_do() {
    let federation = [records(0, &[(1, 3), (2, 1), (3, 1)])];
    let first = page(&federation, &begin(), 2, |_| Manner::Well);
    let state = begin().next(&first, NOW).unwrap();
    let joined = [federation[0].clone(), records(1, &[(1, 2), (2, 1), (3, 0)])];
    let second = page(&joined, &state, 9, |_| Manner::Well);
    let names: Vec<&str> = second.hits.iter().map(|hit| hit.name.as_str()).collect();
    // What would have come before the end of the first page does not come.
    assert_eq!(names, ["cities/a.b/partnerships/p3", "cities/a.b-c/partnerships/p2", "cities/a.b-c/partnerships/p3"]);
}

#[test]
fn a_place_is_another_point_for_cities_before_and_after() {
    let place = Place { key: SortKey::Score(1.0), city: id(1), name: "n".into() };
    let after = |city| place.clone().among(&id(city));
    assert_eq!((after(0).key_taken, after(0).name.as_str()), (true, ""));
    assert_eq!((after(1).key_taken, after(1).name.as_str()), (false, "n"));
    assert_eq!((after(2).key_taken, after(2).name.as_str()), (false, ""));
}

#[test]
fn a_state_with_a_thousand_cities_is_small_and_knows_their_epochs() {
    let mut state = begin();
    state.reached = Some(Place { key: SortKey::Score(1.0), city: id(1), name: "n".repeat(80) });
    for number in 0..1_000 {
        state.epochs.insert(fingerprint(&format!("city{number}.example")), fingerprint("e"));
    }
    let bytes = state.encode();
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    let read = PageState::decode(&bytes).unwrap();
    assert_eq!(read, state);
    let city: CityId = "city7.example".parse().unwrap();
    assert!(read.was_restored(&city, "f") && !read.was_restored(&city, "e"));
    assert!(!read.was_restored(&id(1), "e"), "nothing is known of it");
    assert!(!read.is_expired(NOW + GOOD_FOR) && read.is_expired(NOW + GOOD_FOR + Duration::SECOND));
}

#[test]
fn bytes_that_hold_no_state_are_refused() {
    for bytes in [&b""[..], b"\x08\x01", b"\xff\xff", &begin().encode()[1..]] {
        assert_eq!(PageState::decode(bytes), Err(PageTokenError), "{bytes:?}");
    }
}
