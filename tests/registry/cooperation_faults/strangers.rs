//! Whoever takes no part, or acts as somebody else: nothing is read, nothing is written.

use isopolity_domain::{
    CityId, Clock as _,
    clock::to_timestamp,
    cooperation::{Verified, countersign, seal_event},
};
use isopolity_proto::{
    cooperation::{CooperationEvent, Message, cooperation_event::Action},
    error::Reason,
    federation::{DeliverEventsRequest, DeliveryOutcome, DeliveryResult, Envelope, FetchEventsRequest},
    options::Audience,
};
use isopolity_registry::Error;
use isopolity_tests::{Resident, Town, town::introduce};
use prost::Message as _;

use super::deal::{FEIRA, GENEVE, KENITRA, at, carry, draft, history, must_agree, propose, text};

const STRANGER: &str = "stranger.example";

/// The next event of a history, of a city's, unsigned.
async fn next(seen_by: &Resident, name: &str, of: &str, words: &str) -> CooperationEvent {
    let stands = at(seen_by, name).await;
    Verified::made_here(CooperationEvent {
        cooperation: name.to_owned(),
        sequence: stands.sequence + 1,
        previous_hash: stands.head_hash,
        city: of.to_owned(),
        time: Some(to_timestamp(seen_by.clock.now())),
        action: Some(Action::Message(Message { texts: text(words), ..Default::default() })),
    })
    .event
}

async fn hand(from: &str, to: &Resident, name: &str, events: Vec<Envelope>) -> Result<Vec<DeliveryResult>, Error> {
    let request = DeliverEventsRequest { cooperation: name.to_owned(), events };
    to.registry.receive_events(&from.parse::<CityId>().unwrap(), request).await.map(|answer| answer.results)
}

async fn must_refuse(from: &str, to: &Resident, name: &str, event: Envelope) -> DeliveryResult {
    must_not_take(from, to, name, event, DeliveryOutcome::Refused).await
}

/// A key that is not known might be one that the city has just changed to: it is not taken as long as no bundle says so.
async fn must_disbelieve(from: &str, to: &Resident, name: &str, event: Envelope) {
    let result = must_not_take(from, to, name, event, DeliveryOutcome::Later).await;
    assert_eq!(result.reason(), Reason::SignerUnknown, "{result:?}");
}

async fn must_not_take(
    from: &str,
    to: &Resident,
    name: &str,
    event: Envelope,
    expected: DeliveryOutcome,
) -> DeliveryResult {
    let before = history(to, name).await;
    let result = hand(from, to, name, vec![event]).await.unwrap().remove(0);
    assert_eq!(result.outcome(), expected, "{result:?}");
    assert_eq!(history(to, name).await, before);
    result
}

async fn fetch(by: &str, from: &Resident, name: &str) -> Result<usize, Error> {
    let request = FetchEventsRequest { cooperation: name.to_owned(), after_sequence: 0 };
    from.registry.events_for_peer(&by.parse().unwrap(), &request).await.map(|answer| answer.events.len())
}

#[tokio::test]
async fn a_peer_that_takes_no_part_neither_reads_nor_writes() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, STRANGER]).await;
    let [host, guest, stranger] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    for city in [host, guest] {
        // It can't tell what is not for it from what does not exist.
        let refused = fetch(STRANGER, city, &name).await.unwrap_err();
        let unknown = fetch(STRANGER, city, "cities/feira.example/cooperations/none").await.unwrap_err();
        assert_eq!((refused.reason(), unknown.reason()), (Reason::ResourceNotFound, Reason::ResourceNotFound));
        assert_eq!(refused.to_string().replace("craft", "none"), unknown.to_string());

        let own = seal_event(&next(host, &name, STRANGER, "Let me in").await, &stranger.identity.record_key());
        let refused = hand(STRANGER, city, &name, vec![own]).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::ResourceNotFound);
        // Not even what is true.
        let known = Envelope::decode(history(host, &name).await[0].envelope.clone()).unwrap();
        let refused = hand(STRANGER, city, &name, vec![known]).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::ResourceNotFound);
        assert_eq!(history(city, &name).await.len(), 1);
    }
    // Nor does it bring others into what they were not asked for.
    let true_proposal = Envelope::decode(history(host, &name).await[0].envelope.clone()).unwrap();
    let result = hand(FEIRA, stranger, &name, vec![true_proposal]).await.unwrap().remove(0);
    assert_eq!(result.outcome(), DeliveryOutcome::Refused);
    assert!(stranger.registry.store().cooperation(&name).await.unwrap().is_none());
    // A city that is no peer at all is not heard.
    let outside = town.settle("outside.example").await;
    let refused = fetch(outside.city(), host, &name).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::PeerUnknown);
    must_agree(&[host, guest], &name).await;
}

#[tokio::test]
async fn a_participant_acts_as_nobody_else() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let [host, geneve, kenitra] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&[host, geneve, kenitra]).await;
    let (own, hosts) = (geneve.identity.record_key(), host.identity.record_key());

    // In the name of another participant, with its own key.
    let forged = seal_event(&next(host, &name, KENITRA, "I give up").await, &own);
    must_disbelieve(GENEVE, host, &name, forged).await;
    // In the name of the host, with its own key.
    let forged = seal_event(&next(host, &name, FEIRA, "I give up").await, &own);
    must_disbelieve(GENEVE, kenitra, &name, forged).await;
    // Another's own step, handed in for it: only whoever acts hands in.
    let step = seal_event(&next(host, &name, KENITRA, "Hello").await, &kenitra.identity.record_key());
    must_refuse(GENEVE, host, &name, step.clone()).await;
    // A step without the host's signature is no part of the history, from whomever.
    let unsigned = seal_event(&next(host, &name, GENEVE, "Hello").await, &own);
    must_refuse(GENEVE, kenitra, &name, unsigned.clone()).await;
    // With its own signature in the host's place.
    let mut twice = unsigned.clone();
    countersign(&mut twice, &own);
    must_disbelieve(GENEVE, kenitra, &name, twice).await;
    // With a signature too many.
    let mut thrice = unsigned.clone();
    countersign(&mut thrice, &hosts);
    thrice.signatures.push(thrice.signatures[0].clone());
    must_refuse(GENEVE, kenitra, &name, thrice).await;
    // Changed after it was signed.
    let mut ordered = unsigned.clone();
    countersign(&mut ordered, &hosts);
    let mut changed = ordered.clone();
    changed.payload = next(host, &name, GENEVE, "Goodbye").await.encode_to_vec().into();
    must_refuse(GENEVE, kenitra, &name, changed).await;
    // Under another cooperation's name.
    let elsewhere = propose(host, "food", draft(&[GENEVE, KENITRA])).await;
    carry(&[host, geneve, kenitra]).await;
    must_refuse(GENEVE, kenitra, &elsewhere, ordered.clone()).await;
    for city in &cities {
        assert_eq!(history(city, &name).await.len(), 1);
    }
    // As it was signed by both it is taken.
    let kept = hand(GENEVE, kenitra, &name, vec![ordered]).await.unwrap();
    assert_eq!(kept[0].outcome(), DeliveryOutcome::Kept);
}

#[tokio::test]
async fn what_is_too_much_or_too_large_is_not_read() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let [host, guest] = &cities;
    let name = propose(host, "craft", draft(&[GENEVE])).await;
    carry(&[host, guest]).await;
    let key = guest.identity.record_key();
    let event = seal_event(&next(host, &name, GENEVE, "Hello").await, &key);
    for events in [vec![], vec![event.clone(); 101]] {
        let refused = hand(GENEVE, host, &name, events).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::FieldInvalid, "{refused}");
    }
    // Together too large, though each is small enough.
    let long = seal_event(&next(host, &name, GENEVE, &"x".repeat(40_000)).await, &key);
    let refused = hand(GENEVE, host, &name, vec![long; 14]).await.unwrap_err();
    assert!(refused.to_string().contains("bytes together"), "{refused}");
    // One that is too large by itself, signed as it should be.
    let large = seal_event(&next(host, &name, GENEVE, &"x".repeat(50_000)).await, &key);
    let result = must_refuse(GENEVE, host, &name, large).await;
    assert!(result.description.contains("bytes"), "{result:?}");
    // A name that is none.
    let refused = hand(GENEVE, host, "cities/feira.example/cooperations/A B", vec![event]).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::FieldInvalid, "{refused}");
}

/// Who sends an event for the first time must take part in it, and so must this city.
#[tokio::test]
async fn a_proposal_arrives_from_those_who_take_part() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let [host, geneve, kenitra] = &cities;
    let outside = town.settle(STRANGER).await;
    introduce(&outside, kenitra, Audience::Public).await;
    let name = propose(host, "craft", draft(&[GENEVE, KENITRA])).await;
    let proposal = Envelope::decode(history(host, &name).await[0].envelope.clone()).unwrap();
    let result = hand(STRANGER, kenitra, &name, vec![proposal.clone()]).await.unwrap().remove(0);
    assert_eq!(result.outcome(), DeliveryOutcome::Refused, "{result:?}");
    assert!(kenitra.registry.store().cooperation(&name).await.unwrap().is_none());
    let result = hand(GENEVE, kenitra, &name, vec![proposal]).await.unwrap().remove(0);
    assert_eq!(result.outcome(), DeliveryOutcome::Kept, "{result:?}");
    carry(&[host, geneve, kenitra]).await;
    must_agree(&[host, geneve, kenitra], &name).await;
}
