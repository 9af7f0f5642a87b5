//! A cooperation between the registries of a town: what people do in it, and what must be so in the end.

use isopolity_domain::{Kind, cooperation::event_hash};
use isopolity_proto::{
    cooperation::{
        Acceptance, Activation, AgreementSignature, AgreementTerms, Conclusion, Cooperation, CooperationEvent,
        CooperationKind, CooperationState, Counter, CreateCooperationRequest, Decline, DeliveryStanding, Message,
        PendingState, PendingStep, Proposal, Step, TakeStepRequest, TakeStepResponse, Terms, step::Action,
    },
    federation::{CooperationReceipt, DeliverEventsRequest, Envelope},
    options::Audience,
    registry::{Agreement, AgreementKind},
    types::LocalizedText,
};
use isopolity_registry::{Error, author::List};
use isopolity_store::{DeliveryFilter, DeliveryRow, EventRow};
use isopolity_tests::{Resident, town::administrator};
use prost::Message as _;
use time::Duration;

pub(super) const FEIRA: &str = "feira.example";
pub(super) const GENEVE: &str = "geneve.example";
pub(super) const KENITRA: &str = "kenitra.example";

pub(super) fn text(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { language: "en".to_owned(), text: text.to_owned(), ..Default::default() }]
}

/// Terms that end in an agreement.
pub(super) fn terms(title: &str) -> Terms {
    let agreement = AgreementTerms {
        kind: AgreementKind::CooperationProtocol.into(),
        audience: Audience::Federation.into(),
        ..Default::default()
    };
    Terms { titles: text(title), agreement: Some(agreement), ..Default::default() }
}

pub(super) fn draft(participants: &[&str]) -> Proposal {
    Proposal {
        kind: CooperationKind::JointPartnership.into(),
        participants: participants.iter().map(|&city| city.to_owned()).collect(),
        terms: Some(terms("Craft, together")),
        ..Default::default()
    }
}

pub(super) fn counter(title: &str) -> Action {
    Action::Counter(Counter { terms: Some(terms(title)), ..Default::default() })
}

pub(super) fn accept() -> Action {
    Action::Acceptance(Acceptance { office: "International office".to_owned(), ..Default::default() })
}

pub(super) fn sign() -> Action {
    Action::Signature(AgreementSignature {
        signing_office: "The mayor".to_owned(),
        decision_reference: "Council decision 12/2026".to_owned(),
        sign_date: "2026-03-16".to_owned(),
        ..Default::default()
    })
}

pub(super) fn activate() -> Action {
    Action::Activation(Activation::default())
}

pub(super) fn message(words: &str) -> Action {
    Action::Message(Message { texts: text(words), ..Default::default() })
}

pub(super) fn decline(reason: &str) -> Action {
    Action::Decline(Decline { reason: reason.to_owned() })
}

pub(super) fn conclude() -> Action {
    Action::Conclusion(Conclusion { outcomes: text("Done") })
}

/// Takes a step as somebody of this city.
pub(super) async fn act(city: &Resident, name: &str, action: Action) -> Result<TakeStepResponse, Error> {
    let request =
        TakeStepRequest { name: name.to_owned(), step: Some(Step { action: Some(action) }), ..Default::default() };
    Box::pin(city.registry.take_step(&administrator(), request)).await
}

/// Begins a cooperation and proposes it. Returns its name.
pub(super) async fn propose(host: &Resident, id: &str, draft: Proposal) -> String {
    let request = CreateCooperationRequest { cooperation_id: id.to_owned(), draft: Some(draft), validate_only: false };
    let created = Box::pin(host.registry.create_cooperation(&administrator(), request)).await;
    let name = created.unwrap().name;
    act(host, &name, Action::Proposal(Proposal::default())).await.unwrap();
    name
}

/// How a cooperation stands here.
pub(super) async fn at(city: &Resident, name: &str) -> Cooperation {
    city.registry.cooperation(&administrator(), name).await.unwrap()
}

pub(super) async fn pending(city: &Resident, name: &str) -> Vec<PendingStep> {
    at(city, name).await.pending_steps
}

/// The only step that waits here, and that it is overtaken.
pub(super) async fn overtaken(city: &Resident, name: &str) -> PendingStep {
    let steps = pending(city, name).await;
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!(steps[0].state(), PendingState::Overtaken, "{steps:?}");
    steps.into_iter().next().unwrap()
}

/// Everything that is on its way, or was, from a city.
pub(super) async fn deliveries(city: &Resident, standings: &[DeliveryStanding]) -> Vec<DeliveryRow> {
    let standings = standings.iter().map(|&standing| standing.into()).collect();
    city.registry.store().deliveries(&DeliveryFilter { standings, city: None }, 10_000, None).await.unwrap()
}

pub(super) async fn waiting(city: &Resident) -> Vec<DeliveryRow> {
    deliveries(city, &[DeliveryStanding::Waiting]).await
}

pub(super) async fn dead(city: &Resident) -> Vec<DeliveryRow> {
    deliveries(city, &[DeliveryStanding::Dead]).await
}

/// Time goes by for all.
pub(super) fn pass(cities: &[&Resident], by: Duration) {
    for city in cities {
        city.clock.advance(by);
    }
}

/// Delivers until nothing waits any more that can be delivered.
pub(super) async fn carry(cities: &[&Resident]) {
    for _ in 0..200 {
        for city in cities {
            city.registry.deliver_once().await.unwrap();
        }
        let mut waits = false;
        for city in cities {
            waits |= city.registry.store().next_delivery_time().await.unwrap().is_some();
        }
        if !waits {
            return;
        }
        pass(cities, Duration::HOUR);
    }
    panic!("something is never delivered");
}

pub(super) async fn history(city: &Resident, name: &str) -> Vec<EventRow> {
    city.registry.store().cooperation_events(name, 0, 10_000).await.unwrap()
}

pub(super) fn event_of(row: &EventRow) -> CooperationEvent {
    let envelope = Envelope::decode(row.envelope.clone()).unwrap();
    CooperationEvent::decode(envelope.payload).unwrap()
}

/// What every city must see alike: all but what is of one city alone.
fn shared(mut cooperation: Cooperation) -> Cooperation {
    cooperation.agreement.clear();
    cooperation.pending_steps.clear();
    cooperation.waitings.clear();
    cooperation.deliveries.clear();
    cooperation.draft = None;
    cooperation.record_problem.clear();
    cooperation.fork = None;
    // Of when the draft was begun only the host knows.
    cooperation.create_time = None;
    cooperation.update_time = None;
    cooperation
}

/// All cities have the same history, byte for byte, and stand at the same; nothing waits, and nothing was given up. Returns it.
pub(super) async fn must_agree(cities: &[&Resident], name: &str) -> Cooperation {
    let first = history(cities[0], name).await;
    for (at, row) in first.iter().enumerate() {
        assert_eq!(usize::try_from(row.sequence).unwrap(), at + 1, "{name} has a gap");
    }
    let stands = at(cities[0], name).await;
    for city in cities {
        let here = history(city, name).await;
        let envelopes = |rows: &[EventRow]| rows.iter().map(|row| (row.hash, row.envelope.clone())).collect::<Vec<_>>();
        assert_eq!(envelopes(&here), envelopes(&first), "{} knows another history of {name}", city.city());
        let here = at(city, name).await;
        assert_eq!(here.record_problem, "", "{}", city.city());
        assert!(here.fork.is_none(), "{}", city.city());
        let off: Vec<_> = here.deliveries.iter().filter(|one| one.waiting_count + one.dead_count > 0).collect();
        assert!(off.is_empty(), "{}: {off:?}", city.city());
        assert_eq!(shared(here), shared(stands.clone()), "{}", city.city());
    }
    stands
}

/// This city's agreement record that comes of a cooperation, if there is one; there must not be two.
pub(super) async fn agreement(city: &Resident, name: &str) -> Option<Agreement> {
    let found: Vec<Agreement> = agreements(city)
        .await
        .into_iter()
        .filter(|one| one.evidence.as_ref().is_some_and(|evidence| evidence.cooperation == name))
        .collect();
    assert!(found.len() <= 1, "{} has {} agreements of {name}", city.city(), found.len());
    let named = at(city, name).await.agreement;
    assert_eq!(found.first().map(|one| one.name.clone()).unwrap_or_default(), named);
    found.into_iter().next()
}

/// All agreements of a city.
pub(super) async fn agreements(city: &Resident) -> Vec<Agreement> {
    let parent = format!("cities/{}", city.city());
    let list = List { page_size: 1_000, ..List::of(Kind::Agreement, &parent) };
    let page = city.registry.list(&administrator(), list).await.unwrap();
    assert_eq!(page.next_page_token, "");
    page.resources.iter().map(|one| one.transcode_to().unwrap()).collect()
}

/// Sends something once more, as a peer does that has not heard the answer. It must be kept, with a receipt for the same event.
pub(super) async fn must_be_known(to: &Resident, from: &str, request: &DeliverEventsRequest) {
    let response = to.registry.receive_events(&from.parse().unwrap(), request.clone()).await.unwrap();
    for (envelope, result) in request.events.iter().zip(&response.results) {
        assert_eq!(result.outcome().as_str_name(), "DELIVERY_OUTCOME_KEPT", "{result:?}");
        let receipt = CooperationReceipt::decode(result.receipt.as_ref().unwrap().payload.clone()).unwrap();
        assert_eq!(receipt.event_hash, event_hash(&envelope.payload).as_slice());
        assert_eq!((receipt.receiver.as_str(), receipt.sender.as_str()), (to.city(), from));
    }
    assert_eq!(response.results.len(), request.events.len());
}

/// Whether it is over, and how.
pub(super) fn state(cooperation: &Cooperation) -> &'static str {
    let state: CooperationState = cooperation.state();
    state.as_str_name().trim_start_matches("COOPERATION_STATE_")
}
