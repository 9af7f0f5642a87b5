use std::ops::ControlFlow;

use isopolity_proto::registry::Organization;
use proptest::prelude::*;

use super::*;
use crate::{Flaw, Outcome, Row, read, testing::context};

const START: &str = "kind = \"organization\"\nkey = [\"Nr\"]\n";

fn error(text: &str) -> MappingError {
    Mapping::parse(text).unwrap_err()
}

fn rows(mapping: &str, file: &str) -> Vec<Row> {
    let mapping = Mapping::parse(mapping).unwrap_or_else(|error| panic!("{error}\n{mapping}"));
    let mut rows = Vec::new();
    read::table(file.as_bytes(), &mapping, &context(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

fn organization(mapping: &str, file: &str) -> Organization {
    let mut rows = rows(mapping, file);
    match rows.remove(0).outcome {
        Outcome::Resources { entries, .. } => entries[0].resource.transcode_to().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn flaws(mapping: &str, file: &str) -> Vec<Flaw> {
    match rows(mapping, file).remove(0).outcome {
        Outcome::Rejected(flaws) => flaws,
        other => panic!("{other:?}"),
    }
}

/// The example of the module's documentation.
fn example() -> String {
    let source = include_str!("../mapping.rs");
    let lines = source.lines().skip_while(|line| *line != "//! ```toml").skip(1).take_while(|line| *line != "//! ```");
    lines.map(|line| line.trim_start_matches("//!").trim_start_matches(' ')).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_of_the_documentation_is_a_mapping_that_works() {
    let header = "Registernr;Firmenname;Branche;Ort;Land;Stand;Einwohner;Sprachen\n";
    let row = "HRB 1;Bäckerei Öz;Brot;Köln;-;1.2.2020;ca. 1.073.096;Deutsch, Türkisch\n";
    let (file, _, _) = encoding_rs::WINDOWS_1252.encode(header);
    let (row, _, _) = encoding_rs::WINDOWS_1252.encode(row);
    let mapping = Mapping::parse(&example()).unwrap();
    let mut found = Vec::new();
    read::table([&*file, &*row].concat().as_slice(), &mapping, &context(), &mut |row| {
        found.push(row);
        ControlFlow::Continue(())
    });
    let Outcome::Resources { entries, .. } = &found[0].outcome else { panic!("{found:?}") };
    assert!(
        entries[0].name.to_string().starts_with("cities/feira.example/organizations/hrb-1-"),
        "{}",
        entries[0].name
    );
    let found: Organization = entries[0].resource.transcode_to().unwrap();
    assert_eq!(found.display_names[0].text, "Bäckerei Öz");
    assert_eq!(found.display_names[0].language, "de");
    assert_eq!(found.summaries[0].text, "Brot, Köln");
    assert_eq!((found.country.as_str(), found.kind), ("DE", 6));
    assert_eq!(found.last_verified_date, "2020-02-01");
    assert_eq!(found.seat.unwrap().population, 1_073_096);
    assert_eq!(found.languages, ["de", "tr"]);
}

#[test]
fn a_mapping_that_is_wrong_is_refused_with_key_and_line() {
    for (text, line, hint) in [
        ("kind = \"organization\"\nkey = [\"Nr\"]\ncolour = 1\n", 3, "colour"),
        ("kind = \"firm\"\nkey = [\"Nr\"]\n", 1, "organization"),
        ("kind = \"organization\"\n[[field]]\nto = \"country\"\nvalue = \"PT\"\n", 1, "is required"),
        ("kind = \"organization\"\nkey = [\"Nr\"]\n", 1, "at least one"),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\nencoding = \"ebcdic\"\n[[field]]\nto = \"country\"\nvalue = \"PT\"\n",
            3,
            "windows-1252",
        ),
        ("kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"contry\"\nvalue = \"PT\"\n", 4, "country"),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"country\"\n",
            3,
            "one of column, value and template",
        ),
        ("kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"kind\"\nvalue = \"FIRM\"\n", 5, "ENTERPRISE"),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"kind\"\ncolumn = \"x\"\n[field.values]\na = \"FIRM\"\n",
            7,
            "ENTERPRISE",
        ),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"country\"\ncolumn = \"a\"\nlanguage = \"de\"\n",
            6,
            "no language",
        ),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"country\"\ncolumn = \"a\"\nsplit = \",\"\n",
            6,
            "whole list",
        ),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"last_verified_date\"\ncolumn = \"a\"\nformat = \"dd.mm.yy\"\n",
            6,
            "dd.mm.yyyy",
        ),
        (
            "kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"country\"\ncolumn = \"a\"\n[[field]]\nto = \"country\"\ncolumn = \"b\"\n",
            6,
            "twice",
        ),
        ("kind = \"organization\"\nkey = [\"Nr\"]\n[[field]]\nto = \"website\"\ntemplate = \"{a\"\n", 5, "brace"),
    ] {
        let found = error(text);
        assert_eq!(found.line, Some(line), "{text}: {found}");
        assert!(found.to_string().contains(hint), "{text}: {found}");
    }
}

#[test]
fn what_a_cell_says_wrongly_is_told_with_its_column() {
    let mapping = format!(
        "{START}[[field]]\nto = \"display_names[0].text\"\ncolumn = \"Name\"\nrequired = true\n[[field]]\nto = \"kind\"\ncolumn = \"Art\"\n[[field]]\nto = \"country\"\ncolumn = \"Land\"\ncountry = \"name\"\n[[field]]\nto = \"last_verified_date\"\ncolumn = \"Stand\"\nformat = \"dd.mm.yyyy\"\n"
    );
    let found = flaws(&mapping, "Nr,Name,Art,Land,Stand\n1,,firm,Atlantis,30.02.2020\n");
    let columns: Vec<_> = found.iter().map(|flaw| flaw.column.as_str()).collect();
    assert_eq!(columns, ["Name", "Art", "Land", "Stand"]);
}

#[test]
fn what_stands_in_the_mapping_appears_only_beside_what_a_row_says() {
    let mapping = format!(
        "{START}[[field]]\nto = \"identifiers[0].scheme\"\nvalue = \"PT-NIPC\"\n[[field]]\nto = \"identifiers[0].value\"\ncolumn = \"NIPC\"\n[[field]]\nto = \"seat.country\"\nvalue = \"PT\"\n[[field]]\nto = \"display_names[0].text\"\ncolumn = \"A\"\nlanguage = \"pt\"\n[[field]]\nto = \"display_names[1].text\"\ncolumn = \"B\"\nlanguage = \"en\"\n"
    );
    let found = organization(&mapping, "Nr,NIPC,A,B\n1,,,Bakery\n");
    assert!(found.identifiers.is_empty());
    assert_eq!(found.seat.unwrap().country, "PT");
    assert_eq!((found.display_names.len(), found.display_names[0].language.as_str()), (1, "en"));
    let found = organization(&mapping, "Nr,NIPC,A,B\n1,500,Padaria,\n");
    assert_eq!((found.identifiers[0].scheme.as_str(), found.identifiers[0].value.as_str()), ("PT-NIPC", "500"));
}

#[test]
fn values_are_translated_and_others_kept_or_refused() {
    let field = "[[field]]\nto = \"kind\"\ncolumn = \"Form\"\nother_values = \"OTHER\"\n[field.values]\nGmbH = \"ENTERPRISE\"\n\"e.V.\" = \"NGO\"\n\"?\" = \"\"\n";
    let keep = format!("{START}{}", field.replace("OTHER", "keep"));
    assert_eq!(organization(&keep, "Nr,Form\n1,gmbh\n").kind, 6);
    assert_eq!(organization(&keep, "Nr,Form\n1,chamber\n").kind, 5);
    assert_eq!(organization(&keep, "Nr,Form\n1,?\n").kind, 0);
    let reject = format!("{START}{}", field.replace("OTHER", "reject"));
    assert!(flaws(&reject, "Nr,Form\n1,chamber\n")[0].description.contains("GmbH"));
}

#[test]
fn amounts_stay_exact() {
    let mapping = "kind = \"opportunity\"\nkey = [\"Nr\"]\n[[field]]\nto = \"volume.amount\"\ncolumn = \"Summe\"\ndecimal = \",\"\nremove = [\"€\"]\n[[field]]\nto = \"volume.currency_code\"\nvalue = \"EUR\"\n[[field]]\nto = \"organization\"\ncolumn = \"Firma\"\nreference = \"organization\"\n";
    let Outcome::Resources { entries, .. } =
        &rows(mapping, "Nr;Summe;Firma\n1;999.999.999.999.999.999,10 €;HRB 1\n")[0].outcome
    else {
        panic!()
    };
    let found: isopolity_proto::registry::Opportunity = entries[0].resource.transcode_to().unwrap();
    assert_eq!(found.volume.unwrap().amount, "999999999999999999.10");
    let id = id_of("", &["HRB 1"]).unwrap();
    assert_eq!(
        found.organization,
        format!("cities/feira.example/organizations/{id}"),
        "as the organisations' own table names it"
    );
}

#[test]
fn rows_of_other_cities_and_rows_without_a_value_may_be_passed_over() {
    let mapping = format!(
        "city_column = \"Stadt\"\n{START}[[field]]\nto = \"website\"\ncolumn = \"Web\"\nskip_row_if_empty = true\n"
    );
    let found = rows(&mapping, "Nr,Stadt,Web\n1,FEIRA,https://a.example\n2,Porto,https://b.example\n3,Feira,\n");
    let skipped: Vec<bool> = found.iter().map(|row| matches!(row.outcome, Outcome::Skipped)).collect();
    assert_eq!(skipped, [false, true, true]);
}

#[test]
fn a_row_without_its_key_is_refused() {
    let mapping = format!("{START}[[field]]\nto = \"website\"\ncolumn = \"Web\"\n");
    assert_eq!(flaws(&mapping, "Nr,Web\n,https://a.example\n")[0].column, "Nr");
}

#[test]
fn every_kind_has_a_mapping_for_its_own_tables() {
    for kind in Kind::ALL {
        assert_eq!(mapping_for(kind).unwrap().kind(), kind);
    }
}

proptest! {
    #[test]
    fn no_text_upsets_it(text in "\\PC{0,200}", at in 0_usize..400) {
        let _ = Mapping::parse(&text);
        let mut example = example();
        if example.is_char_boundary(at) {
            example.insert_str(at, &text);
        }
        let _ = Mapping::parse(&example);
    }

    #[test]
    fn no_row_upsets_it(cells in proptest::collection::vec("\\PC{0,20}", 8)) {
        let header = "Registernr;Firmenname;Branche;Ort;Land;Stand;Einwohner;Sprachen\n";
        let cells: Vec<_> = cells.iter().map(|cell| cell.replace([';', '"'], "")).collect();
        rows(&example().replace("encoding = \"windows-1252\"", ""), &format!("{header}{}\n", cells.join(";")));
    }
}
