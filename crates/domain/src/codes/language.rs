//! Language tags (BCP 47).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use oxilangtag::LanguageTag;

use super::embedded;

struct Languages {
    /// The code of each language as BCP 47 wants it: the shortest that there is.
    known: BTreeSet<String>,
    /// Longer codes of the same languages.
    longer: BTreeMap<String, String>,
}

static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    let mut known = embedded::column(include_str!("../../data/iso639/cldr.csv"));
    let mut longer = BTreeMap::new();
    for row in embedded::rows(include_str!("../../data/iso639/languages.csv")) {
        // Alpha-2, then alpha-3 for terminology, then alpha-3 for bibliography.
        let mut codes = (0..3).map(|column| embedded::cell(&row, column)).filter(|code| !code.is_empty());
        if let Some(shortest) = codes.next() {
            longer.extend(codes.map(|code| (code, shortest.clone())));
            known.insert(shortest);
        }
    }
    Languages { known, longer }
});

/// Whether a tag is well formed and its language exists.
pub(super) fn is_tag(tag: &str) -> bool {
    // The longest tag that makes sense is far below this; a parser need not see more.
    tag.len() <= 100
        && LanguageTag::parse(tag)
            .is_ok_and(|tag| LANGUAGES.known.contains(&tag.primary_language().to_ascii_lowercase()))
}

/// The tag with its parts joined by dashes, its language in its shortest form, and case as it is usual.
pub(super) fn nearest_tag(tag: &str) -> Option<String> {
    let tag: String = tag.trim().chars().take(100).map(|letter| if letter == '_' { '-' } else { letter }).collect();
    let (language, rest) = tag.split_at(tag.find('-').unwrap_or(tag.len()));
    let language = language.to_ascii_lowercase();
    let shortest = LANGUAGES.longer.get(&language).unwrap_or(&language);
    let better = LanguageTag::parse_and_normalize(&format!("{shortest}{rest}")).ok()?.into_inner();
    Some(better).filter(|better| is_tag(better))
}

#[cfg(test)]
pub(super) fn count() -> usize {
    LANGUAGES.known.len()
}
