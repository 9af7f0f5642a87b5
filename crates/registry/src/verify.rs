//! Checking an exported record, cooperation or audit log offline: files, no node.

mod cooperation;

use std::io::{self, BufRead, Read as _};

use isopolity_domain::{
    CityId, Name,
    audit::{
        Chain,
        file::{self, Checked, FileError, Reader},
    },
    envelope::{self, EnvelopeError, Keys},
};
use isopolity_federation::{Bundle, BundleError};
use isopolity_proto::federation::{Envelope, Record};

pub use cooperation::{BundleOf, VerifiedCooperation, VerifyCooperationError, is_cooperation, verify_cooperation};
pub use isopolity_domain::{
    cooperation::file::{Deed, Forked},
    text::hexadecimal,
};

/// No line of an exported audit log is longer.
const LINE_MAX: u64 = 1 << 20;

/// Why a record is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The bundle is no bundle.
    #[error("the bundle can't be used: {0}")]
    Bundle(#[from] BundleError),
    /// The record is not signed by that city, or was changed.
    #[error("{0}")]
    Record(#[from] EnvelopeError),
}

/// A record that its home city signed.
#[derive(Debug)]
pub struct Verified {
    /// The record.
    pub record: Record,
    /// The bundle's fingerprint: whoever knows it from the city itself knows that the record is the city's.
    pub bundle_fingerprint: String,
}

/// Checks the file of an exported record against the file of its home city's trust bundle.
///
/// A bundle that has expired still verifies: its keys did sign then.
///
/// # Errors
/// [`VerifyError`] if a single byte of either is not as the city signed it.
pub fn verify(record_file: &[u8], bundle_file: &[u8]) -> Result<Verified, VerifyError> {
    let bundle = Bundle::parse(bundle_file)?;
    let envelope = envelope::from_file(record_file)?;
    let record = bundle.record(&envelope)?;
    if record.name.parse::<Name>().is_ok_and(|name| name.kind().as_str() != record.kind) {
        return Err(EnvelopeError::Payload(format!("it says that {} is a {}", record.name, record.kind)).into());
    }
    Ok(Verified { record, bundle_fingerprint: bundle.fingerprint() })
}

/// The file in which a record is exported: DSSE's JSON form.
#[must_use]
pub fn export(envelope: &Envelope) -> String {
    envelope::to_file(envelope)
}

/// Whether a file begins as an exported audit log does.
#[must_use]
pub fn is_audit_log(beginning: &[u8]) -> bool {
    beginning.starts_with(file::BEGINNING.as_bytes())
}

/// Why an exported audit log is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyLogError {
    /// A bundle is no bundle.
    #[error("the bundle can't be used: {0}")]
    Bundle(#[from] BundleError),
    /// The log was changed; what is wrong first.
    #[error("{0}")]
    Log(#[from] FileError),
    /// The file can't be read.
    #[error("it can't be read: {0}")]
    Read(#[from] io::Error),
}

/// Checks exported audit logs of a city against its trust bundle, one file after the other as they follow one another.
#[derive(Debug)]
pub struct LogVerifier {
    bundle: Bundle,
    fingerprint: String,
    witnesses: Vec<(CityId, Keys)>,
    before: Option<Chain>,
}

impl LogVerifier {
    /// Begins. `witnesses` are the bundle files of cities that signed receipts, as far as they are at hand; receipts of others
    /// are compared with the log, but not their signatures.
    ///
    /// # Errors
    /// [`VerifyLogError::Bundle`].
    pub fn begin(bundle_file: &[u8], witnesses: &[Vec<u8>]) -> Result<Self, VerifyLogError> {
        let bundle = Bundle::parse(bundle_file)?;
        let read = |file: &Vec<u8>| Bundle::parse(file).map(|bundle| (bundle.city, bundle.keys));
        let witnesses = witnesses.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { fingerprint: bundle.fingerprint(), bundle, witnesses, before: None })
    }

    /// The city's trust bundle has this fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whose log it is.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.bundle.city
    }

    /// Checks the next file.
    ///
    /// # Errors
    /// [`VerifyLogError`] if a single byte is not as the city wrote it, or if the file does not go on where the one before ended.
    pub fn file(&mut self, mut log: impl BufRead) -> Result<Checked, VerifyLogError> {
        let own = (&self.bundle.city, &self.bundle.keys, self.fingerprint.as_str());
        let mut reader = Reader::begin(own, &self.witnesses, self.before);
        let mut line = String::new();
        while log.by_ref().take(LINE_MAX).read_line(&mut line)? > 0 {
            reader.line(&line)?;
            line.clear();
        }
        let checked = reader.finish()?;
        self.before = Some(checked.end);
        Ok(checked)
    }
}
