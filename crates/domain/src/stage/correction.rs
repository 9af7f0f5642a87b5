//! Setting right what an earlier event said wrongly.

use isopolity_proto::registry::{CorrectStageEventRequest, EndingKind, PartnershipStage, StageEvent, StageEventKind};
use time::Date;

use super::{
    Dossier, StageError, can_end, course,
    course::{first_day, steps},
    step::{begun, finished, must_be_decided, must_be_past, must_have},
    word,
};
use crate::{Violation, validate::value};

/// Says what an earlier event should have said: another stage, another date, or both. The earlier event stays. Allowed
/// also while a partnership is suspended and after it has ended; no correction takes an end back.
///
/// # Errors
/// [`StageError::Impossible`] if the event was corrected before, if nothing would change, if the stage of an event that
/// moved no stage is to change, or if the partnership could not have ended as it did; [`StageError::Invalid`] for the
/// fields of the request, a date that is out of order among them.
pub fn correct(
    dossier: &Dossier<'_>,
    request: &CorrectStageEventRequest,
    today: Date,
) -> Result<StageEvent, StageError> {
    must_be_decided(&request.decided_by)?;
    must_have(&request.reason, "reason")?;
    let Some(wrong) = dossier.events.iter().find(|event| event.name == request.name) else {
        return Err(StageError::Impossible(format!("{} is no event of this partnership", request.name)));
    };
    let steps = steps(dossier.events);
    // Only the last of a chain of corrections stands somewhere.
    let Some(at) = steps.iter().position(|step| step.stands.name == wrong.name) else {
        return Err(StageError::Impossible(format!("{} was corrected before: correct the correction", wrong.name)));
    };
    let kind = steps.get(at).map(|step| step.event.kind()).unwrap_or_default();
    let to = match request.to_stage() {
        PartnershipStage::Unspecified => wrong.to_stage(),
        stage => stage,
    };
    let date = if request.date.is_empty() { wrong.date.clone() } else { request.date.clone() };
    if to == wrong.to_stage() && date == wrong.date {
        return Err(StageError::Impossible("the correction says the same as the event".to_owned()));
    }
    if to != wrong.to_stage() && !moves(kind) {
        return Err(StageError::Impossible(
            "the event moved no stage: correct the event that did; of this one only the date".to_owned(),
        ));
    }
    if value::partial_date(&date).is_none() {
        let violation = Violation::invalid("date", "is not a date as YYYY-MM-DD, YYYY-MM or YYYY");
        return Err(StageError::Invalid(violation.into()));
    }
    must_be_past(&date, today)?;
    let before = steps.iter().take(at).filter_map(|step| first_day(&step.stands.date)).max();
    let after =
        steps.iter().skip(at + 1).filter_map(|step| value::partial_date(&step.stands.date)).map(|(_, last)| last);
    in_order(&date, before, after.min())?;

    let event = StageEvent {
        kind: StageEventKind::Corrected.into(),
        to_stage: to.into(),
        date,
        decided_by: request.decided_by.clone(),
        reason: request.reason.trim().to_owned(),
        corrects: wrong.name.clone(),
        // No name yet; it must not be empty, or nothing could be found to correct it.
        name: format!("{}/correction", wrong.name),
        ..begun(dossier.partnership, wrong.to_stage())
    };
    let mut events = dossier.events.to_vec();
    events.push(event.clone());
    let then = course(dossier.partnership, &events);
    let ending = then.ending.as_ref().map(|ending| ending.kind()).filter(|kind| *kind != EndingKind::Unspecified);
    if let Some(kind) = ending
        && !can_end(then.stage, kind)
    {
        return Err(StageError::Impossible(format!(
            "the partnership ended, which at {} it could not so: before its launch one is CANCELLED, afterwards \
             COMPLETED or DISCONTINUED",
            word(then.stage)
        )));
    }
    Ok(StageEvent { name: String::new(), ..finished(event, dossier) })
}

fn moves(kind: StageEventKind) -> bool {
    matches!(
        kind,
        StageEventKind::Entered | StageEventKind::Advanced | StageEventKind::Skipped | StageEventKind::SteppedBack
    )
}

fn in_order(date: &str, before: Option<Date>, after: Option<Date>) -> Result<(), StageError> {
    let Some((first, last)) = value::partial_date(date) else { return Ok(()) };
    let description = match (before, after) {
        (Some(before), _) if last < before => format!("{date} is before the step before it, on {before}"),
        (_, Some(after)) if first > after => format!("{date} is after the step after it, on {after}"),
        _ => return Ok(()),
    };
    Err(StageError::Invalid(Violation::invalid("date", description).into()))
}
