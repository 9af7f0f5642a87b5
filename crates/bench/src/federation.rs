//! One question to the federation beside the same question to each city directly, over the same links: the processor time of
//! the one against the sum of the others, and with delays as networks have them, its time against the slowest city's.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use isopolity_domain::CityId;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    asking,
    figures::{Figures, Goal, Ratio, Series},
    generate::{Asked, Generator, questions},
    import::runtime,
    measure::Failure,
    nodes::{self, City, Running, asker, assemble, join, processor_time},
};

/// Hits of a page.
pub(crate) const LIMIT: usize = 25;
/// The round trips of cities, in milliseconds.
const ROUND_TRIPS: (f64, f64) = (5.0, 80.0);
/// Records of each city from which questions are made.
const SAMPLE: usize = 200;
/// How many cities are asked, at least, with each question between two looks at the processor's time, which is told in
/// hundredths of a second.
const CALLS: usize = 128;

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cities: Vec<usize>,
    pub(crate) records: u64,
    pub(crate) seed: u64,
    pub(crate) questions: usize,
    pub(crate) rounds: usize,
}

/// How much the comparisons with others measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Size {
    /// How many cities
    #[arg(long, default_value_t = 32)]
    pub(crate) cities: usize,
    /// How many records each of them has
    #[arg(long, default_value_t = 10_000)]
    pub(crate) records: u64,
    /// Where the generator begins
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many questions of each class
    #[arg(long, default_value_t = 2)]
    pub(crate) questions: usize,
    /// How many times all of them
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
}

/// Questions about records of all these cities.
pub(crate) fn about(cities: &[City], records: u64, seed: u64, of_each: usize) -> Result<Vec<Asked>, Failure> {
    let mut sample = Vec::new();
    for city in cities {
        let mut generator = Generator::of(city.id.as_str(), records, seed)?;
        let all: Vec<_> = std::iter::from_fn(|| generator.resource()).collect();
        let step = (all.len() / SAMPLE).max(1);
        sample.extend(all.into_iter().step_by(step));
    }
    Ok(questions(sample.into_iter(), seed, of_each))
}

/// Runs the comparison.
pub(crate) fn run(plan: &Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("federation");
    figures.note(
        "all nodes run in one process, whose processor time is counted: that of asking and of answering together. The \
         asking city has no records of its own, so that every answer comes over a link (mutual TLS, loopback). Asked directly, a \
         city ranks by its own word statistics",
    );
    figures.setting("records of each city", plan.records);
    figures.setting("seed", plan.seed);
    figures.setting("questions of each class", plan.questions);
    figures.setting("rounds", plan.rounds);
    let most = plan.cities.iter().copied().max().unwrap_or_default();
    runtime()?.block_on(async {
        let cities = City::found_all(most, plan.records, plan.seed).await?;
        let from = asker("asker.bench.example").await?;
        for &count in &plan.cities {
            let first = cities.get(..count).unwrap_or_default();
            bare(&mut figures, &from, first, plan, count == most).await?;
        }
        delayed(&mut figures, &from, &cities, plan).await?;
        Ok(figures)
    })
}

async fn stop(asking: Running, cities: Vec<Running>) {
    asking.stop().await;
    for city in cities {
        city.stop().await;
    }
}

/// What is measured of one way to ask.
#[derive(Default)]
struct Way {
    processor: Series,
    time: Series,
}

/// The ways to ask on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// All cities at once.
    Federated,
    /// Each city directly, one after the other.
    Direct,
    /// At once, but for cities that their digests rule out.
    Routed,
}

/// Processor time and time on loopback.
async fn bare(figures: &mut Figures, from: &City, cities: &[City], plan: &Plan, last: bool) -> Result<(), Failure> {
    let asked = about(cities, plan.records, plan.seed, plan.questions)?;
    let (asking, running) = assemble(from, cities, false).await?;
    let routing = if last { Some(routed(cities, &running).await?) } else { None };
    let times = (CALLS / cities.len().max(1)).max(1);
    let mut manners = vec![Manner::Federated, Manner::Direct];
    manners.extend(routing.as_ref().map(|_| Manner::Routed));
    let mut ways: Vec<Way> = manners.iter().map(|_| Way::default()).collect();
    let (mut slowest, mut own) = (Series::default(), Series::default());
    // The first round is to warm up.
    for round in 0..=plan.rounds {
        for turn in 0..manners.len() {
            let turn = (turn + round) % manners.len();
            let (Some(manner), Some(way)) = (manners.get(turn), ways.get_mut(turn)) else { continue };
            let registry = routing.as_ref().filter(|_| *manner == Manner::Routed).unwrap_or(&asking).registry();
            if round > 0 {
                for series in [&mut way.processor, &mut way.time] {
                    series.round();
                }
            }
            let before = processor_time()?;
            for one in (0..times).flat_map(|_| &asked) {
                let begun = Instant::now();
                if *manner != Manner::Direct {
                    black_box(asking::federated(registry, one, LIMIT).await?);
                    if round > 0 {
                        way.time.time(begun.elapsed());
                    }
                    continue;
                }
                let mut longest = Duration::ZERO;
                for city in cities {
                    let begun = Instant::now();
                    black_box(asking::direct(registry, &city.id, one, LIMIT).await?);
                    let took = begun.elapsed();
                    longest = longest.max(took);
                    if round > 0 {
                        own.time(took);
                    }
                }
                if round > 0 {
                    slowest.time(longest);
                }
            }
            let questions = u32::try_from(asked.len() * times)?;
            if round > 0 {
                way.processor.time(processor_time()?.saturating_sub(before) / questions.max(1));
            }
        }
    }
    alike(&asking, cities, &asked).await?;
    let count = cities.len();
    let goal = last.then_some(Goal::Most(1.5));
    if let [ours, direct, rest @ ..] = ways.as_slice() {
        let (what, beside) = (format!("{count} cities: processor time of a question"), "sum of direct questions");
        figures.compare(what, "ms", &ours.processor, (beside, &direct.processor), Ratio::Share, goal);
        let what = format!("{count} cities: time of a question");
        figures.compare(what, "ms", &ours.time, ("slowest asked directly", &slowest), Ratio::Share, None);
        for routed in rest {
            let what = format!("{count} cities, by digests: processor time of a question");
            figures.compare(what, "ms", &routed.processor, (beside, &direct.processor), Ratio::Share, None);
            figures.alone(format!("{count} cities, by digests: time of a question"), "ms", &routed.time);
        }
    }
    if last {
        figures.alone(asking::OWN_TIME, "ms", &own);
    }
    if let Some(routing) = routing {
        routing.stop().await;
    }
    stop(asking, running).await;
    Ok(())
}

/// A further asker, that leaves out whom a digest rules out.
async fn routed(cities: &[City], running: &[Running]) -> Result<Running, Failure> {
    let from = asker("routed.bench.example").await?;
    let routing = from.start(nodes::Manner { by_digests: true, ..nodes::Manner::default() }).await?;
    join(&routing, running).await?;
    let ids: Vec<CityId> = cities.iter().map(|city| city.id.clone()).collect();
    asking::digests_are_there(routing.registry(), &ids).await?;
    Ok(routing)
}

/// Sees to it that both ways find the same.
async fn alike(asking: &Running, cities: &[City], asked: &[Asked]) -> Result<(), Failure> {
    for one in asked {
        let mut total = 0;
        for city in cities {
            total += asking::direct(asking.registry(), &city.id, one, LIMIT).await?.total;
        }
        let found = asking::federated(asking.registry(), one, LIMIT).await?.total;
        if found != total {
            return Err(format!("{:?} has {found} matches, but {total} city by city", one.question).into());
        }
    }
    Ok(())
}

/// Time with delays.
async fn delayed(figures: &mut Figures, from: &City, cities: &[City], plan: &Plan) -> Result<(), Failure> {
    let asked = about(cities, plan.records, plan.seed, plan.questions)?;
    let (asking, running) = assemble(from, cities, true).await?;
    let registry = asking.registry();
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut farthest = (Duration::ZERO, None);
    for (city, running) in cities.iter().zip(&running) {
        let round_trip = Duration::from_secs_f64(random.random_range(ROUND_TRIPS.0..=ROUND_TRIPS.1) / 1e3);
        if let Some(delay) = &running.delay {
            delay.set_round_trip(round_trip);
        }
        farthest = farthest.max((round_trip, Some(&city.id)));
    }
    let (round_trip, Some(slowest)) = farthest else { return Err("there are no cities".into()) };
    // Connections are made before; words that were never asked for before are measured apart.
    if let Some(filter) = asked.iter().find(|one| one.words.is_empty()) {
        black_box(asking::federated(registry, filter, LIMIT).await?);
    }
    let (mut ours, mut theirs) = (Series::default(), Series::default());
    let (mut first, mut first_theirs) = (Series::default(), Series::default());
    for round in 0..=plan.rounds {
        if round > 0 {
            ours.round();
            theirs.round();
        }
        for one in &asked {
            for turn in [round % 2, (round + 1) % 2] {
                let begun = Instant::now();
                if turn == 0 {
                    black_box(asking::federated(registry, one, LIMIT).await?);
                } else {
                    black_box(asking::direct(registry, slowest, one, LIMIT).await?);
                }
                let took = begun.elapsed();
                match (turn, round) {
                    (0, 0) => first.time(took),
                    (0, _) => ours.time(took),
                    (_, 0) => first_theirs.time(took),
                    _ => theirs.time(took),
                }
            }
        }
    }
    let (what, beside) = (format!("{} cities, round trips of 5–80 ms", cities.len()), "slowest asked directly");
    let goal = Some(Goal::Most(1.1));
    figures.compare(format!("{what}: time of a question"), "ms", &ours, (beside, &theirs), Ratio::Share, goal);
    let what = format!("{what}: the first time it is asked");
    figures.compare(what, "ms", &first, (beside, &first_theirs), Ratio::Share, None);
    figures.verdict("the longest round trip, in ms", round_trip.as_secs_f64() * 1e3, None);
    stop(asking, running).await;
    Ok(())
}
