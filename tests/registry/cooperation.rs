//! What a city does in a cooperation, and what its registry holds of it.

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use isopolity_domain::{
    Clock as _, Kind,
    cooperation::{Verified, apply, next_event, seal_event},
};
use isopolity_proto::{
    admin::Role,
    cooperation::{
        Acceptance, Activation, AgreementSignature, AgreementTerms, Answer, Conclusion, Cooperation, CooperationKind,
        CooperationState, Counter, CreateCooperationRequest, DeliveryStanding, ListCooperationEventsRequest,
        ListCooperationsRequest, ListDeliveriesRequest, ListInboxRequest, Message, NoticeKind, PendingState, Proposal,
        RedriveDeliveriesRequest, Statement, Step, StepOutcome, Subject, TakeStepRequest, TakeStepResponse, Terms,
        UpdateDraftRequest, WaitingFor, Withdrawal, step::Action,
    },
    error::Reason,
    federation::{DeliverEventsRequest, DeliveryOutcome, Envelope, FetchEventsRequest},
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementStatus, Confirmation, ConfirmationStance, MatchAssertion, MatchVerdict,
        Partnership,
    },
    to_dynamic,
    types::Period,
};
use isopolity_registry::{
    Caller, Error,
    author::{List, Terms as Conditions},
    cooperation::Rules,
};
use isopolity_tests::{
    Databases, Resident, Town, on_both_databases,
    sample::{partnership, text},
    town::{Ground, administrator, introduce},
};
use prost::Message as _;
use time::Duration;

const FEIRA: &str = "feira.example";
pub(super) const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

on_both_databases!(
    two_cities_go_from_a_proposal_to_a_signed_agreement_and_to_its_end,
    a_second_person_approves_what_binds_the_city,
    a_confirmation_arrives_in_the_record_that_it_is_about,
);

async fn cities<const N: usize>(town: &Town, names: [&str; N], databases: &Databases, rules: Rules) -> [Resident; N] {
    let mut residents: Vec<Resident> = Vec::new();
    for name in names {
        let ground = Ground { storage_url: databases.url().await, rules, ..Ground::default() };
        let resident = town.settle_on(name, ground).await;
        for other in &residents {
            introduce(&resident, other, Audience::Federation).await;
        }
        residents.push(resident);
    }
    let Ok(residents) = residents.try_into() else { unreachable!() };
    residents
}

async fn three(town: &Town) -> [Resident; 3] {
    cities(town, [FEIRA, GENEVE, KENITRA], &Databases::sqlite(), Rules::default()).await
}

pub(super) async fn two(town: &Town) -> [Resident; 2] {
    cities(town, [FEIRA, GENEVE], &Databases::sqlite(), Rules::default()).await
}

fn terms(title: &str) -> Terms {
    Terms {
        titles: vec![text(title, "en")],
        period: Some(Period { start_date: "2026-04-01".into(), end_date: "2028-03-31".into() }),
        agreement: Some(AgreementTerms {
            kind: AgreementKind::CooperationProtocol.into(),
            audience: Audience::Federation.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(super) fn draft(participants: &[&str]) -> Proposal {
    Proposal {
        kind: CooperationKind::JointPartnership.into(),
        participants: participants.iter().map(|&city| city.to_owned()).collect(),
        terms: Some(terms("Craft, together")),
        ..Default::default()
    }
}

fn step(name: &str, action: Action) -> TakeStepRequest {
    TakeStepRequest { name: name.to_owned(), step: Some(Step { action: Some(action) }), ..Default::default() }
}

// On the heap: a test is one large function, and what it awaits would all be in its frame.
pub(super) fn take<'a>(
    city: &'a Resident,
    name: &'a str,
    action: Action,
) -> BoxFuture<'a, Result<Box<TakeStepResponse>, Error>> {
    Box::pin(async move { city.registry.take_step(&administrator(), step(name, action)).await.map(Box::new) })
}

fn take_by<'a>(city: &'a Resident, by: &'a Caller, name: &'a str, action: Action) -> BoxFuture<'a, TakeStepResponse> {
    Box::pin(async move { city.registry.take_step(by, step(name, action)).await.unwrap() })
}

fn approve<'a>(
    city: &'a Resident,
    by: &'a Caller,
    name: &'a str,
    step_id: &'a str,
) -> BoxFuture<'a, Result<StepOutcome, Error>> {
    Box::pin(async move { Ok(city.registry.approve_step(by, name, step_id).await?.outcome()) })
}

pub(super) async fn begin(city: &Resident, id: &str, draft: Proposal) -> String {
    let request = CreateCooperationRequest { cooperation_id: id.into(), draft: Some(draft), validate_only: false };
    city.registry.create_cooperation(&administrator(), request).await.unwrap().name
}

pub(super) async fn propose(city: &Resident, id: &str, draft: Proposal) -> String {
    let name = begin(city, id, draft).await;
    let taken = take(city, &name, Action::Proposal(Proposal::default())).await.unwrap();
    assert_eq!(taken.outcome(), StepOutcome::Done);
    name
}

fn at<'a>(city: &'a Resident, name: &'a str) -> BoxFuture<'a, Box<Cooperation>> {
    Box::pin(async move { Box::new(city.registry.cooperation(&administrator(), name).await.unwrap()) })
}

/// Delivers all that waits, until nothing does.
pub(super) fn carry<'a>(cities: &'a [&'a Resident]) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        for _ in 0..20 {
            for city in cities {
                city.registry.deliver_once().await.unwrap();
            }
        }
    })
}

fn accept() -> Action {
    Action::Acceptance(Acceptance { office: "International office".into(), ..Default::default() })
}

fn sign() -> Action {
    Action::Signature(AgreementSignature {
        signing_office: "Mayor".into(),
        sign_date: "2026-03-16".into(),
        ..Default::default()
    })
}

pub(super) fn say(words: &str) -> Action {
    Action::Message(Message { texts: vec![text(words, "en")], ..Default::default() })
}

fn conclude() -> Action {
    Action::Conclusion(Conclusion { outcomes: vec![text("Done", "en")] })
}

async fn read(city: &Resident, name: &str) -> Partnership {
    city.registry.get(&administrator(), &name.parse().unwrap()).await.unwrap().transcode_to().unwrap()
}

async fn agreement(city: &Resident, cooperation: &str) -> Agreement {
    let name = at(city, cooperation).await.agreement;
    city.registry.get(&administrator(), &name.parse().unwrap()).await.unwrap().transcode_to().unwrap()
}

async fn two_cities_go_from_a_proposal_to_a_signed_agreement_and_to_its_end(databases: Databases) {
    let town = Town::default();
    let [feira, geneve] = cities(&town, [FEIRA, GENEVE], &databases, Rules::default()).await;
    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    carry(&[&feira, &geneve]).await;
    assert_eq!(at(&geneve, &name).await.state(), CooperationState::Proposed);

    // The participant's step is on its way until the host has put it in its place.
    let countered =
        take(&geneve, &name, Action::Counter(Counter { terms: Some(terms("Bread")), ..Default::default() }));
    let countered = countered.await.unwrap();
    assert_eq!(countered.outcome(), StepOutcome::Submitted);
    let waits = &countered.cooperation.unwrap().pending_steps[0];
    assert_eq!((waits.state(), waits.step_id.clone()), (PendingState::Submitted, countered.step_id));
    carry(&[&feira, &geneve]).await;
    for city in [&feira, &geneve] {
        let here = at(city, &name).await;
        assert_eq!((here.sequence, here.pending_steps.len()), (2, 0), "{}", city.city());
        assert_eq!(here.offer.unwrap().city, GENEVE);
    }
    take(&feira, &name, accept()).await.unwrap();
    carry(&[&feira, &geneve]).await;
    for city in [&feira, &geneve] {
        let here = at(city, &name).await;
        assert_eq!((here.state(), here.record_problem.as_str()), (CooperationState::Agreed, ""), "{}", city.city());
        let record = agreement(city, &name).await;
        assert_eq!(record.status(), AgreementStatus::InNegotiation);
        let evidence = record.evidence.unwrap();
        assert_eq!((evidence.cooperation.as_str(), evidence.terms_version), (name.as_str(), 2));
        assert_eq!(evidence.signings.len(), 2);
    }
    take(&feira, &name, sign()).await.unwrap();
    take(&geneve, &name, sign()).await.unwrap();
    let again = take(&geneve, &name, sign()).await.unwrap_err();
    assert_eq!(again.reason(), Reason::CooperationStepImpossible, "{again}");
    assert!(again.to_string().contains("on its way"), "{again}");
    carry(&[&feira, &geneve]).await;
    take(&geneve, &name, Action::Activation(Activation::default())).await.unwrap();
    carry(&[&feira, &geneve]).await;
    for city in [&feira, &geneve] {
        assert_eq!(at(city, &name).await.state(), CooperationState::Active);
        assert_eq!(agreement(city, &name).await.status(), AgreementStatus::Active);
    }
    take(&feira, &name, conclude()).await.unwrap();
    take(&geneve, &name, conclude()).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let request = ListCooperationEventsRequest { name: name.clone(), ..Default::default() };
    let histories = [
        feira.registry.cooperation_events(&administrator(), &request).await.unwrap(),
        geneve.registry.cooperation_events(&administrator(), &request).await.unwrap(),
    ];
    assert_eq!(histories[0].last_sequence, 8);
    let envelopes = histories.map(|one| one.events.into_iter().map(|event| event.envelope).collect::<Vec<_>>());
    assert_eq!(envelopes[0], envelopes[1]);
    for city in [&feira, &geneve] {
        let here = at(city, &name).await;
        assert_eq!(here.state(), CooperationState::Concluded);
        assert_eq!(agreement(city, &name).await.status(), AgreementStatus::Terminated);
        assert!(here.deliveries.iter().all(|one| one.waiting_count + one.dead_count == 0), "{:?}", here.deliveries);
    }
    let pieces = feira.registry.export_cooperation(&administrator(), &name).await.unwrap();
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    assert_eq!(String::from_utf8(pieces.concat()).unwrap().lines().count(), 10, "a header, eight events and an end");
}

async fn a_second_person_approves_what_binds_the_city(databases: Databases) {
    let town = Town::default();
    let rules = Rules { second_person: true };
    let [feira, geneve] = cities(&town, [FEIRA, GENEVE], &databases, rules).await;
    let [ana, rui] = ["ana", "rui"].map(|id| Caller::token(id, Role::Coordinator));
    let name = begin(&feira, "craft", draft(&[GENEVE])).await;
    let taken = take_by(&feira, &ana, &name, Action::Proposal(Proposal::default())).await;
    assert_eq!(taken.outcome(), StepOutcome::AwaitsApproval);
    let shown = taken.cooperation.unwrap();
    assert_eq!((shown.state(), shown.sequence), (CooperationState::Draft, 0));
    assert!(shown.waitings.iter().any(|one| one.waiting_for() == WaitingFor::Approval), "{:?}", shown.waitings);

    // What the second person approves is what the first one saw.
    let change = UpdateDraftRequest { name: name.clone(), draft: Some(draft(&[])) };
    let refused = feira.registry.update_draft(&ana, change).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::CooperationStepImpossible);
    let own = approve(&feira, &ana, &name, &taken.step_id).await.unwrap_err();
    assert_eq!(own.reason(), Reason::SecondPersonRequired);
    let approved = approve(&feira, &rui, &name, &taken.step_id).await.unwrap();
    assert_eq!(approved, StepOutcome::Done);
    carry(&[&feira, &geneve]).await;

    // A step that waits and was overtaken meanwhile is not signed.
    let waits = take_by(&geneve, &ana, &name, accept()).await;
    assert_eq!(waits.outcome(), StepOutcome::AwaitsApproval);
    let other =
        take(&feira, &name, Action::Counter(Counter { terms: Some(terms("Other")), ..Default::default() })).await;
    approve(&feira, &rui, &name, &other.unwrap().step_id).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let lost = at(&geneve, &name).await.pending_steps.remove(0);
    assert_eq!((lost.state(), lost.overtaken_by), (PendingState::Overtaken, 2));
    let refused = approve(&geneve, &rui, &name, &lost.step_id).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::CooperationStepImpossible);
    let left = geneve.registry.drop_step(&ana, &name, &lost.step_id).await.unwrap();
    assert!(left.pending_steps.is_empty());

    // A message binds nobody.
    let said = take_by(&geneve, &ana, &name, say("Hello")).await;
    assert_eq!(said.outcome(), StepOutcome::Submitted);
}

async fn a_confirmation_arrives_in_the_record_that_it_is_about(databases: Databases) {
    let town = Town::default();
    let [feira, geneve] = cities(&town, [FEIRA, GENEVE], &databases, Rules::default()).await;
    let bread = feira.create("bread", partnership("Bread", "MA")).await;
    let mirror = geneve.create("pain", partnership("Pain", "MA")).await;
    let statement = Statement {
        record: bread.clone(),
        stance: ConfirmationStance::Confirmed.into(),
        mirror: mirror.clone(),
        ..Default::default()
    };
    let said = geneve.registry.confirm_record(&administrator(), statement.clone()).await.unwrap();
    let cooperation = said.cooperation.unwrap();
    assert_eq!((said.outcome, cooperation.state()), (StepOutcome::Done.into(), CooperationState::Concluded));
    carry(&[&feira, &geneve]).await;
    let bread_there = read(&feira, &bread).await;
    let confirmation = &bread_there.confirmations[0];
    assert_eq!(confirmation.stance(), ConfirmationStance::Confirmed);
    assert_eq!((confirmation.city.as_str(), &confirmation.cooperation), ("cities/geneve.example", &cooperation.name));
    assert_eq!(bread_there.mirrors, std::slice::from_ref(&mirror));
    assert_eq!(read(&geneve, &mirror).await.mirrors, std::slice::from_ref(&bread));
    assert_eq!(at(&feira, &cooperation.name).await.record_problem, "");

    // An officer neither takes it away nor writes over it.
    let emptied = Partnership { confirmations: Vec::new(), name: bread.clone(), ..bread_there };
    let mask = ["confirmations".to_owned()];
    let (officer, emptied) = (administrator(), to_dynamic(&emptied));
    feira.registry.update(&officer, Kind::Partnership, emptied, &mask, Conditions::default()).await.unwrap();
    assert_eq!(read(&feira, &bread).await.confirmations.len(), 1);

    // The city thinks anew: there is one statement of each city, the last.
    let disputed = Statement { stance: ConfirmationStance::Disputed.into(), mirror: String::new(), ..statement };
    geneve.registry.confirm_record(&administrator(), disputed).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let stances: Vec<_> = read(&feira, &bread).await.confirmations.iter().map(Confirmation::stance).collect();
    assert_eq!(stances, [ConfirmationStance::Disputed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_asks_another_to_confirm_its_record_and_what_is_hidden_or_not_there_is_not_proposed() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let hidden = Partnership { audience: Audience::Internal.into(), ..partnership("Hidden", "MA") };
    let [bread, hidden] = [feira.create("bread", partnership("Bread", "MA")).await, feira.create("h", hidden).await];
    let asking = |subject: &str| Proposal {
        kind: CooperationKind::Confirmation.into(),
        participants: vec![GENEVE.to_owned()],
        subjects: vec![Subject { name: subject.to_owned(), ..Default::default() }],
        ..Default::default()
    };
    for (id, subject, reason) in [
        ("hidden", hidden.as_str(), Reason::FieldInvalid),
        ("missing", "cities/feira.example/partnerships/none", Reason::ReferenceDangling),
    ] {
        let name = begin(&feira, id, asking(subject)).await;
        let refused = take(&feira, &name, Action::Proposal(Proposal::default())).await.unwrap_err();
        assert_eq!(refused.reason(), reason, "{refused}");
        assert!(refused.to_string().contains("subjects[0].name"), "{refused}");
        assert_eq!(at(&feira, &name).await.state(), CooperationState::Draft);
    }
    let name = propose(&feira, "asked", asking(&bread)).await;
    carry(&[&feira, &geneve]).await;
    let statement =
        Statement { record: bread.clone(), stance: ConfirmationStance::UnknownHere.into(), ..Default::default() };
    let answer = Answer { statement: Some(statement), ..Default::default() };
    take(&geneve, &name, Action::Answer(answer)).await.unwrap();
    carry(&[&feira, &geneve]).await;
    assert_eq!(at(&feira, &name).await.state(), CooperationState::Concluded);
    assert_eq!(read(&feira, &bread).await.confirmations[0].stance(), ConfirmationStance::UnknownHere);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_city_says_of_a_record_that_it_may_not_see_changes_nothing_there_and_is_shown() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let hidden = Partnership { audience: Audience::Internal.into(), ..partnership("Hidden", "MA") };
    let hidden = feira.create("hidden", hidden).await;
    let statement =
        Statement { record: hidden.clone(), stance: ConfirmationStance::Disputed.into(), ..Default::default() };
    let said = geneve.registry.confirm_record(&administrator(), statement).await.unwrap().cooperation.unwrap();
    carry(&[&feira, &geneve]).await;
    let here = at(&feira, &said.name).await;
    assert_eq!(here.state(), CooperationState::Concluded, "the history goes on all the same");
    assert!(here.record_problem.contains("may not see"), "{}", here.record_problem);
    assert!(read(&feira, &hidden).await.confirmations.is_empty());
    assert_eq!(at(&geneve, &said.name).await.record_problem, "", "and Genève learns nothing of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn participants_that_are_no_peers_are_named() {
    let town = Town::default();
    let [feira, _geneve] = two(&town).await;
    let name = begin(&feira, "craft", draft(&[GENEVE, "nowhere.example"])).await;
    let refused = take(&feira, &name, Action::Proposal(Proposal::default())).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::ParticipantNotPeer);
    assert!(matches!(refused, Error::ParticipantNotPeer(cities) if cities == ["nowhere.example".parse().unwrap()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_changed_and_deleted_and_nobody_else_learns_of_it() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let name = begin(&feira, "craft", Proposal::default()).await;
    let again = CreateCooperationRequest {
        cooperation_id: "craft".into(),
        draft: Some(Proposal::default()),
        ..Default::default()
    };
    let taken = feira.registry.create_cooperation(&administrator(), again).await.unwrap_err();
    assert_eq!(taken.reason(), Reason::ResourceExists);
    let change = UpdateDraftRequest { name: name.clone(), draft: Some(draft(&[GENEVE])) };
    let changed = feira.registry.update_draft(&administrator(), change).await.unwrap();
    assert_eq!(changed.draft, Some(draft(&[GENEVE])));
    let fetch = FetchEventsRequest { cooperation: name.clone(), after_sequence: 0 };
    let hidden = feira.registry.events_for_peer(geneve.registry.city(), &fetch).await.unwrap_err();
    assert_eq!(hidden.reason(), Reason::ResourceNotFound);
    feira.registry.delete_draft(&administrator(), &name).await.unwrap();
    assert!(feira.registry.cooperation(&administrator(), &name).await.is_err());

    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    let refused = feira.registry.delete_draft(&administrator(), &name).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::CooperationStepImpossible);
    take(&feira, &name, Action::Withdrawal(Withdrawal { reason: "Not now".into() })).await.unwrap();
    assert_eq!(at(&feira, &name).await.state(), CooperationState::Withdrawn);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_the_host_keeps_one_and_what_still_means_the_same_follows_it() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    carry(&[&feira, &geneve]).await;
    take(&geneve, &name, say("We think of bread")).await.unwrap();
    let theirs = Counter { terms: Some(terms("Bread")), ..Default::default() };
    take(&geneve, &name, Action::Counter(theirs)).await.unwrap();
    take(&feira, &name, Action::Counter(Counter { terms: Some(terms("Cork")), ..Default::default() })).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let here = at(&geneve, &name).await;
    assert_eq!((here.sequence, here.message_count), (3, 1), "the message follows the host's counter-proposal");
    let lost = &here.pending_steps[0];
    assert_eq!((lost.state(), here.pending_steps.len()), (PendingState::Overtaken, 1));
    assert!(!lost.reason.is_empty());
    assert_eq!(at(&feira, &name).await.sequence, 3);
    let expected = TakeStepRequest { expected_sequence: 1, ..step(&name, accept()) };
    let moved = geneve.registry.take_step(&administrator(), expected).await.unwrap_err();
    assert_eq!(moved.reason(), Reason::CooperationMovedOn);
    let inbox = ListInboxRequest { city: GENEVE.into(), page_size: 0 };
    let inbox = geneve.registry.inbox(&administrator(), &inbox).await.unwrap();
    assert!(inbox.waitings.iter().any(|one| one.waiting_for() == WaitingFor::Rebase), "{inbox:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_says_something_else_to_each_is_found_out_with_proof() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let name = propose(&feira, "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&[&feira, &geneve, &kenitra]).await;
    let before = at(&feira, &name).await;
    let events: Vec<Envelope> = ["To Genève", "To Kénitra"]
        .into_iter()
        .map(|words| {
            let step = Step { action: Some(say(words)) };
            let parsed = name.parse().unwrap();
            let event = next_event(Some(&before), &parsed, feira.registry.city(), &step, feira.clock.now()).unwrap();
            apply(Some(&before), &Verified::made_here(event.clone())).unwrap();
            seal_event(&event, &feira.identity.record_key())
        })
        .collect();
    for (city, event) in [&geneve, &kenitra].into_iter().zip(&events) {
        let request = DeliverEventsRequest { cooperation: name.clone(), events: vec![event.clone()] };
        let answer = city.registry.receive_events(feira.registry.city(), request).await.unwrap();
        assert_eq!(answer.results[0].outcome(), DeliveryOutcome::Kept);
    }
    carry(&[&geneve, &kenitra]).await;
    for city in [&geneve, &kenitra] {
        let fork = at(city, &name).await.fork.unwrap();
        assert_eq!(fork.sequence, 2, "{}", city.city());
        let both: Vec<_> = [fork.known, fork.other].map(|one| Envelope::decode(one).unwrap()).into();
        assert!(events.iter().all(|event| both.contains(event)), "{}", city.city());
        let refused = take(city, &name, accept()).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::HistoryForked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_event_again_does_nothing_and_a_strangers_is_refused() {
    let town = Town::default();
    let [feira, geneve, kenitra] = three(&town).await;
    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    let fetch = FetchEventsRequest { cooperation: name.clone(), after_sequence: 0 };
    let events = feira.registry.events_for_peer(geneve.registry.city(), &fetch).await.unwrap().events;
    let request = DeliverEventsRequest { cooperation: name.clone(), events: events.clone() };
    for _ in 0..3 {
        let answer = geneve.registry.receive_events(feira.registry.city(), request.clone()).await.unwrap();
        assert_eq!(answer.results[0].outcome(), DeliveryOutcome::Kept);
        assert!(answer.results[0].receipt.is_some());
    }
    assert_eq!(at(&geneve, &name).await.sequence, 1);

    let stranger = kenitra.registry.city();
    assert_eq!(feira.registry.events_for_peer(stranger, &fetch).await.unwrap_err().reason(), Reason::ResourceNotFound);
    assert_eq!(
        geneve.registry.receive_events(stranger, request.clone()).await.unwrap_err().reason(),
        Reason::ResourceNotFound
    );
    let answer = kenitra.registry.receive_events(feira.registry.city(), request.clone()).await.unwrap();
    assert_eq!(answer.results[0].outcome(), DeliveryOutcome::Refused, "it does not take part");

    let mut forged = request;
    let mut payload = forged.events[0].payload.to_vec();
    *payload.last_mut().unwrap() ^= 1;
    forged.events[0].payload = payload.into();
    let answer = geneve.registry.receive_events(feira.registry.city(), forged).await.unwrap();
    assert_eq!(answer.results[0].outcome(), DeliveryOutcome::Refused);
    assert_eq!(answer.results[0].reason(), Reason::EventInvalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_keys_are_not_known_is_waited_for() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let kenitra = town.settle(KENITRA).await;
    introduce(&feira, &kenitra, Audience::Federation).await;
    let name = propose(&feira, "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&[&feira, &geneve, &kenitra]).await;
    take(&kenitra, &name, say("Hello")).await.unwrap();
    carry(&[&feira, &geneve, &kenitra]).await;
    assert_eq!(at(&feira, &name).await.sequence, 2);
    assert_eq!(at(&geneve, &name).await.sequence, 1, "Genève does not know Kénitra yet");
    let waiting = ListDeliveriesRequest { city: GENEVE.into(), ..Default::default() };
    let waiting = feira.registry.deliveries(&administrator(), &waiting).await.unwrap().deliveries;
    assert_eq!(waiting[0].standing(), DeliveryStanding::Waiting);
    assert!(waiting[0].problem.contains("SIGNER_UNKNOWN"), "{}", waiting[0].problem);

    introduce(&geneve, &kenitra, Audience::Federation).await;
    let all = RedriveDeliveriesRequest::default();
    assert_eq!(feira.registry.redrive_deliveries(&administrator(), &all).await.unwrap(), 1);
    carry(&[&feira, &geneve, &kenitra]).await;
    assert_eq!(at(&geneve, &name).await.sequence, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_answered_expires_by_the_hosts_clock_and_watchers_are_told() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let mut notices = geneve.registry.watch_inbox(&administrator()).unwrap();
    assert_eq!(notices.next().await.unwrap().kind(), NoticeKind::Begun);
    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    carry(&[&feira, &geneve]).await;
    let notice = notices.next().await.unwrap();
    assert_eq!((notice.kind(), notice.sequence), (NoticeKind::Event, 1));
    assert_eq!(notice.waitings[0].waiting_for(), WaitingFor::Decision);

    assert_eq!(feira.registry.expire_cooperations().await.unwrap(), 0);
    for city in [&feira, &geneve] {
        city.clock.advance(Duration::days(60));
    }
    assert_eq!(geneve.registry.expire_cooperations().await.unwrap(), 0, "only the host says so");
    assert_eq!(feira.registry.expire_cooperations().await.unwrap(), 1);
    assert_eq!(feira.registry.expire_cooperations().await.unwrap(), 0);
    carry(&[&feira, &geneve]).await;
    assert_eq!(at(&geneve, &name).await.state(), CooperationState::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreement_that_an_officer_deleted_is_not_brought_back() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let name = propose(&feira, "craft", draft(&[GENEVE])).await;
    carry(&[&feira, &geneve]).await;
    take(&geneve, &name, accept()).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let record = at(&geneve, &name).await.agreement.parse().unwrap();
    geneve.registry.delete(&administrator(), &record, "", Conditions::default()).await.unwrap();
    take(&feira, &name, sign()).await.unwrap();
    carry(&[&feira, &geneve]).await;
    let here = at(&geneve, &name).await;
    assert_eq!((here.sequence, here.record_problem.as_str()), (3, ""));
    assert_eq!(here.agreement, record.to_string());
    let kept = geneve.registry.store().document(&record).await.unwrap().unwrap();
    assert!(kept.delete_time.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooperations_are_listed_page_by_page_those_that_changed_last_first() {
    let town = Town::default();
    let [feira, _geneve] = two(&town).await;
    for id in ["a", "b", "c"] {
        begin(&feira, id, draft(&[GENEVE])).await;
        feira.clock.advance(Duration::MINUTE);
    }
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListCooperationsRequest { page_size: 2, page_token, city: GENEVE.into(), ..Default::default() };
        let page = feira.registry.cooperations(&administrator(), &request).await.unwrap();
        found.extend(page.cooperations.into_iter().map(|one| one.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = ["c", "b", "a"].map(|id| format!("cities/{FEIRA}/cooperations/{id}"));
    assert_eq!(found, expected);
    let viewer = Caller::token("viewer", Role::Viewer);
    let refused = feira.registry.take_step(&viewer, step(&found[0], say("x"))).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::RightMissing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_cities_find_out_about_a_duplicate_is_a_decision_in_both_registries() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let bread = feira.create("bread", partnership("Bread", "MA")).await;
    let pain = geneve.create("pain", partnership("Pain", "MA")).await;
    let subject = |name: &String| Subject { name: name.clone(), ..Default::default() };
    let asked = Proposal {
        kind: CooperationKind::DuplicateResolution.into(),
        participants: vec![GENEVE.to_owned()],
        subjects: vec![subject(&bread), subject(&pain)],
        texts: vec![text("Are these the same?", "en")],
        ..Default::default()
    };
    let name = propose(&feira, "same", asked).await;
    carry(&[&feira, &geneve]).await;
    let same = Answer { verdict: MatchVerdict::Same.into(), ..Default::default() };
    take(&geneve, &name, Action::Answer(same)).await.unwrap();
    carry(&[&feira, &geneve]).await;
    assert_eq!(at(&feira, &name).await.state(), CooperationState::Concluded);
    for city in [&feira, &geneve] {
        assert_eq!(at(city, &name).await.record_problem, "");
        let parent = format!("cities/{}", city.registry.city());
        let page = city.registry.list(&administrator(), List::of(Kind::MatchAssertion, &parent)).await.unwrap();
        let decisions: Vec<MatchAssertion> =
            page.resources.iter().map(|one| one.transcode_to::<MatchAssertion>().unwrap()).collect();
        assert_eq!(decisions.len(), 1);
        assert_eq!((&decisions[0].left, &decisions[0].right), (&bread, &pain));
        assert_eq!(decisions[0].verdict(), MatchVerdict::Same);
        assert!(decisions[0].reason.contains(&name), "{}", decisions[0].reason);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_where_the_request_says_it() {
    let town = Town::default();
    let [feira, geneve] = two(&town).await;
    let fields = |error: Error| match error {
        Error::Invalid(violations) => violations.0.into_iter().map(|one| one.field).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let without = Proposal { terms: None, ..draft(&[GENEVE]) };
    let name = begin(&feira, "without", without).await;
    let refused = take(&feira, &name, Action::Proposal(Proposal::default())).await.unwrap_err();
    assert_eq!(fields(refused), ["draft.terms"]);

    let name = propose(&feira, "whole", draft(&[GENEVE])).await;
    carry(&[&feira, &geneve]).await;
    let untitled = Counter { terms: Some(Terms { titles: Vec::new(), ..terms("x") }), ..Counter::default() };
    let refused = take(&geneve, &name, Action::Counter(untitled)).await.unwrap_err();
    assert_eq!(fields(refused), ["step.counter.terms.titles"]);

    let nothing = Statement { record: "cities/feira.example/agreements/x".into(), ..Statement::default() };
    let refused = geneve.registry.confirm_record(&administrator(), nothing).await.unwrap_err();
    assert_eq!(fields(refused), ["statement.stance"]);
}
