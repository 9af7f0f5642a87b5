//! Where the events of a partnership, as corrected, put it.

use isopolity_proto::registry::{
    Condition, Ending, EndingKind, Partnership, PartnershipStage, Side, StageEvent, StageEventKind, Suspension, Waiver,
};
use time::Date;

use crate::{conditions, validate::value};

/// Where a partnership stands, and since when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The stage.
    pub stage: PartnershipStage,
    /// When it was reached, as exact as it is known.
    pub stage_date: String,
    /// It is suspended.
    pub suspension: Option<Suspension>,
    /// It has ended.
    pub ending: Option<Ending>,
    /// Nothing new may surely be before this day: the latest first day of what happened.
    pub(super) floor: Option<Date>,
    /// What was set aside for gates that it has passed.
    waivers: Vec<Waiver>,
}

impl Course {
    /// Whether the condition was set aside on this side when its gate was passed.
    #[must_use]
    pub fn waives(&self, condition: Condition, side: Side) -> bool {
        self.waivers.iter().any(|waiver| covers(waiver, condition, side))
    }
}

/// Whether a waiver sets the condition aside on this side; one without a side is for both.
pub(super) fn covers(waiver: &Waiver, condition: Condition, side: Side) -> bool {
    waiver.condition == i32::from(condition) && (waiver.side == 0 || waiver.side == i32::from(side))
}

/// An event as it stands after all corrections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// What happened.
    pub(super) event: &'a StageEvent,
    /// The last correction of it, else the event itself.
    pub(super) stands: &'a StageEvent,
}

/// What happened, in the order in which it was written, each as corrected.
pub(super) fn steps(events: &[StageEvent]) -> Vec<Step<'_>> {
    let mut written: Vec<&StageEvent> =
        events.iter().filter(|event| event.kind() != StageEventKind::Corrected).collect();
    written.sort_by_key(|event| (event.create_time.as_ref().map(|time| (time.seconds, time.nanos)), &event.name));
    written.into_iter().map(|event| Step { event, stands: corrected(event, events) }).collect()
}

/// The last correction of an event, else the event itself.
fn corrected<'a>(event: &'a StageEvent, events: &'a [StageEvent]) -> &'a StageEvent {
    let mut stands = event;
    // No chain is longer than the list; one that turns in a circle ends here too.
    for _ in events {
        let correction =
            events.iter().find(|one| one.kind() == StageEventKind::Corrected && one.corrects == stands.name);
        match correction {
            Some(correction) if !stands.name.is_empty() => stands = correction,
            _ => break,
        }
    }
    stands
}

/// Where the events put a partnership. One that has no events yet stands where it says itself.
#[must_use]
pub fn course(partnership: &Partnership, events: &[StageEvent]) -> Course {
    let steps = steps(events);
    if steps.is_empty() {
        return Course {
            stage: partnership.stage(),
            stage_date: partnership.stage_date.clone(),
            suspension: partnership.suspension.clone(),
            ending: partnership.ending.clone(),
            floor: first_day(&partnership.stage_date),
            waivers: Vec::new(),
        };
    }
    let mut course = Course::default();
    for step in steps {
        course.take(step);
    }
    course
}

impl Course {
    fn take(&mut self, step: Step<'_>) {
        let Step { event, stands } = step;
        self.floor = self.floor.max(first_day(&stands.date));
        match event.kind() {
            StageEventKind::Entered
            | StageEventKind::Advanced
            | StageEventKind::Skipped
            | StageEventKind::SteppedBack => {
                let to = stands.to_stage();
                // A correction may make two steps lead to one stage; it was reached with the first.
                if to != self.stage {
                    self.stage_date.clone_from(&stands.date);
                }
                self.stage = to;
                self.waivers.extend(event.waivers.iter().cloned());
                // What was set aside for a gate is asked for again by whoever comes to it again.
                self.waivers.retain(|waiver| gate_of(waiver).is_some_and(|gate| gate <= to));
            }
            StageEventKind::Suspended => {
                self.suspension = Some(Suspension {
                    start_date: stands.date.clone(),
                    reason: event.reason.clone(),
                    review_date: event.review_date.clone(),
                });
            }
            StageEventKind::Resumed => self.suspension = None,
            StageEventKind::Completed => self.finish(EndingKind::Completed, step),
            StageEventKind::Discontinued => self.finish(EndingKind::Discontinued, step),
            StageEventKind::Cancelled => self.finish(EndingKind::Cancelled, step),
            StageEventKind::Unspecified | StageEventKind::Corrected => {}
        }
    }

    fn finish(&mut self, kind: EndingKind, step: Step<'_>) {
        self.suspension = None;
        self.ending =
            Some(Ending { kind: kind.into(), date: step.stands.date.clone(), reason: step.event.reason.clone() });
    }
}

fn gate_of(waiver: &Waiver) -> Option<PartnershipStage> {
    conditions::rule(waiver.condition())?.gate
}

pub(super) fn first_day(date: &str) -> Option<Date> {
    value::partial_date(date).map(|(first, _)| first)
}

/// Writes into a partnership where its events put it: stage, stage date, suspension, ending and status. Without events
/// only the status is set.
pub fn follow(partnership: &mut Partnership, events: &[StageEvent]) {
    let course = course(partnership, events);
    partnership.status = super::status(course.stage, course.suspension.is_some(), course.ending.as_ref()).into();
    partnership.stage = course.stage.into();
    partnership.stage_date = course.stage_date;
    partnership.suspension = course.suspension;
    partnership.ending = course.ending;
}
