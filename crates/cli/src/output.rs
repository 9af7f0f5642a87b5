//! Tables for people, JSON for programs.

mod answer;

use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use isopolity_proto::{json, pool, types::StaleReason};
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use prost_types::{Any, Timestamp};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::exit::Exit;

pub(crate) use answer::{answer, compared, hit_line, outcome_word};

/// Writes a line to standard output. A reader that went away (`| head`) is no fault.
pub(crate) fn line(text: &str) -> Result<(), Exit> {
    write(format!("{text}\n").as_bytes())
}

/// Writes bytes to standard output.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Exit::fault(format!("the output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error: progress and hints, which are no output.
pub(crate) fn note(text: &str) {
    // Nothing depends on it.
    drop(writeln!(io::stderr(), "{text}"));
}

/// Writes a line as long as somebody reads.
pub(crate) fn line_while_read(text: &str) -> Result<bool, Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Exit::fault(format!("the output can't be written: {error}"))),
    }
}

/// A message as protobuf JSON on one line, every field with its value.
pub(crate) fn json_line<M: prost::Name>(message: &M) -> String {
    json::to_value(message, true).to_string()
}

/// Writes a message as protobuf JSON, every field with its value.
pub(crate) fn json<M: prost::Name>(message: &M) -> Result<(), Exit> {
    let text = serde_json::to_string_pretty(&json::to_value(message, true));
    line(&text.map_err(|error| Exit::fault(error.to_string()))?)
}

/// A table with these headings.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    let underlined = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    table.load_style(underlined).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::IsTerminal::is_terminal(&io::stdout()) {
        table.set_width(160);
    }
    table.set_header(headings);
    table
}

/// A point in time for people: minutes, in UTC.
pub(crate) fn when(timestamp: Option<&Timestamp>) -> String {
    timestamp
        .and_then(|timestamp| OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .map(|text| text.replace('T', " ").replace('Z', " UTC"))
        .unwrap_or_default()
}

/// A resource in full, as indented JSON: every field has a name there that the documentation explains.
pub(crate) fn resource(any: &Any) -> String {
    match open(any) {
        Some(message) => serde_json::to_string_pretty(&json::dynamic_to_value(&message, false)).unwrap_or_default(),
        None => format!("(of a type that this version does not know: {})", any.type_url),
    }
}

/// A resource as JSON; with `defaults`, every field with its value, on one line.
pub(crate) fn dynamic(resource: &DynamicMessage, defaults: bool) -> String {
    let value = json::dynamic_to_value(resource, defaults);
    if defaults { value.to_string() } else { serde_json::to_string_pretty(&value).unwrap_or_default() }
}

/// Fields that say nothing of what a resource is.
const COMMON: [&str; 4] = ["name", "audience", "state", "etag"];

/// What a resource is called; one that has no title is told by what it says of itself.
pub(crate) fn headline(resource: &DynamicMessage) -> String {
    let title = answer::title(resource);
    if !title.is_empty() {
        return title;
    }
    let words = resource.fields().filter(|(field, _)| !COMMON.contains(&field.name()) && field.name() != "stale");
    let words = words.filter_map(|(field, value)| match value {
        Value::EnumNumber(_) => Some(enumeration(resource, field.name())),
        Value::String(text) if field.name() != "last_verified_date" => {
            Some(text.rsplit('/').next().unwrap_or_default().to_owned())
        }
        _ => None,
    });
    words.take(4).collect::<Vec<_>>().join(", ")
}

/// The value of an enum field as a word.
pub(crate) fn enumeration(resource: &DynamicMessage, field: &str) -> String {
    let Some(descriptor) = resource.descriptor().get_field_by_name(field) else { return String::new() };
    let (prost_reflect::Kind::Enum(values), Value::EnumNumber(number)) =
        (descriptor.kind(), &*resource.get_field(&descriptor))
    else {
        return String::new();
    };
    let Some(value) = values.get_value(*number) else { return number.to_string() };
    // `PARTNERSHIP_STAGE_LAUNCH` of `PartnershipStage` is `launch`.
    let mut prefix = String::new();
    for letter in values.name().chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
    }
    let word = value.name().strip_prefix(&prefix).unwrap_or(value.name()).trim_start_matches('_');
    word.to_lowercase().replace('_', " ")
}

/// A time of a resource, for people.
pub(crate) fn time_of(resource: &DynamicMessage, field: &str) -> String {
    let time = resource.get_field_by_name(field).and_then(|value| value.as_message().cloned());
    time.and_then(|time| time.transcode_to::<Timestamp>().ok()).map(|time| when(Some(&time))).unwrap_or_default()
}

/// Why a resource may be out of date, for people.
pub(crate) fn stale(resource: &DynamicMessage) -> String {
    let Some(reasons) = resource.get_field_by_name("stale_reasons") else { return String::new() };
    let Value::List(reasons) = &*reasons else { return String::new() };
    let words = reasons.iter().filter_map(Value::as_enum_number).map(|number| {
        let name = StaleReason::try_from(number).unwrap_or_default().as_str_name();
        name.trim_start_matches("STALE_REASON_").to_lowercase().replace('_', " ")
    });
    words.collect::<Vec<_>>().join(", ")
}

fn open(any: &Any) -> Option<DynamicMessage> {
    let (_, full_name) = any.type_url.rsplit_once('/')?;
    DynamicMessage::decode(pool().get_message_by_name(full_name)?, any.value.as_slice()).ok()
}
