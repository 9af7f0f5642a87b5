//! Taking records out.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use isopolity_proto::{
    options::Audience,
    registry::{self, ExportRequest, export_service_client::ExportServiceClient},
};
use tokio::{
    fs::File,
    io::{AsyncWriteExt as _, BufWriter},
};

use super::record::own_city;
use crate::{
    args::{Export, ExportFormat, Global, Output, RecordAudience},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Export) -> Result<(), Exit> {
    let client = connect(global).await?;
    let parent = own_city(global, &client).await?;
    let request = ExportRequest {
        parent,
        format: match arguments.format {
            ExportFormat::Jsonl => registry::ExportFormat::JsonLines,
            ExportFormat::Csv => registry::ExportFormat::Csv,
            ExportFormat::Xlsx => registry::ExportFormat::Xlsx,
            ExportFormat::Iati => registry::ExportFormat::IatiActivity,
            ExportFormat::Dcat => registry::ExportFormat::Dcat,
        }
        .into(),
        audience: match arguments.audience {
            RecordAudience::Public => Audience::Public,
            RecordAudience::Federation => Audience::Federation,
            // The node says why not.
            RecordAudience::Shared => Audience::Shared,
            RecordAudience::Internal => Audience::Internal,
        }
        .into(),
        kinds: arguments.kind.clone(),
        filter: arguments.filter.clone(),
    };
    let mut pieces = ExportServiceClient::new(client).export(request).await?.into_inner();
    let mut target = Target::open(arguments.out.as_deref()).await?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {per_sec}") {
        bar.set_style(style);
    }
    let (mut records, mut left_out) = (0, 0);
    loop {
        match pieces.message().await {
            Ok(Some(piece)) => {
                (records, left_out) = (piece.records, piece.left_out);
                bar.set_position(u64::try_from(records).unwrap_or_default());
                bar.set_message(format!("{records} records"));
                target.write(&piece.chunk).await?;
            }
            Ok(None) => break,
            Err(status) => {
                bar.finish_and_clear();
                target.discard().await;
                return Err(status.into());
            }
        }
    }
    bar.finish_and_clear();
    target.finish().await?;
    if global.output == Output::Json && arguments.out.is_some() {
        return output::line(&serde_json::json!({"records": records, "leftOut": left_out}).to_string());
    }
    output::note(&format!("{records} records exported"));
    if left_out > 0 {
        output::note(&format!("{left_out} records can't be said in this form and were left out"));
    }
    Ok(())
}

/// Where the file goes. A file has its name only once it is whole.
pub(super) enum Target {
    Output,
    File { open: BufWriter<File>, begun: PathBuf, done: PathBuf },
}

impl Target {
    pub(super) async fn open(out: Option<&Path>) -> Result<Self, Exit> {
        let Some(done) = out else { return Ok(Self::Output) };
        let mut begun = done.as_os_str().to_owned();
        begun.push(".part");
        let begun = PathBuf::from(begun);
        let open = File::create(&begun).await.map_err(|error| unwritable(&begun, &error))?;
        Ok(Self::File { open: BufWriter::new(open), begun, done: done.to_owned() })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Exit> {
        match self {
            Self::Output => output::write(bytes),
            Self::File { open, begun, .. } => open.write_all(bytes).await.map_err(|error| unwritable(begun, &error)),
        }
    }

    pub(super) async fn finish(self) -> Result<(), Exit> {
        let Self::File { mut open, begun, done } = self else { return Ok(()) };
        open.flush().await.map_err(|error| unwritable(&begun, &error))?;
        tokio::fs::rename(&begun, &done).await.map_err(|error| unwritable(&done, &error))
    }

    /// Removes what is not whole.
    pub(super) async fn discard(self) {
        if let Self::File { begun, .. } = self
            && let Err(error) = tokio::fs::remove_file(&begun).await
        {
            output::note(&format!("{} is not whole and can't be removed: {error}", begun.display()));
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Exit {
    Exit::fault(format!("{} can't be written: {error}", path.display()))
}
