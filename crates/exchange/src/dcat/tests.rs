use isopolity_proto::types::{ContactPoint, Place};
use time::macros::datetime;

use super::*;

fn text(text: &str, language: &str) -> LocalizedText {
    LocalizedText { text: text.into(), language: language.into(), ..Default::default() }
}

fn city() -> City {
    City {
        name: "cities/feira.example".into(),
        display_names: vec![text("Santa Maria da Feira", "pt")],
        languages: vec!["pt-PT".into(), "x-unknown".into()],
        website: "https://feira.example/".into(),
        place: Some(Place { country: "PT".into(), geonames_id: 2_739_723, ..Default::default() }),
        contact_points: vec![
            ContactPoint { function: "Presidente".into(), ..Default::default() },
            ContactPoint {
                function: "Gabinete".into(),
                mailbox: "gabinete@feira.example".into(),
                ..Default::default()
            },
        ],
        ..Default::default()
    }
}

fn held(kind: Kind, licences: &[&str]) -> Holding {
    let mut holding = Holding::of(kind);
    for licence in licences {
        holding.add(Some(datetime!(2026-03-01 10:00 UTC)), licence);
    }
    holding
}

fn graph(city: &City, holdings: &[Holding], audience: Audience) -> Vec<Value> {
    let endpoint = "https://api.feira.example:7444/";
    let mut out = Vec::new();
    write(&Description { city, publisher: None, holdings, endpoint, audience }, &mut out).unwrap();
    let document: Value = serde_json::from_slice(&out).unwrap();
    document["@graph"].as_array().unwrap().clone()
}

fn of_type<'a>(graph: &'a [Value], kind: &str) -> Vec<&'a Value> {
    graph.iter().filter(|node| node["@type"] == kind).collect()
}

#[test]
fn each_kind_with_records_is_a_data_set_with_a_distribution_for_each_form() {
    let holdings = [held(Kind::Organization, &["CC0-1.0"]), Holding::of(Kind::Place), held(Kind::Partnership, &[""])];
    let graph = graph(&city(), &holdings, Audience::Public);
    let datasets = of_type(&graph, "dcat:Dataset");
    let names: Vec<&str> = datasets.iter().filter_map(|node| node["dct:identifier"].as_str()).collect();
    assert_eq!(names, ["cities/feira.example#organization", "cities/feira.example#partnership"]);
    assert_eq!(datasets[0]["dct:title"].as_array().unwrap().len(), 7);
    assert_eq!(of_type(&graph, "dcat:Distribution").len(), 3 + 4);
    // What is pointed at is there.
    let ids: BTreeSet<&str> = graph.iter().filter_map(|node| node["@id"].as_str()).collect();
    for dataset in datasets {
        for distribution in dataset["dcat:distribution"].as_array().unwrap() {
            assert!(ids.contains(distribution["@id"].as_str().unwrap()), "{distribution}");
        }
    }
}

#[test]
fn the_catalogue_speaks_the_languages_of_the_city_and_english() {
    let graph = graph(&city(), &[], Audience::Public);
    let catalogue = &of_type(&graph, "dcat:Catalog")[0];
    let titles: Vec<&str> =
        catalogue["dct:title"].as_array().unwrap().iter().filter_map(|title| title["@value"].as_str()).collect();
    assert_eq!(
        titles,
        ["Partnership registry of Santa Maria da Feira", "Registo de parcerias de Santa Maria da Feira"]
    );
    let portuguese = authority("language/POR");
    assert_eq!(catalogue["dct:language"], json!([portuguese]));
    assert_eq!(catalogue["dct:spatial"], json!([authority("country/PRT"), id("https://sws.geonames.org/2739723/")]));
}

#[test]
fn a_licence_is_named_only_where_all_records_state_the_same() {
    let licence = |licences: &[&str]| {
        let graph = graph(&city(), &[held(Kind::Place, licences)], Audience::Public);
        of_type(&graph, "dcat:Distribution")[0].get("dct:license").cloned()
    };
    assert_eq!(licence(&["CC0-1.0", "CC0-1.0"]), Some(id("https://spdx.org/licenses/CC0-1.0")));
    for unclear in [&["CC0-1.0", ""][..], &["CC0-1.0", "MIT"], &[""], &["CC0-1.0 OR MIT"]] {
        assert_eq!(licence(unclear), None, "{unclear:?}");
    }
}

#[test]
fn what_is_not_for_everyone_says_so() {
    for (audience, right) in
        [(Audience::Public, "PUBLIC"), (Audience::Federation, "RESTRICTED"), (Audience::Internal, "NON_PUBLIC")]
    {
        let graph = graph(&city(), &[held(Kind::Place, &[""])], audience);
        let expected = authority(&format!("access-right/{right}"));
        assert_eq!(of_type(&graph, "dcat:Dataset")[0]["dct:accessRights"], expected);
    }
}

#[test]
fn an_address_that_rdf_cannot_hold_is_left_out() {
    let website = "https://feira.example/a b>".to_owned();
    let graph = graph(&City { website, ..city() }, &[], Audience::Public);
    assert!(of_type(&graph, "dcat:Catalog")[0].get("foaf:homepage").is_none());
    assert_eq!(iri("javascript:alert(1)"), None);
    assert_eq!(of_type(&graph, "vcard:Organization")[0]["vcard:hasEmail"], id("mailto:gabinete@feira.example"));
}

#[test]
fn a_city_of_which_nothing_is_known_is_described_all_the_same() {
    let city = City { name: "cities/feira.example".into(), ..Default::default() };
    let graph = graph(&city, &[], Audience::Public);
    assert_eq!(of_type(&graph, "foaf:Agent")[0]["foaf:name"], json!(["feira.example"]));
    assert!(of_type(&graph, "vcard:Organization").is_empty());
}
