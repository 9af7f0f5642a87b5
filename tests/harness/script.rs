//! Answers, part by part: what a peer may send, and what it may not.

use std::sync::Arc;

use isopolity_domain::{Clock as _, Name, clock::to_timestamp, feed::Position, record};
use isopolity_federation::Identity;
use isopolity_proto::{
    federation::{
        Envelope, QueryEnd, QueryHit, QueryResponse, QueryStart, SortKey, query_response::Part, sort_key::Key,
    },
    options::Audience,
    registry::Partnership,
    to_dynamic,
};
use prost::Message as _;
use time::{Duration, OffsetDateTime};

use crate::{clock, sample};

/// Makes the parts of a city's answers to questions that order by update time.
#[derive(Clone)]
pub struct Writer {
    identity: Identity,
    now: OffsetDateTime,
}

impl Writer {
    /// A writer with this city's keys.
    pub fn new(identity: Identity) -> Self {
        let clock: Arc<_> = clock::clock();
        Self { identity, now: clock.now() }
    }

    /// The beginning.
    pub fn start(&self, total: i64) -> QueryResponse {
        let start =
            QueryStart { total, records: total.max(0), epoch: "an epoch".into(), sequence: 9, ..Default::default() };
        part(Part::Start(start))
    }

    /// A hit, the later the smaller its number.
    pub fn hit(&self, number: u16) -> QueryResponse {
        let name = format!("cities/{}/partnerships/p{number:05}", self.identity.city());
        self.hit_named(&name, number)
    }

    /// A hit under any name, signed by this city.
    pub fn hit_named(&self, name: &str, number: u16) -> QueryResponse {
        let time = to_timestamp(self.now - Duration::seconds(number.into()));
        let partnership = Partnership {
            name: name.to_owned(),
            update_time: Some(time),
            ..sample::partnership(&format!("Scripted {number}"), "MA")
        };
        let name: Name = name.parse().unwrap();
        let position = Position { epoch: "an epoch".into(), sequence: 9 };
        let key = self.identity.record_key();
        let message = to_dynamic(&partnership);
        let mut made = record::publication(&name, &message, Audience::Public, 1, &position, time, &key);
        let envelope = Envelope::decode(made.records.remove(0).envelope).unwrap();
        let sort_key = Some(SortKey { key: Some(Key::UpdateTime(time)) });
        part(Part::Hit(QueryHit { sort_key, name: name.to_string(), envelope: Some(envelope) }))
    }

    /// A hit so large that no peer reads it.
    pub fn oversized(&self) -> QueryResponse {
        let mut hit = self.hit(1);
        if let Some(Part::Hit(QueryHit { envelope: Some(envelope), .. })) = &mut hit.part {
            envelope.payload = vec![0; 5 << 20].into();
        }
        hit
    }

    /// The end.
    pub fn end(&self, hits: i32) -> QueryResponse {
        part(Part::End(QueryEnd { hits }))
    }

    /// A whole answer with so many hits, of which all match.
    pub fn answer(&self, hits: u16) -> Vec<QueryResponse> {
        let start = std::iter::once(self.start(hits.into()));
        start.chain((1..=hits).map(|number| self.hit(number))).chain(std::iter::once(self.end(hits.into()))).collect()
    }
}

fn part(part: Part) -> QueryResponse {
    QueryResponse { part: Some(part) }
}

/// The same hits, each in a part of its own.
pub fn singly(response: QueryResponse) -> Vec<QueryResponse> {
    match response.part {
        Some(Part::Hits(hits)) => hits.hits.into_iter().map(|hit| part(Part::Hit(hit))).collect(),
        other => vec![QueryResponse { part: other }],
    }
}
