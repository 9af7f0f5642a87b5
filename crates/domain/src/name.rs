//! What a resource is called: `cities/{city}` or `cities/{city}/{collection}/{id}` (AIP-122).

use std::{fmt, str::FromStr};

use crate::{CityId, Kind};

/// A resource name, parsed and checked once. Global: it holds the home city.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    city: CityId,
    kind: Kind,
    id: String,
}

/// Not a resource name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a resource name of the form {expected}")]
pub struct NameError {
    found: String,
    expected: String,
}

impl Name {
    /// The profile of a city.
    #[must_use]
    pub fn of_city(city: CityId) -> Self {
        Self { city, kind: Kind::City, id: String::new() }
    }

    /// A resource in a city's collection.
    ///
    /// # Errors
    /// [`NameError`] if the id is not 1 to 63 characters of `a`–`z`, `0`–`9` and `-` that begin and end with a letter or
    /// digit, or if the kind has no collection.
    pub fn new(city: CityId, kind: Kind, id: &str) -> Result<Self, NameError> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=63).contains(&id.len())
            && id.bytes().all(|byte| inner(byte) || byte == b'-')
            && !id.starts_with('-')
            && !id.ends_with('-');
        match kind.collection() {
            Some(_) if fits => Ok(Self { city, kind, id: id.to_owned() }),
            _ => Err(NameError {
                found: id.chars().take(100).collect(),
                expected: "1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit".to_owned(),
            }),
        }
    }

    /// Parses a name that must be of this kind.
    ///
    /// # Errors
    /// [`NameError`] if it is no name or of another kind.
    pub fn parse_as(kind: Kind, text: &str) -> Result<Self, NameError> {
        text.parse::<Self>().ok().filter(|name| name.kind == kind).ok_or_else(|| NameError {
            found: text.chars().take(300).collect(),
            expected: match kind.collection() {
                None => "cities/{city}".to_owned(),
                Some(collection) => format!("cities/{{city}}/{collection}/{{id}}"),
            },
        })
    }

    /// The home city.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.city
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError {
            found: text.chars().take(300).collect(),
            expected: "cities/{city} or cities/{city}/{collection}/{id}".to_owned(),
        };
        let mut parts = text.split('/');
        let (Some("cities"), Some(city)) = (parts.next(), parts.next()) else { return Err(error()) };
        let city: CityId = city.parse().map_err(|_error: crate::city_id::CityIdError| error())?;
        match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => Ok(Self::of_city(city)),
            (Some(collection), Some(id), None) => {
                let kind =
                    Kind::ALL.into_iter().find(|kind| kind.collection() == Some(collection)).ok_or_else(error)?;
                Self::new(city, kind, id).map_err(|_error: NameError| error())
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.collection() {
            None => write!(formatter, "cities/{}", self.city),
            Some(collection) => write!(formatter, "cities/{}/{collection}/{}", self.city, self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["cities/geneve.ch", "cities/geneve.ch/partnerships/018f-a", "cities/a.b/organizations/x"] {
            assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_the_form_that_would_be_right() {
        for bad in [
            "",
            "cities",
            "cities/geneve",
            "cities/a.b/",
            "cities/a.b/boats/1",
            "cities/a.b/partnerships/A",
            "cities/a.b/partnerships/-a",
            "cities/a.b/partnerships/a/b",
            "/cities/a.b",
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        let error = Name::parse_as(Kind::Agreement, "cities/a.b/partnerships/x").unwrap_err().to_string();
        assert!(error.contains("cities/{city}/agreements/{id}"), "{error}");
    }
}
