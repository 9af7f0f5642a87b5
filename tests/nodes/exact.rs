//! A federated answer is what one index over all cities would give: over the API of real nodes.

use isopolity_proto::{
    catalog::{
        FacetRequest, Outcome, Routing, SearchRequest, SearchResponse, StreamSearchRequest, WatchRequest,
        stream_search_response::Part as StreamPart, watch_response::Part as WatchPart,
    },
    federation::{DateRange, Near, OpenConditions, Question, SearchOrder},
    options::{Audience, Facet},
    registry::{Organization, OrganizationKind, Partnership, SizeClass},
    types::{Period, Place, Point},
};
use isopolity_tests::{
    TestNode,
    clock::eventually,
    federation,
    refusal::reason,
    sample::{asking, names, organization, outcome, partnership, text},
};
use tonic::Code;

/// A question for these words.
fn words(words: &str) -> Question {
    Question { text: words.into(), ..Default::default() }
}

fn page(question: Question, page_size: i32, page_token: &str) -> SearchRequest {
    SearchRequest { page_size, page_token: page_token.into(), ..asking(question) }
}

/// The names of an answer's hits.
fn owned(answer: &SearchResponse) -> Vec<String> {
    names(answer).into_iter().map(str::to_owned).collect()
}

async fn three() -> [TestNode; 3] {
    federation::of(["feira.example", "geneve.example", "kenitra.example"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_read_with_phrases_exclusions_beginnings_and_titles_in_every_city() {
    let [feira, geneve, kenitra] = three().await;
    let summary = |words: &str| Partnership { summaries: vec![text(words, "en")], ..partnership("Trade", "MA") };
    let oil = feira.api.create("oil", partnership("Olive oil from Kénitra", "MA")).await.name;
    let pressed = geneve.api.create("pressed", summary("oil of pressed olives, olive wood")).await.name;
    let wine = kenitra.api.create("wine", partnership("Olive oil and wine", "MA")).await.name;
    for (question, found) in [
        ("olive oil", vec![&oil, &pressed, &wine]),
        ("\"olive oil\"", vec![&oil, &wine]),
        ("oliv* -wine", vec![&oil, &pressed]),
        ("title:oil -\"from kenitra\"", vec![&wine]),
        ("OLIVE -oil", vec![]),
        // What can't be read as syntax is read as words.
        ("\"olive oil", vec![&oil, &pressed, &wine]),
        ("colour:olive", vec![]),
    ] {
        let answer = feira.api.search(asking(words(question))).await.unwrap();
        let mut all = names(&answer);
        all.sort_unstable();
        let mut found: Vec<&str> = found.into_iter().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(all, found, "{question}");
        assert_eq!(answer.total, i64::try_from(found.len()).unwrap(), "{question}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_record_has_the_same_score_whichever_city_asks_and_wherever_it_lies() {
    let [feira, geneve, kenitra] = three().await;
    // The word is rare in one city and in most records of another: alone, they would not agree on what it is worth.
    for number in 0..4 {
        feira.api.create(&format!("p{number}"), partnership("Cork and bread", "MA")).await;
    }
    geneve.api.create("cork", partnership("Cork and bread", "MA")).await;
    for number in 0..4 {
        geneve.api.create(&format!("q{number}"), partnership("Watches and bread", "MA")).await;
    }
    let mut answers = Vec::new();
    for node in [&feira, &geneve, &kenitra] {
        let answer = node.api.search(asking(words("cork"))).await.unwrap();
        assert_eq!(answer.total, 5);
        let scores: Vec<u32> = answer.hits.iter().map(|hit| hit.score.to_bits()).collect();
        assert!(scores.iter().all(|score| *score == scores[0]), "equal records have equal scores: {scores:?}");
        answers.push(answer.hits.into_iter().map(|hit| (hit.name, hit.score.to_bits())).collect::<Vec<_>>());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_and_a_token_is_good_for_its_question_and_caller_alone() {
    let [feira, geneve, kenitra] = three().await;
    for (node, count) in [(&feira, 3), (&geneve, 4), (&kenitra, 2)] {
        for number in 0..count {
            node.api.create(&format!("p{number}"), partnership(&format!("Bread {number}"), "MA")).await;
        }
    }
    let whole = owned(&feira.api.search(asking(words("bread"))).await.unwrap());
    assert_eq!(whole.len(), 9);
    let (mut paged, mut token) = (Vec::new(), String::new());
    for page_size in [2, 3, 1, 100] {
        let answer = feira.api.search(page(words("bread"), page_size, &token)).await.unwrap();
        assert_eq!(answer.total, 9, "the total is of all pages");
        paged.extend(owned(&answer));
        token = answer.next_page_token;
    }
    assert_eq!(paged, whole);
    assert_eq!(token, "", "there is nothing after the last");

    let first = feira.api.search(page(words("bread"), 2, "")).await.unwrap();
    let refused = async |node: &TestNode, question: Question, token: &str| {
        let error = node.api.search(page(question, 2, token)).await.unwrap_err();
        assert_eq!(reason(&error), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned()));
    };
    refused(&feira, words("butter"), &first.next_page_token).await;
    refused(&geneve, words("bread"), &first.next_page_token).await;
    refused(&feira, words("bread"), "nonsense").await;
    let mut damaged = first.next_page_token.clone();
    damaged.replace_range(10..11, if damaged.as_bytes()[10] == b'A' { "B" } else { "A" });
    refused(&feira, words("bread"), &damaged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facets_are_counted_over_all_cities_and_all_that_match() {
    let [feira, geneve, kenitra] = three().await;
    for (node, id, country) in
        [(&feira, "a", "MA"), (&feira, "b", "TN"), (&geneve, "c", "MA"), (&kenitra, "d", "CV"), (&kenitra, "e", "TN")]
    {
        node.api.create(id, partnership("Bread", country)).await;
    }
    let facet = |facet: Facet, limit| FacetRequest { facet: facet.into(), limit };
    let request = SearchRequest {
        page_size: 1,
        facets: vec![facet(Facet::OriginCountry, 0), facet(Facet::City, 0), facet(Facet::OriginCountry, 1)],
        ..asking(words("bread"))
    };
    // Each facet once.
    assert_eq!(feira.api.search(request.clone()).await.unwrap_err().code(), Code::InvalidArgument);
    let request = SearchRequest { facets: request.facets[..2].to_vec(), ..request };
    let answer = feira.api.search(request.clone()).await.unwrap();
    let counts = |at: usize| {
        let values = answer.facets[at].values.iter();
        values.map(|value| (value.value.as_str(), value.count)).collect::<Vec<_>>()
    };
    assert_eq!(counts(0), [("MA", 2), ("TN", 2), ("CV", 1)]);
    assert_eq!(counts(1), [("feira.example", 2), ("kenitra.example", 2), ("geneve.example", 1)]);
    let one = SearchRequest { facets: vec![facet(Facet::OriginCountry, 1)], ..request };
    let answer = feira.api.search(one).await.unwrap();
    assert_eq!((answer.facets[0].values.len(), answer.facets[0].values_left_off), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_found_by_place_time_size_and_open_conditions_and_ordered_by_start_and_title() {
    let [feira, geneve, _] = three().await;
    let of_size = |name: &str, size: SizeClass, latitude, longitude| Organization {
        size_class: size.into(),
        kind: OrganizationKind::Enterprise.into(),
        seat: Some(Place {
            names: vec![text(name, "en")],
            country: "PT".into(),
            subdivision: "PT-01".into(),
            point: Some(Point { latitude, longitude }),
            ..Default::default()
        }),
        ..organization(name, "PT")
    };
    feira.api.approve("geneve.example", Audience::Federation).await;
    geneve.api.approve("feira.example", Audience::Federation).await;
    let near = feira.api.create_organization("near", of_size("Arouca Cork", SizeClass::Micro, 40.93, -8.25)).await.name;
    geneve.api.create_organization("far", of_size("Zürich Cork", SizeClass::Large, 47.37, 8.54)).await;
    let during = |start: &str, end: &str| Partnership {
        planned_period: Some(Period { start_date: start.into(), end_date: end.into() }),
        ..partnership(&format!("Since {start}"), "MA")
    };
    let old = feira.api.create("old", during("2001-01-01", "2003-12-31")).await.name;
    let new = geneve.api.create("new", during("2012-05-01", "")).await.name;

    let found = async |question: Question| owned(&geneve.api.search(asking(question)).await.unwrap());
    let point = Some(Point { latitude: 40.9255, longitude: -8.5486 });
    let circle = |kilometres| Question { near: Some(Near { point, kilometres }), ..Default::default() };
    assert_eq!(found(circle(30.0)).await, std::slice::from_ref(&near));
    assert_eq!(found(circle(10.0)).await.len(), 0);
    assert_eq!(found(Question { size_classes: vec![SizeClass::Micro.into()], ..Default::default() }).await, [near]);
    let overlapping = |start: &str, end: &str| Question {
        kinds: vec!["partnership".into()],
        dates: Some(DateRange { start_date: start.into(), end_date: end.into() }),
        ..Default::default()
    };
    assert_eq!(found(overlapping("2003-12-31", "2004-01-01")).await, std::slice::from_ref(&old));
    assert_eq!(found(overlapping("2020-01-01", "")).await, std::slice::from_ref(&new));
    let ordered =
        |order: SearchOrder| Question { kinds: vec!["partnership".into()], order: order.into(), ..Default::default() };
    assert_eq!(found(ordered(SearchOrder::StartDate)).await, [new.clone(), old.clone()]);
    assert_eq!(found(ordered(SearchOrder::Title)).await, [old.clone(), new.clone()]);
    // Both stand at a launch, whose next gate asks for nothing.
    let open = |open: OpenConditions| Question { open_conditions: open.into(), ..Default::default() };
    assert_eq!(found(open(OpenConditions::None)).await.len(), 2);
    assert_eq!(found(open(OpenConditions::Some)).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_says_how_it_came_about_and_where_the_words_stand() {
    let [feira, geneve, kenitra] = three().await;
    geneve.api.create("oil", partnership("Huile d’olive de Kénitra", "MA")).await;
    let request = SearchRequest { explain: true, highlight: true, ..asking(words("kenitra -wine")) };
    let answer = feira.api.search(request).await.unwrap();
    let explanation = answer.explanation.as_ref().unwrap();
    assert_eq!(explanation.understood, "kenitra -wine");
    let statistics = explanation.statistics.as_ref().unwrap();
    assert_eq!(statistics.words.iter().map(|one| one.word.as_str()).collect::<Vec<_>>(), ["kenitra"]);
    assert!(statistics.records >= 4, "three profiles and a partnership");
    let cities: Vec<_> = explanation.cities.iter().map(|city| city.city.as_str()).collect();
    assert_eq!(cities, [feira.city(), geneve.city(), kenitra.city()]);
    let of_geneve = &explanation.cities[1];
    assert_eq!((of_geneve.routing(), of_geneve.hits), (Routing::Asked, 1));
    assert!(of_geneve.bytes > 0 && of_geneve.took.is_some());
    let highlight = &answer.hits.iter().find(|hit| hit.city == geneve.city()).unwrap().highlights[0];
    assert_eq!(highlight.field, "titles[0].text");
    let range = &highlight.ranges[0];
    let letters: Vec<char> = highlight.fragment.chars().collect();
    let place = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    assert_eq!(letters[place].iter().collect::<String>(), "Kénitra");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_comes_in_order_and_ends_with_what_a_page_says() {
    let [feira, geneve, kenitra] = three().await;
    for node in [&feira, &geneve, &kenitra] {
        for number in 0..50 {
            node.api.create(&format!("p{number}"), partnership(&format!("Bread {number:02}"), "MA")).await;
        }
    }
    let question = Question { order: SearchOrder::Title.into(), ..words("bread") };
    let request = StreamSearchRequest { question: Some(question.clone()), limit: 1_000, ..Default::default() };
    let mut parts = feira.api.catalog().stream_search(request).await.unwrap().into_inner();
    let (mut hits, mut end) = (Vec::new(), None);
    while let Some(part) = parts.message().await.unwrap() {
        match part.part.unwrap() {
            StreamPart::Preview(_) => assert!(hits.is_empty(), "no preview after the first hit"),
            StreamPart::Hit(hit) => hits.push(hit.name),
            StreamPart::End(last) => end = Some(last),
        }
    }
    let end = end.unwrap();
    assert_eq!((end.hits, end.total), (150, 150));
    assert!(end.outcomes.iter().all(|city| city.outcome() == Outcome::Answered), "{:?}", end.outcomes);
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let answer = feira.api.search(page(question.clone(), 70, &token)).await.unwrap();
        paged.extend(owned(&answer));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(hits, paged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cities_publish_is_told_as_it_is_published_and_again_from_where_it_was_left() {
    let [feira, geneve, _] = three().await;
    geneve.api.create("before", partnership("Bread of before", "MA")).await;
    let watch = |resume_token: &str| WatchRequest {
        question: Some(words("bread")),
        cities: vec![feira.city().into(), geneve.city().into()],
        resume_token: resume_token.into(),
        ..Default::default()
    };
    let mut parts = feira.api.catalog().watch(watch("")).await.unwrap().into_inner();
    let mut watched = 0;
    while watched < 2 {
        if let WatchPart::City(city) = parts.message().await.unwrap().unwrap().part.unwrap() {
            assert!(city.watching, "{city:?}");
            watched += 1;
        }
    }
    let bread = geneve.api.create("bread", partnership("Bread", "MA")).await.name;
    geneve.api.create("cork", partnership("Cork", "MA")).await;
    let own = feira.api.create("own", partnership("Bread of our own", "MA")).await.name;
    let (mut told, mut token) = (Vec::new(), String::new());
    while told.len() < 2 || token.is_empty() {
        match parts.message().await.unwrap().unwrap().part.unwrap() {
            WatchPart::Hit(hit) => told.push(hit.name),
            WatchPart::ResumeToken(resume) if told.len() == 2 => token = resume,
            _ => {}
        }
    }
    told.sort();
    let mut expected = vec![bread, own];
    expected.sort();
    assert_eq!(told, expected);
    drop(parts);

    let later = geneve.api.create("later", partnership("Bread of later", "MA")).await.name;
    let mut parts = feira.api.catalog().watch(watch(&token)).await.unwrap().into_inner();
    loop {
        if let WatchPart::Hit(hit) = parts.message().await.unwrap().unwrap().part.unwrap()
            && hit.name == later
        {
            break;
        }
    }
    let other = WatchRequest { question: Some(words("cork")), ..watch(&token) };
    assert_eq!(feira.api.catalog().watch(other).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_city_whose_digest_proves_that_it_has_no_answer_is_not_asked() {
    let cities = ["feira.example", "geneve.example", "kenitra.example"];
    let [feira, geneve, kenitra] = federation::among(cities.map(|city| TestNode::plan(city).with_digests())).await;
    geneve.api.create("bread", partnership("Bread", "MA")).await;
    eventually("the digests are there and up to date", async || {
        let answer = feira.api.search(asking(words("bread"))).await.unwrap();
        assert_eq!(answer.total, 1, "whatever the digests say");
        // One in a hundred is asked all the same.
        (outcome(&answer, kenitra.city()).outcome() == Outcome::RuledOut).then_some(())
    })
    .await;
    let answer = feira.api.search(SearchRequest { explain: true, ..asking(words("bread")) }).await.unwrap();
    let of_kenitra = answer.outcomes.iter().find(|one| one.city == kenitra.city()).unwrap();
    assert!(matches!(of_kenitra.outcome(), Outcome::RuledOut | Outcome::AnsweredEmpty), "{of_kenitra:?}");
    assert_eq!(answer.coverage.unwrap().cities_answered, 3, "a proof is an answer");
    let peer = feira.api.peer(kenitra.city(), false).await;
    let digest = peer.digest.unwrap();
    assert!(digest.ruled_out > 0 && digest.false_exclusions == 0, "{digest:?}");

    // What is published later is found all the same, as soon as the digest is known to be of before.
    let flour = kenitra.api.create("flour", partnership("Bread and flour", "MA")).await.name;
    eventually("the new record is found", async || {
        owned(&feira.api.search(asking(words("bread"))).await.unwrap()).contains(&flour).then_some(())
    })
    .await;
}
