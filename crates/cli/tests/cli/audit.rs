//! The audit log on the command line.

use std::fs;

use super::support::{City, agreement, run};

const NORTH: &str = "north.example";

#[test]
fn a_log_is_listed_checked_exported_and_checked_again_without_the_node() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), NORTH);
    let node = city.serve();
    let access = &node.access;
    let records = parent.path().join("one.jsonl");
    fs::write(&records, agreement(NORTH, "one")).unwrap();
    access.run(["import".as_ref(), records.as_os_str()]).text();

    let listed = access.json(&["audit", "list", "--action", "resource-created", "--action", "batch-imported"]);
    let entries = listed["entries"].as_array().unwrap();
    assert_eq!(entries[0]["entry"]["action"], "AUDIT_ACTION_RESOURCE_CREATED", "the latest first");
    assert_eq!(entries[0]["entry"]["resource"], format!("cities/{NORTH}/agreements/one"));
    assert_eq!(entries[1]["entry"]["action"], "AUDIT_ACTION_BATCH_IMPORTED");
    let table = access.run(["audit", "list", "--oldest-first"]);
    assert!(table.text().contains("node started") && table.text().contains("token created"), "{}", table.text());
    let wrong = access.run(["audit", "list", "--action", "tea-made"]);
    assert!(wrong.complaint(2).contains("--action tea-made: there is no such action"), "{}", wrong.stderr);
    let wrong = access.run(["audit", "list", "--since", "yesterday"]);
    assert!(wrong.complaint(2).contains("write YYYY-MM-DD"), "{}", wrong.stderr);
    assert!(access.run(["audit", "head"]).text().contains("The log of north.example goes up to entry "));
    assert!(access.run(["audit", "verify"]).text().contains("entries checked"));
    let unknown = access.run(["audit", "asked", "south.example"]);
    assert!(unknown.complaint(3).contains("[PEER_UNKNOWN]"), "{}", unknown.stderr);

    let (log, bundle) = (parent.path().join("log.jsonl"), parent.path().join("north.bundle"));
    access.run(["audit".as_ref(), "export".as_ref(), "--out".as_ref(), log.as_os_str()]).text();
    access.run(["peer".as_ref(), "bundle".as_ref(), "--out".as_ref(), bundle.as_os_str()]).text();
    let verify = || run(["verify".as_ref(), log.as_os_str(), "--bundle".as_ref(), bundle.as_os_str()]);
    assert!(verify().text().contains("is as north.example signed it"));
    let changed = fs::read_to_string(&log).unwrap().replacen("\"entry\":\"C", "\"entry\":\"D", 1);
    fs::write(&log, changed).unwrap();
    assert!(verify().complaint(3).contains("is not to be believed: line 2: entry 1: "), "{}", verify().stderr);

    let name = format!("cities/{NORTH}/agreements/one");
    let erased = access.json(&["audit", "erase", &name, "--reason", "for a test"]);
    assert_eq!(erased["erased"], "1");
    let listed = access.json(&["audit", "list", "--resource", &name, "--oldest-first"]);
    assert_eq!(listed["entries"][0]["detailErased"], true);
    assert!(access.run(["audit", "verify"]).text().contains("1 details were erased, as entries say"));
}
