//! Whether a question may be asked.

use isopolity_proto::{
    catalog::{PartialResponse, partial_response::Accept},
    error::Reason,
    federation::{Question, SearchOrder},
    registry::PartnershipStage,
    types::SectorScheme,
};
use oxilangtag::LanguageTag;

use crate::{CityId, Kind, Violation, Violations, codes, text};

/// The longest text of a question, in characters.
pub const TEXT_MAX: usize = 500;
/// The most values in one list of a question.
pub const VALUES_MAX: usize = 50;
/// The longest sector code or version, in characters.
const SECTOR_MAX: usize = 10;
/// The longest language tag, in characters.
const LANGUAGE_MAX: usize = 100;
/// The most cities that can be named as required.
const CITIES_MAX: usize = 1_000;

/// Checks a question and decides its order: relevance if it has text, else update time, unless it says so itself.
///
/// `field` is where the question stands in its request.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_question(question: &Question, field: &str) -> Result<SearchOrder, Violations> {
    let mut found = Vec::new();
    if question.text.chars().nth(TEXT_MAX).is_some() {
        found.push(Violation::invalid(format!("{field}.text"), format!("is longer than {TEXT_MAX} characters")));
    }
    each(&question.kinds, &format!("{field}.kinds"), &mut found, |kind, at| {
        let known = || Kind::ALL.map(Kind::as_str).join(", ");
        Kind::parse(kind)
            .is_none()
            .then(|| Violation::invalid(at, format!("is no kind of resource; known are {}", known())))
    });
    each(&question.origin_countries, &format!("{field}.origin_countries"), &mut found, |country, at| {
        let error = codes::check("iso3166-1", country).err()?;
        Some(Violation { field: at, reason: Reason::CodeUnknown, description: error.to_string() })
    });
    each(&question.languages, &format!("{field}.languages"), &mut found, |tag, at| {
        let good = tag.len() <= LANGUAGE_MAX && LanguageTag::parse(tag.as_str()).is_ok();
        (!good).then(|| Violation::invalid(at, "is not a language tag (BCP 47), for example \"pt\""))
    });
    each(&question.stages, &format!("{field}.stages"), &mut found, |stage, at| {
        let known = PartnershipStage::try_from(*stage).is_ok_and(|stage| stage != PartnershipStage::Unspecified);
        (!known).then(|| Violation::invalid(at, format!("{stage} is no stage of a partnership")))
    });
    each(&question.sectors, &format!("{field}.sectors"), &mut found, |sector, at| {
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
    });
    let order = match SearchOrder::try_from(question.order) {
        Ok(SearchOrder::Unspecified) if text::words(&question.text).is_empty() => SearchOrder::UpdateTime,
        Ok(SearchOrder::Unspecified) => SearchOrder::Relevance,
        Ok(order) => order,
        Err(_) => {
            found.push(Violation::invalid(format!("{field}.order"), format!("{} is no known order", question.order)));
            SearchOrder::Unspecified
        }
    };
    Violations::check(found).map(|()| order)
}

fn each<T>(values: &[T], field: &str, found: &mut Vec<Violation>, check: impl Fn(&T, String) -> Option<Violation>) {
    if values.len() > VALUES_MAX {
        let description = format!("has {} values; at most {VALUES_MAX} are allowed", values.len());
        found.push(Violation::invalid(field, description));
    } else {
        found.extend(values.iter().enumerate().filter_map(|(at, value)| check(value, format!("{field}[{at}]"))));
    }
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

#[cfg(test)]
mod tests {
    use isopolity_proto::{catalog::NamedCities, federation::SectorPrefix};

    use super::*;

    fn fields(question: &Question) -> Vec<String> {
        check_question(question, "question").unwrap_err().0.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn an_empty_question_asks_for_everything() {
        assert_eq!(check_question(&Question::default(), "question"), Ok(SearchOrder::UpdateTime));
    }

    #[test]
    fn text_is_ordered_by_relevance_unless_the_question_says_otherwise() {
        let ask = |text: &str, order: SearchOrder| {
            let question = Question { text: text.into(), order: order.into(), ..Default::default() };
            check_question(&question, "question").unwrap()
        };
        assert_eq!(ask("olive oil", SearchOrder::Unspecified), SearchOrder::Relevance);
        assert_eq!(ask(" -- ", SearchOrder::Unspecified), SearchOrder::UpdateTime);
        assert_eq!(ask("olive oil", SearchOrder::UpdateTime), SearchOrder::UpdateTime);
        assert_eq!(ask("", SearchOrder::Relevance), SearchOrder::Relevance);
    }

    #[test]
    fn a_question_that_uses_everything_well_is_good() {
        let sector = SectorPrefix { scheme: SectorScheme::Nace.into(), version: "2".into(), code: "10.7".into() };
        let question = Question {
            text: "ã".repeat(TEXT_MAX),
            kinds: Kind::ALL.map(|kind| kind.to_string()).into(),
            origin_countries: vec!["MA".into()],
            sectors: vec![sector, SectorPrefix { code: "C".into(), ..Default::default() }],
            stages: vec![PartnershipStage::Launch.into()],
            languages: vec!["pt".into(), "sr-Latn".into()],
            order: 0,
        };
        assert_eq!(check_question(&question, "question"), Ok(SearchOrder::Relevance));
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let sector =
            |scheme, version: &str, code: &str| SectorPrefix { scheme, version: version.into(), code: code.into() };
        let question = Question {
            text: "a".repeat(TEXT_MAX + 1),
            kinds: vec!["city".into(), "boat".into()],
            origin_countries: vec!["TR1".into()],
            sectors: vec![
                sector(0, "", ""),
                sector(0, "", "10.71000000"),
                sector(0, "10.71000000", "C"),
                sector(8, "", "C"),
            ],
            stages: vec![0, 99],
            languages: vec!["p t".into()],
            order: 7,
        };
        assert_eq!(
            fields(&question),
            [
                "question.text",
                "question.kinds[1]",
                "question.origin_countries[0]",
                "question.languages[0]",
                "question.stages[0]",
                "question.stages[1]",
                "question.sectors[0].code",
                "question.sectors[1].code",
                "question.sectors[2].version",
                "question.sectors[3].scheme",
                "question.order",
            ]
        );
    }

    #[test]
    fn a_list_has_at_most_fifty_values() {
        let question = |length| Question { languages: vec!["pt".into(); length], ..Default::default() };
        assert!(check_question(&question(50), "question").is_ok());
        assert_eq!(fields(&question(51)), ["question.languages"]);
    }

    #[test]
    fn a_page_size_out_of_range_is_refused_with_its_limits() {
        for (value, size) in [(0, Some(25)), (1, Some(1)), (100, Some(100)), (101, None), (-1, None), (i32::MIN, None)]
        {
            let checked = check_page_size(value, "page_size", 25, 100);
            assert_eq!(checked.as_ref().ok().copied(), size);
            if let Err(violation) = checked {
                assert_eq!(violation.reason, Reason::PageSizeOutOfRange);
                assert_eq!(violation.description, format!("{value} is not within 1 to 100, nor 0 for 25"));
            }
        }
    }

    #[test]
    fn what_is_enough_must_be_possible() {
        let named =
            |cities: &[&str]| Accept::Named(NamedCities { cities: cities.iter().map(|&city| city.into()).collect() });
        for (accept, field) in [
            (None, None),
            (Some(Accept::AtLeast(1)), None),
            (Some(Accept::AtLeast(0)), Some("p.at_least")),
            (Some(named(&["a.b"])), None),
            (Some(named(&[])), Some("p.named.cities")),
            (Some(named(&["a.b", "boat"])), Some("p.named.cities[1]")),
        ] {
            let partial_response = PartialResponse { accept };
            let violations = check_partial_response(Some(&partial_response), "p").err();
            assert_eq!(violations.map(|violations| violations.0[0].field.clone()).as_deref(), field);
        }
        assert!(check_partial_response(None, "p").is_ok());
    }
}
