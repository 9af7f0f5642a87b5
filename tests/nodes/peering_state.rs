//! How two cities stand to each other: visible on both sides, effective at once, and each step of the way there tried.

use isopolity_domain::Clock as _;
use isopolity_proto::{
    admin::{PeerState, TestOutcome, TestResult, TestStep},
    catalog::{WatchRequest, watch_response::Part},
    error::Reason,
    federation::{self as wire, federation_service_client::FederationServiceClient},
    options::Audience,
};
use isopolity_tests::{
    Impostor, Mode, TestNode,
    clock::eventually,
    federation,
    impostor::new_identity,
    refusal::reason,
    sample::{partnership, partnerships},
    stranger,
};
use time::Duration;
use tonic::Code;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_and_its_end_and_leaving_are_told_to_the_other_side_with_the_reason() {
    let [feira, mut geneve] = federation::of([FEIRA, GENEVE]).await;
    let there = async |geneve: &TestNode| {
        let peer = geneve.api.peer(FEIRA, false).await;
        (peer.state(), peer.peer_state(), peer.peer_state_reason)
    };
    feira.api.suspend(GENEVE, "the keys are being changed").await;
    let told = (PeerState::Active, PeerState::Suspended, "the keys are being changed".to_owned());
    assert_eq!(there(&geneve).await, told, "told before the call returned");
    geneve.restart().await;
    assert_eq!(there(&geneve).await, told, "and kept");
    feira.api.approve(GENEVE, Audience::Unspecified).await;
    assert_eq!(there(&geneve).await, (PeerState::Active, PeerState::Active, String::new()));

    // Who can't be told at once learns it by the next greeting.
    geneve.cut.set(Mode::Refuse);
    feira.api.suspend(GENEVE, "again").await;
    assert_eq!(there(&geneve).await.1, PeerState::Active);
    let peer = geneve.api.peer(FEIRA, true).await;
    assert_eq!((peer.peer_state(), peer.peer_state_reason.as_str()), (PeerState::Suspended, "again"));
    geneve.cut.set(Mode::Pass);

    feira.api.leave(GENEVE).await;
    assert_eq!(there(&geneve).await, (PeerState::Active, PeerState::Left, "a test".to_owned()));
    let refused = geneve.api.record("cities/feira.example/partnerships/one").await.unwrap_err();
    assert!(refused.message().contains("has ended: a test"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_city_may_greet_and_nothing_else() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    feira.api.suspend(GENEVE, "unpaid dues").await;
    let leaf = geneve.identity().issue_node_leaf(feira.clock.now(), Duration::days(7)).unwrap();
    let channel = stranger::channel(feira.node().federation_address(), Some(leaf.into()));
    let mut calls = FederationServiceClient::new(channel);
    let hello = calls.hello(wire::HelloRequest::default()).await.unwrap().into_inner();
    assert_eq!((hello.state(), hello.state_reason.as_str()), (PeerState::Suspended, "unpaid dues"));
    assert_eq!((hello.approved, hello.records, hello.epoch.as_str()), (false, 0, ""), "and no more is told");
    for refused in [
        calls.get_bundle(wire::GetBundleRequest::default()).await.map(drop).unwrap_err(),
        calls.query(wire::QueryRequest::default()).await.map(drop).unwrap_err(),
        calls.get_digest(wire::GetDigestRequest::default()).await.map(drop).unwrap_err(),
        calls.watch(wire::WatchRequest::default()).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(reason(&refused), (Code::PermissionDenied, "PEER_SUSPENDED".into()));
        assert!(refused.message().contains("unpaid dues"), "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_ends_at_once_in_both_directions_with_the_reason() {
    for leaving in [false, true] {
        let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
        // Genève's own call of Feira, and Feira's of Genève.
        let leaf = geneve.identity().issue_node_leaf(feira.clock.now(), Duration::days(7)).unwrap();
        let channel = stranger::channel(feira.node().federation_address(), Some(leaf.into()));
        let mut told =
            FederationServiceClient::new(channel).watch(wire::WatchRequest::default()).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().is_some(), "it begins");
        let question = Some(wire::Question { text: "bread".into(), ..Default::default() });
        let request = WatchRequest { question, cities: vec![GENEVE.into()], ..Default::default() };
        let mut watched = feira.api.catalog().watch(request).await.unwrap().into_inner();
        while !matches!(watched.message().await.unwrap().unwrap().part, Some(Part::City(city)) if city.watching) {}

        let (word, named) = if leaving {
            feira.api.leave(GENEVE).await;
            ("has ended", "PEER_LEFT")
        } else {
            feira.api.suspend(GENEVE, "a test").await;
            ("is suspended", "PEER_SUSPENDED")
        };
        let end = loop {
            match told.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ends without a word"),
                Err(status) => break status,
            }
        };
        assert_eq!(reason(&end), (Code::PermissionDenied, named.into()));
        assert!(end.message().contains(word) && end.message().contains("a test"), "{}", end.message());
        loop {
            if let Some(Part::City(city)) = watched.message().await.unwrap().unwrap().part
                && !city.watching
            {
                assert!(city.reason.contains(word) && city.reason.contains("a test"), "{}", city.reason);
                break;
            }
        }
        let connections = || feira.registry().federation().connections(&GENEVE.parse().unwrap());
        eventually("the connections are closed", async || (connections() == 0).then_some(())).await;
    }
}

fn step(results: &[TestResult], step: TestStep) -> (TestOutcome, Reason, String) {
    let one = results.iter().find(|one| one.step() == step).unwrap();
    (one.outcome(), one.reason(), one.detail.clone())
}

/// Checks that this step is the one that failed, and what it says.
fn fails_at(results: &[TestResult], failing: TestStep, named: Reason, words: &str) {
    assert_eq!(results.len(), 7);
    for one in results {
        let expected = if one.step() == failing { TestOutcome::Failed } else { one.outcome() };
        assert_eq!(one.outcome(), expected, "{results:#?}");
        assert!(one.outcome() != TestOutcome::Failed || one.step() == failing, "{results:#?}");
        assert_eq!(one.advice.is_empty(), one.outcome() != TestOutcome::Failed, "{one:?}");
    }
    let (_, why, detail) = step(results, failing);
    assert!(why == named && detail.contains(words), "{why:?}: {detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_reaching_a_peer_is_tried_and_named() {
    let [feira, geneve, kenitra] = federation::of([FEIRA, GENEVE, KENITRA]).await;
    geneve.api.create("one", partnership("One", "MA")).await;
    let results = feira.api.test_peer(GENEVE).await;
    assert!(results.iter().all(|one| one.outcome() == TestOutcome::Ok && one.took.is_some()), "{results:#?}");

    geneve.clock.advance(Duration::minutes(10));
    fails_at(&feira.api.test_peer(GENEVE).await, TestStep::Clock, Reason::ClockSkew, "10.0 min ahead");
    geneve.clock.advance(Duration::minutes(-10));

    geneve.api.suspend(FEIRA, "unpaid dues").await;
    let results = feira.api.test_peer(GENEVE).await;
    fails_at(&results, TestStep::Agreement, Reason::PeerSuspended, "suspended by geneve.example: unpaid dues");
    let results = geneve.api.test_peer(FEIRA).await;
    fails_at(&results, TestStep::Agreement, Reason::PeerSuspended, "suspended here: unpaid dues");
    geneve.api.approve(FEIRA, Audience::Unspecified).await;

    // Where Genève was, Kénitra answers; then something that does not speak TLS.
    geneve.cut.lead_to(kenitra.node().federation_address());
    let results = feira.api.test_peer(GENEVE).await;
    fails_at(&results, TestStep::Identity, Reason::TlsHandshake, "names kenitra.example, not geneve.example");
    assert_eq!(step(&results, TestStep::Tls).0, TestOutcome::Ok);
    assert_eq!(step(&results, TestStep::Agreement).0, TestOutcome::Skipped);
    geneve.cut.set(Mode::Refuse);
    fails_at(&feira.api.test_peer(GENEVE).await, TestStep::Tls, Reason::TlsHandshake, "");
    assert_eq!(
        reason(
            &feira
                .api
                .peers()
                .test_peer(isopolity_proto::admin::TestPeerRequest { city: "x.example".into() })
                .await
                .unwrap_err()
        )
        .1,
        "PEER_UNKNOWN"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_peer_from_being_reached_is_named() {
    let feira = TestNode::start(FEIRA).await;
    let now = feira.clock.now();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let add = async |city: &str, endpoint: &str| {
        feira.api.add_peer(&new_identity(city).sign_bundle(endpoint, 1, now)).await.unwrap();
        feira.api.test_peer(city).await
    };
    fails_at(
        &add("a.example", "https://nobody.invalid:7443").await,
        TestStep::Dns,
        Reason::Connection,
        "nobody.invalid",
    );
    fails_at(
        &add("b.example", &format!("https://{free}")).await,
        TestStep::Tcp,
        Reason::Connection,
        "no connection to 127.0.0.1",
    );

    let lisboa = Impostor::start("lisboa.example").await;
    lisboa.join(&feira).await;
    lisboa.speak(0);
    let results = feira.api.test_peer("lisboa.example").await;
    fails_at(&results, TestStep::Version, Reason::ProtocolIncompatible, "it speaks protocol 0");
    lisboa.speak(1);
    lisboa.clock().advance(Duration::days(8));
    let results = feira.api.test_peer("lisboa.example").await;
    fails_at(&results, TestStep::Identity, Reason::TlsHandshake, "our certificate has expired or is not valid yet");

    // Two that are not what they seem: other keys, and a city that does not know this one.
    let false_one = Impostor::start_with(new_identity(KENITRA), new_identity(KENITRA)).await;
    false_one.join(&feira).await;
    fails_at(&feira.api.test_peer(KENITRA).await, TestStep::Identity, Reason::TlsHandshake, "not issued by a CA");
    let geneve = TestNode::start(GENEVE).await;
    feira.api.add_peer(&geneve.api.bundle().await).await.unwrap();
    let results = feira.api.test_peer(GENEVE).await;
    fails_at(&results, TestStep::Agreement, Reason::PeerUnknown, "our city is not a peer there");
    geneve.api.add_peer(&feira.api.bundle().await).await.unwrap();
    let results = feira.api.test_peer(GENEVE).await;
    fails_at(&results, TestStep::Agreement, Reason::PeerNotApproved, "not approved here yet");
    feira.api.approve(GENEVE, Audience::Public).await;
    let results = feira.api.test_peer(GENEVE).await;
    fails_at(&results, TestStep::Agreement, Reason::PeerNotApproved, "has not approved this city yet");
    assert_eq!(feira.api.ask(partnerships()).await.outcomes.len(), 4);
}
