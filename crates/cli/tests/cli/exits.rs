//! How commands end, and what they say then.

use std::{
    fs,
    io::Read as _,
    process::{Command, Stdio},
};

use super::support::{City, Running, agreement, run};

const COMMANDS: [&[&str]; 40] = [
    &["demo"],
    &["init"],
    &["serve"],
    &["import"],
    &["search"],
    &["get"],
    &["verify"],
    &["peer"],
    &["peer", "bundle"],
    &["peer", "add"],
    &["peer", "approve"],
    &["peer", "suspend"],
    &["peer", "leave"],
    &["peer", "invite"],
    &["peer", "invitations"],
    &["peer", "join"],
    &["peer", "test"],
    &["directory"],
    &["directory", "keygen"],
    &["directory", "draft"],
    &["directory", "sign"],
    &["directory", "verify"],
    &["directory", "show"],
    &["directory", "offer"],
    &["directory", "reset"],
    &["peer", "list"],
    &["token"],
    &["token", "create"],
    &["token", "list"],
    &["token", "revoke"],
    &["audit"],
    &["audit", "list"],
    &["audit", "head"],
    &["audit", "verify"],
    &["audit", "export"],
    &["audit", "asked"],
    &["audit", "answered"],
    &["audit", "erase"],
    &["completions"],
    &[],
];

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        let ended = run(command.iter().chain(&["--help"]));
        let usage = ["Usage: isopolity"].iter().chain(command).copied().collect::<Vec<_>>().join(" ");
        assert!(ended.text().contains(&usage), "{}", ended.text());
    }
    assert!(run(["--version"]).text().starts_with("isopolity "));
}

#[test]
fn completions_are_a_script() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(["completions", shell]);
        assert!(ended.text().contains("isopolity") && ended.text().contains("suspend"), "{shell}");
    }
    let script = run(["completions", "bash"]);
    let checked = Command::new("bash").args(["-n", "-c", script.text()]).output();
    // Without a bash nobody needs the script.
    assert!(checked.map_or(true, |output| output.status.success()));
}

#[test]
fn wrong_usage_ends_with_2() {
    for command in [
        &["frobnicate"][..],
        &["search", "--nonsense"],
        &["get"],
        &["search", "--limit", "many"],
        &["peer", "suspend", "feira.example"],
        &["completions", "tcsh90"],
    ] {
        let ended = run(command);
        assert!(ended.complaint(2).contains("--help"), "{}", ended.stderr);
    }
    for (command, says) in [
        (&["search", "x", "--stage", "nonsense"][..], "market-research"),
        (&["search", "x", "--sector", "sic:1:2"], "nace, isic or dac"),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().as_os_str();
        let ended = run(command.iter().map(AsRef::as_ref).chain(["--dir".as_ref(), folder]));
        assert!(ended.line(2).contains(says), "{}", ended.stderr);
    }
}

#[test]
fn refusals_end_with_3_and_a_stopped_node_with_4() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let node = city.serve();
    let access = node.access.clone();
    let missing = access.run(["get", "cities/feira.example/agreements/none"]);
    assert!(missing.complaint(3).contains("[RESOURCE_NOT_FOUND]"), "{}", missing.stderr);
    let foreign = access.run(["get", "cities/kenitra.example/agreements/none"]);
    assert!(foreign.complaint(3).contains("kenitra.example"), "{}", foreign.stderr);
    let nonsense = access.run(["get", "nonsense"]);
    assert!(nonsense.complaint(3).contains("name: \"nonsense\""), "{}", nonsense.stderr);
    let country = access.run(["search", "--country", "zz"]);
    assert!(country.complaint(3).contains("origin_countries[0]"), "{}", country.stderr);

    let wrong = Running::start(access.command(["search", "x"]).env("ISOPOLITY_TOKEN", "iso_0_0")).end();
    assert!(wrong.complaint(3).contains("[TOKEN_INVALID]"), "{}", wrong.stderr);
    let anonymous = Running::start(access.command(["search", "x"]).env_remove("ISOPOLITY_TOKEN")).end();
    assert!(anonymous.complaint(3).contains("--token-file"), "{}", anonymous.stderr);
    let reader = access.run(["token", "create", "--label", "for a test", "--role", "viewer"]).text().trim().to_owned();
    let file = parent.path().join("reader.token");
    fs::write(&file, &reader).unwrap();
    let mut allowed = access.command(["search", "x", "--token-file"]);
    Running::start(allowed.arg(&file).env_remove("ISOPOLITY_TOKEN")).end().text();
    let right = Running::start(access.command(["peer", "list"]).env("ISOPOLITY_TOKEN", reader)).end();
    assert!(right.complaint(3).contains("[RIGHT_MISSING]"), "{}", right.stderr);

    node.stop();
    let stopped = access.run(["search", "x"]);
    let line = stopped.line(4);
    assert!(line.contains(&access.api) && line.contains("refused"), "{line}");
}

#[test]
fn a_node_of_another_city_is_not_spoken_to() {
    let parent = tempfile::tempdir().unwrap();
    let (feira, kenitra) = (City::init(parent.path(), "feira.example"), City::init(parent.path(), "kenitra.example"));
    let node = feira.serve();
    let mut access = node.access.clone();
    access.ca = kenitra.folder.join("trust/ca.pem");
    let ended = access.run(["search", "x"]);
    assert!(ended.line(4).contains("has no certificate from"), "{}", ended.stderr);
    access.ca = kenitra.config();
    let ended = access.run(["search", "x"]);
    assert!(ended.line(2).contains("isopolity.toml holds no CA certificate"), "{}", ended.stderr);
    access.ca = parent.path().join("none.pem");
    let ended = access.run(["search", "x"]);
    assert!(ended.line(2).contains("none.pem can't be read"), "{}", ended.stderr);
    node.stop();
}

#[test]
fn a_port_that_the_system_chose_has_to_be_told() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let ended = run(["search".as_ref(), "x".as_ref(), "--dir".as_ref(), city.folder.as_os_str()]);
    assert!(ended.line(2).contains("--node"), "{}", ended.stderr);
}

#[test]
fn a_search_that_is_given_no_time_says_so() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let ended = node.access.run(["search", "x", "--deadline-ms", "0"]);
    let complaint = ended.complaint(4);
    assert!(complaint.contains("did not answer in time") || complaint.contains("the deadline passed"), "{complaint}");
    node.stop();
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let node = city.serve();
    let file = parent.path().join("rows.jsonl");
    fs::write(&file, (0..100).map(|row| agreement(&city.id, &format!("row-{row}"))).collect::<String>()).unwrap();
    node.access.run(["import".as_ref(), file.as_os_str()]).text();

    let mut command = node.access.command(["search", "--limit", "100", "--envelopes", "--output", "json"]);
    assert!(Running::start(&mut command).end().text().len() > 200_000, "more than a pipe holds");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((first, ended.status.code()), (*b"{", Some(0)));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    node.stop();
}
