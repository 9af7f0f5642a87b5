//! A node in a temporary folder.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use isopolity_domain::{CityId, clock::FixedClock};
use isopolity_federation::Identity;
use isopolity_node::{
    Config, Node, StartError,
    config::{Mail, Search, Trust},
    init,
};
use isopolity_registry::Registry;
use tempfile::TempDir;

use crate::{
    Api, Cut, Databases,
    clock::{self, eventually},
};

/// A node that is to be started.
pub struct Plan {
    city: CityId,
    databases: Databases,
    search: Search,
    anonymous_reads: bool,
    connection_age_s: Option<u64>,
    pki: Trust,
    mail: Option<Mail>,
    metrics: Option<SocketAddr>,
}

impl Plan {
    /// Keeps what it has in these databases.
    #[must_use]
    pub fn on(mut self, databases: &Databases) -> Self {
        self.databases = databases.clone();
        self
    }

    /// Everyone may read what is PUBLIC.
    #[must_use]
    pub fn open_to_everyone(mut self) -> Self {
        self.anonymous_reads = true;
        self
    }

    /// Waits only two seconds for each peer, for tests in which one does not answer.
    #[must_use]
    pub fn in_a_hurry(mut self) -> Self {
        self.search.peer_budget_ms = 2_000;
        self.search.peer_silence_ms = 1_000;
        self
    }

    /// Leaves out peers whose digest proves that they have no answer, however few peers there are.
    #[must_use]
    pub fn with_digests(mut self) -> Self {
        self.search.ask_all_up_to = 0;
        self
    }

    /// Makes connections with peers anew each second.
    #[must_use]
    pub fn with_young_connections(mut self) -> Self {
        self.connection_age_s = Some(1);
        self
    }

    /// Shows certificates of the city's own PKI.
    #[must_use]
    pub fn with_pki(mut self, pki: Trust) -> Self {
        self.pki = pki;
        self
    }

    /// Sends mail.
    #[must_use]
    pub fn with_mail(mut self, mail: Mail) -> Self {
        self.mail = Some(mail);
        self
    }

    /// Tells there how it is.
    #[must_use]
    pub fn with_metrics_at(mut self, address: SocketAddr) -> Self {
        self.metrics = Some(address);
        self
    }

    /// Makes the folder and starts the node.
    pub async fn start(self) -> TestNode {
        self.try_start().await.unwrap()
    }

    /// The same, or not.
    pub async fn try_start(self) -> Result<TestNode, StartError> {
        let Self { city, databases, search, anonymous_reads, connection_age_s, pki, mail, metrics } = self;
        let folder = tempfile::tempdir().unwrap();
        let (clock, cut) = (clock::clock(), Cut::listening().await);
        let any = Some("127.0.0.1:0".to_owned());
        let options = init::Options {
            storage_url: databases.url().await,
            federation_listen: any.clone(),
            federation_endpoint: Some(cut.endpoint()),
            api_listen: any,
        };
        let made = init::init(folder.path(), &city, &options, clock.clone()).await.unwrap();
        let mut config = Config::load(folder.path(), []).unwrap();
        config.search = search;
        config.api.anonymous_reads = anonymous_reads;
        config.federation.connection_age_s = connection_age_s.unwrap_or(config.federation.connection_age_s);
        config.trust = pki;
        config.mail = mail;
        config.metrics.listen = metrics;
        let token = made.token.unwrap().to_string();
        let running = Node::start(config.clone(), clock.clone()).await?;
        cut.lead_to(running.federation_address());
        let api = Api::connect(&running, folder.path(), Some(&token)).await;
        Ok(TestNode { api, cut, clock, token, city, config, folder, running: Some(running) })
    }
}

/// A node, with an administrator's token, behind a proxy that can break its federation listener.
pub struct TestNode {
    /// Its API, as an administrator.
    pub api: Api,
    /// What stands before its federation listener.
    pub cut: Cut,
    /// Its clock, which stands still.
    pub clock: Arc<FixedClock>,
    /// The first administrator's token.
    pub token: String,
    city: CityId,
    config: Config,
    folder: TempDir,
    running: Option<Node>,
}

impl TestNode {
    /// A node that is to be started. It waits long for its peers: a machine that is busy is not a fault.
    pub fn plan(city: &str) -> Plan {
        let search = Search {
            deadline_ms: 60_000,
            peer_budget_ms: 50_000,
            peer_silence_ms: 40_000,
            index_wait_ms: 30_000,
            ..Search::default()
        };
        Plan {
            city: city.parse().unwrap(),
            databases: Databases::sqlite(),
            search,
            anonymous_reads: false,
            connection_age_s: None,
            pki: Trust::default(),
            mail: None,
            metrics: None,
        }
    }

    /// Starts a node that has nothing but its city's profile.
    pub async fn start(city: &str) -> Self {
        Self::plan(city).start().await
    }

    /// The city's id.
    pub fn city(&self) -> &str {
        self.city.as_str()
    }

    /// The resource name below which all its resources are.
    pub fn parent(&self) -> String {
        format!("cities/{}", self.city)
    }

    /// What the node does, without the way there.
    pub fn registry(&self) -> &Registry {
        self.node().registry()
    }

    /// The node itself.
    pub fn node(&self) -> &Node {
        self.running.as_ref().unwrap()
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its keys are.
    pub fn trust(&self) -> PathBuf {
        self.folder().join("trust")
    }

    /// Its keys.
    pub fn identity(&self) -> Identity {
        Identity::load(&self.trust(), &self.city).unwrap()
    }

    /// Waits until the index holds all that this city has published.
    pub async fn caught_up(&self) {
        eventually("the index reaches the end of the feed", async || {
            let feed = self.registry().progress().await.unwrap();
            (feed.published == feed.indexed).then_some(())
        })
        .await;
    }

    /// The same API with another token, or none.
    pub async fn api_with(&self, token: Option<&str>) -> Api {
        Api::connect(self.node(), self.folder(), token).await
    }

    /// Shuts the node down.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().shut_down().await;
    }

    /// Starts it again on the same folder, behind the same proxy.
    pub async fn start_again(&mut self) {
        let running = Node::start(self.config.clone(), self.clock.clone()).await.unwrap();
        self.cut.lead_to(running.federation_address());
        self.api = Api::connect(&running, self.folder.path(), Some(&self.token)).await;
        self.running = Some(running);
    }

    /// Both.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Shuts it down and starts it again where peers reach it at another address. Returns what stood before it.
    pub async fn move_elsewhere(&mut self) -> Cut {
        self.stop().await;
        let before = std::mem::replace(&mut self.cut, Cut::listening().await);
        self.config.federation.endpoint = Some(self.cut.endpoint());
        self.start_again().await;
        before
    }
}
