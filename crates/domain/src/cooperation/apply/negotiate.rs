//! Offers of terms, until all accept the same.

use isopolity_proto::cooperation::{Acceptance, Cooperation, CooperationState, Counter, Offer};

use super::{Deed, amend, offer, own, version};
use crate::cooperation::Wrong;

/// Other terms are offered: what was accepted before counts no longer.
pub(super) fn counter(after: &mut Cooperation, deed: &Deed<'_>, counter: &Counter) -> Result<(), Wrong> {
    let terms = counter.terms.clone().unwrap_or_default();
    must_be_next(after, terms.version)?;
    for one in &mut after.participations {
        one.accepted_version = 0;
        one.accepted_sequence = 0;
        one.office.clear();
    }
    if let Some(own) = own(after, deed) {
        own.accepted_version = terms.version;
        own.accepted_sequence = deed.sequence;
    }
    after.next_terms_version = terms.version.saturating_add(1);
    after.offer = Some(offer(deed, &terms));
    Ok(())
}

/// The terms on offer are accepted, or an amendment.
pub(super) fn accept(after: &mut Cooperation, deed: &Deed<'_>, acceptance: &Acceptance) -> Result<(), Wrong> {
    if after.state() == CooperationState::Active {
        return amend::accept(after, deed, acceptance);
    }
    must_mean(after.offer.as_ref(), acceptance.terms_version, &acceptance.offer_hash)?;
    if let Some(own) = own(after, deed) {
        own.accepted_version = acceptance.terms_version;
        own.accepted_sequence = deed.sequence;
        own.office.clone_from(&acceptance.office);
    }
    if after.participations.iter().all(|one| one.accepted_version == acceptance.terms_version) {
        after.agreed = after.offer.take();
        after.set_state(CooperationState::Agreed);
    }
    Ok(())
}

/// Whoever accepts or signs names the terms that count, and the event that offered them.
pub(super) fn must_mean(offer: Option<&Offer>, named: i32, hash: &[u8]) -> Result<(), Wrong> {
    let Some(offer) = offer else { return Err(Wrong::NoAmendment) };
    let counts = version(offer);
    if named != counts {
        return Err(Wrong::OtherTerms { named, expected: format!("version {counts} is the one that counts now") });
    }
    if offer.hash != hash {
        let expected = format!("with another hash than that of event {}, which offered them", offer.sequence);
        return Err(Wrong::OtherTerms { named, expected });
    }
    Ok(())
}

/// Versions are given one after the other, and none twice.
pub(super) fn must_be_next(cooperation: &Cooperation, named: i32) -> Result<(), Wrong> {
    let next = cooperation.next_terms_version;
    if named == next {
        Ok(())
    } else {
        Err(Wrong::OtherTerms { named, expected: format!("the next offer has version {next}") })
    }
}
