//! A thousand cities in one process: small registries behind links that take as long as networks do, in a time of their own
//! that does not pass while this machine works. With and without digests: how many cities a question reaches, and whether
//! anything is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use isopolity_catalog::Catalog;
use isopolity_domain::{CityId, Clock as _, clock::SystemClock, feed::Position, retention::Retention};
use isopolity_federation::{Bundle, Identity, Limits, Link, PeerSettings, Peers};
use isopolity_proto::admin::PeerState;
use isopolity_registry::{Patience, Registry, Settings, cooperation::Rules};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    asking::{self, Found},
    federation::LIMIT,
    figures::{Figures, Goal, Ratio, Series, build_folder},
    generate::{Asked, Class, Generator, Seal, publications, questions},
    measure::Failure,
};

const EPOCH: &str = "simulated";
/// The round trips of cities, in milliseconds.
const ROUND_TRIPS: (f64, f64) = (5.0, 80.0);
/// Median and 99th percentile, in milliseconds, of a city's own time where `federation` was not measured here before.
const ANSWERING: (f64, f64) = (0.8, 4.0);
/// Every so many cities give their records for questions.
const SAMPLED: usize = 20;
/// A question is selective if no more than this share of the cities has an answer.
const SELECTIVE: f64 = 0.05;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) cities: usize,
    pub(crate) records: u64,
    pub(crate) seed: u64,
    pub(crate) questions: usize,
    pub(crate) rounds: usize,
}

/// A city behind its link.
pub(crate) struct City {
    pub(crate) id: CityId,
    pub(crate) catalog: Catalog,
    way: Mutex<Way>,
    /// How often it was asked.
    pub(crate) asked: AtomicUsize,
    bundle: Bundle,
    _folder: TempDir,
}

impl fmt::Debug for City {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("City").field(&self.id).finish()
    }
}

/// How long calls to a city take.
#[derive(Debug)]
struct Way {
    round_trip: f64,
    /// Logarithm of the median and spread of its own time.
    answering: (f64, f64),
    random: StdRng,
}

impl Way {
    /// The time of one call, drawn anew.
    fn draw(&mut self) -> Duration {
        // The sum of twelve is near enough to a normal distribution.
        let normal: f64 = (0..12).map(|_| self.random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
        let (median, spread) = self.answering;
        Duration::from_secs_f64((self.round_trip + (median + spread * normal).exp()) / 1e3)
    }
}

impl City {
    /// The time of one call.
    pub(crate) fn takes(&self) -> Duration {
        self.way.lock().unwrap_or_else(PoisonError::into_inner).draw()
    }
}

/// What was counted of one kind of questions.
#[derive(Default)]
struct Counted {
    time: Series,
    with_digests: Series,
    asked: Series,
    questions: usize,
}

/// Runs the simulation.
pub(crate) fn run(plan: Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("simulation");
    figures.note("times are those of the simulated network: this machine's work takes none of it");
    figures.setting("cities", plan.cities);
    figures.setting("records of each city", plan.records);
    figures.setting("seed", plan.seed);
    figures.setting("questions of each class", plan.questions);
    figures.setting("rounds", plan.rounds);
    let answering = measured().unwrap_or(ANSWERING);
    figures.setting("a city's own time, median and p99 in ms", vec![answering.0, answering.1]);
    let begun = Instant::now();
    let cities = found(plan, answering)?;
    figures.verdict("the cities were founded in seconds", begun.elapsed().as_secs_f64(), None);
    let asked = about(&cities, plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        // Opened in real time: the database has threads of its own.
        let unrouted = asker(&folder, "unrouted.example", &cities, false).await?;
        let routed = asker(&folder, "routed.example", &cities, true).await?;
        tokio::time::pause();
        measure(&mut figures, &cities, &unrouted, &routed, &asked, plan).await
    })?;
    Ok(figures)
}

/// What `federation` measured last of a city's own time, if it did.
fn measured() -> Option<(f64, f64)> {
    let file = std::fs::read(build_folder().ok()?.join("bench").join("federation.json")).ok()?;
    let report: Value = serde_json::from_slice(&file).ok()?;
    let lines = report.get("lines")?.as_array()?;
    let line = lines.iter().find(|line| line.get("what").and_then(Value::as_str) == Some(asking::OWN_TIME))?;
    let of = |name: &str| line.get("ours")?.get(name)?.as_f64();
    Some((of("median")?, of("p99")?))
}

/// Makes all cities.
fn found(plan: Plan, (median, p99): (f64, f64)) -> Result<Vec<Arc<City>>, Failure> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    // The 99th percentile of a normal distribution lies 2.326 standard deviations above its middle.
    let answering = (median.ln(), (p99 / median).ln().max(0.0) / 2.326);
    let now = SystemClock.now();
    let mut cities = Vec::new();
    for at in 0..plan.cities {
        let id: CityId = format!("s{at:04}.bench.example").parse()?;
        let folder = tempfile::Builder::new().prefix("isopolity-bench-simulated").tempdir()?;
        let index = folder.path().join("index");
        let all: Vec<_> = publications(id.as_str(), plan.records, plan.seed, EPOCH, Seal::StandIn)?.collect();
        let to = Position { epoch: EPOCH.to_owned(), sequence: i64::try_from(plan.records)? };
        Catalog::open(&index)?.apply(&all, to)?;
        let identity = Identity::create(&folder.path().join("trust"), &id, now)?;
        let bundle = Bundle::parse(&identity.sign_bundle(&format!("https://{id}:443"), 1, now))?;
        let round_trip = random.random_range(ROUND_TRIPS.0..=ROUND_TRIPS.1);
        let way = Mutex::new(Way { round_trip, answering, random: StdRng::seed_from_u64(random.random()) });
        // Opened anew, so that it keeps no threads for writing.
        let catalog = Catalog::open(&index)?;
        cities.push(Arc::new(City { id, catalog, way, asked: AtomicUsize::new(0), bundle, _folder: folder }));
    }
    Ok(cities)
}

/// Questions about some of the cities' records.
fn about(cities: &[Arc<City>], plan: Plan) -> Result<Vec<Asked>, Failure> {
    let mut sample = Vec::new();
    for city in cities.iter().step_by(SAMPLED) {
        let mut generator = Generator::of(city.id.as_str(), plan.records, plan.seed)?;
        sample.extend(std::iter::from_fn(|| generator.resource()));
    }
    Ok(questions(sample.into_iter(), plan.seed, plan.questions))
}

/// A registry without records that has all cities as peers.
async fn asker(folder: &TempDir, id: &str, cities: &[Arc<City>], digests: bool) -> Result<Registry, Failure> {
    let (folder, id) = (folder.path().join(id), id.parse()?);
    let clock = Arc::new(SystemClock);
    let identity = Identity::create(&folder.join("trust"), &id, clock.now())?;
    let all: BTreeMap<CityId, Arc<City>> = cities.iter().map(|city| (city.id.clone(), Arc::clone(city))).collect();
    let nobody = cities.first().cloned().ok_or("there are no cities")?;
    let factory = Arc::new(move |peer: &PeerSettings| -> Arc<dyn Link> {
        Arc::new(asking::Lane(all.get(&peer.city).unwrap_or(&nobody).clone()))
    });
    let limits = Limits { budget: Duration::from_secs(8), ..asking::limits(digests) };
    let peers = Peers::with_links(identity.clone(), clock.clone(), limits, factory)?;
    let registry = Registry::open(Settings {
        identity,
        endpoint: None,
        storage_url: format!("sqlite://{}", folder.join("registry.db").display()),
        index_folder: folder.join("index"),
        peers: peers.clone(),
        clock,
        patience: Patience::default(),
        retention: Retention::default(),
        cooperation: Rules::default(),
    })
    .await?;
    registry.index_once().await?;
    peers.set(cities.iter().map(|city| settings(city)).collect());
    Ok(registry)
}

fn settings(city: &City) -> PeerSettings {
    PeerSettings {
        city: city.id.clone(),
        state: PeerState::Active,
        state_reason: String::new(),
        bundle: city.bundle.clone(),
        records: 0,
        circuit: bytes::Bytes::new(),
    }
}

/// What every city holds of a question, each asked by itself: how many matches, and in which cities.
fn truth(cities: &[Arc<City>], asked: &Asked) -> Result<(i64, usize), Failure> {
    let (mut total, mut holding) = (0, 0);
    for city in cities {
        let found = asking::local(&city.catalog, asked, 1)?.total;
        total += found;
        holding += usize::from(found > 0);
    }
    Ok((total, holding))
}

async fn measure(
    figures: &mut Figures,
    cities: &[Arc<City>],
    unrouted: &Registry,
    routed: &Registry,
    asked: &[Asked],
    plan: Plan,
) -> Result<(), Failure> {
    let mut classes: BTreeMap<Class, Counted> = BTreeMap::new();
    let (mut lost, mut selective, mut work) = (0_usize, Series::default(), Series::default());
    for round in 0..plan.rounds {
        for one in asked {
            let counted = classes.entry(one.class).or_default();
            let (total, holding) = truth(cities, one)?;
            let begun = Instant::now();
            let (all, time, calls) = timed(cities, unrouted, one).await?;
            work.time(begun.elapsed());
            if (all.total, calls) != (total, cities.len()) {
                return Err(format!("{:?}: {} matches of {total} from {calls} cities", one.question, all.total).into());
            }
            counted.time.time(time);
            counted.questions += usize::from(round == 0);
            asking::refresh_digests(routed, cities).await?;
            let (found, time, calls) = timed(cities, routed, one).await?;
            counted.with_digests.time(time);
            counted.asked.push(share(calls, cities.len()));
            lost += usize::from(found != all);
            // Of the cities that have nothing, how many were left in peace.
            if share(holding, cities.len()) <= SELECTIVE {
                selective.push(share(cities.len().saturating_sub(calls), cities.len() - holding));
            }
        }
    }
    for (class, counted) in &classes {
        let what = format!("{}: time of a question", class.as_str());
        let beside = ("without digests", &counted.time);
        figures.compare(what, "ms", &counted.with_digests, beside, Ratio::TimesFaster, None);
        figures.alone(format!("{}: share of the cities asked", class.as_str()), "", &counted.asked);
    }
    figures.alone("this machine's time for a question to all cities", "ms", &work);
    figures.alone("selective questions: share ruled out of the cities without an answer", "", &selective);
    let (mut bytes, mut let_through) = (Series::default(), Series::default());
    for (size, rate) in cities.iter().filter_map(|city| asking::digest_size(routed, &city.id)) {
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        bytes.push(size as f64);
        let_through.push(rate);
    }
    figures.alone("size of a digest", "bytes", &bytes);
    figures.alone("false positive rate of a digest's words, as stated", "", &let_through);
    let what = "of the cities without an answer, the share ruled out, selective questions, median";
    figures.verdict(what, selective.median(), Some(Goal::Least(0.95)));
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let lost = lost as f64;
    figures.verdict("questions whose answer differs from that of all cities", lost, Some(Goal::Most(0.0)));
    Ok(())
}

/// Asks, and counts which cities were called.
async fn timed(cities: &[Arc<City>], registry: &Registry, asked: &Asked) -> Result<(Found, Duration, usize), Failure> {
    for city in cities {
        city.asked.store(0, Ordering::Relaxed);
    }
    let begun = tokio::time::Instant::now();
    let found = asking::federated(registry, asked, LIMIT).await?;
    let called: BTreeSet<&CityId> =
        cities.iter().filter(|city| city.asked.load(Ordering::Relaxed) > 0).map(|city| &city.id).collect();
    Ok((found, begun.elapsed(), called.len()))
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = part as f64 / whole.max(1) as f64;
    share
}
