//! What a city answered.

use std::{cmp::Ordering, time::Duration};

use isopolity_proto::{
    admin::Granularity,
    catalog::{Outcome, Routing},
    error::Reason,
    federation::{self, Envelope, FacetCounts, SearchOrder, Statistics, sort_key},
};
use time::OffsetDateTime;

use crate::{CityId, feed::Position};

/// The value by which hits are ordered.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// Relevance: finite, at least 0. The greatest comes first.
    Score(f32),
    /// Update time in nanoseconds since 1970. The latest comes first.
    UpdateTime(i128),
    /// Start in days since 1970; [`NO_START`] comes last. The latest comes first.
    StartDay(i32),
    /// Folded title, at most [`TITLE_BYTES_MAX`] bytes. In byte order.
    Title(String),
}

/// The start of a record that says nothing of it.
pub const NO_START: i32 = i32::MIN;
/// The longest title by which is ordered, in bytes; what is longer is cut between letters.
pub const TITLE_BYTES_MAX: usize = 200;

impl SortKey {
    /// Reads a key as a peer sent it, if it is one of this order.
    #[must_use]
    pub fn from_proto(key: Option<&federation::SortKey>, order: SearchOrder) -> Option<Self> {
        match (key?.key.as_ref()?, order) {
            (sort_key::Key::Score(score), SearchOrder::Relevance) if score.is_finite() && *score >= 0.0 => {
                Some(Self::Score(*score))
            }
            (sort_key::Key::UpdateTime(time), SearchOrder::UpdateTime) => {
                crate::clock::from_timestamp(time).map(|time| Self::UpdateTime(time.unix_timestamp_nanos()))
            }
            (sort_key::Key::StartDay(day), SearchOrder::StartDate) => Some(Self::StartDay(*day)),
            (sort_key::Key::Title(title), SearchOrder::Title) if title.len() <= TITLE_BYTES_MAX => {
                Some(Self::Title(title.clone()))
            }
            _ => None,
        }
    }

    /// The key as it travels.
    #[must_use]
    pub fn to_proto(&self) -> federation::SortKey {
        let key = match self {
            Self::Score(score) => sort_key::Key::Score(*score),
            Self::UpdateTime(nanos) => sort_key::Key::UpdateTime(prost_types::Timestamp {
                seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or_default(),
                nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default(),
            }),
            Self::StartDay(day) => sort_key::Key::StartDay(*day),
            Self::Title(title) => sort_key::Key::Title(title.clone()),
        };
        federation::SortKey { key: Some(key) }
    }

    /// The order of which this is a key.
    #[must_use]
    pub fn order(&self) -> SearchOrder {
        match self {
            Self::Score(_) => SearchOrder::Relevance,
            Self::UpdateTime(_) => SearchOrder::UpdateTime,
            Self::StartDay(_) => SearchOrder::StartDate,
            Self::Title(_) => SearchOrder::Title,
        }
    }

    /// Orders what comes first before what comes later. Keys of different orders are never in one answer:
    /// [`Self::from_proto`] sees to it.
    #[must_use]
    pub fn better_first(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Score(one), Self::Score(two)) => two.total_cmp(one),
            (Self::UpdateTime(one), Self::UpdateTime(two)) => two.cmp(one),
            (Self::StartDay(one), Self::StartDay(two)) => two.cmp(one),
            (Self::Title(one), Self::Title(two)) => one.cmp(two),
            (one, two) => (one.order() as i32).cmp(&(two.order() as i32)),
        }
    }
}

/// A point in the order of one city's hits: what comes after it is still to come.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    /// The key of the last hit taken.
    pub key: SortKey,
    /// Its resource name. Empty: hits with this key are all still to come.
    pub name: String,
    /// Hits with this key were all taken.
    pub key_taken: bool,
}

impl After {
    /// Reads a point as a peer sent it, if it is one of this order.
    #[must_use]
    pub fn from_proto(after: &federation::SearchAfter, order: SearchOrder) -> Option<Self> {
        let key = SortKey::from_proto(after.sort_key.as_ref(), order)?;
        Some(Self { key, name: after.name.clone(), key_taken: after.key_taken })
    }

    /// The point as it travels.
    #[must_use]
    pub fn to_proto(&self) -> federation::SearchAfter {
        federation::SearchAfter {
            sort_key: Some(self.key.to_proto()),
            name: self.name.clone(),
            key_taken: self.key_taken,
        }
    }

    /// Whether a hit with this key and name is still to come.
    #[must_use]
    pub fn is_before(&self, key: &SortKey, name: &str) -> bool {
        match self.key.better_first(key) {
            Ordering::Less => true,
            Ordering::Equal => !self.key_taken && *name > *self.name,
            Ordering::Greater => false,
        }
    }
}

/// A hit as its city sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerHit {
    /// The key, as sent. `None`: it was missing or of another order.
    pub key: Option<SortKey>,
    /// The resource name, as sent.
    pub name: String,
    /// The signed record, as sent.
    pub envelope: Envelope,
}

impl AnswerHit {
    /// How much it takes in memory, in bytes, as good as.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.envelope.payload.len()
    }
}

/// What a city said before its hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerStart {
    /// Records that match.
    pub total: i64,
    /// Records that the asker may see there in all.
    pub records: i64,
    /// The point of its feed up to which its index goes.
    pub position: Position,
    /// The facets that were asked for, in that order, with all their values.
    pub facets: Vec<FacetCounts>,
    /// How often the question's words occur there, if it was asked for.
    pub statistics: Option<Statistics>,
    /// The time that it says finding and ordering took.
    pub took: Duration,
    /// How much it tells. Unspecified: records, like any other.
    pub granularity: Granularity,
    /// Where it tells only whether any record matches: whether one does.
    pub any: bool,
    /// Where it gives counts: the total is a small one, and suppressed.
    pub total_suppressed: bool,
    /// Where it gives counts: those below this are suppressed.
    pub threshold: i32,
}

impl AnswerStart {
    /// Whether hits follow, as many as it says.
    #[must_use]
    pub fn gives_records(&self) -> bool {
        matches!(self.granularity, Granularity::Unspecified | Granularity::Records)
    }

    /// How many records match at least, and whether there may be more.
    #[must_use]
    pub fn known_total(&self) -> (i64, bool) {
        if self.any || self.total_suppressed { (1, true) } else { (self.total, false) }
    }
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In full.
    Complete,
    /// Otherwise, with the outcome that is to be shown if no hit came before.
    Fault {
        /// The outcome.
        outcome: Outcome,
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        description: String,
    },
}

impl Ending {
    /// An answer that ended otherwise than in full.
    #[must_use]
    pub fn fault(outcome: Outcome, reason: Reason, description: impl Into<String>) -> Self {
        Self::Fault { outcome, reason, description: description.into() }
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// From the city itself.
    #[default]
    Live,
    /// From a copy of the city's records that is kept elsewhere.
    Replica {
        /// The time up to which the copy is true.
        as_of: OffsetDateTime,
    },
}

/// What asking a city took beside time; for explanations only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Whether it was asked, and why not.
    pub routing: Routing,
    /// The time until its first word. `None`: it said nothing.
    pub first_took: Option<Duration>,
    /// The size of what it sent, in bytes.
    pub bytes: u64,
    /// How often it was called.
    pub calls: u32,
}

/// The end of one city's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerEnd {
    /// From asking to the end.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
    /// Records that it last said the asker may see there, for coverage when it does not answer now.
    pub records_before: i64,
    /// What it took beside time.
    pub effort: Effort,
}

/// What came of asking one city: exactly one for each member of the federation, never an error. Beside it there may be
/// answers from replicas of the same city.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The city.
    pub city: CityId,
    /// Where it comes from.
    pub source: Source,
    /// From asking to the end.
    pub took: Duration,
    /// What it said first, if it began to answer.
    pub start: Option<AnswerStart>,
    /// The hits that came.
    pub hits: Vec<AnswerHit>,
    /// How it ended.
    pub ending: Ending,
    /// Records that it last said the asker may see there, for coverage when it does not answer now.
    pub records_before: i64,
    /// What it took beside time.
    pub effort: Effort,
}
