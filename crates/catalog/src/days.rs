//! Days as numbers, by which records are ordered and narrowed.

use time::{Date, Month, OffsetDateTime};

/// The days that a calendar date as exact as its source covers, first and last, since 1970: `2013-03-15`, `2013-03` or
/// `2013`.
pub(crate) fn days(text: &str) -> Option<(i32, i32)> {
    let number = |digits: &str, length: usize| -> Option<u16> {
        (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let small = |digits: &str| -> Option<u8> { u8::try_from(number(digits, 2)?).ok() };
    let mut parts = text.splitn(3, '-');
    let year = i32::from(number(parts.next()?, 4).filter(|year| *year > 0)?);
    let month = parts.next().map(|month| Month::try_from(small(month)?).ok());
    let (first_month, last_month) = match month {
        None => (Month::January, Month::December),
        Some(month) => (month?, month?),
    };
    let (first, last) = match parts.next() {
        None => (1, last_month.length(year)),
        Some(day) => (small(day)?, small(day)?),
    };
    Some((number_of(year, first_month, first)?, number_of(year, last_month, last)?))
}

fn number_of(year: i32, month: Month, day: u8) -> Option<i32> {
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(date.to_julian_day() - OffsetDateTime::UNIX_EPOCH.date().to_julian_day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_covers_the_days_that_its_source_knows() {
        assert_eq!(days("1970-01-01"), Some((0, 0)));
        assert_eq!(days("1969-12-31"), Some((-1, -1)));
        assert_eq!(days("2013-03-15"), Some((15_779, 15_779)));
        assert_eq!(days("2024-02"), Some((19_754, 19_782)), "29 days");
        assert_eq!(days("1970"), Some((0, 364)));
        for wrong in ["", "2013-", "2013-3", "2013-13", "2013-02-30", "13", "2013-03-15-01", "+013", "2013-03-15T"] {
            assert_eq!(days(wrong), None, "{wrong:?}");
        }
    }
}
