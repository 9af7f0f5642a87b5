//! Whether a resource may be kept, field by field.
//!
//! What holds for every message is read from the descriptor: code lists, lengths, dates, addresses, known enum values.
//! What a kind requires is written out in the kind's own module. Whether a resource that is referred to exists is not
//! decided here: that needs a registry.

mod advantage_factor;
mod agreement;
mod city;
mod common;
mod condition_assessment;
mod findings;
mod good_practice;
mod indicator_observation;
mod match_assertion;
mod opportunity;
mod organization;
mod partnership;
mod place;
mod shared;
mod stage_event;
mod support_service;
pub(crate) mod value;
mod walk;

pub use indicator_observation::widest;
use isopolity_proto::registry;
use prost_reflect::{DynamicMessage, ReflectMessage as _};

use crate::{Kind, Name, Violation, Violations};
use findings::Findings;

/// Checks a resource of this kind as its city wants to keep it.
///
/// # Errors
/// Everything that is wrong, up to 100 things, with paths from the resource, for example `sectors[0].code`.
pub fn validate(kind: Kind, resource: &DynamicMessage) -> Result<(), Violations> {
    if resource.descriptor().full_name() != kind.full_name() {
        let description = format!("is a {}, not a {kind}", resource.descriptor().full_name());
        return Err(Violation::invalid("@type", description).into());
    }
    let mut found = Findings::default();
    walk::resource(resource, &mut found);
    common::check(kind, resource, &mut found);
    macro_rules! check {
        ($message:ident, $module:ident) => {
            resource.transcode_to::<registry::$message>().map(|resource| $module::check(&resource, &mut found))
        };
    }
    let read = match kind {
        Kind::City => check!(City, city),
        Kind::Place => check!(Place, place),
        Kind::Organization => check!(Organization, organization),
        Kind::Agreement => check!(Agreement, agreement),
        Kind::Partnership => check!(Partnership, partnership),
        Kind::StageEvent => check!(StageEvent, stage_event),
        Kind::ConditionAssessment => check!(ConditionAssessment, condition_assessment),
        Kind::SupportService => check!(SupportService, support_service),
        Kind::Opportunity => check!(Opportunity, opportunity),
        Kind::IndicatorObservation => check!(IndicatorObservation, indicator_observation),
        Kind::AdvantageFactor => check!(AdvantageFactor, advantage_factor),
        Kind::GoodPractice => check!(GoodPractice, good_practice),
        Kind::MatchAssertion => check!(MatchAssertion, match_assertion),
    };
    if let Err(error) = read {
        found.invalid("@type", format!("can't be read as a {kind}: {error}"));
    }
    Violations::check(found.into_violations())
}

/// What is wrong with the fields of a message that is no resource, with paths from it: what holds for every message.
pub(crate) fn fields(message: &DynamicMessage) -> Vec<Violation> {
    let mut found = Findings::default();
    walk::resource(message, &mut found);
    found.into_violations()
}

/// The resources that a resource refers to, each with the path of the field: its own city's and others'. Left out are what
/// another city states of the same thing (mirrors, confirmations), the two sides of a match, which may be gone by now, and
/// what is no resource name.
#[must_use]
pub fn references(kind: Kind, resource: &DynamicMessage) -> Vec<(String, Name)> {
    macro_rules! references {
        ($message:ident, $module:ident) => {
            resource.transcode_to::<registry::$message>().map(|resource| $module::references(&resource))
        };
    }
    let found = match kind {
        Kind::City => references!(City, city),
        Kind::Place => references!(Place, place),
        Kind::Organization => references!(Organization, organization),
        Kind::Agreement => references!(Agreement, agreement),
        Kind::Partnership => references!(Partnership, partnership),
        Kind::StageEvent => references!(StageEvent, stage_event),
        Kind::ConditionAssessment => references!(ConditionAssessment, condition_assessment),
        Kind::SupportService => references!(SupportService, support_service),
        Kind::Opportunity => references!(Opportunity, opportunity),
        Kind::IndicatorObservation => references!(IndicatorObservation, indicator_observation),
        Kind::AdvantageFactor => references!(AdvantageFactor, advantage_factor),
        Kind::GoodPractice => references!(GoodPractice, good_practice),
        Kind::MatchAssertion => references!(MatchAssertion, match_assertion),
    };
    let mut found = found.unwrap_or_default();
    found.extend(common::superseded_by(kind, resource).map(|name| ("superseded_by".to_owned(), name)));
    found
}

/// The resource of the same kind that stands above this one: the place in which a place lies, what an organisation became
/// part of, else what says it better. Following it must never lead back; that takes a registry to see.
#[must_use]
pub fn parent_of(kind: Kind, resource: &DynamicMessage) -> Option<Name> {
    let field = match kind {
        Kind::Place => "parent",
        Kind::Organization => "successor",
        _ => "superseded_by",
    };
    Name::parse_as(kind, &common::text(resource, field)).ok()
}

/// References of one kind, by the path of their field.
fn named<'a>(
    kind: Kind,
    texts: impl IntoIterator<Item = (String, &'a String)>,
) -> impl Iterator<Item = (String, Name)> {
    texts.into_iter().filter_map(move |(field, text)| Some((field, Name::parse_as(kind, text).ok()?)))
}

#[cfg(test)]
mod tests;
