//! A peer with a good certificate that breaks the protocol: it is named, and harms nobody else.

use std::time::Duration;

use isopolity_proto::{
    catalog::{Outcome, SearchRequest},
    error::Reason,
    federation::QueryResponse,
};
use isopolity_tests::{
    Impostor, Speech, TestNode, federation,
    sample::{asking, outcome, partnership, partnerships},
};
use tokio::time::Instant;
use tonic::{Code, Status};

const LISBOA: &str = "lisboa.example";

/// Two honest cities, and an impostor that both approve.
async fn with_impostor() -> (TestNode, TestNode, Impostor) {
    let plans = ["feira.example", "geneve.example"].map(|city| TestNode::plan(city).in_a_hurry());
    let [feira, geneve] = federation::among(plans).await;
    for city in [&feira, &geneve] {
        city.api.create("one", partnership("One", "MA")).await;
    }
    let lisboa = Impostor::start(LISBOA).await;
    lisboa.join(&feira).await;
    lisboa.join(&geneve).await;
    (feira, geneve, lisboa)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q10_each_breach_of_the_protocol_is_named_and_harms_nobody() {
    let (feira, geneve, lisboa) = with_impostor().await;
    let writer = &lisboa.writer;
    let foreign = writer.hit_named("cities/geneve.example/partnerships/one", 1);
    let mut forged = writer.hit(1);
    if let Some(isopolity_proto::federation::query_response::Part::Hit(hit)) = &mut forged.part {
        hit.envelope.as_mut().unwrap().payload_type = "text/plain".into();
    }
    let end_twice = vec![writer.start(0), writer.end(0)];
    let cases: Vec<(&str, Speech, Reason, &str)> = vec![
        (
            "unsorted",
            parts([writer.start(2), writer.hit(2), writer.hit(1), writer.end(2)]),
            Reason::AnswerInvalid,
            "order",
        ),
        (
            "twice",
            parts([writer.start(2), writer.hit(1), writer.hit(1), writer.end(2)]),
            Reason::AnswerInvalid,
            "twice",
        ),
        ("foreign", parts([writer.start(1), foreign, writer.end(1)]), Reason::AnswerInvalid, "geneve.example"),
        ("no record", parts([writer.start(1), forged, writer.end(1)]), Reason::AnswerInvalid, "bad envelope"),
        ("too many", Speech::Parts(writer.answer(27)), Reason::AnswerInvalid, "more than the 26"),
        ("oversized", parts([writer.start(1), writer.oversized(), writer.end(1)]), Reason::MessageTooLarge, ""),
        (
            "endless hits",
            Speech::Endless(vec![writer.start(9_999), writer.hit(1)]),
            Reason::AnswerInvalid,
            "more than the 26",
        ),
        ("endless starts", Speech::Endless(vec![writer.start(1)]), Reason::AnswerInvalid, "begins twice"),
        ("endless ends", Speech::Endless(end_twice), Reason::AnswerInvalid, "follows the end"),
        (
            "endless nothing",
            Speech::Endless(vec![QueryResponse { part: None }]),
            Reason::AnswerInvalid,
            "no known kind",
        ),
        ("wrong count", parts([writer.start(1), writer.hit(1), writer.end(7)]), Reason::AnswerInvalid, "it says 7"),
        (
            "wrong total",
            parts([writer.start(9), writer.hit(1), writer.end(1)]),
            Reason::AnswerInvalid,
            "9 records match",
        ),
        ("garbage", Speech::Refuses(Status::internal("boom")), Reason::AnswerInvalid, "boom"),
    ];
    for (what, speech, expected, words) in cases {
        lisboa.say(speech);
        for city in [&feira, &geneve] {
            let begun = Instant::now();
            let request = SearchRequest { page_size: 25, ..asking(partnerships()) };
            let answer = city.api.search(request).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(8), "{what}: {:?}", begun.elapsed());
            let breach = outcome(&answer, LISBOA);
            assert_eq!((breach.outcome(), breach.error_reason()), (Outcome::Invalid, expected), "{what}: {breach:?}");
            assert!(breach.reason.contains(words), "{what}: {}", breach.reason);
            let outcome_reason = breach.reason.clone();
            assert_eq!((breach.hits, answer.hits.len(), answer.total), (0, 2, 2), "{what}");
            for other in ["feira.example", "geneve.example"] {
                assert_eq!(outcome(&answer, other).outcome(), Outcome::Answered, "{what}");
            }
            assert_eq!(answer.coverage.unwrap().cities_answered, 2, "{what}");
            let trouble = city.api.trouble(LISBOA, false).await.unwrap();
            assert_eq!(
                (trouble.reason(), trouble.description),
                (expected, outcome_reason),
                "{what}: in the list of peers"
            );
        }
    }
    lisboa.say(Speech::Parts(writer.answer(3)));
    let answer = feira.api.ask(partnerships()).await;
    assert_eq!((answer.total, outcome(&answer, LISBOA).outcome()), (5, Outcome::Answered), "the right words are heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_end_is_kept_as_far_as_it_came() {
    let (feira, _geneve, lisboa) = with_impostor().await;
    let writer = &lisboa.writer;
    let begun = |hits: u16| {
        let mut parts = writer.answer(hits);
        parts.pop();
        parts
    };
    for (what, speech, expected, reason) in [
        ("no end", Speech::Parts(begun(3)), Outcome::Partial, Reason::Connection),
        ("silence after hits", Speech::Hang(begun(3)), Outcome::Partial, Reason::DeadlineExceeded),
        ("silence after the start", Speech::Hang(begun(0)), Outcome::TimedOut, Reason::DeadlineExceeded),
        ("silence at once", Speech::Hang(Vec::new()), Outcome::TimedOut, Reason::DeadlineExceeded),
        ("nothing at all", Speech::Parts(Vec::new()), Outcome::Unreachable, Reason::Connection),
    ] {
        lisboa.say(speech);
        let begun = Instant::now();
        let answer = feira.api.ask(partnerships()).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{what}: {:?}", begun.elapsed());
        let broken = outcome(&answer, LISBOA);
        assert_eq!((broken.outcome(), broken.error_reason()), (expected, reason), "{what}: {broken:?}");
        let hits = if expected == Outcome::Partial { 3 } else { 0 };
        assert_eq!((broken.hits, answer.hits.len()), (hits, 2 + usize::try_from(hits).unwrap()), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_error_of_a_peer_has_its_outcome() {
    let (feira, _geneve, lisboa) = with_impostor().await;
    for (code, expected) in [
        (Code::Unimplemented, Outcome::Incompatible),
        (Code::PermissionDenied, Outcome::Refused),
        (Code::Unauthenticated, Outcome::Refused),
        (Code::ResourceExhausted, Outcome::Refused),
        (Code::InvalidArgument, Outcome::Refused),
        (Code::DeadlineExceeded, Outcome::TimedOut),
        (Code::Unavailable, Outcome::Unreachable),
    ] {
        // What a stranger writes goes into logs and onto screens.
        lisboa.say(Speech::Refuses(Status::new(code, "no\u{1b}[31m way")));
        let answer = feira.api.ask(partnerships()).await;
        let refused = outcome(&answer, LISBOA);
        assert_eq!(refused.outcome(), expected, "{code:?}: {refused:?}");
        assert!(refused.reason.contains("no[31m way") && answer.total == 2, "{:?}", refused.reason);
    }
}

fn parts<const N: usize>(parts: [QueryResponse; N]) -> Speech {
    Speech::Parts(parts.into())
}
