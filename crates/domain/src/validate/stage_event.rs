//! What a stage event must say.

use isopolity_proto::registry::{StageEvent, StageEventKind};

use super::{
    findings::{Findings, below, entry},
    named,
};
use crate::{Kind, Name};

pub(super) fn check(event: &StageEvent, found: &mut Findings) {
    found.must_have_audience(event.audience);
    found.must_have(&event.partnership, "partnership");
    found.must_name(Kind::Partnership, &event.partnership, "partnership");
    found.must_be_stated(event.kind, "kind");
    found.must_be_stated(event.to_stage, "to_stage");
    found.must_have(&event.date, "date");
    let kind = event.kind();
    if event.from_stage == 0 && !matches!(kind, StageEventKind::Entered | StageEventKind::Unspecified) {
        found.required("from_stage");
    }
    let explained = [
        StageEventKind::Skipped,
        StageEventKind::SteppedBack,
        StageEventKind::Suspended,
        StageEventKind::Discontinued,
        StageEventKind::Cancelled,
        StageEventKind::Corrected,
    ];
    if explained.contains(&kind) {
        found.must_have(&event.reason, "reason");
    }
    only_for(kind == StageEventKind::Corrected, &event.corrects, "corrects", "a correction", found);
    found.must_name(Kind::StageEvent, &event.corrects, "corrects");
    only_for(kind == StageEventKind::Suspended, &event.review_date, "review_date", "a suspension", found);
    for (at, waiver) in event.waivers.iter().enumerate() {
        let path = entry("waivers", at);
        found.must_be_stated(waiver.condition, &below(&path, "condition"));
        found.must_have(&waiver.reason, &below(&path, "reason"));
    }
}

fn only_for(is_one: bool, text: &str, field: &str, what: &str, found: &mut Findings) {
    if is_one {
        found.must_have(text, field);
    } else if !text.is_empty() {
        found.invalid(field, format!("is only for {what}"));
    }
}

pub(super) fn references(event: &StageEvent) -> Vec<(String, Name)> {
    let partnership = named(Kind::Partnership, [("partnership".to_owned(), &event.partnership)]);
    partnership.chain(named(Kind::StageEvent, [("corrects".to_owned(), &event.corrects)])).collect()
}
