//! By which values records are found and counted: the facets.
//!
//! A record has values in a facet ([`counted`]): the public ones, of which digests and answers hold counts. It is found by
//! terms ([`found_by`]), and a question gives the terms of which it wants one ([`asked`]). Values and terms are the same but
//! for sectors, which a question can name in many ways.
//!
//! | facet | value | also |
//! | --- | --- | --- |
//! | kind | [`crate::Kind::as_str`] | |
//! | stage, role, organisation kind, size class, direction, subject, open condition | the enumeration's name without its prefix: `LAUNCH`; the number of one that is not known here | |
//! | country, country of origin | ISO 3166-1 alpha-2 in upper case | |
//! | language | BCP 47 in its usual case: `pt-BR` | all wider ones: `pt` |
//! | region | ISO 3166-2, or NUTS, in upper case | of NUTS each beginning of two letters and more |
//! | goal | `8`, `8.3` | of a target its goal |
//! | sector | scheme, version, code: `NACE/2/10.71` | all that it belongs to in its code list: `NACE/2/C` |

mod sector;

use std::collections::BTreeSet;

use isopolity_proto::{
    federation::{FacetCounts, FacetValue, Question},
    options::Facet,
    registry::{
        Condition as OpenCondition, OpportunityDirection, OpportunitySubject, OrganizationKind, ParticipantRole,
        PartnershipStage, SizeClass,
    },
    types::Sector,
};
use prost::Name as _;
use prost_reflect::{ReflectMessage as _, Value};

pub(crate) use self::sector::SectorParts;

/// The longest value, in bytes; what is longer is cut.
pub const VALUE_BYTES_MAX: usize = 200;

/// All facets, in the order of their numbers.
pub const ALL: [Facet; 15] = [
    Facet::OriginCountry,
    Facet::Sector,
    Facet::Stage,
    Facet::Language,
    Facet::Country,
    Facet::Region,
    Facet::Role,
    Facet::OrganizationKind,
    Facet::SizeClass,
    Facet::Sdg,
    Facet::Direction,
    Facet::Subject,
    Facet::Kind,
    Facet::City,
    Facet::OpenCondition,
];

/// What one list of a question asks: one of these terms must be among those by which a record is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The facet.
    pub facet: Facet,
    /// The terms, distinct, in byte order. None if the list names nothing that exists: then nothing matches.
    pub terms: Vec<String>,
}

/// What the lists of a question ask: a condition for each list that has values, all of which must hold. Text, dates,
/// distances and open conditions are not among them.
#[must_use]
pub fn asked(question: &Question) -> Vec<Condition> {
    let texts = |values: &[String], of: fn(&str) -> String| values.iter().map(|value| of(value)).collect();
    let numbers = |facet: Facet, values: &[i32]| -> BTreeSet<String> {
        values.iter().filter_map(|number| enumerated(facet, *number)).collect()
    };
    let all: [(Facet, bool, BTreeSet<String>); 13] = [
        (Facet::Kind, question.kinds.is_empty(), texts(&question.kinds, cut)),
        (Facet::OriginCountry, question.origin_countries.is_empty(), texts(&question.origin_countries, upper)),
        (Facet::Sector, question.sectors.is_empty(), question.sectors.iter().map(sector::term).collect()),
        (Facet::Stage, question.stages.is_empty(), numbers(Facet::Stage, &question.stages)),
        (Facet::Language, question.languages.is_empty(), texts(&question.languages, language)),
        (Facet::Country, question.countries.is_empty(), texts(&question.countries, upper)),
        (Facet::Region, question.regions.is_empty(), texts(&question.regions, upper)),
        (Facet::Role, question.roles.is_empty(), numbers(Facet::Role, &question.roles)),
        (
            Facet::OrganizationKind,
            question.organization_kinds.is_empty(),
            numbers(Facet::OrganizationKind, &question.organization_kinds),
        ),
        (Facet::SizeClass, question.size_classes.is_empty(), numbers(Facet::SizeClass, &question.size_classes)),
        (Facet::Sdg, question.sdgs.is_empty(), texts(&question.sdgs, cut)),
        (Facet::Direction, question.directions.is_empty(), numbers(Facet::Direction, &question.directions)),
        (Facet::Subject, question.subjects.is_empty(), numbers(Facet::Subject, &question.subjects)),
    ];
    let given = all.into_iter().filter(|(_, empty, _)| !empty);
    given.map(|(facet, _, terms)| Condition { facet, terms: terms.into_iter().collect() }).collect()
}

/// The public values that the value of a field on which this facet stands gives a record. Of lists, those of each value.
/// None for a type on which the facet does not stand, and for what is empty or unspecified.
///
/// The facets of every record, [`Facet::Kind`] and [`Facet::City`], take the kind's word and the city's id.
#[must_use]
pub fn counted(facet: Facet, value: &Value) -> BTreeSet<String> {
    match (facet, value) {
        (facet, Value::List(values)) => values.iter().flat_map(|value| counted(facet, value)).collect(),
        (Facet::Sector, value) => as_sector(value).map(|sector| sector::values(&sector)).unwrap_or_default(),
        (facet, Value::EnumNumber(number)) => enumerated(facet, *number).into_iter().collect(),
        (_, Value::String(text)) if text.is_empty() => BTreeSet::new(),
        (Facet::OriginCountry | Facet::Country, Value::String(code)) => [upper(code)].into(),
        (Facet::Language, Value::String(tag)) => with_wider(&language(tag)),
        (Facet::Region, Value::String(code)) => with_wider_regions(upper(code)),
        (Facet::Sdg, Value::String(code)) => with_goal(cut(code)),
        (Facet::Kind | Facet::City, Value::String(word)) => [cut(word)].into(),
        _ => BTreeSet::new(),
    }
}

/// The terms by which the value of such a field lets a record be found. Those of a question are made by [`asked`].
#[must_use]
pub fn found_by(facet: Facet, value: &Value) -> BTreeSet<String> {
    match (facet, value) {
        (facet, Value::List(values)) => values.iter().flat_map(|value| found_by(facet, value)).collect(),
        (Facet::Sector, value) => as_sector(value).map(|sector| sector::terms(&sector)).unwrap_or_default(),
        (facet, value) => counted(facet, value),
    }
}

/// How many records have each value, as it travels: the greatest count first, then by value in byte order, at most `most` of
/// them. Values without records are left out.
#[must_use]
pub fn counts(facet: Facet, counts: impl IntoIterator<Item = (String, i64)>, most: usize) -> FacetCounts {
    let mut values: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(value, count)| FacetValue { value, count, suppressed: false })
        .collect();
    values.sort_unstable_by(|one, two| two.count.cmp(&one.count).then_with(|| one.value.cmp(&two.value)));
    let left_off = i32::try_from(values.len().saturating_sub(most)).unwrap_or(i32::MAX);
    values.truncate(most);
    FacetCounts { facet: facet.into(), values, values_left_off: left_off, withheld: false }
}

/// What a facet is called in prose.
pub(crate) fn noun(facet: Facet) -> &'static str {
    match facet {
        Facet::Unspecified => "facet",
        Facet::OriginCountry => "country of origin",
        Facet::Sector => "sector",
        Facet::Stage => "stage",
        Facet::Language => "language",
        Facet::Country => "country",
        Facet::Region => "region",
        Facet::Role => "role",
        Facet::OrganizationKind => "kind of organisation",
        Facet::SizeClass => "size class",
        Facet::Sdg => "goal",
        Facet::Direction => "direction",
        Facet::Subject => "subject",
        Facet::Kind => "kind",
        Facet::City => "city",
        Facet::OpenCondition => "open condition",
    }
}

fn as_sector(value: &Value) -> Option<Sector> {
    let message = value.as_message()?;
    (message.descriptor().full_name() == Sector::full_name()).then(|| message.transcode_to().ok())?
}

/// Whether the facet's values are those of an enumeration.
pub(crate) fn is_enumerated(facet: Facet) -> bool {
    enumerated(facet, 1).is_some()
}

/// The name of an enumeration's value without the enumeration's own; its number if a newer proto than ours has it.
fn enumerated(facet: Facet, number: i32) -> Option<String> {
    fn name<E: TryFrom<i32>>(number: i32, prefix: &str, of: impl Fn(&E) -> &'static str) -> String {
        let known = E::try_from(number).ok();
        known.map_or_else(|| number.to_string(), |value| of(&value).trim_start_matches(prefix).to_owned())
    }
    if number == 0 {
        return None;
    }
    Some(match facet {
        Facet::Stage => name(number, "PARTNERSHIP_STAGE_", PartnershipStage::as_str_name),
        Facet::Role => name(number, "PARTICIPANT_ROLE_", ParticipantRole::as_str_name),
        Facet::OrganizationKind => name(number, "ORGANIZATION_KIND_", OrganizationKind::as_str_name),
        Facet::SizeClass => name(number, "SIZE_CLASS_", SizeClass::as_str_name),
        Facet::Direction => name(number, "OPPORTUNITY_DIRECTION_", OpportunityDirection::as_str_name),
        Facet::Subject => name(number, "OPPORTUNITY_SUBJECT_", OpportunitySubject::as_str_name),
        Facet::OpenCondition => name(number, "CONDITION_", OpenCondition::as_str_name),
        _ => return None,
    })
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default().to_owned()
}

fn upper(code: &str) -> String {
    cut(code).to_ascii_uppercase()
}

/// A tag in its usual case: regions in capitals, scripts with a capital, all else small (RFC 5646, 2.1.1).
fn language(tag: &str) -> String {
    let mut usual = String::with_capacity(tag.len());
    let mut before: Option<usize> = None;
    for part in cut(tag).split('-') {
        let mut part = part.to_ascii_lowercase();
        // After the language and not after a part of one letter.
        if before.is_some_and(|length| length != 1) {
            match part.len() {
                2 => part.make_ascii_uppercase(),
                4 => part.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase),
                _ => {}
            }
        }
        if before.is_some() {
            usual.push('-');
        }
        before = Some(part.len());
        usual.push_str(&part);
    }
    usual
}

/// The tag and all that are wider.
fn with_wider(tag: &str) -> BTreeSet<String> {
    let ends = tag.match_indices('-').map(|(end, _)| end).chain([tag.len()]);
    ends.filter_map(|end| tag.get(..end)).filter(|wider| !wider.is_empty()).map(str::to_owned).collect()
}

/// A code of NUTS begins with those of what it lies in; one of ISO 3166-2 has a dash and stands for itself.
fn with_wider_regions(code: String) -> BTreeSet<String> {
    let is_nuts = code.bytes().all(|byte| byte.is_ascii_alphanumeric()) && (2..=5).contains(&code.len());
    if is_nuts {
        (2..=code.len()).filter_map(|end| code.get(..end)).map(str::to_owned).collect()
    } else {
        [code].into()
    }
}

/// A target counts for its goal too.
fn with_goal(code: String) -> BTreeSet<String> {
    let goal = code.split_once('.').map(|(goal, _)| goal.to_owned());
    goal.into_iter().chain([code]).collect()
}

#[cfg(test)]
mod tests;
