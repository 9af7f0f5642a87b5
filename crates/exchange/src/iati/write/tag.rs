//! An element on its way to a file.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use quick_xml::escape::escape;
use time::{Date, Month};

use super::super::terms::PREFIX;
use crate::schema::tree::is_xml_char;

/// An element, with what is in it.
#[derive(Debug)]
pub(super) struct Tag {
    name: &'static str,
    attributes: Vec<(String, String)>,
    children: Vec<Tag>,
    text: String,
}

impl Tag {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new(), text: String::new() }
    }

    /// With an attribute. What it was before is forgotten.
    pub(super) fn with(mut self, attribute: &str, value: impl Into<String>) -> Self {
        self.attributes.retain(|(known, _)| known != attribute);
        self.attributes.push((attribute.to_owned(), value.into()));
        self
    }

    /// With an attribute if it says something.
    pub(super) fn with_stated(self, attribute: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(attribute, value) }
    }

    /// With an attribute of this registry's own namespace.
    pub(super) fn with_own(self, attribute: &str, value: impl Into<String>) -> Self {
        self.with(&format!("{PREFIX}:{attribute}"), value)
    }

    /// Marks it as something that is there only because the schema wants it.
    pub(super) fn not_stated(self) -> Self {
        self.with_own("stated", "0")
    }

    /// With a date that may be exact to the month or year only; then it is the first day of it, or the last.
    pub(super) fn with_date(self, attribute: &str, date: &str, last: bool) -> Self {
        match day(date, last) {
            Some(day) if day == date => self.with(attribute, day),
            Some(day) => self.with(attribute, day).with_own("date", date),
            None => self,
        }
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn holding(mut self, children: impl IntoIterator<Item = Tag>) -> Self {
        self.children.extend(children);
        self
    }

    /// What it holds, alone.
    pub(super) fn into_children(self) -> Vec<Tag> {
        self.children
    }

    /// It, without what it holds.
    pub(super) fn without_children(mut self) -> Self {
        self.children.clear();
        self
    }

    pub(super) fn write(&self, output: &mut impl Write, depth: usize) -> io::Result<()> {
        for _ in 0..depth {
            output.write_all(b"  ")?;
        }
        write!(output, "<{}", self.name)?;
        for (attribute, value) in &self.attributes {
            write!(output, " {attribute}=\"{}\"", escape(clean(value)))?;
        }
        if self.children.is_empty() && self.text.is_empty() {
            return output.write_all(b"/>\n");
        }
        output.write_all(b">")?;
        if self.children.is_empty() {
            return writeln!(output, "{}</{}>", escape(clean(&self.text)), self.name);
        }
        output.write_all(b"\n")?;
        for child in &self.children {
            child.write(output, depth + 1)?;
        }
        for _ in 0..depth {
            output.write_all(b"  ")?;
        }
        writeln!(output, "</{}>", self.name)
    }
}

/// The text with line ends as XML has them, and without characters that XML can't hold.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|letter| is_xml_char(letter) && letter != '\r') {
        return Cow::Borrowed(text);
    }
    let lines = text.replace("\r\n", "\n");
    Cow::Owned(
        lines
            .chars()
            .map(|letter| if letter == '\r' { '\n' } else { letter })
            .filter(|letter| is_xml_char(*letter))
            .collect(),
    )
}

/// The first or the last day of what a date says, as `YYYY-MM-DD`. `None` if there is no such day.
pub(super) fn day(date: &str, last: bool) -> Option<String> {
    let number = |text: &str, length: usize| -> Option<u16> {
        (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let mut parts = date.splitn(3, '-');
    let year = i32::from(number(parts.next()?, 4).filter(|year| *year > 0)?);
    let month = match parts.next() {
        Some(month) => Month::try_from(u8::try_from(number(month, 2)?).ok()?).ok()?,
        None if last => Month::December,
        None => Month::January,
    };
    let day = match parts.next() {
        Some(day) => u8::try_from(number(day, 2)?).ok()?,
        None if last => month.length(year),
        None => 1,
    };
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

/// An address as the schema takes it: what may only stand escaped in one is escaped. `None` if it is no address even so.
pub(super) fn address(text: &str) -> Option<String> {
    let cleaned = clean(text.trim());
    let mut escaped = String::with_capacity(cleaned.len());
    let mut rest = cleaned.chars();
    while let Some(letter) = rest.next() {
        let hexadecimal = || rest.as_str().get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match letter {
            '%' if !hexadecimal() => escaped.push_str("%25"),
            ' ' | '\t' | '\n' => escaped.push_str("%20"),
            '<' => escaped.push_str("%3C"),
            '>' => escaped.push_str("%3E"),
            '"' => escaped.push_str("%22"),
            '{' => escaped.push_str("%7B"),
            '}' => escaped.push_str("%7D"),
            '|' => escaped.push_str("%7C"),
            '\\' => escaped.push_str("%5C"),
            '^' => escaped.push_str("%5E"),
            '`' => escaped.push_str("%60"),
            other => escaped.push(other),
        }
    }
    (!escaped.is_empty() && crate::schema::is_address(&escaped)).then_some(escaped)
}
