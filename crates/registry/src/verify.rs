//! Checking an exported record offline: two files, no node.

use isopolity_domain::{
    Name,
    envelope::{self, EnvelopeError},
};
use isopolity_federation::{Bundle, BundleError};
use isopolity_proto::federation::{Envelope, Record};

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
