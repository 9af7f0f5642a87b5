//! How the text of a question is read.
//!
//! Words, phrases in quotes, exclusions, beginnings of words, and the scope `title:`. No text is refused: what can't be
//! read as syntax is read as words. [`TextQuery::understood`] says what was made of it, in the same syntax.
//!
//! Syntax counts only where a token begins, that is at the beginning of the text, after white space and after a closing
//! quote: `e-mail` and `5" pipe` are words.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::text;

/// The most clauses of a query; what comes after them is dropped.
pub const CLAUSES_MAX: usize = 32;
/// The most words of a phrase; what comes after them is dropped.
pub const PHRASE_WORDS_MAX: usize = 32;
/// The most words of a query in all; the clause that goes beyond it and what comes after are dropped. Statistics of so many can
/// be asked for at once.
pub const WORDS_MAX: usize = 64;
/// The fewest letters of a word's beginning. Fewer would begin too many words; they are read as a word.
pub const PREFIX_LETTERS_MIN: usize = 2;

/// Before what must occur in what names a record. In upper or lower case.
const TITLE_SCOPE: &str = "title:";

/// The text of a question, as it is understood. Every clause that is not excluded must match, no excluded one may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextQuery {
    /// At most [`CLAUSES_MAX`], in the order of the text, each once.
    pub clauses: Vec<Clause>,
}

/// One condition of a [`TextQuery`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clause {
    /// Where it is looked for.
    pub scope: Scope,
    /// What is looked for.
    pub what: What,
    /// It must not occur.
    pub excluded: bool,
}

/// Where a [`Clause`] is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In what names the record or in its other text.
    Anywhere,
    /// In what names the record.
    Title,
}

/// What a [`Clause`] looks for. All words are as [`text::words`] gives them, never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A word.
    Word(String),
    /// Words in this order beside each other within one value of a field; 2 to [`PHRASE_WORDS_MAX`].
    Phrase(Vec<String>),
    /// The beginning of a word, of [`PREFIX_LETTERS_MIN`] letters or more.
    Prefix(String),
}

/// A word that counts for relevance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelevantWord {
    /// The word.
    pub word: String,
    /// It counts in titles alone.
    pub title_only: bool,
}

/// Reads a text. Never fails.
///
/// A token of several words gives a clause for each of them (`Esch-sur-Alzette`); letters of a script without spaces that
/// touch each other give a phrase. An excluded token of several words is a phrase: who excludes `e-mail` does not mean
/// everything with an `e`.
#[must_use]
pub fn parse(text: &str) -> TextQuery {
    let mut query = TextQuery::default();
    let (mut rest, mut words) = (text.trim_start(), 0);
    while !rest.is_empty() {
        let (clauses, after) = token(rest);
        for clause in clauses {
            if query.clauses.contains(&clause) {
                continue;
            }
            words += clause.what.words();
            if query.clauses.len() == CLAUSES_MAX || words > WORDS_MAX {
                return query;
            }
            query.clauses.push(clause);
        }
        rest = after.trim_start();
    }
    query
}

impl TextQuery {
    /// The words that count for relevance, distinct, in byte order: those of words and phrases that must occur. A word
    /// that is looked for both anywhere and in titles counts anywhere.
    #[must_use]
    pub fn words(&self) -> Vec<RelevantWord> {
        let mut words: BTreeMap<&str, bool> = BTreeMap::new();
        for clause in self.clauses.iter().filter(|clause| !clause.excluded) {
            for word in clause.what.whole_words() {
                let title_only = words.entry(word).or_insert(true);
                *title_only &= clause.scope == Scope::Title;
            }
        }
        words.into_iter().map(|(word, title_only)| RelevantWord { word: word.to_owned(), title_only }).collect()
    }

    /// The query in its own syntax, for people. Read again it is the same query.
    #[must_use]
    pub fn understood(&self) -> String {
        let mut text = String::new();
        for clause in &self.clauses {
            if !text.is_empty() {
                text.push(' ');
            }
            if clause.excluded {
                text.push('-');
            }
            if clause.scope == Scope::Title {
                text.push_str(TITLE_SCOPE);
            }
            // Writing to a string never fails.
            let _ = match &clause.what {
                What::Word(word) => write!(text, "{word}"),
                What::Phrase(words) => write!(text, "\"{}\"", words.join(" ")),
                What::Prefix(beginning) => write!(text, "{beginning}*"),
            };
        }
        text
    }

    /// Whether there is no condition at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// Whether anything must occur. Otherwise all records match but those that hold what is excluded.
    #[must_use]
    pub fn has_positive(&self) -> bool {
        self.clauses.iter().any(|clause| !clause.excluded)
    }
}

impl What {
    /// The words that occur where this does: none for the beginning of a word.
    pub fn whole_words(&self) -> impl Iterator<Item = &str> {
        let words = match self {
            Self::Word(word) => std::slice::from_ref(word),
            Self::Phrase(words) => words.as_slice(),
            Self::Prefix(_) => &[],
        };
        words.iter().map(String::as_str)
    }

    fn words(&self) -> usize {
        if let Self::Phrase(words) = self { words.len() } else { 1 }
    }

    fn phrase(mut words: Vec<String>) -> Option<Self> {
        words.truncate(PHRASE_WORDS_MAX);
        if words.len() > 1 { Some(Self::Phrase(words)) } else { words.pop().map(Self::Word) }
    }
}

/// The clauses of the first token of a text that does not begin with white space, and the text after it.
fn token(text: &str) -> (Vec<Clause>, &str) {
    let (excluded, body) = match text.strip_prefix('-') {
        Some(body) if begins(body) => (true, body),
        _ => (false, text),
    };
    let (scope, body) = match title_scope(body) {
        Some(inner) if begins(inner) => (Scope::Title, inner),
        _ => (Scope::Anywhere, body),
    };
    let clause = |what| Clause { scope, what, excluded };
    if let Some((inside, after)) = quoted(body) {
        return (What::phrase(text::words(inside)).map(clause).into_iter().collect(), after);
    }
    let (body, after) =
        body.split_at_checked(body.find(char::is_whitespace).unwrap_or(body.len())).unwrap_or((body, ""));
    (bare(body, excluded).into_iter().map(clause).collect(), after)
}

/// Whether something that can be looked for begins here.
fn begins(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric) || quoted(text).is_some()
}

fn title_scope(text: &str) -> Option<&str> {
    let (scope, inner) = text.split_at_checked(TITLE_SCOPE.len())?;
    scope.eq_ignore_ascii_case(TITLE_SCOPE).then_some(inner)
}

/// What stands in quotes at the beginning, and what comes after them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

/// What a token without quotes looks for.
fn bare(token: &str, excluded: bool) -> Vec<What> {
    let words = text::words_with_places(token);
    if excluded && words.len() > 1 {
        return What::phrase(words.into_iter().map(|(word, _)| word).collect()).into_iter().collect();
    }
    let beginning = begun(token);
    let last = words.len().saturating_sub(1);
    let mut found = Vec::new();
    // Letters of a script without spaces that touch each other, and where the last of them ends.
    let mut run = (Vec::new(), 0);
    for (at, (word, place)) in words.into_iter().enumerate() {
        if word.starts_with(text::unspaced) {
            if place.start > run.1 {
                found.extend(What::phrase(std::mem::take(&mut run.0)));
            }
            run.0.push(word);
            run.1 = place.end;
            continue;
        }
        found.extend(What::phrase(std::mem::take(&mut run.0)));
        let is_beginning = at == last && beginning == Some(place.end) && word.chars().count() >= PREFIX_LETTERS_MIN;
        found.push(if is_beginning {
            // A word that begins so stands in the index without its article.
            What::Prefix(text::without_article(&word, PREFIX_LETTERS_MIN).to_owned())
        } else {
            What::Word(word)
        });
    }
    found.extend(What::phrase(run.0));
    found
}

/// Where the `*` at the end of a token stands, in characters. Punctuation after it does not matter.
fn begun(token: &str) -> Option<usize> {
    let token = token.trim_end_matches(|letter: char| letter != '*' && !letter.is_alphanumeric());
    let stem = token.trim_end_matches('*');
    (stem.len() < token.len()).then(|| stem.chars().count())
}

#[cfg(test)]
mod tests;
