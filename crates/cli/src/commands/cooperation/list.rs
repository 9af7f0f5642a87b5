//! Listing cooperations.

use isopolity_proto::{
    cooperation::{Cooperation, CooperationState, ListCooperationsRequest},
    json,
};
use serde_json::json;

use super::{
    step::Service,
    words::{is_open, kind_of, kind_word, short_name, state_of, state_word, title, waiting_word},
};
use crate::{
    args::{Global, ListCooperations, Output},
    exit::Exit,
    output,
};

/// The largest page that a node gives.
const PAGE: usize = 1_000;

pub(super) async fn list(global: &Global, service: &mut Service, arguments: &ListCooperations) -> Result<(), Exit> {
    let states: Vec<i32> = if arguments.open {
        let all = (1..32).filter_map(|number| CooperationState::try_from(number).ok());
        all.filter(|state| is_open(*state)).map(Into::into).collect()
    } else {
        arguments.state.iter().map(|state| state_of(*state).into()).collect()
    };
    let mut found: Vec<Cooperation> = Vec::new();
    let mut token = String::new();
    loop {
        let size = arguments.limit.saturating_sub(found.len()).min(PAGE);
        let request = ListCooperationsRequest {
            page_size: i32::try_from(size).unwrap_or(1),
            page_token: token,
            states: states.clone(),
            kinds: arguments.kind.iter().map(|kind| kind_of(*kind).into()).collect(),
            city: arguments.city.clone(),
            subject: arguments.subject.clone(),
        };
        let page = service.list_cooperations(request).await?.into_inner();
        found.extend(page.cooperations);
        token = page.next_page_token;
        if token.is_empty() || found.len() >= arguments.limit {
            break;
        }
    }
    if global.output == Output::Json {
        let all: Vec<_> = found.iter().map(|one| json::to_value(one, true)).collect();
        return output::line(&json!({"cooperations": all, "more": !token.is_empty()}).to_string());
    }
    if found.is_empty() {
        output::line("There are none.")?;
        output::note("begin one: isopolity cooperation draft --kind enquiry --with CITY --text \"…\"");
        return Ok(());
    }
    let mut rows = output::table(&["Cooperation", "Kind", "State", "Waits for", "Changed"]);
    for one in &found {
        rows.add_row([
            called(one),
            kind_word(one.kind()),
            if one.fork.is_some() { format!("{}\nFORKED", state_word(one.state())) } else { state_word(one.state()) },
            waits_for(one),
            output::when(one.update_time.as_ref()),
        ]);
    }
    output::line(&rows.to_string())?;
    if !token.is_empty() {
        output::note(&format!("there are more than {}: raise --limit or narrow the list", found.len()));
    }
    Ok(())
}

/// Its title, its name and who takes part but the host, who stands in the name: below one another, so that it fits a terminal and
/// the name can be copied.
fn called(one: &Cooperation) -> String {
    let others: Vec<String> = match &one.draft {
        Some(draft) => draft.participants.clone(),
        None => one.participations.iter().skip(1).map(|one| one.city.clone()).collect(),
    };
    let with = if others.is_empty() { "with nobody yet".to_owned() } else { format!("with {}", others.join(", ")) };
    let lines = [title(one), short_name(&one.name), with];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Whom it waits for, each city once with the first reason.
fn waits_for(one: &Cooperation) -> String {
    let mut lines: Vec<String> = Vec::new();
    for waiting in &one.waitings {
        let line = format!("{} {}", waiting.city, waiting_word(waiting.waiting_for()));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let Some(more) = lines.len().checked_sub(3).filter(|more| *more > 0) {
        lines.truncate(3);
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}
