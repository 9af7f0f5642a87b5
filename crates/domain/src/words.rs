//! Six words that two cities compare by telephone before they approve each other.
//!
//! They are derived from the fingerprints of both trust bundles, in whichever order, so both sides see the same words exactly if
//! each holds the bundle that the other one sent. Six of 2,048 words carry 66 bits. Deriving them is slow on purpose: whoever
//! stands between two cities would have to find two bundles of his own with the same words.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// How many words there are.
pub const COUNT: usize = 6;
/// How often the hash is taken. Some milliseconds for a city, once; for an impostor, each of billions of tries.
const ROUNDS: u32 = 1 << 16;

static LIST: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("../data/words/english.txt").lines().collect());

/// The six words of two bundles with these SHA-256 fingerprints, with spaces between. The same in either order.
#[must_use]
pub fn six_words(one: &[u8; 32], other: &[u8; 32]) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    let mut state: [u8; 32] = Sha256::new()
        .chain_update(b"isopolity six words v1\0")
        .chain_update(first)
        .chain_update(second)
        .finalize()
        .into();
    for _ in 0..ROUNDS {
        state = Sha256::new().chain_update(state).chain_update(first).finalize().into();
    }
    let bit = |at: usize| state.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let word = |number: usize| {
        let index = (0..11).fold(0, |index, at| index << 1 | bit(number * 11 + at));
        LIST.get(index).copied().unwrap_or_default()
    };
    (0..COUNT).map(word).collect::<Vec<_>>().join(" ")
}

/// Whether what somebody typed are these words. Capitals, blanks, commas and hyphens do not count.
#[must_use]
pub fn are_the_same(typed: &str, words: &str) -> bool {
    let tidy = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphabetic())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    tidy(typed) == tidy(words)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_the_one_that_the_readme_names() {
        let sum = crate::text::hexadecimal(&Sha256::digest(include_str!("../data/words/english.txt")));
        assert_eq!(sum, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
        assert_eq!(LIST.iter().collect::<BTreeSet<_>>().len(), 2_048);
    }

    #[test]
    fn both_sides_see_the_same_six_words_and_any_other_bundle_gives_others() {
        let (here, there) = ([1; 32], [2; 32]);
        let words = six_words(&here, &there);
        assert_eq!(words.split(' ').count(), COUNT);
        assert_eq!(words, six_words(&there, &here));
        let mut other = there;
        other[31] ^= 1;
        assert_ne!(words, six_words(&here, &other));
        assert_ne!(words, six_words(&here, &here));
    }

    #[test]
    fn the_words_stay_the_same_from_version_to_version() {
        assert_eq!(six_words(&[0; 32], &[255; 32]), "panther test leopard shock leopard slab");
    }

    #[test]
    fn words_may_be_typed_as_people_type() {
        let words = six_words(&[1; 32], &[2; 32]);
        assert!(are_the_same(&words.to_uppercase().replace(' ', " - "), &words));
        assert!(are_the_same(&format!(" {} ", words.replace(' ', ", ")), &words));
        let mut five: Vec<_> = words.split(' ').collect();
        five.pop();
        assert!(!are_the_same(&five.join(" "), &words));
        assert!(!are_the_same("", &words));
    }
}
