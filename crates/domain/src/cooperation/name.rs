//! What a cooperation is called: `cities/{host}/cooperations/{id}`.

use std::{fmt, str::FromStr};

use crate::CityId;

/// A cooperation's resource name, parsed and checked once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CooperationName {
    host: CityId,
    id: String,
}

/// Not the name of a cooperation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name of the form cities/{{host}}/cooperations/{{id}}, the id being 1 to 63 of a-z, 0-9 and -, beginning and \
     ending with a letter or digit"
)]
pub struct CooperationNameError(String);

impl CooperationName {
    /// The cooperation of this id that this city hosts.
    ///
    /// # Errors
    /// [`CooperationNameError`] if the id is not 1 to 63 characters of `a`–`z`, `0`–`9` and `-` that begin and end with a letter or
    /// digit.
    pub fn new(host: CityId, id: &str) -> Result<Self, CooperationNameError> {
        if is_label(id) {
            Ok(Self { host, id: id.to_owned() })
        } else {
            Err(CooperationNameError(id.chars().take(100).collect()))
        }
    }

    /// The host: the city that proposed it and gives the order of its events.
    #[must_use]
    pub fn host(&self) -> &CityId {
        &self.host
    }

    /// The last part of the name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// 1 to 63 characters of `a`–`z`, `0`–`9` and `-` that begin and end with a letter or digit.
pub(super) fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| inner(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl FromStr for CooperationName {
    type Err = CooperationNameError;

    fn from_str(text: &str) -> Result<Self, CooperationNameError> {
        let parsed = || {
            let (host, id) = text.strip_prefix("cities/")?.split_once("/cooperations/")?;
            Self::new(host.parse().ok()?, id).ok()
        };
        parsed().ok_or_else(|| CooperationNameError(text.chars().take(300).collect()))
    }
}

impl fmt::Display for CooperationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cities/{}/cooperations/{}", self.host, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let name: CooperationName = "cities/feira.example/cooperations/kenitra-2013".parse().unwrap();
        assert_eq!((name.host().as_str(), name.id()), ("feira.example", "kenitra-2013"));
        assert_eq!(name.to_string(), "cities/feira.example/cooperations/kenitra-2013");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "cities/feira.example",
            "cities/feira.example/cooperations/",
            "cities/feira.example/cooperations/A",
            "cities/feira.example/cooperations/a/b",
            "cities/feira.example/cooperations/-a",
            "cities/feira/cooperations/a",
            "cities/feira.example/partnerships/a",
            " cities/feira.example/cooperations/a",
        ] {
            assert!(bad.parse::<CooperationName>().is_err(), "{bad}");
        }
    }
}
