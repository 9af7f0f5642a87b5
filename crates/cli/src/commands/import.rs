//! Bringing a file of records into the registry.

use std::{path::Path, process::ExitCode, time::Duration};

use bytes::Bytes;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use isopolity_proto::{
    json,
    options::Audience,
    registry::{
        GuessMappingRequest, ImportFormat, ImportProgress, ImportRequest, ImportStart, RowFlaw, RowOutcome, RowReport,
        import_request::Part, import_response::News, import_service_client::ImportServiceClient,
    },
};
use tokio::{fs::File, io::AsyncReadExt as _, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    args::{Format, Global, Import, Output, RecordAudience},
    connection::{self, connect},
    exit::{self, Exit},
    output,
};

const CHUNK: usize = 64 << 10;
/// How much of a table is looked at to propose a mapping.
const GUESS_TABLE_MAX: u64 = 1 << 20;
/// A workbook has to be there as a whole.
const GUESS_WORKBOOK_MAX: u64 = 3 << 20;
/// Rejected rows that the JSON output holds; the count is always whole.
const REPORTED_MAX: usize = 10_000;

pub(super) async fn run(global: &Global, arguments: &Import) -> Result<ExitCode, Exit> {
    let path = &arguments.file;
    let format = format(arguments)?;
    if arguments.guess {
        return guess(global, arguments, format).await.map(|()| ExitCode::SUCCESS);
    }
    let needs_mapping = matches!(format, ImportFormat::Table | ImportFormat::Workbook);
    let mapping = match (&arguments.mapping, needs_mapping) {
        (Some(file), _) => connection::read(file)?,
        (None, false) => String::new(),
        (None, true) => {
            return Err(Exit::usage(format!(
                "{}: a table needs a mapping: isopolity import --guess {} > mapping.toml proposes one",
                path.display(),
                path.display()
            )));
        }
    };
    let mut start = ImportStart {
        format: format.into(),
        dry_run: arguments.dry_run,
        source_city: arguments.source_city.clone().unwrap_or_default(),
        source: arguments.source.clone().unwrap_or_else(|| file_name(path)),
        licence: arguments.licence.clone(),
        mapping,
        accept_doubts: arguments.accept_doubts,
        audience: audience(arguments.audience).into(),
        shared_with: arguments.shared_with.clone(),
        report_all: arguments.report_all,
        size: 0,
    };
    let file =
        File::open(path).await.map_err(|error| Exit::usage(format!("{} can't be read: {error}", path.display())))?;
    let length = file.metadata().await.map(|metadata| metadata.len()).unwrap_or_default();
    start.size = i64::try_from(length).unwrap_or_default();
    let mut service = ImportServiceClient::new(connect(global).await?);

    let (parts, stream) = mpsc::channel(8);
    let mut reading = tokio::spawn(read(file, start, parts));
    let mut read = false;
    let mut news = service.import(ReceiverStream::new(stream)).await?.into_inner();
    let bar = bar(length);
    let mut report = Report::default();
    let ended = loop {
        let message = tokio::select! {
            message = news.message() => message,
            ended = &mut reading, if !read => {
                read = true;
                if let Ok(Err(Broken { error, parts })) = ended {
                    // Ends the call before the stream ends: the row that is cut must not pass for a whole one.
                    drop(news);
                    drop(parts);
                    report.note_kept(arguments.dry_run);
                    return Err(Exit::fault(format!("{} can't be read further: {error}", path.display())));
                }
                continue;
            }
        };
        match message {
            Ok(Some(response)) => match response.news {
                Some(News::Row(row)) => report.row(global, &bar, row),
                Some(News::Progress(progress)) => {
                    bar.set_position(u64::try_from(progress.bytes).unwrap_or_default());
                    bar.set_message(pace(&progress));
                    report.progress = progress;
                }
                None => {}
            },
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
        }
    };
    bar.finish_and_clear();
    reading.abort();
    if let Err(status) = ended {
        report.note_kept(arguments.dry_run);
        return Err(status.into());
    }
    report.print(global, arguments.dry_run)?;
    let whole = report.progress.rejected + report.progress.doubtful == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(exit::PARTLY) })
}

/// Proposes a mapping for a table.
async fn guess(global: &Global, arguments: &Import, format: ImportFormat) -> Result<(), Exit> {
    let path = &arguments.file;
    if !matches!(format, ImportFormat::Table | ImportFormat::Workbook) {
        return Err(Exit::usage(format!("{}: only tables and workbooks need a mapping", path.display())));
    }
    let file = File::open(path).await.map_err(|error| Exit::usage(format!("{}: {error}", path.display())))?;
    let most = if format == ImportFormat::Table { GUESS_TABLE_MAX } else { GUESS_WORKBOOK_MAX };
    let mut head = Vec::new();
    let taken = file.take(most).read_to_end(&mut head).await;
    taken.map_err(|error| Exit::fault(format!("{} can't be read further: {error}", path.display())))?;
    let kind = arguments.kind.clone().unwrap_or_default();
    let mut service = ImportServiceClient::new(connect(global).await?);
    let request = GuessMappingRequest { head: head.into(), format: format.into(), kind };
    let guessed = service.guess_mapping(request).await?.into_inner();
    if global.output == Output::Json { output::json(&guessed) } else { output::write(guessed.mapping.as_bytes()) }
}

/// Rows so far, how many a second, and how long the rest will take.
fn pace(progress: &ImportProgress) -> String {
    let mut pace = format!("{} rows, {:.0}/s", progress.rows, progress.rows_per_second);
    if let Some(left) = progress.time_left.and_then(|left| Duration::try_from(left).ok()) {
        pace.extend([", ", &HumanDuration(left).to_string(), " left"]);
    }
    pace
}

fn audience(audience: RecordAudience) -> Audience {
    match audience {
        RecordAudience::Public => Audience::Public,
        RecordAudience::Federation => Audience::Federation,
        RecordAudience::Shared => Audience::Shared,
        RecordAudience::Internal => Audience::Internal,
    }
}

/// A file that can't be read to its end, and the stream that must not end there.
struct Broken {
    error: std::io::Error,
    parts: mpsc::Sender<ImportRequest>,
}

async fn read(mut file: File, start: ImportStart, parts: mpsc::Sender<ImportRequest>) -> Result<(), Broken> {
    if parts.send(ImportRequest { part: Some(Part::Start(start)) }).await.is_err() {
        return Ok(());
    }
    loop {
        let mut chunk = vec![0; CHUNK];
        let taken = match file.read(&mut chunk).await {
            Ok(taken) => taken,
            Err(error) => return Err(Broken { error, parts }),
        };
        if taken == 0 {
            return Ok(());
        }
        chunk.truncate(taken);
        let part = Part::Chunk(Bytes::from(chunk));
        if parts.send(ImportRequest { part: Some(part) }).await.is_err() {
            // The node ended the import; it says why.
            return Ok(());
        }
    }
}

/// What became of the rows.
#[derive(Default)]
struct Report {
    progress: ImportProgress,
    rows: Vec<RowReport>,
}

impl Report {
    fn row(&mut self, global: &Global, bar: &ProgressBar, row: RowReport) {
        if global.output == Output::Table {
            bar.suspend(|| output::note(&describe(&row)));
        } else if self.rows.len() < REPORTED_MAX {
            self.rows.push(row);
        }
    }

    /// Tells what is durable after an end that was not the file's.
    fn note_kept(&self, dry_run: bool) {
        if dry_run {
            return;
        }
        let ImportProgress { created, updated, unchanged, .. } = self.progress;
        output::note(&format!("{} rows are in; import the file again to go on", created + updated + unchanged));
    }

    fn print(&self, global: &Global, dry_run: bool) -> Result<(), Exit> {
        if global.output == Output::Json {
            let rows: Vec<_> = self.rows.iter().map(|row| json::to_value(row, true)).collect();
            let report = serde_json::json!({"progress": json::to_value(&self.progress, true), "rows": rows});
            return output::line(&report.to_string());
        }
        let ImportProgress { rows, created, updated, unchanged, rejected, doubtful, skipped, .. } = self.progress;
        let mut table = output::table(&["Rows", "New", "Changed", "Same", "Rejected", "Doubtful", "Of other cities"]);
        let counts = [rows, created, updated, unchanged, rejected, doubtful, skipped];
        table.add_row(counts.map(|number| number.to_string()));
        output::line(&table.to_string())?;
        if dry_run {
            return output::line("A dry run: nothing was written.");
        }
        if rejected + doubtful > 0 {
            let import = &self.progress.import_id;
            output::note(&format!("in quarantine, to be corrected: isopolity quarantine list --import {import}"));
        }
        let known = self.progress.possible_matches;
        if known > 0 {
            output::note(&format!("{known} may be known already: isopolity match find"));
        }
        Ok(())
    }
}

/// What became of a row, for people: a line for each flaw, or one line.
fn describe(row: &RowReport) -> String {
    let line = row.line;
    if row.flaws.is_empty() {
        let mut text = format!("line {line}: {}: {}", outcome_word(row.outcome()), row.names.join(" "));
        if !row.changed_fields.is_empty() {
            text.extend([" (", &row.changed_fields.join(", "), ")"]);
        }
        for possible in &row.possible_matches {
            text.extend(["\n  may be the same as ", possible]);
        }
        return text;
    }
    let flaw = |flaw: &RowFlaw| {
        let mut place = vec![format!("line {line}")];
        if !flaw.column.is_empty() {
            place.push(flaw.column.clone());
        }
        if flaw.character > 0 {
            place.push(format!("character {}", flaw.character));
        }
        format!("{}: {}", place.join(", "), flaw.description)
    };
    row.flaws.iter().map(flaw).collect::<Vec<_>>().join("\n")
}

/// An outcome in words.
pub(super) fn outcome_word(outcome: RowOutcome) -> &'static str {
    match outcome {
        RowOutcome::Unspecified => "?",
        RowOutcome::New => "new",
        RowOutcome::Changed => "changed",
        RowOutcome::Same => "same",
        RowOutcome::Rejected => "rejected",
        RowOutcome::Doubtful => "doubtful",
        RowOutcome::Skipped => "of another city",
    }
}

/// The form of the file: as said, else by its ending; a table with its own header needs to be told from the twin-town CSV by a
/// mapping.
fn format(arguments: &Import) -> Result<ImportFormat, Exit> {
    if let Some(format) = arguments.format {
        return Ok(match format {
            Format::TwinTowns => ImportFormat::TwinTownsCsv,
            Format::TwinTownsRaw => ImportFormat::TwinTownsRaw,
            Format::Jsonl => ImportFormat::JsonLines,
            Format::Table => ImportFormat::Table,
            Format::Xlsx => ImportFormat::Workbook,
            Format::Iati => ImportFormat::IatiActivity,
        });
    }
    let ending = arguments.file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let mapped = arguments.mapping.is_some() || arguments.guess;
    match ending.as_deref() {
        Some("csv" | "tsv" | "txt") if mapped => Ok(ImportFormat::Table),
        Some("csv") => Ok(ImportFormat::TwinTownsCsv),
        Some("tsv") => Ok(ImportFormat::TwinTownsRaw),
        Some("xlsx") => Ok(ImportFormat::Workbook),
        Some("xml") => Ok(ImportFormat::IatiActivity),
        Some("jsonl" | "ndjson") => Ok(ImportFormat::JsonLines),
        _ => Err(Exit::usage(format!(
            "{}: the form of the file is not clear from its name; say --format jsonl, table, xlsx, iati or twin-towns",
            arguments.file.display()
        ))),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    bar
}
