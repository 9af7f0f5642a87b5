//! A city's own PKI, or SPIRE: files that somebody else writes and renews, read anew whenever they change.

use std::path::{Path, PathBuf};

use isopolity_domain::{CityId, text::hexadecimal};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{IdentityError, Leaf, files};
use crate::{certificate::Facts, tls};

/// What a city's own PKI says, for the bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pki {
    /// The CA certificates.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Lists of revoked certificates, DER.
    pub crls: Vec<Vec<u8>>,
}

/// Where the files of a city's own PKI are, all in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiFiles {
    /// The CA certificates that peers are to trust.
    pub authorities: PathBuf,
    /// The node's certificate, then the intermediate ones.
    pub certificate: PathBuf,
    /// The key of the node's certificate.
    pub key: PathBuf,
    /// Lists of revoked certificates. None: nothing is revoked.
    pub crls: Option<PathBuf>,
}

/// What the files said when they were read.
pub(crate) struct Content {
    pub(crate) pki: Pki,
    pub(crate) leaf: Leaf,
    /// The same as long as no file changes.
    pub(crate) mark: String,
}

impl PkiFiles {
    /// Reads all files and checks that they fit together: that peers will believe the certificate by this bundle.
    ///
    /// # Errors
    /// [`IdentityError`] naming the file and what is wrong with it.
    pub(crate) fn read(&self, city: &CityId, now: OffsetDateTime) -> Result<Content, IdentityError> {
        let (roots, chain, key) =
            (files::read(&self.authorities)?, files::read(&self.certificate)?, files::read_secret(&self.key)?);
        let lists = self.crls.as_deref().map(files::read).transpose()?;
        let mut digest = Sha256::new();
        for text in [Some(&roots), Some(&chain), Some(&key), lists.as_ref()].into_iter().flatten() {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        let mark = hexadecimal(&digest.finalize());

        let authorities: Vec<CertificateDer<'static>> = all(&self.authorities, &roots, "certificate")?;
        for authority in &authorities {
            let facts = Facts::read(authority).map_err(|error| IdentityError::file(&self.authorities, error))?;
            if !facts.is_ca_of(city) {
                let what = if facts.is_ca { "is of another SPIFFE trust domain" } else { "is not one of a CA" };
                return Err(self.wrong_authority(&facts, what));
            }
            if let Some(weakness) = &facts.weakness {
                return Err(self.wrong_authority(&facts, weakness));
            }
        }
        let chain: Vec<CertificateDer<'static>> = all(&self.certificate, &chain, "certificate")?;
        let secret = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| IdentityError::file(&self.key, format!("holds no private key in PEM form: {error}")))?;
        let crls = match (&self.crls, &lists) {
            (Some(path), Some(text)) => all::<CertificateRevocationListDer<'static>>(path, text, "X509 CRL")?
                .iter()
                .map(|list| list.as_ref().to_vec())
                .collect(),
            _ => Vec::new(),
        };

        let leaf = chain.first().ok_or_else(|| IdentityError::file(&self.certificate, "is empty"))?;
        let facts = Facts::read(leaf).map_err(|error| IdentityError::file(&self.certificate, error))?;
        if facts.node_city().as_ref() != Some(city) {
            let found = if facts.uris.is_empty() { "no URI".to_owned() } else { facts.uris.join(", ") };
            let problem = format!("must carry exactly one URI, {}; it carries {found}", city.spiffe_id());
            return Err(IdentityError::file(&self.certificate, problem));
        }
        let pki = Pki { authorities, crls };
        tls::leads_to(&pki, &chain, now)
            .map_err(|refusal| IdentityError::file(&self.certificate, format!("peers would refuse it: {refusal}")))?;
        let (not_before, not_after) = (facts.not_before, facts.not_after);
        Ok(Content { pki, leaf: Leaf { chain, key: Zeroizing::new(secret), not_before, not_after }, mark })
    }

    fn wrong_authority(&self, facts: &Facts, what: &str) -> IdentityError {
        IdentityError::file(&self.authorities, format!("the certificate {:?} can't be used: {what}", facts.subject))
    }
}

/// All sections of one kind in a PEM file; at least one.
fn all<T: PemObject>(path: &Path, text: &str, what: &str) -> Result<Vec<T>, IdentityError> {
    let found = T::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, pem::Error>>();
    let found = found.map_err(|error| IdentityError::file(path, format!("is not in PEM form: {error}")))?;
    if found.is_empty() {
        return Err(IdentityError::file(path, format!("holds no {what} in PEM form")));
    }
    Ok(found)
}
