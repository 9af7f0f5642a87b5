//! What resources were before.

use isopolity_domain::{Name, Violation, name::NameError};
use isopolity_proto::registry::{ListRevisionsRequest, ListRevisionsResponse, history_service_server::HistoryService};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

#[tonic::async_trait]
impl HistoryService for Services {
    async fn list_revisions(
        &self,
        request: Request<ListRevisionsRequest>,
    ) -> Result<Response<ListRevisionsResponse>, Status> {
        let caller = self.caller(&request)?;
        let ListRevisionsRequest { name, page_size, page_token } = request.into_inner();
        let name: Name =
            name.parse().map_err(|error: NameError| status(&Violation::invalid("name", error.to_string()).into()))?;
        let page =
            self.registry.revisions(&caller, &name, page_size, &page_token).await.map_err(|error| status(&error))?;
        Ok(Response::new(ListRevisionsResponse { revisions: page.revisions, next_page_token: page.next_page_token }))
    }
}
