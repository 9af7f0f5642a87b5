//! How a resource becomes signed records, and how they are read.

use std::collections::BTreeSet;

use bytes::Bytes;
use isopolity_proto::{
    federation::{Envelope, Record},
    options::Audience,
    type_url,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _};
use prost_types::{Any, Timestamp};

use crate::{
    CityId, Name,
    envelope::{self, EnvelopeError, Keys, SigningKey},
    feed::{Position, Publication, PublishedRecord},
    project::project,
};

/// The audiences for which records are made, the widest first.
const AUDIENCES: [Audience; 4] = [Audience::Public, Audience::Federation, Audience::Shared, Audience::Internal];

/// Makes the publication of a resource: a signed record for each audience that sees something else than the audience
/// before, beginning with the resource's own. One that is SHARED is made only where cities are named that see it.
///
/// `document` is the whole resource, `ceiling` its audience, `version` its revision, `position` the place in the feed
/// that this publication takes. The records say nothing of how long they may be kept.
#[must_use]
pub fn publication(
    name: &Name,
    document: &DynamicMessage,
    ceiling: Audience,
    version: i64,
    position: &Position,
    publish_time: Timestamp,
    key: &SigningKey,
) -> Publication {
    publication_until(name, document, ceiling, version, position, publish_time, None, key)
}

/// The same with the time until which whoever stores the records may keep them.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "each is a part of what is signed")]
pub fn publication_until(
    name: &Name,
    document: &DynamicMessage,
    ceiling: Audience,
    version: i64,
    position: &Position,
    publish_time: Timestamp,
    delete_after: Option<Timestamp>,
    key: &SigningKey,
) -> Publication {
    let mut records: Vec<PublishedRecord> = Vec::new();
    let mut wider: Option<Vec<u8>> = None;
    let mut document = document.clone();
    // It guards changes at home. A record has its version; with the etag no view would ever be like another.
    document.clear_field_by_name("etag");
    let cities = shared_with(&document);
    let is_for_somebody = |audience: Audience| audience != Audience::Shared || !cities.is_empty();
    for audience in AUDIENCES.into_iter().filter(|audience| *audience >= ceiling && is_for_somebody(*audience)) {
        let mut view = document.clone();
        project(&mut view, audience);
        let bytes = view.encode_to_vec();
        if wider.as_ref() == Some(&bytes) {
            continue;
        }
        let record = Record {
            city: name.city().to_string(),
            kind: name.kind().to_string(),
            name: name.to_string(),
            version,
            epoch: position.epoch.clone(),
            sequence: position.sequence,
            audience: audience.into(),
            publish_time: Some(publish_time),
            resource: Some(Any { type_url: type_url(document.descriptor().full_name()), value: bytes.clone() }),
            delete_after,
        };
        let envelope = envelope::seal(envelope::RECORD, Bytes::from(record.encode_to_vec()), key);
        let cities = if audience == Audience::Shared { cities.clone() } else { Vec::new() };
        records.push(PublishedRecord { audience, cities, envelope: Bytes::from(envelope.encode_to_vec()) });
        wider = Some(bytes);
    }
    Publication { sequence: position.sequence, name: name.to_string(), kind: name.kind().to_string(), records }
}

/// The cities that a resource names under `shared_with`, each once, in their order. What is no city's id names nobody.
#[must_use]
pub fn shared_with(resource: &DynamicMessage) -> Vec<CityId> {
    let Some(named) = resource.get_field_by_name("shared_with") else { return Vec::new() };
    let named = named.as_list().unwrap_or_default().iter();
    let cities: BTreeSet<CityId> = named.filter_map(|one| one.as_str()?.parse().ok()).collect();
    cities.into_iter().collect()
}

/// Reads a record without checking its signature: for records that come from the own store or over a channel that
/// authenticates the home city.
///
/// # Errors
/// [`EnvelopeError`] if the envelope holds something else.
pub fn read(envelope: &Envelope) -> Result<Record, EnvelopeError> {
    if envelope.payload_type != envelope::RECORD {
        return Err(EnvelopeError::PayloadType { found: envelope.payload_type.clone(), expected: envelope::RECORD });
    }
    decode(envelope.payload.clone())
}

/// Checks a record of a city against that city's keys and reads it.
///
/// # Errors
/// [`EnvelopeError`] if it is not signed by the city, or says that it is another city's.
pub fn verify(envelope: &Envelope, city: &CityId, keys: &Keys) -> Result<Record, EnvelopeError> {
    let record = decode(envelope::open(envelope, envelope::RECORD, keys)?)?;
    let named = record.name.parse::<Name>().map_err(|error| EnvelopeError::Payload(error.to_string()))?;
    if record.city != city.as_str() || named.city() != city {
        return Err(EnvelopeError::Payload(format!("it is a record of {}, not of {city}", record.city)));
    }
    Ok(record)
}

fn decode(payload: Bytes) -> Result<Record, EnvelopeError> {
    Record::decode(payload).map_err(|error| EnvelopeError::Payload(error.to_string()))
}

/// The resource in a record as a message that can be walked, if this version knows its type.
#[must_use]
pub fn resource(record: &Record) -> Option<DynamicMessage> {
    let any = record.resource.as_ref()?;
    let (_, full_name) = any.type_url.rsplit_once('/')?;
    let descriptor = isopolity_proto::pool().get_message_by_name(full_name)?;
    DynamicMessage::decode(descriptor, any.value.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{registry::Partnership, to_dynamic};

    use super::*;

    fn published(partnership: &Partnership, ceiling: Audience) -> Publication {
        let name = "cities/feira.example/partnerships/kenitra".parse().unwrap();
        let position = Position { epoch: "e".into(), sequence: 4 };
        let key = SigningKey::from_bytes(&[7; 32]);
        publication(&name, &to_dynamic(partnership), ceiling, 2, &position, Timestamp::default(), &key)
    }

    fn audiences(publication: &Publication) -> Vec<Audience> {
        publication.records.iter().map(|record| record.audience).collect()
    }

    #[test]
    fn an_audience_that_sees_nothing_else_gets_no_record_of_its_own() {
        let plain =
            Partnership { etag: "2".into(), agreements: vec!["cities/a.b/agreements/c".into()], ..Default::default() };
        assert_eq!(audiences(&published(&plain, Audience::Public)), [Audience::Public]);
        let noted = Partnership { internal_notes: "note".into(), ..plain };
        assert_eq!(audiences(&published(&noted, Audience::Public)), [Audience::Public, Audience::Internal]);
        assert_eq!(audiences(&published(&noted, Audience::Internal)), [Audience::Internal]);
    }

    #[test]
    fn what_is_shared_is_a_record_of_its_own_for_the_cities_that_are_named() {
        let shared = |partnership: &Partnership, ceiling| {
            let publication = published(partnership, ceiling);
            publication.records.into_iter().map(|one| (one.audience, one.cities.len())).collect::<Vec<_>>()
        };
        let participant = |audience: Audience| isopolity_proto::registry::Participant {
            audience: audience.into(),
            ..Default::default()
        };
        let open = Partnership { participants: vec![participant(Audience::Shared)], ..Default::default() };
        // Nobody is named: what is shared is seen by own staff alone.
        assert_eq!(shared(&open, Audience::Public), [(Audience::Public, 0), (Audience::Internal, 0)]);
        let cities = ["praia.example", "dakar.example", "praia.example", "nowhere"].map(str::to_owned).to_vec();
        let named = Partnership { shared_with: cities, ..open };
        assert_eq!(
            shared(&named, Audience::Public),
            [(Audience::Public, 0), (Audience::Shared, 2), (Audience::Internal, 0)]
        );
        assert_eq!(shared(&named, Audience::Shared), [(Audience::Shared, 2), (Audience::Internal, 0)]);
        // Nothing in it is shared: the cities that are named see what all peers see.
        let plain = Partnership { participants: Vec::new(), ..named };
        assert_eq!(shared(&plain, Audience::Public), [(Audience::Public, 0), (Audience::Internal, 0)]);
        let publication = published(&plain, Audience::Shared);
        let record = read(&Envelope::decode(publication.records[0].envelope.clone()).unwrap()).unwrap();
        let seen: Partnership = resource(&record).unwrap().transcode_to().unwrap();
        assert_eq!(seen.shared_with, Vec::<String>::new(), "no city learns who else is named");
    }

    #[test]
    fn a_record_is_believed_only_from_its_home_city() {
        let publication = published(&Partnership::default(), Audience::Public);
        let envelope = Envelope::decode(publication.records[0].envelope.clone()).unwrap();
        let public = SigningKey::from_bytes(&[7; 32]).verifying_key();
        let keys = Keys::from([(envelope::key_id(&public), public)]);
        let record = verify(&envelope, &"feira.example".parse().unwrap(), &keys).unwrap();
        assert_eq!((record.version, record.sequence, record.kind.as_str()), (2, 4, "partnership"));
        assert!(verify(&envelope, &"kenitra.example".parse().unwrap(), &keys).is_err());
    }
}
