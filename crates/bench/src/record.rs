//! `GetRecord` of a node beside an echo of the same size: a gRPC server that does nothing, behind the same TLS.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use isopolity_domain::clock::SystemClock;
use isopolity_federation::{Identity, LeafKeeper, ListenerLimits, listener::accept_callers, tls};
use isopolity_node::client::{Client, connect};
use isopolity_proto::{
    catalog::{GetRecordRequest, GetRecordResponse, catalog_service_client::CatalogServiceClient},
    options::Audience,
};
use prost::Message as _;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::task::AbortOnDropHandle;
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
};
use tonic_prost::ProstCodec;

use crate::{
    figures::{Figures, Goal, Ratio, Series},
    generate::{Generator, Resource},
    import::runtime,
    measure::Failure,
    nodes::{City, Manner},
};

const CITY: &str = "records.bench.example";

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) seed: u64,
    /// Calls that are under way at once.
    pub(crate) at_once: usize,
    /// Connections over which they go.
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
}

/// Runs the comparison.
pub(crate) fn run(plan: Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("get-record");
    figures.setting("records", plan.records);
    figures.setting("calls at once", plan.at_once);
    figures.setting("connections", plan.connections);
    figures.setting("seconds a round", plan.seconds);
    figures.note("client, node and echo share this machine's cores and run in one process, a round of each in turn");
    runtime()?.block_on(async {
        let city = City::found(CITY, plan.records, plan.seed).await?;
        let running = city.start(Manner { open_to_everyone: true, ..Manner::default() }).await?;
        let mut generator = Generator::of(CITY, plan.records, plan.seed)?;
        let all: Vec<_> = std::iter::from_fn(|| generator.resource()).collect();
        let name = |resource: &Resource| resource.name().to_owned();
        let public = |resource: &&Resource| !matches!(resource, Resource::Partnership(_));
        let everyones: Arc<[String]> = all.iter().filter(public).map(name).collect();
        let names: Arc<[String]> = all.iter().map(name).collect();
        let (mut node, mut anonymous) = (Vec::new(), Vec::new());
        for _ in 0..plan.connections.max(1) {
            node.push(city.client(&running).await?);
            anonymous.push(city.client_with(&running, None).await?);
        }
        let (said, size) = typical(node.first().ok_or("there is no connection")?.clone(), &names).await?;
        figures.setting("bytes of the echo's answer", size);
        let (_echo, echo) = echo(said, plan.connections).await?;
        let ways = [(&node, &names), (&echo, &names), (&anonymous, &everyones)];
        let mut measured: [(Series, Series); 3] = Default::default();
        // The first is to warm up.
        for round in 0..=plan.rounds {
            for turn in 0..ways.len() {
                let turn = (turn + round) % ways.len();
                let (Some((clients, names)), Some((rates, waits))) = (ways.get(turn), measured.get_mut(turn)) else {
                    continue;
                };
                let (rate, took) = load(clients, names, plan).await?;
                if round > 0 {
                    rates.round();
                    rates.push(rate);
                    waits.round();
                    for took in took {
                        waits.time(took);
                    }
                }
            }
        }
        let [(ours, our_waits), (theirs, their_waits), (open, _)] = measured;
        figures.compare(
            "calls a second",
            "1/s",
            &ours,
            ("bare tonic echo", &theirs),
            Ratio::Share,
            Some(Goal::Least(0.7)),
        );
        let what = "calls a second of callers without a token";
        figures.compare(what, "1/s", &open, ("bare tonic echo", &theirs), Ratio::Share, None);
        figures.compare("time of a call", "ms", &our_waits, ("bare tonic echo", &their_waits), Ratio::Share, None);
        running.stop().await;
        Ok(figures)
    })
}

/// An answer of the mean size.
async fn typical(client: Client, names: &[String]) -> Result<(GetRecordResponse, usize), Failure> {
    let mut client = CatalogServiceClient::new(client);
    let mut answers = Vec::new();
    for name in names.iter().step_by((names.len() / 100).max(1)) {
        answers.push(client.get_record(request(name)).await?.into_inner());
    }
    let mean = answers.iter().map(GetRecordResponse::encoded_len).sum::<usize>() / answers.len().max(1);
    let nearest = answers.into_iter().min_by_key(|answer| answer.encoded_len().abs_diff(mean));
    let nearest = nearest.ok_or("there are no records")?;
    let size = nearest.encoded_len();
    Ok((nearest, size))
}

fn request(name: &str) -> GetRecordRequest {
    GetRecordRequest { name: name.to_owned(), audience: Audience::Unspecified.into(), ..Default::default() }
}

/// Calls as fast as answers come, and says how many came in a second and how long each took.
async fn load(clients: &[Client], names: &Arc<[String]>, plan: Plan) -> Result<(f64, Vec<Duration>), Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(plan.seconds);
    let mut callers = JoinSet::new();
    for at in 0..plan.at_once {
        let client = clients.get(at % clients.len().max(1)).ok_or("there is no connection")?.clone();
        let (names, next) = (Arc::clone(names), Arc::clone(&next));
        callers.spawn(async move {
            let mut client = CatalogServiceClient::new(client);
            let mut took = Vec::new();
            while Instant::now() < until {
                // A step that shares no divisor with the number of names, so that neighbours are not read together.
                let at = next.fetch_add(7_919, Ordering::Relaxed);
                let Some(name) = names.get(at % names.len().max(1)) else { break };
                let called = Instant::now();
                client.get_record(request(name)).await?;
                took.push(called.elapsed());
            }
            Ok::<_, Status>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(done) = callers.join_next().await {
        took.extend(done??);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((rate, took))
}

/// Serves an echo behind the TLS of a node's API, and connects to it.
async fn echo(answer: GetRecordResponse, connections: usize) -> Result<(AbortOnDropHandle<()>, Vec<Client>), Failure> {
    let clock = SystemClock;
    let now = isopolity_domain::Clock::now(&clock);
    let folder = tempfile::tempdir()?;
    let identity = Identity::create(&folder.path().join("trust"), &"echo.bench.example".parse()?, now)?;
    let root = identity.ca_pem();
    let keeper = LeafKeeper::api(identity, vec!["127.0.0.1".to_owned()], now)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let incoming = accept_callers(listener, tls::api_server_config(&keeper), ListenerLimits::default());
    let server = tonic::transport::Server::builder().add_service(Echo { answer: Arc::new(answer) });
    let serving = tokio::spawn(async move {
        // When it breaks off the callers say so.
        drop(server.serve_with_incoming(incoming).await);
    });
    let mut clients = Vec::new();
    for _ in 0..connections.max(1) {
        clients.push(connect(&address, &root, None).await?);
    }
    Ok((AbortOnDropHandle::new(serving), clients))
}

/// Says the same whatever it is asked.
#[derive(Clone)]
struct Echo {
    answer: Arc<GetRecordResponse>,
}

impl NamedService for Echo {
    const NAME: &'static str = "isopolity.catalog.v1.CatalogService";
}

impl UnaryService<GetRecordRequest> for Echo {
    type Response = GetRecordResponse;
    type Future = Ready<Result<Response<GetRecordResponse>, Status>>;

    fn call(&mut self, _request: Request<GetRecordRequest>) -> Self::Future {
        ready(Ok(Response::new(self.answer.as_ref().clone())))
    }
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(echo, request).await) })
    }
}
