//! From one classification of economic activities to another.
//!
//! NACE 2 and ISIC 4: Eurostat's correspondence, which is part of the list. Each code of NACE 2 lies within one of ISIC 4;
//! a code of ISIC 4 may be several of NACE 2.
//!
//! NACE 2 and NACE 2.1: Eurostat's table of correspondence is *not* part of the program, so all that is said here comes
//! from codes and titles. The same code with the same title is taken for the same activity, although its boundary may have
//! moved. Anything else is a proposal for a person: a code kept under a changed title, or codes of the same level whose
//! titles are alike. Of the 615 classes of NACE 2, 367 keep code and title, 109 keep the code under another title, 131 have
//! candidates, and for 8 nothing is alike.

use super::{CodeError, lists, table::Table};
use crate::text;

/// From how many percent on two titles are alike.
const ALIKE: u8 = 50;
/// The most candidates.
const MOST: usize = 5;

/// What becomes of a code in another classification. Only [`Conversion::Same`] may be applied without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// The same activity.
    Same(String),
    /// Officially, the activity lies within this one, which holds others, too: going back is not the way one came.
    Within(String),
    /// Officially, the activity is one of these; which one, the code doesn't say. At least two.
    Split(Vec<String>),
    /// The code was kept under another title. To be checked: the same code may have come to mean something else.
    Renamed {
        /// The code in both.
        code: String,
        /// Its title before.
        from: &'static str,
        /// Its title after.
        to: &'static str,
    },
    /// No correspondence is known. These are only alike by their titles, or have the same code; the likeliest first.
    /// At least one, at most five.
    Candidates(Vec<Candidate>),
    /// Nothing is known, and nothing is alike.
    None,
}

/// A code that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The code.
    pub code: String,
    /// Its title.
    pub title: &'static str,
    /// How alike the titles are, in percent: the share of words in common.
    pub likeness: u8,
}

/// Converts a code between NACE 2 (`nace-2`) and NACE 2.1 (`nace-2.1`) or ISIC 4 (`isic-4`), in either direction.
///
/// # Errors
/// [`CodeError::UnknownList`], [`CodeError::Unknown`] if `from` doesn't hold the code, [`CodeError::NoConversion`] between
/// other lists.
pub fn convert(from: &str, code: &str, to: &str) -> Result<Conversion, CodeError> {
    let unknown = |id: &str| CodeError::UnknownList(id.chars().take(100).collect());
    let source = lists::find(from).ok_or_else(|| unknown(from))?;
    let target = lists::find(to).ok_or_else(|| unknown(to))?;
    let row = source.row(code).ok_or_else(|| CodeError::unknown(from, code, source.nearest(code)))?;
    match (source.id, target.id) {
        (one, other) if one == other => Ok(Conversion::Same(row.code.to_owned())),
        ("nace-2", "isic-4") => {
            let within = source.table().note(row, "isic-4").unwrap_or_default();
            let alone = target.row(within).and_then(|row| target.table().note(row, "nace-2")) == Some(row.code);
            Ok(if alone { Conversion::Same(within.to_owned()) } else { Conversion::Within(within.to_owned()) })
        }
        ("isic-4", "nace-2") => {
            let codes: Vec<_> =
                source.table().note(row, "nace-2").unwrap_or_default().split('|').map(str::to_owned).collect();
            Ok(match codes.as_slice() {
                [one] => Conversion::Same(one.clone()),
                _ => Conversion::Split(codes),
            })
        }
        ("nace-2", "nace-2.1") | ("nace-2.1", "nace-2") => {
            Ok(by_title(row.code, source.table().label(row, "en").unwrap_or_default(), target.table()))
        }
        _ => Err(CodeError::NoConversion { from: source.id, to: target.id }),
    }
}

fn by_title(code: &str, title: &'static str, target: &Table) -> Conversion {
    let kept = target.find(code).and_then(|row| target.label(row, "en"));
    if kept.is_some_and(|kept| text::words(kept) == text::words(title)) {
        return Conversion::Same(code.to_owned());
    }
    let words = significant(title);
    let mut found: Vec<_> = target
        .rows()
        .iter()
        .filter(|row| level(row.code) == level(code))
        .filter_map(|row| {
            let title = target.label(*row, "en")?;
            let likeness = likeness(&words, &significant(title));
            (likeness >= ALIKE || row.code == code).then(|| Candidate { code: row.code.to_owned(), title, likeness })
        })
        .collect();
    // The likeliest first; among equals the code that was kept, then in the order of the list, which the sort leaves alone.
    found.sort_by_key(|candidate| (u8::MAX - candidate.likeness, candidate.code != code));
    match (found.first(), kept) {
        (None, _) => Conversion::None,
        (Some(best), Some(to)) if best.code == code => Conversion::Renamed { code: code.to_owned(), from: title, to },
        _ => {
            let (first, rest): (Vec<_>, Vec<_>) =
                found.into_iter().enumerate().partition(|(at, one)| *at + 1 < MOST || one.code == code);
            Conversion::Candidates(first.into_iter().chain(rest).take(MOST).map(|(_, one)| one).collect())
        }
    }
}

/// 1 for a section, 2 for a division, up to 4 for a class.
fn level(code: &str) -> usize {
    if code.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        1
    } else {
        code.bytes().filter(u8::is_ascii_digit).count()
    }
}

/// The words of a title that say something.
fn significant(title: &str) -> Vec<String> {
    const SILENT: [&str; 19] = [
        "of",
        "and",
        "the",
        "in",
        "for",
        "to",
        "a",
        "on",
        "other",
        "with",
        "by",
        "or",
        "n",
        "e",
        "c",
        "activities",
        "not",
        "elsewhere",
        "except",
    ];
    let mut words = text::words(title);
    words.retain(|word| !SILENT.contains(&word.as_str()));
    words.sort();
    words.dedup();
    words
}

/// Twice the words in common of the words in all, in percent.
fn likeness(one: &[String], other: &[String]) -> u8 {
    let common = one.iter().filter(|word| other.binary_search(word).is_ok()).count();
    u8::try_from(200 * common / (one.len() + other.len()).max(1)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn codes(list: &str) -> impl Iterator<Item = &'static str> {
        lists::find(list).unwrap().table().rows().iter().map(|row| row.code)
    }

    fn name(conversion: &Conversion) -> &'static str {
        match conversion {
            Conversion::Same(_) => "same",
            Conversion::Within(_) => "within",
            Conversion::Split(_) => "split",
            Conversion::Renamed { .. } => "renamed",
            Conversion::Candidates(_) => "candidates",
            Conversion::None => "none",
        }
    }

    #[test]
    fn the_official_correspondence_holds_for_every_code_in_both_directions() {
        for nace in codes("nace-2") {
            let isic = match convert("nace-2", nace, "isic-4").unwrap() {
                Conversion::Same(isic) => {
                    assert_eq!(convert("isic-4", &isic, "nace-2"), Ok(Conversion::Same(nace.into())));
                    isic
                }
                Conversion::Within(isic) => {
                    let Conversion::Split(back) = convert("isic-4", &isic, "nace-2").unwrap() else {
                        panic!("{isic} is one of NACE 2");
                    };
                    assert!(back.len() > 1 && back.contains(&nace.to_owned()), "{nace}");
                    isic
                }
                other => panic!("{nace}: {other:?}"),
            };
            assert!(lists::find("isic-4").unwrap().contains(&isic));
        }
    }

    #[test]
    fn each_conversion_says_how_sure_it_is() {
        assert_eq!(convert("nace-2", "10.71", "isic-4"), Ok(Conversion::Within("1071".into())));
        assert_eq!(convert("isic-4", "1071", "nace-2"), Ok(Conversion::Split(vec!["10.71".into(), "10.72".into()])));
        assert_eq!(convert("nace-2", "C", "nace-2.1"), Ok(Conversion::Same("C".into())));
        let Ok(Conversion::Renamed { code, from, to }) = convert("nace-2", "10.52", "nace-2.1") else { panic!() };
        assert_eq!((code.as_str(), from), ("10.52", "Manufacture of ice cream"));
        assert_eq!(to, "Manufacture of ice cream and other edible ice");
        // The letter K stayed, but it means telecommunication now.
        let Ok(Conversion::Candidates(found)) = convert("nace-2", "K", "nace-2.1") else { panic!() };
        assert_eq!((found[0].code.as_str(), found[0].likeness), ("L", 100));
        assert!(found.iter().any(|candidate| candidate.code == "K"), "{found:?}");
        assert_eq!(convert("nace-2", "91.02", "nace-2.1").map(|found| name(&found)), Ok("none"));
    }

    #[test]
    fn between_revisions_of_nace_nothing_is_silent() {
        for (from, to, expected) in [
            ("nace-2", "nace-2.1", [("candidates", 131), ("none", 8), ("renamed", 109), ("same", 367)]),
            ("nace-2.1", "nace-2", [("candidates", 146), ("none", 33), ("renamed", 105), ("same", 367)]),
        ] {
            let mut counts = BTreeMap::new();
            for code in codes(from).filter(|code| level(code) == 4) {
                let conversion = convert(from, code, to).unwrap();
                *counts.entry(name(&conversion)).or_insert(0) += 1;
                if let Conversion::Candidates(found) = conversion {
                    assert!((1..=MOST).contains(&found.len()));
                    let kept = lists::find(to).unwrap().contains(code);
                    assert_eq!(found.iter().any(|candidate| candidate.code == code), kept, "{from} {code}");
                }
            }
            assert_eq!(counts, BTreeMap::from(expected), "{from}");
        }
    }

    #[test]
    fn what_has_no_conversion_is_an_error() {
        assert!(matches!(convert("nace-2", "10.99", "isic-4"), Err(CodeError::Unknown { .. })));
        assert!(matches!(convert("nace-3", "10.71", "isic-4"), Err(CodeError::UnknownList(_))));
        let error = convert("nace-2.1", "10.71", "isic-4").unwrap_err();
        assert_eq!(error.to_string(), "codes of nace-2.1 can't be converted to isic-4");
    }
}
