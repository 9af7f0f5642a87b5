//! A code list: what it is, where it comes from, and its codes.

use std::{borrow::Cow, fmt, sync::OnceLock};

use super::{
    code::Code,
    language,
    nearest::Nearest,
    place,
    search::Words,
    table::{Row, Table},
};

/// A code list in one version.
pub struct List {
    /// By this name a field of the proto names the list (`codes`). Where versions matter, the version is part of it.
    pub id: &'static str,
    /// What people call it, in English.
    pub title: &'static str,
    /// The version, or the date or commit of the source where the list has no versions.
    pub version: &'static str,
    /// Where it was taken from.
    pub source: &'static str,
    /// Under which licence the source gives it.
    pub licence: &'static str,
    /// Whether well-formed codes are good although the list doesn't hold them: language tags can be combined without
    /// end, and of UN/LOCODE only a part is kept here.
    pub open: bool,
    text: &'static str,
    table: OnceLock<Table>,
    nearest: OnceLock<Nearest>,
    words: OnceLock<Words>,
}

impl List {
    pub(super) const fn new(
        [id, title, version]: [&'static str; 3],
        [source, licence]: [&'static str; 2],
        text: &'static str,
    ) -> Self {
        Self {
            id,
            title,
            version,
            source,
            licence,
            open: false,
            text,
            table: OnceLock::new(),
            nearest: OnceLock::new(),
            words: OnceLock::new(),
        }
    }

    pub(super) const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// How many bytes of the program it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// How many codes it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().rows().len()
    }

    /// The languages in which it names its codes, not each code in each of them; `und` for names without a language.
    #[must_use]
    pub fn languages(&self) -> Vec<&'static str> {
        if self.id == language::LIST { vec!["en", "fr"] } else { self.table().languages() }
    }

    /// Whether a record may hold the code: the list holds it, withdrawn or not, or it is well formed and the list is open.
    /// Codes are compared as they are written; only language tags are the same in upper and lower case.
    #[must_use]
    pub fn contains(&self, code: &str) -> bool {
        match self.id {
            language::LIST => language::is_tag(code),
            place::LOCODES => place::is_locode(code),
            _ => self.row(code).is_some(),
        }
    }

    /// What the list says about a code. A code that is only well formed has no labels, or, as a language tag, those of its
    /// parts.
    #[must_use]
    pub fn look_up(&self, code: &str) -> Option<Code> {
        if !self.contains(code) {
            return None;
        }
        Some(self.row(code).map_or_else(|| self.complete(Code::bare(code)), |row| self.code(row)))
    }

    /// The code that was probably meant. However long the text, only its first 100 characters count.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<String> {
        let text: String = text.trim_start().chars().take(100).collect();
        let formal = match self.id {
            language::LIST => language::nearest_tag(&text),
            place::LOCODES => place::nearest_locode(&text),
            _ => None,
        };
        let index = self.nearest.get_or_init(|| Nearest::of(self));
        formal.or_else(|| index.find(self, &text).map(str::to_owned))
    }

    /// The codes after `after` in code order (by bytes), at most `limit` of them. With a query, only those with each of
    /// its words, in any language of the list, as a word's beginning or as the code. Case and diacritics don't matter.
    #[must_use]
    pub fn entries(&self, after: &str, limit: usize, query: &str) -> Vec<Code> {
        let wanted = Words::wanted(query);
        let words = (!wanted.is_empty()).then(|| self.words());
        let start = self.table().after(after);
        let rows = self.table().rows().iter().enumerate().skip(start);
        rows.filter(|(at, _)| words.is_none_or(|words| words.begin(*at, &wanted)))
            .take(limit)
            .map(|(_, row)| self.code(*row))
            .collect()
    }

    pub(super) fn table(&self) -> &Table {
        self.table.get_or_init(|| Table::of(self.text))
    }

    pub(super) fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::of(self))
    }

    pub(super) fn row(&self, code: &str) -> Option<Row> {
        self.table().find(code)
    }

    pub(super) fn code(&self, row: Row) -> Code {
        self.complete(self.table().code(row))
    }

    /// All that people call a code, other than by the code itself.
    pub(super) fn names(&self, row: Row) -> Vec<Cow<'static, str>> {
        let labels = self.code(row).labels.into_iter().map(|label| label.text);
        labels.chain(self.table().spellings(row).map(Cow::Borrowed)).collect()
    }

    fn complete(&self, mut code: Code) -> Code {
        if self.id == language::LIST {
            code.labels = language::labels(&code.code);
        }
        code
    }
}

impl fmt::Debug for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("List").field(&self.id).finish()
    }
}
