//! Two cities work together, by commands alone.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;

use super::support::{Access, City, Ended, Node, PATIENCE, Running, run};

pub(super) const NORTH: &str = "north.example";
pub(super) const SOUTH: &str = "south.example";
pub(super) const BRIDGE: &str = "north.example/bridge";

/// Two cities that are peers.
pub(super) struct Pair {
    pub(super) north: Node,
    pub(super) south: Node,
    pub(super) folder: tempfile::TempDir,
}

impl Pair {
    fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// With something more in a city's configuration.
    pub(super) fn start_with(prepare: impl Fn(&City)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [north, south] = [NORTH, SOUTH].map(|id| {
            let city = City::init(folder.path(), id);
            prepare(&city);
            city.serve()
        });
        let pair = Self { north, south, folder };
        for (at, other) in [(pair.n(), pair.s()), (pair.s(), pair.n())] {
            let bundle = pair.bundle(other);
            at.run(["peer".as_ref(), "add".as_ref(), bundle.as_os_str()]).text();
        }
        pair.n().run(["peer", "approve", SOUTH]).text();
        pair.s().run(["peer", "approve", NORTH]).text();
        pair
    }

    pub(super) fn n(&self) -> &Access {
        &self.north.access
    }

    pub(super) fn s(&self) -> &Access {
        &self.south.access
    }

    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// The file of a city's trust bundle.
    pub(super) fn bundle(&self, of: &Access) -> PathBuf {
        let file = self.folder.path().join(format!("{}.bundle", of.city));
        of.run(["peer".as_ref(), "bundle".as_ref(), "--out".as_ref(), file.as_os_str()]).text();
        file
    }

    pub(super) fn stop(self) {
        self.north.stop();
        self.south.stop();
    }
}

/// `isopolity cooperation …`, which must succeed.
pub(super) fn cooperation(at: &Access, arguments: &[&str]) -> String {
    command(at, arguments).text().to_owned()
}

pub(super) fn command(at: &Access, arguments: &[&str]) -> Ended {
    at.run(["cooperation"].iter().chain(arguments))
}

pub(super) fn show(at: &Access, name: &str) -> Value {
    let ended = command(at, &["show", name, "--output", "json"]);
    if ended.code == Some(3) { Value::Null } else { ended.json() }
}

/// The cooperation as it stands at a city, once it stands so: what one city does reaches the other when it reaches it.
pub(super) fn until(at: &Access, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let now = show(at, name);
        if holds(&now) {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "{}: {what}: {now:#}", at.city);
    }
}

pub(super) fn state(now: &Value) -> &str {
    now["state"].as_str().unwrap_or_default().trim_start_matches("COOPERATION_STATE_")
}

pub(super) fn side<'a>(now: &'a Value, city: &str) -> &'a Value {
    now["participations"].as_array().unwrap().iter().find(|one| one["city"] == city).unwrap()
}

/// A draft of a bridge, with a contribution of each side.
pub(super) fn draft(pair: &Pair) {
    let begun = command(
        pair.n(),
        &[
            "draft",
            "--id=bridge",
            "--kind=joint-partnership",
            "--with=south.example",
            "--title=A bridge@en",
            "--title=Uma ponte@pt",
            "--agreement=cooperation-protocol",
            "--audience=public",
            "--until=2031-12-31",
            "--commit=north.example: funding 5000 EUR by 2030-06-30: stones@en",
        ],
    );
    assert!(
        begun.text().contains("north.example/bridge is a draft: joint partnership \"A bridge\""),
        "{}",
        begun.text()
    );
    assert!(begun.stderr.contains("cooperation propose north.example/bridge"), "{}", begun.stderr);
}

/// Both accept and sign a first version of the terms, and begin.
fn activate(pair: &Pair) {
    draft(pair);
    cooperation(pair.n(), &["propose", BRIDGE]);
    until(pair.s(), BRIDGE, "the proposal", |now| state(now) == "PROPOSED");
    cooperation(pair.s(), &["accept", BRIDGE, "--version=1", "--office=Works"]);
    for (at, office) in [(pair.n(), "Mayor of North"), (pair.s(), "Mayor of South")] {
        until(at, BRIDGE, "the agreement", |now| state(now) == "AGREED");
        cooperation(at, &["sign", BRIDGE, "--office", office, "--date=2030-01-02", "--place=Midway"]);
    }
    until(pair.n(), BRIDGE, "both signatures", |now| {
        [NORTH, SOUTH].iter().all(|city| !side(now, city)["signature"].is_null())
    });
    cooperation(pair.n(), &["activate", BRIDGE, "--from=2030-01-02"]);
    until(pair.s(), BRIDGE, "the beginning", |now| state(now) == "ACTIVE");
}

#[test]
fn two_cities_come_from_a_draft_to_a_signed_agreement_by_commands_alone() {
    let pair = Pair::start();
    let (n, s) = (pair.n(), pair.s());
    draft(&pair);
    assert!(command(s, &["show", BRIDGE]).complaint(3).contains("bridge"), "a draft is nobody else's business");
    let edited = cooperation(n, &["edit", BRIDGE, "--summary=Stone by stone@en", "--reply-by=2030-12-31"]);
    assert!(edited.contains("is changed"), "{edited}");
    let shown = cooperation(n, &["show", BRIDGE]);
    for part in
        ["DRAFT", "A bridge (en)", "Uma ponte (pt)", "Stone by stone", "1 contribution, 5\u{a0}000 EUR", "funding"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let told = cooperation(n, &["propose", BRIDGE]);
    assert!(told.contains("proposed, event 1") && told.contains("waits for south.example to accept"), "{told}");

    until(s, BRIDGE, "the proposal", |now| state(now) == "PROPOSED");
    let inbox = s.run(["inbox", "--own"]);
    assert!(
        inbox.text().contains("this city") && inbox.text().contains("to accept, counter or decline"),
        "{}",
        inbox.text()
    );
    assert!(inbox.stderr.contains("cooperation show north.example/bridge"), "{}", inbox.stderr);
    // The terms as a file, with a contribution more.
    let mut terms: Value = serde_json::from_str(&cooperation(s, &["terms", BRIDGE])).unwrap();
    terms["commitments"].as_array_mut().unwrap().push(serde_json::json!({
        "city": "cities/south.example",
        "kind": "COMMITMENT_KIND_STAFF_TIME",
        "descriptions": [{"text": "masons", "language": "en"}],
        "staffDays": "40",
    }));
    let file = pair.file("terms.json", &terms.to_string());
    let told = cooperation(s, &["counter", BRIDGE, &file, "--text=We bring masons@en"]);
    assert!(told.contains("other terms offered"), "{told}");

    until(n, BRIDGE, "the other terms", |now| now["offer"]["terms"]["version"] == 2);
    let stale = command(n, &["counter", BRIDGE, &file]);
    assert!(stale.line(3).contains("made from version 1, and version 2 is present"), "{}", stale.stderr);
    let alone = command(n, &["accept", BRIDGE]);
    assert!(alone.complaint(2).contains("--version"), "{}", alone.stderr);
    assert!(alone.stderr.contains("40 days") && alone.stderr.contains("Hash "), "{}", alone.stderr);
    let old = command(n, &["accept", BRIDGE, "--version=1"]);
    assert!(old.line(3).contains("version 2 is on offer now, by south.example"), "{}", old.stderr);
    assert!(command(n, &["sign", BRIDGE, "--office=Mayor"]).line(3).contains("PROPOSED"));
    let early = command(n, &["terminate", BRIDGE, "--reason=Too dear"]);
    assert!(
        early
            .complaint(3)
            .contains("no city can terminate while it is PROPOSED; possible: counter, accept, withdraw, say,"),
        "{}",
        early.stderr
    );
    let told = cooperation(n, &["accept", BRIDGE, "--version=2", "--office=Works", "--dry-run"]);
    assert!(told.contains("nothing was done"), "{told}");
    let told = cooperation(n, &["accept", BRIDGE, "--yes", "--office=Works"]);
    assert!(told.contains("version 2 accepted") && told.contains("AGREED"), "{told}");

    for (at, office) in [(s, "Mayor of South"), (n, "Mayor of North")] {
        until(at, BRIDGE, "the agreement", |now| state(now) == "AGREED");
        cooperation(
            at,
            &["sign", BRIDGE, "--office", office, "--date=2030-01-02", "--place=Midway", "--decision=12/2030"],
        );
    }
    until(n, BRIDGE, "the other's signature", |now| !side(now, SOUTH)["signature"].is_null());
    let told = cooperation(n, &["activate", BRIDGE, "--from=2030-01-02"]);
    assert!(told.contains("ACTIVE"), "{told}");

    let now = until(s, BRIDGE, "the beginning", |now| state(now) == "ACTIVE");
    for (at, agreement) in [(s, &now["agreement"]), (n, &show(n, BRIDGE)["agreement"])] {
        let record = at.run(["record", "get", agreement.as_str().unwrap()]);
        assert!(record.text().contains("AGREEMENT_STATUS_ACTIVE"), "{}", record.text());
        assert!(
            record.text().contains("Mayor of North") && record.text().contains("Mayor of South"),
            "{}",
            record.text()
        );
    }
    let shown = cooperation(s, &["show", BRIDGE]);
    for part in ["ACTIVE since 2030-01-02", "2030-01-02 in Midway", "Mayor of South", "decision 12/2030", "40 days"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(cooperation(s, &["list", "--open"]).contains("A bridge"));
    assert!(cooperation(s, &["list", "--state=concluded", "--city=north.example"]).contains("There are none"));
    pair.stop();
}

#[test]
fn what_is_active_is_followed_up_amended_and_concluded_and_its_history_is_checked_elsewhere() {
    let pair = Pair::start();
    let (n, s) = (pair.n(), pair.s());
    activate(&pair);

    cooperation(
        n,
        &[
            "milestone",
            "set",
            BRIDGE,
            "first-stone",
            "--title=First stone@en",
            "--owner=south.example",
            "--due=2030-03-01",
        ],
    );
    let incomplete = command(n, &["milestone", "set", BRIDGE, "second-stone"]);
    assert!(incomplete.line(2).contains("--title, --owner, --due"), "{}", incomplete.stderr);
    until(s, BRIDGE, "the milestone", |now| now["milestones"].as_array().is_some_and(|all| all.len() == 1));
    cooperation(s, &["milestone", "done", BRIDGE, "first-stone", "--date=2030-02-28", "--outcome=It lies@en"]);
    let plan = pair.file("plan.txt", "abc");
    let told = command(s, &["attach", BRIDGE, &plan, "--title=The plan@en", "--reference=Archive 7"]);
    assert!(
        told.stderr.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        "{}",
        told.stderr
    );
    cooperation(s, &["say", BRIDGE, "It stands@en"]);
    assert!(command(s, &["say", BRIDGE, "\u{1b}[2J"]).complaint(3).contains("texts"), "no terminal is played with");

    // An amendment that another event comes before is for a person to take anew, so South waits for what it said itself.
    until(s, BRIDGE, "its own words", |now| now["pendingSteps"].as_array().is_some_and(Vec::is_empty));
    let told = cooperation(s, &["renew", BRIDGE, "--until=2035-12-31", "--text=More time@en"]);
    assert!(told.contains("renewal offered"), "{told}");
    until(n, BRIDGE, "the renewal", |now| !now["amendment"].is_null());
    assert!(cooperation(n, &["terms", BRIDGE, "--amendment"]).contains("2035-12-31"));
    assert!(cooperation(n, &["terms", BRIDGE]).contains("2031-12-31"), "the present terms hold");
    cooperation(n, &["decline-amendment", BRIDGE, "--reason=Not so long"]);
    let nothing = command(n, &["accept", BRIDGE, "--yes"]);
    assert!(nothing.line(3).contains("no terms on offer"), "{}", nothing.stderr);

    let terminated = command(n, &["conclude", BRIDGE]);
    assert_eq!(terminated.code, Some(2), "what came of it belongs to it");
    cooperation(n, &["conclude", BRIDGE, "--outcome=A bridge@en"]);
    until(s, BRIDGE, "the other's conclusion", |now| !side(now, NORTH)["conclusion"].is_null());
    cooperation(s, &["conclude", BRIDGE, "--outcome=A bridge, too@en"]);
    until(n, BRIDGE, "the end", |now| state(now) == "CONCLUDED");

    let history = cooperation(n, &["history", BRIDGE]);
    for part in
        ["proposes a joint partnership", "signs version 1 of the terms (offer", "offers to renew until 2035-12-31"]
    {
        // Tables break long lines.
        let flat = history.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part) || history.contains(part), "{part}: {history}");
    }
    let events = command(n, &["history", BRIDGE, "--output=json"]).json()["events"].as_array().unwrap().len();
    assert_eq!(show(n, BRIDGE)["sequence"], events.to_string());

    let export = pair.folder.path().join("bridge.history");
    let told = n.run(["cooperation", "export", BRIDGE, "--file", export.to_str().unwrap()]);
    assert!(told.stderr.contains("isopolity verify"), "{}", told.stderr);
    assert_eq!(cooperation(s, &["export", BRIDGE]), fs::read_to_string(&export).unwrap(), "both have the same");
    let (north, south) = (pair.bundle(n), pair.bundle(s));
    pair.north.stop();
    pair.south.stop();
    let told = verify(&export, &[&north, &south], &[]);
    let told = told.text();
    let verified = verify(&export, &[&north, &south], &["--output", "json"]).json();
    // The history and the file tell each event in the same words.
    for event in verified["events"].as_array().unwrap() {
        let what = event["what"].as_str().unwrap();
        assert!(told.contains(what), "{what}: {told}");
        let words: Vec<&str> = history.split_whitespace().collect();
        assert!(what.split_whitespace().all(|word| words.contains(&word)), "{what}: {history}");
    }
    assert_eq!((&verified["verified"], &verified["state"]), (&true.into(), &"COOPERATION_STATE_CONCLUDED".into()));
    assert_eq!(verified["events"].as_array().unwrap().len(), events);
    let alone = verify(&export, &[&north], &[]);
    assert!(alone.line(3).contains("no bundle of south.example was given"), "{}", alone.stderr);
}

pub(super) fn verify(file: &Path, bundles: &[&Path], more: &[&str]) -> Ended {
    let mut arguments = vec!["verify", file.to_str().unwrap()];
    for bundle in bundles {
        arguments.extend(["--bundle", bundle.to_str().unwrap()]);
    }
    run(arguments.iter().chain(more))
}

#[test]
fn a_question_is_answered_a_proposal_declined_and_a_record_confirmed() {
    let pair = Pair::start();
    let (n, s) = (pair.n(), pair.s());
    cooperation(n, &["draft", "--id=bakers", "--kind=enquiry", "--with=south.example", "--text=Who bakes?@en"]);
    cooperation(n, &["propose", "north.example/bakers"]);
    until(s, "north.example/bakers", "the question", |now| state(now) == "PROPOSED");
    cooperation(s, &["answer", "north.example/bakers", "--text=All of us@en"]);
    let now = until(n, "north.example/bakers", "the answer", |now| state(now) == "CONCLUDED");
    assert_eq!(side(&now, SOUTH)["answer"]["texts"][0]["text"], "All of us");
    assert!(cooperation(n, &["show", "north.example/bakers"]).contains("All of us"));

    draft(&pair);
    cooperation(n, &["propose", BRIDGE]);
    until(s, BRIDGE, "the proposal", |now| state(now) == "PROPOSED");
    cooperation(s, &["decline", BRIDGE, "--reason=There is one"]);
    until(n, BRIDGE, "the refusal", |now| state(now) == "DECLINED");
    assert!(cooperation(n, &["show", BRIDGE]).contains("There is one"));
    assert!(
        command(s, &["say", BRIDGE, "still"]).complaint(3).contains("[COOPERATION_"),
        "nothing comes after the end"
    );

    let record = super::support::agreement(NORTH, "one");
    let file = pair.file("one.jsonl", &record);
    n.run(["import", &file]).text();
    let name = "cities/north.example/agreements/one";
    let unknown = command(s, &["confirm", "cities/north.example/agreements/two", "--stance=confirmed"]);
    assert!(unknown.complaint(3).contains("--unseen"), "{}", unknown.stderr);
    let told = cooperation(s, &["confirm", name, "--stance=disputed", "--remark=It never was@en"]);
    assert!(told.contains("this city disputes it"), "{told}");
    let begun = Instant::now();
    while !n.run(["record", "get", name]).text().contains("CONFIRMATION_STANCE_DISPUTED") {
        assert!(begun.elapsed() < PATIENCE, "the statement did not arrive");
    }
    pair.stop();
}

#[test]
fn what_is_on_its_way_is_seen_and_tried_anew_and_the_inbox_tells_as_it_happens() {
    let pair = Pair::start();
    let (n, s) = (pair.n(), pair.s());
    // One that watches, and is read while it runs.
    let mut watching = Running::start(&mut watched(s));
    watching.wait_for("watching");
    draft(&pair);
    cooperation(n, &["propose", BRIDGE]);
    let told = watching.wait_for("north.example/bridge 1");
    assert!(told.contains("proposes a joint partnership") && told.contains("south.example to accept"), "{told}");
    drop(watching);

    // South has it; North knows that once the receipt is back.
    let begun = Instant::now();
    while !n.run(["delivery", "list"]).text().contains("Nothing waits") {
        assert!(begun.elapsed() < PATIENCE, "the receipt did not come");
    }
    let all = n.run(["delivery", "list", "--all"]);
    assert!(all.text().contains("north.example/bridge") && all.text().contains("delivered"), "{}", all.text());
    assert!(n.run(["delivery", "redrive", "--all"]).text().contains("nothing waits"));
    assert_eq!(n.run(["delivery", "redrive"]).code, Some(2), "which ones?");
    let south = s.clone();
    let s = &south;
    pair.north.stop();
    // South acts while its host is away: the step is kept, and goes as soon as it can.
    let told = cooperation(s, &["accept", BRIDGE, "--version=1"]);
    assert!(told.contains("on its way to north.example"), "{told}");
    assert!(cooperation(s, &["show", BRIDGE]).contains("signed, on its way to the host"));
    let waits = s.run(["delivery", "list", "--city", NORTH]);
    assert!(waits.text().contains("own step for event 2") && waits.text().contains(BRIDGE), "{}", waits.text());
    assert!(s.run(["delivery", "redrive", "--city", NORTH]).text().contains("1 delivery is tried anew"));
    pair.south.stop();
}

/// `inbox --watch`, with what it tells on standard error, where this test reads lines.
pub(super) fn watched(at: &Access) -> std::process::Command {
    let inbox = at.command(["inbox", "--watch"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec \"$0\" inbox --watch >&2"]).arg(inbox.get_program());
    for (name, value) in inbox.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn whoever_writes_something_wrong_is_told_what_and_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let node = City::init(folder.path(), NORTH).serve();
    let n = &node.access;
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let misspelt = file("draft.json", "{\n  \"knid\": \"COOPERATION_KIND_ENQUIRY\"\n}");
    let wrong = command(n, &["draft", &misspelt]);
    assert!(wrong.line(2).contains("knid") && wrong.stderr.contains("line 2"), "{}", wrong.stderr);
    let misspelt = file("draft.toml", "kind = \"COOPERATION_KIND_ENQUIRY\"\npartisipants = []");
    let wrong = command(n, &["draft", &misspelt]);
    assert!(wrong.line(2).contains("partisipants") && wrong.stderr.contains("line 2"), "{}", wrong.stderr);
    for (arguments, says) in [
        (&["draft", "--commit=north.example: gold: bars"][..], "funding"),
        (&["draft", "--commit=money"], "CITY: KIND"),
        (&["draft", "--agreement=marriage"], "twinning"),
        (&["draft", "--until=tomorrow"], "YYYY-MM-DD"),
        (&["show", "bridge"], "HOST/ID"),
        (&["export", "cities/north.example/agreements/one"], "HOST/ID"),
    ] {
        assert!(command(n, arguments).line(2).contains(says), "{arguments:?}");
    }
    assert!(command(n, &["show", BRIDGE]).complaint(3).contains("north.example"), "there is none");
    assert!(cooperation(n, &["list"]).contains("There are none"));
    assert!(n.run(["inbox"]).text().contains("Nothing waits for anybody"));
    // A draft may have gaps; they are told of when it is proposed.
    let good = file("good.toml", "kind = \"COOPERATION_KIND_JOINT_PARTNERSHIP\"\nparticipants = [\"south.example\"]");
    cooperation(n, &["draft", &good, "--id=bridge"]);
    assert!(command(n, &["propose", BRIDGE]).complaint(3).contains("terms"), "the terms are missing");
    let whole = cooperation(n, &["terms", BRIDGE, "--draft"]);
    let whole = file("whole.json", &whole);
    cooperation(n, &["edit", BRIDGE, &whole, "--title=A bridge@en"]);
    assert!(cooperation(n, &["list", "--state=draft", "--kind=joint-partnership"]).contains("A bridge"));
    assert!(cooperation(n, &["discard", BRIDGE]).contains("is gone"));
    node.stop();
}
