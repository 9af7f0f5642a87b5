//! Runs the binary, and ends it with the test.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use isopolity_node::client::{self, Client};
use serde_json::Value;

/// Longer than anything takes, even on a machine that is busy with other things.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);

/// The binary, without what the environment of the tests says to it.
pub(super) fn isopolity<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isopolity"));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("ISOPOLITY_") {
            command.env_remove(name);
        }
    }
    // No session of whoever runs the tests.
    command.env("HOME", "/nonexistent").env_remove("XDG_CONFIG_HOME");
    command.args(arguments);
    command
}

/// Runs the binary to its end.
pub(super) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    Running::start(&mut isopolity(arguments)).end()
}

/// What a run left.
pub(super) struct Ended {
    /// The exit code; none after a signal.
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Ended {
    /// The output of a run that succeeded.
    pub(super) fn text(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        str::from_utf8(&self.stdout).unwrap()
    }

    /// The output of a run that succeeded: one JSON document and nothing else.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap()
    }

    /// What a run that did not succeed said on standard error.
    pub(super) fn complaint(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(self.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&self.stdout));
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        &self.stderr
    }

    /// The same where it is one line of our own.
    pub(super) fn line(&self, code: i32) -> &str {
        let line = self.complaint(code).strip_suffix('\n').unwrap();
        assert!(line.starts_with("isopolity: ") && !line.contains('\n'), "{line}");
        line
    }
}

/// A run on its way. Dropping it kills it.
pub(super) struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    lines: Receiver<String>,
    stderr: String,
    deadline: Instant,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, err) = (child.stdout.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let (whole, stdout) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).unwrap();
            drop(whole.send(bytes));
        });
        let (line, lines) = mpsc::channel();
        thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|one| line.send(one)));
        Self { child, stdout, lines, stderr: String::new(), deadline: Instant::now() + PATIENCE }
    }

    /// Waits for a line on standard error that holds this text.
    pub(super) fn wait_for(&mut self, text: &str) -> String {
        while let Some(line) = self.next_line() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("it ended without saying {text:?}:\n{}", self.stderr)
    }

    fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.stderr.push_str(&line);
                self.stderr.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it takes longer than {PATIENCE:?}:\n{}", self.stderr),
        }
    }

    /// Sends a signal, by its name without SIG.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Ended {
        while self.next_line().is_some() {}
        let stdout = self.stdout.recv_timeout(self.deadline.saturating_duration_since(Instant::now())).unwrap();
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout, stderr: std::mem::take(&mut self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where a node is and how to speak with it.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) city: String,
    pub(super) api: String,
    pub(super) ca: PathBuf,
    pub(super) token: String,
}

impl Access {
    pub(super) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = isopolity(arguments);
        command.env("ISOPOLITY_NODE", &self.api).env("ISOPOLITY_CA", &self.ca).env("ISOPOLITY_TOKEN", &self.token);
        command
    }

    pub(super) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        Running::start(&mut self.command(arguments)).end()
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments.iter().chain(&["--output", "json"])).json()
    }

    /// How many resources of a kind this city has, once its search knows all of them.
    pub(super) fn count(&self, kind: &str) -> i64 {
        let begun = Instant::now();
        loop {
            let answer = self.json(&["search", "--kind", kind, "--city", &self.city, "--limit", "1"]);
            let outcome = outcome(&answer, &self.city)["outcome"].as_str().unwrap();
            if outcome.starts_with("OUTCOME_ANSWERED") {
                return number(&answer["total"]);
            }
            assert!(begun.elapsed() < PATIENCE, "{outcome}");
        }
    }

    pub(super) async fn connect(&self) -> Client {
        client::connect(&self.api, &fs::read_to_string(&self.ca).unwrap(), Some(&self.token)).await.unwrap()
    }
}

/// A city that was prepared.
pub(super) struct City {
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) token: String,
}

impl City {
    pub(super) fn init(parent: &Path, id: &str) -> Self {
        let folder = parent.join(id);
        let made = run(init_arguments(&folder, id)).json();
        Self { id: id.to_owned(), folder, token: made["token"].as_str().unwrap().to_owned() }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("isopolity.toml")
    }

    /// The command that runs its node.
    pub(super) fn serve_command(&self) -> Command {
        isopolity([OsStr::new("serve"), OsStr::new("--dir"), self.folder.as_os_str()])
    }

    /// Runs its node until it is ready.
    pub(super) fn serve(&self) -> Node {
        self.ready(self.serve_command().env("ISOPOLITY_LOG_FORMAT", "json"))
    }

    /// Runs its node with a command of one's own, which logs JSON, until it is ready.
    pub(super) fn ready(&self, command: &mut Command) -> Node {
        let mut running = Running::start(command);
        let ready: Value = serde_json::from_str(&running.wait_for("node is ready")).unwrap();
        let said = |what: &str| ready[what].as_str().unwrap().to_owned();
        let access = Access {
            city: self.id.clone(),
            api: said("api.address"),
            ca: self.folder.join("trust/ca.pem"),
            token: self.token.clone(),
        };
        Node { running, access, federation: said("federation.address") }
    }
}

/// How a city is prepared whose node takes any free ports.
pub(super) fn init_arguments<'a>(folder: &'a Path, id: &'a str) -> Vec<&'a OsStr> {
    let any = "127.0.0.1:0";
    let words = ["init", "--output", "json", "--city", id, "--api-listen", any, "--federation-listen", any, "--dir"];
    words.into_iter().map(OsStr::new).chain([folder.as_os_str()]).collect()
}

/// A node that runs.
pub(super) struct Node {
    pub(super) running: Running,
    pub(super) access: Access,
    /// Where its federation listener is.
    pub(super) federation: String,
}

impl Node {
    /// Ends it in good order.
    pub(super) fn stop(self) {
        self.running.signal("TERM");
        let ended = self.running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

/// Every file below a folder, with its mode and bytes.
pub(super) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let bytes = fs::read(&path).unwrap();
            files.insert(path, (mode, bytes));
        }
    }
    files
}

/// An agreement as a line of JSON Lines.
pub(super) fn agreement(city: &str, id: &str) -> String {
    let text = |text: &str| serde_json::json!([{"text": text, "language": "en"}]);
    serde_json::json!({
        "@type": "type.googleapis.com/isopolity.registry.v1.Agreement",
        "name": format!("cities/{city}/agreements/{id}"),
        "audience": "AUDIENCE_PUBLIC",
        "titles": text(&format!("Protocol {id} with Kénitra")),
        "kind": "AGREEMENT_KIND_COOPERATION_PROTOCOL",
        "partnerCountries": ["MA"],
        "parties": [
            {"displayNames": text(city), "city": format!("cities/{city}")},
            {"displayNames": text(&format!("Partner of {id}"))},
        ],
    })
    .to_string()
        + "\n"
}

/// A number, which protobuf JSON writes as text if it has 64 bits.
pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

/// What came of asking a city.
pub(super) fn outcome<'a>(answer: &'a Value, city: &str) -> &'a Value {
    answer["outcomes"].as_array().unwrap().iter().find(|one| one["city"] == city).unwrap()
}

/// Of which cities an answer has hits, in order and without repetition.
pub(super) fn cities_of_hits(answer: &Value) -> Vec<&str> {
    let mut cities: Vec<&str> =
        answer["hits"].as_array().unwrap().iter().map(|hit| hit["city"].as_str().unwrap()).collect();
    cities.sort_unstable();
    cities.dedup();
    cities
}
