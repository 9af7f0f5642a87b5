//! Working together with other cities.

use std::pin::Pin;

use futures::StreamExt as _;
use isopolity_proto::cooperation::{
    ApproveStepRequest, ApproveStepResponse, ConfirmRecordRequest, ConfirmRecordResponse, CreateCooperationRequest,
    CreateCooperationResponse, DeleteDraftRequest, DeleteDraftResponse, DropStepRequest, DropStepResponse,
    ExportCooperationRequest, ExportCooperationResponse, GetCooperationRequest, GetCooperationResponse,
    ListCooperationEventsRequest, ListCooperationEventsResponse, ListCooperationsRequest, ListCooperationsResponse,
    ListDeliveriesRequest, ListDeliveriesResponse, ListInboxRequest, ListInboxResponse, RedriveDeliveriesRequest,
    RedriveDeliveriesResponse, TakeStepRequest, TakeStepResponse, UpdateDraftRequest, UpdateDraftResponse,
    WatchInboxRequest, WatchInboxResponse, cooperation_service_server::CooperationService,
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    Services,
    status::{shutting_down, status},
};

type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl CooperationService for Services {
    type ExportCooperationStream = Parts<ExportCooperationResponse>;
    type WatchInboxStream = Parts<WatchInboxResponse>;

    async fn create_cooperation(
        &self,
        request: Request<CreateCooperationRequest>,
    ) -> Result<Response<CreateCooperationResponse>, Status> {
        let caller = self.caller(&request)?;
        let begun = self.registry.create_cooperation(&caller, request.into_inner()).await;
        let cooperation = Some(begun.map_err(|error| status(&error))?);
        Ok(Response::new(CreateCooperationResponse { cooperation }))
    }

    async fn update_draft(
        &self,
        request: Request<UpdateDraftRequest>,
    ) -> Result<Response<UpdateDraftResponse>, Status> {
        let caller = self.caller(&request)?;
        let changed = self.registry.update_draft(&caller, request.into_inner()).await;
        let cooperation = Some(changed.map_err(|error| status(&error))?);
        Ok(Response::new(UpdateDraftResponse { cooperation }))
    }

    async fn delete_draft(
        &self,
        request: Request<DeleteDraftRequest>,
    ) -> Result<Response<DeleteDraftResponse>, Status> {
        let caller = self.caller(&request)?;
        let deleted = self.registry.delete_draft(&caller, &request.get_ref().name).await;
        deleted.map_err(|error| status(&error))?;
        Ok(Response::new(DeleteDraftResponse {}))
    }

    async fn get_cooperation(
        &self,
        request: Request<GetCooperationRequest>,
    ) -> Result<Response<GetCooperationResponse>, Status> {
        let caller = self.caller(&request)?;
        let found = self.registry.cooperation(&caller, &request.get_ref().name).await;
        let cooperation = Some(found.map_err(|error| status(&error))?);
        Ok(Response::new(GetCooperationResponse { cooperation }))
    }

    async fn list_cooperations(
        &self,
        request: Request<ListCooperationsRequest>,
    ) -> Result<Response<ListCooperationsResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.cooperations(&caller, request.get_ref()).await;
        page.map(Response::new).map_err(|error| status(&error))
    }

    async fn take_step(&self, request: Request<TakeStepRequest>) -> Result<Response<TakeStepResponse>, Status> {
        let caller = self.caller(&request)?;
        let taken = self.registry.take_step(&caller, request.into_inner()).await;
        taken.map(Response::new).map_err(|error| status(&error))
    }

    async fn approve_step(
        &self,
        request: Request<ApproveStepRequest>,
    ) -> Result<Response<ApproveStepResponse>, Status> {
        let caller = self.caller(&request)?;
        let ApproveStepRequest { name, step_id } = request.into_inner();
        let approved = self.registry.approve_step(&caller, &name, &step_id).await;
        approved.map(Response::new).map_err(|error| status(&error))
    }

    async fn drop_step(&self, request: Request<DropStepRequest>) -> Result<Response<DropStepResponse>, Status> {
        let caller = self.caller(&request)?;
        let DropStepRequest { name, step_id } = request.into_inner();
        let dropped = self.registry.drop_step(&caller, &name, &step_id).await;
        let cooperation = Some(dropped.map_err(|error| status(&error))?);
        Ok(Response::new(DropStepResponse { cooperation }))
    }

    async fn confirm_record(
        &self,
        request: Request<ConfirmRecordRequest>,
    ) -> Result<Response<ConfirmRecordResponse>, Status> {
        let caller = self.caller(&request)?;
        let statement = request.into_inner().statement.unwrap_or_default();
        let said = self.registry.confirm_record(&caller, statement).await;
        said.map(Response::new).map_err(|error| status(&error))
    }

    async fn list_cooperation_events(
        &self,
        request: Request<ListCooperationEventsRequest>,
    ) -> Result<Response<ListCooperationEventsResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.cooperation_events(&caller, request.get_ref()).await;
        page.map(Response::new).map_err(|error| status(&error))
    }

    async fn export_cooperation(
        &self,
        request: Request<ExportCooperationRequest>,
    ) -> Result<Response<Self::ExportCooperationStream>, Status> {
        let caller = self.caller(&request)?;
        let pieces = self.registry.export_cooperation(&caller, &request.get_ref().name).await;
        let draining = self.draining.clone();
        let pieces = pieces.map_err(|error| status(&error))?.map(move |piece| match piece {
            // Half a file is of no use: the client asks another time.
            _ if draining.is_cancelled() => Err(shutting_down()),
            piece => piece.map(|piece| ExportCooperationResponse { piece }).map_err(|error| status(&error)),
        });
        Ok(Response::new(pieces.boxed()))
    }

    async fn list_inbox(&self, request: Request<ListInboxRequest>) -> Result<Response<ListInboxResponse>, Status> {
        let caller = self.caller(&request)?;
        let listed = self.registry.inbox(&caller, request.get_ref()).await;
        listed.map(Response::new).map_err(|error| status(&error))
    }

    async fn watch_inbox(
        &self,
        request: Request<WatchInboxRequest>,
    ) -> Result<Response<Self::WatchInboxStream>, Status> {
        let caller = self.caller(&request)?;
        let notices = self.registry.watch_inbox(&caller).map_err(|error| status(&error))?;
        let notices = notices.take_until(self.draining.clone().cancelled_owned()).map(Ok);
        Ok(Response::new(notices.boxed()))
    }

    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let caller = self.caller(&request)?;
        let page = self.registry.deliveries(&caller, request.get_ref()).await;
        page.map(Response::new).map_err(|error| status(&error))
    }

    async fn redrive_deliveries(
        &self,
        request: Request<RedriveDeliveriesRequest>,
    ) -> Result<Response<RedriveDeliveriesResponse>, Status> {
        let caller = self.caller(&request)?;
        let count =
            self.registry.redrive_deliveries(&caller, request.get_ref()).await.map_err(|error| status(&error))?;
        Ok(Response::new(RedriveDeliveriesResponse { count }))
    }
}
