//! The signed list of members of a large federation: how it is signed, and when a node takes one in place of another.
//!
//! The operators sign the bytes that travel (DSSE), each with a key of his own; a node wants so many of them. The content names its
//! federation, so that a directory of another one, signed by the same operators, is not taken for it. A version never goes down,
//! whatever is signed, and goes up in steps of limited size, so that nobody can lock a federation with one impossibly high version.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ed25519_dalek::Signature as Ed25519Signature;
use isopolity_proto::federation::{self as wire, Envelope};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    CityId,
    clock::{from_timestamp, to_timestamp},
    envelope::{self, Keys, SigningKey, key_id, pre_authentication_encoding},
};

/// The payload type of a directory.
pub const PAYLOAD_TYPE: &str = "application/vnd.isopolity.directory.v1+protobuf";
/// The largest payload that is read, in bytes.
pub const LARGEST: usize = 3 << 20;
/// The most members.
pub const MOST_MEMBERS: usize = 1_000;
/// The most signatures that are looked at.
pub const MOST_SIGNATURES: usize = 32;
/// How far the version may go up at once.
pub const LARGEST_STEP: i64 = 1_000;
/// How long a directory may be in date.
pub const LONGEST_LIFE: Duration = Duration::days(366);
/// How far the operators' clock may be ahead.
const TOLERATED_SKEW: Duration = Duration::minutes(5);
/// The greatest number that every JSON reader keeps exactly.
const GREATEST_VERSION: i64 = 1 << 53;

/// Whom a node believes about who belongs to its federation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operators {
    /// The federation's name, a DNS name.
    pub federation: String,
    /// The operators' public keys.
    pub keys: Keys,
    /// How many of them must have signed, at least 1.
    pub threshold: usize,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The city.
    pub city: CityId,
    /// Where its federation listener is.
    pub endpoint: String,
    /// Its trust bundle file. Not looked at here.
    pub bundle: Bytes,
}

/// What a directory says. Whether it is to be believed is another question: [`Operators::judge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The federation's name.
    pub federation: String,
    /// The version, from 1.
    pub version: i64,
    /// When it was made.
    pub issued: OffsetDateTime,
    /// Until when it may be taken.
    pub expires: OffsetDateTime,
    /// The members, by id.
    pub members: Vec<Member>,
}

/// The directory that a node has seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its version.
    pub version: i64,
    /// SHA-256 of its payload.
    pub digest: [u8; 32],
}

/// Why a directory is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// It is none, or says what can't be.
    #[error("not a directory: {0}")]
    Malformed(String),
    /// It is of another federation.
    #[error("the directory is of {found:?}, this node belongs to {expected:?}")]
    OtherFederation {
        /// The one that the configuration names.
        expected: String,
        /// The one in the directory.
        found: String,
    },
    /// Too few operators have signed.
    #[error("the directory carries {found} good signatures of operators, {wanted} are needed")]
    Signatures {
        /// How many good ones there are.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// It is of later than now.
    #[error("the directory was made at {0}, which is to come: check the clocks")]
    NotYet(OffsetDateTime),
    /// Its time is over.
    #[error("the directory expired at {0}: ask the operators for a new one")]
    Expired(OffsetDateTime),
    /// Its version was passed before.
    #[error("the directory has version {found}, but {held} was seen before; an older one is never taken back")]
    Rollback {
        /// The highest that was seen.
        held: i64,
        /// That of the new one.
        found: i64,
    },
    /// Its version was seen with other content.
    #[error("there are two different directories of version {0}; ask the operators which is right")]
    Fork(i64),
    /// Its version is too far ahead.
    #[error(
        "the directory has version {found}, more than {LARGEST_STEP} above {held}: the operators' keys may have been misused; see \
         \"isopolity directory reset\""
    )]
    FastForward {
        /// The version in force.
        held: i64,
        /// That of the new one.
        found: i64,
    },
}

/// A directory that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it says.
    pub directory: Directory,
    /// SHA-256 of its payload.
    pub digest: [u8; 32],
    /// The operators' keys that signed it.
    pub signed_by: BTreeSet<String>,
    /// Whether it is the one in force already.
    pub is_in_force: bool,
}

impl Directory {
    /// The bytes that are signed.
    #[must_use]
    pub fn to_payload(&self) -> Bytes {
        let member = |member: &Member| wire::DirectoryMember {
            city: member.city.to_string(),
            endpoint: member.endpoint.clone(),
            bundle: member.bundle.clone(),
        };
        let message = wire::Directory {
            federation: self.federation.clone(),
            version: self.version,
            issue_time: Some(to_timestamp(self.issued)),
            expire_time: Some(to_timestamp(self.expires)),
            members: self.members.iter().map(member).collect(),
        };
        message.encode_to_vec().into()
    }

    /// The directory in an envelope that nobody has signed yet.
    #[must_use]
    pub fn unsigned(&self) -> Envelope {
        Envelope { payload: self.to_payload(), payload_type: PAYLOAD_TYPE.to_owned(), signatures: Vec::new() }
    }

    /// Reads what an envelope says, without a look at its signatures.
    ///
    /// # Errors
    /// [`DirectoryError::Malformed`].
    pub fn read(envelope: &Envelope) -> Result<Self, DirectoryError> {
        let wrong = |problem: String| Err(DirectoryError::Malformed(problem));
        if envelope.payload_type != PAYLOAD_TYPE {
            return wrong(format!("the payload is of type {:?}", short(&envelope.payload_type)));
        }
        if envelope.payload.len() > LARGEST {
            return wrong(format!("it has {} bytes, more than {LARGEST}", envelope.payload.len()));
        }
        let read = wire::Directory::decode(envelope.payload.clone());
        let wire::Directory { federation, version, issue_time, expire_time, members } =
            read.map_err(|error| DirectoryError::Malformed(error.to_string()))?;
        if federation.parse::<CityId>().is_err() {
            return wrong(format!("{:?} is no DNS name for a federation", short(&federation)));
        }
        if !(1..=GREATEST_VERSION).contains(&version) {
            return wrong(format!("its version is {version}, not 1 to {GREATEST_VERSION}"));
        }
        let times = issue_time.as_ref().and_then(from_timestamp).zip(expire_time.as_ref().and_then(from_timestamp));
        let Some((issued, expires)) = times else { return wrong("it does not say from when until when".to_owned()) };
        if expires <= issued || expires - issued > LONGEST_LIFE {
            return wrong(format!(
                "it is in date from {issued} until {expires}, not for at most {} days",
                LONGEST_LIFE.whole_days()
            ));
        }
        if members.len() > MOST_MEMBERS {
            return wrong(format!("it names {} members, more than {MOST_MEMBERS}", members.len()));
        }
        let mut read: Vec<Member> = Vec::with_capacity(members.len());
        for wire::DirectoryMember { city, endpoint, bundle } in members {
            let Ok(city) = city.parse::<CityId>() else { return wrong(format!("{:?} is no city", short(&city))) };
            if read.last().is_some_and(|before| before.city >= city) {
                return wrong(format!("{city} is out of order, or there twice"));
            }
            read.push(Member { city, endpoint, bundle });
        }
        Ok(Self { federation, version, issued, expires, members: read })
    }
}

/// Adds a signature to a directory. One of the same key takes the place of the one before.
///
/// # Errors
/// [`DirectoryError::Malformed`]: what makes no sense is not signed.
pub fn sign(envelope: &mut Envelope, key: &SigningKey) -> Result<(), DirectoryError> {
    Directory::read(envelope)?;
    let signed = envelope::seal(PAYLOAD_TYPE, envelope.payload.clone(), key);
    let id = key_id(&key.verifying_key());
    envelope.signatures.retain(|one| one.keyid != id);
    envelope.signatures.extend(signed.signatures);
    envelope.signatures.sort_by(|one, other| one.keyid.cmp(&other.keyid));
    Ok(())
}

/// The keys among these that have signed an envelope: each counts once, however often it signed.
#[must_use]
pub fn signers(envelope: &Envelope, keys: &Keys) -> BTreeSet<String> {
    let encoding = pre_authentication_encoding(PAYLOAD_TYPE, &envelope.payload);
    let good = |one: &&wire::Signature| {
        let Some(key) = keys.get(&one.keyid) else { return false };
        Ed25519Signature::from_slice(&one.sig).is_ok_and(|sig| key.verify_strict(&encoding, &sig).is_ok())
    };
    let signatures = envelope.signatures.iter().take(MOST_SIGNATURES);
    signatures.filter(good).map(|one| one.keyid.clone()).collect()
}

impl Operators {
    /// Whether a directory may be taken in place of the one that was seen last.
    ///
    /// # Errors
    /// [`DirectoryError`]: the one in force stays.
    pub fn judge(
        &self,
        envelope: &Envelope,
        in_force: Option<&InForce>,
        now: OffsetDateTime,
    ) -> Result<Judged, DirectoryError> {
        let directory = Directory::read(envelope)?;
        // Before anything that it says is believed.
        let signed_by = signers(envelope, &self.keys);
        let wanted = self.threshold.max(1);
        if signed_by.len() < wanted {
            return Err(DirectoryError::Signatures { found: signed_by.len(), wanted });
        }
        if directory.federation != self.federation {
            let (expected, found) = (self.federation.clone(), directory.federation);
            return Err(DirectoryError::OtherFederation { expected, found });
        }
        let digest: [u8; 32] = Sha256::digest(&envelope.payload).into();
        let found = directory.version;
        let mut is_in_force = false;
        if let Some(InForce { version: held, digest: known }) = in_force {
            let held = *held;
            if found < held {
                return Err(DirectoryError::Rollback { held, found });
            }
            if found == held && digest != *known {
                return Err(DirectoryError::Fork(found));
            }
            if found > held.saturating_add(LARGEST_STEP) {
                return Err(DirectoryError::FastForward { held, found });
            }
            is_in_force = found == held;
        }
        if directory.issued > now + TOLERATED_SKEW {
            return Err(DirectoryError::NotYet(directory.issued));
        }
        if directory.expires <= now {
            return Err(DirectoryError::Expired(directory.expires));
        }
        Ok(Judged { directory, digest, signed_by, is_in_force })
    }
}

/// A public key as operators write it: `ed25519:` and the 32 bytes in base64url.
#[must_use]
pub fn public_key_text(key: &envelope::VerifyingKey) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("ed25519:{}", URL_SAFE_NO_PAD.encode(key.as_bytes()))
}

/// Reads public keys as operators write them.
///
/// # Errors
/// A line that names the key that is wrong, or there twice.
pub fn parse_public_keys<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Keys, String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut keys = BTreeMap::new();
    for text in texts {
        let wrong = || format!("{:?} is no operator's key: it is ed25519: and 43 letters", short(text));
        let bytes = text.trim().strip_prefix("ed25519:").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let bytes: [u8; 32] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
        let key = envelope::VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).ok_or_else(wrong)?;
        if keys.insert(key_id(&key), key).is_some() {
            return Err(format!("{:?} is there twice: two signatures must be of two operators", short(text)));
        }
    }
    Ok(keys)
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests;
