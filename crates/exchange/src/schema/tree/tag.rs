//! A start tag: names, attributes, references and the namespaces that it brings into scope.

use std::{collections::HashSet, sync::Arc};

use super::{Attribute, Element, MOST_ATTRIBUTES, Malformed, Named, XML};

/// The namespace that is bound to `xmlns`.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Which namespaces are in scope.
#[derive(Default)]
pub(super) struct Scope {
    /// Prefix and namespace, innermost last. The empty prefix is the default namespace; an empty namespace is none.
    bindings: Vec<(String, Arc<str>)>,
    /// How many bindings there were when each open element began.
    marks: Vec<usize>,
}

/// An attribute as it stands in the tag, its value with references resolved.
struct Written<'a> {
    name: &'a str,
    value: String,
    offset: usize,
}

impl Scope {
    /// The element that a start tag opens. `offset` is where its `<` stands in the document.
    pub(super) fn enter(&mut self, name: &str, attributes: &str, offset: usize) -> Result<Element, Malformed> {
        if !is_qualified_name(name) {
            return Err(Malformed::at(offset, format!("\"{}\" can't be the name of an element", excerpt(name))));
        }
        let written = attributes_of(attributes, offset + 1 + name.len())?;
        self.marks.push(self.bindings.len());
        for attribute in &written {
            self.declare(attribute)?;
        }
        let mut element = Element {
            name: self.resolve(name, true, offset)?,
            written: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            offset,
        };
        let mut seen = HashSet::new();
        for attribute in written {
            if attribute.name == "xmlns" || attribute.name.starts_with("xmlns:") {
                continue;
            }
            let name = self.resolve(attribute.name, false, attribute.offset)?;
            if !seen.insert(name.clone()) {
                let description = format!("attribute {} stands twice in <{}>", attribute.name, element.written);
                return Err(Malformed::at(attribute.offset, description));
            }
            element.attributes.push(Attribute { name, value: attribute.value, offset: attribute.offset });
        }
        Ok(element)
    }

    /// Forgets what the innermost open element brought.
    pub(super) fn leave(&mut self) {
        self.bindings.truncate(self.marks.pop().unwrap_or(0));
    }

    fn declare(&mut self, attribute: &Written<'_>) -> Result<(), Malformed> {
        let prefix = match attribute.name.strip_prefix("xmlns") {
            Some("") => "",
            Some(rest) => match rest.strip_prefix(':') {
                Some(prefix) => prefix,
                None => return Ok(()),
            },
            None => return Ok(()),
        };
        let namespace = attribute.value.as_str();
        let reserved = prefix == "xmlns" || (prefix == "xml") != (namespace == XML) || namespace == XMLNS;
        if reserved || (namespace.is_empty() && !prefix.is_empty()) {
            return Err(Malformed::at(
                attribute.offset,
                format!("{} can't be bound to \"{namespace}\"", attribute.name),
            ));
        }
        let before = self.marks.last().copied().unwrap_or(0);
        if self.bindings.iter().skip(before).any(|(bound, _)| bound == prefix) {
            return Err(Malformed::at(attribute.offset, format!("attribute {} stands twice", attribute.name)));
        }
        self.bindings.push((prefix.to_owned(), Arc::from(namespace)));
        Ok(())
    }

    /// What a written name stands for. A name without a prefix is in the default namespace if it is an element's.
    fn resolve(&self, written: &str, element: bool, offset: usize) -> Result<Named, Malformed> {
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        let local = local.to_owned();
        if prefix.is_empty() && !element {
            return Ok(Named { namespace: None, local });
        }
        if prefix == "xml" {
            return Ok(Named { namespace: Some(Arc::from(XML)), local });
        }
        match self.bindings.iter().rev().find(|(bound, _)| bound == prefix) {
            Some((_, namespace)) => {
                Ok(Named { namespace: (!namespace.is_empty()).then(|| Arc::clone(namespace)), local })
            }
            None if prefix.is_empty() => Ok(Named { namespace: None, local }),
            None => {
                let description = format!("the prefix of {written} is not bound to a namespace (xmlns:{prefix}=\"…\")");
                Err(Malformed::at(offset, description))
            }
        }
    }
}

/// The attributes of a tag, from what stands behind its name. `offset` is where that begins in the document.
fn attributes_of(raw: &str, offset: usize) -> Result<Vec<Written<'_>>, Malformed> {
    let mut attributes: Vec<Written<'_>> = Vec::new();
    let mut rest = raw;
    loop {
        let trimmed = rest.trim_start_matches(is_blank);
        let at = offset + raw.len() - trimmed.len();
        if trimmed.is_empty() {
            return Ok(attributes);
        }
        if trimmed.len() == rest.len() {
            return Err(Malformed::at(at, "attributes have to stand apart from each other"));
        }
        if attributes.len() >= MOST_ATTRIBUTES {
            return Err(Malformed::at(at, format!("more than {MOST_ATTRIBUTES} attributes in one element")));
        }
        let end = trimmed.find(|letter| is_blank(letter) || letter == '=').unwrap_or(trimmed.len());
        let (name, behind) = trimmed.split_at(end);
        if !is_qualified_name(name) {
            return Err(Malformed::at(at, format!("\"{}\" can't be the name of an attribute", excerpt(name))));
        }
        let missing = || Malformed::at(at, format!("attribute {name} has to be followed by =\"value\""));
        let behind = behind.trim_start_matches(is_blank).strip_prefix('=').ok_or_else(missing)?;
        let behind = behind.trim_start_matches(is_blank);
        let quote = behind.chars().next().filter(|letter| matches!(letter, '"' | '\'')).ok_or_else(missing)?;
        let (value, behind) = behind.get(1..).and_then(|value| value.split_once(quote)).ok_or_else(missing)?;
        let value =
            value_of(value).map_err(|description| Malformed::at(at, format!("attribute {name}: {description}")))?;
        attributes.push(Written { name, value, offset: at });
        rest = behind;
    }
}

/// The value of an attribute: references resolved, each blank a space.
fn value_of(raw: &str) -> Result<String, String> {
    if raw.contains('<') {
        return Err(String::from("\"<\" has to be written \"&lt;\""));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, behind)) = rest.split_once('&') {
        push_normalised(&mut value, plain);
        let (reference, behind) = behind.split_once(';').ok_or("\"&\" has to be written \"&amp;\"")?;
        value.push(resolve(reference)?);
        rest = behind;
    }
    push_normalised(&mut value, rest);
    Ok(value)
}

fn push_normalised(value: &mut String, plain: &str) {
    for line in plain.replace("\r\n", "\n").chars() {
        value.push(if is_blank(line) { ' ' } else { line });
    }
}

/// The character for a reference, from what stands between `&` and `;`.
pub(super) fn resolve(reference: &str) -> Result<char, String> {
    let letter = match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        numbered => numbered.strip_prefix('#').and_then(|number| {
            let digits = number.strip_prefix('x');
            let radix = if digits.is_some() { 16 } else { 10 };
            let digits = digits.unwrap_or(number);
            let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            plain.then(|| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)).flatten()
        }),
    };
    letter.filter(|letter| is_xml_char(*letter)).ok_or_else(|| {
        let reference = excerpt(reference);
        format!("&{reference}; stands for no character; only &amp; &lt; &gt; &quot; &apos; and &#number; are known")
    })
}

/// At most 40 characters of something that is too wrong to repeat in full.
fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The blanks of XML.
fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

/// Whether XML 1.0 §2.2 allows the character.
pub(crate) fn is_xml_char(letter: char) -> bool {
    !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether it is a name, with at most one prefix.
fn is_qualified_name(name: &str) -> bool {
    match name.split_once(':') {
        Some((prefix, local)) => is_name(prefix) && is_name(local),
        None => is_name(name),
    }
}

/// Whether it is a name without a colon (NCName of Namespaces in XML 1.0 §4, by XML 1.0 §2.3).
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(begins_name) && letters.all(continues_name)
}

fn begins_name(letter: char) -> bool {
    matches!(letter,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

/// Whether a name may go on with it.
pub(crate) fn continues_name(letter: char) -> bool {
    begins_name(letter)
        || matches!(letter, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
