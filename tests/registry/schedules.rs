//! Random schedules: whatever the peers do and in whichever order they come, the same seed gives the same answer, and what
//! must hold holds.

use std::time::Duration;

use isopolity_federation::LinkError;
use isopolity_proto::{
    catalog::{Outcome, SearchResponse},
    error::Reason,
};
use isopolity_tests::{
    Dice, Manner, Resident, Town,
    sample::{asking, partnership, partnerships},
    script::Writer,
};
use prost::Message as _;
use tokio::time::{Instant, pause};

const PEERS: [&str; 3] = ["geneve.example", "kenitra.example", "lisboa.example"];
const SEEDS: u64 = 250;
const PARTNERSHIPS: usize = 3;

fn manner(dice: &mut Dice, writer: &Writer) -> Manner {
    let millis = Duration::from_millis(dice.below(4_000));
    match dice.below(7) {
        0 => Manner::Honest,
        1 => Manner::Late(millis),
        2 => Manner::Dribbling(millis),
        3 => Manner::BreaksAfter(dice.place(6)),
        4 => Manner::Silent,
        5 => {
            let mut parts = writer.answer(u16::try_from(dice.below(5)).unwrap());
            // Somewhere something goes wrong, or not.
            let (one, other) = (dice.place(parts.len()), dice.place(parts.len()));
            parts.swap(one, other);
            Manner::Says(parts)
        }
        _ => Manner::Fails(LinkError::new(Outcome::Refused, Reason::PeerNotApproved, "not approved")),
    }
}

#[tokio::test]
async fn q13_the_same_seed_gives_the_same_answer_byte_for_byte() {
    let town = Town::default();
    let [feira, others @ ..] = town.of(["feira.example", PEERS[0], PEERS[1], PEERS[2]]).await;
    for city in std::iter::once(&feira).chain(&others) {
        for number in 0..PARTNERSHIPS {
            city.create(&format!("p{number}"), partnership(&format!("Partnership {number}"), "MA")).await;
            city.clock.advance(time::Duration::minutes(7));
        }
    }
    let writers: Vec<Writer> = others.iter().map(|city| Writer::new(city.identity.clone())).collect();
    pause();
    for seed in 0..SEEDS {
        let run = async || {
            // Who failed before would be left alone otherwise.
            for city in &others {
                feira.registry.federation().sign_of_life(city.registry.city());
            }
            let mut dice = Dice(seed);
            let manners: Vec<Manner> = writers.iter().map(|writer| manner(&mut dice, writer)).collect();
            for (city, manner) in PEERS.into_iter().zip(&manners) {
                town.teach(city, manner.clone());
            }
            let within = Duration::from_millis(200 + dice.below(6_000));
            (manners, within, ask(&feira, within, seed).await)
        };
        // What each city said last of itself is remembered, and shows in the coverage.
        run().await;
        let (manners, within, first) = run().await;
        check(&first, &manners, within, seed);
        let (_, _, second) = run().await;
        assert_eq!(first, second, "seed {seed}");
        assert!(first.encode_to_vec() == second.encode_to_vec(), "seed {seed}");
    }
    assert_eq!(town.open_streams(), 0);
}

async fn ask(feira: &Resident, within: Duration, seed: u64) -> SearchResponse {
    let begun = Instant::now();
    let mut answer = feira.search(&asking(partnerships()), Some(within)).await.unwrap();
    assert!(begun.elapsed() <= within, "seed {seed}: {:?} of {within:?}", begun.elapsed());
    // This city's own search takes real time.
    answer.outcomes[0].took = None;
    answer
}

fn check(answer: &SearchResponse, manners: &[Manner], within: Duration, seed: u64) {
    let cities: Vec<&str> = answer.outcomes.iter().map(|one| one.city.as_str()).collect();
    assert_eq!(cities, ["feira.example", PEERS[0], PEERS[1], PEERS[2]], "seed {seed}");
    assert_eq!(answer.outcomes[0].outcome(), Outcome::Answered, "seed {seed}");
    for (outcome, manner) in answer.outcomes.iter().skip(1).zip(manners) {
        let hits = answer.hits.iter().filter(|hit| hit.city == outcome.city).count();
        assert_eq!(i32::try_from(hits).unwrap(), outcome.hits, "seed {seed}");
        let full = matches!(outcome.outcome(), Outcome::Answered | Outcome::AnsweredEmpty);
        assert_eq!(full, outcome.error_reason() == Reason::Unspecified, "seed {seed}: {outcome:?}");
        match manner {
            Manner::Honest => assert_eq!((outcome.outcome(), hits), (Outcome::Answered, PARTNERSHIPS), "seed {seed}"),
            Manner::Silent => assert_eq!(outcome.outcome(), Outcome::TimedOut, "seed {seed}"),
            Manner::Late(by) if *by > within => assert_eq!(outcome.outcome(), Outcome::TimedOut, "seed {seed}"),
            Manner::Fails(_) => assert_eq!(outcome.outcome(), Outcome::Refused, "seed {seed}"),
            _ => {}
        }
    }
    let keys = answer.hits.iter().map(|hit| {
        let time = hit.update_time.unwrap();
        (std::cmp::Reverse((time.seconds, time.nanos)), &hit.city, &hit.name)
    });
    assert!(keys.is_sorted(), "seed {seed}");
    let used: i64 = answer
        .outcomes
        .iter()
        .filter(|one| matches!(one.outcome(), Outcome::Answered | Outcome::AnsweredEmpty | Outcome::Partial))
        .map(|one| one.total)
        .sum();
    assert_eq!(answer.total, used, "seed {seed}");
}
