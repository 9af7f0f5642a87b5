//! Whether a resource may be kept, field by field.
//!
//! What holds for every message is read from the descriptor: code lists, lengths, dates, addresses, known enum values.
//! What a kind requires is written out in the kind's own module. Whether a resource that is referred to exists is not
//! decided here: that needs a registry.

mod agreement;
mod city;
mod findings;
mod organization;
mod partnership;
mod shared;
mod value;
mod walk;

use isopolity_proto::registry::{Agreement, City, Organization, Partnership};
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
    walk::message(resource, "", &mut found);
    let read = match kind {
        Kind::City => resource.transcode_to::<City>().map(|city| city::check(&city, &mut found)),
        Kind::Organization => {
            resource.transcode_to::<Organization>().map(|organization| organization::check(&organization, &mut found))
        }
        Kind::Agreement => {
            resource.transcode_to::<Agreement>().map(|agreement| agreement::check(&agreement, &mut found))
        }
        Kind::Partnership => {
            resource.transcode_to::<Partnership>().map(|partnership| partnership::check(&partnership, &mut found))
        }
    };
    if let Err(error) = read {
        found.invalid("@type", format!("can't be read as a {kind}: {error}"));
    }
    Violations::check(found.into_violations())
}

/// The resources that a resource refers to, each with the path of the field. Mirrors are not among them: they are another
/// city's view of the same thing. What is no resource name is left out.
#[must_use]
pub fn references(kind: Kind, resource: &DynamicMessage) -> Vec<(String, Name)> {
    match kind {
        Kind::Partnership => resource
            .transcode_to::<Partnership>()
            .map(|partnership| partnership::references(&partnership))
            .unwrap_or_default(),
        Kind::City | Kind::Organization | Kind::Agreement => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
