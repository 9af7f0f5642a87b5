//! What the project is for, from the first start to the answer of three cities; on both databases.

use isopolity_proto::{
    catalog::Outcome,
    options::Audience,
    registry::{ImportFormat, ImportStart},
};
use isopolity_tests::{
    Databases, TestNode, federation, on_both_databases,
    refusal::reason,
    sample::{names, organization, outcome, outcomes, partnership, partnerships},
    storage,
};
use tonic::Code;

on_both_databases!(
    three_cities_answer_one_question,
    what_was_written_is_found_by_the_next_search,
    a_node_that_is_restarted_has_everything,
    a_twin_town_file_is_imported_once,
);

#[test]
fn postgresql_is_tested_or_said_to_be_left_out() {
    storage::tell_what_is_left_out();
}

async fn three_cities_answer_one_question(databases: Databases) {
    let plans = ["feira.example", "geneve.example", "kenitra.example"].map(|city| TestNode::plan(city).on(&databases));
    let cities = federation::among(plans).await;
    for city in &cities {
        assert_eq!(city.api.node().await.storage, databases.kind());
        city.api.create("bread", partnership(&format!("Bread of {}", city.city()), "MA")).await;
        city.api.create("shoes", partnership(&format!("Shoes of {}", city.city()), "TN")).await;
    }
    for city in &cities {
        let answer = city.api.ask(partnerships()).await;
        assert_eq!((answer.hits.len(), answer.total), (6, 6), "{} asks", city.city());
        let own = city.city();
        let mut expected: Vec<_> = cities.iter().map(TestNode::city).collect();
        expected.sort_by_key(|other| (*other != own, *other));
        let expected: Vec<_> = expected.into_iter().map(|city| (city, Outcome::Answered)).collect();
        assert_eq!(outcomes(&answer.outcomes), expected, "{own} asks: its own outcome first, then the others by id");
        for one in &answer.outcomes {
            assert_eq!((one.hits, one.total, one.reason.as_str()), (2, 2, ""), "{}", one.city);
            assert!(one.position.as_ref().unwrap().sequence >= 3 && one.took.is_some(), "{one:?}");
        }
        let coverage = answer.coverage.unwrap();
        assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 3, 3));
        // The profile of each, two partnerships, and the first event of each of these.
        assert_eq!((coverage.records_known, coverage.records_covered), (15, 15));
        assert_eq!(coverage.summary, "3 of 3 cities, 100 % of known records");
    }
}

async fn what_was_written_is_found_by_the_next_search(databases: Databases) {
    let plans = ["feira.example", "geneve.example"].map(|city| TestNode::plan(city).on(&databases));
    let [feira, geneve] = federation::among(plans).await;
    for number in 0..12 {
        // The writer's own node, and a peer that asks it.
        let asked = if number % 2 == 0 { &feira } else { &geneve };
        let what = format!("{number}, {} asks", asked.city());
        let created = feira.api.create(&format!("p{number}"), partnership("Cork", "MA")).await;
        assert_eq!(names(&asked.api.ask(partnerships()).await), [created.name.as_str()], "a creation: {what}");
        let mut changed = created.clone();
        changed.origin_countries = vec!["TN".into()];
        feira.api.update(changed, &["origin_countries"]).await.unwrap();
        let mut question = partnerships();
        question.origin_countries = vec!["TN".into()];
        assert_eq!(names(&asked.api.ask(question).await), [created.name.as_str()], "a change: {what}");
        feira.api.delete(&created.name, "").await.unwrap();
        assert!(asked.api.ask(partnerships()).await.hits.is_empty(), "a deletion: {what}");
    }
}

async fn a_node_that_is_restarted_has_everything(databases: Databases) {
    let plans = ["feira.example", "geneve.example"].map(|city| TestNode::plan(city).on(&databases));
    let [mut feira, geneve] = federation::among(plans).await;
    let created = feira.api.create("bread", partnership("Bread", "MA")).await;
    feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let (record, bundle) = (feira.api.record(&created.name).await.unwrap(), feira.api.bundle().await);
    let before = feira.api.node().await;

    feira.restart().await;
    assert_eq!(feira.api.get(&created.name).await.unwrap(), created);
    assert_eq!(feira.api.record(&created.name).await.unwrap(), record, "the record is the same, byte for byte");
    assert_eq!(feira.api.bundle().await, bundle, "nothing has changed, so the bundle has not");
    feira.caught_up().await;
    let after = feira.api.node().await;
    assert_eq!((after.epoch, after.published_sequence), (before.epoch, before.published_sequence));
    assert_eq!((after.records, before.records), (4, 4));
    for city in [&feira, &geneve] {
        let answer = city.api.ask(partnerships()).await;
        assert_eq!(names(&answer), [created.name.as_str()], "{} asks", city.city());
        assert!(answer.coverage.unwrap().cities_answered == 2, "{:?}", answer.outcomes);
    }
    let peer = feira.api.peer("geneve.example", false).await;
    assert_eq!((peer.audience(), peer.bundle_sequence), (Audience::Public, 1));
}

async fn a_twin_town_file_is_imported_once(databases: Databases) {
    let plans = ["barcelona.example", "lisboa.example"].map(|city| TestNode::plan(city).on(&databases));
    let [barcelona, lisboa] = federation::among(plans).await;
    let file = include_bytes!("../data/twin-towns/twin_pairs_eu25.csv");
    let start = ImportStart {
        format: ImportFormat::TwinTownsCsv.into(),
        source_city: "Barcelona".into(),
        source: "Wikidata".into(),
        licence: "CC0-1.0".into(),
        ..Default::default()
    };
    let dry = barcelona.api.import(ImportStart { dry_run: true, ..start.clone() }, file).await.unwrap();
    assert_eq!(dry.counts(), (35, 0, 0, 0));
    assert!(barcelona.api.all_agreements().await.is_empty(), "a dry run writes nothing");
    assert_eq!(barcelona.api.node().await.published_sequence, 1, "nor publishes");

    let imported = barcelona.api.import(start.clone(), file).await.unwrap();
    assert_eq!(imported.counts(), (35, 0, 0, 0), "{:?}", imported.rejected);
    assert!(imported.progress.done);
    assert_eq!(imported.progress.rows, 24_428);
    assert_eq!(imported.progress.skipped, 24_428 - 35);
    assert_eq!(imported.progress.bytes, i64::try_from(file.len()).unwrap());
    let agreements = barcelona.api.all_agreements().await;
    assert_eq!(agreements.len(), 35);
    let provenance = agreements[0].provenance.as_ref().unwrap();
    assert_eq!((provenance.source.as_str(), provenance.licence.as_str()), ("Wikidata", "CC0-1.0"));

    let again = barcelona.api.import(start, file).await.unwrap();
    assert_eq!(again.counts(), (0, 0, 35, 0));
    assert_eq!(barcelona.api.all_agreements().await, agreements, "the same file again changes nothing");

    let question = isopolity_proto::federation::Question {
        kinds: vec!["agreement".into()],
        text: "gaza".into(),
        ..Default::default()
    };
    let found = lisboa.api.ask(question).await;
    assert_eq!((found.total, outcome(&found, "barcelona.example").total), (1, 1), "its peer finds them");
    let record = lisboa.api.record(&found.hits[0].name).await.unwrap();
    assert_eq!(record, barcelona.api.record(&found.hits[0].name).await.unwrap());
    let missing = lisboa.api.record("cities/barcelona.example/agreements/none").await.unwrap_err();
    assert_eq!(reason(&missing), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
}
