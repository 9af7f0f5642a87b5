//! The forms of single values.

use time::{Date, Month};

/// The days that a calendar date as exact as its source covers, first and last: `2013-03-15`, `2013-03` or `2013`.
pub(crate) fn partial_date(text: &str) -> Option<(Date, Date)> {
    let number = |digits: &str, length: usize| -> Option<u16> {
        (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let month_of = |digits: &str| -> Option<Month> { Month::try_from(u8::try_from(number(digits, 2)?).ok()?).ok() };
    let mut parts = text.splitn(3, '-');
    let year = i32::from(number(parts.next()?, 4).filter(|year| *year > 0)?);
    match (parts.next(), parts.next()) {
        (None, _) => {
            let first = Date::from_calendar_date(year, Month::January, 1).ok()?;
            Some((first, Date::from_calendar_date(year, Month::December, 31).ok()?))
        }
        (Some(month), None) => {
            let month = month_of(month)?;
            let first = Date::from_calendar_date(year, month, 1).ok()?;
            Some((first, first.replace_day(month.length(year)).ok()?))
        }
        (Some(month), Some(day)) => {
            let day = u8::try_from(number(day, 2)?).ok()?;
            let date = Date::from_calendar_date(year, month_of(month)?, day).ok()?;
            Some((date, date))
        }
    }
}

/// Whether the text is a calendar date to the day.
pub(crate) fn is_day(text: &str) -> bool {
    partial_date(text).is_some_and(|(first, last)| first == last)
}

/// The parts before and after the point of a decimal number without sign, exponent or grouping: at most 18 digits before
/// the point and 6 after it.
pub(crate) fn decimal(text: &str) -> Option<(&str, &str)> {
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => digits(text, 18).then_some((text, "")),
        Some((whole, part)) => (digits(whole, 18) && digits(part, 6)).then_some((whole, part)),
    }
}

/// An exact decimal number, with a minus sign where it is negative, in millionths.
pub(crate) fn millionths(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, part) = decimal(digits)?;
    let all: i128 = format!("{whole}{part:0<6}").parse().ok()?;
    Some(if negative { -all } else { all })
}

/// Whether the text is a SHA-256 in lower-case hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether a year is one in which something could have happened or been counted, from the first censuses on.
pub(crate) fn is_plausible_year(year: i64) -> bool {
    (1800..=2100).contains(&year)
}

/// Whether the text is a decimal number from 0 to 100.
pub(crate) fn is_percent(text: &str) -> bool {
    decimal(text).is_some_and(|(whole, part)| match whole.parse::<u64>() {
        Ok(100) => part.bytes().all(|byte| byte == b'0'),
        Ok(whole) => whole < 100,
        Err(_) => false,
    })
}

/// Whether the text is an address on the web. Anything else (`javascript:`, `file:`, a user name before the host) may do
/// harm where it is shown as a link.
pub(crate) fn is_web_address(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let clean =
        !text.chars().any(|letter| letter.is_whitespace() || letter.is_control() || r#"<>"\^`{|}"#.contains(letter));
    rest.is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        clean
            && authority.starts_with(|letter: char| letter.is_alphanumeric() || letter == '[')
            && !authority.contains('@')
    })
}

/// Whether the text looks like a mail address.
pub(crate) fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    let allowed = |letter: char| letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter);
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.chars().all(allowed)
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// Whether the text is the id of a Wikidata item: `Q193`.
pub(crate) fn is_wikidata_item(text: &str) -> bool {
    text.strip_prefix('Q').is_some_and(|number| {
        (1..=12).contains(&number.len()) && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The first character that does not belong into a text: a control character other than line feed and tab.
pub(crate) fn control_character(text: &str) -> Option<char> {
    text.chars().find(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    #[test]
    fn a_date_is_as_exact_as_its_source() {
        assert_eq!(partial_date("2013"), Some((date!(2013 - 01 - 01), date!(2013 - 12 - 31))));
        assert_eq!(partial_date("2012-02"), Some((date!(2012 - 02 - 01), date!(2012 - 02 - 29))));
        assert_eq!(partial_date("2013-03-15"), Some((date!(2013 - 03 - 15), date!(2013 - 03 - 15))));
        for bad in [
            "",
            "13",
            "02013",
            "0000",
            "2013-",
            "2013-3",
            "2013-13",
            "2013-02-29",
            "2013-03-15T00",
            "+013",
            "15.03.2013",
            "２０１３",
        ] {
            assert_eq!(partial_date(bad), None, "{bad}");
        }
        assert!(is_day("2013-03-15") && !is_day("2013-03") && !is_day("2013"));
    }

    #[test]
    fn amounts_are_exact_and_not_negative() {
        for good in ["0", "12500.50", "999999999999999999.999999", "007"] {
            assert!(decimal(good).is_some(), "{good}");
        }
        for bad in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", "1 000", "1.0000001", "1000000000000000000", "1.2.3", "١"]
        {
            assert!(decimal(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (text, number) in [
            ("1", Some(1_000_000)),
            ("-12.5", Some(-12_500_000)),
            ("0.000001", Some(1)),
            ("999999999999999999.999999", Some(999_999_999_999_999_999_999_999)),
            ("--1", None),
            ("-", None),
        ] {
            assert_eq!(millionths(text), number, "{text}");
        }
    }

    #[test]
    fn a_percentage_is_from_0_to_100() {
        for (text, good) in [
            ("0", true),
            ("33.333333", true),
            ("100", true),
            ("100.00", true),
            ("100.01", false),
            ("101", false),
            ("-1", false),
            ("", false),
        ] {
            assert_eq!(is_percent(text), good, "{text}");
        }
    }

    #[test]
    fn only_addresses_on_the_web_are_links() {
        for good in ["https://geneve.ch", "HTTP://geneve.ch/a?b=c#d", "https://[::1]:8443/", "https://genève.example/é"]
        {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "geneve.ch",
            "javascript:alert(1)",
            "https://",
            "https:///a",
            "https://a b",
            "ftp://a.b",
            "https://bank.example@evil.example/",
            "https://a.b/\"onclick",
            "https://a.b/<script>",
            "https://a.b/\u{7}",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_mailbox_looks_like_one() {
        for good in ["economia@feira.example", "a.b+c@x-y.example", "büro@köln.example"] {
            assert!(is_mailbox(good), "{good}");
        }
        for bad in ["", "a", "@a.b", "a@b", "a@b@c.d", "a b@c.d", "a@-b.c", "a@b..c", "<a@b.c>", "a@b.c\n"] {
            assert!(!is_mailbox(bad), "{bad}");
        }
    }

    #[test]
    fn a_wikidata_item_is_a_number_after_a_q() {
        assert!(is_wikidata_item("Q193"));
        for bad in ["", "Q", "193", "q193", "Q0193", "Q1x", "P190"] {
            assert!(!is_wikidata_item(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_a_check(text in any::<String>()) {
            if let Some((first, last)) = partial_date(&text) {
                prop_assert!(first <= last);
            }
            let _ = (decimal(&text), is_percent(&text), is_web_address(&text), is_mailbox(&text), is_wikidata_item(&text));
        }
    }
}
