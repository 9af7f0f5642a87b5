//! What an error carries for programs.

use isopolity_proto::{catalog::IncompleteAnswer, type_url};
use prost::{Message as _, Name as _};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The status code and the reason.
pub fn reason(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info();
    let reason = info.map_or_else(|| format!("no reason: {status:?}"), |info| info.reason);
    (status.code(), reason)
}

/// The fields that are named as wrong.
pub fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    bad.into_iter().map(|violation| violation.field).collect()
}

/// A value of the metadata that comes with the reason.
pub fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(key)
}

/// The resource that the error is about.
pub fn resource(status: &Status) -> String {
    status.get_details_resource_info().map(|info| info.resource_name).unwrap_or_default()
}

/// Who answered, where a requirement was not met.
pub fn incomplete(status: &Status) -> IncompleteAnswer {
    let inner = tonic_types::pb::Status::decode(status.details()).unwrap();
    let wanted = type_url(&IncompleteAnswer::full_name());
    let detail = inner.details.into_iter().find(|any| any.type_url == wanted);
    IncompleteAnswer::decode(detail.unwrap().value.as_slice()).unwrap()
}
