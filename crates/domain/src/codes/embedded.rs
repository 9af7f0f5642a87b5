//! Reading the lists that are part of the program.

use std::collections::BTreeSet;

use csv::StringRecord;

/// The rows below the header.
pub(super) fn rows(list: &'static str) -> impl Iterator<Item = StringRecord> {
    csv::Reader::from_reader(list.as_bytes()).into_records().map(|row| match row {
        Ok(row) => row,
        // The lists are part of the program; a test reads each of them.
        Err(error) => unreachable!("a built-in code list is damaged: {error}"),
    })
}

/// A column of a row, empty if there is none.
pub(super) fn cell(row: &StringRecord, column: usize) -> String {
    row.get(column).unwrap_or_default().to_owned()
}

/// The first column.
pub(super) fn column(list: &'static str) -> BTreeSet<String> {
    rows(list).map(|row| cell(&row, 0)).collect()
}
