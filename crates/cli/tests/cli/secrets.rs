//! Two cities live through a day at the log level `trace`, and nothing that must stay secret is in the logs.

use std::{collections::BTreeMap, fs, path::Path};

use super::support::{Access, City, Ended, Node, Running};

const PASSWORD: &str = "sardinha lua quarta";
const WRONG: &str = "not the password at all";

/// A node that logs all that it and its libraries say.
fn talkative(city: &City) -> Node {
    let mut command = city.serve_command();
    command.env("ISOPOLITY_LOG_FORMAT", "json").env("ISOPOLITY_LOG_LEVEL", "trace");
    city.ready(&mut command)
}

fn as_ana(access: &Access, home: &Path, arguments: &[&str]) -> Ended {
    let mut command = access.command(arguments);
    command.env_remove("ISOPOLITY_TOKEN").env("XDG_CONFIG_HOME", home);
    Running::start(&mut command).end()
}

/// The part of a token, a session or a code that nobody else may know.
fn secret_of(token: &str) -> String {
    token.splitn(3, '_').nth(2).unwrap().to_owned()
}

#[test]
fn no_secret_is_in_the_log_of_a_whole_run_at_the_level_trace() {
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("home");
    let (north, south) = (City::init(parent.path(), "north.example"), City::init(parent.path(), "south.example"));
    let nodes = [&north, &south].map(talkative);
    let [n, s] = [&nodes[0].access, &nodes[1].access];
    let mut secrets = BTreeMap::new();
    for city in [&north, &south] {
        secrets.insert(format!("the first token of {}", city.id), secret_of(&city.token));
        for entry in fs::read_dir(city.folder.join("trust")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            // The lines of a key in PEM.
            if path.extension().is_some_and(|ending| ending == "key") {
                let lines = text.lines().filter(|line| line.len() >= 32 && !line.starts_with("---"));
                secrets
                    .extend(lines.enumerate().map(|(at, line)| (format!("{}:{at}", path.display()), line.to_owned())));
            }
        }
    }

    // Peers by invitation, one that is stolen and one that is used.
    for (name, joins) in [("an invitation that is not used", false), ("an invitation that is used", true)] {
        let code = n.run(["peer", "invite"]).text().trim().to_owned();
        let groups: Vec<&str> = code.split('-').collect();
        // The secret is at the end, in groups of ten and a check letter; the last one is short.
        secrets
            .extend(groups.iter().rev().skip(1).take(2).map(|group| (format!("{name}: {group}"), (*group).to_owned())));
        if joins {
            let told = s.run(["peer", "join", &code]);
            let words =
                told.text().lines().find_map(|line| line.trim().strip_prefix("words")).unwrap().trim().to_owned();
            n.run(["peer", "approve", "south.example", "--words", &words]).text();
            s.run(["peer", "approve", "north.example", "--words", &words]).text();
        }
    }
    s.json(&["search", "kenitra", "--require", "all"]);

    // Tokens, good and bad; a user who signs in, wrongly too, and changes the password.
    let viewer = n.run(["token", "create", "--label", "for a test", "--role", "viewer"]).text().trim().to_owned();
    secrets.insert("a viewer's token".to_owned(), secret_of(&viewer));
    let mistaken = format!("{}x{}", &viewer[..viewer.len() - 2], &viewer[viewer.len() - 1..]);
    for token in [&viewer, &mistaken] {
        let bearer = Access { token: token.clone(), ..n.clone() };
        bearer.run(["search", "kenitra"]);
    }
    secrets.insert("a token with a typo".to_owned(), secret_of(&mistaken));
    let files = [("password", PASSWORD), ("wrong", WRONG), ("new", "another good password")];
    let [file, wrong, new] = files.map(|(name, text)| {
        let path = parent.path().join(name);
        fs::write(&path, text).unwrap();
        secrets.insert(format!("the password in {name}"), text.to_owned());
        path.to_str().unwrap().to_owned()
    });
    n.run(["user", "create", "ana", "--role", "editor", "--password-file", &file]).text();
    as_ana(n, &home, &["login", "ana", "--password-file", &wrong]).complaint(3);
    as_ana(n, &home, &["login", "ana", "--password-file", &file]).text();
    let session = fs::read_to_string(home.join("isopolity/sessions").join(n.api.replace(':', "_"))).unwrap();
    secrets.insert("the session".to_owned(), secret_of(session.trim()));
    as_ana(n, &home, &["search", "kenitra"]).text();
    as_ana(n, &home, &["change-password", "--password-file", &file, "--new-password-file", &new]).text();
    // Keys that are made and taken into use.
    n.run(["trust", "prepare", "record-key"]).text();
    n.run(["audit", "verify"]).text();

    let mut logs = String::new();
    for node in nodes {
        node.running.signal("TERM");
        logs += &node.running.end().stderr;
    }
    assert!(logs.lines().filter(|line| line.contains("\"TRACE\"")).count() > 500, "the libraries were heard");
    assert!(secrets.len() >= 15, "{}", secrets.len());
    for (name, secret) in secrets {
        assert!(secret.len() >= 8, "{name} is too short to look for: {secret}");
        assert!(!logs.contains(&secret), "{name} is in the log");
    }
}
