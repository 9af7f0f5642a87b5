//! What holds for every field of every message, by its type, its options and its name.

use std::{collections::HashMap, sync::LazyLock};

use isopolity_proto::field;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind as FieldKind, ReflectMessage as _, Value};
use prost_types::Timestamp;

use super::{
    findings::{Findings, below, entry},
    shared, value,
};
use crate::{clock, codes};

/// The longest string, in characters, where nothing else is said.
const STRING_MAX: usize = 2_000;
/// The longest text in a language, in characters.
const TEXT_MAX: usize = 10_000;
/// The most entries of a list.
const ENTRIES_MAX: usize = 1_000;
/// The most sectors of one thing.
const SECTORS_MAX: usize = 20;

/// The code list of each field that has one, by the field's full name. Options are slow to read: once is enough.
static CODES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let fields = isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
    fields.filter_map(|one| Some((one.full_name().to_owned(), field::codes(&one)?))).collect()
});

/// Checks a message and everything in it.
pub(super) fn message(message: &DynamicMessage, path: &str, found: &mut Findings) {
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        let time = message.transcode_to::<Timestamp>().ok();
        if time.and_then(|time| clock::from_timestamp(&time)).is_none() {
            found.invalid(path, "is no time in the years 1 to 9999");
        }
        return;
    }
    shared::check(message, path, found);
    for (field, value) in message.fields() {
        if found.is_full() {
            return;
        }
        let path = below(path, field.name());
        match value {
            Value::List(values) => {
                let most = if field.name() == "sectors" { SECTORS_MAX } else { ENTRIES_MAX };
                if values.len() > most {
                    found.invalid(&path, format!("has {} entries; at most {most} are allowed", values.len()));
                    continue;
                }
                for (at, value) in values.iter().enumerate() {
                    if found.is_full() {
                        return;
                    }
                    in_list(&field, value, &entry(&path, at), found);
                }
            }
            single => one(&field, single, &path, found),
        }
    }
}

/// An entry says something; one that is empty is a slip.
fn in_list(field: &FieldDescriptor, value: &Value, path: &str, found: &mut Findings) {
    match value {
        Value::String(text) if text.trim().is_empty() => found.required(path),
        Value::EnumNumber(0) => found.required(path),
        value => one(field, value, path, found),
    }
}

fn one(field: &FieldDescriptor, value: &Value, path: &str, found: &mut Findings) {
    match value {
        Value::Message(inner) => message(inner, path, found),
        Value::String(text) if !text.is_empty() => string(field, text, path, found),
        Value::EnumNumber(number) => {
            if let FieldKind::Enum(known) = field.kind()
                && known.get_value(*number).is_none()
            {
                found.invalid(path, format!("{number} is no known {}", known.name()));
            }
        }
        _ => {}
    }
}

fn string(field: &FieldDescriptor, text: &str, path: &str, found: &mut Findings) {
    let most = if field.full_name() == "isopolity.type.v1.LocalizedText.text" { TEXT_MAX } else { STRING_MAX };
    if text.chars().nth(most).is_some() {
        found.invalid(path, format!("is longer than {most} characters"));
        return;
    }
    if let Some(letter) = value::control_character(text) {
        found.invalid(path, format!("holds the control character U+{:04X}", u32::from(letter)));
        return;
    }
    if let Some(list) = CODES.get(field.full_name())
        && let Err(error) = codes::check(list, text)
    {
        found.unknown_code(path, &error);
    }
    let name = field.name();
    let (good, expected) = match name {
        "website" | "uri" => (value::is_web_address(text), WEB),
        _ if name.ends_with("_uri") || name.ends_with("_uris") => (value::is_web_address(text), WEB),
        "mailbox" => (value::is_mailbox(text), "is not a mail address, for example \"economy@feira.example\""),
        "wikidata" => (value::is_wikidata_item(text), "is not a Wikidata item, for example \"Q193\""),
        "last_verified_date" => (value::is_day(text), "is not a date as YYYY-MM-DD"),
        _ if name == "date" || name.ends_with("_date") => {
            (value::partial_date(text).is_some(), "is not a date as YYYY-MM-DD, YYYY-MM or YYYY")
        }
        _ => (true, ""),
    };
    if !good {
        found.invalid(path, expected);
    }
}

const WEB: &str = "is not an address that begins with https:// or http://";
