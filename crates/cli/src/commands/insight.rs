//! What the federation's records say together.

use isopolity_proto::{
    insight::{
        CooperationLevel, FindOverlapsRequest, Fit, GetCooperationStatusRequest, GetCooperationStatusResponse, OneSide,
        OverlapRecord, SuggestPartnersRequest, insight_service_client::InsightServiceClient,
    },
    types::{LocalizedText, Sector},
};

use super::question::sector;
use crate::{
    args::{Global, Output, Overlaps, Status, Suggest},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn suggest(global: &Global, arguments: &Suggest) -> Result<(), Exit> {
    let mut insight = InsightServiceClient::new(connect(global).await?).max_decoding_message_size(64 << 20);
    let request = SuggestPartnersRequest {
        opportunity: arguments.opportunity.clone(),
        page_size: arguments.limit,
        least_points: arguments.least,
        purpose: arguments.purpose.clone(),
    };
    let found = insight.suggest_partners(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&found);
    }
    let mut rows = output::table(&["Points", "Own", "Fits", "Why", "Under way"]);
    for one in &found.suggestions {
        rows.add_row([
            one.points.to_string(),
            one.opportunity.clone(),
            format!("{}\n{}", first(&one.titles), one.other_opportunity),
            one.fits.iter().map(reason).collect::<Vec<_>>().join("\n"),
            one.open_cooperations.join("\n"),
        ]);
    }
    output::line(&if rows.is_empty() {
        "Nothing fits in the cities that answered.".to_owned()
    } else {
        rows.to_string()
    })?;
    output::line(&format!("{} open opportunities of other cities were compared\n", found.compared))?;
    output::compared("Opportunities", &found.outcomes, found.coverage.as_ref())
}

pub(super) async fn overlaps(global: &Global, arguments: &Overlaps) -> Result<(), Exit> {
    let mut insight = InsightServiceClient::new(connect(global).await?).max_decoding_message_size(64 << 20);
    let within = arguments.sector.as_deref().map(sector).transpose()?.map(|prefix| Sector {
        scheme: prefix.scheme,
        version: prefix.version,
        code: prefix.code,
        ..Sector::default()
    });
    let request = FindOverlapsRequest {
        country: arguments.country.to_uppercase(),
        sector: within,
        own_only: arguments.own,
        page_size: arguments.limit,
        purpose: arguments.purpose.clone(),
    };
    let found = insight.find_overlaps(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&found);
    }
    let mut rows = output::table(&["Country", "Place", "Sector", "Cities", "Records", "Why"]);
    for one in &found.overlaps {
        let record = |record: &OverlapRecord| format!("{}\n  {}", first(&record.titles), record.name);
        rows.add_row([
            one.country.clone(),
            one.place.clone(),
            one.sector.as_ref().map(|sector| sector.code.clone()).unwrap_or_default(),
            one.cities.join("\n"),
            one.records.iter().map(record).collect::<Vec<_>>().join("\n"),
            one.explanation.clone(),
        ]);
    }
    let none = "No overlap shows in the cities that answered.";
    output::line(&if rows.is_empty() { none.to_owned() } else { rows.to_string() })?;
    output::line(&format!("{} partnerships were compared\n", found.compared))?;
    output::compared("Partnerships", &found.outcomes, found.coverage.as_ref())
}

pub(super) async fn status(global: &Global, arguments: &Status) -> Result<(), Exit> {
    let mut insight = InsightServiceClient::new(connect(global).await?).max_decoding_message_size(64 << 20);
    let request = GetCooperationStatusRequest {
        city: arguments.city.clone(),
        other_city: arguments.other_city.clone(),
        place_names: arguments.called.clone(),
        purpose: arguments.purpose.clone(),
    };
    let found = insight.get_cooperation_status(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&found);
    }
    let (one, other) = (&arguments.city, &arguments.other_city);
    output::line(&format!("{one} and {other}: {} of 5, {}", found.ladder, level_word(found.level())))?;
    for remark in remarks(&found) {
        output::line(&format!("  {remark}"))?;
    }
    if !found.evidence.is_empty() {
        let mut rows = output::table(&["Level", "Record", "Why"]);
        for one in &found.evidence {
            let record = format!("{}\n{}", first(&one.titles), one.record);
            rows.add_row([(one.level - 1).to_string(), record, one.explanation.clone()]);
        }
        output::line(&rows.to_string())?;
    }
    let mut rows = output::table(&["City", "Answered", "Records that name the other", "Says of the other's records"]);
    for side in &found.sides {
        let answered = if side.answered { "yes" } else { "no" };
        rows.add_row([side.city.clone(), answered.to_owned(), side.records.join("\n"), stances(side)]);
    }
    output::line(&format!("{rows}\n"))?;
    output::compared("Agreements and partnerships", &found.outcomes, found.coverage.as_ref())
}

fn remarks(found: &GetCooperationStatusResponse) -> Vec<String> {
    let mut remarks = Vec::new();
    if found.disputed {
        remarks.push("one disputes what the other states, or says that it has ended".to_owned());
    }
    if found.may_be_higher {
        remarks.push("a city's answer is missing; with it this may be more".to_owned());
    }
    remarks.extend(found.open_cooperations.iter().map(|name| format!("under way: {name}")));
    remarks
}

/// What a city says of the other's records. What was entered by hand there is no word of its own.
fn stances(side: &OneSide) -> String {
    let stance = |one: &isopolity_proto::registry::Confirmation| {
        let word = one.stance().as_str_name().trim_start_matches("CONFIRMATION_STANCE_").to_lowercase();
        let by = if one.cooperation.is_empty() { "as the other has it" } else { one.cooperation.as_str() };
        format!("{} ({by})", word.replace('_', " "))
    };
    side.confirmations.iter().map(stance).collect::<Vec<_>>().join("\n")
}

fn reason(fit: &Fit) -> String {
    format!("{:>2}  {}", fit.points, fit.explanation)
}

fn level_word(level: CooperationLevel) -> &'static str {
    match level {
        CooperationLevel::Unspecified => "not known",
        CooperationLevel::None => "no record says that they cooperate",
        CooperationLevel::OneSided => "one of them says so",
        CooperationLevel::Confirmed => "both say so",
        CooperationLevel::MeetsYearly => "they meet at least once a year",
        CooperationLevel::JointWorkPlan => "a joint work plan",
        CooperationLevel::JointFundingAndEvaluation => "joint funding and evaluation",
    }
}

fn first(texts: &[LocalizedText]) -> &str {
    texts.first().map(|text| text.text.as_str()).unwrap_or_default()
}
