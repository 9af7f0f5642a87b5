//! Cities that do not answer, and replicas of them.

use time::{OffsetDateTime, macros::datetime};

use super::*;
use crate::clock::to_timestamp;

const AS_OF: OffsetDateTime = datetime!(2013-03-14 12:00 UTC);

fn versioned(city: &str, id: &str, score: u16, version: i64) -> AnswerHit {
    let name = format!("cities/{city}/partnerships/{id}");
    let envelope = envelope_of(&Record { version, ..record(city, &name, score.into()) });
    AnswerHit { key: Some(SortKey::Score(score.into())), name, envelope }
}

fn replica(answer: Answer, as_of: OffsetDateTime) -> Answer {
    Answer { source: Source::Replica { as_of }, ..answer }
}

fn down(answer: &Answer, outcome: Outcome) -> Answer {
    Answer { start: None, hits: Vec::new(), ending: fault(outcome), ..answer.clone() }
}

#[test]
fn q4_when_all_are_down_replicas_answer_and_say_so() {
    let cities: Vec<String> = (0..10).map(|number| format!("city{number}.example")).collect();
    let kept: Vec<Answer> =
        cities.iter().map(|city| answer(city, vec![hit(city, "a", 3), hit(city, "b", 2)])).collect();
    let outcomes = [Outcome::Unreachable, Outcome::TimedOut, Outcome::Refused, Outcome::Incompatible];
    let live = kept.iter().zip(outcomes.iter().cycle()).map(|(kept, outcome)| down(kept, *outcome));
    let answers = live.chain(kept.iter().map(|kept| replica(kept.clone(), AS_OF))).collect();
    let merged = merge(answers, &Terms::new(SearchOrder::Relevance, 15));
    assert_eq!((merged.hits.len(), merged.total, merged.outcomes.len()), (15, 20, 10));
    for outcome in &merged.outcomes {
        assert_eq!((outcome.outcome(), outcome.total), (Outcome::FromReplica, 2));
        assert_eq!(outcome.as_of_time, Some(to_timestamp(AS_OF)));
        assert_eq!((outcome.reason.as_str(), outcome.error_reason()), ("the line broke", Reason::Connection));
    }
    // A replica is not the city: nobody answered in full.
    assert_eq!((merged.coverage.cities_asked, merged.coverage.cities_answered), (10, 0));
}

#[test]
fn a_live_answer_in_full_needs_no_replica() {
    let old = replica(answer("feira.example", vec![versioned("feira.example", "old", 9, 1)]), AS_OF);
    let ruled_out = down(&feira(), Outcome::RuledOut);
    for (live, outcome, hits) in [
        (feira(), Outcome::Answered, 3),
        (ruled_out, Outcome::RuledOut, 0),
        (down(&feira(), Outcome::NotAsked), Outcome::NotAsked, 0),
        (down(&feira(), Outcome::Suspended), Outcome::Suspended, 0),
    ] {
        let merged = merged(vec![old.clone(), live]);
        assert_eq!((merged.outcomes[0].outcome(), merged.hits.len()), (outcome, hits));
        assert_eq!(merged.outcomes[0].as_of_time, None);
    }
}

#[test]
fn a_record_reached_twice_comes_once_in_its_newest_version() {
    let city = "feira.example";
    let kept = vec![versioned(city, "a", 9, 2), versioned(city, "b", 5, 7), versioned(city, "c", 4, 1)];
    let kept = replica(answer(city, kept), AS_OF);
    // Live came a newer `a`, which now ranks lower, an older `b`, and something that the replica does not know.
    let came = vec![versioned(city, "new", 8, 1), versioned(city, "b", 6, 6), versioned(city, "a", 3, 3)];
    let live = Answer { ending: fault(Outcome::TimedOut), ..answer(city, came) };
    for answers in [vec![live.clone(), kept.clone()], vec![kept, live]] {
        let merged = merged(answers);
        let found: Vec<_> =
            merged.hits.iter().map(|hit| (hit.name.rsplit('/').next().unwrap(), hit.record.version)).collect();
        assert_eq!(found, [("new", 1), ("b", 7), ("c", 1), ("a", 3)]);
        assert_eq!((merged.total, merged.outcomes[0].outcome()), (3, Outcome::FromReplica), "the replica's total");
    }
}

#[test]
fn beyond_what_a_replica_told_a_live_hit_takes_no_ones_place() {
    let city = "feira.example";
    // The replica has more than the four that it was asked for; where the fifth stands is not known.
    let mut kept =
        answer(city, (0_u16..4).map(|number| versioned(city, &format!("k{number}"), 9 - number, 1)).collect());
    kept.start.as_mut().unwrap().total = 9;
    let came = vec![versioned(city, "k0", 2, 2), versioned(city, "late", 1, 1)];
    let live = Answer { ending: fault(Outcome::TimedOut), ..answer(city, came) };
    let merged = merged(vec![live, replica(kept, AS_OF)]);
    assert_eq!(ids(&merged), ["k1", "k2", "k3"]);
}

#[test]
fn the_youngest_replica_that_answered_well_is_taken() {
    let of = |id: &str, as_of| replica(answer("feira.example", vec![hit("feira.example", id, 1)]), as_of);
    let day = time::Duration::DAY;
    let mut lies = of("lies", AS_OF + day * 2);
    lies.start.as_mut().unwrap().total = -1;
    let broke_off = Answer { ending: fault(Outcome::Unreachable), ..of("part", AS_OF + day) };
    let answers =
        vec![of("older", AS_OF - day), lies, of("younger", AS_OF), broke_off, down(&feira(), Outcome::TimedOut)];
    assert_eq!(ids(&merged(answers.clone())), ["younger"]);
    // Without a good one the city is what it said itself.
    let bad = answers.into_iter().filter(|answer| {
        answer.source != Source::Replica { as_of: AS_OF } && answer.source != Source::Replica { as_of: AS_OF - day }
    });
    assert_eq!(merged(bad.collect()).outcomes[0].outcome(), Outcome::TimedOut);
}

#[test]
fn an_invalid_live_answer_is_named_beside_the_replica() {
    let mut bad = feira();
    bad.hits.swap(0, 1);
    let merged = merged(vec![bad, replica(feira(), AS_OF)]);
    let outcome = &merged.outcomes[0];
    assert_eq!(
        (outcome.outcome(), outcome.error_reason(), merged.hits.len()),
        (Outcome::FromReplica, Reason::AnswerInvalid, 3)
    );
    assert_eq!(outcome.reason, "is not in order at hit 2");
}
