//! All of a city's keys and what each is for at present: the one in use, the one that comes next, those of before.
//!
//! The file `keys.json` in the trust folder says which file is which. A folder without it holds one key of each kind.

use std::{path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use isopolity_domain::{
    CityId,
    envelope::{self, SigningKey, VerifyingKey},
    text::hexadecimal,
};
use rcgen::{Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{IdentityError, files, issue};
use crate::certificate::{Facts, trust_domain_id};

pub(super) const CA_CERTIFICATE: &str = "ca.pem";
pub(super) const CA_KEY: &str = "ca.key";
pub(super) const RECORD_KEY: &str = "record.key";
pub(super) const STATE: &str = "keys.json";

/// What a key is for at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It signs.
    Current,
    /// It will sign: peers know it already.
    Next,
    /// It has signed: what it signed can still be checked.
    Former,
}

/// A key that signs records and bundles.
#[derive(Clone)]
pub struct RecordKey {
    /// What it is for.
    pub state: KeyState,
    /// Its public half.
    pub public: VerifyingKey,
    /// Since when it has been in this state.
    pub since: OffsetDateTime,
    /// Until when it signed. Only former ones.
    pub until: Option<OffsetDateTime>,
    /// The private half; those of before are destroyed.
    pub(super) secret: Option<Arc<SigningKey>>,
    pub(super) file: String,
}

impl RecordKey {
    /// Its `kid`.
    #[must_use]
    pub fn id(&self) -> String {
        envelope::key_id(&self.public)
    }
}

/// A CA of the city.
#[derive(Clone)]
pub struct Authority {
    /// What it is for.
    pub state: KeyState,
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// From when on its certificate is valid.
    pub begins: OffsetDateTime,
    /// Until when its certificate is valid.
    pub expires: OffsetDateTime,
    /// Since when it has been in this state.
    pub since: OffsetDateTime,
    pub(super) issuer: Arc<Issuer<'static, KeyPair>>,
    pub(super) pem: String,
    pub(super) certificate_file: String,
    pub(super) key_file: String,
}

impl Authority {
    /// The first 16 digits of the certificate's SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        authority_id(&self.certificate)
    }
}

/// What a CA is called here: the first 16 digits of its certificate's SHA-256.
#[must_use]
pub fn authority_id(certificate: &[u8]) -> String {
    let mut digest = hexadecimal(&Sha256::digest(certificate));
    digest.truncate(16);
    digest
}

/// A certificate of the node that was withdrawn before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// The CA that issued it.
    pub authority: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
}

/// All keys at one moment.
#[derive(Clone)]
pub(super) struct Ring {
    /// The current one, the next one if there is one, then the former ones, the latest first.
    pub(super) record_keys: Vec<RecordKey>,
    /// In the same order.
    pub(super) authorities: Vec<Authority>,
    pub(super) revoked: Vec<Revoked>,
    /// Counts the lists of revoked certificates; each has a higher number.
    pub(super) crl_number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    record_keys: Vec<RecordKeyState>,
    authorities: Vec<AuthorityState>,
    revoked: Vec<Revoked>,
    crl_number: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordKeyState {
    file: String,
    state: KeyState,
    public: String,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityState {
    certificate: String,
    key: String,
    state: KeyState,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
}

impl Ring {
    pub(super) fn load(folder: &Path, city: &CityId) -> Result<Self, IdentityError> {
        let path = folder.join(STATE);
        if !path.exists() {
            let authority = load_authority(folder, city, CA_CERTIFICATE, CA_KEY, KeyState::Current, None)?;
            let key = load_record_key(&folder.join(RECORD_KEY))?;
            let since = authority.since;
            let record_key = RecordKey {
                state: KeyState::Current,
                public: key.verifying_key(),
                since,
                until: None,
                secret: Some(Arc::new(key)),
                file: RECORD_KEY.to_owned(),
            };
            return Ok(Self {
                record_keys: vec![record_key],
                authorities: vec![authority],
                revoked: Vec::new(),
                crl_number: 0,
            });
        }
        let text = files::read(&path)?;
        let state: State =
            serde_json::from_str(&text).map_err(|error| IdentityError::file(&path, format!("is damaged: {error}")))?;
        let mut record_keys = Vec::new();
        for one in state.record_keys {
            let public = public_key(&one.public)
                .ok_or_else(|| IdentityError::file(&path, format!("is damaged: {:?} is no public key", one.public)))?;
            let secret = if one.state == KeyState::Former {
                None
            } else {
                let file = folder.join(plain(&path, &one.file)?);
                let key = load_record_key(&file)?;
                if key.verifying_key() != public {
                    return Err(IdentityError::file(
                        &file,
                        format!("is not the key that {STATE} names; restore both together"),
                    ));
                }
                Some(Arc::new(key))
            };
            let RecordKeyState { file, state, since, until, .. } = one;
            record_keys.push(RecordKey { state, public, since, until, secret, file });
        }
        let mut authorities = Vec::new();
        for one in state.authorities {
            let (certificate, key) = (plain(&path, &one.certificate)?, plain(&path, &one.key)?);
            authorities.push(load_authority(folder, city, certificate, key, one.state, Some(one.since))?);
        }
        let ring = Self { record_keys, authorities, revoked: state.revoked, crl_number: state.crl_number };
        let current = |state: KeyState| state == KeyState::Current;
        if ring.record_keys.iter().filter(|key| current(key.state)).count() != 1
            || ring.authorities.iter().filter(|one| current(one.state)).count() != 1
        {
            return Err(IdentityError::file(&path, "is damaged: it does not name one current key of each kind"));
        }
        Ok(ring)
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), IdentityError> {
        let record_keys = self.record_keys.iter().map(|key| RecordKeyState {
            file: key.file.clone(),
            state: key.state,
            public: URL_SAFE_NO_PAD.encode(key.public.as_bytes()),
            since: key.since,
            until: key.until,
        });
        let authorities = self.authorities.iter().map(|one| AuthorityState {
            certificate: one.certificate_file.clone(),
            key: one.key_file.clone(),
            state: one.state,
            since: one.since,
        });
        let state = State {
            record_keys: record_keys.collect(),
            authorities: authorities.collect(),
            revoked: self.revoked.clone(),
            crl_number: self.crl_number,
        };
        let path = folder.join(STATE);
        let text = serde_json::to_string_pretty(&state).map_err(|error| IdentityError::file(&path, error))?;
        files::replace(&path, format!("{text}\n").as_bytes())
    }

    /// Puts what is in use first, then what comes next, then what was.
    pub(super) fn sort(&mut self) {
        let rank = |state: KeyState| match state {
            KeyState::Current => 0,
            KeyState::Next => 1,
            KeyState::Former => 2,
        };
        self.record_keys.sort_by_key(|key| (rank(key.state), std::cmp::Reverse(key.since)));
        self.authorities.sort_by_key(|one| (rank(one.state), std::cmp::Reverse(one.since)));
    }

    /// All CA certificates as one PEM file, the current one first.
    pub(super) fn roots(&self) -> String {
        self.authorities.iter().map(|one| one.pem.as_str()).collect()
    }
}

pub(super) fn load_record_key(path: &Path) -> Result<SigningKey, IdentityError> {
    SigningKey::from_pkcs8_pem(&files::read_secret(path)?)
        .map_err(|error| IdentityError::file(path, format!("holds no Ed25519 key (PKCS#8, PEM): {error}")))
}

pub(super) fn load_authority(
    folder: &Path,
    city: &CityId,
    certificate_file: &str,
    key_file: &str,
    state: KeyState,
    since: Option<OffsetDateTime>,
) -> Result<Authority, IdentityError> {
    let path = folder.join(certificate_file);
    let text = files::read(&path)?.to_string();
    let certificate = CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|error| IdentityError::file(&path, format!("holds no certificate in PEM form: {error}")))?;
    let facts = Facts::read(&certificate).map_err(|error| IdentityError::file(&path, error))?;
    if !facts.is_ca || facts.uris != [trust_domain_id(city)] {
        let found = if facts.uris.is_empty() { "no URI".to_owned() } else { facts.uris.join(", ") };
        let wanted = trust_domain_id(city);
        return Err(IdentityError::file(&path, format!("is not the CA of {city}: carries {found}, not {wanted}")));
    }
    let path = folder.join(key_file);
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&files::read_secret(&path)?, &PKCS_ECDSA_P256_SHA256)
        .map_err(|error| IdentityError::file(&path, format!("holds no ECDSA P-256 key (PKCS#8, PEM): {error}")))?;
    if key.public_key_raw() != facts.public_key {
        return Err(IdentityError::file(&path, format!("is not the key of {certificate_file}; restore both together")));
    }
    let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(issue)?;
    Ok(Authority {
        state,
        begins: facts.not_before,
        expires: facts.not_after,
        since: since.unwrap_or(facts.not_before),
        issuer: Arc::new(issuer),
        pem: first_certificate(&text),
        certificate,
        certificate_file: certificate_file.to_owned(),
        key_file: key_file.to_owned(),
    })
}

/// The first certificate of a PEM file, as it stands there.
fn first_certificate(text: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    let whole = text.find(END).map_or(text, |at| text.get(..at + END.len()).unwrap_or(text));
    format!("{}\n", whole.trim())
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}

/// A file's name that leads nowhere else.
fn plain<'a>(path: &Path, name: &'a str) -> Result<&'a str, IdentityError> {
    let good = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    good.then_some(name)
        .ok_or_else(|| IdentityError::file(path, format!("names {name:?}, which is not a file beside it")))
}
