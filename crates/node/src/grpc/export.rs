//! Export of files: the node streams a file as it grows.

use std::pin::Pin;

use isopolity_proto::registry::{ExportRequest, ExportResponse, export_service_server::ExportService};
use isopolity_registry::export::Piece;
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
impl ExportService for Services {
    type ExportStream = Pin<Box<dyn Stream<Item = Result<ExportResponse, Status>> + Send>>;

    async fn export(&self, request: Request<ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let caller = self.caller(&request)?;
        let export = self.registry.check_export(&caller, request.get_ref()).map_err(|error| status(&error))?;
        let (piece_sender, mut pieces) = mpsc::channel(PIECES_WAITING);
        let (responses, stream) = mpsc::channel(1);
        let (registry, endpoint, draining) = (self.registry.clone(), self.api_endpoint.clone(), self.draining.clone());
        let work = async move {
            let told = async {
                while let Some(piece) = pieces.recv().await {
                    let Piece { chunk, records, left_out } = piece;
                    if responses.send(Ok(ExportResponse { chunk, records, left_out })).await.is_err() {
                        // The client is gone. Without a receiver the export ends with its next piece.
                        pieces.close();
                    }
                }
            };
            let exported = async { tokio::join!(registry.export(export, &endpoint, piece_sender), told).0 };
            let end = tokio::select! {
                // Half a file is of no use: the client asks another time.
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
