//! Two cities become peers, and part again.

use std::{fs, path::Path};

use serde_json::Value;

use super::support::{Access, City, Node, agreement, cities_of_hits, outcome, snapshot};

const NORTH: &str = "north.example";
const SOUTH: &str = "south.example";

/// A city that runs and has one agreement.
fn city(parent: &Path, id: &str) -> (City, Node) {
    let city = City::init(parent, id);
    let node = city.serve();
    let file = city.folder.with_extension("jsonl");
    fs::write(&file, agreement(id, "one")).unwrap();
    node.access.run(["import".as_ref(), file.as_os_str()]).text();
    (city, node)
}

/// Adds a city at another one. Returns what is known of it there.
fn add(at: &Access, other: &Access, parent: &Path) -> Value {
    let file = parent.join(format!("{}.bundle", other.city));
    other.run(["peer".as_ref(), "bundle".as_ref(), "--out".as_ref(), file.as_os_str()]).text();
    at.run(["peer".as_ref(), "add".as_ref(), file.as_os_str(), "--output=json".as_ref()]).json()["peer"].clone()
}

fn states(list: &Value) -> Vec<(&str, &str)> {
    let peers = list["peers"].as_array().unwrap().iter();
    peers.map(|peer| (peer["city"].as_str().unwrap(), peer["state"].as_str().unwrap())).collect()
}

#[test]
fn two_cities_find_each_others_records_once_both_have_approved() {
    let parent = tempfile::tempdir().unwrap();
    let ((_, north), (_, south)) = (city(parent.path(), NORTH), city(parent.path(), SOUTH));
    let (n, s) = (&north.access, &south.access);

    let added = add(n, s, parent.path());
    assert_eq!((&added["city"], &added["state"]), (&SOUTH.into(), &"PEER_STATE_INVITED".into()));
    let fingerprint = added["bundleFingerprint"].as_str().unwrap().to_owned();
    let refused = n.run(["peer", "approve", SOUTH, "--fingerprint", "00ff"]);
    assert!(refused.complaint(3).contains("fingerprint: is not that of the bundle here"), "{}", refused.stderr);
    add(s, n, parent.path());
    let told = n.run(["peer", "approve", SOUTH, "--fingerprint", &fingerprint]);
    assert!(told.text().contains("it has not approved this city yet"), "{}", told.text());

    let answer = n.json(&["search", "kenitra"]);
    let refusal = outcome(&answer, SOUTH);
    assert_eq!(refusal["outcome"], "OUTCOME_REFUSED");
    assert_eq!(refusal["errorReason"], "REASON_PEER_NOT_APPROVED");
    assert!(!refusal["reason"].as_str().unwrap().is_empty());
    assert_eq!(cities_of_hits(&answer), [NORTH]);
    let refused = n.run(["search", "kenitra", "--require", "all"]);
    assert!(
        refused.complaint(3).contains(SOUTH) && refused.stderr.contains("[FEDERATION_INCOMPLETE]"),
        "{}",
        refused.stderr
    );
    let table = n.run(["peer", "list"]);
    assert!(table.text().contains("not approved yet"), "{}", table.text());

    s.run(["peer", "approve", NORTH]).text();
    for access in [n, s] {
        let answer = access.json(&["search", "kenitra", "--require", "all"]);
        assert_eq!(cities_of_hits(&answer), [NORTH, SOUTH], "asked at {}", access.city);
    }
    let list = n.json(&["peer", "list"]);
    assert_eq!(
        (states(&list), &list["peers"][0]["approvedByPeer"]),
        (vec![(SOUTH, "PEER_STATE_ACTIVE")], &true.into())
    );
    let name = "cities/south.example/agreements/one";
    assert_eq!(n.run(["get", name, "--record"]).text(), s.run(["get", name, "--record"]).text());

    s.run(["peer", "suspend", NORTH, "--reason", "the keys are being changed"]).text();
    let answer = n.json(&["search", "kenitra"]);
    assert_eq!(cities_of_hits(&answer), [NORTH]);
    assert!(outcome(&answer, SOUTH)["reason"].as_str().unwrap().contains("suspended"), "{answer}");
    let answer = s.json(&["search", "kenitra"]);
    assert_eq!(outcome(&answer, NORTH)["outcome"], "OUTCOME_SUSPENDED");
    assert!(outcome(&answer, NORTH)["reason"].as_str().unwrap().contains("the keys are being changed"), "{answer}");
    s.run(["peer", "approve", NORTH]).text();
    assert_eq!(cities_of_hits(&n.json(&["search", "kenitra"])), [NORTH, SOUTH]);

    n.run(["peer", "remove", SOUTH, "--reason", "a test"]).text();
    assert_eq!(states(&n.json(&["peer", "list"])), []);
    assert_eq!(states(&n.json(&["peer", "list", "--all"])), [(SOUTH, "PEER_STATE_LEFT")]);
    let answer = n.json(&["search", "kenitra"]);
    assert_eq!((cities_of_hits(&answer), answer["outcomes"].as_array().unwrap().len()), (vec![NORTH], 1));
    let answer = s.json(&["search", "kenitra"]);
    assert!(!outcome(&answer, NORTH)["reason"].as_str().unwrap().is_empty(), "{answer}");
    assert_eq!(cities_of_hits(&answer), [SOUTH]);
    north.stop();
    south.stop();
}

#[test]
fn a_file_that_is_no_bundle_or_the_citys_own_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (city, node) = city(parent.path(), NORTH);
    let (own, broken, large) = (parent.path().join("own"), parent.path().join("broken"), parent.path().join("large"));
    node.access.run(["peer".as_ref(), "bundle".as_ref(), "--out".as_ref(), own.as_os_str()]).text();
    fs::write(&broken, "{}").unwrap();
    fs::write(&large, vec![b' '; 1 << 20]).unwrap();
    let before = snapshot(&city.folder.join("trust"));
    for (file, code, says) in [(&own, 3, "this city's own"), (&broken, 3, "bundle: "), (&large, 2, "too large")] {
        let ended = node.access.run(["peer".as_ref(), "add".as_ref(), file.as_os_str()]);
        assert!(ended.complaint(code).contains(says), "{}", ended.stderr);
    }
    assert_eq!(snapshot(&city.folder.join("trust")), before);
    assert!(node.access.run(["peer", "list"]).text().contains("There are no peers yet"));
    let ended = node.access.run(["peer", "approve", "nobody.example"]);
    assert!(ended.complaint(3).contains("[PEER_UNKNOWN]"), "{}", ended.stderr);
    node.stop();
}

#[test]
fn what_a_city_grants_is_set_on_the_command_line_and_seen_on_both_sides() {
    let parent = tempfile::tempdir().unwrap();
    let ((_, north), (_, south)) = (city(parent.path(), NORTH), city(parent.path(), SOUTH));
    let (n, s) = (&north.access, &south.access);
    add(n, s, parent.path());
    add(s, n, parent.path());
    n.run(["peer", "approve", SOUTH]).text();
    s.run(["peer", "approve", NORTH]).text();
    assert_eq!(cities_of_hits(&n.json(&["search", "kenitra"])).len(), 2);

    let refused = s.run(["sharing", "set", NORTH, "--purpose", "curiosity"]);
    assert!(refused.stderr.contains("is no purpose"), "{}", refused.stderr);
    let set = [
        "sharing",
        "set",
        NORTH,
        "--kind",
        "agreement",
        "--audience",
        "federation",
        "--purpose",
        "policy",
        "--purpose",
        "research",
        "--legal-basis",
        "public-task",
        "--transfer-tool",
        "adequacy",
        "--records-per-day",
        "1000",
        "--until",
        "2999-12-31",
        "--note",
        "Convention of 2026",
    ];
    let told = s.run(set).text().to_owned();
    for part in ["federation, agreement", "policy (", "GDPR Art. 6(1)(e)", "GDPR Art. 45", "1000", "2999-12-31"] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
    let received = n.json(&["sharing", "show", SOUTH])["pair"]["received"].clone();
    assert_eq!(
        (&received["kinds"], &received["note"]),
        (&serde_json::json!(["agreement"]), &"Convention of 2026".into())
    );
    assert_eq!(received["author"], "", "who set it is not told");
    let there = n.json(&["peer", "list"])["peers"][0].clone();
    assert_eq!(there["received"]["audience"], "AUDIENCE_FEDERATION");
    assert_eq!(there["granted"]["audience"], "AUDIENCE_PUBLIC");
    let refusal = n.json(&["search", "kenitra"]);
    assert_eq!(outcome(&refusal, SOUTH)["errorReason"], "REASON_PURPOSE_NOT_AGREED");
    assert_eq!(cities_of_hits(&n.json(&["search", "kenitra", "--purpose", "policy: twinning"])).len(), 2);

    s.run(["sharing", "set", NORTH, "--granularity", "counts", "--any-purpose"]).text();
    let answer = n.run(["search", "--kind", "agreement"]).text().to_owned();
    assert!(answer.contains("counts only"), "{answer}");
    s.run(["sharing", "set", NORTH, "--until", "now"]).text();
    assert_eq!(outcome(&n.json(&["search", "kenitra"]), SOUTH)["errorReason"], "REASON_AGREEMENT_MISSING");
    let shown = s.run(["sharing", "show", NORTH, "--history"]).text().to_owned();
    assert!(shown.contains("not in force"), "{shown}");
    let revisions = s.json(&["sharing", "show", NORTH])["revisions"].as_array().unwrap().len();
    assert_eq!(revisions, 4, "what came with approval, and three changes");
    let list = n.json(&["sharing", "list"]);
    assert_eq!(list["pairs"][0]["grantedInForce"], true);
}
