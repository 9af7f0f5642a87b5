//! What stands between a partnership and a stage, side by side.

use isopolity_proto::registry::{Condition, ConditionStanding, GetReadinessResponse, PartnershipStage, Side};
use time::Date;

use super::{Standing, standing};
use crate::stage::{self, Dossier, requirement};

/// What stands between a partnership and a stage that it wants to enter; `None` asks for the next one.
///
/// The gates of all stages that would be entered or passed count. Stepping back asks for nothing. In each list, what
/// blocks comes first, then the order of the checklist.
#[must_use]
pub fn readiness(dossier: &Dossier<'_>, to: Option<PartnershipStage>, today: Date) -> GetReadinessResponse {
    let course = stage::course(dossier.partnership, dossier.events);
    let from = course.stage;
    let to = to.unwrap_or_else(|| stage::next(from).unwrap_or(from));
    let (mut destination, mut origin, mut joint) = (Vec::new(), Vec::new(), Vec::new());
    for found in standing(dossier.assessments, today) {
        let waived = course.waives(found.rule.condition, found.side);
        let shown = shown(&found, waived, from, to);
        match found.side {
            Side::Destination => destination.push(shown),
            Side::Origin => origin.push(shown),
            Side::Unspecified | Side::Third => joint.push(shown),
        }
    }
    for list in [&mut destination, &mut origin, &mut joint] {
        // Stable: within each group the order of the checklist stays.
        list.sort_by_key(|one| !one.blocking);
    }
    let missing: Vec<String> = requirement::missing(dossier, from, to, today)
        .into_iter()
        .map(|requirement| requirement.description().to_owned())
        .collect();
    let moves = course.ending.is_none() && course.suspension.is_none() && from != to;
    let blocked = [&destination, &origin, &joint].into_iter().flatten().any(|one| one.blocking);
    GetReadinessResponse {
        stage: from.into(),
        to_stage: to.into(),
        ready: moves && !blocked && missing.is_empty(),
        destination,
        origin,
        joint,
        missing,
    }
}

/// The conditions of the gate to the next stage that are open on at least one side, in the order of the checklist. None where
/// there is no next stage: the partnership has ended, or stands at the last.
#[must_use]
pub fn open(dossier: &Dossier<'_>, today: Date) -> Vec<Condition> {
    let course = stage::course(dossier.partnership, dossier.events);
    let mut open = Vec::new();
    let Some(to) = stage::next(course.stage).filter(|_| course.ending.is_none()) else { return open };
    for found in standing(dossier.assessments, today) {
        let condition = found.rule.condition;
        let blocks = !found.is_satisfied()
            && stage::is_gate_between(found.rule.gate, course.stage, to)
            && !course.waives(condition, found.side);
        if blocks && !open.contains(&condition) {
            open.push(condition);
        }
    }
    open
}

fn shown(found: &Standing<'_>, waived: bool, from: PartnershipStage, to: PartnershipStage) -> ConditionStanding {
    ConditionStanding {
        condition: found.rule.condition.into(),
        side: found.side.into(),
        responsible: found.rule.responsible.to_owned(),
        description: found.rule.description.to_owned(),
        status: found.status.into(),
        gate: found.rule.gate.unwrap_or(PartnershipStage::Unspecified).into(),
        blocking: !found.is_satisfied() && stage::is_gate_between(found.rule.gate, from, to),
        waived,
        assessment: found.assessment.map(|one| one.name.clone()).unwrap_or_default(),
        expired: found.expired,
    }
}
