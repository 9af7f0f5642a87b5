use std::io::{BufReader, Cursor, repeat};

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

/// The most memory that this process had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

/// Elsewhere memory is not looked at.
#[cfg(not(target_os = "linux"))]
fn peak() -> u64 {
    0
}

/// Tests beside this one need memory, too; a line that is held needs far more.
const NOTED: u64 = 100 << 20;

#[test]
fn a_row_of_a_gigabyte_is_passed_over_without_being_held() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let before = peak();
    let file = Cursor::new("Nr,Name\n1,One\n").chain(repeat(b'x').take(1 << 30)).chain(Cursor::new("\n2,Two\n"));
    let rows = collect(|sink| table(file, &mapping, &context(), sink));
    assert_eq!(verdicts(&rows), [(2, true), (3, false), (4, true)], "{rows:?}");
    assert!(peak() - before < NOTED, "{} bytes were needed", peak() - before);
}

#[test]
fn a_line_of_a_gigabyte_is_passed_over_without_being_held() {
    let before = peak();
    let resource = "{\"@type\":\"x/isopolity.registry.v1.Agreement\",\"name\":\"cities/feira.example/agreements/a\"}\n";
    let line = repeat(b'x').take(1 << 30).chain(Cursor::new("\n"));
    let file = Cursor::new(resource).chain(line).chain(Cursor::new(resource));
    let rows = collect(|sink| json_lines(file, &context(), sink));
    assert_eq!(verdicts(&rows), [(1, true), (2, false), (3, true)], "{rows:?}");
    assert!(peak() - before < NOTED, "{} bytes were needed", peak() - before);
}

/// A gigabyte would take far too long here: XML is looked at byte by byte, and tests are not optimised.
#[test]
fn an_activity_of_150_megabytes_is_passed_over_without_being_held() {
    let head = "<iati-activities version=\"2.03\"><iati-activity><title><narrative>";
    let tail = "</narrative></title></iati-activity><iati-activity></iati-activity></iati-activities>";
    let before = peak();
    let file = Cursor::new(head).chain(repeat(b'x').take(150 << 20)).chain(Cursor::new(tail));
    let rows = collect(|sink| crate::iati::read(BufReader::new(file), &context(), sink));
    assert_eq!(verdicts(&rows), [(1, false), (1, false)], "{rows:?}");
    assert!(peak() - before < NOTED, "{} bytes were needed", peak() - before);
}

/// The lines of rows, and whether there is a resource in them.
fn verdicts(rows: &[Row]) -> Vec<(i64, bool)> {
    rows.iter().map(|row| (row.line, matches!(row.outcome, Outcome::Resources { .. }))).collect()
}

/// A file of any length: a beginning, and then the same part again and again. Says how much of it was read.
struct Endless<'a> {
    head: &'a [u8],
    part: &'a [u8],
    given: &'a std::cell::Cell<usize>,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let given = self.given.get();
        let rest = match self.head.get(given..).filter(|rest| !rest.is_empty()) {
            Some(rest) => rest,
            None => &self.part[(given - self.head.len()) % self.part.len()..],
        };
        let taken = rest.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&rest[..taken]);
        self.given.set(given + taken);
        Ok(taken)
    }
}

/// Reads such a file as one of the formats.
type Reading<'a> = dyn Fn(Endless<'_>, &mut dyn FnMut(Row) -> ControlFlow<()>) + 'a;

#[test]
fn no_reader_of_a_stream_runs_ahead_of_the_rows_that_it_handed_on() {
    const ROWS: usize = 3_000;
    let context = context();
    let mapping = Mapping::parse(MAPPING).unwrap();
    let given = std::cell::Cell::new(0);
    let ahead = |name: &str, head: &str, part: &str, read: &Reading<'_>| {
        given.set(0);
        let (mut rows, mut last) = (0, 0);
        let file = Endless { head: head.as_bytes(), part: part.as_bytes(), given: &given };
        read(file, &mut |row| {
            let bytes = usize::try_from(row.bytes).unwrap();
            assert!(bytes > last && bytes <= given.get(), "{name}: {bytes} bytes are the place of row {rows}");
            // A buffer, the one behind it, and the row.
            assert!(given.get() - bytes <= 200 << 10, "{name}: {} bytes ahead of row {rows}", given.get() - bytes);
            (rows, last) = (rows + 1, bytes);
            if rows < ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        assert_eq!(rows, ROWS, "{name}");
    };
    ahead("table", "Nr,Name\n", "1,A baker in a town\n", &|file, sink| table(file, &mapping, &context, sink));
    ahead("JSON Lines", "", "{\"@type\":\"x\"}\n", &|file, sink| json_lines(file, &context, sink));
    ahead("IATI", "<iati-activities version=\"2.03\">", "<iati-activity><title/></iati-activity>\n", &|file, sink| {
        crate::iati::read(BufReader::new(file), &context, sink);
    });
}
