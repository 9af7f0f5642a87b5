//! From the command line to a question.

use isopolity_proto::{
    federation::{DateRange, Near, OpenConditions, Question, SearchOrder, SectorPrefix},
    pool,
    types::{Point, SectorScheme},
};

use crate::{args::Asked, exit::Exit};

/// The question that is asked.
pub(super) fn question(asked: &Asked, order: SearchOrder) -> Result<Question, Exit> {
    let upper = |codes: &[String]| codes.iter().map(|code| code.to_uppercase()).collect();
    let has_dates = !asked.from.is_empty() || !asked.to.is_empty();
    Ok(Question {
        text: asked.words.join(" "),
        kinds: asked.kind.iter().map(|kind| kind.replace('-', "_")).collect(),
        origin_countries: upper(&asked.country),
        sectors: asked.sector.iter().map(|text| sector(text)).collect::<Result<_, _>>()?,
        stages: numbers("stage", "PartnershipStage", &asked.stage)?,
        languages: asked.language.clone(),
        order: order.into(),
        countries: upper(&asked.in_country),
        regions: upper(&asked.region),
        roles: numbers("role", "ParticipantRole", &asked.role)?,
        organization_kinds: numbers("organization-kind", "OrganizationKind", &asked.organization_kind)?,
        size_classes: numbers("size-class", "SizeClass", &asked.size_class)?,
        sdgs: asked.sdg.clone(),
        directions: numbers("direction", "OpportunityDirection", &asked.direction)?,
        subjects: numbers("subject", "OpportunitySubject", &asked.subject)?,
        dates: has_dates.then(|| DateRange { start_date: asked.from.clone(), end_date: asked.to.clone() }),
        near: asked.near.as_deref().map(near).transpose()?,
        open_conditions: match asked.open_conditions.as_deref() {
            None => OpenConditions::Unspecified.into(),
            Some("some") => OpenConditions::Some.into(),
            Some("none") => OpenConditions::None.into(),
            Some(other) => return Err(Exit::usage(format!("--open-conditions {other}: there is some, none"))),
        },
    })
}

/// A sector by its code, or by scheme, version and code.
pub(super) fn sector(text: &str) -> Result<SectorPrefix, Exit> {
    let parts: Vec<&str> = text.split(':').collect();
    let (scheme, version, code) = match parts.as_slice() {
        [code] => (SectorScheme::Unspecified, "", *code),
        [scheme, version, code] => {
            let scheme = match scheme.to_lowercase().as_str() {
                "nace" => SectorScheme::Nace,
                "isic" => SectorScheme::Isic,
                "dac" => SectorScheme::Dac,
                _ => return Err(Exit::usage(format!("--sector {text}: the scheme is nace, isic or dac"))),
            };
            (scheme, *version, *code)
        }
        _ => return Err(Exit::usage(format!("--sector {text}: write CODE or SCHEME:VERSION:CODE"))),
    };
    Ok(SectorPrefix { scheme: scheme.into(), version: version.to_owned(), code: code.to_owned() })
}

fn near(text: &str) -> Result<Near, Exit> {
    let numbers: Vec<f64> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    match numbers.as_slice() {
        [latitude, longitude, kilometres] if text.split(',').count() == 3 => {
            let point = Point { latitude: *latitude, longitude: *longitude };
            Ok(Near { point: Some(point), kilometres: *kilometres })
        }
        _ => {
            Err(Exit::usage(format!("--near {text}: write LATITUDE,LONGITUDE,KILOMETRES, for example 40.93,-8.54,50")))
        }
    }
}

/// The numbers of an enumeration's values, by their names in lower case with hyphens.
fn numbers(option: &str, enumeration: &str, words: &[String]) -> Result<Vec<i32>, Exit> {
    let Some(enumeration) = pool().get_enum_by_name(&format!("isopolity.registry.v1.{enumeration}")) else {
        return Ok(Vec::new());
    };
    let values: Vec<(String, i32)> =
        enumeration.values().map(|value| (value.name().to_owned(), value.number())).collect();
    let none = values.iter().find(|(_, number)| *number == 0).map(|(name, _)| name.clone()).unwrap_or_default();
    let prefix = none.trim_end_matches("UNSPECIFIED");
    let word_of = |name: &str| name.trim_start_matches(prefix).to_lowercase().replace('_', "-");
    let known: Vec<(String, i32)> =
        values.iter().filter(|(_, number)| *number != 0).map(|(name, number)| (word_of(name), *number)).collect();
    let number = |word: &String| {
        let wanted = word.to_lowercase().replace(['_', ' '], "-");
        known.iter().find(|(known, _)| *known == wanted).map(|(_, number)| *number).ok_or_else(|| {
            let all: Vec<&str> = known.iter().map(|(word, _)| word.as_str()).collect();
            Exit::usage(format!("--{option} {word}: there is {}", all.join(", ")))
        })
    };
    words.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_value_names_those_that_are() {
        assert_eq!(numbers("size-class", "SizeClass", &["Small_mid-cap".into(), "micro".into()]).unwrap(), [5, 1]);
        let refused = numbers("size-class", "SizeClass", &["huge".into()]).unwrap_err();
        assert!(format!("{refused:?}").contains("micro, small, medium, large, small-mid-cap"), "{refused:?}");
        for stage in ["market-research", "PROFIT_TAKING"] {
            numbers("stage", "PartnershipStage", &[stage.into()]).unwrap();
        }
    }

    #[test]
    fn a_circle_is_three_numbers() {
        let circle = near("40.93, -8.54,50").unwrap();
        assert_eq!((circle.point.unwrap().longitude, circle.kilometres), (-8.54, 50.0));
        for bad in ["", "40.93,-8.54", "a,b,c", "1,2,3,4", "40.93;-8.54;50"] {
            near(bad).unwrap_err();
        }
    }
}
