//! What happened, event by event.

use isopolity_proto::{
    cooperation::{KeptEvent, ListCooperationEventsRequest},
    json,
};
use isopolity_registry::cooperation::told;
use serde_json::json;

use super::{
    fork,
    step::{Service, get},
    words::{full_name, short_hash},
};
use crate::{
    args::{Global, Output},
    exit::Exit,
    output,
};

pub(super) async fn history(global: &Global, service: &mut Service, name: &str, after: i64) -> Result<(), Exit> {
    let name = full_name(name)?;
    let events = all(service, &name, after).await?;
    // Two calls: whatever is found between them is told of the next time.
    let now = get(service, &name).await?;
    if global.output == Output::Json {
        let events: Vec<_> = events.iter().map(|one| json::to_value(one, true)).collect();
        let fork = now.fork.as_ref().map(|fork| json::to_value(fork, true));
        return output::line(&json!({"events": events, "fork": fork}).to_string());
    }
    if events.is_empty() {
        output::line(if after > 0 { "Nothing has happened since." } else { "Nothing has happened yet." })?;
    } else {
        output::line(&table(&events))?;
    }
    if now.fork.is_some() {
        output::line(&format!("\n{}", fork::told(global, &now).await?))?;
    }
    Ok(())
}

fn table(events: &[KeptEvent]) -> String {
    let mut rows = output::table(&["No.", "Time, as the city says", "City", "What", "Hash"]);
    for one in events {
        let event = one.event.clone().unwrap_or_default();
        rows.add_row([
            event.sequence.to_string(),
            output::when(event.time.as_ref()),
            event.city.clone(),
            told(&event),
            short_hash(&one.hash),
        ]);
    }
    rows.to_string()
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
