//! Candidates for the same organisation or place, and what people decide about them; on both databases.

use isopolity_proto::registry::{
    CreateMatchAssertionRequest, FindMatchesRequest, ImportFormat, ImportStart, MatchAssertion, MatchFeature,
    MatchVerdict,
};
use isopolity_tests::{Databases, TestNode, on_both_databases, sample};

on_both_databases!(an_import_tells_how_much_of_what_it_brings_may_be_known_already, a_decision_says_what_spoke_for_it,);

fn line(collection: &str, kind: &str, id: &str, name: &str, more: &str) -> String {
    format!(
        "{{\"@type\":\"type.googleapis.com/isopolity.registry.v1.{kind}\",\
         \"name\":\"cities/feira.example/{collection}/{id}\",\"audience\":\"AUDIENCE_PUBLIC\",\
         \"displayNames\":[{{\"text\":\"{name}\",\"language\":\"pt\"}}],{more}}}\n"
    )
}

fn organization(id: &str, name: &str, more: &str) -> String {
    line("organizations", "Organization", id, name, &format!("\"kind\":\"ORGANIZATION_KIND_LOCAL_AUTHORITY\",{more}"))
}

fn place(id: &str, name: &str, latitude: f64) -> String {
    let more = format!(
        "\"kind\":\"PLACE_KIND_MUNICIPALITY\",\"country\":\"DE\",\
         \"point\":{{\"latitude\":{latitude},\"longitude\":11.97}}"
    );
    line("places", "Place", id, name, &more)
}

async fn an_import_tells_how_much_of_what_it_brings_may_be_known_already(databases: Databases) {
    let feira = TestNode::plan("feira.example").on(&databases).start().await;
    let import = async |file: &[String], report_all: bool| {
        let start = ImportStart { format: ImportFormat::JsonLines.into(), report_all, ..Default::default() };
        let imported = feira.api.import(start, file.concat().as_bytes()).await.unwrap();
        assert_eq!(imported.rejected, [], "{:?}", imported.progress);
        (imported.progress.created, imported.progress.possible_matches)
    };
    let lei = |value: &str| format!("\"identifiers\":[{{\"scheme\":\"XI-LEI\",\"value\":\"{value}\"}}]");
    let brazil = "\"country\":\"BR\"";
    let first = [
        organization("sorocaba", "Município de Sorocaba", brazil),
        organization("salvador", "República de El Salvador", "\"country\":\"SV\""),
        organization("atlas", "Padaria Atlas", &lei("529900T8BM49AURSDO55")),
        place("halle", "Halle", 51.48),
        // Within the file.
        organization("sorocaba-2", "Prefeitura Municipal de Sorocaba", brazil),
    ];
    assert_eq!(import(&first, false).await, (5, 1));
    assert_eq!(import(&first, false).await, (0, 0), "what is there already is no candidate");
    let second = [
        organization("sorocaba-3", "MUNICIPIO DE SOROCABA", brazil),
        organization("salvador-2", "Município de Salvador", brazil),
        organization("atlas-2", "Atlas Bread", &lei("529900T8BM49AURSDO55")),
        organization("sorocaba-4", "Município de Sorocaba", "\"country\":\"PT\""),
        place("halle-2", "Halle", 51.49),
        place("halle-3", "Halle", 52.9),
    ];
    assert_eq!(import(&second, false).await, (6, 3), "a city hall, a bakery by its number, and a town where it lies");
    let third = [organization("sorocaba-5", "Sorocaba", brazil)];
    assert_eq!(import(&third, true).await, (1, 1), "also where every row is reported");
    let request = FindMatchesRequest { parent: feira.parent(), page_size: 100, ..Default::default() };
    let found = feira.api.match_assertions().find_matches(request).await.unwrap().into_inner().matches;
    assert!(found.iter().all(|pair| !pair.left.contains("salvador") && !pair.right.contains("salvador")), "{found:?}");
    for id in ["organizations/sorocaba-3", "organizations/atlas-2", "places/halle-2"] {
        let name = format!("cities/feira.example/{id}");
        assert!(found.iter().any(|pair| pair.left == name || pair.right == name), "{id}: {found:?}");
    }
}

async fn a_decision_says_what_spoke_for_it(databases: Databases) {
    let feira = TestNode::plan("feira.example").on(&databases).start().await;
    let one = feira.api.create_organization("one", sample::organization("Município de Sorocaba", "BR")).await.name;
    let other = feira.api.create_organization("other", sample::organization("Prefeitura de Sorocaba", "BR")).await.name;
    let decide = async |assertion: MatchAssertion| {
        let request = CreateMatchAssertionRequest {
            parent: feira.parent(),
            match_assertion: Some(assertion),
            ..Default::default()
        };
        let created = feira.api.match_assertions().create_match_assertion(request).await.unwrap().into_inner();
        created.match_assertion.unwrap()
    };
    let request = FindMatchesRequest { parent: feira.parent(), ..Default::default() };
    let found = feira.api.match_assertions().find_matches(request).await.unwrap().into_inner().matches.remove(0);
    // The other way round, too.
    let decided = decide(sample::match_assertion(&other, &one)).await;
    assert_eq!((decided.score, &decided.method), (found.score, &found.method));
    let reasons = |features: &[MatchFeature]| -> Vec<(String, f64)> {
        features.iter().map(|feature| (feature.name.clone(), feature.weight)).collect()
    };
    assert_eq!(reasons(&decided.features), reasons(&found.features));
    assert!(decided.features.iter().any(|feature| feature.description.contains("Prefeitura")), "{decided:?}");

    let own = MatchAssertion {
        score: 0.5,
        method: "a look at both".into(),
        verdict: MatchVerdict::Different.into(),
        ..sample::match_assertion(&one, &other)
    };
    let decided = decide(own).await;
    assert_eq!((decided.score, decided.method.as_str(), decided.features.len()), (0.5, "a look at both", 0));
    let foreign = decide(sample::match_assertion(&one, "cities/geneve.example/organizations/one")).await;
    assert_eq!((foreign.score, foreign.method.as_str(), foreign.features.len()), (0.0, "", 0));
}
