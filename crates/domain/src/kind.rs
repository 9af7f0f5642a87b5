//! The kinds of resources that a registry keeps.

use std::fmt;

use isopolity_proto::registry;
use prost::Name as _;
use prost_reflect::MessageDescriptor;

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A city's profile: one for each city.
    City,
    /// An organisation.
    Organization,
    /// An agreement between authorities.
    Agreement,
    /// A business partnership.
    Partnership,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::City, Self::Organization, Self::Agreement, Self::Partnership];

    /// The word for one of this kind, as records and questions carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Organization => "organization",
            Self::Agreement => "agreement",
            Self::Partnership => "partnership",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The collection's part of a resource name; the city itself is in none.
    #[must_use]
    pub fn collection(self) -> Option<&'static str> {
        match self {
            Self::City => None,
            Self::Organization => Some("organizations"),
            Self::Agreement => Some("agreements"),
            Self::Partnership => Some("partnerships"),
        }
    }

    /// The full name of the kind's message.
    #[must_use]
    pub fn full_name(self) -> String {
        match self {
            Self::City => registry::City::full_name(),
            Self::Organization => registry::Organization::full_name(),
            Self::Agreement => registry::Agreement::full_name(),
            Self::Partnership => registry::Partnership::full_name(),
        }
    }

    /// The kind whose message has this full name.
    #[must_use]
    pub fn of_message(full_name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.full_name() == full_name)
    }

    /// The descriptor of the kind's message.
    #[must_use]
    pub fn descriptor(self) -> MessageDescriptor {
        match self {
            Self::City => isopolity_proto::descriptor::<registry::City>(),
            Self::Organization => isopolity_proto::descriptor::<registry::Organization>(),
            Self::Agreement => isopolity_proto::descriptor::<registry::Agreement>(),
            Self::Partnership => isopolity_proto::descriptor::<registry::Partnership>(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
