//! What a sharing agreement lets a peer do.
//!
//! Default is to deny: what no agreement in force grants is refused, with the reason. Whatever a peer calls goes through
//! [`decide`], which says what it sees and how much it is told.

mod check;
mod counts;
mod rate;
mod words;

use std::collections::BTreeSet;

use isopolity_proto::{
    admin::{Granularity, SharingAgreement, SharingPurpose},
    error::Reason,
    options::Audience,
};
use time::OffsetDateTime;

use crate::{CityId, Kind, Violation, clock::from_timestamp, sight::Sight};

pub use check::check;
pub use counts::{Coarse, Shown, count_of, counted_kinds, show, withheld};
pub use rate::{Exceeded, Meter};
pub use words::{PURPOSES, legal_basis_label, purpose_label, purpose_of, purpose_word, transfer_tool_label};

/// The purpose that a node states where its user states none.
pub const DEFAULT_PURPOSE: &str = "enquiry";

/// What a peer wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// To learn how many records it may see.
    Greeting,
    /// To ask a question, for this purpose.
    Query(&'a str),
    /// To read one record, for this purpose; empty where it states none.
    Record(&'a str),
    /// To be told what is published that matches a question, for this purpose.
    Watch(&'a str),
    /// To be told how far the feed is, without what is in it.
    Position,
    /// To count words. Its node does so by itself, before a question.
    Statistics,
    /// To learn what records are like. Its node does so by itself.
    Digest,
    /// To keep copies.
    Replication,
}

/// What a peer gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The records that it sees.
    pub sight: Sight,
    /// How much it is told of them. Never unspecified.
    pub granularity: Granularity,
    /// The etag of the agreement.
    pub etag: String,
}

/// Why a peer gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no agreement.
    #[error("this city has no sharing agreement with {0}: its administrator makes one")]
    Missing(CityId),
    /// It does not hold yet.
    #[error("the sharing agreement with {0} is not in force before {1}")]
    NotYet(CityId, OffsetDateTime),
    /// It holds no more.
    #[error("the sharing agreement with {0} ended at {1}: the two cities renew it")]
    Ended(CityId, OffsetDateTime),
    /// It does not include this use.
    #[error("the sharing agreement with {0} does not include {1}")]
    Use(CityId, &'static str),
    /// It does not include this purpose.
    #[error(
        "the sharing agreement with {city} does not include the purpose {stated:?}: it includes {}; state one of them, if it is true",
        .agreed.join(", ")
    )]
    Purpose {
        /// The peer.
        city: CityId,
        /// What it states; at most 50 characters of it.
        stated: String,
        /// The words of what is agreed.
        agreed: Vec<&'static str>,
    },
    /// It gives less detail.
    #[error("the sharing agreement with {city} gives {}, so there is no {wanted} for it", told(*.granularity))]
    Detail {
        /// The peer.
        city: CityId,
        /// How much it is told.
        granularity: Granularity,
        /// What it wants.
        wanted: &'static str,
    },
    /// It gives counts, and the question asks for finer ones than are safe.
    #[error(
        "the sharing agreement with {0} gives counts only: of all records, or of one kind with at most one value; the question asks for {1}"
    )]
    TooFine(CityId, &'static str),
    /// It was changed while a stream went on.
    #[error("the sharing agreement with {0} was changed: begin again")]
    Changed(CityId),
    /// A purpose is required.
    #[error("purpose: is required")]
    Purposeless,
}

impl Refusal {
    /// The reason for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) | Self::NotYet(..) | Self::Ended(..) => Reason::AgreementMissing,
            Self::Use(..) => Reason::UseNotAgreed,
            Self::Purpose { .. } => Reason::PurposeNotAgreed,
            Self::Detail { .. } | Self::TooFine(..) => Reason::DetailNotAgreed,
            Self::Changed(_) => Reason::AgreementChanged,
            Self::Purposeless => Reason::FieldRequired,
        }
    }

    /// The field that is wrong, where it is one.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        (*self == Self::Purposeless).then(|| Violation::required("purpose"))
    }
}

fn told(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::YesNo => "only whether there is anything",
        Granularity::Counts => "counts only",
        Granularity::Records | Granularity::Unspecified => "records",
    }
}

/// The agreement that comes with approval: records of this audience, live, for any purpose, without copies.
#[must_use]
pub fn by_default(city: &CityId, audience: Audience) -> SharingAgreement {
    SharingAgreement {
        city: city.to_string(),
        audience: audience.into(),
        granularity: Granularity::Records.into(),
        live_query: true,
        ..SharingAgreement::default()
    }
}

/// Decides what a peer gets.
///
/// # Errors
/// [`Refusal`] with the first thing that is not agreed.
pub fn decide(
    agreement: Option<&SharingAgreement>,
    city: &CityId,
    wanted: Use<'_>,
    now: OffsetDateTime,
) -> Result<Grant, Refusal> {
    let agreement = agreement.ok_or_else(|| Refusal::Missing(city.clone()))?;
    in_force(agreement, city, now)?;
    if wanted == Use::Replication {
        if !agreement.replication {
            return Err(Refusal::Use(city.clone(), "copies of records"));
        }
    } else if !agreement.live_query && wanted != Use::Greeting {
        return Err(Refusal::Use(city.clone(), "questions to this city as it is at the moment"));
    }
    purpose(agreement, city, wanted)?;
    let granularity = granularity(agreement);
    let more_than_counts = match wanted {
        Use::Greeting | Use::Query(_) => None,
        Use::Record(_) => Some("record"),
        Use::Watch(_) | Use::Position => Some("watch"),
        Use::Statistics => Some("count of words"),
        Use::Digest => Some("digest"),
        Use::Replication => Some("copy"),
    };
    match more_than_counts {
        Some(wanted) if granularity != Granularity::Records => {
            Err(Refusal::Detail { city: city.clone(), granularity, wanted })
        }
        _ => Ok(Grant { sight: sight(agreement, city), granularity, etag: agreement.etag.clone() }),
    }
}

/// Whether an agreement is in force.
///
/// # Errors
/// [`Refusal::NotYet`], [`Refusal::Ended`].
pub fn in_force(agreement: &SharingAgreement, city: &CityId, now: OffsetDateTime) -> Result<(), Refusal> {
    // A time that can't be read is in the future for a beginning and in the past for an end: then nothing is in force.
    if let Some(from) = &agreement.valid_from_time {
        let from = from_timestamp(from).unwrap_or(OffsetDateTime::new_utc(time::Date::MAX, time::Time::MIDNIGHT));
        if now < from {
            return Err(Refusal::NotYet(city.clone(), from));
        }
    }
    if let Some(until) = &agreement.valid_until_time {
        let until = from_timestamp(until).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        if now >= until {
            return Err(Refusal::Ended(city.clone(), until));
        }
    }
    Ok(())
}

/// How much an agreement lets be told. What this version does not know is the least.
#[must_use]
pub fn granularity(agreement: &SharingAgreement) -> Granularity {
    match Granularity::try_from(agreement.granularity) {
        Ok(Granularity::Unspecified | Granularity::Records) => Granularity::Records,
        Ok(granularity) => granularity,
        Err(_unknown) => Granularity::YesNo,
    }
}

fn sight(agreement: &SharingAgreement, city: &CityId) -> Sight {
    let kinds: BTreeSet<Kind> = agreement.kinds.iter().filter_map(|kind| Kind::parse(kind)).collect();
    // Kinds that this version does not know are not "all".
    let nothing = kinds.is_empty() && !agreement.kinds.is_empty();
    let audience = match Audience::try_from(agreement.audience) {
        Ok(audience @ (Audience::Public | Audience::Federation)) if !nothing => audience,
        _ => Audience::Unspecified,
    };
    Sight::of_peer(city, audience, kinds)
}

fn purpose(agreement: &SharingAgreement, city: &CityId, wanted: Use<'_>) -> Result<(), Refusal> {
    let stated = match wanted {
        Use::Query(stated) | Use::Watch(stated) => {
            if stated.trim().is_empty() {
                return Err(Refusal::Purposeless);
            }
            stated
        }
        Use::Record(stated) => stated,
        Use::Greeting | Use::Position | Use::Statistics | Use::Digest | Use::Replication => return Ok(()),
    };
    let is_agreed = |purpose: SharingPurpose| agreement.purposes.contains(&purpose.into());
    if agreement.purposes.is_empty() || purpose_of(stated).is_some_and(is_agreed) {
        return Ok(());
    }
    let agreed = agreement.purposes().filter_map(purpose_word).collect();
    Err(Refusal::Purpose { city: city.clone(), stated: stated.chars().take(50).collect(), agreed })
}

#[cfg(test)]
mod tests;
