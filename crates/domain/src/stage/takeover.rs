//! Whether an event that a file brings may join those that a partnership has.

use isopolity_proto::registry::{Partnership, StageEvent, StageEventKind};
use prost_types::Timestamp;
use time::Date;

use super::{Course, course, course::first_day, restated, word};
use crate::{Violation, validate::value};

/// Whether an event from a file says nothing else than what this registry holds of the partnership: it goes on where the
/// events known so far have not yet led to where the partnership says that it stands, or it moves nothing. So a takeover
/// that broke off can be finished, and no file moves a partnership past its gates.
///
/// # Errors
/// What is at odds with it, and which call takes the step instead.
pub fn fits(partnership: &Partnership, events: &[StageEvent], event: &StageEvent) -> Result<(), Violation> {
    ends_as_stated(partnership, event)?;
    let known = course(partnership, events);
    let fits = if !events.is_empty() && leads_to(&known, partnership) {
        let mut with = events.to_vec();
        with.push(StageEvent { create_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }), ..event.clone() });
        // How late it is does not matter.
        let mut then = course(partnership, &with);
        then.floor = known.floor;
        then == known
    } else {
        goes_on(partnership, events, &known, event)
    };
    if fits { Ok(()) } else { Err(at_odds(partnership, &known)) }
}

/// Whether an event from a file that ends a partnership finds it ended. It holds also for a partnership that the same file
/// brought: an end that only the event knows would make the two disagree for good.
///
/// # Errors
/// That it has not ended, and which call ends it.
pub fn ends_as_stated(partnership: &Partnership, event: &StageEvent) -> Result<(), Violation> {
    if ends(event.kind()) && partnership.ending.is_none() {
        let description = format!("{} has not ended: end it with EndPartnership", partnership.name);
        return Err(Violation::invalid("kind", description));
    }
    Ok(())
}

/// Whether an event ends a partnership.
#[must_use]
pub fn ends(kind: StageEventKind) -> bool {
    matches!(kind, StageEventKind::Completed | StageEventKind::Discontinued | StageEventKind::Cancelled)
}

/// The events that are missing where a takeover ended before its events led to where the partnership says that it stands.
/// What people see of it holds: the next step starts from there, with an event that says so.
#[must_use]
pub fn missing(partnership: &Partnership, events: &[StageEvent], on: Date) -> Vec<StageEvent> {
    let mut known = partnership.clone();
    super::follow(&mut known, events);
    restated(&known, &mut partnership.clone(), "this registry", on)
}

fn leads_to(course: &Course, partnership: &Partnership) -> bool {
    course.stage == partnership.stage()
        && course.stage_date == partnership.stage_date
        && course.suspension == partnership.suspension
        && course.ending == partnership.ending
}

fn goes_on(partnership: &Partnership, events: &[StageEvent], known: &Course, event: &StageEvent) -> bool {
    let from = event.from_stage();
    let is_next = match event.kind() {
        StageEventKind::Corrected => return events.iter().any(|one| one.name == event.corrects),
        StageEventKind::Entered if events.is_empty() => event.from_stage == 0,
        _ => !events.is_empty() && known.ending.is_none() && from == known.stage,
    };
    // What happened after the stage was reached at which it stands can't have led elsewhere.
    let reached = value::partial_date(&partnership.stage_date).map(|(_, last)| last);
    let is_later = reached.is_some_and(|reached| first_day(&event.date).is_some_and(|first| first > reached));
    is_next && (!is_later || event.to_stage() == partnership.stage())
}

fn at_odds(partnership: &Partnership, known: &Course) -> Violation {
    let description = format!(
        "a file does not move {}, which stands at {} by its events and at {} by itself: take the step with \
         AdvancePartnership, SuspendPartnership, ResumePartnership or EndPartnership, or set an earlier event right with \
         CorrectStageEvent",
        partnership.name,
        word(known.stage),
        word(partnership.stage())
    );
    Violation::invalid("to_stage", description)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::registry::{PartnershipStage, Waiver};
    use time::macros::date;

    use super::*;

    fn at(stage: PartnershipStage, since: &str) -> Partnership {
        Partnership { stage: stage.into(), stage_date: since.into(), ..Default::default() }
    }

    fn event(id: &str, kind: StageEventKind, from: PartnershipStage, to: PartnershipStage, date: &str) -> StageEvent {
        StageEvent {
            name: id.into(),
            kind: kind.into(),
            from_stage: from.into(),
            to_stage: to.into(),
            date: date.into(),
            ..Default::default()
        }
    }

    fn history() -> [StageEvent; 3] {
        use PartnershipStage::{MarketResearch, Opportunity, PartnerSearch, Unspecified};
        [
            event("a", StageEventKind::Entered, Unspecified, Opportunity, "2011"),
            event("b", StageEventKind::Advanced, Opportunity, MarketResearch, "2012"),
            event("c", StageEventKind::Advanced, MarketResearch, PartnerSearch, "2013"),
        ]
    }

    #[test]
    fn a_takeover_that_broke_off_goes_on_until_the_events_lead_to_where_the_partnership_stands() {
        let partnership = at(PartnershipStage::PartnerSearch, "2013");
        let [a, b, c] = history();
        let known = [a.clone(), b.clone(), c.clone()];
        for (at, next) in known.iter().enumerate() {
            assert_eq!(fits(&partnership, &known[..at], next), Ok(()), "{at}");
        }
        // Not with a gap.
        assert!(fits(&partnership, &known[..1], &c).is_err());
        assert!(fits(&partnership, &[], &b).is_err());
    }

    #[test]
    fn a_partnership_whose_events_say_all_is_not_moved_by_another_one() {
        let partnership = at(PartnershipStage::MarketResearch, "2012");
        let [a, b, c] = history();
        let refused = fits(&partnership, &[a.clone(), b.clone()], &c).unwrap_err();
        assert!(refused.description.contains("AdvancePartnership"), "{refused:?}");
        assert!(refused.description.contains("CorrectStageEvent"), "{refused:?}");
        // One that moves nothing may be there, unless it sets something aside.
        let again = StageEvent { name: "d".into(), ..b.clone() };
        assert_eq!(fits(&partnership, &[a.clone(), b.clone()], &again), Ok(()));
        let condition = isopolity_proto::registry::Condition::M2;
        let waiving = StageEvent {
            to_stage: PartnershipStage::MarketResearch.into(),
            waivers: vec![Waiver { condition: condition.into(), ..Default::default() }],
            ..again
        };
        let late = at(PartnershipStage::Formalised, "2012");
        let entered = StageEvent { to_stage: PartnershipStage::Formalised.into(), date: "2012".into(), ..a.clone() };
        let waiving = StageEvent { to_stage: PartnershipStage::Formalised.into(), ..waiving };
        assert!(fits(&late, &[entered], &waiving).is_err());
        let end = event("e", StageEventKind::Cancelled, PartnershipStage::MarketResearch, b.to_stage(), "2013");
        assert!(fits(&partnership, &[a, b], &end).unwrap_err().description.contains("EndPartnership"));
    }

    #[test]
    fn no_event_leads_elsewhere_after_the_stage_was_reached() {
        let partnership = at(PartnershipStage::Opportunity, "2011");
        let [a, ..] = history();
        let scaling = StageEvent { to_stage: PartnershipStage::Scaling.into(), date: "2012".into(), ..a.clone() };
        assert!(fits(&partnership, &[], &scaling).is_err());
        assert_eq!(fits(&partnership, &[], &a), Ok(()));
    }

    #[test]
    fn where_events_and_partnership_disagree_an_event_makes_up_for_it() {
        let [a, b, _] = history();
        let partnership = at(PartnershipStage::PartnerSearch, "2013");
        let events = missing(&partnership, &[a.clone(), b.clone()], date!(2020 - 01 - 01));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].from_stage(), events[0].to_stage()), (b.to_stage(), PartnershipStage::PartnerSearch));
        assert_eq!((events[0].date.as_str(), events[0].reason.as_str()), ("2013", "as this registry states it"));
        let agreed = at(PartnershipStage::MarketResearch, "2012");
        assert!(missing(&agreed, &[a, b], date!(2020 - 01 - 01)).is_empty());
    }
}
