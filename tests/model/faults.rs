//! The check itself is checked: each of these is wrong, and has to be found.

use isopolity_domain::cooperation::{self, Hash, Received, Reconsidered, Refusal, Verified};
use isopolity_proto::cooperation::{Cooperation, CooperationEvent, CooperationState as Is, cooperation_event::Action};

use super::{
    book::{PRODUCTION, Rules},
    lying::{ACCEPTED, Lie, PROPOSED, SIGNING, TALKS},
    people::{Choice, People},
    report::find,
    world::{Network, Sloppiness, World},
};

const NETWORK: Network = Network { in_order: false, relays: false };
const CHOICES: &[Choice] =
    &[Choice::Propose, Choice::Counter, Choice::Accept, Choice::Decline, Choice::Sign, Choice::Activate, Choice::Say];
const PEOPLE: People = People { cities: 2, choices: CHOICES, versions: 2, messages: 1, length: 5, pending: 1 };

/// What an honest world comes to with these rules.
fn found_with(what: &str, rules: Rules) -> &'static str {
    find(what, || World::new(rules, PEOPLE, NETWORK)).0
}

/// The same event as if it were in the next place.
fn moved(ours: Option<&Cooperation>, event: &Verified) -> Verified {
    let (sequence, head) = ours.map_or((0, prost::bytes::Bytes::new()), |one| (one.sequence, one.head_hash.clone()));
    let event_there = CooperationEvent { sequence: sequence + 1, previous_hash: head, ..event.event.clone() };
    Verified { event: event_there, hash: event.hash }
}

fn kept(ours: Option<&Cooperation>, event: &Verified) -> Received {
    match cooperation::apply(ours, event) {
        Ok(after) => Received::Kept(Box::new(after)),
        Err(refusal) => Received::Refused(refusal),
    }
}

#[test]
fn c1_the_model_finds_a_receiver_that_does_not_look_at_the_hash_of_the_event_before() {
    fn receive(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        let last = ours.map_or(0, |one| one.sequence);
        if event.event.sequence == last + 1 {
            kept(ours, &moved(ours, event))
        } else {
            cooperation::receive_ordered(ours, known, event)
        }
    }
    let people = People { cities: 3, choices: TALKS, versions: 2, messages: 0, length: 4, pending: 1 };
    let rules = Rules { receive_ordered: receive, ..PRODUCTION };
    let (found, _) = find("no look at the hash before", || Lie::new(rules, people, PROPOSED));
    assert_eq!(found, "each event follows the one before by place and hash");
}

#[test]
fn c1_the_model_finds_a_receiver_that_forgets_what_it_has() {
    fn receive(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_ordered(ours, known, event) {
            Received::Known => kept(ours, &moved(ours, event)),
            other => other,
        }
    }
    found_with("no idempotence at a participant", Rules { receive_ordered: receive, ..PRODUCTION });
}

#[test]
fn c1_the_model_finds_a_host_that_keeps_a_step_twice() {
    fn receive(ours: &Cooperation, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_submission(ours, known, event) {
            Received::Known => kept(Some(ours), &moved(Some(ours), event)),
            other => other,
        }
    }
    found_with("no idempotence at the host", Rules { receive_submission: receive, ..PRODUCTION });
}

#[test]
fn c1_the_model_finds_a_host_that_moves_a_step_that_was_overtaken() {
    fn receive(ours: &Cooperation, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_submission(ours, known, event) {
            Received::Overtaken { .. } => kept(Some(ours), &moved(Some(ours), event)),
            other => other,
        }
    }
    found_with("a host moves steps", Rules { receive_submission: receive, ..PRODUCTION });
}

/// Any acceptance counts for what is on offer now.
fn reread(ours: Option<&Cooperation>, event: &Verified) -> Verified {
    let mut event = event.clone();
    if let (Some(Action::Acceptance(acceptance)), Some(offer)) =
        (&mut event.event.action, ours.and_then(|one| one.offer.as_ref()))
    {
        acceptance.terms_version = offer.terms.as_ref().map_or(0, |terms| terms.version);
        acceptance.offer_hash = offer.hash.clone();
    }
    event
}

#[test]
fn c1_the_model_finds_an_acceptance_of_an_older_version_that_counts_for_the_newer_one() {
    fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
        cooperation::apply(before, &reread(before, event))
    }
    fn ordered(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        cooperation::receive_ordered(ours, known, &reread(ours, event))
    }
    fn submission(ours: &Cooperation, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_submission(ours, known, event) {
            Received::Overtaken { .. } => kept(Some(ours), &moved(Some(ours), &reread(Some(ours), event))),
            other => other,
        }
    }
    let rules = Rules { apply, receive_ordered: ordered, receive_submission: submission, ..PRODUCTION };
    found_with("acceptances of any version", rules);
}

#[test]
fn c1_the_model_finds_a_step_that_is_signed_anew_for_other_terms() {
    fn reconsider(pending: &Verified, ours: &Cooperation, known: Option<&Hash>) -> Reconsidered {
        match cooperation::reconsider(pending, ours, known) {
            Reconsidered::Overtaken(refusal) => {
                let again = moved(Some(ours), &reread(Some(ours), pending)).event;
                match cooperation::apply(Some(ours), &Verified::made_here(again.clone())) {
                    Ok(_) => Reconsidered::Rebased(Box::new(again)),
                    Err(_) => Reconsidered::Overtaken(refusal),
                }
            }
            other => other,
        }
    }
    let found = found_with("signed anew for other terms", Rules { reconsider, ..PRODUCTION });
    assert_eq!(found, "a step that is signed anew means what it meant");
}

#[test]
fn c1_the_model_finds_an_own_step_that_waits_for_ever() {
    fn reconsider(pending: &Verified, ours: &Cooperation, known: Option<&Hash>) -> Reconsidered {
        let _ = cooperation::reconsider(pending, ours, known);
        Reconsidered::Waits
    }
    let found = found_with("never looked at anew", Rules { reconsider, ..PRODUCTION });
    assert_eq!(found, "when all is delivered all have the same");
}

/// Keeps what others accepted when other terms are offered.
fn remembers(before: Option<&Cooperation>, after: Cooperation) -> Cooperation {
    let mut after = after;
    let Some(before) = before.filter(|before| before.offer.is_some() && after.offer.is_some()) else { return after };
    let version =
        |one: &Cooperation| one.offer.as_ref().and_then(|offer| offer.terms.as_ref()).map_or(0, |terms| terms.version);
    if version(before) != version(&after) {
        for (old, new) in before.participations.iter().zip(&mut after.participations) {
            if old.accepted_version == version(before) {
                new.accepted_version =
                    after.offer.as_ref().and_then(|offer| offer.terms.as_ref()).map_or(0, |one| one.version);
            }
        }
    }
    after
}

#[test]
fn c1_the_model_finds_acceptances_that_outlive_a_counter_proposal() {
    fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
        cooperation::apply(before, event).map(|after| remembers(before, after))
    }
    fn ordered(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_ordered(ours, known, event) {
            Received::Kept(after) => Received::Kept(Box::new(remembers(ours, *after))),
            other => other,
        }
    }
    fn submission(ours: &Cooperation, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_submission(ours, known, event) {
            Received::Kept(after) => Received::Kept(Box::new(remembers(Some(ours), *after))),
            other => other,
        }
    }
    let rules = Rules { apply, receive_ordered: ordered, receive_submission: submission, ..PRODUCTION };
    let people = People { cities: 3, length: 4, messages: 0, ..PEOPLE };
    let (found, _) = find("acceptances outlive a counter-proposal", || World::new(rules, people, NETWORK));
    assert_eq!(found, "nothing is agreed that not every city accepted");
}

/// It begins with the first signature.
fn hasty(after: Cooperation) -> Cooperation {
    let mut after = after;
    if after.state() == Is::Agreed && after.participations.iter().any(|one| one.signature.is_some()) {
        after.set_state(Is::Active);
    }
    after
}

#[test]
fn c1_the_model_finds_a_beginning_before_all_have_signed() {
    fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
        cooperation::apply(before, event).map(hasty)
    }
    fn ordered(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_ordered(ours, known, event) {
            Received::Kept(after) => Received::Kept(Box::new(hasty(*after))),
            other => other,
        }
    }
    let found = found_with("a hasty beginning", Rules { apply, receive_ordered: ordered, ..PRODUCTION });
    assert_eq!(found, "nothing is active that not every city signed");
}

#[test]
fn c1_the_model_finds_messages_after_the_end() {
    fn open(before: &Cooperation) -> Cooperation {
        Cooperation { state: Is::Proposed.into(), ..before.clone() }
    }
    fn reopened(before: Option<&Cooperation>, event: &Verified) -> Option<Cooperation> {
        let before = before.filter(|one| cooperation::is_final(one.state()))?;
        matches!(event.event.action, Some(Action::Message(_))).then(|| open(before))
    }
    fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
        match reopened(before, event) {
            Some(reopened) => {
                let state = before.map_or(0, |before| before.state);
                cooperation::apply(Some(&reopened), event).map(|after| Cooperation { state, ..after })
            }
            None => cooperation::apply(before, event),
        }
    }
    fn next_event(
        before: Option<&Cooperation>,
        name: &cooperation::CooperationName,
        city: &isopolity_domain::CityId,
        step: &isopolity_proto::cooperation::Step,
        now: time::OffsetDateTime,
    ) -> Result<CooperationEvent, Refusal> {
        let says = matches!(step.action, Some(isopolity_proto::cooperation::step::Action::Message(_)));
        let reopened = before.filter(|_| says).map(open);
        cooperation::next_event(reopened.as_ref().or(before), name, city, step, now)
    }
    let found = found_with("messages after the end", Rules { apply, next_event, ..PRODUCTION });
    assert_eq!(found, "nothing comes after the end");
}

#[test]
fn c1_the_model_finds_rules_for_keeping_that_are_wider_than_those_for_taking() {
    fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
        match (before, &event.event.action) {
            // Whoever has accepted accepts once more.
            (Some(before), Some(Action::Acceptance(_))) => {
                let mut unaccepted = before.clone();
                for one in unaccepted.participations.iter_mut().filter(|one| one.city == event.event.city) {
                    one.accepted_version = 0;
                }
                cooperation::apply(Some(&unaccepted), event)
            }
            _ => cooperation::apply(before, event),
        }
    }
    let found = found_with("wider rules for keeping", Rules { apply, ..PRODUCTION });
    assert_eq!(found, "what is kept is what could be taken, and the other way about");
}

#[test]
fn c1_the_model_finds_an_answer_before_the_commit() {
    let world = || World { sloppiness: Sloppiness::AnswersFirst, ..World::new(PRODUCTION, PEOPLE, NETWORK) };
    let (found, _) = find("an answer before the commit", world);
    assert!(
        ["what was acknowledged is kept", "no divergence: a participant's history is the beginning of the host's"]
            .contains(&found),
        "{found}"
    );
}

#[test]
fn c1_the_model_finds_an_outbox_that_is_written_after_the_commit() {
    let world = || World { sloppiness: Sloppiness::QueuesLater, ..World::new(PRODUCTION, PEOPLE, NETWORK) };
    let (found, _) = find("an outbox after the commit", world);
    assert!(["what was acknowledged is kept", "when all is delivered all have the same"].contains(&found), "{found}");
}

#[test]
fn c1_the_model_finds_a_receiver_that_lets_the_host_replace_what_it_has() {
    fn receive(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
        match cooperation::receive_ordered(ours, known, event) {
            Received::Forked => Received::Known,
            other => other,
        }
    }
    let people = People { cities: 3, choices: TALKS, versions: 2, messages: 0, length: 3, pending: 1 };
    let rules = Rules { receive_ordered: receive, ..PRODUCTION };
    let (found, _) = find("a fork is shrugged off", || Lie::new(rules, people, PROPOSED));
    assert_eq!(found, "when the participants have heard of one another, whoever was told otherwise can prove it");
}

#[test]
fn c1_the_model_finds_participants_that_do_not_speak_with_one_another() {
    let people = People { cities: 3, choices: SIGNING, versions: 1, messages: 0, length: 5, pending: 1 };
    let lie = || Lie { relays: false, ..Lie::new(PRODUCTION, people, ACCEPTED) };
    let (found, _) = find("no relays", lie);
    assert_eq!(found, "when the participants have heard of one another, whoever was told otherwise can prove it");
}
