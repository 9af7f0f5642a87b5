//! What an organisation must say.

use isopolity_proto::registry::Organization;

use super::findings::Findings;
use crate::Name;

pub(super) fn check(organization: &Organization, found: &mut Findings) {
    found.must_have_audience(organization.audience);
    found.must_hold(1, organization.display_names.len(), "display_names");
    found.must_be_stated(organization.kind, "kind");
    found.must_have(&organization.country, "country");
}

pub(super) fn references(_: &Organization) -> Vec<(String, Name)> {
    Vec::new()
}
