//! What operators do with directories, on files and without a node.

use std::collections::BTreeSet;

use isopolity_domain::{
    directory::{self, Directory, DirectoryError, Member, Operators, parse_public_keys, public_key_text, signers},
    envelope,
};
use isopolity_federation::{Bundle, operator};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// A new operator's key (PEM, secret), and its public half as configurations name it.
///
/// # Errors
/// A line that says what is wrong.
pub fn keygen() -> Result<(Zeroizing<String>, String), String> {
    let pem = operator::new_key()?;
    let public = public_key_text(&operator::read_key(&pem)?.verifying_key());
    Ok((pem, public))
}

/// A directory that nobody has signed yet, as a file.
///
/// # Errors
/// A line that names the bundle or the value that is wrong.
pub fn draft(
    federation: &str,
    version: i64,
    life: Duration,
    bundles: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<String, String> {
    let mut members = Vec::with_capacity(bundles.len());
    for (at, file) in bundles.iter().enumerate() {
        let bundle = Bundle::parse(file).map_err(|error| format!("bundle {}: {error}", at + 1))?;
        members.push(Member { city: bundle.city, endpoint: bundle.endpoint, bundle: bundle.file });
    }
    members.sort_by(|one, other| one.city.cmp(&other.city));
    let issued = now.replace_nanosecond(0).unwrap_or(now);
    let drafted = Directory { federation: federation.to_owned(), version, issued, expires: issued + life, members };
    let sealed = drafted.unsigned();
    Directory::read(&sealed).map_err(|error| error.to_string())?;
    Ok(envelope::to_file(&sealed))
}

/// The file with one more signature.
///
/// # Errors
/// A line that says what is wrong with file or key.
pub fn sign(file: &[u8], key_pem: &str) -> Result<String, String> {
    let mut sealed = envelope::from_file(file).map_err(|error| error.to_string())?;
    directory::sign(&mut sealed, &operator::read_key(key_pem)?).map_err(|error| error.to_string())?;
    Ok(envelope::to_file(&sealed))
}

/// What a directory says, and who signed it.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What it says.
    pub directory: Directory,
    /// The operators' keys that signed it, as configurations name them.
    pub signed_by: BTreeSet<String>,
    /// Signatures in the file, good or not.
    pub signatures: usize,
    /// Why a node would not take it, if it has seen none before.
    pub refused: Option<DirectoryError>,
}

/// Looks at a file. Without keys only what it says is read.
///
/// # Errors
/// A line that says what is wrong with the file or a key.
pub fn verify(file: &[u8], keys: &[String], threshold: usize, now: OffsetDateTime) -> Result<Verified, String> {
    let sealed = envelope::from_file(file).map_err(|error| error.to_string())?;
    let directory = Directory::read(&sealed).map_err(|error| error.to_string())?;
    let keys = parse_public_keys(keys.iter().map(String::as_str))?;
    let good = signers(&sealed, &keys);
    let signed_by = keys.iter().filter(|(id, _)| good.contains(*id)).map(|(_, key)| public_key_text(key)).collect();
    for member in &directory.members {
        Bundle::parse(&member.bundle).map_err(|error| format!("{}: {error}", member.city))?;
    }
    let operators = Operators { federation: directory.federation.clone(), keys, threshold };
    let refused = operators.judge(&sealed, None, now).err();
    Ok(Verified { directory, signed_by, signatures: sealed.signatures.len(), refused })
}
