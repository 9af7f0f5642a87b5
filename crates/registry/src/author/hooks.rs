//! What the rules derive when a resource is written or read. Called from the places where each is due, and nowhere else.

use isopolity_domain::Name;
use prost_reflect::DynamicMessage;
use time::OffsetDateTime;

use super::Resource;
use crate::Caller;

/// Sets the fields that no caller sets but that follow from others. Before validation, on creation (`before` is `None`) and
/// on every change; what it sets is part of the content.
pub(crate) fn before_store(
    _resource: &mut Resource,
    _before: Option<&Resource>,
    _caller: &Caller,
    _now: OffsetDateTime,
) {
}

/// Resources that come into being together with a new one, in the same transaction. They are complete but for what the node
/// stamps, and may refer to it.
pub(crate) fn also_created(_resource: &Resource) -> Vec<(Name, DynamicMessage)> {
    Vec::new()
}

/// Sets what changes with time alone, whenever a resource is read: never stored, never signed. Before projection, so that it
/// may look at all fields.
pub(crate) fn on_read(_resource: &mut DynamicMessage, _now: OffsetDateTime) {}
