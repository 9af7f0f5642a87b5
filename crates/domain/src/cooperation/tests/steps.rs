use super::*;

#[test]
fn the_node_gives_place_versions_and_hashes() {
    let mut history = History::proposed(&[KENITRA]);
    let first = &history.events[0].event;
    assert_eq!((first.sequence, first.previous_hash.len()), (1, 0));
    history.take(KENITRA, counter("Another")).take(FEIRA, acceptance());
    let event = history.events[2].event.clone();
    assert_eq!((event.sequence, &event.previous_hash[..]), (3, &history.events[1].hash[..]));
    let Some(isopolity_proto::cooperation::cooperation_event::Action::Acceptance(accepted)) = event.action else {
        panic!("not an acceptance")
    };
    assert_eq!((accepted.terms_version, &accepted.offer_hash[..]), (2, &history.events[1].hash[..]));
}

#[test]
fn what_was_pinned_is_not_carried_over_to_another_offer() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    let pinned = pin(history.at(), &step(acceptance()));
    history.take(GENEVE, counter("Another"));
    let refusal = next_event(history.at.as_ref(), &name(), &id(KENITRA), &pinned, NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::Impossible { wrong: Wrong::OtherTerms { named: 1, .. }, .. }));
    assert_eq!(pin(history.at(), &pinned), pinned);
}

#[test]
fn sixty_days_are_waited_where_nothing_is_said() {
    let history = History::proposed(&[KENITRA]);
    assert_eq!(expires_at(history.at()), Some(NOW + Duration::days(60)));
    let mut soon = proposal(&[KENITRA]);
    soon.reply_due_time = Some(crate::clock::to_timestamp(NOW + Duration::days(3)));
    assert_eq!(expires_at(History::begun(soon.clone()).at()), Some(NOW + Duration::days(3)));
    soon.reply_due_time = Some(crate::clock::to_timestamp(NOW));
    assert!(matches!(History::default().event(FEIRA, Action::Proposal(soon)), Err(Refusal::Invalid(_))));
}

#[test]
fn a_second_person_is_asked_for_what_binds_the_city() {
    for binding in
        [counter("x"), acceptance(), signature("2013-04-10"), activation(), amendment("x"), conclusion(), termination()]
    {
        assert!(is_binding(&step(binding)));
    }
    for free in [
        decline(),
        withdrawal(),
        amendment_decline(),
        message("x"),
        milestone("a", FEIRA, "2013-04-10"),
        completion("a"),
    ] {
        assert!(!is_binding(&step(free)));
    }
    assert!(!is_binding(&Step::default()));
}

#[test]
fn possible_steps_are_those_that_are_taken() {
    use Move::{Acceptance, Counter, Decline, DocumentAttachment, Expiry, Message, MilestoneSetting, Withdrawal};
    let history = History::proposed(&[KENITRA]);
    assert_eq!(
        possible(history.at(), &id(KENITRA)),
        [Counter, Acceptance, Decline, Message, MilestoneSetting, DocumentAttachment]
    );
    assert_eq!(
        possible(history.at(), &id(FEIRA)),
        [Counter, Withdrawal, Expiry, Message, MilestoneSetting, DocumentAttachment]
    );
}
