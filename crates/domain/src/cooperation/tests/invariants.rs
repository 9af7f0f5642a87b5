//! Whatever cities do, in whatever order.

use proptest::prelude::*;

use super::*;

/// Who does what; the steps are those that a city could think of.
fn action(kind: u8, history: &History) -> Action {
    let version = |back: i32| {
        let at = history.at();
        let offer = at.amendment.as_ref().or(at.offer.as_ref()).or(at.agreed.as_ref());
        let terms_version = offer.map_or(1, |offer| offer.terms.as_ref().unwrap().version) - back;
        (terms_version, offer.map(|offer| offer.hash.clone()).unwrap_or_default())
    };
    match kind % 18 {
        0 => counter("Another"),
        1..=3 => acceptance(),
        4 => decline(),
        5 => withdrawal(),
        6 | 7 => signature("2013-04-10"),
        8 => activation(),
        9 => amendment("Wider"),
        10 => renewal("2019-05-31"),
        11 => amendment_decline(),
        12 => conclusion(),
        13 => termination(),
        14 => message("Hello"),
        15 => milestone("visit", KENITRA, "2013-06-01"),
        16 => completion("visit"),
        _ => {
            let (terms_version, offer_hash) = version(1);
            Action::Acceptance(Acceptance { terms_version, offer_hash, ..Default::default() })
        }
    }
}

/// Which cities have accepted, offered or signed which terms, as the events say.
fn accepted(history: &History, version: i32, hash: &[u8]) -> Vec<String> {
    use isopolity_proto::cooperation::cooperation_event::Action as Done;
    let mut cities: Vec<String> = history
        .events
        .iter()
        .filter(|one| match one.event.action.as_ref().unwrap() {
            Done::Proposal(_) | Done::Counter(_) | Done::Amendment(_) => one.hash == hash,
            Done::Acceptance(acceptance) => acceptance.terms_version == version && acceptance.offer_hash == hash,
            _ => false,
        })
        .map(|one| one.event.city.clone())
        .collect();
    cities.sort();
    cities.dedup();
    cities
}

fn check(history: &History, before: &Cooperation) {
    let at = history.at();
    // Place and hash.
    assert_eq!(at.sequence, i64::try_from(history.events.len()).unwrap());
    assert_eq!(at.head_hash, history.events.last().unwrap().hash.as_slice());
    // What is agreed was accepted by all, that very version of those very bytes.
    if let Some(agreed) = &at.agreed {
        let version = agreed.terms.as_ref().unwrap().version;
        let mut all: Vec<String> = at.participations.iter().map(|one| one.city.clone()).collect();
        all.sort();
        assert_eq!(accepted(history, version, &agreed.hash), all);
    } else {
        assert!(!matches!(at.state(), CooperationState::Agreed | CooperationState::Active));
    }
    // It is never lost, and changes only into what was on offer as an amendment.
    if let Some(agreed) = &before.agreed {
        let now = at.agreed.as_ref().unwrap();
        assert!(now == agreed || Some(now) == before.amendment.as_ref());
    }
    // Nothing begins unsigned.
    if at.state() == CooperationState::Active {
        assert!(all_signed(at));
    }
    // After the end there is nothing.
    assert!(!is_final(before.state()));
    if is_final(at.state()) {
        assert!(at.end.is_some() && at.amendment.is_none());
        assert!(CITIES.iter().all(|city| possible(at, &id(city)).is_empty()));
    }
    // Versions are given once.
    for offer in [&at.offer, &at.agreed, &at.amendment].into_iter().flatten() {
        assert!(offer.terms.as_ref().unwrap().version < at.next_terms_version);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_agreed_without_all_and_nothing_agreed_is_lost(steps in proptest::collection::vec((0_usize..3, any::<u8>()), 1..60)) {
        let mut history = History::proposed(&[KENITRA, GENEVE]);
        for (city, kind) in steps {
            let before = history.at().clone();
            let Ok(event) = history.event(CITIES[city], action(kind, &history)) else {
                prop_assert_eq!(history.at(), &before);
                continue;
            };
            history.keep(event);
            check(&history, &before);
        }
        // Whoever has the events has the same, and the file tells so.
        prop_assert_eq!(history.up_to(history.events.len()), history.at.clone());
    }

    #[test]
    fn c4_whatever_order_events_come_in_the_same_history_is_kept(
        steps in proptest::collection::vec((0_usize..3, any::<u8>()), 1..20),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..80),
    ) {
        let mut history = History::proposed(&[KENITRA, GENEVE]);
        for (city, kind) in steps {
            if let Ok(event) = history.event(CITIES[city], action(kind, &history)) {
                history.keep(event);
            }
        }
        let mut at: Option<Cooperation> = None;
        let mut deliver = |event: &Verified| {
            let index = usize::try_from(event.event.sequence - 1).unwrap();
            let have = at.as_ref().map_or(0, |at| at.sequence);
            let known = (event.event.sequence <= have).then(|| history.events[index].hash);
            match receive_ordered(at.as_ref(), known.as_ref(), event) {
                Received::Kept(after) => {
                    assert_eq!(after.sequence, have + 1);
                    at = Some(*after);
                }
                Received::Known => assert!(event.event.sequence <= have),
                Received::Early { next } => assert_eq!(next, have + 1),
                other => panic!("{other:?}"),
            }
        };
        for index in order {
            deliver(index.get(&history.events));
        }
        for event in &history.events {
            deliver(event);
        }
        prop_assert_eq!(at, history.at);
    }
}
