//! A host that says something else to each: found through what the participants pass on to each other, proven, and the end of it.

use isopolity_domain::{
    Clock as _,
    clock::to_timestamp,
    cooperation::{Opened, Verified, open_event, seal_event},
    envelope::{Keys, key_id},
};
use isopolity_proto::{
    admin::{AuditAction, ListAuditEntriesRequest},
    cooperation::{Cooperation, CooperationEvent, Message, cooperation_event::Action, step},
    error::Reason,
    federation::{DeliverEventsRequest, DeliveryOutcome, Envelope},
};
use isopolity_tests::{Resident, Town, town::administrator};
use prost::Message as _;

use super::deal::{
    FEIRA, GENEVE, KENITRA, accept, act, at, carry, dead, draft, history, message, must_agree, propose, text, waiting,
};

/// An event of the host in the next place of a history, signed as it signs.
fn next_of(host: &Resident, after: &Cooperation, action: Action) -> Envelope {
    let event = Verified::made_here(CooperationEvent {
        cooperation: after.name.clone(),
        sequence: after.sequence + 1,
        previous_hash: after.head_hash.clone(),
        city: host.city().to_owned(),
        time: Some(to_timestamp(host.clock.now())),
        action: Some(action),
    });
    seal_event(&event.event, &host.identity.record_key())
}

fn says(words: &str) -> Action {
    Action::Message(Message { texts: text(words), ..Default::default() })
}

fn keys_of(city: &Resident) -> Keys {
    city.identity.record_keys().into_iter().map(|one| (key_id(&one.public), one.public)).collect()
}

async fn hand(host: &Resident, to: &Resident, name: &str, envelope: Envelope) -> DeliveryOutcome {
    let request = DeliverEventsRequest { cooperation: name.to_owned(), events: vec![envelope] };
    let response = to.registry.receive_events(&host.city().parse().unwrap(), request).await.unwrap();
    response.results[0].outcome()
}

async fn audited(city: &Resident, action: AuditAction) -> usize {
    let request = ListAuditEntriesRequest { actions: vec![action.into()], ..Default::default() };
    city.registry.audit_entries(&administrator(), &request).await.unwrap().entries.len()
}

#[tokio::test]
async fn a_host_that_forks_the_history_is_found_out_by_both_and_proven() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let [host, geneve, kenitra] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&[host, geneve, kenitra]).await;
    let before = at(geneve, &name).await;
    assert_eq!(before.sequence, 1);

    geneve.registry.write_to(vec!["international@geneve.example".to_owned()]);
    let one = next_of(host, &before, says("Genève leads"));
    let other = next_of(host, &before, says("Kénitra leads"));
    assert_eq!(hand(host, geneve, &name, one.clone()).await, DeliveryOutcome::Kept);
    assert_eq!(hand(host, kenitra, &name, other.clone()).await, DeliveryOutcome::Kept);
    // Each has something on its way to the host, which is not to become of a forked history.
    act(kenitra, &name, step::Action::Message(Message { texts: text("Good"), ..Default::default() })).await.unwrap();

    // Genève passes on what it was told; Kénitra knows better, and shows it.
    geneve.registry.deliver_once().await.unwrap();
    for (city, own, shown, by) in [(geneve, &one, &other, KENITRA), (kenitra, &other, &one, GENEVE)] {
        let stands = at(city, &name).await;
        let fork = stands.fork.clone().unwrap_or_else(|| panic!("{} has not found it", city.city()));
        assert_eq!((fork.sequence, fork.shown_by.as_str()), (2, by));
        let [known, other] = [&fork.known, &fork.other].map(|bytes| Envelope::decode(bytes.clone()).unwrap());
        assert_eq!((&known, &other), (own, shown));
        // Whoever has the host's bundle can check it.
        let open = |envelope: &Envelope| -> Opened { open_event(envelope, |_| Some(keys_of(host))).unwrap() };
        let [known, other] = [open(&known), open(&other)];
        assert!(known.ordered && other.ordered);
        assert_eq!(known.verified.event.sequence, other.verified.event.sequence);
        assert_eq!(known.verified.event.previous_hash, other.verified.event.previous_hash);
        assert_ne!(known.verified.hash, other.verified.hash);
        assert_eq!(audited(city, AuditAction::CooperationForkFound).await, 1, "{}", city.city());

        // Nothing more is taken, from anybody.
        let next = next_of(host, &stands, says("Never mind"));
        assert_eq!(hand(host, city, &name, next).await, DeliveryOutcome::Refused);
        let refused = act(city, &name, accept()).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::HistoryForked, "{refused}");
        assert_eq!(history(city, &name).await.len(), 2);
        // It is still told of what it had before.
        assert_eq!(hand(host, city, &name, own.clone()).await, DeliveryOutcome::Kept);
        assert_eq!(hand(host, city, &name, shown.clone()).await, DeliveryOutcome::Forked);
        assert_eq!(audited(city, AuditAction::CooperationForkFound).await, 1, "it is found once");
    }
    let mails = geneve.registry.store().mails(None, 10).await.unwrap();
    let told = mails.iter().filter(|mail| mail.text.contains("feira.example signed two different events number 2"));
    assert_eq!(told.count(), 1, "the office is told once: {mails:?}");
    // What Kénitra had on its way goes no more.
    assert!(waiting(kenitra).await.iter().all(|row| !row.submission));
    assert_eq!(at(kenitra, &name).await.pending_steps.len(), 1);
    carry(&[geneve, kenitra]).await;
    assert!(dead(geneve).await.iter().all(|row| row.city.as_str() == KENITRA));

    // Another cooperation of the same cities goes on.
    let second = propose(host, "food", draft(&[GENEVE, KENITRA])).await;
    carry(&[host, geneve, kenitra]).await;
    for city in [geneve, kenitra] {
        act(city, &second, accept()).await.unwrap();
        carry(&[host, geneve, kenitra]).await;
    }
    must_agree(&[host, geneve, kenitra], &second).await;
}

#[tokio::test]
async fn an_event_of_a_host_that_is_gone_arrives_through_the_others() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let [host, geneve, kenitra] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&[host, geneve, kenitra]).await;
    // The host dies after it has told one of them.
    let event = next_of(host, &at(host, &name).await, says("The last thing"));
    assert_eq!(hand(host, geneve, &name, event).await, DeliveryOutcome::Kept);
    carry(&[geneve, kenitra]).await;
    must_agree(&[geneve, kenitra], &name).await;
    assert_eq!(at(kenitra, &name).await.sequence, 2);
    // What is passed on is not passed on again.
    assert!(waiting(kenitra).await.is_empty());
    act(kenitra, &name, message("Are you well?")).await.unwrap();
    assert_eq!(waiting(kenitra).await.len(), 1);
}
