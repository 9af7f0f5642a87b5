//! Reads the files of a schema.

use std::collections::{HashMap, HashSet};

use super::{
    Allowed, Complex, Declaration, Inside, Kind, Schema, SchemaError,
    content::{Content, Leaf, Particle, Term},
    simple::{BuiltIn, Simple},
    tree::{self, Element, Named},
};

/// The namespace of XML Schema itself.
const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// How many types may extend each other.
const DEEPEST_EXTENSION: usize = 8;

pub(super) fn load(files: &[(&str, &str)]) -> Result<Schema, SchemaError> {
    let mut roots: Vec<(String, Element)> = Vec::new();
    let mut wanted: Vec<String> = files.first().map(|(name, _)| (*name).to_owned()).into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let (_, text) = files.iter().find(|(file, _)| *file == name).ok_or_else(|| wrong(&name, "is missing"))?;
        let root = tree::read(text).map_err(|malformed| wrong(&name, &malformed.description))?;
        if !root.name.is(Some(XSD), "schema") {
            return Err(wrong(&name, "is not an XML Schema"));
        }
        let others = root.elements().filter(|element| is(element, "include") || is(element, "import"));
        wanted.extend(others.filter_map(|element| element.attribute("schemaLocation")).map(str::to_owned));
        roots.push((name, root));
    }
    let mut loader = Loader::default();
    for (name, root) in &roots {
        loader.collect(root).map_err(|description| wrong(name, &description))?;
    }
    let file = roots.first().map_or("", |(name, _)| name.as_str());
    loader.compile().map_err(|description| wrong(file, &description))
}

fn wrong(file: &str, description: &str) -> SchemaError {
    SchemaError { file: file.to_owned(), description: description.to_owned() }
}

fn is(element: &Element, name: &str) -> bool {
    element.name.is(Some(XSD), name)
}

/// The elements of a declaration that are not there for people.
fn parts(element: &Element) -> impl Iterator<Item = &Element> {
    element.elements().filter(|part| !is(part, "annotation"))
}

fn unknown(part: &Element, within: &Element) -> String {
    let name = within.attribute("name").or(within.attribute("ref")).unwrap_or_default();
    format!("<{}> in <{} {name}> is not known here", part.written, within.written)
}

fn required<'a>(element: &'a Element, attribute: &str) -> Result<&'a str, String> {
    element.attribute(attribute).ok_or_else(|| format!("<{}> lacks {attribute}", element.written))
}

/// What stands on the outermost level of all files.
#[derive(Default)]
struct Loader<'a> {
    elements: Vec<&'a Element>,
    types: HashMap<&'a str, &'a Element>,
    /// With the namespace that they are in.
    attributes: Vec<(Option<&'a str>, &'a Element)>,
    compiled: HashMap<Named, Simple>,
}

impl<'a> Loader<'a> {
    fn collect(&mut self, root: &'a Element) -> Result<(), String> {
        let namespace = root.attribute("targetNamespace");
        for part in parts(root) {
            match part.name.local.as_str() {
                "element" if namespace.is_none() => self.elements.push(part),
                "complexType" if namespace.is_none() => {
                    self.types.insert(required(part, "name")?, part);
                }
                "attribute" => self.attributes.push((namespace, part)),
                // A group of attributes has an effect only where it is referred to, and a reference is refused.
                "include" | "import" | "attributeGroup" => {}
                _ => return Err(unknown(part, root)),
            }
        }
        Ok(())
    }

    fn compile(mut self) -> Result<Schema, String> {
        for (namespace, attribute) in std::mem::take(&mut self.attributes) {
            let local = required(attribute, "name")?.to_owned();
            let value = value_type(attribute)?;
            self.compiled.insert(Named { namespace: namespace.map(Into::into), local }, value);
        }
        let mut schema = Schema::default();
        for element in &self.elements {
            let declaration = self.declaration(element)?;
            schema.elements.insert(declaration.name.clone(), declaration);
        }
        for (name, element) in &self.types {
            schema.types.insert((*name).to_owned(), self.complex(element, 0)?.0);
        }
        for declaration in schema.elements.values() {
            check_kind(&schema, &declaration.kind)?;
        }
        for complex in schema.types.values() {
            check_references(&schema, complex)?;
        }
        schema.attributes = self.compiled;
        Ok(schema)
    }

    fn declaration(&self, element: &Element) -> Result<Declaration, String> {
        let name = required(element, "name")?.to_owned();
        let known = ["name", "type", "minOccurs", "maxOccurs"];
        if let Some(other) = element.attributes.iter().find(|attribute| !known.contains(&attribute.name.local.as_str()))
        {
            return Err(format!("{} of <{} {name}> is not known here", other.name.local, element.written));
        }
        let kind = match (element.attribute("type"), parts(element).next()) {
            (Some(kind), None) => match built_in(kind) {
                Some(built_in) => Kind::Simple(Simple::BuiltIn(built_in)),
                None => Kind::Complex(kind.to_owned()),
            },
            (None, Some(own)) if is(own, "complexType") => Kind::Own(Box::new(self.complex(own, 0)?.0)),
            (None, None) => Kind::Any,
            _ => return Err(format!("<{} {name}> has a type that is not known here", element.written)),
        };
        Ok(Declaration { name, kind })
    }

    /// The type, and its content as particles so that it can be extended.
    fn complex(&self, element: &Element, depth: usize) -> Result<(Complex, Vec<Particle>), String> {
        if element.attributes.iter().any(|attribute| attribute.name.local != "name") {
            return Err(format!("attributes of <{}> are not known here", element.written));
        }
        let mut complex =
            Complex { attributes: Vec::new(), any_attribute: false, content: Inside::Elements(Content::default()) };
        let mut particles = Vec::new();
        for part in parts(element) {
            match part.name.local.as_str() {
                "simpleContent" => {
                    let (base, extension) = extension(part)?;
                    let base = built_in(base).ok_or_else(|| format!("{base} is not a simple type known here"))?;
                    complex.content = Inside::Text(Simple::BuiltIn(base));
                    for attribute in parts(extension) {
                        self.attribute(&mut complex, attribute, extension)?;
                    }
                }
                "complexContent" => {
                    let (base, extension) = extension(part)?;
                    let base = self.types.get(base).filter(|_| depth < DEEPEST_EXTENSION);
                    let base = base.ok_or_else(|| format!("the base of <{}> is not known", extension.written))?;
                    (complex, particles) = self.complex(base, depth + 1)?;
                    for part in parts(extension) {
                        self.part(&mut complex, &mut particles, part, extension)?;
                    }
                }
                _ => self.part(&mut complex, &mut particles, part, element)?,
            }
        }
        if matches!(complex.content, Inside::Elements(_)) {
            complex.content = Inside::Elements(Content::then(particles.clone()));
        }
        Ok((complex, particles))
    }

    fn part(
        &self,
        complex: &mut Complex,
        particles: &mut Vec<Particle>,
        part: &Element,
        within: &Element,
    ) -> Result<(), String> {
        if is(part, "sequence") || is(part, "choice") {
            particles.push(self.particle(part)?);
            return Ok(());
        }
        self.attribute(complex, part, within)
    }

    fn attribute(&self, complex: &mut Complex, part: &Element, within: &Element) -> Result<(), String> {
        if is(part, "anyAttribute") {
            wildcard(part)?;
            complex.any_attribute = true;
            return Ok(());
        }
        if !is(part, "attribute") {
            return Err(unknown(part, within));
        }
        let required = match part.attribute("use") {
            None | Some("optional") => false,
            Some("required") => true,
            Some(other) => return Err(format!("use={other} is not known here")),
        };
        let (name, value) = if let Some(reference) = part.attribute("ref") {
            let name = match reference.split_once(':') {
                None => Named { namespace: None, local: reference.to_owned() },
                Some(("xml", local)) => Named { namespace: Some(tree::XML.into()), local: local.to_owned() },
                Some(_) => return Err(format!("the prefix of {reference} is not known here")),
            };
            let value = self.compiled.get(&name).ok_or_else(|| format!("attribute {reference} is not declared"))?;
            (name, value.clone())
        } else {
            let local = self::required(part, "name")?.to_owned();
            (Named { namespace: None, local }, value_type(part)?)
        };
        complex.attributes.push(Allowed { name, value, required });
        Ok(())
    }

    fn particle(&self, element: &Element) -> Result<Particle, String> {
        let optional = match element.attribute("minOccurs") {
            Some("0") => true,
            None | Some("1") => false,
            Some(other) => return Err(format!("minOccurs={other} is not known here")),
        };
        let repeated = match element.attribute("maxOccurs") {
            Some("unbounded") => true,
            None | Some("1") => false,
            Some(other) => return Err(format!("maxOccurs={other} is not known here")),
        };
        let inner = || parts(element).map(|part| self.particle(part)).collect::<Result<Vec<_>, _>>();
        let term = match element.name.local.as_str() {
            "sequence" => Term::Sequence(inner()?),
            "choice" => Term::Choice(inner()?),
            "any" => {
                wildcard(element)?;
                Term::Leaf(Leaf::Other)
            }
            "element" => Term::Leaf(match element.attribute("ref") {
                Some(reference) => Leaf::Reference(reference.to_owned()),
                None => Leaf::Element(self.declaration(element)?),
            }),
            _ => return Err(format!("<{}> is not known here", element.written)),
        };
        Ok(Particle { term, optional, repeated })
    }
}

fn wildcard(element: &Element) -> Result<(), String> {
    let other = element.attribute("namespace") == Some("##other");
    let lax = element.attribute("processContents") == Some("lax");
    if other && lax { Ok(()) } else { Err(format!("<{}> has to be ##other and lax", element.written)) }
}

fn extension(content: &Element) -> Result<(&str, &Element), String> {
    let mut all = parts(content);
    match (all.next(), all.next()) {
        (Some(extension), None) if is(extension, "extension") => Ok((required(extension, "base")?, extension)),
        _ => Err(format!("<{}> has to hold one extension", content.written)),
    }
}

fn built_in(name: &str) -> Option<BuiltIn> {
    name.strip_prefix("xsd:").or_else(|| name.strip_prefix("xs:")).and_then(BuiltIn::of)
}

/// The type of an attribute.
fn value_type(attribute: &Element) -> Result<Simple, String> {
    match (attribute.attribute("type"), parts(attribute).next()) {
        (Some(name), None) => simple_by_name(name),
        (None, Some(own)) if is(own, "simpleType") => simple(own),
        _ => Err(format!("attribute {} needs a type", attribute.attribute("name").unwrap_or_default())),
    }
}

fn simple_by_name(name: &str) -> Result<Simple, String> {
    built_in(name).map(Simple::BuiltIn).ok_or_else(|| format!("the simple type {name} is not known here"))
}

fn simple(element: &Element) -> Result<Simple, String> {
    let part = parts(element).next().ok_or_else(|| format!("<{}> is empty", element.written))?;
    match part.name.local.as_str() {
        "union" => {
            let named = part.attribute("memberTypes").unwrap_or_default().split_ascii_whitespace().map(simple_by_name);
            let own = parts(part).map(simple);
            Ok(Simple::Union(named.chain(own).collect::<Result<_, _>>()?))
        }
        "restriction" => {
            let base = required(part, "base")?;
            let base = built_in(base).ok_or_else(|| format!("the simple type {base} is not known here"))?;
            let mut values = Vec::new();
            for facet in parts(part) {
                if !is(facet, "enumeration") {
                    return Err(unknown(facet, part));
                }
                values.push(required(facet, "value")?.to_owned());
            }
            Ok(Simple::OneOf(base, values))
        }
        _ => Err(unknown(part, element)),
    }
}

/// That all that types refer to is there.
fn check_references(schema: &Schema, complex: &Complex) -> Result<(), String> {
    let Inside::Elements(content) = &complex.content else { return Ok(()) };
    for leaf in content.leaves() {
        match leaf {
            Leaf::Reference(name) if !schema.elements.contains_key(name) => {
                return Err(format!("element {name} is not declared"));
            }
            Leaf::Element(declaration) => check_kind(schema, &declaration.kind)?,
            Leaf::Reference(_) | Leaf::Other => {}
        }
    }
    Ok(())
}

fn check_kind(schema: &Schema, kind: &Kind) -> Result<(), String> {
    match kind {
        Kind::Complex(name) if !schema.types.contains_key(name) => Err(format!("type {name} is not declared")),
        Kind::Own(complex) => check_references(schema, complex),
        Kind::Complex(_) | Kind::Simple(_) | Kind::Any => Ok(()),
    }
}
