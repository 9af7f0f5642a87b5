//! IATI Activity 2.03, the standard of the International Aid Transparency Initiative for activities of development
//! cooperation, read and written.
//!
//! A file is read one activity at a time, so memory does not grow with it; an activity that is wrong does not stop the
//! others. Each is judged by the official schema (see [`schema`](crate::schema)), without exception; what the schema
//! does not ask for (code lists, rulesets) is not asked for here.

mod activity;
mod budget;
mod encoding;
mod read;
mod split;
mod terms;
mod write;

use std::sync::LazyLock;

use crate::schema::Schema;

pub use read::read;
pub use split::LARGEST_ACTIVITY;
pub use write::{Related, Reporter, Writer};

/// The rules for files of activities.
///
/// A test proves that the files, which are part of the program, can be read. If they could not, the schema would be the
/// empty one, which accepts nothing.
pub static ACTIVITIES: LazyLock<Schema> = LazyLock::new(|| Schema::read(ACTIVITY_FILES).unwrap_or_default());

/// The files of the schema of activities.
const ACTIVITY_FILES: &[(&str, &str)] = &[
    ("iati-activities-schema.xsd", include_str!("../data/iati/xsd/iati-activities-schema.xsd")),
    ("iati-common.xsd", include_str!("../data/iati/xsd/iati-common.xsd")),
    ("xml.xsd", include_str!("../data/iati/xsd/xml.xsd")),
];

#[cfg(test)]
mod tests;
