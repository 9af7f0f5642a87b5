//! A host that goes on from a restored backup as if nothing had happened since: what an officer sees of a forked history, at either city.

use std::{fs, path::Path, process::Command};

use isopolity_proto::{
    cooperation::{CooperationEvent, Fork},
    federation::Envelope,
    json,
};
use prost::Message as _;
use serde_json::Value;

use super::{
    cooperation::{BRIDGE, NORTH, Pair, SOUTH, command, cooperation, draft, state, until, verify, watched},
    cooperation_approval::{require_a_second_person, somebody},
    support::{Access, City, Running},
};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap().success());
}

/// Two cities, of which the host has said something, lost it with its disk, and said something else in its place. The guest has a step
/// that awaits approval.
fn forked() -> Pair {
    let pair = Pair::start_with(|city| {
        if city.id == SOUTH {
            require_a_second_person(city);
        }
    });
    draft(&pair);
    cooperation(pair.n(), &["propose", BRIDGE]);
    until(pair.s(), BRIDGE, "the proposal", |now| state(now) == "PROPOSED");
    cooperation(pair.s(), &["accept", BRIDGE, "--version=1"]);

    let Pair { north, south, folder } = pair;
    let city = City { id: NORTH.to_owned(), folder: folder.path().join(NORTH), token: north.access.token.clone() };
    let backup = folder.path().join("backup");
    north.stop();
    copy(&city.folder, &backup);
    let north = city.serve();
    cooperation(&north.access, &["say", BRIDGE, "We begin in May@en"]);
    until(&south.access, BRIDGE, "the event", |now| now["sequence"] == "2");
    north.stop();
    fs::remove_dir_all(&city.folder).unwrap();
    copy(&backup, &city.folder);

    let mut watching = Running::start(&mut watched(&south.access));
    watching.wait_for("watching");
    let north = city.serve();
    let told = cooperation(&north.access, &["say", BRIDGE, "We begin in June@en"]);
    assert!(told.contains("said, event 2"), "{told}");
    let told = watching.wait_for("FORKED");
    assert!(told.contains(BRIDGE) && told.contains("cooperation show north.example/bridge"), "{told}");
    let pair = Pair { north, south, folder };
    for at in [pair.n(), pair.s()] {
        until(at, BRIDGE, "the fork", |now| !now["fork"].is_null());
    }
    pair
}

/// On one line: tables break long ones.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_forked_history_is_told_of_wherever_an_officer_looks_with_both_events_and_what_to_do() {
    let pair = forked();
    for (at, who, advice) in [
        (pair.s(), "north.example signed two different events number 2", "Speak with north.example"),
        (pair.n(), "this city signed two different events number 2", "backup"),
    ] {
        let inbox = at.run(["inbox"]);
        assert!(inbox.text().starts_with("FORKED: north.example/bridge: north.example signed two"), "{}", inbox.text());
        assert_eq!(at.json(&["inbox", "--own"])["forked"][0], "cities/north.example/cooperations/bridge");
        assert!(cooperation(at, &["list"]).contains("FORKED"), "{}", at.city);
        for verb in ["show", "history"] {
            let told = flat(&cooperation(at, &[verb, BRIDGE]));
            for part in
                [who, advice, "We begin in May", "We begin in June", "Nothing more is taken", "needs a new cooperation"]
            {
                assert!(told.contains(part), "{verb} at {}: {part}: {told}", at.city);
            }
        }
        assert!(flat(&cooperation(at, &["history", BRIDGE, "--after=2"])).contains(who), "{}", at.city);
        let refused = command(at, &["say", BRIDGE, "Never mind@en"]);
        assert!(refused.complaint(3).contains("[HISTORY_FORKED]"), "{}", refused.stderr);
        assert!(refused.stderr.contains("two different events in place 2"), "{}", refused.stderr);
        proven(at);
    }
    let dead = pair.n().json(&["delivery", "list", "--dead"]);
    let problem = dead["deliveries"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("it knows another event in this place"), "{problem}");
    pair.stop();
}

/// The program's answer holds both events as the host signed them.
fn proven(at: &Access) {
    let shown = command(at, &["show", BRIDGE, "--output=json"]).json();
    let listed = command(at, &["history", BRIDGE, "--output=json"]).json();
    assert_eq!(shown["fork"], listed["fork"]);
    let fork: Fork = json::from_str(&shown["fork"].to_string()).unwrap();
    let [known, other] = [&fork.known, &fork.other].map(|bytes| Envelope::decode(bytes.clone()).unwrap());
    assert_eq!(known.signatures[0].keyid, other.signatures[0].keyid, "one key signed both");
    let [known, other] = [known, other].map(|envelope| CooperationEvent::decode(envelope.payload).unwrap());
    assert_eq!((known.sequence, &known.previous_hash), (other.sequence, &other.previous_hash));
    assert_ne!(known.action, other.action);
    assert_eq!(listed["events"].as_array().unwrap().len(), 2, "the history is what was known first");
}

#[test]
fn a_step_that_waits_in_a_forked_history_can_only_be_dropped_and_an_export_says_what_it_lacks() {
    let pair = forked();
    let s = pair.s();
    let shown = flat(&cooperation(s, &["show", BRIDGE]));
    assert!(shown.contains("not part of the forked history, and can't be any more"), "{shown}");
    assert!(!shown.contains("take it anew"), "{shown}");
    let step = |now: &Value| now["pendingSteps"][0]["stepId"].as_str().unwrap().to_owned();
    let id = step(&command(s, &["show", BRIDGE, "--output=json"]).json());
    let rui = somebody(s, "rui", "coordinator");
    let late = command(&rui, &["approve", BRIDGE, &id]);
    assert!(late.complaint(3).contains("does not wait for approval"), "{}", late.stderr);
    assert!(cooperation(&rui, &["drop", BRIDGE]).contains("the step is dropped"));

    // Each city's file holds the history as that city knew it first, and proves the fork to whoever has the bundles.
    let bundles = [pair.bundle(pair.n()), pair.bundle(s)];
    let mut ends = Vec::new();
    for at in [pair.n(), s] {
        let file = pair.folder.path().join(format!("{}.history", at.city));
        let told = command(at, &["export", BRIDGE, "--file", file.to_str().unwrap()]);
        assert!(flat(&told.stderr).contains("the host forked this history"), "{}", told.stderr);
        let told = verify(&file, &[&bundles[0], &bundles[1]], &["--output", "json"]).json();
        let words = verify(&file, &[&bundles[0], &bundles[1]], &[]);
        for part in ["north.example signed two different events number 2", "We begin in May", "We begin in June"] {
            assert!(flat(words.text()).contains(part), "{part}: {}", words.text());
        }
        ends.push((
            told["headHash"].clone(),
            told["fork"]["known"]["hash"].clone(),
            told["fork"]["other"]["hash"].clone(),
        ));
        forged(&file, &[&bundles[0], &bundles[1]]);
    }
    assert_ne!(ends[0].0, ends[1].0);
    assert_eq!(
        (&ends[0].1, &ends[0].2),
        (&ends[1].2, &ends[1].1),
        "each holds what the other holds, the other way round"
    );
    pair.stop();
}

/// An event that the history has anyway proves no fork.
fn forged(file: &Path, bundles: &[&Path]) {
    let text = fs::read_to_string(file).unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let last = lines.len() - 1;
    lines[last - 1] = lines[2];
    let changed = file.with_extension("forged");
    fs::write(&changed, lines.concat()).unwrap();
    let refused = verify(&changed, bundles, &[]);
    assert!(refused.complaint(3).contains("does not prove that the host forked"), "{}", refused.stderr);
}
