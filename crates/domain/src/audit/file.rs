//! The log as a file that is checked without a node: JSON Lines.
//!
//! | line | what it holds |
//! | --- | --- |
//! | first | city, first sequence, the hash before it, the fingerprint of the city's trust bundle |
//! | one for each entry | its bytes, its hash, and the salt and bytes of its detail, in base64 |
//! | `head` | the city's signed head, a DSSE envelope |
//! | `receipt` | what witnesses signed, a DSSE envelope each |
//! | `seal` | the city's signature over all lines before |
//!
//! Each line has exactly one spelling, so that not a single byte can be changed unnoticed. A later file begins with the hash
//! with which the one before ended.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use isopolity_proto::{
    admin::{AuditEntry, AuditExportSeal},
    federation::{AuditHead, AuditReceipt, Envelope},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{
    Broken, Chain, Checker, Entry, Hash, Kept,
    head::{self, EXPORT},
};
use crate::{
    CityId,
    clock::to_timestamp,
    envelope::{self, EnvelopeError, Keys, SigningKey},
};

/// With this a file begins.
pub const BEGINNING: &str = r#"{"isopolityAuditLog":"1","#;

/// Writes a log, line by line.
#[derive(Debug)]
pub struct Writer {
    city: CityId,
    first: i64,
    last: i64,
    digest: Sha256,
}

impl Writer {
    /// Begins a file whose first entry is the one after `before`. Returns the first line too.
    #[must_use]
    pub fn begin(city: &CityId, before: Chain, bundle_fingerprint: &str) -> (Self, String) {
        let (first, hash) = (before.sequence + 1, STANDARD.encode(before.hash));
        let line = format!(
            "{BEGINNING}\"city\":\"{city}\",\"firstSequence\":\"{first}\",\"previousHash\":\"{hash}\",\
             \"bundleFingerprint\":\"{bundle_fingerprint}\"}}\n"
        );
        let mut writer = Self { city: city.clone(), first, last: before.sequence, digest: Sha256::new() };
        writer.digest.update(&line);
        (writer, line)
    }

    /// The line of the next entry.
    pub fn entry(&mut self, entry: &Entry) -> String {
        let mut line =
            format!("{{\"entry\":\"{}\",\"hash\":\"{}\"", STANDARD.encode(&entry.bytes), STANDARD.encode(&entry.hash));
        if let Some(Kept { salt, detail }) = &entry.kept {
            let (salt, detail) = (STANDARD.encode(salt), STANDARD.encode(detail));
            // A string takes everything.
            let _: std::fmt::Result = write!(line, ",\"salt\":\"{salt}\",\"detail\":\"{detail}\"");
        }
        line.push_str("}\n");
        self.digest.update(&line);
        self.last += 1;
        line
    }

    /// The lines after the last entry: head, receipts, seal.
    #[must_use]
    pub fn end(mut self, head: &Envelope, receipts: &[Envelope], now: OffsetDateTime, key: &SigningKey) -> String {
        let mut lines = signed("head", head);
        for receipt in receipts {
            lines.push_str(&signed("receipt", receipt));
        }
        self.digest.update(&lines);
        let seal = AuditExportSeal {
            city: self.city.to_string(),
            first_sequence: self.first,
            last_sequence: self.last,
            file_digest: Bytes::copy_from_slice(&self.digest.finalize()),
            time: Some(to_timestamp(now)),
        };
        lines.push_str(&signed("seal", &envelope::seal(EXPORT, Bytes::from(seal.encode_to_vec()), key)));
        lines
    }
}

fn signed(what: &str, envelope: &Envelope) -> String {
    format!("{{\"{what}\":{}}}\n", envelope::to_file(envelope).trim_end())
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFlaw {
    /// It is no line of an exported log.
    #[error("it is not spelt as this program spells it; a byte was changed")]
    Spelling,
    /// It is not the line that should be here.
    #[error("{0} should stand here")]
    Order(&'static str),
    /// It is of another city.
    #[error("the log is of {found}, not of {expected}, whose bundle was given")]
    City {
        /// Whose it is.
        found: String,
        /// Whose the bundle is.
        expected: CityId,
    },
    /// It does not go on where the file before ended.
    #[error("it begins at entry {found}, but the file before ends at entry {before}, or with another hash")]
    Start {
        /// The first sequence.
        found: i64,
        /// The last of the file before.
        before: i64,
    },
    /// An entry is not as it was written.
    #[error("{0}")]
    Entry(#[from] Broken),
    /// The head is not of this log.
    #[error("the signed head is of entry {head} with another hash than entry {last}, the last of the file")]
    Head {
        /// The head's sequence.
        head: i64,
        /// The file's.
        last: i64,
    },
    /// A receipt is not of this log.
    #[error("the receipt of {witness} contradicts the log: it saw another entry {sequence}")]
    Receipt {
        /// Who signed it.
        witness: String,
        /// The sequence.
        sequence: i64,
    },
    /// Something was changed that is not an entry.
    #[error("the seal does not fit: a line before it was changed, removed or added")]
    Seal,
    /// A signature is not good.
    #[error("{0}")]
    Signature(#[from] EnvelopeError),
    /// The file ends too early.
    #[error("the file is not whole: it ends without its seal")]
    Cut,
}

/// The first line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {flaw}")]
pub struct FileError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub flaw: FileFlaw,
}

/// A receipt in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// What it says.
    pub receipt: AuditReceipt,
    /// Whether the witness's bundle was there to check its signature.
    pub checked: bool,
}

/// A file that is as it was exported.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The first sequence.
    pub first: i64,
    /// Where it ends.
    pub end: Chain,
    /// The signed head.
    pub head: AuditHead,
    /// The receipts.
    pub receipts: Vec<Receipt>,
    /// How many details were erased.
    pub erased: i64,
    /// The entries whose detail is gone although no later entry of the file says that it was erased.
    pub unexplained: Vec<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    First,
    Entries,
    Receipts,
    Nothing,
}

/// Checks a file, line by line.
#[derive(Debug)]
pub struct Reader<'a> {
    city: &'a CityId,
    keys: &'a Keys,
    fingerprint: &'a str,
    witnesses: &'a [(CityId, Keys)],
    before: Option<Chain>,
    line: usize,
    expected: Expected,
    digest: Sha256,
    first: i64,
    points: Vec<Hash>,
    checker: Checker,
    head: Option<AuditHead>,
    receipts: Vec<Receipt>,
}

impl<'a> Reader<'a> {
    /// Begins. The bundle's city, keys and fingerprint; the keys of witnesses, as far as they are known; where the file before
    /// ended, if there is one.
    #[must_use]
    pub fn begin(
        (city, keys, fingerprint): (&'a CityId, &'a Keys, &'a str),
        witnesses: &'a [(CityId, Keys)],
        before: Option<Chain>,
    ) -> Self {
        Self {
            city,
            keys,
            fingerprint,
            witnesses,
            before,
            line: 0,
            expected: Expected::First,
            digest: Sha256::new(),
            first: 0,
            points: Vec::new(),
            checker: Checker::after(Chain::EMPTY),
            head: None,
            receipts: Vec::new(),
        }
    }

    /// Checks a line, with its line feed. Returns what it says if it is an entry.
    ///
    /// # Errors
    /// [`FileError`]. What comes after can't be checked then.
    pub fn line(&mut self, line: &str) -> Result<Option<AuditEntry>, FileError> {
        self.line += 1;
        self.read(line).map_err(|flaw| FileError { line: self.line, flaw })
    }

    /// Tells that there are no more lines.
    ///
    /// # Errors
    /// [`FileError`] if the file was cut off.
    pub fn finish(self) -> Result<Checked, FileError> {
        match self.head {
            Some(head) if self.expected == Expected::Nothing => Ok(Checked {
                first: self.first,
                end: self.checker.chain(),
                head,
                receipts: self.receipts,
                erased: self.checker.erased(),
                unexplained: self.checker.unexplained(),
            }),
            _ => Err(FileError { line: self.line + 1, flaw: FileFlaw::Cut }),
        }
    }

    fn read(&mut self, line: &str) -> Result<Option<AuditEntry>, FileFlaw> {
        let mut found = None;
        match self.expected {
            Expected::First => self.begins(line)?,
            Expected::Entries if line.starts_with("{\"entry\"") => found = Some(self.entry(line)?),
            Expected::Entries if line.starts_with("{\"head\"") => self.head(line)?,
            Expected::Entries => return Err(FileFlaw::Order("an entry or the head")),
            Expected::Receipts if line.starts_with("{\"receipt\"") => self.receipt(line)?,
            Expected::Receipts if line.starts_with("{\"seal\"") => self.seal(line)?,
            Expected::Receipts => return Err(FileFlaw::Order("a receipt or the seal")),
            Expected::Nothing => return Err(FileFlaw::Order("nothing")),
        }
        self.digest.update(line);
        Ok(found)
    }

    fn begins(&mut self, line: &str) -> Result<(), FileFlaw> {
        let mut rest = line.strip_prefix(BEGINNING).ok_or(FileFlaw::Spelling)?;
        let mut value = |key: &str, end: &str| value(&mut rest, key, end);
        let city = value("city", ",")?;
        let first = value("firstSequence", ",")?;
        let hash = value("previousHash", ",")?;
        let fingerprint = value("bundleFingerprint", "}\n")?;
        if city != self.city.as_str() {
            return Err(FileFlaw::City { found: city.to_owned(), expected: self.city.clone() });
        }
        let number: i64 = first.parse().ok().filter(|number| *number > 0).ok_or(FileFlaw::Spelling)?;
        let hash: Hash = decoded(hash)?.as_slice().try_into().ok().ok_or(FileFlaw::Spelling)?;
        let is_spelt = number.to_string() == first && rest.is_empty();
        // The bundle may be a newer one with the same keys; then the fingerprint is another one of the city's.
        let is_fingerprint = fingerprint.len() == self.fingerprint.len()
            && fingerprint.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_spelt || !is_fingerprint {
            return Err(FileFlaw::Spelling);
        }
        let start = Chain { sequence: number - 1, hash };
        if let Some(before) = self.before.filter(|before| *before != start) {
            return Err(FileFlaw::Start { found: number, before: before.sequence });
        }
        if number == 1 && start != Chain::EMPTY {
            return Err(FileFlaw::Start { found: 1, before: 0 });
        }
        self.first = number;
        self.checker = Checker::after(start);
        self.points.push(start.hash);
        self.expected = Expected::Entries;
        Ok(())
    }

    fn entry(&mut self, line: &str) -> Result<AuditEntry, FileFlaw> {
        let mut rest = line.strip_prefix('{').ok_or(FileFlaw::Spelling)?;
        let bytes = Bytes::from(decoded(value(&mut rest, "entry", ",")?)?);
        let (hash, kept) = if let Some(hash) = rest.strip_suffix("\"}\n").filter(|rest| !rest.contains(',')) {
            (hash.strip_prefix("\"hash\":\"").ok_or(FileFlaw::Spelling)?, None)
        } else {
            let hash = value(&mut rest, "hash", ",")?;
            let salt = Bytes::from(decoded(value(&mut rest, "salt", ",")?)?);
            let detail = Bytes::from(decoded(value(&mut rest, "detail", "}\n")?)?);
            if !rest.is_empty() {
                return Err(FileFlaw::Spelling);
            }
            (hash, Some(Kept { salt, detail }))
        };
        let entry = Entry { bytes, hash: Bytes::from(decoded(hash)?), kept };
        let said = self.checker.check(&entry)?;
        self.points.push(self.checker.chain().hash);
        Ok(said)
    }

    fn head(&mut self, line: &str) -> Result<(), FileFlaw> {
        let (head, chain) = head::open_head(&opened(line, "head")?, self.city, self.keys)?;
        let last = self.checker.chain();
        if chain != last {
            return Err(FileFlaw::Head { head: chain.sequence, last: last.sequence });
        }
        self.head = Some(head);
        self.expected = Expected::Receipts;
        Ok(())
    }

    fn receipt(&mut self, line: &str) -> Result<(), FileFlaw> {
        let envelope = opened(line, "receipt")?;
        let receipt = AuditReceipt::decode(envelope.payload.clone())
            .map_err(|error| EnvelopeError::Payload(error.to_string()))?;
        let known = self.witnesses.iter().find(|(city, _)| city.as_str() == receipt.witness);
        if let Some((witness, keys)) = known {
            head::open_receipt(&envelope, self.city, witness, keys)?;
        } else if envelope.payload_type != head::RECEIPT || receipt.city != self.city.as_str() {
            return Err(FileFlaw::Spelling);
        }
        // One of a point outside of the file can't be compared.
        let at = receipt.sequence.checked_sub(self.first - 1).and_then(|at| usize::try_from(at).ok());
        if at.and_then(|at| self.points.get(at)).is_some_and(|hash| hash.as_slice() != receipt.hash.as_ref()) {
            return Err(FileFlaw::Receipt { witness: receipt.witness, sequence: receipt.sequence });
        }
        self.receipts.push(Receipt { receipt, checked: known.is_some() });
        Ok(())
    }

    fn seal(&mut self, line: &str) -> Result<(), FileFlaw> {
        let seal = AuditExportSeal::decode(envelope::open(&opened(line, "seal")?, EXPORT, self.keys)?)
            .map_err(|error| EnvelopeError::Payload(error.to_string()))?;
        let digest: Hash = self.digest.clone().finalize().into();
        let is_whole = seal.city == self.city.as_str()
            && seal.first_sequence == self.first
            && seal.last_sequence == self.checker.chain().sequence
            && seal.file_digest.as_ref() == digest.as_slice();
        if !is_whole {
            return Err(FileFlaw::Seal);
        }
        self.expected = Expected::Nothing;
        Ok(())
    }
}

/// Takes `"key":"value"` and what follows it from the beginning of the rest of a line.
fn value<'a>(rest: &mut &'a str, key: &str, end: &str) -> Result<&'a str, FileFlaw> {
    let mut take = || {
        let text = rest.strip_prefix('"')?.strip_prefix(key)?.strip_prefix("\":\"")?;
        let (value, after) = text.split_once('"')?;
        *rest = after.strip_prefix(end)?;
        Some(value)
    };
    take().ok_or(FileFlaw::Spelling)
}

fn decoded(text: &str) -> Result<Vec<u8>, FileFlaw> {
    STANDARD.decode(text).map_err(|_error: base64::DecodeError| FileFlaw::Spelling)
}

fn opened(line: &str, what: &str) -> Result<Envelope, FileFlaw> {
    let inner = line.strip_prefix(&format!("{{\"{what}\":")).and_then(|rest| rest.strip_suffix("}\n"));
    let envelope = envelope::from_file(format!("{}\n", inner.ok_or(FileFlaw::Spelling)?).as_bytes());
    envelope.map_err(|_error: EnvelopeError| FileFlaw::Spelling)
}
