//! A running node: configuration, the listeners, the gRPC services, the workers, and how all of it ends.
//!
//! [`Node::start`] puts the parts together in order: identity, store, index, peers, registry, listeners, workers. Nothing of
//! it needs a peer, a directory or a time source. [`init::init`] prepares a folder for a city.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`config`] | `isopolity.toml` and the environment |
//! | [`init`] | a new city's folder |
//! | [`grpc`] | the services: authenticate, validate, one call, map the error |
//! | [`client`] | a channel to a node's API, for the command line and tests |
//! | [`oidc`] | people whom an identity provider vouches for |
//! | [`mail`] | mail about what waits |
//! | `metrics` | how the node is, for Prometheus |
//! | [`lifecycle`] | the first signal drains, the second stops |
//! | [`telemetry`] | logs |

pub mod client;
pub mod config;
pub mod grpc;
pub mod init;
pub mod lifecycle;
pub mod mail;
mod metrics;
pub mod oidc;
pub mod telemetry;
mod workers;

#[cfg(unix)]
use std::{
    fs::{File, TryLockError},
    path::Path,
};
use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use isopolity_domain::clock::to_timestamp;
use isopolity_federation::{
    Identity, IdentityError, LeafKeeper, ListenerLimits, Peers,
    listener::{accept_callers, accept_peers},
    tls,
};
use isopolity_proto::admin::AuditAction;
use isopolity_registry::{OpenError, Patience, Registry, Settings, answer::SOFTWARE, error::with_causes};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span};

use config::Oidc;
pub use config::{Config, ConfigError};
pub use isopolity_domain::{CityId, Clock, clock::SystemClock};
use mail::{MailError, Mailer};
use oidc::Provider;

/// How long calls in flight may take to end after the first signal.
const DRAIN: Duration = Duration::from_secs(20);

/// Why a node does not start. One line that says what and where.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The city's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database or the search index.
    #[error(transparent)]
    Registry(#[from] OpenError),
    /// Another node uses the folder.
    #[error("{0} is held by another process: a node runs in this folder already")]
    Running(PathBuf),
    /// The folder can't be taken.
    #[error("{path} can't be used: {source}")]
    Lock {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The identity provider's CA.
    #[error("oidc.ca = \"{path}\" can't be used: {problem}")]
    Provider {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Mail.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A listener.
    #[error(
        "{key} = \"{address}\" can't be listened on: {source}; set an address of this machine that nothing else listens on"
    )]
    Listen {
        /// The configuration key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A running node. Dropping it stops it at once; [`Node::shut_down`] drains it first.
pub struct Node {
    registry: Registry,
    api: SocketAddr,
    federation: SocketAddr,
    metrics: Option<SocketAddr>,
    draining: CancellationToken,
    tasks: JoinSet<()>,
    /// Held as long as the node lives: two of them would each write an index that the other does not know.
    #[cfg(unix)]
    _lock: File,
}

impl Node {
    /// Starts a node. When this returns, its listeners are bound and answer.
    ///
    /// # Errors
    /// [`StartError`]: nothing is left running then.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let begun = std::time::Instant::now();
        #[cfg(unix)]
        let lock = lock(&config.folder)?;
        let identity = Identity::load(&config.trust_folder(), &config.city)?;
        let api_listener = bind("api.listen", config.api.listen).await?;
        let federation_listener = bind("federation.listen", config.federation.listen).await?;
        let metrics_listener = match config.metrics.listen {
            Some(address) => Some(bind("metrics.listen", address).await?),
            None => None,
        };
        let api = local(&api_listener, "api.listen", config.api.listen)?;
        let federation = local(&federation_listener, "federation.listen", config.federation.listen)?;
        let endpoint = config.federation.endpoint.clone().unwrap_or_else(|| format!("https://{federation}"));

        let leaf = match config.pki_files() {
            Some(files) => LeafKeeper::files(identity.clone(), files, clock.now())?,
            None => LeafKeeper::node(identity.clone(), clock.now())?,
        };
        let peers = Peers::with_leaf(leaf, Arc::clone(&clock), config.limits());
        let registry = Registry::open(Settings {
            identity: identity.clone(),
            endpoint: Some(endpoint.clone()),
            storage_url: config.storage_url(),
            index_folder: config.index_folder(),
            peers: peers.clone(),
            clock: Arc::clone(&clock),
            patience: Patience { search: config.search.deadline(), index: config.search.index_wait() },
            retention: config.retention.limits(),
            cooperation: config.cooperation.rules(),
        })
        .await?;

        if let Ok(Some(operators)) = config.directory.operators() {
            registry.follow_directory(operators).await.map_err(|error| OpenError::Start(with_causes(&error)))?;
        }
        registry.audit_node(AuditAction::NodeStarted, SOFTWARE).await.map_err(|error| audit_trouble(&error))?;
        let api_tls = if let (Some(certificate), Some(key)) = (&config.api.certificate, &config.api.key) {
            tls::api_server_config_from_files(&config.path(certificate), &config.path(key))?
        } else {
            let keeper = LeafKeeper::api(identity, config.api.hosts.clone(), clock.now())?;
            peers.keep_api_leaf(keeper.clone());
            tls::api_server_config(&keeper)
        };

        let provider = match &config.oidc {
            Some(settings) => Some(provider(&config, settings, &clock)?),
            None => None,
        };
        let mailer = config.mail.as_ref().map(|settings| Mailer::new(&config, settings)).transpose()?;
        let draining = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let services = grpc::Services {
            registry: registry.clone(),
            anonymous_reads: config.api.anonymous_reads,
            token_life: config.api.token_life(),
            provider,
            started: to_timestamp(clock.now()),
            endpoint: endpoint.clone(),
            api_endpoint: api_endpoint(&config.api.hosts, api),
            keeper: peers.leaf().clone(),
            draining: draining.clone(),
        };
        let span = info_span!("node", city = %config.city);
        let callers = accept_callers(api_listener, api_tls, ListenerLimits::default());
        tasks.spawn(ended("api", services.clone().serve_api(callers)).instrument(span.clone()));
        let calling = accept_peers(federation_listener, &peers, ListenerLimits::default());
        tasks.spawn(ended("federation", services.serve_federation(calling)).instrument(span.clone()));
        let metrics = metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = metrics_listener {
            tasks.spawn(metrics::serve(listener, registry.clone(), draining.clone()).instrument(span.clone()));
        }
        workers::start(&mut tasks, &registry, &draining, &span);
        if let Some(file) = &config.directory.file {
            workers::watch_directory(&mut tasks, &registry, config.path(file), &draining, &span);
        }
        if let (Some(mailer), Some(settings)) = (mailer, &config.mail) {
            registry.write_to(settings.to.clone());
            workers::send_mail(&mut tasks, &registry, mailer, &draining, &span);
        }
        workers::keep_audit(&mut tasks, &registry, config.audit.keep(), config.audit_folder(), &draining, &span);

        span.in_scope(|| {
            info!(
                api.address = %api,
                federation.address = %federation,
                federation.endpoint = %endpoint,
                storage = registry.store().kind().as_str(),
                start_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                "node is ready"
            );
        });
        Ok(Self {
            registry,
            api,
            federation,
            metrics,
            draining,
            tasks,
            #[cfg(unix)]
            _lock: lock,
        })
    }

    /// The use cases of this node.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where its API listens.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// Where its federation listener listens.
    #[must_use]
    pub fn federation_address(&self) -> SocketAddr {
        self.federation
    }

    /// Where it tells Prometheus how it is, if it does.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Takes no more calls, lets those in flight end (for at most 20 seconds), and stops the workers.
    pub async fn shut_down(mut self) {
        info!("draining: no new calls, those in flight may end");
        self.draining.cancel();
        let drained = tokio::time::timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            info!("calls were still in flight after {} s and are cut off", DRAIN.as_secs());
            self.tasks.shutdown().await;
        }
        // After everything that could still be logged.
        let written = async {
            self.registry.flush_audit().await?;
            self.registry.audit_node(AuditAction::NodeStopped, "").await
        };
        if let Err(error) = written.await {
            error!(
                error = %with_causes(&error),
                audit.lost = self.registry.journal().waiting(),
                "the end of the audit log can't be written; what waited is lost"
            );
        }
        let store = self.registry.store().clone();
        store.close().await;
        info!("node has stopped");
    }
}

/// Takes the folder for this node. The system gives it back when the process ends, however it ends.
#[cfg(unix)]
fn lock(folder: &Path) -> Result<File, StartError> {
    let refused = |source| StartError::Lock { path: folder.to_owned(), source };
    let file = File::open(folder).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Running(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}

/// The city's identity provider. Nothing is fetched from it yet: it need not be there for a node to start.
fn provider(config: &Config, settings: &Oidc, clock: &Arc<dyn Clock>) -> Result<Arc<Provider>, StartError> {
    let file = settings.ca.as_ref().map(|file| config.path(file));
    let wrong = |problem: String| StartError::Provider { path: file.clone().unwrap_or_default(), problem };
    let roots = file.as_ref().map(std::fs::read_to_string).transpose().map_err(|error| wrong(error.to_string()))?;
    Provider::new(settings.clone(), roots.as_deref(), Arc::clone(clock)).map_err(|error| wrong(error.to_string()))
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { key, address, source })
}

fn local(listener: &TcpListener, key: &'static str, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { key, address, source })
}

/// Where the API is reached from elsewhere: under the first name in its certificate that is not this machine's own name for
/// itself, if there is such a one.
fn api_endpoint(hosts: &[String], listening: SocketAddr) -> String {
    let is_loopback = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let host = hosts.iter().find(|host| !is_loopback(host)).or(hosts.first());
    let host = host.map_or_else(|| listening.ip().to_string(), Clone::clone);
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
    format!("https://{host}:{}", listening.port())
}

/// A node that can't log does not serve.
fn audit_trouble(error: &isopolity_registry::Error) -> OpenError {
    OpenError::Start(format!("the audit log can't be written: {}", with_causes(error)))
}

async fn ended(listener: &'static str, served: impl Future<Output = Result<(), tonic::transport::Error>>) {
    if let Err(error) = served.await {
        error!(listener, error = %with_causes(&error), "a listener ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_described_under_a_name_that_others_can_reach() {
        let listening: SocketAddr = "0.0.0.0:7444".parse().unwrap();
        let endpoint = |hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|&host| host.into()).collect();
            api_endpoint(&hosts, listening)
        };
        assert_eq!(endpoint(&["localhost", "127.0.0.1", "api.feira.pt"]), "https://api.feira.pt:7444");
        assert_eq!(endpoint(&["::1", "2001:db8::1"]), "https://[2001:db8::1]:7444");
        assert_eq!(endpoint(&["localhost"]), "https://localhost:7444");
        assert_eq!(endpoint(&[]), "https://0.0.0.0:7444");
    }
}
