//! The audit log.

use indicatif::ProgressBar;
use isopolity_node::client::Client;
use isopolity_proto::{
    admin::{
        AuditAction, AuditSubjectKind, AuditWitness, CompareAuditedCallsRequest, ComparedCall,
        EraseAuditDetailsRequest, ExportAuditLogRequest, GetAuditLogRequest, ListAuditEntriesRequest,
        ListAuditEntriesResponse, StoredAuditEntry, VerifyAuditLogRequest, VerifyAuditLogResponse,
        audit_service_client::AuditServiceClient,
    },
    error::Reason,
    federation::{AuditHead, AuditOutcome, AuditedCall, CallDirection},
};
use isopolity_registry::verify::hexadecimal;
use prost_types::Timestamp;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};

use super::export::Target;
use crate::{
    args::{Audit, Compared, Global, ListAudit, Output},
    connection::connect,
    exit::Exit,
    output,
};

/// Entries that are read at once.
const PAGE: usize = 500;

pub(super) async fn run(global: &Global, command: &Audit) -> Result<(), Exit> {
    let mut audit = AuditServiceClient::new(connect(global).await?);
    match command {
        Audit::List(wanted) => list(global, &mut audit, wanted).await,
        Audit::Head => {
            let log = audit.get_audit_log(GetAuditLogRequest {}).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&log);
            }
            head(log.head.as_ref())?;
            output::line(&format!("  in the database from entry {} on", log.first_sequence))?;
            witnesses(&log.witnesses)
        }
        Audit::Verify => verify(global, &mut audit).await,
        Audit::Export { out } => {
            let mut target = Target::open(out.as_deref()).await?;
            let mut pieces = audit.export_audit_log(ExportAuditLogRequest {}).await?.into_inner();
            let mut entries = 0;
            loop {
                match pieces.message().await {
                    Ok(Some(piece)) => {
                        entries = piece.entries;
                        target.write(&piece.chunk).await?;
                    }
                    Ok(None) => break,
                    Err(status) => {
                        target.discard().await;
                        return Err(status.into());
                    }
                }
            }
            target.finish().await?;
            if global.output == Output::Json && out.is_some() {
                return output::line(&serde_json::json!({"entries": entries}).to_string());
            }
            output::note(&format!("{entries} entries exported"));
            Ok(())
        }
        Audit::Asked(wanted) => compare(global, &mut audit, wanted, CallDirection::Asked).await,
        Audit::Answered(wanted) => compare(global, &mut audit, wanted, CallDirection::Answered).await,
        Audit::Erase { resource, reason } => {
            let request = EraseAuditDetailsRequest { resource: resource.clone(), reason: reason.clone() };
            let erased = audit.erase_audit_details(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&erased);
            }
            output::line(&format!("{} details about {resource} are erased; the entries stay", erased.erased))
        }
    }
}

async fn list(global: &Global, audit: &mut AuditServiceClient<Client>, wanted: &ListAudit) -> Result<(), Exit> {
    let mut request = ListAuditEntriesRequest {
        start_time: wanted.since.as_deref().map(|text| moment("--since", text)).transpose()?,
        end_time: wanted.until.as_deref().map(|text| moment("--until", text)).transpose()?,
        subject: wanted.subject.clone(),
        actions: wanted.action.iter().map(|word| action(word)).collect::<Result<_, _>>()?,
        resource: wanted.resource.clone(),
        peer: wanted.peer.clone(),
        oldest_first: wanted.oldest_first,
        ..Default::default()
    };
    let mut all = ListAuditEntriesResponse::default();
    while all.entries.len() < wanted.limit {
        let left = (wanted.limit - all.entries.len()).min(PAGE);
        request.page_size = i32::try_from(left).unwrap_or(i32::MAX);
        request.page_token = std::mem::take(&mut all.next_page_token);
        let page = audit.list_audit_entries(request.clone()).await?.into_inner();
        all.entries.extend(page.entries);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if global.output == Output::Json {
        return output::json(&all);
    }
    let mut rows = output::table(&["Entry", "Time", "Who", "Did", "To what", "With", "Said"]);
    for stored in &all.entries {
        let entry = stored.entry.clone().unwrap_or_default();
        rows.add_row([
            entry.sequence.to_string(),
            output::when(entry.time.as_ref()),
            subject(stored),
            done(stored),
            entry.resource.clone(),
            entry.peer.clone(),
            said(stored),
        ]);
    }
    output::line(&rows.to_string())?;
    if !all.next_page_token.is_empty() {
        output::note("there are more: name a higher --limit, or a time with --since and --until");
    }
    Ok(())
}

async fn verify(global: &Global, audit: &mut AuditServiceClient<Client>) -> Result<(), Exit> {
    let mut told = audit.verify_audit_log(VerifyAuditLogRequest {}).await?.into_inner();
    let bar = ProgressBar::new_spinner();
    let mut last = VerifyAuditLogResponse::default();
    while let Some(message) = told.message().await? {
        bar.set_message(format!("{} of {} entries checked", message.checked, message.total));
        last = message;
    }
    bar.finish_and_clear();
    if !last.done {
        return Err(Exit::fault("the node ended the check before it was done"));
    }
    if global.output == Output::Json {
        output::json(&last)?;
    } else {
        output::line(&format!("{} entries checked", last.checked))?;
        head(last.head.as_ref())?;
        if last.erased_details > 0 {
            output::line(&format!("  {} details were erased, as entries say", last.erased_details))?;
        }
        witnesses(&last.witnesses)?;
    }
    if last.findings.is_empty() {
        return Ok(());
    }
    Err(Exit::refused(format!("the audit log is not as it was written:\n  {}", last.findings.join("\n  "))))
}

async fn compare(
    global: &Global,
    audit: &mut AuditServiceClient<Client>,
    wanted: &Compared,
    direction: CallDirection,
) -> Result<(), Exit> {
    let request = CompareAuditedCallsRequest {
        city: wanted.city.clone(),
        direction: direction.into(),
        start_time: wanted.since.as_deref().map(|text| moment("--since", text)).transpose()?,
        end_time: wanted.until.as_deref().map(|text| moment("--until", text)).transpose()?,
        limit: wanted.limit,
    };
    let compared = audit.compare_audited_calls(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&compared);
    }
    let mut rows = output::table(&["Time", "What", "Who", "Why", "Here", "There", "Difference"]);
    for ComparedCall { here, there, difference } in &compared.calls {
        let Some(call) = here.as_ref().or(there.as_ref()) else { continue };
        let what = match call.resource.as_str() {
            "" => word(call.kind().as_str_name(), "CALL_KIND_"),
            resource => resource.to_owned(),
        };
        rows.add_row([
            output::when(call.time.as_ref()),
            what,
            call.requester.clone(),
            call.purpose.clone(),
            view(here.as_ref()),
            if compared.unanswered.is_empty() { view(there.as_ref()) } else { "?".to_owned() },
            difference.clone(),
        ]);
    }
    output::line(&rows.to_string())?;
    match (compared.unanswered.as_str(), compared.differences) {
        ("", 0) => output::line(&format!("{} and this city have the same {} calls", wanted.city, compared.calls.len())),
        ("", differences) => output::line(&format!("{differences} of {} calls differ", compared.calls.len())),
        (why, _) => output::line(&format!("{} did not say what its log has: {why}", wanted.city)),
    }
}

fn view(call: Option<&AuditedCall>) -> String {
    let Some(call) = call else { return "–".to_owned() };
    match call.outcome() {
        AuditOutcome::Succeeded => format!("{} match", call.total),
        other => reasoned(word(other.as_str_name(), "AUDIT_OUTCOME_"), call.reason()),
    }
}

fn head(head: Option<&AuditHead>) -> Result<(), Exit> {
    let Some(head) = head else { return Ok(()) };
    let hash = hexadecimal(&head.hash);
    output::line(&format!("The log of {} goes up to entry {}.", head.city, head.sequence))?;
    output::line(&format!("  hash {hash}"))
}

fn witnesses(witnesses: &[AuditWitness]) -> Result<(), Exit> {
    if witnesses.is_empty() {
        return output::line("There are no peers yet, so nobody has witnessed it.");
    }
    let mut rows = output::table(&["Peer", "Has seen this log to", "At", "Its log seen to", "Contradiction"]);
    for one in witnesses {
        let upto = |sequence: i64| if sequence == 0 { "not yet".to_owned() } else { format!("entry {sequence}") };
        rows.add_row([
            one.city.clone(),
            upto(one.witnessed_sequence),
            output::when(one.witness_time.as_ref()),
            upto(one.seen_sequence),
            one.contradiction.clone(),
        ]);
    }
    output::line(&rows.to_string())
}

fn subject(stored: &StoredAuditEntry) -> String {
    let subject = stored.entry.as_ref().and_then(|entry| entry.subject.clone()).unwrap_or_default();
    let kind = word(subject.kind().as_str_name(), "AUDIT_SUBJECT_KIND_");
    match subject.kind() {
        AuditSubjectKind::Node | AuditSubjectKind::Anonymous => kind,
        _ => format!("{kind} {}", subject.id),
    }
}

fn done(stored: &StoredAuditEntry) -> String {
    let entry = stored.entry.clone().unwrap_or_default();
    let mut text = word(entry.action().as_str_name(), "AUDIT_ACTION_");
    if entry.count > 1 {
        text = format!("{text} ({} times)", entry.count);
    }
    match entry.outcome() {
        AuditOutcome::Succeeded | AuditOutcome::Unspecified => text,
        other => format!("{text}: {}", reasoned(word(other.as_str_name(), "AUDIT_OUTCOME_"), entry.reason())),
    }
}

fn reasoned(text: String, reason: Reason) -> String {
    if reason == Reason::Unspecified {
        return text;
    }
    format!("{text} ({})", reason.as_str_name().trim_start_matches("REASON_"))
}

fn said(stored: &StoredAuditEntry) -> String {
    if stored.detail_erased {
        return "(erased)".to_owned();
    }
    let entry = stored.entry.clone().unwrap_or_default();
    let detail = stored.detail.clone().unwrap_or_default();
    let mut said = Vec::new();
    if !detail.text.is_empty() {
        said.push(detail.text);
    }
    if !detail.purpose.is_empty() {
        said.push(format!("for {}", detail.purpose));
    }
    if !detail.requester.is_empty() {
        said.push(format!("by {}", detail.requester));
    }
    if entry.total > 0 || entry.hits > 0 {
        said.push(format!("{} match, {} sent", entry.total, entry.hits));
    }
    if !detail.changed_fields.is_empty() {
        said.push(detail.changed_fields.join(", "));
    }
    said.join("; ")
}

/// `AUDIT_ACTION_PEER_ADDED` without its prefix is `peer added`.
fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}

fn action(text: &str) -> Result<i32, Exit> {
    let name = format!("AUDIT_ACTION_{}", text.to_uppercase().replace(['-', ' '], "_"));
    match AuditAction::from_str_name(&name) {
        Some(action) if action != AuditAction::Unspecified => Ok(action.into()),
        _ => Err(Exit::usage(format!(
            "--action {text}: there is no such action; the list names them, for example resource-updated"
        ))),
    }
}

fn moment(option: &str, text: &str) -> Result<Timestamp, Exit> {
    let day = || Date::parse(text, &Iso8601::DATE).ok().map(|day| day.midnight().assume_utc());
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(day);
    let time = time.ok_or_else(|| Exit::usage(format!("{option} {text}: write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")))?;
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Timestamp { seconds: time.unix_timestamp(), nanos })
}
