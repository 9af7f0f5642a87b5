//! How a step that a person decides becomes an event.

use bytes::Bytes;
use isopolity_proto::cooperation::{
    Cooperation, CooperationEvent, CooperationState, Offer, Proposal, Step, Terms, cooperation_event::Action, step,
};
use prost::Message as _;
use time::{Duration, OffsetDateTime};

use super::{CooperationName, PAYLOAD_MAX, REPLY_DAYS, Refusal, Verified, apply::apply, moves};
use crate::{CityId, clock::to_timestamp};

/// Whether a step binds the city, so that a second person may have to approve it: all but messages, milestones, documents, declining and
/// withdrawing.
#[must_use]
pub fn is_binding(step: &Step) -> bool {
    use step::Action as A;
    match &step.action {
        None
        | Some(
            A::Message(_)
            | A::MilestoneSetting(_)
            | A::MilestoneCompletion(_)
            | A::DocumentAttachment(_)
            | A::Decline(_)
            | A::AmendmentDecline(_)
            | A::Withdrawal(_),
        ) => false,
        Some(
            A::Proposal(_)
            | A::Counter(_)
            | A::Acceptance(_)
            | A::Signature(_)
            | A::Activation(_)
            | A::Amendment(_)
            | A::Conclusion(_)
            | A::Termination(_)
            | A::Answer(_),
        ) => true,
    }
}

/// The step with the version and the hash of the terms that count now, where it names none. What waits for approval must be pinned, so
/// that the second person approves what the first one saw, whatever was offered in between.
#[must_use]
pub fn pin(cooperation: &Cooperation, step: &Step) -> Step {
    let mut pinned = step.clone();
    match &mut pinned.action {
        Some(step::Action::Acceptance(one)) if one.terms_version == 0 && one.offer_hash.is_empty() => {
            (one.terms_version, one.offer_hash) = named(on_offer(cooperation));
        }
        Some(step::Action::Signature(one)) if one.terms_version == 0 && one.offer_hash.is_empty() => {
            (one.terms_version, one.offer_hash) = named(cooperation.agreed.as_ref());
        }
        Some(step::Action::AmendmentDecline(one)) if one.terms_version == 0 => {
            one.terms_version = named(cooperation.amendment.as_ref()).0;
        }
        _ => {}
    }
    pinned
}

/// What an acceptance would be of.
fn on_offer(cooperation: &Cooperation) -> Option<&Offer> {
    match cooperation.state() {
        CooperationState::Active => cooperation.amendment.as_ref(),
        _ => cooperation.offer.as_ref(),
    }
}

fn named(offer: Option<&Offer>) -> (i32, Bytes) {
    let version = offer.and_then(|offer| Some(offer.terms.as_ref()?.version));
    (version.unwrap_or_default(), offer.map(|offer| offer.hash.clone()).unwrap_or_default())
}

/// The event by which a city takes a step now: with its place, the hash of the event before, and the version of the terms. For a
/// proposal there is no cooperation yet, or a draft.
///
/// # Errors
/// [`Refusal`], if the step is not possible where the cooperation stands.
pub fn next_event(
    cooperation: Option<&Cooperation>,
    name: &CooperationName,
    city: &CityId,
    step: &Step,
    now: OffsetDateTime,
) -> Result<CooperationEvent, Refusal> {
    let begun = cooperation.filter(|one| one.sequence > 0);
    let pinned = begun.map_or_else(|| step.clone(), |cooperation| pin(cooperation, step));
    let action = pinned.action.as_ref().ok_or_else(|| Refusal::Event("there is no step".to_owned()))?;
    let action = with_versions(moves::to_event(action), begun, now);
    make(begun, name, city, action, now)
}

/// The event by which the host's node says that the time is over.
///
/// # Errors
/// [`Refusal`], if it is not over.
pub fn expiry_event(
    cooperation: &Cooperation,
    name: &CooperationName,
    now: OffsetDateTime,
) -> Result<CooperationEvent, Refusal> {
    make(Some(cooperation), name, name.host(), Action::Expiry(isopolity_proto::cooperation::Expiry {}), now)
}

fn make(
    begun: Option<&Cooperation>,
    name: &CooperationName,
    city: &CityId,
    action: Action,
    now: OffsetDateTime,
) -> Result<CooperationEvent, Refusal> {
    if let Some(fork) = begun.and_then(|cooperation| cooperation.fork.as_ref()) {
        return Err(Refusal::Forked(fork.sequence));
    }
    let event = CooperationEvent {
        cooperation: name.to_string(),
        sequence: begun.map_or(0, |cooperation| cooperation.sequence) + 1,
        previous_hash: begun.map(|cooperation| cooperation.head_hash.clone()).unwrap_or_default(),
        city: city.to_string(),
        time: Some(to_timestamp(now)),
        action: Some(action),
    };
    let length = event.encoded_len();
    if length > PAYLOAD_MAX {
        return Err(Refusal::TooLarge(length));
    }
    let made = Verified::made_here(event);
    apply(begun, &made)?;
    Ok(made.event)
}

/// Versions are the node's to give.
fn with_versions(action: Action, begun: Option<&Cooperation>, now: OffsetDateTime) -> Action {
    let next = begun.map_or(1, |cooperation| cooperation.next_terms_version);
    let versioned = |terms: Option<Terms>| terms.map(|terms| Terms { version: next, ..terms });
    match action {
        Action::Proposal(mut proposal) => {
            proposal.terms = versioned(proposal.terms);
            fill_due(&mut proposal, now);
            Action::Proposal(proposal)
        }
        Action::Counter(mut counter) => {
            counter.terms = versioned(counter.terms);
            Action::Counter(counter)
        }
        Action::Amendment(mut amendment) => {
            amendment.terms = versioned(amendment.terms);
            Action::Amendment(amendment)
        }
        other => other,
    }
}

/// That nobody has to know how long is waited where nothing is said.
fn fill_due(proposal: &mut Proposal, now: OffsetDateTime) {
    if proposal.reply_due_time.is_none() {
        proposal.reply_due_time = now.checked_add(Duration::days(REPLY_DAYS)).map(to_timestamp);
    }
}
