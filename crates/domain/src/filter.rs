//! Filters and order of lists: a documented part of AIP-160, the language of `google.api` lists.
//!
//! ```text
//! stage >= FORMALISED AND origin_countries:MA
//! display_names.text:"feira*" OR seat.country = PT
//! NOT last_verified_date < 2025-06
//! update_time > 2026-01-01 (audience = PUBLIC OR audience = FEDERATION)
//! ```
//!
//! * A restriction is `field operator value`. The field is a path of field names with points. If a field of the path is
//!   a list, the restriction holds where it holds for any of its elements.
//! * Operators: `=` `!=` `<` `<=` `>` `>=` and `:` (has). `a != b` is `NOT a = b`, so it also holds where nothing is
//!   set; the other operators do not hold for what is not set, except `=` with the field's default (`""`, `0`,
//!   `false`).
//! * `AND`, `OR`, `NOT` or `-`, and parentheses. As in AIP-160, **`OR` binds tighter than `AND`**; restrictions one
//!   after the other without a word between them are joined by `AND`.
//! * Values need quotes, `"` or `'`, if they hold spaces or parentheses; within quotes `\` stands before a quote, a `\`
//!   or a literal `*`. A `*` at the end makes `=`, `!=` and `:` compare the beginning.
//! * Text: `=` and the comparisons are exact, `:` finds the words anywhere without case and diacritics. If both sides
//!   are decimal numbers, comparisons are by number. Enums by their short or full name, compared in the order of their
//!   numbers.
//! * Dates and times: `2026`, `2026-03`, `2026-03-15` or RFC 3339. A date is the whole day, month or year (UTC): `=`
//!   holds within it, `<` before its first day, `>` after its last.
//! * `field:*` holds where the field is set or the list is not empty; `message:field` where the message's field is.
//!
//! A filter is read in two steps: [`parse`] judges its form, [`Filter::checked`] its fields and values against a
//! message and what the caller may see. Only a [`Checked`] filter can be asked, so nobody learns a hidden value by
//! filtering on it.

mod check;
mod order;
mod parse;
mod value;

use std::fmt::{self, Display};

pub use check::Checked;
use isopolity_proto::error::Reason;
pub use order::{Order, OrderField};
pub use parse::parse;

use crate::Violation;

/// The longest filter, in characters.
pub const TEXT_MAX: usize = 2_000;
/// How deep parentheses and `NOT` may be nested.
pub const DEPTH_MAX: usize = 32;
/// The most restrictions in a filter.
pub const TERMS_MAX: usize = 100;

/// What is wrong with a filter or an order, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {description}")]
pub struct FilterError {
    /// The character at which it was noticed; the first is 1.
    pub position: usize,
    /// What is wrong and what would be right.
    pub description: String,
}

impl FilterError {
    /// The same as what is wrong with a field of a request.
    #[must_use]
    pub fn at(&self, field: &str) -> Violation {
        Violation { field: field.to_owned(), reason: Reason::FilterInvalid, description: self.to_string() }
    }

    fn new(position: usize, description: impl Into<String>) -> Self {
        Self { position, description: description.into() }
    }
}

/// A filter of good form. Printed, it is the same filter in its plainest form.
#[derive(Clone, Debug)]
pub struct Filter {
    /// `None`: everything.
    root: Option<Expression>,
}

#[derive(Clone, Debug)]
enum Expression {
    /// All of them, at least two.
    All(Vec<Expression>),
    /// Any of them, at least two.
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

/// A restriction.
#[derive(Clone, Debug)]
struct Term {
    path: Vec<String>,
    operator: Operator,
    value: Value,
    /// Where the path and the value stand.
    position: usize,
    value_position: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

#[derive(Clone, Debug)]
struct Value {
    text: String,
    /// A `*` followed.
    open: bool,
}

impl Filter {
    /// The paths of all fields that the filter names, each once, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        if let Some(root) = &self.root {
            root.each_term(&mut |term| fields.push(term.path.join(".")));
        }
        fields.sort();
        fields.dedup();
        fields
    }
}

impl Expression {
    fn each_term<'a>(&'a self, each: &mut impl FnMut(&'a Term)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_term(each)),
            Self::Not(part) => part.each_term(each),
            Self::Term(term) => each(term),
        }
    }
}

impl Expression {
    /// How many parentheses and `NOT` are around the innermost restriction once this is printed.
    fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::nested_depth).max().unwrap_or_default(),
            Self::Not(part) => 1 + part.nested_depth(),
            Self::Term(_) => 0,
        }
    }

    fn nested_depth(&self) -> usize {
        let parentheses = matches!(self, Self::All(_) | Self::Any(_));
        self.depth() + usize::from(parentheses)
    }
}

impl Operator {
    /// The longer ones first, as they are read.
    const ALL: [(Self, &'static str); 7] = [
        (Self::NotEqual, "!="),
        (Self::LessOrEqual, "<="),
        (Self::GreaterOrEqual, ">="),
        (Self::Equal, "="),
        (Self::Less, "<"),
        (Self::Greater, ">"),
        (Self::Has, ":"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(operator, _)| *operator == self).map_or("", |(_, sign)| sign)
    }
}

impl Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| root.fmt(out))
    }
}

impl Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
            Self::Not(part) => {
                out.write_str("NOT ")?;
                return part.nested(out);
            }
            Self::Term(term) => return term.fmt(out),
        };
        for (at, part) in parts.iter().enumerate() {
            out.write_str(if at == 0 { "" } else { word })?;
            part.nested(out)?;
        }
        Ok(())
    }
}

impl Expression {
    fn nested(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(_) | Self::Any(_) => write!(out, "({self})"),
            Self::Not(_) | Self::Term(_) => self.fmt(out),
        }
    }
}

impl Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, value) = (self.path.join("."), &self.value);
        match self.operator {
            Operator::Has => write!(out, "{path}:{value}"),
            operator => write!(out, "{path} {} {value}", operator.as_str()),
        }
    }
}

impl Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '+' | '/' | ':');
        let star = if self.open { "*" } else { "" };
        if (self.open || !self.text.is_empty()) && self.text.chars().all(plain) {
            return write!(out, "{}{star}", self.text);
        }
        out.write_str("\"")?;
        for letter in self.text.chars() {
            if matches!(letter, '"' | '\\' | '*') {
                out.write_str("\\")?;
            }
            write!(out, "{letter}")?;
        }
        write!(out, "{star}\"")
    }
}

#[cfg(test)]
mod tests;
