//! Searching, over the API of a real node.

use isopolity_proto::{
    catalog::{Outcome, SearchRequest},
    federation::{Question, SearchOrder, SectorPrefix},
    options::Audience,
    registry::{Partnership, PartnershipStage},
    types::SectorScheme,
};
use isopolity_tests::{
    TestNode, federation,
    refusal::{fields, reason},
    sample::{agreement, asking, nace, names, organization, outcome, outcomes, partnership, partnerships, text},
};
use time::Duration;
use tonic::Code;

fn prefix(scheme: SectorScheme, version: &str, code: &str) -> SectorPrefix {
    SectorPrefix { scheme: scheme.into(), version: version.into(), code: code.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_filter_finds_what_it_says_in_every_city() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    // Exact stages are for partner cities.
    feira.api.approve("geneve.example", Audience::Federation).await;
    geneve.api.approve("feira.example", Audience::Federation).await;
    let bread = feira
        .api
        .create("bread", Partnership { stage: PartnershipStage::Operating.into(), ..partnership("Bread", "MA") })
        .await
        .name;
    let shops = Partnership {
        origin_countries: vec!["TN".into(), "DZ".into()],
        sectors: vec![nace("47.11")],
        titles: vec![text("Lojas de bairro", "pt-BR"), text("متاجر الحي", "ar")],
        ..partnership("", "")
    };
    let shops = geneve.api.create("shops", shops).await.name;
    let mill = geneve.api.create_organization("mill", organization("Mühle Genf", "CH")).await.name;
    let twinning =
        feira.api.create_agreement("kenitra", agreement("feira.example", "Feira – Kénitra", "MA")).await.name;

    let kinds =
        |kinds: &[&str]| Question { kinds: kinds.iter().map(|&kind| kind.into()).collect(), ..Default::default() };
    let countries = |countries: &[&str]| Question {
        origin_countries: countries.iter().map(|&country| country.into()).collect(),
        ..Default::default()
    };
    let sector = |prefix: SectorPrefix| Question { sectors: vec![prefix], ..Default::default() };
    let stages = |stages: &[PartnershipStage]| Question {
        stages: stages.iter().map(|&stage| stage.into()).collect(),
        ..Default::default()
    };
    let language = |tag: &str| Question { languages: vec![tag.into()], ..partnerships() };
    let words = |words: &str| Question { text: words.into(), ..Default::default() };
    let cases: Vec<(&str, Question, Vec<&String>)> = vec![
        ("a kind", kinds(&["organization"]), vec![&mill]),
        ("kinds", kinds(&["organization", "agreement"]), vec![&mill, &twinning]),
        ("a country", countries(&["MA"]), vec![&bread, &twinning]),
        ("countries", countries(&["MA", "DZ"]), vec![&bread, &twinning, &shops]),
        ("a country where nothing is", countries(&["AO"]), vec![]),
        (
            "a country and a kind",
            Question { ..Question { kinds: vec!["agreement".into()], ..countries(&["MA"]) } },
            vec![&twinning],
        ),
        ("a section", sector(prefix(SectorScheme::Unspecified, "", "C")), vec![&bread]),
        ("a division", sector(prefix(SectorScheme::Nace, "2.1", "47")), vec![&shops]),
        ("a group with its point", sector(prefix(SectorScheme::Nace, "", "10.7")), vec![&bread]),
        ("a class without its point", sector(prefix(SectorScheme::Nace, "", "1071")), vec![&bread]),
        ("another version", sector(prefix(SectorScheme::Nace, "2", "10")), vec![]),
        ("a stage", stages(&[PartnershipStage::Operating]), vec![&bread]),
        ("stages", stages(&[PartnershipStage::Operating, PartnershipStage::Launch]), vec![&bread, &shops]),
        ("a language", language("pt"), vec![&shops]),
        ("a narrower language", language("pt-BR"), vec![&shops]),
        ("another narrower language", language("pt-PT"), vec![]),
        ("words without diacritics", words("muhle"), vec![&mill]),
        ("words with others", words("KENITRA"), vec![&twinning]),
        ("words in another script", words("الحي"), vec![&shops]),
        ("words of which one is nowhere", words("kenitra bread"), vec![]),
    ];
    for (what, question, mut expected) in cases {
        expected.sort();
        for city in [&feira, &geneve] {
            let answer = city.api.ask(question.clone()).await;
            let mut found = names(&answer);
            found.sort_unstable();
            assert_eq!(found, expected, "{what}, asked in {}", city.city());
            assert_eq!(usize::try_from(answer.total).unwrap(), expected.len(), "{what}");
        }
    }
    // A city is a filter as well.
    let only = SearchRequest { cities: vec!["geneve.example".into()], ..asking(partnerships()) };
    let answer = feira.api.search(only).await.unwrap();
    assert_eq!(names(&answer), [shops.as_str()]);
    let expected = [("feira.example", Outcome::NotAsked), ("geneve.example", Outcome::Answered)];
    assert_eq!(outcomes(&answer.outcomes), expected);
    assert_eq!(outcome(&answer, "feira.example").hits, 0);
    assert_eq!(answer.coverage.unwrap().cities_asked, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_by_update_time_goes_across_cities() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let mut expected = Vec::new();
    for number in 0..6 {
        let city = if number % 2 == 0 { &feira } else { &geneve };
        for node in [&feira, &geneve] {
            node.clock.advance(Duration::minutes(1));
        }
        expected.insert(0, city.api.create(&format!("p{number}"), partnership("Bread", "MA")).await.name);
    }
    // A change makes it the latest; a change that changes nothing does not.
    feira.clock.advance(Duration::hours(1));
    let mut first = feira.api.get(&expected[5]).await.unwrap();
    first.origin_countries.push("TN".into());
    feira.api.update(first, &["origin_countries"]).await.unwrap();
    let first = expected.remove(5);
    expected.insert(0, first);
    feira.clock.advance(Duration::hours(1));
    let unchanged = feira.api.get(&expected[2]).await.unwrap();
    feira.api.update(unchanged, &[]).await.unwrap();
    for city in [&feira, &geneve] {
        let answer = city.api.ask(partnerships()).await;
        assert_eq!(names(&answer), expected, "{} asks", city.city());
        let times: Vec<_> = answer.hits.iter().map(|hit| hit.update_time.unwrap().seconds).collect();
        assert!(times.is_sorted_by(|one, other| one >= other), "{times:?}");
        let first = SearchRequest { page_size: 2, ..asking(partnerships()) };
        let answer = city.api.search(first).await.unwrap();
        assert_eq!((names(&answer), answer.total), (expected[..2].iter().map(String::as_str).collect(), 6));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_can_t_be_asked_names_its_fields() {
    let [feira, _geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let ask = async |request: SearchRequest| feira.api.search(request).await.unwrap_err();
    for page_size in [-1, 101, i32::MAX, i32::MIN] {
        let refused = ask(SearchRequest { page_size, ..asking(partnerships()) }).await;
        assert_eq!(reason(&refused), (Code::InvalidArgument, "PAGE_SIZE_OUT_OF_RANGE".into()), "{page_size}");
        assert_eq!(fields(&refused), ["page_size"]);
    }
    let default = SearchRequest { page_size: 0, ..asking(partnerships()) };
    assert!(feira.api.search(default).await.is_ok(), "0 is the default");

    let refused = ask(SearchRequest {
        cities: vec!["feira.example".into(), "lisboa.example".into(), "No City".into()],
        ..asking(partnerships())
    })
    .await;
    assert_eq!(reason(&refused), (Code::InvalidArgument, "FIELD_INVALID".into()));
    assert_eq!(fields(&refused), ["cities[1]", "cities[2]"]);

    let question = Question {
        text: "a".repeat(501),
        kinds: vec!["boat".into()],
        origin_countries: vec!["XX".into()],
        stages: vec![0],
        languages: vec!["p t".into()],
        sectors: vec![SectorPrefix::default()],
        order: 9,
        ..Default::default()
    };
    let mut found = fields(&ask(asking(question)).await);
    found.sort();
    let below = ["kinds[0]", "languages[0]", "order", "origin_countries[0]", "sectors[0].code", "stages[0]", "text"];
    assert_eq!(found, below.map(|field| format!("question.{field}")));

    let refused = ask(SearchRequest { purpose: "p".repeat(201), ..asking(partnerships()) }).await;
    assert_eq!(fields(&refused), ["purpose"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_finds_neither_what_is_not_for_it_nor_what_is_gone() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let public = feira.api.create("public", partnership("Bread", "MA")).await;
    for (id, audience) in [("partners", Audience::Federation), ("own", Audience::Internal)] {
        feira.api.create(id, Partnership { audience: audience.into(), ..partnership("Bread", "MA") }).await;
    }
    assert_eq!(feira.api.ask(partnerships()).await.total, 3);
    assert_eq!(names(&geneve.api.ask(partnerships()).await), [public.name.as_str()], "it sees what is PUBLIC");

    feira.api.approve("geneve.example", Audience::Federation).await;
    let answer = geneve.api.ask(partnerships()).await;
    let mut found = names(&answer);
    found.sort_unstable();
    let expected = ["cities/feira.example/partnerships/partners", "cities/feira.example/partnerships/public"];
    assert_eq!(found, expected, "now FEDERATION too, INTERNAL never");

    // Withdrawn from the public, it is found by partners alone; for own staff, by nobody else; deleted, by nobody.
    feira.api.approve("geneve.example", Audience::Public).await;
    let withdrawn = Partnership { audience: Audience::Federation.into(), ..public.clone() };
    feira.api.update(Partnership { etag: String::new(), ..withdrawn }, &["audience"]).await.unwrap();
    assert!(feira.api.ask(partnerships()).await.total == 3);
    let answer = geneve.api.ask(partnerships()).await;
    assert_eq!((names(&answer).len(), outcome(&answer, "feira.example").outcome()), (0, Outcome::AnsweredEmpty));
    feira.api.approve("geneve.example", Audience::Federation).await;
    assert_eq!(geneve.api.ask(partnerships()).await.total, 2);
    feira.api.delete(&public.name, "").await.unwrap();
    assert!(feira.api.ask(partnerships()).await.total == 2);
    assert_eq!(names(&geneve.api.ask(partnerships()).await), ["cities/feira.example/partnerships/partners"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_may_search_what_is_public_here_where_the_city_allows_it() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let geneve = TestNode::start("geneve.example").await;
    federation::introduce(&feira, &geneve, Audience::Public).await;
    let public =
        feira.api.create("public", Partnership { internal_notes: "inside".into(), ..partnership("Bread", "MA") }).await;
    feira.api.create("own", Partnership { audience: Audience::Internal.into(), ..partnership("Bread", "MA") }).await;
    geneve.api.create("public", partnership("Bread", "MA")).await;

    let anyone = feira.api_with(None).await;
    let answer = anyone.ask(partnerships()).await;
    assert_eq!(names(&answer), [public.name.as_str()]);
    assert_eq!(outcome(&answer, "geneve.example").outcome(), Outcome::NotAsked);
    let elsewhere = SearchRequest { cities: vec!["geneve.example".into()], ..asking(partnerships()) };
    let refused = anyone.search(elsewhere).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()));
    let seen = anyone.get(&public.name).await.unwrap();
    assert_eq!((seen.internal_notes.as_str(), seen.etag.as_str()), ("", ""));
    let hidden = anyone.get("cities/feira.example/partnerships/own").await.unwrap_err();
    assert_eq!(reason(&hidden), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    let refused = anyone.try_create("mine", partnership("Mine", "MA")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()));
    let bad = feira.api_with(Some("iso_nobody_nothing")).await.get(&public.name).await.unwrap_err();
    assert_eq!(reason(&bad), (Code::Unauthenticated, "TOKEN_INVALID".into()), "a bad token is worse than none");

    let refused = geneve.api_with(None).await.search(asking(partnerships())).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()), "closed unless it is opened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relevance_is_the_order_of_a_question_with_words() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    geneve.api.create("exact", partnership("Olive oil", "MA")).await;
    feira.api.create("long", partnership("Olive oil, almonds, honey, dates and many other good things", "MA")).await;
    let question = Question { text: "olive oil".into(), ..Default::default() };
    for city in [&feira, &geneve] {
        let answer = city.api.ask(question.clone()).await;
        assert_eq!(
            names(&answer),
            ["cities/geneve.example/partnerships/exact", "cities/feira.example/partnerships/long"],
            "{} asks",
            city.city()
        );
        assert!(answer.hits[0].score > answer.hits[1].score && answer.hits[1].score > 0.0);
        let by_time = Question { order: SearchOrder::UpdateTime.into(), ..question.clone() };
        assert_eq!(city.api.ask(by_time).await.total, 2);
    }
}
