//! Events of one peer, as it signed them.

use isopolity_domain::cooperation::{apply, next_event, seal_event};
use isopolity_proto::{
    cooperation::{CooperationKind, Message, Step, Terms, step},
    types::LocalizedText,
};
use time::{OffsetDateTime, macros::datetime};

use super::{super::deliver::tests::Scene, *};

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
const NAME: &str = "cities/kenitra.example/cooperations/craft";

fn text(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..Default::default() }]
}

/// What Kénitra has to tell: a proposal and two messages.
fn told_by_kenitra(scene: &Scene) -> Vec<Envelope> {
    let proposal = Proposal {
        kind: CooperationKind::GoodPracticeExchange.into(),
        participants: vec!["feira.example".to_owned()],
        terms: Some(Terms { titles: text("Craft"), ..Default::default() }),
        ..Default::default()
    };
    let says = |words| step::Action::Message(Message { texts: text(words), in_reply_to: 0 });
    let name: CooperationName = NAME.parse().unwrap();
    let mut stands: Option<Cooperation> = None;
    let mut events = Vec::new();
    for action in [step::Action::Proposal(proposal), says("One"), says("Two")] {
        let step = Step { action: Some(action) };
        let event = next_event(stands.as_ref(), &name, &scene.peer.city, &step, NOW).unwrap();
        let event = Verified::made_here(event);
        events.push(seal_event(&event.event, &scene.peer.identity.record_key()));
        stands = Some(apply(stands.as_ref(), &event).unwrap());
    }
    events
}

async fn receive(scene: &Scene, events: &[Envelope], within: Duration) -> usize {
    let request = DeliverEventsRequest { cooperation: NAME.to_owned(), events: events.to_vec() };
    let answer = scene.feira.registry.receive_within(&scene.peer.city, request, within).await.unwrap();
    let is_kept = |result: &DeliveryResult| result.outcome() == DeliveryOutcome::Kept && result.receipt.is_some();
    assert!(answer.results.iter().all(is_kept), "{answer:?}");
    answer.results.len()
}

async fn sequence(scene: &Scene) -> i64 {
    scene.feira.registry.store().cooperation(NAME).await.unwrap().unwrap().sequence
}

#[tokio::test]
async fn whoever_sends_much_hears_in_time_of_what_was_kept_and_sends_the_rest_again() {
    let scene = Scene::begin().await;
    let events = told_by_kenitra(&scene);
    assert_eq!(receive(&scene, &events, Duration::ZERO).await, 1, "at least one, so that it gets on");
    assert_eq!(sequence(&scene).await, 1);
    assert_eq!(receive(&scene, &events[1..], KEEPING).await, 2);
    assert_eq!(sequence(&scene).await, 3);
}

#[tokio::test]
async fn a_step_of_which_nobody_knows_any_more_is_neither_sent_nor_in_the_way() {
    let scene = Scene::begin().await;
    receive(&scene, &told_by_kenitra(&scene), KEEPING).await;
    scene.enqueue_step(NAME, 2).await;
    scene.deliver().await;
    assert_eq!(scene.calls(), [0; 0]);
    assert!(scene.rows().await.is_empty());
}
