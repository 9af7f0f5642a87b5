//! What is wrong with a request or a resource, field by field.

use isopolity_proto::error::Reason;

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field from the request or resource, for example `partnership.sectors[0].code`.
    pub field: String,
    /// Why, for programs: one of the `FIELD_…`, `CODE_…`, `PAGE_…`, `REFERENCE_…`, `RESOURCE_FOREIGN` reasons.
    pub reason: Reason,
    /// Why, for people, and what would be right.
    pub description: String,
}

impl Violation {
    /// A field with a value that is not allowed.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), reason: Reason::FieldInvalid, description: description.into() }
    }

    /// A required field that is missing.
    #[must_use]
    pub fn required(field: impl Into<String>) -> Self {
        Self { field: field.into(), reason: Reason::FieldRequired, description: "is required".to_owned() }
    }
}

/// Everything that is wrong; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(.0))]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// An error if anything is wrong.
    ///
    /// # Errors
    /// The violations, if there are any.
    pub fn check(violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() { Ok(()) } else { Err(Self(violations)) }
    }

    /// The same below another field: `partnership` puts `partnership.` before each path.
    #[must_use]
    pub fn below(mut self, field: &str) -> Self {
        for violation in &mut self.0 {
            violation.field = format!("{field}.{}", violation.field);
        }
        self
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

fn describe(violations: &[Violation]) -> String {
    let all: Vec<_> = violations.iter().map(|one| format!("{}: {}", one.field, one.description)).collect();
    all.join("; ")
}
