//! What a request asks besides its question: how much, and what is enough.

use std::collections::BTreeSet;

use isopolity_proto::{
    catalog::{FacetRequest, PartialResponse, partial_response::Accept},
    error::Reason,
    options::Facet,
};

use super::VALUES_MAX;
use crate::{CityId, Violation, Violations};

/// The most facets that are counted at once.
pub const FACETS_MAX: usize = 10;
/// The most values of one facet that a caller gets.
const FACET_LIMIT_MAX: i32 = 1_000;
/// The values of a facet where the caller names no number.
const FACET_LIMIT_DEFAULT: i32 = 20;
/// The most cities that can be named as required.
const CITIES_MAX: usize = 1_000;

/// Checks which facets are to be counted, and how many values of each are wanted.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_facets(requests: &[FacetRequest], field: &str) -> Result<Vec<(Facet, usize)>, Violations> {
    let mut violations = Vec::new();
    let facets = known_facets(requests.iter().map(|request| request.facet), field, ".facet", &mut violations);
    let mut limits = Vec::new();
    for (at, request) in requests.iter().enumerate().take(FACETS_MAX) {
        let limit = if request.limit == 0 { FACET_LIMIT_DEFAULT } else { request.limit };
        match usize::try_from(limit) {
            Ok(most) if limit <= FACET_LIMIT_MAX => limits.push(most),
            _ => violations.push(Violation::invalid(
                format!("{field}[{at}].limit"),
                format!("{} is not within 1 to {FACET_LIMIT_MAX}, nor 0 for {FACET_LIMIT_DEFAULT}", request.limit),
            )),
        }
    }
    Violations::check(violations).map(|()| facets.into_iter().zip(limits).collect())
}

/// Checks which facets a peer wants counted.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_query_facets(facets: &[i32], field: &str) -> Result<Vec<Facet>, Violations> {
    let mut violations = Vec::new();
    let known = known_facets(facets.iter().copied(), field, "", &mut violations);
    Violations::check(violations).map(|()| known)
}

fn known_facets(
    numbers: impl ExactSizeIterator<Item = i32>,
    field: &str,
    below: &str,
    found: &mut Vec<Violation>,
) -> Vec<Facet> {
    if numbers.len() > FACETS_MAX {
        let description = format!("has {} facets; at most {FACETS_MAX} are allowed", numbers.len());
        found.push(Violation::invalid(field, description));
    }
    let (mut facets, mut seen) = (Vec::new(), BTreeSet::new());
    for (at, number) in numbers.enumerate().take(FACETS_MAX) {
        let field = format!("{field}[{at}]{below}");
        match Facet::try_from(number) {
            Ok(Facet::Unspecified) => found.push(Violation::required(field)),
            Ok(_) if !seen.insert(number) => found.push(Violation::invalid(field, "comes a second time")),
            Ok(facet) => facets.push(facet),
            Err(_) => found.push(Violation::invalid(field, format!("{number} is no known facet"))),
        }
    }
    facets
}

/// Checks a page size. 0 means the default.
///
/// # Errors
/// A violation with reason `PAGE_SIZE_OUT_OF_RANGE` that names the limits.
pub fn check_page_size(value: i32, field: &str, default: i32, max: i32) -> Result<usize, Violation> {
    let size = if value == 0 { default } else { value };
    usize::try_from(size).ok().filter(|_| size <= max).ok_or_else(|| Violation {
        field: field.to_owned(),
        reason: Reason::PageSizeOutOfRange,
        description: format!("{value} is not within 1 to {max}, nor 0 for {default}"),
    })
}

/// Checks what a caller says is enough.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_partial_response(partial_response: Option<&PartialResponse>, field: &str) -> Result<(), Violations> {
    match partial_response.and_then(|partial_response| partial_response.accept.as_ref()) {
        Some(Accept::AtLeast(least)) if *least < 1 => {
            Err(Violation::invalid(format!("{field}.at_least"), format!("{least} is less than 1")).into())
        }
        Some(Accept::Named(named)) => {
            let field = format!("{field}.named.cities");
            match named.cities.len() {
                0 => Err(Violation::required(field).into()),
                1..=CITIES_MAX => Violations::check(
                    named
                        .cities
                        .iter()
                        .enumerate()
                        .filter_map(|(at, city)| {
                            let error = city.parse::<CityId>().err()?;
                            Some(Violation::invalid(format!("{field}[{at}]"), error.to_string()))
                        })
                        .take(VALUES_MAX)
                        .collect(),
                ),
                many => {
                    Err(Violation::invalid(field, format!("names {many} cities; at most {CITIES_MAX} are allowed"))
                        .into())
                }
            }
        }
        _ => Ok(()),
    }
}
