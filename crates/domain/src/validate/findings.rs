//! What was found wrong so far.

use isopolity_proto::{error::Reason, options::Audience};

use super::value;
use crate::{Kind, Name, Violation, codes::CodeError};

/// The most things that are told at once.
const MOST: usize = 100;

/// Collects violations. Paths are from the resource.
#[derive(Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.0
    }

    /// Enough was found: to look further is a waste.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    pub(super) fn push(&mut self, violation: Violation) {
        if !self.is_full() {
            self.0.push(violation);
        }
    }

    pub(super) fn invalid(&mut self, field: &str, description: impl Into<String>) {
        self.push(Violation::invalid(field, description));
    }

    pub(super) fn required(&mut self, field: &str) {
        self.push(Violation::required(field));
    }

    pub(super) fn unknown_code(&mut self, field: &str, error: &CodeError) {
        self.push(Violation { field: field.to_owned(), reason: Reason::CodeUnknown, description: error.to_string() });
    }

    /// Requires a text that is more than spaces.
    pub(super) fn must_have(&mut self, text: &str, field: &str) {
        if text.trim().is_empty() {
            self.required(field);
        }
    }

    /// Requires an enum value other than its zero.
    pub(super) fn must_be_stated(&mut self, value: i32, field: &str) {
        if value == 0 {
            self.required(field);
        }
    }

    /// Requires some entries in a list.
    pub(super) fn must_hold(&mut self, least: usize, entries: usize, field: &str) {
        match (least, entries) {
            (1, 0) => self.required(field),
            _ if entries < least => {
                self.invalid(field, format!("has {entries} entries; at least {least} are required"));
            }
            _ => {}
        }
    }

    /// Requires the name of a resource of this kind, if there is one at all.
    pub(super) fn must_name(&mut self, kind: Kind, text: &str, field: &str) -> Option<Name> {
        if text.is_empty() {
            return None;
        }
        Name::parse_as(kind, text).map_err(|error| self.invalid(field, error.to_string())).ok()
    }

    /// Requires either the name of a resource of this kind or names in words.
    pub(super) fn must_name_or_call(&mut self, kind: Kind, name: &str, called: usize, fields: (&str, &str)) {
        let (field, other) = fields;
        if name.is_empty() && called == 0 {
            let other = other.rsplit('.').next().unwrap_or(other);
            self.invalid(field, format!("either this or {other} is required"));
        }
        self.must_name(kind, name, field);
    }

    /// Requires a range that includes both ends. Not a number is in no range.
    pub(super) fn must_lie(&mut self, number: f64, least: f64, most: f64, field: &str) {
        if !(least..=most).contains(&number) {
            self.invalid(field, format!("{number} is not within {least} to {most}"));
        }
    }

    /// Refuses a validity that ends before it begins.
    pub(super) fn must_not_end_before(&mut self, start: &str, end: &str, field: &str) {
        if let (Some((first, _)), Some((_, last))) = (value::partial_date(start), value::partial_date(end))
            && last < first
        {
            self.invalid(field, format!("{end} is before {start}"));
        }
    }

    /// Requires an audience.
    pub(super) fn must_have_audience(&mut self, audience: i32) {
        if Audience::try_from(audience) == Ok(Audience::Unspecified) {
            let description = "is required: PUBLIC, FEDERATION, SHARED or INTERNAL".to_owned();
            self.push(Violation { field: "audience".to_owned(), reason: Reason::FieldRequired, description });
        }
    }
}

/// The path of an entry of a list.
pub(super) fn entry(list: &str, at: usize) -> String {
    format!("{list}[{at}]")
}

/// The path of a field below another; below the resource itself it is the field's name alone.
pub(super) fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}
