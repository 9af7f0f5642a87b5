//! Peers, tokens, the node.

use isopolity_domain::{Violation, clock::to_timestamp};
use isopolity_proto::{
    admin::{
        AddPeerRequest, AddPeerResponse, ApprovePeerRequest, ApprovePeerResponse, CreateInvitationRequest,
        CreateInvitationResponse, CreateTokenRequest, CreateTokenResponse, GetNodeRequest, GetNodeResponse,
        GetOwnBundleRequest, GetOwnBundleResponse, JoinPeerRequest, JoinPeerResponse, LeavePeerRequest,
        LeavePeerResponse, ListInvitationsRequest, ListInvitationsResponse, ListPeersRequest, ListPeersResponse,
        ListTokensRequest, ListTokensResponse, RevokeInvitationRequest, RevokeInvitationResponse, RevokeTokenRequest,
        RevokeTokenResponse, Role, Scope, SuspendPeerRequest, SuspendPeerResponse, TestPeerRequest, TestPeerResponse,
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
        let caller = self.caller(&request)?;
        let (bundle, fingerprint) = self.registry.own_bundle(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(GetOwnBundleResponse { bundle, fingerprint }))
    }

    async fn add_peer(&self, request: Request<AddPeerRequest>) -> Result<Response<AddPeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let peer = self.registry.add_peer(&caller, &request.get_ref().bundle).await.map_err(|error| status(&error))?;
        Ok(Response::new(AddPeerResponse { peer: Some(peer) }))
    }

    async fn approve_peer(
        &self,
        request: Request<ApprovePeerRequest>,
    ) -> Result<Response<ApprovePeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let ApprovePeerRequest { city, audience, fingerprint, words } = request.into_inner();
        let audience = Audience::try_from(audience)
            .map_err(|_error: prost::UnknownEnumValue| status(&unknown("audience", "an audience").into()))?;
        let approved = self.registry.approve_peer_by(&caller, &city, audience, &fingerprint, &words).await;
        let peer = approved.map_err(|error| status(&error))?;
        Ok(Response::new(ApprovePeerResponse { peer: Some(peer) }))
    }

    async fn suspend_peer(
        &self,
        request: Request<SuspendPeerRequest>,
    ) -> Result<Response<SuspendPeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let SuspendPeerRequest { city, reason } = request.into_inner();
        let peer = self.registry.suspend_peer(&caller, &city, &reason).await.map_err(|error| status(&error))?;
        Ok(Response::new(SuspendPeerResponse { peer: Some(peer) }))
    }

    async fn leave_peer(&self, request: Request<LeavePeerRequest>) -> Result<Response<LeavePeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let LeavePeerRequest { city, reason } = request.into_inner();
        let peer = self.registry.leave_peer(&caller, &city, &reason).await.map_err(|error| status(&error))?;
        Ok(Response::new(LeavePeerResponse { peer: Some(peer) }))
    }

    async fn test_peer(&self, request: Request<TestPeerRequest>) -> Result<Response<TestPeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let tested = self.registry.test_peer(&caller, &request.get_ref().city).await;
        Ok(Response::new(TestPeerResponse { results: tested.map_err(|error| status(&error))? }))
    }

    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<CreateInvitationResponse>, Status> {
        let caller = self.caller(&request)?;
        let made = self.registry.create_invitation(&caller, request.get_ref().hours).await;
        let made = made.map_err(|error| status(&error))?;
        let (invitation, code) = (Some(made.invitation), made.code.to_string());
        Ok(Response::new(CreateInvitationResponse { invitation, code }))
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        let caller = self.caller(&request)?;
        let listed = self.registry.invitations(&caller, request.get_ref().include_closed).await;
        Ok(Response::new(ListInvitationsResponse { invitations: listed.map_err(|error| status(&error))? }))
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Result<Response<RevokeInvitationResponse>, Status> {
        let caller = self.caller(&request)?;
        let revoked = self.registry.revoke_invitation(&caller, &request.get_ref().id).await;
        Ok(Response::new(RevokeInvitationResponse { invitation: Some(revoked.map_err(|error| status(&error))?) }))
    }

    async fn join_peer(&self, request: Request<JoinPeerRequest>) -> Result<Response<JoinPeerResponse>, Status> {
        let caller = self.caller(&request)?;
        let joined = self.registry.join_peer(&caller, &request.get_ref().code).await;
        Ok(Response::new(JoinPeerResponse { peer: Some(joined.map_err(|error| status(&error))?) }))
    }

    async fn list_peers(&self, request: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        let caller = self.caller(&request)?;
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
        let caller = self.caller(&request)?;
        let CreateTokenRequest { label, role, expire_time, scopes } = request.into_inner();
        let role = Role::try_from(role)
            .map_err(|_error: prost::UnknownEnumValue| status(&unknown("role", "a role").into()))?;
        let scopes: Vec<Scope> = scopes
            .into_iter()
            .map(|scope| {
                Scope::try_from(scope)
                    .map_err(|_error: prost::UnknownEnumValue| status(&unknown("scopes", "a scope").into()))
            })
            .collect::<Result<_, _>>()?;
        let expire_time = expire_time.or_else(|| self.registry.default_end(self.token_life?));
        let created = self.registry.create_token(&caller, &label, role, &scopes, expire_time).await;
        let new = created.map_err(|error| status(&error))?;
        Ok(Response::new(CreateTokenResponse { token: Some(new.token), secret: new.secret.to_string() }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let caller = self.caller(&request)?;
        let tokens = self.registry.tokens(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(ListTokensResponse { tokens }))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let caller = self.caller(&request)?;
        let token = self.registry.revoke_token(&caller, &request.get_ref().id).await.map_err(|error| status(&error))?;
        Ok(Response::new(RevokeTokenResponse { token: Some(token) }))
    }
}

#[tonic::async_trait]
impl NodeService for Services {
    async fn get_node(&self, request: Request<GetNodeRequest>) -> Result<Response<GetNodeResponse>, Status> {
        let caller = self.caller(&request)?;
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
