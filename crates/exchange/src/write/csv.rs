//! Comma-separated texts (RFC 4180) in UTF-8.

use std::{borrow::Cow, io};

use isopolity_domain::Kind;
use prost_reflect::{DynamicMessage, Kind as FieldKind};

use super::flat::{self, EXACT_COLUMN, columns};
use crate::table::csv::needs_guard;

/// Writes a table of one kind. Texts that a spreadsheet would take for a formula get an apostrophe in front; the reader
/// takes it away. The file begins with a byte order mark, without which Excel takes it for another encoding.
#[derive(Debug)]
pub struct Csv<W> {
    out: W,
    kind: Kind,
    begun: bool,
}

impl<W: io::Write> Csv<W> {
    /// Begins a file. The header is written with the first resource, or at the end.
    pub fn new(out: W, kind: Kind) -> Self {
        Self { out, kind, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let mut text = b"\xef\xbb\xbf".to_vec();
        let columns = columns(self.kind);
        append_row(&mut text, columns.iter().map(|column| column.name.as_str()).chain([EXACT_COLUMN]));
        self.out.write_all(&text)
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// What the file says; [`super::WriteError`] within it if the resource is of another kind.
    pub fn write(&mut self, resource: &DynamicMessage) -> io::Result<()> {
        let cells = flat::row(self.kind, resource)?;
        self.begin()?;
        let columns = columns(self.kind);
        // A number is no formula, and has to stay one.
        let numbers = columns.iter().map(|column| {
            column.path.field().is_some_and(|field| is_number(&field.kind())) && !column.path.is_whole_list()
        });
        let mut text = Vec::new();
        append_cells(&mut text, cells.iter().map(String::as_str).zip(numbers.chain([false])));
        self.out.write_all(&text)
    }

    /// Completes the file, which has a header in any case.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(mut self) -> io::Result<W> {
        self.begin()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn is_number(kind: &FieldKind) -> bool {
    !matches!(kind, FieldKind::String | FieldKind::Bytes | FieldKind::Enum(_) | FieldKind::Message(_) | FieldKind::Bool)
}

/// The cell so that no program takes it for a formula.
fn guarded(cell: &str) -> Cow<'_, str> {
    let rest = cell.strip_prefix('\'').unwrap_or(cell);
    let looks_guarded = rest.len() < cell.len() && (rest.starts_with(needs_guard) || rest.starts_with('\''));
    if cell.starts_with(needs_guard) || looks_guarded { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Adds a row of texts.
pub(crate) fn append_row<'a>(text: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    append_cells(text, cells.map(|cell| (cell, false)));
}

/// Adds a row; a cell that is known to be a number needs no guard.
fn append_cells<'a>(text: &mut Vec<u8>, cells: impl Iterator<Item = (&'a str, bool)>) {
    let begin = text.len();
    for (at, (cell, is_number)) in cells.enumerate() {
        if at > 0 {
            text.push(b',');
        }
        let cell = if is_number { Cow::Borrowed(cell) } else { guarded(cell) };
        let quoted =
            cell.contains(['"', ',', ';', '\n', '\r', '\t', '|']) || cell.starts_with(' ') || cell.ends_with(' ');
        if quoted {
            text.push(b'"');
            text.extend(cell.replace('"', "\"\"").bytes());
            text.push(b'"');
        } else {
            text.extend(cell.bytes());
        }
    }
    if text.len() == begin {
        // A row of one empty cell would be no row.
        text.extend(b"\"\"");
    }
    text.extend(b"\r\n");
}
