//! Language tags (BCP 47).

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use oxilangtag::LanguageTag;

use super::{code::Label, lists};

/// The id of the list of language tags.
pub(super) const LIST: &str = "bcp47";
const LANGUAGE_CODES: &str = "iso639";

struct Languages {
    /// The code of each language as BCP 47 wants it: the shortest that there is.
    known: HashSet<&'static str>,
    /// Longer codes of the same languages.
    longer: HashMap<&'static str, &'static str>,
}

static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    let (mut known, mut longer) = (HashSet::new(), HashMap::new());
    if let Some(table) = lists::find(LANGUAGE_CODES).map(super::List::table) {
        for row in table.rows() {
            known.insert(row.code);
            let others = table.note(*row, "alpha3").unwrap_or_default().split('|').filter(|code| !code.is_empty());
            longer.extend(others.map(|code| (code, row.code)));
        }
    }
    // CLDR has languages that ISO 639-2 doesn't name one by one, for example `kea` (Cape Verdean Creole).
    if let Some(table) = lists::find(LIST).map(super::List::table) {
        known.extend(table.rows().iter().filter_map(|row| row.code.split('-').next()));
    }
    Languages { known, longer }
});

/// Whether a tag is well formed and its language exists.
pub(super) fn is_tag(tag: &str) -> bool {
    // The longest tag that makes sense is far below this; a parser need not see more.
    tag.len() <= 100 && LanguageTag::parse(tag).is_ok_and(|tag| is_language(tag.primary_language()))
}

fn is_language(code: &str) -> bool {
    LANGUAGES.known.contains(code) || LANGUAGES.known.contains(code.to_ascii_lowercase().as_str())
}

/// The tag with its parts joined by dashes, its language in its shortest form, and case as it is usual.
pub(super) fn nearest_tag(tag: &str) -> Option<String> {
    let tag: String = tag.trim().chars().take(100).map(|letter| if letter == '_' { '-' } else { letter }).collect();
    let (language, rest) = tag.split_at_checked(tag.find('-').unwrap_or(tag.len()))?;
    let language = language.to_ascii_lowercase();
    let shortest = LANGUAGES.longer.get(language.as_str()).copied().unwrap_or(&language);
    let better = LanguageTag::parse_and_normalize(&format!("{shortest}{rest}")).ok()?.into_inner();
    Some(better).filter(|better| is_tag(better))
}

/// What a tag is called: its language, and in parentheses what else it says, with the country by name.
pub(super) fn labels(tag: &str) -> Vec<Label> {
    let Ok(tag) = LanguageTag::parse(tag) else { return Vec::new() };
    let language = tag.primary_language().to_ascii_lowercase();
    let names = lists::find(LANGUAGE_CODES).and_then(|list| list.row(&language).map(|row| (list.table(), row)));
    let Some((table, row)) = names else { return Vec::new() };
    let region = tag.region().map(str::to_ascii_uppercase);
    let label = |in_language: &'static str| {
        let name = table.label(row, in_language)?;
        let country = region.as_deref().map(|code| super::country_name(code, in_language).unwrap_or(code));
        let others = [tag.script(), country, tag.variant()];
        let others: Vec<_> = others.into_iter().flatten().collect();
        let text =
            if others.is_empty() { Cow::Borrowed(name) } else { format!("{name} ({})", others.join(", ")).into() };
        Some(Label { language: in_language, text })
    };
    ["en", "fr"].into_iter().filter_map(label).collect()
}
