//! Judges an element by its declaration.

use std::collections::HashMap;

use super::{
    Complex, Declaration, Inside, Kind, MOST_FAULTS, Schema,
    content::{Content, Leaf, State},
    simple::{BuiltIn, Simple},
    tree::{Attribute, Element, Malformed, Named, Node, XML},
};

/// The namespace of `xsi:schemaLocation` and its like.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// How many names are listed of what would be right.
const MOST_NAMES: usize = 8;

/// Something that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which byte of the document it is about.
    pub offset: usize,
    /// The element or attribute that it is about, from the outermost element: `a/b[2]/@c`. Empty if the document is not
    /// well-formed.
    pub path: String,
    /// What is wrong and what would be right. Begins in lower case, without a full stop.
    pub description: String,
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        let description = format!("malformed XML: {}", malformed.description);
        Self { offset: malformed.offset, path: String::new(), description }
    }
}

impl Schema {
    /// What is wrong with a document that was read.
    pub(crate) fn judge_root(&self, root: &Element) -> Vec<Fault> {
        let mut judge = Judge::new(self);
        match self.elements.get(&root.name.local).filter(|_| root.name.namespace.is_none()) {
            Some(declaration) => judge.within(root, 1, |judge| judge.element(root, declaration)),
            None => {
                let namespace = root.name.namespace.as_deref().unwrap_or_default();
                let hint = if namespace.is_empty() { "" } else { "; leave out its namespace " };
                judge.note(root.offset, format!("{} can't be the outermost element{hint}{namespace}", tag(root)));
            }
        }
        judge.faults
    }

    /// What is wrong with an element that a wildcard lets in.
    pub(crate) fn judge_foreign(&self, element: &Element) -> Vec<Fault> {
        let mut judge = Judge::new(self);
        judge.within(element, 1, |judge| judge.lax(element));
        judge.faults
    }
}

struct Judge<'a> {
    schema: &'a Schema,
    path: Vec<String>,
    faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    fn new(schema: &'a Schema) -> Self {
        Self { schema, path: Vec::new(), faults: Vec::new() }
    }

    fn note(&mut self, offset: usize, description: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { offset, path: self.path.join("/"), description });
        }
    }

    fn note_attribute(&mut self, offset: usize, name: &str, description: String) {
        self.path.push(format!("@{name}"));
        self.note(offset, description);
        self.path.pop();
    }

    /// Does something while the path leads to an element, the `nth` of its name among its neighbours.
    fn within(&mut self, element: &Element, nth: usize, judge: impl FnOnce(&mut Self)) {
        let name = &element.written;
        self.path.push(if nth > 1 { format!("{name}[{nth}]") } else { name.clone() });
        judge(self);
        self.path.pop();
    }

    fn element(&mut self, element: &Element, declaration: &'a Declaration) {
        match &declaration.kind {
            Kind::Own(complex) => self.complex(element, complex),
            Kind::Complex(name) => match self.schema.types.get(name) {
                Some(complex) => self.complex(element, complex),
                None => self.note(element.offset, format!("the schema does not say what {} is", tag(element))),
            },
            Kind::Any => self.lax(element),
            Kind::Simple(simple) => {
                self.attributes(element, &[], false);
                self.text(element, simple);
            }
        }
    }

    fn complex(&mut self, element: &Element, complex: &'a Complex) {
        self.attributes(element, &complex.attributes, complex.any_attribute);
        match &complex.content {
            Inside::Text(simple) => self.text(element, simple),
            Inside::Elements(content) => self.elements(element, content),
        }
    }

    fn attributes(&mut self, element: &Element, allowed: &[super::Allowed], any: bool) {
        for attribute in &element.attributes {
            let name = written(&attribute.name);
            if attribute.name.namespace.as_deref() == Some(XSI) {
                self.instance_attribute(attribute);
            } else if let Some(known) = allowed.iter().find(|known| known.name == attribute.name) {
                self.value(attribute, &known.value);
            } else if any && attribute.name.namespace.is_some() {
                self.foreign_attribute(attribute);
            } else {
                let names: Vec<String> = allowed.iter().map(|known| written(&known.name)).collect();
                let known = if names.is_empty() { String::from("none") } else { listed(&names, "and") };
                let description = format!("attribute {name} is not allowed in {}; allowed: {known}", tag(element));
                self.note_attribute(attribute.offset, &name, description);
            }
        }
        for known in allowed.iter().filter(|known| known.required) {
            if !element.attributes.iter().any(|attribute| attribute.name == known.name) {
                let name = written(&known.name);
                let missing = format!("attribute {name} is missing in {}", tag(element));
                let description = match &known.value {
                    Simple::BuiltIn(BuiltIn::String) => missing,
                    value => format!("{missing}; it has to be {}", value.describe()),
                };
                self.note_attribute(element.offset, &name, description);
            }
        }
    }

    /// An attribute by which a document speaks to whoever judges it.
    fn instance_attribute(&mut self, attribute: &Attribute) {
        if matches!(attribute.name.local.as_str(), "type" | "nil") {
            let description = format!("xsi:{} is not accepted; leave it out", attribute.name.local);
            self.note_attribute(attribute.offset, &attribute.name.local, description);
        }
    }

    fn foreign_attribute(&mut self, attribute: &Attribute) {
        let schema = self.schema;
        if let Some(known) = schema.attributes.get(&attribute.name) {
            self.value(attribute, known);
        }
    }

    fn value(&mut self, attribute: &Attribute, simple: &Simple) {
        if !simple.accepts(&attribute.value) {
            let description = unfit(&attribute.value, simple);
            self.note_attribute(attribute.offset, &written(&attribute.name), description);
        }
    }

    fn text(&mut self, element: &Element, simple: &Simple) {
        if let Some(inner) = element.elements().next() {
            self.note(inner.offset, format!("only text may stand in {}, not {}", tag(element), tag(inner)));
            return;
        }
        let text = element.text();
        if !simple.accepts(&text) {
            self.note(element.offset, unfit(&text, simple));
        }
    }

    fn elements(&mut self, element: &Element, content: &'a Content) {
        self.no_text(element, content);
        let mut state: State = None;
        let mut before: Option<&Element> = None;
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for child in element.elements() {
            let nth = counts.entry(child.written.as_str()).or_default();
            *nth += 1;
            let nth = *nth;
            let fitting = |place: &usize| content.leaf(*place).is_some_and(|leaf| fits(leaf, child));
            let found = if let Some(place) = content.next(state).iter().copied().find(|place| fitting(place)) {
                state = Some(place);
                Some(place)
            } else {
                let places: Vec<usize> = (0..content.leaves().len()).filter(|place| fitting(place)).collect();
                let reachable = places.iter().copied().find(|place| content.reaches(state, &[*place], None));
                let description = self.misplaced(element, child, before, content, (state, &places, reachable));
                self.within(child, nth, |judge| judge.note(child.offset, description));
                if reachable.is_some() {
                    state = reachable;
                }
                reachable.or(places.first().copied())
            };
            match found.and_then(|place| content.leaf(place)) {
                Some(leaf) => self.within(child, nth, |judge| judge.leaf(child, leaf)),
                None => continue,
            }
            before = Some(child);
        }
        if !content.is_complete(state) {
            let missing = content.missing(state, &[]);
            let description = if missing.is_empty() {
                format!("{} is not complete; expected {}", tag(element), expected(content, state))
            } else {
                let names = missing.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(", ");
                format!("{names} {} missing in {}", if missing.len() > 1 { "are" } else { "is" }, tag(element))
            };
            self.note(element.offset, description);
        }
    }

    fn no_text(&mut self, element: &Element, content: &Content) {
        let text = element.children.iter().find_map(|node| match node {
            Node::Text(text, offset) if !text.trim_matches([' ', '\t', '\r', '\n']).is_empty() => Some((text, *offset)),
            _ => None,
        });
        if let Some((text, offset)) = text {
            let narrative = content.leaves().iter().any(|leaf| leaf.name() == Some("narrative"));
            let right = if narrative { "; put it into <narrative>" } else { "" };
            let text = quoted(text.trim());
            self.note(offset, format!("text {text} is not allowed in {}, only elements{right}", tag(element)));
        }
    }

    fn leaf(&mut self, element: &Element, leaf: &'a Leaf) {
        match leaf {
            Leaf::Element(declaration) => self.element(element, declaration),
            Leaf::Reference(name) => {
                if let Some(declaration) = self.schema.elements.get(name) {
                    self.element(element, declaration);
                }
            }
            Leaf::Other => self.lax(element),
        }
    }

    /// A foreign element may hold anything, but what the schema does declare has to be right also there.
    fn lax(&mut self, element: &Element) {
        for attribute in &element.attributes {
            if attribute.name.namespace.as_deref() == Some(XSI) {
                self.instance_attribute(attribute);
            } else {
                self.foreign_attribute(attribute);
            }
        }
        for child in element.elements() {
            let declared = self.schema.elements.get(&child.name.local).filter(|_| child.name.namespace.is_none());
            self.within(child, 1, |judge| match declared {
                Some(declaration) => judge.element(child, declaration),
                None => judge.lax(child),
            });
        }
    }

    /// Why an element can't stand where it does. `places` are those in the model where it could, `reachable` one of them
    /// that could still come.
    fn misplaced(
        &self,
        parent: &Element,
        child: &Element,
        before: Option<&Element>,
        content: &Content,
        (state, places, reachable): (State, &[usize], Option<usize>),
    ) -> String {
        let next = expected(content, state);
        if let Some(place) = reachable {
            let missing = content.missing(state, &[place]);
            let missing: Vec<String> = missing.iter().map(|name| format!("<{name}>")).collect();
            let verb = if missing.len() > 1 { "have" } else { "has" };
            return format!("{} {verb} to come before {}", missing.join(", "), tag(child));
        }
        if places.is_empty() {
            if child.name.namespace.is_none() && self.schema.elements.contains_key(&child.name.local) {
                return format!("{} does not belong in {}; expected {next}", tag(child), tag(parent));
            }
            return format!("{} is not an element that {} may have; expected {next}", tag(child), tag(parent));
        }
        let repeated = places.iter().any(|place| content.reaches(Some(*place), &[*place], None));
        let present =
            parent.elements().take_while(|other| other.offset < child.offset).any(|other| other.name == child.name);
        match before {
            Some(before) if repeated || !present => {
                let also = if child.name.namespace.is_some() { "elements of other namespaces come last" } else { "" };
                let order = format!("{} has to come before {}", tag(child), tag(before));
                if also.is_empty() { format!("{order}; expected here: {next}") } else { String::from(also) }
            }
            _ => format!("{} may stand only once in {}; expected {next}", tag(child), tag(parent)),
        }
    }
}

fn fits(leaf: &Leaf, element: &Element) -> bool {
    match leaf.name() {
        Some(name) => element.name.is(None, name),
        None => element.name.namespace.is_some(),
    }
}

/// What may come next, for a person.
fn expected(content: &Content, state: State) -> String {
    let mut names: Vec<String> =
        content.next(state).iter().filter_map(|place| content.leaf(*place)).map(described).collect();
    if content.is_complete(state) {
        names.push(String::from("nothing more"));
    }
    listed(&names, "or")
}

fn described(leaf: &Leaf) -> String {
    leaf.name().map_or_else(|| String::from("elements of other namespaces"), |name| format!("<{name}>"))
}

fn listed(names: &[String], last: &str) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        return format!("{shown} …");
    }
    match shown.rsplit_once(", ") {
        Some((before, end)) => format!("{before} {last} {end}"),
        None => shown,
    }
}

/// The name of an attribute as it is usually written.
fn written(name: &Named) -> String {
    let prefix = if name.namespace.as_deref() == Some(XML) { "xml:" } else { "" };
    format!("{prefix}{}", name.local)
}

fn tag(element: &Element) -> String {
    format!("<{}>", quoted_name(&element.written))
}

fn quoted_name(name: &str) -> String {
    name.chars().take(60).collect()
}

/// A text of a file as a part of a message, not longer than is of use.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{}\"", short.replace(['\n', '\r', '\t'], " "))
}

fn unfit(value: &str, simple: &Simple) -> String {
    if value.trim().is_empty() {
        return format!("a value is missing; it has to be {}", simple.describe());
    }
    format!("{} has to be {}", quoted(value), simple.describe())
}
