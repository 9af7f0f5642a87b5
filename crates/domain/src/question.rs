//! Whether a question may be asked.
//!
//! What is wrong is said field by field. The limits bound what a question costs whoever answers it; text is never refused
//! for its syntax ([`crate::query`]).

mod bounds;
mod request;

use isopolity_proto::{
    error::Reason,
    federation::{OpenConditions, Question, SearchOrder, SectorPrefix},
    registry::{
        OpportunityDirection, OpportunitySubject, OrganizationKind, ParticipantRole, PartnershipStage, SizeClass,
    },
    types::SectorScheme,
};
use oxilangtag::LanguageTag;

pub use self::{
    bounds::KILOMETRES_MAX,
    request::{FACETS_MAX, check_facets, check_page_size, check_partial_response, check_query_facets},
};
use crate::{Kind, Violation, Violations, codes, query};

/// The longest text of a question, in characters.
pub const TEXT_MAX: usize = 500;
/// The most values in one list of a question.
pub const VALUES_MAX: usize = 50;
/// The most values in all lists of a question together. Kinds are not counted: an asking node names all that it knows where
/// the question names none.
pub const VALUES_IN_ALL_MAX: usize = 200;
/// The longest sector code or version, in characters.
const SECTOR_MAX: usize = 10;
/// The longest language tag, in characters.
const LANGUAGE_MAX: usize = 100;

/// Checks a question and decides its order: relevance if it has text, else update time, unless it says so itself.
///
/// `field` is where the question stands in its request.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_question(question: &Question, field: &str) -> Result<SearchOrder, Violations> {
    let mut found = conditions(question, field);
    let order = match SearchOrder::try_from(question.order) {
        Ok(SearchOrder::Unspecified) if query::parse(&question.text).is_empty() => SearchOrder::UpdateTime,
        Ok(SearchOrder::Unspecified) => SearchOrder::Relevance,
        Ok(order) => order,
        Err(_) => {
            found.push(Violation::invalid(format!("{field}.order"), format!("{} is no known order", question.order)));
            SearchOrder::Unspecified
        }
    };
    Violations::check(found).map(|()| order)
}

/// Checks a question that is watched: as [`check_question`], but its order does not matter.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_watch(question: &Question, field: &str) -> Result<(), Violations> {
    Violations::check(conditions(question, field))
}

/// What is wrong with a question but for its order.
fn conditions(question: &Question, field: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let at = |list: &str| format!("{field}.{list}");
    if question.text.chars().nth(TEXT_MAX).is_some() {
        found.push(Violation::invalid(at("text"), format!("is longer than {TEXT_MAX} characters")));
    }
    in_all(question, field, &mut found);
    each(&question.kinds, &at("kinds"), &mut found, |kind, at| {
        let known = || Kind::ALL.map(Kind::as_str).join(", ");
        Kind::parse(kind)
            .is_none()
            .then(|| Violation::invalid(at, format!("is no kind of resource; known are {}", known())))
    });
    each(&question.origin_countries, &at("origin_countries"), &mut found, country);
    each(&question.sectors, &at("sectors"), &mut found, sector);
    enumerated::<PartnershipStage>(&question.stages, &at("stages"), "stage of a partnership", &mut found);
    each(&question.languages, &at("languages"), &mut found, |tag, at| {
        let good = tag.len() <= LANGUAGE_MAX && LanguageTag::parse(tag.as_str()).is_ok();
        (!good).then(|| Violation::invalid(at, "is not a language tag (BCP 47), for example \"pt\""))
    });
    each(&question.countries, &at("countries"), &mut found, country);
    each(&question.regions, &at("regions"), &mut found, |code, at| {
        let example = "is neither a code of ISO 3166-2, for example \"PT-01\", nor one of NUTS or its beginning, for example \"PT1\"";
        (!bounds::is_region(code)).then(|| Violation::invalid(at, example))
    });
    enumerated::<ParticipantRole>(&question.roles, &at("roles"), "role of a participant", &mut found);
    let kinds = &question.organization_kinds;
    enumerated::<OrganizationKind>(kinds, &at("organization_kinds"), "kind of organisation", &mut found);
    enumerated::<SizeClass>(&question.size_classes, &at("size_classes"), "size class", &mut found);
    each(&question.sdgs, &at("sdgs"), &mut found, |code, at| {
        let list = if code.contains('.') { "sdg-target" } else { "sdg-goal" };
        unknown_code(list, code, at)
    });
    let (directions, subjects) = (&question.directions, &question.subjects);
    enumerated::<OpportunityDirection>(directions, &at("directions"), "direction of an opportunity", &mut found);
    enumerated::<OpportunitySubject>(subjects, &at("subjects"), "subject of an opportunity", &mut found);
    if let Some(dates) = &question.dates {
        bounds::dates(dates, &at("dates"), &mut found);
    }
    if let Some(near) = &question.near {
        bounds::near(near, &at("near"), &mut found);
    }
    if OpenConditions::try_from(question.open_conditions).is_err() {
        let description = format!("{} is none of the known values", question.open_conditions);
        found.push(Violation::invalid(at("open_conditions"), description));
    }
    found
}

fn in_all(question: &Question, field: &str, found: &mut Vec<Violation>) {
    let values: usize = [
        question.origin_countries.len(),
        question.sectors.len(),
        question.stages.len(),
        question.languages.len(),
        question.countries.len(),
        question.regions.len(),
        question.roles.len(),
        question.organization_kinds.len(),
        question.size_classes.len(),
        question.sdgs.len(),
        question.directions.len(),
        question.subjects.len(),
    ]
    .iter()
    .sum();
    if values > VALUES_IN_ALL_MAX {
        let description = format!("has {values} values in its lists together; at most {VALUES_IN_ALL_MAX} are allowed");
        found.push(Violation::invalid(field, description));
    }
}

#[expect(clippy::ptr_arg, reason = "lists hold strings")]
fn country(code: &String, at: &str) -> Option<Violation> {
    unknown_code("iso3166-1", code, at)
}

fn unknown_code(list: &str, code: &str, at: &str) -> Option<Violation> {
    let error = codes::check(list, code).err()?;
    Some(Violation { field: at.to_owned(), reason: Reason::CodeUnknown, description: error.to_string() })
}

fn sector(sector: &SectorPrefix, at: &str) -> Option<Violation> {
    let within = |text: &str| text.chars().nth(SECTOR_MAX).is_none();
    if sector.code.is_empty() {
        Some(Violation::required(format!("{at}.code")))
    } else if !within(&sector.code) {
        Some(Violation::invalid(format!("{at}.code"), format!("is longer than {SECTOR_MAX} characters")))
    } else if !within(&sector.version) {
        Some(Violation::invalid(format!("{at}.version"), format!("is longer than {SECTOR_MAX} characters")))
    } else if SectorScheme::try_from(sector.scheme).is_err() {
        Some(Violation::invalid(format!("{at}.scheme"), format!("{} is no known scheme", sector.scheme)))
    } else {
        None
    }
}

/// Whether each number is one of an enumeration, and not the one for "unspecified".
fn enumerated<E: TryFrom<i32>>(values: &[i32], field: &str, what: &str, found: &mut Vec<Violation>) {
    each(values, field, found, |number, at| {
        let known = *number != 0 && E::try_from(*number).is_ok();
        (!known).then(|| Violation::invalid(at, format!("{number} is no {what}")))
    });
}

fn each<T>(values: &[T], field: &str, found: &mut Vec<Violation>, check: impl Fn(&T, &str) -> Option<Violation>) {
    if values.len() > VALUES_MAX {
        let description = format!("has {} values; at most {VALUES_MAX} are allowed", values.len());
        found.push(Violation::invalid(field, description));
    } else {
        found.extend(values.iter().enumerate().filter_map(|(at, value)| check(value, &format!("{field}[{at}]"))));
    }
}

#[cfg(test)]
mod tests;
