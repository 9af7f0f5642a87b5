//! This city's own keys.

use isopolity_domain::Violation;
use isopolity_federation::KeyKind;
use isopolity_proto::admin::{
    self, ExportBundleRequest, ExportBundleResponse, GetTrustRequest, GetTrustResponse, PrepareKeyRequest,
    PrepareKeyResponse, ResetPeerBundleRequest, ResetPeerBundleResponse, RevokeCertificatesRequest,
    RevokeCertificatesResponse, RotateKeyRequest, RotateKeyResponse, WithdrawAuthorityRequest,
    WithdrawAuthorityResponse, trust_service_server::TrustService,
};
use isopolity_registry::Error;
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl TrustService for Services {
    async fn get_trust(&self, request: Request<GetTrustRequest>) -> Result<Response<GetTrustResponse>, Status> {
        let caller = self.caller(&request)?;
        let trust = self.registry.trust(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(trust))
    }

    async fn prepare_key(&self, request: Request<PrepareKeyRequest>) -> Result<Response<PrepareKeyResponse>, Status> {
        let caller = self.caller(&request)?;
        let kind = kind(request.get_ref().kind())?;
        let (key, bundle_sequence) = self.registry.prepare_key(&caller, kind).await.map_err(|error| status(&error))?;
        Ok(Response::new(PrepareKeyResponse { key: Some(key), bundle_sequence }))
    }

    async fn rotate_key(&self, request: Request<RotateKeyRequest>) -> Result<Response<RotateKeyResponse>, Status> {
        let caller = self.caller(&request)?;
        let RotateKeyRequest { force, .. } = *request.get_ref();
        let kind = kind(request.get_ref().kind())?;
        let (key, bundle_sequence) =
            self.registry.rotate_key(&caller, kind, force).await.map_err(|error| status(&error))?;
        Ok(Response::new(RotateKeyResponse { key: Some(key), bundle_sequence }))
    }

    async fn revoke_certificates(
        &self,
        request: Request<RevokeCertificatesRequest>,
    ) -> Result<Response<RevokeCertificatesResponse>, Status> {
        let caller = self.caller(&request)?;
        let revoked = self.registry.revoke_certificates(&caller, &request.get_ref().serials).await;
        let (certificates, bundle_sequence) = revoked.map_err(|error| status(&error))?;
        Ok(Response::new(RevokeCertificatesResponse { certificates, bundle_sequence }))
    }

    async fn withdraw_authority(
        &self,
        request: Request<WithdrawAuthorityRequest>,
    ) -> Result<Response<WithdrawAuthorityResponse>, Status> {
        let caller = self.caller(&request)?;
        let bundle_sequence =
            self.registry.withdraw_authority(&caller, &request.get_ref().id).await.map_err(|error| status(&error))?;
        Ok(Response::new(WithdrawAuthorityResponse { bundle_sequence }))
    }

    async fn export_bundle(
        &self,
        request: Request<ExportBundleRequest>,
    ) -> Result<Response<ExportBundleResponse>, Status> {
        let caller = self.caller(&request)?;
        let exported =
            self.registry.export_bundle(&caller, &request.get_ref().city).await.map_err(|error| status(&error))?;
        Ok(Response::new(exported))
    }

    async fn reset_peer_bundle(
        &self,
        request: Request<ResetPeerBundleRequest>,
    ) -> Result<Response<ResetPeerBundleResponse>, Status> {
        let caller = self.caller(&request)?;
        let ResetPeerBundleRequest { bundle, fingerprint } = request.into_inner();
        let reset = self.registry.reset_peer_bundle(&caller, &bundle, &fingerprint).await;
        Ok(Response::new(ResetPeerBundleResponse { peer: Some(reset.map_err(|error| status(&error))?) }))
    }
}

fn kind(kind: admin::KeyKind) -> Result<KeyKind, Status> {
    match kind {
        admin::KeyKind::Record => Ok(KeyKind::Record),
        admin::KeyKind::Authority => Ok(KeyKind::Authority),
        admin::KeyKind::Unspecified => Err(status(&Error::from(Violation::required("kind")))),
    }
}
