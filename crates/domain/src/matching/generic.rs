//! Words that name a kind of thing rather than the thing.

use std::{collections::HashMap, sync::LazyLock};

use crate::text;

/// What a generic word says. Several levels of territory: the word is used for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// At which level of territory.
    pub(super) territory: u8,
    /// What kind of body.
    pub(super) body: u16,
    /// In which legal form.
    pub(super) form: u8,
}

const TERRITORIES: [&str; 5] = ["municipality", "district", "province", "region", "nation"];
const BODIES: [&str; 12] = [
    "ministry",
    "enterprise",
    "bank",
    "university",
    "chamber",
    "association",
    "foundation",
    "agency",
    "institute",
    "school",
    "hospital",
    "assembly",
];
const FORMS: [&str; 4] = ["limited", "stock", "cooperative", "partnership"];

static WORDS: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("../../data/matching/generic-words.csv").as_bytes());
    let mut words = HashMap::new();
    for row in reader.records().flatten() {
        let (Some(word), Some(meaning)) = (row.get(0), row.get(1)) else { continue };
        words.insert(text::fold(word), Meaning::of(meaning));
    }
    words
});

impl Meaning {
    fn of(words: &str) -> Self {
        let mut meaning = Self::default();
        for word in words.split(' ') {
            let at = |list: &[&str]| list.iter().position(|known| *known == word);
            if let Some(at) = at(&TERRITORIES) {
                meaning.territory |= 1 << at;
            } else if let Some(at) = at(&BODIES) {
                meaning.body |= 1 << at;
            } else if let Some(at) = at(&FORMS) {
                meaning.form |= 1 << at;
            }
        }
        meaning
    }

    /// Whether the word says nothing at all, like an article.
    pub(super) fn is_filler(self) -> bool {
        self == Self::default()
    }

    /// The meaning of two words in one name. Levels that both can mean win: a `Prefectura Municipal` is municipal.
    pub(super) fn and(self, other: Self) -> Self {
        let territory = match self.territory & other.territory {
            0 => self.territory | other.territory,
            shared => shared,
        };
        Self { territory, body: self.body | other.body, form: self.form | other.form }
    }

    /// The meaning in words, for example `municipality, bank`.
    pub(super) fn names(self) -> String {
        let mut names: Vec<&str> = Vec::new();
        names.extend(TERRITORIES.iter().enumerate().filter(|(at, _)| self.territory & (1 << at) != 0).map(|(_, n)| *n));
        names.extend(BODIES.iter().enumerate().filter(|(at, _)| self.body & (1 << at) != 0).map(|(_, n)| *n));
        names.extend(FORMS.iter().enumerate().filter(|(at, _)| self.form & (1 << at) != 0).map(|(_, n)| *n));
        names.join(", ")
    }
}

/// What a folded word says, if it is generic. Single letters are initials or parts of `S/A`, and say nothing.
pub(super) fn meaning(word: &str) -> Option<Meaning> {
    let single = word.len() == 1 && word.chars().all(char::is_alphabetic);
    WORDS.get(word).copied().or_else(|| single.then(Meaning::default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generic_word_is_read_with_its_meaning() {
        assert!(WORDS.len() > 250, "{}", WORDS.len());
        let fillers = WORDS.values().filter(|meaning| meaning.is_filler()).count();
        assert!((40..80).contains(&fillers), "{fillers}: a meaning is misspelt");
        assert_eq!(meaning("prefeitura").unwrap().names(), "municipality");
        assert_eq!(meaning("gmbh").unwrap().names(), "limited");
        assert_eq!(meaning("sorocaba"), None);
        assert!(meaning("e").unwrap().is_filler());
    }

    #[test]
    fn what_both_words_can_mean_wins() {
        let both = meaning("prefectura").unwrap().and(meaning("municipal").unwrap());
        assert_eq!(both.names(), "municipality");
        let both = meaning("banco").unwrap().and(meaning("estado").unwrap());
        assert_eq!(both.names(), "region, nation, bank");
    }
}
