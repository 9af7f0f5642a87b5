//! Bundles between registries: what is refused, what is warned of, what a peer is told.

use std::time::Duration as Span;

use futures::StreamExt as _;
use isopolity_domain::Clock as _;
use isopolity_federation::{KeyKind, bundle::LONGEST_JUMP};
use isopolity_proto::{
    admin::{self, PeerState},
    error::Reason,
    federation::{WatchRequest, watch_response::Part},
    options::Audience,
};
use isopolity_tests::{
    Resident, Town,
    sample::{asking, partnership, partnerships},
    town::{administrator, grant, introduce},
};
use time::Duration;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";

async fn seen_by(here: &Resident, city: &str) -> admin::Peer {
    let peers = here.registry.list_peers(&administrator(), true, false).await.unwrap();
    peers.into_iter().find(|peer| peer.city == city).unwrap()
}

async fn rotate(city: &Resident, kind: KeyKind) {
    city.registry.prepare_key(&administrator(), kind).await.unwrap();
    city.registry.rotate_key(&administrator(), kind, true).await.unwrap();
}

#[tokio::test]
async fn t4_an_older_bundle_that_comes_back_is_refused_and_named() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    rotate(&geneve, KeyKind::Record).await;
    feira.registry.tend_peers().await;
    assert_eq!(seen_by(&feira, GENEVE).await.bundle_sequence, 3);

    // Genève's database is as it was before; its keys are not.
    let folder = tempfile::tempdir().unwrap();
    let geneve = town.open(town.close(geneve).on(format!("sqlite://{}", folder.path().join("old.db").display()))).await;
    let (bundle, _) = feira.registry.own_bundle(&administrator()).await.unwrap();
    geneve.registry.add_peer(&administrator(), &bundle).await.unwrap();
    grant(&geneve, &feira, Audience::Public).await;
    feira.registry.tend_peers().await;
    let peer = seen_by(&feira, GENEVE).await;
    assert_eq!(peer.bundle_sequence, 3);
    let trouble = peer.troubles.iter().find(|trouble| trouble.reason() == Reason::BundleRollback).unwrap();
    assert!(trouble.description.contains("sequence 1, but 3 was seen"), "{trouble:?}");
    let log = peer.troubles.iter().any(|trouble| trouble.reason() == Reason::AuditLogRewritten);
    assert!(log, "its audit log went back too, and neither hides the other: {:?}", peer.troubles);
    let (old, _) = geneve.registry.own_bundle(&administrator()).await.unwrap();
    let refused = feira.registry.add_peer(&administrator(), &old).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::BundleRollback);
}

#[tokio::test]
async fn t4_a_bundle_that_is_frozen_is_alarmed_of_by_its_age_and_ends() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    assert!(seen_by(&feira, GENEVE).await.warnings.is_empty());
    // Genève goes on signing; somebody between hands the old one out, and says that it is the present one.
    for (days, expected) in
        [(20, None), (22, Some("the trust bundle is 22 days old")), (91, Some("trust bundle ended at"))]
    {
        let start = feira.clock.now();
        feira.clock.advance(Duration::days(days));
        let warnings = seen_by(&feira, GENEVE).await.warnings;
        let told = expected.is_none_or(|expected| warnings.iter().any(|one| one.description.contains(expected)));
        assert!(told && expected.is_none() == warnings.is_empty(), "{days}: {warnings:?}");
        feira.clock.advance(start - feira.clock.now());
    }
    // One that signs its bundle each week is never alarmed of.
    for city in [&geneve, &feira] {
        city.clock.advance(Duration::days(30));
    }
    geneve.registry.tend_trust().await;
    feira.registry.tend_peers().await;
    assert!(seen_by(&feira, GENEVE).await.warnings.is_empty());
}

#[tokio::test]
async fn t4_a_sequence_that_was_run_up_is_refused_and_can_be_reset() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    let sign = |sequence: i64| geneve.identity.sign_bundle("https://127.0.0.1:1", sequence, geneve.clock.now());
    let refused = feira.registry.add_peer(&administrator(), &sign(2 + LONGEST_JUMP)).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::BundleInvalid);
    assert!(refused.to_string().contains("trust reset"), "{refused}");

    // Whoever had the key has run it up within the limit. The city can't go on from its own number.
    feira.registry.add_peer(&administrator(), &sign(1 + LONGEST_JUMP)).await.unwrap();
    let (present, fingerprint) = geneve.registry.own_bundle(&administrator()).await.unwrap();
    let refused = feira.registry.add_peer(&administrator(), &present).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::BundleRollback);
    for wrong in ["", "00"] {
        assert!(feira.registry.reset_peer_bundle(&administrator(), &present, wrong).await.is_err(), "{wrong:?}");
    }
    let reset = feira.registry.reset_peer_bundle(&administrator(), &present, &fingerprint).await.unwrap();
    assert_eq!((reset.state(), reset.bundle_sequence), (PeerState::Invited, 1), "it has to be approved again");
    grant(&feira, &geneve, Audience::Public).await;
    rotate(&geneve, KeyKind::Record).await;
    feira.registry.tend_peers().await;
    assert_eq!(seen_by(&feira, GENEVE).await.bundle_sequence, 3);
}

#[tokio::test]
async fn t8_clocks_that_differ_by_less_than_five_minutes_are_fine_and_others_are_named() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    for (minutes, expected) in
        [(1, ""), (-1, ""), (4, ""), (-4, ""), (10, "10 min ahead of ours"), (-10, "10 min behind ours")]
    {
        geneve.clock.advance(Duration::minutes(minutes));
        feira.registry.tend_peers().await;
        let peer = seen_by(&feira, GENEVE).await;
        let skew = Duration::milliseconds(peer.clock_skew_millis);
        assert!((skew - Duration::minutes(minutes)).abs() < Duration::seconds(30), "{skew}");
        assert_eq!(peer.clock_warning.is_empty(), expected.is_empty(), "{minutes}: {}", peer.clock_warning);
        assert!(peer.clock_warning.contains(expected), "{minutes}: {}", peer.clock_warning);
        let answer = feira.search(&asking(partnerships()), None).await.unwrap();
        assert_eq!(answer.coverage.unwrap().cities_answered, 2, "and that is all");
        geneve.clock.advance(Duration::minutes(-minutes));
    }
}

#[tokio::test]
async fn a_page_goes_on_after_the_record_key_was_rotated_and_the_node_restarted() {
    let town = Town::default();
    let feira = town.settle(FEIRA).await;
    for id in ["one", "two", "three"] {
        feira.create(id, partnership(id, "MA")).await;
    }
    let mut request = asking(partnerships());
    request.page_size = 2;
    let first = feira.search(&request, None).await.unwrap();
    rotate(&feira, KeyKind::Record).await;
    let feira = town.open(town.close(feira)).await;
    request.page_token = first.next_page_token;
    assert_eq!(feira.search(&request, None).await.unwrap().hits.len(), 1);
}

#[tokio::test]
async fn a_peer_that_watches_is_told_at_once_and_looks() {
    let town = Town::default();
    let [feira, geneve] = town.of([FEIRA, GENEVE]).await;
    let mut told = geneve.registry.watched_by_peer(feira.registry.city(), WatchRequest::default()).unwrap();
    assert!(matches!(told.next().await.unwrap().unwrap().part, Some(Part::Position(_))));
    let mut watch = feira.registry.federation().watch(geneve.registry.city(), WatchRequest::default());
    assert!(watch.next().await.unwrap().is_ok());
    let watching = tokio::spawn(async move { while let Some(Ok(_)) = watch.next().await {} });

    geneve.registry.prepare_key(&administrator(), KeyKind::Record).await.unwrap();
    let part = told.next().await.unwrap().unwrap().part;
    assert!(matches!(part, Some(Part::Trust(trust)) if trust.bundle_sequence == 2), "{part:?}");
    let nudged = tokio::time::timeout(Span::from_secs(30), feira.registry.federation().nudged()).await.unwrap();
    assert_eq!(nudged, [geneve.registry.city().clone()]);
    assert!(feira.registry.tend_peer(geneve.registry.city()).await, "there is a newer one");
    assert_eq!(seen_by(&feira, GENEVE).await.bundle_sequence, 2);
    assert_eq!(seen_by(&geneve, FEIRA).await.held_bundle_sequence, 2, "and it says so");
    watching.abort();
}

#[tokio::test]
async fn a_peer_that_was_only_invited_is_given_no_bundle() {
    let town = Town::default();
    let (feira, geneve) = (town.settle(FEIRA).await, town.settle(GENEVE).await);
    introduce(&feira, &geneve, Audience::Public).await;
    let stranger = town.settle("kenitra.example").await;
    let (bundle, _) = stranger.registry.own_bundle(&administrator()).await.unwrap();
    feira.registry.add_peer(&administrator(), &bundle).await.unwrap();
    let request = isopolity_proto::federation::GetBundleRequest { held_sequence: 0 };
    let refused = feira.registry.bundle_for_peer(stranger.registry.city(), &request).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::PeerNotApproved);
    assert!(feira.registry.bundle_for_peer(geneve.registry.city(), &request).await.is_ok());
}
