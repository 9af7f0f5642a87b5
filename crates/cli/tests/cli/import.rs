//! Import as a person sees it.

use std::{fs, path::Path};

use super::support::{Access, City, Ended, agreement, number};

const HEADER: &str = "city,city_country,city_lat,city_lon,city_population,partner,partner_country,\
                      partner_country_label,partner_lat,partner_lon,partner_population\n";

fn import(node: &Access, file: &Path, options: &[&str]) -> Ended {
    let command = ["import".as_ref(), file.as_os_str()].into_iter().chain(options.iter().map(AsRef::as_ref));
    node.run(command)
}

#[test]
fn bad_rows_are_named_by_line_and_column_and_the_others_are_in() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let csv = parent.path().join("twins.csv");
    let rows = [
        "Feira,PT,40.9,-8.5,,Kénitra,MA,Morocco,34.2,-6.6,431282",
        "Feira,PT,40.9,-8.5,,Nowhere,ZZ,Nowhere,34.2,-6.6,",
        "Feira,PT,40.9,-8.5,,Praia,CV,Cape Verde,95,-23.5,",
        "Porto,PT,41.1,-8.6,,Luanda,AO,Angola,-8.8,13.2,",
        "Feira,PT,40.9,-8.5,,Luanda,AO,Angola,-8.8,13.2,",
    ];
    fs::write(&csv, HEADER.to_owned() + &rows.join("\n") + "\n").unwrap();

    let ended = import(&node.access, &csv, &["--source-city", "Feira"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let complaints: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].starts_with("line 3, partner_country: \"ZZ\""), "{complaints:?}");
    assert!(complaints[1].starts_with("line 4, partner_lat: \"95\""), "{complaints:?}");
    assert_eq!(node.access.count("agreement"), 2);

    let ended = import(&node.access, &csv, &["--source-city", "Feira", "--output", "json"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["rows"].as_array().unwrap().len(), 2);
    assert_eq!(report["rows"][0]["flaws"][0]["column"], "partner_country");
    let counts = ["rows", "created", "updated", "unchanged", "rejected", "skipped"];
    assert_eq!(counts.map(|key| number(&report["progress"][key])), [5, 0, 0, 2, 2, 1]);
    node.stop();
}

#[test]
fn json_lines_that_are_wrong_are_named_by_line_and_character() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let file = parent.path().join("records.jsonl");
    let good = agreement("feira.example", "good");
    let foreign = agreement("kenitra.example", "foreign");
    let incomplete = agreement("feira.example", "incomplete")
        .replace("AGREEMENT_KIND_COOPERATION_PROTOCOL", "AGREEMENT_KIND_UNSPECIFIED");
    fs::write(&file, format!("{good}{{\"@type\": oops}}\n{foreign}\n{incomplete}")).unwrap();
    let ended = import(&node.access, &file, &[]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let complaints: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(complaints[0].starts_with("line 2, character 11: "), "{complaints:?}");
    assert!(complaints[1].starts_with("line 3, name: "), "{complaints:?}");
    assert!(complaints[2].starts_with("line 5, kind: "), "{complaints:?}");
    assert_eq!(node.access.count("agreement"), 1);
    node.stop();
}

#[test]
fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let file = parent.path().join("records.jsonl");
    fs::write(&file, agreement("feira.example", "one") + &agreement("feira.example", "two")).unwrap();
    let ended = import(&node.access, &file, &["--dry-run"]);
    assert!(ended.text().contains("nothing was written"), "{}", ended.text());
    let report = import(&node.access, &file, &["--dry-run", "--output", "json"]).json();
    assert_eq!(number(&report["progress"]["created"]), 2);
    assert_eq!(node.access.count("agreement"), 0);

    let report = import(&node.access, &file, &["--output", "json"]).json();
    assert_eq!(number(&report["progress"]["created"]), 2);
    let report = import(&node.access, &file, &["--output", "json"]).json();
    assert_eq!((number(&report["progress"]["created"]), number(&report["progress"]["unchanged"])), (0, 2));
    node.stop();
}

#[test]
fn a_file_that_is_missing_of_an_unknown_form_or_no_file_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let unknown = parent.path().join("records.xls");
    fs::write(&unknown, "x").unwrap();
    for (file, says) in
        [(&unknown, "records.xls: the form of the file"), (&parent.path().join("none.csv"), "none.csv can't be read")]
    {
        let ended = import(&node.access, file, &[]);
        assert!(ended.line(2).contains(says), "{}", ended.stderr);
    }
    let ended = import(&node.access, parent.path(), &["--format", "jsonl"]);
    let complaint = ended.complaint(1);
    assert!(complaint.contains("can't be read further: Is a directory"), "{complaint}");
    node.stop();
}

#[test]
fn a_file_of_another_kind_is_refused_by_its_header() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let file = parent.path().join("minutes.csv");
    fs::write(&file, "date;topic\n2026-11-23;budget\n").unwrap();
    let ended = import(&node.access, &file, &[]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("line 1: the header lacks the columns city,"), "{}", ended.stderr);
    node.stop();
}
