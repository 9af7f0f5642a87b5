//! Clean-ups, erasure, and what is kept about somebody.

use std::pin::Pin;

use isopolity_domain::{Name, Violation, name::NameError};
use isopolity_proto::admin::{
    EraseHistoryRequest, EraseHistoryResponse, EraseResourceRequest, EraseResourceResponse, ExportSubjectRequest,
    ExportSubjectResponse, ListCleanUpsRequest, ListCleanUpsResponse, ListTombstonesRequest, ListTombstonesResponse,
    PreviewCleanUpRequest, PreviewCleanUpResponse, RunCleanUpRequest, RunCleanUpResponse,
    privacy_service_server::PrivacyService,
};
use isopolity_registry::privacy::{Erasure, SubjectPiece};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{
    Services,
    status::{deadline_exceeded, shutting_down, status},
};

/// Pieces that wait to be sent.
const PIECES_WAITING: usize = 2;

#[tonic::async_trait]
impl PrivacyService for Services {
    type ExportSubjectStream = Pin<Box<dyn Stream<Item = Result<ExportSubjectResponse, Status>> + Send>>;

    async fn preview_clean_up(
        &self,
        request: Request<PreviewCleanUpRequest>,
    ) -> Result<Response<PreviewCleanUpResponse>, Status> {
        let caller = self.caller(&request)?;
        let items = self.registry.preview_clean_up(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(PreviewCleanUpResponse { items }))
    }

    async fn run_clean_up(&self, request: Request<RunCleanUpRequest>) -> Result<Response<RunCleanUpResponse>, Status> {
        let caller = self.caller(&request)?;
        let done = self.registry.run_clean_up(&caller).await.map_err(|error| status(&error))?;
        Ok(Response::new(RunCleanUpResponse { clean_up: Some(done) }))
    }

    async fn list_clean_ups(
        &self,
        request: Request<ListCleanUpsRequest>,
    ) -> Result<Response<ListCleanUpsResponse>, Status> {
        let caller = self.caller(&request)?;
        let ListCleanUpsRequest { page_size, page_token } = request.get_ref();
        let page = self.registry.clean_ups(&caller, *page_size, page_token).await;
        Ok(Response::new(page.map_err(|error| status(&error))?))
    }

    async fn erase_resource(
        &self,
        request: Request<EraseResourceRequest>,
    ) -> Result<Response<EraseResourceResponse>, Status> {
        let caller = self.caller(&request)?;
        let EraseResourceRequest { name, reason, cut_references, validate_only } = request.get_ref();
        let name = named(name)?;
        let erasure = Erasure { name: &name, reason, cut_references: *cut_references, validate_only: *validate_only };
        let erased = self.registry.erase(&caller, erasure).await.map_err(|error| status(&error))?;
        Ok(Response::new(erased))
    }

    async fn erase_history(
        &self,
        request: Request<EraseHistoryRequest>,
    ) -> Result<Response<EraseHistoryResponse>, Status> {
        let caller = self.caller(&request)?;
        let name = named(&request.get_ref().name)?;
        let erased = self.registry.erase_history(&caller, &name).await.map_err(|error| status(&error))?;
        Ok(Response::new(erased))
    }

    async fn list_tombstones(
        &self,
        request: Request<ListTombstonesRequest>,
    ) -> Result<Response<ListTombstonesResponse>, Status> {
        let caller = self.caller(&request)?;
        let ListTombstonesRequest { page_size, page_token } = request.get_ref();
        let page = self.registry.tombstones(&caller, *page_size, page_token).await;
        Ok(Response::new(page.map_err(|error| status(&error))?))
    }

    async fn export_subject(
        &self,
        request: Request<ExportSubjectRequest>,
    ) -> Result<Response<Self::ExportSubjectStream>, Status> {
        let caller = self.caller(&request)?;
        let asked = request.get_ref().subject.as_ref();
        let subject = self.registry.check_subject(&caller, asked).await.map_err(|error| status(&error))?;
        let (piece_sender, mut pieces) = mpsc::channel(PIECES_WAITING);
        let (responses, stream) = mpsc::channel(1);
        let (registry, draining) = (self.registry.clone(), self.draining.clone());
        let work = async move {
            let told = async {
                while let Some(SubjectPiece { chunk, counts }) = pieces.recv().await {
                    if responses.send(Ok(ExportSubjectResponse { chunk, counts })).await.is_err() {
                        // The client is gone. Without a receiver the export ends with its next piece.
                        pieces.close();
                    }
                }
            };
            let exported = async { tokio::join!(registry.export_subject(&caller, &subject, piece_sender), told).0 };
            let end = tokio::select! {
                () = draining.cancelled() => shutting_down(),
                exported = exported => match exported {
                    Ok(true) => return,
                    // Else half a file would pass for a whole one.
                    Ok(false) => deadline_exceeded(),
                    Err(error) => status(&error),
                },
            };
            drop(responses.send(Err(end)).await);
        };
        tokio::spawn(work.in_current_span());
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

fn named(name: &str) -> Result<Name, Status> {
    let wrong = |error: NameError| status(&Violation::invalid("name", error.to_string()).into());
    name.parse().map_err(wrong)
}
