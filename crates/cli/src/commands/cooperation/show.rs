//! A cooperation on a screen: who stands where, what is agreed, what each gives, and whose turn it is.

mod balance;

use std::fmt::Write as _;

use comfy_table::ColumnConstraint;
use isopolity_proto::{
    cooperation::{Cooperation, CooperationState, Offer, Participation, PendingState, PendingStep, Proposal, Terms},
    options::Audience,
};
use isopolity_registry::{cooperation::told_step, verify::hexadecimal};

use super::{
    fork,
    step::{Service, get},
    words::{
        agreement_word, command_for, full_name, kind_word, plain, said, short_hash, short_name, stance_word,
        state_word, title, verdict_word, waiting_word,
    },
};
use crate::{
    args::{Global, Output},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, service: &mut Service, name: &str) -> Result<(), Exit> {
    let now = get(service, &full_name(name)?).await?;
    if global.output == Output::Json {
        return output::json(&now);
    }
    let fork = fork::told(global, &now).await?;
    output::line(shown(&now, fork).trim_end())
}

/// All of it, part by part, with an empty line between.
fn shown(now: &Cooperation, fork: String) -> String {
    let mut parts = vec![head(now), fork, participants(now)];
    if let Some(draft) = &now.draft {
        let offer = Offer { terms: draft.terms.clone(), ..Offer::default() };
        parts.push(if draft.terms.is_some() { terms(now, &offer) } else { String::new() });
    }
    for (what, offer) in
        [("Agreed terms", &now.agreed), ("Terms on offer", &now.offer), ("Amendment on offer", &now.amendment)]
    {
        // While it is PROPOSED nothing is agreed; later the offer is what was agreed.
        let is_old = what == "Terms on offer" && now.state() != CooperationState::Proposed && now.agreed.is_some();
        if let Some(offer) = offer.as_ref().filter(|_| !is_old) {
            parts.push(format!("{what}\n{}", terms(now, offer)));
        }
    }
    parts.extend([milestones(now), documents(now), waitings(now), pending(now), deliveries(now), end(now)]);
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn head(now: &Cooperation) -> String {
    let kind = now.draft.as_ref().map_or(now.kind(), Proposal::kind);
    let since = if now.start_date.is_empty() { String::new() } else { format!(" since {}", now.start_date) };
    let mut text = format!("{}  {}  {}{since}", short_name(&now.name), kind_word(kind), state_word(now.state()));
    let mut add = |what: &str, value: String| {
        if !value.is_empty() {
            // A string takes everything.
            let _: std::fmt::Result = write!(text, "\n  {what:<11}{value}");
        }
    };
    let draft = now.draft.as_ref();
    add("title", title(now));
    add("said", said(draft.map_or(&now.texts, |draft| &draft.texts)));
    for subject in draft.map_or(&now.subjects, |draft| &draft.subjects) {
        let called = said(&subject.display_names);
        add("about", if called.is_empty() { subject.name.clone() } else { format!("{called} ({})", subject.name) });
    }
    if let Some(referral) = draft.map_or(&now.referral, |draft| &draft.referral) {
        add("refers", referral.organization.clone());
        add("looks for", said(&referral.needs));
        add("mailbox", plain(&referral.mailbox));
        add("consent", format!("of {}, kept at {}", referral.consent_date, plain(&referral.consent_reference)));
    }
    if let Some(statement) = &now.statement {
        add("states", format!("{} ({})", stance_word(statement.stance()), statement.record));
    }
    let begun = if draft.is_some() { "begun" } else { "proposed" };
    add(begun, output::when(now.create_time.as_ref()));
    if now.sequence > 0 {
        let changed = output::when(now.update_time.as_ref());
        add("last", format!("event {} on {changed}, hash {}", now.sequence, short_hash(&now.head_hash)));
    }
    if matches!(now.state(), CooperationState::Proposed | CooperationState::Agreed) {
        add("reply by", output::when(now.reply_due_time.as_ref()));
    }
    add("agreement", now.agreement.clone());
    add("TROUBLE", now.record_problem.clone());
    if now.message_count > 0 {
        add("messages", format!("{} (isopolity cooperation history)", now.message_count));
    }
    text
}

fn participants(now: &Cooperation) -> String {
    if let Some(draft) = &now.draft {
        let with = if draft.participants.is_empty() { "nobody yet".to_owned() } else { draft.participants.join(", ") };
        return format!("  with       {with}");
    }
    let answers =
        now.participations.iter().any(|one| one.answer.is_some()) || now.offer.is_none() && now.agreed.is_none();
    let headings: &[&str] =
        if answers { &["City", "Answer"] } else { &["City", "Accepted", "Signed", "Says that it is done"] };
    let mut rows = output::table(headings);
    for (at, one) in now.participations.iter().enumerate() {
        let city = if at == 0 { format!("{} (host)", one.city) } else { one.city.clone() };
        if answers {
            rows.add_row([city, answer(one, at == 0)]);
        } else {
            let done = one.conclusion.as_ref().map(|one| said(&one.outcomes)).unwrap_or_default();
            rows.add_row([city, accepted(now, one), signed(one), done]);
        }
    }
    rows.to_string()
}

fn answer(one: &Participation, host: bool) -> String {
    let Some(answer) = &one.answer else {
        return if host { "asks".to_owned() } else { "not yet".to_owned() };
    };
    let stated = answer.statement.as_ref().map(|statement| stance_word(statement.stance()).to_owned());
    let verdict = (answer.verdict != 0).then(|| verdict_word(answer.verdict()).to_owned());
    let said = Some(said(&answer.texts)).filter(|text| !text.is_empty());
    [stated, verdict, said].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn accepted(now: &Cooperation, one: &Participation) -> String {
    if one.accepted_version == 0 {
        return "not yet".to_owned();
    }
    let offers = [&now.offer, &now.agreed, &now.amendment];
    let offered = offers.into_iter().flatten().any(|offer| {
        offer.city == one.city && offer.terms.as_ref().is_some_and(|terms| terms.version == one.accepted_version)
    });
    let how = if offered { "its own offer" } else { "accepted" };
    let office = if one.office.is_empty() { String::new() } else { format!("\n{}", plain(&one.office)) };
    format!("version {}, {how}{office}", one.accepted_version)
}

fn signed(one: &Participation) -> String {
    let Some(signature) = &one.signature else { return "not yet".to_owned() };
    let place = if signature.place.is_empty() { String::new() } else { format!(" in {}", plain(&signature.place)) };
    let decision = &signature.decision_reference;
    let decision = if decision.is_empty() { String::new() } else { format!("\ndecision {}", plain(decision)) };
    format!("{}{place}\n{}{decision}", signature.sign_date, plain(&signature.signing_office))
}

/// Terms in full: what whoever accepts them has to read.
pub(super) fn terms(now: &Cooperation, offer: &Offer) -> String {
    let terms = offer.terms.clone().unwrap_or_default();
    let mut text = String::new();
    let mut add = |what: &str, value: String| {
        if !value.is_empty() {
            // A string takes everything.
            let _: std::fmt::Result = writeln!(text, "  {what:<11}{value}");
        }
    };
    if !offer.hash.is_empty() {
        add("version", format!("{}, offered by {} in event {}", terms.version, offer.city, offer.sequence));
        add("hash", hexadecimal(&offer.hash));
    }
    for one in &terms.titles {
        add("title", format!("{} ({})", plain(&one.text), one.language));
    }
    for one in &terms.summaries {
        add("what", format!("{} ({})", plain(&one.text), one.language));
    }
    if let Some(period) = &terms.period {
        let open = |date: &str| if date.is_empty() { "open".to_owned() } else { date.to_owned() };
        add("period", format!("{} to {}", open(&period.start_date), open(&period.end_date)));
    }
    add("agreement", agreement(&terms));
    for side in &terms.party_aims {
        for aim in &side.aims {
            add("aim", format!("{}: {}", side.city, plain(&aim.text)));
        }
    }
    add("sectors", terms.sectors.iter().map(|one| one.code.as_str()).collect::<Vec<_>>().join(", "));
    add("goals", terms.sdg_goals.join(", "));
    for one in &terms.exit_rules {
        add("way out", format!("{} ({})", plain(&one.text), one.language));
    }
    for document in &terms.documents {
        add("document", format!("{} SHA-256 {}", said(&document.titles), document.sha256));
    }
    let balance = balance::table(now, &terms);
    if !balance.is_empty() {
        // A string takes everything.
        let _: std::fmt::Result = write!(text, "\nWhat each contributes\n{balance}");
    }
    text.trim_end().to_owned()
}

fn agreement(terms: &Terms) -> String {
    let Some(agreement) = &terms.agreement else { return String::new() };
    let audience = match agreement.audience() {
        Audience::Public => "everyone",
        Audience::Federation => "partner cities",
        _ => "own staff",
    };
    let mut parts = vec![format!("{}, for {audience} to see", agreement_word(agreement.kind()))];
    if agreement.meetings_per_year > 0 {
        parts.push(format!("{} meetings a year", agreement.meetings_per_year));
    }
    if !agreement.renewal.is_empty() {
        parts.push(format!("renewed {}", plain(&agreement.renewal)));
    }
    parts.join("; ")
}

fn milestones(now: &Cooperation) -> String {
    if now.milestones.is_empty() {
        return String::new();
    }
    let mut rows = output::table(&["Milestone", "What", "Who", "By", "Done"]);
    let mut stones: Vec<_> = now.milestones.iter().collect();
    stones.sort_by_key(|one| &one.due_date);
    for one in stones {
        let done = match (one.dropped, one.complete_date.as_str()) {
            (true, _) => "dropped".to_owned(),
            (false, "") => "open".to_owned(),
            (false, date) => [date.to_owned(), said(&one.outcomes)].join("\n").trim_end().to_owned(),
        };
        rows.add_row([one.id.clone(), said(&one.titles), one.owner.clone(), one.due_date.clone(), done]);
    }
    rows.to_string()
}

fn documents(now: &Cooperation) -> String {
    if now.documents.is_empty() {
        return String::new();
    }
    let mut rows = output::table(&["Document", "Where", "SHA-256"]);
    for one in &now.documents {
        let places = if one.uri.is_empty() { plain(&one.reference) } else { plain(&one.uri) };
        rows.add_row([said(&one.titles), places, one.sha256.clone()]);
    }
    rows.to_string()
}

fn waitings(now: &Cooperation) -> String {
    if now.waitings.is_empty() {
        return String::new();
    }
    let mut rows = output::table(&["Waits for", "To do", "By", "Command"]);
    for one in &now.waitings {
        let what = waiting_word(one.waiting_for());
        let item = if one.item.is_empty() { String::new() } else { format!(" ({})", one.item) };
        let overdue = if one.overdue { " OVERDUE" } else { "" };
        rows.add_row([
            one.city.clone(),
            format!("{what}{item}"),
            format!("{}{overdue}", one.due_date),
            command_for(one.waiting_for()).map(|verb| format!("cooperation {verb}")).unwrap_or_default(),
        ]);
    }
    rows.to_string()
}

fn pending(now: &Cooperation) -> String {
    if now.pending_steps.is_empty() {
        return String::new();
    }
    let mut rows = output::table(&["This city's step", "Id", "By", "Where it is"]);
    for one in &now.pending_steps {
        let what = one.step.as_ref().map(told_step).unwrap_or_default();
        rows.add_row([what, one.step_id.clone(), one.author.clone(), where_it_is(one, now.fork.is_some())]);
    }
    // An id that is broken into lines can't be copied.
    if let Some(ids) = rows.column_mut(1) {
        ids.set_constraint(ColumnConstraint::ContentWidth);
    }
    rows.to_string()
}

fn where_it_is(pending: &PendingStep, forked: bool) -> String {
    match pending.state() {
        PendingState::Unspecified => String::new(),
        _ if forked => "not part of the forked history, and can't be any more: cooperation drop".to_owned(),
        PendingState::AwaitsApproval => "awaits a second person: cooperation approve, or drop".to_owned(),
        PendingState::Submitted => "signed, on its way to the host".to_owned(),
        PendingState::Overtaken => {
            format!("overtaken by event {}: take it anew, or drop it. {}", pending.overtaken_by, pending.reason)
        }
        PendingState::Refused => format!("refused by the host: drop it. {}", pending.reason),
    }
}

fn deliveries(now: &Cooperation) -> String {
    let behind: Vec<_> = now
        .deliveries
        .iter()
        .filter(|one| one.received_sequence < now.sequence || one.waiting_count > 0 || one.dead_count > 0)
        .collect();
    if behind.is_empty() {
        return if now.deliveries.is_empty() {
            String::new()
        } else {
            "Every other city has signed that it has all of it.".to_owned()
        };
    }
    let mut rows = output::table(&["City", "Has signed for", "Wait", "Given up", "Since", "Trouble"]);
    for one in behind {
        rows.add_row([
            one.city.clone(),
            format!("{} of {}", one.received_sequence, now.sequence),
            one.waiting_count.to_string(),
            one.dead_count.to_string(),
            output::when(one.oldest_time.as_ref()),
            one.problem.clone(),
        ]);
    }
    rows.to_string()
}

fn end(now: &Cooperation) -> String {
    let Some(end) = &now.end else { return String::new() };
    let who = if end.city.is_empty() { "all cities" } else { &end.city };
    let why = if end.reason.is_empty() { String::new() } else { format!(": {}", plain(&end.reason)) };
    format!("{} by {who} in event {}{why}", state_word(now.state()), end.sequence)
}
