//! The standard methods of the collections. They differ in their types only, so one text serves all.

use isopolity_domain::{Kind, Name, Violation, name::NameError};
use isopolity_proto::{error::Reason, registry, to_dynamic};
use isopolity_registry::{
    Caller, Error,
    author::{List, Terms},
};
use prost_reflect::DynamicMessage;
use tonic::{Request, Response, Status};

use super::{Services, status::status};

/// A resource name of this kind from a request.
pub(super) fn name(kind: Kind, text: &str) -> Result<Name, Status> {
    Name::parse_as(kind, text).map_err(|error: NameError| status(&Violation::invalid("name", error.to_string()).into()))
}

/// The typed form of a resource that the registry returned.
pub(super) fn typed<M: prost::Name + Default>(resource: &DynamicMessage) -> Result<M, Status> {
    resource.transcode_to().map_err(|error| status(&Error::internal(error)))
}

/// The largest resource.
pub(super) const RESOURCE_MAX: usize = 1 << 20;

/// The resource that a request must carry.
pub(super) fn required<M: prost::Name>(field: &str, resource: Option<M>) -> Result<DynamicMessage, Status> {
    let resource = resource.ok_or_else(|| status(&Violation::required(field).into()))?;
    let size = resource.encoded_len();
    if size > RESOURCE_MAX {
        let violation = Violation {
            field: field.to_owned(),
            reason: Reason::MessageTooLarge,
            description: format!("is {size} bytes large; at most {RESOURCE_MAX} are kept"),
        };
        return Err(status(&violation.into()));
    }
    Ok(to_dynamic(&resource))
}

impl Services {
    /// A resource that the caller may see.
    async fn one<M: prost::Name + Default>(
        &self,
        kind: Kind,
        caller: &Caller,
        text: &str,
    ) -> Result<Option<M>, Status> {
        let name = name(kind, text)?;
        let found = self.registry.get(caller, &name).await.map_err(|error| status(&error))?;
        typed(&found).map(Some)
    }

    /// A page of resources, and the token of the next.
    async fn page<M: prost::Name + Default>(
        &self,
        caller: &Caller,
        list: List<'_>,
    ) -> Result<(Vec<M>, String), Status> {
        let page = self.registry.list(caller, list).await.map_err(|error| status(&error))?;
        Ok((page.resources.iter().map(typed).collect::<Result<_, _>>()?, page.next_page_token))
    }
}

/// What a list request asks for. All of them have the same fields.
macro_rules! list {
    ($kind:expr, $request:expr) => {{
        let request = $request;
        List {
            kind: $kind,
            parent: &request.parent,
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by: &request.order_by,
            show_deleted: request.show_deleted,
        }
    }};
}

macro_rules! standard_methods {
    ($kind:expr, $service:path, $one:ident, $many:ident, $id:ident,
     $get:ident($get_request:ident) -> $get_response:ident,
     $list:ident($list_request:ident) -> $list_response:ident,
     $create:ident($create_request:ident) -> $create_response:ident,
     $update:ident($update_request:ident) -> $update_response:ident,
     $delete:ident($delete_request:ident) -> $delete_response:ident,
     $undelete:ident($undelete_request:ident) -> $undelete_response:ident
     $(; $($further:tt)*)?) => {
        #[tonic::async_trait]
        impl $service for Services {
            async fn $get(
                &self,
                request: Request<registry::$get_request>,
            ) -> Result<Response<registry::$get_response>, Status> {
                let $one = self.one($kind, &self.caller(&request)?, &request.get_ref().name).await?;
                Ok(Response::new(registry::$get_response { $one }))
            }

            async fn $list(
                &self,
                request: Request<registry::$list_request>,
            ) -> Result<Response<registry::$list_response>, Status> {
                let list = list!($kind, request.get_ref());
                let ($many, next_page_token) = self.page(&self.caller(&request)?, list).await?;
                Ok(Response::new(registry::$list_response { $many, next_page_token }))
            }

            async fn $create(
                &self,
                request: Request<registry::$create_request>,
            ) -> Result<Response<registry::$create_response>, Status> {
                let caller = self.caller(&request)?;
                let registry::$create_request { parent, $id, $one, validate_only, request_id } = request.into_inner();
                let resource = required(stringify!($one), $one)?;
                let terms = Terms { validate_only, request_id: &request_id };
                let created = self
                    .registry
                    .create(&caller, $kind, &parent, &$id, resource, terms)
                    .await
                    .map_err(|error| status(&error))?;
                Ok(Response::new(registry::$create_response { $one: Some(typed(&created)?) }))
            }

            async fn $update(
                &self,
                request: Request<registry::$update_request>,
            ) -> Result<Response<registry::$update_response>, Status> {
                let caller = self.caller(&request)?;
                let registry::$update_request { $one, update_mask, validate_only, request_id } = request.into_inner();
                let resource = required(stringify!($one), $one)?;
                let mask = update_mask.unwrap_or_default().paths;
                let terms = Terms { validate_only, request_id: &request_id };
                let updated = self
                    .registry
                    .update(&caller, $kind, resource, &mask, terms)
                    .await
                    .map_err(|error| status(&error))?;
                Ok(Response::new(registry::$update_response { $one: Some(typed(&updated)?) }))
            }

            async fn $delete(
                &self,
                request: Request<registry::$delete_request>,
            ) -> Result<Response<registry::$delete_response>, Status> {
                let caller = self.caller(&request)?;
                let registry::$delete_request { name: text, etag, validate_only, request_id } = request.into_inner();
                let name = name($kind, &text)?;
                let terms = Terms { validate_only, request_id: &request_id };
                let deleted =
                    self.registry.delete(&caller, &name, &etag, terms).await.map_err(|error| status(&error))?;
                Ok(Response::new(registry::$delete_response { $one: Some(typed(&deleted)?) }))
            }

            async fn $undelete(
                &self,
                request: Request<registry::$undelete_request>,
            ) -> Result<Response<registry::$undelete_response>, Status> {
                let caller = self.caller(&request)?;
                let registry::$undelete_request { name: text, etag, validate_only, request_id } = request.into_inner();
                let name = name($kind, &text)?;
                let terms = Terms { validate_only, request_id: &request_id };
                let restored =
                    self.registry.undelete(&caller, &name, &etag, terms).await.map_err(|error| status(&error))?;
                Ok(Response::new(registry::$undelete_response { $one: Some(typed(&restored)?) }))
            }

            $($($further)*)?
        }
    };
}

standard_methods!(
    Kind::Organization,
    registry::organization_service_server::OrganizationService,
    organization,
    organizations,
    organization_id,
    get_organization(GetOrganizationRequest) -> GetOrganizationResponse,
    list_organizations(ListOrganizationsRequest) -> ListOrganizationsResponse,
    create_organization(CreateOrganizationRequest) -> CreateOrganizationResponse,
    update_organization(UpdateOrganizationRequest) -> UpdateOrganizationResponse,
    delete_organization(DeleteOrganizationRequest) -> DeleteOrganizationResponse,
    undelete_organization(UndeleteOrganizationRequest) -> UndeleteOrganizationResponse
);

standard_methods!(
    Kind::Agreement,
    registry::agreement_service_server::AgreementService,
    agreement,
    agreements,
    agreement_id,
    get_agreement(GetAgreementRequest) -> GetAgreementResponse,
    list_agreements(ListAgreementsRequest) -> ListAgreementsResponse,
    create_agreement(CreateAgreementRequest) -> CreateAgreementResponse,
    update_agreement(UpdateAgreementRequest) -> UpdateAgreementResponse,
    delete_agreement(DeleteAgreementRequest) -> DeleteAgreementResponse,
    undelete_agreement(UndeleteAgreementRequest) -> UndeleteAgreementResponse
);

standard_methods!(
    Kind::Partnership,
    registry::partnership_service_server::PartnershipService,
    partnership,
    partnerships,
    partnership_id,
    get_partnership(GetPartnershipRequest) -> GetPartnershipResponse,
    list_partnerships(ListPartnershipsRequest) -> ListPartnershipsResponse,
    create_partnership(CreatePartnershipRequest) -> CreatePartnershipResponse,
    update_partnership(UpdatePartnershipRequest) -> UpdatePartnershipResponse,
    delete_partnership(DeletePartnershipRequest) -> DeletePartnershipResponse,
    undelete_partnership(UndeletePartnershipRequest) -> UndeletePartnershipResponse
;

    async fn advance_partnership(
        &self,
        request: Request<registry::AdvancePartnershipRequest>,
    ) -> Result<Response<registry::AdvancePartnershipResponse>, Status> {
        Self::advance_partnership(self, request).await
    }

    async fn suspend_partnership(
        &self,
        request: Request<registry::SuspendPartnershipRequest>,
    ) -> Result<Response<registry::SuspendPartnershipResponse>, Status> {
        Self::suspend_partnership(self, request).await
    }

    async fn resume_partnership(
        &self,
        request: Request<registry::ResumePartnershipRequest>,
    ) -> Result<Response<registry::ResumePartnershipResponse>, Status> {
        Self::resume_partnership(self, request).await
    }

    async fn end_partnership(
        &self,
        request: Request<registry::EndPartnershipRequest>,
    ) -> Result<Response<registry::EndPartnershipResponse>, Status> {
        Self::end_partnership(self, request).await
    }

    async fn correct_stage_event(
        &self,
        request: Request<registry::CorrectStageEventRequest>,
    ) -> Result<Response<registry::CorrectStageEventResponse>, Status> {
        Self::correct_stage_event(self, request).await
    }

    async fn get_readiness(
        &self,
        request: Request<registry::GetReadinessRequest>,
    ) -> Result<Response<registry::GetReadinessResponse>, Status> {
        Self::get_readiness(self, request).await
    }
);

standard_methods!(
    Kind::Place,
    registry::place_service_server::PlaceService,
    place,
    places,
    place_id,
    get_place(GetPlaceRequest) -> GetPlaceResponse,
    list_places(ListPlacesRequest) -> ListPlacesResponse,
    create_place(CreatePlaceRequest) -> CreatePlaceResponse,
    update_place(UpdatePlaceRequest) -> UpdatePlaceResponse,
    delete_place(DeletePlaceRequest) -> DeletePlaceResponse,
    undelete_place(UndeletePlaceRequest) -> UndeletePlaceResponse
);

standard_methods!(
    Kind::ConditionAssessment,
    registry::condition_assessment_service_server::ConditionAssessmentService,
    condition_assessment,
    condition_assessments,
    condition_assessment_id,
    get_condition_assessment(GetConditionAssessmentRequest) -> GetConditionAssessmentResponse,
    list_condition_assessments(ListConditionAssessmentsRequest) -> ListConditionAssessmentsResponse,
    create_condition_assessment(CreateConditionAssessmentRequest) -> CreateConditionAssessmentResponse,
    update_condition_assessment(UpdateConditionAssessmentRequest) -> UpdateConditionAssessmentResponse,
    delete_condition_assessment(DeleteConditionAssessmentRequest) -> DeleteConditionAssessmentResponse,
    undelete_condition_assessment(UndeleteConditionAssessmentRequest) -> UndeleteConditionAssessmentResponse
);

standard_methods!(
    Kind::SupportService,
    registry::support_service_service_server::SupportServiceService,
    support_service,
    support_services,
    support_service_id,
    get_support_service(GetSupportServiceRequest) -> GetSupportServiceResponse,
    list_support_services(ListSupportServicesRequest) -> ListSupportServicesResponse,
    create_support_service(CreateSupportServiceRequest) -> CreateSupportServiceResponse,
    update_support_service(UpdateSupportServiceRequest) -> UpdateSupportServiceResponse,
    delete_support_service(DeleteSupportServiceRequest) -> DeleteSupportServiceResponse,
    undelete_support_service(UndeleteSupportServiceRequest) -> UndeleteSupportServiceResponse
);

standard_methods!(
    Kind::Opportunity,
    registry::opportunity_service_server::OpportunityService,
    opportunity,
    opportunities,
    opportunity_id,
    get_opportunity(GetOpportunityRequest) -> GetOpportunityResponse,
    list_opportunities(ListOpportunitiesRequest) -> ListOpportunitiesResponse,
    create_opportunity(CreateOpportunityRequest) -> CreateOpportunityResponse,
    update_opportunity(UpdateOpportunityRequest) -> UpdateOpportunityResponse,
    delete_opportunity(DeleteOpportunityRequest) -> DeleteOpportunityResponse,
    undelete_opportunity(UndeleteOpportunityRequest) -> UndeleteOpportunityResponse
);

standard_methods!(
    Kind::IndicatorObservation,
    registry::indicator_observation_service_server::IndicatorObservationService,
    indicator_observation,
    indicator_observations,
    indicator_observation_id,
    get_indicator_observation(GetIndicatorObservationRequest) -> GetIndicatorObservationResponse,
    list_indicator_observations(ListIndicatorObservationsRequest) -> ListIndicatorObservationsResponse,
    create_indicator_observation(CreateIndicatorObservationRequest) -> CreateIndicatorObservationResponse,
    update_indicator_observation(UpdateIndicatorObservationRequest) -> UpdateIndicatorObservationResponse,
    delete_indicator_observation(DeleteIndicatorObservationRequest) -> DeleteIndicatorObservationResponse,
    undelete_indicator_observation(UndeleteIndicatorObservationRequest) -> UndeleteIndicatorObservationResponse
);

standard_methods!(
    Kind::AdvantageFactor,
    registry::advantage_factor_service_server::AdvantageFactorService,
    advantage_factor,
    advantage_factors,
    advantage_factor_id,
    get_advantage_factor(GetAdvantageFactorRequest) -> GetAdvantageFactorResponse,
    list_advantage_factors(ListAdvantageFactorsRequest) -> ListAdvantageFactorsResponse,
    create_advantage_factor(CreateAdvantageFactorRequest) -> CreateAdvantageFactorResponse,
    update_advantage_factor(UpdateAdvantageFactorRequest) -> UpdateAdvantageFactorResponse,
    delete_advantage_factor(DeleteAdvantageFactorRequest) -> DeleteAdvantageFactorResponse,
    undelete_advantage_factor(UndeleteAdvantageFactorRequest) -> UndeleteAdvantageFactorResponse
);

standard_methods!(
    Kind::GoodPractice,
    registry::good_practice_service_server::GoodPracticeService,
    good_practice,
    good_practices,
    good_practice_id,
    get_good_practice(GetGoodPracticeRequest) -> GetGoodPracticeResponse,
    list_good_practices(ListGoodPracticesRequest) -> ListGoodPracticesResponse,
    create_good_practice(CreateGoodPracticeRequest) -> CreateGoodPracticeResponse,
    update_good_practice(UpdateGoodPracticeRequest) -> UpdateGoodPracticeResponse,
    delete_good_practice(DeleteGoodPracticeRequest) -> DeleteGoodPracticeResponse,
    undelete_good_practice(UndeleteGoodPracticeRequest) -> UndeleteGoodPracticeResponse
);

standard_methods!(
    Kind::MatchAssertion,
    registry::match_assertion_service_server::MatchAssertionService,
    match_assertion,
    match_assertions,
    match_assertion_id,
    get_match_assertion(GetMatchAssertionRequest) -> GetMatchAssertionResponse,
    list_match_assertions(ListMatchAssertionsRequest) -> ListMatchAssertionsResponse,
    create_match_assertion(CreateMatchAssertionRequest) -> CreateMatchAssertionResponse,
    update_match_assertion(UpdateMatchAssertionRequest) -> UpdateMatchAssertionResponse,
    delete_match_assertion(DeleteMatchAssertionRequest) -> DeleteMatchAssertionResponse,
    undelete_match_assertion(UndeleteMatchAssertionRequest) -> UndeleteMatchAssertionResponse
;

    async fn find_matches(&self, request: Request<registry::FindMatchesRequest>) -> Result<Response<registry::FindMatchesResponse>, Status> {
        super::matching::find(self, request).await
    }
);

#[tonic::async_trait]
impl registry::stage_event_service_server::StageEventService for Services {
    async fn get_stage_event(
        &self,
        request: Request<registry::GetStageEventRequest>,
    ) -> Result<Response<registry::GetStageEventResponse>, Status> {
        let stage_event = self.one(Kind::StageEvent, &self.caller(&request)?, &request.get_ref().name).await?;
        Ok(Response::new(registry::GetStageEventResponse { stage_event }))
    }

    async fn list_stage_events(
        &self,
        request: Request<registry::ListStageEventsRequest>,
    ) -> Result<Response<registry::ListStageEventsResponse>, Status> {
        let list = list!(Kind::StageEvent, request.get_ref());
        let (stage_events, next_page_token) = self.page(&self.caller(&request)?, list).await?;
        Ok(Response::new(registry::ListStageEventsResponse { stage_events, next_page_token }))
    }
}
