//! Where a record speaks of somebody, and taking a name out of it.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, Value};

use crate::text;

/// The shortest title by which something is looked for: shorter ones stand in too much.
const TITLE_MIN: usize = 4;

/// What is looked for in texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// Folded, each of them must be there.
    words: BTreeSet<String>,
    /// Folded, as a whole. Empty: words are looked for.
    whole: String,
}

impl Needle {
    /// A text that is found as a whole, in any case and script.
    #[must_use]
    pub fn whole(text: &str) -> Self {
        Self { words: BTreeSet::new(), whole: text::fold(text.trim()) }
    }

    /// Words that are found in any order, in any case and script; or a mailbox as a whole.
    #[must_use]
    pub fn person(asked: &str) -> Self {
        if asked.contains('@') {
            return Self::whole(asked);
        }
        Self { words: text::words(asked).into_iter().collect(), whole: String::new() }
    }

    /// There is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.whole.is_empty()
    }

    /// Whether a text holds it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        if !self.whole.is_empty() {
            return text::fold(text).contains(&self.whole);
        }
        if self.words.is_empty() {
            return false;
        }
        let found: BTreeSet<String> = text::words(text).into_iter().collect();
        self.words.is_subset(&found)
    }
}

/// The paths of the texts in a message that hold one of the needles.
#[must_use]
pub fn mentions(message: &DynamicMessage, needles: &[Needle]) -> Vec<String> {
    let mut found = Vec::new();
    each_text(message, "", &mut |path, text| {
        if needles.iter().any(|needle| needle.is_in(text)) {
            found.push(path.to_owned());
        }
    });
    found
}

/// Whether one of the texts is exactly this.
#[must_use]
pub fn states(message: &DynamicMessage, exactly: &str) -> bool {
    let mut found = false;
    each_text(message, "", &mut |_, text| found |= text == exactly);
    found
}

/// What tells of whom a resource is: its name, identifiers, mailboxes, telephone numbers, persons, and titles of at least four
/// characters.
#[must_use]
pub fn telling(resource: &DynamicMessage) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each_text(resource, "", &mut |path, text| {
        let (above, field) = path.rsplit_once('.').unwrap_or(("", path));
        let tells = match field {
            "name" => above.is_empty(),
            "mailbox" | "person_mailbox" | "person_name" | "phone" => true,
            "value" => above.starts_with("identifiers"),
            "text" => ["display_names", "names", "titles"].iter().any(|names| above.starts_with(names)),
            _ => false,
        };
        if tells && text.chars().count() >= TITLE_MIN {
            found.insert(text.to_owned());
        }
    });
    found
}

/// Takes a resource name out of a message: a field that holds it is cleared, an entry of a list that is it or holds it directly is
/// removed. Returns whether there was anything to take.
pub fn cut(message: &mut DynamicMessage, name: &str) -> bool {
    let is_it = |value: &Value| matches!(value, Value::String(text) if text == name);
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    let mut changed = false;
    for field in fields {
        match message.get_field_mut(&field) {
            Value::String(text) if text == name => {
                message.clear_field(&field);
                changed = true;
            }
            Value::Message(below) => changed |= cut(below, name),
            Value::List(list) => {
                let before = list.len();
                list.retain(|value| match value {
                    Value::Message(entry) => !entry.fields().any(|(_, value)| is_it(value)),
                    value => !is_it(value),
                });
                changed |= list.len() < before;
                for value in list {
                    if let Value::Message(entry) = value {
                        changed |= cut(entry, name);
                    }
                }
            }
            _ => {}
        }
    }
    changed
}

fn each_text(message: &DynamicMessage, path: &str, told: &mut dyn FnMut(&str, &str)) {
    for (field, value) in message.fields() {
        let path = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        match value {
            Value::String(text) => told(&path, text),
            Value::Message(below) => each_text(below, &path, told),
            Value::List(list) => {
                for (at, value) in list.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    match value {
                        Value::String(text) => told(&path, text),
                        Value::Message(below) => each_text(below, &path, told),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{Organization, Participant, Partnership},
        to_dynamic,
        types::{ContactPoint, LocalizedText},
    };

    use super::*;

    fn bakery() -> Organization {
        let contact = ContactPoint { person_name: "Ana Conceição Silva".into(), ..Default::default() };
        Organization {
            name: "cities/feira.example/organizations/bakery".into(),
            display_names: vec![LocalizedText { text: "Padaria São João".into(), ..Default::default() }],
            contact_points: vec![contact],
            ..Default::default()
        }
    }

    #[test]
    fn a_person_is_found_by_words_in_any_order_and_script_and_only_by_all_of_them() {
        let message = to_dynamic(&bakery());
        let found = |asked: &str| mentions(&message, &[Needle::person(asked)]);
        assert_eq!(found("SILVA ana"), ["contact_points[0].person_name"]);
        assert_eq!(found("conceicao"), ["contact_points[0].person_name"]);
        assert!(found("Ana Sousa").is_empty());
        assert!(found("An").is_empty(), "not within a word");
        assert!(Needle::person(" ,").is_empty() && !Needle::person(" ,").is_in("anything"));
    }

    #[test]
    fn a_mailbox_is_found_as_a_whole() {
        let needle = Needle::person("Ana@bakery.example");
        assert!(needle.is_in("write to <ana@bakery.example>"));
        assert!(!needle.is_in("bakery.example, ask for Ana"));
    }

    #[test]
    fn what_tells_of_whom_a_resource_is_are_its_names_and_people() {
        let told: Vec<String> = telling(&to_dynamic(&bakery())).into_iter().collect();
        assert_eq!(told, ["Ana Conceição Silva", "Padaria São João", "cities/feira.example/organizations/bakery"]);
    }

    #[test]
    fn a_name_is_cut_out_of_fields_and_lists_and_nothing_else_changes() {
        let name = "cities/feira.example/organizations/bakery";
        let with = |organization: &str| Participant { organization: organization.into(), ..Default::default() };
        let mut message = to_dynamic(&Partnership {
            participants: vec![with(name), with("cities/feira.example/organizations/bakery2")],
            superseded_by: name.into(),
            internal_notes: format!("see {name}"),
            ..Default::default()
        });
        assert!(states(&message, name));
        assert!(cut(&mut message, name));
        assert!(!cut(&mut message, name) && !states(&message, name));
        let after: Partnership = message.transcode_to().unwrap();
        assert_eq!((after.participants.len(), after.superseded_by.as_str()), (1, ""));
        assert_eq!(after.internal_notes, format!("see {name}"), "words stay: a person reads them");
    }
}
