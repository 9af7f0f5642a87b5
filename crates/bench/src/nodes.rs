//! Real nodes in this process, with generated registries: over sockets of this machine and mutual TLS, as they run
//! elsewhere. They write no logs.

use std::{path::Path, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use isopolity_domain::{CityId, clock::SystemClock};
use isopolity_node::{
    Config, Node,
    client::{Client, connect},
    config::Search,
    init,
};
use isopolity_proto::{admin::Role, options::Audience};
use isopolity_registry::{Caller, Registry};
use tempfile::TempDir;

use crate::{
    delay::Delay,
    generate::Generator,
    import::{import, start},
    measure::Failure,
};

/// How many registries are filled at once.
const AT_ONCE: usize = 2;

/// A city with its folder, which lives longer than its node.
pub(crate) struct City {
    pub(crate) id: CityId,
    pub(crate) token: String,
    folder: TempDir,
}

/// How a node is to run, where it is not as usual.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Something stands before its federation listener that can delay what passes.
    pub(crate) delayed: bool,
    /// It asks by digests, however few its peers are.
    pub(crate) by_digests: bool,
    /// Everyone may read what is PUBLIC.
    pub(crate) open_to_everyone: bool,
}

/// A city whose node runs.
pub(crate) struct Running {
    pub(crate) node: Node,
    /// What stands before its federation listener, if anything does.
    pub(crate) delay: Option<Delay>,
}

/// Whoever may do everything.
pub(crate) fn administrator() -> Caller {
    Caller::token("bench", Role::Administrator)
}

impl City {
    /// Makes a city's folder and fills its registry.
    pub(crate) async fn found(id: &str, records: u64, seed: u64) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("isopolity-bench-city").tempdir()?;
        let city: CityId = id.parse()?;
        let any = Some("127.0.0.1:0".to_owned());
        let options = init::Options { federation_listen: any.clone(), api_listen: any, ..Default::default() };
        let made = init::init(folder.path(), &city, &options, Arc::new(SystemClock)).await?;
        let token = made.token.ok_or("the new city has no token")?.to_string();
        let founded = Self { id: city, token, folder };
        if records > 0 {
            let running = founded.start(Manner::default()).await?;
            let mut generator = Generator::of(id, records, seed)?;
            import(running.node.registry(), start(), move || generator.line()).await?;
            // As it would be a few seconds later.
            while running.node.registry().tidy_index().await {}
            running.node.shut_down().await;
        }
        Ok(founded)
    }

    /// Several, with as many records each.
    pub(crate) async fn found_all(cities: usize, records: u64, seed: u64) -> Result<Vec<Self>, Failure> {
        let ids = (0..cities).map(|at| format!("c{at:02}.bench.example"));
        let founded = stream::iter(ids).map(|id| async move { Self::found(&id, records, seed).await });
        founded.buffered(AT_ONCE).try_collect().await
    }

    /// Starts its node.
    pub(crate) async fn start(&self, manner: Manner) -> Result<Running, Failure> {
        let mut config = Config::load(self.folder.path(), [])?;
        // A machine that is busy is no fault.
        config.search = Search {
            deadline_ms: 60_000,
            peer_budget_ms: 50_000,
            peer_silence_ms: 40_000,
            index_wait_ms: 30_000,
            ..Search::default()
        };
        if manner.by_digests {
            config.search.ask_all_up_to = 0;
        }
        config.api.anonymous_reads = manner.open_to_everyone;
        let delay = if manner.delayed { Some(Delay::listen().await?) } else { None };
        config.federation.endpoint = delay.as_ref().map(Delay::endpoint);
        let node = Node::start(config, Arc::new(SystemClock)).await?;
        if let Some(delay) = &delay {
            delay.lead_to(node.federation_address());
        }
        Ok(Running { node, delay })
    }

    /// The certificate of its CA.
    pub(crate) fn authority(&self) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(self.authority_file())?)
    }

    pub(crate) fn authority_file(&self) -> std::path::PathBuf {
        self.folder.path().join("trust").join("ca.pem")
    }

    /// The folder with its keys.
    pub(crate) fn trust(&self) -> std::path::PathBuf {
        self.folder.path().join("trust")
    }

    /// A connection of its own to its API.
    pub(crate) async fn client(&self, running: &Running) -> Result<Client, Failure> {
        self.client_with(running, Some(&self.token)).await
    }

    /// The same with another token, or none.
    pub(crate) async fn client_with(&self, running: &Running, token: Option<&str>) -> Result<Client, Failure> {
        Ok(connect(&running.node.api_address().to_string(), &self.authority()?, token).await?)
    }
}

impl Running {
    pub(crate) fn registry(&self) -> &Registry {
        self.node.registry()
    }

    pub(crate) async fn stop(self) {
        self.node.shut_down().await;
    }
}

/// Makes the asker and each of the cities peers of one another that show each other all that is for the federation.
pub(crate) async fn join(asker: &Running, cities: &[Running]) -> Result<(), Failure> {
    let caller = administrator();
    let (own, _) = asker.registry().own_bundle(&caller).await?;
    for city in cities {
        let (bundle, _) = city.registry().own_bundle(&caller).await?;
        city.registry().add_peer(&caller, &own).await?;
        city.registry().approve_peer(&caller, asker.registry().city().as_str(), Audience::Federation, "").await?;
        asker.registry().add_peer(&caller, &bundle).await?;
        asker.registry().approve_peer(&caller, city.registry().city().as_str(), Audience::Federation, "").await?;
    }
    Ok(())
}

/// A city that asks and has no records of its own.
pub(crate) async fn asker(id: &str) -> Result<City, Failure> {
    City::found(id, 0, 0).await
}

/// Starts the asker and the cities, and makes them peers.
pub(crate) async fn assemble(asker: &City, cities: &[City], delayed: bool) -> Result<(Running, Vec<Running>), Failure> {
    let asking = asker.start(Manner::default()).await?;
    let mut running = Vec::new();
    for city in cities {
        running.push(city.start(Manner { delayed, ..Manner::default() }).await?);
    }
    join(&asking, &running).await?;
    Ok((asking, running))
}

/// The processor time of this process so far, as Linux tells it: in hundredths of a second.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    processor_time_of(Path::new("/proc/self"))
}

/// The same of a process, by its folder below `/proc`.
pub(crate) fn processor_time_of(process: &Path) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(process.join("stat"))?;
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc tells nothing of a process")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}
