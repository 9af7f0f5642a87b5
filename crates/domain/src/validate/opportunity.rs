//! What an opportunity must say.

use isopolity_proto::registry::{Opportunity, OpportunityStatus};

use super::{findings::Findings, named};
use crate::{Kind, Name};

pub(super) fn check(opportunity: &Opportunity, found: &mut Findings) {
    found.must_have_audience(opportunity.audience);
    found.must_hold(1, opportunity.titles.len(), "titles");
    found.must_be_stated(opportunity.direction, "direction");
    found.must_hold(1, opportunity.subjects.len(), "subjects");
    let fields = ("organization", "organization_names");
    let called = opportunity.organization_names.len();
    found.must_name_or_call(Kind::Organization, &opportunity.organization, called, fields);
    found.must_be_stated(opportunity.status, "status");
    found.must_hold(1, opportunity.countries.len(), "countries");
    found.must_hold(1, opportunity.sectors.len(), "sectors");
    found.must_name(Kind::Partnership, &opportunity.partnership, "partnership");
    if !opportunity.partnership.is_empty() && opportunity.status() == OpportunityStatus::Open {
        found.invalid("status", "is OPEN though a partnership came of it: IN_DISCUSSION, TAKEN or CLOSED");
    }
}

pub(super) fn references(opportunity: &Opportunity) -> Vec<(String, Name)> {
    let organization = named(Kind::Organization, [("organization".to_owned(), &opportunity.organization)]);
    organization.chain(named(Kind::Partnership, [("partnership".to_owned(), &opportunity.partnership)])).collect()
}
