//! Counts for a peer that is given no records.
//!
//! A count is no safer than what can be computed from all that somebody can ask for. So there is little to ask for: how many records
//! there are of each kind, and, of one kind, how many have each value of a facet. Each of these tables is disclosed as a whole, in the same
//! way whoever asks and however: a question for one value is answered from its table. No question gives a part of a table, a sum of
//! parts, or a table of two facets; so two questions differ by a value of a table or by nothing, and what such a difference would
//! reveal is suppressed.
//!
//! Not given: what words, dates, distances, or several values at once would cut out; and facets whose values lie in one another, as far
//! as they do (a part of a country beside a part of that part).

use std::collections::BTreeSet;

use isopolity_proto::{
    federation::{FacetCounts, FacetValue, OpenConditions, Question},
    options::Facet,
};

use crate::{
    Kind,
    disclosure::{self, Cells, Count, Rule, Values},
    facet,
};

/// What of a question can be answered with counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coarse {
    /// The only kind that is asked for. `None`: all that are seen.
    pub kind: Option<Kind>,
    /// The facet and the value that records must have.
    pub value: Option<(Facet, String)>,
}

/// A table of counts as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// How many records there are.
    pub total: Count,
    /// The facets, in the order in which they were handed in. A count that is suppressed is 1: there is at least one.
    pub facets: Vec<FacetCounts>,
}

impl Coarse {
    /// Reads a question of somebody who sees these kinds (none: all).
    ///
    /// # Errors
    /// What in the question asks for less than counts may show: the object of a sentence.
    pub fn of(question: &Question, seen: &BTreeSet<Kind>) -> Result<Self, &'static str> {
        if !question.text.trim().is_empty() {
            return Err("words");
        }
        if question.dates.is_some() || question.near.is_some() {
            return Err("dates or distances");
        }
        if question.open_conditions() != OpenConditions::Unspecified {
            return Err("open conditions");
        }
        let seen = counted_kinds(seen);
        let (mut kinds, mut value) = (seen.clone(), None);
        for condition in facet::asked(question) {
            if condition.facet == Facet::Kind {
                let asked: BTreeSet<Kind> = condition.terms.iter().filter_map(|term| Kind::parse(term)).collect();
                kinds = seen.intersection(&asked).copied().collect();
                continue;
            }
            match condition.terms.as_slice() {
                [term] if value.is_none() && is_outermost(condition.facet, term) => {
                    value = Some((condition.facet, term.clone()));
                }
                [_] if value.is_none() => return Err("values that lie within others"),
                _ => return Err("more than one value"),
            }
        }
        let kind = match (kinds.len(), seen.len()) {
            (1, _) => kinds.first().copied(),
            (asked, all) if asked == all => None,
            // None that is seen: there is nothing to count.
            (0, _) => return Ok(Self { kind: None, value: Some((Facet::Kind, String::new())) }),
            _ => return Err("some kinds together"),
        };
        if kind.is_none() && value.is_some() {
            return Err("a value in all kinds together");
        }
        Ok(Self { kind, value })
    }

    /// The facets that are to be counted, beside that of the value: those that the question asked for, as far as they may be shown.
    #[must_use]
    pub fn shows(&self, asked: Facet) -> bool {
        self.value.is_none()
            && match asked {
                Facet::Kind | Facet::City => true,
                Facet::Sector | Facet::Region | Facet::Unspecified => false,
                _ => self.kind.is_some(),
            }
    }
}

/// The kinds that are counted for somebody who sees these (none: all). A city's profile is not: there is one in each city, which everybody
/// knows, and for that one others would have to be suppressed.
#[must_use]
pub fn counted_kinds(seen: &BTreeSet<Kind>) -> BTreeSet<Kind> {
    let all = if seen.is_empty() { Kind::ALL.into() } else { seen.clone() };
    all.into_iter().filter(|kind| *kind != Kind::City).collect()
}

/// What may be shown of the counts of records of one kind, or of all kinds.
#[must_use]
pub fn show(total: i64, facets: Vec<FacetCounts>, kind: Option<Kind>) -> Shown {
    let rule = Rule::COUNTS;
    let tables: Vec<FacetCounts> = facets.into_iter().map(outermost).collect();
    let counts: Vec<Vec<i64>> = tables.iter().map(|table| table.values.iter().map(|one| one.count).collect()).collect();
    let cells: Vec<Cells<'_>> = tables
        .iter()
        .zip(&counts)
        .map(|(table, counts)| Cells {
            counts,
            values: values(table.facet(), kind),
            left_off: table.values_left_off > 0,
        })
        .collect();
    let disclosed = disclosure::suppress(total, &cells, rule);
    let facets = tables.into_iter().zip(disclosed.facets).map(|(table, shown)| match shown {
        disclosure::Facet::Withheld => withheld(table.facet()),
        disclosure::Facet::Shown(counts) => shown_table(&table, &counts, total, rule),
    });
    Shown { total: disclosed.total, facets: facets.collect() }
}

/// The count of one value, by the table of its facet.
#[must_use]
pub fn count_of(value: &str, table: &FacetCounts) -> Count {
    match table.values.iter().find(|one| one.value == value) {
        Some(one) if one.suppressed => Count::Suppressed,
        Some(one) => Count::Exact(one.count),
        // What is not listed is not there, unless the list is not whole.
        None if table.withheld || table.values_left_off > 0 => Count::Suppressed,
        None => Count::Exact(0),
    }
}

/// A facet of which nothing is shown.
#[must_use]
pub fn withheld(facet: Facet) -> FacetCounts {
    FacetCounts { facet: facet.into(), withheld: true, ..FacetCounts::default() }
}

fn shown_table(table: &FacetCounts, counts: &[Count], total: i64, rule: Rule) -> FacetCounts {
    let shown = |(value, count): (&FacetValue, &Count)| {
        // Who has the value is as many as all but a few: these few would be told by what is missing to the total.
        let tells = |count: &i64| rule.shows(total.saturating_sub(*count));
        let exact = count.exact().filter(tells);
        FacetValue { value: value.value.clone(), count: exact.unwrap_or(1), suppressed: exact.is_none() }
    };
    let mut values: Vec<FacetValue> = table.values.iter().zip(counts).map(shown).collect();
    // The order of what is suppressed tells nothing.
    values.sort_by(|one, other| {
        (one.suppressed, -one.count, &one.value).cmp(&(other.suppressed, -other.count, &other.value))
    });
    FacetCounts { facet: table.facet, values, values_left_off: table.values_left_off, withheld: false }
}

/// Whether a value of a facet lies in no other value of it.
fn is_outermost(facet: Facet, value: &str) -> bool {
    match facet {
        Facet::Sector | Facet::Region => false,
        Facet::Language => !value.contains('-'),
        Facet::Sdg => !value.contains('.'),
        _ => true,
    }
}

fn outermost(mut table: FacetCounts) -> FacetCounts {
    let facet = table.facet();
    table.values.retain(|one| is_outermost(facet, &one.value));
    table
}

/// How many values a record has. Where that is not known to be one at most: several.
fn values(facet: Facet, kind: Option<Kind>) -> Values {
    match (facet, kind) {
        (Facet::Kind | Facet::City | Facet::OrganizationKind | Facet::SizeClass | Facet::Direction, _)
        | (Facet::Stage, Some(Kind::Partnership)) => Values::One,
        _ => Values::Several,
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        federation::{DateRange, Near},
        registry::PartnershipStage,
    };

    use super::*;

    fn table(facet: Facet, values: &[(&str, i64)]) -> FacetCounts {
        let value = |(value, count): &(&str, i64)| FacetValue {
            value: (*value).to_owned(),
            count: *count,
            ..FacetValue::default()
        };
        FacetCounts { facet: facet.into(), values: values.iter().map(value).collect(), ..FacetCounts::default() }
    }

    fn told(shown: &FacetCounts) -> Vec<(&str, Option<i64>)> {
        shown.values.iter().map(|one| (one.value.as_str(), (!one.suppressed).then_some(one.count))).collect()
    }

    #[test]
    fn a_question_of_one_kind_and_one_value_is_coarse_and_nothing_finer() {
        let all = BTreeSet::new();
        let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
        let partnerships = || Question { kinds: kinds(&["partnership"]), ..Question::default() };
        let morocco = |question: Question| Question { origin_countries: vec!["ma".into()], ..question };
        let coarse = |kind, value: Option<(Facet, &str)>| {
            Ok(Coarse { kind, value: value.map(|(facet, value)| (facet, value.to_owned())) })
        };
        let partnership = Some(Kind::Partnership);
        for (question, expected) in [
            (Question::default(), coarse(None, None)),
            (
                Question { kinds: Kind::ALL.map(|kind| kind.to_string()).into(), ..Question::default() },
                coarse(None, None),
            ),
            (partnerships(), coarse(partnership, None)),
            (morocco(partnerships()), coarse(partnership, Some((Facet::OriginCountry, "MA")))),
            (morocco(Question::default()), Err("a value in all kinds together")),
            (Question { text: "cork".into(), ..partnerships() }, Err("words")),
            (Question { kinds: kinds(&["partnership", "place"]), ..Question::default() }, Err("some kinds together")),
            (Question { origin_countries: kinds(&["MA", "CV"]), ..partnerships() }, Err("more than one value")),
            (
                Question { stages: vec![PartnershipStage::Launch.into()], ..morocco(partnerships()) },
                Err("more than one value"),
            ),
            (Question { languages: kinds(&["pt-BR"]), ..partnerships() }, Err("values that lie within others")),
            (Question { sdgs: kinds(&["8.3"]), ..partnerships() }, Err("values that lie within others")),
            (Question { regions: kinds(&["PT"]), ..partnerships() }, Err("values that lie within others")),
            (Question { open_conditions: OpenConditions::None.into(), ..partnerships() }, Err("open conditions")),
            (Question { near: Some(Near::default()), ..partnerships() }, Err("dates or distances")),
            (Question { dates: Some(DateRange::default()), ..partnerships() }, Err("dates or distances")),
        ] {
            assert_eq!(Coarse::of(&question, &all), expected, "{question:?}");
        }
        // The profile is not counted, so that it makes no difference whether it is asked for.
        let without: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| *kind != "city").collect();
        let question = Question { kinds: kinds(&without), ..Question::default() };
        assert_eq!(Coarse::of(&question, &all), coarse(None, None));
        // Of somebody who sees two kinds, one with another that he does not see is that one.
        let two = BTreeSet::from([Kind::Partnership, Kind::Place]);
        let question = Question { kinds: kinds(&["partnership", "opportunity"]), ..Question::default() };
        assert_eq!(Coarse::of(&question, &two), coarse(partnership, None));
        let question = Question { kinds: kinds(&["opportunity"]), ..Question::default() };
        assert_eq!(Coarse::of(&question, &two), coarse(None, Some((Facet::Kind, ""))));
    }

    #[test]
    fn neither_a_value_nor_what_is_missing_to_the_total_tells_of_a_few() {
        let partnership = Some(Kind::Partnership);
        let shown = show(20, vec![table(Facet::OriginCountry, &[("MA", 19), ("CV", 8), ("SN", 2)])], partnership);
        assert_eq!(shown.total, Count::Exact(20));
        // Without MA there is one: the difference of two questions would be that one.
        assert_eq!(told(&shown.facets[0]), [("CV", Some(8)), ("MA", None), ("SN", None)]);
        // Where each has one value, what is suppressed would be what is missing; so a second is.
        let shown = show(20, vec![table(Facet::Stage, &[("LAUNCH", 9), ("DESIGN", 8), ("OPERATING", 3)])], partnership);
        let hidden = told(&shown.facets[0]).into_iter().filter(|(_, count)| count.is_none()).count();
        assert_eq!(hidden, 2, "{:?}", shown.facets[0]);
        assert_eq!(show(4, vec![table(Facet::Stage, &[("LAUNCH", 4)])], partnership).total, Count::Suppressed);
    }

    #[test]
    fn a_value_is_counted_as_its_table_shows_it() {
        let shown =
            show(20, vec![table(Facet::OriginCountry, &[("MA", 15), ("CV", 8), ("SN", 2)])], Some(Kind::Partnership));
        let count = |value| count_of(value, &shown.facets[0]);
        assert_eq!([count("CV"), count("SN"), count("TR")], [Count::Exact(8), Count::Suppressed, Count::Exact(0)]);
        assert_eq!(count_of("CV", &withheld(Facet::OriginCountry)), Count::Suppressed);
    }

    #[test]
    fn values_that_lie_in_others_are_left_out() {
        let shown = show(20, vec![table(Facet::Language, &[("pt", 12), ("pt-BR", 10), ("fr", 6)])], Some(Kind::Place));
        assert_eq!(told(&shown.facets[0]), [("pt", Some(12)), ("fr", Some(6))]);
        let coarse = Coarse { kind: Some(Kind::Place), value: None };
        assert!(!coarse.shows(Facet::Region) && !coarse.shows(Facet::Sector) && coarse.shows(Facet::Language));
        assert!(!Coarse { kind: None, value: None }.shows(Facet::Language));
    }
}
