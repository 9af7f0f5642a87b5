//! What a good practice must say, and when it may be public.

use isopolity_proto::{options::Audience, registry::GoodPractice};

use super::{
    findings::{Findings, below, entry},
    named,
};
use crate::{Kind, Name};

pub(super) fn check(practice: &GoodPractice, found: &mut Findings) {
    found.must_have_audience(practice.audience);
    found.must_hold(1, practice.titles.len(), "titles");
    found.must_hold(1, practice.stories.len(), "stories");
    for (at, partnership) in practice.partnerships.iter().enumerate() {
        found.must_name(Kind::Partnership, partnership, &entry("partnerships", at));
    }
    found.must_hold(1, practice.countries.len(), "countries");
    found.must_be_stated(practice.evidence_grade, "evidence_grade");
    for (at, consent) in practice.consents.iter().enumerate() {
        let path = entry("consents", at);
        found.must_have(&consent.party, &below(&path, "party"));
        found.must_have(&consent.date, &below(&path, "date"));
        found.must_not_end_before(&consent.date, &consent.expire_date, &below(&path, "expire_date"));
    }
    for (at, reach) in practice.reach.iter().enumerate() {
        found.must_have(&reach.channel, &below(&entry("reach", at), "channel"));
    }
    if practice.audience == i32::from(Audience::Public) {
        if practice.consents.is_empty() {
            found.invalid("consents", "at least one is required before it is PUBLIC: else FEDERATION");
        }
        if practice.licence.trim().is_empty() {
            found.invalid("licence", "is required before it is PUBLIC, for example \"CC-BY-4.0\"");
        }
    }
}

pub(super) fn references(practice: &GoodPractice) -> Vec<(String, Name)> {
    let partnerships = practice.partnerships.iter().enumerate();
    named(Kind::Partnership, partnerships.map(|(at, partnership)| (entry("partnerships", at), partnership))).collect()
}
