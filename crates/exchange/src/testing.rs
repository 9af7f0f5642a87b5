//! What the tests of this crate share.

use isopolity_domain::Kind;
use isopolity_proto::{
    options::Audience,
    types::{Provenance, ProvenanceMethod},
};
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, Value};

use crate::Context;

/// The context of a city called Feira.
pub(crate) fn context() -> Context {
    Context {
        city: "feira.example".parse().unwrap(),
        city_names: vec!["feira".into(), "lisbon".into(), "holstebro".into()],
        provenance: Provenance {
            source: "a file".into(),
            method: ProvenanceMethod::Imported.into(),
            ..Provenance::default()
        },
        audience: Audience::Public,
    }
}

/// Numbers from which a message is made: the same numbers give the same message.
pub(crate) fn seeds() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 40..400)
}

/// A message of a kind with anything in it, from numbers.
pub(crate) fn resource(kind: Kind, seeds: &[u32]) -> DynamicMessage {
    let mut seeds = seeds.iter().copied().cycle();
    let mut message = DynamicMessage::new(kind.descriptor());
    fill(&mut message, &kind.descriptor(), &mut seeds, 0);
    let id = kind.collection().map(|collection| format!("/{collection}/a1")).unwrap_or_default();
    message.set_field_by_name("name", Value::String(format!("cities/feira.example{id}")));
    message
}

fn fill(
    message: &mut DynamicMessage,
    descriptor: &MessageDescriptor,
    seeds: &mut dyn Iterator<Item = u32>,
    depth: usize,
) {
    for field in descriptor.fields() {
        if seeds.next().unwrap_or_default().is_multiple_of(3) || field.is_map() {
            continue;
        }
        let value = if field.is_list() {
            let length = seeds.next().unwrap_or_default() % 4;
            Value::List((0..length).map(|_| value(&field, seeds, depth)).collect())
        } else {
            value(&field, seeds, depth)
        };
        if field.supports_presence() || !value.is_default_for_field(&field) {
            message.set_field(&field, value);
        }
    }
}

fn value(field: &FieldDescriptor, seeds: &mut dyn Iterator<Item = u32>, depth: usize) -> Value {
    let seed = seeds.next().unwrap_or_default();
    match field.kind() {
        FieldKind::String => Value::String(TEXTS[usize::try_from(seed).unwrap() % TEXTS.len()].to_owned()),
        FieldKind::Enum(values) => {
            let at = usize::try_from(seed).unwrap() % values.values().len();
            Value::EnumNumber(values.values().nth(at).unwrap().number())
        }
        FieldKind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let mut time = DynamicMessage::new(inner.clone());
            time.set_field_by_name("seconds", Value::I64(i64::from(seed)));
            Value::Message(time)
        }
        FieldKind::Message(inner) => {
            let mut message = DynamicMessage::new(inner.clone());
            if depth < 6 {
                fill(&mut message, &inner, seeds, depth + 1);
            }
            Value::Message(message)
        }
        FieldKind::Bool => Value::Bool(seed.is_multiple_of(2)),
        FieldKind::Double => Value::F64(f64::from(seed) / 7.0 - 1000.0),
        FieldKind::Float => Value::F32(0.5),
        FieldKind::Int32 | FieldKind::Sint32 | FieldKind::Sfixed32 => Value::I32(-7),
        FieldKind::Int64 | FieldKind::Sint64 | FieldKind::Sfixed64 => Value::I64(i64::from(seed) * -3),
        FieldKind::Uint32 | FieldKind::Fixed32 => Value::U32(seed),
        FieldKind::Uint64 | FieldKind::Fixed64 => Value::U64(seed.into()),
        FieldKind::Bytes => Value::Bytes(vec![1, 2, 255].into()),
    }
}

/// Texts that upset tables.
const TEXTS: [&str; 22] = [
    "",
    "Köln",
    "=1+1",
    "+351 21",
    "-x",
    "@SUM(A1)",
    "\tx",
    "'=x",
    "''",
    "'s-Gravenhage",
    " spaces ",
    "a;b",
    "a,\"b\"",
    "two\nlines",
    "القنيطرة",
    "神戸",
    "12500.50",
    "true",
    "{\"a\":1}",
    "2013-03-15",
    "null",
    "x|y",
];
