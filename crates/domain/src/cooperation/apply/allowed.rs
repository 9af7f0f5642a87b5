//! Which steps are possible where a cooperation stands, and for whom, whatever they say.

use isopolity_proto::cooperation::{Cooperation, CooperationState as State};

use super::version;
use crate::cooperation::{Move, Wrong, is_final, is_negotiated, participation};

/// Whether a city that takes part may take such a step now.
pub(super) fn check(cooperation: &Cooperation, city: &str, mv: Move) -> Result<(), Wrong> {
    let state = cooperation.state();
    if is_final(state) {
        return Err(Wrong::Final(state));
    }
    if !matches!(state, State::Proposed | State::Agreed | State::Active) {
        return Err(Wrong::NotProposed);
    }
    of_kind(cooperation, mv)?;
    in_state(state, mv)?;
    for_whom(cooperation, city, mv)?;
    standing(cooperation, city, mv)
}

fn of_kind(cooperation: &Cooperation, mv: Move) -> Result<(), Wrong> {
    let negotiated = is_negotiated(cooperation.kind());
    match mv {
        Move::Proposal => Err(Wrong::Proposed),
        Move::Counter
        | Move::Acceptance
        | Move::Signature
        | Move::Activation
        | Move::Amendment
        | Move::AmendmentDecline
        | Move::Conclusion
        | Move::Termination
            if !negotiated =>
        {
            Err(Wrong::Answered(mv))
        }
        Move::Answer if negotiated => Err(Wrong::Negotiated(mv)),
        _ => Ok(()),
    }
}

fn in_state(state: State, mv: Move) -> Result<(), Wrong> {
    let fits = match mv {
        Move::Proposal => false,
        Move::Counter | Move::Decline | Move::Withdrawal | Move::Answer => state == State::Proposed,
        // Of the terms on offer, or of an amendment.
        Move::Acceptance => matches!(state, State::Proposed | State::Active),
        Move::Signature | Move::Activation => state == State::Agreed,
        Move::Amendment | Move::AmendmentDecline | Move::Conclusion => state == State::Active,
        Move::Termination => matches!(state, State::Agreed | State::Active),
        Move::Expiry
        | Move::Message
        | Move::MilestoneSetting
        | Move::MilestoneCompletion
        | Move::DocumentAttachment => true,
    };
    if fits { Ok(()) } else { Err(Wrong::State { mv, state }) }
}

fn for_whom(cooperation: &Cooperation, city: &str, mv: Move) -> Result<(), Wrong> {
    let is_host = cooperation.participations.first().is_some_and(|host| host.city == city);
    match mv {
        Move::Withdrawal | Move::Expiry if !is_host => Err(Wrong::HostOnly(mv)),
        Move::Decline | Move::Answer if is_host => Err(Wrong::NotForHost(mv)),
        _ => Ok(()),
    }
}

fn standing(cooperation: &Cooperation, city: &str, mv: Move) -> Result<(), Wrong> {
    let Some(own) = participation(cooperation, city) else { return Ok(()) };
    let amendment = cooperation.amendment.as_ref();
    match mv {
        Move::Acceptance if cooperation.state() == State::Active => match amendment {
            None => Err(Wrong::NoAmendment),
            Some(amendment) if own.amendment_sequence > 0 => Err(Wrong::Accepted(version(amendment))),
            Some(_) => Ok(()),
        },
        Move::Acceptance => match &cooperation.offer {
            Some(offer) if own.accepted_version == version(offer) => Err(Wrong::Accepted(own.accepted_version)),
            _ => Ok(()),
        },
        Move::Signature if own.signature.is_some() => Err(Wrong::Signed),
        Move::Activation => match cooperation.participations.iter().find(|one| one.signature.is_none()) {
            Some(one) => Err(Wrong::Unsigned(one.city.clone())),
            None => Ok(()),
        },
        Move::Amendment => amendment.map_or(Ok(()), |open| Err(Wrong::AmendmentOpen(version(open)))),
        Move::AmendmentDecline if amendment.is_none() => Err(Wrong::NoAmendment),
        Move::Conclusion if own.conclusion.is_some() => Err(Wrong::Concluded),
        Move::Answer if own.answer.is_some() => Err(Wrong::DoneAnswering),
        Move::MilestoneCompletion if !cooperation.milestones.iter().any(|one| one.owner == city && is_open(one)) => {
            Err(Wrong::NoOwnMilestone)
        }
        _ => Ok(()),
    }
}

/// Neither done nor dropped.
pub(in crate::cooperation) fn is_open(milestone: &isopolity_proto::cooperation::Milestone) -> bool {
    milestone.complete_date.is_empty() && !milestone.dropped
}
