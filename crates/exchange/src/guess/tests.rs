use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::{Mapping, Outcome, read, testing::context};

fn rows(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn a_table_of_firms_is_recognised_in_german() {
    let file = "Registernummer;Firmenname;Ort;Land;E-Mail;Webseite;Branche;Breitengrad;Längengrad;Stand;Farbe\n\
        HRB 1;Bäckerei Öz;Köln;DE;info@oez.example;https://oez.example;10.71;50,93;6,95;15.03.2020;blau\n\
        HRB 2;Schmidt GmbH;Bonn;DE;a@b.example;https://b.example;46.17;50,73;7,09;1.4.2021;rot\n";
    let text = guess(file.as_bytes(), false, None).unwrap();
    let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(mapping.kind(), Kind::Organization);
    for line in [
        "language = \"de\"",
        "format = \"dd.mm.yyyy\"",
        "decimal = \",\"",
        "key = [\"Registernummer\"]",
        "# \"Farbe\": not recognised",
        "value = \"NACE\"",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    let mut read_rows = Vec::new();
    read::table(file.as_bytes(), &mapping, &context(), &mut |row| {
        read_rows.push(row);
        ControlFlow::Continue(())
    });
    assert!(read_rows.iter().all(|row| matches!(row.outcome, Outcome::Resources { .. })), "{read_rows:?}\n{text}");
}

#[test]
fn what_is_doubtful_is_commented_out() {
    let (names, rows) = rows("Name,Pays,Colonne 7\nA,Atlantis,info@a.example\n");
    let text = from_sample(&Header::new(names), &rows, Some(Kind::Organization));
    assert!(text.contains("# \"Colonne 7\": doubtful"), "{text}");
    assert!(text.contains("# column = \"Colonne 7\""), "{text}");
    assert!(Mapping::parse(&text).is_ok(), "{text}");
}

#[test]
fn values_that_are_no_values_of_the_field_are_listed_for_translation() {
    let (names, rows) = rows("Name,Rechtsform\nA,GmbH\nB,e.V.\n");
    let text = from_sample(&Header::new(names), &rows, Some(Kind::Organization));
    assert!(text.contains("# # \"GmbH\" = \"\""), "{text}");
    assert!(text.contains("ENTERPRISE"), "{text}");
}

#[test]
fn twin_towns_are_taken_for_agreements_and_stages_for_partnerships() {
    for (header, kind) in [
        ("Ville,Pays,Ville jumelée,Date de signature", Kind::Agreement),
        ("Title,Stage,Country of origin", Kind::Partnership),
        ("Naam,Plaats", Kind::Organization),
    ] {
        let text = from_sample(&Header::new(header.split(',')), &[], None);
        assert_eq!(Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).kind(), kind, "{text}");
    }
}

#[test]
fn our_own_tables_are_recognised_column_by_column() {
    for kind in Kind::ALL {
        let mut names: Vec<String> = flat::columns(kind).iter().map(|column| column.name.clone()).collect();
        names.push(flat::EXACT_COLUMN.to_owned());
        let text = from_sample(&Header::new(&names), &[], Some(kind));
        Mapping::parse(&text).unwrap_or_else(|error| panic!("{kind}: {error}\n{text}"));
        assert!(!text.contains("not recognised"), "{kind}:\n{text}");
    }
}

#[test]
fn both_sides_of_a_list_of_twin_towns_are_told_apart() {
    let (names, rows) =
        rows("city,city_country,city_lat,partner,partner_country,partner_lat\nLisbon,PT,38.7,Praia,CV,14.9\n");
    let text = from_sample(&Header::new(names), &rows, None);
    for line in [
        "to = \"parties[0].place.point.latitude\"\ncolumn = \"city_lat\"",
        "to = \"parties[1].place.point.latitude\"\ncolumn = \"partner_lat\"",
        "to = \"parties[0].place.country\"\ncolumn = \"city_country\"",
        "template = \"{city} – {partner}\"",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
}

/// Found by fuzzing: the end of a long name was cut off, and with it the brace of the title's template.
#[test]
fn a_column_with_a_very_long_name_is_named_as_a_whole() {
    let long = format!("partner {}", "country ".repeat(60));
    let long = long.trim();
    let file = format!("city,{long},name\nLisbon,PT,a\n");
    for kind in Kind::ALL {
        let (names, rows) = rows(&file);
        let header = Header::new(names);
        let text = from_sample(&header, &rows, Some(kind));
        let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{kind}: {error}\n{text}"));
        // It names no column that the table does not have.
        let mut outcomes = 0;
        crate::read::table(file.as_bytes(), &mapping, &crate::testing::context(), &mut |row| {
            outcomes += 1;
            if let crate::Outcome::Rejected(flaws) = row.outcome {
                assert!(
                    flaws.iter().all(|flaw| !flaw.description.contains("no such column")),
                    "{kind}: {flaws:?}\n{text}"
                );
            }
            std::ops::ControlFlow::Continue(())
        });
        assert_eq!(outcomes, 1, "{kind}");
    }
    let (names, rows) = rows(&format!("city,partner {long}\nLisbon,Praia\n"));
    let text = from_sample(&Header::new(names), &rows, Some(Kind::Agreement));
    Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
}

#[test]
fn a_column_called_name_is_no_resource_name() {
    let (names, rows) = rows("country,name,lat,lon,geonameid\nPT,Feira,40.9,-8.5,1\n");
    let text = from_sample(&Header::new(names), &rows, None);
    assert_eq!(Mapping::parse(&text).unwrap().kind(), Kind::Place, "{text}");
    assert!(text.contains("to = \"display_names[0].text\"\ncolumn = \"name\""), "{text}");
}

#[test]
fn a_file_without_a_header_is_refused_with_the_reason() {
    assert!(guess(b"", false, None).unwrap_err().to_string().contains("empty"));
    assert!(guess(b"PK\x03\x04", true, None).unwrap_err().to_string().contains("damaged"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_proposal_is_a_mapping(
        names in proptest::collection::vec(prop_oneof!["\\PC{0,12}", "(Name|Pays|Ort|Stage|Status|LEI|NACE|Partner|Signed|E-Mail|Web|kind|state|lat|lon|Typ|Betrag|Sprache)( [a-z])?"], 0..12),
        cells in proptest::collection::vec(prop_oneof!["\\PC{0,12}", "(PT|10.71|info@a.example|15.03.2020|3/4/2020|1,5|-1.5|x\"y|de, tr)"], 0..36),
        kind in 0_usize..=Kind::ALL.len(),
    ) {
        let rows: Vec<Vec<String>> = cells.chunks(names.len().max(1)).map(<[String]>::to_vec).collect();
        let text = from_sample(&Header::new(&names), &rows, Kind::ALL.get(kind).copied());
        prop_assert!(Mapping::parse(&text).is_ok(), "{}\n{}", Mapping::parse(&text).unwrap_err(), text);
    }

    #[test]
    fn no_bytes_upset_it(bytes: Vec<u8>) {
        let _ = guess(&bytes, false, None);
        let _ = guess(&bytes, true, None);
    }
}
