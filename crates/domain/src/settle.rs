//! What a node derives from what was entered, before a resource is kept: output-only fields that follow from others.
//!
//! Clients can't set these fields; what they send in them is overwritten. `stale` and its reasons are never kept: they
//! change with time alone, and [`crate::freshness`] marks them on reading.

use isopolity_proto::{
    options::Audience,
    registry::{
        AmountBand, Contribution, Indicator, IndicatorObservation, Partnership, PartnershipStage, StageEvent,
        StageEventKind,
    },
    types::ContactPoint,
};
use prost_reflect::{DynamicMessage, Value};
use time::Date;

use crate::{Kind, indicators, mailbox, stage, validate::value};

/// Sets what follows from the other fields of a resource of this kind, and removes what is never kept.
///
/// `today` counts for consents that have expired: such a tie of an organisation to a country is for own staff only from
/// then on. Doing it twice changes nothing more.
pub fn settle(kind: Kind, resource: &mut DynamicMessage, today: Date) {
    resource.clear_field_by_name("stale");
    resource.clear_field_by_name("stale_reasons");
    contact_points(resource);
    match kind {
        Kind::Partnership => partnership(resource),
        Kind::StageEvent => stage_event(resource),
        Kind::IndicatorObservation => {
            level(resource);
            reading(resource);
        }
        Kind::Organization => expired_links(resource, today),
        Kind::MatchAssertion if !resource.has_field_by_name("decide_date") => {
            set(resource, "decide_date", Value::String(today.to_string()));
        }
        _ => {}
    }
}

/// The month of a partial date, or the year where no more is known.
#[must_use]
pub(crate) fn month(date: &str) -> &str {
    date.get(..7).unwrap_or(date)
}

/// The size of an amount in its own currency. `None` where it is no decimal number.
#[must_use]
pub fn amount_band(amount: &str) -> Option<AmountBand> {
    const MILLIONTHS: i128 = 1_000_000;
    let millionths = value::millionths(amount)?;
    Some(match millionths {
        _ if millionths < 10_000 * MILLIONTHS => AmountBand::Under10Thousand,
        _ if millionths < 100_000 * MILLIONTHS => AmountBand::From10Thousand,
        _ if millionths < 1_000_000 * MILLIONTHS => AmountBand::From100Thousand,
        _ => AmountBand::From1Million,
    })
}

fn partnership(resource: &mut DynamicMessage) {
    if let Ok(read) = resource.transcode_to::<Partnership>() {
        let status = stage::status(read.stage(), read.suspension.is_some(), read.ending.as_ref());
        set(resource, "status", Value::EnumNumber(status.into()));
    }
    let Some(Value::List(contributions)) = resource.get_field_by_name_mut("contributions") else { return };
    for contribution in contributions {
        let Value::Message(contribution) = contribution else { continue };
        let amount = contribution.transcode_to::<Contribution>().ok().and_then(|read| read.private_amount);
        let band = amount.and_then(|money| amount_band(&money.amount)).unwrap_or_default();
        set(contribution, "private_amount_band", Value::EnumNumber(band.into()));
    }
}

fn stage_event(resource: &mut DynamicMessage) {
    let Ok(read) = resource.transcode_to::<StageEvent>() else { return };
    set(resource, "month", Value::String(month(&read.date).to_owned()));
    let to = read.to_stage();
    let status = match read.kind() {
        // Where it stands after a correction is known from all events only; whoever makes it says so.
        StageEventKind::Corrected => return,
        StageEventKind::Suspended => isopolity_proto::registry::PartnershipStatus::Suspended,
        StageEventKind::Completed | StageEventKind::Discontinued => {
            isopolity_proto::registry::PartnershipStatus::Closed
        }
        StageEventKind::Cancelled => isopolity_proto::registry::PartnershipStatus::Cancelled,
        // Entered anew by an import it may stand still all the same.
        StageEventKind::Entered if read.status != 0 => return,
        _ if to == PartnershipStage::Unspecified => return,
        _ => stage::status(to, false, None),
    };
    set(resource, "status", Value::EnumNumber(status.into()));
}

fn level(resource: &mut DynamicMessage) {
    let number = match resource.get_field_by_name("indicator").as_deref() {
        Some(Value::EnumNumber(number)) => *number,
        _ => return,
    };
    if let Some(rule) = Indicator::try_from(number).ok().and_then(indicators::rule) {
        set(resource, "level", Value::EnumNumber(rule.level.into()));
    }
}

fn reading(resource: &mut DynamicMessage) {
    let Ok(read) = resource.transcode_to::<IndicatorObservation>() else { return };
    let reading = indicators::reading(&read).unwrap_or_default();
    set(resource, "reading", Value::String(reading.to_owned()));
}

/// What looks like a person's mailbox stays with own staff.
fn contact_points(resource: &mut DynamicMessage) {
    let Some(Value::List(contacts)) = resource.get_field_by_name_mut("contact_points") else { return };
    for contact in contacts {
        let Value::Message(contact) = contact else { continue };
        let Ok(read) = contact.transcode_to::<ContactPoint>() else { continue };
        if mailbox::is_personal(&read) {
            set(contact, "person_mailbox", Value::String(read.mailbox));
            contact.clear_field_by_name("mailbox");
        }
    }
}

fn expired_links(resource: &mut DynamicMessage, today: Date) {
    let Some(Value::List(links)) = resource.get_field_by_name_mut("diaspora_links") else { return };
    for link in links {
        let Value::Message(link) = link else { continue };
        let expired = match link.get_field_by_name("expire_date").as_deref() {
            Some(Value::String(date)) => value::partial_date(date).is_some_and(|(_, last)| last < today),
            _ => false,
        };
        let shared = matches!(link.get_field_by_name("audience").as_deref(),
            Some(Value::EnumNumber(number))
                if [Audience::Federation, Audience::Shared].map(i32::from).contains(number));
        if expired && shared {
            set(link, "audience", Value::EnumNumber(Audience::Internal.into()));
        }
    }
}

fn set(message: &mut DynamicMessage, field: &str, value: Value) {
    let zero = matches!(&value, Value::EnumNumber(0)) || matches!(&value, Value::String(text) if text.is_empty());
    if zero {
        message.clear_field_by_name(field);
    } else {
        message.set_field_by_name(field, value);
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{DiasporaLink, Ending, EndingKind, Organization, PartnershipStatus, ResultLevel},
        to_dynamic,
        types::{Money, StaleReason},
    };
    use time::macros::date;

    use super::*;

    fn settled<M: prost::Name + Default>(kind: Kind, message: &M) -> M {
        let mut dynamic = to_dynamic(message);
        settle(kind, &mut dynamic, date!(2020 - 06 - 01));
        let once = dynamic.clone();
        settle(kind, &mut dynamic, date!(2020 - 06 - 01));
        assert_eq!(once, dynamic, "settling twice");
        dynamic.transcode_to().unwrap()
    }

    #[test]
    fn an_amount_falls_into_its_band_exactly() {
        for (amount, band) in [
            ("0", AmountBand::Under10Thousand),
            ("9999.999999", AmountBand::Under10Thousand),
            ("10000", AmountBand::From10Thousand),
            ("99999.99", AmountBand::From10Thousand),
            ("100000.00", AmountBand::From100Thousand),
            ("999999.999999", AmountBand::From100Thousand),
            ("1000000", AmountBand::From1Million),
            ("999999999999999999.999999", AmountBand::From1Million),
        ] {
            assert_eq!(amount_band(amount), Some(band), "{amount}");
        }
        assert_eq!(amount_band("much"), None);
    }

    #[test]
    fn partners_see_the_band_of_a_private_amount_that_nobody_entered() {
        let private = |amount: &str| Contribution {
            private_amount: Some(Money { currency_code: "EUR".into(), amount: amount.into() }),
            ..Default::default()
        };
        let invented = Contribution { private_amount_band: AmountBand::From1Million.into(), ..Default::default() };
        let after = settled(
            Kind::Partnership,
            &Partnership { contributions: vec![private("25000"), invented], ..Default::default() },
        );
        let bands: Vec<AmountBand> = after.contributions.iter().map(Contribution::private_amount_band).collect();
        assert_eq!(bands, [AmountBand::From10Thousand, AmountBand::Unspecified]);
    }

    #[test]
    fn the_status_follows_from_stage_and_ending() {
        let at = |stage: PartnershipStage| Partnership {
            stage: stage.into(),
            status: PartnershipStatus::Suspended.into(),
            ..Default::default()
        };
        assert_eq!(settled(Kind::Partnership, &at(PartnershipStage::Formalised)).status(), PartnershipStatus::Pipeline);
        assert_eq!(
            settled(Kind::Partnership, &at(PartnershipStage::Launch)).status(),
            PartnershipStatus::Implementation
        );
        let ending = Some(Ending { kind: EndingKind::Cancelled.into(), ..Default::default() });
        let cancelled = Partnership { ending, ..at(PartnershipStage::Feasibility) };
        assert_eq!(settled(Kind::Partnership, &cancelled).status(), PartnershipStatus::Cancelled);
    }

    #[test]
    fn an_event_tells_everyone_its_month_only() {
        for (date, month) in [("2013-03-15", "2013-03"), ("2013-03", "2013-03"), ("2013", "2013")] {
            let event = StageEvent {
                kind: StageEventKind::Advanced.into(),
                to_stage: PartnershipStage::Launch.into(),
                date: date.into(),
                ..Default::default()
            };
            let after = settled(Kind::StageEvent, &event);
            assert_eq!((after.month.as_str(), after.status()), (month, PartnershipStatus::Implementation));
        }
    }

    #[test]
    fn an_indicator_of_the_programme_has_the_level_of_the_programme() {
        let observation = |indicator: Indicator| IndicatorObservation {
            indicator: indicator.into(),
            level: ResultLevel::Output.into(),
            ..Default::default()
        };
        assert_eq!(settled(Kind::IndicatorObservation, &observation(Indicator::I10)).level(), ResultLevel::Impact);
        let other = settled(Kind::IndicatorObservation, &observation(Indicator::Unspecified));
        assert_eq!(other.level(), ResultLevel::Output);
    }

    #[test]
    fn a_tie_whose_consent_has_expired_is_for_own_staff_again() {
        let link = |until: &str| DiasporaLink {
            audience: Audience::Federation.into(),
            expire_date: until.into(),
            ..Default::default()
        };
        let after = settled(
            Kind::Organization,
            &Organization { diaspora_links: vec![link("2020-05-31"), link("2020-06-01")], ..Default::default() },
        );
        let audiences: Vec<Audience> = after.diaspora_links.iter().map(DiasporaLink::audience).collect();
        assert_eq!(audiences, [Audience::Internal, Audience::Federation]);
    }

    #[test]
    fn the_mailbox_of_a_person_stays_with_own_staff() {
        let contact = |mailbox: &str| ContactPoint {
            function: "Economy office".into(),
            mailbox: mailbox.into(),
            ..Default::default()
        };
        let contact_points = vec![contact("economy@feira.example"), contact("joana.silva@feira.example")];
        let after = settled(Kind::Organization, &Organization { contact_points, ..Default::default() });
        let of =
            |at: usize| (after.contact_points[at].mailbox.as_str(), after.contact_points[at].person_mailbox.as_str());
        assert_eq!([of(0), of(1)], [("economy@feira.example", ""), ("", "joana.silva@feira.example")]);
    }

    #[test]
    fn a_result_says_how_to_read_it_whatever_a_client_sends() {
        let observation = IndicatorObservation {
            indicator: Indicator::I05.into(),
            reading: "proof of success".into(),
            ..Default::default()
        };
        assert_eq!(settled(Kind::IndicatorObservation, &observation).reading, indicators::ASSOCIATION);
        let output = IndicatorObservation { indicator: Indicator::I01.into(), ..observation };
        assert_eq!(settled(Kind::IndicatorObservation, &output).reading, "");
    }

    #[test]
    fn what_time_alone_changes_is_never_kept() {
        let stale =
            Partnership { stale: true, stale_reasons: vec![StaleReason::NotVerified.into()], ..Default::default() };
        let after = settled(Kind::Partnership, &stale);
        assert!(!after.stale && after.stale_reasons.is_empty());
    }
}
