//! Judges XML by an XML Schema that is read from its own files, so that the rules are the publisher's and not a copy of
//! them in code.
//!
//! It knows the part of XML Schema 1.0 that the files of IATI 2.03 use: elements and references to them, sequences and
//! choices with occurrence none, one or unbounded, named and unnamed types, extension, attributes and references to
//! them, the built-in simple types of [`simple`], enumerations, unions, and wildcards `##other` with lax processing. A
//! schema that uses anything else is refused when it is read: nothing is silently skipped.
//!
//! Where a document may do what XML Schema allows but these files do not need, the judgement is stricter than the
//! standard: `xsi:type` and `xsi:nil` are refused.

mod content;
mod judge;
mod load;
mod simple;
pub(crate) mod tree;

use std::collections::HashMap;

use content::Content;
pub use judge::Fault;
use simple::{BuiltIn, Simple};
use thiserror::Error;
use tree::Named;

/// The rules of a schema.
///
/// The empty schema declares nothing, so it accepts no document.
#[derive(Debug, Default)]
pub struct Schema {
    /// The elements that may be outermost, and those that others refer to.
    elements: HashMap<String, Declaration>,
    /// The named complex types.
    types: HashMap<String, Complex>,
    /// The attributes that others refer to, and those that stand in foreign elements.
    attributes: HashMap<Named, Simple>,
}

/// What an element is.
#[derive(Clone, Debug)]
struct Declaration {
    name: String,
    kind: Kind,
}

/// The type of an element.
#[derive(Clone, Debug)]
enum Kind {
    /// A complex type of the schema, by its name.
    Complex(String),
    /// A type of its own.
    Own(Box<Complex>),
    /// Text without attributes.
    Simple(Simple),
    /// Anything.
    Any,
}

/// A type with attributes and content.
#[derive(Clone, Debug)]
struct Complex {
    attributes: Vec<Allowed>,
    /// Whether attributes of other namespaces may stand beside them.
    any_attribute: bool,
    content: Inside,
}

/// An attribute that a type allows.
#[derive(Clone, Debug)]
struct Allowed {
    name: Named,
    value: Simple,
    required: bool,
}

/// What may stand in an element.
#[derive(Clone, Debug)]
enum Inside {
    Text(Simple),
    Elements(Content),
}

/// Why a schema can't be used.
#[derive(Debug, Error)]
#[error("{file}: {description}")]
pub struct SchemaError {
    /// The file that it is about.
    file: String,
    description: String,
}

impl Schema {
    /// Reads a schema from its files, each with the name by which the others include it. The first is the schema itself.
    ///
    /// # Errors
    /// If a file is missing or is not a schema, or uses what is not known here.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, SchemaError> {
        load::load(files)
    }

    /// What is wrong with a document, in the order of the document, at most [`MOST_FAULTS`]. Nothing: it is valid.
    #[must_use]
    pub fn judge(&self, document: &str) -> Vec<Fault> {
        match tree::read(document) {
            Ok(root) => self.judge_root(&root),
            Err(malformed) => vec![malformed.into()],
        }
    }
}

/// Whether a text can stand where a schema wants an address (`xsd:anyURI`).
pub(crate) fn is_address(text: &str) -> bool {
    Simple::BuiltIn(BuiltIn::AnyUri).accepts(text)
}

/// Whether a text can stand where a schema wants a language (`xsd:language`).
pub(crate) fn is_language(text: &str) -> bool {
    Simple::BuiltIn(BuiltIn::Language).accepts(text)
}

/// Whether a text can stand where a schema wants a decimal number (`xsd:decimal`).
pub(crate) fn is_decimal(text: &str) -> bool {
    Simple::BuiltIn(BuiltIn::Decimal).accepts(text)
}

/// How many faults are listed for a document.
pub const MOST_FAULTS: usize = 50;

#[cfg(test)]
mod tests;
