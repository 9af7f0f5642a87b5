//! Workbooks (`.xlsx`).

use std::io;

use isopolity_domain::Kind;
use prost_reflect::DynamicMessage;
use rust_xlsxwriter::{Format, XlsxError};

use super::{
    Write, WriteError,
    flat::{self, EXACT_COLUMN, columns},
    name_of,
};

/// The most rows of a sheet.
const ROWS_MAX: u32 = crate::table::xlsx::ROWS_MAX;

/// Writes a workbook with one sheet of one kind. Every cell is a text, so none is taken for a formula. Rows wait in a
/// temporary file, not in memory; the workbook itself is written at the end.
pub struct Workbook<W> {
    out: W,
    workbook: rust_xlsxwriter::Workbook,
    kind: Kind,
    row: u32,
}

impl<W: io::Write + Send> Workbook<W> {
    /// Begins a workbook.
    ///
    /// # Errors
    /// [`WriteError`] if there is no room for a temporary file.
    pub fn new(out: W, kind: Kind) -> Result<Self, WriteError> {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory();
        let begun = sheet.set_name(kind.as_str()).and_then(|sheet| sheet.set_freeze_panes(1, 0)).map(|_sheet| ());
        begun.map_err(WriteError::Workbook)?;
        let mut writer = Self { out, workbook, kind, row: 0 };
        let columns = columns(kind);
        let header: Vec<&str> = columns.iter().map(|column| column.name.as_str()).chain([EXACT_COLUMN]).collect();
        writer.put(&header, &Format::new().set_bold()).map_err(WriteError::Workbook)?;
        Ok(writer)
    }

    fn put(&mut self, cells: &[&str], format: &Format) -> Result<(), XlsxError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let column = u16::try_from(at).map_err(|_error: std::num::TryFromIntError| XlsxError::RowColumnLimitError)?;
            sheet.write_string_with_format(self.row, column, *cell, format)?;
        }
        self.row += 1;
        Ok(())
    }
}

impl<W: io::Write + Send> Write for Workbook<W> {
    fn write(&mut self, resource: &DynamicMessage) -> Result<(), WriteError> {
        if self.row >= ROWS_MAX {
            return Err(WriteError::TooManyRows);
        }
        let cells = flat::row(self.kind, resource)?;
        if let Some(at) = cells.iter().position(|cell| cell.encode_utf16().count() > 32_767) {
            let columns = columns(self.kind);
            let column = columns.get(at).map_or(EXACT_COLUMN, |column| &column.name).to_owned();
            return Err(WriteError::CellTooLong { name: name_of(resource), column });
        }
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        self.put(&cells, &Format::default()).map_err(WriteError::Workbook)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.workbook.save_to_writer(&mut self.out).map_err(WriteError::Workbook)?;
        Ok(self.out.flush()?)
    }
}
