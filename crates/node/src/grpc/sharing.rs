//! What cities let one another do.

use isopolity_proto::admin::{
    GetSharingAgreementRequest, GetSharingAgreementResponse, ListSharingAgreementsRequest,
    ListSharingAgreementsResponse, SetSharingAgreementRequest, SetSharingAgreementResponse,
    sharing_agreement_service_server::SharingAgreementService,
};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl SharingAgreementService for Services {
    async fn get_sharing_agreement(
        &self,
        request: Request<GetSharingAgreementRequest>,
    ) -> Result<Response<GetSharingAgreementResponse>, Status> {
        let caller = self.caller(&request)?;
        let GetSharingAgreementRequest { city, skip_greeting } = request.into_inner();
        let found = self.registry.sharing_agreement(&caller, &city, !skip_greeting).await;
        found.map(Response::new).map_err(|error| status(&error))
    }

    async fn set_sharing_agreement(
        &self,
        request: Request<SetSharingAgreementRequest>,
    ) -> Result<Response<SetSharingAgreementResponse>, Status> {
        let caller = self.caller(&request)?;
        let agreement = request.into_inner().sharing_agreement.unwrap_or_default();
        let kept = self.registry.set_sharing_agreement(&caller, agreement).await.map_err(|error| status(&error))?;
        Ok(Response::new(SetSharingAgreementResponse { sharing_agreement: Some(kept) }))
    }

    async fn list_sharing_agreements(
        &self,
        request: Request<ListSharingAgreementsRequest>,
    ) -> Result<Response<ListSharingAgreementsResponse>, Status> {
        let caller = self.caller(&request)?;
        let pairs = self.registry.sharing_agreements(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(ListSharingAgreementsResponse { pairs }))
    }
}
