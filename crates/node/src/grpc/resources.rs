//! The standard methods of the three collections. They differ in their types only, so one text serves all.

use isopolity_domain::{Kind, Name, Violation, name::NameError};
use isopolity_proto::{error::Reason, registry, to_dynamic};
use isopolity_registry::Error;
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
const RESOURCE_MAX: usize = 1 << 20;

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

macro_rules! standard_methods {
    ($kind:expr, $service:path, $one:ident, $many:ident, $id:ident,
     $get:ident($get_request:ident) -> $get_response:ident,
     $list:ident($list_request:ident) -> $list_response:ident,
     $create:ident($create_request:ident) -> $create_response:ident,
     $update:ident($update_request:ident) -> $update_response:ident,
     $delete:ident($delete_request:ident) -> $delete_response:ident $(,)?) => {
        #[tonic::async_trait]
        impl $service for Services {
            async fn $get(
                &self,
                request: Request<registry::$get_request>,
            ) -> Result<Response<registry::$get_response>, Status> {
                let caller = self.caller(request.metadata()).await?;
                let name = name($kind, &request.get_ref().name)?;
                let found = self.registry.get(&caller, &name).await.map_err(|error| status(&error))?;
                Ok(Response::new(registry::$get_response { $one: Some(typed(&found)?) }))
            }

            async fn $list(
                &self,
                request: Request<registry::$list_request>,
            ) -> Result<Response<registry::$list_response>, Status> {
                let caller = self.caller(request.metadata()).await?;
                let registry::$list_request { parent, page_size, page_token } = request.into_inner();
                let page = self
                    .registry
                    .list(&caller, $kind, &parent, page_size, &page_token)
                    .await
                    .map_err(|error| status(&error))?;
                let $many = page.resources.iter().map(typed).collect::<Result<_, _>>()?;
                Ok(Response::new(registry::$list_response { $many, next_page_token: page.next_page_token }))
            }

            async fn $create(
                &self,
                request: Request<registry::$create_request>,
            ) -> Result<Response<registry::$create_response>, Status> {
                let caller = self.caller(request.metadata()).await?;
                let registry::$create_request { parent, $id, $one, validate_only } = request.into_inner();
                let resource = required(stringify!($one), $one)?;
                let created = self
                    .registry
                    .create(&caller, $kind, &parent, &$id, resource, validate_only)
                    .await
                    .map_err(|error| status(&error))?;
                Ok(Response::new(registry::$create_response { $one: Some(typed(&created)?) }))
            }

            async fn $update(
                &self,
                request: Request<registry::$update_request>,
            ) -> Result<Response<registry::$update_response>, Status> {
                let caller = self.caller(request.metadata()).await?;
                let registry::$update_request { $one, update_mask, validate_only } = request.into_inner();
                let resource = required(stringify!($one), $one)?;
                let mask = update_mask.unwrap_or_default().paths;
                let updated = self
                    .registry
                    .update(&caller, $kind, resource, &mask, validate_only)
                    .await
                    .map_err(|error| status(&error))?;
                Ok(Response::new(registry::$update_response { $one: Some(typed(&updated)?) }))
            }

            async fn $delete(
                &self,
                request: Request<registry::$delete_request>,
            ) -> Result<Response<registry::$delete_response>, Status> {
                let caller = self.caller(request.metadata()).await?;
                let registry::$delete_request { name: text, etag } = request.into_inner();
                let name = name($kind, &text)?;
                self.registry.delete(&caller, &name, &etag).await.map_err(|error| status(&error))?;
                Ok(Response::new(registry::$delete_response {}))
            }
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
);
