//! `SECURITY.md` says the truth: every threat has tests that exist, or a reason why it can have none.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// How many threats the list has.
const THREATS: usize = 33;
/// How a row begins that says why there is no test.
const WITHOUT: &str = "no test:";

/// The files of tests and code below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with(".cache") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The names of all functions that are tests: the line before them, or one before that, says so; or they are run on both databases.
fn tests(root: &Path) -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test || on_both(line)) {
                names.insert(rest.split('(').next().unwrap().to_owned());
                is_test = false;
            }
        }
    }
    names
}

/// Whether a function is handed the database that it is to be run on.
fn on_both(line: &str) -> bool {
    line.contains("(bed: Bed)") || line.contains("(databases: Databases)")
}

#[test]
fn every_threat_has_a_test_that_exists_or_a_reason_why_it_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let known = tests(root);
    assert!(known.contains("every_threat_has_a_test_that_exists_or_a_reason_why_it_has_none"));
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut numbers = Vec::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _threat, done, shown] = cells[..] else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        numbers.push(number);
        assert!(!done.is_empty(), "threat {number}: nothing is done about it");
        if shown.starts_with(WITHOUT) {
            assert!(shown.len() > WITHOUT.len() + 20, "threat {number}: the reason is missing");
            continue;
        }
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "threat {number}: neither a test nor `{WITHOUT}`");
        for name in named {
            assert!(known.contains(name), "threat {number}: there is no test {name}");
        }
    }
    assert_eq!(numbers, (1..=THREATS).collect::<Vec<_>>());
}
