//! A federated answer, for people.

use isopolity_proto::{
    admin::Granularity,
    catalog::{CityOutcome, Coverage, Explanation, Highlight, Hit, Outcome, Routing, SearchResponse},
    federation::FacetCounts,
    field,
    options::Facet,
};
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use prost_types::Duration;

use super::{line, open, table, when};
use crate::exit::Exit;

/// A federated answer: hits, facets, outcomes, coverage.
pub(crate) fn answer(answer: &SearchResponse) -> Result<(), Exit> {
    let mut hits = table(&["City", "Kind", "Title", "Countries", "Stage", "Changed"]);
    for hit in &answer.hits {
        let [city, kind, title, countries, stage, changed] = cells(hit);
        hits.add_row([city, kind, with_highlights(title, &hit.highlights), countries, stage, changed]);
    }
    let least = if answer.total_at_least { "at least " } else { "" };
    match (answer.hits.len(), answer.total) {
        (0, 0) => line("Nothing matches in the cities that answered.")?,
        (0, total) => line(&format!("{least}{total} match in cities that show no records here\n"))?,
        (shown, total) => {
            line(&hits.to_string())?;
            line(&format!("{shown} of {least}{total} that match\n"))?;
        }
    }
    for counts in &answer.facets {
        line(&facet_table(counts))?;
    }
    if let Some(explanation) = &answer.explanation {
        explain(explanation)?;
    }
    line(&outcomes(&answer.outcomes))?;
    summary(answer.coverage.as_ref())?;
    if answer.next_page_token.is_empty() {
        return Ok(());
    }
    line(&format!("\nThere is more: --page-token {}", answer.next_page_token))
}

/// What came of asking each city for records that were compared, of which `what` says the kind, and how much that covers.
pub(crate) fn compared(what: &str, cities: &[CityOutcome], coverage: Option<&Coverage>) -> Result<(), Exit> {
    let mut rows = table(&["City", "Outcome", "Took", what, "Reason"]);
    for outcome in cities {
        let word = format!("{}{}", outcome_word(outcome.outcome()), told(outcome));
        rows.add_row([outcome.city.clone(), word, took(outcome), read(outcome), outcome.reason.clone()]);
    }
    line(&rows.to_string())?;
    summary(coverage)
}

fn summary(coverage: Option<&Coverage>) -> Result<(), Exit> {
    line(&coverage.map(|coverage| coverage.summary.clone()).unwrap_or_default())
}

/// How many records came, and of how many where that is not all.
fn read(outcome: &CityOutcome) -> String {
    match (told(outcome).is_empty(), i64::from(outcome.hits) < outcome.total) {
        (false, _) => "not shown".to_owned(),
        (true, false) => outcome.hits.to_string(),
        (true, true) => format!("{} of {}", outcome.hits, outcome.total),
    }
}

/// A hit on a line.
pub(crate) fn hit_line(hit: &Hit) -> String {
    let [city, kind, title, countries, stage, changed] = cells(hit);
    let known = [changed, city, kind, title, countries, stage, hit.name.clone()];
    known.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
}

fn cells(hit: &Hit) -> [String; 6] {
    let resource = hit.resource.as_ref().and_then(open);
    let title = resource.as_ref().map(title).unwrap_or_default();
    let illustrative = resource.as_ref().is_some_and(illustrative);
    [
        hit.city.clone(),
        hit.kind.clone(),
        if illustrative { format!("{title} [illustrative]") } else { title },
        resource.as_ref().map(|one| facet(one, Facet::OriginCountry)).unwrap_or_default(),
        resource.as_ref().map(|one| facet(one, Facet::Stage)).unwrap_or_default(),
        when(hit.update_time.as_ref()),
    ]
}

/// The title, and below it where the words stand.
fn with_highlights(title: String, highlights: &[Highlight]) -> String {
    let mut text = title;
    for highlight in highlights {
        text.push_str("\n  ");
        let at = |number: i32| usize::try_from(number).unwrap_or_default();
        for (place, letter) in highlight.fragment.chars().enumerate() {
            if highlight.ranges.iter().any(|range| at(range.start) == place) {
                text.push('[');
            }
            text.push(letter);
            if highlight.ranges.iter().any(|range| at(range.end) == place + 1) {
                text.push(']');
            }
        }
    }
    text
}

fn facet_table(counts: &FacetCounts) -> String {
    let name = counts.facet().as_str_name().trim_start_matches("FACET_").to_lowercase().replace('_', " ");
    let mut rows = table(&[name.as_str(), "Records"]);
    for value in &counts.values {
        let least = if value.suppressed || counts.withheld { "at least " } else { "" };
        rows.add_row([value.value.clone(), format!("{least}{}", value.count)]);
    }
    let withheld = if counts.withheld { "\na city does not tell its counts" } else { "" };
    match counts.values_left_off {
        0 => format!("{rows}{withheld}\n"),
        more => format!("{rows}\nand {more} more{withheld}\n"),
    }
}

fn explain(explanation: &Explanation) -> Result<(), Exit> {
    if !explanation.understood.is_empty() {
        line(&format!("Understood as {} ({})", explanation.understood, explanation.analyser))?;
    }
    if let Some(statistics) = &explanation.statistics {
        let words =
            statistics.words.iter().map(|word| format!("{} {}+{}", word.word, word.title_records, word.body_records));
        let words: Vec<String> = words.collect();
        line(&format!("Of {} records, in titles and in other text: {}", statistics.records, words.join(", ")))?;
    }
    let mut rows = table(&[
        "City",
        "Asked",
        "Why",
        "Digest age",
        "Statistics age",
        "First word",
        "Took",
        "Itself",
        "Bytes",
        "Hits",
    ]);
    for city in &explanation.cities {
        rows.add_row([
            city.city.clone(),
            routing_word(city.routing()).to_owned(),
            city.reason.clone(),
            span(city.digest_age.as_ref()),
            if city.statistics_fetched { "fetched".to_owned() } else { span(city.statistics_age.as_ref()) },
            span(city.first_took.as_ref()),
            span(city.took.as_ref()),
            span(city.city_took.as_ref()),
            city.bytes.to_string(),
            city.hits.to_string(),
        ]);
    }
    line(&rows.to_string())?;
    line(&format!(
        "Statistics {}, merging {}, in all {}\n",
        span(explanation.statistics_took.as_ref()),
        span(explanation.merge_took.as_ref()),
        span(explanation.took.as_ref())
    ))
}

fn routing_word(routing: Routing) -> &'static str {
    match routing {
        Routing::Unspecified => "?",
        Routing::Asked => "yes",
        Routing::RuledOut => "no, ruled out",
        Routing::Sampled => "yes, as a sample",
        Routing::NotSelected => "no, not selected",
        Routing::Suspended => "no, suspended",
        Routing::CircuitOpen => "no, it failed often",
        Routing::PushedBack => "no, it asked for a pause",
    }
}

/// A time span for people; nothing where there is none.
fn span(duration: Option<&Duration>) -> String {
    let Some(duration) = duration else { return String::new() };
    let micros = duration.seconds.saturating_mul(1_000_000).saturating_add(i64::from(duration.nanos) / 1_000);
    match micros {
        0..10_000 => format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10),
        10_000..10_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

/// What came of asking each city.
fn outcomes(outcomes: &[CityOutcome]) -> String {
    let mut rows = table(&["City", "Outcome", "Took", "Hits", "Matches", "Reason"]);
    for outcome in outcomes {
        rows.add_row([
            outcome.city.clone(),
            format!("{}{}", outcome_word(outcome.outcome()), told(outcome)),
            took(outcome),
            outcome.hits.to_string(),
            matches_there(outcome),
            outcome.reason.clone(),
        ]);
    }
    rows.to_string()
}

fn took(outcome: &CityOutcome) -> String {
    let millis = outcome.took.map(|took| took.seconds * 1_000 + i64::from(took.nanos) / 1_000_000);
    millis.map(|millis| format!("{millis} ms")).unwrap_or_default()
}

/// How much a city tells, where that is less than records.
fn told(outcome: &CityOutcome) -> &'static str {
    match outcome.granularity() {
        Granularity::Counts => ", counts only",
        Granularity::YesNo => ", only whether there is any",
        Granularity::Records | Granularity::Unspecified => "",
    }
}

/// How many match there, as far as the city tells.
fn matches_there(outcome: &CityOutcome) -> String {
    match (outcome.total_at_least, outcome.threshold) {
        (false, _) => outcome.total.to_string(),
        (true, 0) => format!("at least {}", outcome.total),
        (true, threshold) => format!("at least {}; fewer than {threshold} are not told", outcome.total),
    }
}

/// An outcome in words.
pub(crate) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "?",
        Outcome::Answered => "answered",
        Outcome::AnsweredEmpty => "answered, nothing matches",
        Outcome::Partial => "answered in part",
        Outcome::FromReplica => "from a replica",
        Outcome::RuledOut => "ruled out",
        Outcome::NotAsked => "not asked",
        Outcome::Refused => "refused",
        Outcome::TimedOut => "did not answer in time",
        Outcome::Unreachable => "not reached",
        Outcome::Suspended => "suspended",
        Outcome::Incompatible => "speaks another version",
        Outcome::Invalid => "answered wrongly",
    }
}

/// The first text of the field that names the resource.
pub(super) fn title(resource: &DynamicMessage) -> String {
    let Some(named) = resource.descriptor().fields().find(|one| field::search(one).title) else { return String::new() };
    match &*resource.get_field(&named) {
        Value::List(texts) => texts
            .first()
            .and_then(Value::as_message)
            .and_then(|text| text.get_field_by_name("text").and_then(|value| value.as_str().map(str::to_owned)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// The values of the resource's field of this facet.
fn facet(resource: &DynamicMessage, wanted: Facet) -> String {
    let Some(found) = resource.descriptor().fields().find(|one| field::search(one).facet == Some(wanted)) else {
        return String::new();
    };
    match &*resource.get_field(&found) {
        Value::List(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Value::EnumNumber(number) if *number != 0 => match found.kind() {
            prost_reflect::Kind::Enum(values) => {
                values.get_value(*number).map(|value| stage_word(value.name())).unwrap_or_default()
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

fn stage_word(name: &str) -> String {
    name.trim_start_matches("PARTNERSHIP_STAGE_").to_lowercase().replace('_', " ")
}

fn illustrative(resource: &DynamicMessage) -> bool {
    resource
        .get_field_by_name("provenance")
        .and_then(|provenance| {
            provenance
                .as_message()
                .and_then(|one| one.get_field_by_name("illustrative").and_then(|flag| flag.as_bool()))
        })
        .unwrap_or_default()
}
