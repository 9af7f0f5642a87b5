//! Bringing a file of records into the registry.

use std::{path::Path, process::ExitCode};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use isopolity_proto::{
    json,
    registry::{
        ImportFormat, ImportProgress, ImportRequest, ImportStart, RowFlaw, RowReport, import_request::Part,
        import_response::News, import_service_client::ImportServiceClient,
    },
};
use tokio::{fs::File, io::AsyncReadExt as _, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    args::{Format, Global, Import, Output},
    connection::connect,
    exit::{self, Exit},
    output,
};

const CHUNK: usize = 64 << 10;
/// Rejected rows that the JSON output holds; the count is always whole.
const REPORTED_MAX: usize = 10_000;

pub(super) async fn run(global: &Global, arguments: &Import) -> Result<ExitCode, Exit> {
    let path = &arguments.file;
    let start = ImportStart {
        format: format(arguments)?.into(),
        dry_run: arguments.dry_run,
        source_city: arguments.source_city.clone().unwrap_or_default(),
        source: arguments.source.clone().unwrap_or_else(|| file_name(path)),
        licence: arguments.licence.clone(),
        ..Default::default()
    };
    let file =
        File::open(path).await.map_err(|error| Exit::usage(format!("{} can't be read: {error}", path.display())))?;
    let length = file.metadata().await.map(|metadata| metadata.len()).unwrap_or_default();
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
                    bar.set_message(format!("{} rows", progress.rows));
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
    Ok(if report.progress.rejected > 0 { ExitCode::from(exit::PARTLY) } else { ExitCode::SUCCESS })
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
            let report = serde_json::json!({"progress": json::to_value(&self.progress, true), "rejected": rows});
            return output::line(&report.to_string());
        }
        let ImportProgress { rows, created, updated, unchanged, rejected, skipped, .. } = self.progress;
        let mut table = output::table(&["Rows", "New", "Changed", "Same", "Rejected", "Of other cities"]);
        table.add_row([rows, created, updated, unchanged, rejected, skipped].map(|number| number.to_string()));
        output::line(&table.to_string())?;
        if dry_run { output::line("A dry run: nothing was written.") } else { Ok(()) }
    }
}

fn describe(row: &RowReport) -> String {
    let flaw = |flaw: &RowFlaw| {
        let mut place = vec![format!("line {}", row.line)];
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

fn format(arguments: &Import) -> Result<ImportFormat, Exit> {
    match arguments.format {
        Some(Format::TwinTowns) => return Ok(ImportFormat::TwinTownsCsv),
        Some(Format::Jsonl) => return Ok(ImportFormat::JsonLines),
        None => {}
    }
    let ending = arguments.file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("csv") => Ok(ImportFormat::TwinTownsCsv),
        Some("jsonl" | "ndjson") => Ok(ImportFormat::JsonLines),
        _ => Err(Exit::usage(format!(
            "{}: the form of the file is not clear from its name; say --format twin-towns or --format jsonl",
            arguments.file.display()
        ))),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
