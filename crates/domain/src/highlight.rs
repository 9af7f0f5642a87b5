//! Where the words of a question stand in a record.
//!
//! The same fields are looked into that are indexed, and the same words are found in them. Whether a record matches is not
//! decided here.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use isopolity_proto::{
    catalog::{Highlight, HighlightRange},
    field,
};
use prost_reflect::{DynamicMessage, Value};

use crate::{
    query::{Clause, Scope, TextQuery, What},
    text::words_with_places,
};

/// The longest part of a text that is shown, in characters.
pub const FRAGMENT_MAX: usize = 200;
/// About how much of it comes before the first mark.
const BEFORE_MARK: usize = 60;

/// What the options say of fields that hold text or name the record, by the field's full name. Options are slow to read: once is
/// enough.
static TEXTS: LazyLock<HashMap<String, Text>> = LazyLock::new(|| {
    let fields = isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
    let texts = fields.filter_map(|one| {
        let search = field::search(&one);
        let text = Text { text: search.text, title: search.title };
        (text.text || text.title).then(|| (one.full_name().to_owned(), text))
    });
    texts.collect()
});

#[derive(Clone, Copy, Debug, Default)]
struct Text {
    text: bool,
    title: bool,
}

/// Marks where words, phrases and beginnings of words that must occur stand in a resource, at most `most` fields; those that
/// name the record come first. What is looked for in titles is marked in titles alone.
///
/// A fragment is a part of the field's text as it is, of whole words, around the first mark.
#[must_use]
pub fn highlight(resource: &DynamicMessage, query: &TextQuery, most: usize) -> Vec<Highlight> {
    let clauses: Vec<_> = query.clauses.iter().filter(|clause| !clause.excluded).collect();
    if clauses.is_empty() {
        return Vec::new();
    }
    let mut found = Found::default();
    found.enter(resource, "", false);
    let titles = found.titles.into_iter().map(|(path, text)| (path, text, true));
    let texts = titles.chain(found.bodies.into_iter().map(|(path, text)| (path, text, false)));
    texts.filter_map(|(path, text, is_title)| marked(path, text, &clauses, is_title)).take(most).collect()
}

/// The texts of a resource and where they stand.
#[derive(Default)]
struct Found<'a> {
    titles: Vec<(String, &'a str)>,
    bodies: Vec<(String, &'a str)>,
}

impl<'a> Found<'a> {
    fn enter(&mut self, message: &'a DynamicMessage, path: &str, below_title: bool) {
        for (field, value) in message.fields() {
            let text = TEXTS.get(field.full_name()).copied().unwrap_or_default();
            let path = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
            self.look(value, path, text, below_title);
        }
    }

    fn look(&mut self, value: &'a Value, path: String, text: Text, below_title: bool) {
        match value {
            Value::List(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.look(value, format!("{path}[{at}]"), text, below_title);
                }
            }
            Value::String(content) if text.title || (text.text && below_title) => self.titles.push((path, content)),
            Value::String(content) if text.text => self.bodies.push((path, content)),
            Value::Message(message) => self.enter(message, &path, below_title || text.title),
            _ => {}
        }
    }
}

fn marked(field: String, text: &str, clauses: &[&Clause], is_title: bool) -> Option<Highlight> {
    let words = words_with_places(text);
    let marks = marks(&words, clauses, is_title);
    let part = part(text.chars().count(), &words, marks.first()?);
    let ranges = marks.iter().filter_map(|mark| {
        let (start, end) = (mark.start.max(part.start), mark.end.min(part.end));
        // None where the mark lies outside.
        let within = |at: usize| i32::try_from(at.checked_sub(part.start)?).ok();
        (start < end).then_some(HighlightRange { start: within(start)?, end: within(end)? })
    });
    let ranges = ranges.collect();
    Some(Highlight { field, fragment: text.chars().skip(part.start).take(part.len()).collect(), ranges })
}

/// The places that match, in order; those that overlap are one.
fn marks(words: &[(String, Range<usize>)], clauses: &[&Clause], is_title: bool) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for clause in clauses.iter().filter(|clause| is_title || clause.scope == Scope::Anywhere) {
        let single = |matches: &dyn Fn(&str) -> bool| {
            words.iter().filter(|(word, _)| matches(word)).map(|(_, place)| place.clone()).collect::<Vec<_>>()
        };
        places.extend(match &clause.what {
            What::Word(wanted) => single(&|word| word == wanted),
            What::Prefix(beginning) => single(&|word| word.starts_with(beginning.as_str())),
            What::Phrase(phrase) => words
                .windows(phrase.len())
                .filter(|window| window.iter().map(|(word, _)| word).eq(phrase))
                .filter_map(|window| Some(window.first()?.1.start..window.last()?.1.end))
                .collect(),
        });
    }
    places.sort_unstable_by_key(|place| (place.start, place.end));
    places.dedup_by(|next, before| {
        let overlap = next.start < before.end;
        if overlap {
            before.end = before.end.max(next.end);
        }
        overlap
    });
    places
}

/// The part of a text of so many characters that is shown around a mark.
fn part(length: usize, words: &[(String, Range<usize>)], mark: &Range<usize>) -> Range<usize> {
    if length <= FRAGMENT_MAX {
        return 0..length;
    }
    let cuts = |at: usize| words.iter().map(|(_, place)| place).find(move |place| place.start < at && at < place.end);
    let mut start = mark.start.saturating_sub(BEFORE_MARK).min(length - FRAGMENT_MAX);
    if let Some(word) = cuts(start) {
        start = word.end.min(mark.start);
    }
    if start > 0 {
        // What stands between the words there belongs to what is left off.
        start = words.iter().find(|(_, place)| place.start >= start).map_or(start, |(_, place)| place.start);
    }
    if words.iter().any(|(_, place)| place.start == mark.start && place.end > start + FRAGMENT_MAX) {
        start = mark.start;
    }
    let mut end = (start + FRAGMENT_MAX).min(length);
    if let Some(word) = cuts(end) {
        // A word that is longer than what may be shown is cut after all.
        if word.start > start {
            end = word.start;
        }
    }
    start..end
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{Organization, Partnership, PartnershipEnd},
        to_dynamic,
        types::{Identifier, LocalizedText, Place},
    };

    use super::*;
    use crate::query;

    fn localized(text: &str) -> LocalizedText {
        LocalizedText { text: text.into(), language: "en".into(), ..Default::default() }
    }

    fn partnership(title: &str, summary: &str) -> DynamicMessage {
        to_dynamic(&Partnership {
            name: "cities/feira.example/partnerships/oil".into(),
            titles: vec![localized(title)],
            summaries: vec![localized(summary)],
            ends: vec![PartnershipEnd {
                place: Some(Place { names: vec![localized("Kénitra")], ..Default::default() }),
                ..Default::default()
            }],
            internal_notes: "oil".into(),
            ..Default::default()
        })
    }

    /// Each highlight with its marks in brackets.
    fn shown(resource: &DynamicMessage, text: &str) -> Vec<(String, String)> {
        highlight(resource, &query::parse(text), 5)
            .into_iter()
            .map(|one| {
                let mut fragment: Vec<String> = one.fragment.chars().map(String::from).collect();
                for range in &one.ranges {
                    let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
                    fragment[start].insert(0, '[');
                    fragment[end - 1].push(']');
                }
                (one.field, fragment.concat())
            })
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn words_are_marked_where_they_stand_titles_first() {
        let resource = partnership("Olive oil & bread", "A mill for OLIVE-OIL; oils");
        assert_eq!(
            shown(&resource, "oil olive kenitra"),
            pairs(&[
                ("titles[0].text", "[Olive] [oil] & bread"),
                ("summaries[0].text", "A mill for [OLIVE]-[OIL]; oils"),
                ("ends[0].place.names[0].text", "[Kénitra]"),
            ])
        );
    }

    #[test]
    fn phrases_beginnings_and_scopes_are_marked_as_they_are_looked_for() {
        let resource = partnership("Oil mill", "The oil-mill and the mill of oil, milling");
        let summary = |marked: &str| ("summaries[0].text".to_owned(), marked.to_owned());
        let title = |marked: &str| ("titles[0].text".to_owned(), marked.to_owned());
        assert_eq!(
            shown(&resource, "\"oil mill\""),
            [title("[Oil mill]"), summary("The [oil-mill] and the mill of oil, milling")]
        );
        assert_eq!(
            shown(&resource, "mil*"),
            [title("Oil [mill]"), summary("The oil-[mill] and the [mill] of oil, [milling]")]
        );
        assert_eq!(shown(&resource, "title:mill"), [title("Oil [mill]")]);
        assert_eq!(shown(&resource, "of -oil"), [summary("The oil-mill and the mill [of] oil, milling")]);
        assert_eq!(
            shown(&resource, "\"oil mill\" mill"),
            [title("[Oil mill]"), summary("The [oil-mill] and the [mill] of oil, milling")],
            "what overlaps is one mark"
        );
        assert!(shown(&resource, "-oil").is_empty() && shown(&resource, "").is_empty());
    }

    #[test]
    fn places_are_those_of_the_text_as_it_was_written() {
        let resource = partnership("½ Straße e\u{301}té", "神戸のパン屋");
        assert_eq!(shown(&resource, "strasse ete"), pairs(&[("titles[0].text", "½ [Straße] [e\u{301}té]")]));
        assert_eq!(shown(&resource, "神戸 パン"), pairs(&[("summaries[0].text", "[神戸]の[パン]屋")]));
    }

    #[test]
    fn a_long_text_is_cut_between_words_around_the_first_mark() {
        let words = |count: usize, word: &str| vec![word; count].join(" ");
        for before in [0, 1, 9, 10, 40, 400] {
            for after in [0, 5, 30, 400] {
                let text = format!("{} kenitra! {}", words(before, "brød"), words(after, "bröd, oil"));
                let text = text.trim();
                let highlights = highlight(&partnership("", text), &query::parse("kenitra oil"), 1);
                let (fragment, ranges) = (&highlights[0].fragment, &highlights[0].ranges);
                assert!(text.contains(fragment.as_str()) && fragment.chars().count() <= FRAGMENT_MAX);
                assert!(fragment.chars().count() > 150 || fragment == text, "{before} {after}: {fragment:?}");
                let letters: Vec<char> = fragment.chars().collect();
                for range in ranges {
                    let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                    let marked: String = letters[range].iter().collect();
                    assert!(["kenitra", "oil"].contains(&marked.as_str()), "{marked:?}");
                }
                assert_eq!(ranges.len(), 1 + fragment.matches("oil").count());
                let whole = ["brød", "bröd", "kenitra", "oil"];
                assert!(
                    words_with_places(fragment).iter().all(|(word, _)| whole.map(crate::text::fold).contains(word))
                );
            }
        }
    }

    #[test]
    fn a_word_longer_than_what_is_shown_is_cut() {
        let long = "x".repeat(1_000);
        let highlights = highlight(&partnership("", &format!("a {long} b")), &query::parse("xx*"), 5);
        assert_eq!((highlights[0].fragment.as_str(), highlights[0].ranges[0].end), (&long[..200], 200));
        let rather_long = format!("{} {} b", "a ".repeat(100), "x".repeat(170));
        let highlights = highlight(&partnership("", &rather_long), &query::parse("xx*"), 5);
        assert_eq!(
            highlights[0].ranges[0].end - highlights[0].ranges[0].start,
            170,
            "no more comes before it than fits"
        );
        let phrase = format!("\"{}\"", vec!["abcdefghij"; 30].join(" "));
        let text = vec!["abcdefghij"; 30].join(" ");
        let highlights = highlight(&partnership("", &text), &query::parse(&phrase), 5);
        assert_eq!(highlights[0].fragment.trim_end().len() % 11, 10, "of whole words");
        assert!(highlights[0].ranges[0].end >= 190);
    }

    #[test]
    fn no_more_fields_are_shown_than_are_wanted() {
        let identifier =
            |value: &str| Identifier { scheme: "PT-NIPC".into(), value: value.into(), ..Default::default() };
        let organization = to_dynamic(&Organization {
            display_names: vec![localized("Oil"), localized("Bread")],
            identifiers: ["oil 1", "oil 2", "oil 3"].map(identifier).into(),
            ..Default::default()
        });
        let fields = |most| {
            let highlights = highlight(&organization, &query::parse("oil"), most);
            highlights.into_iter().map(|one| one.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(2), ["display_names[0].text", "identifiers[0].value"]);
        assert_eq!(fields(9).len(), 4);
        assert!(fields(0).is_empty());
    }

    #[test]
    fn whatever_is_asked_of_whatever_text_fragments_and_marks_fit() {
        use proptest::prelude::*;
        let piece = prop::sample::select(vec![
            "oil ", "olive-", "神", "戸", "½", "e\u{301}", " ", "İ", "ก", "ุ", "longer", "\n",
        ]);
        let texts = prop::collection::vec(piece, 0..300).prop_map(|pieces| pieces.concat());
        proptest!(|(text in texts, asked in "(oil|ol\\*|\"olive oil\"|神|神戸|1|longer\\*| ){1,6}")| {
            for highlight in highlight(&partnership("", &text), &query::parse(&asked), 5) {
                let length = i32::try_from(highlight.fragment.chars().count()).unwrap();
                prop_assert_eq!(&highlight.field, "summaries[0].text");
                prop_assert!(length <= 200 && text.contains(&highlight.fragment));
                prop_assert!(!highlight.ranges.is_empty());
                let mut before = 0;
                for range in &highlight.ranges {
                    prop_assert!(before <= range.start && range.start < range.end && range.end <= length);
                    before = range.end;
                }
            }
        });
    }
}
