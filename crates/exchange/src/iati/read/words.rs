//! Texts, languages, dates and numbers of an activity.

use isopolity_proto::types::LocalizedText;

use super::{all, extension, first};
use crate::schema::tree::{Element, XML};

/// The language of an element's text.
pub(super) fn language(element: &Element, inherited: &str) -> String {
    let stated = element.attribute_of(Some(XML), "lang").map(str::trim).unwrap_or_default();
    if stated.is_empty() { inherited.to_owned() } else { stated.to_owned() }
}

/// The narratives of an element that say something.
pub(super) fn narratives(element: &Element, inherited: &str) -> Vec<LocalizedText> {
    let inherited = language(element, inherited);
    let narratives = all(element, "narrative").map(|narrative| LocalizedText {
        text: narrative.text().trim().to_owned(),
        language: language(narrative, &inherited),
        ..Default::default()
    });
    narratives.filter(|text| !text.text.is_empty()).collect()
}

/// The narratives of the first element of this name.
pub(super) fn narratives_of(element: &Element, name: &'static str, inherited: &str) -> Vec<LocalizedText> {
    first(element, name).map(|element| narratives(element, inherited)).unwrap_or_default()
}

/// One text a language: what is said in the same language several times becomes paragraphs.
pub(super) fn paragraphs(texts: Vec<LocalizedText>) -> Vec<LocalizedText> {
    let mut joined: Vec<LocalizedText> = Vec::new();
    for text in texts {
        match joined.iter_mut().find(|known| known.language == text.language) {
            Some(known) if known.text == text.text => {}
            Some(known) => known.text.extend(["\n\n", &text.text]),
            None => joined.push(text),
        }
    }
    joined
}

/// The date that an element states, as exact as it is known: without a time zone, which a date of a record has not. Empty
/// if this registry wrote it only because the schema wants one.
pub(super) fn date(element: &Element, attribute: &str) -> String {
    match (extension(element, "stated"), extension(element, "date")) {
        (Some("0"), _) => String::new(),
        (_, Some(date)) => date.trim().to_owned(),
        _ => element.attribute(attribute).unwrap_or_default().trim().chars().take(10).collect(),
    }
}

/// A decimal number as the registry writes it: no plus sign, no needless zeros in front, a digit before the point and
/// behind it. Gives nothing if it is no number.
pub(super) fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    // Zeros at the end may be the exactness of the source; they are dropped only beyond what an amount can carry.
    let fraction = if fraction.len() > 6 { fraction.trim_end_matches('0') } else { fraction };
    let zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
    let sign = if zero { "" } else { sign };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}
