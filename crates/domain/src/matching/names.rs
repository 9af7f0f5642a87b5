//! How alike two names are.

use super::generic::{self, Meaning};
use crate::text;

/// Words that differ in more than this share of their letters are different words.
const WORD_LEAST: f64 = 0.8;
/// Shorter words must be equal: a letter more makes `Aa` another town.
const WORD_SHORTEST: usize = 4;
/// The weight of an article or another word that says nothing; the others weigh the square root of their length.
const FILLER: f64 = 0.15;
/// The least likeness of names of which one holds the other whole, as `Cherbourg-en-Cotentin` holds `Cherbourg`. Only
/// of places.
const WITHIN: f64 = 0.72;
/// Words after which a name says where it is, as `Joué-lès-Tours` is near Tours, not Tours.
const NEAR: [&str; 12] = ["am", "bei", "devant", "les", "lez", "nad", "near", "ob", "pres", "sous", "sur", "upon"];
/// The most words of a name that are looked at, and the most letters.
const WORDS_MAX: usize = 20;
const LETTERS_MAX: usize = 200;

/// A name made ready for comparison.
pub(super) struct Name {
    /// As it was written.
    pub(super) written: String,
    /// What its generic words say.
    pub(super) meaning: Meaning,
    words: Vec<Word>,
    joined: Word,
    /// Nothing changes when it is transliterated.
    is_latin: bool,
}

struct Word {
    folded: Vec<char>,
    latin: Vec<char>,
    /// Which letters there are, each as one of 64 bits.
    folded_set: u64,
    latin_set: u64,
    filler: bool,
    /// It says where the thing is.
    locating: bool,
}

/// How alike two names are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness {
    /// As they are written, folded.
    pub(super) written: f64,
    /// Transliterated.
    pub(super) latin: f64,
}

impl Word {
    fn of(folded: &str, filler: bool) -> Self {
        let latin = any_ascii::any_ascii(folded).to_ascii_lowercase();
        let folded: Vec<char> = folded.chars().collect();
        let latin: Vec<char> = latin.chars().filter(char::is_ascii_alphanumeric).collect();
        Self { folded_set: set(&folded), latin_set: set(&latin), folded, latin, filler, locating: false }
    }

    fn letters(&self, latin: bool) -> (&[char], u64) {
        if latin { (&self.latin, self.latin_set) } else { (&self.folded, self.folded_set) }
    }

    fn weight(&self) -> f64 {
        if self.filler { FILLER } else { f64::from(short(self.folded.len())).sqrt() }
    }
}

impl Name {
    pub(super) fn of(written: &str) -> Self {
        let mut meaning = Meaning::default();
        let (mut words, mut generic) = (Vec::new(), Vec::new());
        let written: String = written.chars().take(LETTERS_MAX).collect();
        let all = text::words(&written);
        let mut locating = false;
        for word in all.iter().take(WORDS_MAX) {
            match generic::meaning(word) {
                Some(found) if found.is_filler() => words.push(Word::of(word, true)),
                Some(found) => {
                    meaning = if generic.is_empty() { found } else { meaning.and(found) };
                    generic.push(Word::of(word, false));
                }
                None => words.push(Word { locating, ..Word::of(word, false) }),
            }
            locating |= NEAR.contains(&word.as_str()) && words.iter().any(|word| !word.filler);
        }
        // A name of nothing but generic words, such as `Ville`, is compared by these.
        if words.iter().all(|word| word.filler) {
            words.append(&mut generic);
        }
        let joined: Vec<char> =
            words.iter().filter(|word| !word.filler).flat_map(|word| word.folded.iter().copied()).collect();
        let joined = Word::of(&joined.into_iter().collect::<String>(), false);
        let is_latin = words.iter().all(|word| word.folded == word.latin);
        Self { written, meaning, words, joined, is_latin }
    }

    /// The specific words in Latin letters, without articles: what names are found by.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        self.words.iter().filter(|word| !word.filler).map(|word| word.latin.iter().collect())
    }

    /// The whole name in Latin letters, without generic words.
    pub(super) fn joined(&self) -> String {
        self.joined.latin.iter().collect()
    }

    /// The first letter and the next three consonants, each once in a row: what a slip or a transliteration mostly
    /// leaves.
    pub(super) fn skeleton(&self) -> String {
        let mut skeleton = String::new();
        for letter in &self.joined.latin {
            let counts = skeleton.is_empty() || !matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'j' | 'w');
            if counts && !skeleton.ends_with(*letter) {
                skeleton.push(*letter);
            }
            if skeleton.len() == 4 {
                break;
            }
        }
        skeleton
    }

    pub(super) fn likeness(&self, other: &Self, places: bool) -> Likeness {
        let of = |latin| self.by_words(other, latin, places).max(0.98 * self.as_one(other, latin));
        let written = of(false);
        let same = written >= 1.0 || (self.is_latin && other.is_latin);
        Likeness { written, latin: if same { written } else { of(true) } }
    }

    /// The shared weight of the words over their whole weight (Dice), each word matched once.
    fn by_words(&self, other: &Self, latin: bool, places: bool) -> f64 {
        let mut free: Vec<&Word> = other.words.iter().collect();
        let (mut shared, mut mine_found, mut specific) = (0.0, 0_usize, 0_usize);
        for word in &self.words {
            let best = free
                .iter()
                .enumerate()
                .map(|(at, candidate)| (alike(word, candidate, latin), at))
                .max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
            specific += usize::from(!word.filler);
            if let Some((likeness, at)) = best.filter(|(likeness, _)| *likeness > 0.0) {
                let found = free.remove(at);
                shared += likeness * (word.weight() + found.weight());
                mine_found += usize::from(!word.filler);
            }
        }
        let whole: f64 = self.words.iter().chain(&other.words).map(Word::weight).sum();
        if whole <= 0.0 {
            return 0.0;
        }
        let dice = shared / whole;
        let theirs_found = free.iter().all(|word| word.filler);
        let long = |name: &Self| name.words.iter().any(|word| !word.filler && word.folded.len() >= WORD_SHORTEST);
        let within = places && mine_found > 0 && (mine_found == specific || theirs_found) && long(self) && long(other);
        if within { dice.max(WITHIN) } else { dice }
    }

    /// Without regard to where words end, so that `New Castle` is `Newcastle`.
    fn as_one(&self, other: &Self, latin: bool) -> f64 {
        likeness_of_letters(self.joined.letters(latin), other.joined.letters(latin))
    }
}

fn alike(one: &Word, other: &Word, latin: bool) -> f64 {
    if one.filler == other.filler && one.locating == other.locating {
        likeness_of_letters(one.letters(latin), other.letters(latin))
    } else {
        0.0
    }
}

/// 1 for equal words, less for each letter that is missing, added, replaced or exchanged with its neighbour (optimal
/// string alignment), 0 below [`WORD_LEAST`].
fn likeness_of_letters((one, one_set): (&[char], u64), (other, other_set): (&[char], u64)) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    if one == other {
        return 1.0;
    }
    let longest = one.len().max(other.len());
    let shortest = one.len().min(other.len());
    let most = 1.0 - WORD_LEAST;
    // Each letter that only one of them has is at least half a change: cheap to see, and most pairs end here.
    let alone = (one_set & !other_set).count_ones().max((other_set & !one_set).count_ones());
    if f64::from(alone) > most * f64::from(short(longest)) {
        return 0.0;
    }
    if shortest < WORD_SHORTEST || f64::from(short(longest - shortest)) > most * f64::from(short(longest)) {
        return 0.0;
    }
    let (one, other): (String, String) = (one.iter().collect(), other.iter().collect());
    let share = f64::from(short(strsim::osa_distance(&one, &other))) / f64::from(short(longest));
    if share > most { 0.0 } else { (1.0 - share).powf(1.5) }
}

fn set(letters: &[char]) -> u64 {
    letters.iter().fold(0, |set, letter| set | 1 << (u32::from(*letter) % 64))
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
