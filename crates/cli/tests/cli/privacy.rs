//! How long things are kept, erasure, and what is kept about somebody, as a city's IT does it with the binary.

use std::fs;

use serde_json::{Value, json};

use super::support::City;

#[test]
fn a_request_for_access_and_one_for_erasure_are_answered_with_the_command_line() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let name = "cities/feira.example/organizations/bakery";
    let bakery = json!({
        "@type": "type.googleapis.com/isopolity.registry.v1.Organization",
        "name": name,
        "audience": "AUDIENCE_PUBLIC",
        "displayNames": [{"text": "Padaria", "language": "pt"}],
        "kind": "ORGANIZATION_KIND_ENTERPRISE",
        "country": "PT",
        "contactPoints": [{"function": "Office", "personName": "Quirina Xylofonova"}],
    });
    let file = parent.path().join("bakery.json");
    fs::write(&file, bakery.to_string()).unwrap();
    node.access.run(["record", "put", file.to_str().unwrap()]).text();

    let out = parent.path().join("about.jsonl");
    let about = ["privacy", "export", "--person", "quirina xylofonova", "--out", out.to_str().unwrap()];
    let told = node.access.run(about);
    assert!(told.text().contains("record") && told.text().contains("revision"), "{}", told.text());
    let written = fs::read_to_string(&out).unwrap();
    let first: Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!((&first["source"], &first["name"]), (&json!("record"), &json!(name)));
    node.access.run(["privacy", "export", "--out", out.to_str().unwrap()]).complaint(2);
    let nobody = node.access.run(["privacy", "export", "--person", "Nobody Atall", "--out", out.to_str().unwrap()]);
    assert!(nobody.text().starts_with("Nothing that is kept here names it"), "{}", nobody.text());

    let preview = node.access.json(&["privacy", "cleanup", "--dry-run"]);
    assert!(preview["items"].as_array().unwrap().len() >= 7, "{preview}");
    assert!(node.access.run(["privacy", "cleanup"]).text().contains("nothing is past its limit"));
    assert_eq!(node.access.json(&["privacy", "cleanups"])["cleanUps"], json!([]));

    let dry = node.access.run(["privacy", "erase", name, "--reason", "17/2026", "--dry-run"]);
    assert!(dry.text().contains(name), "{}", dry.text());
    let erased = node.access.json(&["privacy", "erase", name, "--reason", "17/2026"]);
    assert_eq!((&erased["databaseCleaned"], &erased["indexCleaned"]), (&json!(true), &json!(true)), "{erased}");
    let gone = node.access.run(["privacy", "tombstones"]);
    assert!(gone.text().contains("erased") && gone.text().contains("17/2026"), "{}", gone.text());
    assert!(node.access.run(["record", "put", file.to_str().unwrap()]).complaint(3).contains("was erased"));
    node.stop();
}
