//! What a certificate says about itself. Whether it is to be believed is decided in [`crate::tls`].

use isopolity_domain::{CityId, text::hexadecimal};
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, public_key::PublicKey,
};

/// What is read out of a certificate.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The URIs among its names.
    pub(crate) uris: Vec<String>,
    /// Whether it may sign certificates.
    pub(crate) is_ca: bool,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    /// The public key as it stands in the certificate; for an elliptic curve, the point.
    pub(crate) public_key: Vec<u8>,
    /// The serial number, in hexadecimal as `openssl x509 -serial` prints it.
    pub(crate) serial: String,
    /// Whom it names, for people.
    pub(crate) subject: String,
    /// Who issued it, by its own word, for people.
    pub(crate) issuer: String,
    /// Why its key or its signature is too weak to be believed, if it is.
    pub(crate) weakness: Option<String>,
}

/// A public key as a JWK tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicJwk {
    /// An elliptic curve, and its point's coordinates.
    Curve { name: &'static str, x: Vec<u8>, y: Vec<u8> },
    /// RSA: modulus and exponent, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// RSA keys with fewer bits are refused.
const SHORTEST_RSA: usize = 2048;
/// Signature algorithms that rest on hashes which are broken: MD2, MD5 and SHA-1, with RSA, DSA and ECDSA.
const BROKEN: [&str; 6] = [
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10040.4.3",
    "1.2.840.10045.4.1",
    "1.3.14.3.2.29",
];

impl Facts {
    /// Reads a certificate (DER), or says why it can't be read.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, certificate) = parse_x509_certificate(der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("something follows the certificate".to_owned());
        }
        let names = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
        let uris = names.map_or_else(Vec::new, |names| {
            let uri = |name: &GeneralName<'_>| match name {
                GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            };
            names.value.general_names.iter().filter_map(uri).collect()
        });
        Ok(Self {
            uris,
            is_ca: certificate.is_ca(),
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
            serial: hexadecimal(certificate.raw_serial()).to_uppercase(),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            weakness: weakness(&certificate),
        })
    }

    /// The city whose node this certificate names: by exactly one URI, a SPIFFE ID.
    pub(crate) fn node_city(&self) -> Option<CityId> {
        match self.uris.as_slice() {
            [uri] => CityId::from_spiffe_id(uri),
            _ => None,
        }
    }

    /// Whether this may be a CA certificate of the city: a CA that names no other trust domain. Those that a node or SPIRE makes
    /// name the city's; a city's own PKI need not know what that is.
    pub(crate) fn is_ca_of(&self, city: &CityId) -> bool {
        let own = trust_domain_id(city);
        self.is_ca && self.uris.iter().filter(|uri| uri.starts_with("spiffe://")).all(|uri| *uri == own)
    }

    /// Whether it is valid at this time.
    pub(crate) fn valid_at(&self, time: OffsetDateTime) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

/// The public key of a certificate (DER) as a JWK tells it, if it is of a kind that TLS between nodes knows.
pub(crate) fn public_jwk(der: &[u8]) -> Option<PublicJwk> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    match certificate.public_key().parsed().ok()? {
        PublicKey::EC(point) => {
            let point = point.data().strip_prefix(&[0x04])?;
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            let name = match x.len() {
                32 => "P-256",
                48 => "P-384",
                _ => return None,
            };
            Some(PublicJwk::Curve { name, x: x.to_vec(), y: y.to_vec() })
        }
        PublicKey::RSA(key) => Some(PublicJwk::Rsa { modulus: trimmed(key.modulus), exponent: trimmed(key.exponent) }),
        _ => None,
    }
}

fn trimmed(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn weakness(certificate: &X509Certificate<'_>) -> Option<String> {
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed() {
        let bits = trimmed(key.modulus).len() * 8;
        if bits < SHORTEST_RSA {
            return Some(format!("its RSA key has {bits} bits; at least {SHORTEST_RSA} are needed"));
        }
    }
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    // What a self-signed certificate says about itself is not what it is believed for.
    (BROKEN.contains(&algorithm.as_str()) && certificate.issuer() != certificate.subject())
        .then(|| "it is signed with SHA-1 or an older hash; SHA-256 or later is needed".to_owned())
}

/// The SPIFFE ID of a city as a trust domain, which its CA carries.
pub(crate) fn trust_domain_id(city: &CityId) -> String {
    format!("spiffe://{city}")
}
