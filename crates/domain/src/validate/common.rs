//! What holds for the fields that every kind has.

use std::collections::BTreeSet;

use isopolity_proto::{options::Audience, types::RecordState};
use prost_reflect::{DynamicMessage, Value};

use super::findings::{Findings, entry};
use crate::{CityId, Kind, Name, Violation};

/// With how many cities a resource can be shared.
const SHARED_WITH_MAX: usize = 50;

/// Checks state, successor and whom a resource is shared with.
pub(super) fn check(kind: Kind, resource: &DynamicMessage, found: &mut Findings) {
    shared_with(resource, found);
    let superseded_by = text(resource, "superseded_by");
    let state = match resource.get_field_by_name("state").as_deref() {
        Some(Value::EnumNumber(number)) => RecordState::try_from(*number).unwrap_or_default(),
        _ => RecordState::Unspecified,
    };
    let named = found.must_name(kind, &superseded_by, "superseded_by");
    must_be_another(resource, named.as_ref(), "superseded_by", found);
    match state {
        RecordState::Withdrawn if !resource.has_field_by_name("delete_time") => {
            found.invalid("state", "WITHDRAWN is set by deletion");
        }
        RecordState::Unspecified | RecordState::Active if !superseded_by.is_empty() => {
            found.invalid("superseded_by", "is only for the state SUPERSEDED");
        }
        _ => {}
    }
}

fn shared_with(resource: &DynamicMessage, found: &mut Findings) {
    let named = resource.get_field_by_name("shared_with");
    let named = named.as_deref().and_then(Value::as_list).unwrap_or_default();
    let audience = match resource.get_field_by_name("audience").as_deref() {
        Some(Value::EnumNumber(number)) => Audience::try_from(*number).unwrap_or_default(),
        _ => Audience::Unspecified,
    };
    match audience {
        Audience::Shared if named.is_empty() => found.push(Violation {
            description: "is required with the audience SHARED: the ids of the cities that see it".to_owned(),
            ..Violation::required("shared_with")
        }),
        Audience::Internal if !named.is_empty() => {
            found.invalid("shared_with", "is for what is not INTERNAL: nothing of this is shown to any city");
        }
        _ => {}
    }
    if named.len() > SHARED_WITH_MAX {
        let many = format!("names {} cities; at most {SHARED_WITH_MAX} are allowed", named.len());
        return found.invalid("shared_with", many);
    }
    let own = text(resource, "name").parse::<Name>().ok();
    let mut cities = BTreeSet::new();
    for (at, id) in named.iter().filter_map(Value::as_str).enumerate() {
        let field = entry("shared_with", at);
        match id.parse::<CityId>() {
            Err(error) => found.invalid(&field, error.to_string()),
            Ok(city) if own.as_ref().is_some_and(|own| *own.city() == city) => {
                found.invalid(&field, "is this city itself");
            }
            Ok(city) => {
                if !cities.insert(city) {
                    found.invalid(&field, "stands there twice");
                }
            }
        }
    }
}

/// Refuses a reference of a resource to itself.
pub(super) fn must_be_another(resource: &DynamicMessage, named: Option<&Name>, field: &str, found: &mut Findings) {
    if let Some(named) = named {
        must_not_be(&text(resource, "name"), &named.to_string(), field, found);
    }
}

/// Refuses a reference of a resource to itself, by their names.
pub(super) fn must_not_be(name: &str, other: &str, field: &str, found: &mut Findings) {
    if !name.is_empty() && name == other {
        found.invalid(field, "is this resource itself");
    }
}

/// The resource that says it better.
pub(super) fn superseded_by(kind: Kind, resource: &DynamicMessage) -> Option<Name> {
    Name::parse_as(kind, &text(resource, "superseded_by")).ok()
}

/// A text of a resource; empty where it has none.
pub(super) fn text(resource: &DynamicMessage, field: &str) -> String {
    match resource.get_field_by_name(field).as_deref() {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}
