//! Rows that an import could not take over.

use isopolity_node::client::Client;
use isopolity_proto::registry::{
    DiscardQuarantinedRowRequest, ListImportsRequest, ListQuarantinedRowsRequest, QuarantinedRow,
    RedriveQuarantinedRowRequest, RowOutcome, import_service_client::ImportServiceClient,
};

use super::{import::outcome_word, record::own_city};
use crate::{
    args::{Global, Output, Quarantine},
    connection::{connect, read_bytes},
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, command: &Quarantine) -> Result<(), Exit> {
    let client = connect(global).await?;
    let parent = own_city(global, &client).await?;
    let mut imports = ImportServiceClient::new(client);
    match command {
        Quarantine::List { import, limit } => {
            let request = ListQuarantinedRowsRequest {
                parent,
                import_id: import.clone(),
                page_size: *limit,
                page_token: String::new(),
            };
            let list = imports.list_quarantined_rows(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&list);
            }
            let mut rows = output::table(&["Row", "Line", "Outcome", "Why"]);
            for one in &list.rows {
                let why = one.flaws.iter().map(|flaw| format!("{}: {}", flaw.column, flaw.description));
                rows.add_row([
                    one.quarantined_row.clone(),
                    one.line.to_string(),
                    outcome_word(one.outcome()).to_owned(),
                    why.collect::<Vec<_>>().join("\n"),
                ]);
            }
            output::line(&rows.to_string())?;
            if !list.next_page_token.is_empty() {
                output::note(&format!("there are more than {}: raise --limit", list.rows.len()));
            }
            Ok(())
        }
        Quarantine::Show { row } => {
            let found = find(&mut imports, &parent, row).await?;
            if global.output == Output::Json {
                return output::json(&found);
            }
            for flaw in &found.flaws {
                output::note(&format!("line {}, {}: {}", found.line, flaw.column, flaw.description));
            }
            output::write(&found.content)
        }
        Quarantine::Redrive { row, corrected, accept_doubts, dry_run } => {
            let content = corrected.as_deref().map(read_bytes).transpose()?.unwrap_or_default().into();
            let request = RedriveQuarantinedRowRequest {
                quarantined_row: row.clone(),
                content,
                accept_doubts: *accept_doubts,
                validate_only: *dry_run,
            };
            let driven = imports.redrive_quarantined_row(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&driven);
            }
            let report = driven.row.unwrap_or_default();
            if matches!(report.outcome(), RowOutcome::Rejected | RowOutcome::Doubtful) {
                let why = report.flaws.iter().map(|flaw| format!("  {}: {}", flaw.column, flaw.description));
                let why = why.collect::<Vec<_>>().join("\n");
                return Err(Exit::refused(format!("the row stays in quarantine:\n{why}")));
            }
            output::line(&format!("{}: {}", outcome_word(report.outcome()), report.names.join(" ")))
        }
        Quarantine::Discard { row } => {
            let request = DiscardQuarantinedRowRequest { quarantined_row: row.clone() };
            let discarded = imports.discard_quarantined_row(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&discarded);
            }
            output::line(&format!("{row} is removed from the quarantine"))
        }
        Quarantine::Imports { limit } => {
            let request = ListImportsRequest { parent, page_size: *limit, page_token: String::new() };
            let list = imports.list_imports(request).await?.into_inner();
            if global.output == Output::Json {
                return output::json(&list);
            }
            let mut rows =
                output::table(&["Import", "Begun", "Source", "Rows", "New", "Changed", "Quarantined", "Done"]);
            for one in &list.imports {
                let progress = one.progress.clone().unwrap_or_default();
                rows.add_row([
                    one.import_id.clone(),
                    output::when(one.begin_time.as_ref()),
                    one.source.clone(),
                    progress.rows.to_string(),
                    progress.created.to_string(),
                    progress.updated.to_string(),
                    (progress.rejected + progress.doubtful).to_string(),
                    if progress.done { "yes" } else { "no: import the file again" }.to_owned(),
                ]);
            }
            output::line(&rows.to_string())
        }
    }
}

async fn find(imports: &mut ImportServiceClient<Client>, parent: &str, row: &str) -> Result<QuarantinedRow, Exit> {
    let mut page_token = String::new();
    loop {
        let request = ListQuarantinedRowsRequest {
            parent: parent.to_owned(),
            import_id: String::new(),
            page_size: 200,
            page_token,
        };
        let page = imports.list_quarantined_rows(request).await?.into_inner();
        if let Some(found) = page.rows.into_iter().find(|one| one.quarantined_row == row) {
            return Ok(found);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Err(Exit::refused(format!("there is no row {row} in quarantine")));
        }
    }
}
