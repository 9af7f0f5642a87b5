//! What a city is called in the federation.

use std::{fmt, str::FromStr, sync::Arc};

/// A city's id: a DNS name that the city controls, for example `geneve.example`. It is also its SPIFFE trust domain.
///
/// Lower case, two labels or more, 3 to 253 characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CityId(Arc<str>);

/// Not a city's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a city id: it must be a DNS name in lower case with at least two parts, for example \"geneve.example\""
)]
pub struct CityIdError(String);

impl CityId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SPIFFE ID of the city's node (SPIFFE-ID standard §2): `spiffe://{city}/node`.
    #[must_use]
    pub fn spiffe_id(&self) -> String {
        format!("spiffe://{}/node", self.0)
    }

    /// The city whose node has this SPIFFE ID.
    #[must_use]
    pub fn from_spiffe_id(spiffe_id: &str) -> Option<Self> {
        spiffe_id.strip_prefix("spiffe://")?.strip_suffix("/node")?.parse().ok()
    }
}

impl FromStr for CityId {
    type Err = CityIdError;

    fn from_str(text: &str) -> Result<Self, CityIdError> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if text.len() <= 253 && text.contains('.') && text.split('.').all(label) {
            Ok(Self(text.into()))
        } else {
            Err(CityIdError(text.chars().take(300).collect()))
        }
    }
}

impl fmt::Display for CityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_is_a_dns_name_in_lower_case() {
        for good in ["geneve.ch", "feira.example", "a.b", "xn--kbenhavn-54a.example"] {
            assert_eq!(good.parse::<CityId>().unwrap().as_str(), good);
        }
        for bad in ["", "geneve", "Geneve.ch", "geneve..ch", "-a.b", "a-.b", "a_b.c", "genève.ch", "a.b/c", " a.b"] {
            assert!(bad.parse::<CityId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_spiffe_id_leads_back_to_the_city() {
        let city: CityId = "geneve.ch".parse().unwrap();
        assert_eq!(city.spiffe_id(), "spiffe://geneve.ch/node");
        assert_eq!(CityId::from_spiffe_id("spiffe://geneve.ch/node"), Some(city));
        assert_eq!(CityId::from_spiffe_id("spiffe://geneve.ch/node/more"), None);
        assert_eq!(CityId::from_spiffe_id("https://geneve.ch/node"), None);
    }
}
