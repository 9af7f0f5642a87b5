//! The use cases of a node: one method of [`Registry`] for each thing that a person, a program or a peer can do.
//!
//! A method asks whether the caller may, lets `domain` decide, opens a transaction of `store`, and tells the workers that
//! something was published. It knows no transport: the gRPC services, the command line and the tests call the same
//! methods.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`caller`] | who calls, and what they may do |
//! | [`mod@author`] | reading and changing this city's own resources |
//! | [`mod@partnership`] | the steps of a partnership, and what stands in its way |
//! | [`mod@history`] | what resources were before |
//! | [`mod@import`] | many at once, from files |
//! | [`mod@export`] | many at once, into files |
//! | [`mod@codes`] | code lists, for forms and checks in clients |
//! | [`mod@cooperation`] | working together with other cities |
//! | [`mod@consent`] | the worker that withdraws what ended consents allowed |
//! | [`mod@search`] | one question to this city and all its peers |
//! | [`mod@record`] | one record of any member city |
//! | [`mod@insight`] | what the federation's records say together |
//! | [`mod@watch`] | telling of what is published, as far as it matches a question |
//! | [`mod@answer`] | what a peer gets when it asks |
//! | `desk` | where questions wait for their turn |
//! | [`mod@directory`] | the signed list of members: taking it, passing it on, and what operators do with it |
//! | [`mod@sharing`] | what this city lets each peer see and do |
//! | `hot` | what is read often, kept in memory |
//! | [`mod@peers`] | adding, approving and suspending peers |
//! | [`mod@invitation`] | becoming peers with a code |
//! | [`mod@standing`] | leaving peers, testing them, and how cities stand to each other, on both sides |
//! | [`mod@privacy`] | how long things are kept, erasure, and what is kept about somebody |
//! | [`mod@audit`] | what was done, asked and answered, in a chain that peers witness |
//! | [`mod@access`] | tokens, and who may administer |
//! | [`mod@user`], [`mod@session`] | people who sign in |
//! | `password`, `attempts` | how passwords are kept, and how guessing is slowed down |
//! | [`permission`] | what each method needs |
//! | [`mod@trust`] | this city's own keys: preparing, rotating, revoking |
//! | [`mod@bundles`] | this city's own trust bundle, and newer ones of peers |
//! | `expiry` | what of trust is about to end |
//! | [`mod@figures`] | numbers that tell an operator how the node is |
//! | [`mod@index`] | the worker that feeds the search index |
//! | [`mod@matching`] | which records may be of the same organisation or place |
//! | [`mod@verify`] | checking an exported record offline |
//! | [`error`] | why something was refused |

pub mod access;
pub mod answer;
mod attempts;
pub mod audit;
pub mod author;
pub mod bundles;
pub mod caller;
pub mod codes;
pub mod consent;
pub mod cooperation;
mod desk;
pub mod directory;
pub mod error;
mod expiry;
pub mod export;
pub mod figures;
pub mod history;
mod hot;
pub mod import;
pub mod index;
pub mod insight;
pub mod invitation;
pub mod matching;
pub mod partnership;
mod password;
pub mod peers;
pub mod permission;
pub mod privacy;
pub mod record;
pub mod search;
pub mod session;
pub mod sharing;
pub mod standing;
pub mod trust;
pub mod user;
pub mod verify;
pub mod watch;

#[cfg(test)]
mod testing;

use std::{path::PathBuf, sync::Arc, time::Duration};

use isopolity_catalog::{Catalog, CatalogError};
use isopolity_domain::{CityId, Clock, feed::Position, retention::Retention};
use isopolity_federation::{Identity, Peers};
use isopolity_store::{Store, StoreError};

pub use caller::{Caller, Known, Right};
pub use error::Error;
pub use trust::TrustError;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A search whose caller sets no deadline.
    pub search: Duration,
    /// A search for the writer's own changes to be indexed.
    pub index: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { search: Duration::from_secs(10), index: Duration::from_secs(2) }
    }
}

/// What a registry is built from.
pub struct Settings {
    /// The city's keys.
    pub identity: Identity,
    /// Where peers reach this node, `https://host:port`. `None`: not known yet, so no trust bundle is made.
    pub endpoint: Option<String>,
    /// The database, `sqlite://…` or `postgres://…`.
    pub storage_url: String,
    /// The folder of the search index.
    pub index_folder: PathBuf,
    /// The other cities.
    pub peers: Peers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long things may take.
    pub patience: Patience,
    /// How long things are kept.
    pub retention: Retention,
    /// How the city works together with others.
    pub cooperation: cooperation::Rules,
}

/// Why a registry can't be opened. One line that says what and where.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The search index.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What is done at every start.
    #[error("the registry can't be opened: {0}")]
    Start(String),
}

/// The use cases of one node. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Identity,
    store: Store,
    catalog: Catalog,
    peers: Peers,
    /// Where peers reach this node.
    endpoint: Option<String>,
    /// Held while keys and the own bundle change.
    changing_trust: tokio::sync::Mutex<()>,
    /// What was warned of already.
    warned: expiry::Warned,
    clock: Arc<dyn Clock>,
    patience: Patience,
    retention: Retention,
    /// The latest publication that this process knows of.
    head: tokio::sync::watch::Sender<Position>,
    /// Authenticates page tokens. Derived from the secret in the trust folder, so that tokens outlive a restart and a rotation.
    page_key: [u8; 32],
    /// Hashes who tried to sign in. Derived from the same secret.
    attempt_key: [u8; 32],
    /// Makes pseudonyms of callers, for peers. Derived from the same secret, so that they stay the same.
    pseudonym_key: [u8; 32],
    /// Where passwords are hashed.
    passwords: password::Passwords,
    /// What is read often.
    hot: hot::Hot,
    /// Where peers' questions wait.
    desk: desk::Desk<CityId>,
    /// Where callers' questions wait.
    callers: desk::Desk<String>,
    /// What peers may see and do.
    sharing: sharing::Sharing,
    /// Who watches how much.
    watches: Arc<watch::Watches>,
    /// The directory, if the configuration names one.
    directory: directory::Book,
    /// What waits to be written to the audit log.
    journal: Arc<audit::journal::Journal>,
    /// What peers say that they were shown of others' audit logs.
    claims: audit::Claims,
    /// How the city works together with others.
    rules: cooperation::Rules,
    /// Who waits for news of cooperations.
    news: cooperation::News,
    /// Whom mail goes to.
    mailboxes: cooperation::mail::Mailboxes,
    /// What was logged of how much waits for peers.
    depths: cooperation::depth::Said,
    /// Set once it was looked for whom something waited when this process began.
    looked_out: tokio::sync::OnceCell<()>,
}

impl Registry {
    /// Opens the database and the search index. The city's profile and trust bundle exist afterwards, and the peers are
    /// known.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let Settings { identity, endpoint, storage_url, index_folder, peers, clock, patience, retention, cooperation } =
            settings;
        let store = Store::open(&storage_url, identity.city()).await?;
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(&index_folder))
            .await
            .map_err(|error| OpenError::Start(error.to_string()))??;
        let head = store.feed_head().await?;
        let attempt_key = identity.derive_key("attempts to sign in");
        let pseudonym_key = identity.derive_key("pseudonyms of callers");
        let page_key = identity.derive_key("page tokens");
        let inner = Inner {
            identity,
            store,
            catalog,
            peers,
            endpoint,
            changing_trust: tokio::sync::Mutex::new(()),
            warned: expiry::Warned::default(),
            clock,
            patience,
            retention,
            head: tokio::sync::watch::Sender::new(head),
            page_key,
            attempt_key,
            pseudonym_key,
            passwords: password::Passwords::default(),
            hot: hot::Hot::default(),
            desk: desk::Desk::new(desk::Places::default()),
            callers: desk::Desk::new(desk::Places::CALLERS),
            sharing: sharing::Sharing::default(),
            watches: Arc::default(),
            directory: directory::Book::default(),
            journal: Arc::default(),
            claims: audit::Claims::default(),
            rules: cooperation,
            news: cooperation::News::default(),
            mailboxes: cooperation::mail::Mailboxes::default(),
            depths: cooperation::depth::Said::default(),
            looked_out: tokio::sync::OnceCell::new(),
        };
        let registry = Self { inner: Arc::new(inner) };
        let started = async {
            registry.ensure_profile().await?;
            registry.renew_own_bundle().await?;
            if registry.inner.endpoint.is_some() {
                registry.federation().leaf().enter(registry.now());
            }
            registry.reload_peers().await?;
            registry.tend_door().await
        };
        started.await.map_err(|error: Error| OpenError::Start(error::with_causes(&error)))?;
        Ok(registry)
    }

    /// The city that this registry is of.
    #[must_use]
    pub fn city(&self) -> &CityId {
        self.inner.identity.city()
    }

    /// The documents.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The other cities.
    #[must_use]
    pub fn federation(&self) -> &Peers {
        &self.inner.peers
    }

    fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    fn patience(&self) -> Patience {
        self.inner.patience
    }

    fn retention(&self) -> &Retention {
        &self.inner.retention
    }

    /// The present time, to the microsecond: what databases and the index keep exactly.
    fn now(&self) -> time::OffsetDateTime {
        let now = self.clock().now();
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }
}
