//! What an indicator observation must say, and when it may be public.

use isopolity_proto::{
    options::Audience,
    registry::{IndicatorObservation, Measure, MeasurementMethod},
};

use super::{
    findings::{Findings, below, entry},
    named, shared, value,
};
use crate::{
    Kind, Name,
    indicators::{self, ENTERPRISES_MIN, LARGEST_SHARE_MAX, PEOPLE_MIN, Sensitivity},
};

pub(super) fn check(observation: &IndicatorObservation, found: &mut Findings) {
    found.must_have_audience(observation.audience);
    let rule = indicators::rule(observation.indicator());
    match rule {
        None => {
            found.must_hold(1, observation.titles.len(), "titles");
            found.must_be_stated(observation.level, "level");
        }
        Some(rule) if observation.unit.is_empty() && !(rule.is_money() && !observation.currency_code.is_empty()) => {
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
    if let Some(rule) = rule
        && observation.audience == i32::from(Audience::Public)
    {
        check_disclosure(rule, observation, found);
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

/// What guards a number before everyone sees it: a small count or a dominant enterprise would reveal somebody.
fn check_disclosure(rule: &indicators::Rule, observation: &IndicatorObservation, found: &mut Findings) {
    if rule.survey {
        if observation.method() != MeasurementMethod::Survey {
            found.invalid("method", "must be SURVEY before it is PUBLIC: the number means nothing without");
        }
        if observation.units == 0 {
            found.invalid("units", "are required before it is PUBLIC: how many answered (n)");
        }
    }
    match rule.sensitivity {
        Sensitivity::People if observation.units < PEOPLE_MIN => {
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
            if share.is_none_or(|share| share > i128::from(LARGEST_SHARE_MAX) * 1_000_000) {
                found.invalid(
                    "largest_share_percent",
                    format!("must be stated and at most {LARGEST_SHARE_MAX} before it is PUBLIC: else FEDERATION"),
                );
            }
        }
        Sensitivity::People | Sensitivity::None => {}
    }
}

pub(super) fn references(observation: &IndicatorObservation) -> Vec<(String, Name)> {
    named(Kind::Partnership, [("partnership".to_owned(), &observation.partnership)]).collect()
}
