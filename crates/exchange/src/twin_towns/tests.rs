use proptest::prelude::*;

use super::*;
use crate::testing::context;

const HEADER: &str = "city,city_country,city_lat,city_lon,city_population,partner,partner_country,partner_country_label,partner_lat,partner_lon,partner_population,distance_km,partner_in_eu27\n";
const RAW_HEADER: &str = "origincityLabel\torigincountry\toriginlat\toriginlong\toriginpopulation\tsistercityLabel\tdestinationlat\tdestinationlong\tdestinationpopulation\tdestination_countryLabel\tdist\teu\n";

fn rows(text: &str, columns: Columns) -> Vec<Row> {
    let mut rows = Vec::new();
    read(text.as_bytes(), columns, &context(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    rows
}

fn clean(body: &str) -> Vec<Row> {
    rows(&format!("{HEADER}{body}"), Columns::Clean)
}

fn raw(body: &str) -> Vec<Row> {
    rows(&format!("{RAW_HEADER}{body}"), Columns::Raw)
}

fn flaws(rows: &[Row]) -> Vec<Flaw> {
    match rows {
        [Row { outcome: Outcome::Rejected(flaws), .. }] => flaws.clone(),
        other => panic!("{other:?}"),
    }
}

fn agreement(row: &Row) -> (String, Agreement) {
    let Outcome::Resources { entries, .. } = &row.outcome else { panic!("{row:?}") };
    (entries[0].name.to_string(), entries[0].resource.transcode_to().unwrap())
}

#[test]
fn a_row_becomes_an_agreement_with_a_name_that_stays() {
    let body = "Lisbon,PT,38.7,-9.1,500,Praia,CV,Cape Verde,14.9,-23.5,159050,2900,0\n";
    let (name, found) = agreement(&clean(body)[0]);
    assert_eq!(name, agreement(&clean(body)[0]).0);
    assert!(name.starts_with("cities/feira.example/agreements/twinning-praia-"), "{name}");
    assert_eq!(found.partner_countries, ["CV"]);
    assert_eq!(found.parties[0].city, "cities/feira.example");
    assert_eq!(found.parties[1].place.as_ref().unwrap().population, 159_050);
    assert_eq!(found.provenance.unwrap().source, "a file");
}

#[test]
fn rows_of_other_cities_are_passed_over() {
    let found = clean("Porto,PT,41.1,-8.6,,Praia,CV,Cape Verde,14.9,-23.5,,2900,0\n");
    assert!(matches!(found[0].outcome, Outcome::Skipped));
}

#[test]
fn everything_that_is_wrong_with_a_row_is_named_by_its_column() {
    for (row, column) in [
        ("Lisbon,PT,38.7,-9.1,,Praia,ZZ,x,14.9,-23.5,,1,0", "partner_country"),
        ("Lisbon,PT,38.7,-9.1,,,CV,x,14.9,-23.5,,1,0", "partner"),
        ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,95,-23.5,,1,0", "partner_lat"),
        ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,14.9,,,1,0", "partner_lon"),
        ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,14.9,-23.5,many,1,0", "partner_population"),
        ("Lisbon,PT,38.7", ""),
    ] {
        assert_eq!(flaws(&clean(&format!("{row}\n")))[0].column, column, "{row}");
    }
    assert_eq!(flaws(&clean("Lisbon,PT,98.7,-9.1,,Praia,ZZ,x,95,-23.5,x,1,0\n")).len(), 4);
    assert!(flaws(&rows("a,b\n1,2\n", Columns::Clean))[0].description.contains("partner_country"));
}

#[test]
fn a_partner_without_a_country_code_is_kept_as_the_source_has_it() {
    let found = clean("Lisbon,PT,38.7,-9.1,,Gaza City,,Palestine,31.5,34.5,,1,0\n");
    assert!(agreement(&found[0]).1.partner_countries.is_empty());
}

#[test]
fn the_raw_file_names_countries_in_words() {
    let found = raw("Lisbon\tPortugal\t38.7\t-9.1\t\tPraia\t14.9\t-23.5\t159050\tCape Verde\t2900\tnon-EU\n");
    assert_eq!(agreement(&found[0]).1.partner_countries, ["CV"]);
    let found = raw("Lisbon\tPortugal\t38.7\t-9.1\t\tX\t1\t2\t\tAtlantis\t1\tnon-EU\n");
    assert_eq!(flaws(&found)[0].column, "destination_countryLabel");
}

#[test]
fn a_state_of_the_past_is_a_doubt_and_no_country() {
    let found = raw("Lisbon\tPortugal\t38.7\t-9.1\t\tX\t47\t18\t\tAustria-Hungary\t1\tnon-EU\n");
    assert!(agreement(&found[0]).1.partner_countries.is_empty());
    let Outcome::Resources { doubts, .. } = &found[0].outcome else { panic!("{found:?}") };
    assert_eq!(doubts[0].column, "destination_countryLabel");
}

proptest! {
    #[test]
    fn no_bytes_upset_it(bytes: Vec<u8>, body in "[Lisbon,PT0-9.\t\n\"]{0,120}") {
        twin_towns(bytes.as_slice(), &context(), &mut |_| ControlFlow::Continue(()));
        twin_towns_raw(bytes.as_slice(), &context(), &mut |_| ControlFlow::Continue(()));
        clean(&body);
        raw(&body);
    }
}
