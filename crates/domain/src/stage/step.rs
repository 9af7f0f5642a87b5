//! Advancing, suspending, resuming and ending a partnership.

use isopolity_proto::registry::{
    AdvancePartnershipRequest, EndPartnershipRequest, EndingKind, Partnership, PartnershipStage,
    ResumePartnershipRequest, Side, StageEvent, StageEventKind, SuspendPartnershipRequest, Waiver,
};
use time::Date;

use super::{
    Blocker, Course, Dossier, StageError, can_end, code_of, course,
    course::{covers, first_day},
    follow, is_gate_between, next, on_side, requirement, word,
};
use crate::{Violation, conditions, validate::value};

/// Moves a partnership on by one stage, or, with a reason, elsewhere.
///
/// The conditions of each gate that is passed must be met, not applicable, or waived with a reason, and what the stages ask
/// for besides must be there, or be covered by the evidence that is given; stepping back asks for a reason only. Of the
/// waivers, those that were needed are kept.
///
/// # Errors
/// [`StageError::Ended`] and [`StageError::Suspended`] where it stands still, [`StageError::Skipped`] without a reason
/// where one is needed, [`StageError::GateClosed`] with everything that is missing, [`StageError::Impossible`] where it
/// is at that stage already, [`StageError::Invalid`] for the fields of the request.
pub fn advance(
    dossier: &Dossier<'_>,
    request: &AdvancePartnershipRequest,
    today: Date,
) -> Result<StageEvent, StageError> {
    let course = course(dossier.partnership, dossier.events);
    must_move(&course)?;
    let (from, to) = (course.stage, request.to_stage());
    if to == PartnershipStage::Unspecified {
        return Err(StageError::Invalid(Violation::required("to_stage").into()));
    }
    must_be_decided(&request.decided_by)?;
    if to == from {
        return Err(StageError::Impossible(format!("the partnership is at {} already", word(to))));
    }
    let reason = request.reason.trim();
    let kind = if to < from {
        StageEventKind::SteppedBack
    } else if next(from) == Some(to) {
        StageEventKind::Advanced
    } else {
        StageEventKind::Skipped
    };
    if kind != StageEventKind::Advanced && reason.is_empty() {
        return Err(StageError::Skipped { from, to });
    }
    let date = dated(&request.date, &course, today)?;
    let waivers = open(dossier, request, from, to, today)?;
    let event = StageEvent {
        kind: kind.into(),
        to_stage: to.into(),
        date,
        decided_by: request.decided_by.clone(),
        evidence: request.evidence.clone(),
        reason: reason.to_owned(),
        waivers,
        ..begun(dossier.partnership, from)
    };
    Ok(finished(event, dossier))
}

/// Opens the gates on the way, or says what keeps them closed. Returns the waivers that were needed.
fn open(
    dossier: &Dossier<'_>,
    request: &AdvancePartnershipRequest,
    from: PartnershipStage,
    to: PartnershipStage,
    today: Date,
) -> Result<Vec<Waiver>, StageError> {
    let mut wrong = Vec::new();
    for (at, waiver) in request.waivers.iter().enumerate() {
        wrong.extend(
            wrong_with(waiver, from, to)
                .map(|(field, text)| Violation::invalid(format!("waivers[{at}].{field}"), text)),
        );
    }
    crate::Violations::check(wrong)?;
    if to < from {
        return Ok(Vec::new());
    }
    let mut blockers = Vec::new();
    let mut used: Vec<&Waiver> = Vec::new();
    let unmet = conditions::standing(dossier.assessments, today)
        .into_iter()
        .filter(|one| is_gate_between(one.rule.gate, from, to) && !one.is_satisfied());
    for one in unmet {
        let (condition, side) = (one.rule.condition, one.side);
        if let Some(waiver) = request.waivers.iter().find(|waiver| covers(waiver, condition, side)) {
            if !used.contains(&waiver) {
                used.push(waiver);
            }
            continue;
        }
        blockers.push(Blocker {
            kind: condition.as_str_name(),
            side: side.as_str_name(),
            description: format!(
                "{}{}: assess that {}, or waive it with a reason",
                code_of(condition),
                on_side(side),
                one.rule.description
            ),
        });
    }
    let missing = requirement::missing(dossier, from, to, today);
    for requirement in missing.into_iter().filter(|one| !one.is_covered(&request.evidence, &request.reason)) {
        blockers.push(Blocker {
            kind: requirement.as_str(),
            side: Side::Unspecified.as_str_name(),
            description: requirement.description().to_owned(),
        });
    }
    if blockers.is_empty() {
        Ok(used.into_iter().cloned().collect())
    } else {
        Err(StageError::GateClosed { to, blockers })
    }
}

fn wrong_with(waiver: &Waiver, from: PartnershipStage, to: PartnershipStage) -> Option<(&'static str, String)> {
    let Some(rule) = conditions::rule(waiver.condition()) else {
        return Some(("condition", "is required: a condition of the checklist".to_owned()));
    };
    if !is_gate_between(rule.gate, from, to) {
        let code = code_of(rule.condition);
        return Some(("condition", format!("{code} is not asked for between {} and {}", word(from), word(to))));
    }
    if waiver.side != 0 && !rule.sides.all().contains(&waiver.side()) {
        return Some(("side", format!("{} does not concern that side: leave it out", code_of(rule.condition))));
    }
    waiver.reason.trim().is_empty().then(|| ("reason", "is required: why the condition is set aside".to_owned()))
}

/// Suspends a partnership. The stage stays.
///
/// # Errors
/// [`StageError::Ended`], [`StageError::Suspended`] if it is suspended already, [`StageError::Invalid`].
pub fn suspend(
    dossier: &Dossier<'_>,
    request: &SuspendPartnershipRequest,
    today: Date,
) -> Result<StageEvent, StageError> {
    let course = course(dossier.partnership, dossier.events);
    must_move(&course)?;
    must_be_decided(&request.decided_by)?;
    must_have(&request.reason, "reason")?;
    must_have(&request.review_date, "review_date")?;
    let review = value::partial_date(&request.review_date).filter(|_| value::is_day(&request.review_date));
    if review.is_none_or(|(day, _)| day <= today) {
        let description = format!("is not a day after today, {today}, as YYYY-MM-DD");
        return Err(StageError::Invalid(Violation::invalid("review_date", description).into()));
    }
    let event = StageEvent {
        kind: StageEventKind::Suspended.into(),
        to_stage: course.stage.into(),
        date: dated_to_the_day(&request.date, &course, today)?,
        decided_by: request.decided_by.clone(),
        reason: request.reason.trim().to_owned(),
        review_date: request.review_date.clone(),
        ..begun(dossier.partnership, course.stage)
    };
    Ok(finished(event, dossier))
}

/// Resumes a suspended partnership where it stood.
///
/// # Errors
/// [`StageError::Ended`], [`StageError::Impossible`] if it is not suspended, [`StageError::Invalid`].
pub fn resume(
    dossier: &Dossier<'_>,
    request: &ResumePartnershipRequest,
    today: Date,
) -> Result<StageEvent, StageError> {
    let course = course(dossier.partnership, dossier.events);
    must_not_have_ended(&course)?;
    must_be_decided(&request.decided_by)?;
    if course.suspension.is_none() {
        return Err(StageError::Impossible("the partnership is not suspended".to_owned()));
    }
    let event = StageEvent {
        kind: StageEventKind::Resumed.into(),
        to_stage: course.stage.into(),
        date: dated_to_the_day(&request.date, &course, today)?,
        decided_by: request.decided_by.clone(),
        reason: request.reason.trim().to_owned(),
        ..begun(dossier.partnership, course.stage)
    };
    Ok(finished(event, dossier))
}

/// Ends a partnership for good, also a suspended one.
///
/// # Errors
/// [`StageError::Ended`], [`StageError::Impossible`] if a partnership at this stage can't end so, [`StageError::Invalid`].
pub fn end(dossier: &Dossier<'_>, request: &EndPartnershipRequest, today: Date) -> Result<StageEvent, StageError> {
    let course = course(dossier.partnership, dossier.events);
    must_not_have_ended(&course)?;
    must_be_decided(&request.decided_by)?;
    let kind = match request.kind() {
        EndingKind::Completed => StageEventKind::Completed,
        EndingKind::Discontinued => StageEventKind::Discontinued,
        EndingKind::Cancelled => StageEventKind::Cancelled,
        EndingKind::Unspecified => return Err(StageError::Invalid(Violation::required("kind").into())),
    };
    if !can_end(course.stage, request.kind()) {
        return Err(StageError::Impossible(format!(
            "a partnership at {} can't end so: before its launch it is CANCELLED, afterwards COMPLETED or DISCONTINUED",
            word(course.stage)
        )));
    }
    if request.kind() != EndingKind::Completed {
        must_have(&request.reason, "reason")?;
    }
    let event = StageEvent {
        kind: kind.into(),
        to_stage: course.stage.into(),
        date: dated(&request.date, &course, today)?,
        decided_by: request.decided_by.clone(),
        evidence: request.evidence.clone(),
        reason: request.reason.trim().to_owned(),
        ..begun(dossier.partnership, course.stage)
    };
    Ok(finished(event, dossier))
}

/// What every event of a partnership has. It is for whom the partnership is for.
pub(super) fn begun(partnership: &Partnership, from: PartnershipStage) -> StageEvent {
    StageEvent {
        partnership: partnership.name.clone(),
        audience: partnership.audience,
        shared_with: partnership.shared_with.clone(),
        from_stage: from.into(),
        ..Default::default()
    }
}

/// The event with where the partnership stands after it.
pub(super) fn finished(mut event: StageEvent, dossier: &Dossier<'_>) -> StageEvent {
    let mut after = dossier.partnership.clone();
    let mut events = dossier.events.to_vec();
    if events.is_empty() {
        // What the partnership says itself, as the event from which it would follow.
        events.extend(super::entered(&after, Date::MIN));
    }
    events.push(StageEvent {
        create_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..event.clone()
    });
    follow(&mut after, &events);
    event.status = after.status;
    crate::settle::month(&event.date).clone_into(&mut event.month);
    event
}

pub(super) fn must_not_have_ended(course: &Course) -> Result<(), StageError> {
    match &course.ending {
        Some(ending) => Err(StageError::Ended { date: ending.date.clone() }),
        None => Ok(()),
    }
}

fn must_move(course: &Course) -> Result<(), StageError> {
    must_not_have_ended(course)?;
    match &course.suspension {
        Some(suspension) => Err(StageError::Suspended { since: suspension.start_date.clone() }),
        None => Ok(()),
    }
}

pub(super) fn must_be_decided(decided_by: &str) -> Result<(), StageError> {
    must_have(decided_by, "decided_by")
}

pub(super) fn must_have(text: &str, field: &str) -> Result<(), StageError> {
    if text.trim().is_empty() { Err(StageError::Invalid(Violation::required(field).into())) } else { Ok(()) }
}

/// The date of a step: today where none is given, not in the future, and not surely before what happened before.
fn dated(date: &str, course: &Course, today: Date) -> Result<String, StageError> {
    let date = if date.is_empty() { today.to_string() } else { date.to_owned() };
    match value::partial_date(&date) {
        Some((_, last)) if course.floor.is_some_and(|floor| last < floor) => {
            let floor = course.floor.map(|floor| floor.to_string()).unwrap_or_default();
            let description = format!("{date} is before what happened before, on {floor}: correct that first");
            Err(StageError::Invalid(Violation::invalid("date", description).into()))
        }
        Some(_) => must_be_past(&date, today).map(|()| date),
        None => {
            Err(StageError::Invalid(Violation::invalid("date", "is not a date as YYYY-MM-DD, YYYY-MM or YYYY").into()))
        }
    }
}

fn dated_to_the_day(date: &str, course: &Course, today: Date) -> Result<String, StageError> {
    let date = dated(date, course, today)?;
    if value::is_day(&date) {
        Ok(date)
    } else {
        Err(StageError::Invalid(Violation::invalid("date", "is not a date as YYYY-MM-DD").into()))
    }
}

/// Refuses a date that surely has not come yet.
pub(super) fn must_be_past(date: &str, today: Date) -> Result<(), StageError> {
    if first_day(date).is_some_and(|first| first > today) {
        let description = format!("{date} is in the future: today is {today}");
        return Err(StageError::Invalid(Violation::invalid("date", description).into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use isopolity_proto::registry::Condition;

    use super::*;

    #[test]
    fn a_waiver_without_a_side_is_for_both() {
        let waiver = Waiver { condition: Condition::B1.into(), ..Default::default() };
        assert!(covers(&waiver, Condition::B1, Side::Origin) && covers(&waiver, Condition::B1, Side::Destination));
        let one = Waiver { side: Side::Origin.into(), ..waiver };
        assert!(!covers(&one, Condition::B1, Side::Destination));
    }
}
