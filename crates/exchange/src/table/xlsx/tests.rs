use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;

fn read_all(bytes: &[u8], layout: &Layout) -> Vec<Part> {
    let mut parts = Vec::new();
    read(Cursor::new(bytes), layout, &mut |part| {
        parts.push(part);
        ControlFlow::Continue(())
    });
    parts
}

fn records(bytes: &[u8], layout: &Layout) -> Vec<Record> {
    let record = |part| match part {
        Part::Header(_) => None,
        Part::Record(record) => Some(record),
        flawed @ Part::Flawed { .. } => panic!("{flawed:?}"),
    };
    read_all(bytes, layout).into_iter().filter_map(record).collect()
}

fn why(bytes: &[u8], layout: &Layout) -> String {
    let parts = read_all(bytes, layout);
    let flaw = parts.iter().find_map(|part| match part {
        Part::Flawed { flaws, .. } => Some(flaws[0].description.clone()),
        _ => None,
    });
    flaw.unwrap_or_else(|| panic!("{parts:?}"))
}

fn sample() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let notes = workbook.add_worksheet();
    notes.set_name("Notes").unwrap().write(0, 0, "nothing").unwrap();
    let sheet = workbook.add_worksheet();
    sheet.set_name("Firms").unwrap();
    for (at, name) in ["name", "since", "share", "sum", "open"].into_iter().enumerate() {
        sheet.write(2, u16::try_from(at).unwrap(), name).unwrap();
    }
    let day = Format::new().set_num_format("dd.mm.yyyy");
    sheet.write(3, 0, "Köln – \"Öl\"").unwrap();
    sheet.write_with_format(3, 1, ExcelDateTime::from_ymd(2013, 3, 15).unwrap(), &day).unwrap();
    sheet.write(3, 2, 0.1 + 0.2).unwrap();
    sheet.write_formula(3, 3, Formula::new("=1+1").set_result("2")).unwrap();
    sheet.write(3, 4, true).unwrap();
    sheet.write(5, 0, "=1+1").unwrap();
    workbook.save_to_buffer().unwrap()
}

fn firms() -> Layout {
    Layout { sheet: Some("Firms".into()), header_row: 3, ..Layout::default() }
}

#[test]
fn cells_are_read_as_people_see_them() {
    let found = records(&sample(), &firms());
    assert_eq!(found[0].cells, ["Köln – \"Öl\"", "2013-03-15", "0.3", "2", "true"]);
    assert_eq!((found[0].line, found[1].line), (4, 6), "an empty row is no row, but counts");
    assert_eq!(found[1].cells[0], "=1+1");
}

#[test]
fn the_first_sheet_is_read_unless_another_is_named() {
    assert_eq!(sheets(Cursor::new(sample())).unwrap(), ["Notes", "Firms"]);
    assert!(records(&sample(), &Layout::default()).is_empty());
    let missing = Layout { sheet: Some("firms".into()), ..Layout::default() };
    assert!(why(&sample(), &missing).contains("it has Notes, Firms"));
}

#[test]
fn the_source_of_a_row_can_be_read_again() {
    let found = records(&sample(), &firms());
    for record in &found {
        let again = records(&record.source, &Layout { sheet: Some("Firms".into()), ..Layout::default() });
        assert_eq!(again[0].cells, record.cells);
    }
}

#[test]
fn a_file_that_unpacks_to_far_too_much_is_refused() {
    let mut bomb = zip::ZipWriter::new(Cursor::new(Vec::new()));
    bomb.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..=UNPACKED_MAX >> 20 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap().into_inner();
    assert!(bomb.len() < 2_000_000, "{}", bomb.len());
    assert!(why(&bomb, &Layout::default()).contains("when it is unpacked"));
}

#[test]
fn what_is_no_workbook_is_said_to_be_none() {
    assert!(why(b"PK\x03\x04 and then nothing", &Layout::default()).contains("damaged"));
    assert!(why(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", &Layout::default()).contains("password"));
    let empty = Workbook::new().save_to_buffer().unwrap();
    assert!(!read_all(&empty, &Layout::default()).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_upset_it(bytes: Vec<u8>) {
        read_all(&bytes, &Layout::default());
        read_all(&[b"PK\x03\x04", bytes.as_slice()].concat(), &Layout::default());
    }

    #[test]
    fn no_damage_to_a_workbook_upsets_it(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = sample();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_all(&bytes, &firms());
    }
}
