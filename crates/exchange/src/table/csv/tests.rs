use proptest::prelude::*;

use super::*;

fn read_all(text: &[u8], layout: &Layout) -> Vec<Part> {
    let mut parts = Vec::new();
    read(text, layout, &mut |part| {
        parts.push(part);
        ControlFlow::Continue(())
    });
    parts
}

fn cells(text: &[u8], layout: &Layout) -> Vec<Vec<String>> {
    let cells = |part| match part {
        Part::Header(_) => None,
        Part::Record(record) => Some(record.cells),
        flawed @ Part::Flawed { .. } => panic!("{flawed:?}"),
    };
    read_all(text, layout).into_iter().filter_map(cells).collect()
}

fn flaw(text: &[u8], layout: &Layout) -> (i64, Flaw) {
    let parts = read_all(text, layout);
    let found = parts.iter().find_map(|part| match part {
        Part::Flawed { line, flaws, .. } => Some((*line, flaws[0].clone())),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{parts:?}"))
}

#[test]
fn the_delimiter_is_found_out_stated_or_said_by_excel() {
    let layout = Layout::default();
    for text in ["a,b\n1,2\n", "a;b\n1;2\n", "a\tb\n1\t2\n", "sep=;\na;b\n1;2\n", "\u{feff}a|b\n1|2"] {
        assert_eq!(cells(text.as_bytes(), &layout), [["1", "2"]], "{text}");
    }
    let stated = Layout { delimiter: Some(b';'), ..Layout::default() };
    assert_eq!(cells(b"a,x;b,y\n1,5;2\n", &stated), [["1,5", "2"]]);
}

#[test]
fn what_stands_above_the_header_is_passed_over() {
    let layout = Layout { header_row: 3, ..Layout::default() };
    assert_eq!(cells(b"Register of firms\n\na,b\n1,2\n", &layout), [["1", "2"]]);
}

#[test]
fn a_text_in_another_encoding_is_refused_with_its_place_unless_the_mapping_names_it() {
    let (line, found) = flaw(b"name,city\nA,K\xf6ln\n", &Layout::default());
    assert_eq!((line, found.column.as_str()), (2, "city"));
    assert!(found.description.contains("byte 2 is 0xf6"), "{found:?}");
    let windows = Layout { encoding: Some(encoding_rs::WINDOWS_1252), ..Layout::default() };
    assert_eq!(cells(b"name,city\nA,K\xf6ln\n", &windows), [["A", "Köln"]]);
    let (_, found) = flaw("name,city\nA,Köln\n".as_bytes(), &windows);
    assert!(found.description.contains("looks like UTF-8"), "{found:?}");
}

#[test]
fn one_bad_row_does_not_cost_the_others() {
    let parts = read_all(b"a,b\n1\n2,3\n4,\"5\n6,7\n8,9,10\n", &Layout::default());
    let kinds: String = parts
        .iter()
        .map(|part| match part {
            Part::Header(_) => 'h',
            Part::Record(_) => 'r',
            Part::Flawed { .. } => 'x',
        })
        .collect();
    assert_eq!(kinds, "hxrxrx");
    let Part::Flawed { line: 4, source, .. } = &parts[3] else { panic!("{parts:?}") };
    assert_eq!(source.as_ref(), b"a,b\n4,\"5\n");
}

#[test]
fn the_source_of_a_row_is_a_file_of_its_own() {
    let windows = Layout { encoding: Some(encoding_rs::WINDOWS_1252), ..Layout::default() };
    let parts = read_all(b"name;city\nA;K\xf6ln\n", &windows);
    let Part::Record(record) = &parts[1] else { panic!("{parts:?}") };
    assert_eq!(cells(&record.source, &windows), [["A", "Köln"]]);
}

#[test]
fn a_value_in_a_column_without_a_name_is_refused_but_an_empty_column_is_not() {
    assert_eq!(cells(b"a,\n1,\n", &Layout::default()), [["1", ""]]);
    assert_eq!(flaw(b"a,\n1,x\n", &Layout::default()).1.column, "column 2");
}

#[test]
fn an_empty_file_and_old_line_ends_are_named() {
    assert!(flaw(b"", &Layout::default()).1.description.contains("empty"));
    assert!(flaw(b"a,b\r1,2\r", &Layout::default()).1.description.contains("carriage return"));
    assert!(flaw(b"a\0,\0b\0\n", &Layout::default()).1.description.contains("NUL"));
}

#[test]
fn a_guarded_cell_is_read_as_it_was() {
    let text = b"a\n'=1+1\n''=x\n's-Gravenhage\n'\n";
    assert_eq!(cells(text, &Layout::default()), [["=1+1"], ["'=x"], ["'s-Gravenhage"], ["'"]]);
    let plain = Layout { guarded: false, ..Layout::default() };
    assert_eq!(cells(b"a\n'=1\n", &plain), [["'=1"]]);
}

proptest! {
    #[test]
    fn no_bytes_upset_it(bytes: Vec<u8>, header_row in 0_i64..4, encoding in 0_usize..3) {
        let encoding = [None, Some(encoding_rs::WINDOWS_1252), Some(encoding_rs::UTF_16LE)][encoding];
        read_all(&bytes, &Layout { encoding, header_row, ..Layout::default() });
    }

    #[test]
    fn no_text_that_is_nearly_a_table_upsets_it(text in "[a,;\"\n\r\t'=é]{0,80}") {
        read_all(text.as_bytes(), &Layout::default());
    }
}
