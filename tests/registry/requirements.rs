//! What a caller says is enough.

use isopolity_federation::LinkError;
use isopolity_proto::{
    catalog::{AllCities, BestEffort, NamedCities, Outcome, partial_response::Accept},
    error::Reason,
};
use isopolity_registry::Error;
use isopolity_tests::{
    Manner, Town,
    sample::{outcomes, partnership, partnerships, requiring},
};

fn named(cities: &[&str]) -> Accept {
    Accept::Named(NamedCities { cities: cities.iter().map(|&city| city.into()).collect() })
}

#[tokio::test]
async fn q12_the_caller_decides_what_is_enough() {
    let town = Town::default();
    let [feira, ..] = town.of(["feira.example", "geneve.example", "kenitra.example"]).await;
    feira.create("own", partnership("Own", "MA")).await;
    let down = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    town.teach("kenitra.example", Manner::Fails(down));
    for (accept, enough) in [
        (Accept::BestEffort(BestEffort {}), true),
        (Accept::AtLeast(1), true),
        (Accept::AtLeast(2), true),
        (Accept::AtLeast(3), false),
        (Accept::AtLeast(4), false),
        (Accept::All(AllCities {}), false),
        (named(&["feira.example"]), true),
        (named(&["geneve.example", "feira.example"]), true),
        (named(&["kenitra.example"]), false),
        (named(&["geneve.example", "kenitra.example"]), false),
        (named(&["lisboa.example"]), false),
    ] {
        let what = format!("{accept:?}");
        match feira.search(&requiring(partnerships(), accept), None).await {
            Ok(answer) => assert!(enough && answer.hits.len() == 1, "{what}"),
            Err(Error::Incomplete { outcomes: all, coverage, required, .. }) => {
                assert!(!enough, "{what}: {required}");
                let expected = [
                    ("feira.example", Outcome::Answered),
                    ("geneve.example", Outcome::AnsweredEmpty),
                    ("kenitra.example", Outcome::Unreachable),
                ];
                assert_eq!(outcomes(&all), expected, "{what}");
                assert_eq!(coverage.unwrap().cities_answered, 2);
                assert!(required.contains("kenitra.example") || required.contains("lisboa.example"), "{required}");
            }
            Err(other) => panic!("{what}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_city_that_was_not_selected_is_not_required() {
    let town = Town::default();
    let [feira, ..] = town.of(["feira.example", "geneve.example", "kenitra.example"]).await;
    town.teach("kenitra.example", Manner::Silent);
    let mut request = requiring(partnerships(), Accept::All(AllCities {}));
    request.cities = vec!["feira.example".into(), "geneve.example".into()];
    let answer = feira.search(&request, None).await.unwrap();
    assert_eq!(outcomes(&answer.outcomes)[2], ("kenitra.example", Outcome::NotAsked));
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_asked, coverage.cities_answered), (3, 2, 2));
}
