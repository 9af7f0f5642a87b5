//! Single values as people write them into cells, and back.

use isopolity_domain::text::fold;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value};
use time::{
    Date, OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339, macros::format_description,
};

const YES: [&str; 13] = ["true", "yes", "y", "1", "x", "ja", "oui", "vrai", "wahr", "si", "sim", "verdadeiro", "vero"];
const NO: [&str; 11] = ["false", "no", "n", "0", "nein", "nee", "non", "faux", "falsch", "nao", "falso"];
/// The most values of an enum that an error lists.
const LISTED_MAX: usize = 30;

/// What stands between the values of a list in one cell.
pub(crate) const SEPARATOR: &str = "; ";

/// A value as text. `None` if it has no form that fits a cell. Empty: it says nothing.
pub(crate) fn to_text(field: &FieldDescriptor, value: &Value) -> Option<String> {
    if let Value::List(entries) = value {
        let texts = entries.iter().map(|entry| single_to_text(field, entry)).collect::<Option<Vec<_>>>()?;
        return Some(texts.join(SEPARATOR));
    }
    single_to_text(field, value)
}

fn single_to_text(field: &FieldDescriptor, value: &Value) -> Option<String> {
    match (value, field.kind()) {
        (Value::Bool(truth), _) => Some(if *truth { "true" } else { "false" }.to_owned()),
        (Value::I32(number), _) => Some(number.to_string()),
        (Value::I64(number), _) => Some(number.to_string()),
        (Value::U32(number), _) => Some(number.to_string()),
        (Value::U64(number), _) => Some(number.to_string()),
        (Value::F32(number), _) => Some(number.to_string()),
        (Value::F64(number), _) => Some(number.to_string()),
        (Value::String(text), _) => Some(text.clone()),
        (Value::EnumNumber(number), Kind::Enum(values)) => Some(match values.get_value(*number) {
            Some(value) => short_name(&values, value.name()).to_owned(),
            None => number.to_string(),
        }),
        (Value::Message(message), Kind::Message(_)) => time_text(message),
        _ => None,
    }
}

/// Reads a text as a value of this field (of one entry, if it is a list).
///
/// # Errors
/// What would be right.
pub(crate) fn from_text(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    let shown: String = text.chars().take(60).collect();
    let whole = |what: &str| format!("{shown:?} is not {what}");
    match field.kind() {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => {
            let word = fold(text);
            if YES.contains(&word.as_str()) {
                Ok(Value::Bool(true))
            } else if NO.contains(&word.as_str()) {
                Ok(Value::Bool(false))
            } else {
                Err(whole("yes or no: write true or false"))
            }
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => parsed(text, Value::I32).ok_or_else(|| whole("a whole number")),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => parsed(text, Value::I64).ok_or_else(|| whole("a whole number")),
        Kind::Uint32 | Kind::Fixed32 => parsed(text, Value::U32).ok_or_else(|| whole("a whole number from 0")),
        Kind::Uint64 | Kind::Fixed64 => parsed(text, Value::U64).ok_or_else(|| whole("a whole number from 0")),
        Kind::Float => parsed(text, Value::F32).filter(is_finite).ok_or_else(|| whole("a number like 12.5")),
        Kind::Double => parsed(text, Value::F64).filter(is_finite).ok_or_else(|| whole("a number like 12.5")),
        Kind::Enum(values) => enum_value(&values, text).map(Value::EnumNumber),
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            time_value(&message, text).ok_or_else(|| whole("a time like 2013-03-15T10:00:00Z"))
        }
        Kind::Message(_) | Kind::Bytes => Err("does not fit a cell".to_owned()),
    }
}

fn parsed<T: std::str::FromStr>(text: &str, wrap: fn(T) -> Value) -> Option<Value> {
    text.parse::<T>().ok().map(wrap)
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::F32(number) => number.is_finite(),
        Value::F64(number) => number.is_finite(),
        _ => true,
    }
}

/// An enum value's name without what all names of its enum begin with: `LOCAL_AUTHORITY`.
pub(crate) fn short_name<'a>(values: &EnumDescriptor, name: &'a str) -> &'a str {
    let zero = values.get_value(0);
    let prefix = zero.as_ref().and_then(|zero| zero.name().strip_suffix("UNSPECIFIED")).unwrap_or_default();
    name.strip_prefix(prefix).filter(|short| !short.is_empty()).unwrap_or(name)
}

/// The short names of an enum, without its zero.
pub(crate) fn short_names(values: &EnumDescriptor) -> Vec<String> {
    values
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| short_name(values, value.name()).to_owned())
        .collect()
}

fn enum_value(values: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let bare = |text: &str| fold(text).chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let word = bare(text);
    let named = values.values().find(|value| {
        let name = value.name();
        bare(name) == word || bare(short_name(values, name)) == word
    });
    // A number is how a value is written that a newer version knows.
    named.map(|value| value.number()).or_else(|| text.parse().ok()).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        let known = short_names(values);
        let more = if known.len() > LISTED_MAX { ", …" } else { "" };
        format!("{shown:?} is none of {}{more}", known.iter().take(LISTED_MAX).cloned().collect::<Vec<_>>().join(", "))
    })
}

fn time_text(message: &DynamicMessage) -> Option<String> {
    let seconds = message.get_field_by_name("seconds")?.as_i64()?;
    let nanos = message.get_field_by_name("nanos")?.as_i32()?;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?.replace_nanosecond(nanos).ok()?;
    time.format(&Rfc3339).ok()
}

fn time_value(descriptor: &MessageDescriptor, text: &str) -> Option<Value> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        PrimitiveDateTime::parse(&text.replacen(' ', "T", 1), seconds).ok().map(PrimitiveDateTime::assume_utc)
    });
    let time = time.or_else(|| {
        Date::parse(text, format_description!("[year]-[month]-[day]")).ok().map(|day| day.midnight().assume_utc())
    })?;
    let mut message = DynamicMessage::new(descriptor.clone());
    let nanos = i32::try_from(time.nanosecond()).ok()?;
    for (name, value) in [("seconds", Value::I64(time.unix_timestamp())), ("nanos", Value::I32(nanos))] {
        let field = descriptor.get_field_by_name(name)?;
        if !value.is_default_for_field(&field) {
            message.set_field(&field, value);
        }
    }
    Some(Value::Message(message))
}

#[cfg(test)]
mod tests {
    use isopolity_domain::Kind as ResourceKind;
    use proptest::prelude::*;

    use super::*;

    fn field(path: &str) -> FieldDescriptor {
        let path = crate::path::Path::parse(&ResourceKind::Organization.descriptor(), path).unwrap();
        path.field().unwrap().clone()
    }

    #[test]
    fn an_enum_value_may_be_written_in_several_ways() {
        let kind = field("kind");
        for text in ["LOCAL_AUTHORITY", "local authority", "Local-Authority", "ORGANIZATION_KIND_LOCAL_AUTHORITY", "1"]
        {
            assert_eq!(from_text(&kind, text), Ok(Value::EnumNumber(1)), "{text}");
        }
        assert_eq!(to_text(&kind, &Value::EnumNumber(1)).unwrap(), "LOCAL_AUTHORITY");
        assert_eq!(to_text(&kind, &Value::EnumNumber(99)).unwrap(), "99");
        let why = from_text(&kind, "firm").unwrap_err();
        assert!(why.contains("ENTERPRISE"), "{why}");
    }

    #[test]
    fn times_are_read_to_the_second_and_to_the_day() {
        let time = field("create_time");
        for (text, back) in [
            ("2013-03-15T10:00:00.5+01:00", "2013-03-15T09:00:00.5Z"),
            ("2013-03-15T10:00:00", "2013-03-15T10:00:00Z"),
            ("2013-03-15", "2013-03-15T00:00:00Z"),
            ("1970-01-01", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(to_text(&time, &from_text(&time, text).unwrap()).unwrap(), back);
        }
        assert!(from_text(&time, "2013-02-30").is_err());
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(from_text(&field("seat.population"), "159050"), Ok(Value::I64(159_050)));
        assert!(from_text(&field("seat.population"), "1.5").is_err());
        assert!(from_text(&field("seat.point.latitude"), "NaN").is_err());
        assert_eq!(from_text(&field("display_names[0].machine"), "Ja"), Ok(Value::Bool(true)));
        assert!(from_text(&field("display_names[0].machine"), "perhaps").is_err());
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(text in "\\PC{0,40}") {
            for path in ["country", "kind", "seat.population", "seat.point.latitude", "create_time", "display_names[0].machine"] {
                let _ = from_text(&field(path), &text);
            }
        }
    }
}
