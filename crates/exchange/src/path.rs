//! Where a value stands in a message: `display_names[0].text`, `seat.country`, `languages[]`.
//!
//! Field names are those of the proto files (or of their JSON form). An entry of a list is named by its place from 0; `[]`
//! names a list of simple values as a whole. A path always leads to something that fits one cell: a text, a number, a
//! truth, an enum value, a time, or a list of these.

use std::{collections::BTreeMap, fmt};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// The most entries of a list that a path can name.
const ENTRIES_MAX: usize = 100;
/// The longest path, in steps.
const STEPS_MAX: usize = 16;

/// The fields of every resource that its node sets.
pub(crate) const OUTPUT_ONLY: [&str; 6] =
    ["etag", "create_time", "update_time", "delete_time", "stale", "stale_reasons"];

/// A way from a message down to a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    field: FieldDescriptor,
    at: Option<usize>,
}

impl Path {
    /// Reads a path from a message of this type.
    ///
    /// # Errors
    /// What is wrong, and which fields there are.
    pub fn parse(message: &MessageDescriptor, text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut inside = Some(message.clone());
        for part in text.split('.') {
            let Some(message) = inside.take() else {
                return Err(format!("{text:?} goes on behind a value that has no fields"));
            };
            if steps.len() == STEPS_MAX {
                return Err(format!("{text:?} has more than {STEPS_MAX} steps"));
            }
            let (name, index) = match part.split_once('[') {
                None => (part, None),
                Some((name, index)) => {
                    (name, Some(index.strip_suffix(']').ok_or_else(|| format!("{text:?} lacks a closing bracket"))?))
                }
            };
            let field = field(&message, name)?;
            let at = match (field.is_list(), index) {
                (true, Some("")) | (false, None) => None,
                (true, Some(index)) => Some(
                    index
                        .parse::<usize>()
                        .ok()
                        .filter(|index| *index < ENTRIES_MAX)
                        .ok_or_else(|| format!("{index:?} is not a place in a list: 0 to {}", ENTRIES_MAX - 1))?,
                ),
                (true, None) => return Err(format!("{name:?} is a list: write {name}[0], or {name}[] for all of it")),
                (false, Some(_)) => return Err(format!("{name:?} is no list")),
            };
            if !is_simple(&field) {
                match field.kind() {
                    Kind::Message(_) if field.is_list() && at.is_none() => {
                        return Err(format!("{name:?} is a list of messages: write {name}[0]"));
                    }
                    Kind::Message(message) if !field.is_map() => inside = Some(message),
                    _ => return Err(format!("{name:?} does not fit a cell")),
                }
            }
            steps.push(Step { field, at });
        }
        match &inside {
            None => Ok(Self { steps }),
            Some(message) => Err(format!("{text:?} is not a single value: name one of its fields, {}", names(message))),
        }
    }

    pub(crate) fn start() -> Self {
        Self { steps: Vec::new() }
    }

    pub(crate) fn with(&self, field: FieldDescriptor, at: Option<usize>) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step { field, at });
        Self { steps }
    }

    /// The field at the end.
    #[must_use]
    pub fn field(&self) -> Option<&FieldDescriptor> {
        self.steps.last().map(|step| &step.field)
    }

    /// Whether it belongs to what a node alone decides: such values are written into tables, but never read from them.
    pub(crate) fn is_output_only(&self) -> bool {
        self.steps.first().is_some_and(|step| OUTPUT_ONLY.contains(&step.field.name()))
    }

    /// Whether it names a list as a whole.
    #[must_use]
    pub fn is_whole_list(&self) -> bool {
        self.steps.last().is_some_and(|step| step.field.is_list() && step.at.is_none())
    }

    /// The path of another field of the same message.
    pub(crate) fn sibling(&self, name: &str) -> Option<Self> {
        let (last, above) = self.steps.split_last()?;
        let field = last.field.parent_message().get_field_by_name(name).filter(is_simple)?;
        let mut steps = above.to_vec();
        steps.push(Step { field, at: None });
        Some(Self { steps })
    }

    /// The path of what holds the value: the nearest entry of a list, else the message. Empty for the resource itself.
    pub(crate) fn entry(&self) -> String {
        let above = self.steps.split_last().map_or(&[][..], |(_, above)| above);
        let end = above.iter().rposition(|step| step.at.is_some()).map_or(above.len(), |last| last + 1);
        Self { steps: above.iter().take(end).cloned().collect() }.to_string()
    }

    /// The value in a message, if it is there and says something.
    pub(crate) fn get(&self, message: &DynamicMessage) -> Option<Value> {
        get(message, &self.steps)
    }

    /// Puts a value into a message, or takes it out. An entry behind the end of a list becomes its last.
    pub(crate) fn set(&self, message: &mut DynamicMessage, value: Option<Value>) {
        set(message, &self.steps, value);
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            if place > 0 {
                formatter.write_str(".")?;
            }
            formatter.write_str(step.field.name())?;
            match step.at {
                Some(at) => write!(formatter, "[{at}]")?,
                None if step.field.is_list() => formatter.write_str("[]")?,
                None => {}
            }
        }
        Ok(())
    }
}

/// Whether a field's values, or those of its list, each fit a cell.
pub(crate) fn is_simple(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.Timestamp",
        Kind::Bytes => false,
        _ => true,
    }
}

fn field(message: &MessageDescriptor, name: &str) -> Result<FieldDescriptor, String> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name)).ok_or_else(|| {
        let name: String = name.chars().take(60).collect();
        format!("{} has no field {name:?}; it has {}", message.name(), names(message))
    })
}

fn names(message: &MessageDescriptor) -> String {
    message.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(", ")
}

fn get(message: &DynamicMessage, steps: &[Step]) -> Option<Value> {
    let (step, rest) = steps.split_first()?;
    if !message.has_field(&step.field) {
        // A number that nobody set is 0 where its message is there.
        let number = matches!(step.field.kind(), Kind::Double | Kind::Float) && !step.field.supports_presence();
        return (number && rest.is_empty() && !step.field.is_list())
            .then(|| Value::default_value_for_field(&step.field));
    }
    let value = message.get_field(&step.field);
    let value = match step.at {
        Some(at) => value.as_list()?.get(at)?,
        None => value.as_ref(),
    };
    if rest.is_empty() { Some(value.clone()) } else { get(value.as_message()?, rest) }
}

fn set(message: &mut DynamicMessage, steps: &[Step], value: Option<Value>) {
    let Some((step, rest)) = steps.split_first() else { return };
    if value.is_none() && !message.has_field(&step.field) {
        return;
    }
    match (step.at, rest.is_empty(), value) {
        (None, true, Some(value)) => message.set_field(&step.field, value),
        (None, true, None) => message.clear_field(&step.field),
        (None, false, value) => {
            if let Value::Message(inner) = message.get_field_mut(&step.field) {
                set(inner, rest, value);
            }
        }
        (Some(at), last, value) => {
            let Value::List(entries) = message.get_field_mut(&step.field) else { return };
            if at >= entries.len() {
                if value.is_none() {
                    return;
                }
                entries.push(Value::default_value(&step.field.kind()));
            }
            let at = at.min(entries.len().saturating_sub(1));
            match (last, value) {
                (true, None) => {
                    entries.remove(at);
                }
                (true, Some(value)) => {
                    if let Some(entry) = entries.get_mut(at) {
                        *entry = value;
                    }
                }
                (false, value) => {
                    if let Some(Value::Message(entry)) = entries.get_mut(at) {
                        set(entry, rest, value);
                    }
                }
            }
        }
    }
}

/// Values on their way into a message. Entries of lists are numbered anew, without gaps, in the order of their places.
#[derive(Debug, Default)]
pub(crate) struct Tree(BTreeMap<u32, Node>);

#[derive(Debug)]
enum Node {
    Value(Value),
    Message(Tree),
    List(BTreeMap<usize, Self>),
}

impl Tree {
    pub(crate) fn insert(&mut self, path: &Path, value: Value) {
        self.put(&path.steps, value);
    }

    fn put(&mut self, steps: &[Step], value: Value) {
        let Some((step, rest)) = steps.split_first() else { return };
        let node = |rest: &[Step]| if rest.is_empty() { None } else { Some(Node::Message(Self::default())) };
        let slot = match step.at {
            None => self
                .0
                .entry(step.field.number())
                .or_insert_with(|| node(rest).unwrap_or(Node::Value(Value::Bool(false)))),
            Some(at) => {
                let list = self.0.entry(step.field.number()).or_insert_with(|| Node::List(BTreeMap::new()));
                let Node::List(entries) = list else { return };
                entries.entry(at).or_insert_with(|| node(rest).unwrap_or(Node::Value(Value::Bool(false))))
            }
        };
        match slot {
            Node::Value(old) => *old = value,
            Node::Message(inner) => inner.put(rest, value),
            Node::List(_) => {}
        }
    }

    pub(crate) fn build(self, descriptor: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (number, node) in self.0 {
            let Some(field) = descriptor.get_field(number) else { continue };
            let value = node.build(&field);
            // A default without presence is as good as nothing, and must not look like something.
            if field.supports_presence() || !value.is_default_for_field(&field) {
                message.set_field(&field, value);
            }
        }
        message
    }
}

impl Node {
    fn build(self, field: &FieldDescriptor) -> Value {
        match (self, field.kind()) {
            (Self::Value(value), _) => value,
            (Self::Message(tree), Kind::Message(message)) => Value::Message(tree.build(&message)),
            (Self::List(entries), _) => Value::List(entries.into_values().map(|entry| entry.build(field)).collect()),
            (Self::Message(_), kind) => Value::default_value(&kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use isopolity_domain::Kind as ResourceKind;
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Result<Path, String> {
        Path::parse(&ResourceKind::Organization.descriptor(), text)
    }

    #[test]
    fn a_path_is_printed_as_it_is_read() {
        for text in [
            "country",
            "display_names[0].text",
            "seat.names[3].language",
            "languages[]",
            "languages[1]",
            "create_time",
            "seat.point.latitude",
        ] {
            assert_eq!(path(text).unwrap().to_string(), text);
        }
        assert_eq!(path("displayNames[0].text").unwrap().to_string(), "display_names[0].text");
        assert_eq!(path("seat.names[0].text").unwrap().entry(), "seat.names[0]");
        assert_eq!(path("seat.point.latitude").unwrap().entry(), "seat.point");
        assert_eq!(path("country").unwrap().entry(), "");
    }

    #[test]
    fn what_is_no_path_is_refused_with_what_would_be_one() {
        for (text, hint) in [
            ("nmae", "display_names"),
            ("seat", "country"),
            ("display_names.text", "display_names[0]"),
            ("display_names[].text", "display_names[0]"),
            ("display_names[x].text", "0 to 99"),
            ("display_names[1000].text", "0 to 99"),
            ("country[0]", "no list"),
            ("country.code", "no fields"),
            ("display_names[0", "bracket"),
            ("", "display_names"),
        ] {
            let why = path(text).unwrap_err();
            assert!(why.contains(hint), "{text}: {why}");
        }
    }

    #[test]
    fn entries_close_up() {
        let descriptor = ResourceKind::Organization.descriptor();
        let mut tree = Tree::default();
        tree.insert(&path("display_names[5].text").unwrap(), Value::String("b".into()));
        tree.insert(&path("display_names[2].text").unwrap(), Value::String("a".into()));
        let message = tree.build(&descriptor);
        assert_eq!(path("display_names[0].text").unwrap().get(&message), Some(Value::String("a".into())));
        assert_eq!(path("display_names[1].text").unwrap().get(&message), Some(Value::String("b".into())));
        assert_eq!(path("display_names[2].text").unwrap().get(&message), None);
    }

    #[test]
    fn a_value_is_set_and_taken_out_where_it_stands() {
        let mut message = DynamicMessage::new(ResourceKind::Organization.descriptor());
        let country = path("seat.country").unwrap();
        country.set(&mut message, None);
        assert!(!message.has_field_by_name("seat"), "taking out what is not there makes nothing");
        country.set(&mut message, Some(Value::String("PT".into())));
        assert_eq!(country.get(&message), Some(Value::String("PT".into())));
        country.set(&mut message, None);
        assert_eq!(country.get(&message), None);
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(text in "[a-z_\\[\\]0-9.é]{0,40}") {
            let _ = path(&text);
        }
    }
}
