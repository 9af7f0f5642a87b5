//! What the federation's records say together, for people and for programs.

use std::fs;

use serde_json::{Value, json};

use super::support::{Access, City, agreement, number};

const FEIRA: &str = "feira.example";

/// A city that runs, with one agreement, one opportunity and one partnership.
fn import(node: &Access, folder: &std::path::Path) {
    let text = |text: &str| json!([{"text": text, "language": "en"}]);
    let bread = json!([{"scheme": "SECTOR_SCHEME_NACE", "version": "2.1", "code": "10.71"}]);
    let flour = json!({
        "@type": "type.googleapis.com/isopolity.registry.v1.Opportunity",
        "name": format!("cities/{FEIRA}/opportunities/flour"),
        "audience": "AUDIENCE_PUBLIC",
        "titles": text("Flour"),
        "direction": "OPPORTUNITY_DIRECTION_SEEKS",
        "subjects": ["OPPORTUNITY_SUBJECT_SUPPLY"],
        "organizationNames": text("A bakery"),
        "status": "OPPORTUNITY_STATUS_OPEN",
        "countries": ["MA"],
        "sectors": bread,
    });
    let file = folder.join("records.jsonl");
    fs::write(&file, format!("{}{flour}\n", agreement(FEIRA, "one"))).unwrap();
    node.run(["import".as_ref(), file.as_os_str()]).text();
}

#[test]
fn status_suggestions_and_overlaps_are_shown_with_their_reasons_and_with_who_answered() {
    let parent = tempfile::tempdir().unwrap();
    let node = City::init(parent.path(), FEIRA).serve();
    import(&node.access, parent.path());
    assert_eq!(node.access.count("agreement"), 1);

    let asked = ["status", FEIRA, "kenitra.example", "--called", "Partner of ONE"];
    let text = node.access.run(asked);
    for part in [
        "feira.example and kenitra.example: 1 of 5, one of them says so",
        "a city's answer is missing; with it this may be more",
        "cities/feira.example/agreements/one",
        "which denies nothing",
        "1 of 1 cities",
    ] {
        // Tables break long lines.
        let flat = text.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part) || text.text().contains(part), "{part}\n{}", text.text());
    }
    let found = node.access.json(&asked);
    assert_eq!((number(&found["ladder"]), &found["mayBeHigher"]), (1, &Value::Bool(true)));
    assert_eq!(found["evidence"][0]["record"], "cities/feira.example/agreements/one");
    assert_eq!(node.access.json(&["status", FEIRA, "kenitra.example"])["level"], "COOPERATION_LEVEL_NONE");
    let same = node.access.run(["status", FEIRA, FEIRA]);
    assert!(same.complaint(3).contains("other_city: is the same city"), "{}", same.stderr);

    for (command, nothing) in [
        ("suggest", "Nothing fits in the cities that answered."),
        ("overlaps", "No overlap shows in the cities that answered."),
    ] {
        let ended = node.access.run([command]);
        assert!(ended.text().starts_with(nothing), "{}", ended.text());
        assert!(ended.text().contains("1 of 1 cities"), "{}", ended.text());
        let answer = node.access.json(&[command]);
        assert_eq!((number(&answer["compared"]), &answer["coverage"]["citiesAnswered"]), (0, &json!(1)));
    }
    // What is counted is what is said to be: not the city's profile, which is read along.
    for (arguments, heading, count) in [
        (&["suggest"][..], "Opportunities", 1),
        (&["overlaps"], "Partnerships", 0),
        (&["status", FEIRA, "kenitra.example"], "Agreements and partnerships", 1),
    ] {
        let told = node.access.run(arguments);
        let table = told.text().split_once(&format!("  {heading}")).expect(heading).1;
        let row: Vec<&str> = table.lines().find(|line| line.contains(" ms")).unwrap().split_whitespace().collect();
        assert_eq!(row.last(), Some(&count.to_string().as_str()), "{}", told.text());
        let answer = node.access.json(arguments);
        let outcome = &answer["outcomes"][0];
        assert_eq!((number(&outcome["hits"]), number(&outcome["total"])), (count, count), "{heading}");
        let word = if count == 0 { "OUTCOME_ANSWERED_EMPTY" } else { "OUTCOME_ANSWERED" };
        assert_eq!(outcome["outcome"], word, "{heading}");
    }
    let own = node.access.json(&["suggest", "cities/feira.example/opportunities/flour"]);
    assert_eq!(own["suggestions"], json!([]));
    let foreign = node.access.run(["suggest", "cities/kenitra.example/opportunities/mill"]);
    assert!(foreign.complaint(3).contains("opportunity"), "{}", foreign.stderr);
    let sector = node.access.run(["overlaps", "--sector", "nace:2.1:10.99"]);
    assert!(sector.complaint(3).contains("sector"), "{}", sector.stderr);
    let scheme = node.access.run(["overlaps", "--sector", "naics:1:10"]);
    assert!(scheme.line(2).contains("nace, isic or dac"), "{}", scheme.stderr);
}
