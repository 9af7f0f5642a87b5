//! Whether a resource may be out of date. Nothing of it is kept or signed: it changes with time alone.

use isopolity_proto::{
    registry::{Organization, Partnership, PartnershipStage, SupportService},
    types::{Provenance, RecordState, StaleReason},
};
use prost_reflect::{DynamicMessage, Value};
use prost_types::Timestamp;
use time::{Date, Month, OffsetDateTime};

use crate::{Kind, clock, validate::value};

/// After how many months somebody should have verified a resource.
const VERIFIED_MONTHS: u8 = 12;
/// After how many months without progress a partnership before its formal agreement may be asleep.
const PROGRESS_MONTHS: u8 = 12;
/// After how many months a formalised partnership should have been launched.
const LAUNCH_MONTHS: u8 = 6;

/// Why a resource of this kind may be out of date, in the order of the reasons' numbers.
///
/// A stage event tells of the past and is never verified again: for it only a review that somebody asked for counts. What
/// was superseded or deleted is not asked for any more; it is never stale.
#[must_use]
pub fn of(kind: Kind, resource: &DynamicMessage, now: OffsetDateTime) -> Vec<StaleReason> {
    let state = match resource.get_field_by_name("state").as_deref() {
        Some(Value::EnumNumber(number)) => RecordState::try_from(*number).unwrap_or_default(),
        _ => RecordState::Unspecified,
    };
    if matches!(state, RecordState::Superseded | RecordState::Withdrawn) {
        return Vec::new();
    }
    let today = now.date();
    let mut reasons = Vec::new();
    if kind != Kind::StageEvent
        && verified(resource).is_some_and(|verified| months_after(verified, VERIFIED_MONTHS) <= today)
    {
        reasons.push(StaleReason::NotVerified);
    }
    if last_day(resource, "review_due_date").is_some_and(|due| due < today) {
        reasons.push(StaleReason::ReviewOverdue);
    }
    if kind == Kind::Partnership
        && let Ok(partnership) = resource.transcode_to::<Partnership>()
    {
        reasons.extend(asleep(&partnership, today));
    }
    if has_expired(kind, resource, today) {
        reasons.push(StaleReason::Expired);
    }
    reasons
}

/// Marks a resource that is about to be shown: `stale` and `stale_reasons`. A message of another type stays as it is.
pub fn mark(resource: &mut DynamicMessage, now: OffsetDateTime) {
    use prost_reflect::ReflectMessage as _;
    let Some(kind) = Kind::of_message(resource.descriptor().full_name()) else { return };
    let reasons = of(kind, resource, now);
    resource.clear_field_by_name("stale");
    resource.clear_field_by_name("stale_reasons");
    if !reasons.is_empty() {
        let numbers = reasons.into_iter().map(|reason| Value::EnumNumber(reason.into())).collect();
        resource.set_field_by_name("stale", Value::Bool(true));
        resource.set_field_by_name("stale_reasons", Value::List(numbers));
    }
}

/// When somebody last knew that it is so: verified, else taken from its source, else created.
fn verified(resource: &DynamicMessage) -> Option<Date> {
    let retrieved = || match resource.get_field_by_name("provenance").as_deref() {
        Some(Value::Message(provenance)) => {
            provenance.transcode_to::<Provenance>().ok()?.retrieve_time.as_ref().and_then(day_of)
        }
        _ => None,
    };
    let created = || match resource.get_field_by_name("create_time").as_deref() {
        Some(Value::Message(time)) => time.transcode_to::<Timestamp>().ok().as_ref().and_then(day_of),
        _ => None,
    };
    last_day(resource, "last_verified_date").or_else(retrieved).or_else(created)
}

fn day_of(time: &Timestamp) -> Option<Date> {
    // A message that was never set reads as 1970; nothing here is that old.
    clock::from_timestamp(time).filter(|time| time.unix_timestamp() > 0).map(OffsetDateTime::date)
}

fn asleep(partnership: &Partnership, today: Date) -> Option<StaleReason> {
    // What is suspended has a day on which it is looked at again, and what has ended may rest.
    if partnership.suspension.is_some() || partnership.ending.is_some() {
        return None;
    }
    let reached = value::partial_date(&partnership.stage_date).map(|(_, last)| last);
    match partnership.stage() {
        PartnershipStage::Opportunity
        | PartnershipStage::MarketResearch
        | PartnershipStage::PartnerSearch
        | PartnershipStage::Feasibility => {
            let events = partnership.events.iter().filter_map(|event| value::partial_date(&event.date));
            let last = events.map(|(_, last)| last).chain(reached).max()?;
            (months_after(last, PROGRESS_MONTHS) <= today).then_some(StaleReason::NoProgress)
        }
        PartnershipStage::Formalised => {
            (months_after(reached?, LAUNCH_MONTHS) <= today).then_some(StaleReason::NotLaunched)
        }
        _ => None,
    }
}

fn has_expired(kind: Kind, resource: &DynamicMessage, today: Date) -> bool {
    let over = |date: &str| value::partial_date(date).is_some_and(|(_, last)| last < today);
    match kind {
        Kind::ConditionAssessment | Kind::Opportunity => {
            last_day(resource, "expire_date").is_some_and(|last| last < today)
        }
        Kind::Organization => resource
            .transcode_to::<Organization>()
            .is_ok_and(|one| one.diaspora_links.iter().any(|link| over(&link.expire_date))),
        Kind::GoodPractice => resource
            .transcode_to::<isopolity_proto::registry::GoodPractice>()
            .is_ok_and(|one| one.consents.iter().any(|consent| over(&consent.expire_date))),
        Kind::SupportService => resource
            .transcode_to::<SupportService>()
            .is_ok_and(|one| one.period.is_some_and(|period| over(&period.end_date))),
        _ => false,
    }
}

/// The last day of a date of the resource.
fn last_day(resource: &DynamicMessage, field: &str) -> Option<Date> {
    match resource.get_field_by_name(field).as_deref() {
        Some(Value::String(date)) => value::partial_date(date).map(|(_, last)| last),
        _ => None,
    }
}

/// The same day some months later; the last of the month where that has no such day.
fn months_after(date: Date, months: u8) -> Date {
    let counted = u32::from(u8::from(date.month())) - 1 + u32::from(months);
    let year = date.year().saturating_add(i32::try_from(counted / 12).unwrap_or_default());
    let month = u8::try_from(counted % 12 + 1).ok().and_then(|month| Month::try_from(month).ok());
    let Some(month) = month else { return date };
    Date::from_calendar_date(year, month, date.day().min(month.length(year))).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{ConditionAssessment, PartnershipEvent, StageEvent, Suspension},
        to_dynamic,
    };
    use time::macros::{date, datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2020-06-01 12:00 UTC);

    fn reasons<M: prost::Name>(kind: Kind, message: &M) -> Vec<StaleReason> {
        of(kind, &to_dynamic(message), NOW)
    }

    fn verified_partnership(stage: PartnershipStage, since: &str) -> Partnership {
        Partnership {
            last_verified_date: "2020-05-31".into(),
            stage: stage.into(),
            stage_date: since.into(),
            ..Default::default()
        }
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        assert_eq!(months_after(date!(2019 - 08 - 31), 6), date!(2020 - 02 - 29));
        assert_eq!(months_after(date!(2019 - 12 - 01), 1), date!(2020 - 01 - 01));
        assert_eq!(months_after(date!(9999 - 12 - 31), 12), Date::MAX);
    }

    #[test]
    fn what_nobody_verified_for_a_year_is_stale() {
        let verified = |on: &str| Organization { last_verified_date: on.into(), ..Default::default() };
        assert_eq!(reasons(Kind::Organization, &verified("2019-06-02")), []);
        assert_eq!(reasons(Kind::Organization, &verified("2019-06-01")), [StaleReason::NotVerified]);
        let time = |at: OffsetDateTime| Some(clock::to_timestamp(at));
        let taken = Organization {
            create_time: time(NOW),
            provenance: Some(Provenance { retrieve_time: time(datetime!(2017-01-01 0:00 UTC)), ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(reasons(Kind::Organization, &taken), [StaleReason::NotVerified]);
        let created = Organization { create_time: time(NOW), ..Default::default() };
        assert_eq!(reasons(Kind::Organization, &created), []);
    }

    #[test]
    fn a_review_that_is_due_today_is_not_overdue() {
        let due = |on: &str| Organization { review_due_date: on.into(), ..Default::default() };
        assert_eq!(reasons(Kind::Organization, &due("2020-06-01")), []);
        assert_eq!(reasons(Kind::Organization, &due("2020-05-31")), [StaleReason::ReviewOverdue]);
    }

    #[test]
    fn a_partnership_in_which_nothing_happens_falls_asleep() {
        let early = verified_partnership(PartnershipStage::Feasibility, "2019-05");
        assert_eq!(reasons(Kind::Partnership, &early), [StaleReason::NoProgress]);
        let visited = PartnershipEvent { date: "2019-07".into(), ..Default::default() };
        assert_eq!(reasons(Kind::Partnership, &Partnership { events: vec![visited], ..early.clone() }), []);
        let suspended = Partnership { suspension: Some(Suspension::default()), ..early };
        assert_eq!(reasons(Kind::Partnership, &suspended), []);
        let signed = verified_partnership(PartnershipStage::Formalised, "2019-12-01");
        assert_eq!(reasons(Kind::Partnership, &signed), [StaleReason::NotLaunched]);
        assert_eq!(reasons(Kind::Partnership, &verified_partnership(PartnershipStage::Launch, "2009")), []);
    }

    #[test]
    fn a_validity_holds_to_the_end_of_its_last_day() {
        let until = |date: &str| ConditionAssessment { expire_date: date.into(), ..Default::default() };
        assert_eq!(reasons(Kind::ConditionAssessment, &until("2020-06-01")), []);
        assert_eq!(reasons(Kind::ConditionAssessment, &until("2020-05-31")), [StaleReason::Expired]);
    }

    #[test]
    fn what_tells_of_the_past_or_was_replaced_does_not_age() {
        let old = Some(clock::to_timestamp(datetime!(2013-03-15 0:00 UTC)));
        assert_eq!(reasons(Kind::StageEvent, &StageEvent { create_time: old, ..Default::default() }), []);
        let replaced = Organization { create_time: old, state: RecordState::Superseded.into(), ..Default::default() };
        assert_eq!(reasons(Kind::Organization, &replaced), []);
    }

    #[test]
    fn a_mark_is_renewed_and_removed() {
        let mut resource = to_dynamic(&Partnership { review_due_date: "2020-01-01".into(), ..Default::default() });
        mark(&mut resource, NOW);
        let marked: Partnership = resource.transcode_to().unwrap();
        assert_eq!((marked.stale, marked.stale_reasons), (true, vec![StaleReason::ReviewOverdue.into()]));
        mark(&mut resource, datetime!(2019-12-31 0:00 UTC));
        let unmarked: Partnership = resource.transcode_to().unwrap();
        assert!(!unmarked.stale && unmarked.stale_reasons.is_empty());
    }
}
