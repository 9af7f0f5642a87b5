//! Merging while answers come.

use super::*;
use crate::answer::AnswerEnd;

fn id(city: &str) -> CityId {
    city.parse().unwrap()
}

fn terms(limit: usize) -> Terms {
    Terms::new(SearchOrder::Relevance, limit)
}

fn start(total: i64) -> AnswerStart {
    AnswerStart { total, records: 10, ..Default::default() }
}

fn end(ending: Ending) -> AnswerEnd {
    AnswerEnd { took: Duration::from_millis(5), ending, records_before: 7, effort: Effort::default() }
}

fn two(limit: usize) -> (Merger, CityId, CityId) {
    let (esch, feira) = (id("esch.example"), id("feira.example"));
    (Merger::new([esch.clone(), feira.clone()], terms(limit)), esch, feira)
}

fn next_id(merger: &mut Merger) -> String {
    match merger.take_next() {
        Next::Hit(hit) => hit.name.rsplit('/').next().unwrap().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_hit_is_given_out_only_when_no_city_can_have_a_better_one() {
    let (mut merger, esch, feira) = two(9);
    assert_eq!(merger.take_next(), Next::Waiting(vec![esch.clone(), feira.clone()]));
    merger.start(&esch, start(2)).unwrap();
    merger.hit(&esch, hit("esch.example", "x", 5)).unwrap();
    assert_eq!(merger.take_next(), Next::Waiting(vec![feira.clone()]));
    let preview: Vec<_> = merger.preview(25).into_iter().map(|hit| hit.name.as_str()).collect();
    assert_eq!((preview, merger.total()), (vec!["cities/esch.example/partnerships/x"], 2));
    merger.start(&feira, start(1)).unwrap();
    merger.hit(&feira, hit("feira.example", "a", 9)).unwrap();
    assert_eq!(next_id(&mut merger), "a");
    // Another one of this city could still be better than what the first has.
    assert_eq!(merger.take_next(), Next::Waiting(vec![feira.clone()]));
    merger.end(&feira, end(Ending::Complete)).unwrap();
    assert_eq!(next_id(&mut merger), "x");
    merger.hit(&esch, hit("esch.example", "y", 5)).unwrap();
    assert_eq!(next_id(&mut merger), "y");
    merger.end(&esch, end(Ending::Complete)).unwrap();
    assert_eq!(merger.take_next(), Next::Done);
    let whole = merger.finish();
    assert_eq!((whole.total, whole.coverage.summary.as_str()), (3, "2 of 2 cities, 100 % of known records"));
}

#[test]
fn a_breach_after_hits_were_given_out_counts_them_and_drops_the_rest() {
    let (mut merger, esch, feira) = two(9);
    merger.start(&esch, start(0)).unwrap();
    merger.end(&esch, end(Ending::Complete)).unwrap();
    merger.start(&feira, start(4)).unwrap();
    for (name, score) in [("a", 9), ("b", 5), ("c", 3)] {
        merger.hit(&feira, hit("feira.example", name, score)).unwrap();
    }
    assert_eq!(next_id(&mut merger), "a");
    let breach = merger.hit(&feira, hit("feira.example", "d", 4)).unwrap_err();
    assert_eq!(breach.to_string(), "is not in order at hit 4");
    assert_eq!(merger.take_next(), Next::Done, "what was queued is dropped");
    assert!(!merger.wants(&feira) && !merger.is_open(&feira));
    merger.hit(&feira, hit("feira.example", "e", 1)).unwrap();
    merger.end(&feira, end(Ending::Complete)).unwrap();
    let whole = merger.finish();
    let feira = &whole.outcomes[1];
    assert_eq!((feira.outcome(), feira.hits, feira.total), (Outcome::Invalid, 1, 0));
    assert!(feira.took.is_some());
    assert_eq!((whole.total, whole.coverage.records_known), (0, 17));
}

#[test]
fn a_city_that_breaks_off_keeps_its_place_in_the_order() {
    for (fault_outcome, expected, outcome, hits) in [
        (Outcome::TimedOut, "b", Outcome::Partial, 2),
        (Outcome::Refused, "b", Outcome::Partial, 2),
        (Outcome::Invalid, "Done", Outcome::Invalid, 1),
    ] {
        let (mut merger, esch, feira) = two(9);
        merger.end(&esch, end(fault(Outcome::RuledOut))).unwrap();
        merger.start(&feira, start(4)).unwrap();
        merger.hit(&feira, hit("feira.example", "a", 9)).unwrap();
        merger.hit(&feira, hit("feira.example", "b", 5)).unwrap();
        assert_eq!(next_id(&mut merger), "a");
        merger.end(&feira, end(fault(fault_outcome))).unwrap();
        assert_eq!(next_id(&mut merger), expected);
        let whole = merger.finish();
        assert_eq!((whole.outcomes[1].outcome(), whole.outcomes[1].hits), (outcome, hits));
        assert_eq!(whole.coverage.cities_answered, 1, "what a digest rules out is answered");
    }
}

#[test]
fn a_whole_answer_ends_the_others_without_blame() {
    let (mut merger, esch, feira) = two(2);
    for (city, name, scores) in [(&esch, "esch.example", [9, 2]), (&feira, "feira.example", [5, 1])] {
        merger.start(city, start(50)).unwrap();
        merger.hit(city, hit(name, "a", scores[0])).unwrap();
        merger.hit(city, hit(name, "b", scores[1])).unwrap();
    }
    assert_eq!((next_id(&mut merger), next_id(&mut merger), merger.take_next()), ("a".into(), "a".into(), Next::Done));
    merger.stop(&esch, Duration::from_millis(5), 7, Effort::default());
    let whole = merger.finish();
    let outcomes: Vec<_> = whole.outcomes.iter().map(|city| (city.outcome(), city.hits, city.total)).collect();
    assert_eq!(outcomes, [(Outcome::Answered, 1, 50), (Outcome::Unreachable, 1, 50)], "the other was just left alone");
}

#[test]
fn without_hits_to_give_out_the_totals_are_waited_for() {
    let (mut merger, esch, feira) = two(0);
    merger.start(&esch, start(3)).unwrap();
    assert_eq!(merger.take_next(), Next::Waiting(vec![feira.clone()]));
    merger.start(&feira, start(4)).unwrap();
    assert_eq!((merger.take_next(), merger.total()), (Next::Done, 7));
    assert!(merger.preview(25).is_empty());
}

#[test]
fn no_more_is_wanted_of_a_city_than_can_be_kept() {
    let (mut merger, esch, feira) = two(1_000);
    merger.start(&feira, start(1_000)).unwrap();
    let mut sent = 0;
    while merger.wants(&feira) {
        sent += 1;
        merger.hit(&feira, hit("feira.example", &format!("p{sent:04}"), 1)).unwrap();
    }
    assert_eq!(sent, 64);
    merger.end(&esch, end(fault(Outcome::Unreachable))).unwrap();
    assert_eq!(next_id(&mut merger), "p0001");
    assert!(merger.wants(&feira), "there is room again");
    assert!(!merger.wants(&esch) && !merger.wants(&id("turin.example")));
}

#[test]
fn hits_of_an_earlier_page_are_a_breach() {
    let after = crate::answer::After {
        key: SortKey::Score(3.0),
        name: "cities/feira.example/partnerships/b".into(),
        key_taken: false,
    };
    let ask = |from: usize| {
        let mut late = feira();
        late.hits.drain(..from);
        let terms = Terms { after: BTreeMap::from([(late.city.clone(), after.clone())]), ..terms(4) };
        merge(vec![late], &terms)
    };
    let whole = ask(2);
    assert_eq!((ids(&whole), whole.total), (vec!["c"], 3), "fewer come than match in all");
    let whole = ask(1);
    assert_eq!(whole.outcomes[0].outcome(), Outcome::Invalid);
    assert_eq!(whole.outcomes[0].reason, "sent hit 1 again, which was on an earlier page");
}

#[test]
fn records_can_be_omitted() {
    let mut answer = feira();
    for hit in &mut answer.hits {
        hit.envelope = Envelope::default();
    }
    let whole = merge(vec![answer], &Terms { omit_records: true, ..terms(4) });
    assert_eq!((ids(&whole), whole.outcomes[0].outcome()), (vec!["a", "b", "c"], Outcome::Answered));
}

#[test]
fn start_days_and_titles_are_orders_too() {
    let keyed = |order, keys: [SortKey; 3]| {
        let mut answer = feira();
        for (hit, key) in answer.hits.iter_mut().zip(keys) {
            hit.key = Some(key);
        }
        merge(vec![answer], &Terms::new(order, 4)).outcomes[0].outcome()
    };
    let days = |days: [i32; 3]| days.map(SortKey::StartDay);
    let titles = |titles: [&str; 3]| titles.map(|title| SortKey::Title(title.into()));
    assert_eq!(keyed(SearchOrder::StartDate, days([9, 9, crate::answer::NO_START])), Outcome::Answered);
    assert_eq!(keyed(SearchOrder::StartDate, days([9, 10, 11])), Outcome::Invalid);
    assert_eq!(keyed(SearchOrder::Title, titles(["", "cork", "olive"])), Outcome::Answered);
    assert_eq!(keyed(SearchOrder::Title, titles(["", "olive", "cork"])), Outcome::Invalid);
    assert_eq!(keyed(SearchOrder::Title, days([9, 9, 9])), Outcome::Invalid);
}

proptest! {
    /// Parts come in any order; each city's own order is kept.
    #[test]
    fn it_makes_no_difference_in_which_order_parts_come(
        federation in federations(),
        limit in 0_usize..20,
        turns in proptest::collection::vec(any::<proptest::sample::Index>(), 0..120),
        broken in proptest::collection::vec(proptest::option::weighted(0.3, 0_usize..8), 6),
    ) {
        let answers: Vec<Answer> = federation.iter().enumerate().map(|(number, records)| {
            let mut answer = answer_of(number, records, limit);
            if let Some(at) = broken[number] {
                answer.hits.truncate(at);
                answer.ending = fault(Outcome::TimedOut);
            }
            answer
        }).collect();
        let whole = merge(answers.clone(), &terms(limit));
        let mut merger = Merger::new(answers.iter().map(|answer| answer.city.clone()), terms(limit));
        let mut streams: Vec<_> = answers.into_iter().map(|answer| {
            let hits: std::collections::VecDeque<_> = answer.hits.into();
            (answer.city, answer.start, hits, Some(answer.ending))
        }).collect();
        let mut hits = Vec::new();
        let mut turns = turns.into_iter();
        loop {
            let waiting = match merger.take_next() {
                Next::Hit(hit) => {
                    hits.push(*hit);
                    continue;
                }
                Next::Done => break,
                Next::Waiting(waiting) => waiting,
            };
            let city = turns.next().map_or(&waiting[0], |turn| turn.get(&waiting));
            let (_, start, queue, ending) = streams.iter_mut().find(|(id, ..)| id == city).unwrap();
            if let Some(start) = start.take() {
                merger.start(city, start).unwrap();
            } else if let Some(hit) = queue.pop_front() {
                merger.hit(city, hit).unwrap();
            } else {
                merger.end(city, end(ending.take().unwrap())).unwrap();
            }
        }
        // Whoever reads on although the answer is whole learns how each city ended.
        for (city, start, queue, ending) in streams {
            if let Some(start) = start {
 merger.start(&city, start).unwrap();
}
            for hit in queue {
 merger.hit(&city, hit).unwrap();
}
            if let Some(ending) = ending {
 merger.end(&city, end(ending)).unwrap();
}
        }
        prop_assert_eq!(&hits, &whole.hits);
        prop_assert_eq!(merger.finish(), Merged { hits: Vec::new(), ..whole });
    }
}
