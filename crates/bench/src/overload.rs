//! More than a node can do: what it still gets done, and what a peer that asks too much costs another.
//!
//! Load and node share this machine's processors, so a refusal is not free here either: its sender has to be served.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::future::join_all;
use isopolity_domain::{Clock as _, clock::SystemClock};
use isopolity_node::client::Client;
use isopolity_proto::{
    catalog::{SearchRequest, catalog_service_client::CatalogServiceClient},
    federation::{QueryRequest, Question, federation_service_client::FederationServiceClient},
};
use isopolity_tests::stranger;
use tokio::task::JoinSet;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use crate::{
    figures::{Figures, Goal, Ratio, Series},
    import::runtime,
    measure::Failure,
    nodes::{City, Manner, join},
};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) seed: u64,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
}

/// So many callers at once are tried to find where most gets done.
const CALLERS: [usize; 4] = [4, 8, 16, 32];
/// Connections of the callers.
const CONNECTIONS: usize = 8;
/// How much more is offered than at the peak.
const TIMES: [usize; 2] = [2, 10];
/// What the process may hold in memory, in MiB.
const MEMORY: f64 = 512.0;

/// Runs it.
pub(crate) fn run(plan: Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("overload");
    figures.setting("records", plan.records);
    figures.setting("seconds a round", plan.seconds);
    figures.note("callers and node share this machine's processors and run in one process; a caller who is refused comes back when he was told to");
    runtime()?.block_on(async {
        let city = City::found("asked.bench.example", plan.records, plan.seed).await?;
        let running = city.start(Manner::default()).await?;
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(city.client(&running).await?);
        }
        let mut peak = (0.0, 0);
        for callers in CALLERS {
            let rate = load(&clients, callers, plan.seconds).await?.rate;
            if rate > peak.0 {
                peak = (rate, callers);
            }
        }
        figures.setting("callers at the peak", peak.1);
        let mut measured = vec![Series::default(); TIMES.len() + 1];
        let mut refused = vec![Series::default(); TIMES.len() + 1];
        for round in 0..=plan.rounds {
            for (at, times) in std::iter::once(&1).chain(&TIMES).enumerate() {
                let done = load(&clients, peak.1 * times, plan.seconds).await?;
                let (Some(rates), Some(told)) = (measured.get_mut(at), refused.get_mut(at)) else { continue };
                if round > 0 {
                    rates.round();
                    rates.push(done.rate);
                    told.round();
                    told.push(done.refused);
                }
            }
        }
        let mut measured = measured.into_iter();
        let at_peak = measured.next().unwrap_or_default();
        for (times, rates) in TIMES.iter().zip(measured) {
            let what = format!("answers a second when {times} × as much is asked");
            figures.compare(what, "1/s", &rates, ("at the peak", &at_peak), Ratio::Share, Some(Goal::Least(0.9)));
        }
        for (times, told) in std::iter::once(&1).chain(&TIMES).zip(&refused) {
            figures.alone(format!("refusals a second at {times} ×"), "1/s", told);
        }
        figures.verdict("most memory of the process, with all callers, in MiB", resident()?, Some(Goal::Most(MEMORY)));
        running.stop().await;
        noisy(&mut figures, &city, plan).await?;
        Ok(figures)
    })
}

/// What came of a load.
struct Done {
    /// Answers a second.
    rate: f64,
    /// Refusals a second.
    refused: f64,
}

/// So many callers ask, one question after another, as long as it lasts.
async fn load(clients: &[Client], callers: usize, seconds: f64) -> Result<Done, Failure> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for at in 0..callers {
        let client = clients.get(at % clients.len().max(1)).ok_or("there is no connection")?.clone();
        tasks.spawn(async move {
            let mut client = CatalogServiceClient::new(client);
            let (mut answered, mut refused) = (0_u32, 0_u32);
            while Instant::now() < until {
                let request = SearchRequest { question: Some(question()), page_size: 25, ..SearchRequest::default() };
                match client.search(request).await {
                    Ok(_) => answered += 1,
                    Err(status) => {
                        refused += 1;
                        tokio::time::sleep(pause(&status)?.min(until.saturating_duration_since(Instant::now()))).await;
                    }
                }
            }
            Ok::<_, Status>((answered, refused))
        });
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(done) = tasks.join_next().await {
        let done = done??;
        answered += done.0;
        refused += done.1;
    }
    let took = begun.elapsed().as_secs_f64();
    Ok(Done { rate: f64::from(answered) / took, refused: f64::from(refused) / took })
}

/// When a caller who was refused may come back. Another error is a fault of the run.
fn pause(status: &Status) -> Result<Duration, Status> {
    let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
    told.filter(|_| status.code() == Code::ResourceExhausted).ok_or_else(|| status.clone())
}

fn question() -> Question {
    Question { text: "trade cooperative".to_owned(), ..Question::default() }
}

/// The most that this process held in memory so far, in MiB.
fn resident() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("/proc tells nothing of memory")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

/// How long a quiet peer's questions take alone, and while another asks without end and heeds no refusal.
async fn noisy(figures: &mut Figures, city: &City, plan: Plan) -> Result<(), Failure> {
    let running = city.start(Manner::default()).await?;
    let (mut peers, mut channels) = (Vec::new(), Vec::new());
    for id in ["quiet.bench.example", "noisy.bench.example"] {
        let peer = City::found(id, 0, 0).await?;
        let its = peer.start(Manner::default()).await?;
        join(&its, std::slice::from_ref(&running)).await?;
        let shown = || stranger::signed_by(&peer.trust(), &format!("spiffe://{id}/node"), SystemClock.now());
        let address = running.node.federation_address();
        let of_it: Vec<_> = (0..CONNECTIONS).map(|_| stranger::channel(address, Some(shown()))).collect();
        channels.push(of_it);
        peers.push(its);
    }
    let [quiet, loud] = &channels[..] else { return Err("there are two peers".into()) };
    let quiet = quiet.first().ok_or("the quiet peer has no connection")?;
    let (mut alone, mut beside) = (Series::default(), Series::default());
    let (mut answered, mut refused) = (0, 0);
    for round in 0..=plan.rounds {
        let first = asks(quiet, plan.seconds).await?;
        let until = Instant::now() + Duration::from_secs_f64(plan.seconds);
        let noise = (0..50).filter_map(|at| loud.get(at % loud.len().max(1))).map(|channel| floods(channel, until));
        let (second, noise) = tokio::join!(asks(quiet, plan.seconds), join_all(noise));
        if round > 0 {
            alone.round();
            for took in first {
                alone.time(took);
            }
            beside.round();
            for took in second? {
                beside.time(took);
            }
            for (good, bad) in noise {
                answered += good;
                refused += bad;
            }
        }
    }
    figures.setting("answers to the peer that asks without end", answered);
    figures.setting("refusals of its questions", refused);
    let what = "time of a quiet peer's question beside a peer that asks without end";
    figures.compare(what, "ms", &beside, ("alone", &alone), Ratio::Share, None);
    let ratio = beside.summary().p99 / alone.summary().p99;
    figures.verdict("the same, 99th percentile: ratio", ratio, Some(Goal::Most(1.2)));
    for peer in peers {
        peer.stop().await;
    }
    running.stop().await;
    Ok(())
}

/// One question after another, with a pause between them: how long each takes.
async fn asks(channel: &Channel, seconds: f64) -> Result<Vec<Duration>, Failure> {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        reads(channel).await?;
        took.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(took)
}

/// Question upon question, whatever comes of it: how many were answered and how many refused.
async fn floods(channel: &Channel, until: Instant) -> (u32, u32) {
    let (mut answered, mut refused) = (0, 0);
    while Instant::now() < until {
        match reads(channel).await {
            Ok(()) => answered += 1,
            Err(_refusal) => refused += 1,
        }
    }
    (answered, refused)
}

async fn reads(channel: &Channel) -> Result<(), Status> {
    let purpose = "research".to_owned();
    let request = QueryRequest { question: Some(question()), limit: 25, purpose, ..QueryRequest::default() };
    let mut parts = FederationServiceClient::new(channel.clone()).query(request).await?.into_inner();
    while parts.message().await?.is_some() {}
    Ok(())
}
