//! Import of files: the client streams the file, the node streams what becomes of it.

use std::{io, pin::Pin, time::Duration};

use bytes::Bytes;
use isopolity_domain::Violation;
use isopolity_proto::registry::{
    DiscardQuarantinedRowRequest, DiscardQuarantinedRowResponse, GuessMappingRequest, GuessMappingResponse,
    ImportRequest, ImportResponse, ListImportsRequest, ListImportsResponse, ListQuarantinedRowsRequest,
    ListQuarantinedRowsResponse, RedriveQuarantinedRowRequest, RedriveQuarantinedRowResponse, import_request::Part,
    import_response, import_service_server::ImportService,
};
use isopolity_registry::{Right, import::News};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::{
    Services,
    status::{deadline_exceeded, shutting_down, status},
};

/// The largest chunk of a file.
const CHUNK_MAX: usize = 1 << 20;
/// Chunks that wait to be read. When the node drains, they are still imported: few, so that it ends in time.
const CHUNKS_WAITING: usize = 1;
/// How long a client may send nothing while the node waits for more of the file.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// News that waits to be sent.
const NEWS_WAITING: usize = 16;

#[tonic::async_trait]
impl ImportService for Services {
    type ImportStream = Pin<Box<dyn Stream<Item = Result<ImportResponse, Status>> + Send>>;

    async fn import(&self, request: Request<Streaming<ImportRequest>>) -> Result<Response<Self::ImportStream>, Status> {
        let caller = self.caller(&request)?;
        caller.must(Right::Edit).map_err(|error| status(&error))?;
        let mut parts = request.into_inner();
        let Some(Part::Start(start)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(status(&Violation::required("start").into()));
        };

        let (chunk_sender, chunks) = mpsc::channel(CHUNKS_WAITING);
        let (news_sender, news) = mpsc::channel(NEWS_WAITING);
        let (responses, stream) = mpsc::channel(NEWS_WAITING);
        let registry = self.registry.clone();
        let draining = self.draining.clone();
        let told = tell(news, responses.clone());
        let work = async move {
            let ended = CancellationToken::new();
            let fed = feed(parts, chunk_sender, draining, ended.clone());
            let imported = async {
                // Without an import nobody waits for the rest of the file.
                let _ended = ended.drop_guard();
                registry.import(&caller, start, chunks, news_sender).await
            };
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
        request: Request<GuessMappingRequest>,
    ) -> Result<Response<GuessMappingResponse>, Status> {
        let caller = self.caller(&request)?;
        let guessed = self.registry.guess_mapping(&caller, request.into_inner()).await;
        let mapping = guessed.map_err(|error| status(&error))?;
        Ok(Response::new(GuessMappingResponse { mapping }))
    }

    async fn list_imports(
        &self,
        request: Request<ListImportsRequest>,
    ) -> Result<Response<ListImportsResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.list_imports(&caller, request.get_ref()).await;
        page.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_quarantined_rows(
        &self,
        request: Request<ListQuarantinedRowsRequest>,
    ) -> Result<Response<ListQuarantinedRowsResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.list_quarantined_rows(&caller, request.get_ref()).await;
        page.map(Response::new).map_err(|error| status(&error))
    }

    async fn redrive_quarantined_row(
        &self,
        request: Request<RedriveQuarantinedRowRequest>,
    ) -> Result<Response<RedriveQuarantinedRowResponse>, Status> {
        let caller = self.caller(&request)?;
        let row = self.registry.redrive_quarantined_row(&caller, request.into_inner()).await;
        let row = row.map_err(|error| status(&error))?;
        Ok(Response::new(RedriveQuarantinedRowResponse { row: Some(row) }))
    }

    async fn discard_quarantined_row(
        &self,
        request: Request<DiscardQuarantinedRowRequest>,
    ) -> Result<Response<DiscardQuarantinedRowResponse>, Status> {
        let caller = self.caller(&request)?;
        let discarded = self.registry.discard_quarantined_row(&caller, request.get_ref()).await;
        discarded.map_err(|error| status(&error))?;
        Ok(Response::new(DiscardQuarantinedRowResponse {}))
    }
}

/// Hands the file on, chunk by chunk, until its end or that of the import.
async fn feed(
    mut parts: Streaming<ImportRequest>,
    chunks: mpsc::Sender<io::Result<Bytes>>,
    draining: CancellationToken,
    ended: CancellationToken,
) -> Result<(), Status> {
    let refused = loop {
        let part = tokio::select! {
            () = ended.cancelled() => return Ok(()),
            // What was read so far is finished; the client repeats the rest.
            () = draining.cancelled() => break shutting_down(),
            part = timeout(SILENCE_MAX, parts.message()) => part.unwrap_or_else(|_elapsed| Err(deadline_exceeded())),
        };
        match part.map(|part| part.map(|part| part.part)) {
            Ok(None) => return Ok(()),
            Ok(Some(Some(Part::Chunk(chunk)))) if chunk.len() <= CHUNK_MAX => {
                if chunks.send(Ok(chunk)).await.is_err() {
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
    drop(chunks.send(Err(cut)).await);
    Err(refused)
}

async fn tell(mut news: mpsc::Receiver<News>, responses: mpsc::Sender<Result<ImportResponse, Status>>) {
    while let Some(one) = news.recv().await {
        let news = match one {
            News::Row(row) => import_response::News::Row(row),
            News::Progress(progress) => import_response::News::Progress(progress),
        };
        // A client that went away hears nothing; the batches that came are finished all the same.
        drop(responses.send(Ok(ImportResponse { news: Some(news) })).await);
    }
}
