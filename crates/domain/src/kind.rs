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
    /// A place.
    Place,
    /// An organisation.
    Organization,
    /// An agreement between authorities.
    Agreement,
    /// A business partnership.
    Partnership,
    /// A step of a partnership.
    StageEvent,
    /// What was found about a condition of a partnership.
    ConditionAssessment,
    /// A service for enterprises.
    SupportService,
    /// What an organisation seeks or offers.
    Opportunity,
    /// A measurement.
    IndicatorObservation,
    /// What speaks for a city.
    AdvantageFactor,
    /// A story of what worked.
    GoodPractice,
    /// A decision whether two records are of the same thing.
    MatchAssertion,
}

impl Kind {
    /// Every kind, what others refer to before what refers to it.
    pub const ALL: [Self; 13] = [
        Self::City,
        Self::Place,
        Self::Organization,
        Self::Agreement,
        Self::Partnership,
        Self::StageEvent,
        Self::ConditionAssessment,
        Self::SupportService,
        Self::Opportunity,
        Self::IndicatorObservation,
        Self::AdvantageFactor,
        Self::GoodPractice,
        Self::MatchAssertion,
    ];

    /// The word for one of this kind, as records and questions carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Place => "place",
            Self::Organization => "organization",
            Self::Agreement => "agreement",
            Self::Partnership => "partnership",
            Self::StageEvent => "stage_event",
            Self::ConditionAssessment => "condition_assessment",
            Self::SupportService => "support_service",
            Self::Opportunity => "opportunity",
            Self::IndicatorObservation => "indicator_observation",
            Self::AdvantageFactor => "advantage_factor",
            Self::GoodPractice => "good_practice",
            Self::MatchAssertion => "match_assertion",
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
            Self::Place => Some("places"),
            Self::Organization => Some("organizations"),
            Self::Agreement => Some("agreements"),
            Self::Partnership => Some("partnerships"),
            Self::StageEvent => Some("stageEvents"),
            Self::ConditionAssessment => Some("conditionAssessments"),
            Self::SupportService => Some("supportServices"),
            Self::Opportunity => Some("opportunities"),
            Self::IndicatorObservation => Some("indicatorObservations"),
            Self::AdvantageFactor => Some("advantageFactors"),
            Self::GoodPractice => Some("goodPractices"),
            Self::MatchAssertion => Some("matchAssertions"),
        }
    }

    /// The full name of the kind's message.
    #[must_use]
    pub fn full_name(self) -> String {
        match self {
            Self::City => registry::City::full_name(),
            Self::Place => registry::Place::full_name(),
            Self::Organization => registry::Organization::full_name(),
            Self::Agreement => registry::Agreement::full_name(),
            Self::Partnership => registry::Partnership::full_name(),
            Self::StageEvent => registry::StageEvent::full_name(),
            Self::ConditionAssessment => registry::ConditionAssessment::full_name(),
            Self::SupportService => registry::SupportService::full_name(),
            Self::Opportunity => registry::Opportunity::full_name(),
            Self::IndicatorObservation => registry::IndicatorObservation::full_name(),
            Self::AdvantageFactor => registry::AdvantageFactor::full_name(),
            Self::GoodPractice => registry::GoodPractice::full_name(),
            Self::MatchAssertion => registry::MatchAssertion::full_name(),
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
            Self::Place => isopolity_proto::descriptor::<registry::Place>(),
            Self::Organization => isopolity_proto::descriptor::<registry::Organization>(),
            Self::Agreement => isopolity_proto::descriptor::<registry::Agreement>(),
            Self::Partnership => isopolity_proto::descriptor::<registry::Partnership>(),
            Self::StageEvent => isopolity_proto::descriptor::<registry::StageEvent>(),
            Self::ConditionAssessment => isopolity_proto::descriptor::<registry::ConditionAssessment>(),
            Self::SupportService => isopolity_proto::descriptor::<registry::SupportService>(),
            Self::Opportunity => isopolity_proto::descriptor::<registry::Opportunity>(),
            Self::IndicatorObservation => isopolity_proto::descriptor::<registry::IndicatorObservation>(),
            Self::AdvantageFactor => isopolity_proto::descriptor::<registry::AdvantageFactor>(),
            Self::GoodPractice => isopolity_proto::descriptor::<registry::GoodPractice>(),
            Self::MatchAssertion => isopolity_proto::descriptor::<registry::MatchAssertion>(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
