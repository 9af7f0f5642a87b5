//! What waits for whom.

use isopolity_proto::{
    cooperation::{
        Cooperation, CooperationState as State, PendingState, PendingStep, Waiting, WaitingFor, step::Action,
    },
    types::LocalizedText,
};
use prost_types::Timestamp;
use time::{Date, Duration, OffsetDateTime};

use super::{all_signed, apply::is_open, is_negotiated, shape::day};
use crate::{
    CityId,
    clock::{from_timestamp, to_timestamp},
    validate::value,
};

/// So many days before its end a cooperation is to be renewed, or left to expire.
const RENEWAL_DAYS: i64 = 60;

/// What waits for whom in a cooperation, for every city that takes part: what is overdue first, then by date. `own` is this city, whose
/// pending steps the cooperation holds: they wait for its own people, and what they answer waits no longer.
///
/// Of a history that the host forked nothing is waited for.
#[must_use]
pub fn waitings(cooperation: &Cooperation, own: &CityId, now: OffsetDateTime) -> Vec<Waiting> {
    if cooperation.fork.is_some() {
        return Vec::new();
    }
    let mut list = List { cooperation, now, found: Vec::new() };
    match cooperation.state() {
        State::Proposed => list.proposed(),
        State::Agreed => list.agreed(),
        State::Active => list.active(),
        State::Unspecified
        | State::Draft
        | State::Concluded
        | State::Declined
        | State::Withdrawn
        | State::Expired
        | State::Terminated => {}
    }
    if matches!(cooperation.state(), State::Proposed | State::Agreed | State::Active) {
        list.milestones();
    }
    let mut found = list.found;
    let answered = |one: &Waiting| cooperation.pending_steps.iter().any(|pending| answers(pending, one));
    found.retain(|one| one.city != own.as_str() || !answered(one));
    found.extend(cooperation.pending_steps.iter().filter_map(|pending| of_pending(cooperation, own, pending)));
    let by_date = |one: &Waiting| (!one.overdue, one.due_date.is_empty(), one.due_date.clone());
    found.sort_by_key(by_date);
    found
}

struct List<'a> {
    cooperation: &'a Cooperation,
    now: OffsetDateTime,
    found: Vec<Waiting>,
}

impl List<'_> {
    /// Until the day that was set for the reply.
    fn until_reply(&mut self, city: &str, waiting_for: WaitingFor, since: Option<Timestamp>) {
        let due = self.cooperation.reply_due_time.as_ref().and_then(from_timestamp);
        let mut one = waiting(self.cooperation, city, waiting_for, since);
        if let Some(due) = due {
            one.due_date = due.date().to_string();
            one.overdue = self.now >= due;
        }
        self.found.push(one);
    }

    /// Until the end of a day.
    fn until(&mut self, city: &str, waiting_for: WaitingFor, since: Option<Timestamp>, due: Option<Date>, item: &str) {
        let mut one = waiting(self.cooperation, city, waiting_for, since);
        item.clone_into(&mut one.item);
        if let Some(due) = due {
            one.due_date = due.to_string();
            one.overdue = due < self.now.date();
        }
        self.found.push(one);
    }

    fn proposed(&mut self) {
        let cooperation = self.cooperation;
        if is_negotiated(cooperation.kind()) {
            let Some(offer) = &cooperation.offer else { return };
            let version = offer.terms.as_ref().map_or(0, |terms| terms.version);
            for one in cooperation.participations.iter().filter(|one| one.accepted_version != version) {
                self.until_reply(&one.city, WaitingFor::Decision, offer.time);
            }
        } else {
            for one in cooperation.participations.iter().skip(1).filter(|one| one.answer.is_none()) {
                self.until_reply(&one.city, WaitingFor::Answer, cooperation.create_time);
            }
        }
    }

    fn agreed(&mut self) {
        let cooperation = self.cooperation;
        if all_signed(cooperation) {
            for one in &cooperation.participations {
                self.until_reply(&one.city, WaitingFor::Activation, cooperation.update_time);
            }
        } else {
            for one in cooperation.participations.iter().filter(|one| one.signature.is_none()) {
                self.until_reply(&one.city, WaitingFor::Signature, cooperation.state_time);
            }
        }
    }

    fn active(&mut self) {
        let cooperation = self.cooperation;
        let concluding = cooperation.participations.iter().any(|one| one.conclusion.is_some());
        for one in &cooperation.participations {
            if let Some(amendment) = cooperation.amendment.as_ref().filter(|_| one.amendment_sequence == 0) {
                self.until(&one.city, WaitingFor::AmendmentDecision, amendment.time, None, "");
            }
            if concluding && one.conclusion.is_none() {
                self.until(&one.city, WaitingFor::Conclusion, cooperation.update_time, None, "");
            }
        }
        // Whoever amends or concludes has seen to it.
        if concluding || cooperation.amendment.is_some() {
            return;
        }
        let period = cooperation.agreed.as_ref().and_then(|agreed| agreed.terms.as_ref()?.period.as_ref());
        let Some((_, last)) = period.and_then(|period| value::partial_date(&period.end_date)) else { return };
        let Some(first) = last.checked_sub(Duration::days(RENEWAL_DAYS)) else { return };
        if self.now.date() >= first {
            let since = to_timestamp(first.midnight().assume_utc());
            for one in &cooperation.participations {
                self.until(&one.city, WaitingFor::Renewal, Some(since), Some(last), "");
            }
        }
    }

    fn milestones(&mut self) {
        let cooperation = self.cooperation;
        for milestone in cooperation.milestones.iter().filter(|one| is_open(one)) {
            let due = day(&milestone.due_date);
            self.until(&milestone.owner, WaitingFor::Milestone, cooperation.state_time, due, &milestone.id);
        }
    }
}

fn waiting(cooperation: &Cooperation, city: &str, waiting_for: WaitingFor, since: Option<Timestamp>) -> Waiting {
    Waiting {
        cooperation: cooperation.name.clone(),
        city: city.to_owned(),
        waiting_for: waiting_for.into(),
        since,
        titles: titles(cooperation),
        ..Waiting::default()
    }
}

/// What the cooperation is called, or what was asked.
fn titles(cooperation: &Cooperation) -> Vec<LocalizedText> {
    let offer = cooperation.agreed.as_ref().or(cooperation.offer.as_ref());
    let terms = offer.and_then(|offer| offer.terms.as_ref());
    terms.map_or_else(|| cooperation.texts.clone(), |terms| terms.titles.clone())
}

/// What waits for the own people because of a pending step.
fn of_pending(cooperation: &Cooperation, own: &CityId, pending: &PendingStep) -> Option<Waiting> {
    let waiting_for = match pending.state() {
        PendingState::AwaitsApproval => WaitingFor::Approval,
        PendingState::Overtaken | PendingState::Refused => WaitingFor::Rebase,
        PendingState::Submitted | PendingState::Unspecified => return None,
    };
    let mut one = waiting(cooperation, own.as_str(), waiting_for, pending.create_time);
    one.item.clone_from(&pending.step_id);
    Some(one)
}

/// Whether a step that was taken, and is under way, does what is waited for.
fn answers(pending: &PendingStep, waiting: &Waiting) -> bool {
    if !matches!(pending.state(), PendingState::AwaitsApproval | PendingState::Submitted) {
        return false;
    }
    let Some(action) = pending.step.as_ref().and_then(|step| step.action.as_ref()) else { return false };
    match (waiting.waiting_for(), action) {
        (WaitingFor::Decision, Action::Acceptance(_) | Action::Counter(_) | Action::Decline(_))
        | (WaitingFor::Answer, Action::Answer(_) | Action::Decline(_))
        | (WaitingFor::Signature, Action::Signature(_))
        | (WaitingFor::Activation, Action::Activation(_))
        | (WaitingFor::AmendmentDecision, Action::Acceptance(_) | Action::AmendmentDecline(_))
        | (WaitingFor::Conclusion, Action::Conclusion(_))
        | (WaitingFor::Renewal, Action::Amendment(_) | Action::Conclusion(_))
        | (_, Action::Termination(_) | Action::Withdrawal(_)) => true,
        (WaitingFor::Milestone, Action::MilestoneCompletion(one)) => one.milestone == waiting.item,
        _ => false,
    }
}
