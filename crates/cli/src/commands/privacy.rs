//! How long things are kept, erasure, and what is kept about somebody.

use std::path::Path;

use isopolity_node::client::Client;
use isopolity_proto::admin::{
    CleanUpItem, EraseHistoryRequest, EraseResourceRequest, EraseResourceResponse, ExportSubjectRequest,
    ListCleanUpsRequest, ListTombstonesRequest, PreviewCleanUpRequest, RunCleanUpRequest, SubjectCount, Tombstone,
    TombstoneReason, export_subject_request::Subject, privacy_service_client::PrivacyServiceClient,
};

use super::export::Target;
use crate::{
    args::{Global, Output, Privacy, SubjectOf},
    connection::connect,
    exit::Exit,
    output,
};

/// What to do where files were not rewritten.
const AGAIN: &str = "the files could not be rewritten now: run the same command again later";
/// The page of a list.
const PAGE: i32 = 1_000;

pub(super) async fn run(global: &Global, command: &Privacy) -> Result<(), Exit> {
    let mut privacy = PrivacyServiceClient::new(connect(global).await?);
    match command {
        Privacy::Cleanup { dry_run: true } => {
            let preview = privacy.preview_clean_up(PreviewCleanUpRequest {}).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&preview);
            }
            items(&preview.items)
        }
        Privacy::Cleanup { dry_run: false } => {
            let done = privacy.run_clean_up(RunCleanUpRequest {}).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&done);
            }
            let done = done.clean_up.unwrap_or_default();
            if done.items.is_empty() {
                return output::line("nothing is past its limit");
            }
            items(&done.items)
        }
        Privacy::Cleanups => clean_ups(global, &mut privacy).await,
        Privacy::Erase { name, reason, cut_references, dry_run } => {
            let request = EraseResourceRequest {
                name: name.clone(),
                reason: reason.clone(),
                cut_references: *cut_references,
                validate_only: *dry_run,
            };
            let erased = privacy.erase_resource(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&erased);
            }
            tell_erased(&erased, *dry_run)
        }
        Privacy::EraseHistory { name } => {
            let erased = privacy.erase_history(EraseHistoryRequest { name: name.clone() }).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&erased);
            }
            if !(erased.database_cleaned && erased.index_cleaned) {
                output::note(AGAIN);
            }
            output::line(&format!("{} versions are gone", erased.revisions))
        }
        Privacy::Tombstones => tombstones(global, &mut privacy).await,
        Privacy::Export { subject, out } => export(global, &mut privacy, subject, out).await,
    }
}

async fn clean_ups(global: &Global, privacy: &mut PrivacyServiceClient<Client>) -> Result<(), Exit> {
    let list =
        privacy.list_clean_ups(ListCleanUpsRequest { page_size: PAGE, ..Default::default() }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&list);
    }
    let mut rows = output::table(&["When", "By", "What", "Gone", "In use"]);
    for done in &list.clean_ups {
        for item in &done.items {
            rows.add_row([
                output::when(done.time.as_ref()),
                done.author.clone(),
                what(item),
                item.count.to_string(),
                item.kept_in_use.to_string(),
            ]);
        }
    }
    more(&list.next_page_token);
    output::line(&rows.to_string())
}

async fn tombstones(global: &Global, privacy: &mut PrivacyServiceClient<Client>) -> Result<(), Exit> {
    let request = ListTombstonesRequest { page_size: PAGE, ..Default::default() };
    let list = privacy.list_tombstones(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&list);
    }
    more(&list.next_page_token);
    table_of(&list.tombstones)
}

fn table_of(tombstones: &[Tombstone]) -> Result<(), Exit> {
    let mut rows = output::table(&["Name", "Why", "When", "By", "Reason"]);
    for one in tombstones {
        let why = match one.reason() {
            TombstoneReason::Unspecified => "?",
            TombstoneReason::Purged => "purged",
            TombstoneReason::Erased => "erased",
        };
        let when = output::when(one.time.as_ref());
        rows.add_row([one.name.clone(), why.to_owned(), when, one.author.clone(), one.note.clone()]);
    }
    output::line(&rows.to_string())
}

fn more(next_page_token: &str) {
    if !next_page_token.is_empty() {
        output::note(&format!("only the latest {PAGE} are shown"));
    }
}

fn items(items: &[CleanUpItem]) -> Result<(), Exit> {
    let mut rows = output::table(&["What", "Limit", "Older than", "How many", "In use", "For example"]);
    for item in items {
        rows.add_row([
            what(item),
            format!("{} days", item.limit_days),
            output::when(item.before_time.as_ref()),
            item.count.to_string(),
            item.kept_in_use.to_string(),
            item.examples.join("\n"),
        ]);
    }
    output::line(&rows.to_string())
}

fn what(item: &CleanUpItem) -> String {
    let class = item.class().as_str_name().trim_start_matches("CLEAN_UP_CLASS_").to_lowercase().replace('_', " ");
    if item.kind.is_empty() { class } else { format!("{class}: {}", item.kind) }
}

fn tell_erased(erased: &EraseResourceResponse, dry_run: bool) -> Result<(), Exit> {
    table_of(&erased.tombstones)?;
    if !dry_run {
        output::line(&format!(
            "{} versions and {} rows in quarantine are gone",
            erased.revisions, erased.quarantined_rows
        ))?;
    } else if erased.quarantined_rows > 0 {
        output::line(&format!("{} rows in quarantine would go", erased.quarantined_rows))?;
    }
    for name in &erased.references {
        output::line(&format!("refers to it: {name}"))?;
    }
    for name in &erased.mentions {
        output::line(&format!("holds one of its values, look at it: {name}"))?;
    }
    for name in &erased.cooperations {
        output::line(&format!("names it or holds one of its values, and stays as every participant has it: {name}"))?;
    }
    let is_clean = erased.database_cleaned && erased.index_cleaned;
    if !dry_run && !is_clean {
        output::note(AGAIN);
    }
    Ok(())
}

async fn export(
    global: &Global,
    privacy: &mut PrivacyServiceClient<Client>,
    subject: &SubjectOf,
    out: &Path,
) -> Result<(), Exit> {
    let organization = subject.organization.clone().map(Subject::Organization);
    let subject = organization.or_else(|| subject.person.clone().map(Subject::Person));
    let mut pieces = privacy.export_subject(ExportSubjectRequest { subject }).await?.into_inner();
    let mut target = Target::open(Some(out)).await?;
    let mut counts: Vec<SubjectCount> = Vec::new();
    loop {
        match pieces.message().await {
            Ok(Some(piece)) => {
                counts.extend(piece.counts);
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
    if global.output == Output::Json {
        let counts: serde_json::Map<_, _> = counts.into_iter().map(|one| (one.source, one.count.into())).collect();
        return output::line(&serde_json::Value::from(counts).to_string());
    }
    if counts.is_empty() {
        return output::line("Nothing that is kept here names it. Another spelling is not found: ask for each.");
    }
    let mut rows = output::table(&["What", "How many"]);
    for one in counts {
        rows.add_row([one.source.replace('_', " "), one.count.to_string()]);
    }
    output::line(&rows.to_string())
}
