mod counts;
mod replicas;
mod streams;

use std::time::Duration;

use bytes::Bytes;
use isopolity_proto::{
    catalog::{AllCities, BestEffort, FeedPosition, NamedCities, PartialResponse, partial_response::Accept},
    error::Reason,
    registry::Partnership,
    type_url,
};
use proptest::prelude::*;
use prost::{Message as _, Name as _};
use prost_types::{Any, Timestamp};

use super::*;
use crate::{
    answer::{AnswerHit, AnswerStart, Ending, Source},
    envelope,
    feed::Position,
};

fn envelope_of(record: &Record) -> Envelope {
    let payload = Bytes::from(record.encode_to_vec());
    Envelope { payload, payload_type: envelope::RECORD.into(), signatures: Vec::new() }
}

fn record(city: &str, name: &str, seconds: i64) -> Record {
    let resource = Partnership { update_time: Some(Timestamp { seconds, nanos: 0 }), ..Default::default() };
    Record {
        city: city.into(),
        kind: "partnership".into(),
        name: name.into(),
        resource: Some(Any { type_url: type_url(&Partnership::full_name()), value: resource.encode_to_vec() }),
        ..Default::default()
    }
}

/// A hit with a score; its record was changed as many seconds after 1970.
fn hit(city: &str, id: &str, score: u16) -> AnswerHit {
    let name = format!("cities/{city}/partnerships/{id}");
    let envelope = envelope_of(&record(city, &name, score.into()));
    AnswerHit { key: Some(SortKey::Score(score.into())), name, envelope }
}

fn answer(city: &str, hits: Vec<AnswerHit>) -> Answer {
    let total = i64::try_from(hits.len()).unwrap();
    Answer {
        city: city.parse().unwrap(),
        took: Duration::from_millis(5),
        start: Some(AnswerStart {
            total,
            records: 10,
            position: Position { epoch: "e".into(), sequence: 4 },
            ..Default::default()
        }),
        hits,
        ending: Ending::Complete,
        records_before: 7,
        source: Source::Live,
        effort: Effort::default(),
    }
}

fn feira() -> Answer {
    answer(
        "feira.example",
        vec![hit("feira.example", "a", 9), hit("feira.example", "b", 3), hit("feira.example", "c", 3)],
    )
}

fn fault(outcome: Outcome) -> Ending {
    Ending::fault(outcome, Reason::Connection, "the line broke")
}

fn merged(answers: Vec<Answer>) -> Merged {
    merge(answers, &Terms::new(SearchOrder::Relevance, 4))
}

fn ids(merged: &Merged) -> Vec<&str> {
    merged.hits.iter().map(|hit| hit.name.rsplit('/').next().unwrap()).collect()
}

#[test]
fn hits_come_by_key_then_city_then_name() {
    let kenitra = answer("kenitra.example", vec![hit("kenitra.example", "z", 10), hit("kenitra.example", "y", 3)]);
    let esch = answer("esch.example", vec![hit("esch.example", "x", 3)]);
    let merged = merged(vec![feira(), kenitra, esch]);
    assert_eq!(ids(&merged), ["z", "a", "x", "b"]);
    assert_eq!(merged.total, 6);
    let outcomes: Vec<_> = merged.outcomes.iter().map(|one| (one.city.as_str(), one.hits, one.total)).collect();
    assert_eq!(outcomes, [("feira.example", 2, 3), ("esch.example", 1, 1), ("kenitra.example", 1, 2)]);
    assert_eq!(merged.outcomes[0].position, Some(FeedPosition { epoch: "e".into(), sequence: 4 }));
    assert_eq!(merged.coverage.summary, "3 of 3 cities, 100 % of known records");
}

#[test]
fn update_times_are_those_of_the_records() {
    let timed = |mut answer: Answer, nanos: fn(i128) -> i128| {
        for (hit, second) in answer.hits.iter_mut().zip([9, 3, 3]) {
            hit.key = Some(SortKey::UpdateTime(nanos(second * 1_000_000_000)));
        }
        merge(vec![answer], &Terms::new(SearchOrder::UpdateTime, 4))
    };
    assert_eq!(ids(&timed(feira(), |nanos| nanos)), ["a", "b", "c"]);
    let lie = timed(feira(), |nanos| nanos + 1);
    assert_eq!(lie.outcomes[0].outcome(), Outcome::Invalid);
    assert!(lie.outcomes[0].reason.contains("another update time"), "{}", lie.outcomes[0].reason);
}

#[test]
fn an_answer_that_breaks_the_protocol_is_not_used_and_says_why() {
    type Breach = fn(&mut Answer);
    let breaches: [(Breach, &str); 17] = [
        (|answer| answer.start = None, "did not say how many records match"),
        (|answer| answer.start.as_mut().unwrap().total = -1, "says -1 records match"),
        (|answer| answer.start.as_mut().unwrap().total = 2, "says 2 records match but sent 3"),
        (|answer| answer.start.as_mut().unwrap().total = 9, "says 9 records match but sent 3"),
        (|answer| answer.start.as_mut().unwrap().records = -1, "says it holds -1 records"),
        (
            |answer| answer.hits = ["a", "b", "c", "d", "e"].map(|id| hit("feira.example", id, 3)).into(),
            "sent more than the 4 hits that were asked for",
        ),
        (|answer| answer.hits[1].key = None, "sent hit 2 without a key"),
        (|answer| answer.hits[1].key = Some(SortKey::UpdateTime(0)), "sent hit 2 without a key"),
        (|answer| answer.hits[2] = hit("feira.example", "d", 4), "is not in order at hit 3"),
        (|answer| answer.hits.swap(1, 2), "is not in order at hit 3"),
        (|answer| answer.hits[2] = hit("feira.example", "a", 3), "sent cities/feira.example/partnerships/a twice"),
        (|answer| answer.hits[2] = hit("turin.example", "c", 3), "sent records of turin.example"),
        (|answer| answer.hits[0].name = "boat".into(), "sent hit 1 with a bad name"),
        (|answer| answer.hits[0].envelope.payload_type = "text/plain".into(), "sent hit 1 in a bad envelope"),
        (|answer| answer.hits[0].envelope.payload = Bytes::from_static(b"\xff"), "sent hit 1 in a bad envelope"),
        (|answer| answer.hits[0].envelope = hit("feira.example", "z", 9).envelope, "with another record"),
        (
            |answer| {
                let name = answer.hits[0].name.clone();
                let empty = Record { resource: None, ..record("feira.example", &name, 9) };
                answer.hits[0].envelope = envelope_of(&empty);
            },
            "holds no partnership",
        ),
    ];
    for (breach, expected) in breaches {
        let mut bad = feira();
        breach(&mut bad);
        if bad.hits.len() == 5 {
            bad.start.as_mut().unwrap().total = 5;
        }
        let merged = merged(vec![answer("esch.example", vec![hit("esch.example", "x", 3)]), bad]);
        let outcome = &merged.outcomes[1];
        assert_eq!(
            (outcome.outcome(), outcome.error_reason()),
            (Outcome::Invalid, Reason::AnswerInvalid),
            "{expected}"
        );
        assert!(outcome.reason.contains(expected), "{expected}: {}", outcome.reason);
        assert_eq!((ids(&merged), merged.total, outcome.total), (vec!["x"], 1, 0), "{expected}");
        assert_eq!(merged.coverage.records_known, 17, "{expected}");
    }
}

#[test]
fn a_record_of_another_city_in_an_envelope_of_this_one_is_not_used() {
    let mut bad = feira();
    let name = bad.hits[0].name.clone();
    bad.hits[0].envelope = envelope_of(&record("turin.example", &name, 9));
    assert_eq!(merged(vec![bad]).outcomes[0].outcome(), Outcome::Invalid);
}

#[test]
fn each_ending_gives_its_outcome() {
    let none = || Answer { start: None, hits: Vec::new(), ..feira() };
    let started = || Answer { hits: Vec::new(), ..feira() };
    let with = |answer: Answer, outcome| Answer { ending: fault(outcome), ..answer };
    for (answer, outcome, used, total) in [
        (feira(), Outcome::Answered, 3, 3),
        (answer("feira.example", Vec::new()), Outcome::AnsweredEmpty, 0, 0),
        (with(feira(), Outcome::TimedOut), Outcome::Partial, 3, 3),
        (with(feira(), Outcome::Unreachable), Outcome::Partial, 3, 3),
        (with(started(), Outcome::Partial), Outcome::Partial, 0, 3),
        (with(started(), Outcome::TimedOut), Outcome::TimedOut, 0, 0),
        (with(none(), Outcome::Unreachable), Outcome::Unreachable, 0, 0),
        (with(feira(), Outcome::Invalid), Outcome::Invalid, 0, 0),
        (with(feira(), Outcome::Refused), Outcome::Partial, 3, 3),
        (with(started(), Outcome::Refused), Outcome::Refused, 0, 0),
        (with(none(), Outcome::NotAsked), Outcome::NotAsked, 0, 0),
        (with(none(), Outcome::Suspended), Outcome::Suspended, 0, 0),
        (with(none(), Outcome::Incompatible), Outcome::Incompatible, 0, 0),
        (with(feira(), Outcome::Answered), Outcome::Invalid, 0, 0),
    ] {
        let faulty = answer.ending != Ending::Complete;
        let merged = merged(vec![answer]);
        let city = &merged.outcomes[0];
        assert_eq!((city.outcome(), merged.hits.len(), merged.total), (outcome, used, total));
        assert_eq!(city.reason.as_str(), if faulty { "the line broke" } else { "" }, "{outcome:?}");
        assert_eq!(merged.coverage.records_known, if in_full(outcome) { 10 } else { 7 }, "{outcome:?}");
    }
}

#[test]
fn hits_of_a_broken_answer_are_checked_too() {
    let mut bad = feira();
    bad.hits.swap(0, 1);
    bad.ending = fault(Outcome::TimedOut);
    assert_eq!(merged(vec![bad]).outcomes[0].outcome(), Outcome::Invalid);
}

#[test]
fn a_caller_gets_what_he_requires_or_learns_who_is_missing() {
    let with = |city: &str, outcome| Answer {
        start: None,
        hits: Vec::new(),
        ending: fault(outcome),
        ..answer(city, Vec::new())
    };
    let some = merged(vec![
        feira(),
        answer("esch.example", Vec::new()),
        with("turin.example", Outcome::TimedOut),
        with("x.example", Outcome::NotAsked),
    ]);
    let well = merged(vec![feira(), answer("esch.example", Vec::new()), with("x.example", Outcome::NotAsked)]);
    let deaf = merged(vec![with("feira.example", Outcome::Unreachable), answer("esch.example", Vec::new())]);
    let named = |city: &str| Accept::Named(NamedCities { cities: vec![city.into()] });
    for (merged, accept, missing) in [
        (&some, Accept::BestEffort(BestEffort {}), None),
        (&deaf, Accept::BestEffort(BestEffort {}), Some("feira.example was not reachable")),
        (&some, Accept::All(AllCities {}), Some("turin.example did not answer in time")),
        (&well, Accept::All(AllCities {}), None),
        (&some, Accept::AtLeast(2), None),
        (&some, Accept::AtLeast(3), Some("2 did, turin.example did not answer in time")),
        (&deaf, Accept::AtLeast(1), Some("1 did, feira.example was not reachable")),
        (&some, named("esch.example"), None),
        (&some, named("turin.example"), Some("turin.example did not answer in time")),
        (&some, named("x.example"), Some("x.example was not asked")),
        (&some, named("y.example"), Some("y.example is not a member of the federation")),
    ] {
        let required = PartialResponse { accept: Some(accept) };
        let result = require(merged, Some(&required)).map_err(|insufficient| insufficient.missing.join(", "));
        assert_eq!(result.err().as_deref(), missing, "{required:?}");
    }
    assert!(require(&some, None).is_ok());
    let error = require(&some, Some(&PartialResponse { accept: Some(Accept::All(AllCities {})) })).unwrap_err();
    assert_eq!(error.to_string(), "every selected city must answer in full: turin.example did not answer in time");
}

#[test]
fn a_city_that_its_digest_rules_out_has_answered() {
    let ruled_out = Answer {
        start: None,
        hits: Vec::new(),
        ending: fault(Outcome::RuledOut),
        ..answer("turin.example", Vec::new())
    };
    let merged = merged(vec![feira(), ruled_out]);
    assert_eq!((merged.outcomes[1].outcome(), merged.total), (Outcome::RuledOut, 3));
    assert_eq!(merged.coverage.summary, "2 of 2 cities, 100 % of known records");
    for accept in [
        Accept::All(AllCities {}),
        Accept::AtLeast(2),
        Accept::Named(NamedCities { cities: vec!["turin.example".into()] }),
    ] {
        assert_eq!(require(&merged, Some(&PartialResponse { accept: Some(accept) })), Ok(()));
    }
}

/// Some cities, each with what it holds: an id and a score for each record.
fn federations() -> impl Strategy<Value = Vec<Vec<(u8, u16)>>> {
    proptest::collection::vec(
        proptest::collection::btree_map(any::<u8>(), 0_u16..4, 0..12).prop_map(|records| records.into_iter().collect()),
        1..6,
    )
}

fn answer_of(number: usize, records: &[(u8, u16)], limit: usize) -> Answer {
    let city = format!("city{number}.example");
    let mut hits: Vec<_> = records.iter().map(|(id, score)| hit(&city, &id.to_string(), *score)).collect();
    hits.sort_by(|one, other| {
        let (one_key, other_key) = (one.key.as_ref().unwrap(), other.key.as_ref().unwrap());
        one_key.better_first(other_key).then_with(|| one.name.cmp(&other.name))
    });
    let total = i64::try_from(hits.len()).unwrap();
    hits.truncate(limit);
    let mut answer = answer(&city, hits);
    answer.start.as_mut().unwrap().total = total;
    answer
}

proptest! {
    #[test]
    fn merging_is_the_same_as_sorting_everything(federation in federations(), limit in 1_usize..20, turn in 0_usize..5) {
        let mut answers: Vec<_> =
            federation.iter().enumerate().map(|(number, records)| answer_of(number, records, limit)).collect();
        let merged = merge(answers.clone(), &Terms::new(SearchOrder::Relevance, limit));

        let mut everything: Vec<_> = federation.iter().enumerate().flat_map(|(number, records)| {
            records.iter().map(move |(id, score)| {
                let city = format!("city{number}.example");
                (std::cmp::Reverse(*score), city.clone(), format!("cities/{city}/partnerships/{id}"))
            })
        }).collect();
        everything.sort();
        prop_assert_eq!(merged.total, i64::try_from(everything.len()).unwrap());
        everything.truncate(limit);
        let expected: Vec<_> = everything.into_iter().map(|(_, _, name)| name).collect();
        let found: Vec<_> = merged.hits.iter().map(|hit| hit.name.clone()).collect();
        prop_assert_eq!(found, expected);

        let others = answers.len() - 1;
        answers[1..].rotate_left(turn.min(others));
        prop_assert_eq!(merge(answers, &Terms::new(SearchOrder::Relevance, limit)), merged);
    }
}
