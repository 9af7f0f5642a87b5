//! Several cities answer as one would that held everything.

use std::cmp::Reverse;

use isopolity_domain::Clock as _;
use isopolity_proto::{
    catalog::SearchRequest,
    federation::{Question, SearchOrder},
};
use isopolity_tests::{
    Town,
    sample::{asking, names, partnership, partnerships},
};
use time::Duration;

#[tokio::test]
async fn every_page_size_gives_the_beginning_of_the_same_list() {
    let town = Town::default();
    let cities = town.of(["feira.example", "geneve.example", "kenitra.example"]).await;
    let mut expected = Vec::new();
    for (at, city) in (1_i64..).zip(&cities) {
        for number in 0..8_u8 {
            let name = city.create(&format!("p{number}"), partnership(&format!("Partnership {number}"), "MA")).await;
            expected.push((Reverse(city.clock.now()), city.city().to_owned(), name));
            // Every other one has the same time as the one before.
            if number % 2 == 1 {
                city.clock.advance(Duration::seconds(11 * at));
            }
        }
    }
    expected.sort();
    let expected: Vec<&str> = expected.iter().map(|(_, _, name)| name.as_str()).collect();
    for asking_city in &cities {
        for page_size in [1, 2, 7, 23, 24, 100] {
            let request = SearchRequest { page_size, ..asking(partnerships()) };
            let answer = asking_city.search(&request, None).await.unwrap();
            let many = expected.len().min(usize::try_from(page_size).unwrap());
            assert_eq!(names(&answer), expected[..many], "{} asks for {page_size}", asking_city.city());
            assert_eq!(answer.total, 24);
        }
    }
}

#[tokio::test]
async fn the_best_match_of_all_cities_comes_first() {
    let town = Town::default();
    let [feira, geneve, kenitra] = town.of(["feira.example", "geneve.example", "kenitra.example"]).await;
    feira.create("far", partnership("Cork shoes for the market of Rabat and for many others", "MA")).await;
    let near = kenitra.create("near", partnership("Cork shoes", "MA")).await;
    geneve.create("other", partnership("Watches", "MA")).await;
    let question = Question { text: "CÓRK shoes".into(), ..partnerships() };
    for city in [&feira, &geneve, &kenitra] {
        let answer = city.search(&asking(question.clone()), None).await.unwrap();
        assert_eq!((answer.total, names(&answer)[0]), (2, near.as_str()), "{} asks", city.city());
        assert!(answer.hits.iter().map(|hit| hit.score).is_sorted_by(|one, other| one >= other));
        assert!(answer.hits[0].score > 0.0);
    }
    let latest = Question { order: SearchOrder::UpdateTime.into(), ..question };
    let answer = feira.search(&asking(latest), None).await.unwrap();
    assert!(answer.hits.iter().all(|hit| hit.score.abs() < f32::EPSILON));
}
