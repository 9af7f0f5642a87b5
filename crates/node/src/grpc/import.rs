//! Import of files: the client streams the file, the node streams what becomes of it.

use std::{io, pin::Pin};

use isopolity_domain::Violation;
use isopolity_proto::registry::{
    ImportRequest, ImportResponse, import_request::Part, import_response, import_service_server::ImportService,
};
use isopolity_registry::{Right, import::News};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::{
    Services,
    status::{shutting_down, status},
};

/// The largest chunk of a file.
const CHUNK_MAX: usize = 1 << 20;
/// Chunks that wait to be read. When the node drains, they are still imported: few, so that it ends in time.
const CHUNKS_WAITING: usize = 1;
/// News that waits to be sent.
const NEWS_WAITING: usize = 16;

#[tonic::async_trait]
impl ImportService for Services {
    type ImportStream = Pin<Box<dyn Stream<Item = Result<ImportResponse, Status>> + Send>>;

    async fn import(&self, request: Request<Streaming<ImportRequest>>) -> Result<Response<Self::ImportStream>, Status> {
        let caller = self.caller(request.metadata()).await?;
        caller.must(Right::Edit).map_err(|error| status(&error))?;
        let mut parts = request.into_inner();
        let Some(Part::Start(start)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(status(&Violation::required("start").into()));
        };

        let (chunk_sender, chunks) = mpsc::channel(CHUNKS_WAITING);
        let (news_sender, mut news) = mpsc::channel(NEWS_WAITING);
        let (responses, stream) = mpsc::channel(NEWS_WAITING);
        let registry = self.registry.clone();
        let draining = self.draining.clone();
        let fed = async move {
            let refused = loop {
                let part = tokio::select! {
                    // What was read so far is finished; the client repeats the rest.
                    () = draining.cancelled() => break shutting_down(),
                    part = parts.message() => part,
                };
                match part.map(|part| part.map(|part| part.part)) {
                    Ok(None) => return Ok(()),
                    Ok(Some(Some(Part::Chunk(chunk)))) if chunk.len() <= CHUNK_MAX => {
                        if chunk_sender.send(Ok(chunk)).await.is_err() {
                            return Ok(());
                        }
                    }
                    Ok(Some(Some(Part::Chunk(_)))) => {
                        let description = format!("is larger than {CHUNK_MAX} bytes: send smaller ones");
                        break status(&Violation::invalid("chunk", description).into());
                    }
                    Ok(Some(Some(Part::Start(_)) | None)) => {
                        break status(&Violation::invalid("start", "comes once, first").into());
                    }
                    Err(broken) => break broken,
                }
            };
            // Without this the row that was cut off would pass for a whole one.
            let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the file broke off");
            drop(chunk_sender.send(Err(cut)).await);
            Err(refused)
        };
        let told = responses.clone();
        let told = async move {
            while let Some(one) = news.recv().await {
                let news = match one {
                    News::Row(row) => import_response::News::Row(row),
                    News::Progress(progress) => import_response::News::Progress(progress),
                };
                // A client that went away hears nothing; the batches that came are finished all the same.
                drop(told.send(Ok(ImportResponse { news: Some(news) })).await);
            }
        };
        let work = async move {
            let imported = registry.import(&caller, start, chunks, news_sender);
            let (imported, fed, ()) = tokio::join!(imported, fed, told);
            let end = match (imported, fed) {
                (Err(error), _) => status(&error),
                (Ok(_), Err(refused)) => refused,
                (Ok(_), Ok(())) => return,
            };
            drop(responses.send(Err(end)).await);
        };
        tokio::spawn(work.in_current_span());
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn guess_mapping(
        &self,
        _request: Request<isopolity_proto::registry::GuessMappingRequest>,
    ) -> Result<Response<isopolity_proto::registry::GuessMappingResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn list_imports(
        &self,
        _request: Request<isopolity_proto::registry::ListImportsRequest>,
    ) -> Result<Response<isopolity_proto::registry::ListImportsResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn list_quarantined_rows(
        &self,
        _request: Request<isopolity_proto::registry::ListQuarantinedRowsRequest>,
    ) -> Result<Response<isopolity_proto::registry::ListQuarantinedRowsResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn redrive_quarantined_row(
        &self,
        _request: Request<isopolity_proto::registry::RedriveQuarantinedRowRequest>,
    ) -> Result<Response<isopolity_proto::registry::RedriveQuarantinedRowResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }

    async fn discard_quarantined_row(
        &self,
        _request: Request<isopolity_proto::registry::DiscardQuarantinedRowRequest>,
    ) -> Result<Response<isopolity_proto::registry::DiscardQuarantinedRowResponse>, Status> {
        Err(Status::unimplemented("not served yet"))
    }
}
