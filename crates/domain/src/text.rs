//! How words are compared across scripts.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The text without case and diacritics, so that `São`, `SAO` and `sao` are one, also in Greek, Cyrillic and Arabic.
///
/// Compatibility decomposition (UAX #15), combining marks dropped, lower case; letters that do not decompose although
/// people write them both ways (`ø` `ł` `ß` `æ` `đ` `ı`, the Arabic final yāʾ and tāʾ marbūṭa) are mapped by hand.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            'ى' => folded.push('ي'),
            'ة' => folded.push('ه'),
            // Tatweel only stretches a word; zero-width joiners only shape it.
            '\u{640}' | '\u{200c}' | '\u{200d}' | '\u{feff}' => {}
            // Lower-casing `İ` leaves its dot as a mark.
            other if is_combining_mark(other) => {}
            other => folded.push(other),
        }
    }
    folded
}

/// The words of a text, folded, in order. Scripts that are written without spaces (Han, Hiragana, Katakana, Thai, Lao,
/// Khmer, Burmese) give each letter as a word, so that any part of a name is found.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in fold(text).chars() {
        if unspaced(letter) {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            words.push(letter.to_string());
        } else if letter.is_alphanumeric() {
            word.push(letter);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
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

fn unspaced(letter: char) -> bool {
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
        assert!(words("  --  ").is_empty());
    }
}
