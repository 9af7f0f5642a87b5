//! Whether an answer keeps the protocol, part by part, so that a long one is never held as a whole.
//!
//! Signatures are not checked here: a live answer comes over a channel that authenticates its city.

use std::{
    cmp::Ordering,
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use isopolity_proto::{
    admin::Granularity,
    federation::{FacetCounts, Record, Statistics},
    options::Facet,
    type_url,
};
use prost::Message;
use prost_types::{Any, Timestamp};

use super::{Breach, MergedHit, Terms};
use crate::{
    CityId, Kind, Name,
    answer::{After, AnswerHit, AnswerStart, SortKey},
    clock, name, record,
};

/// The longest value of a facet, in bytes: names of places and codes are far shorter.
const VALUE_BYTES_MAX: usize = 500;

/// The check of one answer, as far as it has come.
#[derive(Debug)]
pub(super) struct Check {
    city: CityId,
    after: Option<After>,
    /// How many records match, as the answer says at its beginning.
    total: Option<usize>,
    /// It says that no hits follow: it gives less than records.
    without_hits: bool,
    sent: usize,
    last: Option<(SortKey, String)>,
    /// Hashes of the names that came. Eight bytes a name bound the memory; the key is drawn at random, so that no city can
    /// choose names that collide, and by chance two in 100,000 do so once in billions of answers.
    names: HashSet<u64>,
    hashing: RandomState,
}

impl Check {
    pub(super) fn new(city: CityId, terms: &Terms) -> Self {
        let after = terms.after.get(&city).cloned();
        let (names, hashing) = (HashSet::new(), RandomState::new());
        Self { city, after, total: None, without_hits: false, sent: 0, last: None, names, hashing }
    }

    /// How many hits came.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// The place of the hit that came last.
    pub(super) fn into_last(self) -> Option<(SortKey, String)> {
        self.last
    }

    pub(super) fn start(&mut self, start: &AnswerStart, terms: &Terms) -> Result<(), Breach> {
        if self.total.is_some() {
            return breach("began twice");
        }
        if start.records < 0 {
            return breach(format!("says it holds {} records", start.records));
        }
        let Ok(total) = usize::try_from(start.total) else {
            return breach(format!("says {} records match", start.total));
        };
        self.without_hits = !start.gives_records();
        if self.without_hits {
            less_than_records(start)?;
        } else if start.any || start.total_suppressed || start.facets.iter().any(|counts| counts.withheld) {
            return breach("gives records but suppresses counts");
        }
        if start.granularity != Granularity::YesNo {
            facets(&self.city, start, terms)?;
        }
        if start.statistics.as_ref().is_some_and(|statistics| !plausible(statistics)) {
            return breach("sent word statistics that can't be");
        }
        self.total = Some(total);
        Ok(())
    }

    /// Checks a hit and reads its record.
    ///
    /// What a start day or a title is by which a hit is ordered follows from fields that only the city's catalogue knows
    /// how to read; only update times are held against the record. So a city can put its own hits in a wrong place, but
    /// never in one that changes the order of others.
    pub(super) fn hit(&mut self, hit: AnswerHit, terms: &Terms) -> Result<MergedHit, Breach> {
        let at = self.sent + 1;
        let Some(total) = self.total else { return breach("did not say how many records match") };
        if self.without_hits {
            return breach("says that it gives no records but sent one");
        }
        if at > terms.each {
            return breach(format!("sent more than the {} hits that were asked for", terms.each));
        }
        if at > total {
            return breach(format!("says {total} records match but sent {at}"));
        }
        let hit = self.read(at, hit, terms)?;
        if !self.names.insert(self.hashing.hash_one(&hit.name)) {
            return breach(format!("sent {} twice", hit.name));
        }
        if let Some((key, name)) = &self.last {
            let in_order = match key.better_first(&hit.key) {
                Ordering::Less => true,
                Ordering::Equal => *name < hit.name,
                Ordering::Greater => false,
            };
            if !in_order {
                return breach(format!("is not in order at hit {at}"));
            }
        }
        if self.after.as_ref().is_some_and(|after| !after.is_before(&hit.key, &hit.name)) {
            return breach(format!("sent hit {at} again, which was on an earlier page"));
        }
        self.sent = at;
        self.last = Some((hit.key.clone(), hit.name.clone()));
        Ok(hit)
    }

    /// Checks that nothing is missing from an answer that says it is complete.
    pub(super) fn end(&self, terms: &Terms) -> Result<(), Breach> {
        let Some(total) = self.total else { return breach("did not say how many records match") };
        // After a point fewer may follow than match in all.
        if self.after.is_none() && !self.without_hits && self.sent < total.min(terms.each) {
            return breach(format!("says {total} records match but sent {}", self.sent));
        }
        Ok(())
    }

    fn read(&self, at: usize, hit: AnswerHit, terms: &Terms) -> Result<MergedHit, Breach> {
        let AnswerHit { key, name: text, envelope } = hit;
        let Some(key) = key.filter(|key| key.order() == terms.order) else {
            return breach(format!("sent hit {at} without a key of the order that was asked for"));
        };
        let named: Name =
            text.parse().map_err(|error: name::NameError| short(&format!("sent hit {at} with a bad name: {error}")))?;
        if *named.city() != self.city {
            return breach(format!("sent records of {}", named.city()));
        }
        if terms.omit_records {
            return Ok(MergedHit { city: self.city.clone(), key, name: text, record: Record::default(), envelope });
        }
        let record =
            record::read(&envelope).map_err(|error| short(&format!("sent hit {at} in a bad envelope: {error}")))?;
        if record.city != self.city.as_str() || record.name != text || record.kind != named.kind().as_str() {
            let other = format!("sent hit {at}, {text}, with another record: {} of {}", record.name, record.city);
            return Err(short(&other));
        }
        let Some(resource) = resource(&record, named.kind()) else {
            return breach(format!("sent hit {at}, {text}, with a record that holds no {}", named.kind()));
        };
        if let SortKey::UpdateTime(nanos) = key
            && update_time(resource) != Some(nanos)
        {
            return breach(format!("sent hit {at}, {text}, with another update time than its record has"));
        }
        Ok(MergedHit { city: self.city.clone(), key, name: text, record, envelope })
    }
}

fn breach<T>(text: impl Into<String>) -> Result<T, Breach> {
    Err(Breach(text.into()))
}

/// The facets must be those that were asked for, and their numbers possible: sums with missing ones would be wrong without a
/// word.
fn facets(city: &CityId, start: &AnswerStart, terms: &Terms) -> Result<(), Breach> {
    let asked = terms.facets.iter().map(|asked| asked.facet);
    if !start.facets.iter().map(|counts| counts.facet).eq(asked) {
        return breach("did not count the facets that were asked for");
    }
    for counts in &start.facets {
        if counts.withheld && !counts.values.is_empty() {
            return breach("sent counts that it says it withholds");
        }
        let what = counts.facet().as_str_name();
        let FacetCounts { values, values_left_off, .. } = counts;
        let mut seen = HashSet::with_capacity(values.len());
        let possible = values.iter().all(|value| {
            (1..=start.total).contains(&value.count)
                && !(value.suppressed && start.gives_records())
                && value.value.len() <= VALUE_BYTES_MAX
                && seen.insert(value.value.as_str())
                && (counts.facet() != Facet::City || value.value == city.as_str())
        });
        if !possible || *values_left_off < 0 {
            return breach(format!("sent counts that can't be for {what}"));
        }
    }
    Ok(())
}

/// What is told where no records are given makes sense.
fn less_than_records(start: &AnswerStart) -> Result<(), Breach> {
    let told = start.total > 0 || !start.facets.is_empty();
    let possible = match start.granularity {
        Granularity::YesNo => !told && !start.total_suppressed,
        _ => !(start.any || start.total_suppressed && start.total > 0),
    };
    if possible && start.statistics.is_none() { Ok(()) } else { breach("tells more than it says that it does") }
}

fn plausible(statistics: &Statistics) -> bool {
    let records = 0..=statistics.records;
    statistics.title_words >= 0
        && statistics.body_words >= 0
        && records.contains(&0)
        && statistics
            .words
            .iter()
            .all(|word| records.contains(&word.title_records) && records.contains(&word.body_records))
}

fn resource(record: &Record, kind: Kind) -> Option<&Any> {
    record.resource.as_ref().filter(|any| any.type_url == type_url(&kind.full_name()))
}

/// What all resources have in common, of which only this is read: the rest of a resource is skipped, not decoded.
#[derive(Clone, PartialEq, Message)]
struct Dated {
    #[prost(message, optional, tag = "4")]
    update_time: Option<Timestamp>,
}

fn update_time(resource: &Any) -> Option<i128> {
    let time = Dated::decode(resource.value.as_slice()).ok()?.update_time?;
    clock::from_timestamp(&time).map(time::OffsetDateTime::unix_timestamp_nanos)
}

/// What another city wrote may be as long as a message; what people read is not.
fn short(text: &str) -> Breach {
    Breach(text.chars().take(400).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_time_of_every_kind_is_where_it_is_looked_for() {
        for kind in Kind::ALL {
            let field = kind.descriptor().get_field_by_name("update_time").unwrap();
            assert_eq!(
                (field.number(), field.kind().as_message().unwrap().full_name()),
                (4, "google.protobuf.Timestamp")
            );
        }
    }
}
