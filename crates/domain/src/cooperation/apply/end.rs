//! How a cooperation ends.

use isopolity_proto::cooperation::{Conclusion, Cooperation, CooperationState};
use time::OffsetDateTime;

use super::{Deed, finish, own};
use crate::{clock::from_timestamp, cooperation::Wrong, validate::value};

/// A city ends it.
#[expect(clippy::unnecessary_wraps, reason = "as the other steps")]
pub(super) fn end(
    after: &mut Cooperation,
    deed: &Deed<'_>,
    state: CooperationState,
    reason: &str,
) -> Result<(), Wrong> {
    finish(after, state, deed.city.as_str(), reason, deed.sequence);
    Ok(())
}

/// A city is done; when the last one is, all are.
#[expect(clippy::unnecessary_wraps, reason = "as the other steps")]
pub(super) fn conclude(after: &mut Cooperation, deed: &Deed<'_>, conclusion: &Conclusion) -> Result<(), Wrong> {
    if let Some(own) = own(after, deed) {
        own.conclusion = Some(conclusion.clone());
    }
    if after.participations.iter().all(|one| one.conclusion.is_some()) {
        finish(after, CooperationState::Concluded, "", "", deed.sequence);
    }
    Ok(())
}

/// When its time is over, if it ever is: the time that was set for a reply, or the day after the last one of the agreed period. Until
/// then the host's node may not say so.
#[must_use]
pub fn expires_at(cooperation: &Cooperation) -> Option<OffsetDateTime> {
    match cooperation.state() {
        CooperationState::Proposed | CooperationState::Agreed => {
            cooperation.reply_due_time.as_ref().and_then(from_timestamp)
        }
        CooperationState::Active => {
            let period = cooperation.agreed.as_ref().and_then(|agreed| agreed.terms.as_ref()?.period.as_ref())?;
            let (_, last) = value::partial_date(&period.end_date)?;
            Some(last.next_day()?.midnight().assume_utc())
        }
        _ => None,
    }
}

/// Its time is over.
pub(super) fn expire(after: &mut Cooperation, deed: &Deed<'_>) -> Result<(), Wrong> {
    let due = expires_at(after).ok_or(Wrong::Endless)?;
    if deed.time < due {
        return Err(Wrong::NotDue(due.date().to_string()));
    }
    finish(after, CooperationState::Expired, deed.city.as_str(), "", deed.sequence);
    Ok(())
}
