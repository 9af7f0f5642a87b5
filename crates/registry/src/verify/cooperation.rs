//! Checking an exported cooperation with its cities' bundles.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, ErrorKind, Read as _},
};

use isopolity_domain::{
    CityId,
    cooperation::{
        EventError,
        file::{self, Checked, FileError, FileFlaw, Reader},
    },
    envelope::Keys,
};
use isopolity_federation::{Bundle, BundleError};

use super::LINE_MAX;

/// Why an exported cooperation is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyCooperationError {
    /// A bundle is no bundle.
    #[error("bundle {number} can't be used: {error}")]
    Bundle {
        /// Which of those that were given, from 1.
        number: usize,
        /// What is wrong with it.
        error: BundleError,
    },
    /// The bundle of a city that signed is not there.
    #[error(
        "line {line} says that it is signed by {city}, and no bundle of {city} was given: add --bundle with that city's"
    )]
    Missing {
        /// The line.
        line: usize,
        /// The city.
        city: CityId,
    },
    /// The history was changed; what is wrong first.
    #[error("{0}")]
    History(FileError),
    /// The file can't be read.
    #[error("it can't be read: {0}")]
    Read(#[from] io::Error),
}

impl From<FileError> for VerifyCooperationError {
    fn from(error: FileError) -> Self {
        match error.flaw {
            FileFlaw::Event(EventError::SignerUnknown(city)) => Self::Missing { line: error.line, city },
            _ => Self::History(error),
        }
    }
}

/// A bundle by which a history was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleOf {
    /// Whose it is.
    pub city: CityId,
    /// Its fingerprint: whoever knows it from the city itself knows that the signatures are the city's.
    pub fingerprint: String,
}

/// A history that its cities signed.
#[derive(Debug)]
pub struct VerifiedCooperation {
    /// What it says, and how it stands after its last event.
    pub checked: Checked,
    /// The bundles that were given.
    pub bundles: Vec<BundleOf>,
}

/// Whether a file begins as an exported cooperation does.
#[must_use]
pub fn is_cooperation(beginning: &[u8]) -> bool {
    beginning.starts_with(file::BEGINNING.as_bytes())
}

/// Checks an exported cooperation against the trust bundles of its cities.
///
/// A bundle that has expired still verifies: its keys did sign then. Of a city that has changed its key several bundles may be given.
///
/// # Errors
/// [`VerifyCooperationError`] if a single byte is not as the cities signed it, or a bundle is missing.
pub fn verify_cooperation(
    mut history: impl BufRead,
    bundle_files: &[Vec<u8>],
) -> Result<VerifiedCooperation, VerifyCooperationError> {
    let mut keys: BTreeMap<CityId, Keys> = BTreeMap::new();
    let mut bundles = Vec::with_capacity(bundle_files.len());
    for (at, bundle_file) in bundle_files.iter().enumerate() {
        let bundle =
            Bundle::parse(bundle_file).map_err(|error| VerifyCooperationError::Bundle { number: at + 1, error })?;
        bundles.push(BundleOf { city: bundle.city.clone(), fingerprint: bundle.fingerprint() });
        keys.entry(bundle.city).or_default().extend(bundle.keys);
    }
    let mut reader = Reader::begin(&keys);
    let (mut line, mut number) = (String::new(), 0);
    loop {
        number += 1;
        line.clear();
        match history.by_ref().take(LINE_MAX).read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => reader.line(&line)?,
            // What is no text is no line of such a file.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(VerifyCooperationError::History(FileError { line: number, flaw: FileFlaw::Spelling }));
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(VerifiedCooperation { checked: reader.finish()?, bundles })
}
