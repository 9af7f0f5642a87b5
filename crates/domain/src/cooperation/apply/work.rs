//! Milestones and documents.

use isopolity_proto::cooperation::{Cooperation, DocumentAttachment, MilestoneCompletion, MilestoneSetting};

use super::{Deed, allowed::is_open};
use crate::cooperation::{DOCUMENTS_MAX, MILESTONES_MAX, Wrong};

/// A milestone is set, or changed while it is open.
pub(super) fn set(after: &mut Cooperation, setting: &MilestoneSetting) -> Result<(), Wrong> {
    let milestone = setting.milestone.clone().unwrap_or_default();
    match after.milestones.binary_search_by(|one| one.id.cmp(&milestone.id)) {
        Ok(at) => match after.milestones.get_mut(at) {
            Some(known) if is_open(known) => *known = milestone,
            _ => return Err(Wrong::MilestoneClosed(milestone.id)),
        },
        Err(_) if after.milestones.len() >= MILESTONES_MAX => {
            return Err(Wrong::Full { of: "milestones", most: MILESTONES_MAX });
        }
        Err(at) => after.milestones.insert(at, milestone),
    }
    Ok(())
}

/// Its owner says that a milestone is done.
pub(super) fn complete(
    after: &mut Cooperation,
    deed: &Deed<'_>,
    completion: &MilestoneCompletion,
) -> Result<(), Wrong> {
    let known = after.milestones.iter_mut().find(|one| one.id == completion.milestone);
    let known = known.ok_or_else(|| Wrong::NoMilestone(completion.milestone.clone()))?;
    if known.owner != deed.city.as_str() {
        return Err(Wrong::NotOwner { milestone: known.id.clone(), owner: known.owner.clone() });
    }
    if !is_open(known) {
        return Err(Wrong::MilestoneClosed(known.id.clone()));
    }
    known.complete_date.clone_from(&completion.complete_date);
    known.outcomes.clone_from(&completion.outcomes);
    Ok(())
}

/// A document is attached.
pub(super) fn attach(after: &mut Cooperation, attachment: &DocumentAttachment) -> Result<(), Wrong> {
    let document = attachment.document.clone().unwrap_or_default();
    if after.documents.iter().any(|one| one.sha256 == document.sha256) {
        return Err(Wrong::Attached);
    }
    if after.documents.len() >= DOCUMENTS_MAX {
        return Err(Wrong::Full { of: "documents", most: DOCUMENTS_MAX });
    }
    after.documents.push(document);
    Ok(())
}
