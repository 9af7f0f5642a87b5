//! The schema's own tests, and what publishers really publish.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{flaws_of, reasons_of};
use crate::schema::Schema;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iati")
}

/// All XML files below a directory of the test data, with their paths in it, sorted.
fn files(directory: &str) -> Vec<(String, Vec<u8>)> {
    let root = data().join(directory);
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "xml") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The reasons stand in a file beside the fixtures, so that a person can read them. To write it anew after a change, run
/// the test with `ISOPOLITY_WRITE_REASONS=1`.
#[test]
fn each_file_that_the_schema_rejects_is_rejected_for_its_own_reason() {
    let fixtures = files("should-fail");
    assert_eq!(fixtures.len(), 123);
    let mut all = String::new();
    for (name, file) in fixtures {
        let reasons = reasons_of(&file);
        assert!(!reasons.is_empty(), "{name} is accepted");
        all.extend([name.as_str(), "\n"]);
        all.extend(reasons.iter().flat_map(|reason| ["    ", reason.as_str(), "\n"]));
    }
    let kept = data().join("should-fail.reasons.txt");
    if std::env::var_os("ISOPOLITY_WRITE_REASONS").is_some() {
        fs::write(&kept, &all).unwrap();
    }
    assert_eq!(all, fs::read_to_string(kept).unwrap());
}

#[test]
fn each_file_that_the_schema_accepts_is_accepted() {
    let fixtures = files("should-pass");
    assert_eq!(fixtures.len(), 34);
    for (name, file) in fixtures {
        assert_eq!(reasons_of(&file), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_publishers_publish_is_accepted() {
    for (name, activities) in [
        ("caf-local-authorities.xml", 73),
        ("acfspain-ph.xml", 6),
        ("example-annotated-2.03.xml", 1),
        ("illustrative-feira-kenitra.xml", 1),
    ] {
        let file = fs::read(data().join("activities").join(name)).unwrap();
        assert_eq!(flaws_of(&file), vec![Vec::new(); activities], "{name}");
    }
}

#[test]
fn a_file_of_organisations_is_told_from_one_of_activities() {
    let file = fs::read(data().join("activities/example-organisation-annotated-2.03.xml")).unwrap();
    let reasons = reasons_of(&file);
    assert_eq!(reasons.len(), 1);
    assert!(
        reasons.iter().all(|reason| reason.ends_with("this is a file of organisations, not of activities")),
        "{reasons:?}"
    );
}

#[test]
fn the_schema_of_organisations_is_understood_too() {
    let schema = Schema::read(&[
        ("iati-organisations-schema.xsd", include_str!("../../../tests/data/iati/xsd/iati-organisations-schema.xsd")),
        ("iati-common.xsd", include_str!("../../../data/iati/xsd/iati-common.xsd")),
        ("xml.xsd", include_str!("../../../data/iati/xsd/xml.xsd")),
    ])
    .unwrap();
    let file = fs::read_to_string(data().join("activities/example-organisation-annotated-2.03.xml")).unwrap();
    assert_eq!(schema.judge(&file), []);
    let fault = schema.judge(&file.replacen("<value ", "<values ", 1).replacen("</value>", "</values>", 1));
    assert!(!fault.is_empty());
}
