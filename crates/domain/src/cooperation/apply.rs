//! What an event makes of a cooperation.

mod allowed;
mod amend;
mod answer;
mod begin;
mod end;
mod negotiate;
mod seal;
mod work;

pub(super) use allowed::is_open;
use bytes::Bytes;
pub use end::expires_at;
use isopolity_proto::cooperation::{
    Cooperation, CooperationEnd, CooperationState, Offer, Participation, Terms, cooperation_event::Action,
};
use prost::Message as _;
use prost_types::Timestamp;
use time::OffsetDateTime;

use super::{
    CooperationName, EVENTS_MAX, EVENTS_RESERVED, Hash, Move, PAYLOAD_MAX, Refusal, Verified, Wrong, shape::Shape,
};
use crate::{CityId, Violations, clock::from_timestamp};

/// Who acts, when and at which place.
struct Deed<'a> {
    name: CooperationName,
    city: CityId,
    sequence: i64,
    hash: &'a Hash,
    stamp: Timestamp,
    time: OffsetDateTime,
}

/// What the event makes of the cooperation: the one transition function. Nothing before, or a draft, for the first event. What is
/// marked `here` in the proto is left as it is, and is nothing for the first event.
///
/// # Errors
/// [`Refusal`], if the event is not the next one, or not possible; nothing is changed then.
pub fn apply(before: Option<&Cooperation>, event: &Verified) -> Result<Cooperation, Refusal> {
    let Verified { event, hash } = event;
    let length = event.encoded_len();
    if length > PAYLOAD_MAX {
        return Err(Refusal::TooLarge(length));
    }
    let name: CooperationName = event.cooperation.parse().map_err(named)?;
    let city: CityId = event.city.parse().map_err(named)?;
    let stamp = event.time.unwrap_or_default();
    let time = event.time.as_ref().and_then(from_timestamp);
    let time = time.ok_or_else(|| Refusal::Event("the event says no time in the years 1 to 9999".to_owned()))?;
    let newer = "no step that is known here: the node of the city that took it is newer than this one";
    let action = event.action.as_ref().ok_or_else(|| Refusal::Event(newer.to_owned()))?;
    let deed = Deed { name, city, sequence: event.sequence, hash, stamp, time };

    let before = before.filter(|cooperation| cooperation.sequence > 0);
    let (last, head) = before.map_or((0, &[][..]), |cooperation| (cooperation.sequence, &cooperation.head_hash));
    if deed.sequence != last + 1 || event.previous_hash != head {
        return Err(Refusal::Place { found: deed.sequence, expected: last + 1 });
    }
    let mut after = match before {
        None => begin::begin(&deed, action)?,
        Some(cooperation) => {
            if cooperation.name != event.cooperation {
                return Err(Refusal::Event(format!("it is of {}, not of {}", event.cooperation, cooperation.name)));
            }
            let mut after = cooperation.clone();
            go_on(&mut after, &deed, action)?;
            after
        }
    };
    if before.is_none_or(|before| before.state != after.state) {
        after.state_time = Some(stamp);
    }
    after.sequence = deed.sequence;
    after.head_hash = Bytes::copy_from_slice(deed.hash);
    after.update_time = Some(stamp);
    Ok(after)
}

/// Which steps a city could take now, as far as that does not depend on what they say.
#[must_use]
pub fn possible(cooperation: &Cooperation, city: &CityId) -> Vec<Move> {
    Move::ALL.into_iter().filter(|mv| allowed::check(cooperation, city.as_str(), *mv).is_ok()).collect()
}

/// The same for what a person decides: time alone makes a cooperation expire.
fn instead(cooperation: &Cooperation, city: &CityId) -> Vec<Move> {
    possible(cooperation, city).into_iter().filter(|mv| *mv != Move::Expiry).collect()
}

fn go_on(after: &mut Cooperation, deed: &Deed<'_>, action: &Action) -> Result<(), Refusal> {
    let mv = Move::of(action);
    if super::participation(after, deed.city.as_str()).is_none() {
        return Err(Refusal::Stranger(deed.city.to_string()));
    }
    let refused = |cooperation: &Cooperation, wrong: Wrong| Refusal::Impossible {
        wrong,
        possible: instead(cooperation, &deed.city),
    };
    allowed::check(after, deed.city.as_str(), mv).map_err(|wrong| refused(after, wrong))?;
    has_room(deed, mv).map_err(|wrong| refused(after, wrong))?;
    shape(after, deed, action)?;
    let before = after.clone();
    let done = match action {
        // `allowed` has refused it.
        Action::Proposal(_) => Err(Wrong::Proposed),
        Action::Counter(counter) => negotiate::counter(after, deed, counter),
        Action::Acceptance(acceptance) => negotiate::accept(after, deed, acceptance),
        Action::Decline(decline) => end::end(after, deed, CooperationState::Declined, &decline.reason),
        Action::Withdrawal(withdrawal) => end::end(after, deed, CooperationState::Withdrawn, &withdrawal.reason),
        Action::Expiry(_) => end::expire(after, deed),
        Action::Signature(signature) => seal::sign(after, deed, signature),
        Action::Activation(activation) => seal::activate(after, deed, activation),
        Action::Amendment(amendment) => amend::amend(after, deed, amendment),
        Action::AmendmentDecline(decline) => amend::decline(after, decline),
        Action::Conclusion(conclusion) => end::conclude(after, deed, conclusion),
        Action::Termination(termination) => end::end(after, deed, CooperationState::Terminated, &termination.reason),
        Action::Answer(given) => answer::answer(after, deed, given),
        Action::Message(_) => {
            after.message_count = after.message_count.saturating_add(1);
            Ok(())
        }
        Action::MilestoneSetting(setting) => work::set(after, setting),
        Action::MilestoneCompletion(completion) => work::complete(after, deed, completion),
        Action::DocumentAttachment(attachment) => work::attach(after, attachment),
    };
    done.map_err(|wrong| refused(&before, wrong))
}

fn named(error: impl std::fmt::Display) -> Refusal {
    Refusal::Event(error.to_string())
}

/// A full history must not keep a cooperation from ending.
fn has_room(deed: &Deed<'_>, mv: Move) -> Result<(), Wrong> {
    let ends = matches!(
        mv,
        Move::Decline | Move::Withdrawal | Move::Expiry | Move::Conclusion | Move::Termination | Move::Answer
    );
    if deed.sequence > EVENTS_MAX {
        return Err(Wrong::Full { of: "events", most: usize::try_from(EVENTS_MAX).unwrap_or_default() });
    }
    if deed.sequence > EVENTS_MAX - EVENTS_RESERVED && !ends {
        return Err(Wrong::NearlyFull);
    }
    Ok(())
}

/// What the action must say.
fn shape(cooperation: &Cooperation, deed: &Deed<'_>, action: &Action) -> Result<(), Refusal> {
    let mut found = Shape::default();
    found.action(action, cooperation, deed.city.as_str(), deed.sequence);
    Violations::check(found.0).map_err(Refusal::Invalid)
}

/// Terms on offer.
fn offer(deed: &Deed<'_>, terms: &Terms) -> Offer {
    Offer {
        terms: Some(terms.clone()),
        hash: Bytes::copy_from_slice(deed.hash),
        city: deed.city.to_string(),
        sequence: deed.sequence,
        time: Some(deed.stamp),
    }
}

/// The version of terms on offer or agreed.
fn version(offer: &Offer) -> i32 {
    offer.terms.as_ref().map_or(0, |terms| terms.version)
}

/// The part of the city that acts. It takes part: that was looked at before.
fn own<'a>(cooperation: &'a mut Cooperation, deed: &Deed<'_>) -> Option<&'a mut Participation> {
    cooperation.participations.iter_mut().find(|one| one.city == deed.city.as_str())
}

/// It has come to its end.
fn finish(cooperation: &mut Cooperation, state: CooperationState, city: &str, reason: &str, sequence: i64) {
    cooperation.set_state(state);
    cooperation.amendment = None;
    for one in &mut cooperation.participations {
        one.amendment_sequence = 0;
        one.amendment_office.clear();
    }
    cooperation.end = Some(CooperationEnd { city: city.to_owned(), reason: reason.to_owned(), sequence });
}
