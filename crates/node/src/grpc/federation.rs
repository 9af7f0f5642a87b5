//! What peers get. The caller is the city that the TLS handshake authenticated.

use std::{pin::Pin, time::Duration};

use futures::StreamExt as _;
use isopolity_domain::{CityId, envelope};
use isopolity_federation::PeerIdentity;
use isopolity_proto::federation::{
    DeliverEventsRequest, DeliverEventsResponse, FetchEventsRequest, FetchEventsResponse, GetAuditHeadRequest,
    GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest, GetDigestResponse,
    GetDirectoryRequest, GetDirectoryResponse, GetInviterBundleRequest, GetInviterBundleResponse, GetRecordRequest,
    GetRecordResponse, GetStatisticsRequest, GetStatisticsResponse, HelloRequest, HelloResponse, JoinRequest,
    JoinResponse, ListAuditedCallsRequest, ListAuditedCallsResponse, QueryRequest, QueryResponse, WatchRequest,
    WatchResponse, WitnessAuditHeadRequest, WitnessAuditHeadResponse, federation_service_server::FederationService,
};
use isopolity_registry::{Error, answer::Parts, invitation::JoinRefusal};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use tracing::info;

use super::{
    Services, deadline,
    status::{deadline_exceeded, reason_name, status},
};

#[tonic::async_trait]
impl FederationService for Services {
    type QueryStream = Pin<Box<dyn Stream<Item = Result<QueryResponse, Status>> + Send>>;
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let peer = peer(&request)?;
        let answer =
            self.registry.greeted(&peer, request.get_ref()).await.map_err(|error| self.refused(&peer, &error))?;
        Ok(Response::new(answer))
    }

    async fn get_bundle(&self, request: Request<GetBundleRequest>) -> Result<Response<GetBundleResponse>, Status> {
        let peer = peer(&request)?;
        let found = self.registry.bundle_for_peer(&peer, request.get_ref()).await;
        Ok(Response::new(found.map_err(|error| self.refused(&peer, &error))?))
    }

    async fn get_inviter_bundle(
        &self,
        request: Request<GetInviterBundleRequest>,
    ) -> Result<Response<GetInviterBundleResponse>, Status> {
        anyone(&request)?;
        let file = self.registry.bundle_for_guest().await.map_err(|error| status(&error))?;
        let bundle = envelope::from_file(&file).map_err(|error| status(&Error::internal(error)))?;
        Ok(Response::new(GetInviterBundleResponse { bundle: Some(bundle) }))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let identity = anyone(&request)?;
        let joined = self.registry.joined(&identity, request.into_inner()).await;
        Ok(Response::new(joined.map_err(|error| status(&error))?))
    }

    async fn get_directory(
        &self,
        request: Request<GetDirectoryRequest>,
    ) -> Result<Response<GetDirectoryResponse>, Status> {
        let peer = peer(&request)?;
        let found = self.registry.directory_for_peer(&peer, request.get_ref().version).await;
        Ok(Response::new(GetDirectoryResponse { directory: found.map_err(|error| self.refused(&peer, &error))? }))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let peer = peer(&request)?;
        let within = self.time_for(&request);
        let parts = self.in_time(&peer, within, self.registry.answer(&peer, request.into_inner(), within)).await?;
        self.registry.federation().served(&peer);
        Ok(Response::new(Box::pin(self.clone().said_to(peer, parts))))
    }

    async fn get_statistics(
        &self,
        request: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        let peer = peer(&request)?;
        let within = self.time_for(&request);
        let counted = self.registry.statistics_for_peer(&peer, request.into_inner(), within);
        Ok(Response::new(self.in_time(&peer, within, counted).await?))
    }

    async fn get_digest(&self, request: Request<GetDigestRequest>) -> Result<Response<GetDigestResponse>, Status> {
        let peer = peer(&request)?;
        let within = self.time_for(&request);
        let made = self.registry.digest_for_peer(&peer, request.get_ref(), within);
        Ok(Response::new(self.in_time(&peer, within, made).await?))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let peer = peer(&request)?;
        let told = self.registry.watched_by_peer(&peer, request.into_inner());
        let parts =
            told.map_err(|error| self.refused(&peer, &error))?.take_until(self.draining.clone().cancelled_owned());
        Ok(Response::new(Box::pin(self.clone().said_to(peer, parts.boxed()))))
    }

    async fn get_audit_head(
        &self,
        request: Request<GetAuditHeadRequest>,
    ) -> Result<Response<GetAuditHeadResponse>, Status> {
        let peer = peer(&request)?;
        let head = self.registry.audit_head_for_peer(&peer, request.get_ref()).await;
        Ok(Response::new(head.map_err(|error| self.refused(&peer, &error))?))
    }

    async fn witness_audit_head(
        &self,
        request: Request<WitnessAuditHeadRequest>,
    ) -> Result<Response<WitnessAuditHeadResponse>, Status> {
        let peer = peer(&request)?;
        let kept = self.registry.witnessed_by_peer(&peer, request.get_ref()).await;
        kept.map_err(|error| self.refused(&peer, &error))?;
        Ok(Response::new(WitnessAuditHeadResponse {}))
    }

    async fn list_audited_calls(
        &self,
        request: Request<ListAuditedCallsRequest>,
    ) -> Result<Response<ListAuditedCallsResponse>, Status> {
        let peer = peer(&request)?;
        let calls = self.registry.audited_calls_for_peer(&peer, request.get_ref()).await;
        Ok(Response::new(calls.map_err(|error| self.refused(&peer, &error))?))
    }

    async fn deliver_events(
        &self,
        request: Request<DeliverEventsRequest>,
    ) -> Result<Response<DeliverEventsResponse>, Status> {
        let peer = peer(&request)?;
        let kept = self.registry.receive_events(&peer, request.into_inner()).await;
        let kept = kept.map_err(|error| self.refused(&peer, &error))?;
        self.registry.federation().served(&peer);
        Ok(Response::new(kept))
    }

    async fn fetch_events(
        &self,
        request: Request<FetchEventsRequest>,
    ) -> Result<Response<FetchEventsResponse>, Status> {
        let peer = peer(&request)?;
        let found = self.registry.events_for_peer(&peer, request.get_ref()).await;
        let found = found.map_err(|error| self.refused(&peer, &error))?;
        self.registry.federation().served(&peer);
        Ok(Response::new(found))
    }

    async fn get_record(&self, request: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        let peer = peer(&request)?;
        let found = self.registry.record_for_peer(&peer, request.get_ref()).await;
        let envelope = found.map_err(|error| self.refused(&peer, &error))?;
        Ok(Response::new(GetRecordResponse { envelope: Some(envelope) }))
    }
}

/// The city at the other end of the connection. A guest is none: its name is only a claim.
fn peer<T>(request: &Request<T>) -> Result<CityId, Status> {
    let identity = identity(request)?;
    match identity.guest {
        None => Ok(identity.city.clone()),
        Some(_) => Err(status(&JoinRefusal::OnlyJoins.into())),
    }
}

/// Whoever is at the other end of the connection, for the two steps of joining.
fn anyone<T>(request: &Request<T>) -> Result<PeerIdentity, Status> {
    let identity = identity(request)?;
    if identity.guest.as_ref().is_some_and(|guest| !guest.may_call()) {
        let what = "a city that is no peer calls too often".to_owned();
        return Err(status(&Error::Overloaded { what, retry_after: Duration::from_mins(1) }));
    }
    Ok(identity.clone())
}

fn identity<T>(request: &Request<T>) -> Result<&PeerIdentity, Status> {
    let missing = || status(&Error::internal("a connection of the federation listener has no peer"));
    request.extensions().get::<PeerIdentity>().ok_or_else(missing)
}

impl Services {
    /// The time that a peer gives for a call.
    fn time_for<T>(&self, request: &Request<T>) -> Duration {
        deadline::of(request.metadata()).unwrap_or_else(|| self.registry.patience_with_peers())
    }

    /// What a call comes to within its time.
    async fn in_time<T>(
        &self,
        peer: &CityId,
        within: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Status> {
        tokio::select! {
            biased;
            done = tokio::time::timeout(within, call) => match done {
                Ok(done) => done.map_err(|error| self.refused(peer, &error)),
                Err(_elapsed) => Err(deadline_exceeded()),
            },
            why = self.registry.held_back(peer) => Err(self.refused(peer, &why)),
        }
    }

    /// The parts of an answer as they go to a peer.
    fn said_to<T: Send + 'static>(self, peer: CityId, parts: Parts<T>) -> impl Stream<Item = Result<T, Status>> + Send {
        self.registry.while_active(&peer, parts).map(move |part| part.map_err(|error| self.refused(&peer, &error)))
    }

    /// The status that a peer gets. Where the peer itself is refused, this side's log and its list of peers name it too.
    pub(super) fn refused(&self, peer: &CityId, error: &Error) -> Status {
        let of_peer = matches!(error, Error::PeerNotApproved(_) | Error::PeerSuspended { .. } | Error::PeerLeft { .. });
        if of_peer || matches!(error, Error::PeerUnknown(_)) {
            self.registry.federation().refused(peer, error.reason(), &error.to_string());
        } else {
            info!(peer.city = %peer, reason = reason_name(error.reason()), %error, "a peer's call was refused");
        }
        status(error)
    }
}
