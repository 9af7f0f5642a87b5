//! The content of a bundle as JSON.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use isopolity_domain::{
    CityId,
    envelope::{self, Keys, VerifyingKey},
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{BundleError, MOST_KEYS, REFRESH_HINT, malformed, short};
use crate::certificate::Facts;

const AUTHORITY: &str = "x509-svid";
const RECORD: &str = "isopolity-record";
/// Entries of any use, known here or not.
const MOST_ENTRIES: usize = 64;
/// The greatest number that every JSON reader keeps exactly.
const GREATEST_SEQUENCE: i64 = 1 << 53;

#[derive(Serialize, Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
    spiffe_sequence: i64,
    spiffe_refresh_hint: Option<i64>,
    isopolity: Member,
}

#[derive(Serialize, Deserialize)]
struct Member {
    city: String,
    endpoint: String,
    expires: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    r#use: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
}

/// What a city puts into its bundle.
pub(crate) struct Content<'a> {
    pub(crate) city: &'a CityId,
    pub(crate) endpoint: &'a str,
    pub(crate) sequence: i64,
    pub(crate) expires: OffsetDateTime,
    pub(crate) authorities: &'a [CertificateDer<'static>],
    pub(crate) keys: &'a [VerifyingKey],
}

impl Content<'_> {
    /// The bytes that are signed.
    pub(crate) fn to_payload(&self) -> Bytes {
        let authorities = self.authorities.iter().map(authority_jwk);
        let set = JwkSet {
            keys: authorities.chain(self.keys.iter().map(record_jwk)).collect(),
            spiffe_sequence: self.sequence,
            spiffe_refresh_hint: Some(REFRESH_HINT.whole_seconds()),
            isopolity: Member {
                city: self.city.to_string(),
                endpoint: self.endpoint.to_owned(),
                // Only years beyond 9999 have no such form.
                expires: self.expires.format(&Rfc3339).unwrap_or_default(),
            },
        };
        Bytes::from(serde_json::to_vec(&set).unwrap_or_default())
    }
}

/// What stands in a bundle whose signature has not been checked yet.
pub(super) struct Read {
    pub(super) city: CityId,
    pub(super) endpoint: String,
    pub(super) sequence: i64,
    pub(super) expires: OffsetDateTime,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) keys: Keys,
    pub(super) refresh_hint: Duration,
}

/// Reads the content of a bundle. Keys for uses that are not known here are passed over, as RFC 7517 wants it.
pub(super) fn read(payload: &[u8]) -> Result<Read, BundleError> {
    let set: JwkSet = serde_json::from_slice(payload).map_err(malformed)?;
    if set.keys.len() > MOST_ENTRIES {
        return Err(malformed(format!("it holds {} keys, more than {MOST_ENTRIES}", set.keys.len())));
    }
    let mut authorities = Vec::new();
    let mut keys = Keys::new();
    for jwk in &set.keys {
        match jwk.r#use.as_str() {
            AUTHORITY => authorities.push(authority(jwk)?),
            RECORD => {
                let key = record_key(jwk)?;
                keys.insert(envelope::key_id(&key), key);
            }
            _ => {}
        }
    }
    for (count, what) in [(authorities.len(), "CA certificates"), (keys.len(), "record keys")] {
        if !(1..=MOST_KEYS).contains(&count) {
            return Err(malformed(format!("it holds {count} {what}, not 1 to {MOST_KEYS}")));
        }
    }
    if !(1..=GREATEST_SEQUENCE).contains(&set.spiffe_sequence) {
        return Err(malformed(format!("its sequence is {}, not 1 to {GREATEST_SEQUENCE}", set.spiffe_sequence)));
    }
    let Member { city, endpoint, expires } = set.isopolity;
    Ok(Read {
        city: city.parse().map_err(malformed)?,
        endpoint,
        sequence: set.spiffe_sequence,
        expires: OffsetDateTime::parse(&expires, &Rfc3339)
            .map_err(|error| malformed(format!("its expiry {:?}: {error}", short(&expires))))?,
        authorities,
        keys,
        refresh_hint: set
            .spiffe_refresh_hint
            .map_or(REFRESH_HINT, |seconds| Duration::seconds(seconds.clamp(60, 7 * 86_400))),
    })
}

fn authority(jwk: &Jwk) -> Result<CertificateDer<'static>, BundleError> {
    let [certificate] = jwk.x5c.as_deref().unwrap_or_default() else {
        return Err(malformed("an x509-svid key carries no x5c, or more than one certificate in it"));
    };
    let certificate = STANDARD.decode(certificate).map_err(|error| malformed(format!("x5c: {error}")))?;
    let facts = Facts::read(&certificate).map_err(|error| malformed(format!("x5c: {error}")))?;
    if (jwk.kty.as_str(), coordinates(&facts)) != ("EC", jwk.x.clone().zip(jwk.y.clone())) {
        return Err(malformed("an x509-svid key is not that of the certificate in its x5c"));
    }
    Ok(certificate.into())
}

fn record_key(jwk: &Jwk) -> Result<VerifyingKey, BundleError> {
    let wrong = || malformed("an isopolity-record key is not an Ed25519 key with its thumbprint as kid");
    let bytes =
        URL_SAFE_NO_PAD.decode(jwk.x.as_deref().unwrap_or_default()).map_err(|_error: base64::DecodeError| wrong())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_bytes: Vec<u8>| wrong())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_error: ed25519_dalek::SignatureError| wrong())?;
    let named = jwk.kid.as_deref() == Some(envelope::key_id(&key).as_str());
    let typed = (jwk.kty.as_str(), jwk.crv.as_deref()) == ("OKP", Some("Ed25519"));
    if named && typed && !key.is_weak() { Ok(key) } else { Err(wrong()) }
}

fn authority_jwk(certificate: &CertificateDer<'static>) -> Jwk {
    let point = Facts::read(certificate).ok().and_then(|facts| coordinates(&facts));
    let (x, y) = point.unzip();
    Jwk {
        kty: "EC".to_owned(),
        r#use: AUTHORITY.to_owned(),
        crv: Some("P-256".to_owned()),
        x,
        y,
        x5c: Some(vec![STANDARD.encode(certificate)]),
        ..Jwk::default()
    }
}

fn record_jwk(key: &VerifyingKey) -> Jwk {
    Jwk {
        kty: "OKP".to_owned(),
        r#use: RECORD.to_owned(),
        kid: Some(envelope::key_id(key)),
        crv: Some("Ed25519".to_owned()),
        x: Some(URL_SAFE_NO_PAD.encode(key.as_bytes())),
        ..Jwk::default()
    }
}

/// The coordinates of an uncompressed point (SEC 1 §2.3.3), as a JWK has them.
fn coordinates(facts: &Facts) -> Option<(String, String)> {
    let point = facts.public_key.strip_prefix(&[0x04])?;
    let (x, y) = point.split_at_checked(point.len() / 2)?;
    Some((URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
}
