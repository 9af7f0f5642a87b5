//! Paging through an answer while cities, and the asking one, end and come back.

use std::collections::BTreeSet;

use isopolity_proto::{
    catalog::{Hit, Outcome, SearchRequest},
    federation::{Question, SearchOrder},
    options::Audience,
};
use isopolity_tests::{
    Dice, Resident, Town,
    sample::{asking, outcome, partnership, partnerships},
    town::introduce,
};

const HUB: &str = "feira.example";
const SEEDS: u64 = 6;
const PEERS: usize = 10;
const OF_EACH: u64 = 9;

/// Ten peers with some partnerships each, of which several are worth the same to every question.
async fn settle(town: &Town, dice: &mut Dice) -> (Resident, Vec<Resident>) {
    let hub = town.settle(HUB).await;
    let mut peers = Vec::new();
    for number in 0..PEERS {
        let peer = town.settle(&format!("city{number}.example")).await;
        introduce(&hub, &peer, Audience::Public).await;
        peers.push(peer);
    }
    for city in std::iter::once(&hub).chain(&peers) {
        for number in 0..=dice.below(OF_EACH) {
            let title = dice.pick(&["Bread", "Bread and oil", "Oil", "Bread, oil and wine of the north"]);
            let kept = isopolity_proto::to_dynamic(&partnership(title, "MA"));
            city.keep(isopolity_domain::Kind::Partnership, &format!("p{number}"), kept).await;
            city.clock.advance(time::Duration::seconds(i64::try_from(dice.below(3)).unwrap()));
        }
        city.index().await;
    }
    (hub, peers)
}

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.name.as_str()).collect()
}

async fn whole(hub: &Resident, question: &Question) -> Vec<Hit> {
    let request = SearchRequest { page_size: 100, ..asking(question.clone()) };
    let answer = hub.search(&request, None).await.unwrap();
    assert_eq!(answer.next_page_token, "", "100 are enough for all");
    answer.hits
}

#[tokio::test]
async fn q11_a_reader_pages_through_ten_cities_while_two_restart_and_misses_and_repeats_nothing() {
    for seed in 0..SEEDS {
        let (town, mut dice) = (Town::default(), Dice(seed));
        let (mut hub, mut peers) = settle(&town, &mut dice).await;
        tokio::time::pause();
        let order = dice.pick(&[SearchOrder::Relevance, SearchOrder::UpdateTime, SearchOrder::Title]);
        let question = Question { text: "bread".into(), order: order.into(), ..partnerships() };
        let expected = whole(&hub, &question).await;
        let page_size = 3 + i32::try_from(dice.below(5)).unwrap();
        let (mut hits, mut token, mut down) = (Vec::<Hit>::new(), String::new(), Vec::new());
        let restarts = 1 + dice.below(2);
        for page in 0.. {
            assert!(page < 60, "seed {seed}: the pages do not end");
            if page == restarts {
                // Two cities go, and the asking node itself restarts.
                down = [peers.remove(dice.place(peers.len())), peers.remove(dice.place(peers.len()))]
                    .map(|city| (city.city().to_owned(), town.close(city)))
                    .into();
                let closed = town.close(hub);
                tokio::time::resume();
                hub = town.open(closed).await;
                tokio::time::pause();
            }
            if page == restarts + 3 {
                tokio::time::resume();
                for (_, closed) in down.drain(..) {
                    peers.push(town.open(closed).await);
                }
                tokio::time::pause();
            }
            let request = SearchRequest { page_size, page_token: token, ..asking(question.clone()) };
            let answer = hub.search(&request, None).await.unwrap();
            for (city, _) in &down {
                assert_eq!(outcome(&answer, city).outcome(), Outcome::Unreachable, "seed {seed}, page {page}");
            }
            hits.extend(answer.hits);
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let (mut all, mut of_all) = (names(&hits), names(&expected));
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len(), "seed {seed}: something came twice");
        // Those that were there all the time come in their order, as if nothing had happened.
        let restarted: BTreeSet<&str> = peers[peers.len() - 2..].iter().map(Resident::city).collect();
        let always = |hits: &[Hit]| {
            let hits = hits.iter().filter(|hit| !restarted.contains(hit.city.as_str()));
            hits.map(|hit| (hit.name.clone(), hit.score.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(always(&hits), always(&expected), "seed {seed}");
        all.sort_unstable();
        of_all.sort_unstable();
        assert_eq!(all, of_all, "seed {seed}: something was missed");
        assert_eq!(town.open_streams(), 0);
        tokio::time::resume();
    }
}
