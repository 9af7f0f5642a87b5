//! What a partnership must say.

use isopolity_proto::registry::{
    Contribution, EndingKind, Participant, Partnership, PartnershipEvent, PartnershipStage,
};

use super::{
    findings::{Findings, below, entry},
    named, shared, value,
};
use crate::{Kind, Name, stage};

pub(super) fn check(partnership: &Partnership, found: &mut Findings) {
    found.must_have_audience(partnership.audience);
    found.must_hold(1, partnership.titles.len(), "titles");
    found.must_hold(1, partnership.origin_countries.len(), "origin_countries");
    found.must_be_stated(partnership.stage, "stage");
    found.must_hold(1, partnership.sectors.len(), "sectors");
    found.must_hold(2, partnership.participants.len(), "participants");
    for (at, participant) in partnership.participants.iter().enumerate() {
        check_participant(participant, &entry("participants", at), found);
    }
    check_shares(partnership, found);
    check_course(partnership, found);
    if partnership.iati_identifier.chars().any(char::is_whitespace) {
        found.invalid("iati_identifier", "holds a space: an IATI identifier has none");
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
    let fields = (below(path, "organization"), below(path, "display_names"));
    let called = participant.display_names.len();
    found.must_name_or_call(Kind::Organization, &participant.organization, called, (&fields.0, &fields.1));
    found.must_hold(1, participant.roles.len(), &below(path, "roles"));
}

/// Shares that are stated are of one whole.
fn check_shares(partnership: &Partnership, found: &mut Findings) {
    let of_all = |share: fn(&Participant) -> &String| -> i128 {
        partnership.participants.iter().filter_map(|one| value::millionths(share(one))).sum()
    };
    let sums = [
        ("profit_share_percent", of_all(|one| &one.profit_share_percent)),
        ("equity_share_percent", of_all(|one| &one.equity_share_percent)),
    ];
    for (field, sum) in sums {
        // A rounding error of a source is none of ours.
        if sum > 101 * 1_000_000 {
            found.invalid("participants", format!("{field} of all participants together is more than 100"));
        }
    }
}

fn check_contribution(contribution: &Contribution, path: &str, found: &mut Findings) {
    found.must_be_stated(contribution.kind, &below(path, "kind"));
    if contribution.public_amount.is_some() && !contribution.public_money {
        let description = "needs public_money: everyone may see it; other amounts go into private_amount";
        found.invalid(&below(path, "public_amount"), description);
    }
    if !contribution.quantity.is_empty() {
        shared::decimal(&contribution.quantity, &below(path, "quantity"), found);
    }
    let organization = below(path, "contributor_organization");
    found.must_name(Kind::Organization, &contribution.contributor_organization, &organization);
}

fn check_course(partnership: &Partnership, found: &mut Findings) {
    if let Some(suspension) = &partnership.suspension {
        found.must_have(&suspension.start_date, "suspension.start_date");
        found.must_have(&suspension.reason, "suspension.reason");
        found.must_have(&suspension.review_date, "suspension.review_date");
        found.must_not_end_before(&suspension.start_date, &suspension.review_date, "suspension.review_date");
    }
    let Some(ending) = &partnership.ending else { return };
    found.must_be_stated(ending.kind, "ending.kind");
    found.must_have(&ending.date, "ending.date");
    if !matches!(ending.kind(), EndingKind::Completed | EndingKind::Unspecified) {
        found.must_have(&ending.reason, "ending.reason");
    }
    if ending.kind() != EndingKind::Unspecified
        && partnership.stage() != PartnershipStage::Unspecified
        && !stage::can_end(partnership.stage(), ending.kind())
    {
        let description =
            "does not fit the stage: before its launch one is CANCELLED, afterwards COMPLETED or DISCONTINUED";
        found.invalid("ending.kind", description);
    }
    found.must_not_end_before(&partnership.stage_date, &ending.date, "ending.date");
    if partnership.suspension.is_some() {
        found.invalid("suspension", "can't be stated of a partnership that has ended");
    }
}

fn check_event(event: &PartnershipEvent, before: Option<&PartnershipEvent>, path: &str, found: &mut Findings) {
    found.must_be_stated(event.kind, &below(path, "kind"));
    found.must_have(&event.date, &below(path, "date"));
    for (at, attendance) in event.attendances.iter().enumerate() {
        let path = below(path, &entry("attendances", at));
        found.must_be_stated(attendance.side, &below(&path, "side"));
        if attendance.people < 1 {
            found.invalid(&below(&path, "people"), "is not a number of people, at least 1");
        }
        if event.attendances.iter().take(at).any(|above| above.side == attendance.side) {
            found.invalid(&below(&path, "side"), "is counted above already");
        }
    }
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
    let participants = partnership.participants.iter().enumerate();
    let organizations =
        participants.map(|(at, one)| (below(&entry("participants", at), "organization"), &one.organization));
    let agreements = partnership.agreements.iter().enumerate();
    let contributions = partnership.contributions.iter().enumerate();
    let contributors = contributions.map(|(at, one)| {
        (below(&entry("contributions", at), "contributor_organization"), &one.contributor_organization)
    });
    named(Kind::Organization, organizations)
        .chain(named(Kind::Agreement, agreements.map(|(at, agreement)| (entry("agreements", at), agreement))))
        .chain(named(Kind::Organization, contributors))
        .collect()
}
