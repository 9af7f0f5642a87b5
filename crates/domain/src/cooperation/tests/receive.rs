use isopolity_proto::{cooperation::Fork, error::Reason};

use super::*;

fn kept(received: Received) -> Cooperation {
    match received {
        Received::Kept(after) => *after,
        other => panic!("{other:?}"),
    }
}

/// The same place, another event: what a host that forks would sign.
fn other(event: &Verified) -> Verified {
    let mut event = event.event.clone();
    event.action = message("Something else").into_event();
    Verified::made_here(event)
}

trait IntoEvent {
    fn into_event(self) -> Option<isopolity_proto::cooperation::cooperation_event::Action>;
}

impl IntoEvent for Action {
    fn into_event(self) -> Option<isopolity_proto::cooperation::cooperation_event::Action> {
        Some(super::super::moves::to_event(&self))
    }
}

fn forked(cooperation: &Cooperation) -> Cooperation {
    Cooperation { fork: Some(Fork { sequence: 2, ..Fork::default() }), ..cooperation.clone() }
}

#[test]
fn events_in_order_are_kept_one_by_one() {
    let history = History::active(&[KENITRA, GENEVE]);
    let mut at: Option<Cooperation> = None;
    for event in &history.events {
        at = Some(kept(receive_ordered(at.as_ref(), None, event)));
    }
    assert_eq!(at, history.at);
}

#[test]
fn c4_an_event_that_comes_a_hundred_times_is_kept_once() {
    let history = History::active(&[KENITRA]);
    for event in &history.events {
        for _ in 0..100 {
            assert_eq!(receive_ordered(history.at.as_ref(), Some(&event.hash), event), Received::Known);
            assert_eq!(receive_submission(history.at(), Some(&event.hash), event), Received::Known);
        }
    }
    // The last one is known by the head.
    let last = history.events.last().unwrap();
    assert_eq!(receive_ordered(history.at.as_ref(), None, last), Received::Known);
}

#[test]
fn c4_an_event_that_comes_too_early_says_what_to_send_first() {
    let history = History::active(&[KENITRA]);
    assert_eq!(receive_ordered(None, None, &history.events[2]), Received::Early { next: 1 });
    let two = history.up_to(2);
    assert_eq!(receive_ordered(two.as_ref(), None, &history.events[4]), Received::Early { next: 3 });
}

#[test]
fn two_events_in_one_place_are_a_fork() {
    let history = History::agreed(&[KENITRA, GENEVE]);
    for (at, event) in history.events.iter().enumerate() {
        let ours = history.at.as_ref();
        assert_eq!(receive_ordered(ours, Some(&event.hash), &other(event)), Received::Forked, "{at}");
    }
}

#[test]
fn an_event_that_follows_another_than_our_last_leads_to_the_fork() {
    let history = History::proposed(&[KENITRA]);
    let mut theirs = history.clone();
    theirs.take(KENITRA, message("Theirs")).take(FEIRA, message("And on"));
    let mut ours = history;
    ours.take(KENITRA, message("Ours"));
    // The next one does not fit: the one before is asked for, and that shows it.
    assert_eq!(receive_ordered(ours.at.as_ref(), None, &theirs.events[2]), Received::Early { next: 2 });
    let known = ours.events[1].hash;
    assert_eq!(receive_ordered(ours.at.as_ref(), Some(&known), &theirs.events[1]), Received::Forked);
}

#[test]
fn nothing_is_taken_from_a_host_that_forked_but_what_was_kept_is_still_known() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(KENITRA, message("One"));
    let ours = forked(history.at());
    history.take(FEIRA, message("Two"));
    let refused = receive_ordered(Some(&ours), None, &history.events[2]);
    assert!(matches!(&refused, Received::Refused(refusal) if refusal.reason() == Reason::HistoryForked), "{refused:?}");
    let known = history.events[1].hash;
    assert_eq!(receive_ordered(Some(&ours), Some(&known), &history.events[1]), Received::Known);
    assert_eq!(receive_ordered(Some(&ours), Some(&known), &other(&history.events[1])), Received::Forked);
    assert!(matches!(receive_submission(&ours, None, &history.events[2]), Received::Refused(Refusal::Forked(2))));
    let step = step(message("Three"));
    assert_eq!(next_event(Some(&ours), &name(), &id(FEIRA), &step, NOW).unwrap_err(), Refusal::Forked(2));
}

#[test]
fn c6_of_two_counter_proposals_at_once_the_hosts_order_decides_and_the_loser_is_told() {
    let mut host = History::proposed(&[KENITRA, GENEVE]);
    let kenitras = host.event(KENITRA, counter("Kénitra's")).unwrap();
    let geneves = host.event(GENEVE, counter("Geneva's")).unwrap();
    assert!(matches!(receive_submission(host.at(), None, &kenitras), Received::Kept(_)));
    host.keep(kenitras.clone());
    assert_eq!(receive_submission(host.at(), Some(&kenitras.hash), &geneves), Received::Overtaken { next: 3 });
    assert!(matches!(reconsider(&geneves, host.at(), Some(&kenitras.hash)), Reconsidered::Overtaken(Refusal::Lost(2))));
}

#[test]
fn a_second_step_of_the_same_city_in_a_place_that_is_taken_is_overtaken() {
    let mut host = History::proposed(&[KENITRA]);
    let first = host.event(KENITRA, message("One")).unwrap();
    let second = host.event(KENITRA, message("Two")).unwrap();
    host.keep(first.clone());
    assert_eq!(receive_submission(host.at(), Some(&first.hash), &second), Received::Overtaken { next: 3 });
    let Reconsidered::Rebased(again) = reconsider(&second, host.at(), Some(&first.hash)) else { panic!("not rebased") };
    assert_eq!((again.sequence, again.time), (3, second.event.time));
    host.keep(Verified::made_here(*again));
    assert_eq!(host.at().message_count, 2);
}

#[test]
fn a_step_after_the_end_is_refused_or_overtaken_but_never_kept() {
    let mut host = History::proposed(&[KENITRA, GENEVE]);
    let late = host.event(KENITRA, acceptance()).unwrap();
    host.take(GENEVE, decline());
    assert_eq!(receive_submission(host.at(), Some(&host.events[1].hash), &late), Received::Overtaken { next: 3 });
    let Reconsidered::Overtaken(refusal) = reconsider(&late, host.at(), None) else { panic!("not overtaken") };
    assert_eq!(refusal.to_string(), "it is DECLINED, and that is final");
    // As if it had been signed after the end.
    let mut forced = late.event;
    (forced.sequence, forced.previous_hash) = (3, host.at().head_hash.clone());
    let received = receive_submission(host.at(), None, &Verified::made_here(forced));
    assert!(matches!(received, Received::Refused(Refusal::Impossible { wrong: Wrong::Final(_), .. })), "{received:?}");
}

#[test]
fn a_host_that_lost_events_takes_them_back_from_a_participant() {
    let mut history = History::agreed(&[KENITRA]);
    let restored = history.up_to(2).unwrap();
    history.take(KENITRA, signature("2013-04-10"));
    let next = history.event(KENITRA, message("Next")).unwrap();
    assert_eq!(receive_submission(&restored, None, &next), Received::Early { next: 3 });
    let again = kept(receive_ordered(Some(&restored), None, &history.events[2]));
    assert!(matches!(receive_submission(&again, None, &next), Received::Kept(_)));
}

#[test]
fn the_host_signs_nothing_that_its_own_people_could_not_enter() {
    let history = History::proposed(&[KENITRA]);
    let mut event = history.event(KENITRA, counter("Another")).unwrap().event;
    if let Some(isopolity_proto::cooperation::cooperation_event::Action::Counter(one)) = &mut event.action {
        one.terms.as_mut().unwrap().titles[0].language = "no language at all".into();
    }
    let event = Verified::made_here(event);
    let received = receive_submission(history.at(), None, &event);
    assert!(matches!(&received, Received::Refused(Refusal::Invalid(_))), "{received:?}");
    // Once it is signed nobody may be stricter than the others.
    assert!(matches!(receive_ordered(history.at.as_ref(), None, &event), Received::Kept(_)));
}

#[test]
fn an_own_step_that_comes_back_signed_is_done() {
    let mut history = History::proposed(&[KENITRA]);
    let own = history.event(KENITRA, acceptance()).unwrap();
    assert_eq!(reconsider(&own, history.at(), None), Reconsidered::Waits);
    history.keep(own.clone());
    assert_eq!(reconsider(&own, history.at(), Some(&own.hash)), Reconsidered::Done);
    assert_eq!(reconsider(&own, history.at(), None), Reconsidered::Done);
    history.take(FEIRA, message("Thank you"));
    assert_eq!(reconsider(&own, history.at(), Some(&own.hash)), Reconsidered::Done);
}

#[test]
fn a_step_that_still_means_the_same_is_taken_again_after_the_last_event() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    let steps = [acceptance(), decline(), counter("Ours"), message("Hello"), milestone("visit", KENITRA, "2013-06-01")];
    let pending = steps.map(|action| history.event(KENITRA, action).unwrap());
    history.take(GENEVE, message("First"));
    for own in &pending {
        let Reconsidered::Rebased(again) = reconsider(own, history.at(), Some(&history.events[1].hash)) else {
            panic!("{:?}", own.event.action)
        };
        assert_eq!((again.sequence, &again.action), (3, &own.event.action));
        assert_eq!(again.previous_hash, history.at().head_hash);
        assert!(apply(Some(history.at()), &Verified::made_here(*again)).is_ok());
    }
}

#[test]
fn what_was_said_of_an_offer_is_not_said_of_another() {
    let mut history = History::proposed(&[KENITRA, GENEVE]);
    let accepts = history.event(KENITRA, acceptance()).unwrap();
    let declines = history.event(KENITRA, decline()).unwrap();
    history.take(GENEVE, counter("Another"));
    for own in [accepts, declines] {
        assert!(matches!(reconsider(&own, history.at(), None), Reconsidered::Overtaken(_)), "{:?}", own.event.action);
    }
}

#[test]
fn an_amendment_that_came_second_is_for_a_person_to_take_anew() {
    let mut history = History::active(&[KENITRA, GENEVE]);
    let own = history.event(KENITRA, amendment("Ours")).unwrap();
    history.take(GENEVE, message("By the way"));
    // The terms are what they were when it was offered.
    assert!(matches!(reconsider(&own, history.at(), None), Reconsidered::Rebased(_)));
    history.take(GENEVE, amendment("Theirs"));
    let Reconsidered::Overtaken(refusal) = reconsider(&own, history.at(), None) else { panic!("not overtaken") };
    assert!(refusal.to_string().starts_with("version 2 of the terms is on offer: accept or decline that first"));
    // Also when that is off the table again: it was offered without knowing of the other.
    history.take(FEIRA, amendment_decline());
    assert!(matches!(reconsider(&own, history.at(), None), Reconsidered::Overtaken(Refusal::Lost(_))));
}

#[test]
fn an_own_step_waits_for_no_host_that_forked() {
    let history = History::proposed(&[KENITRA]);
    let own = history.event(KENITRA, acceptance()).unwrap();
    assert_eq!(reconsider(&own, &forked(history.at()), None), Reconsidered::Overtaken(Refusal::Forked(2)));
}

#[test]
fn what_this_city_lost_it_waits_for() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(FEIRA, message("One"));
    let own = history.event(KENITRA, acceptance()).unwrap();
    let restored = history.up_to(1).unwrap();
    assert_eq!(reconsider(&own, &restored, None), Reconsidered::Waits);
}
