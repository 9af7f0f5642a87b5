//! What cities let one another do.

use isopolity_node::{Clock as _, SystemClock};
use isopolity_proto::{
    admin::{
        GetSharingAgreementRequest, Granularity, LegalBasis, ListSharingAgreementsRequest, SetSharingAgreementRequest,
        SharingAgreement, SharingPair, SharingPurpose, SharingRates, TransferTool,
        sharing_agreement_service_client::SharingAgreementServiceClient,
    },
    options::Audience,
};
use isopolity_registry::sharing::{
    PURPOSES, legal_basis_label, purpose_label, purpose_of, purpose_word, transfer_tool_label,
};
use prost_types::Timestamp;
use time::{Date, OffsetDateTime, Time, format_description::well_known::Rfc3339};

use crate::{
    args::{Global, GranularityWord, Output, PeerAudience, SetSharing, Sharing},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Sharing) -> Result<(), Exit> {
    let mut sharing = SharingAgreementServiceClient::new(connect(global).await?);
    match command {
        Sharing::Show { city, no_greet, history } => {
            let request = GetSharingAgreementRequest { city: city.clone(), skip_greeting: *no_greet };
            let found = sharing.get_sharing_agreement(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&found);
            }
            show(&found.pair.unwrap_or_default())?;
            if *history { before(&found.revisions) } else { Ok(()) }
        }
        Sharing::List => {
            let list = sharing.list_sharing_agreements(ListSharingAgreementsRequest {}).await?.into_inner();
            if global.output == Output::Json { output::json(&list) } else { table(&list.pairs) }
        }
        Sharing::Set(set) => {
            let request = GetSharingAgreementRequest { city: set.city.clone(), skip_greeting: true };
            let found = sharing.get_sharing_agreement(request).await?.into_inner();
            let present = found.pair.and_then(|pair| pair.granted);
            let agreement = changed(present.unwrap_or_else(|| unagreed(&set.city)), set)?;
            let request = SetSharingAgreementRequest { sharing_agreement: Some(agreement) };
            let done = sharing.set_sharing_agreement(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&done);
            }
            let kept = done.sharing_agreement.unwrap_or_default();
            output::line(&format!("This city grants {}:", kept.city))?;
            output::line(&described(&kept))
        }
    }
}

/// What is changed where there was none: nothing but what is named.
fn unagreed(city: &str) -> SharingAgreement {
    SharingAgreement { city: city.to_owned(), audience: Audience::Public.into(), ..SharingAgreement::default() }
}

fn changed(mut agreement: SharingAgreement, set: &SetSharing) -> Result<SharingAgreement, Exit> {
    if set.all_kinds || !set.kind.is_empty() {
        agreement.kinds = set.kind.iter().map(|kind| kind.replace('-', "_")).collect();
    }
    if let Some(audience) = set.audience {
        agreement.audience = match audience {
            PeerAudience::Public => Audience::Public.into(),
            PeerAudience::Federation => Audience::Federation.into(),
        };
    }
    if let Some(granularity) = set.granularity {
        agreement.granularity = match granularity {
            GranularityWord::YesNo => Granularity::YesNo.into(),
            GranularityWord::Counts => Granularity::Counts.into(),
            GranularityWord::Records => Granularity::Records.into(),
        };
    }
    if set.any_purpose || !set.purpose.is_empty() {
        let purpose = |word: &String| {
            purpose_of(word).map(Into::into).ok_or_else(|| Exit::usage(format!("{word:?} is no purpose: {}", words())))
        };
        agreement.purposes = set.purpose.iter().map(purpose).collect::<Result<_, Exit>>()?;
    }
    if let Some(word) = &set.legal_basis {
        let name = format!("LEGAL_BASIS_{}", constant(word));
        let basis = LegalBasis::from_str_name(&name);
        agreement.legal_basis = basis.ok_or_else(|| Exit::usage(format!("{word:?} is no legal basis")))?.into();
    }
    if let Some(word) = &set.transfer_tool {
        let name = format!("TRANSFER_TOOL_{}", constant(word));
        let tool = TransferTool::from_str_name(&name);
        agreement.transfer_tool = tool.ok_or_else(|| Exit::usage(format!("{word:?} is no transfer tool")))?.into();
    }
    if let Some(note) = &set.note {
        agreement.note.clone_from(note);
    }
    agreement.live_query = set.live.unwrap_or(agreement.live_query);
    agreement.replication = set.replication.unwrap_or(agreement.replication);
    if set.questions_per_minute.is_some() || set.records_per_day.is_some() {
        let rates = agreement.rates.unwrap_or_default();
        agreement.rates = Some(SharingRates {
            questions_per_minute: set.questions_per_minute.unwrap_or(rates.questions_per_minute),
            records_per_day: set.records_per_day.unwrap_or(rates.records_per_day),
        });
    }
    if let Some(from) = &set.from {
        agreement.valid_from_time = when(from)?;
    }
    if let Some(until) = &set.until {
        agreement.valid_until_time = when(until)?;
    }
    Ok(agreement)
}

fn constant(word: &str) -> String {
    word.trim().to_ascii_uppercase().replace('-', "_")
}

fn words() -> String {
    PURPOSES.map(|(_, word, _)| word).join(", ")
}

/// A time as it is written on the command line. `None`: none.
fn when(text: &str) -> Result<Option<Timestamp>, Exit> {
    let time = match text {
        "never" => return Ok(None),
        "now" => SystemClock.now(),
        text => OffsetDateTime::parse(text, &Rfc3339)
            .or_else(|_| {
                Date::parse(text, time::macros::format_description!("[year]-[month]-[day]"))
                    .map(|date| date.with_time(Time::MIDNIGHT).assume_utc())
            })
            .map_err(|error| {
                Exit::usage(format!("{text:?} is no time as 2026-03-16 or 2026-03-16T09:00:00Z: {error}"))
            })?,
    };
    Ok(Some(Timestamp { seconds: time.unix_timestamp(), nanos: 0 }))
}

fn show(pair: &SharingPair) -> Result<(), Exit> {
    match &pair.granted {
        None => output::line(&format!("This city grants {} nothing.", pair.city))?,
        Some(granted) => {
            let force = if pair.granted_in_force { "" } else { ", not in force" };
            output::line(&format!("This city grants {}{force}:", pair.city))?;
            output::line(&described(granted))?;
        }
    }
    match &pair.received {
        None => output::line(&format!("What {} grants this city is not known here, or it grants nothing.", pair.city)),
        Some(received) => {
            output::line(&format!("{} grants this city:", pair.city))?;
            output::line(&described(received))
        }
    }
}

fn before(revisions: &[SharingAgreement]) -> Result<(), Exit> {
    let mut rows = output::table(&["Set", "By", "Grants"]);
    for one in revisions {
        rows.add_row([output::when(one.update_time.as_ref()), one.author.clone(), summary(one)]);
    }
    output::line(&rows.to_string())
}

fn table(pairs: &[SharingPair]) -> Result<(), Exit> {
    if pairs.is_empty() {
        return output::line("There are no peers yet.");
    }
    let mut rows = output::table(&["City", "This city grants it", "In force", "It grants this city"]);
    for pair in pairs {
        rows.add_row([
            pair.city.clone(),
            pair.granted.as_ref().map_or_else(|| "nothing".to_owned(), summary),
            (if pair.granted_in_force { "yes" } else { "no" }).to_owned(),
            pair.received.as_ref().map_or_else(|| "not known".to_owned(), summary),
        ]);
    }
    output::line(&rows.to_string())
}

fn audience(agreement: &SharingAgreement) -> &'static str {
    match agreement.audience() {
        Audience::Federation => "federation",
        Audience::Public => "public",
        _ => "nothing",
    }
}

fn detail(agreement: &SharingAgreement) -> &'static str {
    match agreement.granularity() {
        Granularity::YesNo => "yes or no",
        Granularity::Counts => "counts",
        Granularity::Records | Granularity::Unspecified => "records",
    }
}

fn kinds(agreement: &SharingAgreement) -> String {
    if agreement.kinds.is_empty() { "all kinds".to_owned() } else { agreement.kinds.join(", ") }
}

/// An agreement in one line.
pub(super) fn summary(agreement: &SharingAgreement) -> String {
    let mut parts = vec![format!("{} {}", audience(agreement), detail(agreement)), kinds(agreement)];
    if !agreement.purposes.is_empty() {
        let words: Vec<_> = agreement.purposes().filter_map(purpose_word).collect();
        parts.push(format!("for {}", words.join(", ")));
    }
    if !agreement.live_query {
        parts.push("no questions".to_owned());
    }
    if agreement.replication {
        parts.push("copies".to_owned());
    }
    if let Some(until) = &agreement.valid_until_time {
        parts.push(format!("until {}", output::when(Some(until))));
    }
    parts.join("; ")
}

/// An agreement in full.
fn described(agreement: &SharingAgreement) -> String {
    let none = || "no limit".to_owned();
    let rates = agreement.rates.unwrap_or_default();
    let purposes: Vec<String> = agreement
        .purposes()
        .map(|one: SharingPurpose| format!("{} ({})", purpose_word(one).unwrap_or("?"), purpose_label(one)))
        .collect();
    let mut lines = vec![
        ("sees", format!("{}, {}", audience(agreement), kinds(agreement))),
        ("is told", detail(agreement).to_owned()),
        ("may ask", (if agreement.live_query { "yes" } else { "no" }).to_owned()),
        ("may keep copies", (if agreement.replication { "yes" } else { "no" }).to_owned()),
        ("purposes", if purposes.is_empty() { "any that it states".to_owned() } else { purposes.join(", ") }),
        ("legal basis", legal_basis_label(agreement.legal_basis()).to_owned()),
        ("transfer tool", transfer_tool_label(agreement.transfer_tool()).to_owned()),
        (
            "questions a minute",
            Some(rates.questions_per_minute).filter(|most| *most > 0).map_or_else(none, |most| most.to_string()),
        ),
        (
            "records a day",
            Some(rates.records_per_day).filter(|most| *most > 0).map_or_else(none, |most| most.to_string()),
        ),
    ];
    if let Some(from) = &agreement.valid_from_time {
        lines.push(("from", output::when(Some(from))));
    }
    let until = agreement
        .valid_until_time
        .as_ref()
        .map_or_else(|| "it is changed".to_owned(), |until| output::when(Some(until)));
    lines.push(("until", until));
    if !agreement.note.is_empty() {
        lines.push(("note", agreement.note.clone()));
    }
    if agreement.update_time.is_some() {
        let by = if agreement.author.is_empty() { String::new() } else { format!(" by {}", agreement.author) };
        lines.push(("set", format!("{}{by}", output::when(agreement.update_time.as_ref()))));
    }
    lines.iter().map(|(what, value)| format!("  {what:<20}{value}")).collect::<Vec<_>>().join("\n")
}
