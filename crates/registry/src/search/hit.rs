//! From a merged hit to what the caller gets.

use isopolity_domain::{
    CityId, Kind, answer::SortKey, clock::to_timestamp, freshness, highlight, merge::MergedHit, query::TextQuery,
    record,
};
use isopolity_proto::{
    catalog::{Highlight, Hit},
    federation::{Envelope, Record},
};
use prost_reflect::{DynamicMessage, ReflectMessage as _};
use prost_types::Timestamp;
use time::OffsetDateTime;

/// The most places of a record that are marked.
const HIGHLIGHTS_MAX: usize = 5;

/// How hits are shown.
pub(super) struct Shown<'a> {
    pub(super) envelopes: bool,
    /// The text whose words are marked.
    pub(super) highlights: Option<&'a TextQuery>,
    pub(super) now: OffsetDateTime,
}

pub(super) fn to_proto(hit: MergedHit, shown: &Shown<'_>) -> Hit {
    let MergedHit { city, key, record, envelope, .. } = hit;
    let resource = record::resource(&record);
    let highlights = match (shown.highlights, &resource) {
        (Some(text), Some(resource)) => highlight::highlight(resource, text, HIGHLIGHTS_MAX),
        _ => Vec::new(),
    };
    let mut hit = as_hit(&city, record, resource.as_ref(), highlights, shown.now);
    match key {
        SortKey::Score(score) => hit.score = score,
        SortKey::UpdateTime(nanos) => {
            let exact = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(to_timestamp);
            hit.update_time = exact.or(hit.update_time);
        }
        SortKey::StartDay(_) | SortKey::Title(_) => {}
    }
    hit.envelope = shown.envelopes.then_some(envelope);
    hit
}

/// A record that was published just now.
pub(crate) fn published_hit(
    city: &CityId,
    record: Record,
    envelope: Envelope,
    include_envelope: bool,
    now: OffsetDateTime,
) -> Hit {
    let resource = record::resource(&record);
    let mut hit = as_hit(city, record, resource.as_ref(), Vec::new(), now);
    hit.envelope = include_envelope.then_some(envelope);
    hit
}

fn as_hit(
    city: &CityId,
    record: Record,
    resource: Option<&DynamicMessage>,
    highlights: Vec<Highlight>,
    now: OffsetDateTime,
) -> Hit {
    let kind = resource.and_then(|resource| Kind::of_message(resource.descriptor().full_name()));
    let stale_reasons = match (resource, kind) {
        (Some(resource), Some(kind)) => freshness::of(kind, resource, now),
        _ => Vec::new(),
    };
    Hit {
        city: city.to_string(),
        name: record.name,
        kind: record.kind,
        score: 0.0,
        update_time: resource.and_then(update_time),
        resource: record.resource,
        envelope: None,
        stale: !stale_reasons.is_empty(),
        stale_reasons: stale_reasons.into_iter().map(Into::into).collect(),
        highlights,
    }
}

fn update_time(resource: &DynamicMessage) -> Option<Timestamp> {
    let time = resource.get_field_by_name("update_time")?;
    time.as_message()?.transcode_to().ok()
}
