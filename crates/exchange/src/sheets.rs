//! A workbook (`.xlsx`) with a sheet for each kind of resource.

use std::{fmt, io};

use isopolity_domain::Kind;
use prost_reflect::DynamicMessage;
use rust_xlsxwriter::{Format, XlsxError};

use crate::{
    table::xlsx::ROWS_MAX,
    write::{
        WriteError,
        flat::{self, EXACT_COLUMN, columns},
    },
};

/// The most characters of a cell, in UTF-16 units.
const CELL_MAX: usize = 32_767;

/// Writes a workbook, sheet by sheet, with the columns of [`flat`]. Every cell is a text, so none is taken for a formula.
/// Rows wait in temporary files, not in memory; the workbook itself is written at the end.
pub struct Sheets {
    workbook: rust_xlsxwriter::Workbook,
    kinds: Vec<Kind>,
    row: u32,
}

impl Sheets {
    /// Begins a workbook.
    #[must_use]
    pub fn new() -> Self {
        Self { workbook: rust_xlsxwriter::Workbook::new(), kinds: Vec::new(), row: 0 }
    }

    /// Begins the sheet of a kind. The sheets before it are closed; each kind has one sheet.
    ///
    /// # Errors
    /// If the kind has a sheet already or there is no room for a temporary file.
    pub fn begin(&mut self, kind: Kind) -> io::Result<()> {
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(workbook_error)?;
        let named = sheet.set_name(kind.as_str()).and_then(|sheet| sheet.set_freeze_panes(1, 0));
        named.map_err(workbook_error)?;
        self.kinds.push(kind);
        self.row = 0;
        let columns = columns(kind);
        let header = columns.iter().map(|column| column.name.as_str()).chain([EXACT_COLUMN]);
        self.put(header, &Format::new().set_bold()).map_err(workbook_error)
    }

    /// Adds a resource of the kind whose sheet was begun last.
    ///
    /// # Errors
    /// [`WriteError`] within it if the resource is of another kind or does not fit: it is not in the workbook then,
    /// everything else is. Else if no sheet was begun, or there is no room.
    pub fn write(&mut self, resource: &DynamicMessage) -> io::Result<()> {
        let kind = self.kinds.last().copied().ok_or_else(|| io::Error::other("no sheet was begun"))?;
        if self.row >= ROWS_MAX {
            return Err(WriteError::TooManyRows.into());
        }
        let cells = flat::row(kind, resource)?;
        if let Some(at) = cells.iter().position(|cell| cell.encode_utf16().count() > CELL_MAX) {
            let column = columns(kind).get(at).map_or(EXACT_COLUMN, |column| &column.name).to_owned();
            let name = resource.get_field_by_name("name").and_then(|name| name.as_str().map(str::to_owned));
            return Err(WriteError::CellTooLong { name: name.unwrap_or_default(), column }.into());
        }
        self.put(cells.iter().map(String::as_str), &Format::default()).map_err(workbook_error)
    }

    /// Writes the workbook. It takes time in proportion to all rows.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(mut self, out: impl io::Write + Send) -> io::Result<()> {
        self.workbook.save_to_writer(out).map_err(workbook_error)
    }

    fn put<'a>(&mut self, cells: impl Iterator<Item = &'a str>, format: &Format) -> Result<(), XlsxError> {
        let sheet = self.workbook.worksheet_from_index(self.kinds.len().saturating_sub(1))?;
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

impl Default for Sheets {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sheets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sheets").field("kinds", &self.kinds).field("row", &self.row).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader as _, Xlsx};
    use isopolity_proto::{
        registry::{Organization, Place},
        to_dynamic,
        types::LocalizedText,
    };

    use super::*;

    fn organization(name: &str) -> DynamicMessage {
        let text = LocalizedText { text: name.into(), language: "en".into(), ..Default::default() };
        to_dynamic(&Organization { display_names: vec![text], ..Default::default() })
    }

    #[test]
    fn each_kind_has_a_sheet_of_texts_without_formulas() {
        let mut sheets = Sheets::new();
        sheets.begin(Kind::Place).unwrap();
        sheets.write(&to_dynamic(&Place::default())).unwrap();
        sheets.begin(Kind::Organization).unwrap();
        for name in ["=1+1", "007"] {
            sheets.write(&organization(name)).unwrap();
        }
        let refused = sheets.write(&organization(&"x".repeat(CELL_MAX + 1))).unwrap_err();
        assert!(refused.to_string().contains("display_names[0].text"), "{refused}");
        assert!(sheets.write(&to_dynamic(&Place::default())).is_err(), "a place is no organisation");

        let mut file = io::Cursor::new(Vec::new());
        sheets.finish(&mut file).unwrap();
        let mut workbook: Xlsx<_> = Xlsx::new(io::Cursor::new(file.into_inner())).unwrap();
        assert_eq!(workbook.sheet_names(), ["place", "organization"]);
        let cells = workbook.worksheet_range("organization").unwrap();
        let column =
            cells.rows().next().unwrap().iter().position(|cell| *cell == Data::String("display_names[0].text".into()));
        let names: Vec<&Data> = cells.rows().skip(1).map(|row| &row[column.unwrap()]).collect();
        assert_eq!(names, [&Data::String("=1+1".into()), &Data::String("007".into())]);
        assert!(workbook.worksheet_formula("organization").unwrap().is_empty());
    }
}
