//! The audit log: lists, checks, files, comparisons.

use std::pin::Pin;

use isopolity_proto::admin::{
    CompareAuditedCallsRequest, CompareAuditedCallsResponse, EraseAuditDetailsRequest, EraseAuditDetailsResponse,
    ExportAuditLogRequest, ExportAuditLogResponse, GetAuditLogRequest, GetAuditLogResponse, ListAuditEntriesRequest,
    ListAuditEntriesResponse, VerifyAuditLogRequest, VerifyAuditLogResponse, audit_service_server::AuditService,
};
use isopolity_registry::{Error, Right};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{
    Services,
    status::{shutting_down, status},
};

/// Messages that wait to be sent.
const WAITING: usize = 2;

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AuditService for Services {
    type VerifyAuditLogStream = Messages<VerifyAuditLogResponse>;
    type ExportAuditLogStream = Messages<ExportAuditLogResponse>;

    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.audit_entries(&caller, request.get_ref()).await.map_err(|error| status(&error))?;
        let isopolity_registry::audit::Entries { entries, next_page_token } = page;
        Ok(Response::new(ListAuditEntriesResponse { entries, next_page_token }))
    }

    async fn get_audit_log(
        &self,
        request: Request<GetAuditLogRequest>,
    ) -> Result<Response<GetAuditLogResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.registry.audit_log(&caller).await.map_err(|error| status(&error))?))
    }

    async fn verify_audit_log(
        &self,
        request: Request<VerifyAuditLogRequest>,
    ) -> Result<Response<Self::VerifyAuditLogStream>, Status> {
        let caller = self.caller(&request)?;
        caller.must(Right::Audit).map_err(|error| status(&error))?;
        let registry = self.registry.clone();
        let verify = move |sender| async move { registry.verify_audit_log(&caller, sender).await };
        Ok(Response::new(self.told(verify)))
    }

    async fn export_audit_log(
        &self,
        request: Request<ExportAuditLogRequest>,
    ) -> Result<Response<Self::ExportAuditLogStream>, Status> {
        let caller = self.caller(&request)?;
        caller.must(Right::Audit).map_err(|error| status(&error))?;
        let registry = self.registry.clone();
        let export = move |sender| async move { registry.export_audit_log(&caller, sender).await };
        Ok(Response::new(self.told(export)))
    }

    async fn compare_audited_calls(
        &self,
        request: Request<CompareAuditedCallsRequest>,
    ) -> Result<Response<CompareAuditedCallsResponse>, Status> {
        let caller = self.caller(&request)?;
        let compared = self.registry.compare_audited_calls(&caller, request.get_ref()).await;
        Ok(Response::new(compared.map_err(|error| status(&error))?))
    }

    async fn erase_audit_details(
        &self,
        request: Request<EraseAuditDetailsRequest>,
    ) -> Result<Response<EraseAuditDetailsResponse>, Status> {
        let caller = self.caller(&request)?;
        let EraseAuditDetailsRequest { resource, reason } = request.get_ref();
        let erased = self.registry.erase_audit_details(&caller, resource, reason).await;
        Ok(Response::new(EraseAuditDetailsResponse { erased: erased.map_err(|error| status(&error))? }))
    }
}

impl Services {
    /// Messages as they are told by some work, with what ends it.
    fn told<T, W>(&self, work: impl FnOnce(mpsc::Sender<T>) -> W) -> Messages<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (sender, mut told) = mpsc::channel(WAITING);
        let (responses, stream) = mpsc::channel(1);
        let draining = self.draining.clone();
        let work = work(sender);
        let all = async move {
            let handing_on = async {
                while let Some(message) = told.recv().await {
                    if responses.send(Ok(message)).await.is_err() {
                        // The client is gone. Without a receiver the work ends with its next message.
                        told.close();
                    }
                }
            };
            let end = tokio::select! {
                () = draining.cancelled() => shutting_down(),
                (ended, ()) = async { tokio::join!(work, handing_on) } => match ended {
                    Ok(()) => return,
                    Err(error) => status(&error),
                },
            };
            drop(responses.send(Err(end)).await);
        };
        tokio::spawn(all.in_current_span());
        Box::pin(ReceiverStream::new(stream))
    }
}
