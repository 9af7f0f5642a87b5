//! Who speaks first, when several speak at once: the host's order decides, and nobody's word becomes what they did not say.

use isopolity_proto::cooperation::PendingState;
use isopolity_tests::{Resident, Town, town::administrator};

use super::deal::{
    FEIRA, GENEVE, KENITRA, accept, act, agreement, agreements, at, carry, counter, decline, draft, event_of, history,
    must_agree, overtaken, pending, propose, sign, state,
};

/// All orders in which three cities can be the first, second and third to deliver.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Each delivers once in this order, and then all until nothing waits.
async fn carry_in(cities: &[&Resident], order: &[usize]) {
    for &who in order.iter().filter(|who| **who < cities.len()) {
        cities[who].registry.deliver_once().await.unwrap();
    }
    carry(cities).await;
}

fn title(stands: &isopolity_proto::cooperation::Offer) -> &str {
    &stands.terms.as_ref().unwrap().titles[0].text
}

#[tokio::test]
async fn c6_of_simultaneous_counter_proposals_of_host_and_participant_the_hosts_order_decides() {
    for order in [[0, 1], [1, 0]] {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE])).await;
        carry(&cities).await;
        act(cities[1], &name, counter("As Genève wants it")).await.unwrap();
        act(cities[0], &name, counter("As Feira wants it")).await.unwrap();
        carry_in(&cities, &order).await;
        let stands = must_agree(&cities, &name).await;
        let offer = stands.offer.as_ref().unwrap();
        assert_eq!(
            (title(offer), offer.city.as_str(), offer.terms.as_ref().unwrap().version),
            ("As Feira wants it", FEIRA, 2)
        );

        // Whoever lost is told by which event, and nothing of theirs is done without them.
        let lost = overtaken(cities[1], &name).await;
        assert_eq!(event_of(&history(cities[1], &name).await[1]).city, FEIRA);
        assert_eq!(lost.overtaken_by, 2);
        assert!(!lost.reason.is_empty(), "{lost:?}");
        carry(&cities).await;
        assert_eq!(stands.sequence, 2);

        // It is taken anew, and holds.
        cities[1].registry.drop_step(&administrator(), &name, &lost.step_id).await.unwrap();
        act(cities[1], &name, lost.step.unwrap().action.unwrap()).await.unwrap();
        carry_in(&cities, &order).await;
        act(cities[0], &name, accept()).await.unwrap();
        carry(&cities).await;
        let stands = must_agree(&cities, &name).await;
        assert_eq!(state(&stands), "AGREED");
        assert_eq!(title(stands.agreed.as_ref().unwrap()), "As Genève wants it");
        assert!(pending(cities[1], &name).await.is_empty());
    }
}

#[tokio::test]
async fn c6_of_simultaneous_counter_proposals_of_two_participants_exactly_one_wins() {
    for order in ORDERS {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
        carry(&cities).await;
        act(cities[1], &name, counter("As Genève wants it")).await.unwrap();
        act(cities[2], &name, counter("As Kénitra wants it")).await.unwrap();
        carry_in(&cities, &order).await;
        let stands = must_agree(&cities, &name).await;
        let place = |who| order.iter().position(|one| *one == who).unwrap();
        let (winner, loser) = if place(1) < place(2) { (1, 2) } else { (2, 1) };
        let offer = stands.offer.as_ref().unwrap();
        assert_eq!((offer.city.as_str(), offer.sequence), (cities[winner].city(), 2), "{order:?}");
        assert_eq!(stands.sequence, 2, "{order:?}");
        assert!(pending(cities[winner], &name).await.is_empty());
        assert_eq!(overtaken(cities[loser], &name).await.overtaken_by, 2);
    }
}

#[tokio::test]
async fn c6_an_acceptance_of_what_is_no_longer_on_offer_makes_no_agreement() {
    for order in [[0, 1], [1, 0]] {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE])).await;
        carry(&cities).await;
        // With this acceptance the first version would be agreed.
        act(cities[1], &name, accept()).await.unwrap();
        act(cities[0], &name, counter("Other terms")).await.unwrap();
        carry_in(&cities, &order).await;
        let stands = must_agree(&cities, &name).await;
        assert_eq!((state(&stands), stands.sequence), ("PROPOSED", 2));
        assert!(stands.agreed.is_none());
        overtaken(cities[1], &name).await;
        for city in &cities {
            assert!(agreements(city).await.is_empty());
        }
        // Accepting what is on offer now does.
        act(cities[1], &name, accept()).await.unwrap();
        carry_in(&cities, &order).await;
        assert_eq!(title(must_agree(&cities, &name).await.agreed.as_ref().unwrap()), "Other terms");
    }
}

#[tokio::test]
async fn c6_an_acceptance_that_crosses_with_other_terms_is_not_one_of_those() {
    for order in ORDERS {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
        carry(&cities).await;
        act(cities[1], &name, counter("Other terms")).await.unwrap();
        act(cities[2], &name, accept()).await.unwrap();
        carry_in(&cities, &order).await;
        let stands = must_agree(&cities, &name).await;
        let offer = stands.offer.as_ref().unwrap();
        assert_eq!((state(&stands), offer.city.as_str()), ("PROPOSED", GENEVE), "{order:?}");
        let accepted: Vec<&str> =
            stands.participations.iter().filter(|one| one.accepted_version == 2).map(|one| one.city.as_str()).collect();
        assert_eq!(accepted, [GENEVE], "{order:?}");
        let place = |who| order.iter().position(|one| *one == who).unwrap();
        if place(1) < place(2) {
            assert_eq!(stands.sequence, 2, "{order:?}");
            assert_eq!(overtaken(cities[2], &name).await.overtaken_by, 2);
        } else {
            // Nobody else had offered anything: what Genève wanted it still wants.
            assert_eq!((stands.sequence, offer.sequence), (3, 3), "{order:?}");
        }
        assert!(pending(cities[1], &name).await.is_empty(), "{order:?}");
    }
}

#[tokio::test]
async fn steps_that_do_not_contradict_each_other_are_all_taken_in_whatever_order() {
    for order in ORDERS {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
        carry(&cities).await;
        for who in [1, 2] {
            act(cities[who], &name, accept()).await.unwrap();
        }
        carry_in(&cities, &order).await;
        assert_eq!(state(&at(cities[0], &name).await), "AGREED", "{order:?}");
        for city in &cities {
            act(city, &name, sign()).await.unwrap();
        }
        carry_in(&cities, &order).await;
        let stands = must_agree(&cities, &name).await;
        assert_eq!(stands.sequence, 6, "{order:?}");
        for city in &cities {
            assert!(pending(city, &name).await.is_empty(), "{order:?}");
            assert_eq!(agreement(city, &name).await.unwrap().evidence.unwrap().signings.len(), 3);
        }
    }
}

#[tokio::test]
async fn c7_with_one_refusal_of_three_parties_nobody_has_an_agreement() {
    let town = Town::default();
    let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
    let cities: Vec<&Resident> = cities.iter().collect();
    let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
    carry(&cities).await;
    act(cities[1], &name, accept()).await.unwrap();
    carry(&cities).await;
    act(cities[2], &name, decline("The budget is spent")).await.unwrap();
    carry(&cities).await;
    must_be_declined(&cities, &name, "The budget is spent").await;
    for city in &cities {
        let late = act(city, &name, sign()).await.unwrap_err();
        assert!(late.to_string().contains("DECLINED"), "{late}");
    }
}

#[tokio::test]
async fn c7_a_refusal_that_crosses_with_the_others_acceptance_counts_in_whatever_order() {
    for order in ORDERS {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE, KENITRA]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE, KENITRA])).await;
        carry(&cities).await;
        act(cities[1], &name, accept()).await.unwrap();
        act(cities[2], &name, decline("No")).await.unwrap();
        carry_in(&cities, &order).await;
        must_be_declined(&cities, &name, "No").await;
        let place = |who| order.iter().position(|one| *one == who).unwrap();
        if place(1) < place(2) {
            assert!(pending(cities[1], &name).await.is_empty(), "{order:?}");
        } else {
            overtaken(cities[1], &name).await;
        }
    }
}

/// Whoever refuses what the others have all accepted meanwhile is told so: it is agreed, and to be terminated if it must.
#[tokio::test]
async fn c7_a_refusal_that_comes_after_the_last_acceptance_is_left_to_people() {
    for order in [[0, 1], [1, 0]] {
        let town = Town::default();
        let cities = town.of([FEIRA, GENEVE]).await;
        let cities: Vec<&Resident> = cities.iter().collect();
        let name = propose(cities[0], "craft", draft(&[GENEVE])).await;
        carry(&cities).await;
        act(cities[1], &name, counter("Other terms")).await.unwrap();
        carry(&cities).await;
        act(cities[1], &name, decline("We have changed our mind")).await.unwrap();
        act(cities[0], &name, accept()).await.unwrap();
        carry_in(&cities, &order).await;
        assert_eq!(state(&must_agree(&cities, &name).await), "AGREED");
        assert_eq!(overtaken(cities[1], &name).await.state(), PendingState::Overtaken);
        for city in &cities {
            assert!(agreement(city, &name).await.is_some());
        }
    }
}

async fn must_be_declined(cities: &[&Resident], name: &str, reason: &str) {
    let stands = must_agree(cities, name).await;
    assert_eq!(state(&stands), "DECLINED");
    let end = stands.end.unwrap();
    assert_eq!((end.city.as_str(), end.reason.as_str()), (KENITRA, reason));
    for city in cities {
        assert_eq!(agreements(city).await, [], "{}", city.city());
        assert_eq!(at(city, name).await.agreement, "");
    }
}
