//! Trying to learn what is hidden, through everything that an answer has.
//!
//! Two cities are alike but for one thing that somebody may not see: a value of a field, a record, a kind, a name in a list. Whatever he
//! asks, both give him the same answers, byte for byte, apart from what follows: the time that a call took, and what depends on it (the
//! size of an answer in an explanation); the feed's epoch, which is drawn at random, and its sequences, which go up with every change
//! whoever may see it; ids that are drawn at random (stage events), signatures, and the salt of a digest with the bits that depend on it.
//! Somebody who may see it gets other answers in both: the questions do look at it.

mod transcript;
mod worlds;

use isopolity_domain::CityId;

use self::{
    transcript::Transcript,
    worlds::{Secret, Viewer, World},
};

async fn same(secret: Secret, hidden_from: &[Viewer], shown_to: &[Viewer]) {
    let (one, other) = (World::with(secret, false).await, World::with(secret, true).await);
    for viewer in hidden_from {
        let (one, other) = (Transcript::of(&one, *viewer).await, Transcript::of(&other, *viewer).await);
        one.must_be(&other, &format!("{secret:?} tells {viewer:?}"));
    }
    for viewer in shown_to {
        let (one, other) = (Transcript::of(&one, *viewer).await, Transcript::of(&other, *viewer).await);
        assert!(one != other, "the questions do not look at {secret:?}, which {viewer:?} may see");
    }
}

use Viewer::{Anonymous, FederationPeer, KindsPeer, NamedPeer, PublicPeer, Staff};

const OTHERS: [Viewer; 4] = [Anonymous, PublicPeer, FederationPeer, NamedPeer];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_own_staff_in_a_record_that_everybody_sees_is_told_to_nobody() {
    same(Secret::InternalTie, &OTHERS, &[Staff]).await;
    same(Secret::InternalParticipant, &OTHERS, &[Staff]).await;
    same(Secret::InternalNote, &OTHERS, &[Staff]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_record_for_own_staff_is_there_is_told_to_nobody() {
    same(Secret::InternalRecord, &OTHERS, &[Staff]).await;
    same(Secret::DeletedRecord, &OTHERS, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_partner_cities_is_told_neither_to_a_peer_that_is_granted_less_nor_to_anybody_else() {
    let (hidden, shown) = ([Anonymous, PublicPeer], [FederationPeer, NamedPeer, Staff]);
    same(Secret::FederationField, &hidden, &shown).await;
    same(Secret::FederationText, &hidden, &shown).await;
    same(Secret::FederationRecord, &hidden, &shown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_is_told_to_the_cities_that_are_named_and_to_nobody_else() {
    let hidden = [Anonymous, PublicPeer, FederationPeer, KindsPeer];
    same(Secret::SharedRecord, &hidden, &[NamedPeer, Staff]).await;
    same(Secret::SharedPart, &hidden, &[NamedPeer, Staff]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_whom_else_something_is_shared_is_told_to_no_city() {
    same(Secret::SharedWithAnother, &OTHERS, &[Staff]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_was_not_agreed_is_not_there_for_the_peer() {
    same(Secret::OtherKind, &[KindsPeer], &[FederationPeer, Anonymous]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_ask_for_what_is_hidden_by_its_name_is_answered_like_to_ask_for_what_never_was() {
    let world = World::with(Secret::SharedRecord, true).await;
    let home: &CityId = world.home.registry.city();
    for viewer in [PublicPeer, FederationPeer, KindsPeer] {
        let hidden = transcript::read(&world, viewer, &format!("cities/{home}/organizations/hidden")).await;
        let never = transcript::read(&world, viewer, &format!("cities/{home}/organizations/nothere")).await;
        assert_eq!(hidden.replace("hidden", "nothere"), never, "{viewer:?}");
        assert!(hidden.contains("ResourceNotFound"), "{hidden}");
    }
    let seen = transcript::read(&world, NamedPeer, &format!("cities/{home}/organizations/hidden")).await;
    assert!(seen.contains("quartz"), "{seen}");
}
