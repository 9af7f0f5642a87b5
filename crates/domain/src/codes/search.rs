//! Finding codes by words.

use super::list::List;
use crate::text;

/// The words of each code of a list, in the list's order: its code, its names, what people also write. Each text begins and
/// ends with a space, with one space between words.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn of(list: &List) -> Self {
        let table = list.table();
        let words = table.rows().iter().map(|row| {
            let mut all = format!(" {} ", plain(row.code));
            let names = list.names(*row);
            let names = names.iter().map(AsRef::as_ref);
            for word in std::iter::once(row.code).chain(names).flat_map(text::words) {
                all.push_str(&word);
                all.push(' ');
            }
            all
        });
        Self(words.collect())
    }

    /// The words of a question, each with a space before it. Only the first 200 characters count.
    pub(super) fn wanted(query: &str) -> Vec<String> {
        let query: String = query.chars().take(200).collect();
        text::words(&query).into_iter().map(|word| format!(" {word}")).collect()
    }

    /// Whether the code at this place of the list has each word, or a word that begins with it.
    pub(super) fn begin(&self, at: usize, wanted: &[String]) -> bool {
        self.0.get(at).is_some_and(|words| wanted.iter().all(|word| words.contains(word.as_str())))
    }

    /// The places in the list of the codes that have each of these words.
    pub(super) fn with<'a>(&'a self, wanted: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        let whole: Vec<_> = wanted.iter().map(|word| format!("{word} ")).collect();
        self.0
            .iter()
            .enumerate()
            .filter(move |(_, words)| whole.iter().all(|word| words.contains(word.as_str())))
            .map(|(at, _)| at)
    }
}

/// Letters and digits of a code, in lower case.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
