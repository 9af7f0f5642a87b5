//! Tables of two facets: counts that add up in two directions.

use super::{Cells, Count, Facet, Rule, Values, suppress};

/// What may be shown of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// All of it.
    pub total: Count,
    /// The sums of the rows.
    pub rows: Facet,
    /// The sums of the columns.
    pub columns: Facet,
    /// The rows, in the order in which they were handed in; `None` for a row of which nothing is shown but its sum.
    pub cells: Vec<Option<Vec<i64>>>,
}

/// What may be shown of a table in which each record stands in one cell. Rows are shown or hidden as a whole: what can be
/// computed of a cell in hidden rows is then exactly from `row + column - all` to the smaller of `row` and `column`, and so many rows
/// are hidden that no small cell is pinned. A row that is shorter than others ends with zeros.
#[must_use]
pub fn table(rows: &[Vec<i64>], rule: Rule) -> Table {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let at = |row: usize, column: usize| rows.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(0);
    let row_sums: Vec<i64> = rows.iter().map(|cells| sum(cells.iter().copied())).collect();
    let column_sums: Vec<i64> = (0..width).map(|column| sum((0..rows.len()).map(|row| at(row, column)))).collect();
    let total = sum(row_sums.iter().copied());
    let cells = |counts| Cells { counts, values: Values::One, left_off: false };
    let disclosed = suppress(total, &[cells(&row_sums), cells(&column_sums)], rule);
    let mut facets = disclosed.facets.into_iter();
    let (row_facet, column_facet) =
        (facets.next().unwrap_or(Facet::Withheld), facets.next().unwrap_or(Facet::Withheld));
    let mut shown =
        Table { total: disclosed.total, rows: row_facet, columns: column_facet, cells: vec![None; rows.len()] };
    // A hidden sum could be computed from the cells of its row or column.
    if !is_whole(&shown.rows) || !is_whole(&shown.columns) {
        return shown;
    }
    let mut hidden: Vec<usize> =
        (0..rows.len()).filter(|row| (0..width).any(|column| !rule.shows(at(*row, column)))).collect();
    let mut candidates: Vec<(i64, usize)> = (0..rows.len())
        .filter(|row| !hidden.contains(row))
        .map(|row| (row_sums.get(row).copied().unwrap_or(0), row))
        .collect();
    candidates.sort_unstable();
    let mut candidates = candidates.into_iter();
    while !is_protected(&hidden, width, &at, rule) {
        let Some((_, row)) = candidates.next() else {
            // Even the sums of rows and columns pin a small cell: one direction has to go.
            shown.columns = Facet::Withheld;
            return shown;
        };
        hidden.push(row);
    }
    shown.cells = (0..rows.len())
        .map(|row| (!hidden.contains(&row)).then(|| (0..width).map(|column| at(row, column)).collect()))
        .collect();
    shown
}

fn is_whole(facet: &Facet) -> bool {
    matches!(facet, Facet::Shown(counts) if counts.iter().all(|count| count.exact().is_some()))
}

fn is_protected(hidden: &[usize], width: usize, at: &impl Fn(usize, usize) -> i64, rule: Rule) -> bool {
    let in_row = |row: usize| sum((0..width).map(|column| at(row, column)));
    let in_column = |column: usize| sum(hidden.iter().map(|row| at(*row, column)));
    let all = sum(hidden.iter().map(|row| in_row(*row)));
    hidden.iter().all(|row| {
        (0..width).filter(|column| !rule.shows(at(*row, *column))).all(|column| {
            let (row, column) = (in_row(*row), in_column(column));
            row.saturating_add(column).saturating_sub(all) <= 1 && row.min(column) >= rule.minimum - 1
        })
    })
}

fn sum(counts: impl Iterator<Item = i64>) -> i64 {
    counts.fold(0, i64::saturating_add)
}
