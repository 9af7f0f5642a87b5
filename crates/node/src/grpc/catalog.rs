//! Search across cities.

use isopolity_domain::{Name, Violation, name::NameError};
use isopolity_proto::catalog::{
    GetRecordRequest, GetRecordResponse, SearchRequest, SearchResponse, catalog_service_server::CatalogService,
};
use tonic::{Request, Response, Status};

use super::{Services, deadline, status::status};

#[tonic::async_trait]
impl CatalogService for Services {
    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let within = deadline::of(request.metadata());
        let answer = self.registry.search(&caller, request.get_ref(), within).await.map_err(|error| status(&error))?;
        Ok(Response::new(answer))
    }

    async fn get_record(&self, request: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        let caller = self.caller(request.metadata()).await?;
        let within = deadline::of(request.metadata());
        let name: Name = request
            .get_ref()
            .name
            .parse()
            .map_err(|error: NameError| status(&Violation::invalid("name", error.to_string()).into()))?;
        let (envelope, record) = self
            .registry
            .record(&caller, &name, request.get_ref().audience(), within)
            .await
            .map_err(|error| status(&error))?;
        let (resource, version) = (record.resource, record.version);
        Ok(Response::new(GetRecordResponse { envelope: Some(envelope), resource, version }))
    }
}
