//! What peers get. The caller is the city that the TLS handshake authenticated.

use std::{pin::Pin, time::Duration};

use futures::StreamExt as _;
use isopolity_domain::CityId;
use isopolity_federation::PeerIdentity;
use isopolity_proto::federation::{
    GetBundleRequest, GetBundleResponse, GetDigestRequest, GetDigestResponse, GetRecordRequest, GetRecordResponse,
    GetStatisticsRequest, GetStatisticsResponse, HelloRequest, HelloResponse, QueryRequest, QueryResponse,
    WatchRequest, WatchResponse, federation_service_server::FederationService,
};
use isopolity_registry::Error;
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
        Ok(Response::new(Box::pin(self.clone().said_to(peer, parts))))
    }

    async fn get_record(&self, request: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        let peer = peer(&request)?;
        let found = self.registry.record_for_peer(&peer, request.get_ref()).await;
        let envelope = found.map_err(|error| self.refused(&peer, &error))?;
        Ok(Response::new(GetRecordResponse { envelope: Some(envelope) }))
    }
}

/// The city at the other end of the connection.
fn peer<T>(request: &Request<T>) -> Result<CityId, Status> {
    match request.extensions().get::<PeerIdentity>() {
        Some(identity) => Ok(identity.city.clone()),
        None => Err(status(&Error::internal("a connection of the federation listener has no peer"))),
    }
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
        match tokio::time::timeout(within, call).await {
            Ok(done) => done.map_err(|error| self.refused(peer, &error)),
            Err(_elapsed) => Err(deadline_exceeded()),
        }
    }

    /// The parts of an answer as they go to a peer.
    fn said_to<T: Send>(
        self,
        peer: CityId,
        parts: impl Stream<Item = Result<T, Error>> + Send,
    ) -> impl Stream<Item = Result<T, Status>> + Send {
        parts.map(move |part| part.map_err(|error| self.refused(&peer, &error)))
    }

    /// The status that a peer gets. Where the peer itself is refused, this side's log and its list of peers name it too.
    fn refused(&self, peer: &CityId, error: &Error) -> Status {
        if matches!(error, Error::PeerNotApproved(_) | Error::PeerSuspended { .. } | Error::PeerUnknown(_)) {
            self.registry.federation().refused(peer, error.reason(), &error.to_string());
        } else {
            info!(peer.city = %peer, reason = reason_name(error.reason()), %error, "a peer's call was refused");
        }
        status(error)
    }
}
