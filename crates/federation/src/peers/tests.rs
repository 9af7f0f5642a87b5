//! Calls between real nodes over loopback, and what the table of peers allows.

use isopolity_proto::federation::{QueryRequest, SearchOrder};
use time::Duration as Span;

use super::*;
use crate::{
    ListenerLimits, Trouble,
    testing::{Node, city, clock, here, identity, pair, peer_of},
};
use isopolity_domain::answer::Ending;

const WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_greeting_tells_approval_and_clock_skew() {
    let (geneve, feira) = pair().await;
    geneve.clock.advance(Span::minutes(2));
    feira.peers.set_bundle_sequence(4);
    let answer = feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    assert!(answer.approved);
    let health = feira.peers.health(geneve.city());
    assert_eq!((health.approved_by_peer, health.outbound), (Some(true), None));
    let skew = health.clock_skew.unwrap();
    assert!((skew - Span::minutes(2)).abs() < Span::seconds(30), "{skew}");
    let (_, deadline) = geneve.last_call.lock().unwrap().clone().unwrap();
    assert!(deadline.is_some(), "the time left is sent along");
}

#[tokio::test]
async fn a_question_is_answered_over_mutual_tls() {
    let (geneve, feira) = pair().await;
    let request = QueryRequest { limit: 10, ..QueryRequest::default() };
    let answers = feira.peers.ask(&crate::Asking::new(request, SearchOrder::Relevance, WITHIN)).await;
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((&answer.city, &answer.ending, answer.hits.len()), (geneve.city(), &Ending::Complete, 2));
    assert_eq!(feira.peers.health(geneve.city()).records, Some(9));
    assert!(geneve.last_call.lock().unwrap().clone().unwrap().1.is_some());
}

#[tokio::test]
async fn a_city_where_nothing_listens_is_unreachable_by_name() {
    let (_geneve, feira) = pair().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = identity("gone.example");
    feira.peers.set(vec![peer_of(&gone, &format!("https://{free}"), PeerState::Active)]);
    let error = feira.peers.greet(gone.city(), WITHIN).await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::Unreachable, Reason::Connection));
    assert_eq!(error.description, format!("nothing listens at https://{free} (connection refused)"));
    let trouble = feira.peers.health(gone.city()).outbound;
    assert!(matches!(trouble, Some(Trouble { reason: Reason::Connection, .. })), "{trouble:?}");
}

#[tokio::test]
async fn a_link_connects_again_after_a_break() {
    let (geneve, feira) = pair().await;
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    geneve.peers.close_connections(feira.city());
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    assert_eq!(geneve.peers.connections(feira.city()), 1);
}

#[tokio::test]
async fn what_is_too_large_or_not_spoken_is_told_apart() {
    let (geneve, feira) = pair().await;
    let large = feira.peers.get_record(geneve.city(), profile(), WITHIN).await.unwrap_err();
    assert_eq!((large.outcome, large.reason), (Outcome::Invalid, Reason::MessageTooLarge), "{large}");
    let unspoken = feira.peers.fetch_bundle(geneve.city(), WITHIN).await.unwrap_err();
    assert_eq!((unspoken.outcome, unspoken.reason), (Outcome::Incompatible, Reason::ProtocolIncompatible));
}

#[tokio::test]
async fn suspending_a_city_stops_calls_to_it_and_lets_it_ask_why() {
    let (geneve, feira) = pair().await;
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    geneve.peers.set(vec![feira.as_peer(PeerState::Suspended)]);
    assert!(feira.peers.greet(geneve.city(), WITHIN).await.is_ok(), "what it may hear is for the node to decide");
    let error = geneve.peers.greet(feira.city(), WITHIN).await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::Suspended, Reason::PeerSuspended));
}

#[tokio::test]
async fn withdrawing_a_ca_closes_connections_and_another_change_does_not() {
    let (geneve, feira) = pair().await;
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    let changed = PeerSettings { state_reason: "changed".into(), ..feira.as_peer(PeerState::Active) };
    geneve.peers.set(vec![changed]);
    assert_eq!(geneve.peers.connections(feira.city()), 1);
    geneve.peers.set(vec![peer_of(&identity("feira.example"), &feira.endpoint(), PeerState::Active)]);
    assert_eq!(geneve.peers.connections(feira.city()), 0);
}

#[tokio::test]
async fn t3_a_revoked_certificate_closes_connections_both_ways_and_opens_no_new_one() {
    let (_folder, keys) = crate::testing::lasting_identity("feira.example");
    let geneve = Node::start("geneve.example").await;
    let feira = Node::start_as(keys, ListenerLimits::default()).await;
    geneve.peers.set(vec![feira.as_peer(PeerState::Active)]);
    feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    geneve.peers.greet(feira.city(), WITHIN).await.unwrap();
    let open = || (geneve.peers.connections(feira.city()), geneve.peers.own_connections(feira.city()));
    assert_eq!(open(), (1, 1));

    // A newer bundle that bears the certificate closes nothing.
    let endpoint = feira.endpoint();
    let sign = |sequence: i64| {
        let bundle = Bundle::parse(&feira.identity.sign_bundle(&endpoint, sequence, crate::testing::NOW)).unwrap();
        PeerSettings { bundle, ..feira.as_peer(PeerState::Active) }
    };
    geneve.peers.set(vec![sign(2)]);
    assert_eq!(open(), (1, 1));

    let serial = feira.peers.leaf().serial().unwrap();
    let authority = feira.identity.current_authority().id();
    feira.identity.revoke(&[(serial, authority)], crate::testing::NOW).unwrap();
    geneve.peers.set(vec![sign(3)]);
    assert_eq!(open(), (0, 0));
    let told = feira.peers.greet(geneve.city(), WITHIN).await.unwrap_err();
    assert!(told.description.contains("our certificate was revoked"), "{told}");
    let error = geneve.peers.greet(feira.city(), WITHIN).await.unwrap_err();
    assert!(error.description.contains("was revoked by its city"), "{error}");

    feira.peers.leaf().renew(crate::testing::NOW).unwrap();
    feira.peers.greet(geneve.city(), WITHIN).await.unwrap();
    geneve.peers.greet(feira.city(), WITHIN).await.unwrap();
}

#[tokio::test]
async fn a_connection_is_made_anew_after_its_age_and_calls_under_way_go_on() {
    let limits = Limits { ages: Ages { age: Duration::from_millis(50), grace: Duration::from_mins(1) }, ..here() };
    let geneve = Node::start("geneve.example").await;
    let feira = Peers::new(identity("feira.example"), clock(), limits).unwrap();
    geneve.peers.set(vec![peer_of(&identity("feira.example"), "https://127.0.0.1:1", PeerState::Active)]);
    let known = PeerSettings {
        bundle: Bundle::parse(&feira.leaf().identity().sign_bundle("https://127.0.0.1:1", 1, crate::testing::NOW))
            .unwrap(),
        ..geneve.peers.all().remove(0)
    };
    geneve.peers.set(vec![known]);
    feira.set(vec![geneve.as_peer(PeerState::Active)]);
    let mut connections = std::collections::BTreeSet::new();
    let begun = Instant::now();
    while connections.len() < 3 {
        feira.greet(geneve.city(), WITHIN).await.unwrap();
        connections.insert(geneve.peers.latest_connection(&"feira.example".parse().unwrap()));
        assert!(begun.elapsed() < WITHIN, "no new connection: {connections:?}");
    }
}

#[tokio::test]
async fn one_city_cant_hold_more_connections_than_its_share() {
    let limits = ListenerLimits { per_city: 2, ..ListenerLimits::default() };
    let geneve = Node::start_as(identity("geneve.example"), limits).await;
    let feira = identity("feira.example");
    geneve.peers.set(vec![peer_of(&feira, "https://127.0.0.1:1", PeerState::Active)]);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let caller = Peers::new(feira.clone(), clock(), here()).unwrap();
            caller.set(vec![geneve.as_peer(PeerState::Active)]);
            caller
        })
        .collect();
    for caller in &callers {
        caller.greet(geneve.city(), WITHIN).await.unwrap();
        assert!(geneve.peers.connections(feira.city()) <= 2);
    }
}

#[tokio::test]
async fn a_caller_that_dawdles_in_the_handshake_holds_nobody_up() {
    let (geneve, feira) = pair().await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(tokio::net::TcpStream::connect(geneve.address).await.unwrap());
    }
    assert!(feira.peers.greet(geneve.city(), WITHIN).await.is_ok());
}

#[tokio::test]
async fn who_is_no_approved_peer_is_not_called() {
    let (geneve, feira) = pair().await;
    let error = feira.peers.greet(&city("kenitra.example"), WITHIN).await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::NotAsked, Reason::PeerUnknown));
    feira.peers.set(vec![geneve.as_peer(PeerState::Invited)]);
    assert!(feira.peers.greet(geneve.city(), WITHIN).await.is_ok(), "an invited city is greeted");
    let error = feira.peers.get_record(geneve.city(), profile(), WITHIN).await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::NotAsked, Reason::PeerNotApproved));
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_in_time_gives_its_place_to_the_next() {
    let limits = ListenerLimits { handshakes: 1, handshake: Duration::from_millis(50), ..ListenerLimits::default() };
    let geneve = Node::start_as(identity("geneve.example"), limits).await;
    let feira = Node::start("feira.example").await;
    geneve.peers.set(vec![feira.as_peer(PeerState::Active)]);
    feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    let mut silent = tokio::net::TcpStream::connect(geneve.address).await.unwrap();
    assert_eq!(tokio::io::AsyncReadExt::read(&mut silent, &mut [0; 1]).await.unwrap(), 0, "it is closed");
    assert!(feira.peers.greet(geneve.city(), WITHIN).await.is_ok());
}

fn profile() -> GetRecordRequest {
    GetRecordRequest { name: "cities/geneve.example".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn an_endpoint_that_leads_to_a_private_address_is_not_called_unless_that_is_allowed() {
    let geneve = Node::start("geneve.example").await;
    let careful = Peers::new(identity("feira.example"), clock(), Limits::default()).unwrap();
    careful.set(vec![geneve.as_peer(PeerState::Active)]);
    let error = careful.greet(geneve.city(), WITHIN).await.unwrap_err();
    assert_eq!((error.outcome, error.reason), (Outcome::Unreachable, Reason::AddressNotAllowed));
    assert!(error.description.contains("leads to 127.0.0.1, a loopback address"), "{error}");
    // Neither by a name that resolves to it.
    let named = format!("https://localhost:{}", geneve.address.port());
    careful.set(vec![peer_of(&geneve.identity, &named, PeerState::Active)]);
    let error = careful.greet(geneve.city(), WITHIN).await.unwrap_err();
    assert_eq!(error.reason, Reason::AddressNotAllowed, "{error}");
}
