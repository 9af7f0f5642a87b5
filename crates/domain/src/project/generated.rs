//! Projection of every message that there is, and of one with fields that were added later, filled at random.

use isopolity_proto::{field, options::Audience};
use proptest::prelude::*;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind as FieldKind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value,
};

use super::project;

const VIEWERS: [Audience; 4] = [Audience::Public, Audience::Federation, Audience::Shared, Audience::Internal];

/// Numbers that follow from a seed: xorshift.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A message with most of its fields set, to the given depth.
fn filled(descriptor: &MessageDescriptor, dice: &mut Dice, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        // Of a sole trader others see the sectors less exactly than own staff, which is no subset; it has a test of its own.
        if dice.throw(8) == 0 || field.name() == "sole_trader" {
            continue;
        }
        if field.is_map() {
            let FieldKind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
            let value = single(&entry.map_entry_value_field(), dice, depth);
            if let Some(value) = value {
                message.set_field(&field, Value::Map([(MapKey::String("key".into()), value)].into()));
            }
        } else if field.is_list() {
            let values: Vec<Value> = (0..=dice.throw(3)).filter_map(|_| single(&field, dice, depth)).collect();
            message.set_field(&field, Value::List(values));
        } else if let Some(value) = single(&field, dice, depth) {
            message.set_field(&field, value);
        }
    }
    message
}

fn single(field: &FieldDescriptor, dice: &mut Dice, depth: u32) -> Option<Value> {
    Some(match field.kind() {
        FieldKind::Message(inner) if depth > 0 => Value::Message(filled(&inner, dice, depth - 1)),
        FieldKind::Message(_) => return None,
        FieldKind::Enum(known) if known.name() == "Audience" => {
            let numbers = [0, 10, 20, 40, 30, 90];
            Value::EnumNumber(numbers[usize::try_from(dice.throw(6)).unwrap()])
        }
        FieldKind::Enum(known) => {
            let numbers: Vec<i32> = known.values().map(|value| value.number()).collect();
            Value::EnumNumber(numbers[usize::try_from(dice.throw(numbers.len() as u64)).unwrap()])
        }
        FieldKind::String => Value::String("text".into()),
        FieldKind::Bytes => Value::Bytes(vec![1].into()),
        FieldKind::Bool => Value::Bool(true),
        FieldKind::Double => Value::F64(1.5),
        FieldKind::Float => Value::F32(1.5),
        FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 => Value::I32(7),
        FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => Value::I64(7),
        FieldKind::Uint32 | FieldKind::Fixed32 => Value::U32(7),
        FieldKind::Uint64 | FieldKind::Fixed64 => Value::U64(7),
    })
}

fn is_well_known(message: &DynamicMessage) -> bool {
    message.descriptor().package_name() == "google.protobuf"
}

/// What the viewer must not have been shown, by path. Written anew here, from the rule and not from its code.
fn leaks(message: &DynamicMessage, viewer: Audience, path: &str, found: &mut Vec<String>) {
    for (field, value) in message.fields() {
        let path = format!("{path}/{}", field.name());
        if field::audience(&field) > viewer {
            found.push(path.clone());
        }
        let inner: Vec<&Value> = match value {
            Value::List(values) => values.iter().collect(),
            Value::Map(entries) => entries.values().collect(),
            value => vec![value],
        };
        for value in inner {
            let Value::Message(inner) = value else { continue };
            if is_well_known(inner) {
                continue;
            }
            let chosen = match inner.get_field_by_name("audience").as_deref() {
                Some(Value::EnumNumber(number)) => Some(*number),
                _ => None,
            };
            let for_staff = inner.descriptor().name() == "DiasporaLink" && matches!(chosen, None | Some(0));
            // What this software does not know yet is for own staff.
            let needs = match chosen {
                None | Some(0) if for_staff => 40,
                None => 0,
                Some(number @ (0 | 10 | 20 | 30 | 40)) => number,
                Some(_) => 40,
            };
            if needs > i32::from(viewer) {
                found.push(format!("{path} for {chosen:?}"));
            }
            leaks(inner, viewer, &path, found);
        }
    }
}

/// Whether everything in one message is in the other: fields are equal, or messages in which the same holds; lists keep
/// their order.
fn is_within(less: &Value, more: &Value) -> bool {
    match (less, more) {
        (Value::Message(less), Value::Message(more)) => {
            less.fields().all(|(field, value)| more.has_field(&field) && is_within(value, &more.get_field(&field)))
        }
        (Value::List(less), Value::List(more)) => {
            let mut rest = more.iter();
            less.iter().all(|one| rest.any(|other| is_within(one, other)))
        }
        (Value::Map(less), Value::Map(more)) => {
            less.iter().all(|(key, value)| more.get(key).is_some_and(|other| is_within(value, other)))
        }
        (less, more) => less == more,
    }
}

fn views(message: &DynamicMessage) -> Vec<DynamicMessage> {
    let view = |viewer: &Audience| {
        let mut view = message.clone();
        project(&mut view, *viewer);
        view
    };
    VIEWERS.iter().map(view).collect()
}

fn check(message: &DynamicMessage) -> Result<(), TestCaseError> {
    let views = views(message);
    for (view, viewer) in views.iter().zip(VIEWERS) {
        let mut found = Vec::new();
        leaks(view, viewer, message.descriptor().full_name(), &mut found);
        prop_assert!(found.is_empty(), "{viewer:?} sees {found:?}");
        let mut again = view.clone();
        project(&mut again, viewer);
        prop_assert_eq!(&again, view, "projecting twice for {:?}", viewer);
    }
    for pair in views.windows(2) {
        prop_assert!(is_within(&Value::Message(pair[0].clone()), &Value::Message(pair[1].clone())));
    }
    Ok(())
}

/// A file that was written after this software, as a newer city might serve it.
fn later() -> MessageDescriptor {
    let option = |audience: &str| format!(r#""options": {{"[isopolity.options.v1.audience]": {audience}}}"#);
    let one = |name: &str, number: u32, rest: &str| {
        format!(r#"{{"name": "{name}", "number": {number}, "label": "LABEL_OPTIONAL", {rest}}}"#)
    };
    let text = r#""type": "TYPE_STRING""#;
    let inner = r#""type": "TYPE_MESSAGE", "typeName": ".later.v1.Later""#;
    let public = option("10");
    let fields = [
        one("nothing_said", 1, text),
        one("public", 2, &format!("{text}, {public}")),
        one("federation", 3, &format!("{text}, {}", option("20"))),
        one("internal", 4, &format!("{text}, {}", option("40"))),
        one("unknown_audience", 5, &format!("{text}, {}", option("35"))),
        one("nested", 6, &format!("{inner}, {public}")),
        format!(r#"{{"name": "repeated", "number": 7, "label": "LABEL_REPEATED", {inner}, {public}}}"#),
        format!(
            r#"{{"name": "map", "number": 8, "label": "LABEL_REPEATED", "type": "TYPE_MESSAGE",
                "typeName": ".later.v1.Later.MapEntry", {public}}}"#
        ),
        one("chosen_text", 9, &format!(r#"{text}, "oneofIndex": 0, {}"#, option("40"))),
        one("chosen_message", 10, &format!(r#"{inner}, "oneofIndex": 0, {public}"#)),
        one("audience", 11, &format!(r#""type": "TYPE_ENUM", "typeName": ".isopolity.options.v1.Audience", {public}"#)),
    ];
    let entry = format!(
        r#"{{"name": "MapEntry", "options": {{"mapEntry": true}}, "field": [{}, {}]}}"#,
        one("key", 1, text),
        one("value", 2, inner)
    );
    let file = format!(
        r#"{{"name": "later.proto", "package": "later.v1", "syntax": "proto3",
            "dependency": ["isopolity/options/v1/options.proto"],
            "messageType": [{{"name": "Later", "field": [{}], "nestedType": [{entry}],
                              "oneofDecl": [{{"name": "choice"}}]}}]}}"#,
        fields.join(", ")
    );
    let mut pool: DescriptorPool = isopolity_proto::pool().clone();
    let descriptor = pool.get_message_by_name("google.protobuf.FileDescriptorProto").unwrap();
    let mut json = serde_json::Deserializer::from_str(&file);
    let file = DynamicMessage::deserialize(descriptor, &mut json).unwrap();
    pool.decode_file_descriptor_proto(prost::Message::encode_to_vec(&file).as_slice()).unwrap();
    pool.get_message_by_name("later.v1.Later").unwrap()
}

#[test]
fn the_later_file_carries_its_options() {
    let later = later();
    let audience = |name: &str| field::audience(&later.get_field_by_name(name).unwrap());
    assert_eq!(audience("public"), Audience::Public);
    assert_eq!(audience("nothing_said"), Audience::Federation);
    assert_eq!(audience("internal"), Audience::Internal);
    assert_eq!(audience("unknown_audience"), Audience::Internal);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_above_an_audience_leaves_in_any_message(seed in 1_u64..) {
        let mut dice = Dice(seed);
        for descriptor in isopolity_proto::pool().all_messages() {
            if descriptor.package_name() != "google.protobuf" && !descriptor.is_map_entry() {
                check(&filled(&descriptor, &mut dice, 3))?;
            }
        }
    }

    #[test]
    fn nothing_leaves_of_fields_that_were_added_later(seed in 1_u64..) {
        check(&filled(&later(), &mut Dice(seed), 4))?;
    }
}
