//! The federation beside a GraphQL gateway over the same nodes: `tests/comparisons/graphql`.

use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use crate::{
    asking::{self, Found},
    federation::{LIMIT, Size, about},
    figures::{Figures, Goal, Ratio, Series, build_folder},
    generate::{Asked, Class},
    import::runtime,
    measure::Failure,
    nodes::{City, Running, asker, assemble, processor_time, processor_time_of},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/comparisons/graphql");
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
const FILES: [&str; 3] = ["package.json", "package-lock.json", "gateway.js"];
/// The time for the gateway to start.
const START: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Times {
    ours: Series,
    theirs: Series,
}

/// The gateway, ended when dropped.
struct Gateway {
    process: Child,
    connection: BufReader<TcpStream>,
    address: String,
}

/// Runs the comparison.
pub(crate) fn run(plan: Size) -> Result<Figures, Failure> {
    let mut figures = Figures::new("graphql");
    figures.note(
        "our answers are read through the API of a node that has no records itself (gRPC, TLS), the gateway's by HTTP without \
         TLS; the gateway asks the API of each city's own node (gRPC, TLS)",
    );
    figures.setting("cities", plan.cities);
    figures.setting("records of each city", plan.records);
    figures.setting("seed", plan.seed);
    figures.setting("questions of each class", plan.questions);
    figures.setting("rounds", plan.rounds);
    let folder = install()?;
    figures.version("Node.js", version()?);
    for package in ["@apollo/server", "graphql", "@grpc/grpc-js"] {
        let manifest: Value =
            serde_json::from_slice(&fs::read(folder.join("node_modules").join(package).join("package.json"))?)?;
        figures.version(package, manifest.get("version").and_then(Value::as_str).unwrap_or_default());
    }
    runtime()?.block_on(async {
        let cities = City::found_all(plan.cities, plan.records, plan.seed).await?;
        let asked = about(&cities, plan.records, plan.seed, plan.questions)?;
        let from = asker("asker.bench.example").await?;
        let (asking, running) = assemble(&from, &cities, false).await?;
        let mut gateway = Gateway::start(&folder, &cities, &running).await?;
        let client = from.client(&asking).await?;
        measure(&mut figures, &client, &mut gateway, &asked, plan).await?;
        drop(gateway);
        asking.stop().await;
        for city in running {
            city.stop().await;
        }
        Ok(figures)
    })
}

async fn measure(
    figures: &mut Figures,
    client: &isopolity_node::client::Client,
    gateway: &mut Gateway,
    asked: &[Asked],
    plan: Size,
) -> Result<(), Failure> {
    let mut classes: BTreeMap<Class, Times> = BTreeMap::new();
    let mut used = [Duration::ZERO; 3];
    // The first round is to warm up, and to see that both find the same.
    for round in 0..=plan.rounds {
        if round > 0 {
            for times in classes.values_mut() {
                times.ours.round();
                times.theirs.round();
            }
        }
        // All of the one and then all of the other, so that the processor's time can be told apart.
        let mut totals = [Vec::new(), Vec::new()];
        for turn in [round % 2, (round + 1) % 2] {
            let (nodes, other) = (processor_time()?, gateway.processor_time()?);
            for one in asked {
                let body = body(one);
                let begun = Instant::now();
                let found =
                    if turn == 0 { asking::through_api(client, one, LIMIT).await? } else { gateway.ask(&body).await? };
                let took = begun.elapsed();
                if let Some(totals) = totals.get_mut(turn) {
                    totals.push(found.total);
                }
                black_box(found);
                let times = classes.entry(one.class).or_default();
                if round > 0 {
                    if turn == 0 { times.ours.time(took) } else { times.theirs.time(took) }
                }
            }
            if round > 0 {
                let nodes = processor_time()?.saturating_sub(nodes);
                let spent = if turn == 0 {
                    [nodes, Duration::ZERO, Duration::ZERO]
                } else {
                    [Duration::ZERO, nodes, gateway.processor_time()?.saturating_sub(other)]
                };
                for (used, spent) in used.iter_mut().zip(spent) {
                    *used += spent;
                }
            }
        }
        let [ours, theirs] = totals;
        if let Some(((ours, theirs), one)) = ours.iter().zip(&theirs).zip(asked).find(|((one, two), _)| one != two) {
            return Err(format!("{:?} has {ours} matches here and {theirs} in the gateway", one.question).into());
        }
    }
    let mut all = Times::default();
    for (class, times) in &classes {
        figures.compare(
            class.as_str(),
            "ms",
            &times.ours,
            ("GraphQL gateway", &times.theirs),
            Ratio::TimesFaster,
            None,
        );
        all.ours.join(&times.ours);
        all.theirs.join(&times.theirs);
    }
    let goal = Some(Goal::Least(10.0));
    figures.compare("all questions", "ms", &all.ours, ("GraphQL gateway", &all.theirs), Ratio::TimesFaster, goal);
    let questions = u32::try_from(asked.len() * plan.rounds)?.max(1);
    let [ours, nodes, other] = used.map(|used| (used / questions).as_secs_f64() * 1e3);
    figures.verdict("processor time of a question here, all nodes and the caller, in ms", ours, None);
    figures.verdict("processor time of a question through the gateway, the nodes' part, in ms", nodes, None);
    figures.verdict("processor time of a question through the gateway, its own part, in ms", other, None);
    Ok(())
}

/// The question as GraphQL.
fn body(asked: &Asked) -> String {
    let facets = if asked.class.with_facets() { vec!["KIND", "ORIGIN_COUNTRY"] } else { Vec::new() };
    json!({
        "query": "query($text: String!, $kinds: [String!]!, $countries: [String!]!, $first: Int!, $facets: [Facet!]!) { \
                  search(text: $text, kinds: $kinds, countries: $countries, first: $first, facets: $facets) { \
                  total hits { city name kind score } facets { facet values { value count } } } }",
        "variables": {
            "text": asked.question.text,
            "kinds": asked.question.kinds,
            "countries": asked.question.origin_countries,
            "first": LIMIT,
            "facets": facets,
        },
    })
    .to_string()
}

/// Puts the gateway's files and packages into the build's folder.
fn install() -> Result<PathBuf, Failure> {
    let folder = build_folder()?.join("bench").join("graphql");
    fs::create_dir_all(&folder)?;
    let lock = fs::read(Path::new(SOURCE).join("package-lock.json"))?;
    let done = folder.join("installed");
    for file in FILES {
        fs::copy(Path::new(SOURCE).join(file), folder.join(file))?;
    }
    if fs::read(&done).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let installed =
        std::process::Command::new("npm").args(arguments).current_dir(&folder).stdin(Stdio::null()).output()?;
    if !installed.status.success() {
        return Err(format!("npm ci failed: {}", String::from_utf8_lossy(&installed.stderr)).into());
    }
    fs::write(&done, lock)?;
    Ok(folder)
}

fn version() -> Result<String, Failure> {
    let output = std::process::Command::new("node").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().trim_start_matches('v').to_owned())
}

impl Gateway {
    async fn start(folder: &Path, cities: &[City], running: &[Running]) -> Result<Self, Failure> {
        let cities: Vec<Value> = cities
            .iter()
            .zip(running)
            .map(|(city, running)| {
                json!({
                    "id": city.id.as_str(),
                    "address": running.node.api_address().to_string(),
                    "authority": city.authority_file(),
                    "token": city.token,
                })
            })
            .collect();
        let mut process = Command::new("node")
            .arg("gateway.js")
            .arg(fs::canonicalize(PROTO)?)
            .env("NODE_ENV", "production")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = process.stdin.take().ok_or("the gateway takes no input")?;
        input.write_all(json!({ "cities": cities }).to_string().as_bytes()).await?;
        drop(input);
        let mut lines = BufReader::new(process.stdout.take().ok_or("the gateway says nothing")?).lines();
        let url = timeout(START, lines.next_line()).await??.ok_or("the gateway did not start")?;
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let connection = TcpStream::connect(&address).await?;
        connection.set_nodelay(true)?;
        Ok(Self { process, connection: BufReader::new(connection), address })
    }

    fn processor_time(&self) -> Result<Duration, Failure> {
        let id = self.process.id().ok_or("the gateway has ended")?;
        processor_time_of(&Path::new("/proc").join(id.to_string()))
    }

    /// One question over the connection that is kept.
    async fn ask(&mut self, body: &str) -> Result<Found, Failure> {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.connection.get_mut().write_all(request.as_bytes()).await?;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line).await? == 0 {
                return Err("the gateway closed the connection".into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>()?);
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length.ok_or("the gateway does not say how long its answer is")?];
        self.connection.read_exact(&mut answer).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let search = answer.pointer("/data/search").filter(|_| answer.get("errors").is_none());
        let search = search.ok_or_else(|| format!("the gateway answers {answer}"))?;
        let hits = search.get("hits").and_then(Value::as_array).cloned().unwrap_or_default();
        let name = |hit: &Value| hit.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Found {
            total: search.get("total").and_then(Value::as_i64).unwrap_or_default(),
            names: hits.iter().map(name).collect(),
        })
    }
}
