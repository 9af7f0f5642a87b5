//! What somebody sees of a city's records.
//!
//! Everything that a catalogue gives is of the records in a sight: hits, totals, facets, statistics, digests. What is not in it
//! is not there for who asks, also not as a number.

use std::collections::BTreeSet;

use isopolity_proto::options::Audience;

use crate::{CityId, Kind, feed::Publication, feed::PublishedRecord};

/// The records that somebody sees, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sight {
    audience: Audience,
    city: Option<CityId>,
    kinds: BTreeSet<Kind>,
}

impl Sight {
    const fn everything(audience: Audience) -> Self {
        Self { audience, city: None, kinds: BTreeSet::new() }
    }

    /// All kinds, as this audience sees them. UNSPECIFIED sees nothing; SHARED as such sees what FEDERATION sees, for nobody is named.
    #[must_use]
    pub fn of(audience: Audience) -> &'static Self {
        static NOTHING: Sight = Sight::everything(Audience::Unspecified);
        static PUBLIC: Sight = Sight::everything(Audience::Public);
        static FEDERATION: Sight = Sight::everything(Audience::Federation);
        static INTERNAL: Sight = Sight::everything(Audience::Internal);
        match audience {
            Audience::Unspecified => &NOTHING,
            Audience::Public => &PUBLIC,
            Audience::Federation | Audience::Shared => &FEDERATION,
            Audience::Internal => &INTERNAL,
        }
    }

    /// A peer's: never more than FEDERATION and what is SHARED with it. Whom this city grants only what is PUBLIC sees nothing that is
    /// shared. No kinds: all.
    #[must_use]
    pub fn of_peer(city: &CityId, audience: Audience, kinds: BTreeSet<Kind>) -> Self {
        let audience = audience.min(Audience::Federation);
        Self { audience, city: (audience == Audience::Federation).then(|| city.clone()), kinds }
    }

    /// The widest audience whose records are seen: PUBLIC, FEDERATION or INTERNAL.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// The city that looks, where what is SHARED with it is seen.
    #[must_use]
    pub fn city(&self) -> Option<&CityId> {
        self.city.as_ref()
    }

    /// The kinds that are seen. Empty: all.
    #[must_use]
    pub fn kinds(&self) -> &BTreeSet<Kind> {
        &self.kinds
    }

    /// The same without a city: what is left where nothing is shared with it.
    #[must_use]
    pub fn without_city(&self) -> Self {
        Self { city: None, ..self.clone() }
    }

    /// Whether it is what an audience sees, no more and no less.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.city.is_none() && self.kinds.is_empty()
    }

    /// The record of a resource that is seen, if any.
    #[must_use]
    pub fn record_of<'a>(&self, publication: &'a Publication) -> Option<&'a PublishedRecord> {
        self.record_for(publication, self.audience_towards(publication))
    }

    /// The same as a wider audience would see it; as a narrower one nobody sees more than his own record.
    #[must_use]
    pub fn record_as<'a>(&self, publication: &'a Publication, audience: Audience) -> Option<&'a PublishedRecord> {
        self.record_for(publication, audience.min(self.audience_towards(publication)))
    }

    /// The record of the widest audience that sees the resource at all, if that is one that is seen.
    #[must_use]
    pub fn widest_record_of<'a>(&self, publication: &'a Publication) -> Option<&'a PublishedRecord> {
        let first = publication.records.first()?;
        self.record_for(publication, first.audience.min(self.audience_towards(publication)))
    }

    fn record_for<'a>(&self, publication: &'a Publication, audience: Audience) -> Option<&'a PublishedRecord> {
        let is_of_kind =
            self.kinds.is_empty() || Kind::parse(&publication.kind).is_some_and(|kind| self.kinds.contains(&kind));
        if is_of_kind { publication.record_for(audience) } else { None }
    }

    /// As what audience a resource is seen: as SHARED where its city names this one.
    fn audience_towards(&self, publication: &Publication) -> Audience {
        let is_named = |record: &PublishedRecord| {
            self.city.as_ref().is_some_and(|city| record.cities.iter().any(|one| one == city))
        };
        if self.audience == Audience::Federation && publication.records.iter().any(is_named) {
            Audience::Shared
        } else {
            self.audience
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn city(id: &str) -> CityId {
        format!("{id}.example").parse().unwrap()
    }

    fn publication(records: &[(Audience, &[&str])]) -> Publication {
        let record = |(audience, cities): &(Audience, &[&str])| PublishedRecord {
            audience: *audience,
            cities: cities.iter().map(|one| city(one)).collect(),
            envelope: Bytes::new(),
        };
        Publication {
            sequence: 1,
            name: "cities/a.b/partnerships/c".into(),
            kind: "partnership".into(),
            records: records.iter().map(record).collect(),
        }
    }

    #[test]
    fn a_named_city_sees_the_shared_record_in_place_of_the_wider_one_and_others_do_not() {
        let both =
            publication(&[(Audience::Federation, &[]), (Audience::Shared, &["praia"]), (Audience::Internal, &[])]);
        let only = publication(&[(Audience::Shared, &["praia"]), (Audience::Internal, &[])]);
        let seen = |sight: &Sight, publication: &Publication| sight.record_of(publication).map(|one| one.audience);
        let peer = |id: &str, audience| Sight::of_peer(&city(id), audience, BTreeSet::new());
        for (sight, expected) in [
            (peer("praia", Audience::Federation), [Some(Audience::Shared), Some(Audience::Shared)]),
            (peer("dakar", Audience::Federation), [Some(Audience::Federation), None]),
            (peer("praia", Audience::Public), [None, None]),
            (peer("praia", Audience::Internal), [Some(Audience::Shared), Some(Audience::Shared)]),
            (Sight::of(Audience::Shared).clone(), [Some(Audience::Federation), None]),
            (Sight::of(Audience::Internal).clone(), [Some(Audience::Internal), Some(Audience::Internal)]),
            (Sight::of(Audience::Unspecified).clone(), [None, None]),
        ] {
            assert_eq!([seen(&sight, &both), seen(&sight, &only)], expected, "{sight:?}");
        }
        let praia = peer("praia", Audience::Federation);
        assert_eq!(praia.record_as(&both, Audience::Internal).unwrap().audience, Audience::Shared);
        assert_eq!(praia.record_as(&both, Audience::Federation).unwrap().audience, Audience::Federation);
        assert_eq!(praia.widest_record_of(&both).unwrap().audience, Audience::Federation);
        assert_eq!(praia.widest_record_of(&only).unwrap().audience, Audience::Shared);
        assert!(peer("dakar", Audience::Federation).widest_record_of(&only).is_none());
    }

    #[test]
    fn a_kind_that_is_not_seen_is_not_there() {
        let sight = |kind| Sight::of_peer(&city("praia"), Audience::Federation, BTreeSet::from([kind]));
        let open = publication(&[(Audience::Public, &[])]);
        assert!(sight(Kind::Partnership).record_of(&open).is_some());
        assert!(sight(Kind::Organization).record_of(&open).is_none());
        assert!(sight(Kind::Organization).widest_record_of(&open).is_none());
    }
}
