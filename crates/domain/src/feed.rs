//! What is published, in which order.

use bytes::Bytes;
use isopolity_proto::options::Audience;

use crate::CityId;

/// A point in a city's feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The epoch. Restoring a backup starts a new one; sequences of different epochs can't be compared.
    pub epoch: String,
    /// The sequence of a publication, from 1; 0 is before the first.
    pub sequence: i64,
}

/// The latest publication of one resource. Earlier ones are superseded and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Its sequence in the feed.
    pub sequence: i64,
    /// The resource name.
    pub name: String,
    /// The kind of resource, as in [`crate::Kind::as_str`].
    pub kind: String,
    /// One record for each view that differs, the widest audience first. Empty: the resource was withdrawn.
    pub records: Vec<PublishedRecord>,
}

/// A signed record as it is stored and travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRecord {
    /// The widest audience that may see it. An audience sees the record of the narrowest audience that is not narrower
    /// than itself.
    pub audience: Audience,
    /// Of a SHARED record the cities that see it, each once; of others none.
    pub cities: Vec<CityId>,
    /// The serialized `isopolity.federation.v1.Envelope`.
    pub envelope: Bytes,
}

impl Publication {
    /// The record that somebody with this clearance sees, if any; as SHARED, a city that is named. For peers
    /// [`crate::sight::Sight`] decides.
    #[must_use]
    pub fn record_for(&self, clearance: Audience) -> Option<&PublishedRecord> {
        self.records.iter().filter(|record| record.audience <= clearance).max_by_key(|record| record.audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_sees_the_narrowest_record_that_is_open_to_them() {
        let record = |audience| PublishedRecord { audience, cities: Vec::new(), envelope: Bytes::new() };
        let publication = Publication {
            sequence: 1,
            name: "cities/a.b".into(),
            kind: "city".into(),
            records: vec![record(Audience::Public), record(Audience::Internal)],
        };
        let seen = |clearance| publication.record_for(clearance).map(|record| record.audience);
        assert_eq!(seen(Audience::Public), Some(Audience::Public));
        assert_eq!(seen(Audience::Federation), Some(Audience::Public));
        assert_eq!(seen(Audience::Internal), Some(Audience::Internal));
        let inside = Publication { records: vec![record(Audience::Internal)], ..publication };
        assert_eq!(inside.record_for(Audience::Federation), None);
    }
}
