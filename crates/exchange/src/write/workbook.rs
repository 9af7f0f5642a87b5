//! Workbooks (`.xlsx`).

use std::io;

use isopolity_domain::Kind;
use prost_reflect::DynamicMessage;
use rust_xlsxwriter::{Format, XlsxError};

use super::{
    WriteError,
    flat::{self, EXACT_COLUMN, columns},
    name_of,
};

/// The most rows of a sheet.
const ROWS_MAX: u32 = crate::table::xlsx::ROWS_MAX;
/// The longest text of a cell, in the units of UTF-16.
const CELL_MAX: usize = 32_767;

/// Writes a workbook with one sheet of one kind. Every cell is a text, so none is taken for a formula. Rows wait in a
/// temporary file, not in memory; the workbook itself is written at the end.
pub struct Workbook<W> {
    out: W,
    book: rust_xlsxwriter::Workbook,
    kind: Kind,
    row: u32,
}

impl<W: io::Write + Send> Workbook<W> {
    /// Begins a workbook.
    #[must_use]
    pub fn new(out: W, kind: Kind) -> Self {
        Self { out, book: rust_xlsxwriter::Workbook::new(), kind, row: 0 }
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// Where there is no room for the temporary file; [`WriteError`] within it if the resource is of another kind or does
    /// not fit.
    pub fn write(&mut self, resource: &DynamicMessage) -> io::Result<()> {
        let cells = flat::row(self.kind, resource)?;
        self.begin()?;
        if self.row >= ROWS_MAX {
            return Err(WriteError::TooManyRows.into());
        }
        if let Some(at) = cells.iter().position(|cell| cell.encode_utf16().count() > CELL_MAX) {
            let columns = columns(self.kind);
            let column = columns.get(at).map_or(EXACT_COLUMN, |column| &column.name).to_owned();
            return Err(WriteError::CellTooLong { name: name_of(resource), column }.into());
        }
        self.put(cells.iter().map(String::as_str), &Format::default()).map_err(workbook_error)
    }

    /// Writes the workbook, which has a header in any case.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(mut self) -> io::Result<W> {
        self.begin()?;
        self.book.save_to_writer(&mut self.out).map_err(workbook_error)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.row > 0 {
            return Ok(());
        }
        let sheet = self.book.add_worksheet_with_constant_memory().map_err(workbook_error)?;
        let named = sheet.set_name(self.kind.as_str()).and_then(|sheet| sheet.set_freeze_panes(1, 0));
        named.map_err(workbook_error)?;
        let columns = columns(self.kind);
        let header = columns.iter().map(|column| column.name.as_str()).chain([EXACT_COLUMN]);
        self.put(header, &Format::new().set_bold()).map_err(workbook_error)
    }

    fn put<'a>(&mut self, cells: impl Iterator<Item = &'a str>, format: &Format) -> Result<(), XlsxError> {
        let sheet = self.book.worksheet_from_index(0)?;
        for (column, cell) in (0_u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string_with_format(self.row, column, cell, format)?;
        }
        self.row += 1;
        Ok(())
    }
}

fn workbook_error(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        error => WriteError::Workbook(error).into(),
    }
}
