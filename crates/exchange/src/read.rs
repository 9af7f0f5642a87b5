//! Reading files: one function for each format, all of them with the same [`Row`]s.
//!
//! Each calls `sink` for one row after the other, in the order of the file, until the file or the caller's patience is at its
//! end. A file that is wrong as a whole gives one rejected row that says so: nothing of a file passes in silence.

use std::{
    io::{Read, Seek},
    ops::ControlFlow,
};

use bytes::Bytes;

use crate::{
    Context, Flaw, Mapping, Outcome, Row,
    mapping::Bound,
    table::{self, Header, Layout, Part},
};

pub use crate::{
    json_lines::json_lines,
    twin_towns::{twin_towns, twin_towns_raw},
};

/// The formats that are read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Twin towns with country codes: `city,city_country,…,partner,partner_country,…`.
    TwinTownsCsv,
    /// Twin towns as their source has them, with countries by name: a TSV that begins with `origincityLabel`, `origincountry`.
    TwinTownsRaw,
    /// The project's own form: on each line a resource in protobuf JSON.
    JsonLines,
    /// A delimited text, by a mapping.
    Table,
    /// A workbook (`.xlsx`), by a mapping.
    Workbook,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::TwinTownsCsv, Self::TwinTownsRaw, Self::JsonLines, Self::Table, Self::Workbook];

    /// Whether a mapping is required.
    #[must_use]
    pub fn needs_mapping(self) -> bool {
        matches!(self, Self::Table | Self::Workbook)
    }

    /// Whether the file has to be there as a whole before it can be read.
    #[must_use]
    pub fn needs_seek(self) -> bool {
        self == Self::Workbook
    }
}

/// Reads a delimited text by a mapping.
pub fn table(reader: impl Read, mapping: &Mapping, context: &Context, sink: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    let mut rows = Rows { mapping, context, bound: None, sink };
    table::csv::read(reader, mapping.layout(), &mut |part| rows.take(part));
}

/// Reads a sheet of a workbook by a mapping. A file that is no workbook is read as a delimited text, as is the source of a
/// row.
pub fn workbook(
    file: impl Read + Seek,
    mapping: &Mapping,
    context: &Context,
    sink: &mut dyn FnMut(Row) -> ControlFlow<()>,
) {
    let mut rows = Rows { mapping, context, bound: None, sink };
    table::xlsx::read(file, mapping.layout(), &mut |part| rows.take(part));
}

/// The header of a delimited text and its first rows, to propose a mapping from ([`crate::guess`]).
///
/// # Errors
/// Why there is no header that can be read.
pub fn sample_table(reader: impl Read, layout: &Layout, rows: usize) -> Result<(Header, Vec<Vec<String>>), Flaw> {
    let mut sample = Sample::new(rows);
    table::csv::read(reader, layout, &mut |part| sample.take(part));
    sample.result()
}

/// The header of a workbook's sheet and its first rows.
///
/// # Errors
/// Why there is no header that can be read.
pub fn sample_workbook(
    file: impl Read + Seek,
    layout: &Layout,
    rows: usize,
) -> Result<(Header, Vec<Vec<String>>), Flaw> {
    let mut sample = Sample::new(rows);
    table::xlsx::read(file, layout, &mut |part| sample.take(part));
    sample.result()
}

struct Sample {
    header: Option<Header>,
    flaw: Option<Flaw>,
    rows: Vec<Vec<String>>,
    most: usize,
}

impl Sample {
    fn new(most: usize) -> Self {
        Self { header: None, flaw: None, rows: Vec::new(), most }
    }

    fn take(&mut self, part: Part) -> ControlFlow<()> {
        match part {
            Part::Header(header) => self.header = Some(header),
            Part::Record(record) => self.rows.push(record.cells),
            Part::Flawed { flaws, .. } => self.flaw = self.flaw.take().or(flaws.into_iter().next()),
        }
        if self.rows.len() < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn result(self) -> Result<(Header, Vec<Vec<String>>), Flaw> {
        let why = self.flaw.unwrap_or_else(|| Flaw::of("", "the file has no header"));
        self.header.map(|header| (header, self.rows)).ok_or(why)
    }
}

/// From parts of a table to rows.
struct Rows<'a, 'b> {
    mapping: &'a Mapping,
    context: &'a Context,
    bound: Option<Bound<'a>>,
    sink: &'b mut dyn FnMut(Row) -> ControlFlow<()>,
}

impl Rows<'_, '_> {
    fn take(&mut self, part: Part) -> ControlFlow<()> {
        match part {
            Part::Header(header) => match Bound::new(self.mapping, &header) {
                Ok(bound) => {
                    self.bound = Some(bound);
                    ControlFlow::Continue(())
                }
                Err(flaws) => {
                    let line = self.mapping.layout().header_row;
                    let _: ControlFlow<()> = (self.sink)(rejected(line, 0, Bytes::new(), flaws));
                    ControlFlow::Break(())
                }
            },
            Part::Record(record) => {
                let Some(bound) = &self.bound else { return ControlFlow::Break(()) };
                let outcome = bound.outcome(&record, self.context);
                (self.sink)(Row { line: record.line, bytes: record.bytes, source: record.source, outcome })
            }
            Part::Flawed { line, bytes, flaws, source } => (self.sink)(rejected(line, bytes, source, flaws)),
        }
    }
}

pub(crate) fn rejected(line: i64, bytes: i64, source: Bytes, flaws: Vec<Flaw>) -> Row {
    Row { line, bytes, source, outcome: Outcome::Rejected(flaws) }
}

#[cfg(test)]
mod tests;
