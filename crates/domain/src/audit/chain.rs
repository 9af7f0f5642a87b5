//! How events become entries of a chain, and how the entries are checked.

use bytes::Bytes;
use isopolity_proto::admin::{AuditAction, AuditEntry};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::Event;
use crate::text::hexadecimal;

/// A SHA-256.
pub type Hash = [u8; 32];
/// How many bytes of chance a detail's salt has.
pub const SALT: usize = 16;

const LINK: &[u8] = b"isopolity audit link v1\0";
const DETAIL: &[u8] = b"isopolity audit detail v1\0";

/// How far a chain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The sequence of the last entry, 0 before the first.
    pub sequence: i64,
    /// The hash at the last entry.
    pub hash: Hash,
}

/// What is kept beside an entry and can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Chance, so that nobody can guess a detail from its digest.
    pub salt: Bytes,
    /// The serialized [`isopolity_proto::admin::AuditDetail`].
    pub detail: Bytes,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The serialized [`AuditEntry`].
    pub bytes: Bytes,
    /// The chain's hash at the entry.
    pub hash: Bytes,
    /// The detail. `None`: it was erased, or there never was one.
    pub kept: Option<Kept>,
}

impl Chain {
    /// A chain without entries.
    pub const EMPTY: Self = Self { sequence: 0, hash: [0; 32] };

    /// Appends an event. `salt` is chance.
    pub fn append(&mut self, event: Event, salt: [u8; SALT]) -> (AuditEntry, Entry) {
        let mut kept = None;
        let has_detail = event.has_detail();
        let Event { mut entry, detail, before, after } = event;
        if has_detail {
            let detail = Bytes::from(detail.encode_to_vec());
            entry.before_digest = before.map(|bytes| salted(&salt, &bytes)).unwrap_or_default();
            entry.after_digest = after.map(|bytes| salted(&salt, &bytes)).unwrap_or_default();
            entry.detail_digest = detail_digest(&salt, &detail);
            kept = Some(Kept { salt: Bytes::copy_from_slice(&salt), detail });
        }
        entry.sequence = self.sequence + 1;
        entry.previous_hash = Bytes::copy_from_slice(&self.hash);
        let bytes = Bytes::from(entry.encode_to_vec());
        self.follow(&entry_digest(&bytes));
        (entry, Entry { bytes, hash: Bytes::copy_from_slice(&self.hash), kept })
    }

    /// Goes on by one entry, of which only the digest is known.
    pub fn follow(&mut self, entry_digest: &Hash) {
        let mut hash = Sha256::new();
        hash.update(LINK);
        hash.update(self.hash);
        hash.update(entry_digest);
        self.hash = hash.finalize().into();
        self.sequence += 1;
    }
}

/// The digest of an entry's bytes.
#[must_use]
pub fn entry_digest(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn salted(salt: &[u8], bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&Sha256::new().chain_update(salt).chain_update(bytes).finalize())
}

fn detail_digest(salt: &[u8], detail: &[u8]) -> Bytes {
    let digest = Sha256::new().chain_update(DETAIL).chain_update(salt).chain_update(detail).finalize();
    Bytes::copy_from_slice(&digest)
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Another one should be here, which comes later or not at all.
    #[error("it is missing: {found} comes in its place")]
    Missing {
        /// The sequence that was found.
        found: i64,
    },
    /// An entry that was before comes again, or one was put between.
    #[error("an entry was put in, or entries were put in another order: {found} comes in its place")]
    Misplaced {
        /// The sequence that was found.
        found: i64,
    },
    /// It holds another hash of the entry before than that has.
    #[error("it does not follow from the entry before: that was changed, or this was put in its place")]
    Unlinked,
    /// The bytes do not fit the hash.
    #[error("its content was changed: its hash is {kept} and would be {reckoned}")]
    Changed {
        /// The hash that is stored with it.
        kept: String,
        /// The hash of its bytes.
        reckoned: String,
    },
    /// The bytes are no entry.
    #[error("it was changed: it can't be read ({0})")]
    Unreadable(String),
    /// The detail is not that which was written.
    #[error("its detail was changed")]
    Detail,
    /// There is a detail where there was none.
    #[error("it has a detail that it did not have")]
    Surplus,
}

/// The first entry that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}: {flaw}")]
pub struct Broken {
    /// Its sequence, as it should be.
    pub sequence: i64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Checks entries one after the other.
#[derive(Clone, Debug)]
pub struct Checker {
    chain: Chain,
    erased: i64,
    unexplained: Vec<(i64, String)>,
}

impl Checker {
    /// Begins after a point that is known.
    #[must_use]
    pub fn after(chain: Chain) -> Self {
        Self { chain, erased: 0, unexplained: Vec::new() }
    }

    /// How far everything is as it was written.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// How many details were erased.
    #[must_use]
    pub fn erased(&self) -> i64 {
        self.erased
    }

    /// The entries whose detail is gone although no entry says that it was erased.
    #[must_use]
    pub fn unexplained(&self) -> Vec<i64> {
        self.unexplained.iter().map(|(sequence, _)| *sequence).collect()
    }

    /// Checks the next entry and returns what it says.
    ///
    /// # Errors
    /// [`Broken`] if it is not the one that was written here. What comes after can't be checked then.
    pub fn check(&mut self, next: &Entry) -> Result<AuditEntry, Broken> {
        let sequence = self.chain.sequence + 1;
        let broken = |flaw| Broken { sequence, flaw };
        let mut chain = self.chain;
        chain.follow(&entry_digest(&next.bytes));
        let entry =
            AuditEntry::decode(next.bytes.clone()).map_err(|error| broken(Flaw::Unreadable(error.to_string())))?;
        let fits = chain.hash.as_slice() == next.hash.as_ref();
        let linked = entry.previous_hash.as_ref() == self.chain.hash.as_slice();
        if !fits && linked && entry.sequence == sequence {
            let (kept, reckoned) = (hexadecimal(&next.hash), hexadecimal(&chain.hash));
            return Err(broken(Flaw::Changed { kept, reckoned }));
        }
        if entry.sequence > sequence {
            return Err(broken(Flaw::Missing { found: entry.sequence }));
        }
        if entry.sequence < sequence {
            return Err(broken(Flaw::Misplaced { found: entry.sequence }));
        }
        if !linked || !fits {
            return Err(broken(Flaw::Unlinked));
        }
        match &next.kept {
            Some(_) if entry.detail_digest.is_empty() => return Err(broken(Flaw::Surplus)),
            Some(kept) if detail_digest(&kept.salt, &kept.detail) != entry.detail_digest => {
                return Err(broken(Flaw::Detail));
            }
            Some(_) => {}
            None if entry.detail_digest.is_empty() => {}
            None => {
                self.erased += 1;
                self.unexplained.push((sequence, entry.resource.clone()));
            }
        }
        if matches!(entry.action(), AuditAction::DetailsErased | AuditAction::AuditRotated) {
            let (through, resource) = (entry.erased_through_sequence, &entry.resource);
            self.unexplained.retain(|(erased, of)| *erased > through || !(resource.is_empty() || of == resource));
        }
        self.chain = chain;
        Ok(entry)
    }
}
