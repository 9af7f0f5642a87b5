//! What holds for every field of every message, by its type, its options and its name.

use std::{collections::HashMap, sync::LazyLock};

use isopolity_proto::{field, options::Audience};
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

/// The audience of each field that holds messages, by the field's full name.
static AUDIENCES: LazyLock<HashMap<String, Audience>> = LazyLock::new(|| {
    let fields = isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
    let holds_messages = |one: &FieldDescriptor| matches!(one.kind(), FieldKind::Message(_));
    fields.filter(holds_messages).map(|one| (one.full_name().to_owned(), field::audience(&one))).collect()
});

/// Dates that are known to the day, by the field's name.
const DAYS: [&str; 8] = [
    "last_verified_date",
    "review_due_date",
    "check_date",
    "expire_date",
    "assess_date",
    "review_date",
    "value_date",
    "decide_date",
];
/// Others of them, by the field's full name.
const OTHER_DAYS: [&str; 2] =
    ["isopolity.registry.v1.Suspension.start_date", "isopolity.registry.v1.PublicationConsent.date"];

/// Checks a resource and everything in it.
pub(super) fn resource(resource: &DynamicMessage, found: &mut Findings) {
    let ceiling = own_audience(resource).unwrap_or(Audience::Unspecified);
    message(resource, "", ceiling, found);
}

/// The audience that a message states for itself, if it states one that is known.
fn own_audience(message: &DynamicMessage) -> Option<Audience> {
    match message.get_field_by_name("audience").as_deref() {
        Some(Value::EnumNumber(number)) => {
            Audience::try_from(*number).ok().filter(|audience| *audience != Audience::Unspecified)
        }
        _ => None,
    }
}

/// `ceiling` is the widest audience that what holds the message allows.
fn message(message: &DynamicMessage, path: &str, ceiling: Audience, found: &mut Findings) {
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
                    in_list(&field, value, &entry(&path, at), ceiling, found);
                }
            }
            single => one(&field, single, &path, ceiling, found),
        }
    }
}

/// An entry says something; one that is empty is a slip.
fn in_list(field: &FieldDescriptor, value: &Value, path: &str, ceiling: Audience, found: &mut Findings) {
    match value {
        Value::String(text) if text.trim().is_empty() => found.required(path),
        Value::EnumNumber(0) => found.required(path),
        value => one(field, value, path, ceiling, found),
    }
}

fn one(field: &FieldDescriptor, value: &Value, path: &str, ceiling: Audience, found: &mut Findings) {
    match value {
        Value::Message(inner) => nested(field, inner, path, ceiling, found),
        Value::I32(number) => whole(field, i64::from(*number), path, found),
        Value::I64(number) => whole(field, *number, path, found),
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

/// A message that chooses its own audience can be for fewer than what holds it, never for more.
fn nested(field: &FieldDescriptor, inner: &DynamicMessage, path: &str, ceiling: Audience, found: &mut Findings) {
    let ceiling = ceiling.max(AUDIENCES.get(field.full_name()).copied().unwrap_or(Audience::Federation));
    let own = own_audience(inner);
    if let Some(own) = own
        && own < ceiling
    {
        let description = format!(
            "{} is wider than what holds it allows: {} or narrower",
            short(own.as_str_name()),
            short(ceiling.as_str_name())
        );
        found.invalid(&below(path, "audience"), description);
    }
    message(inner, path, own.map_or(ceiling, |own| own.max(ceiling)), found);
}

fn short(name: &str) -> &str {
    name.strip_prefix("AUDIENCE_").unwrap_or(name)
}

/// Nothing that is counted here is below zero; a year is one that makes sense.
fn whole(field: &FieldDescriptor, number: i64, path: &str, found: &mut Findings) {
    if number < 0 {
        found.invalid(path, format!("{number} is less than 0"));
    } else if number != 0
        && (field.name() == "year" || field.name().ends_with("_year"))
        && !field.name().ends_with("per_year")
        && !value::is_plausible_year(number)
    {
        found.invalid(path, format!("{number} is not a year from 1800 to 2100"));
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
        "mailbox" | "person_mailbox" => {
            (value::is_mailbox(text), "is not a mail address, for example \"economy@feira.example\"")
        }
        "wikidata" => (value::is_wikidata_item(text), "is not a Wikidata item, for example \"Q193\""),
        "sha256" => (value::is_sha256(text), "is not a SHA-256: 64 digits of 0-9 and a-f"),
        _ if name.ends_with("_percent") => {
            (value::is_percent(text), "is not a decimal number from 0 to 100, for example \"12.5\"")
        }
        _ if DAYS.contains(&name) || OTHER_DAYS.contains(&field.full_name()) => {
            (value::is_day(text), "is not a date as YYYY-MM-DD")
        }
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
