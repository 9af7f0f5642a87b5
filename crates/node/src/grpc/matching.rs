//! Pairs of records that may be of the same organisation or place.

use isopolity_proto::registry::{FindMatchesRequest, FindMatchesResponse};
use tonic::{Request, Response, Status};

use super::{Services, status::status};

/// Finds such pairs.
pub(super) async fn find(
    services: &Services,
    request: Request<FindMatchesRequest>,
) -> Result<Response<FindMatchesResponse>, Status> {
    let caller = services.caller(&request)?;
    let found = services.registry.find_matches(&caller, request.get_ref()).await.map_err(|error| status(&error))?;
    Ok(Response::new(found))
}
