//! How words are compared across scripts.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// What cuts texts into words here, as digests name it. To be raised with any change of [`fold`] or [`words`]: words of
/// different analysers can't be compared.
pub const ANALYSER: &str = "isopolity-words/2";

/// The longest word, in bytes; what is longer is cut off, in records and questions alike.
pub const WORD_BYTES_MAX: usize = 100;

/// The text without case and diacritics, so that `São`, `SAO` and `sao` are one, also in Greek, Cyrillic and Arabic.
///
/// Compatibility decomposition (UAX #15), combining marks dropped, lower case; letters that do not decompose although
/// people write them both ways (`ø` `ł` `ß` `æ` `đ` `ı`, the Arabic final yāʾ and tāʾ marbūṭa) are mapped by hand.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        fold_letter(letter, &mut |letter| folded.push(letter));
    }
    folded
}

/// What becomes of one letter, whatever stands beside it: decomposition changes the order of marks alone, and they are
/// dropped.
fn fold_letter(letter: char, emit: &mut impl FnMut(char)) {
    decompose_compatible(letter, |part| {
        if !is_combining_mark(part) {
            part.to_lowercase().for_each(|lower| map_letter(lower, emit));
        }
    });
}

fn map_letter(letter: char, emit: &mut impl FnMut(char)) {
    match letter {
        'ß' => "ss".chars().for_each(emit),
        'æ' => "ae".chars().for_each(emit),
        'œ' => "oe".chars().for_each(emit),
        'þ' => "th".chars().for_each(emit),
        'ø' => emit('o'),
        'ł' => emit('l'),
        'đ' | 'ð' => emit('d'),
        'ħ' => emit('h'),
        'ı' => emit('i'),
        'ς' => emit('σ'),
        'ى' => emit('ي'),
        'ة' => emit('ه'),
        // Tatweel only stretches a word; zero-width joiners only shape it.
        '\u{640}' | '\u{200c}' | '\u{200d}' | '\u{feff}' => {}
        // Lower-casing `İ` leaves its dot as a mark.
        other if is_combining_mark(other) => {}
        other => emit(other),
    }
}

/// The words of a text, folded, in order, at most [`WORD_BYTES_MAX`] bytes of each. Scripts that are written without
/// spaces (Han, Hiragana, Katakana, Thai, Lao, Khmer, Burmese) give each letter as a word, so that any part of a name is
/// found.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    words_with_places(text).into_iter().map(|(word, _)| word).collect()
}

/// The same words, each with the place where it stands in the text as it was given, in characters (Unicode scalar
/// values). A mark belongs to the word before it. One character can be several words (`½`), which then have the same place.
#[must_use]
pub fn words_with_places(text: &str) -> Vec<(String, Range<usize>)> {
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    // The last word goes on as long as letters of a script with spaces follow each other.
    let mut open = false;
    for (at, letter) in text.chars().enumerate() {
        let mut dropped = true;
        fold_letter(letter, &mut |letter| {
            dropped = false;
            let alone = unspaced(letter);
            match words.last_mut() {
                Some((word, place)) if open && !alone && letter.is_alphanumeric() => {
                    word.push(letter);
                    place.end = at + 1;
                }
                _ if letter.is_alphanumeric() => words.push((letter.to_string(), at..at + 1)),
                _ => {}
            }
            open = letter.is_alphanumeric() && !alone;
        });
        if let Some((_, place)) = words.last_mut()
            && dropped
            && place.end == at
        {
            place.end = at + 1;
        }
    }
    for (word, _) in &mut words {
        let article = word.len() - without_article(word, ARTICLE_LEAVES).len();
        word.drain(..article);
        word.truncate(word.floor_char_boundary(WORD_BYTES_MAX));
    }
    words
}

/// The fewest letters that the Arabic article leaves of a word.
const ARTICLE_LEAVES: usize = 3;

/// A folded word without the Arabic definite article, which is written with the word: `القنيطره` and `قنيطره` are one. As often
/// as it stands there, so that what is left is left again; only where `least` letters are left, or it is part of the word.
pub(crate) fn without_article(word: &str, least: usize) -> &str {
    match word.strip_prefix("ال") {
        Some(rest) if rest.chars().count() >= least => without_article(rest, least),
        _ => word,
    }
}

/// The text as a part of a resource name: `a`–`z`, `0`–`9` and `-`, at most `longest` characters, transliterated from any
/// script. May be empty.
#[must_use]
pub fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    for letter in any_ascii::any_ascii(&fold(text)).chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= longest {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Bytes as people read them to each other: two lower-case hexadecimal digits each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

/// Whether a letter is of a script that is written without spaces, so that it is a word by itself.
pub(crate) fn unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
        && letter.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_diacritics_are_one_in_every_script() {
        for (one, other) in [
            ("São João", "SAO JOAO"),
            ("Kénitra", "kenitra"),
            ("Łódź", "lodz"),
            ("Tórshavn", "Torshavn"),
            ("İstanbul", "istanbul"),
            ("Köln", "KÖLN"),
            ("Straße", "strasse"),
            ("Αθήνα", "ΑΘΗΝΑ"),
            ("Київ", "київ"),
            ("القنيطرة", "القنيطره"),
            ("أگادير", "اگادير"),
            ("Kōbe", "kobe"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_slug_is_fit_for_a_name_from_any_script() {
        assert_eq!(slug("Santana, São Tomé and Príncipe", 63), "santana-sao-tome-and-principe");
        assert_eq!(slug("Esch-sur-Alzette", 8), "esch-sur");
        assert!(!slug("القنيطرة", 63).is_empty());
        assert_eq!(slug("--", 63), "");
    }

    #[test]
    fn words_end_where_letters_end() {
        assert_eq!(words("Esch-sur-Alzette, L-4001"), ["esch", "sur", "alzette", "l", "4001"]);
        assert_eq!(words("神戸 Kōbe"), ["神", "戸", "kobe"]);
        assert_eq!(words("شراكة اقتصادية"), ["شراكه", "اقتصاديه"]);
        assert_eq!(words("مدينة القنيطرة"), ["مدينه", "قنيطره"]);
        assert_eq!(words("قنيطرة"), ["قنيطره"]);
        assert_eq!(words("الى آلم"), ["الي", "الم"], "what would be too short without it keeps it");
        assert!(words("  --  ").is_empty());
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for letter in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let folded = fold(&letter.to_string());
            assert_eq!(fold(&folded), folded, "{letter:?}");
        }
    }

    #[test]
    fn letters_are_folded_one_by_one_as_the_whole_text_would_be() {
        use unicode_normalization::UnicodeNormalization as _;
        proptest::proptest!(|(text: String)| {
            let bare: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).collect();
            proptest::prop_assert_eq!(fold(&text), fold(&bare));
        });
    }

    #[test]
    fn a_long_word_is_cut_between_letters() {
        let long = "語".repeat(3) + &"é".repeat(99) + &"ж".repeat(99);
        let words = words(&long);
        assert_eq!(words.len(), 4);
        assert_eq!(words[3], "e".repeat(99), "the next letter takes two bytes");
    }

    #[test]
    fn words_have_their_place_in_the_text_as_it_was_written() {
        let places = |text: &str| {
            let letters: Vec<char> = text.chars().collect();
            words_with_places(text)
                .into_iter()
                .map(|(word, place)| (word, letters[place].iter().collect::<String>()))
                .collect::<Vec<_>>()
        };
        let expected = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(word, place)| ((*word).to_owned(), (*place).to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(
            places("(Straße) nach KÖLN"),
            expected(&[("strasse", "Straße"), ("nach", "nach"), ("koln", "KÖLN")])
        );
        assert_eq!(places("Ke\u{301}nitra, ok"), expected(&[("kenitra", "Ke\u{301}nitra"), ("ok", "ok")]));
        assert_eq!(places("神戸のKōbe"), expected(&[("神", "神"), ("戸", "戸"), ("の", "の"), ("kobe", "Kōbe")]));
        assert_eq!(places("5½"), expected(&[("51", "5½"), ("2", "½")]));
        assert_eq!(places("شـراكة"), expected(&[("شراكه", "شـراكة")]));
        assert_eq!(places("カ\u{3099}"), expected(&[("カ", "カ\u{3099}")]));
    }

    #[test]
    fn every_place_lies_in_the_text_after_the_one_before() {
        proptest::proptest!(|(text: String)| {
            let (mut before, length) = (0..0, text.chars().count());
            for (word, place) in words_with_places(&text) {
                proptest::prop_assert!(!word.is_empty() && word.chars().all(char::is_alphanumeric));
                proptest::prop_assert!(place.start < place.end && place.end <= length);
                proptest::prop_assert!(place.start >= before.start && place.end >= before.end);
                let within: String = text.chars().skip(place.start).take(place.len()).collect();
                let again = words(&within);
                let found = again.iter().any(|one| *one == word || one.ends_with(&word) || one.starts_with(&word));
                proptest::prop_assert!(found, "{:?} is not in {:?}", word, within);
                before = place;
            }
        });
    }
}
