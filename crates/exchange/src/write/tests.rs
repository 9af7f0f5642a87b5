use std::{io::Cursor, ops::ControlFlow};

use isopolity_domain::Kind;
use isopolity_proto::options::Audience;
use proptest::prelude::*;
use prost_reflect::DynamicMessage;

use super::*;
use crate::{Context, Outcome, Row, mapping::mapping_for, read, stamp, testing};

/// A context that adds nothing.
fn silent() -> Context {
    Context {
        provenance: isopolity_proto::types::Provenance::default(),
        audience: Audience::Unspecified,
        ..testing::context()
    }
}

fn resources(rows: Vec<Row>) -> Vec<DynamicMessage> {
    let resource = |row: Row| match row.outcome {
        Outcome::Resources { mut entries, .. } => entries.remove(0).resource,
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(resource).collect()
}

fn read_csv(kind: Kind, file: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    read::table(file, &mapping_for(kind).unwrap(), &silent(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

fn read_xlsx(kind: Kind, file: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    read::workbook(Cursor::new(file), &mapping_for(kind).unwrap(), &silent(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

fn csv_of(kind: Kind, resources: &[DynamicMessage]) -> Vec<u8> {
    let mut writer = Csv::new(Vec::new(), kind);
    for resource in resources {
        writer.write(resource).unwrap();
    }
    writer.finish().unwrap()
}

fn xlsx_of(kind: Kind, resources: &[DynamicMessage]) -> Vec<u8> {
    let mut writer = Workbook::new(Vec::new(), kind);
    for resource in resources {
        writer.write(resource).unwrap();
    }
    writer.finish().unwrap()
}

/// All cells, as a program reads them that knows nothing of ours.
fn cells(file: &[u8]) -> Vec<String> {
    let records = ::csv::ReaderBuilder::new().has_headers(false).from_reader(file).into_records();
    records.flat_map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The resource without what a node decides.
fn stated(resource: &DynamicMessage) -> DynamicMessage {
    let mut resource = resource.clone();
    stamp::forget_output(&mut resource);
    resource
}

fn named(name: &str) -> DynamicMessage {
    let organization = isopolity_proto::registry::Organization {
        name: "cities/feira.example/organizations/a".into(),
        display_names: vec![isopolity_proto::types::LocalizedText {
            text: name.into(),
            language: "en".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    isopolity_proto::to_dynamic(&organization)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_resource_of_every_kind_comes_back_from_a_csv_as_it_was(seeds in testing::seeds()) {
        for kind in Kind::ALL {
            let resource = testing::resource(kind, &seeds);
            let file = csv_of(kind, &[resource.clone(), resource.clone()]);
            let back = resources(read_csv(kind, &file));
            prop_assert_eq!(back, vec![stated(&resource), stated(&resource)]);
        }
    }

    #[test]
    fn every_resource_of_every_kind_comes_back_from_json_lines_as_it_was(seeds in testing::seeds()) {
        for kind in Kind::ALL {
            let resource = testing::resource(kind, &seeds);
            let mut writer = JsonLines::new(Vec::new());
            writer.write(&resource).unwrap();
            let file = writer.finish().unwrap();
            let mut rows = Vec::new();
            read::json_lines(file.as_slice(), &silent(), &mut |row| {
                rows.push(row);
                ControlFlow::Continue(())
            });
            prop_assert_eq!(resources(rows), vec![resource]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn every_resource_of_every_kind_comes_back_from_a_workbook_as_it_was(seeds in testing::seeds()) {
        for kind in Kind::ALL {
            let resource = testing::resource(kind, &seeds);
            let back = resources(read_xlsx(kind, &xlsx_of(kind, std::slice::from_ref(&resource))));
            prop_assert_eq!(back, vec![stated(&resource)]);
        }
    }
}

#[test]
fn no_cell_of_a_csv_is_taken_for_a_formula() {
    for text in ["=HYPERLINK(\"http://evil.example\")", "+1", "-1", "@x", "\t=1", "\r=1"] {
        let file = csv_of(Kind::Organization, &[named(text)]);
        let plain: Vec<String> = cells(&file);
        assert!(plain.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{plain:?}");
        assert_eq!(resources(read_csv(Kind::Organization, &file)), [named(text)]);
    }
}

#[test]
fn no_cell_of_a_workbook_is_a_formula() {
    let file = xlsx_of(Kind::Organization, &[named("=1+1")]);
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let sheet = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    assert!(sheet.contains("=1+1") && !sheet.contains("<f>"), "{sheet}");
}

#[test]
fn a_cell_that_was_changed_wins_over_the_exact_form() {
    let mut resource = named("One");
    let three = ["One", "Two", "Three"]
        .map(|text| named(text).get_field_by_name("display_names").unwrap().as_list().unwrap()[0].clone());
    resource.set_field_by_name("display_names", prost_reflect::Value::List(three.to_vec()));
    let file = String::from_utf8(csv_of(Kind::Organization, &[resource])).unwrap();
    assert!(file.contains("Three"), "the third name is in the last column");
    // A person changes the first name, as it stands in its own column.
    let edited = file.replacen(",One,", ",Uno,", 1);
    let back: isopolity_proto::registry::Organization =
        resources(read_csv(Kind::Organization, edited.as_bytes()))[0].transcode_to().unwrap();
    let names: Vec<_> = back.display_names.iter().map(|name| name.text.as_str()).collect();
    assert_eq!(names, ["Uno", "Two", "Three"]);
}

#[test]
fn a_table_without_resources_still_has_its_header() {
    for kind in Kind::ALL {
        assert!(read_csv(kind, &csv_of(kind, &[])).is_empty());
        assert!(read_xlsx(kind, &xlsx_of(kind, &[])).is_empty());
    }
}

#[test]
fn a_table_holds_one_kind_and_a_cell_of_a_workbook_has_an_end() {
    let error = Csv::new(Vec::new(), Kind::City).write(&named("x")).unwrap_err();
    assert!(error.to_string().contains("city"), "{error}");
    let error = Workbook::new(Vec::new(), Kind::Organization).write(&named(&"x".repeat(40_000))).unwrap_err();
    assert!(error.to_string().contains("display_names[0].text"), "{error}");
}

#[test]
fn the_columns_of_a_kind_are_named_by_their_paths() {
    let columns: Vec<String> = flat::columns(Kind::Organization).iter().map(|column| column.name.clone()).collect();
    for name in [
        "name",
        "audience",
        "display_names[0].text",
        "display_names[1].language",
        "kind",
        "seat.names[0].text",
        "seat.point.latitude",
        "languages[]",
    ] {
        assert!(columns.iter().any(|column| column == name), "{name} is missing: {columns:?}");
    }
    for kind in Kind::ALL {
        assert!(flat::columns(kind).len() < 600, "{kind} has {} columns", flat::columns(kind).len());
    }
}
