//! Records in, kept and out, as a city's IT does it with the binary.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::support::{Access, City, Ended};

fn run(node: &Access, arguments: &[&str]) -> Ended {
    node.run(arguments.iter().map(AsRef::<std::ffi::OsStr>::as_ref))
}

fn save(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let file = folder.join(name);
    fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

fn bakery() -> Value {
    json!({
        "@type": "type.googleapis.com/isopolity.registry.v1.Organization",
        "name": "cities/feira.example/organizations/bakery",
        "audience": "AUDIENCE_PUBLIC",
        "displayNames": [{"text": "Padaria", "language": "pt"}],
        "kind": "ORGANIZATION_KIND_ENTERPRISE",
        "country": "PT",
    })
}

#[test]
fn a_record_is_put_changed_deleted_restored_and_its_versions_are_kept() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let name = "cities/feira.example/organizations/bakery";
    let file = save(parent.path(), "bakery.json", bakery().to_string());

    run(&node.access, &["record", "put", &file, "--dry-run"]).text();
    let missing = run(&node.access, &["record", "get", name]);
    assert!(missing.line(3).contains("there is no"), "{}", missing.stderr);

    let created = run(&node.access, &["record", "put", &file]);
    assert!(created.text().starts_with(name) && created.stderr.contains("created"), "{}", created.stderr);
    let again = run(&node.access, &["record", "put", &file]);
    assert!(again.stderr.contains("says nothing new"), "{}", again.stderr);
    assert!(run(&node.access, &["record", "put", &file, "--new"]).line(3).contains("exists already"));

    let mut changed = bakery();
    changed["supplierDiversity"] = json!(true);
    let changed = save(parent.path(), "changed.json", changed.to_string());
    run(&node.access, &["record", "put", &changed]).text();

    let listed = run(&node.access, &["record", "list", "organization", "--output", "json"]).json();
    assert_eq!(listed["records"][0]["name"], name);
    assert_eq!(listed["records"][0]["supplierDiversity"], true);
    let abroad = run(&node.access, &["record", "list", "organization", "--filter", "country = MA", "--output", "json"]);
    assert_eq!(abroad.json()["records"], json!([]));
    let wrong = run(&node.access, &["record", "list", "organization", "--filter", "contry = MA"]);
    assert!(wrong.complaint(3).contains("FILTER_INVALID"), "{}", wrong.stderr);

    let gone = run(&node.access, &["record", "delete", name]);
    assert!(gone.text().contains("record restore"), "{}", gone.text());
    let listed = run(&node.access, &["record", "list", "organization", "--output", "json"]).json();
    assert_eq!(listed["records"], json!([]));
    let deleted = run(&node.access, &["record", "list", "organization", "--deleted"]);
    assert!(deleted.text().contains("[deleted]"), "{}", deleted.text());
    run(&node.access, &["record", "restore", name]).text();

    let history = run(&node.access, &["record", "history", name, "--output", "json"]).json();
    let made: Vec<&str> =
        history["revisions"].as_array().unwrap().iter().map(|one| one["change"].as_str().unwrap()).collect();
    let expected = ["RESTORED", "DELETED", "UPDATED", "CREATED"].map(|word| format!("REVISION_CHANGE_{word}"));
    assert_eq!(made, expected);
    let first = run(&node.access, &["record", "history", name, "--revision", "1"]);
    assert!(!first.text().contains("supplierDiversity"), "{}", first.text());
    node.stop();
}

#[test]
fn a_table_comes_in_by_a_proposed_mapping_and_what_is_wrong_is_corrected_in_quarantine() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let table = "Name;Country;Website\n\
                 Padaria Central;Portugal;https://padaria.example\n\
                 Cork & Co;Portugull;https://cork.example\n";
    let table = save(parent.path(), "firms.csv", table);
    let guessed = run(&node.access, &["import", &table, "--guess", "--kind", "organization"]);
    // Whether they are firms no header can say.
    let mapping = format!("{}\n[[field]]\nto = \"kind\"\nvalue = \"ENTERPRISE\"\n", guessed.text());
    let mapping = save(parent.path(), "firms.toml", mapping);

    let refused = run(&node.access, &["import", &table, "--format", "table"]);
    assert!(refused.complaint(2).contains("--guess"), "{}", refused.stderr);
    let looked = run(&node.access, &["import", &table, "--mapping", &mapping, "--dry-run"]);
    assert_eq!(looked.code, Some(5), "{}", looked.stderr);
    assert!(looked.stderr.contains("line 2: new"), "{}", looked.stderr);
    assert_eq!(node.access.count("organization"), 0);

    let imported = run(&node.access, &["import", &table, "--mapping", &mapping, "--output", "json"]);
    assert_eq!(imported.code, Some(5), "{}", imported.stderr);
    assert_eq!(node.access.count("organization"), 1);
    let list = run(&node.access, &["quarantine", "list", "--output", "json"]).json();
    let row = list["rows"][0]["quarantinedRow"].as_str().unwrap().to_owned();
    let shown = run(&node.access, &["quarantine", "show", &row]);
    let corrected = shown.text().replace("Portugull", "Portugal");
    let corrected = save(parent.path(), "row.csv", corrected);
    let still = run(&node.access, &["quarantine", "redrive", &row]);
    assert!(still.complaint(3).contains("stays in quarantine"), "{}", still.stderr);
    run(&node.access, &["quarantine", "redrive", &row, "--corrected", &corrected]).text();
    assert_eq!(node.access.count("organization"), 2);
    let list = run(&node.access, &["quarantine", "list", "--output", "json"]).json();
    assert_eq!(list["rows"], json!([]));
    let imports = run(&node.access, &["quarantine", "imports", "--output", "json"]).json();
    assert_eq!(imports["imports"][0]["progress"]["done"], true);
    node.stop();
}

#[test]
fn what_one_city_exports_another_form_holds_and_nothing_above_its_audience() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let mut hidden = bakery();
    hidden["name"] = json!("cities/feira.example/organizations/hidden");
    hidden["audience"] = json!("AUDIENCE_INTERNAL");
    hidden["displayNames"][0]["text"] = json!("Confidencial");
    let records = save(parent.path(), "records.jsonl", format!("{}\n{hidden}\n", bakery()));
    run(&node.access, &["import", &records]).text();

    let out = parent.path().join("out.jsonl");
    run(&node.access, &["export", "--format", "jsonl", "--out", out.to_str().unwrap()]).text();
    let public = fs::read_to_string(&out).unwrap();
    assert!(public.contains("Padaria") && !public.contains("Confidencial"), "{public}");
    run(&node.access, &["export", "--format", "jsonl", "--audience", "internal", "--out", out.to_str().unwrap()])
        .text();
    assert!(fs::read_to_string(&out).unwrap().contains("Confidencial"));

    let csv = run(&node.access, &["export", "--format", "csv", "--kind", "organization"]);
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
    let several = run(&node.access, &["export", "--format", "csv"]);
    assert_eq!(several.code, Some(3), "{}", several.stderr);
    let catalogue: Value = run(&node.access, &["export", "--format", "dcat"]).json();
    assert!(catalogue["@context"].is_object() || catalogue["@context"].is_string(), "{catalogue}");
    node.stop();
}

#[test]
fn codes_are_looked_up_in_the_language_of_the_officer_and_converted_aloud() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let lists = run(&node.access, &["codes", "--output", "json"]).json();
    assert!(lists["lists"].as_array().unwrap().len() > 40, "{lists}");
    let morocco = run(&node.access, &["codes", "iso3166-1", "maroc", "--language", "fr"]);
    assert!(morocco.text().contains("MA") && morocco.text().contains("Maroc"), "{}", morocco.text());
    let converted = run(&node.access, &["codes", "nace-2", "--convert", "10.71", "--to", "nace-2.1"]);
    assert!(converted.text().contains("10.71"), "{}", converted.text());
    let unknown = run(&node.access, &["codes", "boats"]);
    assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
    node.stop();
}

#[test]
fn pairs_that_may_be_the_same_are_found_decided_and_revoked() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let organization = |id: &str, title: &str| {
        let mut one = bakery();
        one["name"] = json!(format!("cities/feira.example/organizations/{id}"));
        one["displayNames"][0]["text"] = json!(title);
        one["kind"] = json!("ORGANIZATION_KIND_LOCAL_AUTHORITY");
        one["country"] = json!("BR");
        one.to_string()
    };
    let lines = [organization("a", "Municipio de Sorocaba"), organization("b", "Prefeitura Municipal de Sorocaba")];
    let records = save(parent.path(), "records.jsonl", lines.join("\n"));
    let imported = run(&node.access, &["import", &records, "--output", "json"]).json();
    assert_eq!(imported["progress"]["possibleMatches"], "1");
    let found = run(&node.access, &["match", "find", "--output", "json"]).json();
    let pair = &found["matches"][0];
    let (left, right) = (pair["left"].as_str().unwrap(), pair["right"].as_str().unwrap());
    let decided =
        run(&node.access, &["match", "decide", left, right, "same", "--reason", "one city hall", "--output", "json"]);
    let noted = decided.json()["matchAssertion"].clone();
    for what in ["score", "features", "method"] {
        assert_eq!(noted[what], pair[what], "the record says why the pair was proposed");
    }
    let name = noted["name"].as_str().unwrap().to_owned();
    assert_eq!(run(&node.access, &["match", "find", "--output", "json"]).json()["matches"], json!([]));
    assert_eq!(node.access.count("organization"), 2, "nothing is merged");
    run(&node.access, &["match", "revoke", &name, "--reason", "a namesake"]).text();
    assert!(run(&node.access, &["match", "list"]).text().contains("[revoked]"));
    node.stop();
}

const CORK: &str = "cities/feira.example/partnerships/cork";

/// Puts a partnership that is at its market research.
fn put_cork(node: &Access, folder: &Path) {
    let partnership = json!({
        "name": CORK,
        "audience": "AUDIENCE_PUBLIC",
        "titles": [{"text": "Cork", "language": "en"}],
        "originCountries": ["MA"],
        "stage": "PARTNERSHIP_STAGE_MARKET_RESEARCH",
        "sectors": [{"scheme": "SECTOR_SCHEME_NACE", "version": "2", "code": "16.29"}],
        "participants": [
            {"displayNames": [{"text": "A", "language": "en"}], "roles": ["PARTICIPANT_ROLE_INITIATOR"]},
            {"displayNames": [{"text": "B", "language": "en"}], "roles": ["PARTICIPANT_ROLE_ENTERPRISE"]},
        ],
    });
    let file = save(folder, "cork.json", partnership.to_string());
    run(node, &["record", "put", &file]).text();
}

#[test]
fn readiness_names_what_stands_before_the_next_stage_and_a_step_is_refused_until_then() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let name = CORK;
    put_cork(&node.access, parent.path());
    let readiness = run(&node.access, &["readiness", name]);
    for word in ["not ready for partner-search", "M1", "O1", "J4", "authority of origin"] {
        assert!(readiness.text().contains(word), "{word}: {}", readiness.text());
    }
    let refused = run(&node.access, &["stage", "advance", name, "partner-search", "--by", "Economy office"]);
    assert!(refused.complaint(3).contains("STAGE_GATE_CLOSED"), "{}", refused.stderr);
    assert!(refused.stderr.contains("CONDITION_M1"), "{}", refused.stderr);
    let unknown = run(&node.access, &["stage", "advance", name, "moon", "--by", "Economy office"]);
    assert!(unknown.complaint(2).contains("market-research"), "{}", unknown.stderr);
    node.stop();
}

#[test]
fn a_partnership_is_suspended_resumed_set_right_and_ended() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), "feira.example").serve();
    let name = CORK;
    put_cork(&node.access, parent.path());
    let command = ["stage", "suspend", name, "--by", "Council", "--reason", "elections", "--review", "2099-01-01"];
    assert!(run(&node.access, &command).text().contains("suspended"));
    let stands = |ended: &Ended, what: &str, where_: &str| {
        let text = ended.text();
        assert!(text.contains(what) && text.trim_end().ends_with(where_), "{text}");
    };
    let command = ["stage", "resume", name, "--by", "Council", "--dry-run"];
    stands(&run(&node.access, &command), "resumed", "market-research");
    let tried = run(&node.access, &["stage", "end", name, "completed", "--by", "Council"]);
    assert!(tried.complaint(3).contains("STAGE_IMPOSSIBLE"), "{}", tried.stderr);
    stands(&run(&node.access, &["stage", "resume", name, "--by", "Council"]), "resumed", "market-research");
    let again = run(&node.access, &["stage", "resume", name, "--by", "Council"]);
    assert!(again.complaint(3).contains("not suspended"), "{}", again.stderr);

    let of_name = format!("partnership = \"{name}\" AND kind = ENTERED");
    let listed = run(&node.access, &["record", "list", "stage_event", "--filter", &of_name, "--output", "json"]).json();
    let entered = listed["records"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(listed["records"][0]["reason"], "as it was entered");
    let silent = run(&node.access, &["stage", "correct", &entered, "--to", "opportunity", "--by", "Council"]);
    assert!(silent.complaint(3).contains("reason"), "{}", silent.stderr);
    let because = ["--by", "Council", "--reason", "nobody did research", "--output", "json"];
    let command = [&["stage", "correct", &entered, "--to", "opportunity"], &because[..]].concat();
    let corrected = run(&node.access, &command).json();
    assert_eq!(corrected["partnership"]["stage"], "PARTNERSHIP_STAGE_OPPORTUNITY");
    assert_eq!(corrected["stageEvent"]["corrects"], entered.as_str());

    let silent = run(&node.access, &["stage", "end", name, "cancelled", "--by", "Council"]);
    assert!(silent.complaint(3).contains("reason"), "{}", silent.stderr);
    let command = ["stage", "end", name, "cancelled", "--by", "Council", "--reason", "no partner was found"];
    stands(&run(&node.access, &command), "cancelled", "opportunity");
    let late = run(&node.access, &["stage", "resume", name, "--by", "Council"]);
    assert!(late.complaint(3).contains("STAGE_ENDED"), "{}", late.stderr);
    node.stop();
}
