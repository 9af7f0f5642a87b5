//! Answers, in kinds that are answered.

use isopolity_proto::cooperation::{Answer, Cooperation, CooperationState};

use super::{Deed, finish, own};
use crate::cooperation::Wrong;

/// A city answers; when the last one has, it is done.
#[expect(clippy::unnecessary_wraps, reason = "as the other steps")]
pub(super) fn answer(after: &mut Cooperation, deed: &Deed<'_>, answer: &Answer) -> Result<(), Wrong> {
    if let Some(own) = own(after, deed) {
        own.answer = Some(answer.clone());
        own.answer_sequence = deed.sequence;
    }
    // The host has asked.
    if after.participations.iter().skip(1).all(|one| one.answer.is_some()) {
        finish(after, CooperationState::Concluded, "", "", deed.sequence);
    }
    Ok(())
}
