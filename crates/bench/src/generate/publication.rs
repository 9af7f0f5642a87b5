//! A generated registry as its feed would have it.

use bytes::Bytes;
use isopolity_domain::{
    envelope::{self, SigningKey},
    feed::{Position, Publication, PublishedRecord},
    record,
};
use isopolity_proto::{
    federation::{Envelope, Record, Signature},
    options::Audience,
    to_dynamic, type_url,
};
use prost::Message as _;
use prost_types::{Any, Timestamp};

use super::{Generator, Resource, with};
use crate::measure::Failure;

/// How records get their signature.
#[derive(Clone, Debug)]
pub(crate) enum Seal {
    /// As the registry does it: projected and signed for each audience.
    Signed(Box<SigningKey>),
    /// Of the same size, for an index that does not look at signatures: the resource as the federation sees it, and where
    /// there are notes for own staff, as they see it.
    StandIn,
}

/// All publications of a city's registry, in the feed's order. Changed a minute after one another, from the year 2024.
pub(crate) fn publications(
    city: &str,
    records: u64,
    seed: u64,
    epoch: &str,
    seal: Seal,
) -> Result<impl Iterator<Item = Publication>, Failure> {
    let mut generator = Generator::of(city, records, seed)?;
    let mut at = Position { epoch: epoch.to_owned(), sequence: 0 };
    let city = city.to_owned();
    Ok(std::iter::from_fn(move || {
        let mut resource = generator.resource()?;
        at.sequence += 1;
        let time = Timestamp { seconds: 1_704_067_200 + at.sequence * 60, nanos: 0 };
        with!(&mut resource, message => message.update_time = Some(time));
        match &seal {
            Seal::Signed(key) => signed(&resource, &at, time, key),
            Seal::StandIn => Some(stand_in(&city, &mut resource, &at, time)),
        }
    }))
}

fn signed(resource: &Resource, at: &Position, time: Timestamp, key: &SigningKey) -> Option<Publication> {
    let name = resource.name().parse().ok()?;
    let document = with!(resource, message => to_dynamic(message.as_ref()));
    let ceiling = with!(resource, message => message.audience());
    Some(record::publication(&name, &document, ceiling, 1, at, time, key))
}

fn stand_in(city: &str, resource: &mut Resource, at: &Position, time: Timestamp) -> Publication {
    let mut records = Vec::new();
    if let Resource::Partnership(message) = resource {
        let inside = any(message.as_ref());
        message.internal_notes.clear();
        records.push(enveloped(city, resource, at, time, any_of(resource), Audience::Federation));
        records.push(enveloped(city, resource, at, time, inside, Audience::Internal));
    } else {
        records.push(enveloped(city, resource, at, time, any_of(resource), Audience::Public));
    }
    let (name, kind) = (resource.name().to_owned(), resource.kind().to_string());
    Publication { sequence: at.sequence, name, kind, records }
}

fn any<M: prost::Name>(message: &M) -> Any {
    Any { type_url: type_url(&M::full_name()), value: message.encode_to_vec() }
}

fn any_of(resource: &Resource) -> Any {
    with!(resource, message => any(message.as_ref()))
}

fn enveloped(
    city: &str,
    resource: &Resource,
    at: &Position,
    time: Timestamp,
    any: Any,
    audience: Audience,
) -> PublishedRecord {
    let record = Record {
        city: city.to_owned(),
        kind: resource.kind().to_string(),
        name: resource.name().to_owned(),
        version: 1,
        epoch: at.epoch.clone(),
        sequence: at.sequence,
        audience: audience.into(),
        publish_time: Some(time),
        resource: Some(any),
        delete_after: None,
    };
    let envelope = Envelope {
        payload: Bytes::from(record.encode_to_vec()),
        payload_type: envelope::RECORD.to_owned(),
        signatures: vec![Signature { sig: Bytes::from_static(&[0; 64]), keyid: "0".repeat(43) }],
    };
    PublishedRecord { audience, cities: Vec::new(), envelope: Bytes::from(envelope.encode_to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_shows_each_audience_what_the_signed_record_shows_it() {
        let all = |seal: Seal| publications("a.example", 40, 1, "e", seal).unwrap().collect::<Vec<_>>();
        let signed = all(Seal::Signed(Box::new(SigningKey::from_bytes(&[7; 32]))));
        for (signed, stand_in) in signed.iter().zip(all(Seal::StandIn)) {
            for clearance in [Audience::Federation, Audience::Internal] {
                let resource = |publication: &Publication| {
                    let envelope = publication.record_for(clearance).unwrap().envelope.clone();
                    record::read(&Envelope::decode(envelope).unwrap()).unwrap().resource
                };
                assert_eq!(resource(signed), resource(&stand_in), "{} for {clearance:?}", signed.name);
            }
        }
    }
}
