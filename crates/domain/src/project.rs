//! What an audience may see of a message.
//!
//! Read from the field options of the proto and from nothing else: a new field can't be forgotten here, and one without
//! the option is never public.

use std::{
    collections::HashMap,
    sync::{LazyLock, RwLock},
};

use isopolity_proto::{field, options::Audience};
use prost_reflect::{DynamicMessage, Kind as FieldKind, ReflectMessage as _, Value};

/// Removes, at every depth, what the audience may not see, and unknown fields, of which nothing is known.
pub fn project(message: &mut DynamicMessage, audience: Audience) {
    // Taken one by one: dropping the iterator leaves what it has not reached.
    message.take_unknown_fields().for_each(drop);
    let hidden = hidden_from(message, audience);
    for number in hidden {
        message.clear_field_by_number(number);
    }
    for (field, value) in message.fields_mut() {
        // A field that holds no message can hold nothing hidden.
        let holds_messages = if field.is_map() {
            matches!(field.kind(), FieldKind::Message(entry) if matches!(entry.map_entry_value_field().kind(), FieldKind::Message(_)))
        } else {
            matches!(field.kind(), FieldKind::Message(_))
        };
        if holds_messages {
            project_value(value, audience);
        }
    }
}

fn project_value(value: &mut Value, audience: Audience) {
    match value {
        Value::Message(message) if !well_known(message) => project(message, audience),
        Value::List(values) => {
            for value in values {
                project_value(value, audience);
            }
        }
        Value::Map(entries) => {
            for value in entries.values_mut() {
                project_value(value, audience);
            }
        }
        _ => {}
    }
}

/// Messages of `google.protobuf` carry no options of ours; the field that holds one decides for all of it.
fn well_known(message: &DynamicMessage) -> bool {
    message.descriptor().package_name() == "google.protobuf"
}

type Plan = Vec<(u32, Audience)>;

fn hidden_from(message: &DynamicMessage, audience: Audience) -> Vec<u32> {
    static PLANS: LazyLock<RwLock<HashMap<String, Plan>>> = LazyLock::new(RwLock::default);
    let descriptor = message.descriptor();
    let pick = |plan: &Plan| plan.iter().filter(|(_, needs)| *needs > audience).map(|(number, _)| *number).collect();
    // Options are decoded once for each message type of the built-in pool; foreign pools (tests) are not remembered.
    let own = descriptor.parent_pool() == isopolity_proto::pool();
    if own
        && let Some(plan) = PLANS.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(descriptor.full_name())
    {
        return pick(plan);
    }
    let plan: Plan = descriptor.fields().map(|one| (one.number(), field::audience(&one))).collect();
    let hidden = pick(&plan);
    if own {
        let mut plans = PLANS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        plans.insert(descriptor.full_name().to_owned(), plan);
    }
    hidden
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{Contribution, Organization, Partnership},
        to_dynamic,
        types::{ContactPoint, LocalizedText, Money},
    };

    use super::*;

    fn see<M: prost::Name + Default>(message: &M, audience: Audience) -> M {
        let mut dynamic = to_dynamic(message);
        project(&mut dynamic, audience);
        dynamic.transcode_to().unwrap()
    }

    fn text(text: &str) -> Vec<LocalizedText> {
        vec![LocalizedText { text: text.into(), language: "en".into(), ..Default::default() }]
    }

    #[test]
    fn each_audience_sees_its_own_fields_and_those_of_wider_ones() {
        let partnership = Partnership {
            titles: text("title"),
            lessons: text("lesson"),
            internal_notes: "note".into(),
            ..Default::default()
        };
        let public = see(&partnership, Audience::Public);
        assert_eq!((public.titles.len(), public.lessons.len(), public.internal_notes.as_str()), (1, 0, ""));
        let federation = see(&partnership, Audience::Federation);
        assert_eq!((federation.lessons.len(), federation.internal_notes.as_str()), (1, ""));
        assert_eq!(see(&partnership, Audience::Internal), partnership);
    }

    #[test]
    fn what_is_nested_is_hidden_too() {
        let organization = Organization {
            contact_points: vec![ContactPoint {
                function: "office".into(),
                person_name: "somebody".into(),
                phone: "+351".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let contact = &see(&organization, Audience::Public).contact_points[0];
        assert_eq!(
            (contact.function.as_str(), contact.phone.as_str(), contact.person_name.as_str()),
            ("office", "", "")
        );
        let amount = Money { currency_code: "EUR".into(), amount: "1".into() };
        let partnership = Partnership {
            contributions: vec![Contribution { private_amount: Some(amount), ..Default::default() }],
            ..Default::default()
        };
        assert_eq!(see(&partnership, Audience::Federation).contributions[0].private_amount, None);
    }

    #[test]
    fn unknown_fields_do_not_leave() {
        // Field 1000, varint 1: something that a newer version added.
        let mut dynamic =
            DynamicMessage::decode(isopolity_proto::descriptor::<Partnership>(), &[0xc0, 0x3e, 0x01][..]).unwrap();
        assert_eq!(dynamic.unknown_fields().count(), 1);
        project(&mut dynamic, Audience::Public);
        assert_eq!(dynamic.unknown_fields().count(), 0);
    }
}
