//! A node that can't start says what and where in one line, and damages nothing.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

use super::support::{City, Running, agreement, isopolity, run, snapshot};

/// The one line in which a city's node refuses to start. Nothing in the folder is changed.
fn refusal(city: &City, code: i32) -> String {
    let before = snapshot(&city.folder);
    let line = Running::start(&mut city.serve_command()).end().line(code).to_owned();
    let mut after = snapshot(&city.folder);
    // SQLite's own: it may or may not get round to removing them when a process ends that could not open the database.
    after.retain(|file, _| !["-wal", "-shm"].iter().any(|end| file.to_string_lossy().ends_with(end)));
    let files = |snapshot: &std::collections::BTreeMap<_, _>| snapshot.keys().cloned().collect::<Vec<_>>();
    assert_eq!(files(&after), files(&before), "{line}");
    assert!(after == before, "a file was changed: {line}");
    line
}

/// Changes a city's configuration.
fn edit(city: &City, from: &str, to: &str) {
    let text = fs::read_to_string(city.config()).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(city.config(), text.replace(from, to)).unwrap();
}

/// A city with a record, and the record's name.
fn with_a_record(parent: &Path) -> (City, String) {
    let city = City::init(parent, "feira.example");
    let file = parent.join("one.jsonl");
    fs::write(&file, agreement(&city.id, "one")).unwrap();
    let node = city.serve();
    node.access.run(["import".as_ref(), file.as_os_str()]).text();
    node.stop();
    (city, "cities/feira.example/agreements/one".to_owned())
}

#[test]
fn a_folder_without_a_configuration_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let ended = run(["serve".as_ref(), "--dir".as_ref(), parent.path().as_os_str()]);
    let line = ended.line(2);
    assert!(line.contains("isopolity.toml") && line.contains("isopolity init"), "{line}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn a_key_that_does_not_exist_is_named_with_file_and_line() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    edit(&city, "anonymous_reads", "anonimous_reads");
    let at = fs::read_to_string(city.config()).unwrap().lines().position(|line| line.starts_with("anon")).unwrap();
    let line = refusal(&city, 2);
    assert!(line.contains(&format!("isopolity.toml:{}: unknown field `anonimous_reads`", at + 1)), "{line}");
}

#[test]
fn a_variable_that_does_not_exist_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let ended = Running::start(city.serve_command().env("ISOPOLITY_API_LISTN", "127.0.0.1:1")).end();
    assert!(ended.line(2).contains("ISOPOLITY_API_LISTN"), "{}", ended.stderr);
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let parent = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["api", "federation"] {
        let city = City::init(&parent.path().join(key), "feira.example");
        edit(&city, &format!("[{key}]\nlisten = \"127.0.0.1:0\""), &format!("[{key}]\nlisten = \"{address}\""));
        let line = refusal(&city, 1);
        assert!(line.contains(&format!("{key}.listen")) && line.contains(&address), "{line}");
    }
}

#[test]
fn a_key_file_that_can_not_be_used_is_named() {
    let parent = tempfile::tempdir().unwrap();
    for (file, harm, says) in [
        ("ca.key", "garbage", "ca.key: holds no ECDSA"),
        ("record.key", "garbage", "record.key: holds no Ed25519"),
        ("ca.pem", "garbage", "ca.pem: holds no certificate"),
        ("ca.key", "missing", "ca.key: is missing"),
        ("record.key", "folder", "record.key: "),
        ("record.key", "open", "chmod 600"),
    ] {
        let city = City::init(&parent.path().join(format!("{file}-{harm}")), "feira.example");
        let path = city.folder.join("trust").join(file);
        match harm {
            "garbage" => fs::write(&path, "not a key\n").unwrap(),
            "open" => fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap(),
            _ => fs::remove_file(&path).unwrap(),
        }
        if harm == "folder" {
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let line = refusal(&city, 1);
        assert!(line.contains(says), "{line}");
    }
}

#[test]
fn the_keys_of_another_city_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (feira, kenitra) = (City::init(parent.path(), "feira.example"), City::init(parent.path(), "kenitra.example"));
    for file in ["ca.pem", "ca.key", "record.key"] {
        fs::copy(kenitra.folder.join("trust").join(file), feira.folder.join("trust").join(file)).unwrap();
    }
    let line = refusal(&feira, 1);
    assert!(line.contains("ca.pem: is not the CA of feira.example"), "{line}");
}

#[test]
fn a_ca_key_that_does_not_fit_its_certificate_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (feira, kenitra) = (City::init(parent.path(), "feira.example"), City::init(parent.path(), "kenitra.example"));
    fs::copy(kenitra.folder.join("trust/ca.key"), feira.folder.join("trust/ca.key")).unwrap();
    let line = refusal(&feira, 1);
    assert!(line.contains("ca.key: is not the key of ca.pem"), "{line}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    fs::write(city.folder.join("registry.db"), "These are the minutes of the council.\n".repeat(200)).unwrap();
    let line = refusal(&city, 1);
    assert!(line.contains("registry.db can't be opened") && line.contains("not a database"), "{line}");
}

#[test]
fn a_database_that_is_damaged_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (city, _) = with_a_record(parent.path());
    let path = city.folder.join("registry.db");
    let mut bytes = fs::read(&path).unwrap();
    // The first page says that it is a database; the tables behind it are gone.
    bytes[4_096..].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let line = refusal(&city, 1);
    assert!(line.contains("registry.db can't be opened") && line.contains("malformed"), "{line}");
}

#[test]
fn the_database_of_another_city_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (feira, _) = with_a_record(parent.path());
    let kenitra = City::init(parent.path(), "kenitra.example");
    fs::copy(feira.folder.join("registry.db"), kenitra.folder.join("registry.db")).unwrap();
    let line = refusal(&kenitra, 1);
    assert!(line.contains("belongs to feira.example, not to kenitra.example"), "{line}");
}

#[test]
fn a_second_node_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let (city, name) = with_a_record(parent.path());
    let node = city.serve();
    let ended = Running::start(&mut city.serve_command()).end();
    assert!(ended.line(1).contains("a node runs in this folder already"), "{}", ended.stderr);
    assert!(node.access.run(["get", &name]).text().contains(&name));
    node.stop();
}

#[test]
fn a_search_index_that_is_lost_or_damaged_is_built_anew() {
    let parent = tempfile::tempdir().unwrap();
    let (city, name) = with_a_record(parent.path());
    fs::write(city.folder.join("index/meta.json"), [0; 100]).unwrap();
    for _ in 0..2 {
        let node = city.serve();
        assert_eq!(node.access.json(&["search", "kenitra"])["hits"][0]["name"], name.as_str());
        node.stop();
        fs::remove_dir_all(city.folder.join("index")).unwrap();
    }
}

#[test]
fn a_variable_that_is_no_text_does_no_harm() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let parent = tempfile::tempdir().unwrap();
    let mut command = isopolity(["search", "x", "--dir"]);
    let ended = Running::start(command.arg(parent.path()).env("STRANGE", OsStr::from_bytes(b"\xff\xfe"))).end();
    assert!(ended.line(2).contains("isopolity.toml"), "{}", ended.stderr);
}
