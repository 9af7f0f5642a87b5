//! A registry for the tests of this crate.

use std::sync::Arc;

use isopolity_domain::{Clock as _, clock::FixedClock, retention::Retention};
use isopolity_federation::{Identity, Limits, Peers, peers::LinkFactory};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::{Patience, Registry, Settings, cooperation::Rules};

/// A city's registry in a folder of its own, without peers. Its clock stands still.
pub(crate) struct Feira {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<FixedClock>,
    _folder: TempDir,
}

impl Feira {
    pub(crate) async fn open_at(now: OffsetDateTime) -> Self {
        Self::open(now, None, Arc::new(|peer| unreachable!("no link to {}", peer.city))).await
    }

    /// The same, with these links to peers, of which it has none yet.
    pub(crate) async fn linked(now: OffsetDateTime, factory: LinkFactory) -> Self {
        Self::open(now, Some("https://127.0.0.1:7443".to_owned()), factory).await
    }

    async fn open(now: OffsetDateTime, endpoint: Option<String>, factory: LinkFactory) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(now));
        let identity =
            Identity::create(&folder.path().join("trust"), &"feira.example".parse().unwrap(), clock.now()).unwrap();
        let registry = Registry::open(Settings {
            peers: Peers::with_links(identity.clone(), clock.clone(), Limits::default(), factory).unwrap(),
            identity,
            endpoint,
            storage_url: format!("sqlite://{}", folder.path().join("registry.db").display()),
            index_folder: folder.path().join("index"),
            clock: clock.clone(),
            patience: Patience::default(),
            retention: Retention::default(),
            cooperation: Rules::default(),
        })
        .await
        .unwrap();
        Self { registry, clock, _folder: folder }
    }
}
