//! Whether a digest is what it says: in its sizes, and without contradiction.

use std::collections::{BTreeMap, HashSet};

use isopolity_proto::{
    federation::{Digest, FacetCounts, Statistics, WordFilter},
    options::{Audience, Facet},
};
use prost::Message as _;

use super::{CheckedDigest, VALUES_MAX, Values, filter::Filter};
use crate::{
    CityId, clock,
    facet::{self, SectorParts, VALUE_BYTES_MAX},
    feed::Position,
};

/// The most facets of a digest.
const FACETS_MAX: usize = 20;
/// The longest epoch, and the longest name of an analyser, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Why a digest is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It is another city's.
    #[error("the digest is of {named:?}, not of {expected}")]
    OtherCity {
        /// The city that it names, cut to 100 characters.
        named: String,
        /// Whose it was to be.
        expected: CityId,
    },
    /// A part of it is not as the protocol says.
    #[error("the digest is malformed: {0}")]
    Malformed(String),
    /// Its parts contradict each other.
    #[error("the digest contradicts itself: {0}")]
    Implausible(String),
}

fn malformed<T>(what: impl Into<String>) -> Result<T, DigestError> {
    Err(DigestError::Malformed(what.into()))
}

fn implausible<T>(what: impl Into<String>) -> Result<T, DigestError> {
    Err(DigestError::Implausible(what.into()))
}

impl CheckedDigest {
    /// Checks what a peer sent. Facets and values that are not known here are let pass; they rule nothing out.
    ///
    /// # Errors
    /// [`DigestError`] with the first thing that is wrong: another city, a size beyond its limit, a false-positive rate that is
    /// not the formula's, or counts that can't be of the same records.
    pub fn check(digest: Digest, expected: &CityId) -> Result<Self, DigestError> {
        let bytes = digest.encoded_len();
        if digest.city != expected.as_str() {
            let named = digest.city.chars().take(100).collect();
            return Err(DigestError::OtherCity { named, expected: expected.clone() });
        }
        let position = position(&digest)?;
        let Ok(audience @ (Audience::Public | Audience::Federation)) = Audience::try_from(digest.audience) else {
            return malformed(format!("it is for the audience {}, which no peer is", digest.audience));
        };
        if digest.analyser.len() > NAME_BYTES_MAX {
            return malformed("the analyser's name is too long");
        }
        let create_time = match digest.create_time {
            Some(time) if clock::from_timestamp(&time).is_none() => {
                return malformed("it was made at no possible time");
            }
            time => time.and_then(|time| clock::from_timestamp(&time)),
        };
        let statistics = statistics(digest.statistics)?;
        let words = words(digest.words.as_ref(), &statistics)?;
        let facets = facets(&digest.facets, statistics.records)?;
        if statistics.records > 0 && words.is_none() && digest.facets.is_empty() {
            return implausible("it has records, but neither words nor facets");
        }
        Ok(Self {
            city: expected.clone(),
            position,
            create_time,
            audience,
            analyser: digest.analyser,
            statistics,
            facets,
            words,
            pairs: digest.pairs,
            bytes,
        })
    }
}

fn position(digest: &Digest) -> Result<Position, DigestError> {
    if digest.epoch.is_empty() || digest.epoch.len() > NAME_BYTES_MAX {
        return malformed("the epoch is missing or too long");
    }
    if digest.sequence < 0 {
        return malformed(format!("the sequence is {}", digest.sequence));
    }
    Ok(Position { epoch: digest.epoch.clone(), sequence: digest.sequence })
}

fn statistics(statistics: Option<Statistics>) -> Result<Statistics, DigestError> {
    let Some(statistics) = statistics else { return malformed("the statistics are missing") };
    if statistics.records < 0 || statistics.title_words < 0 || statistics.body_words < 0 {
        return malformed("the statistics have a number below 0");
    }
    if statistics.records == 0 && (statistics.title_words > 0 || statistics.body_words > 0) {
        return implausible("it has words without records");
    }
    // They are asked for by their own call.
    Ok(Statistics { words: Vec::new(), ..statistics })
}

fn words(words: Option<&WordFilter>, statistics: &Statistics) -> Result<Option<Filter>, DigestError> {
    let Some(words) = words else { return Ok(None) };
    let filter = Filter::check(words)?;
    let occurring = statistics.title_words.saturating_add(statistics.body_words);
    if (filter.words > 0) != (occurring > 0) {
        return implausible(format!("{} words were entered, but {occurring} occur", filter.words));
    }
    Ok(Some(filter))
}

/// The facets that can rule something out.
fn facets(facets: &[FacetCounts], records: i64) -> Result<BTreeMap<Facet, Values>, DigestError> {
    if facets.len() > FACETS_MAX {
        return malformed(format!("it has {} facets; at most {FACETS_MAX} are allowed", facets.len()));
    }
    let (mut seen, mut found) = (HashSet::new(), BTreeMap::new());
    for counts in facets {
        if !seen.insert(counts.facet) {
            return malformed(format!("facet {} comes twice", counts.facet));
        }
        check_counts(counts, records)?;
        if let Ok(facet) = Facet::try_from(counts.facet)
            && counts.values_left_off == 0
            && let Some(values) = understood(facet, counts)
        {
            found.insert(facet, values);
        }
    }
    Ok(found)
}

fn check_counts(counts: &FacetCounts, records: i64) -> Result<(), DigestError> {
    let facet = counts.facet;
    if counts.values.len() > VALUES_MAX {
        let values = counts.values.len();
        return malformed(format!("facet {facet} has {values} values; at most {VALUES_MAX} are allowed"));
    }
    if counts.values_left_off < 0 {
        return malformed(format!("facet {facet} leaves {} values off", counts.values_left_off));
    }
    let mut seen = HashSet::new();
    for one in &counts.values {
        if one.value.is_empty() || one.value.len() > VALUE_BYTES_MAX {
            return malformed(format!("a value of facet {facet} has {} bytes", one.value.len()));
        }
        if !seen.insert(one.value.as_str()) {
            return malformed(format!("facet {facet} names a value twice"));
        }
        if one.count < 0 || one.count > records {
            return implausible(format!("{} of {records} records have a value of facet {facet}", one.count));
        }
    }
    if counts.facet() == Facet::Kind {
        let sum = counts.values.iter().fold(0_i64, |sum, one| sum.saturating_add(one.count));
        // Every record is of one kind.
        if sum > records || (counts.values_left_off == 0 && sum != records) {
            return implausible(format!("its kinds count {sum} records, not {records}"));
        }
    }
    Ok(())
}

/// The values that occur; `None` if one of them is written in a way that is not known here, so that it may stand for anything.
fn understood(facet: Facet, counts: &FacetCounts) -> Option<Values> {
    let mut occurring = counts.values.iter().filter(|one| one.count > 0).map(|one| one.value.as_str());
    if facet == Facet::Sector {
        return occurring.map(SectorParts::of_value).collect::<Option<_>>().map(Values::Sectors);
    }
    // A number stands for a value of an enumeration that the city does not know, and this node perhaps by name.
    let is_number = |value: &str| facet::is_enumerated(facet) && value.bytes().all(|byte| byte.is_ascii_digit());
    (!occurring.clone().any(is_number)).then(|| Values::Words(occurring.by_ref().map(str::to_owned).collect()))
}
