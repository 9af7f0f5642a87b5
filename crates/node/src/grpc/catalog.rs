//! Search across cities.

use std::pin::Pin;

use futures::StreamExt as _;
use isopolity_domain::{Name, Violation, name::NameError};
use isopolity_proto::catalog::{
    GetRecordRequest, GetRecordResponse, SearchRequest, SearchResponse, StreamSearchRequest, StreamSearchResponse,
    WatchRequest, WatchResponse, catalog_service_server::CatalogService,
};
use isopolity_registry::Error;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{Services, deadline, status::status};

type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl CatalogService for Services {
    type StreamSearchStream = Parts<StreamSearchResponse>;
    type WatchStream = Parts<WatchResponse>;

    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let answer = self.registry.search(&caller, request.get_ref(), within).await.map_err(|error| status(&error))?;
        Ok(Response::new(answer))
    }

    async fn stream_search(
        &self,
        request: Request<StreamSearchRequest>,
    ) -> Result<Response<Self::StreamSearchStream>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let parts = self.registry.stream_search(&caller, request.into_inner(), within).await;
        Ok(Response::new(said(parts.map_err(|error| status(&error))?)))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = self.caller(&request)?;
        let parts = self.registry.watch(&caller, request.into_inner()).map_err(|error| status(&error))?;
        Ok(Response::new(said(parts.take_until(self.draining.clone().cancelled_owned()))))
    }

    async fn get_record(&self, request: Request<GetRecordRequest>) -> Result<Response<GetRecordResponse>, Status> {
        let caller = self.caller(&request)?;
        let within = deadline::of(request.metadata());
        let name: Name = request
            .get_ref()
            .name
            .parse()
            .map_err(|error: NameError| status(&Violation::invalid("name", error.to_string()).into()))?;
        let (envelope, record) = self
            .registry
            .record(&caller, &name, request.get_ref().audience(), &request.get_ref().purpose, within)
            .await
            .map_err(|error| status(&error))?;
        let (resource, version) = (record.resource, record.version);
        Ok(Response::new(GetRecordResponse { envelope: Some(envelope), resource, version }))
    }
}

/// Parts as the caller gets them.
fn said<T: 'static>(parts: impl Stream<Item = Result<T, Error>> + Send + 'static) -> Parts<T> {
    parts.map(|part| part.map_err(|error| status(&error))).boxed()
}
