//! From the text of a cell to the value of a field.

use std::collections::BTreeMap;

use isopolity_domain::{CityId, Kind, Name, text::fold};
use prost_reflect::Value;
use time::{Date, Month};

use super::id_of;
use crate::{country, path::Path, value};

/// What is done to a cell, in the order of the fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversion {
    pub(super) trim: bool,
    pub(super) empty: Vec<String>,
    pub(super) remove: Vec<String>,
    pub(super) split: Option<String>,
    pub(super) values: BTreeMap<String, String>,
    pub(super) only_values: bool,
    pub(super) date: Option<DateFormat>,
    pub(super) decimal: Option<char>,
    pub(super) country_names: bool,
    pub(super) reference: Option<Kind>,
}

impl Conversion {
    /// The value, or nothing where the cell says nothing.
    pub(super) fn convert(&self, path: &Path, cell: &str, city: &str) -> Result<Option<Value>, String> {
        let Some(cell) = self.cleaned(cell) else { return Ok(None) };
        let Some(field) = path.field() else { return Ok(None) };
        if !path.is_whole_list() {
            let Some(text) = self.meaning(&cell, city)? else { return Ok(None) };
            return value::from_text(field, &text).map(Some);
        }
        let parts: Vec<&str> = match &self.split {
            Some(split) => cell.split(split.as_str()).collect(),
            None => vec![&cell],
        };
        let mut entries = Vec::new();
        for part in parts {
            let part = if self.trim { part.trim() } else { part };
            if let Some(text) = self.meaning(part, city)?.filter(|text| !text.is_empty()) {
                entries.push(value::from_text(field, &text)?);
            }
        }
        Ok(Some(Value::List(entries)).filter(|list| list.as_list().is_some_and(|entries| !entries.is_empty())))
    }

    fn cleaned(&self, cell: &str) -> Option<String> {
        let trimmed = if self.trim { cell.trim() } else { cell };
        let says_nothing = |text: &str| text.is_empty() || self.empty.iter().any(|one| one == text);
        if says_nothing(trimmed) {
            return None;
        }
        let mut text = trimmed.to_owned();
        for unwanted in &self.remove {
            text = text.replace(unwanted.as_str(), "");
        }
        let text = if self.trim { text.trim().to_owned() } else { text };
        Some(text).filter(|text| !says_nothing(text))
    }

    /// What one value says, as the field wants it.
    fn meaning(&self, text: &str, city: &str) -> Result<Option<String>, String> {
        let shown: String = text.chars().take(60).collect();
        if !self.values.is_empty() {
            let exact = self.values.get(text);
            let alike = || self.values.iter().find(|(from, _)| fold(from) == fold(text)).map(|(_, to)| to);
            match exact.or_else(alike) {
                Some(to) => return Ok(Some(to.clone()).filter(|to| !to.is_empty())),
                None if self.only_values => {
                    let known = self.values.keys().take(20).cloned().collect::<Vec<_>>().join(", ");
                    return Err(format!("{shown:?} is none of the mapping's values: {known}"));
                }
                None => {}
            }
        }
        if let Some(format) = &self.date {
            return format.iso(text).map(Some);
        }
        if let Some(mark) = self.decimal {
            return plain_number(text, mark).map(Some).ok_or_else(|| {
                format!("{shown:?} is not a number like {}", if mark == ',' { "1.234,56" } else { "1,234.56" })
            });
        }
        if self.country_names {
            return country::code_of(text).map(Some);
        }
        match self.reference {
            Some(kind) if !text.starts_with("cities/") && !city.is_empty() => {
                let name =
                    city.parse::<CityId>().ok().and_then(|city| Name::new(city, kind, &id_of("", &[text])?).ok());
                name.map(|name| Some(name.to_string()))
                    .ok_or_else(|| format!("{shown:?} can't be part of a resource name"))
            }
            _ => Ok(Some(text.to_owned())),
        }
    }
}

/// A number without grouping and with a point: `1.234,56` with a comma as decimal mark is `1234.56`. Exact: it stays text.
fn plain_number(text: &str, mark: char) -> Option<String> {
    let (sign, digits) = match text.strip_prefix(['-', '−']) {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once(mark).map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let is_group =
        |letter: char| matches!(letter, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}') && letter != mark;
    let groups: Vec<&str> = whole.split(is_group).collect();
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let well_grouped = match groups.as_slice() {
        [single] => all_digits(single),
        [first, rest @ ..] => {
            all_digits(first) && first.len() <= 3 && rest.iter().all(|group| group.len() == 3 && all_digits(group))
        }
        [] => false,
    };
    if !well_grouped || !part.is_none_or(all_digits) {
        return None;
    }
    let part = part.map(|part| format!(".{part}")).unwrap_or_default();
    Some(format!("{sign}{}{part}", groups.concat()))
}

/// How dates are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateFormat {
    text: String,
    pieces: Vec<DatePiece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatePiece {
    Year,
    Month,
    Day,
    Letter(char),
}

impl DateFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let mut run = 1;
            while letter.is_ascii_alphabetic() && letters.peek() == Some(&letter) {
                letters.next();
                run += 1;
            }
            pieces.push(match (letter, run) {
                ('y', 4) => DatePiece::Year,
                ('m', 1 | 2) => DatePiece::Month,
                ('d', 1 | 2) => DatePiece::Day,
                (letter, _) if !letter.is_alphanumeric() => DatePiece::Letter(letter),
                _ => return Err("is made of yyyy, mm and dd: \"dd.mm.yyyy\", \"mm/yyyy\", \"yyyy\"".to_owned()),
            });
        }
        let count = |piece| pieces.iter().filter(|one| **one == piece).count();
        let (years, months, days) = (count(DatePiece::Year), count(DatePiece::Month), count(DatePiece::Day));
        if years == 1 && months <= 1 && days <= months {
            Ok(Self { text: text.to_owned(), pieces })
        } else {
            Err("has a year, and a month if it has a day: \"dd.mm.yyyy\", \"mm/yyyy\", \"yyyy\"".to_owned())
        }
    }

    /// The date by ISO 8601, as exact as it is written.
    fn iso(&self, text: &str) -> Result<String, String> {
        let shown: String = text.chars().take(40).collect();
        if let Some(day) = iso_day(text) {
            return Ok(day);
        }
        let (year, month, day) =
            self.numbers(text).ok_or_else(|| format!("{shown:?} is not a date like {}", self.text))?;
        let wrong = || format!("{shown:?} is a date that does not exist");
        let Some(month) = month else { return Ok(format!("{year:04}")) };
        let named = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or_else(wrong)?;
        let Some(day) = day else { return Ok(format!("{year:04}-{month:02}")) };
        u8::try_from(day)
            .ok()
            .and_then(|day| Date::from_calendar_date(i32::from(year), named, day).ok())
            .map(|date| date.to_string())
            .ok_or_else(wrong)
    }

    fn numbers(&self, text: &str) -> Option<(u16, Option<u16>, Option<u16>)> {
        let (mut year, mut month, mut day) = (None, None, None);
        let mut rest = text;
        for piece in &self.pieces {
            if let DatePiece::Letter(letter) = piece {
                rest = rest.strip_prefix(*letter)?;
                continue;
            }
            let most = if *piece == DatePiece::Year { 4 } else { 2 };
            let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            let (digits, behind) = rest.split_at_checked(length)?;
            let number = digits.parse().ok().filter(|_| *piece != DatePiece::Year || length == 4)?;
            rest = behind;
            match piece {
                DatePiece::Year => year = Some(number),
                DatePiece::Month => month = Some(number),
                _ => day = Some(number),
            }
        }
        rest.is_empty().then_some((year?, month, day))
    }
}

/// The day of a date or time by ISO 8601, as workbooks give it.
fn iso_day(text: &str) -> Option<String> {
    let (day, rest) = text.split_at_checked(10)?;
    let date = Date::parse(day, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
    (rest.is_empty() || rest.starts_with(['T', ' '])).then(|| date.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        for (text, mark, number) in [
            ("1.234.567,89", ',', "1234567.89"),
            ("1 234,5", ',', "1234.5"),
            ("1'234.50", '.', "1234.50"),
            ("1,234", '.', "1234"),
            ("-9,05", ',', "-9.05"),
            ("999999999999999999,000001", ',', "999999999999999999.000001"),
        ] {
            assert_eq!(plain_number(text, mark).as_deref(), Some(number), "{text}");
        }
        for (text, mark) in [
            ("1.5", ','),
            ("12,34", '.'),
            ("1.23.456,0", ','),
            (",5", ','),
            ("5,", ','),
            ("1e5", '.'),
            ("", '.'),
            ("1,2,3", ','),
        ] {
            assert_eq!(plain_number(text, mark), None, "{text}");
        }
    }

    #[test]
    fn dates_are_as_exact_as_they_are_written() {
        for (format, text, iso) in [
            ("dd.mm.yyyy", "15.3.2013", "2013-03-15"),
            ("dd.mm.yyyy", "2013-03-15", "2013-03-15"),
            ("dd.mm.yyyy", "2013-03-15T00:00:00", "2013-03-15"),
            ("mm/yyyy", "03/2013", "2013-03"),
            ("yyyy", "2013", "2013"),
            ("yyyymmdd", "20130315", "2013-03-15"),
        ] {
            assert_eq!(DateFormat::parse(format).unwrap().iso(text).as_deref(), Ok(iso), "{format}");
        }
        let format = DateFormat::parse("dd.mm.yyyy").unwrap();
        assert!(format.iso("30.02.2013").unwrap_err().contains("does not exist"));
        assert!(format.iso("15.03.13").unwrap_err().contains("dd.mm.yyyy"));
        for bad in ["dd.mm.yy", "dd", "mm.dd", "dd.yyyy", "today"] {
            assert!(DateFormat::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_it(text in "\\PC{0,30}", format in "[ymd./-]{0,12}") {
            plain_number(&text, ',');
            if let Ok(format) = DateFormat::parse(&format) {
                let _ = format.iso(&text);
            }
        }
    }
}
