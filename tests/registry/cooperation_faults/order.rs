//! A network that loses calls and answers, so that everything is sent again; and everything that was ever sent, sent again and again, in
//! any order.

use std::collections::BTreeSet;

use isopolity_proto::{
    cooperation::{
        CooperationEvent, Milestone, MilestoneCompletion, MilestoneSetting, cooperation_event, step::Action,
    },
    federation::DeliverEventsRequest,
    registry::AgreementStatus,
};
use isopolity_tests::{
    Dice, Resident, Town,
    weather::{Losses, Sent},
};
use prost::Message as _;
use time::Duration;

use super::deal::{
    FEIRA, GENEVE, KENITRA, accept, act, activate, agreement, at, carry, conclude, counter, draft, event_of, history,
    message, must_agree, must_be_known, propose, sign, state, text, waiting,
};

const TIMES: usize = 100;

fn milestone() -> Action {
    let milestone = Milestone {
        id: "fair".to_owned(),
        titles: text("A fair"),
        owner: KENITRA.to_owned(),
        due_date: "2026-12-01".to_owned(),
        ..Default::default()
    };
    Action::MilestoneSetting(MilestoneSetting { milestone: Some(milestone) })
}

fn reached() -> Action {
    Action::MilestoneCompletion(MilestoneCompletion {
        milestone: "fair".to_owned(),
        complete_date: "2026-11-30".to_owned(),
        outcomes: text("It took place"),
    })
}

/// What is done, by whom. Who has nothing between them act at the same time.
fn script() -> Vec<Vec<(usize, Action)>> {
    vec![
        vec![(1, counter("Craft, and more"))],
        vec![(0, accept()), (2, accept())],
        vec![(0, sign()), (1, sign()), (2, sign())],
        vec![(1, activate())],
        vec![(0, milestone()), (1, message("We begin")), (2, message("So do we"))],
        vec![(2, reached()), (1, message("Well done"))],
        vec![(0, conclude()), (1, conclude()), (2, conclude())],
    ]
}

/// What a city has that anything could have changed.
async fn mark(city: &Resident, name: &str) -> impl PartialEq + std::fmt::Debug + use<> {
    let store = city.registry.store();
    let head = store.feed_head().await.unwrap().sequence;
    let audited = store.audit_chain().await.unwrap().head.sequence;
    (
        head,
        audited,
        at(city, name).await,
        history(city, name).await,
        waiting(city).await,
        store.mails(None, 100).await.unwrap(),
    )
}

async fn send_again(cities: &[&Resident], sent: &Sent) {
    let to = cities.iter().find(|city| city.city() == sent.to.as_str()).unwrap();
    // Some of it is too early, or was overtaken, as things are: the end counts.
    to.registry.receive_events(&sent.from, sent.request.clone()).await.unwrap();
}

#[tokio::test]
async fn c4_duplicate_and_reordered_deliveries_come_to_the_same_history_and_have_effects_once() {
    for seed in [1, 2] {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let mut dice = Dice(seed);
        town.weather().lose(Losses { calls: 4, answers: 4 }, seed);
        let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
        let mut sent = Vec::new();
        carry(&cities).await;
        for steps in script() {
            for (who, step) in steps {
                act(cities[who], &name, step).await.unwrap_or_else(|error| panic!("{seed}: {error}"));
            }
            // Whoever is first, and old things in between.
            for _ in 0..8 {
                cities[dice.place(3)].registry.deliver_once().await.unwrap();
                sent.extend(town.weather().take_sent());
                for _ in 0..4 {
                    send_again(&cities, &dice.pick(&sent)).await;
                }
                for city in &cities {
                    city.clock.advance(Duration::HOUR);
                }
            }
            carry(&cities).await;
        }
        sent.extend(town.weather().take_sent());
        let stands = must_agree(&cities, &name).await;
        assert_eq!(state(&stands), "CONCLUDED");
        assert_eq!(history(cities[0], &name).await.len(), 16, "each step is there, and none twice");
        for city in &cities {
            assert_eq!(agreement(city, &name).await.unwrap().status(), AgreementStatus::Terminated);
        }

        // Each event by each way that it has gone, many times, in any order.
        let hashes: BTreeSet<[u8; 32]> = history(cities[0], &name).await.iter().map(|row| row.hash).collect();
        let mut ways = BTreeSet::new();
        for sent in &sent {
            for envelope in &sent.request.events {
                if hashes.contains(&isopolity_domain::cooperation::event_hash(&envelope.payload)) {
                    ways.insert((sent.from.to_string(), sent.to.to_string(), envelope.encode_to_vec()));
                }
            }
        }
        let submissions = ways.iter().filter(|(_, to, _)| to == FEIRA).count();
        let relays = ways.iter().filter(|(from, to, _)| from != FEIRA && to != FEIRA).count();
        assert!(submissions >= 10 && relays > 0 && ways.len() > 40, "{submissions} {relays} {}", ways.len());
        let mut all: Vec<_> = ways.iter().cycle().take(ways.len() * TIMES).collect();
        for at in (1..all.len()).rev() {
            all.swap(at, dice.place(at + 1));
        }
        let mut before = Vec::new();
        for city in &cities {
            before.push(mark(city, &name).await);
        }
        for (from, to, envelope) in all {
            let envelope = isopolity_proto::federation::Envelope::decode(envelope.as_slice()).unwrap();
            let request = DeliverEventsRequest { cooperation: name.clone(), events: vec![envelope] };
            let to = cities.iter().find(|city| city.city() == to).unwrap();
            must_be_known(to, from, &request).await;
        }
        for (city, before) in cities.iter().zip(before) {
            assert_eq!(mark(city, &name).await, before, "{}", city.city());
        }
    }
}

#[tokio::test]
async fn steps_that_wait_go_in_the_order_in_which_they_were_taken_and_are_signed_anew_only_when_they_go() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let [host, guest] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    let said: Vec<String> = (1..=12).map(|number| format!("Genève {number}")).collect();
    for words in &said {
        act(guest, &name, message(words)).await.unwrap();
    }
    for number in 1..=6 {
        act(host, &name, message(&format!("Feira {number}"))).await.unwrap();
    }
    let hashes = async || waiting(guest).await.iter().map(|row| row.event_hash).collect::<Vec<_>>();
    let before = hashes().await;
    assert_eq!(before.len(), 12);
    host.registry.deliver_once().await.unwrap();
    assert_eq!(at(guest, &name).await.sequence, 7);
    assert_eq!(hashes().await, before, "no event that comes has twelve steps signed anew");

    guest.registry.deliver_once().await.unwrap();
    carry(&[host, guest]).await;
    let stands = must_agree(&[host, guest], &name).await;
    assert_eq!((stands.sequence, stands.pending_steps.len()), (19, 0));
    let told: Vec<String> = history(host, &name).await.iter().filter_map(|row| words_of(&event_of(row))).collect();
    let of = |city: &str| told.iter().filter(|words| words.starts_with(city)).cloned().collect::<Vec<_>>();
    assert_eq!(of("Genève"), said);
    assert_eq!(of("Feira").len(), 6);
}

fn words_of(event: &CooperationEvent) -> Option<String> {
    match event.action.as_ref()? {
        cooperation_event::Action::Message(message) => Some(message.texts.first()?.text.clone()),
        _ => None,
    }
}
