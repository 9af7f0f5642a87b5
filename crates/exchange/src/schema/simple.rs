//! The simple types of XML Schema that the schemas use, and whether a text is a value of one.

use time::{Date, Month};

/// A simple type.
#[derive(Clone, Debug)]
pub(super) enum Simple {
    BuiltIn(BuiltIn),
    /// One of these, and of the type besides.
    OneOf(BuiltIn, Vec<String>),
    /// A value of any of these.
    Union(Vec<Simple>),
}

/// A type that XML Schema itself defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltIn {
    String,
    AnyUri,
    Boolean,
    Date,
    DateTime,
    Decimal,
    Int,
    NonNegativeInteger,
    PositiveInteger,
    Language,
    NmToken,
    /// `xsd:NCName` and `xsd:ID`. That an ID is unique in its document is not looked at: only foreign elements have one.
    Name,
}

impl BuiltIn {
    /// The type of this local name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "anyURI" => Self::AnyUri,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "decimal" => Self::Decimal,
            "int" => Self::Int,
            "nonNegativeInteger" => Self::NonNegativeInteger,
            "positiveInteger" => Self::PositiveInteger,
            "language" => Self::Language,
            "NMTOKEN" => Self::NmToken,
            "NCName" | "ID" => Self::Name,
            _ => return None,
        })
    }

    fn accepts(self, text: &str) -> bool {
        match self {
            Self::String => true,
            Self::AnyUri => is_uri(text),
            Self::Boolean => matches!(text, "true" | "false" | "0" | "1"),
            Self::Date => {
                let (date, zone) = split_zone(text);
                is_date(date) && is_zone(zone)
            }
            Self::DateTime => is_date_time(text),
            Self::Decimal => is_decimal(text),
            Self::Int => integer(text).is_some_and(|(negative, digits)| {
                let limit = i64::from(i32::MAX) + i64::from(negative);
                digits.is_empty() || digits.parse::<i64>().is_ok_and(|number| number <= limit)
            }),
            Self::NonNegativeInteger => integer(text).is_some_and(|(negative, digits)| !negative || digits.is_empty()),
            Self::PositiveInteger => integer(text).is_some_and(|(negative, digits)| !negative && !digits.is_empty()),
            Self::Language => text.split('-').enumerate().all(|(part, word)| {
                let letters = if part == 0 { word.bytes().all(|byte| byte.is_ascii_alphabetic()) } else { true };
                letters && (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }),
            Self::NmToken => {
                !text.is_empty() && text.chars().all(|letter| letter == ':' || super::tree::continues_name(letter))
            }
            Self::Name => super::tree::is_name(text),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::String => "any text",
            Self::AnyUri => "an address such as https://example.org/page",
            Self::Boolean => "true, false, 1 or 0",
            Self::Date => "a date such as 2026-01-31",
            Self::DateTime => "a date and time such as 2026-01-31T09:30:00Z",
            Self::Decimal => "a decimal number such as 1234.56",
            Self::Int => "a whole number from -2147483648 to 2147483647",
            Self::NonNegativeInteger => "a whole number from 0",
            Self::PositiveInteger => "a whole number from 1",
            Self::Language => "a language such as en or pt-BR",
            Self::NmToken => "a word without blanks",
            Self::Name => "a name without blanks and colons",
        }
    }
}

impl Simple {
    /// Whether the text is a value. Blanks around it do not count, except in a string.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let trimmed = || text.trim_matches([' ', '\t', '\r', '\n']);
        match self {
            Self::BuiltIn(BuiltIn::String) => true,
            Self::BuiltIn(built_in) => built_in.accepts(trimmed()),
            Self::OneOf(BuiltIn::String, values) => values.iter().any(|value| value == text),
            Self::OneOf(built_in, values) => {
                built_in.accepts(trimmed()) && values.iter().any(|value| value == trimmed())
            }
            Self::Union(members) => members.iter().any(|member| member.accepts(text)),
        }
    }

    /// What a value looks like, for a person.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::BuiltIn(built_in) => built_in.describe().to_owned(),
            Self::OneOf(_, values) if values.iter().all(String::is_empty) => String::from("nothing"),
            Self::OneOf(_, values) => values.join(" or "),
            Self::Union(members) => members.iter().map(Self::describe).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// How many digits a number may have. XML Schema leaves the measure to each processor, from 18; libxml2, by which most
/// publishers check their files, takes 24.
const MOST_DIGITS: usize = 24;

/// Whether it is negative, and its digits without leading zeros.
fn integer(text: &str) -> Option<(bool, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits.trim_start_matches('0');
    (right && digits.len() <= MOST_DIGITS).then_some((negative, digits))
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let counted = whole.trim_start_matches('0').len() + fraction.trim_end_matches('0').len();
    all_digits && !(whole.is_empty() && fraction.is_empty()) && counted <= MOST_DIGITS
}

/// The text before the time zone, and the time zone, which may be empty.
fn split_zone(text: &str) -> (&str, &str) {
    if let Some(before) = text.strip_suffix('Z') {
        return (before, "Z");
    }
    let at = text.len().saturating_sub(6);
    match text.split_at_checked(at) {
        Some((before, zone)) if zone.starts_with(['+', '-']) && zone.get(3..4) == Some(":") => (before, zone),
        _ => (text, ""),
    }
}

/// `+hh:mm`, up to 14:00, or `Z`, or nothing.
fn is_zone(zone: &str) -> bool {
    match zone.strip_prefix(['+', '-']) {
        None => matches!(zone, "" | "Z"),
        Some(offset) => match offset.split_once(':').map(|(hours, minutes)| (two_digits(hours), two_digits(minutes))) {
            Some((Some(hours), Some(minutes))) => minutes < 60 && (hours < 14 || (hours == 14 && minutes == 0)),
            _ => false,
        },
    }
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// `-?yyyy-mm-dd`: a day that exists. Years of more than four digits are beyond any record.
fn is_date(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let right = year.len() == 4 && year != "0000" && year.bytes().all(|byte| byte.is_ascii_digit());
    let date = (year.parse::<i32>().ok().filter(|_| right), two_digits(month), two_digits(day));
    let (Some(year), Some(month), Some(day)) = date else { return false };
    Month::try_from(month).is_ok_and(|month| Date::from_calendar_date(year, month, day).is_ok())
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let (time, zone) = split_zone(time);
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let mut parts = time.split(':').map(two_digits);
    let (Some(Some(hour)), Some(Some(minute)), Some(Some(second)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let fraction_right =
        fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let midnight =
        hour == 24 && minute == 0 && second == 0 && fraction.is_none_or(|digits| digits.bytes().all(|d| d == b'0'));
    let time_right = (hour < 24 && minute < 60 && second < 60) || midnight;
    is_date(date) && time_right && fraction_right && is_zone(zone)
}

/// Whether it is a reference by RFC 3986, where characters outside ASCII and those that an address may only carry escaped
/// are taken as if they were escaped (XML Schema 1.0 part 2 §3.2.17).
fn is_uri(text: &str) -> bool {
    let mut bytes = text.bytes().enumerate();
    if bytes.any(|(at, byte)| {
        byte == b'%' && !text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    }) {
        return false;
    }
    let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
    let address = address.split_once('?').map_or(address, |(before, _)| before);
    let begins_path = address.find('/').unwrap_or(address.len());
    let hierarchical = match address.find(':').filter(|at| *at < begins_path) {
        None => address,
        Some(at) => {
            let (scheme, rest) = address.split_at(at);
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            if !scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) || !scheme.bytes().all(letters) {
                return false;
            }
            rest.get(1..).unwrap_or_default()
        }
    };
    let host_right = hierarchical.strip_prefix("//").is_none_or(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = match host.rfind(']') {
            Some(at) => host.get(at + 1..).unwrap_or_default(),
            None => host.find(':').and_then(|at| host.get(at..)).unwrap_or_default(),
        };
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    });
    host_right && !fragment.contains('#')
}
