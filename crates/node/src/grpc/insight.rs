//! What the federation's records say together.

use isopolity_proto::insight::{
    FindOverlapsRequest, FindOverlapsResponse, GetCooperationStatusRequest, GetCooperationStatusResponse,
    SuggestPartnersRequest, SuggestPartnersResponse, insight_service_server::InsightService,
};
use tonic::{Request, Response, Status};

use super::{Services, deadline, status::status};

#[tonic::async_trait]
impl InsightService for Services {
    async fn get_cooperation_status(
        &self,
        request: Request<GetCooperationStatusRequest>,
    ) -> Result<Response<GetCooperationStatusResponse>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let found = self.registry.cooperation_status(&caller, request.get_ref(), within).await;
        Ok(Response::new(found.map_err(|error| status(&error))?))
    }

    async fn suggest_partners(
        &self,
        request: Request<SuggestPartnersRequest>,
    ) -> Result<Response<SuggestPartnersResponse>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let found = self.registry.suggest_partners(&caller, request.get_ref(), within).await;
        Ok(Response::new(found.map_err(|error| status(&error))?))
    }

    async fn find_overlaps(
        &self,
        request: Request<FindOverlapsRequest>,
    ) -> Result<Response<FindOverlapsResponse>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let found = self.registry.overlaps(&caller, request.get_ref(), within).await;
        Ok(Response::new(found.map_err(|error| status(&error))?))
    }
}
