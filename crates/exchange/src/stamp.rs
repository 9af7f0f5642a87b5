//! What every resource of an import carries unless the file says better.

use isopolity_proto::{options::Audience, to_dynamic, types::Provenance};
use prost_reflect::{DynamicMessage, Value};

use crate::{Context, path::OUTPUT_ONLY};

/// Adds audience and provenance where they are missing.
pub(crate) fn complete(resource: &mut DynamicMessage, context: &Context) {
    let has = |resource: &DynamicMessage, field: &str| resource.has_field_by_name(field);
    if context.audience != Audience::Unspecified && !has(resource, "audience") {
        // Every kind has the field; one without it has no audience to be set.
        let _ = resource.try_set_field_by_name("audience", Value::EnumNumber(context.audience.into()));
    }
    if context.provenance != Provenance::default() && !has(resource, "provenance") {
        let _ = resource.try_set_field_by_name("provenance", Value::Message(to_dynamic(&context.provenance)));
    }
}

/// Takes out what the node that exported the resource had decided.
pub(crate) fn forget_output(resource: &mut DynamicMessage) {
    for field in OUTPUT_ONLY {
        resource.clear_field_by_name(field);
    }
}
