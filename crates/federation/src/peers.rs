//! The table of peers, and calling one of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use isopolity_domain::{CityId, Clock, clock, envelope, sharing};
use isopolity_proto::{
    admin::{Granularity, PeerState, SharingAgreement},
    catalog::Outcome,
    error::Reason,
    federation::{Envelope, GetBundleRequest, GetBundleResponse, GetDirectoryRequest, GetRecordRequest, HelloResponse},
};
use rustls::ServerConfig;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tracing::{info, warn};

use crate::{
    Ages, Bundle, Health, Identity, IdentityError, Link, LinkError, PROTOCOL_VERSION,
    connections::{Connections, Entry},
    digests::DigestBook,
    health::Direction,
    link::{GrpcLink, Observed},
    lookout::Lookout,
    statistics::StatisticsBook,
    tls::{self, Credential, LeafKeeper},
    trust::{Table, Trust},
};

/// The clock skew that is tolerated without a word.
pub const TOLERATED_SKEW: time::Duration = time::Duration::minutes(5);

/// What is known of a peer here.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerSettings {
    /// The city.
    pub city: CityId,
    /// How far peering has come.
    pub state: PeerState,
    /// Why it is suspended or was removed.
    pub state_reason: String,
    /// Its present trust bundle.
    pub bundle: Bundle,
    /// How many records it last said we may see there.
    pub records: i64,
    /// What was kept of its circuit before a restart ([`Peers::changed_circuits`]). Looked at only if the peer is new here.
    pub circuit: Bytes,
}

impl PeerSettings {
    /// A city of which nothing but its bundle is known.
    pub(crate) fn invited(bundle: Bundle) -> Self {
        Self {
            city: bundle.city.clone(),
            state: PeerState::Invited,
            state_reason: String::new(),
            bundle,
            records: 0,
            circuit: Bytes::new(),
        }
    }
}

/// The limits within which peers are asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time that each peer is given, if the caller has as much.
    pub budget: Duration,
    /// How long a peer may be silent once it has begun to answer.
    pub silence: Duration,
    /// What is kept of the caller's time, for merging the answers.
    pub margin: Duration,
    /// The size of one peer's whole answer, in bytes.
    pub answer_bytes: usize,
    /// Whether peers whose digest proves that they have no answer are left out.
    pub digests: bool,
    /// How long a digest may be used after the peer said that it is true.
    pub digest_age: Duration,
    /// Up to so many peers all are asked, whatever their digests say: that costs little, and what a city has published this very
    /// moment is found.
    pub ask_all_up_to: usize,
    /// Whether endpoints may lead to this machine or to private networks.
    pub allow_private_addresses: bool,
    /// How old connections become.
    pub ages: Ages,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            budget: Duration::from_secs(3),
            silence: Duration::from_millis(1_500),
            margin: Duration::from_millis(100),
            answer_bytes: 8 * 1024 * 1024,
            digests: true,
            digest_age: Duration::from_secs(90),
            ask_all_up_to: 32,
            allow_private_addresses: false,
            ages: Ages::default(),
        }
    }
}

/// Makes the link to a peer.
pub type LinkFactory = Arc<dyn Fn(&PeerSettings) -> Arc<dyn Link> + Send + Sync>;

/// The other cities. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Peers {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Identity,
    leaf: LeafKeeper,
    api_leaf: OnceLock<LeafKeeper>,
    limits: Limits,
    trust: Arc<Trust>,
    connections: Arc<Connections>,
    guests: Arc<Connections>,
    factory: LinkFactory,
    links: Mutex<BTreeMap<CityId, KeptLink>>,
    bundle_sequence: watch::Sender<i64>,
    digests: DigestBook,
    statistics: StatisticsBook,
}

/// A link and what it was made for: with another endpoint it is another link. Another bundle is looked at with each handshake.
struct KeptLink {
    endpoint: String,
    link: Arc<dyn Link>,
}

impl Peers {
    /// No peers yet; they are reached over gRPC.
    ///
    /// # Errors
    /// [`IdentityError`] if the node's certificate can't be issued.
    pub fn new(identity: Identity, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self, IdentityError> {
        let leaf = LeafKeeper::node(identity, clock.now())?;
        Ok(Self::with_leaf(leaf, clock, limits))
    }

    /// The same with a certificate that is kept elsewhere, for example by the city's own PKI.
    #[must_use]
    pub fn with_leaf(leaf: LeafKeeper, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let identity = leaf.identity().clone();
        let trust = Arc::new(Trust::new(clock));
        trust.allow_private_addresses(limits.allow_private_addresses);
        let connections: Arc<Connections> = Arc::default();
        let (shared, keeper, ages, book) = (trust.clone(), leaf.clone(), limits.ages, connections.clone());
        let factory: LinkFactory = Arc::new(move |peer| {
            let (city, endpoint) = (peer.city.clone(), peer.bundle.endpoint.clone());
            Arc::new(GrpcLink::new(shared.clone(), keeper.clone(), book.clone(), ages, city, endpoint))
        });
        Self::build(identity, leaf, trust, connections, limits, factory)
    }

    /// No peers yet; they are reached over the links that this factory makes, in tests and simulations.
    ///
    /// # Errors
    /// [`IdentityError`] if the node's certificate can't be issued.
    pub fn with_links(
        identity: Identity,
        clock: Arc<dyn Clock>,
        limits: Limits,
        factory: LinkFactory,
    ) -> Result<Self, IdentityError> {
        let leaf = LeafKeeper::node(identity.clone(), clock.now())?;
        Ok(Self::build(identity, leaf, Arc::new(Trust::new(clock)), Arc::default(), limits, factory))
    }

    fn build(
        identity: Identity,
        leaf: LeafKeeper,
        trust: Arc<Trust>,
        connections: Arc<Connections>,
        limits: Limits,
        factory: LinkFactory,
    ) -> Self {
        let inner = Inner {
            identity,
            leaf,
            api_leaf: OnceLock::new(),
            limits,
            trust,
            guests: Arc::default(),
            connections,
            factory,
            links: Mutex::default(),
            bundle_sequence: watch::Sender::new(0),
            digests: DigestBook::default(),
            statistics: StatisticsBook::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How old connections become.
    #[must_use]
    pub fn ages(&self) -> Ages {
        self.inner.limits.ages
    }

    /// Replaces the whole table at once. Who may no longer connect loses its connections; where a bundle is another one, those
    /// whose other end showed a certificate that it does not bear any more.
    pub fn set(&self, peers: Vec<PeerSettings>) {
        let table: Table = peers.into_iter().map(|peer| (peer.city.clone(), peer)).collect();
        // Held until the end, so that two calls at once can't mix.
        let mut links = self.links();
        let before = self.inner.trust.table();
        let mut kept = BTreeMap::new();
        for peer in table.values().filter(|peer| tls::admits(peer).is_ok()) {
            let link = match links.remove(&peer.city) {
                Some(old) if old.endpoint == peer.bundle.endpoint => old,
                _ => KeptLink { endpoint: peer.bundle.endpoint.clone(), link: (self.inner.factory)(peer) },
            };
            kept.insert(peer.city.clone(), link);
        }
        *links = kept;
        let may_go = |old: &&PeerSettings| table.get(&old.city).is_none_or(|new| tls::admits(new).is_err());
        let withdrawn: Vec<_> = before.values().filter(may_go).collect();
        let now_otherwise: Vec<_> = before.values().filter(|old| is_other(old, table.get(&old.city))).collect();
        self.inner.trust.replace(table);
        self.inner.trust.nudges.retain(|city| self.inner.trust.table().contains_key(city));
        for peer in now_otherwise {
            self.forget(&peer.city);
            self.judge_connections(&peer.city);
        }
        self.inner.digests.retain(&self.inner.trust.table());
        self.inner.statistics.retain(&self.inner.trust.table());
        for peer in withdrawn {
            self.inner.connections.close(&peer.city);
        }
    }

    /// Closes those connections with a city, both ways, that were made with a certificate which its present bundle does not bear.
    fn judge_connections(&self, city: &CityId) {
        let trust = &self.inner.trust;
        let closed = self.inner.connections.judge(city, |shown| shown.still_good(trust, city).is_ok());
        if closed > 0 {
            warn!(peer.city = %city, closed, "connections were closed: the city's bundle does not bear them any more");
        }
    }

    /// Makes chance fall as this seed says, in tests and simulations.
    pub fn seed(&self, seed: u64) {
        self.inner.trust.dice.seed(seed);
    }

    /// What is known of a peer.
    #[must_use]
    pub fn get(&self, city: &CityId) -> Option<PeerSettings> {
        self.inner.trust.table().get(city).cloned()
    }

    /// All peers, by city.
    #[must_use]
    pub fn all(&self) -> Vec<PeerSettings> {
        self.inner.trust.table().values().cloned().collect()
    }

    /// How a peer did last.
    #[must_use]
    pub fn health(&self, city: &CityId) -> Health {
        self.inner.trust.health.of(city)
    }

    /// Tells the peers, when they are greeted, that this is the sequence of our present bundle.
    pub fn set_bundle_sequence(&self, sequence: i64) {
        self.inner.bundle_sequence.send_replace(sequence);
    }

    /// The sequence of our present bundle, and when it changes.
    #[must_use]
    pub fn bundle_sequence(&self) -> watch::Receiver<i64> {
        self.inner.bundle_sequence.subscribe()
    }

    /// A peer said that its present bundle has this sequence. If the one that is held is older, it is to be looked at
    /// ([`Peers::nudged`]).
    pub fn heard_of_bundle(&self, city: &CityId, sequence: i64) {
        if let Some(peer) = self.inner.trust.table().get(city).filter(|peer| peer.state == PeerState::Active) {
            self.inner.trust.nudges.told(city, sequence, peer.bundle.sequence);
        }
    }

    /// A peer said which sequence of our bundle it holds.
    pub fn heard_what_it_holds(&self, city: &CityId, sequence: i64) {
        if sequence > 0 && self.inner.trust.table().contains_key(city) {
            self.inner.trust.health.update(city, |health| health.holds_of_ours = Some(sequence));
        }
    }

    /// From 0.8 to 1 of a time, so that not everything happens at once.
    #[must_use]
    pub fn jittered(&self, time: Duration) -> Duration {
        Ages::jittered(time, self.inner.trust.dice.roll())
    }

    /// Chance, from 0 up to, but not including, 1. Not for secrets.
    #[must_use]
    pub fn chance(&self) -> f64 {
        self.inner.trust.dice.roll()
    }

    /// The peers whose bundle is to be looked for at once, as soon as there are any.
    pub async fn nudged(&self) -> Vec<CityId> {
        self.inner.trust.nudges.due().await
    }

    /// A peer was looked at because of a nudge, and had a newer bundle or not.
    pub fn looked(&self, city: &CityId, newer: bool) {
        self.inner.trust.nudges.looked(city, newer);
    }

    /// The bundle that is held of a peer was found to be its present one.
    pub fn bundle_confirmed(&self, city: &CityId) {
        let now = self.inner.trust.clock.now();
        self.inner.trust.health.update(city, |health| health.bundle_confirmed = Some(now));
    }

    /// The certificate of this node, to be renewed from time to time.
    #[must_use]
    pub fn leaf(&self) -> &LeafKeeper {
        &self.inner.leaf
    }

    /// Keeps the certificate of the API in step with the city's CAs, too. Only the first one is kept.
    pub fn keep_api_leaf(&self, keeper: LeafKeeper) {
        let _ = self.inner.api_leaf.set(keeper);
    }

    /// Renews the certificates of this node, in the federation and of the API, where that is due.
    ///
    /// # Errors
    /// [`IdentityError`] if one can't be issued; the one before stays, and the other one is renewed all the same.
    pub fn renew_leaves(&self, now: time::OffsetDateTime) -> Result<(), IdentityError> {
        let renew = |listener: &str, keeper: &LeafKeeper| {
            if keeper.renew_if_due(now)? {
                info!(listener, certificate.expires = %keeper.expires(), "certificate renewed");
            }
            Ok(())
        };
        let federation = renew("federation", &self.inner.leaf);
        self.inner.api_leaf.get().map_or(Ok(()), |keeper| renew("api", keeper))?;
        federation
    }

    /// The TLS side of the federation listener.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        tls::peer_server_config(&self.inner.trust, &self.inner.leaf)
    }

    /// Closes all connections that a city holds to this node.
    pub fn close_connections(&self, city: &CityId) {
        self.inner.connections.close(city);
    }

    /// How many connections a city holds to this node.
    #[must_use]
    pub fn connections(&self, city: &CityId) -> usize {
        self.inner.connections.count(city)
    }

    /// How many connections this node holds to a city.
    #[must_use]
    pub fn own_connections(&self, city: &CityId) -> usize {
        self.inner.connections.count_own(city)
    }

    /// The number of the latest connection that a city has made to this node.
    #[cfg(test)]
    pub(crate) fn latest_connection(&self, city: &CityId) -> Option<u64> {
        self.inner.connections.latest(city)
    }

    /// Remembers that a peer called and was refused, and warns if that is new.
    pub fn refused(&self, city: &CityId, reason: Reason, description: &str) {
        self.inner.trust.trouble(city, Direction::Inbound, reason, description);
    }

    /// Remembers that what a peer answered can't be used, as merging found, and warns if that is new.
    pub fn answered_wrongly(&self, city: &CityId, reason: Reason, description: &str) {
        self.inner.trust.trouble(city, Direction::Outbound, reason, description);
    }

    /// Remembers that a peer's audit log is not what was seen of it: no other trouble hides this, and no answer ends it.
    pub fn audit_log_contradicts(&self, city: &CityId, reason: Reason, description: &str) {
        self.inner.trust.trouble(city, Direction::AuditLog, reason, description);
    }

    /// Remembers that a peer called and was served: no trouble of before is left.
    pub fn served(&self, city: &CityId) {
        self.inner.trust.health.update(city, |health| health.inbound = None);
        self.sign_of_life(city);
    }

    /// Greets a peer, approved or not, and keeps what it says about itself.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer, or answers as another city or in another protocol.
    pub async fn greet(&self, city: &CityId, within: Duration) -> Result<HelloResponse, LinkError> {
        let link = self.greeting_link(city)?;
        let clock = &self.inner.trust.clock;
        let (sent, started) = (clock.now(), Instant::now());
        let answer = self.bounded(city, within, link.hello(self.greeting(city), within)).await?;
        let checked = if answer.city != city.as_str() {
            Err((Outcome::Invalid, Reason::AnswerInvalid, "it answers in the name of another city".to_owned()))
        } else if answer.protocol_version < PROTOCOL_VERSION {
            let text = format!("it speaks protocol {}, we speak {PROTOCOL_VERSION}", answer.protocol_version);
            Err((Outcome::Incompatible, Reason::ProtocolIncompatible, text))
        } else {
            Ok(())
        };
        if let Err((outcome, reason, text)) = checked {
            return Err(self.note(city, LinkError::new(outcome, reason, text)));
        }
        self.sign_of_life(city);
        self.seen_position(city, &answer.epoch, answer.sequence);
        let agreement = answer.sharing_agreement.clone().map(|one| as_kept(one, self.inner.identity.city()));
        let etag = agreement.as_ref().map(|one| one.etag.as_str()).unwrap_or_default();
        self.seen_agreement(city, answer.audience(), etag);
        self.heard_what_it_holds(city, answer.held_bundle_sequence);
        // Its clock stands for the middle of the way there and back.
        let half = time::Duration::try_from(started.elapsed() / 2).unwrap_or_default();
        let skew = answer.time.as_ref().and_then(clock::from_timestamp).map(|theirs| theirs - (sent + half));
        if let Some(skew) = skew.filter(|skew| skew.abs() > TOLERATED_SKEW) {
            warn!(peer.city = %city, skew_ms = skew.whole_milliseconds(), "the clocks differ by more than 5 min; check both");
        }
        self.inner.trust.health.update(city, |health| {
            health.last_answer = Some(clock.now());
            health.approved_by_peer = Some(answer.approved);
            health.outbound = None;
            health.clock_skew = skew;
            health.sharing_agreement.clone_from(&agreement);
            if answer.approved && answer.records >= 0 {
                health.records = Some(answer.records);
            }
        });
        Ok(answer)
    }

    /// Whether a peer gives us records when we ask, as far as it has said. Otherwise there are no digests and no statistics of it, and
    /// none are asked for.
    pub(crate) fn gives_records(&self, city: &CityId) -> bool {
        let gives = |agreement: SharingAgreement| {
            agreement.live_query && sharing::granularity(&agreement) == Granularity::Records
        };
        self.inner.trust.health.of(city).sharing_agreement.is_none_or(gives)
    }

    /// Reads one record of a peer as its home city signed it. The signature is for the caller to check.
    ///
    /// # Errors
    /// [`LinkError`]; with reason `RESOURCE_NOT_FOUND` if the peer has no such record for us.
    pub async fn get_record(
        &self,
        city: &CityId,
        request: GetRecordRequest,
        within: Duration,
    ) -> Result<Envelope, LinkError> {
        let link = self.admitted_link(city)?;
        self.bounded(city, within, link.get_record(request, within)).await
    }

    /// Reads a peer's present trust bundle as a file, after the files of those that lead to it from the one that is held here.
    /// Whether to believe it is for the caller to decide: [`Bundle::advance`].
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn fetch_bundle(&self, city: &CityId, within: Duration) -> Result<Vec<Bytes>, LinkError> {
        let link = self.greeting_link(city)?;
        let request = self.bundle_request(city);
        files(self.bounded(city, within, link.get_bundle(request, within)).await?)
    }

    /// The same from whoever answers in the peer's name, though what is held of it here does not prove that it is the peer, or
    /// has expired. Also where the peer is left alone because it fails: this is how it may be reached again.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn recover_bundle(&self, city: &CityId, within: Duration) -> Result<Vec<Bytes>, LinkError> {
        let approved = self.get(city).is_some_and(|peer| peer.state == PeerState::Active);
        let link = self.links().get(city).filter(|_| approved).map(|kept| kept.link.clone());
        let Some(link) = link else {
            let text = format!("{city} is not an approved peer here");
            return Err(LinkError::new(Outcome::NotAsked, Reason::PeerNotApproved, text));
        };
        let request = self.bundle_request(city);
        let answer = timeout(within, link.recover_bundle(request, within)).await;
        files(answer.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))?)
    }

    fn bundle_request(&self, city: &CityId) -> GetBundleRequest {
        GetBundleRequest { held_sequence: self.get(city).map_or(0, |peer| peer.bundle.sequence) }
    }

    /// Reads the membership list that an active peer has in force; `None` if it has none of a later version than this. Whether to believe
    /// it is for the caller to decide.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer, or has none.
    pub async fn fetch_directory(
        &self,
        city: &CityId,
        version: i64,
        within: Duration,
    ) -> Result<Option<Envelope>, LinkError> {
        let link = self.admitted_link(city)?;
        let answer = self.bounded(city, within, link.get_directory(GetDirectoryRequest { version }, within)).await?;
        Ok(answer.directory)
    }

    /// Enters a connection of a peer, unless it is none, or has lost its admission since the handshake. Judged anew: a guest whose
    /// city became a peer meanwhile has proven nothing yet.
    pub(crate) fn admit(&self, city: &CityId, most: usize, shown: &Credential) -> Option<Entry> {
        let entry = self.inner.connections.enter(city, most, shown.clone());
        // After entering: from here on, a change of the table closes the connection.
        shown.still_good(&self.inner.trust, city).ok()?;
        self.inner.trust.health.update(city, |health| health.inbound = None);
        self.sign_of_life(city);
        Some(entry)
    }

    pub(crate) fn guest_connections(&self) -> &Arc<Connections> {
        &self.inner.guests
    }

    /// The link to a city in whatever state it is.
    pub(crate) fn any_link(&self, city: &CityId) -> Result<Arc<dyn Link>, LinkError> {
        let unknown = || LinkError::new(Outcome::NotAsked, Reason::PeerUnknown, format!("{city} is not a peer here"));
        self.links().get(city).map(|kept| kept.link.clone()).ok_or_else(unknown)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.inner.trust
    }

    pub(crate) fn shared_trust(&self) -> Arc<Trust> {
        self.inner.trust.clone()
    }

    pub(crate) fn lookout(&self) -> &Lookout {
        &self.inner.trust.lookout
    }

    pub(crate) fn digests(&self) -> &DigestBook {
        &self.inner.digests
    }

    pub(crate) fn statistics_book(&self) -> &StatisticsBook {
        &self.inner.statistics
    }

    /// The link to an active peer whose circuit lets it be called, for one call.
    pub(crate) fn admitted_link(&self, city: &CityId) -> Result<Arc<dyn Link>, LinkError> {
        let link = self.link(city, &[PeerState::Active])?;
        let permit = self.admits(city).map_err(|held| LinkError::held(&held))?;
        Ok(Arc::new(Observed::new(self, city, link, permit, None)))
    }

    /// The link to a peer, approved or not, for a greeting.
    fn greeting_link(&self, city: &CityId) -> Result<Arc<dyn Link>, LinkError> {
        let link = self.link(city, &[PeerState::Active, PeerState::Invited])?;
        let permit = self.admits_greeting(city).map_err(|held| LinkError::held(&held))?;
        Ok(Arc::new(Observed::new(self, city, link, permit, None)))
    }

    /// Forgets what a peer said of its records, and that it failed: it is another one from now on, or was held back.
    fn forget(&self, city: &CityId) {
        self.inner.digests.drop_digest(city);
        self.inner.statistics.forget(city);
        self.sign_of_life(city);
    }

    /// The link to a peer that may be called in these states.
    pub(crate) fn link(&self, city: &CityId, states: &[PeerState]) -> Result<Arc<dyn Link>, LinkError> {
        let table = self.inner.trust.table();
        let Some(peer) = table.get(city) else {
            return Err(LinkError::new(Outcome::NotAsked, Reason::PeerUnknown, format!("{city} is not a peer here")));
        };
        if peer.state == PeerState::Suspended {
            let text = format!("the peering is suspended here: {}", peer.state_reason);
            return Err(LinkError::new(Outcome::Suspended, Reason::PeerSuspended, text));
        }
        if peer.state == PeerState::Left {
            let text = format!("the peering has ended here: {}", peer.state_reason);
            return Err(LinkError::new(Outcome::NotAsked, Reason::PeerLeft, text));
        }
        if !states.contains(&peer.state) {
            let text = format!("{city} is not an approved peer here");
            return Err(LinkError::new(Outcome::NotAsked, Reason::PeerNotApproved, text));
        }
        if peer.bundle.expired(self.inner.trust.clock.now()) {
            let text = tls::HandshakeRefusal::BundleExpired(city.clone()).to_string();
            return Err(self.note(city, LinkError::new(Outcome::Unreachable, Reason::BundleInvalid, text)));
        }
        let unmade = || LinkError::new(Outcome::Unreachable, Reason::Connection, "the table of peers is just changing");
        self.links().get(city).map(|kept| kept.link.clone()).ok_or_else(unmade)
    }

    /// Remembers why a peer could not be called or what it said instead of an answer.
    pub(crate) fn note(&self, city: &CityId, error: LinkError) -> LinkError {
        // That a record is not there is an answer.
        if error.outcome == Outcome::AnsweredEmpty {
            return error;
        }
        if error.reason == Reason::PeerNotApproved && error.outcome == Outcome::Refused {
            self.inner.trust.health.update(city, |health| health.approved_by_peer = Some(false));
        }
        self.inner.trust.trouble(city, Direction::Outbound, error.reason, &error.description);
        error
    }

    pub(crate) async fn bounded<T>(
        &self,
        city: &CityId,
        within: Duration,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let answer = timeout(within, call).await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)));
        answer.map_err(|error| self.note(city, error))
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<CityId, KeptLink>> {
        self.inner.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Peers")
            .field("city", self.inner.identity.city())
            .field("peers", &self.inner.trust.table().len())
            .finish_non_exhaustive()
    }
}

/// What a peer grants us, as far as it may be kept: it is a stranger's text.
fn as_kept(mut agreement: SharingAgreement, own: &CityId) -> SharingAgreement {
    let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    agreement.city = own.to_string();
    agreement.etag = short(&agreement.etag, 100);
    agreement.note = short(&agreement.note, 2_000);
    agreement.author.clear();
    agreement.kinds.truncate(50);
    agreement.kinds.iter_mut().for_each(|kind| *kind = short(kind, 100));
    agreement.purposes.truncate(50);
    agreement
}

/// Whether what was known of a peer's records may be otherwise now: it was or is held back, or has another bundle.
fn is_other(old: &PeerSettings, new: Option<&PeerSettings>) -> bool {
    new.is_none_or(|new| new.state != old.state || new.bundle.file != old.bundle.file)
}

/// The bundles in an answer as files, in their order.
fn files(answer: GetBundleResponse) -> Result<Vec<Bytes>, LinkError> {
    let none = || LinkError::new(Outcome::Invalid, Reason::AnswerInvalid, "the answer holds no bundle");
    let last = answer.bundle.ok_or_else(none)?;
    Ok(answer.before.iter().chain([&last]).map(|sealed| Bytes::from(envelope::to_file(sealed))).collect())
}

#[cfg(test)]
mod tests;
