//! Writes partnerships as activities.
//!
//! What is written is valid by the schema whatever a partnership says. Where the schema wants what the registry does not
//! know (a date, a category of a document), the least is written, marked `isopolity:stated="0"` so that nobody takes it
//! for a statement and reading it again does not. Other attributes of that namespace keep what IATI has no place for: a
//! date that is exact to the month only, a side, whether money is public.

mod contribution;
mod partnership;
mod result;
mod tag;

use std::{
    collections::HashMap,
    io::{self, Write},
};

use isopolity_proto::{
    registry::{IndicatorObservation, Organization, OrganizationKind, Partnership},
    types::LocalizedText,
};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::terms;
use tag::Tag;

/// Who publishes the file: the city's authority.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// Its identifier as an organisation, `{country}-{register}-{number}`.
    pub reference: String,
    /// What kind of body it is.
    pub kind: OrganizationKind,
    /// Its names, at least one.
    pub names: Vec<LocalizedText>,
}

/// What belongs to a partnership, for the audience for which the file is.
#[derive(Clone, Copy, Debug)]
pub struct Related<'a> {
    /// The organisations that it names, by resource name. Those that are missing are written as far as the partnership
    /// itself names them.
    pub organizations: &'a HashMap<String, Organization>,
    /// The observations of its indicators, in the order in which they are to stand.
    pub observations: &'a [IndicatorObservation],
}

/// Writes a file of activities, one at a time.
///
/// The schema wants at least one activity in a file. Whoever has none should not write a file.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    reporter: Reporter,
    generated: OffsetDateTime,
}

impl<W: Write> Writer<W> {
    /// Begins a file that is made at this time.
    ///
    /// # Errors
    /// If the output fails.
    pub fn begin(mut output: W, reporter: Reporter, generated: OffsetDateTime) -> io::Result<Self> {
        let (namespace, prefix) = (terms::EXTENSION, terms::PREFIX);
        output.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<iati-activities version=\"2.03\"")?;
        if let Some(generated) = date_time(generated) {
            write!(output, " generated-datetime=\"{generated}\"")?;
        }
        writeln!(output, " xmlns:{prefix}=\"{namespace}\">")?;
        Ok(Self { output, reporter, generated })
    }

    /// Writes a partnership as an activity.
    ///
    /// # Errors
    /// If the output fails.
    pub fn activity(&mut self, partnership: &Partnership, related: Related<'_>) -> io::Result<()> {
        let activity = Activity::new(partnership, related, &self.reporter, self.generated);
        partnership::write(&activity).write(&mut self.output, 1)
    }

    /// Ends the file, and gives the output back.
    ///
    /// # Errors
    /// If the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.write_all(b"</iati-activities>\n")?;
        self.output.flush()?;
        Ok(self.output)
    }
}

/// A partnership while it is written.
struct Activity<'a> {
    partnership: &'a Partnership,
    related: Related<'a>,
    reporter: &'a Reporter,
    generated: OffsetDateTime,
    /// The language of what does not state its own.
    language: &'a str,
}

impl<'a> Activity<'a> {
    fn new(
        partnership: &'a Partnership,
        related: Related<'a>,
        reporter: &'a Reporter,
        generated: OffsetDateTime,
    ) -> Self {
        let languages = partnership.titles.iter().map(|title| title.language.as_str());
        let language =
            languages.into_iter().find(|language| *language != "und" && crate::schema::is_language(language));
        Self { partnership, related, reporter, generated, language: language.unwrap_or_default() }
    }

    fn organization(&self, name: &str) -> Option<&'a Organization> {
        self.related.organizations.get(name)
    }

    /// Texts as narratives.
    fn narratives(&self, texts: &[LocalizedText]) -> Vec<Tag> {
        let with_words = texts.iter().filter(|text| !tag::clean(&text.text).trim().is_empty());
        let narrative = |text: &LocalizedText| {
            let narrative = Tag::new("narrative").text(&text.text);
            let language = if crate::schema::is_language(&text.language) { text.language.as_str() } else { "und" };
            // Without a language of the activity as a whole, none means not known.
            let usual = if self.language.is_empty() { "und" } else { self.language };
            if language == usual { narrative } else { narrative.with("xml:lang", language) }
        };
        with_words.map(narrative).collect()
    }

    /// An element that has to hold narratives. `None` if there are none.
    fn texts(&self, name: &'static str, texts: &[LocalizedText]) -> Option<Tag> {
        let narratives = self.narratives(texts);
        (!narratives.is_empty()).then(|| Tag::new(name).holding(narratives))
    }

    /// The same, with these words where there are none.
    fn texts_or(&self, name: &'static str, texts: &[LocalizedText], otherwise: &str) -> Tag {
        let words = || Tag::new(name).holding([Tag::new("narrative").with("xml:lang", "und").text(otherwise)]);
        self.texts(name, texts).unwrap_or_else(words)
    }
}

/// A time as the schema wants it. `None` if it is beyond the years that can be written.
fn date_time(time: OffsetDateTime) -> Option<String> {
    let time = time.checked_to_offset(UtcOffset::UTC)?.replace_nanosecond(0).ok()?;
    time.format(&Rfc3339).ok().filter(|_| time.year() > 0)
}

/// The identifier by which an organisation is referred to: the first that is in use.
fn reference(organization: &Organization) -> String {
    let Some(identifier) = organization.identifiers.iter().find(|identifier| !identifier.retired) else {
        return String::new();
    };
    if identifier.scheme == terms::PLAIN_REFERENCE {
        return identifier.value.clone();
    }
    format!("{}-{}", identifier.scheme, identifier.value)
}

#[cfg(test)]
mod tests;
