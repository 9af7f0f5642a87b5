//! Who is believed to be a city, and who is not. The reason stands in the list of peers on both sides.

use isopolity_domain::Clock as _;
use isopolity_federation::Identity;
use isopolity_proto::{admin::PeerState, catalog::Outcome, error::Reason, options::Audience};
use isopolity_tests::{
    Impostor, Mode, TestNode,
    clock::eventually,
    federation,
    impostor::new_identity,
    refusal::{fields, reason},
    sample::{outcome, partnership, partnerships},
    stranger,
};
use time::Duration;
use tonic::Code;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";
const LIFE: Duration = Duration::days(7);

/// What a node says about a call in a city's name.
async fn inbound(node: &TestNode, city: &str) -> (Reason, String) {
    let trouble = node.api.trouble(city, true).await.unwrap();
    (trouble.reason(), trouble.description)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_a_good_certificate_of_a_peer_gets_no_connection() {
    let [feira, geneve, kenitra] = federation::of([FEIRA, GENEVE, KENITRA]).await;
    let (address, now) = (feira.node().federation_address(), feira.clock.now());
    let good = geneve.identity().issue_node_leaf(now, LIFE).unwrap();
    assert_eq!(stranger::call(address, Some(good.into())).await, Ok(()), "the right one does");
    assert!(feira.api.trouble(GENEVE, true).await.is_none());

    let other_keys = new_identity(GENEVE).issue_node_leaf(now, LIFE).unwrap();
    let expired = geneve.identity().issue_node_leaf(now - Duration::days(8), LIFE).unwrap();
    let not_yet = geneve.identity().issue_node_leaf(now + Duration::days(1), LIFE).unwrap();
    for (what, leaf, words, alert) in [
        ("the wrong CA", other_keys, "not issued by a CA in the city's trust bundle", "UnknownC"),
        ("an expired one", expired, "the certificate expired at", "CertificateExpired"),
        ("one of tomorrow", not_yet, "valid only from", "CertificateExpired"),
    ] {
        let refused = stranger::call(address, Some(leaf.into())).await.unwrap_err();
        assert!(refused.contains(alert), "{what}: {refused}");
        let (reason, description) = inbound(&feira, GENEVE).await;
        assert_eq!(reason, Reason::TlsHandshake, "{what}");
        assert!(description.contains(words), "{what}: {description}");
    }

    // Kénitra's CA signs for Genève: Kénitra is a peer, and yet can't vouch for another city.
    let borrowed = stranger::signed_by(&kenitra.trust(), "spiffe://geneve.example/node", now);
    stranger::call(address, Some(borrowed)).await.unwrap_err();
    let (_, description) = inbound(&feira, GENEVE).await;
    assert!(description.contains("a CA of kenitra.example issued it"), "{description}");
    assert!(feira.api.trouble(KENITRA, true).await.is_none(), "nobody speaks in Kénitra's name");

    for (what, uri) in [
        ("a city that nobody knows", "spiffe://lisboa.example/node"),
        ("a city's CA, not its node", "spiffe://kenitra.example"),
        ("no SPIFFE ID", "https://kenitra.example/node"),
        ("another path", "spiffe://kenitra.example/other"),
    ] {
        let shown = stranger::signed_by(&kenitra.trust(), uri, now);
        assert!(stranger::call(address, Some(shown)).await.is_err(), "{what}");
    }
    let refused = stranger::call(address, None).await.unwrap_err();
    assert!(refused.contains("CertificateRequired"), "{refused}");

    // None of this cost anybody their service; and a good call ends the trouble.
    for city in [&feira, &geneve, &kenitra] {
        assert_eq!(city.api.ask(partnerships()).await.coverage.unwrap().cities_answered, 3);
    }
    assert!(feira.api.trouble(GENEVE, true).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_in_a_city_s_place_is_not_asked() {
    let [feira, geneve, kenitra] = federation::of([FEIRA, GENEVE, KENITRA]).await;
    kenitra.api.create("one", partnership("One", "MA")).await;
    // Where Genève was, Kénitra answers.
    geneve.cut.lead_to(kenitra.node().federation_address());
    geneve.cut.break_all();
    let answer = feira.api.ask(partnerships()).await;
    let wrong = outcome(&answer, GENEVE);
    assert_eq!((wrong.outcome(), wrong.error_reason()), (Outcome::Unreachable, Reason::TlsHandshake), "{wrong:?}");
    assert!(wrong.reason.contains("names kenitra.example, not geneve.example"), "{}", wrong.reason);
    assert_eq!((answer.total, outcome(&answer, KENITRA).outcome()), (1, Outcome::Answered));
    let trouble = feira.api.trouble(GENEVE, false).await.unwrap();
    assert!(trouble.reason() == Reason::TlsHandshake && trouble.description == wrong.reason, "{trouble:?}");

    // Somebody with other keys who calls himself Lisboa answers where Lisboa's bundle leads.
    let lisboa = Impostor::start_with(new_identity("lisboa.example"), new_identity("lisboa.example")).await;
    lisboa.join(&feira).await;
    let answer = feira.api.ask(partnerships()).await;
    let false_one = outcome(&answer, "lisboa.example");
    assert_eq!((false_one.outcome(), false_one.error_reason()), (Outcome::Unreachable, Reason::TlsHandshake));
    assert!(false_one.reason.contains("not issued by a CA in the city's trust bundle"), "{}", false_one.reason);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_made_new_keys_is_refused_and_both_sides_say_why() {
    let [feira, _geneve] = federation::of([FEIRA, GENEVE]).await;
    // Genève lost its folder and began anew, without telling Feira.
    let anew = TestNode::start(GENEVE).await;
    anew.api.add_peer(&feira.api.bundle().await).await.unwrap();
    anew.api.approve(FEIRA, Audience::Public).await;
    let answer = anew.api.ask(partnerships()).await;
    let refused = outcome(&answer, FEIRA);
    assert_eq!((refused.outcome(), refused.error_reason()), (Outcome::Unreachable, Reason::TlsHandshake));
    let trouble = anew.api.trouble(FEIRA, false).await.unwrap();
    assert_eq!(trouble.reason(), Reason::TlsHandshake);
    assert!(trouble.description.contains("not issued by a CA in the bundle that it holds of us"), "{trouble:?}");
    let (reason_here, description) = inbound(&feira, GENEVE).await;
    assert_eq!(reason_here, Reason::TlsHandshake);
    assert!(description.contains("not issued by a CA in the city's trust bundle"), "{description}");

    // Feira does not take the new keys for Genève's by itself: the bundle is not signed with a key that it holds.
    let bundle = anew.api.bundle().await;
    let refused = feira.api.add_peer(&bundle).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "BUNDLE_INVALID".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_named_on_both_sides_and_renewal_needs_no_restart() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    let renew = |node: &TestNode| node.registry().federation().leaf().renew_if_due(node.clock.now()).unwrap();
    let reconnect = || {
        feira.registry().federation().close_connections(&GENEVE.parse().unwrap());
        geneve.registry().federation().close_connections(&FEIRA.parse().unwrap());
    };
    let first = feira.api.node().await.certificate_expire_time.unwrap().seconds;
    assert!(!renew(&feira), "it is new");

    // Half of its life is over: both renew, and go on after the first certificate's end.
    for node in [&feira, &geneve] {
        node.clock.advance(Duration::days(4));
        assert!(renew(node));
    }
    let second = feira.api.node().await.certificate_expire_time.unwrap().seconds;
    assert_eq!(second - first, 4 * 24 * 3600);
    for node in [&feira, &geneve] {
        node.clock.advance(Duration::days(4));
    }
    reconnect();
    // A question may still set out on a connection that is being closed, so the first may be lost.
    for node in [&feira, &geneve] {
        eventually("both answer over new connections", async || {
            (node.api.ask(partnerships()).await.coverage?.cities_answered == 2).then_some(())
        })
        .await;
    }

    // Only Feira renews: Genève's certificate expires. Each side says so.
    for node in [&feira, &geneve] {
        node.clock.advance(Duration::days(4));
    }
    assert!(renew(&feira));
    reconnect();
    let expired = eventually("the expired certificate is named by who asks", async || {
        let answer = feira.api.ask(partnerships()).await;
        Some(outcome(&answer, GENEVE).clone()).filter(|found| found.reason.contains("the certificate expired at"))
    })
    .await;
    assert_eq!((expired.outcome(), expired.error_reason()), (Outcome::Unreachable, Reason::TlsHandshake));
    let told = eventually("whoever has it is told", async || {
        let answer = geneve.api.ask(partnerships()).await;
        Some(outcome(&answer, FEIRA).clone()).filter(|found| found.reason.contains("our certificate has expired"))
    })
    .await;
    assert_eq!((told.outcome(), told.error_reason()), (Outcome::Unreachable, Reason::TlsHandshake), "{told:?}");
    let (_, description) = inbound(&feira, GENEVE).await;
    assert!(description.contains("the certificate expired at"), "{description}");
    let troubles = feira.api.peer(GENEVE, false).await.troubles;
    assert_eq!(troubles.len(), 2, "called and calling: {troubles:?}");
    assert!(geneve.api.trouble(FEIRA, false).await.unwrap().description.contains("our certificate has expired"));

    assert!(renew(&geneve));
    for node in [&feira, &geneve] {
        eventually("both answer again", async || {
            (node.api.ask(partnerships()).await.coverage?.cities_answered == 2).then_some(())
        })
        .await;
    }
    assert!(feira.api.peer(GENEVE, false).await.troubles.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_must_approve_before_records_flow() {
    let (feira, geneve) = (TestNode::start(FEIRA).await, TestNode::start(GENEVE).await);
    geneve.api.create("one", partnership("One", "MA")).await;

    // Genève knows nothing of Feira.
    let peer = feira.api.add_peer(&geneve.api.bundle().await).await.unwrap();
    assert_eq!((peer.state(), peer.city.as_str()), (PeerState::Invited, GENEVE));
    let trouble = feira.api.trouble(GENEVE, false).await.unwrap();
    assert_eq!(trouble.reason(), Reason::PeerUnknown);
    assert!(trouble.description.contains("our city is not a peer there"), "{}", trouble.description);
    assert_eq!(feira.api.ask(partnerships()).await.outcomes.len(), 1, "an invited city is no member yet");
    feira.api.approve(GENEVE, Audience::Public).await;
    let answer = feira.api.ask(partnerships()).await;
    let unknown = outcome(&answer, GENEVE);
    assert_eq!((unknown.outcome(), unknown.error_reason()), (Outcome::Refused, Reason::PeerUnknown), "{unknown:?}");

    // Genève knows Feira, and has not approved it.
    geneve.api.add_peer(&feira.api.bundle().await).await.unwrap();
    let answer = feira.api.ask(partnerships()).await;
    let invited = outcome(&answer, GENEVE);
    assert_eq!((invited.outcome(), invited.error_reason()), (Outcome::Refused, Reason::PeerNotApproved), "{invited:?}");
    let peer = feira.api.peer(GENEVE, true).await;
    assert_eq!(peer.approved_by_peer, Some(false));
    assert_eq!(inbound(&geneve, FEIRA).await.0, Reason::PeerNotApproved, "this side names it too");
    let refused = feira.api.record("cities/geneve.example/partnerships/one").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");

    geneve.api.approve(FEIRA, Audience::Public).await;
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    assert_eq!(feira.api.peer(GENEVE, true).await.approved_by_peer, Some(true));
    assert!(geneve.api.trouble(FEIRA, true).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_goes_forward_only_also_after_a_restart_and_after_leaving() {
    let [mut feira, mut geneve] = federation::of([FEIRA, GENEVE]).await;
    let first = feira.api.bundle().await;
    feira.move_elsewhere().await;
    let second = feira.api.bundle().await;
    assert_eq!(geneve.api.add_peer(&second).await.unwrap().bundle_sequence, 2);
    assert_eq!(
        geneve.api.add_peer(&second).await.unwrap().state(),
        PeerState::Active,
        "the same again changes nothing"
    );

    let rolled_back = async |geneve: &TestNode| {
        let refused = geneve.api.add_peer(&first).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "BUNDLE_ROLLBACK".into()));
        assert!(refused.message().contains("sequence 1, but 2 was seen"), "{}", refused.message());
        assert_eq!(geneve.api.peer(FEIRA, false).await.bundle_sequence, 2);
    };
    rolled_back(&geneve).await;
    geneve.restart().await;
    rolled_back(&geneve).await;
    geneve.api.leave(FEIRA).await;
    rolled_back(&geneve).await;
    geneve.restart().await;
    rolled_back(&geneve).await;
    let again = geneve.api.add_peer(&second).await.unwrap();
    assert_eq!(again.state(), PeerState::Invited, "a city that was left begins again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_is_not_one_is_refused_by_name() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    let now = feira.clock.now();
    let endpoint = "https://127.0.0.1:1";
    let expired = new_identity(KENITRA).sign_bundle(endpoint, 1, now - Duration::days(400));
    let usurper: Identity = new_identity(GENEVE);
    let mut damaged = geneve.api.bundle().await.to_vec();
    damaged[40] ^= 1;
    for (what, bundle) in [
        ("nothing", bytes::Bytes::new()),
        ("no JSON", "bundle".into()),
        ("too large", vec![b' '; 300_000].into()),
        ("a damaged one", damaged.into()),
        ("this city's own", feira.api.bundle().await),
        ("an expired one", expired),
        ("a later one that other keys sign", usurper.sign_bundle(endpoint, 5, now)),
        ("another one of the same sequence", usurper.sign_bundle(endpoint, 1, now)),
    ] {
        let refused = feira.api.add_peer(&bundle).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "BUNDLE_INVALID".into()), "{what}");
        assert_eq!(fields(&refused), ["bundle"], "{what}");
    }
    assert_eq!(feira.api.ask(partnerships()).await.coverage.unwrap().cities_answered, 2, "nothing has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_moved_is_found_again() {
    let [mut feira, geneve, kenitra] = federation::of([FEIRA, GENEVE, KENITRA]).await;
    feira.api.create("one", partnership("One", "MA")).await;
    let before = feira.move_elsewhere().await;

    // The old address leads nowhere: the bundle is handed over again.
    let answer = kenitra.api.ask(partnerships()).await;
    assert_eq!((outcome(&answer, FEIRA).outcome(), answer.total), (Outcome::Unreachable, 0));
    let peer = kenitra.api.add_peer(&feira.api.bundle().await).await.unwrap();
    assert_eq!((peer.state(), peer.bundle_sequence), (PeerState::Active, 2), "it stays approved");
    assert_eq!(kenitra.api.ask(partnerships()).await.total, 1);

    // As long as it leads there too, peers learn of the new one by greeting.
    before.lead_to(feira.node().federation_address());
    eventually("Genève has learnt of the new address", async || {
        geneve.registry().tend_peers().await;
        let peer = geneve.api.peer(FEIRA, false).await;
        ((peer.bundle_sequence, peer.endpoint) == (2, feira.cut.endpoint())).then_some(())
    })
    .await;
    before.set(Mode::Refuse);
    assert_eq!(geneve.api.ask(partnerships()).await.total, 1);
    assert_eq!(
        feira.api.ask(partnerships()).await.coverage.unwrap().cities_answered,
        3,
        "it finds the others as before"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_differ_are_named_in_the_list_of_peers() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    geneve.clock.advance(Duration::minutes(10));
    let peer = feira.api.peer(GENEVE, true).await;
    let skew = Duration::milliseconds(peer.clock_skew_millis);
    assert!((skew - Duration::minutes(10)).abs() < Duration::minutes(2), "{skew}");
    assert_eq!(feira.api.ask(partnerships()).await.coverage.unwrap().cities_answered, 2, "and that is all");
}
