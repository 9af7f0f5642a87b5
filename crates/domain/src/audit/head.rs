//! How a log's end is signed, and whether one follows from another.
//!
//! A city that rewrites its log signs heads that don't follow from those it signed before. Who saw one of those and is led from
//! it to the present one by digests notices; the two heads, both signed, prove it to anybody.

use bytes::Bytes;
use isopolity_proto::federation::{AuditHead, AuditReceipt, Envelope};
use prost::Message as _;
use time::OffsetDateTime;

use super::{Chain, Hash};
use crate::{
    CityId,
    clock::to_timestamp,
    envelope::{self, EnvelopeError, Keys, SigningKey},
};

/// The payload type of a log's signed head.
pub const HEAD: &str = "application/vnd.isopolity.audit-head.v1+protobuf";
/// The payload type of a witness's receipt.
pub const RECEIPT: &str = "application/vnd.isopolity.audit-receipt.v1+protobuf";
/// The payload type of the seal of an exported log.
pub const EXPORT: &str = "application/vnd.isopolity.audit-export.v1+protobuf";

/// Why a log is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A head is not signed by the city whose log it is.
    #[error("the head of its audit log is not to be believed: {0}")]
    Head(#[from] EnvelopeError),
    /// It is shorter than it was.
    #[error("its audit log ends at entry {now}, but it was seen up to entry {seen}: entries were removed")]
    Shorter {
        /// Where it ends.
        now: i64,
        /// Where it ended before.
        seen: i64,
    },
    /// What it was does not lead to what it is.
    #[error("its audit log was rewritten: entry {sequence} or one before it is not what it was when it was seen")]
    Rewritten {
        /// The sequence at which it was seen.
        sequence: i64,
    },
    /// Others were shown another log.
    #[error("its audit log is not the same for all: {other} was shown another entry {sequence}")]
    Split {
        /// The sequence at which the two differ at the latest.
        sequence: i64,
        /// Who was shown the other one.
        other: String,
    },
    /// What leads from one head to the other makes no sense.
    #[error("what it sent does not lead from entry {from} of its audit log to entry {to}")]
    Gap {
        /// Where it was to begin.
        from: i64,
        /// Where it was to end.
        to: i64,
    },
}

/// Signs how far a log goes.
#[must_use]
pub fn sign_head(city: &CityId, chain: Chain, now: OffsetDateTime, key: &SigningKey) -> Envelope {
    let head = AuditHead {
        city: city.to_string(),
        sequence: chain.sequence,
        hash: Bytes::copy_from_slice(&chain.hash),
        time: Some(to_timestamp(now)),
    };
    envelope::seal(HEAD, Bytes::from(head.encode_to_vec()), key)
}

/// Checks a head and reads it.
///
/// # Errors
/// [`EnvelopeError`] if the city did not sign it, or if it is of another city's log.
pub fn open_head(envelope: &Envelope, city: &CityId, keys: &Keys) -> Result<(AuditHead, Chain), EnvelopeError> {
    let head = AuditHead::decode(envelope::open(envelope, HEAD, keys)?)
        .map_err(|error| EnvelopeError::Payload(error.to_string()))?;
    if head.city != city.as_str() {
        return Err(EnvelopeError::Payload(format!("it is of the log of {}, not of {city}", head.city)));
    }
    let chain = chain_of(head.sequence, &head.hash)?;
    Ok((head, chain))
}

/// Signs that a log was seen and follows from what was seen before.
#[must_use]
pub fn sign_receipt(city: &CityId, witness: &CityId, chain: Chain, now: OffsetDateTime, key: &SigningKey) -> Envelope {
    let receipt = AuditReceipt {
        city: city.to_string(),
        witness: witness.to_string(),
        sequence: chain.sequence,
        hash: Bytes::copy_from_slice(&chain.hash),
        time: Some(to_timestamp(now)),
    };
    envelope::seal(RECEIPT, Bytes::from(receipt.encode_to_vec()), key)
}

/// Checks a receipt of a witness for a city's log and reads it.
///
/// # Errors
/// [`EnvelopeError`] if the witness did not sign it, or if it is for another city's log.
pub fn open_receipt(
    envelope: &Envelope,
    city: &CityId,
    witness: &CityId,
    keys: &Keys,
) -> Result<(AuditReceipt, Chain), EnvelopeError> {
    let receipt = AuditReceipt::decode(envelope::open(envelope, RECEIPT, keys)?)
        .map_err(|error| EnvelopeError::Payload(error.to_string()))?;
    if receipt.city != city.as_str() || receipt.witness != witness.as_str() {
        let found = format!("{} signed it for {}, not {witness} for {city}", receipt.witness, receipt.city);
        return Err(EnvelopeError::Payload(found));
    }
    let chain = chain_of(receipt.sequence, &receipt.hash)?;
    Ok((receipt, chain))
}

fn chain_of(sequence: i64, hash: &[u8]) -> Result<Chain, EnvelopeError> {
    let hash = hash.try_into().ok().filter(|hash| sequence > 0 || (sequence == 0 && *hash == Chain::EMPTY.hash));
    let hash: Hash = hash.ok_or_else(|| EnvelopeError::Payload("it names no point of a log".to_owned()))?;
    Ok(Chain { sequence, hash })
}

/// A point of a log that somebody was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The point.
    pub chain: Chain,
    /// Who was shown it.
    pub shown_to: String,
}

/// Follows a log from a point that is known, by the digests of the entries after it, to its head. Compares what others were
/// shown, and what was seen before, with every point on the way.
///
/// # Errors
/// [`Contradiction`] if the head does not follow, or a claim is not on the way.
pub fn follow(known: Chain, entry_digests: &[u8], head: Chain, claims: &[Claim]) -> Result<(), Contradiction> {
    if head.sequence < known.sequence {
        return Err(Contradiction::Shorter { now: head.sequence, seen: known.sequence });
    }
    let (digests, rest) = entry_digests.as_chunks::<32>();
    let expected = usize::try_from(head.sequence - known.sequence).unwrap_or(usize::MAX);
    if !rest.is_empty() || digests.len() != expected {
        return Err(Contradiction::Gap { from: known.sequence, to: head.sequence });
    }
    let compare = |point: Chain| {
        let split = claims.iter().find(|claim| claim.chain.sequence == point.sequence && claim.chain != point);
        split.map_or(Ok(()), |claim| {
            Err(Contradiction::Split { sequence: point.sequence, other: claim.shown_to.clone() })
        })
    };
    let mut points = Vec::with_capacity(digests.len());
    let mut point = known;
    for digest in digests {
        point.follow(digest);
        points.push(point);
    }
    if point != head {
        return Err(Contradiction::Rewritten { sequence: known.sequence });
    }
    compare(known)?;
    points.into_iter().try_for_each(compare)
}
