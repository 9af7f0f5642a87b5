//! What an indicator observation must say, and when it may be public.

use isopolity_proto::{
    options::Audience,
    registry::{Indicator, IndicatorObservation, Measure, MeasurementMethod},
};

use super::{
    findings::{Findings, below, entry},
    named, shared, value,
};
use crate::{
    Kind, Name,
    disclosure::{ENTERPRISES_MIN, LARGEST_SHARE_MAX, PEOPLE_MIN, Rule},
    indicators::{self, Sensitivity},
};

pub(super) fn check(observation: &IndicatorObservation, found: &mut Findings) {
    found.must_have_audience(observation.audience);
    let rule = indicators::rule(observation.indicator());
    match rule {
        None => {
            found.must_hold(1, observation.titles.len(), "titles");
            found.must_be_stated(observation.level, "level");
        }
        Some(rule) if observation.unit.is_empty() && (observation.currency_code.is_empty() || !rule.is_money()) => {
            let unit = if rule.unit.is_empty() { "a currency_code" } else { rule.unit };
            found.invalid("unit", format!("is required, for example {unit}"));
        }
        Some(_) => {}
    }
    found.must_name(Kind::Partnership, &observation.partnership, "partnership");
    match &observation.period {
        None => found.required("period"),
        Some(period) if period.start_date.is_empty() && period.end_date.is_empty() => found.required("period"),
        Some(_) => {}
    }
    let measures =
        [("baseline", &observation.baseline), ("target", &observation.target), ("actual", &observation.actual)];
    if measures.iter().all(|(_, measure)| measure.is_none()) {
        found.invalid("actual", "either this or a target or a baseline is required");
    }
    for (field, measure) in measures {
        if let Some(measure) = measure {
            check_measure(measure, field, found);
        }
    }
    for (at, dimension) in observation.dimensions.iter().enumerate() {
        let path = entry("dimensions", at);
        found.must_have(&dimension.name, &below(&path, "name"));
        found.must_have(&dimension.value, &below(&path, "value"));
    }
    if observation.audience != i32::from(Audience::Internal) && rule.is_some_and(|rule| rule.survey) {
        check_survey(observation, found);
    }
    if observation.audience == i32::from(Audience::Public) {
        check_disclosure(observation, found);
    }
}

/// The widest audience that an observation may have, by what it says of how its number came about.
#[must_use]
pub fn widest(observation: &IndicatorObservation) -> Audience {
    let (mut of_survey, mut disclosed) = (Findings::default(), Findings::default());
    if indicators::rule(observation.indicator()).is_some_and(|rule| rule.survey) {
        check_survey(observation, &mut of_survey);
    }
    check_disclosure(observation, &mut disclosed);
    match (of_survey.into_violations().is_empty(), disclosed.into_violations().is_empty()) {
        (true, true) => Audience::Public,
        (true, false) => Audience::Federation,
        (false, _) => Audience::Internal,
    }
}

fn check_measure(measure: &Measure, path: &str, found: &mut Findings) {
    if measure.value.is_empty() {
        if measure.remarks.is_empty() {
            found.required(&below(path, "value"));
        }
    } else {
        shared::signed_decimal(&measure.value, &below(path, "value"), found);
    }
}

/// Without its method and how many answered, a survey says nothing to anybody else.
fn check_survey(observation: &IndicatorObservation, found: &mut Findings) {
    if observation.method() != MeasurementMethod::Survey {
        found.invalid("method", "must be SURVEY: the number means nothing without; else INTERNAL");
    }
    if observation.units <= 0 {
        found.invalid("units", "are required: how many answered (n); else INTERNAL");
    }
}

/// What guards a number before everyone sees it: a small count or a dominant enterprise would reveal somebody.
fn check_disclosure(observation: &IndicatorObservation, found: &mut Findings) {
    match indicators::sensitivity(observation) {
        Sensitivity::People if !has_enough_people(observation) => {
            found.invalid(
                "units",
                format!("{} people stand behind it; PUBLIC needs {PEOPLE_MIN}: else FEDERATION", observation.units),
            );
        }
        Sensitivity::Money => {
            if observation.enterprises < ENTERPRISES_MIN {
                found.invalid(
                    "enterprises",
                    format!(
                        "{} enterprises stand behind it; PUBLIC needs {ENTERPRISES_MIN}: else FEDERATION",
                        observation.enterprises
                    ),
                );
            }
            // Without the share nobody can say that no enterprise dominates.
            let share = value::millionths(&observation.largest_share_percent);
            if !Rule::COUNTS.shows_money(ENTERPRISES_MIN, share) {
                found.invalid(
                    "largest_share_percent",
                    format!("must be stated and at most {LARGEST_SHARE_MAX} before it is PUBLIC: else FEDERATION"),
                );
            }
        }
        Sensitivity::People | Sensitivity::None => {}
    }
}

/// Whether enough people stand behind a number. Of another indicator that counts people, its values say how many.
fn has_enough_people(observation: &IndicatorObservation) -> bool {
    if observation.units != 0
        || observation.indicator() != Indicator::Unspecified
        || indicators::is_share(&observation.unit)
    {
        return observation.units > 0 && Rule::PEOPLE.shows(observation.units);
    }
    let found = observation.baseline.iter().chain(&observation.actual);
    found.filter(|measure| !measure.value.is_empty()).all(|measure| {
        let least = i128::from(Rule::PEOPLE.minimum) * 1_000_000;
        let millionths = value::millionths(measure.value.trim_start_matches('-'));
        millionths.is_some_and(|millionths| millionths == 0 || millionths >= least)
    })
}

pub(super) fn references(observation: &IndicatorObservation) -> Vec<(String, Name)> {
    named(Kind::Partnership, [("partnership".to_owned(), &observation.partnership)]).collect()
}
