//! What a match assertion must say.

use isopolity_proto::registry::MatchAssertion;

use super::findings::{Findings, below, entry};
use crate::Name;

pub(super) fn check(assertion: &MatchAssertion, found: &mut Findings) {
    found.must_have_audience(assertion.audience);
    let left = side(&assertion.left, "left", found);
    let right = side(&assertion.right, "right", found);
    if let (Some(left), Some(right)) = (left, right) {
        if left == right {
            found.invalid("right", "is the same record as left: nothing is to be decided");
        } else if left.kind() != right.kind() {
            found.invalid("right", format!("is a {}, but left is a {}", right.kind(), left.kind()));
        }
    }
    found.must_be_stated(assertion.verdict, "verdict");
    found.must_lie(assertion.score, 0.0, 1.0, "score");
    for (at, feature) in assertion.features.iter().enumerate() {
        let path = entry("features", at);
        found.must_have(&feature.name, &below(&path, "name"));
        found.must_lie(feature.weight, -1.0, 1.0, &below(&path, "weight"));
    }
    if assertion.revoked {
        found.must_have(&assertion.revoke_reason, "revoke_reason");
    } else if !assertion.revoke_reason.is_empty() {
        found.invalid("revoke_reason", "is only for an assertion that was revoked");
    }
}

/// One of the two records. Of any kind; another city's may be meant.
fn side(text: &str, field: &str, found: &mut Findings) -> Option<Name> {
    if text.is_empty() {
        found.required(field);
        return None;
    }
    text.parse::<Name>().map_err(|error| found.invalid(field, error.to_string())).ok()
}

/// None: either record may be deleted, and the decision still stands.
pub(super) fn references(_: &MatchAssertion) -> Vec<(String, Name)> {
    Vec::new()
}
