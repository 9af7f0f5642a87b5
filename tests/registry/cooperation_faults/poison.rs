//! Events that a receiver can't process: they are parked with the reason, hold up nothing but what comes after them, and are tried anew
//! when somebody says so.

use bytes::{Bytes, BytesMut};
use isopolity_domain::{Clock as _, clock::to_timestamp, cooperation::event_hash, envelope};
use isopolity_proto::{
    admin::{AuditAction, ListAuditEntriesRequest},
    cooperation::{Cooperation, CooperationEvent, DeliveryStanding, PendingState, RedriveDeliveriesRequest},
    error::Reason,
};
use isopolity_store::{CooperationRow, DeliveryRow, EventRow};
use isopolity_tests::{Resident, Town, town::administrator};
use prost::Message as _;
use time::Duration;
use uuid::Uuid;

use super::{
    crash::hand_in_nonsense,
    deal::{
        FEIRA, GENEVE, accept, act, at, carry, dead, draft, history, message, must_agree, pass, propose, sign, state,
        waiting,
    },
};

/// Makes of the host a city whose program is newer: it does something of which this version has not heard, signs it, keeps it and puts
/// it on its way.
async fn do_something_new(host: &Resident, name: &str) {
    let now = host.clock.now();
    let row: CooperationRow = host.registry.store().cooperation(name).await.unwrap().unwrap();
    let mut stands = Cooperation::decode(row.body.clone()).unwrap();
    let event = CooperationEvent {
        cooperation: name.to_owned(),
        sequence: stands.sequence + 1,
        previous_hash: stands.head_hash.clone(),
        city: host.city().to_owned(),
        time: Some(to_timestamp(now)),
        action: None,
    };
    let mut payload = BytesMut::from(event.encode_to_vec().as_slice());
    // An action with the number 99, a message of two bytes.
    prost::encoding::encode_key(99, prost::encoding::WireType::LengthDelimited, &mut payload);
    payload.extend_from_slice(&[2, 8, 1]);
    let payload = payload.freeze();
    let hash = event_hash(&payload);
    let sealed = envelope::seal(isopolity_domain::cooperation::EVENT, payload, &host.identity.record_key());
    let sealed: Bytes = sealed.encode_to_vec().into();
    stands.sequence += 1;
    stands.head_hash = Bytes::copy_from_slice(&hash);
    let mut tx = host.registry.store().begin("test").await.unwrap();
    tx.append_event(&EventRow {
        cooperation: name.to_owned(),
        sequence: stands.sequence,
        hash,
        city: host.city().parse().unwrap(),
        envelope: sealed.clone(),
        keep_time: now,
    })
    .await
    .unwrap();
    tx.put_cooperation(&CooperationRow { sequence: stands.sequence, body: stands.encode_to_vec().into(), ..row })
        .await
        .unwrap();
    tx.enqueue_deliveries(&[DeliveryRow {
        id: Uuid::now_v7().to_string(),
        city: GENEVE.parse().unwrap(),
        cooperation: name.to_owned(),
        sequence: stands.sequence,
        event_hash: hash,
        submission: false,
        relay: false,
        envelope: sealed,
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
}

async fn redrive(city: &Resident) -> i32 {
    city.registry.redrive_deliveries(&administrator(), &RedriveDeliveriesRequest::default()).await.unwrap()
}

/// What the older city can't read stays parked at the newer one, and nothing else waits for it.
#[tokio::test]
async fn c8_a_poison_message_of_a_newer_city_parks_with_the_reason_and_the_rest_goes_on() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let [host, guest] = &cities;
    let poisoned = propose(host, "poisoned", draft(&[GENEVE])).await;
    let healthy = propose(host, "healthy", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    do_something_new(host, &poisoned).await;
    act(host, &poisoned, message("And this comes after it")).await.unwrap();
    act(host, &healthy, message("This is for both")).await.unwrap();
    carry(&[host, guest]).await;

    let parked = dead(host).await;
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].cooperation.as_str(), parked[0].sequence, parked[0].attempts), (poisoned.as_str(), 2, 1));
    assert!(parked[0].problem.contains("update this one"), "{}", parked[0].problem);
    assert!(parked[0].problem.contains("EVENT_INVALID"), "{}", parked[0].problem);
    let shown = &at(host, &poisoned).await.deliveries[0];
    assert_eq!((shown.dead_count, shown.waiting_count, shown.received_sequence), (1, 1, 1));
    assert_eq!(shown.problem, parked[0].problem);
    // The receiver has nothing of it, and nothing after it.
    assert_eq!(history(guest, &poisoned).await.len(), 1);

    // The same cities go on in another cooperation, for as long as they like.
    for city in [guest, host] {
        if city.city() == GENEVE {
            act(city, &healthy, accept()).await.unwrap();
            carry(&[host, guest]).await;
        }
        act(city, &healthy, sign()).await.unwrap();
        carry(&[host, guest]).await;
    }
    assert_eq!(state(&must_agree(&[host, guest], &healthy).await), "AGREED");

    // Time alone changes nothing; who tries it anew before the receiver was updated is told the same.
    pass(&[host, guest], Duration::days(3));
    carry(&[host, guest]).await;
    assert_eq!(dead(host).await[0].attempts, 1);
    assert_eq!(redrive(host).await, 2);
    carry(&[host, guest]).await;
    let again = dead(host).await;
    assert_eq!((again.len(), again[0].sequence), (1, 2));
    let request =
        ListAuditEntriesRequest { actions: vec![AuditAction::DeliveriesRedriven.into()], ..Default::default() };
    assert_eq!(host.registry.audit_entries(&administrator(), &request).await.unwrap().entries.len(), 1);
}

/// As a receiver that is updated: what it refused it takes when it is tried anew, and what waited behind it follows.
#[tokio::test]
async fn c8_a_poison_message_is_re_driven_when_the_receiver_can_take_it() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let [host, guest] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE])).await;
    let other = propose(host, "food", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    town.weather().refuse(GENEVE, &name, Reason::EventInvalid, "this version does not know it");
    for words in ["One", "Two", "Three"] {
        act(host, &name, message(words)).await.unwrap();
        act(host, &other, message(words)).await.unwrap();
        carry(&[host, guest]).await;
    }
    assert_eq!(history(guest, &name).await.len(), 1);
    must_agree(&[host, guest], &other).await;
    let parked = dead(host).await;
    assert_eq!((parked.len(), parked[0].sequence), (1, 2));
    assert!(parked[0].problem.contains("this version does not know it"), "{}", parked[0].problem);
    assert_eq!(waiting(host).await.len(), 2, "they wait behind it, and are not tried");

    town.weather().take_all();
    carry(&[host, guest]).await;
    assert_eq!(history(guest, &name).await.len(), 1, "a person decides");
    redrive(host).await;
    carry(&[host, guest]).await;
    must_agree(&[host, guest], &name).await;
    assert_eq!(history(guest, &name).await.len(), 4);
}

/// A step that the host can't take is the guest's to drop; then the next one goes.
#[tokio::test]
async fn c8_a_poison_step_parks_at_the_participant_until_it_is_dropped() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let [host, guest] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE])).await;
    let other = propose(host, "food", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    let id = hand_in_nonsense(guest, &name).await;
    act(guest, &other, accept()).await.unwrap();
    carry(&[host, guest]).await;
    assert_eq!(state(&must_agree(&[host, guest], &other).await), "AGREED");
    let parked = dead(guest).await;
    assert_eq!(parked.len(), 1);
    assert!(parked[0].submission && parked[0].problem.contains("texts"), "{:?}", parked[0].problem);
    let steps = at(guest, &name).await.pending_steps;
    assert_eq!((steps[0].state(), steps.len()), (PendingState::Refused, 1));
    assert!(!steps[0].reason.is_empty());

    // What comes after it waits behind it.
    act(guest, &name, message("Do you hear me?")).await.unwrap();
    carry(&[host, guest]).await;
    assert_eq!(history(host, &name).await.len(), 1);
    guest.registry.drop_step(&administrator(), &name, &id).await.unwrap();
    carry(&[host, guest]).await;
    must_agree(&[host, guest], &name).await;
    assert_eq!(history(host, &name).await.len(), 2);
    assert!(at(guest, &name).await.pending_steps.is_empty());
}
