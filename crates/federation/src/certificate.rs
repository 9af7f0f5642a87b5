//! What a certificate says about itself. Whether it is to be believed is decided in [`crate::tls`].

use isopolity_domain::CityId;
use time::OffsetDateTime;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

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
}

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
        })
    }

    /// The city whose node this certificate names: by exactly one URI, a SPIFFE ID.
    pub(crate) fn node_city(&self) -> Option<CityId> {
        match self.uris.as_slice() {
            [uri] => CityId::from_spiffe_id(uri),
            _ => None,
        }
    }

    /// Whether this is a CA certificate of the city.
    pub(crate) fn is_ca_of(&self, city: &CityId) -> bool {
        self.is_ca && self.uris == [trust_domain_id(city)]
    }

    /// Whether it is valid at this time.
    pub(crate) fn valid_at(&self, time: OffsetDateTime) -> bool {
        self.not_before <= time && time <= self.not_after
    }
}

/// The SPIFFE ID of a city as a trust domain, which its CA carries.
pub(crate) fn trust_domain_id(city: &CityId) -> String {
    format!("spiffe://{city}")
}
