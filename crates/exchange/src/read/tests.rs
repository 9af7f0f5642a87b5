use std::io::Cursor;

use super::*;
use crate::testing::context;

const MAPPING: &str = r#"
kind = "organization"
key = ["Nr"]
[[field]]
to = "display_names[0].text"
column = "Name"
language = "de"
required = true
[[field]]
to = "kind"
value = "ENTERPRISE"
"#;

fn collect(read: impl FnOnce(&mut dyn FnMut(Row) -> ControlFlow<()>)) -> Vec<Row> {
    let mut rows = Vec::new();
    read(&mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

#[test]
fn a_file_whose_header_is_wrong_gives_one_row_that_says_so() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    for (file, hint) in
        [("Nr,Firma\n1,A\n", "it has Nr, Firma"), ("Nr,Name,Name\n1,A,B\n", "columns 2 and 3"), ("", "empty")]
    {
        let rows = collect(|sink| table(file.as_bytes(), &mapping, &context(), sink));
        let [Row { line: 1, outcome: Outcome::Rejected(flaws), .. }] = &rows[..] else { panic!("{rows:?}") };
        assert!(flaws[0].description.contains(hint), "{flaws:?}");
    }
}

#[test]
fn the_same_table_says_the_same_as_text_and_as_workbook() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let text = "Nr,Name\n7,Köln AG\n,Nobody\n8,\n";
    let mut file = rust_xlsxwriter::Workbook::new();
    let sheet = file.add_worksheet();
    for (row, line) in (0_u32..).zip(text.lines()) {
        for (column, cell) in (0_u16..).zip(line.split(',')) {
            match cell.parse::<f64>() {
                Ok(number) => sheet.write(row, column, number).unwrap(),
                Err(_) => sheet.write(row, column, cell).unwrap(),
            };
        }
    }
    let file = file.save_to_buffer().unwrap();
    let told = |rows: Vec<Row>| {
        let told = |row: Row| match row.outcome {
            Outcome::Resources { entries, .. } => (row.line, format!("{} {:?}", entries[0].name, entries[0].resource)),
            other => (row.line, format!("{other:?}")),
        };
        rows.into_iter().map(told).collect::<Vec<_>>()
    };
    let from_text = told(collect(|sink| table(text.as_bytes(), &mapping, &context(), sink)));
    let from_workbook = told(collect(|sink| workbook(Cursor::new(&file), &mapping, &context(), sink)));
    assert_eq!(from_text, from_workbook);
    assert_eq!(from_text.len(), 3);
}

#[test]
fn reading_ends_when_nobody_wants_more() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let mut count = 0;
    table("Nr,Name\n1,A\n2,B\n3,C\n".as_bytes(), &mapping, &context(), &mut |_| {
        count += 1;
        if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(count, 2);
}

#[test]
fn columns_of_which_nothing_is_made_are_told() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let (header, _) = sample_table("Nr,Name,Farbe\n".as_bytes(), mapping.layout(), 1).unwrap();
    assert_eq!(mapping.unused_columns(&header), ["Farbe"]);
}
