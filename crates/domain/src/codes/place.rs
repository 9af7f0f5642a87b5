//! What a UN/LOCODE looks like.

use super::lists;

/// The id of the list of UN/LOCODEs.
pub(super) const LOCODES: &str = "un-locode";

/// A country and three letters or digits from 2 to 9. Only a tenth of the places themselves are kept here, so that any
/// well-formed code is good.
pub(super) fn is_locode(code: &str) -> bool {
    let place = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'9').contains(&byte);
    let is_country = |code| lists::find("iso3166-1").is_some_and(|countries| countries.contains(code));
    code.len() == 5 && code.split_at_checked(2).is_some_and(|(land, rest)| is_country(land) && rest.bytes().all(place))
}

pub(super) fn nearest_locode(code: &str) -> Option<String> {
    let bare: String = code.chars().take(20).filter(char::is_ascii_alphanumeric).collect();
    // A name of five letters is no code: only what is written in capitals or in two parts.
    let word = code.trim().chars().all(char::is_alphabetic) && code.chars().any(char::is_lowercase);
    Some(bare.to_ascii_uppercase()).filter(|bare| !word && is_locode(bare))
}
