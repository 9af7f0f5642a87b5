//! What comes of what other cities send: late, twice, too early or in another order.
//!
//! These functions decide, and keep nothing: whoever calls them does so with what is kept, in one transaction with what follows.

use isopolity_proto::cooperation::{Cooperation, CooperationEvent, Step, cooperation_event::Action};

use super::{Hash, Refusal, Verified, Wrong, apply::apply, check::check_step, moves};
use crate::CityId;

/// What comes of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// It is the next one; the cooperation is then like this.
    Kept(Box<Cooperation>),
    /// It was kept before.
    Known,
    /// It follows an event that is not here.
    Early {
        /// Which event is to be sent first.
        next: i64,
    },
    /// Another event has its place. For steps on their way to the host.
    Overtaken {
        /// The place of the next event.
        next: i64,
    },
    /// The host has put another event in its place: the history is forked, and the two envelopes prove it.
    Forked,
    /// It is not taken, now or later.
    Refused(Refusal),
}

/// An event with the host's signature arrives, from whomever. `known` is the hash of our event in the same place, if we have one.
#[must_use]
pub fn receive_ordered(ours: Option<&Cooperation>, known: Option<&Hash>, event: &Verified) -> Received {
    let ours = ours.filter(|one| one.sequence > 0);
    let (last, head) = ours.map_or((0, &[][..]), |one| (one.sequence, &one.head_hash));
    let sequence = event.event.sequence;
    if sequence <= last {
        // The head is known even where the caller did not look.
        let known = known.map(<[u8; 32]>::as_slice).or_else(|| (sequence == last).then_some(head));
        return match known {
            Some(known) if known == event.hash => Received::Known,
            Some(_) => Received::Forked,
            None => Received::Refused(Refusal::Place { found: sequence, expected: last + 1 }),
        };
    }
    if let Some(refusal) = forked(ours) {
        return Received::Refused(refusal);
    }
    if sequence > last + 1 {
        return Received::Early { next: last + 1 };
    }
    if event.event.previous_hash != head {
        // It follows another event than our last. That one, in place `last`, is what shows the fork.
        return Received::Early { next: last };
    }
    applied(ours, event)
}

/// A step of a participant, without the host's signature, arrives at the host. `known` is the hash of our event in the same place. KEPT
/// means that the host may sign it.
#[must_use]
pub fn receive_submission(ours: &Cooperation, known: Option<&Hash>, event: &Verified) -> Received {
    let (last, sequence) = (ours.sequence, event.event.sequence);
    if sequence <= last {
        let known = known.map(<[u8; 32]>::as_slice).or_else(|| (sequence == last).then_some(&ours.head_hash[..]));
        return if known == Some(event.hash.as_slice()) {
            Received::Known
        } else {
            Received::Overtaken { next: last + 1 }
        };
    }
    if let Some(refusal) = forked(Some(ours)) {
        return Received::Refused(refusal);
    }
    if sequence > last + 1 {
        // The participant has events of ours that we have lost, as after a restored backup.
        return Received::Early { next: last + 1 };
    }
    if event.event.previous_hash != ours.head_hash {
        return Received::Early { next: last };
    }
    // Before the host signs, it looks as closely as at what its own people enter. Afterwards nobody may be stricter.
    if let Some(refusal) = unfit(ours, event) {
        return Received::Refused(refusal);
    }
    applied(Some(ours), event)
}

fn applied(ours: Option<&Cooperation>, event: &Verified) -> Received {
    match apply(ours, event) {
        Ok(after) => Received::Kept(Box::new(after)),
        Err(refusal) => Received::Refused(refusal),
    }
}

fn forked(ours: Option<&Cooperation>) -> Option<Refusal> {
    ours.and_then(|one| one.fork.as_ref()).map(|fork| Refusal::Forked(fork.sequence))
}

fn unfit(ours: &Cooperation, event: &Verified) -> Option<Refusal> {
    let city: CityId = event.event.city.parse().ok()?;
    let action = moves::to_step(event.event.action.as_ref()?)?;
    // That it can't be done at all is the better answer.
    if !super::possible(ours, &city).contains(&super::Move::of(event.event.action.as_ref()?)) {
        return None;
    }
    check_step(ours, &city, &Step { action: Some(action) }).err().map(Refusal::Invalid)
}

/// What becomes of an own step on its way to the host when more of the history arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Reconsidered {
    /// It is part of the history.
    Done,
    /// Its place is still free.
    Waits,
    /// Another event took its place, and it still means the same: this is to be signed and sent instead.
    Rebased(Box<CooperationEvent>),
    /// Another event took its place, and a person has to say whether it is still wanted.
    Overtaken(Refusal),
}

/// Looks at an own step that was signed and sent. `ours_at_its_sequence` is the hash of our event in its place.
#[must_use]
pub fn reconsider(pending: &Verified, ours: &Cooperation, ours_at_its_sequence: Option<&Hash>) -> Reconsidered {
    let sequence = pending.event.sequence;
    if sequence <= ours.sequence {
        let head = (sequence == ours.sequence).then_some(&ours.head_hash[..]);
        if ours_at_its_sequence.map(<[u8; 32]>::as_slice).or(head) == Some(pending.hash.as_slice()) {
            return Reconsidered::Done;
        }
    }
    if let Some(refusal) = forked(Some(ours)) {
        return Reconsidered::Overtaken(refusal);
    }
    let follows = pending.event.previous_hash == ours.head_hash;
    if sequence > ours.sequence + 1 || (sequence == ours.sequence + 1 && follows) {
        return Reconsidered::Waits;
    }
    let Some(action) = pending.event.action.as_ref() else {
        return Reconsidered::Overtaken(Refusal::Event("there is no step that this version knows".to_owned()));
    };
    match rebased(pending, ours) {
        // It would still be possible, but is not what was decided on.
        Reconsidered::Rebased(_) if !means_the_same(action, sequence, ours) => {
            Reconsidered::Overtaken(Refusal::Lost(sequence))
        }
        // That a version is taken is no news to a person.
        Reconsidered::Overtaken(Refusal::Impossible { wrong: Wrong::OtherTerms { .. }, .. }) if offers(action) => {
            Reconsidered::Overtaken(Refusal::Lost(sequence))
        }
        other => other,
    }
}

/// Whether a step offers terms, and with them a version that another offer may have taken.
fn offers(action: &Action) -> bool {
    matches!(action, Action::Counter(_) | Action::Amendment(_))
}

/// Whether a step means after other events what it meant when it was taken.
fn means_the_same(action: &Action, sequence: i64, ours: &Cooperation) -> bool {
    match action {
        Action::Proposal(_) => false,
        // Who offers terms has seen those before, and no others have been offered since.
        Action::Counter(_) => ours.offer.as_ref().is_some_and(|offer| offer.sequence < sequence),
        Action::Amendment(_) => {
            ours.amendment.is_none() && ours.agreed.as_ref().is_some_and(|agreed| agreed.sequence < sequence)
        }
        // Of the offer that was there, or of the question.
        Action::Decline(_) => ours.offer.as_ref().is_none_or(|offer| offer.sequence < sequence),
        // Of the terms that were agreed then. Whoever agrees to others goes on.
        Action::Conclusion(_) => ours.participations.iter().all(|one| one.accepted_sequence < sequence),
        // The first three name what they are about, and are refused if that has gone.
        Action::Acceptance(_)
        | Action::Signature(_)
        | Action::AmendmentDecline(_)
        | Action::Withdrawal(_)
        | Action::Expiry(_)
        | Action::Activation(_)
        | Action::Termination(_)
        | Action::Answer(_)
        | Action::Message(_)
        | Action::MilestoneSetting(_)
        | Action::MilestoneCompletion(_)
        | Action::DocumentAttachment(_) => true,
    }
}

/// The same step after our last event.
fn rebased(pending: &Verified, ours: &Cooperation) -> Reconsidered {
    let event = CooperationEvent {
        sequence: ours.sequence + 1,
        previous_hash: ours.head_hash.clone(),
        ..pending.event.clone()
    };
    let made = Verified::made_here(event);
    match apply(Some(ours), &made) {
        Ok(_) => Reconsidered::Rebased(Box::new(made.event)),
        Err(refusal) => Reconsidered::Overtaken(refusal),
    }
}
