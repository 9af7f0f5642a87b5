//! An observation as a result with one indicator.

use isopolity_proto::{
    registry::{Dimension, Indicator, IndicatorObservation, Measure, ResultLevel},
    types::LocalizedText,
};

use super::{
    super::terms,
    Activity,
    tag::{self, Tag},
};

pub(super) fn write(activity: &Activity<'_>, observation: &IndicatorObservation) -> Tag {
    let titles = titles(observation);
    let period = observation.period.clone().unwrap_or_default();
    let mut indicator = Tag::new("indicator").with("measure", terms::measure(&observation.unit));
    if terms::unit(terms::measure(&observation.unit)) != observation.unit {
        indicator = indicator.with_own("unit", &observation.unit);
    }
    let reference = (!observation.vocabulary.is_empty() && !observation.vocabulary_code.is_empty()).then(|| {
        Tag::new("reference").with("vocabulary", &observation.vocabulary).with("code", &observation.vocabulary_code)
    });
    let values = [("target", &observation.target), ("actual", &observation.actual)];
    let values: Vec<Tag> = values
        .into_iter()
        .filter_map(|(name, measure)| Some(value(activity, Tag::new(name), measure.as_ref()?, &observation.dimensions)))
        .collect();
    let whole = (!values.is_empty()).then(|| {
        let start = day(activity, "period-start", &period.start_date, false);
        let end_date = if period.end_date.is_empty() { &period.start_date } else { &period.end_date };
        let end = day(activity, "period-end", end_date, true);
        let end = if period.end_date.is_empty() { end.not_stated() } else { end };
        Tag::new("period").holding([start, end]).holding(values)
    });
    let indicator = indicator
        .holding([activity.texts_or("title", &titles, "indicator")])
        .holding(reference)
        .holding(observation.baseline.as_ref().map(|measure| baseline(activity, measure, observation)))
        .holding(whole);
    let result_titles = if observation.summaries.is_empty() { &titles } else { &observation.summaries };
    let level = match observation.level() {
        ResultLevel::Outcome => "2",
        ResultLevel::Impact => "3",
        ResultLevel::Output => "1",
        ResultLevel::Unspecified => "9",
    };
    Tag::new("result").with("type", level).holding([activity.texts_or("title", result_titles, "indicator"), indicator])
}

/// A day of a period, or where it is not known some day that is marked so.
fn day(activity: &Activity<'_>, name: &'static str, date: &str, last: bool) -> Tag {
    match tag::day(date, last) {
        Some(_) => Tag::new(name).with_date("iso-date", date, last),
        None => Tag::new(name).with_date("iso-date", &activity.some_day(), last).not_stated(),
    }
}

fn baseline(activity: &Activity<'_>, measure: &Measure, observation: &IndicatorObservation) -> Tag {
    let period = observation.period.clone().unwrap_or_default();
    let stated = tag::day(&measure.date, false).is_some();
    let date = if stated { measure.date.clone() } else { period.start_date };
    let date = if tag::day(&date, false).is_some() { date } else { activity.some_day() };
    let year: String = date.chars().take(4).collect();
    let tag = Tag::new("baseline").with("year", year);
    // A date that is exact to the year only is the year.
    let tag = match (stated, date.len()) {
        (true, 4) => tag,
        (true, _) => tag.with_date("iso-date", &date, false),
        (false, _) => tag.not_stated(),
    };
    value(activity, tag, measure, &observation.dimensions)
}

/// A value with the groups that it is for and what is said of it.
fn value(activity: &Activity<'_>, tag: Tag, measure: &Measure, dimensions: &[Dimension]) -> Tag {
    let dimension = |one: &Dimension| Tag::new("dimension").with("name", &one.name).with("value", &one.value);
    tag.with_stated("value", &measure.value)
        .holding(dimensions.iter().map(dimension))
        .holding(activity.texts("comment", &measure.remarks))
}

/// What is measured: in its own words, else in those of the programme.
fn titles(observation: &IndicatorObservation) -> Vec<LocalizedText> {
    if !observation.titles.is_empty() || observation.indicator() == Indicator::Unspecified {
        return observation.titles.clone();
    }
    let text = format!(
        "{}: {}",
        observation.indicator().as_str_name().replace("INDICATOR_", ""),
        programme(observation.indicator())
    );
    vec![LocalizedText { text, language: String::from("en"), ..Default::default() }]
}

fn programme(indicator: Indicator) -> &'static str {
    match indicator {
        Indicator::Unspecified => "indicator",
        Indicator::I01 => "partnerships by stage, country and sector",
        Indicator::I02 => "share of partnerships that the counterpart has confirmed",
        Indicator::I03 => "months from opportunity to the formal agreement, and from there to profit-taking",
        Indicator::I04 => "survival 12 and 36 months after launch",
        Indicator::I05 => "jobs created",
        Indicator::I06 => "share of jobs held by women, by people under 30",
        Indicator::I07 => "turnover or value added of the joint business",
        Indicator::I08 => "exports and imports between the two countries",
        Indicator::I09 => "investment mobilised",
        Indicator::I10 => "profit shared or reinvested",
        Indicator::I11 => "new firms registered",
        Indicator::I12 => "public support for each job",
        Indicator::I13 => "enterprises served by agencies",
        Indicator::I14 => "stages without any service on one side",
        Indicator::I15 => "municipal purchasing from enterprises that take part",
        Indicator::I16 => "entrepreneurs who joined mainstream networks or chambers",
        Indicator::I17 => "participants who report a stronger position",
        Indicator::I18 => "share of diaspora actors in bodies that decide",
        Indicator::I19 => "requests for cooperation that were answered in time, accepted, done",
        Indicator::I20 => "joint meetings and missions held against planned",
        Indicator::I21 => "officials and staff trained or exchanged",
        Indicator::I22 => "good practices published, their languages, and use by other cities",
        Indicator::I23 => "reach, and change of attitude",
        Indicator::I24 => "records verified within 12 months",
    }
}
