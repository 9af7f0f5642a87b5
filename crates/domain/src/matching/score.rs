//! What each reason counts. The list is in [`crate::matching`].

use super::{
    Feature, Match, Verdict,
    generic::Meaning,
    names::Name,
    subject::{Subject, SubjectKind},
};
use crate::geography;

/// From this score on, the suggestion is that both are the same.
pub const SAME: f64 = 0.93;
/// From this score on, someone should look.
pub const POSSIBLE: f64 = 0.7;
/// The score of an equal identifier in different countries: one of the two is wrong.
pub const IDENTIFIER_ABROAD: f64 = 0.85;
/// Generic words that exclude each other, such as `República` and `Município`.
pub const CONFLICT: f64 = 0.5;
/// Generic words of territory on one side only, such as `Municipality`.
pub const ONE_SIDED: f64 = 0.88;
/// A name that only agrees transliterated.
pub const TRANSLITERATED: f64 = 0.9;
/// A country that is not known on one side, or a place of which no point is.
pub const COUNTRY_UNKNOWN: f64 = 0.92;

/// Different countries.
const COUNTRY_DIFFERS: f64 = 0.25;
/// A word such as `Banco` or `Secretaria` on one side only: a part of an authority, or a body near it.
const BODY_ONE_SIDED: f64 = 0.6;
/// A legal form on one side only; most registers write it, most people do not.
const FORM_ONE_SIDED: f64 = 0.95;
/// Different legal forms: often two companies of one owner.
const FORM_DIFFERS: f64 = 0.8;
/// One is a town and the other a region, or one a chamber and the other an association: registers sort the same body
/// differently, so this alone excludes nothing.
const SORT_DIFFERS: f64 = 0.88;
/// An organisation has two identifiers in one register.
const IDENTIFIER_DIFFERS: f64 = 0.6;
/// A place has two identifiers in one register; registers of places have one for the town and one for the municipality.
const PLACE_IDENTIFIER_DIFFERS: f64 = 0.85;
/// One population is this many times the other …
const POPULATION_TIMES: f64 = 20.0;
/// … which counts this.
const POPULATION_DIFFERS: f64 = 0.92;
/// Points of one place agree up to the first distance in kilometres and are as far as can be from the second on, where
/// the factor is the third. Municipalities are 10 to 20 km wide, homonyms of one country rarely nearer than 50 km.
const PLACE_DISTANCE: (f64, f64, f64) = (4.0, 50.0, 0.3);
/// The same of organisations, whose seats move and whose points often are those of their cities.
const ORGANIZATION_DISTANCE: (f64, f64, f64) = (30.0, 300.0, 0.7);
/// The most names of a subject that are compared.
const NAMES_MAX: usize = 20;
/// The longest part of a name that a remark quotes, in characters.
const QUOTED_MAX: usize = 80;

/// A subject made ready for comparison.
pub(super) struct Prepared {
    pub(super) subject: Subject,
    pub(super) names: Vec<Name>,
    /// Register and value; of places also those that have a field of their own.
    pub(super) identifiers: Vec<(String, String)>,
}

impl Prepared {
    pub(super) fn of(subject: Subject) -> Self {
        let names = subject.names.iter().take(NAMES_MAX).map(|name| Name::of(name)).collect();
        let mut identifiers: Vec<(String, String)> = subject
            .identifiers
            .iter()
            .map(|(scheme, value)| (scheme.trim().to_uppercase(), bare(value)))
            .filter(|(scheme, value)| !scheme.is_empty() && !value.is_empty())
            .collect();
        let mut known = |scheme: &str, value: String| {
            if !value.is_empty() {
                identifiers.push((scheme.to_owned(), value));
            }
        };
        known("GEONAMES", if subject.geonames_id > 0 { subject.geonames_id.to_string() } else { String::new() });
        known("XI-WIKIDATA", bare(&subject.wikidata));
        known("UN/LOCODE", bare(&subject.locode));
        Self { subject, names, identifiers }
    }
}

/// An identifier without what people write differently: case, spaces, points and dashes.
fn bare(value: &str) -> String {
    value.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Weighs two subjects. Subjects of different kinds are different.
#[must_use]
pub fn compare(one: &Subject, other: &Subject) -> Match {
    weigh(&Prepared::of(one.clone()), &Prepared::of(other.clone()))
}

pub(super) fn weigh(one: &Prepared, other: &Prepared) -> Match {
    let name = other.subject.name.clone();
    if one.subject.kind != other.subject.kind {
        return Match { other: name, score: 0.0, verdict: Verdict::Different, features: Vec::new() };
    }
    let countries = country(&one.subject, &other.subject);
    let identifiers = identifier(one, other);
    if let Some(equal) = identifiers.as_ref().filter(|feature| feature.value > 0.5) {
        let score = if countries.weight <= COUNTRY_DIFFERS { IDENTIFIER_ABROAD } else { 1.0 };
        let mut features = vec![Feature { weight: score, evidence: score, ..equal.clone() }];
        // What else is known is shown, though it does not change the score.
        features.extend(names(one, other));
        features.push(countries);
        features.extend(distance(&one.subject, &other.subject));
        return Match { other: name, score, verdict: verdict(score), features };
    }
    let mut features: Vec<Feature> = identifiers.into_iter().collect();
    let named = names(one, other);
    if named.is_empty() {
        return Match { other: name, score: 0.0, verdict: Verdict::Different, features };
    }
    features.extend(named);
    features.extend(sort(&one.subject, &other.subject));
    features.push(countries);
    features.extend(distance(&one.subject, &other.subject));
    features.extend(population(&one.subject, &other.subject));
    let score = features.iter().map(|feature| feature.weight).product::<f64>().clamp(0.0, 1.0);
    Match { other: name, score, verdict: verdict(score), features }
}

fn verdict(score: f64) -> Verdict {
    if score >= SAME {
        Verdict::Same
    } else if score >= POSSIBLE {
        Verdict::Possible
    } else {
        Verdict::Different
    }
}

/// What registers say, if one of them knows both.
fn identifier(one: &Prepared, other: &Prepared) -> Option<Feature> {
    let mut differing = None;
    for (scheme, value) in &one.identifiers {
        let mut theirs = other.identifiers.iter().filter(|(register, _)| register == scheme).peekable();
        let Some((_, first)) = theirs.peek() else { continue };
        let first = first.clone();
        if theirs.any(|(_, their)| their == value) {
            let remark = format!("both are {} in {scheme}", quoted(value));
            return Some(Feature::known(format!("identifier {scheme}"), 1.0, 1.0, remark));
        }
        differing.get_or_insert_with(|| (scheme.clone(), value.clone(), first));
    }
    let (scheme, mine, theirs) = differing?;
    let weight = match one.subject.kind {
        SubjectKind::Organization => IDENTIFIER_DIFFERS,
        SubjectKind::Place => PLACE_IDENTIFIER_DIFFERS,
    };
    let remark = format!("{scheme} has {} and {}", quoted(&mine), quoted(&theirs));
    Some(Feature::known(format!("identifier {scheme}"), 0.0, weight, remark))
}

/// Whether a score of this much is possible at all: all other factors are at most 1. Cheap, since most pairs end here.
pub(super) fn can_reach(least: f64, one: &Prepared, other: &Prepared) -> bool {
    best_names(one, other).is_some_and(|best| best.factor * best.generic >= least)
        || one.identifiers.iter().any(|identifier| other.identifiers.contains(identifier))
}

/// The two names that are most alike.
struct Best<'a> {
    mine: &'a Name,
    theirs: &'a Name,
    /// How alike they are, and what that counts.
    likeness: f64,
    factor: f64,
    /// What their generic words count.
    generic: f64,
}

fn best_names<'a>(one: &'a Prepared, other: &'a Prepared) -> Option<Best<'a>> {
    let places = one.subject.kind == SubjectKind::Place;
    let pairs = one.names.iter().flat_map(|mine| other.names.iter().map(move |theirs| (mine, theirs)));
    let weighed = pairs.map(|(mine, theirs)| {
        let likeness = mine.likeness(theirs, places);
        let latin = likeness.latin * TRANSLITERATED;
        let (factor, likeness) =
            if likeness.written >= latin { (likeness.written, likeness.written) } else { (latin, likeness.latin) };
        Best { mine, theirs, likeness, factor, generic: generic_factor(mine.meaning, theirs.meaning) }
    });
    weighed.max_by(|one, other| (one.factor * one.generic).total_cmp(&(other.factor * other.generic)))
}

/// The best pair of names: how alike they are, and what their generic words say. Empty if there is no pair.
fn names(one: &Prepared, other: &Prepared) -> Vec<Feature> {
    let Some(best) = best_names(one, other) else { return Vec::new() };
    let how = if best.factor < best.likeness { ", transliterated" } else { "" };
    let (mine, theirs) = (quoted(&best.mine.written), quoted(&best.theirs.written));
    let remark = format!("{mine} and {theirs} are alike by {:.2}{how}", best.likeness);
    let mut features = vec![Feature::known("name", best.likeness, best.factor, remark)];
    let (mine, theirs) = (best.mine.meaning, best.theirs.meaning);
    if !mine.is_filler() || !theirs.is_filler() {
        let said = |meaning: Meaning| if meaning.is_filler() { "nothing".to_owned() } else { meaning.names() };
        let remark = format!("generic words say {} and {}", said(mine), said(theirs));
        let value = if best.generic < 1.0 { 0.0 } else { 1.0 };
        features.push(Feature::known("generic words", value, best.generic, remark));
    }
    features
}

/// What the generic words of two names say about each other.
fn generic_factor(mine: Meaning, theirs: Meaning) -> f64 {
    let territory = match (mine.territory, theirs.territory) {
        (0, 0) => 1.0,
        (0, _) | (_, 0) => ONE_SIDED,
        (one, other) if one & other == 0 => CONFLICT,
        _ => 1.0,
    };
    let body = match (mine.body, theirs.body) {
        (one, other) if one == other => 1.0,
        (one, other) if one == 0 || other == 0 || one & other != 0 => BODY_ONE_SIDED,
        _ => CONFLICT,
    };
    let form = match (mine.form, theirs.form) {
        (0, 0) => 1.0,
        (0, _) | (_, 0) => FORM_ONE_SIDED,
        (one, other) if one & other == 0 => FORM_DIFFERS,
        _ => 1.0,
    };
    territory * body * form
}

fn country(one: &Subject, other: &Subject) -> Feature {
    match (one.country.as_str(), other.country.as_str()) {
        ("", _) | (_, "") => Feature::unknown("country", COUNTRY_UNKNOWN, "the countries of both are not known"),
        (mine, theirs) if mine == theirs => Feature::known("country", 1.0, 1.0, format!("both in {mine}")),
        (mine, theirs) => Feature::known("country", 0.0, COUNTRY_DIFFERS, format!("in {mine} and in {theirs}")),
    }
}

fn distance(one: &Subject, other: &Subject) -> Option<Feature> {
    let ((near, far, least), unknown) = match one.kind {
        SubjectKind::Place => (PLACE_DISTANCE, Some(COUNTRY_UNKNOWN)),
        SubjectKind::Organization => (ORGANIZATION_DISTANCE, None),
    };
    let (Some(mine), Some(theirs)) = (one.point, other.point) else {
        return unknown.map(|weight| Feature::unknown("distance", weight, "the points of both are not known"));
    };
    let apart = geography::distance_km(mine, theirs);
    let weight = 1.0 - (1.0 - least) * ((apart - near) / (far - near)).clamp(0.0, 1.0);
    Some(Feature::known("distance", apart, weight, format!("{apart:.1} km apart")))
}

/// What sort of body or place both are, if that is known and differs.
fn sort(one: &Subject, other: &Subject) -> Option<Feature> {
    let differ = !one.sort.is_empty() && !other.sort.is_empty() && one.sort != other.sort;
    let words = |sort: &str| sort.to_lowercase().replace('_', " ");
    differ.then(|| {
        let remark = format!("one is a {}, the other a {}", words(&one.sort), words(&other.sort));
        Feature { evidence: -0.5, ..Feature::known("kind", 0.0, SORT_DIFFERS, remark) }
    })
}

/// Only of places, and only if they differ much.
fn population(one: &Subject, other: &Subject) -> Option<Feature> {
    let (small, large) = (one.population.min(other.population), one.population.max(other.population));
    if small <= 0 || one.kind != SubjectKind::Place {
        return None;
    }
    // Populations of the earth fit; larger numbers are nonsense and equal.
    let number = |people: i64| f64::from(u32::try_from(people).unwrap_or(u32::MAX));
    let times = number(large) / number(small);
    (times >= POPULATION_TIMES).then(|| {
        let remark = format!("{large} against {small} inhabitants");
        Feature { evidence: -0.1, ..Feature::known("population", times, POPULATION_DIFFERS, remark) }
    })
}

fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(QUOTED_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
