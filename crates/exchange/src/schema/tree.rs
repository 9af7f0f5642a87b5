//! An XML document, or a part of one, as a tree in memory: well-formed, with its namespaces, within limits.
//!
//! The tree keeps where each thing begins, so that whoever judges it can say so. Comments and processing instructions
//! are left out. A document type declaration is refused: it is the way by which XML bombs and files of the machine come
//! in, and no format that is read here needs one.

mod tag;

use std::sync::Arc;

use quick_xml::{Reader, events::Event};

pub(crate) use tag::{continues_name, is_name, is_xml_char};

/// The namespace of `xml:lang` and its like.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// How many elements a tree may have.
const MOST_ELEMENTS: usize = 100_000;
/// How deep elements may stand in each other.
const DEEPEST: usize = 64;
/// How many attributes an element may have.
pub(crate) const MOST_ATTRIBUTES: usize = 256;

/// A namespace and a name within it. No namespace: `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) local: String,
}

impl Named {
    /// Whether it is this name in this namespace.
    pub(crate) fn is(&self, namespace: Option<&str>, local: &str) -> bool {
        self.namespace.as_deref() == namespace && self.local == local
    }
}

/// An attribute. Its value is normalised as XML 1.0 §3.3.3 says for CDATA.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Named,
    pub(crate) value: String,
    /// Which byte of the document it begins at.
    pub(crate) offset: usize,
}

/// An element with what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub(crate) name: Named,
    /// As it was written, with its prefix.
    pub(crate) written: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
    /// Which byte of the document it begins at.
    pub(crate) offset: usize,
}

/// What stands in an element.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Element(Element),
    /// Text with references resolved, and which byte of the document it begins at. Neighbouring texts are one.
    Text(String, usize),
}

impl Element {
    /// The value of an attribute without a namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.is(None, local))
            .map(|attribute| attribute.value.as_str())
    }

    /// The value of an attribute of a namespace.
    pub(crate) fn attribute_of(&self, namespace: Option<&str>, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.name.is(namespace, local));
        found.map(|attribute| attribute.value.as_str())
    }

    /// The elements in it.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(..) => None,
        })
    }

    /// Its own text, without that of the elements in it.
    pub(crate) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text, _) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }
}

/// Why a text is not a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Which byte of the document it is about.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) description: String,
}

impl Malformed {
    pub(crate) fn at(offset: usize, description: impl Into<String>) -> Self {
        Self { offset, description: description.into() }
    }
}

/// Reads a whole document.
///
/// # Errors
/// If it is not well-formed XML 1.0 with namespaces, has a document type declaration, or is beyond a limit.
pub(crate) fn read(document: &str) -> Result<Element, Malformed> {
    if let Some((offset, wrong)) = document.char_indices().find(|(_, letter)| !is_xml_char(*letter)) {
        return Err(Malformed::at(offset, format!("character U+{:04X} is not allowed in XML", u32::from(wrong))));
    }
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_comments = true;
    let mut growing = Growing::default();
    loop {
        let offset = position(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let at = position(reader.error_position()).max(offset);
            Malformed::at(at.min(document.len()), reason(&error))
        })?;
        match event {
            Event::Start(start) => growing.open(&start, offset)?,
            Event::Empty(start) => {
                growing.open(&start, offset)?;
                growing.close();
            }
            Event::End(_) => growing.close(),
            Event::Text(text) => {
                if let Some(found) = text.find("]]>") {
                    return Err(Malformed::at(offset + found, "\"]]>\" in a text has to be written \"]]&gt;\""));
                }
                growing.text(&text.xml10_content(), offset)?;
            }
            Event::CData(text) => growing.cdata(&text.xml10_content(), offset)?,
            Event::GeneralRef(reference) => {
                let letter = tag::resolve(&reference).map_err(|description| Malformed::at(offset, description))?;
                growing.reference(letter, offset)?;
            }
            Event::Decl(declaration) => {
                let right = offset == 0 && declaration.version().is_ok_and(|version| version.starts_with("1."));
                if !right {
                    return Err(Malformed::at(
                        offset,
                        "an XML declaration may only stand at the beginning, with version=\"1.0\"",
                    ));
                }
            }
            Event::PI(instruction) => {
                if !is_name(instruction.target()) || instruction.target().eq_ignore_ascii_case("xml") {
                    return Err(Malformed::at(
                        offset,
                        "a processing instruction has to begin with a name other than xml",
                    ));
                }
            }
            Event::Comment(_) => {}
            Event::DocType(_) => return Err(Malformed::at(offset, DOCUMENT_TYPE)),
            Event::Eof => return growing.finish(document.len()),
        }
    }
}

/// Why a document type declaration is refused.
pub(crate) const DOCUMENT_TYPE: &str = "a document type declaration (<!DOCTYPE) is not accepted, because entities that it \
                                        declares may be without measure or read other files; leave it out";

/// What the XML reader found, as a reason for a person.
fn reason(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Syntax(error) => error.to_string(),
        quick_xml::Error::IllFormed(quick_xml::errors::IllFormedError::UnclosedReference) => {
            String::from("\"&\" in a text has to be written \"&amp;\"")
        }
        quick_xml::Error::IllFormed(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// A position of the reader. A document in memory is never longer than its address space.
fn position(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// The tree while it is read.
#[derive(Default)]
struct Growing {
    /// The elements that are open, outermost first.
    open: Vec<Element>,
    scope: tag::Scope,
    root: Option<Element>,
    elements: usize,
}

impl Growing {
    fn open(&mut self, start: &quick_xml::events::BytesStart<'_>, offset: usize) -> Result<(), Malformed> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(Malformed::at(offset, "a document has one outermost element; this is a second"));
        }
        self.elements += 1;
        if self.elements > MOST_ELEMENTS {
            return Err(Malformed::at(offset, format!("more than {MOST_ELEMENTS} elements; divide it")));
        }
        if self.open.len() >= DEEPEST {
            return Err(Malformed::at(offset, format!("elements stand in each other more than {DEEPEST} deep")));
        }
        let element = self.scope.enter(start.name().into_inner(), start.attributes_raw(), offset)?;
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) {
        self.scope.leave();
        if let Some(element) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(Node::Element(element)),
                None => self.root = Some(element),
            }
        }
    }

    fn text(&mut self, text: &str, offset: usize) -> Result<(), Malformed> {
        let Some(element) = self.open.last_mut() else {
            let blank = text.chars().all(|letter| matches!(letter, ' ' | '\t' | '\r' | '\n' | '\u{feff}'));
            return if blank { Ok(()) } else { Err(Malformed::at(offset, "text outside the outermost element")) };
        };
        match element.children.last_mut() {
            Some(Node::Text(before, _)) => before.push_str(text),
            _ => element.children.push(Node::Text(text.to_owned(), offset)),
        }
        Ok(())
    }

    /// Text that can't stand outside an element even if it is blank.
    fn cdata(&mut self, text: &str, offset: usize) -> Result<(), Malformed> {
        if self.open.is_empty() {
            return Err(Malformed::at(offset, "text outside the outermost element"));
        }
        self.text(text, offset)
    }

    fn reference(&mut self, letter: char, offset: usize) -> Result<(), Malformed> {
        self.cdata(letter.encode_utf8(&mut [0; 4]), offset)
    }

    fn finish(self, end: usize) -> Result<Element, Malformed> {
        match (self.open.last(), self.root) {
            (Some(open), _) => Err(Malformed::at(end, format!("<{}> is not closed", open.written))),
            (None, Some(root)) => Ok(root),
            (None, None) => Err(Malformed::at(end, "no element; the file is empty or not XML")),
        }
    }
}

#[cfg(test)]
mod tests;
