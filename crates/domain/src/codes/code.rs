//! A code and what its list says about it.

use std::borrow::Cow;

/// A code of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as it is written in a record.
    pub code: Cow<'static, str>,
    /// The code of the same list that this one belongs to: `10.7` of `10.71`.
    pub parent: Option<&'static str>,
    /// Whether the code is still given to new things.
    pub status: Status,
    /// What the code is called, in the order of the source. A language may be there more than once where the list knows
    /// several names; a list of names that belong to no language says `und`.
    pub labels: Vec<Label>,
    /// What else the list says, by name, never empty: `alpha3`, `minor_unit`, `coverage`. Where the name is the id of
    /// another list (`isic-4`, `sdg-goal`), the value is a code of that list. Several values are parted by `|`.
    pub notes: Vec<(&'static str, &'static str)>,
}

/// A name of a code in a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// A tag of BCP 47; `und` where the name belongs to no language.
    pub language: &'static str,
    /// The name.
    pub text: Cow<'static, str>,
}

/// Whether a code is still given to new things. A withdrawn code stays good in records of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In use.
    Current,
    /// No longer in use.
    Withdrawn {
        /// Since when, as exact as the source: `2015-12-31`, `2002-03` or `1990`.
        since: Option<&'static str>,
    },
}

impl Code {
    /// A code of which the list says nothing but that it exists.
    pub(super) fn bare(code: &str) -> Self {
        Self {
            code: Cow::Owned(code.to_owned()),
            parent: None,
            status: Status::Current,
            labels: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What the code is called in a language; else in English, else by its first name.
    #[must_use]
    pub fn label(&self, language: &str) -> Option<&str> {
        let named = |wanted: &str| self.labels.iter().find(|label| label.language.eq_ignore_ascii_case(wanted));
        let primary = language.split('-').next().unwrap_or_default();
        let found = named(language).or_else(|| named(primary)).or_else(|| named("en")).or_else(|| self.labels.first());
        found.map(|label| label.text.as_ref())
    }

    /// What the list says under this name.
    #[must_use]
    pub fn note(&self, name: &str) -> Option<&'static str> {
        self.notes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}
