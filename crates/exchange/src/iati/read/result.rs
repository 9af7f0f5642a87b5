//! Results: what was measured, or is to be.

use std::collections::HashMap;

use isopolity_domain::{Kind, Name};
use isopolity_proto::{
    registry::{Dimension, IndicatorObservation, Measure},
    to_dynamic,
    types::{LocalizedText, Period},
};

use super::{super::terms, Activity, all, code, extension, first, organization::identify, words};
use crate::{row::Entry, schema::tree::Element};

/// An observation for each indicator, period and group of people or things; a baseline alone is one too.
pub(super) fn read(activity: &Activity<'_>, partnership: &Name) -> Vec<Entry> {
    let mut observations = Vec::new();
    for result in activity.all("result") {
        for indicator in all(result, "indicator") {
            let common = common(activity, partnership, result, indicator);
            let language = &activity.language;
            let mut periods = all(indicator, "period").peekable();
            if periods.peek().is_none() {
                if let Some(baseline) = first(indicator, "baseline") {
                    let measure = measure(baseline, language);
                    let period = Some(Period { start_date: measure.date.clone(), ..Default::default() });
                    let dimensions = dimensions(baseline);
                    observations.push(IndicatorObservation {
                        period,
                        dimensions,
                        baseline: Some(measure),
                        ..common.clone()
                    });
                }
            }
            for period in periods {
                observations.extend(of_period(&common, indicator, period, language));
            }
        }
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    observations
        .into_iter()
        .filter_map(|mut observation| {
            let key = key(&observation);
            let count = counts.entry(key.clone()).or_default();
            *count += 1;
            let title = observation.titles.first().map_or("", |title| title.text.as_str());
            let id = identify(title, &format!("{key}\u{1f}{count}"));
            let name = Name::new(partnership.city().clone(), Kind::IndicatorObservation, &id).ok()?;
            observation.name = name.to_string();
            Some(Entry { resource: to_dynamic(&observation), name })
        })
        .collect()
}

/// What the observations of an indicator share.
fn common(activity: &Activity<'_>, partnership: &Name, result: &Element, indicator: &Element) -> IndicatorObservation {
    let narratives = |element: &Element, name: &'static str| words::narratives_of(element, name, &activity.language);
    let result_titles = narratives(result, "title");
    let mut titles = narratives(indicator, "title");
    if titles.is_empty() {
        titles.clone_from(&result_titles);
    }
    let mut summaries: Vec<LocalizedText> = result_titles.into_iter().filter(|title| !titles.contains(title)).collect();
    summaries.extend(narratives(result, "description"));
    summaries.extend(narratives(indicator, "description"));
    let reference = first(indicator, "reference");
    IndicatorObservation {
        audience: activity.context.audience.into(),
        provenance: Some(activity.context.provenance.clone()),
        titles,
        summaries: words::paragraphs(summaries),
        level: terms::level(&code(result, "type")).into(),
        vocabulary: reference.map(|reference| code(reference, "vocabulary")).unwrap_or_default(),
        vocabulary_code: reference.map(|reference| code(reference, "code")).unwrap_or_default(),
        unit: extension(indicator, "unit").unwrap_or_else(|| terms::unit(&code(indicator, "measure"))).to_owned(),
        partnership: partnership.to_string(),
        ..Default::default()
    }
}

/// The observations of a period: one for each group that a target or an actual value is for.
fn of_period(
    common: &IndicatorObservation,
    indicator: &Element,
    period: &Element,
    language: &str,
) -> Vec<IndicatorObservation> {
    let date = |name: &'static str| first(period, name).map(|date| words::date(date, "iso-date")).unwrap_or_default();
    let whole = Period { start_date: date("period-start"), end_date: date("period-end") };
    let mut groups: Vec<Vec<Dimension>> = Vec::new();
    for value in all(period, "target").chain(all(period, "actual")) {
        let group = dimensions(value);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        groups.push(first(indicator, "baseline").map(dimensions).unwrap_or_default());
    }
    let of_group = |parent: &Element, name: &'static str, group: &[Dimension]| {
        all(parent, name).find(|value| dimensions(value) == group).map(|value| measure(value, language))
    };
    let observations = groups.into_iter().map(|group| IndicatorObservation {
        period: Some(whole.clone()),
        baseline: of_group(indicator, "baseline", &group)
            .or_else(|| first(indicator, "baseline").map(|baseline| measure(baseline, language))),
        target: of_group(period, "target", &group),
        actual: of_group(period, "actual", &group),
        dimensions: group,
        ..common.clone()
    });
    observations.filter(|one| one.baseline.is_some() || one.target.is_some() || one.actual.is_some()).collect()
}

fn dimensions(value: &Element) -> Vec<Dimension> {
    let dimensions = all(value, "dimension");
    dimensions.map(|dimension| Dimension { name: code(dimension, "name"), value: code(dimension, "value") }).collect()
}

/// A value. What is not a number is kept in words.
fn measure(element: &Element, language: &str) -> Measure {
    let written = code(element, "value");
    let value = words::decimal(&written);
    let mut remarks = words::narratives_of(element, "comment", language);
    if value.is_none() && !written.is_empty() {
        remarks.insert(0, LocalizedText { text: written, language: language.to_owned(), ..Default::default() });
    }
    let mut date = words::date(element, "iso-date");
    if date.is_empty() && extension(element, "stated") != Some("0") {
        // A baseline always states at least its year.
        date = element.attribute("year").map(|year| format!("{:0>4}", year.trim())).unwrap_or_default();
    }
    Measure { value: value.unwrap_or_default(), date, remarks }
}

/// What makes an observation the same when it comes again: what is measured, of whom and when, not how much.
fn key(observation: &IndicatorObservation) -> String {
    let text = |texts: &[LocalizedText]| texts.first().map(|text| text.text.clone()).unwrap_or_default();
    let period = observation.period.clone().unwrap_or_default();
    let mut parts = vec![
        observation.partnership.clone(),
        text(&observation.titles),
        text(&observation.summaries),
        observation.level.to_string(),
        observation.vocabulary.clone(),
        observation.vocabulary_code.clone(),
        period.start_date,
        period.end_date,
    ];
    parts.extend(observation.dimensions.iter().flat_map(|dimension| [dimension.name.clone(), dimension.value.clone()]));
    parts.join("\u{1f}")
}
