//! Which fields of a resource changed, and from what to what.

use bytes::Bytes;
use isopolity_proto::type_url;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _};
use prost_types::Any;

/// What every change changes, so that it says nothing to name it.
const ALWAYS: [&str; 2] = ["etag", "update_time"];
/// As many bytes of values are kept of a change; the history has larger ones.
const VALUES_MAX: usize = 64 << 10;

/// What changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The top-level fields, in the order of the message.
    pub(super) fields: Vec<String>,
    /// These fields alone, as they were.
    pub(super) before: Option<Any>,
    /// These fields alone, as they are.
    pub(super) after: Option<Any>,
}

/// Compares two versions of a resource.
pub(super) fn changes(before: Option<&(&DynamicMessage, Bytes)>, after: Option<&(&DynamicMessage, Bytes)>) -> Changes {
    let changes = match (before, after) {
        (Some((before, _)), Some((after, _))) => {
            let differ = |field: &FieldDescriptor| {
                !ALWAYS.contains(&field.name())
                    && (before.has_field(field) != after.has_field(field)
                        || before.get_field(field) != after.get_field(field))
            };
            let fields: Vec<FieldDescriptor> = after.descriptor().fields().filter(differ).collect();
            Changes {
                before: Some(only(before, &fields)),
                after: Some(only(after, &fields)),
                fields: fields.iter().map(|field| field.name().to_owned()).collect(),
            }
        }
        // All of it: the bytes are there already.
        (None, Some((message, bytes))) => {
            Changes { fields: set(message), after: Some(whole(message, bytes)), before: None }
        }
        (Some((message, bytes)), None) => {
            Changes { fields: set(message), before: Some(whole(message, bytes)), after: None }
        }
        (None, None) => Changes::default(),
    };
    let size = [&changes.before, &changes.after].into_iter().flatten().map(|any| any.value.len()).sum::<usize>();
    if size > VALUES_MAX { Changes { before: None, after: None, ..changes } } else { changes }
}

fn set(message: &DynamicMessage) -> Vec<String> {
    let fields = message.fields().map(|(field, _)| field.name().to_owned());
    fields.filter(|field| !ALWAYS.contains(&field.as_str())).collect()
}

fn only(message: &DynamicMessage, fields: &[FieldDescriptor]) -> Any {
    let mut part = DynamicMessage::new(message.descriptor());
    for field in fields.iter().filter(|field| message.has_field(field)) {
        part.set_field(field, message.get_field(field).into_owned());
    }
    Any { type_url: type_url(message.descriptor().full_name()), value: part.encode_to_vec() }
}

fn whole(message: &DynamicMessage, bytes: &Bytes) -> Any {
    Any { type_url: type_url(message.descriptor().full_name()), value: bytes.to_vec() }
}
