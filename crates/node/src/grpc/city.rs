//! The city's profile.

use isopolity_domain::Kind;
use isopolity_proto::registry::{
    GetCityRequest, GetCityResponse, UpdateCityRequest, UpdateCityResponse, city_service_server::CityService,
};
use isopolity_registry::author::Terms;
use tonic::{Request, Response, Status};

use super::{
    Services,
    resources::{name, required, typed},
    status::status,
};

#[tonic::async_trait]
impl CityService for Services {
    async fn get_city(&self, request: Request<GetCityRequest>) -> Result<Response<GetCityResponse>, Status> {
        let caller = self.caller(&request)?;
        let name = name(Kind::City, &request.get_ref().name)?;
        let found = self.registry.get(&caller, &name).await.map_err(|error| status(&error))?;
        Ok(Response::new(GetCityResponse { city: Some(typed(&found)?) }))
    }

    async fn update_city(&self, request: Request<UpdateCityRequest>) -> Result<Response<UpdateCityResponse>, Status> {
        let caller = self.caller(&request)?;
        let UpdateCityRequest { city, update_mask, validate_only, request_id } = request.into_inner();
        let resource = required("city", city)?;
        let mask = update_mask.unwrap_or_default().paths;
        let terms = Terms { validate_only, request_id: &request_id };
        let updated =
            self.registry.update(&caller, Kind::City, resource, &mask, terms).await.map_err(|error| status(&error))?;
        Ok(Response::new(UpdateCityResponse { city: Some(typed(&updated)?) }))
    }
}
