//! The steps of a partnership and its readiness.

use isopolity_domain::Violation;
use isopolity_proto::{error::Reason, registry};
use prost::Message;
use tonic::{Request, Response, Status};

use super::{Services, resources::RESOURCE_MAX, status::status};

/// Refuses a step whose evidence would make an event larger than a resource may be.
fn must_fit(request: &impl Message) -> Result<(), Status> {
    let size = request.encoded_len();
    if size <= RESOURCE_MAX {
        return Ok(());
    }
    let violation = Violation {
        field: "evidence".to_owned(),
        reason: Reason::MessageTooLarge,
        description: format!("makes the request {size} bytes large; at most {RESOURCE_MAX} are kept"),
    };
    Err(status(&violation.into()))
}

macro_rules! steps {
    ($($step:ident: $request:ident -> $response:ident;)*) => {
        impl Services {
            $(pub(super) async fn $step(
                &self,
                request: Request<registry::$request>,
            ) -> Result<Response<registry::$response>, Status> {
                let caller = self.caller(&request)?;
                must_fit(request.get_ref())?;
                let stepped =
                    self.registry.$step(&caller, request.get_ref()).await.map_err(|error| status(&error))?;
                Ok(Response::new(registry::$response {
                    partnership: Some(stepped.partnership),
                    stage_event: Some(stepped.stage_event),
                }))
            })*
        }
    };
}

steps! {
    advance_partnership: AdvancePartnershipRequest -> AdvancePartnershipResponse;
    suspend_partnership: SuspendPartnershipRequest -> SuspendPartnershipResponse;
    resume_partnership: ResumePartnershipRequest -> ResumePartnershipResponse;
    end_partnership: EndPartnershipRequest -> EndPartnershipResponse;
    correct_stage_event: CorrectStageEventRequest -> CorrectStageEventResponse;
}

impl Services {
    pub(super) async fn get_readiness(
        &self,
        request: Request<registry::GetReadinessRequest>,
    ) -> Result<Response<registry::GetReadinessResponse>, Status> {
        let caller = self.caller(&request)?;
        let readiness = self.registry.readiness(&caller, request.get_ref()).await.map_err(|error| status(&error))?;
        Ok(Response::new(readiness))
    }
}
