//! What holds for the fields that every kind has.

use isopolity_proto::types::RecordState;
use prost_reflect::{DynamicMessage, Value};

use super::findings::Findings;
use crate::{Kind, Name};

/// Checks state and successor of a resource.
pub(super) fn check(kind: Kind, resource: &DynamicMessage, found: &mut Findings) {
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
