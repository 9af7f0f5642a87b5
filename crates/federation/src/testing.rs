//! What several tests need.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, Clock as _, clock::FixedClock};
use isopolity_proto::{
    admin::PeerState,
    federation::{
        DeliverEventsRequest, DeliverEventsResponse, Envelope, FetchEventsRequest, FetchEventsResponse,
        GetAuditHeadRequest, GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest,
        GetDigestResponse, GetDirectoryRequest, GetDirectoryResponse, GetInviterBundleRequest,
        GetInviterBundleResponse, GetRecordRequest, GetRecordResponse, GetStatisticsRequest, GetStatisticsResponse,
        HelloRequest, HelloResponse, JoinRequest, JoinResponse, ListAuditedCallsRequest, ListAuditedCallsResponse,
        QueryEnd, QueryHit, QueryRequest, QueryResponse, QueryStart, SortKey, WatchRequest, WatchResponse,
        WitnessAuditHeadRequest, WitnessAuditHeadResponse,
        federation_service_server::{FederationService, FederationServiceServer},
        query_response::Part,
        sort_key,
    },
};
use time::{OffsetDateTime, macros::datetime};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};

use crate::{
    Bundle, Identity, LeafKeeper, Limits, ListenerLimits, PeerIdentity, PeerSettings, Peers, link::LARGEST_MESSAGE,
    listener::accept_peers,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2013-03-15 12:00 UTC);

pub(crate) fn city(id: &str) -> CityId {
    id.parse().unwrap()
}

/// The usual limits, on this machine.
pub(crate) fn here() -> Limits {
    Limits { allow_private_addresses: true, ..Limits::default() }
}

/// New keys of a city; their files are gone already.
pub(crate) fn identity(id: &str) -> Identity {
    let folder = tempfile::tempdir().unwrap();
    Identity::create(&folder.path().join("trust"), &city(id), NOW).unwrap()
}

/// New keys of a city whose files stay as long as the folder is held.
pub(crate) fn lasting_identity(id: &str) -> (tempfile::TempDir, Identity) {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::create(&folder.path().join("trust"), &city(id), NOW).unwrap();
    (folder, identity)
}

/// Runs `openssl` in a folder.
pub(crate) fn openssl(folder: &std::path::Path, arguments: &str) {
    let ran = std::process::Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let ran = ran.expect("this test needs the program openssl: install it (apt-get install openssl)");
    assert!(ran.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(NOW))
}

/// A city as another one has it in its table.
pub(crate) fn peer_of(identity: &Identity, endpoint: &str, state: PeerState) -> PeerSettings {
    PeerSettings {
        city: identity.city().clone(),
        state,
        state_reason: "a test".to_owned(),
        bundle: Bundle::parse(&identity.sign_bundle(endpoint, 1, NOW)).unwrap(),
        records: 7,
        circuit: bytes::Bytes::new(),
    }
}

/// Who called last, and the deadline that came along.
type LastCall = Arc<Mutex<Option<(PeerIdentity, Option<String>)>>>;

/// A node with a real federation listener, serving a catalogue of two records.
pub(crate) struct Node {
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) peers: Peers,
    pub(crate) address: SocketAddr,
    pub(crate) last_call: LastCall,
    _serving: AbortOnDropHandle<()>,
}

impl Node {
    pub(crate) async fn start(id: &str) -> Self {
        Self::start_as(identity(id), ListenerLimits::default()).await
    }

    pub(crate) async fn start_as(identity: Identity, limits: ListenerLimits) -> Self {
        let leaf = LeafKeeper::node(identity, NOW).unwrap();
        Self::start_showing(leaf, limits).await
    }

    /// A node that shows a certificate of the test's choice.
    pub(crate) async fn start_showing(leaf: LeafKeeper, limits: ListenerLimits) -> Self {
        let (clock, identity) = (clock(), leaf.identity().clone());
        let peers = Peers::with_leaf(leaf, clock.clone(), here());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let last_call = Arc::default();
        let desk = Desk { city: identity.city().clone(), clock: clock.clone(), last_call: Arc::clone(&last_call) };
        let incoming = accept_peers(listener, &peers, limits);
        let serving = tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(FederationServiceServer::new(desk));
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self { identity, clock, peers, address, last_call, _serving: AbortOnDropHandle::new(serving) }
    }

    pub(crate) fn city(&self) -> &CityId {
        self.identity.city()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How another city has this one in its table.
    pub(crate) fn as_peer(&self, state: PeerState) -> PeerSettings {
        peer_of(&self.identity, &self.endpoint(), state)
    }

    /// What stands in this node's health about calls from a city.
    pub(crate) fn inbound_trouble(&self, city: &CityId) -> String {
        self.peers.health(city).inbound.map(|trouble| trouble.description).unwrap_or_default()
    }
}

/// Two nodes that have approved each other.
pub(crate) async fn pair() -> (Node, Node) {
    let (geneve, feira) = (Node::start("geneve.example").await, Node::start("feira.example").await);
    geneve.peers.set(vec![feira.as_peer(PeerState::Active)]);
    feira.peers.set(vec![geneve.as_peer(PeerState::Active)]);
    (geneve, feira)
}

pub(crate) fn start_part(total: i64) -> QueryResponse {
    let start = QueryStart { total, records: 9, epoch: "e".into(), sequence: 3, ..QueryStart::default() };
    QueryResponse { part: Some(Part::Start(start)) }
}

pub(crate) fn hit_part(number: usize) -> QueryResponse {
    let key = SortKey { key: Some(sort_key::Key::Score(1.0)) };
    let name = format!("cities/feira.example/partnerships/{number}");
    let hit = QueryHit { sort_key: Some(key), name, envelope: Some(Envelope::default()) };
    QueryResponse { part: Some(Part::Hit(hit)) }
}

pub(crate) fn end_part(hits: i32) -> QueryResponse {
    QueryResponse { part: Some(Part::End(QueryEnd { hits })) }
}

struct Desk {
    city: CityId,
    clock: Arc<FixedClock>,
    last_call: LastCall,
}

impl Desk {
    fn note<T>(&self, request: &Request<T>) {
        let peer = request.extensions().get::<PeerIdentity>().unwrap().clone();
        let deadline = request.metadata().get("grpc-timeout").map(|value| value.to_str().unwrap().to_owned());
        *self.last_call.lock().unwrap() = Some((peer, deadline));
    }
}

#[async_trait]
impl FederationService for Desk {
    type QueryStream = BoxStream<'static, Result<QueryResponse, Status>>;
    type WatchStream = BoxStream<'static, Result<WatchResponse, Status>>;

    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.note(&request);
        Ok(Response::new(HelloResponse {
            city: self.city.to_string(),
            protocol_version: 1,
            time: Some(self.clock.timestamp()),
            approved: true,
            ..HelloResponse::default()
        }))
    }

    async fn get_bundle(&self, _: Request<GetBundleRequest>) -> Result<Response<GetBundleResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_inviter_bundle(
        &self,
        _: Request<GetInviterBundleRequest>,
    ) -> Result<Response<GetInviterBundleResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_directory(&self, _: Request<GetDirectoryRequest>) -> Result<Response<GetDirectoryResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn join(&self, _: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        self.note(&request);
        let parts = [start_part(2), hit_part(0), hit_part(1), end_part(2)];
        Ok(Response::new(stream::iter(parts.map(Ok)).boxed()))
    }

    async fn get_record(&self, _: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        // Larger than any peer takes.
        let envelope = Envelope { payload: vec![0; LARGEST_MESSAGE + 1].into(), ..Envelope::default() };
        Ok(Response::new(GetRecordResponse { envelope: Some(envelope) }))
    }

    async fn get_statistics(
        &self,
        _: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_digest(&self, _: Request<GetDigestRequest>) -> Result<Response<GetDigestResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_audit_head(&self, _: Request<GetAuditHeadRequest>) -> Result<Response<GetAuditHeadResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn witness_audit_head(
        &self,
        _: Request<WitnessAuditHeadRequest>,
    ) -> Result<Response<WitnessAuditHeadResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn list_audited_calls(
        &self,
        _: Request<ListAuditedCallsRequest>,
    ) -> Result<Response<ListAuditedCallsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn deliver_events(
        &self,
        _: Request<DeliverEventsRequest>,
    ) -> Result<Response<DeliverEventsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn fetch_events(&self, _: Request<FetchEventsRequest>) -> Result<Response<FetchEventsResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
