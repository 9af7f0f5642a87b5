//! Events and receipts as they are signed and read.

use bytes::Bytes;
use isopolity_proto::{
    cooperation::CooperationEvent,
    error::Reason,
    federation::{CooperationReceipt, Envelope, Signature},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::{CooperationName, CooperationNameError};
use crate::{
    CityId,
    city_id::CityIdError,
    envelope::{self, EnvelopeError, Keys, SigningKey},
};

/// The payload type of an event.
pub const EVENT: &str = "application/vnd.isopolity.cooperation-event.v1+protobuf";
/// The payload type of a receipt for an event.
pub const RECEIPT: &str = "application/vnd.isopolity.cooperation-receipt.v1+protobuf";
/// The most bytes of an event.
pub const PAYLOAD_MAX: usize = 48 * 1024;

/// A SHA-256.
pub type Hash = [u8; 32];

/// An event of which it is certain who says it, and its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The event.
    pub event: CooperationEvent,
    /// The SHA-256 of the payload that was signed.
    pub hash: Hash,
}

impl Verified {
    /// An event that was made here, by [`next_event`](super::next_event). Not for one that was received: it may hold fields that only
    /// a newer version knows, and its hash is that of the bytes that were signed.
    #[must_use]
    pub fn made_here(event: CooperationEvent) -> Self {
        let hash = event_hash(&event.encode_to_vec());
        Self { event, hash }
    }
}

/// The hash of an event, by the payload that is signed.
#[must_use]
pub fn event_hash(payload: &[u8]) -> Hash {
    Sha256::digest(payload).into()
}

/// Signs an event as the city that acts. Where that is the host it is part of the history by this.
#[must_use]
pub fn seal_event(event: &CooperationEvent, key: &SigningKey) -> Envelope {
    envelope::seal(EVENT, Bytes::from(event.encode_to_vec()), key)
}

/// Signs another city's event as the host: it has its place in the history then. The bytes stay as they were signed.
pub fn countersign(envelope: &mut Envelope, key: &SigningKey) {
    let signed = envelope::seal(EVENT, envelope.payload.clone(), key);
    envelope.signatures.truncate(1);
    envelope.signatures.extend(signed.signatures);
}

/// An event whose signatures are good.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The event.
    pub verified: Verified,
    /// The host has put it in its place. Otherwise it is a step on its way to the host.
    pub ordered: bool,
}

/// An envelope that holds no event, or no receipt, to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is something else, or can't be read.
    #[error("{0}")]
    Envelope(EnvelopeError),
    /// It is too long.
    #[error("the event has {0} bytes; at most {PAYLOAD_MAX} are allowed")]
    TooLarge(usize),
    /// It names no cooperation.
    #[error("{0}")]
    Name(CooperationNameError),
    /// It names no city.
    #[error("{0}")]
    City(CityIdError),
    /// Its place is none.
    #[error("{sequence} is no place in a history, with a hash of {hash} bytes of the event before")]
    Place {
        /// The sequence.
        sequence: i64,
        /// How many bytes the previous hash has.
        hash: usize,
    },
    /// It holds an action that this version does not know.
    #[error("the event holds no step that this version knows: the node of {0} is newer than this one; update this one")]
    Newer(CityId),
    /// There are too many signatures, or none.
    #[error("the event carries {found} signatures; {expected}")]
    Signatures {
        /// How many there are.
        found: usize,
        /// Which there must be.
        expected: &'static str,
    },
    /// The keys of a city that signed are not known here.
    #[error("no trust bundle of {0} is known here, so its signature can't be checked: become peers first")]
    SignerUnknown(CityId),
    /// A signature is not good.
    #[error("the signature of {city}: {error}")]
    Signature {
        /// Whose it should be.
        city: CityId,
        /// What is wrong with it.
        error: EnvelopeError,
    },
}

impl EventError {
    /// Why, for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        if self.may_pass() { Reason::SignerUnknown } else { Reason::EventInvalid }
    }

    /// It may be good as soon as this city knows more.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::SignerUnknown(_))
    }
}

/// Checks an event's form and signatures and reads it. `keys` are those of a city, old bundles included.
///
/// Whether the city that acts takes part, and whether the step is possible, is for [`apply`](super::apply).
///
/// # Errors
/// [`EventError`].
pub fn open_event(envelope: &Envelope, keys: impl Fn(&CityId) -> Option<Keys>) -> Result<Opened, EventError> {
    let payload = payload(envelope, EVENT)?;
    let event = CooperationEvent::decode(payload.clone()).map_err(|error| unreadable(&error))?;
    let name: CooperationName = event.cooperation.parse().map_err(EventError::Name)?;
    let city: CityId = event.city.parse().map_err(EventError::City)?;
    let before = if event.sequence == 1 { 0 } else { 32 };
    if event.sequence < 1 || event.previous_hash.len() != before {
        return Err(EventError::Place { sequence: event.sequence, hash: event.previous_hash.len() });
    }
    let ordered = match (envelope.signatures.as_slice(), &city == name.host()) {
        ([own], true) => {
            check(envelope, own, &city, &keys)?;
            true
        }
        ([own], false) => {
            check(envelope, own, &city, &keys)?;
            false
        }
        ([own, host], false) => {
            check(envelope, own, &city, &keys)?;
            check(envelope, host, name.host(), &keys)?;
            true
        }
        (all, true) => {
            return Err(EventError::Signatures {
                found: all.len(),
                expected: "a step of the host carries the host's alone",
            });
        }
        (all, false) => {
            let expected = "the acting city's comes first, then the host's, and no other";
            return Err(EventError::Signatures { found: all.len(), expected });
        }
    };
    // After the signatures: only a city that is known is told that it is newer.
    if event.action.is_none() {
        return Err(EventError::Newer(city));
    }
    let hash = event_hash(&payload);
    Ok(Opened { verified: Verified { event, hash }, ordered })
}

/// Signs that an event is kept.
#[must_use]
pub fn seal_receipt(receipt: &CooperationReceipt, key: &SigningKey) -> Envelope {
    envelope::seal(RECEIPT, Bytes::from(receipt.encode_to_vec()), key)
}

/// Checks a receipt against its receiver's keys and reads it. Whether it is for what was sent is for the caller to compare.
///
/// # Errors
/// [`EventError`].
pub fn open_receipt(envelope: &Envelope, keys: &Keys) -> Result<CooperationReceipt, EventError> {
    let receipt = CooperationReceipt::decode(payload(envelope, RECEIPT)?).map_err(|error| unreadable(&error))?;
    receipt.cooperation.parse::<CooperationName>().map_err(EventError::Name)?;
    let receiver: CityId = receipt.receiver.parse().map_err(EventError::City)?;
    receipt.sender.parse::<CityId>().map_err(EventError::City)?;
    if receipt.sequence < 1 || receipt.event_hash.len() != 32 {
        return Err(EventError::Place { sequence: receipt.sequence, hash: receipt.event_hash.len() });
    }
    envelope::open(envelope, RECEIPT, keys).map_err(|error| EventError::Signature { city: receiver, error })?;
    Ok(receipt)
}

fn payload(envelope: &Envelope, expected: &'static str) -> Result<Bytes, EventError> {
    if envelope.payload_type != expected {
        let found = envelope.payload_type.clone();
        return Err(EventError::Envelope(EnvelopeError::PayloadType { found, expected }));
    }
    if envelope.payload.len() > PAYLOAD_MAX {
        return Err(EventError::TooLarge(envelope.payload.len()));
    }
    Ok(envelope.payload.clone())
}

fn unreadable(error: &prost::DecodeError) -> EventError {
    EventError::Envelope(EnvelopeError::Payload(error.to_string()))
}

/// Checks one of the signatures as if it stood alone.
fn check(
    envelope: &Envelope,
    signature: &Signature,
    city: &CityId,
    keys: &impl Fn(&CityId) -> Option<Keys>,
) -> Result<(), EventError> {
    let keys = keys(city).ok_or_else(|| EventError::SignerUnknown(city.clone()))?;
    let alone = Envelope { signatures: vec![signature.clone()], ..envelope.clone() };
    envelope::open(&alone, EVENT, &keys)
        .map(|_payload| ())
        .map_err(|error| EventError::Signature { city: city.clone(), error })
}
