//! Trust bundles: which keys are a city's.
//!
//! A bundle is a SPIFFE bundle, that is, a JWK set (RFC 7517): the city's CA certificates (`use: x509-svid`), the public
//! keys that sign its records (`use: isopolity-record`, RFC 8037), a sequence that only grows, and under `isopolity` the
//! city, its endpoint and an expiry. It travels as a DSSE envelope signed with one of its record keys. The bundle that
//! replaces it must be signed with a key that it holds.

mod jwks;

use bytes::Bytes;
use isopolity_domain::{
    CityId,
    envelope::{self, Keys},
    text::hexadecimal,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

pub(crate) use jwks::Content;

use crate::certificate::Facts;

/// How long a bundle is good for. A city signs the next one long before.
pub const LIFETIME: Duration = Duration::days(365);
/// How often peers should look for a new one: at a quarter of this.
pub const REFRESH_HINT: Duration = Duration::minutes(20);
/// The largest bundle that is read, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// How many CA certificates, and how many record keys, a bundle may hold.
pub const MOST_KEYS: usize = 8;

/// Why a bundle is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is not a bundle, or one of its parts is wrong.
    #[error("not a trust bundle: {0}")]
    Malformed(String),
    /// It is not signed with one of its own keys.
    #[error("the trust bundle of {city} is badly signed: {problem}")]
    Signature {
        /// The city that it claims to be of.
        city: CityId,
        /// What is wrong with the signature.
        problem: String,
    },
    /// It is of another city than the one that it should replace.
    #[error("a trust bundle of {found} can't replace one of {expected}")]
    OtherCity {
        /// The city of the bundle that is held.
        expected: CityId,
        /// The city of the new one.
        found: CityId,
    },
    /// It is older than the one that is held.
    #[error(
        "the trust bundle of {city} has sequence {found}, but {held} was seen before; an older one is never taken back"
    )]
    Rollback {
        /// The city.
        city: CityId,
        /// The sequence that is held.
        held: i64,
        /// The sequence of the new one.
        found: i64,
    },
    /// Its sequence was seen before, with other content.
    #[error("there are two different trust bundles of {city} with sequence {sequence}; ask the city which is right")]
    Fork {
        /// The city.
        city: CityId,
        /// The sequence.
        sequence: i64,
    },
    /// It is not signed with a key of the one that it should replace.
    #[error(
        "the new trust bundle of {city} is not signed with a key of the one held; compare fingerprints with the city"
    )]
    NotSucceeding {
        /// The city.
        city: CityId,
    },
}

/// A trust bundle whose form and own signature were checked. Whether it is the city's is another question: a fingerprint
/// compared by telephone answers it the first time, [`Bundle::succeeds`] from then on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundle {
    /// The city.
    pub city: CityId,
    /// Where its federation listener is: `https://host:port`.
    pub endpoint: String,
    /// The sequence, from 1, growing.
    pub sequence: i64,
    /// Until when it may be used.
    pub expires: OffsetDateTime,
    /// The CA certificates.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The keys that sign records, by their id.
    pub keys: Keys,
    /// How often to look for a new one: at a quarter of this.
    pub refresh_hint: Duration,
    /// The signed file, as it came.
    pub file: Bytes,
}

impl Bundle {
    /// Reads a bundle and checks all that it says about itself, its signature included.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] or [`BundleError::Signature`].
    pub fn parse(file: &[u8]) -> Result<Self, BundleError> {
        if file.len() > LARGEST {
            return Err(malformed(format!("it has {} bytes, more than {LARGEST}", file.len())));
        }
        let envelope = envelope::from_file(file).map_err(malformed)?;
        let read = jwks::read(&envelope.payload)?;
        envelope::open(&envelope, envelope::BUNDLE, &read.keys)
            .map_err(|error| BundleError::Signature { city: read.city.clone(), problem: error.to_string() })?;
        parse_endpoint(&read.endpoint).map_err(malformed)?;
        for authority in &read.authorities {
            let facts = Facts::read(authority).map_err(|error| malformed(format!("a CA certificate: {error}")))?;
            if !facts.is_ca_of(&read.city) {
                return Err(malformed(format!("it holds a certificate that is not of a CA of {}", read.city)));
            }
        }
        Ok(Self {
            city: read.city,
            endpoint: read.endpoint,
            sequence: read.sequence,
            expires: read.expires,
            authorities: read.authorities,
            keys: read.keys,
            refresh_hint: read.refresh_hint,
            file: Bytes::copy_from_slice(file),
        })
    }

    /// SHA-256 of the file in hexadecimal: what two people compare by telephone.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hexadecimal(&Sha256::digest(&self.file))
    }

    /// Whether this bundle may take the place of an earlier one. The same file may, too.
    ///
    /// # Errors
    /// [`BundleError`] if it is of another city, not later, or not signed with a key that the earlier one holds.
    pub fn succeeds(&self, earlier: &Self) -> Result<(), BundleError> {
        let city = self.city.clone();
        if city != earlier.city {
            return Err(BundleError::OtherCity { expected: earlier.city.clone(), found: city });
        }
        if self.sequence < earlier.sequence {
            return Err(BundleError::Rollback { city, held: earlier.sequence, found: self.sequence });
        }
        if self.sequence == earlier.sequence {
            let same = self.file == earlier.file;
            return if same { Ok(()) } else { Err(BundleError::Fork { city, sequence: self.sequence }) };
        }
        envelope::from_file(&self.file)
            .and_then(|envelope| envelope::open(&envelope, envelope::BUNDLE, &earlier.keys))
            .map(drop)
            .map_err(|_error: envelope::EnvelopeError| BundleError::NotSucceeding { city })
    }

    /// Whether it may no longer be used.
    #[must_use]
    pub fn expired(&self, now: OffsetDateTime) -> bool {
        now >= self.expires
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bundle")
            .field("city", &self.city)
            .field("endpoint", &self.endpoint)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// The host and port of an endpoint, which must be `https://host:port` and nothing more.
///
/// # Errors
/// A line that says what an endpoint looks like.
pub fn parse_endpoint(endpoint: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{:?} is not an endpoint of the form https://host:port", short(endpoint));
    let uri: http::Uri = endpoint.parse().map_err(|_error: http::uri::InvalidUri| wrong())?;
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(0));
    if port == 0 || host.is_empty() || format!("https://{host}:{port}") != endpoint {
        return Err(wrong());
    }
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn malformed(problem: impl ToString) -> BundleError {
    BundleError::Malformed(problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity,
        testing::{NOW, identity},
    };

    const HERE: &str = "https://127.0.0.1:7443";

    fn bundle(of: &Identity, sequence: i64) -> Bundle {
        Bundle::parse(&of.sign_bundle(HERE, sequence, NOW)).unwrap()
    }

    /// A bundle that says of itself what the test wants, properly signed.
    fn parse_content(of: &Identity, change: impl FnOnce(&mut serde_json::Value)) -> Result<Bundle, BundleError> {
        let envelope = envelope::from_file(&of.sign_bundle(HERE, 1, NOW)).unwrap();
        let mut content = serde_json::from_slice(&envelope.payload).unwrap();
        change(&mut content);
        let payload = Bytes::from(content.to_string());
        Bundle::parse(envelope::to_file(&envelope::seal(envelope::BUNDLE, payload, of.record_key())).as_bytes())
    }

    #[test]
    fn a_bundle_is_read_as_it_was_signed() {
        let geneve = identity("geneve.example");
        let read = bundle(&geneve, 3);
        assert_eq!((read.city.as_str(), read.endpoint.as_str(), read.sequence), ("geneve.example", HERE, 3));
        assert_eq!(read.expires, NOW + LIFETIME);
        assert_eq!(read.refresh_hint, REFRESH_HINT);
        assert_eq!(read.authorities.len(), 1);
        assert_eq!(read.keys.keys().collect::<Vec<_>>(), [&envelope::key_id(&geneve.record_key().verifying_key())]);
        assert_eq!(read.fingerprint().len(), 64);
        assert!(!read.expired(NOW) && read.expired(NOW + LIFETIME));
    }

    #[test]
    fn a_bundle_with_any_byte_changed_is_rejected() {
        let file = identity("geneve.example").sign_bundle(HERE, 1, NOW);
        for position in (0..file.len()).step_by(7) {
            let mut changed = file.to_vec();
            changed[position] ^= 0x01;
            assert!(Bundle::parse(&changed).is_err(), "byte {position}");
        }
        assert!(Bundle::parse(&vec![b' '; LARGEST + 1]).is_err());
    }

    #[test]
    fn a_city_cant_bring_another_citys_ca() {
        let (geneve, feira) = (identity("geneve.example"), identity("feira.example"));
        let foreign = envelope::from_file(&feira.sign_bundle(HERE, 1, NOW)).unwrap();
        let foreign: serde_json::Value = serde_json::from_slice(&foreign.payload).unwrap();
        let error = parse_content(&geneve, |content| content["keys"][0] = foreign["keys"][0].clone()).unwrap_err();
        assert!(error.to_string().contains("not of a CA of geneve.example"), "{error}");
        let error = parse_content(&geneve, |content| content["isopolity"]["city"] = "feira.example".into());
        assert!(error.is_err());
    }

    #[test]
    fn what_is_out_of_form_is_refused() {
        let geneve = identity("geneve.example");
        assert!(parse_content(&geneve, |_| {}).is_ok());
        for endpoint in ["http://a.b:1", "https://a.b", "https://a.b:0", "https://a.b:1/x", "https://u@a.b:1", "a"] {
            assert!(parse_content(&geneve, |content| content["isopolity"]["endpoint"] = endpoint.into()).is_err());
        }
        assert!(parse_content(&geneve, |content| content["spiffe_sequence"] = 0.into()).is_err());
        assert!(parse_content(&geneve, |content| content["keys"] = serde_json::json!([])).is_err());
        assert!(parse_content(&geneve, |content| content["keys"][0]["x"] = "AAAA".into()).is_err());
        assert!(parse_content(&geneve, |content| content["keys"][1]["kid"] = "other".into()).is_err());
        assert!(parse_content(&geneve, |content| content["isopolity"]["expires"] = "soon".into()).is_err());
        let unknown = serde_json::json!({"kty": "RSA", "use": "something-new", "n": "AQAB"});
        let more = parse_content(&geneve, |content| content["keys"].as_array_mut().unwrap().push(unknown)).unwrap();
        assert_eq!((more.authorities.len(), more.keys.len()), (1, 1), "keys for other uses are passed over");
    }

    #[test]
    fn a_later_bundle_succeeds_and_an_older_one_never_does() {
        let geneve = identity("geneve.example");
        let (second, third) = (bundle(&geneve, 2), bundle(&geneve, 3));
        assert_eq!(third.succeeds(&second), Ok(()));
        assert_eq!(second.succeeds(&second), Ok(()));
        assert!(matches!(second.succeeds(&third), Err(BundleError::Rollback { held: 3, found: 2, .. })));
        let other = Bundle::parse(&geneve.sign_bundle("https://127.0.0.1:1", 2, NOW)).unwrap();
        assert!(matches!(other.succeeds(&second), Err(BundleError::Fork { sequence: 2, .. })));
    }

    #[test]
    fn a_bundle_signed_with_an_unknown_key_does_not_succeed() {
        let (geneve, impostor) = (identity("geneve.example"), identity("geneve.example"));
        let error = bundle(&impostor, 2).succeeds(&bundle(&geneve, 1)).unwrap_err();
        assert!(matches!(error, BundleError::NotSucceeding { .. }), "{error}");
        let error = bundle(&identity("feira.example"), 2).succeeds(&bundle(&geneve, 1)).unwrap_err();
        assert!(matches!(error, BundleError::OtherCity { .. }), "{error}");
    }

    #[test]
    fn an_endpoint_may_be_an_ipv6_address() {
        assert_eq!(parse_endpoint("https://[::1]:7443"), Ok(("::1".to_owned(), 7443)));
        assert_eq!(parse_endpoint("https://geneve.example:7443"), Ok(("geneve.example".to_owned(), 7443)));
    }
}
