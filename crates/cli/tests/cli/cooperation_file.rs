//! The demonstration's agreement as a file that is checked where there is no node.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    demo::Demo,
    support::{Ended, run},
};

const PROTOCOL: &str = "feira.example/protocolo-kenitra";

/// Another machine: a folder with the file and two bundles, and no node.
struct Elsewhere {
    folder: tempfile::TempDir,
}

impl Elsewhere {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn verify(&self, file: &str, bundles: &[&str], more: &[&str]) -> Ended {
        let mut arguments = vec!["verify".into(), self.path(file).into_os_string()];
        for bundle in bundles {
            arguments.extend(["--bundle".into(), self.path(bundle).into_os_string()]);
        }
        run(arguments.into_iter().chain(more.iter().map(Into::into)))
    }
}

/// Takes the demonstration's protocol and the bundles of its cities to another machine.
fn taken_elsewhere() -> Elsewhere {
    let here = tempfile::tempdir().unwrap();
    let demo = Demo::start(&here.path().join("demo"));
    let (file, feira, kenitra) =
        (here.path().join("protocol"), here.path().join("feira.bundle"), here.path().join("kenitra.bundle"));
    // The participant's copy: it holds all of it, as the host does.
    let export = ["cooperation", "export", PROTOCOL, "--file", file.to_str().unwrap()];
    demo.city("kenitra.example").run(export).text();
    for (city, bundle) in [("feira.example", &feira), ("kenitra.example", &kenitra)] {
        demo.city(city).run(["peer", "bundle", "--out", bundle.to_str().unwrap()]).text();
    }
    demo.stop();
    let elsewhere = Elsewhere { folder: tempfile::tempdir().unwrap() };
    for from in [&file, &feira, &kenitra] {
        fs::copy(from, elsewhere.folder.path().join(from.file_name().unwrap())).unwrap();
    }
    elsewhere
}

/// Where a byte is changed, and what is to be said of it.
struct Change {
    at: usize,
    place: &'static str,
    reasons: &'static [&'static str],
}

/// The change of the byte that is `into` bytes into what follows the `nth` of `mark` from `from` on.
fn after(file: &str, from: usize, mark: &str, into: usize) -> usize {
    let found = file[from..].find(mark).unwrap_or_else(|| panic!("{mark:?} is not in the file"));
    from + found + mark.len() + into
}

/// Where the lines begin.
fn lines(file: &str) -> Vec<usize> {
    std::iter::once(0).chain(file.match_indices('\n').map(|(at, _)| at + 1)).filter(|at| *at < file.len()).collect()
}

/// Twenty places, spread over the file and over all that a file is made of.
fn changes(file: &str) -> Vec<Change> {
    const SPELLING: &[&str] = &["it is not spelt as this program spells it"];
    // What is signed was changed: the signature is another one's, or the bytes do not even say who signed.
    const SIGNED: &[&str] = &["the signature does not fit", "can't be read", "no trust bundle of", "no bundle of"];
    let lines = lines(file);
    let (events, last) = (lines.len() - 2, *lines.last().unwrap());
    let event = |number: usize| lines[number];
    let mut changes = vec![
        Change { at: 2, place: "beginning", reasons: &["begins as no exported cooperation does"] },
        Change { at: after(file, 0, "cities/", 0), place: "header", reasons: &["is an event of"] },
        Change { at: lines[1] - 2, place: "header's spelling", reasons: SPELLING },
        Change { at: last + 3, place: "end line's spelling", reasons: &["is not spelt", "should stand here"] },
        Change {
            at: after(file, last, "\"events\":\"", 0),
            place: "end line's count",
            reasons: &["the last line speaks of"],
        },
        Change {
            at: after(file, last, "\"headHash\":\"", 5),
            place: "end line's hash",
            reasons: &["the last line speaks of"],
        },
        Change { at: file.len() - 1, place: "last line feed", reasons: SPELLING },
    ];
    // Six times what was said, in the beginning, the middle and the end of the history.
    for (number, into) in [(1, 400), (2, 300), (events / 2, 60), (events / 2 + 1, 90), (events - 1, 50), (events, 120)]
    {
        let at = after(file, event(number), "\"payload\":\"", into);
        changes.push(Change { at, place: "payload", reasons: SIGNED });
    }
    // The key's id, the signature, the type and the JSON around them.
    for number in [1, events] {
        let at = after(file, event(number), "\"keyid\":\"", 3);
        changes.push(Change { at, place: "keyid", reasons: &["which is not in the city's bundle"] });
        let at = after(file, event(number), "\"sig\":\"", 10);
        changes.push(Change { at, place: "signature", reasons: &["the signature does not fit"] });
    }
    let at = after(file, event(2), "\"payloadType\":\"", 5);
    changes.push(Change { at, place: "payload type", reasons: &["the payload is of type"] });
    changes.push(Change { at: event(3), place: "bracket", reasons: SPELLING });
    changes.push(Change { at: after(file, event(3), "\"signatures", 0), place: "quotation mark", reasons: SPELLING });
    changes
}

/// Another byte that may stand in the same place: a letter for a letter, a digit for a digit.
fn another(byte: u8) -> u8 {
    match byte {
        b'9' | b'z' | b'Z' => byte - 1,
        b'\n' => b' ',
        other => other + 1,
    }
}

#[test]
fn c9_the_demo_s_agreement_verifies_elsewhere_with_two_bundles_and_20_single_byte_changes_are_refused() {
    let elsewhere = taken_elsewhere();
    let both = ["feira.bundle", "kenitra.bundle"];
    let verified = elsewhere.verify("protocol", &both, &[]);
    let text = verified.text();
    for told in [
        "is as its cities signed it",
        "ACTIVE since 2013-03-15",
        "feira.example: accepted version 2",
        "as Presidente da Câmara Municipal on 2013-03-15 in Kénitra",
        "as Président de la Commune urbaine on 2013-03-15 in Kénitra",
        "bundle     kenitra.example",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let json = elsewhere.verify("protocol", &both, &["--output", "json"]).json();
    assert_eq!(json["state"], "COOPERATION_STATE_ACTIVE");
    for (number, event) in json["events"].as_array().unwrap().iter().enumerate() {
        assert_eq!(event["sequence"], (number + 1).to_string());
    }
    let one = elsewhere.verify("protocol", &["feira.bundle"], &[]);
    assert!(one.line(3).contains("no bundle of kenitra.example was given"), "{}", one.stderr);

    let file = fs::read_to_string(elsewhere.path("protocol")).unwrap();
    let changes = changes(&file);
    assert_eq!(changes.len(), 20);
    for Change { at, place, reasons } in changes {
        let mut bytes = file.clone().into_bytes();
        bytes[at] = another(bytes[at]);
        fs::write(elsewhere.path("changed"), &bytes).unwrap();
        let refused = elsewhere.verify("changed", &both, &[]);
        let line = refused.line(3);
        assert!(reasons.iter().any(|reason| line.contains(reason)), "{place}, byte {at}: {line}");
    }
    // Nor can a line be taken away, doubled, moved or cut off.
    let all: Vec<&str> = file.split_inclusive('\n').collect();
    let without = |gone: usize| all.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect();
    let mut swapped = all.clone();
    swapped.swap(2, 3);
    let doubled: String = all[..2].iter().chain(&all[1..]).copied().collect();
    for other in [without(0), without(2), without(all.len() - 1), without(all.len() - 2), swapped.concat(), doubled] {
        fs::write(elsewhere.path("changed"), other).unwrap();
        elsewhere.verify("changed", &both, &[]).line(3);
    }
    refuses_other_bundles(&elsewhere);
}

/// A bundle with one byte changed, or of a city that takes no part, proves nothing.
fn refuses_other_bundles(elsewhere: &Elsewhere) {
    let bundle = fs::read(elsewhere.path("kenitra.bundle")).unwrap();
    let mut changed = bundle.clone();
    changed[bundle.len() / 2] ^= 1;
    fs::write(elsewhere.path("changed.bundle"), &changed).unwrap();
    let refused = elsewhere.verify("protocol", &["feira.bundle", "changed.bundle"], &[]);
    assert!(refused.line(3).contains("bundle 2 can't be used"), "{}", refused.stderr);
    let missing = Path::new("nowhere.bundle").to_str().unwrap();
    assert!(elsewhere.verify("protocol", &["feira.bundle", missing], &[]).line(2).contains("nowhere.bundle"));
}
