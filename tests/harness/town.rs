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
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, Kind, clock::FixedClock, feed::Publication, retention::Retention};
use isopolity_federation::{Identity, Limits, Link, LinkError, PeerSettings, Peers};
use isopolity_proto::{
    admin::Role,
    catalog::{Outcome, SearchRequest, SearchResponse},
    error::Reason,
    federation::{
        DeliverEventsRequest, DeliverEventsResponse, Envelope, FetchEventsRequest, FetchEventsResponse,
        GetAuditHeadRequest, GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest,
        GetDigestResponse, GetDirectoryRequest, GetDirectoryResponse, GetRecordRequest, GetStatisticsRequest,
        GetStatisticsResponse, HelloRequest, HelloResponse, ListAuditedCallsRequest, ListAuditedCallsResponse,
        QueryRequest, QueryResponse, WatchRequest, WatchResponse, WitnessAuditHeadRequest,
    },
    options::Audience,
    registry::Partnership,
    to_dynamic,
};
use isopolity_registry::{Caller, Error, Patience, Registry, Settings, author::Terms, cooperation::Rules};
use prost_reflect::DynamicMessage;
use tempfile::TempDir;
use time::{OffsetDateTime, macros::datetime};
use tokio::time::sleep;

use crate::{crash::Fuse, script, weather::Weather};

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

/// On what a city's registry stands.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Within which limits it asks its peers.
    pub limits: Limits,
    /// Its database. `None`: a file in its folder.
    pub storage_url: Option<String>,
    /// How long it keeps things.
    pub retention: Retention,
    /// How it works together with other cities.
    pub rules: Rules,
}

#[derive(Default)]
struct Book {
    registries: BTreeMap<CityId, Registry>,
    manners: BTreeMap<CityId, Manner>,
    fuses: BTreeMap<CityId, Fuse>,
    /// Who asked whom, in the order of the questions.
    asked: Vec<(CityId, CityId)>,
}

/// When every town's clocks begin: the day on which a test runs makes no difference.
const BEGUN: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);

/// All registries of a test. Their clocks begin at the same time.
#[derive(Clone, Default)]
pub struct Town {
    book: Arc<Mutex<Book>>,
    /// Streams of answers that are open at present.
    open: Arc<AtomicUsize>,
    /// What the network does to events of cooperations.
    weather: Weather,
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
        self.settle_on(city, Ground { limits, ..Ground::default() }).await
    }

    /// The same on other ground.
    pub async fn settle_on(&self, city: &str, ground: Ground) -> Resident {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(BEGUN));
        let identity = Identity::create(&folder.path().join("trust"), &city.parse().unwrap(), BEGUN).unwrap();
        self.open(Closed { ground, clock, identity, folder }).await
    }

    /// Ends a city's registry, as a node ends. Nobody reaches it until it is opened again. What it is still answering goes on
    /// first; the index stays locked while anybody else holds the registry.
    pub fn close(&self, resident: Resident) -> Closed {
        let mut book = self.book.lock().unwrap();
        book.registries.remove(resident.registry.city());
        book.fuses.remove(resident.registry.city());
        drop(book);
        let Resident { ground, clock, identity, folder, .. } = resident;
        Closed { ground, clock, identity, folder }
    }

    /// Opens a registry where it was.
    pub async fn open(&self, closed: Closed) -> Resident {
        let storage_url = closed.storage_url();
        let Closed { ground, clock, identity, folder } = closed;
        let (town, caller) = (self.clone(), identity.city().clone());
        let factory = Arc::new(move |peer: &PeerSettings| -> Arc<dyn Link> {
            Arc::new(Lane { town: town.clone(), caller: caller.clone(), callee: peer.city.clone() })
        });
        let registry = Registry::open(Settings {
            identity: identity.clone(),
            endpoint: Some("https://127.0.0.1:1".to_owned()),
            storage_url,
            index_folder: folder.path().join("index"),
            peers: Peers::with_links(identity.clone(), clock.clone(), ground.limits, factory).unwrap(),
            clock: clock.clone(),
            patience: Patience::default(),
            retention: ground.retention.clone(),
            cooperation: ground.rules,
        })
        .await
        .unwrap();
        registry.index_once().await.unwrap();
        let fuse = Fuse::default();
        registry.store().stop_at_commits(fuse.stop());
        let mut book = self.book.lock().unwrap();
        book.registries.insert(identity.city().clone(), registry.clone());
        book.fuses.insert(identity.city().clone(), fuse.clone());
        drop(book);
        Resident { registry, clock, identity, fuse, ground, folder }
    }

    /// Opens a registry anew that has died, or that ends here without warning.
    pub async fn reopen(&self, resident: Resident) -> Resident {
        self.open(self.close(resident)).await
    }

    /// What the network does to events of cooperations.
    pub fn weather(&self) -> &Weather {
        &self.weather
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

    /// Who was asked by whom since this was last called, in the order of the questions: caller and callee.
    pub fn take_asked(&self) -> Vec<(String, String)> {
        let asked = std::mem::take(&mut self.book.lock().unwrap().asked);
        asked.into_iter().map(|(caller, callee)| (caller.to_string(), callee.to_string())).collect()
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
        grant(here, there, audience).await;
    }
}

/// Lets a resident see as much of another, which knows it.
pub async fn grant(here: &Resident, there: &Resident, audience: Audience) {
    here.registry.approve_peer(&administrator(), there.city(), audience, "").await.unwrap();
}

/// Somebody who may do everything.
pub fn administrator() -> Caller {
    Caller::token("test", Role::Administrator)
}

/// A city's registry.
pub struct Resident {
    /// What it does.
    pub registry: Registry,
    /// Its clock, which stands still.
    pub clock: Arc<FixedClock>,
    /// Its keys.
    pub identity: Identity,
    /// Where it dies.
    pub fuse: Fuse,
    ground: Ground,
    folder: TempDir,
}

/// A city whose registry is not open: its database, index and keys.
pub struct Closed {
    ground: Ground,
    clock: Arc<FixedClock>,
    identity: Identity,
    folder: TempDir,
}

impl Closed {
    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Its database.
    pub fn storage_url(&self) -> String {
        let file = || format!("sqlite://{}", self.folder.path().join("registry.db").display());
        self.ground.storage_url.clone().unwrap_or_else(file)
    }

    /// The same city on another database, for example one of before.
    #[must_use]
    pub fn on(mut self, storage_url: String) -> Self {
        self.ground.storage_url = Some(storage_url);
        self
    }
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

    /// Keeps a resource. Searches find it after [`Resident::index`].
    pub async fn keep(&self, kind: Kind, id: &str, message: DynamicMessage) {
        let parent = format!("cities/{}", self.city());
        self.registry.create(&administrator(), kind, &parent, id, message, Terms::default()).await.unwrap();
    }

    /// Takes into the index what was published.
    pub async fn index(&self) {
        self.registry.index_once().await.unwrap();
    }

    /// What it has published, as far as an audience may see it.
    pub async fn publications(&self, audience: Audience) -> Vec<Publication> {
        let mut publications = self.registry.store().feed_after(0, 100_000).await.unwrap();
        for publication in &mut publications {
            publication.records.retain(|record| record.audience <= audience);
        }
        publications
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

    async fn get_bundle(&self, request: GetBundleRequest, _within: Duration) -> Result<GetBundleResponse, LinkError> {
        self.registry()?.bundle_for_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn recover_bundle(
        &self,
        request: GetBundleRequest,
        within: Duration,
    ) -> Result<GetBundleResponse, LinkError> {
        self.get_bundle(request, within).await
    }

    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let (_, manner) = self.town.look_up(&self.callee);
        self.town.book.lock().unwrap().asked.push((self.caller.clone(), self.callee.clone()));
        let (registry, caller) = (self.registry(), self.caller.clone());
        let answer = async move { registry?.answer(&caller, request, within).await.map_err(|error| refused(&error)) };
        let parts = stream::once(answer).map_ok(|parts| parts.map_err(|error| refused(&error))).try_flatten();
        let parts = match manner {
            Manner::Honest => return self.counted(parts),
            // Hit by hit, so that a manner can come between any two.
            _ => parts.map_ok(|part| stream::iter(script::singly(part).into_iter().map(Ok))).try_flatten(),
        };
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
        self.counted(parts)
    }

    async fn get_record(&self, request: GetRecordRequest, _within: Duration) -> Result<Envelope, LinkError> {
        self.registry()?.record_for_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn get_statistics(
        &self,
        request: GetStatisticsRequest,
        within: Duration,
    ) -> Result<GetStatisticsResponse, LinkError> {
        let registry = self.honest()?;
        registry.statistics_for_peer(&self.caller, request, within).await.map_err(|error| refused(&error))
    }

    async fn get_digest(&self, request: GetDigestRequest, within: Duration) -> Result<GetDigestResponse, LinkError> {
        let registry = self.honest()?;
        registry.digest_for_peer(&self.caller, &request, within).await.map_err(|error| refused(&error))
    }

    async fn get_directory(
        &self,
        request: GetDirectoryRequest,
        _within: Duration,
    ) -> Result<GetDirectoryResponse, LinkError> {
        let found = self.honest()?.directory_for_peer(&self.caller, request.version).await;
        Ok(GetDirectoryResponse { directory: found.map_err(|error| refused(&error))? })
    }

    async fn get_audit_head(
        &self,
        request: GetAuditHeadRequest,
        _within: Duration,
    ) -> Result<GetAuditHeadResponse, LinkError> {
        self.honest()?.audit_head_for_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn witness_audit_head(&self, request: WitnessAuditHeadRequest, _within: Duration) -> Result<(), LinkError> {
        self.honest()?.witnessed_by_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn list_audited_calls(
        &self,
        request: ListAuditedCallsRequest,
        _within: Duration,
    ) -> Result<ListAuditedCallsResponse, LinkError> {
        self.honest()?.audited_calls_for_peer(&self.caller, &request).await.map_err(|error| refused(&error))
    }

    async fn deliver_events(
        &self,
        request: DeliverEventsRequest,
        _within: Duration,
    ) -> Result<DeliverEventsResponse, LinkError> {
        let registry = self.honest()?;
        let receiving = async |request| {
            let received = self.living(Box::pin(registry.receive_events(&self.caller, request))).await?;
            received.map_err(|error| refused(&error))
        };
        self.town.weather.carry(&self.caller, &self.callee, request, receiving).await
    }

    async fn fetch_events(
        &self,
        request: FetchEventsRequest,
        _within: Duration,
    ) -> Result<FetchEventsResponse, LinkError> {
        let registry = self.honest()?;
        self.living(registry.events_for_peer(&self.caller, &request)).await?.map_err(|error| refused(&error))
    }

    fn watch(&self, request: WatchRequest) -> BoxStream<'static, Result<WatchResponse, LinkError>> {
        let (registry, caller) = (self.honest(), self.caller.clone());
        let told = async move { registry?.watched_by_peer(&caller, request).map_err(|error| refused(&error)) };
        let parts = stream::once(told).map_ok(|parts| parts.map_err(|error| refused(&error))).try_flatten();
        self.counted(parts)
    }
}

impl Lane {
    /// Counts a stream as long as it is open.
    fn counted<T>(&self, parts: impl Stream<Item = T> + Send + 'static) -> BoxStream<'static, T> {
        let counted = Counted::new(&self.town.open);
        parts
            .map(move |part| {
                let _ = &counted;
                part
            })
            .boxed()
    }

    /// What the callee does, unless it dies over it.
    async fn living<T>(&self, doing: impl Future<Output = T>) -> Result<T, LinkError> {
        let fuse = self.town.book.lock().unwrap().fuses.get(&self.callee).cloned().unwrap_or_default();
        let died = || LinkError::new(Outcome::Unreachable, Reason::Connection, "the connection broke");
        fuse.until_blown(doing).await.ok_or_else(died)
    }

    fn registry(&self) -> Result<Registry, LinkError> {
        let nobody = || LinkError::new(Outcome::Unreachable, Reason::Connection, "nobody lives there");
        self.town.look_up(&self.callee).0.ok_or_else(nobody)
    }

    /// The registry of a city that fails in whatever it is asked, if it fails.
    fn honest(&self) -> Result<Registry, LinkError> {
        match self.town.look_up(&self.callee).1 {
            Manner::Fails(error) => Err(error),
            _ => self.registry(),
        }
    }
}

/// What the callee's node would make of an error, and the caller's node of that.
fn refused(error: &Error) -> LinkError {
    let outcome = match error.reason() {
        Reason::PeerUnknown => Outcome::Unreachable,
        Reason::ResourceNotFound => Outcome::AnsweredEmpty,
        _ => Outcome::Refused,
    };
    let retry_after = match error {
        Error::Overloaded { retry_after, .. } | Error::RateExceeded { retry_after, .. } => Some(*retry_after),
        _ => None,
    };
    LinkError { retry_after, ..LinkError::new(outcome, error.reason(), format!("the peer says: {error}")) }
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
