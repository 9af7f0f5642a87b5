//! The first event.

use isopolity_proto::cooperation::{
    Cooperation, CooperationEnd, CooperationState, Participation, Proposal, cooperation_event::Action,
};
use time::Duration;

use super::{Deed, offer, version};
use crate::{
    Violation, Violations,
    clock::to_timestamp,
    cooperation::{Move, REPLY_DAYS, Refusal, Wrong, shape::Shape},
};

/// A history begins with the host's proposal.
pub(super) fn begin(deed: &Deed<'_>, action: &Action) -> Result<Cooperation, Refusal> {
    let Action::Proposal(proposal) = action else {
        return Err(Refusal::Impossible { wrong: Wrong::NotProposed, possible: vec![Move::Proposal] });
    };
    if deed.city != *deed.name.host() {
        return Err(Refusal::Impossible { wrong: Wrong::HostOnly(Move::Proposal), possible: Vec::new() });
    }
    let mut found = Shape::default();
    found.proposal(deed.name.host(), proposal, Some(deed.time));
    if let Some(terms) = proposal.terms.as_ref().filter(|terms| terms.version != 1) {
        found
            .0
            .push(Violation::invalid("terms.version", format!("is {}; the first offer has version 1", terms.version)));
    }
    Violations::check(found.0).map_err(Refusal::Invalid)?;
    Ok(proposed(deed, proposal))
}

fn proposed(deed: &Deed<'_>, proposal: &Proposal) -> Cooperation {
    let due = proposal.reply_due_time.unwrap_or_else(|| to_timestamp(due_by_default(deed)));
    let offered = proposal.terms.as_ref().map(|terms| offer(deed, terms));
    let mut host = Participation { city: deed.city.to_string(), ..Participation::default() };
    if let Some(offered) = &offered {
        host.accepted_version = version(offered);
        host.accepted_sequence = deed.sequence;
    }
    let others =
        proposal.participants.iter().map(|city| Participation { city: city.clone(), ..Participation::default() });
    let mut after = Cooperation {
        name: deed.name.to_string(),
        kind: proposal.kind,
        state: CooperationState::Proposed.into(),
        participations: std::iter::once(host).chain(others).collect(),
        subjects: proposal.subjects.clone(),
        texts: proposal.texts.clone(),
        create_time: Some(deed.stamp),
        reply_due_time: Some(due),
        next_terms_version: i32::from(offered.is_some()) + 1,
        offer: offered,
        referral: proposal.referral.clone(),
        statement: proposal.statement.clone(),
        ..Cooperation::default()
    };
    // Nothing is asked: the statement is all there is to say.
    if proposal.statement.is_some() {
        after.set_state(CooperationState::Concluded);
        after.end = Some(CooperationEnd { sequence: deed.sequence, ..CooperationEnd::default() });
    }
    after
}

fn due_by_default(deed: &Deed<'_>) -> time::OffsetDateTime {
    deed.time.checked_add(Duration::days(REPLY_DAYS)).unwrap_or(deed.time)
}
