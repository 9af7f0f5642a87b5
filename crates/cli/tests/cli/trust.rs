//! A city's own keys on the command line.

use std::fs;

use serde_json::Value;

use super::support::City;

const NORTH: &str = "north.example";

fn states(list: &Value, kind: &str) -> Vec<String> {
    let keys = list["keys"].as_array().unwrap().iter().filter(|key| key["kind"] == kind);
    keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_are_prepared_rotated_and_listed_while_the_node_runs() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), NORTH);
    let node = city.serve();
    let access = &node.access;
    let refused = access.run(["trust", "rotate", "record-key"]);
    assert!(refused.complaint(3).contains("no next record key is prepared"), "{}", refused.stderr);
    for (key, kind) in [("record-key", "KEY_KIND_RECORD"), ("ca", "KEY_KIND_AUTHORITY")] {
        let told = access.run(["trust", "prepare", key]);
        assert!(told.text().contains("comes next"), "{}", told.text());
        assert_eq!(states(&access.json(&["trust", "list"]), kind), ["KEY_STATE_CURRENT", "KEY_STATE_NEXT"]);
        let told = access.run(["trust", "rotate", key]);
        assert!(told.text().contains("is in use"), "{}", told.text());
        assert_eq!(states(&access.json(&["trust", "list"]), kind), ["KEY_STATE_CURRENT", "KEY_STATE_FORMER"]);
    }
    let revoked = access.json(&["trust", "revoke-certificates"]);
    assert!(revoked["certificates"].as_array().unwrap().len() >= 2, "{revoked}");
    let list = access.json(&["trust", "list"]);
    let former = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kind"] == "KEY_KIND_AUTHORITY" && key["state"] == "KEY_STATE_FORMER");
    let id = former.unwrap()["id"].as_str().unwrap();
    let withdrawn = access.run(["trust", "withdraw-ca", id]);
    assert!(withdrawn.text().contains("is withdrawn"), "{}", withdrawn.text());
    let refused = access.run(["trust", "withdraw-ca", id]);
    assert!(refused.complaint(3).contains("[KEY_UNKNOWN]"), "{}", refused.stderr);
    let people = access.run(["trust", "list"]);
    assert!(people.text().contains("in use") && people.text().contains("revoked"), "{}", people.text());
}

#[test]
fn cas_are_exported_in_plain_spiffe_form() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), NORTH);
    let node = city.serve();
    let file = parent.path().join("north.json");
    node.access
        .run(["trust".as_ref(), "export".as_ref(), "--spiffe".as_ref(), "--out".as_ref(), file.as_os_str()])
        .text();
    let jwks: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(jwks["keys"][0]["use"], "x509-svid");
    assert_eq!((&jwks["spiffe_sequence"], jwks["keys"].as_array().unwrap().len()), (&1.into(), 1));
    let refused = node.access.run(["trust", "export", "--spiffe", "south.example"]);
    assert!(refused.complaint(3).contains("[PEER_UNKNOWN]"), "{}", refused.stderr);
}
