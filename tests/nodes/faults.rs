//! Peers that are down, silent or slow, and connections that break: over real sockets, behind a proxy that breaks them.

use std::time::Duration;

use isopolity_proto::{
    catalog::{AllCities, NamedCities, Outcome, SearchResponse, partial_response::Accept},
    error::Reason,
    options::Audience,
    registry::Partnership,
};
use isopolity_tests::{
    Mode, TestNode,
    clock::eventually,
    federation,
    refusal::{incomplete, reason},
    sample::{asking, outcome, outcomes, partnership, partnerships, requiring, text},
};
use tokio::time::Instant;
use tonic::Code;

/// What a search may take when each peer is given two seconds.
const SOON: Duration = Duration::from_secs(8);

/// Three cities that wait for no peer longer than two seconds, with a partnership each.
async fn three() -> [TestNode; 3] {
    let plans = ["feira.example", "geneve.example", "kenitra.example"].map(|city| TestNode::plan(city).in_a_hurry());
    let cities = federation::among(plans).await;
    for city in &cities {
        city.api.create("one", partnership("One", "MA")).await;
    }
    cities
}

/// Asks, in time.
async fn ask(node: &TestNode) -> SearchResponse {
    let begun = Instant::now();
    let answer = node.api.ask(partnerships()).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    answer
}

/// The others' hits are unharmed.
fn others_answered(answer: &SearchResponse) {
    for city in ["feira.example", "geneve.example"] {
        assert_eq!(outcome(answer, city).outcome(), Outcome::Answered, "{answer:?}");
        assert!(answer.hits.iter().any(|hit| hit.city == city));
    }
    let coverage = answer.coverage.as_ref().unwrap();
    assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 3, 2));
    assert!(coverage.summary.starts_with("2 of 3 cities"), "{}", coverage.summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_is_stopped_is_unreachable_and_is_back_when_it_is_started() {
    let [feira, _geneve, mut kenitra] = three().await;
    assert_eq!(ask(&feira).await.total, 3);
    kenitra.stop().await;
    let answer = ask(&feira).await;
    others_answered(&answer);
    let gone = outcome(&answer, "kenitra.example");
    assert_eq!((gone.outcome(), gone.error_reason()), (Outcome::Unreachable, Reason::Connection));
    assert!(!gone.reason.is_empty());
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.records_known, coverage.records_covered), (9, 6), "what it held is still known");
    assert_eq!(coverage.summary, "2 of 3 cities, 66 % of known records");
    let trouble = feira.api.trouble("kenitra.example", false).await.unwrap();
    assert_eq!(trouble.reason(), Reason::Connection);

    kenitra.start_again().await;
    let answer = ask(&feira).await;
    assert_eq!((answer.total, outcome(&answer, "kenitra.example").outcome()), (3, Outcome::Answered));
    assert!(feira.api.trouble("kenitra.example", false).await.is_none(), "the trouble is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_where_nothing_listens_is_named_with_its_address() {
    let [feira, kenitra] = ["feira.example", "kenitra.example"].map(|city| TestNode::plan(city).in_a_hurry());
    let (feira, mut kenitra) = (feira.start().await, kenitra.start().await);
    federation::introduce(&feira, &kenitra, Audience::Public).await;
    // Its proxy goes with it: the port is free.
    let before = kenitra.move_elsewhere().await;
    let endpoint = before.endpoint();
    drop(before);
    let gone = eventually("nothing listens there", async || {
        let answer = feira.api.ask(partnerships()).await;
        Some(outcome(&answer, "kenitra.example").clone()).filter(|gone| gone.reason.contains("connection refused"))
    })
    .await;
    assert_eq!((gone.outcome(), gone.error_reason()), (Outcome::Unreachable, Reason::Connection));
    assert_eq!(gone.reason, format!("nothing listens at {endpoint} (connection refused)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_is_silent_times_out_on_open_and_on_new_connections() {
    let [feira, _geneve, kenitra] = three().await;
    assert_eq!(ask(&feira).await.total, 3, "the connection is open");
    for new in [false, true] {
        kenitra.cut.set(Mode::Silent);
        if new {
            kenitra.cut.break_all();
        }
        let answer = ask(&feira).await;
        others_answered(&answer);
        let silent = outcome(&answer, "kenitra.example");
        assert_eq!(
            (silent.outcome(), silent.error_reason()),
            (Outcome::TimedOut, Reason::DeadlineExceeded),
            "{silent:?}"
        );
        assert!(silent.reason.starts_with("no answer"), "{}", silent.reason);
        let took = silent.took.as_ref().unwrap();
        assert!(took.seconds >= 2, "{took:?}");
    }
    kenitra.cut.set(Mode::Pass);
    eventually("it answers again", async || (ask(&feira).await.total == 3).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_closes_every_connection_is_unreachable() {
    let [feira, _geneve, kenitra] = three().await;
    kenitra.cut.set(Mode::Refuse);
    let answer = ask(&feira).await;
    others_answered(&answer);
    let closed = outcome(&answer, "kenitra.example");
    assert_eq!((closed.outcome(), closed.error_reason()), (Outcome::Unreachable, Reason::Connection), "{closed:?}");
    kenitra.cut.set(Mode::Pass);
    assert_eq!(ask(&feira).await.total, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_is_a_little_late_is_waited_for() {
    let [feira, _geneve, kenitra] = three().await;
    kenitra.cut.set(Mode::Delay(Duration::from_millis(100)));
    let answer = ask(&feira).await;
    assert_eq!(answer.total, 3);
    let took = outcome(&answer, "kenitra.example").took.unwrap();
    assert!(took.seconds > 0 || took.nanos >= 100_000_000, "{took:?}");
}

/// Gives a city twenty partnerships with eight kilobytes of text each: an answer that does not fit into one piece.
async fn with_long_answers(node: &TestNode) {
    for number in 0..20 {
        let summaries = vec![text(&format!("{number} ").repeat(2_500), "en")];
        let partnership = Partnership { summaries, ..partnership("Long", "MA") };
        node.api.create(&format!("long{number}"), partnership).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_dribbles_does_not_hold_the_answer_up() {
    let [feira, _geneve, kenitra] = three().await;
    with_long_answers(&kenitra).await;
    assert_eq!(ask(&feira).await.total, 23);
    for (bytes, expected) in [(20, Outcome::TimedOut), (1_500, Outcome::Partial)] {
        kenitra.cut.set(Mode::Dribble { bytes, every: Duration::from_millis(50) });
        let answer = ask(&feira).await;
        others_answered(&answer);
        let slow = outcome(&answer, "kenitra.example");
        assert_eq!((slow.outcome(), slow.error_reason()), (expected, Reason::DeadlineExceeded), "{slow:?}");
        // The rest of the dribble must not be taken for the beginning of the next answer.
        kenitra.cut.set(Mode::Pass);
        kenitra.cut.break_all();
        eventually("it answers again", async || (ask(&feira).await.total == 23).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_in_the_middle_leaves_what_had_come() {
    let [feira, _geneve, kenitra] = three().await;
    with_long_answers(&kenitra).await;
    for bytes in [10_000, 60_000, 100_000] {
        kenitra.cut.set(Mode::CutAfter(bytes));
        let answer = ask(&feira).await;
        others_answered(&answer);
        let cut = outcome(&answer, "kenitra.example");
        let partial = cut.outcome() == Outcome::Partial;
        assert!(partial || (bytes == 10_000 && cut.outcome() == Outcome::Unreachable), "{bytes}: {cut:?}");
        assert_eq!(partial, cut.hits > 0, "{cut:?}");
        assert!(cut.hits < 20 && !cut.reason.is_empty(), "{cut:?}");
        assert_eq!(i32::try_from(answer.hits.iter().filter(|hit| hit.city == "kenitra.example").count()), Ok(cut.hits));
        kenitra.cut.set(Mode::Pass);
        let answer = ask(&feira).await;
        assert_eq!((answer.total, outcome(&answer, "kenitra.example").outcome()), (23, Outcome::Answered));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_too_few_cities_is_an_error_that_names_every_city() {
    let [feira, _geneve, mut kenitra] = three().await;
    let named =
        |cities: &[&str]| Accept::Named(NamedCities { cities: cities.iter().map(|&city| city.into()).collect() });
    let all = || Accept::All(AllCities {});
    for accept in [all(), Accept::AtLeast(3), named(&["kenitra.example"])] {
        assert_eq!(feira.api.search(requiring(partnerships(), accept)).await.unwrap().total, 3);
    }
    kenitra.stop().await;
    for accept in [all(), Accept::AtLeast(3), named(&["geneve.example", "kenitra.example"])] {
        let refused = feira.api.search(requiring(partnerships(), accept)).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::Unavailable, "FEDERATION_INCOMPLETE".into()));
        assert!(refused.message().contains("kenitra.example was not reachable"), "{}", refused.message());
        let incomplete = incomplete(&refused);
        let expected = [
            ("feira.example", Outcome::Answered),
            ("geneve.example", Outcome::Answered),
            ("kenitra.example", Outcome::Unreachable),
        ];
        assert_eq!(outcomes(&incomplete.outcomes), expected);
        assert_eq!(incomplete.coverage.unwrap().cities_answered, 2);
        assert!(incomplete.took.is_some());
    }
    for accept in [Accept::AtLeast(2), named(&["feira.example", "geneve.example"])] {
        assert_eq!(feira.api.search(requiring(partnerships(), accept)).await.unwrap().total, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_city_is_neither_asked_nor_served() {
    let [feira, geneve, kenitra] = three().await;
    assert_eq!((ask(&feira).await.total, ask(&kenitra).await.total), (3, 3));
    let peer = feira.api.suspend("kenitra.example", "unpaid dues").await;
    assert_eq!((peer.state_reason.as_str(), peer.city.as_str()), ("unpaid dues", "kenitra.example"));

    let answer = ask(&feira).await;
    let suspended = outcome(&answer, "kenitra.example");
    assert_eq!((suspended.outcome(), suspended.error_reason()), (Outcome::Suspended, Reason::PeerSuspended));
    assert!(suspended.reason.contains("unpaid dues"), "{}", suspended.reason);
    assert_eq!(answer.total, 2);
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 2, 2));

    let answer = ask(&kenitra).await;
    let refused = outcome(&answer, "feira.example");
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Refused, Reason::PeerSuspended), "{refused:?}");
    assert_eq!((answer.total, ask(&geneve).await.total), (2, 3), "the others go on");
    let trouble = kenitra.api.trouble("feira.example", false).await.unwrap();
    assert_eq!(trouble.reason(), Reason::PeerSuspended, "{trouble:?}");
    assert!(feira.api.trouble("kenitra.example", true).await.is_some(), "this side names it too");

    feira.api.approve("kenitra.example", Audience::Unspecified).await;
    assert_eq!((ask(&feira).await.total, ask(&kenitra).await.total), (3, 3));
    assert!(kenitra.api.trouble("feira.example", false).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_was_left_is_no_member_any_more() {
    let [feira, _geneve, kenitra] = three().await;
    feira.api.leave("kenitra.example").await;
    let answer = ask(&feira).await;
    assert_eq!((answer.outcomes.len(), answer.total), (2, 2));
    let answer = ask(&kenitra).await;
    assert!(!matches!(outcome(&answer, "feira.example").outcome(), Outcome::Answered | Outcome::AnsweredEmpty));
    let request = asking(partnerships());
    let request = isopolity_proto::catalog::SearchRequest { cities: vec!["kenitra.example".into()], ..request };
    let refused = feira.api.search(request).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "FIELD_INVALID".into()));
}
