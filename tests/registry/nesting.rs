//! Cities that have peers of their own. A question goes one step, never two: so there are no loops, nobody's rights are used by
//! another, and each asker's outcomes are about his own peers.

use isopolity_federation::LinkError;
use isopolity_proto::{
    catalog::{Outcome, StreamSearchRequest, stream_search_response::Part},
    error::Reason,
    options::Audience,
};
use isopolity_tests::{
    Manner, Town,
    sample::{asking, names, outcome, outcomes, partnership, partnerships},
    town::{administrator, introduce},
};

use futures::StreamExt as _;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

#[tokio::test]
async fn q7_a_city_that_is_asked_asks_nobody_and_every_asker_keeps_the_outcomes_of_his_own_peers() {
    let town = Town::default();
    let [feira, geneve, kenitra] = [town.settle(FEIRA).await, town.settle(GENEVE).await, town.settle(KENITRA).await];
    // Genève stands between: Feira and Kénitra do not know each other, and those two are peers in a ring of no length.
    introduce(&feira, &geneve, Audience::Public).await;
    introduce(&geneve, &kenitra, Audience::Public).await;
    let mut of = Vec::new();
    for city in [&feira, &geneve, &kenitra] {
        of.push(city.create("one", partnership("One", "MA")).await);
    }
    let down = LinkError::new(Outcome::Unreachable, Reason::Connection, "nothing listens there");
    town.teach(KENITRA, Manner::Fails(down));
    town.take_asked();

    let answer = feira.search(&asking(partnerships()), None).await.unwrap();
    assert_eq!(town.take_asked(), [(FEIRA.to_owned(), GENEVE.to_owned())], "a question goes one step");
    assert_eq!(outcomes(&answer.outcomes), [(FEIRA, Outcome::Answered), (GENEVE, Outcome::Answered)]);
    let mut found = names(&answer);
    found.sort_unstable();
    assert_eq!(found, [&of[0], &of[1]], "what Kénitra holds is not passed on by Genève");
    let coverage = answer.coverage.unwrap();
    assert_eq!((coverage.cities, coverage.cities_answered), (2, 2), "Kénitra's failure is not Feira's");

    let answer = geneve.search(&asking(partnerships()), None).await.unwrap();
    let mut asked = town.take_asked();
    asked.sort();
    assert_eq!(asked, [(GENEVE.to_owned(), FEIRA.to_owned()), (GENEVE.to_owned(), KENITRA.to_owned())]);
    let expected = [(GENEVE, Outcome::Answered), (FEIRA, Outcome::Answered), (KENITRA, Outcome::Unreachable)];
    assert_eq!(outcomes(&answer.outcomes), expected);
    assert_eq!(outcome(&answer, KENITRA).reason, "nothing listens there");

    // The same in a long answer.
    let request =
        StreamSearchRequest { question: Some(partnerships()), limit: 1_000, ..StreamSearchRequest::default() };
    let mut parts = geneve.registry.stream_search(&administrator(), request, None).await.unwrap();
    let mut end = None;
    while let Some(part) = parts.next().await {
        if let Some(Part::End(last)) = part.unwrap().part {
            end = Some(last);
        }
    }
    assert_eq!(outcomes(&end.unwrap().outcomes), expected);
    assert_eq!(town.open_streams(), 0);
}
