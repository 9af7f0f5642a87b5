//! The content of a bundle as JSON.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use isopolity_domain::{
    CityId,
    envelope::{self, VerifyingKey},
};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use webpki::BorrowedCertRevocationList;

use super::{BundleError, HeldKey, MOST_CRLS, MOST_KEYS, MOST_RECORD_KEYS, REFRESH_HINT, malformed, short};
use crate::{
    certificate::{Facts, PublicJwk, public_jwk},
    identity::{KeyState, RecordKey},
};

const AUTHORITY: &str = "x509-svid";
const RECORD: &str = "isopolity-record";
/// Entries of any use, known here or not.
const MOST_ENTRIES: usize = 128;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued: Option<String>,
    expires: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    crls: Vec<String>,
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
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isopolity_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isopolity_until: Option<String>,
}

/// What a city puts into its bundle.
pub(crate) struct Content<'a> {
    pub(crate) city: &'a CityId,
    pub(crate) endpoint: &'a str,
    pub(crate) sequence: i64,
    pub(crate) issued: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
    pub(crate) authorities: &'a [CertificateDer<'static>],
    pub(crate) keys: &'a [RecordKey],
    pub(crate) crls: &'a [Vec<u8>],
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
                issued: self.issued.format(&Rfc3339).ok(),
                expires: self.expires.format(&Rfc3339).unwrap_or_default(),
                crls: self.crls.iter().map(|crl| STANDARD.encode(crl)).collect(),
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
    pub(super) issued: Option<OffsetDateTime>,
    pub(super) expires: OffsetDateTime,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<HeldKey>,
    pub(super) crls: Vec<Vec<u8>>,
    pub(super) refresh_hint: Duration,
}

/// Reads the content of a bundle. Keys for uses that are not known here are passed over, as RFC 7517 wants it.
pub(super) fn read(payload: &[u8]) -> Result<Read, BundleError> {
    let set: JwkSet = serde_json::from_slice(payload).map_err(malformed)?;
    if set.keys.len() > MOST_ENTRIES {
        return Err(malformed(format!("it holds {} keys, more than {MOST_ENTRIES}", set.keys.len())));
    }
    let mut authorities = Vec::new();
    let mut keys = Vec::new();
    for jwk in &set.keys {
        match jwk.r#use.as_str() {
            AUTHORITY => authorities.push(authority(jwk)?),
            RECORD => keys.push(record_key(jwk)?),
            _ => {}
        }
    }
    for (count, most, what) in
        [(authorities.len(), MOST_KEYS, "CA certificates"), (keys.len(), MOST_RECORD_KEYS, "record keys")]
    {
        if !(1..=most).contains(&count) {
            return Err(malformed(format!("it holds {count} {what}, not 1 to {most}")));
        }
    }
    if !(1..=GREATEST_SEQUENCE).contains(&set.spiffe_sequence) {
        return Err(malformed(format!("its sequence is {}, not 1 to {GREATEST_SEQUENCE}", set.spiffe_sequence)));
    }
    let Member { city, endpoint, issued, expires, crls } = set.isopolity;
    if crls.len() > MOST_CRLS {
        return Err(malformed(format!("it holds {} lists of revoked certificates, more than {MOST_CRLS}", crls.len())));
    }
    let crls = crls.iter().map(|crl| STANDARD.decode(crl).map_err(|error| malformed(format!("crls: {error}"))));
    let crls = crls.collect::<Result<Vec<_>, _>>()?;
    for crl in &crls {
        BorrowedCertRevocationList::from_der(crl).map_err(|error| {
            malformed(format!("it holds a list of revoked certificates that can't be read: {error}"))
        })?;
    }
    Ok(Read {
        city: city.parse().map_err(malformed)?,
        endpoint,
        sequence: set.spiffe_sequence,
        issued: issued.as_deref().map(|issued| parse_time(issued, "issue time")).transpose()?,
        expires: parse_time(&expires, "expiry")?,
        authorities,
        keys,
        crls,
        refresh_hint: set
            .spiffe_refresh_hint
            .map_or(REFRESH_HINT, |seconds| Duration::seconds(seconds.clamp(60, 7 * 86_400))),
    })
}

fn parse_time(text: &str, what: &str) -> Result<OffsetDateTime, BundleError> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| malformed(format!("its {what} {:?}: {error}", short(text))))
}

fn authority(jwk: &Jwk) -> Result<CertificateDer<'static>, BundleError> {
    let [certificate] = jwk.x5c.as_deref().unwrap_or_default() else {
        return Err(malformed("an x509-svid key carries no x5c, or more than one certificate in it"));
    };
    let certificate = STANDARD.decode(certificate).map_err(|error| malformed(format!("x5c: {error}")))?;
    let facts = Facts::read(&certificate).map_err(|error| malformed(format!("x5c: {error}")))?;
    if let Some(weakness) = facts.weakness {
        return Err(malformed(format!("it holds a CA certificate that is too weak: {weakness}")));
    }
    let of_certificate = public_jwk(&certificate)
        .ok_or_else(|| malformed("it holds a CA certificate whose key is of no kind that TLS between nodes knows"))?;
    let told = (jwk.kty.as_str(), &jwk.crv, &jwk.x, &jwk.y, &jwk.n, &jwk.e);
    let right = described(&of_certificate);
    if told != (right.kty.as_str(), &right.crv, &right.x, &right.y, &right.n, &right.e) {
        return Err(malformed("an x509-svid key is not that of the certificate in its x5c"));
    }
    Ok(certificate.into())
}

fn record_key(jwk: &Jwk) -> Result<HeldKey, BundleError> {
    let wrong = || malformed("an isopolity-record key is not an Ed25519 key with its thumbprint as kid");
    let bytes =
        URL_SAFE_NO_PAD.decode(jwk.x.as_deref().unwrap_or_default()).map_err(|_error: base64::DecodeError| wrong())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_bytes: Vec<u8>| wrong())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_error: ed25519_dalek::SignatureError| wrong())?;
    let named = jwk.kid.as_deref() == Some(envelope::key_id(&key).as_str());
    let typed = (jwk.kty.as_str(), jwk.crv.as_deref()) == ("OKP", Some("Ed25519"));
    if !named || !typed || key.is_weak() {
        return Err(wrong());
    }
    let state = match jwk.isopolity_state.as_deref() {
        // A bundle of before keys had states has one, which signs.
        None | Some("current") => KeyState::Current,
        Some("next") => KeyState::Next,
        Some("former") => KeyState::Former,
        Some(other) => {
            return Err(malformed(format!("a record key is {:?}, not current, next or former", short(other))));
        }
    };
    let until = jwk.isopolity_until.as_deref().map(|until| parse_time(until, "record key's end")).transpose()?;
    if (state == KeyState::Former) != until.is_some() {
        return Err(malformed("a former record key does not say until when it signed, or another one does"));
    }
    Ok(HeldKey { key, state, until })
}

fn authority_jwk(certificate: &CertificateDer<'static>) -> Jwk {
    let described = public_jwk(certificate).as_ref().map(described).unwrap_or_default();
    Jwk { r#use: AUTHORITY.to_owned(), x5c: Some(vec![STANDARD.encode(certificate)]), ..described }
}

fn record_jwk(key: &RecordKey) -> Jwk {
    let state = match key.state {
        KeyState::Current => "current",
        KeyState::Next => "next",
        KeyState::Former => "former",
    };
    Jwk {
        kty: "OKP".to_owned(),
        r#use: RECORD.to_owned(),
        kid: Some(key.id()),
        crv: Some("Ed25519".to_owned()),
        x: Some(URL_SAFE_NO_PAD.encode(key.public.as_bytes())),
        isopolity_state: Some(state.to_owned()),
        isopolity_until: key.until.and_then(|until| until.format(&Rfc3339).ok()),
        ..Jwk::default()
    }
}

/// A public key as RFC 7518 §6 writes it.
fn described(key: &PublicJwk) -> Jwk {
    let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
    match key {
        PublicJwk::Curve { name, x, y } => {
            Jwk { kty: "EC".to_owned(), crv: Some((*name).to_owned()), x: text(x), y: text(y), ..Jwk::default() }
        }
        PublicJwk::Rsa { modulus, exponent } => {
            Jwk { kty: "RSA".to_owned(), n: text(modulus), e: text(exponent), ..Jwk::default() }
        }
    }
}

/// A bundle's CAs in plain SPIFFE form (SPIFFE Trust Domain and Bundle, §4): no envelope, nothing of our own.
pub(super) fn plain(authorities: &[CertificateDer<'static>], sequence: i64, refresh_hint: Duration) -> String {
    let keys: Vec<Jwk> = authorities.iter().map(authority_jwk).collect();
    let set = serde_json::json!({
        "keys": keys,
        "spiffe_sequence": sequence,
        "spiffe_refresh_hint": refresh_hint.whole_seconds(),
    });
    format!("{set:#}\n")
}
