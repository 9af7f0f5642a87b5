//! The words that occur, as a Bloom filter. The scheme is written down in `digest.proto`.

use bytes::Bytes;
use isopolity_proto::federation::WordFilter;
use sha2::{Digest as _, Sha256};

use super::DigestError;

/// How often, at most, a word that does not occur is taken to occur, unless there are more than two and a half million words.
pub const FALSE_POSITIVE_RATE: f64 = 0.01;
/// The most bytes of a filter: a digest with it still fits into one message.
pub const FILTER_BYTES_MAX: usize = 3 * 1_024 * 1_024;
/// The length of a filter's salt, in bytes.
pub const SALT_BYTES: usize = 16;

/// Below this, words share bits more often than the formula says.
const FILTER_BYTES_MIN: usize = 128;
/// How many bits stand for a word, where there is room: the logarithm of [`FALSE_POSITIVE_RATE`] to the base 1/2.
const HASHES: u64 = 7;
const HASHES_MAX: i32 = 32;
/// Before a word that occurs in a title.
const IN_TITLE: &str = "title:";

/// A filter of words as [`crate::text::words`] gives them, each with whether it occurs in what names a record, in any order;
/// what comes twice is entered once. The salt is to be random and new for each digest, so that what one filter takes to occur by
/// chance the next one does not.
#[must_use]
pub fn word_filter<W: AsRef<str>>(words: impl IntoIterator<Item = (W, bool)>, salt: [u8; SALT_BYTES]) -> WordFilter {
    let mut entries = Vec::new();
    for (word, in_title) in words {
        entries.push(hash(&salt, word.as_ref(), false));
        if in_title {
            entries.push(hash(&salt, word.as_ref(), true));
        }
    }
    entries.sort_unstable();
    entries.dedup();
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let (bytes, hashes) = size(count);
    let mut bits = vec![0_u8; bytes];
    for entry in entries {
        for (byte, mask) in places(entry, hashes, bytes) {
            if let Some(byte) = bits.get_mut(byte) {
                *byte |= mask;
            }
        }
    }
    WordFilter {
        bits: bits.into(),
        hashes: i32::try_from(hashes).unwrap_or(HASHES_MAX),
        salt: Bytes::copy_from_slice(&salt),
        words: i64::try_from(count).unwrap_or(i64::MAX),
        false_positive_rate: rate(bytes, hashes, count),
    }
}

/// Whether a filter takes a word to occur, or to occur in what names a record. For a filter that is known to be good: one that
/// is malformed says so of every word.
#[must_use]
pub fn contains(filter: &WordFilter, word: &str, in_title: bool) -> bool {
    Filter::sized(filter).map_or(true, |filter| filter.contains(word, in_title))
}

/// A filter whose sizes fit each other.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    bits: Bytes,
    hashes: u64,
    salt: Bytes,
    pub(super) words: u64,
    pub(super) rate: f64,
}

impl Filter {
    /// Checks a filter as it came: its sizes, and whether its rate and its bits can be those of so many words.
    pub(super) fn check(filter: &WordFilter) -> Result<Self, DigestError> {
        let refused = |what: String| Err(DigestError::Malformed(what));
        let sized = Self::sized(filter)?;
        let (stated, computed) = (filter.false_positive_rate, sized.rate);
        // The allowance at the end is for rates that are as good as 0.
        if !(stated.is_finite() && (stated - computed).abs() <= computed * 0.01 + 1e-12) {
            return refused(format!("the false-positive rate is said to be {stated}, but is {computed}"));
        }
        if !is_filled(&sized.bits, sized.hashes, sized.words) {
            return refused(format!("the bits are not those of {} words", sized.words));
        }
        Ok(sized)
    }

    fn sized(filter: &WordFilter) -> Result<Self, DigestError> {
        let refused = |what: String| Err(DigestError::Malformed(what));
        let bytes = filter.bits.len();
        if bytes == 0 || bytes > FILTER_BYTES_MAX {
            return refused(format!("the word filter has {bytes} bytes, not 1 to {FILTER_BYTES_MAX}"));
        }
        let hashes = match u64::try_from(filter.hashes) {
            Ok(hashes) if (1..=HASHES_MAX).contains(&filter.hashes) => hashes,
            _ => return refused(format!("{} bits stand for a word, not 1 to {HASHES_MAX}", filter.hashes)),
        };
        if filter.salt.len() != SALT_BYTES {
            return refused(format!("the salt has {} bytes, not {SALT_BYTES}", filter.salt.len()));
        }
        let Ok(words) = u64::try_from(filter.words) else {
            return refused(format!("{} words were entered", filter.words));
        };
        let rate = rate(bytes, hashes, words);
        Ok(Self { bits: filter.bits.clone(), hashes, salt: filter.salt.clone(), words, rate })
    }

    /// Whether a word may occur. False only if it does not.
    pub(super) fn contains(&self, word: &str, in_title: bool) -> bool {
        places(hash(&self.salt, word, in_title), self.hashes, self.bits.len())
            .all(|(byte, mask)| self.bits.get(byte).is_none_or(|byte| byte & mask != 0))
    }
}

/// `a` and `b` of the scheme.
fn hash(salt: &[u8], word: &str, in_title: bool) -> (u64, u64) {
    let mut hash = Sha256::new();
    hash.update(salt);
    if in_title {
        hash.update(IN_TITLE);
    }
    hash.update(word);
    let hash = hash.finalize();
    let mut eights = hash.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight));
    (eights.next().unwrap_or_default(), eights.next().unwrap_or_default() | 1)
}

/// The bits of an entry: the byte and the bit in it.
fn places((a, b): (u64, u64), hashes: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8).max(8);
    (0..hashes).map(move |at| {
        let bit = a.wrapping_add(at.wrapping_mul(b)) % bits;
        (usize::try_from(bit / 8).unwrap_or(usize::MAX), 1_u8 << (bit % 8))
    })
}

/// How many bytes for so many entries, and how many bits for each.
fn size(entries: u64) -> (usize, u64) {
    // 9.6 bits for each entry give 0.997 %.
    let bytes = usize::try_from(entries.saturating_mul(6).div_ceil(5)).unwrap_or(usize::MAX);
    let bytes = bytes.clamp(FILTER_BYTES_MIN, FILTER_BYTES_MAX);
    // The best number is ln 2 times the bits for each entry.
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
    let best = (bits.saturating_mul(693) / 1_000).saturating_add(entries / 2).checked_div(entries).unwrap_or(HASHES);
    (bytes, best.clamp(1, HASHES))
}

/// The formula of `digest.proto`.
fn rate(bytes: usize, hashes: u64, words: u64) -> f64 {
    let share = -(-as_float(hashes) * as_float(words) / (as_float(bytes as u64) * 8.0)).exp_m1();
    share.powi(i32::try_from(hashes).unwrap_or(i32::MAX))
}

/// Whether about as many bits are set as so many words set.
fn is_filled(bits: &[u8], hashes: u64, words: u64) -> bool {
    let set: u64 = bits.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let all = as_float(bits.len() as u64) * 8.0;
    let expected = -all * (-as_float(hashes) * as_float(words) / all).exp_m1();
    (as_float(set) - expected).abs() <= expected * 0.05 + 64.0
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits than a double has")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_documented_scheme() {
        let salt = [3_u8; SALT_BYTES];
        let filter = word_filter([("oil", true)], salt);
        let mut expected = vec![0_u8; FILTER_BYTES_MIN];
        for entry in ["oil", "title:oil"] {
            let hash = Sha256::digest([&salt[..], entry.as_bytes()].concat());
            let a = u64::from_le_bytes(hash[..8].try_into().unwrap());
            let b = u64::from_le_bytes(hash[8..16].try_into().unwrap()) | 1;
            for at in 0..7_u64 {
                let bit = usize::try_from(a.wrapping_add(at.wrapping_mul(b)) % (8 * 128)).unwrap();
                expected[bit / 8] |= 1 << (bit % 8);
            }
        }
        assert_eq!(filter.bits, expected);
        assert_eq!((filter.hashes, filter.words, filter.salt.as_ref()), (7, 2, &salt[..]));
        let formula = (1.0 - (-7.0 * 2.0 / 1024.0_f64).exp()).powi(7);
        assert!((filter.false_positive_rate - formula).abs() < formula * 1e-6);
    }

    #[test]
    fn a_word_is_in_a_title_only_if_it_was_entered_so() {
        let filter = word_filter([("oil", true), ("bread", false), ("oil", true)], [1; SALT_BYTES]);
        assert_eq!(filter.words, 3, "what comes twice is entered once");
        assert!(contains(&filter, "oil", false) && contains(&filter, "oil", true));
        assert!(contains(&filter, "bread", false) && !contains(&filter, "bread", true));
        assert!(!contains(&filter, "salt", false));
    }

    #[test]
    fn an_empty_filter_holds_nothing() {
        let filter = word_filter(std::iter::empty::<(&str, bool)>(), [0; SALT_BYTES]);
        assert_eq!((filter.words, filter.false_positive_rate.to_bits()), (0, 0.0_f64.to_bits()));
        assert!(!contains(&filter, "oil", false));
    }

    #[test]
    fn a_malformed_filter_takes_every_word_to_occur() {
        let filter = WordFilter { hashes: 0, ..word_filter([("oil", true)], [1; SALT_BYTES]) };
        assert!(contains(&filter, "bread", false));
    }

    #[test]
    fn the_size_follows_the_words_up_to_its_limit() {
        assert_eq!(size(0), (128, 7));
        assert_eq!(size(100_000), (120_000, 7));
        assert!(rate(120_000, 7, 100_000) <= FALSE_POSITIVE_RATE && rate(120_000, 7, 100_000) > 0.99e-2);
        assert_eq!(size(5_000_000), (FILTER_BYTES_MAX, 3));
        assert_eq!(size(1_000_000_000_000), (FILTER_BYTES_MAX, 1));
        for worse in [1, 2, 6, 7] {
            assert!(rate(FILTER_BYTES_MAX, 3, 5_000_000) < rate(FILTER_BYTES_MAX, worse, 5_000_000), "{worse}");
        }
    }
}
