//! Reads activities: each becomes the organisations that take part, a partnership, and what was measured.
//!
//! What is not taken over, because the registry has no place for it: `crs-add`, `fss`, `legacy-data`,
//! `country-budget-items`, `planned-disbursement`, `capital-spend`, `humanitarian-scope`, `policy-marker`, `conditions`,
//! `related-activity`, regions, percentages of countries, tags that are not of the Sustainable Development Goals, defaults
//! of flow, aid and tied status, documents of results, elements of other namespaces, and the names of persons in
//! `contact-info`, which never leave their city.

mod money;
mod organization;
mod partnership;
mod result;
mod words;

use std::{io::BufRead, ops::ControlFlow};

use bytes::Bytes;

use super::activity::Activities;
use crate::{
    row::{Context, Entry, Flaw, Outcome, Row},
    schema::tree::Element,
};

/// Reads a file of activities, and hands each on as a row: what became of the activity, in the order of the file. Ends at
/// the end of the file, where there is no sense in reading on, or when nobody wants more.
///
/// The entries of a row are the organisations, then the partnership, then the observations of its indicators. Their names
/// are derived from what identifies them: an organisation's reference, else its name, country and kind exactly as written
/// (two spellings are two organisations; whether they are the same is for a person to decide); the activity's identifier;
/// what an observation measures and when. An activity that the schema does not allow is rejected with what is wrong.
pub fn read(input: impl BufRead, context: &Context, sink: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    for judged in Activities::new(input) {
        let outcome = match judged.outcome {
            Err(flaws) => Outcome::Rejected(flaws),
            Ok(root) => match resources(&root, context) {
                Ok(entries) => Outcome::Resources { entries, doubts: Vec::new() },
                Err(flaws) => Outcome::Rejected(flaws),
            },
        };
        let source: Bytes = judged.source;
        let row = Row { line: judged.line, bytes: judged.bytes, source, outcome };
        if sink(row).is_break() {
            return;
        }
    }
}

/// What an activity says in the registry's messages.
fn resources(root: &Element, context: &Context) -> Result<Vec<Entry>, Vec<Flaw>> {
    let Some(activity) = root.elements().next() else { return Err(vec![Flaw::of("iati-activity", "is missing")]) };
    let mut activity =
        Activity { element: activity, context, language: words::language(activity, "und"), flaws: Vec::new() };
    let entries = partnership::read(&mut activity);
    match entries {
        Some(entries) if activity.flaws.is_empty() => Ok(entries),
        _ if activity.flaws.is_empty() => Err(vec![Flaw::of("iati-activity", "can't be named")]),
        _ => Err(activity.flaws),
    }
}

/// An activity while it is read.
struct Activity<'a> {
    element: &'a Element,
    context: &'a Context,
    /// The language of what does not state its own.
    language: String,
    /// What keeps it from being taken over.
    flaws: Vec<Flaw>,
}

impl<'a> Activity<'a> {
    /// The elements of this name in the activity.
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a Element> + use<'a> {
        all(self.element, name)
    }

    fn first(&self, name: &'static str) -> Option<&'a Element> {
        self.all(name).next()
    }

    /// The code that an element carries which may stand once.
    fn code(&self, name: &'static str) -> String {
        self.first(name).map(|element| code(element, "code")).unwrap_or_default()
    }

    /// Notes what is wrong with the `at`th element of a name, counted from 0.
    fn flaw(&mut self, name: &str, at: usize, below: &str, description: impl Into<String>) {
        let nth = if at > 0 { format!("[{}]", at + 1) } else { String::new() };
        self.flaws.push(Flaw::of(format!("iati-activity/{name}{nth}{below}"), description));
    }
}

/// The elements of this name, which the schema has, in another.
fn all<'a>(element: &'a Element, name: &'static str) -> impl Iterator<Item = &'a Element> + use<'a> {
    element.elements().filter(move |child| child.name.is(None, name))
}

fn first<'a>(element: &'a Element, name: &'static str) -> Option<&'a Element> {
    all(element, name).next()
}

/// An attribute without blanks around it; empty if it is not there.
fn code(element: &Element, attribute: &str) -> String {
    element.attribute(attribute).unwrap_or_default().trim().to_owned()
}

/// What this registry wrote beside, when it exported the activity.
fn extension<'a>(element: &'a Element, attribute: &str) -> Option<&'a str> {
    element.attribute_of(Some(super::terms::EXTENSION), attribute)
}

#[cfg(test)]
mod tests;
