//! Two cities meet by a code, and five by a directory.

use std::{fs, time::Instant};

use super::support::{City, PATIENCE, cities_of_hits, run};

const NORTH: &str = "north.example";
const SOUTH: &str = "south.example";

#[test]
fn two_commands_and_an_approval_on_each_side_make_two_cities_peers() {
    let parent = tempfile::tempdir().unwrap();
    let (north, south) = (City::init(parent.path(), NORTH).serve(), City::init(parent.path(), SOUTH).serve());
    let (n, s) = (&north.access, &south.access);
    let code = n.run(["peer", "invite"]).text().trim().to_owned();
    assert!(code.starts_with("ISOPOLITY-INVITATION-1-"), "{code}");
    let open = n.json(&["peer", "invitations"]);
    let id = open["invitations"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(open["invitations"][0]["state"], "INVITATION_STATE_OPEN");

    let typo = if code.ends_with('0') { "1" } else { "0" };
    let wrong = s.run(["peer", "join", &format!("{}{typo}", &code[..code.len() - 1])]);
    assert!(wrong.complaint(3).contains("of the code") || wrong.stderr.contains("not whole"), "{}", wrong.stderr);
    let told = s.run(["peer", "join", &code]);
    let words = told.text().lines().find_map(|line| line.trim().strip_prefix("words")).unwrap().trim().to_owned();
    assert_eq!(words.split(' ').count(), 6);
    let listed = n.run(["peer", "list"]);
    assert!(listed.text().contains(&words), "{}", listed.text());
    let tested = s.run(["peer", "test", NORTH]);
    assert_eq!(tested.code, Some(3));
    assert!(String::from_utf8_lossy(&tested.stdout).contains("agreement"), "{tested:?}", tested = tested.stderr);
    n.run(["peer", "approve", SOUTH, "--words", &words]).text();
    s.run(["peer", "approve", NORTH, "--words", &words]).text();
    assert!(s.run(["peer", "test", NORTH]).text().contains("both have approved"));
    s.json(&["search", "kenitra", "--require", "all"]);

    let reused = s.run(["peer", "join", &code]);
    assert!(reused.complaint(3).contains("[INVITATION_"), "{}", reused.stderr);
    let revoked = n.run(["peer", "invite", "--revoke", &id]);
    assert!(revoked.text().contains("is used"), "a used one stays used: {}", revoked.text());

    n.run(["peer", "leave", SOUTH, "--reason", "we merged"]).text();
    let listed = s.run(["peer", "list", "--no-greet"]);
    for said in ["left by north.example", "we merged"].into_iter().flat_map(|said| said.split(' ')) {
        assert!(listed.text().contains(said), "{}", listed.text());
    }
    north.stop();
    south.stop();
}

#[test]
fn operators_sign_a_directory_offline_and_a_node_takes_it() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).display().to_string();
    let keys: Vec<String> = ["a.key", "b.key", "c.key"]
        .map(|name| run(["directory", "keygen", "--out", &at(name)]).text().trim().to_owned())
        .to_vec();
    assert!(run(["directory", "keygen", "--out", &at("a.key")]).complaint(2).contains("never overwritten"));
    let city = |id: &str, more: &str| {
        let city = City::init(parent.path(), id);
        let text = fs::read_to_string(city.config()).unwrap();
        let list = keys.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(", ");
        let directory =
            format!("\n[directory]\nfederation = \"cities.example\"\nkeys = [{list}]\nthreshold = 2\n{more}");
        fs::write(city.config(), text + &directory).unwrap();
        city
    };
    let (north, south) = (city(NORTH, ""), city(SOUTH, ""));
    let (north, south) = (north.serve(), south.serve());
    for (node, name) in [(&north, "n.bundle"), (&south, "s.bundle")] {
        node.access.run(["peer", "bundle", "--out", &at(name)]).text();
    }
    let file = at("directory.json");
    let draft = [
        "directory",
        "draft",
        "--federation",
        "cities.example",
        "--version",
        "1",
        "--out",
        &file,
        &at("n.bundle"),
        &at("s.bundle"),
    ];
    run(draft).text();
    let verify = || {
        run(["directory", "verify", &file, "--key", &keys[0], "--key", &keys[1], "--key", &keys[2], "--threshold", "2"])
    };
    run(["directory", "sign", &file, "--key", &at("a.key")]).text();
    let told = verify();
    assert_eq!(told.code, Some(3), "{}", told.stderr);
    assert!(told.stderr.contains("carries 1 good signatures of operators, 2 are needed"), "{}", told.stderr);
    assert!(north.access.run(["directory", "offer", &file]).complaint(3).contains("[DIRECTORY_SIGNATURES]"));
    run(["directory", "sign", &file, "--key", &at("c.key")]).text();
    assert!(verify().text().contains("2 of 3 operators have signed"));
    for node in [&north, &south] {
        assert!(node.access.run(["directory", "offer", &file]).text().contains("version 1, 2 members"));
        assert!(node.access.run(["directory", "show"]).text().contains("signed by 2 operators"));
    }
    assert!(run(["directory", "show", &file]).text().contains("south.example"));
    let list = north.access.json(&["peer", "list"]);
    assert_eq!(
        (&list["peers"][0]["state"], &list["peers"][0]["origin"]),
        (&"PEER_STATE_ACTIVE".into(), &"PEER_ORIGIN_DIRECTORY".into())
    );
    let answer = north.access.json(&["search", "x", "--require", "all"]);
    assert!(cities_of_hits(&answer).is_empty());
    north.access.run(["directory", "show", "--out", &at("again.json")]).text();
    assert_eq!(fs::read(at("again.json")).unwrap(), fs::read(&file).unwrap(), "passed on as it was signed");
    north.stop();
    south.stop();

    // A node that starts with the file; it is no member itself.
    let west = city("west.example", &format!("file = \"{file}\"\n")).serve();
    let begun = Instant::now();
    let shown = loop {
        let shown = west.access.run(["directory", "show"]).text().to_owned();
        if shown.contains("version 1, 2 members") {
            break shown;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown}");
    };
    assert!(shown.contains("trouble: this city is not among its members"), "{shown}");
    assert!(west.access.run(["peer", "list", "--no-greet"]).stderr.contains("not among its members"));
    west.stop();
}
