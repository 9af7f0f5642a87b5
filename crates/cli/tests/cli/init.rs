//! Preparing a folder for a city.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::support::{City, init_arguments, run, snapshot};

#[test]
fn keys_are_for_the_owner_alone_and_the_token_is_nowhere_in_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    assert!(city.token.starts_with("iso_"), "{}", city.token);
    let trust = city.folder.join("trust");
    assert_eq!(fs::metadata(&trust).unwrap().permissions().mode() & 0o777, 0o700);
    // A secret may hold an underscore too.
    let secret = city.token.splitn(3, '_').last().unwrap().as_bytes();
    for (path, (mode, bytes)) in snapshot(&city.folder) {
        if path.starts_with(&trust) || path.extension().is_some_and(|ending| ending == "db") {
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{} holds the token", path.display());
    }
}

#[test]
fn people_are_shown_the_token_once_and_what_to_do_next() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("feira");
    let ended =
        run(["init".as_ref(), "--city".as_ref(), "feira.example".as_ref(), "--dir".as_ref(), folder.as_os_str()]);
    let text = ended.text();
    assert_eq!(text.matches("iso_").count(), 1, "{text}");
    assert!(text.contains("serve") && text.contains("shown this once"), "{text}");
}

#[test]
fn a_folder_that_has_a_city_is_left_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let before = snapshot(&city.folder);
    for id in ["feira.example", "kenitra.example"] {
        let ended = run(init_arguments(&city.folder, id));
        let line = ended.line(2);
        assert!(line.contains("isopolity.toml") && line.contains("nothing was changed"), "{line}");
    }
    assert_eq!(snapshot(&city.folder), before);
}

#[test]
fn a_city_that_is_no_dns_name_is_refused_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    for id in ["Feira", "feira", "feira..example", "", "feira.example/../x"] {
        let ended = run(init_arguments(&folder, id));
        assert!(ended.line(2).contains("is not a city id"), "{}", ended.stderr);
    }
    assert!(!folder.exists());
}

#[test]
fn an_option_that_makes_no_sense_is_named_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    for (option, value) in [("--api-listen", "x"), ("--federation-listen", "1"), ("--storage", "mysql://x/y")] {
        let command = ["init", "--city", "feira.example", option, value, "--dir"].map(AsRef::as_ref);
        let ended = run(command.iter().chain(&[folder.as_os_str()]));
        let complaint = ended.complaint(2);
        let named = if option == "--storage" { "storage.url" } else { option };
        assert!(complaint.contains(named), "{complaint}");
    }
    assert!(!folder.exists());
}

#[test]
fn keys_of_an_attempt_that_was_cut_short_are_used_and_not_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let keys = snapshot(&city.folder.join("trust"));
    fs::remove_file(city.config()).unwrap();
    let made = run(init_arguments(&city.folder, "feira.example")).json();
    assert!(made["token"].is_null(), "the first token was shown already");
    assert_eq!(snapshot(&city.folder.join("trust")), keys);
    city.serve().stop();
}
