//! The directory of a large federation.

use isopolity_proto::admin::{
    GetDirectoryRequest, GetDirectoryResponse, OfferDirectoryRequest, OfferDirectoryResponse, ResetDirectoryRequest,
    ResetDirectoryResponse, directory_service_server::DirectoryService,
};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl DirectoryService for Services {
    async fn get_directory(
        &self,
        request: Request<GetDirectoryRequest>,
    ) -> Result<Response<GetDirectoryResponse>, Status> {
        let caller = self.caller(&request)?;
        let (shown, mut file) = self.registry.directory(&caller).await.map_err(|error| status(&error))?;
        if !request.get_ref().include_file {
            file.clear();
        }
        Ok(Response::new(GetDirectoryResponse { status: Some(shown), file }))
    }

    async fn offer_directory(
        &self,
        request: Request<OfferDirectoryRequest>,
    ) -> Result<Response<OfferDirectoryResponse>, Status> {
        let caller = self.caller(&request)?;
        let taken = self.registry.offer_directory(&caller, &request.get_ref().file).await;
        Ok(Response::new(OfferDirectoryResponse { status: Some(taken.map_err(|error| status(&error))?) }))
    }

    async fn reset_directory(
        &self,
        request: Request<ResetDirectoryRequest>,
    ) -> Result<Response<ResetDirectoryResponse>, Status> {
        let caller = self.caller(&request)?;
        let reset = self.registry.reset_directory(&caller, request.get_ref().version).await;
        Ok(Response::new(ResetDirectoryResponse { status: Some(reset.map_err(|error| status(&error))?) }))
    }
}
