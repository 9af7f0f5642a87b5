//! What a city answered.

use std::{cmp::Ordering, time::Duration};

use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{self, Envelope, SearchOrder, sort_key},
};

use crate::{CityId, feed::Position};

/// The value by which hits are ordered. Greater comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SortKey {
    /// Relevance: finite, at least 0.
    Score(f32),
    /// Update time in nanoseconds since 1970.
    UpdateTime(i128),
}

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
            _ => None,
        }
    }

    /// The key as it travels.
    #[must_use]
    pub fn to_proto(self) -> federation::SortKey {
        let key = match self {
            Self::Score(score) => sort_key::Key::Score(score),
            Self::UpdateTime(nanos) => sort_key::Key::UpdateTime(prost_types::Timestamp {
                seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or_default(),
                nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default(),
            }),
        };
        federation::SortKey { key: Some(key) }
    }

    /// Orders the better first. Keys of different kinds are never in one answer: [`Self::from_proto`] sees to it.
    #[must_use]
    pub fn better_first(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Score(one), Self::Score(two)) => two.total_cmp(one),
            (Self::UpdateTime(one), Self::UpdateTime(two)) => two.cmp(one),
            (Self::Score(_), Self::UpdateTime(_)) => Ordering::Less,
            (Self::UpdateTime(_), Self::Score(_)) => Ordering::Greater,
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

/// What a city said before its hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerStart {
    /// Records that match.
    pub total: i64,
    /// Records that the asker may see there in all.
    pub records: i64,
    /// The point of its feed up to which its index goes.
    pub position: Position,
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

/// What came of asking one city: exactly one for each member of the federation, never an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The city.
    pub city: CityId,
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
}
