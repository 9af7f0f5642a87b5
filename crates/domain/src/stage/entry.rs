//! The first events of a partnership, and what an update may not touch.

use isopolity_proto::{
    registry::{Ending, EndingKind, Partnership, PartnershipStage, StageEvent, StageEventKind, Suspension},
    types::{Provenance, ProvenanceMethod},
};
use time::Date;

use super::{course::first_day, status, step::begun};
use crate::{Violation, Violations, validate::value};

/// The events with which a partnership comes into the registry, in order: that it was entered at its stage and, where it
/// says so, that it was suspended or that it ended. They carry no names yet. Any stage is taken, and no gate is asked for:
/// so comes in what ran before the registry did. The reason says on whose word, the provenance is the partnership's.
///
/// `on` is the day of entry; it counts where the partnership does not say when it reached its stage, unless it was suspended
/// or ended before that day.
#[must_use]
pub fn entered(partnership: &Partnership, on: Date) -> Vec<StageEvent> {
    let stage = partnership.stage();
    let date = date_of_entry(partnership, on);
    let source = partnership.provenance.as_ref().map(|one| one.source.as_str()).filter(|source| !source.is_empty());
    let reason = source.map_or_else(|| "as it was entered".to_owned(), stated_by);
    let mut events = vec![event(partnership, StageEventKind::Entered, PartnershipStage::Unspecified, date, &reason)];
    if let Some(suspension) = &partnership.suspension {
        events.push(suspended(partnership, suspension));
    }
    if let Some(ending) = &partnership.ending {
        events.push(ended(partnership, ending));
    }
    // Each says where the partnership stood after it, not where it stands in the end.
    if let Some(first) = events.first_mut() {
        first.status = status(stage, false, None).into();
    }
    events
}

/// When a partnership reached the stage at which it comes in: as it says, else the day of entry, but no later than what it
/// says happened afterwards.
fn date_of_entry(partnership: &Partnership, on: Date) -> String {
    if value::partial_date(&partnership.stage_date).is_some() {
        return partnership.stage_date.clone();
    }
    let paused = partnership.suspension.as_ref().map(|one| &one.start_date);
    let ended = partnership.ending.as_ref().map(|one| &one.date);
    let before = paused.into_iter().chain(ended).filter_map(|date| Some((value::partial_date(date)?.1, date)));
    match before.min_by_key(|(last, _)| *last) {
        Some((last, date)) if last < on => date.clone(),
        _ => on.to_string(),
    }
}

/// What stands in the way of an update that changes how far a partnership has come. Everything that follows from its
/// events is compared.
///
/// # Errors
/// Each such field with the method that changes it.
pub fn unchanged_by_update(before: &Partnership, after: &Partnership) -> Result<(), Violations> {
    let mut wrong = Vec::new();
    if before.stage != after.stage {
        wrong.push(Violation::invalid("stage", "is changed by AdvancePartnership, or by CorrectStageEvent"));
    }
    if before.stage_date != after.stage_date {
        wrong.push(Violation::invalid("stage_date", "is set by AdvancePartnership; CorrectStageEvent sets it right"));
    }
    if before.suspension != after.suspension {
        wrong.push(Violation::invalid("suspension", "is changed by SuspendPartnership and ResumePartnership"));
    }
    if before.ending != after.ending {
        wrong.push(Violation::invalid("ending", "is changed by EndPartnership, and is final"));
    }
    Violations::check(wrong)
}

/// The events that follow if a source states again, at an import, where a partnership stands: what it says differently
/// becomes an event with the reason "as (source) states it" and the provenance that `after` has. Where it says the same there
/// is none. No gate is asked for: a source tells what happened, not what may happen.
///
/// What the source leaves open stays as it was: `after` gets its date of the same stage back. A partnership that has ended
/// stays as it is, because an end is final. Afterwards `after` says what follows from all events.
#[must_use]
pub fn restated(before: &Partnership, after: &mut Partnership, source: &str, on: Date) -> Vec<StageEvent> {
    if before.ending.is_some() {
        after.stage = before.stage;
        after.stage_date.clone_from(&before.stage_date);
        after.suspension.clone_from(&before.suspension);
        after.ending.clone_from(&before.ending);
        return Vec::new();
    }
    let reason = stated_by(source);
    let mut events = Vec::new();
    if before.stage == after.stage {
        after.stage_date.clone_from(&before.stage_date);
    } else {
        let floor = first_day(&before.stage_date);
        let stated = value::partial_date(&after.stage_date);
        // A date before what is known already would turn the order round: then the day of the import counts.
        if stated.is_none_or(|(first, last)| first > on || floor.is_some_and(|floor| last < floor)) {
            after.stage_date = on.to_string();
        }
        events.push(event(after, StageEventKind::Entered, before.stage(), after.stage_date.clone(), &reason));
    }
    match (&before.suspension, &after.suspension) {
        (None, Some(suspension)) => events.push(suspended(after, suspension)),
        (Some(_), None) => {
            events.push(event(after, StageEventKind::Resumed, after.stage(), on.to_string(), &reason));
        }
        (Some(known), Some(_)) => after.suspension = Some(known.clone()),
        (None, None) => {}
    }
    if let Some(ending) = after.ending.clone() {
        let end = ended(after, &ending);
        let reason = if end.reason.is_empty() { reason } else { end.reason.clone() };
        events.push(StageEvent { reason, ..end });
        after.suspension = None;
    }
    for event in &mut events {
        if event.kind() == StageEventKind::Entered {
            let still = after.suspension.is_some() && before.suspension.is_some();
            event.status = status(event.to_stage(), still, None).into();
        }
    }
    events
}

fn stated_by(source: &str) -> String {
    format!("as {source} states it")
}

fn suspended(partnership: &Partnership, suspension: &Suspension) -> StageEvent {
    StageEvent {
        review_date: suspension.review_date.clone(),
        status: status(partnership.stage(), true, None).into(),
        ..event(
            partnership,
            StageEventKind::Suspended,
            partnership.stage(),
            suspension.start_date.clone(),
            &suspension.reason,
        )
    }
}

fn ended(partnership: &Partnership, ending: &Ending) -> StageEvent {
    let kind = match ending.kind() {
        EndingKind::Discontinued => StageEventKind::Discontinued,
        EndingKind::Cancelled => StageEventKind::Cancelled,
        EndingKind::Completed | EndingKind::Unspecified => StageEventKind::Completed,
    };
    StageEvent {
        status: status(partnership.stage(), false, Some(ending)).into(),
        ..event(partnership, kind, partnership.stage(), ending.date.clone(), &ending.reason)
    }
}

fn event(
    partnership: &Partnership,
    kind: StageEventKind,
    from: PartnershipStage,
    date: String,
    reason: &str,
) -> StageEvent {
    StageEvent {
        kind: kind.into(),
        to_stage: partnership.stage,
        month: crate::settle::month(&date).to_owned(),
        date,
        reason: reason.to_owned(),
        status: status(partnership.stage(), false, None).into(),
        provenance: Some(provenance(partnership)),
        ..begun(partnership, from)
    }
}

/// Where an event comes from that follows from what a partnership says: from where the partnership comes.
fn provenance(partnership: &Partnership) -> Provenance {
    let entered = || Provenance { method: ProvenanceMethod::Entered.into(), ..Default::default() };
    partnership.provenance.clone().unwrap_or_else(entered)
}
