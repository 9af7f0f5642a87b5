//! Signing what was agreed, and beginning.

use isopolity_proto::cooperation::{Activation, AgreementSignature, Cooperation, CooperationState};

use super::{Deed, negotiate::must_mean, own};
use crate::cooperation::Wrong;

/// A city signs the agreed terms.
pub(super) fn sign(after: &mut Cooperation, deed: &Deed<'_>, signature: &AgreementSignature) -> Result<(), Wrong> {
    must_mean(after.agreed.as_ref(), signature.terms_version, &signature.offer_hash)?;
    if let Some(own) = own(after, deed) {
        own.signature = Some(signature.clone());
        own.signature_sequence = deed.sequence;
    }
    Ok(())
}

/// It begins. That all have signed was looked at before.
#[expect(clippy::unnecessary_wraps, reason = "as the other steps")]
pub(super) fn activate(after: &mut Cooperation, deed: &Deed<'_>, activation: &Activation) -> Result<(), Wrong> {
    after.start_date =
        if activation.start_date.is_empty() { deed.time.date().to_string() } else { activation.start_date.clone() };
    after.set_state(CooperationState::Active);
    Ok(())
}
