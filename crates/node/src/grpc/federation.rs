//! What peers get. The caller is the city that the TLS handshake authenticated.

use std::pin::Pin;

use bytes::Bytes;
use isopolity_domain::{CityId, envelope};
use isopolity_federation::PeerIdentity;
use isopolity_proto::federation::{
    GetBundleRequest, GetBundleResponse, GetRecordRequest, GetRecordResponse, HelloRequest, HelloResponse,
    QueryRequest, QueryResponse, federation_service_server::FederationService,
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

    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let peer = peer(&request)?;
        let answer =
            self.registry.greeted(&peer, request.get_ref()).await.map_err(|error| self.refused(&peer, &error))?;
        Ok(Response::new(answer))
    }

    async fn get_bundle(&self, request: Request<GetBundleRequest>) -> Result<Response<GetBundleResponse>, Status> {
        let peer = peer(&request)?;
        let file: Bytes = self.registry.bundle_for_peer(&peer).await.map_err(|error| self.refused(&peer, &error))?;
        let bundle = envelope::from_file(&file).map_err(|error| status(&Error::internal(error)))?;
        Ok(Response::new(GetBundleResponse { bundle: Some(bundle) }))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let peer = peer(&request)?;
        let within = deadline::of(request.metadata()).unwrap_or_else(|| self.registry.patience_with_peers());
        let answer = tokio::time::timeout(within, self.registry.answer(&peer, request.into_inner(), within));
        let parts = match answer.await {
            Ok(parts) => parts.map_err(|error| self.refused(&peer, &error))?,
            Err(_) => return Err(deadline_exceeded()),
        };
        self.registry.federation().served(&peer);
        Ok(Response::new(Box::pin(tokio_stream::iter(parts.into_iter().map(Ok)))))
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
