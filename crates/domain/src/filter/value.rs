//! What a restriction tests, and how values are compared.

use std::cmp::Ordering;

use prost_reflect::{DynamicMessage, FieldDescriptor, Value};
use time::{Date, Month, OffsetDateTime, Time, format_description::well_known::Rfc3339, util::days_in_month};

use super::Operator;
use crate::text;

/// What is tested of one value.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The field is set. Decided where the field is read.
    Set,
    /// The message has this field set.
    HasField(FieldDescriptor),
    Text(Operator, Text),
    Days(Operator, Days),
    Moment(Operator, Moment),
    Enum(Operator, i32),
    Bool(bool),
    Whole(Operator, i128),
    Float(Operator, f64),
}

impl Test {
    /// Whether the test can hold for a default value.
    pub(super) fn is_equality(&self) -> bool {
        match self {
            Self::Set | Self::HasField(_) => false,
            Self::Bool(_) => true,
            Self::Text(operator, _)
            | Self::Days(operator, _)
            | Self::Moment(operator, _)
            | Self::Enum(operator, _)
            | Self::Whole(operator, _)
            | Self::Float(operator, _) => *operator == Operator::Equal,
        }
    }

    pub(super) fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::HasField(field), Value::Message(message)) => message.has_field(field),
            (Self::Text(operator, wanted), Value::String(found)) => wanted.holds(*operator, found),
            (Self::Days(operator, wanted), Value::String(found)) => {
                Days::parse(found).is_some_and(|found| wanted.holds(*operator, found))
            }
            (Self::Moment(operator, wanted), Value::Message(found)) => wanted.holds(*operator, nanoseconds(found)),
            (Self::Enum(operator, wanted), Value::EnumNumber(found)) => by_order(*operator, found.cmp(wanted)),
            (Self::Bool(wanted), Value::Bool(found)) => wanted == found,
            (Self::Whole(operator, wanted), found) => {
                let found = match found {
                    Value::I32(found) => i128::from(*found),
                    Value::I64(found) => i128::from(*found),
                    Value::U32(found) => i128::from(*found),
                    Value::U64(found) => i128::from(*found),
                    _ => return false,
                };
                by_order(*operator, found.cmp(wanted))
            }
            (Self::Float(operator, wanted), found) => {
                let found = match found {
                    Value::F32(found) => f64::from(*found),
                    Value::F64(found) => *found,
                    _ => return false,
                };
                found.partial_cmp(wanted).is_some_and(|order| by_order(*operator, order))
            }
            _ => false,
        }
    }
}

fn by_order(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal | Operator::Has => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
    }
}

/// A text to compare with.
#[derive(Clone, Debug)]
pub(super) struct Text {
    written: String,
    words: Vec<String>,
    /// Only the beginning is compared.
    open: bool,
}

impl Text {
    pub(super) fn of(written: &str, open: bool) -> Self {
        Self { written: written.to_owned(), words: text::words(written), open }
    }

    fn holds(&self, operator: Operator, found: &str) -> bool {
        match operator {
            Operator::Has => self.within(found),
            Operator::Equal if self.open => found.starts_with(&self.written),
            Operator::Equal => found == self.written,
            operator => by_order(
                operator,
                decimal_order(found, &self.written).unwrap_or_else(|| found.cmp(self.written.as_str())),
            ),
        }
    }

    /// Whether its words stand in the text one after the other.
    fn within(&self, found: &str) -> bool {
        let Some((last, first)) = self.words.split_last() else { return found.contains(&self.written) };
        text::words(found).windows(self.words.len()).any(|words| {
            words.split_last().is_some_and(|(end, begin)| {
                begin == first && (end == last || (self.open && end.starts_with(last.as_str())))
            })
        })
    }
}

/// The order of two decimal numbers of any length, if both texts are such: `-12.50`.
fn decimal_order(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (decimal(one)?, decimal(other)?);
    let size = |number: &Decimal<'_>, other: &Decimal<'_>| {
        let whole = number.whole.len().cmp(&other.whole.len()).then_with(|| number.whole.cmp(other.whole));
        whole.then_with(|| number.fraction.cmp(other.fraction))
    };
    Some(match (one.negative, other.negative) {
        (false, false) => size(&one, &other),
        (true, true) => size(&other, &one),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

fn decimal(text: &str) -> Option<Decimal<'_>> {
    let (minus, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let good = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !good(whole) || !good(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some(Decimal { negative: minus && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
}

/// A day, a month or a year by its first and its last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    first: Date,
    last: Date,
}

impl Days {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(part)
        };
        let year: i32 = part(4)?.parse().ok()?;
        let (month, day) = match text.len() {
            4 => (None, None),
            7 => (Some(part(2)?), None),
            10 => (Some(part(2)?), Some(part(2)?)),
            _ => return None,
        };
        let named = |month: &str| month.parse::<u8>().ok().and_then(|month| Month::try_from(month).ok());
        let (from, to) = match month {
            None => (Month::January, Month::December),
            Some(month) => (named(month)?, named(month)?),
        };
        let (begin, end) = match day {
            None => (1, days_in_month(to, year)),
            Some(day) => (day.parse().ok()?, day.parse().ok()?),
        };
        let date = |month, day| Date::from_calendar_date(year, month, day).ok();
        Some(Self { first: date(from, begin)?, last: date(to, end)? })
    }

    /// Whether the days that were found stand so to these.
    fn holds(self, operator: Operator, found: Self) -> bool {
        match operator {
            Operator::Equal | Operator::Has => found.first >= self.first && found.last <= self.last,
            Operator::NotEqual => found.first < self.first || found.last > self.last,
            Operator::Less => found.last < self.first,
            Operator::LessOrEqual => found.last <= self.last,
            Operator::Greater => found.first > self.last,
            Operator::GreaterOrEqual => found.first >= self.first,
        }
    }
}

/// A moment, or all moments of a date (UTC): nanoseconds since 1970, the end is not within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    start: i128,
    end: i128,
}

impl Moment {
    /// Reads RFC 3339 or what [`Days`] reads.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(days) = Days::parse(text) {
            let midnight = |date: Date| OffsetDateTime::new_utc(date, Time::MIDNIGHT).unix_timestamp_nanos();
            return Some(Self { start: midnight(days.first), end: midnight(days.last) + 86_400_000_000_000 });
        }
        let start = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
        Some(Self { start, end: start + 1 })
    }

    fn holds(self, operator: Operator, found: i128) -> bool {
        let within = found >= self.start && found < self.end;
        match operator {
            Operator::Equal | Operator::Has => within,
            Operator::NotEqual => !within,
            Operator::Less => found < self.start,
            Operator::LessOrEqual => found < self.end,
            Operator::Greater => found >= self.end,
            Operator::GreaterOrEqual => found >= self.start,
        }
    }
}

/// A `google.protobuf.Timestamp` since 1970.
fn nanoseconds(timestamp: &DynamicMessage) -> i128 {
    let seconds = timestamp.get_field_by_name("seconds").and_then(|seconds| seconds.as_i64()).unwrap_or_default();
    let nanos = timestamp.get_field_by_name("nanos").and_then(|nanos| nanos.as_i32()).unwrap_or_default();
    i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}
