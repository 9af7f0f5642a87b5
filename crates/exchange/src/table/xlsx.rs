//! Office Open XML workbooks (`.xlsx`).
//!
//! A workbook is a zip file, so it can be far larger than it looks: it is unpacked once, into nothing, before anything is
//! made of it. Rows are then read one after the other; only the table of shared texts is held as a whole. Formulas count by
//! the result that was stored with them.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx};
use time::{Date, Month, Time};

use super::{Header, Layout, Part, Record, csv, fit};
use crate::Flaw;

/// The most that a workbook may hold when it is unpacked, in bytes.
pub const UNPACKED_MAX: u64 = 200_000_000;
/// The most rows, as the programs that write such files have it.
pub const ROWS_MAX: u32 = 1_048_576;
/// The most columns, likewise.
const COLUMNS_MAX: u32 = 16_384;
/// The most texts that a row may hold, in bytes.
const ROW_MAX: usize = crate::lines::LINE_MAX;
/// The most files within the zip file.
const FILES_MAX: usize = 10_000;

/// Reads a sheet to its end, or until nobody wants its rows any more. A file that is no workbook at all is read as a
/// delimited text: the source of a row is such a text, and people name files as they like.
pub fn read<R: Read + Seek>(mut reader: R, layout: &Layout, each: &mut dyn FnMut(Part) -> ControlFlow<()>) {
    let mut stopped = false;
    let result = prepare(&mut reader).and_then(|kind| match kind {
        FileKind::Text => {
            csv::read(&mut reader, layout, each);
            Ok(())
        }
        FileKind::Workbook(bytes) => {
            let mut each = |part| {
                let flow = each(part);
                stopped |= flow.is_break();
                flow
            };
            // The reader of the format is someone else's; a file that upsets it must not take the import down.
            catch_unwind(AssertUnwindSafe(|| sheet(&mut reader, bytes, layout, &mut each)))
                .unwrap_or_else(|_panic: Box<dyn std::any::Any + Send>| Err("the workbook is damaged".to_owned()))
        }
    });
    if let Err(why) = result
        && !stopped
    {
        // Nobody is left to break for.
        let _: ControlFlow<()> = each(Part::flawed(1, 0, Flaw::of("", why)));
    }
}

/// The names of the sheets, in order.
///
/// # Errors
/// Why it is no workbook.
pub fn sheets<R: Read + Seek>(mut reader: R) -> Result<Vec<String>, String> {
    match prepare(&mut reader)? {
        FileKind::Text => Ok(Vec::new()),
        FileKind::Workbook(_) => catch_unwind(AssertUnwindSafe(|| {
            Xlsx::new(Borrowed(&mut reader)).map(|workbook| workbook.sheet_names()).map_err(|error| damaged(&error))
        }))
        .unwrap_or_else(|_panic: Box<dyn std::any::Any + Send>| Err("the workbook is damaged".to_owned())),
    }
}

enum FileKind {
    Text,
    /// Its size in bytes.
    Workbook(u64),
}

/// Finds out what the file is, and whether it is small enough.
fn prepare<R: Read + Seek>(reader: &mut R) -> Result<FileKind, String> {
    let unreadable = |error: io::Error| format!("the file can't be read: {error}");
    let mut start = Vec::new();
    reader.by_ref().take(8).read_to_end(&mut start).map_err(unreadable)?;
    let size = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
    reader.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    if start.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err("is a workbook of the old form or one with a password: save it as .xlsx without one".to_owned());
    }
    if !start.starts_with(b"PK") {
        return Ok(FileKind::Text);
    }
    let unpacked = unpacked(reader)?;
    if unpacked > UNPACKED_MAX {
        return Err(format!(
            "the workbook is larger than {UNPACKED_MAX} bytes when it is unpacked: split it, or save it as CSV"
        ));
    }
    reader.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(FileKind::Workbook(size))
}

/// How much the zip file holds, up to a little more than is allowed. Counted by unpacking: what a zip file says about
/// itself may be wrong.
fn unpacked<R: Read + Seek>(reader: &mut R) -> Result<u64, String> {
    let damaged = |error: zip::result::ZipError| format!("the workbook is damaged: {error}");
    let mut archive = zip::ZipArchive::new(Borrowed(reader)).map_err(damaged)?;
    if archive.len() > FILES_MAX {
        return Err(format!("the workbook holds more than {FILES_MAX} files"));
    }
    let mut total = 0;
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(damaged)?;
        let taken = io::copy(&mut file.take(UNPACKED_MAX + 1 - total), &mut io::sink());
        total += taken.map_err(|error| format!("the workbook is damaged: {error}"))?;
        if total > UNPACKED_MAX {
            break;
        }
    }
    Ok(total)
}

/// A borrowed reader as an owned one.
struct Borrowed<'a, R>(&'a mut R);

impl<R: Read> Read for Borrowed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Seek> Seek for Borrowed<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

fn damaged(error: &calamine::XlsxError) -> String {
    format!("the workbook is damaged: {error}")
}

fn sheet<R: Read + Seek>(
    reader: &mut R,
    size: u64,
    layout: &Layout,
    each: &mut dyn FnMut(Part) -> ControlFlow<()>,
) -> Result<(), String> {
    let reader = io::BufReader::with_capacity(64 << 10, Borrowed(reader));
    let mut workbook = Xlsx::new(reader).map_err(|error| damaged(&error))?;
    let names = workbook.sheet_names();
    let name = match &layout.sheet {
        None => names.first().ok_or("the workbook has no sheet")?.clone(),
        Some(wanted) if names.contains(wanted) => wanted.clone(),
        Some(wanted) => return Err(format!("the workbook has no sheet {wanted:?}: it has {}", names.join(", "))),
    };
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(|error| damaged(&error))?;
    let rows = u64::from(cells.dimensions().end.0).clamp(1, u64::from(ROWS_MAX));
    let mut sheet = Sheet { layout, header: None, size, rows };
    let mut row = Row::default();
    loop {
        let cell = match cells.next_cell_with_formula() {
            Ok(Some(cell)) => cell,
            Ok(None) => break,
            Err(error) => {
                let flaw = Flaw::of("", format!("the sheet can't be read further: {error}"));
                let _: ControlFlow<()> = each(Part::flawed(i64::from(row.number) + 2, 0, flaw));
                return Ok(());
            }
        };
        let (number, column) = cell.pos;
        if number >= ROWS_MAX || column >= COLUMNS_MAX {
            return Err(format!("the sheet has more than {ROWS_MAX} rows or {COLUMNS_MAX} columns"));
        }
        if number != row.number && sheet.take(std::mem::replace(&mut row, Row::at(number)), each).is_break() {
            return Ok(());
        }
        row.put(column, text_of(&cell.value, cell.formula.is_some()));
    }
    // What follows a break is nobody's concern here.
    let _: ControlFlow<()> = sheet.take(row, each);
    if sheet.header.is_none() {
        return Err("the sheet is empty: a header with the columns' names is required".to_owned());
    }
    Ok(())
}

/// A row as it is read, cell by cell.
#[derive(Default)]
struct Row {
    /// From 0.
    number: u32,
    cells: Vec<String>,
    flaws: Vec<(usize, String)>,
    size: usize,
}

impl Row {
    fn at(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    fn put(&mut self, column: u32, text: Result<String, String>) {
        let Ok(column) = usize::try_from(column) else { return };
        match text {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                self.size = self.size.saturating_add(text.len());
                if self.size > ROW_MAX {
                    return;
                }
                if self.cells.len() <= column {
                    self.cells.resize(column + 1, String::new());
                }
                if let Some(cell) = self.cells.get_mut(column) {
                    *cell = text;
                }
            }
            Err(why) => self.flaws.push((column, why)),
        }
    }
}

struct Sheet<'a> {
    layout: &'a Layout,
    header: Option<Header>,
    size: u64,
    rows: u64,
}

impl Sheet<'_> {
    fn take(&mut self, mut row: Row, each: &mut dyn FnMut(Part) -> ControlFlow<()>) -> ControlFlow<()> {
        let line = i64::from(row.number) + 1;
        if (row.cells.is_empty() && row.flaws.is_empty()) || line < self.layout.header_row {
            return ControlFlow::Continue(());
        }
        let Some(header) = &self.header else {
            let header = Header::new(&row.cells);
            self.header = Some(header.clone());
            return each(Part::Header(header));
        };
        // A workbook is packed: how much of it is read can only be told by the rows.
        let bytes = self.size.saturating_mul(u64::from(row.number) + 1) / self.rows.max(u64::from(row.number) + 1);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if row.size > ROW_MAX {
            return each(Part::flawed(line, bytes, Flaw::of("", format!("the row is longer than {ROW_MAX} bytes"))));
        }
        let source = source(header, &row.cells);
        if let Some((at, _)) = row.cells.iter().enumerate().find(|(_, cell)| cell.contains('\0')) {
            let flaws = vec![Flaw::of(header.label(at), "holds a NUL character")];
            return each(Part::Flawed { line, bytes, flaws, source });
        }
        each(match fit(header, &mut row.cells, false) {
            Ok(()) => Part::Record(Record { line, bytes, cells: row.cells, cell_flaws: row.flaws, source }),
            Err(flaw) => Part::Flawed { line, bytes, flaws: vec![flaw], source },
        })
    }
}

/// Header and row as a delimited text, which [`read`] takes as well.
fn source(header: &Header, cells: &[String]) -> Bytes {
    let mut text = b"\xef\xbb\xbf".to_vec();
    let missing = header.names.len().saturating_sub(cells.len());
    let row = cells.iter().map(String::as_str).chain(std::iter::repeat_n("", missing));
    crate::write::csv::append_row(&mut text, header.names.iter().map(String::as_str));
    crate::write::csv::append_row(&mut text, row);
    Bytes::from(text)
}

/// A cell's value as text: numbers as a spreadsheet shows them, dates by ISO 8601.
fn text_of(value: &DataRef<'_>, formula: bool) -> Result<String, String> {
    match value {
        DataRef::Empty if formula => Err("is a formula without a stored result: open and save the workbook".to_owned()),
        DataRef::Empty => Ok(String::new()),
        DataRef::Int(number) => Ok(number.to_string()),
        DataRef::Float(number) => Ok(number_text(*number)),
        DataRef::String(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Bool(truth) => Ok(truth.to_string()),
        DataRef::DateTime(date) => Ok(date_text(date)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Ok(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned())
        }
        DataRef::Error(error) => Err(format!("holds the error {error}")),
    }
}

/// A number with the 15 digits that spreadsheets hold exactly, without an exponent.
fn number_text(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

fn date_text(date: &ExcelDateTime) -> String {
    if date.is_duration() {
        return number_text(date.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let day = Month::try_from(month).ok().and_then(|month| Date::from_calendar_date(year.into(), month, day).ok());
    let time = Time::from_hms(hour, minute, second).unwrap_or(Time::MIDNIGHT);
    match day {
        None => number_text(date.as_f64()),
        Some(day) if time == Time::MIDNIGHT => day.to_string(),
        Some(day) => format!("{day}T{hour:02}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests;
