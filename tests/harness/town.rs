//! Registries in one process, over links that the test controls. With paused tokio time a search takes no time at all and
//! always goes the same way.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, Kind, clock::FixedClock};
use isopolity_federation::{Identity, Limits, Link, LinkError, PeerSettings, Peers};
use isopolity_proto::{
    admin::Role,
    catalog::{Outcome, SearchRequest, SearchResponse},
    error::Reason,
    federation::{Envelope, GetRecordRequest, HelloRequest, HelloResponse, QueryRequest, QueryResponse},
    options::Audience,
    registry::Partnership,
    to_dynamic,
};
use isopolity_registry::{Caller, Error, Patience, Registry, Settings, author::Terms};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::clock;

/// How a city answers questions.
#[derive(Clone, Debug)]
pub enum Manner {
    /// As its registry does.
    Honest,
    /// Honestly, after this time.
    Late(Duration),
    /// Honestly, with this pause before each part.
    Dribbling(Duration),
    /// Honestly, but only so many parts; then the connection breaks.
    BreaksAfter(usize),
    /// Never.
    Silent,
    /// With these parts.
    Says(Vec<QueryResponse>),
    /// Not: the link fails.
    Fails(LinkError),
}

#[derive(Default)]
struct Book {
    registries: BTreeMap<CityId, Registry>,
    manners: BTreeMap<CityId, Manner>,
}

/// All registries of a test.
#[derive(Clone, Default)]
pub struct Town {
    book: Arc<Mutex<Book>>,
    /// Streams of answers that are open at present.
    open: Arc<AtomicUsize>,
}

impl fmt::Debug for Town {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Town").finish_non_exhaustive()
    }
}

impl Town {
    /// Opens a city's registry.
    pub async fn settle(&self, city: &str) -> Resident {
        self.settle_within(city, Limits::default()).await
    }

    /// The same with other limits for its peers.
    pub async fn settle_within(&self, city: &str, limits: Limits) -> Resident {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock::clock();
        let id: CityId = city.parse().unwrap();
        let identity =
            Identity::create(&folder.path().join("trust"), &id, isopolity_domain::Clock::now(&*clock)).unwrap();
        let (town, caller) = (self.clone(), id.clone());
        let factory = Arc::new(move |peer: &PeerSettings| -> Arc<dyn Link> {
            Arc::new(Lane { town: town.clone(), caller: caller.clone(), callee: peer.city.clone() })
        });
        let peers = Peers::with_links(identity.clone(), clock.clone(), limits, factory).unwrap();
        let registry = Registry::open(Settings {
            identity: identity.clone(),
            endpoint: Some("https://127.0.0.1:1".to_owned()),
            storage_url: format!("sqlite://{}", folder.path().join("registry.db").display()),
            index_folder: folder.path().join("index"),
            peers,
            clock: clock.clone(),
            patience: Patience::default(),
        })
        .await
        .unwrap();
        registry.index_once().await.unwrap();
        self.book.lock().unwrap().registries.insert(id, registry.clone());
        Resident { registry, clock, identity, folder }
    }

    /// Opens a registry for each city; all of them are peers of one another and see what is PUBLIC.
    pub async fn of<const N: usize>(&self, cities: [&str; N]) -> [Resident; N] {
        let mut residents = Vec::with_capacity(N);
        for city in cities {
            let resident = self.settle(city).await;
            for other in &residents {
                introduce(&resident, other, Audience::Public).await;
            }
            residents.push(resident);
        }
        let Ok(residents) = residents.try_into() else { unreachable!("there is one resident for each city") };
        residents
    }

    /// How a city answers from now on.
    pub fn teach(&self, city: &str, manner: Manner) {
        self.book.lock().unwrap().manners.insert(city.parse().unwrap(), manner);
    }

    /// How many answers are under way.
    pub fn open_streams(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn look_up(&self, city: &CityId) -> (Option<Registry>, Manner) {
        let book = self.book.lock().unwrap();
        (book.registries.get(city).cloned(), book.manners.get(city).cloned().unwrap_or(Manner::Honest))
    }
}

/// Makes two residents peers that approve each other, and show each other as much.
pub async fn introduce(one: &Resident, other: &Resident, audience: Audience) {
    for (here, there) in [(one, other), (other, one)] {
        let (bundle, _) = there.registry.own_bundle(&administrator()).await.unwrap();
        here.registry.add_peer(&administrator(), &bundle).await.unwrap();
    }
    for (here, there) in [(one, other), (other, one)] {
        here.registry.approve_peer(&administrator(), there.city(), audience, "").await.unwrap();
    }
}

/// Somebody who may do everything.
pub fn administrator() -> Caller {
    Caller::Token { id: "test".to_owned(), role: Role::Administrator }
}

/// A city's registry.
pub struct Resident {
    /// What it does.
    pub registry: Registry,
    /// Its clock, which stands still.
    pub clock: Arc<FixedClock>,
    /// Its keys.
    pub identity: Identity,
    folder: TempDir,
}

impl Resident {
    /// The city's id.
    pub fn city(&self) -> &str {
        self.registry.city().as_str()
    }

    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Creates a partnership that searches find at once. Returns its name.
    pub async fn create(&self, id: &str, partnership: Partnership) -> String {
        let parent = format!("cities/{}", self.city());
        let message = to_dynamic(&partnership);
        let created = self
            .registry
            .create(&administrator(), Kind::Partnership, &parent, id, message, Terms::default())
            .await
            .unwrap();
        self.registry.index_once().await.unwrap();
        created.transcode_to::<Partnership>().unwrap().name
    }

    /// Asks the federation.
    pub async fn search(&self, request: &SearchRequest, within: Option<Duration>) -> Result<SearchResponse, Error> {
        self.registry.search(&administrator(), request, within).await
    }
}

/// The way from one city to another.
#[derive(Debug)]
struct Lane {
    town: Town,
    caller: CityId,
    callee: CityId,
}

#[async_trait]
impl Link for Lane {
    async fn hello(&self, request: HelloRequest, _within: Duration) -> Result<HelloResponse, LinkError> {
        self.registry()?.greeted(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn get_bundle(&self, _within: Duration) -> Result<Envelope, LinkError> {
        let file = self.registry()?.bundle_for_peer(&self.caller).await.map_err(|error| refused(&error))?;
        Ok(isopolity_domain::envelope::from_file(&file).unwrap())
    }

    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let (_, manner) = self.town.look_up(&self.callee);
        let (registry, caller) = (self.registry(), self.caller.clone());
        let answer = async move { registry?.answer(&caller, request, within).await.map_err(|error| refused(&error)) };
        let parts = stream::once(answer).map_ok(|parts| stream::iter(parts.into_iter().map(Ok))).try_flatten();
        let parts = match manner {
            Manner::Honest => parts.boxed(),
            Manner::Late(by) => stream::once(sleep(by)).flat_map(|()| stream::empty()).chain(parts).boxed(),
            Manner::Dribbling(pause) => parts
                .then(move |part| async move {
                    sleep(pause).await;
                    part
                })
                .boxed(),
            Manner::BreaksAfter(count) => {
                let broken = LinkError::new(Outcome::Unreachable, Reason::Connection, "the connection broke");
                parts.take(count).chain(stream::iter([Err(broken)])).boxed()
            }
            Manner::Silent => stream::pending().boxed(),
            Manner::Says(parts) => stream::iter(parts.into_iter().map(Ok)).boxed(),
            Manner::Fails(error) => stream::iter([Err(error)]).boxed(),
        };
        let counted = Counted::new(&self.town.open);
        parts
            .map(move |part| {
                let _ = &counted;
                part
            })
            .boxed()
    }

    async fn get_record(&self, request: GetRecordRequest, _within: Duration) -> Result<Envelope, LinkError> {
        self.registry()?.record_for_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }
}

impl Lane {
    fn registry(&self) -> Result<Registry, LinkError> {
        let nobody = || LinkError::new(Outcome::Unreachable, Reason::Connection, "nobody lives there");
        self.town.look_up(&self.callee).0.ok_or_else(nobody)
    }
}

/// What the callee's node would make of an error, and the caller's node of that.
fn refused(error: &Error) -> LinkError {
    let outcome = match error.reason() {
        Reason::PeerUnknown => Outcome::Unreachable,
        Reason::ResourceNotFound => Outcome::AnsweredEmpty,
        _ => Outcome::Refused,
    };
    LinkError::new(outcome, error.reason(), format!("the peer says: {error}"))
}

/// Counts an open stream for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
