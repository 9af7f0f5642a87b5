//! Other terms while a cooperation is active. The present ones hold until all have accepted the others.

use isopolity_proto::cooperation::{Acceptance, Amendment, AmendmentDecline, Cooperation, Terms};

use super::{
    Deed,
    negotiate::{must_be_next, must_mean},
    offer, own, version,
};
use crate::cooperation::Wrong;

/// Other terms are offered.
pub(super) fn amend(after: &mut Cooperation, deed: &Deed<'_>, amendment: &Amendment) -> Result<(), Wrong> {
    let terms = amendment.terms.clone().unwrap_or_default();
    must_be_next(after, terms.version)?;
    if amendment.renewal {
        let agreed = after.agreed.as_ref().and_then(|agreed| agreed.terms.clone()).unwrap_or_default();
        let like_agreed = Terms { version: agreed.version, period: agreed.period.clone(), ..terms.clone() };
        if like_agreed != agreed {
            return Err(Wrong::MoreThanPeriod);
        }
    }
    if let Some(own) = own(after, deed) {
        own.amendment_sequence = deed.sequence;
    }
    after.next_terms_version = terms.version.saturating_add(1);
    after.amendment = Some(offer(deed, &terms));
    Ok(())
}

/// A city accepts them; when the last one has, they are what is agreed.
pub(super) fn accept(after: &mut Cooperation, deed: &Deed<'_>, acceptance: &Acceptance) -> Result<(), Wrong> {
    must_mean(after.amendment.as_ref(), acceptance.terms_version, &acceptance.offer_hash)?;
    if let Some(own) = own(after, deed) {
        own.amendment_sequence = deed.sequence;
        own.amendment_office.clone_from(&acceptance.office);
    }
    if after.participations.iter().all(|one| one.amendment_sequence > 0) {
        after.agreed = after.amendment.take();
        for one in &mut after.participations {
            one.accepted_version = acceptance.terms_version;
            one.accepted_sequence = std::mem::take(&mut one.amendment_sequence);
            one.office = std::mem::take(&mut one.amendment_office);
            // Who agrees to go on is not done.
            one.conclusion = None;
        }
    }
    Ok(())
}

/// The present terms stay.
pub(super) fn decline(after: &mut Cooperation, decline: &AmendmentDecline) -> Result<(), Wrong> {
    let open = after.amendment.as_ref().map_or(0, version);
    if decline.terms_version != open {
        let expected = format!("version {open} is on offer");
        return Err(Wrong::OtherTerms { named: decline.terms_version, expected });
    }
    after.amendment = None;
    for one in &mut after.participations {
        one.amendment_sequence = 0;
        one.amendment_office.clear();
    }
    Ok(())
}
