use super::*;
use crate::cooperation::file::{Checked, FileError, FileFlaw, Writer, check};

fn written(history: &History) -> String {
    let (mut writer, mut file) = Writer::begin(&name());
    for envelope in &history.envelopes {
        file.push_str(&writer.event(envelope));
    }
    file.push_str(&writer.end());
    file
}

fn checked(file: &str) -> Result<Checked, FileError> {
    check(file, &all_keys())
}

#[track_caller]
fn flaw(file: &str) -> (usize, FileFlaw) {
    let error = checked(file).unwrap_err();
    (error.line, error.flaw)
}

fn lines(file: &str) -> Vec<&str> {
    file.split_inclusive('\n').collect()
}

#[test]
fn c9_a_file_tells_who_agreed_to_what_when() {
    let mut history = History::proposed(&[KENITRA]);
    history.take(KENITRA, counter("Protocolo")).take(FEIRA, acceptance());
    history.take(FEIRA, signature("2013-04-10")).take(KENITRA, signature("2013-05-20")).take(KENITRA, activation());
    let checked = checked(&written(&history)).unwrap();
    assert_eq!(Some(&checked.cooperation), history.at.as_ref());
    assert_eq!(checked.name, name());
    let told: Vec<String> = checked.deeds.iter().map(ToString::to_string).collect();
    let offer = &u64::from_be_bytes(history.events[1].hash[..8].try_into().unwrap());
    assert_eq!(
        told,
        [
            "   1  2013-03-15 10:00 UTC  feira.example proposes a joint partnership to kenitra.example: \"Protocol\""
                .to_owned(),
            "   2  2013-03-15 11:00 UTC  kenitra.example offers other terms, version 2 \"Protocolo\"".to_owned(),
            format!(
                "   3  2013-03-15 12:00 UTC  feira.example accepts version 2 of the terms (offer {offer:016x}…) for \
                 International Relations"
            ),
            format!(
                "   4  2013-03-15 13:00 UTC  feira.example signs version 2 of the terms (offer {offer:016x}…) on \
                 2013-04-10: Mayor, by decision 12/2013"
            ),
            format!(
                "   5  2013-03-15 14:00 UTC  kenitra.example signs version 2 of the terms (offer {offer:016x}…) on \
                 2013-05-20: Mayor, by decision 12/2013"
            ),
            "   6  2013-03-15 15:00 UTC  kenitra.example activates it".to_owned(),
        ]
    );
}

#[test]
fn c9_no_byte_of_a_file_can_be_changed() {
    let history = History::agreed(&[KENITRA]);
    let file = written(&history);
    assert!(checked(&file).is_ok());
    // Each byte in one way, some in more: every one is refused, with its line.
    for position in 0..file.len() {
        let flips: &[u8] = if position % 11 == 0 { &[0x01, 0x02, 0x10, 0x20] } else { &[0x01] };
        for flip in flips {
            let mut changed = file.clone().into_bytes();
            changed[position] ^= flip;
            // A line feed in the wrong place moves the lines after it.
            let line = file[..position].matches('\n').count() + 1;
            match String::from_utf8(changed) {
                Ok(changed) => {
                    let error = checked(&changed).unwrap_err();
                    // A name that is another good one shows at the first event, which is not of it.
                    let is_name = line == 1 && matches!(error.flaw, FileFlaw::Cooperation { .. });
                    assert!(error.line == line || is_name, "byte {position}: {error}");
                }
                Err(_) => unreachable!("the file is ASCII"),
            }
        }
    }
}

#[test]
fn a_file_from_which_something_was_taken_or_to_which_something_was_added_is_refused() {
    let history = History::active(&[KENITRA]);
    let file = written(&history);
    let all = lines(&file);
    let last = all.len();
    let without =
        |at: usize| all.iter().enumerate().filter(|(one, _)| *one != at).map(|(_, line)| *line).collect::<String>();
    assert_eq!(flaw(&without(0)), (1, FileFlaw::Spelling));
    assert_eq!(flaw(&without(1)), (2, FileFlaw::Chain { expected: 1 }));
    assert_eq!(flaw(&without(3)), (4, FileFlaw::Chain { expected: 3 }));
    assert_eq!(flaw(&without(last - 2)), (last - 1, FileFlaw::End { said: 5, found: 4 }));
    assert_eq!(flaw(&without(last - 1)), (last, FileFlaw::Cut));
    assert_eq!(flaw(&format!("{file}{}", all[1])), (last + 1, FileFlaw::Order("the end of the file")));
    assert_eq!(flaw(""), (1, FileFlaw::Cut));
    let swapped = [all[0], all[1], all[3], all[2]].concat();
    assert_eq!(flaw(&swapped), (3, FileFlaw::Chain { expected: 2 }));
    let doubled = [all[0], all[1], all[1]].concat();
    assert_eq!(flaw(&doubled), (3, FileFlaw::Chain { expected: 2 }));
    let (writer, first) = Writer::begin(&name());
    assert_eq!(flaw(&format!("{first}{}", writer.end())), (2, FileFlaw::Order("the first event")));
    assert_eq!(flaw(&file.replace('\n', "\r\n")).1, FileFlaw::Spelling);
}

#[test]
fn events_of_another_cooperation_and_steps_that_were_never_ordered_are_refused() {
    let history = History::proposed(&[KENITRA]);
    let other = CooperationName::new(id(FEIRA), "other").unwrap();
    let (mut writer, mut file) = Writer::begin(&other);
    file.push_str(&writer.event(&history.envelopes[0]));
    assert!(matches!(flaw(&file), (2, FileFlaw::Cooperation { .. })));
    let (mut writer, mut file) = Writer::begin(&name());
    file.push_str(&writer.event(&history.envelopes[0]));
    let event = history.event(KENITRA, acceptance()).unwrap();
    file.push_str(&writer.event(&seal_event(&event.event, &key(KENITRA))));
    assert_eq!(flaw(&file), (3, FileFlaw::Unordered(id(FEIRA))));
}

#[test]
fn what_was_signed_but_is_not_possible_is_refused() {
    let history = History::proposed(&[KENITRA]);
    let mut event = history.event(FEIRA, message("Hello")).unwrap().event;
    let step = super::super::moves::to_event(&activation());
    event.action = Some(step);
    let (mut writer, mut file) = Writer::begin(&name());
    file.push_str(&writer.event(&history.envelopes[0]));
    file.push_str(&writer.event(&seal_event(&event, &key(FEIRA))));
    let (line, flaw) = flaw(&file);
    assert!(matches!(flaw, FileFlaw::Refused(_)), "{flaw}");
    assert!(line == 3 && flaw.to_string().starts_with("it is signed, but not possible: no city can activate"));
}

#[test]
fn a_bundle_that_is_missing_is_named() {
    let history = History::agreed(&[KENITRA]);
    let mut keys = all_keys();
    keys.remove(&id(KENITRA));
    let error = check(&written(&history), &keys).unwrap_err();
    assert_eq!((error.line, error.flaw), (3, FileFlaw::Event(EventError::SignerUnknown(id(KENITRA)))));
}

#[test]
fn words_from_a_file_stay_on_their_line() {
    let mut history = History::proposed(&[KENITRA]);
    let event = history.event(KENITRA, message("one\ntwo\u{1b}[2J")).unwrap();
    history.keep(event);
    let deeds = checked(&written(&history)).unwrap().deeds;
    assert_eq!(deeds[1].words, "says: \"one two [2J\"");
}

#[test]
fn a_fork_is_proven_by_two_events_that_the_host_signed_in_one_place_and_by_nothing_else() {
    let mut history = History::proposed(&[KENITRA]);
    let mut other = history.clone();
    history.take(KENITRA, counter("Protocolo")).take(FEIRA, acceptance());
    other.take(KENITRA, counter("Protocole"));
    let with = |sequence: i64, second: &Envelope| {
        let (mut writer, mut file) = Writer::begin(&name());
        for envelope in &history.envelopes {
            file.push_str(&writer.event(envelope));
        }
        file.push_str(&writer.fork(sequence, second));
        file.push_str(&writer.end());
        file
    };
    let file = with(2, &other.envelopes[1]);
    let fork = checked(&file).unwrap().fork.unwrap();
    assert_eq!((fork.sequence, fork.known.hash, fork.other.hash), (2, history.events[1].hash, other.events[1].hash));
    assert!(fork.known.words.contains("Protocolo") && fork.other.words.contains("Protocole"));
    assert_eq!(checked(&written(&history)).unwrap().fork, None);

    assert_eq!(flaw(&with(2, &history.envelopes[1])), (6, FileFlaw::Fork { sequence: 2 }), "the same event");
    assert_eq!(flaw(&with(3, &other.envelopes[1])), (6, FileFlaw::Fork { sequence: 3 }), "another place");
    assert_eq!(flaw(&with(9, &other.envelopes[1])), (6, FileFlaw::Fork { sequence: 9 }), "no place");
    let mut alone = other.envelopes[1].clone();
    alone.signatures.truncate(1);
    assert_eq!(flaw(&with(2, &alone)), (6, FileFlaw::Unordered(id(FEIRA))), "not the host's");
    let all = lines(&file);
    assert_eq!(all.len(), 7);
    let without =
        |gone: usize| all.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect::<String>();
    assert_eq!(flaw(&without(4)), (5, FileFlaw::Chain { expected: 4 }), "the place is gone");
    assert_eq!(flaw(&without(5)).0, 6, "the event is gone");
    assert_eq!(flaw(&without(6)), (7, FileFlaw::Cut));
    assert_eq!(flaw(&file.replacen(all[5], &all[5].repeat(2), 1)), (7, FileFlaw::Order("the last line")));
    for at in [1, 9, all[4].len() - 3] {
        let mut bytes = all[4].as_bytes().to_vec();
        bytes[at] ^= 1;
        let changed = file.replacen(all[4], &String::from_utf8(bytes).unwrap(), 1);
        assert_eq!(flaw(&changed).0, 5, "byte {at}");
    }
}
