//! What waits for whom.

use isopolity_proto::cooperation::{ListInboxRequest, NoticeKind, Waiting, WatchInboxRequest, WatchInboxResponse};
use isopolity_registry::cooperation::told as what;

use super::{
    cooperation::{command_for, said, service, short_name, waiting_word},
    record::own_city,
};
use crate::{
    args::{Global, Inbox, Output},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Inbox) -> Result<(), Exit> {
    let own = own_city(global, &connect(global).await?).await?;
    let own = own.trim_start_matches("cities/");
    let city = if arguments.own { own } else { &arguments.city };
    let mut service = service(global).await?;
    // Before the list, so that nothing falls between the two.
    let notices = if arguments.watch {
        let mut notices = service.watch_inbox(WatchInboxRequest {}).await?.into_inner();
        notices.message().await?;
        Some(notices)
    } else {
        None
    };
    let request = ListInboxRequest { city: city.to_owned(), page_size: arguments.limit };
    let inbox = service.list_inbox(request).await?.into_inner();
    if global.output == Output::Json {
        if arguments.watch {
            output::line(&output::json_line(&inbox))?;
        } else {
            output::json(&inbox)?;
        }
    } else {
        forked(&inbox.forked)?;
        table(&inbox.waitings, own)?;
        let more = usize::try_from(inbox.total).unwrap_or_default().saturating_sub(inbox.waitings.len());
        if more > 0 {
            output::note(&format!("and {more} more: raise --limit"));
        }
    }
    let Some(mut notices) = notices else { return Ok(()) };
    output::note("watching; Ctrl-C ends it");
    while let Some(notice) = notices.message().await? {
        let text = match global.output {
            Output::Json => output::json_line(&notice),
            Output::Table => told(&notice),
        };
        if !output::line_while_read(&text)? {
            break;
        }
    }
    Ok(())
}

/// Nothing is to be done by command about these, and they are not to be overlooked.
fn forked(names: &[String]) -> Result<(), Exit> {
    for name in names {
        let short = short_name(name);
        let whose = short.split('/').next().unwrap_or_default();
        output::line(&format!(
            "FORKED: {short}: {whose} signed two different events in one place, and nothing more is taken from it\n  \
             isopolity cooperation show {short}"
        ))?;
    }
    if names.is_empty() { Ok(()) } else { output::line("") }
}

fn table(waitings: &[Waiting], own: &str) -> Result<(), Exit> {
    if waitings.is_empty() {
        return output::line("Nothing waits for anybody.");
    }
    let mut rows = output::table(&["Waits for", "To do", "By", "Cooperation"]);
    for one in waitings {
        let item = if one.item.is_empty() { String::new() } else { format!(" ({})", one.item) };
        rows.add_row([
            if one.city == own { "this city".to_owned() } else { one.city.clone() },
            format!("{}{item}", waiting_word(one.waiting_for())),
            if one.overdue { format!("{} OVERDUE", one.due_date) } else { one.due_date.clone() },
            [said(&one.titles), short_name(&one.cooperation)].join("\n").trim_start().to_owned(),
        ]);
    }
    output::line(&rows.to_string())?;
    if let Some(first) = waitings.iter().find(|one| one.city == own)
        && let Some(verb) = command_for(first.waiting_for())
    {
        let short = short_name(&first.cooperation);
        output::note(&format!("the first of this city's: isopolity cooperation show {short}, then {verb} {short}"));
    }
    Ok(())
}

/// A change in a line.
fn told(notice: &WatchInboxResponse) -> String {
    let short = short_name(&notice.cooperation);
    let happened = match notice.kind() {
        NoticeKind::Unspecified | NoticeKind::Begun => "watching".to_owned(),
        NoticeKind::Event => {
            let event = notice.event.clone().unwrap_or_default();
            format!("{} {}", event.city, what(&event))
        }
        NoticeKind::ApprovalWanted => "a step awaits a second person's approval".to_owned(),
        NoticeKind::StepLost => "a step of this city was overtaken or refused: take it anew, or drop it".to_owned(),
        NoticeKind::Fork => {
            format!("THE HOST FORKED THE HISTORY, nothing more is taken from it: isopolity cooperation show {short}")
        }
        NoticeKind::DeliveryDead => "a delivery was given up: isopolity delivery list --dead".to_owned(),
    };
    let waits: Vec<_> = notice
        .waitings
        .iter()
        .map(|one| {
            let due = if one.due_date.is_empty() { String::new() } else { format!(" by {}", one.due_date) };
            format!("{} {}{due}", one.city, waiting_word(one.waiting_for()))
        })
        .collect();
    let waits = if waits.is_empty() { String::new() } else { format!("; waits for {}", waits.join(", ")) };
    format!("{short} {}  {happened}{waits}", notice.sequence)
}
