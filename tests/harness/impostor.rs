//! A peer with keys of its own that speaks the protocol and breaks it as the test says.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, Clock as _, clock::FixedClock};
use isopolity_federation::{Bundle, Identity, Limits, ListenerLimits, PeerSettings, Peers, listener::accept_peers};
use isopolity_proto::{
    admin::PeerState,
    federation::{
        DeliverEventsRequest, DeliverEventsResponse, FetchEventsRequest, FetchEventsResponse, GetAuditHeadRequest,
        GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest, GetDigestResponse,
        GetDirectoryRequest, GetDirectoryResponse, GetInviterBundleRequest, GetInviterBundleResponse, GetRecordRequest,
        GetRecordResponse, GetStatisticsRequest, GetStatisticsResponse, HelloRequest, HelloResponse, JoinRequest,
        JoinResponse, ListAuditedCallsRequest, ListAuditedCallsResponse, QueryRequest, QueryResponse, WatchRequest,
        WatchResponse, WitnessAuditHeadRequest, WitnessAuditHeadResponse,
        federation_service_server::{FederationService, FederationServiceServer},
    },
    options::Audience,
};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, transport::Server};

use crate::{TestNode, clock, script::Writer};

/// What it answers to a question.
#[derive(Clone, Debug)]
pub enum Speech {
    /// These parts, then the stream ends.
    Parts(Vec<QueryResponse>),
    /// These parts, then nothing more.
    Hang(Vec<QueryResponse>),
    /// These parts, and the last of them again for ever.
    Endless(Vec<QueryResponse>),
    /// An error.
    Refuses(Status),
}

/// A peer that breaks the protocol.
pub struct Impostor {
    /// What it calls itself.
    pub city: CityId,
    /// The keys that its bundle names.
    pub identity: Identity,
    /// Its trust bundle.
    pub bundle: Bytes,
    /// Makes its answers.
    pub writer: Writer,
    peers: Peers,
    clock: Arc<FixedClock>,
    speech: Arc<Mutex<Speech>>,
    told: Arc<Mutex<Vec<JoinRequest>>>,
    version: Arc<AtomicI32>,
    _serving: AbortOnDropHandle<()>,
}

impl Impostor {
    /// Starts a peer with new keys.
    pub async fn start(city: &str) -> Self {
        let identity = new_identity(city);
        Self::start_with(identity.clone(), identity).await
    }

    /// Starts a peer whose certificate comes from other keys than those that its bundle names.
    pub async fn start_with(identity: Identity, shown: Identity) -> Self {
        let clock = clock::clock();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let peers = Peers::new(shown, clock.clone(), here()).unwrap();
        let writer = Writer::new(identity.clone());
        let speech = Arc::new(Mutex::new(Speech::Parts(writer.answer(0))));
        let bundle = identity.sign_bundle(&format!("https://{address}"), 1, clock.now());
        let (told, version) = (Arc::default(), Arc::new(AtomicI32::new(1)));
        let desk = Desk {
            city: identity.city().clone(),
            bundle: bundle.clone(),
            clock: clock.clone(),
            speech: Arc::clone(&speech),
            told: Arc::clone(&told),
            version: Arc::clone(&version),
        };
        let incoming = accept_peers(listener, &peers, ListenerLimits::default());
        let serving = tokio::spawn(async move {
            let service = FederationServiceServer::new(desk).max_encoding_message_size(64 << 20);
            drop(Server::builder().add_service(service).serve_with_incoming(incoming).await);
        });
        Self {
            city: identity.city().clone(),
            bundle,
            identity,
            writer,
            peers,
            clock,
            speech,
            told,
            version,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// What it answers from now on.
    pub fn say(&self, speech: Speech) {
        *self.speech.lock().unwrap() = speech;
    }

    /// Which version of the protocol it speaks from now on.
    pub fn speak(&self, version: i32) {
        self.version.store(version, Ordering::Relaxed);
    }

    /// Lets everybody in who calls, as a node with an open invitation does.
    pub fn open_the_door(&self) {
        self.peers.let_guests_in_until(Some(self.clock.now() + time::Duration::days(1)));
    }

    /// The invitations that were presented to it.
    pub fn told(&self) -> Vec<JoinRequest> {
        self.told.lock().unwrap().clone()
    }

    /// Makes a node and the impostor peers that approve each other.
    pub async fn join(&self, node: &TestNode) {
        let bundle = Bundle::parse(&node.api.bundle().await).unwrap();
        let mut known = self.peers.all();
        known.push(PeerSettings {
            city: bundle.city.clone(),
            state: PeerState::Active,
            state_reason: String::new(),
            bundle,
            records: 0,
            circuit: Bytes::new(),
        });
        self.peers.set(known);
        node.api.add_peer(&self.bundle).await.unwrap();
        node.api.approve(self.city.as_str(), Audience::Public).await;
    }

    /// Its clock.
    pub fn clock(&self) -> &FixedClock {
        &self.clock
    }
}

/// The usual limits, on this machine.
fn here() -> Limits {
    Limits { allow_private_addresses: true, ..Limits::default() }
}

/// New keys that call themselves a city's; their files are gone already.
pub fn new_identity(city: &str) -> Identity {
    let folder = tempfile::tempdir().unwrap();
    Identity::create(&folder.path().join("trust"), &city.parse().unwrap(), clock::clock().now()).unwrap()
}

struct Desk {
    city: CityId,
    bundle: Bytes,
    clock: Arc<FixedClock>,
    speech: Arc<Mutex<Speech>>,
    told: Arc<Mutex<Vec<JoinRequest>>>,
    version: Arc<AtomicI32>,
}

#[tonic::async_trait]
impl FederationService for Desk {
    type QueryStream = BoxStream<'static, Result<QueryResponse, Status>>;
    type WatchStream = BoxStream<'static, Result<WatchResponse, Status>>;

    async fn hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(Response::new(HelloResponse {
            city: self.city.to_string(),
            protocol_version: self.version.load(Ordering::Relaxed),
            analyser: isopolity_domain::text::ANALYSER.into(),
            software: "impostor".into(),
            time: Some(self.clock.timestamp()),
            bundle_sequence: 1,
            approved: true,
            audience: Audience::Public.into(),
            ..Default::default()
        }))
    }

    async fn get_bundle(&self, _: Request<GetBundleRequest>) -> Result<Response<GetBundleResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn get_inviter_bundle(
        &self,
        _: Request<GetInviterBundleRequest>,
    ) -> Result<Response<GetInviterBundleResponse>, Status> {
        let bundle = isopolity_domain::envelope::from_file(&self.bundle).unwrap();
        Ok(Response::new(GetInviterBundleResponse { bundle: Some(bundle) }))
    }

    async fn get_directory(&self, _: Request<GetDirectoryRequest>) -> Result<Response<GetDirectoryResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        self.told.lock().unwrap().push(request.into_inner());
        Ok(Response::new(JoinResponse { city: self.city.to_string() }))
    }

    async fn query(&self, _: Request<QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let speech = self.speech.lock().unwrap().clone();
        let parts = match speech {
            Speech::Parts(parts) => stream::iter(parts.into_iter().map(Ok)).boxed(),
            Speech::Hang(parts) => stream::iter(parts.into_iter().map(Ok)).chain(stream::pending()).boxed(),
            Speech::Endless(parts) => {
                let last = parts.last().cloned().unwrap_or_default();
                stream::iter(parts).chain(stream::repeat(last)).map(Ok).boxed()
            }
            Speech::Refuses(status) => return Err(status),
        };
        Ok(Response::new(parts))
    }

    async fn get_statistics(
        &self,
        _: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
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

    async fn get_digest(&self, _: Request<GetDigestRequest>) -> Result<Response<GetDigestResponse>, Status> {
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

    async fn get_record(&self, request: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        Err(Status::not_found(request.into_inner().name))
    }
}
