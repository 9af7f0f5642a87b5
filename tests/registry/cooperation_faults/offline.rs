//! Cities that are away for weeks, and peerings that rest.

use isopolity_domain::Clock as _;
use isopolity_federation::LinkError;
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    cooperation::{ListDeliveriesRequest, RedriveDeliveriesRequest},
    error::Reason,
    federation::HelloRequest,
    options::Audience,
    registry::AgreementStatus,
};
use isopolity_tests::{
    Manner, Resident, Town,
    town::{administrator, grant},
};
use time::{Duration, OffsetDateTime};

use super::deal::{
    FEIRA, GENEVE, KENITRA, accept, act, activate, agreement, at, carry, dead, draft, history, message, must_agree,
    pass, propose, sign, state, waiting,
};

fn gone() -> Manner {
    Manner::Fails(LinkError::new(Outcome::Unreachable, Reason::Connection, "nobody is there"))
}

/// Lets time go by from one attempt to the next until then, and returns how many there were.
async fn wait_until(cities: &[&Resident], until: OffsetDateTime) -> i32 {
    let mut tries = 0;
    loop {
        let now = cities[0].clock.now();
        let mut next = until;
        for city in cities {
            if let Some(due) = city.registry.store().next_delivery_time().await.unwrap() {
                next = next.min(due);
                assert!(due - now <= Duration::HOUR, "the wait is longer than an hour: {}", due - now);
            }
        }
        pass(cities, next - now);
        if next == until {
            return tries;
        }
        for city in cities {
            let done = city.registry.deliver_once().await.unwrap();
            assert_eq!(done.kept, 0);
            tries += i32::try_from(done.put_off).unwrap();
        }
    }
}

async fn greet(from: &Resident, to: &Resident) {
    let city = from.city().parse().unwrap();
    // As the listener for peers does with each call: whoever calls is left alone no longer.
    to.registry.federation().sign_of_life(&city);
    to.registry.greeted(&city, &HelloRequest::default()).await.unwrap();
}

#[tokio::test]
async fn c5_a_peer_that_was_offline_for_14_days_completes_the_agreement() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let cities: Vec<&Resident> = cities.iter().collect();
    let name = propose(cities[0], "craft", draft(&[GENEVE])).await;
    carry(&cities).await;

    // The line of Genève is down, in both directions, and both have something to say.
    town.teach(GENEVE, gone());
    town.teach(FEIRA, gone());
    act(cities[0], &name, message("Did you see it?")).await.unwrap();
    act(cities[1], &name, accept()).await.unwrap();
    let begun = cities[0].clock.now();
    let tries = wait_until(&cities, begun + Duration::days(14)).await;
    let [host, guest] = [waiting(cities[0]).await, waiting(cities[1]).await];
    assert_eq!((host.len(), guest.len()), (1, 1), "nothing is given up");
    assert_eq!(host[0].attempts + guest[0].attempts, tries);
    for row in [&host[0], &guest[0]] {
        // Between half an hour and an hour apart, but for the first ones.
        assert!((420..=500).contains(&row.attempts), "{} attempts in 14 days", row.attempts);
        assert_eq!(row.problem, "nobody is there");
    }
    let shown = at(cities[0], &name).await.deliveries;
    assert_eq!((shown[0].city.as_str(), shown[0].waiting_count, shown[0].dead_count), (GENEVE, 1, 0));
    assert!(shown[0].oldest_time.is_some() && !shown[0].problem.is_empty());

    // It is back. Its greeting ends the wait at once: the clock does not move.
    town.teach(GENEVE, Manner::Honest);
    town.teach(FEIRA, Manner::Honest);
    assert!(host[0].next_time > cities[0].clock.now());
    assert_eq!(cities[0].registry.deliver_once().await.unwrap().kept, 0);
    greet(cities[1], cities[0]).await;
    assert_eq!(cities[0].registry.deliver_once().await.unwrap().kept, 1);
    // What Genève has signed was overtaken by the message, and means the same.
    cities[1].registry.deliver_once().await.unwrap();
    greet(cities[0], cities[1]).await;
    cities[1].registry.deliver_once().await.unwrap();
    // Its receipt for the copy that it was sent of its own step.
    cities[0].registry.deliver_once().await.unwrap();
    let stands = must_agree(&cities, &name).await;
    assert_eq!((state(&stands), stands.sequence), ("AGREED", 3));
    for city in &cities {
        act(city, &name, sign()).await.unwrap();
    }
    carry(&cities).await;
    act(cities[1], &name, activate()).await.unwrap();
    carry(&cities).await;
    assert_eq!(state(&must_agree(&cities, &name).await), "ACTIVE");
    for city in &cities {
        let record = agreement(city, &name).await.unwrap();
        assert_eq!((record.status(), record.parties.len()), (AgreementStatus::Active, 2));
    }
}

#[tokio::test]
async fn c5_after_30_days_it_is_a_dead_letter_that_can_be_tried_anew() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE]).await;
    let cities: Vec<&Resident> = cities.iter().collect();
    let name = propose(cities[0], "craft", draft(&[GENEVE])).await;
    carry(&cities).await;
    town.teach(GENEVE, gone());
    act(cities[0], &name, message("First")).await.unwrap();
    pass(&cities, Duration::days(2));
    act(cities[0], &name, message("Second")).await.unwrap();
    let begun = cities[0].clock.now();
    wait_until(&cities, begun + Duration::days(29)).await;

    let given_up = dead(cities[0]).await;
    assert_eq!(given_up.len(), 1, "what comes after it waits behind it");
    let (first, problem) = (&given_up[0], given_up[0].problem.as_str());
    assert!(problem.contains("DELIVERY_EXPIRED") && problem.contains("nobody is there"), "{problem}");
    let behind = waiting(cities[0]).await;
    assert_eq!((behind.len(), behind[0].attempts), (1, 0));
    let listed = cities[0].registry.deliveries(&administrator(), &ListDeliveriesRequest::default()).await.unwrap();
    assert_eq!(listed.deliveries.iter().filter(|one| one.delivery_id == first.id).count(), 1);
    let shown = at(cities[0], &name).await.deliveries;
    assert_eq!((shown[0].waiting_count, shown[0].dead_count), (1, 1));

    // That the city is back does not bring it back by itself: a person decides.
    town.teach(GENEVE, Manner::Honest);
    greet(cities[1], cities[0]).await;
    assert_eq!(cities[0].registry.deliver_once().await.unwrap().kept, 0);
    assert_eq!(history(cities[1], &name).await.len(), 1);
    let again = RedriveDeliveriesRequest { city: GENEVE.to_owned(), ..Default::default() };
    assert_eq!(cities[0].registry.redrive_deliveries(&administrator(), &again).await.unwrap(), 2);
    assert_eq!(cities[0].registry.deliver_once().await.unwrap().kept, 2);
    act(cities[1], &name, accept()).await.unwrap();
    carry(&cities).await;
    assert_eq!(state(&must_agree(&cities, &name).await), "AGREED");
    for city in &cities {
        assert!(agreement(city, &name).await.is_some());
    }
}

#[tokio::test]
async fn a_peering_that_is_suspended_holds_its_deliveries_with_the_reason_until_it_is_approved_again() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let cities: Vec<&Resident> = cities.iter().collect();
    let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&cities).await;
    let peer = cities[0].registry.suspend_peer(&administrator(), GENEVE, "their keys are looked at").await.unwrap();
    assert_eq!(peer.state(), PeerState::Suspended);
    act(cities[0], &name, message("Wait for Genève")).await.unwrap();
    act(cities[1], &name, accept()).await.unwrap();
    act(cities[2], &name, accept()).await.unwrap();
    for _ in 0..6 {
        for city in &cities {
            city.registry.deliver_once().await.unwrap();
        }
        pass(&cities, Duration::HOUR);
    }
    // Both know why; neither gave up; and nobody else is held up.
    for (from, to, why) in [(0, GENEVE, "suspended"), (1, FEIRA, "suspended")] {
        let rows: Vec<_> = waiting(cities[from]).await.into_iter().filter(|row| row.city.as_str() == to).collect();
        assert!(!rows.is_empty(), "{from} has nothing for {to}");
        assert!(rows[0].problem.contains(why), "{from}: {:?}", rows[0].problem);
        assert!(dead(cities[from]).await.is_empty());
    }
    assert_eq!(history(cities[2], &name).await, history(cities[0], &name).await);
    assert_eq!(at(cities[0], &name).await.sequence, 3);

    grant(cities[0], cities[1], Audience::Public).await;
    carry(&cities).await;
    assert_eq!(state(&must_agree(&cities, &name).await), "AGREED");
    for city in &cities {
        assert!(agreement(city, &name).await.is_some());
    }
}
