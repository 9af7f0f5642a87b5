//! The crash matrix: at each commit that a cooperation leads to, on each side of it, a city dies and is started again from what its
//! database holds. Nothing that somebody was told is lost, and nothing is there twice.

use std::{collections::BTreeSet, path::Path};

use futures::TryStreamExt as _;
use isopolity_domain::{
    Clock as _,
    clock::to_timestamp,
    cooperation::{Verified, event_hash, seal_event},
};
use isopolity_federation::LinkError;
use isopolity_proto::{
    catalog::Outcome,
    cooperation::{
        Answer, CooperationEvent, CooperationKind, CreateCooperationRequest, DeliveryStanding, Message, PendingState,
        PendingStep, Proposal, RedriveDeliveriesRequest, Statement, Step, UpdateDraftRequest, cooperation_event,
        step::Action,
    },
    error::Reason,
    federation::HelloRequest,
    registry::{AgreementStatus, ConfirmationStance, Partnership},
};
use isopolity_store::{CooperationFilter, DeliveryRow, MailRow, PendingRow};
use isopolity_tests::{
    Databases, Manner, Resident, on_both_databases, sample, storage::on_one_thread, town::administrator,
};
use prost::Message as _;
use time::Duration;
use uuid::Uuid;

use super::{
    deal::{
        FEIRA, GENEVE, accept, activate, agreement, at, conclude, counter, dead, draft, message, sign, state, text,
        waiting,
    },
    stage::{GUEST, HOST, Stage},
};

on_both_databases!(
    c3_a_crash_at_any_point_of_persistence_loses_and_doubles_nothing,
    c3_a_city_that_dies_at_every_commit_comes_to_the_same_agreement,
);

/// What two cities do with each other. Together they come by every transaction.
#[derive(Clone, Copy, Debug)]
enum Act {
    Negotiation,
    Outage,
    Refusal,
    Confirmation,
    Expiry,
    Draft,
    Mail,
    Restore,
}

const ACTS: [Act; 8] =
    [Act::Outage, Act::Refusal, Act::Confirmation, Act::Expiry, Act::Draft, Act::Mail, Act::Restore, Act::Negotiation];

async fn c3_a_crash_at_any_point_of_persistence_loses_and_doubles_nothing(databases: Databases) {
    on_one_thread(|| matrix(databases)).await;
}

/// Not one death in a run, but one at each commit, twice: before it and, when it is come to again, after it.
async fn c3_a_city_that_dies_at_every_commit_comes_to_the_same_agreement(databases: Databases) {
    on_one_thread(|| at_every_commit(databases)).await;
}

async fn matrix(databases: Databases) {
    let mut stage = Stage::set(&databases).await;
    let labels = labels_in_the_source();
    let (mut run, mut covered) = (0, BTreeSet::new());
    let mut play = async |stage: &mut Stage, act: Act| {
        run += 1;
        Box::pin(act.play(stage, &format!("run-{run}"))).await;
    };
    for act in ACTS {
        // Once without a death, to see what is to be died at.
        stage.take_passed(HOST);
        stage.take_passed(GUEST);
        play(&mut stage, act).await;
        let passed = [stage.take_passed(HOST), stage.take_passed(GUEST)];
        for (who, passed) in passed.into_iter().enumerate() {
            for point in passed {
                if !labels.contains(point.0) || !covered.insert((who, point)) {
                    continue;
                }
                stage.light(who, point);
                play(&mut stage, act).await;
                let deaths = std::mem::take(&mut stage.deaths[who]);
                assert_eq!(deaths, [point], "{act:?} does not come by there again");
            }
        }
    }
    let died_at: BTreeSet<String> = covered.iter().map(|(_, point)| point.0.to_owned()).collect();
    assert_eq!(
        labels, died_at,
        "a transaction is in the source, and no act comes by it: write one, or add it to an act"
    );
    let both: BTreeSet<_> = covered.iter().filter(|(who, point)| covered.contains(&(1 - who, *point))).collect();
    for label in ["take step", "approve step", "receive event", "keep receipts", "delivery was tried"] {
        assert!(both.iter().any(|(_, point)| point.0 == label), "{label} is not died at on both sides");
    }
    assert!(covered.len() >= 58 && covered.len() % 2 == 0, "each is died at on both sides of it: {}", covered.len());
}

async fn at_every_commit(databases: Databases) {
    for who in [HOST, GUEST] {
        let mut stage = Stage::set(&databases).await;
        stage.doom(who);
        Box::pin(Act::Negotiation.play(&mut stage, "all")).await;
        assert!(stage.deaths[who].len() > 30, "{:?}", stage.deaths[who]);
        assert!(stage.deaths[1 - who].is_empty());
    }
}

/// The labels of all transactions of cooperations.
fn labels_in_the_source() -> BTreeSet<String> {
    fn read(path: &Path, into: &mut BTreeSet<String>) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                read(&entry.unwrap().path(), into);
            }
            return;
        }
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            return;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for beginning in ["begin(\"", "begin_unit(\""] {
            into.extend(source.split(beginning).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    let mut labels = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/registry/src/cooperation"), &mut labels);
    assert!(labels.len() > 15, "{labels:?}");
    labels
}

impl Act {
    async fn play(self, stage: &mut Stage, id: &str) {
        let name = format!("cities/{FEIRA}/cooperations/{id}");
        match self {
            Self::Negotiation => Box::pin(negotiation(stage, &name)).await,
            Self::Outage => Box::pin(outage(stage, &name)).await,
            Self::Refusal => Box::pin(refusal(stage, &name)).await,
            Self::Confirmation => Box::pin(confirmation(stage, id)).await,
            Self::Expiry => Box::pin(expiry(stage, &name)).await,
            Self::Draft => Box::pin(discarded(stage, &name)).await,
            Self::Mail => Box::pin(mail(stage, &name)).await,
            Self::Restore => Box::pin(restore(stage, &name)).await,
        }
    }
}

async fn negotiation(stage: &mut Stage, name: &str) {
    begin(stage, name, draft(&[GENEVE])).await;
    let changed = Proposal { texts: text("Shall we?"), ..draft(&[GENEVE]) };
    let request = UpdateDraftRequest { name: name.to_owned(), draft: Some(changed) };
    stage
        .surely(
            HOST,
            async |city| city.registry.update_draft(&administrator(), request.clone()).await.map(drop),
            async |city| at(city, name).await.draft.is_some_and(|draft| !draft.texts.is_empty()),
        )
        .await;
    stage.propose(name).await;
    stage.carry().await;
    stage.take(GUEST, name, counter("Craft, and more")).await;
    stage.carry().await;
    stage.take(HOST, name, accept()).await;
    stage.carry().await;
    for who in [GUEST, HOST] {
        stage.take(who, name, sign()).await;
        stage.carry().await;
    }
    stage.take(HOST, name, activate()).await;
    stage.carry().await;
    // Nobody waits for the other.
    stage.take(GUEST, name, message("We begin")).await;
    stage.take(HOST, name, message("So do we")).await;
    stage.carry().await;
    for who in [GUEST, HOST] {
        stage.take(who, name, conclude()).await;
        stage.carry().await;
    }
    assert_eq!(state(&stage.must_agree(name).await), "CONCLUDED");
    for city in &stage.cities {
        let record = agreement(city, name).await.unwrap();
        assert_eq!(record.status(), AgreementStatus::Terminated);
        assert_eq!(record.titles[0].text, "Craft, and more");
        assert_eq!(record.evidence.unwrap().signings.len(), 2, "{}", city.city());
    }
}

/// A city is away, comes back, and greets.
async fn outage(stage: &mut Stage, name: &str) {
    begin(stage, name, enquiry()).await;
    stage.propose(name).await;
    missed(stage, HOST, name).await;
    stage.carry().await;
    stage.take(GUEST, name, answer()).await;
    missed(stage, GUEST, name).await;
    stage.carry().await;
    assert_eq!(state(&stage.must_agree(name).await), "CONCLUDED");
}

/// What waits at a city is tried while the other is away, and hastened when it is back.
async fn missed(stage: &mut Stage, who: usize, name: &str) {
    let other = stage.cities[1 - who].city().to_owned();
    let gone = LinkError::new(Outcome::Unreachable, Reason::Connection, "nobody is there");
    stage.town.teach(&other, Manner::Fails(gone));
    let waits = async |city: &Resident| waiting(city).await.into_iter().find(|row| row.cooperation == name).unwrap();
    stage
        .surely(
            who,
            async |city| city.registry.deliver_once().await.map(drop),
            async |city| waits(city).await.attempts == 1,
        )
        .await;
    assert!(waits(&stage.cities[who]).await.next_time > stage.cities[who].clock.now());
    stage.town.teach(&other, Manner::Honest);
    let other = other.parse().unwrap();
    stage
        .surely(
            who,
            async |city| city.registry.greeted(&other, &HelloRequest::default()).await.map(drop),
            async |city| waits(city).await.next_time <= city.clock.now(),
        )
        .await;
}

/// The guest hands in what the host can't take, as an older or a wrong program might; it is given up, tried anew, and dropped.
async fn refusal(stage: &mut Stage, name: &str) {
    begin(stage, name, enquiry()).await;
    stage.propose(name).await;
    stage.carry().await;
    let id = hand_in_nonsense(&stage.cities[GUEST], name).await;
    let given_up = async |city: &Resident| dead(city).await.iter().any(|row| row.cooperation == name);
    let deliver = async |city: &Resident| city.registry.deliver_once().await.map(drop);
    stage.surely(GUEST, deliver, given_up).await;
    assert_eq!(at(&stage.cities[GUEST], name).await.pending_steps[0].state(), PendingState::Refused);
    redrive(stage, GUEST, name).await;
    stage.surely(GUEST, deliver, given_up).await;
    stage
        .surely(
            GUEST,
            async |city| city.registry.drop_step(&administrator(), name, &id).await.map(drop),
            async |city| at(city, name).await.pending_steps.is_empty(),
        )
        .await;
    stage.take(HOST, name, message("Are you there?")).await;
    // As if the guest could not have taken it.
    give_up(&stage.cities[HOST], name).await;
    redrive(stage, HOST, name).await;
    stage.carry().await;
    stage.take(GUEST, name, answer()).await;
    stage.carry().await;
    assert_eq!(state(&stage.must_agree(name).await), "CONCLUDED");
}

async fn redrive(stage: &mut Stage, who: usize, name: &str) {
    stage
        .surely(
            who,
            async |city| {
                let all = RedriveDeliveriesRequest::default();
                city.registry.redrive_deliveries(&administrator(), &all).await.map(drop)
            },
            async |city| waiting(city).await.iter().any(|row| row.cooperation == name),
        )
        .await;
}

/// Puts a step on its way that only a wrong program would. Returns its id.
pub(super) async fn hand_in_nonsense(city: &Resident, name: &str) -> String {
    let stands = at(city, name).await;
    let nothing = Message::default();
    let event = Verified::made_here(CooperationEvent {
        cooperation: name.to_owned(),
        sequence: stands.sequence + 1,
        previous_hash: stands.head_hash,
        city: city.city().to_owned(),
        time: Some(to_timestamp(city.clock.now())),
        action: Some(cooperation_event::Action::Message(nothing.clone())),
    });
    let envelope: bytes::Bytes = seal_event(&event.event, &city.identity.record_key()).encode_to_vec().into();
    let step = PendingStep {
        step_id: Uuid::now_v7().to_string(),
        state: PendingState::Submitted.into(),
        step: Some(Step { action: Some(Action::Message(nothing)) }),
        ..Default::default()
    };
    let now = city.clock.now();
    let mut tx = city.registry.store().begin("test").await.unwrap();
    tx.put_pending(&PendingRow {
        id: step.step_id.clone(),
        cooperation: name.to_owned(),
        state: step.state,
        body: step.encode_to_vec().into(),
        envelope: Some(envelope.clone()),
        event_hash: Some(event.hash),
        create_time: now,
    })
    .await
    .unwrap();
    tx.enqueue_deliveries(&[DeliveryRow {
        id: Uuid::now_v7().to_string(),
        city: FEIRA.parse().unwrap(),
        cooperation: name.to_owned(),
        sequence: event.event.sequence,
        event_hash: event_hash(&event.event.encode_to_vec()),
        submission: true,
        relay: false,
        envelope,
        standing: DeliveryStanding::Waiting.into(),
        create_time: now,
        attempts: 0,
        next_time: now,
        problem: String::new(),
        receipt: None,
    }])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    step.step_id
}

async fn give_up(city: &Resident, name: &str) {
    let mut row = waiting(city).await.into_iter().find(|row| row.cooperation == name).unwrap();
    row.standing = DeliveryStanding::Dead.into();
    let mut tx = city.registry.store().begin("test").await.unwrap();
    tx.update_delivery(&row).await.unwrap();
    tx.commit().await.unwrap();
}

/// Each city says what it knows of a record of the other.
async fn confirmation(stage: &mut Stage, id: &str) {
    for who in [HOST, GUEST] {
        let other = 1 - who;
        let record = stage.cities[other].create(&format!("{id}-{who}"), sample::partnership("Told of", "MA")).await;
        let statement = Statement {
            record: record.clone(),
            version_seen: 1,
            stance: ConfirmationStance::Confirmed.into(),
            ..Default::default()
        };
        let begun = async |city: &Resident| {
            let filter = CooperationFilter { subject: Some(record.clone()), limit: 10, ..Default::default() };
            city.registry.store().cooperations(&filter).await.unwrap()
        };
        stage
            .surely(
                who,
                async |city| city.registry.confirm_record(&administrator(), statement.clone()).await.map(drop),
                async |city| !begun(city).await.is_empty(),
            )
            .await;
        let rows = begun(&stage.cities[who]).await;
        assert_eq!(rows.len(), 1);
        let name = rows[0].name.clone();
        let waits = at(&stage.cities[who], &name).await.pending_steps[0].step_id.clone();
        let second = isopolity_registry::Caller::token("second person", isopolity_proto::admin::Role::Administrator);
        stage
            .surely(
                who,
                async |city| city.registry.approve_step(&second, &name, &waits).await.map(drop),
                async |city| at(city, &name).await.pending_steps.is_empty(),
            )
            .await;
        stage.done.push((stage.cities[who].city().to_owned(), "proposal"));
        stage.carry().await;
        assert_eq!(state(&stage.must_agree(&name).await), "CONCLUDED");
        let told = stage.cities[other].registry.get(&administrator(), &record.parse().unwrap()).await.unwrap();
        let confirmations = told.transcode_to::<Partnership>().unwrap().confirmations;
        let by: Vec<_> = confirmations.iter().map(|one| (one.city.as_str(), one.cooperation.as_str())).collect();
        assert_eq!(by, [(format!("cities/{}", stage.cities[who].city()).as_str(), name.as_str())]);
    }
}

async fn expiry(stage: &mut Stage, name: &str) {
    let due = stage.cities[HOST].clock.now() + Duration::days(10);
    let soon = Proposal { reply_due_time: Some(to_timestamp(due)), ..draft(&[GENEVE]) };
    begin(stage, name, soon).await;
    stage.propose(name).await;
    stage.carry().await;
    stage.pass(Duration::days(11));
    stage
        .surely(
            HOST,
            async |city| city.registry.expire_cooperations().await.map(drop),
            async |city| state(&at(city, name).await) == "EXPIRED",
        )
        .await;
    stage.done.push((FEIRA.to_owned(), "expiry"));
    stage.carry().await;
    assert_eq!(state(&stage.must_agree(name).await), "EXPIRED");
    for city in &stage.cities {
        assert_eq!(agreement(city, name).await, None);
    }
    for who in [HOST, GUEST] {
        let mut exported = None;
        while exported.is_none() {
            exported = stage
                .tries(who, async |city| {
                    let pieces = city.registry.export_cooperation(&administrator(), name).await.unwrap();
                    pieces.try_collect::<Vec<_>>().await.unwrap().concat()
                })
                .await;
        }
        assert!(!exported.unwrap().is_empty());
    }
}

async fn discarded(stage: &mut Stage, name: &str) {
    begin(stage, name, draft(&[GENEVE])).await;
    stage
        .surely(
            HOST,
            async |city| city.registry.delete_draft(&administrator(), name).await,
            async |city| city.registry.store().cooperation(name).await.unwrap().is_none(),
        )
        .await;
}

/// Offices are told: one mail arrives at once, one at the second attempt, and at most one twice, where the city died before it knew.
async fn mail(stage: &mut Stage, name: &str) {
    stage.mailboxes[GUEST] = vec!["good@geneve.example".to_owned(), "slow@geneve.example".to_owned()];
    stage.restart(GUEST).await;
    begin(stage, name, enquiry()).await;
    stage.propose(name).await;
    stage.carry().await;
    let of_it = async |city: &Resident| -> Vec<MailRow> {
        let id = name.rsplit('/').next().unwrap();
        let rows = city.registry.store().mails(None, 10_000).await.unwrap();
        rows.into_iter().filter(|row| row.text.contains(&format!("{FEIRA}/{id}\n"))).collect()
    };
    let written = of_it(&stage.cities[GUEST]).await;
    assert_eq!(written.len(), 2, "one to each mailbox: {written:?}");
    let (mut sent, mut failed) = (0, false);
    for _ in 0..20 {
        let Some(due) = stage.tries(GUEST, async |city| city.registry.due_mails().await.unwrap()).await else {
            continue;
        };
        for mail in &due {
            if mail.to.starts_with("slow") && !failed {
                let told = stage.tries(GUEST, async |city| city.registry.mail_failed(mail, "later").await.unwrap());
                failed = told.await.is_some();
            } else {
                sent += 1;
                stage.tries(GUEST, async |city| city.registry.mail_sent(mail).await.unwrap()).await;
            }
        }
        if of_it(&stage.cities[GUEST]).await.iter().all(|row| row.standing == MailRow::SENT) {
            break;
        }
        stage.pass(Duration::HOUR);
    }
    assert!(of_it(&stage.cities[GUEST]).await.iter().all(|row| row.standing == MailRow::SENT));
    assert!((2..=3).contains(&sent), "{sent}");
    stage.mailboxes[GUEST].clear();
    stage.restart(GUEST).await;
    stage.take(GUEST, name, answer()).await;
    stage.carry().await;
    stage.must_agree(name).await;
}

/// The host's disk is lost, and its backup is older than what the guest has.
async fn restore(stage: &mut Stage, name: &str) {
    begin(stage, name, enquiry()).await;
    stage.propose(name).await;
    stage.carry().await;

    let host = stage.cities.remove(HOST);
    host.registry.store().clone().close().await;
    let closed = stage.town.close(host);
    let backup = stage.databases.copy(&closed.storage_url()).await;
    stage.cities.insert(HOST, stage.town.open(closed).await);
    for words in ["One", "Two"] {
        stage.take(HOST, name, message(words)).await;
    }
    stage.carry().await;
    let host = stage.cities.remove(HOST);
    let closed = stage.town.close(host).on(backup);
    stage.cities.insert(HOST, stage.town.open(closed).await);
    assert_eq!(at(&stage.cities[HOST], name).await.sequence, 1);

    stage.take(GUEST, name, answer()).await;
    stage.carry().await;
    assert_eq!(state(&stage.must_agree(name).await), "CONCLUDED");
}

async fn begin(stage: &mut Stage, name: &str, draft: Proposal) {
    let cooperation_id = name.rsplit('/').next().unwrap().to_owned();
    let request = CreateCooperationRequest { cooperation_id, draft: Some(draft), validate_only: false };
    stage
        .surely(
            HOST,
            async |city| city.registry.create_cooperation(&administrator(), request.clone()).await.map(drop),
            async |city| city.registry.store().cooperation(name).await.unwrap().is_some(),
        )
        .await;
}

fn enquiry() -> Proposal {
    Proposal {
        kind: CooperationKind::Enquiry.into(),
        participants: vec![GENEVE.to_owned()],
        texts: text("Do you know this firm?"),
        ..Default::default()
    }
}

fn answer() -> Action {
    Action::Answer(Answer { texts: text("Yes"), ..Default::default() })
}
