//! What was probably meant by a code that does not exist.
//!
//! In this order: the code written otherwise; a name of a code; its digits written otherwise; a code with one or two
//! characters too many; the only code
//! with these words in its names; the only name, then the only code, that differs by a slip. Where two codes are equally
//! near, none is suggested.

use std::collections::BTreeMap;

use strsim::osa_distance;

use super::{list::List, search::Words};
use crate::text;

/// The longest code, in letters and digits, with room to spare.
const LONGEST: usize = 32;

/// A list's codes by what people write; `None` where it is said of more than one code.
pub(super) struct Nearest {
    /// By their letters and digits.
    bare: BTreeMap<String, Option<&'static str>>,
    /// By their names, as folded words.
    phrases: BTreeMap<String, Option<&'static str>>,
}

impl Nearest {
    pub(super) fn of(list: &List) -> Self {
        let table = list.table();
        let mut bare_codes: BTreeMap<String, Option<&'static str>> = BTreeMap::new();
        let mut phrases: BTreeMap<String, Option<&'static str>> = BTreeMap::new();
        for row in table.rows() {
            bare_codes.entry(bare(row.code)).and_modify(|code| *code = None).or_insert(Some(row.code));
            for name in list.names(*row) {
                let known = phrases.entry(phrase(&name)).or_insert(Some(row.code));
                let Some(other) = known.and_then(|code| table.find(code)).filter(|other| other.code != row.code) else {
                    continue;
                };
                let better = match (table.is_withdrawn(other), table.is_withdrawn(*row)) {
                    (true, false) => Some(row.code),
                    (false, true) => Some(other.code),
                    // A class and its group have the same title: the class says more.
                    _ if table.parent(*row) == Some(other.code) => Some(row.code),
                    _ => None,
                };
                *known = better;
            }
        }
        phrases.remove("");
        bare_codes.remove("");
        Self { bare: bare_codes, phrases }
    }

    pub(super) fn find(&self, list: &List, text: &str) -> Option<&'static str> {
        let (code, name) = (bare(text), phrase(text));
        self.bare
            .get(&code)
            .or_else(|| self.phrases.get(&name))
            .copied()
            .flatten()
            .or_else(|| self.with_other_digits(&code))
            .or_else(|| self.beginning(&code))
            .or_else(|| the_only_one_with(list, &name))
            .or_else(|| self.slip_in_name(&name))
            .or_else(|| if list.open { None } else { self.slip_in_code(&code) })
    }

    /// What spreadsheets and people make of codes with digits: a zero lost or put before them, letters put before them.
    /// `1.11` is `01.11`, `C10.71` is `10.71`, `PT-1` is `PT-01`, `SDG 08` is `8`.
    fn with_other_digits(&self, code: &str) -> Option<&'static str> {
        let head = code.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let digits = code.strip_prefix(head).filter(|digits| !digits.is_empty())?;
        let plain = digits.trim_start_matches('0');
        let written = [
            format!("{head}0{digits}"),
            format!("{head}{plain}"),
            digits.to_owned(),
            format!("0{digits}"),
            plain.to_owned(),
        ];
        written.iter().find_map(|other| self.bare.get(other).copied().flatten())
    }

    /// The longest code, of two characters or more, that has one or two characters less.
    fn beginning(&self, code: &str) -> Option<&'static str> {
        let most = if code.len() < 6 { 1 } else { 2 };
        let shortest = code.len().saturating_sub(most).max(2);
        (shortest..code.len()).rev().find_map(|length| self.bare.get(code.get(..length)?).copied().flatten())
    }

    fn slip_in_name(&self, name: &str) -> Option<&'static str> {
        let most = match name.chars().count() {
            5..7 => 1,
            7..60 => 2,
            _ => return None,
        };
        // People seldom mistake the first letter, and so most of the list need not be looked at.
        let first = name.chars().next()?;
        let alike = self.phrases.range(String::from(first)..).take_while(|(other, _)| other.starts_with(first));
        let near = alike.filter(|(other, _)| other.len().abs_diff(name.len()) <= 4 * most);
        the_nearest(near.map(|(other, code)| (osa_distance(name, other), *code)), most)
    }

    fn slip_in_code(&self, code: &str) -> Option<&'static str> {
        // A digit of a number may be any other: that is no hint.
        if code.len() < 5 || code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let near = self.bare.iter().filter(|(other, _)| other.len().abs_diff(code.len()) <= 1);
        the_nearest(near.map(|(other, known)| (osa_distance(code, other), *known)), 1)
    }
}

fn the_nearest(found: impl Iterator<Item = (usize, Option<&'static str>)>, most: usize) -> Option<&'static str> {
    let mut best: Option<(usize, Option<&'static str>)> = None;
    for (distance, code) in found.filter(|(distance, _)| *distance <= most) {
        best = match best {
            Some((least, _)) if least < distance => best,
            Some((least, known)) if least == distance && known != code => Some((least, None)),
            _ => Some((distance, code)),
        };
    }
    best?.1
}

/// The only code with all these words in its names; of a code and what it belongs to, the former.
fn the_only_one_with(list: &List, name: &str) -> Option<&'static str> {
    // A few letters say nothing.
    name.chars().filter(|letter| letter.is_alphabetic()).nth(3)?;
    let (table, mut only) = (list.table(), None);
    for at in list.words().with(&Words::wanted(name)) {
        let row = table.rows().get(at)?;
        match only {
            Some(above) if table.parent(*row) != Some(above) => return None,
            _ => only = Some(row.code),
        }
    }
    only
}

fn phrase(name: &str) -> String {
    text::words(name).join(" ")
}

/// Letters and digits only, in upper case.
fn bare(code: &str) -> String {
    code.chars().take(LONGEST).filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}
