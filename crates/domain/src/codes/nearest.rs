//! What was probably meant by a code that does not exist.

use std::collections::BTreeMap;

/// The longest code, in letters and digits, with room to spare.
const LONGEST: usize = 20;

/// A list's codes by their letters and digits.
pub(super) struct Index(BTreeMap<String, String>);

impl Index {
    pub(super) fn of<'a>(codes: impl IntoIterator<Item = &'a String>) -> Self {
        Self(codes.into_iter().map(|code| (bare(code), code.clone())).collect())
    }

    /// The code that is written the same but for case, points, spaces and dashes; else the longest one, of two characters
    /// or more, with which the given code begins.
    pub(super) fn nearest(&self, code: &str) -> Option<String> {
        let wanted = bare(code);
        let beginnings = (2..wanted.len()).rev().filter_map(|length| wanted.get(..length));
        std::iter::once(wanted.as_str()).chain(beginnings).find_map(|bare| self.0.get(bare)).cloned()
    }
}

/// Letters and digits only, in upper case.
fn bare(code: &str) -> String {
    code.chars().take(LONGEST).filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}
