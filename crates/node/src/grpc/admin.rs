//! Peers, tokens, the node.

use isopolity_domain::{Violation, clock::to_timestamp};
use isopolity_proto::{
    admin::{
        AddPeerRequest, AddPeerResponse, ApprovePeerRequest, ApprovePeerResponse, CreateTokenRequest,
        CreateTokenResponse, GetNodeRequest, GetNodeResponse, GetOwnBundleRequest, GetOwnBundleResponse,
        ListPeersRequest, ListPeersResponse, ListTokensRequest, ListTokensResponse, RemovePeerRequest,
        RemovePeerResponse, RevokeTokenRequest, RevokeTokenResponse, Role, SuspendPeerRequest, SuspendPeerResponse,
        node_service_server::NodeService, peer_service_server::PeerService, token_service_server::TokenService,
    },
    options::Audience,
};
use isopolity_registry::{Right, answer::SOFTWARE};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl PeerService for Services {
    async fn get_own_bundle(
        &self,
        request: Request<GetOwnBundleRequest>,
    ) -> Result<Response<GetOwnBundleResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let (bundle, fingerprint) = self.registry.own_bundle(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(GetOwnBundleResponse { bundle, fingerprint }))
    }

    async fn add_peer(&self, request: Request<AddPeerRequest>) -> Result<Response<AddPeerResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let peer = self.registry.add_peer(&caller, &request.get_ref().bundle).await.map_err(|error| status(&error))?;
        Ok(Response::new(AddPeerResponse { peer: Some(peer) }))
    }

    async fn approve_peer(
        &self,
        request: Request<ApprovePeerRequest>,
    ) -> Result<Response<ApprovePeerResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let ApprovePeerRequest { city, audience, fingerprint } = request.into_inner();
        let audience = Audience::try_from(audience)
            .map_err(|_error: prost::UnknownEnumValue| status(&unknown("audience", "an audience").into()))?;
        let peer =
            self.registry.approve_peer(&caller, &city, audience, &fingerprint).await.map_err(|error| status(&error))?;
        Ok(Response::new(ApprovePeerResponse { peer: Some(peer) }))
    }

    async fn suspend_peer(
        &self,
        request: Request<SuspendPeerRequest>,
    ) -> Result<Response<SuspendPeerResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let SuspendPeerRequest { city, reason } = request.into_inner();
        let peer = self.registry.suspend_peer(&caller, &city, &reason).await.map_err(|error| status(&error))?;
        Ok(Response::new(SuspendPeerResponse { peer: Some(peer) }))
    }

    async fn remove_peer(&self, request: Request<RemovePeerRequest>) -> Result<Response<RemovePeerResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let RemovePeerRequest { city, reason } = request.into_inner();
        let peer = self.registry.remove_peer(&caller, &city, &reason).await.map_err(|error| status(&error))?;
        Ok(Response::new(RemovePeerResponse { peer: Some(peer) }))
    }

    async fn list_peers(&self, request: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let ListPeersRequest { include_left, greet } = request.into_inner();
        let peers = self.registry.list_peers(&caller, include_left, greet).await.map_err(|error| status(&error))?;
        Ok(Response::new(ListPeersResponse { peers }))
    }
}

#[tonic::async_trait]
impl TokenService for Services {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let CreateTokenRequest { label, role, expire_time } = request.into_inner();
        let role = Role::try_from(role)
            .map_err(|_error: prost::UnknownEnumValue| status(&unknown("role", "a role").into()))?;
        let new =
            self.registry.create_token(&caller, &label, role, expire_time).await.map_err(|error| status(&error))?;
        Ok(Response::new(CreateTokenResponse { token: Some(new.token), secret: new.secret.to_string() }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let tokens = self.registry.tokens(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(ListTokensResponse { tokens }))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let token = self.registry.revoke_token(&caller, &request.get_ref().id).await.map_err(|error| status(&error))?;
        Ok(Response::new(RevokeTokenResponse { token: Some(token) }))
    }
}

#[tonic::async_trait]
impl NodeService for Services {
    async fn get_node(&self, request: Request<GetNodeRequest>) -> Result<Response<GetNodeResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        caller.must(Right::Administer).map_err(|error| status(&error))?;
        let feed = self.registry.progress().await.map_err(|error| status(&error))?;
        let warnings = self.registry.trust_warnings().await.map_err(|error| status(&error))?;
        Ok(Response::new(GetNodeResponse {
            city: self.registry.city().to_string(),
            software: SOFTWARE.to_owned(),
            start_time: Some(self.started),
            federation_endpoint: self.endpoint.clone(),
            epoch: feed.published.epoch,
            published_sequence: feed.published.sequence,
            indexed_sequence: feed.indexed.sequence,
            records: feed.records,
            certificate_expire_time: Some(to_timestamp(self.keeper.expires())),
            storage: self.registry.store().kind().as_str().to_owned(),
            bundle_sequence: *self.registry.federation().bundle_sequence().borrow(),
            warnings,
        }))
    }
}

fn unknown(field: &str, what: &str) -> Violation {
    Violation::invalid(field, format!("is not {what} that this version knows"))
}
