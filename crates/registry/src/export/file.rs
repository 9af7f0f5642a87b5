//! A file that grows resource by resource, in one of the forms.

use std::{
    io::{self, Seek as _},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use isopolity_domain::Kind;
use isopolity_exchange::{
    sheets::Sheets,
    write::{Csv, JsonLines, WriteError},
};
use isopolity_proto::registry::ExportFormat;
use prost_reflect::DynamicMessage;
use tokio::io::AsyncReadExt as _;
use tracing::info;

use super::{Export, PIECE_MAX, Taker};
use crate::Error;

/// What was written and not handed on yet. Clones are of the same buffer.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// Takes at most a piece, if there is at least `enough`. With 0 also nothing is enough once.
    pub(super) fn take(&self, enough: usize) -> Option<Bytes> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < enough {
            return None;
        }
        let most = bytes.len().min(PIECE_MAX);
        let rest = bytes.split_off(most);
        Some(mem::replace(&mut *bytes, rest).into())
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file in one of the forms.
pub(super) struct File {
    buffer: Buffer,
    writer: Writer,
}

enum Writer {
    JsonLines(Box<JsonLines<Buffer>>),
    Csv(Box<Csv<Buffer>>),
    /// The sheets that were not begun yet are those of the kinds that remain.
    Workbook {
        sheets: Box<Sheets>,
        kinds: Vec<Kind>,
    },
}

impl File {
    /// Begins a file.
    pub(super) fn begin(export: &Export) -> Result<Self, Error> {
        let buffer = Buffer::default();
        let out = buffer.clone();
        let writer = match (export.format, export.kinds.as_slice()) {
            (ExportFormat::JsonLines, _) => Writer::JsonLines(Box::new(JsonLines::new(out))),
            (ExportFormat::Csv, [kind]) => Writer::Csv(Box::new(Csv::new(out, *kind))),
            (ExportFormat::Xlsx, kinds) => {
                Writer::Workbook { sheets: Box::new(Sheets::new()), kinds: kinds.iter().rev().copied().collect() }
            }
            (format, _) => {
                return Err(Error::internal(format!("{} is no form for records alone", format.as_str_name())));
            }
        };
        Ok(Self { buffer, writer })
    }

    /// What can be handed on.
    pub(super) fn buffer(&self) -> Buffer {
        self.buffer.clone()
    }

    /// Adds a resource. `false`: the form can't hold it, and it was left out.
    pub(super) fn write(&mut self, kind: Kind, resource: &DynamicMessage) -> Result<bool, Error> {
        let written = match &mut self.writer {
            Writer::JsonLines(lines) => lines.write(resource),
            Writer::Csv(table) => table.write(resource),
            Writer::Workbook { sheets, kinds } => {
                begin_sheets(sheets, kinds, Some(kind))?;
                sheets.write(resource)
            }
        };
        match written {
            Ok(()) => Ok(true),
            Err(error) if is_about_the_resource(&error) => {
                info!(%error, "a record is left out of an export");
                Ok(false)
            }
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// Completes the file and hands on what is left. Whether all of it was taken.
    pub(super) async fn finish(self, taker: &Taker) -> Result<bool, Error> {
        let Self { buffer, writer } = self;
        match writer {
            Writer::JsonLines(lines) => drop(lines.finish().map_err(Error::internal)?),
            Writer::Csv(table) => drop(table.finish().map_err(Error::internal)?),
            Writer::Workbook { mut sheets, mut kinds } => {
                begin_sheets(&mut sheets, &mut kinds, None)?;
                // It packs all rows, on a thread that may take its time.
                let packed = tokio::task::spawn_blocking(move || {
                    let mut file = tempfile::tempfile()?;
                    sheets.finish(&mut file)?;
                    file.rewind()?;
                    Ok::<_, io::Error>(file)
                });
                let file = packed.await.map_err(Error::internal)?.map_err(Error::internal)?;
                return hand_on(file, &buffer, taker).await;
            }
        }
        Ok(taker.finish(&buffer).await)
    }
}

/// Whether only this resource does not fit the form.
fn is_about_the_resource(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<WriteError>());
    matches!(cause, Some(WriteError::NoJson { .. } | WriteError::CellTooLong { .. } | WriteError::TooManyRows))
}

/// Begins the sheets up to that of a kind, or all that remain: a kind without records has a sheet with its header.
fn begin_sheets(sheets: &mut Sheets, kinds: &mut Vec<Kind>, until: Option<Kind>) -> Result<(), Error> {
    while kinds.last().is_some_and(|next| until.is_none_or(|until| *next <= until)) {
        if let Some(kind) = kinds.pop() {
            sheets.begin(kind).map_err(Error::internal)?;
        }
    }
    Ok(())
}

/// Hands a whole file on.
async fn hand_on(file: std::fs::File, buffer: &Buffer, taker: &Taker) -> Result<bool, Error> {
    let mut file = tokio::fs::File::from_std(file);
    let mut bytes = vec![0; PIECE_MAX];
    loop {
        let read = file.read(&mut bytes).await.map_err(Error::internal)?;
        let Some(part) = bytes.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(taker.finish(buffer).await);
        };
        io::Write::write_all(&mut buffer.clone(), part).map_err(Error::internal)?;
        if !taker.take(buffer, PIECE_MAX).await {
            return Ok(false);
        }
    }
}
