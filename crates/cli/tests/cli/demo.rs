//! The demonstration: the README's first command.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::support::{Access, Running, cities_of_hits, isopolity, number, outcome, run};

const CITIES: [&str; 6] =
    ["feira.example", "kenitra.example", "lisboa.example", "lublin.example", "marseille.example", "torino.example"];

/// A demonstration that stays up.
pub(super) struct Demo {
    running: Running,
    cities: Vec<Access>,
}

impl Demo {
    pub(super) fn start(folder: &Path) -> Self {
        let mut running = Running::start(isopolity(["demo", "--dir"]).arg(folder));
        running.wait_for("go on until Ctrl-C");
        let manifest: Value = serde_json::from_slice(&fs::read(folder.join("demo.json")).unwrap()).unwrap();
        let text = |city: &Value, key: &str| city[key].as_str().unwrap().to_owned();
        let cities = manifest["cities"].as_array().unwrap().iter().map(|city| Access {
            city: text(city, "city"),
            api: text(city, "api"),
            ca: text(city, "ca").into(),
            token: text(city, "token"),
        });
        Self { cities: cities.collect(), running }
    }

    pub(super) fn city(&self, id: &str) -> &Access {
        self.cities.iter().find(|city| city.city == id).unwrap()
    }

    pub(super) fn stop(self) {
        let begun = Instant::now();
        self.running.signal("TERM");
        let ended = self.running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}

fn outcomes(answer: &Value) -> Vec<(&str, &str)> {
    let outcomes = answer["outcomes"].as_array().unwrap().iter();
    outcomes.map(|one| (one["city"].as_str().unwrap(), one["outcome"].as_str().unwrap())).collect()
}

/// The longest that an answer of a city took, in seconds.
fn slowest(answer: &Value) -> f64 {
    let took = |one: &Value| one["took"].as_str().unwrap().trim_end_matches('s').parse::<f64>().unwrap();
    answer["outcomes"].as_array().unwrap().iter().map(took).fold(0.0, f64::max)
}

#[test]
fn the_demonstration_prints_one_document_with_an_outcome_for_each_of_six_cities() {
    let answer = run(["demo", "--once", "--output", "json"]).json();
    for key in ["hits", "total", "coverage", "outcomes"] {
        assert!(!answer[key].is_null(), "{key} is missing");
    }
    assert_eq!(answer["outcomes"].as_array().unwrap().len(), 6);
    for one in answer["outcomes"].as_array().unwrap() {
        for key in ["city", "outcome", "took", "hits", "reason"] {
            assert!(!one[key].is_null(), "{key} is missing in {one}");
        }
        assert!(["OUTCOME_ANSWERED", "OUTCOME_ANSWERED_EMPTY"].contains(&one["outcome"].as_str().unwrap()), "{one}");
    }
    let mut cities: Vec<&str> = outcomes(&answer).into_iter().map(|(city, _)| city).collect();
    cities.sort_unstable();
    assert_eq!(cities, CITIES);
    let hits = cities_of_hits(&answer);
    assert!(hits.contains(&"feira.example") && hits.contains(&"kenitra.example"), "{hits:?}");
    let total: i64 = answer["outcomes"].as_array().unwrap().iter().map(|one| number(&one["total"])).sum();
    assert_eq!(number(&answer["total"]), total);
    assert_eq!(answer["coverage"]["citiesAnswered"], 6);
}

#[test]
fn a_city_that_was_stopped_is_named_and_the_others_answer_in_time() {
    let answer = run(["demo", "--once", "--stop-city", "lisboa.example", "--output", "json"]).json();
    let lisboa = outcome(&answer, "lisboa.example");
    assert_eq!(lisboa["outcome"], "OUTCOME_UNREACHABLE");
    assert!(!lisboa["reason"].as_str().unwrap().is_empty(), "{lisboa}");
    for (city, outcome) in outcomes(&answer) {
        assert!(city == "lisboa.example" || outcome.starts_with("OUTCOME_ANSWERED"), "{city}: {outcome}");
    }
    assert_eq!((number(&answer["coverage"]["cities"]), number(&answer["coverage"]["citiesAnswered"])), (6, 5));
    assert!(answer["coverage"]["summary"].as_str().unwrap().starts_with("5 of 6 cities"), "{answer}");
    assert!(!cities_of_hits(&answer).contains(&"lisboa.example"));
    assert!(slowest(&answer) < 5.0, "{answer}");
}

#[test]
fn the_city_that_asks_may_be_the_one_that_is_stopped() {
    let answer = run(["demo", "--once", "--stop-city", "feira.example", "--output", "json"]).json();
    assert_eq!(outcome(&answer, "feira.example")["outcome"], "OUTCOME_UNREACHABLE");
    assert!(cities_of_hits(&answer).contains(&"kenitra.example"));
}

#[test]
fn a_third_city_learns_how_far_two_cities_cooperate_and_that_the_day_of_signature_is_not_today() {
    let ended = run(["demo", "--once"]);
    let text = ended.text();
    assert!(text.contains("asks how far feira.example and kenitra.example cooperate: level 2 of 5"), "{text}");
    assert!(text.contains("cities/feira.example/agreements/"), "the records from which it follows: {text}");
    assert!(text.contains("15 March 2013; the events carry today's time"), "{text}");
    // Nobody needs the two to run for that: what is missing is said.
    let ended = run(["demo", "--once", "--stop-city", "kenitra.example"]);
    assert!(ended.text().contains("asks how far feira.example and kenitra.example cooperate"), "{}", ended.text());
}

#[test]
fn people_get_tables_with_the_missing_city_in_words() {
    let ended = run(["demo", "--once", "--stop-city", "torino.example", "kenitra"]);
    let text = ended.text();
    assert!(text.contains("torino.example") && text.contains("not reached"), "{text}");
    assert!(text.contains("5 of 6 cities"), "{text}");
    assert!(text.contains("[illustrative]"), "{text}");
}

#[test]
fn a_city_that_does_not_exist_can_not_be_stopped() {
    let ended = run(["demo", "--once", "--stop-city", "atlantis.example"]);
    let line = ended.line(2);
    assert!(line.contains("atlantis.example") && line.contains("lisboa.example"), "{line}");
}

#[test]
fn every_city_of_the_demonstration_answers_and_gives_the_same_bytes_of_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    assert_eq!(demo.cities.len(), 6);
    let (kenitra, name) = ("kenitra.example", "cities/kenitra.example/partnerships/feira-kenitra");
    let mut records = Vec::new();
    for city in &demo.cities {
        let answer = city.json(&["search", "kenitra"]);
        assert_eq!(answer["outcomes"][0]["city"], city.city.as_str(), "the city that is asked comes first");
        let hits = cities_of_hits(&answer);
        assert!(hits.contains(&"feira.example") && hits.contains(&kenitra), "{}: {hits:?}", city.city);
        records.push(city.run(["get", name, "--record"]).text().to_owned());
        assert_eq!(city.json(&["get", name])["resource"]["name"], name);
    }
    records.dedup();
    assert_eq!(records.len(), 1, "the bytes differ");

    let feira = demo.city("feira.example");
    assert!(feira.run(["get", name]).text().contains(name));
    let peers = demo.city("lublin.example").json(&["peer", "list"]);
    let peers = peers["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 5);
    for peer in peers {
        assert_eq!((&peer["state"], &peer["approvedByPeer"]), (&"PEER_STATE_ACTIVE".into(), &true.into()), "{peer}");
    }
    demo.stop();
}

#[test]
fn an_exported_record_is_believed_until_a_byte_of_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    let [record, bundle, other] = ["record.json", "bundle.json", "other.json"].map(|name| folder.path().join(name));
    let name = "cities/feira.example/agreements/protocolo-kenitra-2013";
    let exported = demo.city("lublin.example").run(["get", name, "--record"]);
    fs::write(&record, exported.text()).unwrap();
    for (city, file) in [("feira.example", &bundle), ("kenitra.example", &other)] {
        let told = demo.city(city).run(["peer".as_ref(), "bundle".as_ref(), "--out".as_ref(), file.as_os_str()]);
        assert_eq!(told.text(), "");
        assert!(told.stderr.contains("fingerprint"), "{}", told.stderr);
    }
    demo.stop();

    let verify = |record: &Path, bundle: &Path| {
        let (record, bundle) = (record.as_os_str(), bundle.as_os_str());
        run(["verify".as_ref(), record, "--bundle".as_ref(), bundle, "--output".as_ref(), "json".as_ref()])
    };
    let verified = verify(&record, &bundle).json();
    assert_eq!((&verified["verified"], &verified["name"]), (&true.into(), &name.into()));
    assert!(verify(&record, &other).line(3).contains("record.json"));

    let (record_bytes, bundle_bytes) = (fs::read(&record).unwrap(), fs::read(&bundle).unwrap());
    let changed = folder.path().join("changed.json");
    for (bytes, is_record) in [(&record_bytes, true), (&bundle_bytes, false)] {
        // Every byte is tried where the envelope is written; here enough of them, in all parts of the file.
        for at in (0..bytes.len()).step_by(bytes.len() / 30).map(|at| at / 7 * 7).chain([bytes.len() - 1]) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            fs::write(&changed, &wrong).unwrap();
            let ended = if is_record { verify(&changed, &bundle) } else { verify(&record, &changed) };
            assert_eq!(ended.code, Some(3), "byte {at}: {}", ended.stderr);
        }
        fs::write(&changed, &bytes[..bytes.len() / 2]).unwrap();
        let ended = if is_record { verify(&changed, &bundle) } else { verify(&record, &changed) };
        ended.line(3);
    }
    assert!(verify(&folder.path().join("none"), &bundle).line(2).contains("none can't be read"));
}

#[test]
fn a_demonstration_that_was_ended_goes_on_in_the_same_folder_without_importing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let totals = |demo: &Demo| -> Vec<(String, i64)> {
        let count = |city: &Access| (city.city.clone(), number(&city.json(&["search", "--limit", "1"])["total"]));
        demo.cities.iter().map(count).collect()
    };
    let demo = Demo::start(folder.path());
    let before = totals(&demo);
    let record = demo.city("feira.example").run(["get", "cities/feira.example", "--record"]).text().to_owned();
    demo.stop();

    let demo = Demo::start(folder.path());
    assert_eq!(totals(&demo), before);
    assert!(before.iter().all(|(_, total)| *total == before[0].1 && *total > 100), "{before:?}");
    assert_eq!(demo.city("torino.example").run(["get", "cities/feira.example", "--record"]).text(), record);
    demo.stop();
}

#[test]
fn a_temporary_demonstration_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Running::start(isopolity(["demo", "--once"]).env("TMPDIR", folder.path())).end();
    ended.text();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
