//! Code lists. Whoever may read anything here may read them.

use isopolity_proto::registry::{
    ConvertCodeRequest, ConvertCodeResponse, ListCodeListsRequest, ListCodeListsResponse, ListCodesRequest,
    ListCodesResponse, code_service_server::CodeService,
};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl CodeService for Services {
    async fn list_code_lists(
        &self,
        request: Request<ListCodeListsRequest>,
    ) -> Result<Response<ListCodeListsResponse>, Status> {
        self.caller(&request)?;
        Ok(Response::new(ListCodeListsResponse { lists: self.registry.code_lists() }))
    }

    async fn list_codes(&self, request: Request<ListCodesRequest>) -> Result<Response<ListCodesResponse>, Status> {
        self.caller(&request)?;
        self.registry.list_codes(request.get_ref()).map(Response::new).map_err(|error| status(&error))
    }

    async fn convert_code(
        &self,
        request: Request<ConvertCodeRequest>,
    ) -> Result<Response<ConvertCodeResponse>, Status> {
        self.caller(&request)?;
        self.registry.convert_code(request.get_ref()).map(Response::new).map_err(|error| status(&error))
    }
}
