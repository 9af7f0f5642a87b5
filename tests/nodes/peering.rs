//! Becoming peers with a code: once, in time, by the one who holds it, and nothing more than that.

use bytes::Bytes;
use isopolity_domain::{Clock as _, envelope, invitation::Invitation};
use isopolity_federation::Identity;
use isopolity_node::Node;
use isopolity_proto::{
    admin::{ApprovePeerRequest, InvitationState, ListInvitationsRequest, PeerState, RevokeInvitationRequest},
    federation::{
        GetBundleRequest, GetDigestRequest, GetInviterBundleRequest, GetRecordRequest, GetStatisticsRequest,
        HelloRequest, JoinRequest, JoinResponse, QueryRequest, WatchRequest,
        federation_service_client::FederationServiceClient,
    },
    options::Audience,
};
use isopolity_tests::{
    Impostor, TestNode,
    impostor::new_identity,
    refusal::{fields, reason},
    sample::{partnership, partnerships},
    stranger,
};
use time::Duration;
use tonic::{Code, Status, transport::Channel};

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";
const LIFE: Duration = Duration::days(7);
const HERE: &str = "https://127.0.0.1:1";

/// A caller of a node's federation listener with a certificate of this city.
fn caller(node: &Node, city: &Identity, of: &TestNode) -> FederationServiceClient<Channel> {
    let leaf = city.issue_node_leaf(of.clock.now(), LIFE).unwrap();
    FederationServiceClient::new(stranger::channel(node.federation_address(), Some(leaf.into())))
}

/// Presents an invitation as this city, with this bundle.
async fn present(at: &TestNode, city: &Identity, bundle: &Bytes, code: &Invitation) -> Result<JoinResponse, Status> {
    let request = JoinRequest {
        invitation: isopolity_domain::invitation::id_text(&code.id),
        secret: Bytes::copy_from_slice(code.secret.as_slice()),
        bundle: Some(envelope::from_file(bundle).unwrap()),
    };
    Ok(caller(at.node(), city, at).join(request).await?.into_inner())
}

async fn state(node: &TestNode, id: usize) -> InvitationState {
    let request = ListInvitationsRequest { include_closed: true };
    node.api.peers().list_invitations(request).await.unwrap().into_inner().invitations[id].state()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_two_commands_and_an_approval_on_each_side_make_two_cities_peers() {
    let (feira, geneve) = (TestNode::start(FEIRA).await, TestNode::start(GENEVE).await);
    geneve.api.create("one", partnership("One", "MA")).await;
    let code = geneve.api.invite().await;
    let joined = feira.api.join(&code).await.unwrap();
    assert_eq!((joined.city.as_str(), joined.state()), (GENEVE, PeerState::Invited));
    let there = geneve.api.peer(FEIRA, false).await;
    assert_eq!(there.state(), PeerState::Invited);
    assert_eq!(joined.words.split(' ').count(), 6);
    assert_eq!(joined.words, there.words, "both sides show the same");
    assert_eq!(state(&geneve, 0).await, InvitationState::Used);
    assert_eq!(feira.api.ask(partnerships()).await.outcomes.len(), 1, "nobody has approved yet");

    let approve = async |at: &TestNode, city: &str, words: &str| {
        let request = ApprovePeerRequest { city: city.into(), words: words.into(), ..Default::default() };
        at.api.peers().approve_peer(request).await.map(|done| done.into_inner().peer.unwrap())
    };
    let refused = approve(&feira, GENEVE, "zoo zoo zoo zoo zoo zoo").await.unwrap_err();
    assert_eq!((reason(&refused).0, fields(&refused)), (Code::InvalidArgument, vec!["words".to_owned()]));
    assert_eq!(feira.api.peer(GENEVE, false).await.state(), PeerState::Invited);
    assert_eq!(approve(&feira, GENEVE, &joined.words.to_uppercase()).await.unwrap().state(), PeerState::Active);
    assert_eq!(approve(&geneve, FEIRA, &there.words).await.unwrap().state(), PeerState::Active);
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    assert_eq!(feira.api.peer(GENEVE, true).await.peer_state(), PeerState::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_an_invitation_is_used_once_also_after_a_restart() {
    let mut geneve = TestNode::start(GENEVE).await;
    let (feira, kenitra) = (new_identity(FEIRA), new_identity(KENITRA));
    let bundle = |of: &Identity| of.sign_bundle(HERE, 1, geneve.clock.now());
    let (of_feira, of_kenitra) = (bundle(&feira), bundle(&kenitra));
    let code = Invitation::parse(&geneve.api.invite().await).unwrap();
    // Another that stays open: a guest is let in at all, and told why.
    geneve.api.invite().await;
    assert_eq!(present(&geneve, &feira, &of_feira, &code).await.unwrap().city, GENEVE);
    for _ in 0..2 {
        let refused = present(&geneve, &kenitra, &of_kenitra, &code).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_USED".into()));
        assert!(refused.message().contains("by another city"), "{}", refused.message());
        geneve.restart().await;
    }
    let all = geneve.registry().store().peers().await.unwrap();
    assert_eq!(all.iter().map(|peer| peer.city.as_str()).collect::<Vec<_>>(), [FEIRA]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_a_replayed_join_changes_nothing_within_the_window_after_it_and_after_a_restart() {
    let mut geneve = TestNode::start(GENEVE).await;
    let feira = new_identity(FEIRA);
    let first = feira.sign_bundle(HERE, 1, geneve.clock.now());
    let code = Invitation::parse(&geneve.api.invite().await).unwrap();
    geneve.api.invite().await;
    present(&geneve, &feira, &first, &code).await.unwrap();
    let before = geneve.api.peer(FEIRA, false).await;

    // By the city itself, whose answer was lost: told the same, and nothing is written.
    present(&geneve, &feira, &first, &code).await.unwrap();
    assert_eq!(geneve.api.peer(FEIRA, false).await, before);
    // With another bundle it is no repetition.
    let second = feira.sign_bundle(HERE, 2, geneve.clock.now());
    let refused = present(&geneve, &feira, &second, &code).await.unwrap_err();
    assert_eq!(reason(&refused).1, "INVITATION_USED");
    // By somebody who heard it, with keys of his own: his certificate is not of that bundle.
    let thief = new_identity(FEIRA);
    let refused = caller(geneve.node(), &thief, &geneve).hello(HelloRequest::default()).await.unwrap_err();
    assert_ne!(refused.code(), Code::Ok, "a peer's name needs a peer's certificate: {refused:?}");

    // Once it was left, the same request does not bring it back, now or later.
    geneve.api.leave(FEIRA).await;
    for _ in 0..2 {
        let refused = present(&geneve, &feira, &first, &code).await.unwrap_err();
        assert_eq!(reason(&refused).1, "INVITATION_USED");
        assert_eq!(geneve.api.peer(FEIRA, false).await.state(), PeerState::Left);
        geneve.restart().await;
    }
    geneve.clock.advance(Duration::hours(71));
    geneve.api.invite().await;
    geneve.clock.advance(Duration::hours(2));
    let refused = present(&geneve, &feira, &first, &code).await.unwrap_err();
    assert_eq!(reason(&refused).1, "INVITATION_USED", "outside the window too");
    geneve.clock.advance(Duration::hours(-73));

    // An older bundle never comes back, with whichever invitation.
    let fresh = Invitation::parse(&geneve.api.invite().await).unwrap();
    present(&geneve, &feira, &second, &fresh).await.unwrap();
    geneve.restart().await;
    let fresh = Invitation::parse(&geneve.api.invite().await).unwrap();
    let refused = present(&geneve, &feira, &first, &fresh).await.unwrap_err();
    assert_eq!(reason(&refused).1, "BUNDLE_ROLLBACK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_an_expired_or_revoked_invitation_lets_nobody_in() {
    let geneve = TestNode::start(GENEVE).await;
    let feira = new_identity(FEIRA);
    let bundle = feira.sign_bundle(HERE, 1, geneve.clock.now());
    let code = Invitation::parse(&geneve.api.invite().await).unwrap();
    geneve.clock.advance(Duration::hours(72));
    let refused = present(&geneve, &feira, &bundle, &code).await.unwrap_err();
    assert_ne!(reason(&refused).1, "INVITATION_EXPIRED", "no invitation is open, so no guest is let in");
    let other = Invitation::parse(&geneve.api.invite().await).unwrap();
    let refused = present(&geneve, &feira, &bundle, &code).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_EXPIRED".into()));

    geneve.api.invite().await;
    let revoke = RevokeInvitationRequest { id: isopolity_domain::invitation::id_text(&other.id) };
    let revoked = geneve.api.peers().revoke_invitation(revoke).await.unwrap().into_inner().invitation.unwrap();
    assert_eq!(revoked.state(), InvitationState::Revoked);
    let refused = present(&geneve, &feira, &bundle, &other).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_CLOSED".into()));
    assert!(geneve.registry().store().peers().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_a_stolen_code_gives_no_more_than_a_place_to_be_approved_and_the_other_side_learns_of_it() {
    let (feira, geneve) = (TestNode::start(FEIRA).await, TestNode::start(GENEVE).await);
    geneve.api.create("one", partnership("One", "MA")).await;
    let text = geneve.api.invite().await;
    geneve.api.invite().await;
    let thief = new_identity("thief.example");
    let bundle = thief.sign_bundle(HERE, 1, geneve.clock.now());
    present(&geneve, &thief, &bundle, &Invitation::parse(&text).unwrap()).await.unwrap();
    let mut as_thief = caller(geneve.node(), &thief, &geneve);
    assert!(!as_thief.hello(HelloRequest::default()).await.unwrap().into_inner().approved);
    let refused = as_thief.query(QueryRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "PEER_NOT_APPROVED".into()));
    // Whom it was meant for is told.
    let refused = feira.api.join(&text).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_USED".into()));
    assert!(refused.message().contains("telephone at once"), "{}", refused.message());
    assert!(feira.registry().store().peers().await.unwrap().is_empty(), "a join that is refused leaves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_wrong_secrets_are_counted_and_close_the_invitation() {
    let geneve = TestNode::start(GENEVE).await;
    let feira = new_identity(FEIRA);
    let bundle = feira.sign_bundle(HERE, 1, geneve.clock.now());
    let code = Invitation::parse(&geneve.api.invite().await).unwrap();
    geneve.api.invite().await;
    let mut guess = code.clone();
    guess.secret[19] ^= 1;
    for _ in 0..5 {
        let refused = present(&geneve, &feira, &bundle, &guess).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::PermissionDenied, "INVITATION_UNKNOWN".into()));
    }
    let request = ListInvitationsRequest { include_closed: true };
    let listed = geneve.api.peers().list_invitations(request).await.unwrap().into_inner().invitations;
    let guessed = listed.iter().find(|one| one.failures == 5).unwrap();
    assert_eq!(guessed.state(), InvitationState::Guessed);
    let refused = present(&geneve, &feira, &bundle, &code).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_CLOSED".into()));
    let unknown = Invitation { id: [9; 5], ..code };
    let refused = present(&geneve, &feira, &bundle, &unknown).await.unwrap_err();
    assert_eq!(reason(&refused).1, "INVITATION_UNKNOWN", "an id that is none sounds the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_a_guest_presents_its_own_bundle_and_calls_nothing_else() {
    let geneve = TestNode::start(GENEVE).await;
    let feira = new_identity(FEIRA);
    let refused = caller(geneve.node(), &feira, &geneve).get_inviter_bundle(GetInviterBundleRequest {}).await;
    assert!(refused.is_err(), "without an invitation no stranger is let in");

    let code = Invitation::parse(&geneve.api.invite().await).unwrap();
    let mut guest = caller(geneve.node(), &feira, &geneve);
    assert!(guest.get_inviter_bundle(GetInviterBundleRequest {}).await.is_ok());
    let refused = [
        guest.hello(HelloRequest::default()).await.map(drop).unwrap_err(),
        guest.get_bundle(GetBundleRequest::default()).await.map(drop).unwrap_err(),
        guest.query(QueryRequest::default()).await.map(drop).unwrap_err(),
        guest.get_record(GetRecordRequest::default()).await.map(drop).unwrap_err(),
        guest.get_statistics(GetStatisticsRequest::default()).await.map(drop).unwrap_err(),
        guest.get_digest(GetDigestRequest::default()).await.map(drop).unwrap_err(),
        guest.watch(WatchRequest::default()).await.map(drop).unwrap_err(),
    ];
    for status in refused {
        assert_eq!(reason(&status), (Code::PermissionDenied, "GUEST_ONLY_JOINS".into()));
    }
    // Another city's bundle, and one of its own name with other keys.
    let other = new_identity(KENITRA).sign_bundle(HERE, 1, geneve.clock.now());
    let namesake = new_identity(FEIRA).sign_bundle(HERE, 1, geneve.clock.now());
    for bundle in [other, namesake] {
        let refused = present(&geneve, &feira, &bundle, &code).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::PermissionDenied, "GUEST_MISMATCH".into()));
    }
    assert_eq!(state(&geneve, 0).await, InvitationState::Open, "none of this uses it up");
    assert!(geneve.registry().store().peers().await.unwrap().is_empty());
    // Over one connection there are only so many calls.
    let mut busy = caller(geneve.node(), &feira, &geneve);
    let mut last = Ok(());
    for _ in 0..7 {
        last = busy.get_inviter_bundle(GetInviterBundleRequest {}).await.map(drop);
    }
    assert_eq!(reason(&last.unwrap_err()).0, Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t9_the_secret_is_told_to_nobody_but_the_city_that_the_code_names() {
    let feira = TestNode::start(FEIRA).await;
    let impostor = Impostor::start(GENEVE).await;
    impostor.open_the_door();
    let endpoint = isopolity_federation::Bundle::parse(&impostor.bundle).unwrap().endpoint;
    let code = |fingerprint: [u8; 32]| {
        let secret = zeroize::Zeroizing::new([7; 20]);
        let city = GENEVE.parse().unwrap();
        Invitation { city, endpoint: endpoint.clone(), id: [1; 5], fingerprint, secret }.to_code().to_string()
    };
    let refused = feira.api.join(&code([0; 32])).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "INVITATION_MISMATCH".into()));
    assert!(impostor.told().is_empty(), "nothing was told");
    let right =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &impostor.bundle));
    feira.api.join(&code(right.into())).await.unwrap();
    assert_eq!(impostor.told().len(), 1, "with the right one it is");
    // Whoever shows Genève's bundle without Genève's certificate gets no secret either.
    let copy = Impostor::start_with(impostor.identity.clone(), new_identity(GENEVE)).await;
    copy.open_the_door();
    let right: [u8; 32] =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &copy.bundle)).into();
    let endpoint = isopolity_federation::Bundle::parse(&copy.bundle).unwrap().endpoint;
    let secret = zeroize::Zeroizing::new([7; 20]);
    let text = Invitation { city: GENEVE.parse().unwrap(), endpoint, id: [1; 5], fingerprint: right, secret }.to_code();
    let refused = feira.api.join(&text).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.message().contains("not issued by a CA in the city's trust bundle"), "{}", refused.message());
    assert!(copy.told().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_can_t_be_used_is_refused_with_what_is_wrong() {
    let feira = TestNode::start(FEIRA).await;
    let own = feira.api.invite().await;
    for (code, named, word) in [
        ("hello".to_owned(), "INVITATION_MALFORMED", "this is no invitation code"),
        (own.replacen("-1-", "-1-Z", 1), "INVITATION_MALFORMED", "group 1 of the code has a typo"),
        (own, "FIELD_INVALID", "this city's own"),
    ] {
        let refused = feira.api.join(&code).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, named.into()));
        assert!(refused.message().contains(word), "{}", refused.message());
    }
    let hours = isopolity_proto::admin::CreateInvitationRequest { hours: 721 };
    assert_eq!(fields(&feira.api.peers().create_invitation(hours).await.unwrap_err()), ["hours"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_that_was_left_joins_again_and_has_to_be_approved_again() {
    let [feira, geneve] = isopolity_tests::federation::of([FEIRA, GENEVE]).await;
    feira.api.leave(GENEVE).await;
    geneve.api.leave(FEIRA).await;
    let code = geneve.api.invite().await;
    assert_eq!(feira.api.join(&code).await.unwrap().state(), PeerState::Invited);
    assert_eq!(geneve.api.peer(FEIRA, false).await.state(), PeerState::Invited);
    feira.api.approve(GENEVE, Audience::Public).await;
    geneve.api.approve(FEIRA, Audience::Public).await;
    assert_eq!(feira.api.ask(partnerships()).await.coverage.unwrap().cities_answered, 2);
}
