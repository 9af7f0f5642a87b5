//! Cities where a second person approves what binds them, by commands alone.

use std::{fs::OpenOptions, io::Write as _};

use super::{
    cooperation::{BRIDGE, NORTH, Pair, SOUTH, command, cooperation, draft, show, side, state, until},
    support::{Access, City},
};

/// Says in a city's configuration that a second person is required.
pub(super) fn require_a_second_person(city: &City) {
    let mut config = OpenOptions::new().append(true).open(city.config()).unwrap();
    config.write_all(b"\n[cooperation]\nsecond_person = true\n").unwrap();
}

/// Somebody else of the same city.
pub(super) fn somebody(at: &Access, label: &str, role: &str) -> Access {
    let made = at.run(["token", "create", "--label", label, "--role", role]);
    Access { token: made.text().trim().to_owned(), ..at.clone() }
}

/// The ids of the steps that wait.
fn waiting(at: &Access) -> Vec<String> {
    let now = show(at, BRIDGE);
    now["pendingSteps"].as_array().unwrap().iter().map(|one| one["stepId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_binds_the_city_waits_for_somebody_else_who_approves_it() {
    let pair = Pair::start_with(require_a_second_person);
    let ana = somebody(pair.n(), "ana", "coordinator");
    let rui = somebody(pair.n(), "rui", "coordinator");
    let eva = somebody(pair.n(), "eva", "viewer");
    draft(&pair);
    let nothing = command(&rui, &["approve", BRIDGE]);
    assert!(nothing.line(3).contains("no step awaits approval"), "{}", nothing.stderr);

    let told = cooperation(&ana, &["propose", BRIDGE]);
    let [id] = waiting(&ana).try_into().unwrap();
    assert!(told.contains("counts only once somebody else approves it"), "{told}");
    assert!(told.contains(&format!("isopolity cooperation approve {BRIDGE} {id}")), "it can be copied: {told}");
    assert_eq!(state(&show(&ana, BRIDGE)), "DRAFT");
    let inbox = rui.run(["inbox", "--own"]);
    assert!(inbox.text().contains("a second person's approval"), "{}", inbox.text());
    assert!(inbox.stderr.contains(&format!("approve {BRIDGE}")), "{}", inbox.stderr);
    let shown = cooperation(&rui, &["show", BRIDGE]);
    for part in ["proposes a joint partnership to south.example", id.as_str(), "awaits a second person"] {
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{part}: {shown}");
    }

    let own = command(&ana, &["approve", BRIDGE]);
    assert!(own.complaint(3).contains("[SECOND_PERSON_REQUIRED]"), "{}", own.stderr);
    assert!(own.stderr.contains("somebody else must approve"), "{}", own.stderr);
    let viewer = command(&eva, &["approve", BRIDGE]);
    assert!(viewer.complaint(3).contains("[RIGHT_MISSING]"), "{}", viewer.stderr);
    for verb in ["approve", "drop"] {
        let unknown = command(&rui, &[verb, BRIDGE, "nonsense"]);
        assert!(unknown.complaint(3).contains("nonsense"), "{verb}: {}", unknown.stderr);
        assert!(unknown.stderr.contains("[RESOURCE_NOT_FOUND]"), "{verb}: {}", unknown.stderr);
        let elsewhere = command(&rui, &[verb, "north.example/ferry"]);
        assert!(elsewhere.complaint(3).contains("north.example/cooperations/ferry"), "{verb}: {}", elsewhere.stderr);
        assert!(command(&rui, &[verb, "bridge"]).line(2).contains("HOST/ID"), "{verb}");
    }
    assert_eq!(waiting(&ana), [id], "nothing of this did anything");

    let told = cooperation(&rui, &["approve", BRIDGE]);
    assert!(told.contains("approved, event 1") && told.contains("PROPOSED"), "{told}");
    assert!(waiting(&ana).is_empty());
    until(pair.s(), BRIDGE, "the proposal", |now| state(now) == "PROPOSED");
    let told = cooperation(&ana, &["say", BRIDGE, "Good morning@en"]);
    assert!(told.contains("said, event 2"), "what binds nobody needs nobody's approval: {told}");
    pair.stop();
}

#[test]
fn a_step_that_waits_is_dropped_and_one_that_is_signed_is_not() {
    let pair = Pair::start_with(|city| {
        if city.id == SOUTH {
            require_a_second_person(city);
        }
    });
    let ana = somebody(pair.s(), "ana", "coordinator");
    let rui = somebody(pair.s(), "rui", "coordinator");
    draft(&pair);
    cooperation(pair.n(), &["propose", BRIDGE]);
    until(&ana, BRIDGE, "the proposal", |now| state(now) == "PROPOSED");

    cooperation(&ana, &["accept", BRIDGE, "--version=1"]);
    let [id] = waiting(&ana).try_into().unwrap();
    assert!(cooperation(&ana, &["drop", BRIDGE]).contains("the step is dropped"), "who took it may think anew");
    assert!(waiting(&ana).is_empty());
    assert_eq!(side(&show(&ana, BRIDGE), SOUTH)["acceptedVersion"], 0);
    assert!(
        ana.run(["inbox", "--own"]).text().contains("to accept, counter or decline"),
        "it waits for the city again"
    );
    for verb in ["approve", "drop"] {
        let gone = command(&rui, &[verb, BRIDGE, &id]);
        assert!(gone.complaint(3).contains(&id), "{verb}: {}", gone.stderr);
    }
    let nothing = command(&ana, &["drop", BRIDGE]);
    assert!(nothing.line(3).contains("no step can be dropped"), "{}", nothing.stderr);

    // Both take the same step: one has to be named, and what then comes too late says so.
    cooperation(&ana, &["accept", BRIDGE, "--version=1"]);
    let [first] = waiting(&ana).try_into().unwrap();
    cooperation(&rui, &["accept", BRIDGE, "--version=1", "--office=Works"]);
    let both = waiting(&ana);
    let [second] = both.iter().filter(|id| **id != first).cloned().collect::<Vec<_>>().try_into().unwrap();
    let which = command(&rui, &["approve", BRIDGE]);
    let line = which.line(2);
    assert!(line.contains("name one") && both.iter().all(|id| line.contains(id)), "{line}");
    let told = cooperation(&rui, &["approve", BRIDGE, &first]);
    assert!(told.contains("approved; on its way to north.example"), "{told}");
    until(pair.n(), BRIDGE, "the acceptance", |now| state(now) == "AGREED");
    until(&ana, BRIDGE, "the event", |now| {
        state(now) == "AGREED" && now["pendingSteps"].as_array().is_some_and(|all| all.len() == 1)
    });
    let shown = cooperation(&ana, &["show", BRIDGE]);
    assert!(shown.contains("overtaken by event 2"), "{shown}");
    let late = command(&ana, &["approve", BRIDGE, &second]);
    assert!(late.complaint(3).contains("[COOPERATION_STEP_IMPOSSIBLE]"), "{}", late.stderr);
    assert!(late.stderr.contains("does not wait for approval"), "{}", late.stderr);
    let none = command(&ana, &["approve", BRIDGE]);
    assert!(none.line(3).contains("no step awaits approval"), "{}", none.stderr);
    let dropped = command(&ana, &["drop", BRIDGE, "--output=json"]).json();
    assert_eq!(dropped["cooperation"]["pendingSteps"], serde_json::json!([]));

    // What is signed may be with the host already.
    let Pair { north, south, folder } = pair;
    north.stop();
    cooperation(&ana, &["say", BRIDGE, "Are you there?@en"]);
    let [sent] = waiting(&ana).try_into().unwrap();
    let signed = command(&ana, &["drop", BRIDGE, &sent]);
    assert!(signed.complaint(3).contains("signed and on its way to the host"), "{}", signed.stderr);
    assert!(command(&ana, &["drop", BRIDGE]).line(3).contains("no step can be dropped"));
    assert_eq!(waiting(&ana), [sent], "{NORTH} gets it when it is back");
    south.stop();
    drop(folder);
}
