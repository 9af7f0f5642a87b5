//! Whether an answer keeps the protocol.
//!
//! Signatures are not checked here: a live answer comes over a channel that authenticates its city.

use std::{cmp::Ordering, collections::HashSet};

use isopolity_proto::{
    federation::{Record, SearchOrder},
    registry, type_url,
};
use prost::Message as _;
use prost_types::Any;

use super::MergedHit;
use crate::{
    CityId, Kind, Name,
    answer::{AnswerHit, AnswerStart, SortKey},
    clock, name, record,
};

/// Checks an answer from its start to its last hit and reads its records.
///
/// # Errors
/// What the city did, as the rest of a sentence that begins with its name.
pub(super) fn check(
    city: &CityId,
    start: Option<&AnswerStart>,
    hits: Vec<AnswerHit>,
    complete: bool,
    order: SearchOrder,
    limit: usize,
) -> Result<Vec<MergedHit>, String> {
    counts(start, hits.len(), complete, limit)?;
    let mut checked: Vec<MergedHit> = Vec::with_capacity(hits.len());
    let mut names = HashSet::with_capacity(hits.len());
    for (at, hit) in hits.into_iter().enumerate() {
        let hit = read(city, at + 1, hit, order)?;
        if !names.insert(hit.name.clone()) {
            return Err(format!("sent {} twice", hit.name));
        }
        if let Some(before) = checked.last() {
            let in_order = match before.key.better_first(&hit.key) {
                Ordering::Less => true,
                Ordering::Equal => before.name < hit.name,
                Ordering::Greater => false,
            };
            if !in_order {
                return Err(format!("is not in order at hit {}", at + 1));
            }
        }
        checked.push(hit);
    }
    Ok(checked)
}

fn counts(start: Option<&AnswerStart>, sent: usize, complete: bool, limit: usize) -> Result<(), String> {
    let Some(start) = start else { return Err("did not say how many records match".to_owned()) };
    if start.records < 0 {
        return Err(format!("says it holds {} records", start.records));
    }
    if sent > limit {
        return Err(format!("sent {sent} hits, more than the {limit} that were asked for"));
    }
    let total = usize::try_from(start.total)
        .map_err(|_error: std::num::TryFromIntError| format!("says {} records match", start.total))?;
    if total < sent || (complete && sent < total.min(limit)) {
        return Err(format!("says {total} records match but sent {sent}"));
    }
    Ok(())
}

fn read(city: &CityId, at: usize, hit: AnswerHit, order: SearchOrder) -> Result<MergedHit, String> {
    let AnswerHit { key, name: text, envelope } = hit;
    let key = key.filter(|key| {
        matches!(
            (key, order),
            (SortKey::Score(_), SearchOrder::Relevance) | (SortKey::UpdateTime(_), SearchOrder::UpdateTime)
        )
    });
    let Some(key) = key else { return Err(format!("sent hit {at} without a key of the order that was asked for")) };
    let named: Name =
        text.parse().map_err(|error: name::NameError| short(&format!("sent hit {at} with a bad name: {error}")))?;
    if named.city() != city {
        return Err(format!("sent records of {}", named.city()));
    }
    let record =
        record::read(&envelope).map_err(|error| short(&format!("sent hit {at} in a bad envelope: {error}")))?;
    if record.city != city.as_str() || record.name != text || record.kind != named.kind().as_str() {
        return Err(short(&format!("sent hit {at}, {text}, with another record: {} of {}", record.name, record.city)));
    }
    let resource = resource(&record, named.kind())
        .ok_or_else(|| format!("sent hit {at}, {text}, with a record that holds no {}", named.kind()))?;
    if let SortKey::UpdateTime(nanos) = key
        && update_time(resource, named.kind()) != Some(nanos)
    {
        return Err(format!("sent hit {at}, {text}, with another update time than its record has"));
    }
    Ok(MergedHit { city: city.clone(), key, name: text, record, envelope })
}

fn resource(record: &Record, kind: Kind) -> Option<&Any> {
    record.resource.as_ref().filter(|any| any.type_url == type_url(&kind.full_name()))
}

fn update_time(resource: &Any, kind: Kind) -> Option<i128> {
    let bytes = resource.value.as_slice();
    let time = match kind {
        Kind::City => registry::City::decode(bytes).ok()?.update_time,
        Kind::Place => registry::Place::decode(bytes).ok()?.update_time,
        Kind::Organization => registry::Organization::decode(bytes).ok()?.update_time,
        Kind::Agreement => registry::Agreement::decode(bytes).ok()?.update_time,
        Kind::Partnership => registry::Partnership::decode(bytes).ok()?.update_time,
        Kind::StageEvent => registry::StageEvent::decode(bytes).ok()?.update_time,
        Kind::ConditionAssessment => registry::ConditionAssessment::decode(bytes).ok()?.update_time,
        Kind::SupportService => registry::SupportService::decode(bytes).ok()?.update_time,
        Kind::Opportunity => registry::Opportunity::decode(bytes).ok()?.update_time,
        Kind::IndicatorObservation => registry::IndicatorObservation::decode(bytes).ok()?.update_time,
        Kind::AdvantageFactor => registry::AdvantageFactor::decode(bytes).ok()?.update_time,
        Kind::GoodPractice => registry::GoodPractice::decode(bytes).ok()?.update_time,
        Kind::MatchAssertion => registry::MatchAssertion::decode(bytes).ok()?.update_time,
    };
    clock::from_timestamp(&time?).map(time::OffsetDateTime::unix_timestamp_nanos)
}

/// What another city wrote may be as long as a message; what people read is not.
fn short(text: &str) -> String {
    text.chars().take(400).collect()
}
