//! What a partnership must say.

use isopolity_proto::registry::{Contribution, Participant, Partnership, PartnershipEvent};

use super::{
    findings::{Findings, below, entry},
    shared, value,
};
use crate::{Kind, Name};

pub(super) fn check(partnership: &Partnership, found: &mut Findings) {
    found.must_have_audience(partnership.audience);
    found.must_hold(1, partnership.titles.len(), "titles");
    found.must_hold(1, partnership.origin_countries.len(), "origin_countries");
    found.must_be_stated(partnership.stage, "stage");
    found.must_hold(1, partnership.sectors.len(), "sectors");
    for (at, end) in partnership.ends.iter().enumerate() {
        found.must_be_stated(end.side, &below(&entry("ends", at), "side"));
    }
    found.must_hold(2, partnership.participants.len(), "participants");
    for (at, participant) in partnership.participants.iter().enumerate() {
        check_participant(participant, &entry("participants", at), found);
    }
    for (at, agreement) in partnership.agreements.iter().enumerate() {
        found.must_name(Kind::Agreement, agreement, &entry("agreements", at));
    }
    let home = partnership.name.parse::<Name>().ok();
    for (at, mirror) in partnership.mirrors.iter().enumerate() {
        let path = entry("mirrors", at);
        let mirror = found.must_name(Kind::Partnership, mirror, &path);
        if let (Some(home), Some(mirror)) = (&home, mirror)
            && home.city() == mirror.city()
        {
            found.invalid(&path, format!("{mirror} is in this city's own registry; a mirror is in another's"));
        }
    }
    for (at, contribution) in partnership.contributions.iter().enumerate() {
        check_contribution(contribution, &entry("contributions", at), found);
    }
    for (at, event) in partnership.events.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| partnership.events.get(at));
        check_event(event, before, &entry("events", at), found);
    }
}

fn check_participant(participant: &Participant, path: &str, found: &mut Findings) {
    let organization = below(path, "organization");
    if participant.organization.is_empty() && participant.display_names.is_empty() {
        found.invalid(&organization, "either this or display_names is required");
    }
    found.must_name(Kind::Organization, &participant.organization, &organization);
    found.must_hold(1, participant.roles.len(), &below(path, "roles"));
    found.must_be_stated(participant.side, &below(path, "side"));
    if !participant.profit_share_percent.is_empty() && !value::is_percent(&participant.profit_share_percent) {
        found.invalid(
            &below(path, "profit_share_percent"),
            "is not a decimal number from 0 to 100, for example \"12.5\"",
        );
    }
}

fn check_contribution(contribution: &Contribution, path: &str, found: &mut Findings) {
    found.must_be_stated(contribution.kind, &below(path, "kind"));
    found.must_be_stated(contribution.side, &below(path, "side"));
    if contribution.public_amount.is_some() && !contribution.public_money {
        let description = "needs public_money: everyone may see it; other amounts go into private_amount";
        found.invalid(&below(path, "public_amount"), description);
    }
    if !contribution.quantity.is_empty() {
        shared::decimal(&contribution.quantity, &below(path, "quantity"), found);
    }
}

fn check_event(event: &PartnershipEvent, before: Option<&PartnershipEvent>, path: &str, found: &mut Findings) {
    found.must_be_stated(event.kind, &below(path, "kind"));
    found.must_have(&event.date, &below(path, "date"));
    // Only what is surely earlier: `2013` after `2013-03` may well be right.
    if let Some(before) = before
        && let (Some((first, _)), Some((_, last))) =
            (value::partial_date(&before.date), value::partial_date(&event.date))
        && last < first
    {
        found.invalid(
            &below(path, "date"),
            format!("is before {} of the event above it; events are in order of time", before.date),
        );
    }
}

pub(super) fn references(partnership: &Partnership) -> Vec<(String, Name)> {
    let organizations = partnership.participants.iter().enumerate().map(|(at, participant)| {
        (
            below(&entry("participants", at), "organization"),
            Name::parse_as(Kind::Organization, &participant.organization),
        )
    });
    let agreements = partnership
        .agreements
        .iter()
        .enumerate()
        .map(|(at, agreement)| (entry("agreements", at), Name::parse_as(Kind::Agreement, agreement)));
    organizations.chain(agreements).filter_map(|(field, name)| Some((field, name.ok()?))).collect()
}
