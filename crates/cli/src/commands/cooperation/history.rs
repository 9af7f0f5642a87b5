//! What happened, event by event.

use isopolity_proto::{
    cooperation::{CooperationEvent, KeptEvent, ListCooperationEventsRequest, cooperation_event::Action},
    json,
};
use serde_json::json;

use super::{
    step::Service,
    words::{full_name, plain, said, short_hash, stance_word, verdict_word},
};
use crate::{
    args::{Global, Output},
    exit::Exit,
    output,
};

pub(super) async fn history(global: &Global, service: &mut Service, name: &str, after: i64) -> Result<(), Exit> {
    let events = all(service, &full_name(name)?, after).await?;
    if global.output == Output::Json {
        let events: Vec<_> = events.iter().map(|one| json::to_value(one, true)).collect();
        return output::line(&json!({"events": events}).to_string());
    }
    if events.is_empty() {
        return output::line(if after > 0 { "Nothing has happened since." } else { "Nothing has happened yet." });
    }
    let mut rows = output::table(&["No.", "Time, as the city says", "City", "What", "Hash"]);
    for one in &events {
        let event = one.event.clone().unwrap_or_default();
        rows.add_row([
            event.sequence.to_string(),
            output::when(event.time.as_ref()),
            event.city.clone(),
            what(&event),
            short_hash(&one.hash),
        ]);
    }
    output::line(&rows.to_string())
}

async fn all(service: &mut Service, name: &str, after: i64) -> Result<Vec<KeptEvent>, Exit> {
    let mut events: Vec<KeptEvent> = Vec::new();
    let mut after_sequence = after;
    loop {
        let request = ListCooperationEventsRequest { name: name.to_owned(), after_sequence, page_size: 1_000 };
        let page = service.list_cooperation_events(request).await?.into_inner();
        let last = page.events.iter().filter_map(|one| one.event.as_ref()).map(|event| event.sequence).max();
        events.extend(page.events);
        match last {
            Some(last) if last > after_sequence && last < page.last_sequence => after_sequence = last,
            _ => return Ok(events),
        }
    }
}

/// What an event does, in a line or two.
pub(crate) fn what(event: &CooperationEvent) -> String {
    let quoted = |text: String| if text.is_empty() { String::new() } else { format!(": \"{text}\"") };
    match event.action.as_ref() {
        None => "does what this version does not know".to_owned(),
        Some(Action::Proposal(proposal)) => {
            let title = proposal.terms.as_ref().map(|terms| said(&terms.titles)).unwrap_or_default();
            let title = if title.is_empty() { said(&proposal.texts) } else { title };
            let kind = super::words::kind_word(proposal.kind());
            let statement = proposal.statement.as_ref();
            let stated = statement.map(|one| format!("; {} ({})", stance_word(one.stance()), one.record));
            let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!(
                "proposes {article} {kind} to {}{}{}",
                proposal.participants.join(", "),
                quoted(title),
                stated.unwrap_or_default()
            )
        }
        Some(Action::Counter(counter)) => {
            let version = counter.terms.as_ref().map_or(0, |terms| terms.version);
            format!("offers other terms, version {version}{}", quoted(said(&counter.texts)))
        }
        Some(Action::Acceptance(one)) => {
            let office = if one.office.is_empty() { String::new() } else { format!(" for {}", plain(&one.office)) };
            format!("accepts version {}{office}", one.terms_version)
        }
        Some(Action::Decline(one)) => format!("declines{}", quoted(plain(&one.reason))),
        Some(Action::Withdrawal(one)) => format!("takes the proposal back{}", quoted(plain(&one.reason))),
        Some(Action::Expiry(_)) => "says that its time is over".to_owned(),
        Some(Action::Signature(one)) => {
            let place = if one.place.is_empty() { String::new() } else { format!(" in {}", plain(&one.place)) };
            let decision = if one.decision_reference.is_empty() {
                String::new()
            } else {
                format!(", by decision {}", plain(&one.decision_reference))
            };
            format!(
                "signs version {} on {}{place}: {}{decision}",
                one.terms_version,
                one.sign_date,
                plain(&one.signing_office)
            )
        }
        Some(Action::Activation(one)) if one.start_date.is_empty() => "begins".to_owned(),
        Some(Action::Activation(one)) => format!("begins on {}", one.start_date),
        Some(Action::Amendment(one)) => {
            let terms = one.terms.clone().unwrap_or_default();
            let (version, end) = (terms.version, terms.period.unwrap_or_default().end_date);
            let why = quoted(said(&one.texts));
            if one.renewal {
                format!("offers to renew until {end}, version {version}{why}")
            } else {
                format!("offers an amendment, version {version}{why}")
            }
        }
        Some(Action::AmendmentDecline(one)) => {
            format!("declines version {}{}", one.terms_version, quoted(plain(&one.reason)))
        }
        Some(Action::Conclusion(one)) => format!("is done{}", quoted(said(&one.outcomes))),
        Some(Action::Termination(one)) => format!("ends it{}", quoted(plain(&one.reason))),
        Some(Action::Answer(one)) => {
            let statement = one.statement.as_ref();
            let stated = statement.map(|one| format!("{} ({})", stance_word(one.stance()), one.record));
            let verdict = (one.verdict != 0).then(|| format!("finds them {}", verdict_word(one.verdict())));
            format!("{}{}", stated.or(verdict).unwrap_or_else(|| "answers".to_owned()), quoted(said(&one.texts)))
        }
        Some(Action::Message(one)) => {
            let to = if one.in_reply_to > 0 { format!(" on event {}", one.in_reply_to) } else { String::new() };
            format!("says{to}{}", quoted(said(&one.texts)))
        }
        Some(Action::MilestoneSetting(one)) => {
            let stone = one.milestone.clone().unwrap_or_default();
            if stone.dropped {
                return format!("drops milestone {}", stone.id);
            }
            format!(
                "sets milestone {} for {} by {}{}",
                stone.id,
                stone.owner,
                stone.due_date,
                quoted(said(&stone.titles))
            )
        }
        Some(Action::MilestoneCompletion(one)) => {
            format!("reached milestone {} on {}{}", one.milestone, one.complete_date, quoted(said(&one.outcomes)))
        }
        Some(Action::DocumentAttachment(one)) => {
            let document = one.document.clone().unwrap_or_default();
            let digits: String = document.sha256.chars().take(16).collect();
            format!("attaches a document{}, SHA-256 {digits}…", quoted(said(&document.titles)))
        }
    }
}
