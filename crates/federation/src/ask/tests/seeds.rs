//! Random schedules: whatever the peers do, the same seed gives the same bytes.

use isopolity_domain::Clock as _;

use super::*;

const PEERS: usize = 4;
const SEEDS: u64 = 1_000;
const LIMIT: usize = 6;

/// Steele, Lea and Flood's splitmix64: enough for a test, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn millis(&mut self, limit: usize) -> Duration {
        millis(u64::try_from(self.below(limit)).unwrap())
    }

    /// An answer into which some pauses, and sometimes a mishap, are put.
    fn script(&mut self, number: usize) -> Vec<Step> {
        let hits = self.below(9);
        let mut steps = real(number, hits.min(LIMIT));
        if hits > LIMIT {
            steps[0] = Say(start_part(i64::try_from(hits).unwrap()));
        }
        for _ in 0..self.below(4) {
            let (at, pause) = (self.below(steps.len() + 1), self.millis(1_800));
            steps.insert(at, Wait(pause));
        }
        let at = self.below(steps.len());
        match self.below(8) {
            0 => steps[at] = Hang,
            1 => steps.truncate(at),
            2 => steps[at] = Break(LinkError::new(Outcome::Refused, Reason::Overloaded, "too much to do")),
            3 => {
                let other = self.below(steps.len());
                steps.swap(at, other);
            }
            _ => {}
        }
        steps
    }
}

fn bytes(hits: &[MergedHit], merged: &Merged) -> Vec<u8> {
    let mut bytes = Vec::new();
    for hit in hits {
        bytes.extend(hit.key.to_proto().encode_length_delimited_to_vec());
        bytes.extend_from_slice(hit.name.as_bytes());
        bytes.extend(hit.envelope.encode_length_delimited_to_vec());
    }
    for outcome in &merged.outcomes {
        bytes.extend(outcome.encode_length_delimited_to_vec());
    }
    bytes.extend(merged.coverage.encode_length_delimited_to_vec());
    bytes.extend_from_slice(format!("{} {:?}", merged.total, merged.details).as_bytes());
    bytes
}

/// All seeds, one after the other, in a federation of its own: what peers said before shows in the coverage.
async fn run() -> Vec<(Vec<u8>, Vec<u8>)> {
    let (peers, stage) = federation(vec![Vec::new(); PEERS]);
    let mut results = Vec::new();
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        stage.play((0..PEERS).map(|number| random.script(number)).collect());
        let within = millis(200) + random.millis(5_000);
        forgive(&peers);
        let started = Instant::now();
        let mut answers = vec![own()];
        answers.extend(peers.ask(&Asking { within, ..asking(i32::try_from(LIMIT).unwrap()) }).await);
        assert!(started.elapsed() <= within, "seed {seed}");
        let page = merge(answers, &terms(LIMIT));
        check(&page, &page.hits, seed);
        let whole = page.outcomes.iter().all(|outcome| outcome.outcome() != Outcome::Invalid);
        forgive(&peers);
        let (streams, merger) = begin_within(&peers, LIMIT, within);
        let (hits, streamed) = drain(streams, merger).await;
        check(&streamed, &hits, seed);
        if whole {
            assert_eq!(hits, page.hits, "seed {seed}: a stream gives the hits of a page");
        }
        stage.empty().await;
        results.push((bytes(&page.hits, &page), bytes(&hits, &streamed)));
    }
    results
}

/// Nobody is left alone for what went before.
fn forgive(peers: &Peers) {
    for peer in peers.all() {
        peers.sign_of_life(&peer.city);
    }
}

fn check(merged: &Merged, hits: &[MergedHit], seed: u64) {
    let cities: Vec<&str> = merged.outcomes.iter().map(|one| one.city.as_str()).collect();
    assert_eq!(cities, ["own.example", "a.example", "b.example", "c.example", "d.example"], "seed {seed}");
    for outcome in &merged.outcomes {
        let own = hits.iter().filter(|hit| hit.city.as_str() == outcome.city).count();
        assert_eq!(i32::try_from(own).unwrap(), outcome.hits, "seed {seed}");
        let answered = matches!(outcome.outcome(), Outcome::Answered | Outcome::AnsweredEmpty);
        assert_eq!(answered, outcome.reason.is_empty(), "seed {seed}: {outcome:?}");
    }
    assert!(
        hits.is_sorted_by_key(|hit| (hit.name.rsplit('/').next().unwrap().to_owned(), hit.city.clone())),
        "seed {seed}"
    );
}

#[tokio::test(start_paused = true)]
async fn q13_a_thousand_seeds_give_identical_bytes() {
    let (first, second) = (run().await, run().await);
    assert_eq!(first.len(), 1_000);
    for (seed, (one, other)) in first.iter().zip(&second).enumerate() {
        assert!(one == other, "seed {seed}");
    }
    assert!(clock().now() == crate::testing::NOW, "no real time came in");
}
