//! A budget is for a period, a contribution has one date: the period is kept in words, and read from them again.

const BEGIN: &str = "Budget for ";
const BETWEEN: &str = " to ";

/// The period of a budget in words.
pub(super) fn describe(start: &str, end: &str) -> String {
    format!("{BEGIN}{start}{BETWEEN}{end}")
}

/// The period, if the words say one.
pub(super) fn period(text: &str) -> Option<(&str, &str)> {
    let (start, end) = text.strip_prefix(BEGIN)?.split_once(BETWEEN)?;
    let day = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (day(start) && day(end)).then_some((start, end))
}
