//! What a peer may do to a question, and what comes of it. All of it in virtual time: a second costs nothing.

use std::time::Duration;

use isopolity_domain::Clock as _;
use isopolity_federation::LinkError;
use isopolity_proto::options::Audience;
use isopolity_proto::{
    catalog::{Outcome, SearchResponse},
    error::Reason,
    federation::QueryResponse,
};
use isopolity_tests::{
    Manner, Resident, Town,
    clock::eventually,
    sample::{asking, names, outcome, outcomes, partnership, partnerships},
    script::Writer,
    town::introduce,
};
use tokio::time::{Instant, pause};

const HUB: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

/// Three cities with two partnerships each.
async fn three(town: &Town) -> [Resident; 3] {
    let cities = town.of([HUB, GENEVE, KENITRA]).await;
    for city in &cities {
        for id in ["one", "two"] {
            city.create(id, partnership(&format!("{id} of {}", city.city()), "MA")).await;
        }
    }
    cities
}

async fn ask(city: &Resident) -> SearchResponse {
    city.search(&asking(partnerships()), None).await.unwrap()
}

/// How many of the hits are a city's.
fn hits_of(answer: &SearchResponse, city: &str) -> usize {
    answer.hits.iter().filter(|hit| hit.city == city).count()
}

#[tokio::test]
async fn q1_one_slow_city_of_ten_is_named_and_the_others_are_heard() {
    let town = Town::default();
    let hub = town.settle(HUB).await;
    let mut all = vec![hub.create("own", partnership("Own", "MA")).await];
    let cities: Vec<String> = (0..10).map(|number| format!("city{number}.example")).collect();
    for id in &cities {
        let city = town.settle(id).await;
        introduce(&hub, &city, Audience::Public).await;
        all.push(city.create("one", partnership("One", "MA")).await);
    }
    town.teach("city4.example", Manner::Late(Duration::from_hours(1)));
    all.retain(|name| !name.contains("city4"));

    pause();
    let begun = Instant::now();
    let answer = hub.search(&asking(partnerships()), Some(Duration::from_secs(5))).await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(names(&answer).len(), 10);
    assert!(all.iter().all(|name| names(&answer).contains(&name.as_str())));
    for (city, outcome) in outcomes(&answer.outcomes) {
        let expected = if city == "city4.example" { Outcome::TimedOut } else { Outcome::Answered };
        assert_eq!(outcome, expected, "{city}");
    }
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (11, 11, 10));
}

#[tokio::test]
async fn q2_a_city_that_dribbles_does_not_hold_the_answer_up() {
    let town = Town::default();
    let [feira, ..] = three(&town).await;
    pause();
    for (between, expected) in [(1, Outcome::Partial), (2, Outcome::TimedOut)] {
        town.teach(KENITRA, Manner::Dribbling(Duration::from_secs(between)));
        let begun = Instant::now();
        let answer = ask(&feira).await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let kenitra = outcome(&answer, KENITRA);
        assert_eq!((kenitra.outcome(), kenitra.error_reason()), (expected, Reason::DeadlineExceeded));
        assert!(!kenitra.reason.is_empty());
        assert_eq!((hits_of(&answer, HUB), hits_of(&answer, GENEVE)), (2, 2));
    }
}

#[tokio::test]
async fn q3_a_city_that_dies_after_any_number_of_parts_keeps_what_it_has_said() {
    let town = Town::default();
    let [feira, ..] = three(&town).await;
    pause();
    // The answer has four parts: a start, two hits, an end.
    for (parts, expected, hits) in [
        (0, Outcome::Unreachable, 0),
        (1, Outcome::Unreachable, 0),
        (2, Outcome::Partial, 1),
        (3, Outcome::Partial, 2),
        (4, Outcome::Answered, 2),
    ] {
        town.teach(KENITRA, Manner::BreaksAfter(parts));
        let answer = ask(&feira).await;
        assert_eq!(outcome(&answer, KENITRA).outcome(), expected, "{parts} parts");
        assert_eq!(hits_of(&answer, KENITRA), hits, "{parts} parts");
        assert_eq!((hits_of(&answer, HUB), hits_of(&answer, GENEVE)), (2, 2));
    }
}

#[tokio::test]
async fn q5_a_city_without_peers_says_that_it_is_alone() {
    let town = Town::default();
    let feira = town.settle(HUB).await;
    let answer = ask(&feira).await;
    assert_eq!(outcomes(&answer.outcomes), [(HUB, Outcome::AnsweredEmpty)]);
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_answered), (1, 1));
    assert!(coverage.summary.starts_with("1 of 1 cities"), "{}", coverage.summary);
}

#[tokio::test]
async fn q6_a_city_that_was_never_reached_counts_as_a_member() {
    let town = Town::default();
    let unreachable = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    town.teach(KENITRA, Manner::Fails(unreachable));
    let [feira, ..] = three(&town).await;
    let answer = ask(&feira).await;
    let kenitra = outcome(&answer, KENITRA);
    assert_eq!(kenitra.outcome(), Outcome::Unreachable);
    assert_eq!((kenitra.error_reason(), kenitra.reason.as_str()), (Reason::Connection, "nothing listens there"));
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 3, 2));
    assert!(coverage.summary.starts_with("2 of 3 cities"), "{}", coverage.summary);
}

#[tokio::test]
async fn q8_a_caller_who_has_less_time_than_a_peer_may_take_is_answered_in_time() {
    let town = Town::default();
    let [feira, ..] = three(&town).await;
    town.teach(KENITRA, Manner::Silent);
    pause();
    for within in [500, 1_000, 2_000].map(Duration::from_millis) {
        let begun = Instant::now();
        let answer = feira.search(&asking(partnerships()), Some(within)).await.unwrap();
        assert!(begun.elapsed() < within, "{:?} of {within:?}", begun.elapsed());
        assert_eq!(outcome(&answer, KENITRA).outcome(), Outcome::TimedOut);
        assert_eq!(answer.hits.len(), 4);
    }
    let begun = Instant::now();
    feira.search(&asking(partnerships()), Some(Duration::from_hours(1))).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "a caller can't make a node wait for ever");
}

#[tokio::test]
async fn q9_a_caller_who_goes_away_leaves_nothing_running() {
    let town = Town::default();
    let [feira, geneve, _kenitra] = three(&town).await;
    town.teach(GENEVE, Manner::Silent);
    town.teach(KENITRA, Manner::Silent);
    let registry = feira.registry.clone();
    let search = tokio::spawn(async move {
        let caller = isopolity_tests::town::administrator();
        registry.search(&caller, &asking(partnerships()), None).await
    });
    eventually("both are asked", async || (town.open_streams() == 2).then_some(())).await;
    search.abort();
    eventually("both streams are ended", async || (town.open_streams() == 0).then_some(())).await;

    town.teach(GENEVE, Manner::Honest);
    pause();
    ask(&feira).await;
    assert_eq!(town.open_streams(), 0, "an answer that is over leaves nothing running either");
    ask(&geneve).await;
    assert_eq!(town.open_streams(), 0);
}

#[tokio::test]
async fn q10_an_answer_that_breaks_the_protocol_is_not_used_and_harms_nobody() {
    let town = Town::default();
    let [feira, _geneve, kenitra] = three(&town).await;
    let writer = Writer::new(kenitra.identity.clone());
    let of_geneve = writer.hit_named("cities/geneve.example/partnerships/stolen", 1);
    let many = |hits: u16| writer.answer(hits);
    let cases: Vec<(&str, Vec<QueryResponse>, &str)> = vec![
        ("unsorted", vec![writer.start(2), writer.hit(2), writer.hit(1), writer.end(2)], "not in order"),
        ("twice", vec![writer.start(2), writer.hit(1), writer.hit(1), writer.end(2)], "twice"),
        ("foreign", vec![writer.start(1), of_geneve, writer.end(1)], "geneve.example"),
        ("more than asked for", many(102), "more than the 101 hits"),
        ("more than it says", vec![writer.start(1), writer.hit(1), writer.hit(2), writer.end(2)], "more hits than"),
        ("fewer than it says", vec![writer.start(9), writer.hit(1), writer.end(1)], "9 records match"),
        ("a wrong count", vec![writer.start(1), writer.hit(1), writer.end(2)], "it says 2"),
        ("no start", vec![writer.hit(1), writer.end(1)], "before the beginning"),
        ("two starts", vec![writer.start(1), writer.start(1)], "begins twice"),
        ("an impossible total", vec![writer.start(-1), writer.end(0)], "impossible"),
        ("an end alone", vec![writer.end(0)], "before it begins"),
        ("nothing known", vec![QueryResponse { part: None }], "no known kind"),
        ("something after the end", [many(1), vec![writer.end(1)]].concat(), "follows the end"),
        ("too large", vec![writer.start(3), writer.oversized(), writer.oversized()], "larger than an answer"),
    ];
    pause();
    for (what, parts, reason) in cases {
        town.teach(KENITRA, Manner::Says(parts));
        let answer = ask(&feira).await;
        let breach = outcome(&answer, KENITRA);
        assert_eq!((breach.outcome(), breach.error_reason()), (Outcome::Invalid, Reason::AnswerInvalid), "{what}");
        assert!(breach.reason.contains(reason), "{what}: {}", breach.reason);
        assert_eq!((breach.hits, breach.total), (0, 0), "{what}");
        assert_eq!((hits_of(&answer, HUB), hits_of(&answer, GENEVE), answer.hits.len()), (2, 2, 4), "{what}");
        assert_eq!(answer.total, 4, "{what}");
    }
    // The same words in their right order are an answer.
    town.teach(KENITRA, Manner::Says(many(3)));
    let answer = ask(&feira).await;
    assert_eq!((outcome(&answer, KENITRA).outcome(), answer.total), (Outcome::Answered, 7));
}

#[tokio::test]
async fn an_answer_without_end_is_partial() {
    let town = Town::default();
    let [feira, _geneve, kenitra] = three(&town).await;
    let writer = Writer::new(kenitra.identity.clone());
    town.teach(KENITRA, Manner::Says(vec![writer.start(2), writer.hit(1), writer.hit(2)]));
    let answer = ask(&feira).await;
    let kenitra = outcome(&answer, KENITRA);
    assert_eq!((kenitra.outcome(), kenitra.hits, kenitra.total), (Outcome::Partial, 2, 2));
    assert_eq!(answer.coverage.unwrap().cities_answered, 2, "a part is not an answer");
}

#[tokio::test]
async fn a_peer_that_is_not_approved_there_is_refused_there() {
    let town = Town::default();
    let [feira, geneve] = [town.settle(HUB).await, town.settle(GENEVE).await];
    let administrator = isopolity_tests::town::administrator();
    for (here, there) in [(&feira, &geneve), (&geneve, &feira)] {
        let (bundle, _) = there.registry.own_bundle(&administrator).await.unwrap();
        here.registry.add_peer(&administrator, &bundle).await.unwrap();
    }
    feira.registry.approve_peer(&administrator, GENEVE, Audience::Public, "").await.unwrap();
    let answer = ask(&feira).await;
    let refused = outcome(&answer, GENEVE);
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Refused, Reason::PeerNotApproved));
    assert!(answer.outcomes.len() == 2 && feira.clock.now() > geneve.clock.now() - time::Duration::HOUR);
}

#[tokio::test]
async fn a_city_whose_index_lags_says_so_of_itself() {
    let town = Town::default();
    let [feira] = town.of([HUB]).await;
    let administrator = isopolity_tests::town::administrator();
    let message = isopolity_proto::to_dynamic(&partnership("Not indexed", "MA"));
    let kind = isopolity_domain::Kind::Partnership;
    feira
        .registry
        .create(
            &administrator,
            kind,
            "cities/feira.example",
            "late",
            message,
            isopolity_registry::author::Terms::default(),
        )
        .await
        .unwrap();
    pause();
    let answer = ask(&feira).await;
    let own = outcome(&answer, HUB);
    assert_eq!((own.outcome(), own.error_reason()), (Outcome::Partial, Reason::DeadlineExceeded));
    assert!(own.reason.contains("2 publications behind"), "{}", own.reason);
    feira.registry.index_once().await.unwrap();
    assert_eq!(outcomes(&ask(&feira).await.outcomes), [(HUB, Outcome::Answered)]);
}
