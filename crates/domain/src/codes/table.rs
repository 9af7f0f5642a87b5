//! Reading a list that is part of the program.
//!
//! Each list is a text with tabs between cells and one line for each code, in the order of the codes; `data/README.md`
//! says what the columns mean. Cells are borrowed from the text, so that a list costs two words for each line.

use std::borrow::Cow;

use super::code::{Code, Label, Status};

/// A list's lines.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// A line and its first cell.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) code: &'static str,
    line: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Code,
    Parent,
    Withdrawn,
    /// A name in this language.
    Label(&'static str),
    /// Names with their languages: `pt=Sociedade anónima|en=…`.
    Labels,
    /// What people also write instead of the code.
    Words,
    /// Anything else, by its name.
    Note(&'static str),
}

/// Notes by which people also call a code.
const SPELLINGS: [&str; 3] = ["alpha3", "numeric", "formerly"];

impl Table {
    pub(super) fn of(text: &'static str) -> Self {
        let mut lines = text.lines();
        let columns = lines.next().unwrap_or_default().split('\t').map(Column::named).collect();
        let rows = lines.map(|line| Row { code: line.split('\t').next().unwrap_or_default(), line }).collect();
        Self { columns, rows }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn find(&self, code: &str) -> Option<Row> {
        let at = self.rows.binary_search_by(|row| row.code.cmp(code)).ok()?;
        self.rows.get(at).copied()
    }

    /// The rows after a code, whether the list holds it or not.
    pub(super) fn after(&self, code: &str) -> usize {
        self.rows.partition_point(|row| row.code <= code)
    }

    /// The languages of the columns with names, in the order of the columns.
    pub(super) fn languages(&self) -> Vec<&'static str> {
        let one = |column: &Column| if let Column::Label(language) = column { Some(*language) } else { None };
        let mut languages: Vec<_> = self.columns.iter().filter_map(one).collect();
        if self.columns.contains(&Column::Labels) {
            let found: std::collections::BTreeSet<_> =
                self.rows.iter().flat_map(|row| self.code(*row).labels).map(|label| label.language).collect();
            languages.extend(found);
        }
        languages
    }

    pub(super) fn code(&self, row: Row) -> Code {
        let mut code = Code {
            code: Cow::Borrowed(row.code),
            parent: None,
            status: Status::Current,
            labels: Vec::new(),
            notes: Vec::new(),
        };
        for (column, cell) in self.cells(row) {
            match column {
                Column::Parent => code.parent = Some(cell),
                Column::Withdrawn => {
                    code.status = Status::Withdrawn { since: Some(cell).filter(|since| *since != "?") }
                }
                Column::Label(language) => code.labels.push(Label { language, text: Cow::Borrowed(cell) }),
                Column::Labels => code.labels.extend(cell.split('|').filter_map(Label::written)),
                Column::Note(name) => code.notes.push((name, cell)),
                Column::Code | Column::Words => {}
            }
        }
        code
    }

    pub(super) fn parent(&self, row: Row) -> Option<&'static str> {
        self.cell(row, Column::Parent)
    }

    pub(super) fn is_withdrawn(&self, row: Row) -> bool {
        self.cell(row, Column::Withdrawn).is_some()
    }

    pub(super) fn label(&self, row: Row, language: &str) -> Option<&'static str> {
        let named = |column: &Column| matches!(column, Column::Label(known) if *known == language);
        self.cells(row).find(|(column, _)| named(column)).map(|(_, cell)| cell)
    }

    pub(super) fn note(&self, row: Row, name: &'static str) -> Option<&'static str> {
        self.cell(row, Column::Note(name))
    }

    /// What people also write instead of the code, other than its names.
    pub(super) fn spellings(&self, row: Row) -> impl Iterator<Item = &'static str> {
        self.cells(row)
            .filter(|(column, _)| match column {
                Column::Words => true,
                Column::Note(name) => SPELLINGS.contains(name),
                _ => false,
            })
            .flat_map(|(_, cell)| cell.split('|'))
    }

    fn cell(&self, row: Row, wanted: Column) -> Option<&'static str> {
        self.cells(row).find(|(column, _)| *column == wanted).map(|(_, cell)| cell)
    }

    /// The cells that are not empty.
    fn cells(&self, row: Row) -> impl Iterator<Item = (Column, &'static str)> {
        self.columns.iter().copied().zip(row.line.split('\t')).filter(|(_, cell)| !cell.is_empty())
    }
}

impl Column {
    fn named(name: &'static str) -> Self {
        match name {
            "code" => Self::Code,
            "parent" => Self::Parent,
            "withdrawn" => Self::Withdrawn,
            "labels" => Self::Labels,
            "words" => Self::Words,
            other => other.strip_prefix("label.").map_or(Self::Note(other), Self::Label),
        }
    }
}

impl Label {
    fn written(text: &'static str) -> Option<Self> {
        let (language, text) = text.split_once('=')?;
        Some(Self { language, text: Cow::Borrowed(text) })
    }
}
