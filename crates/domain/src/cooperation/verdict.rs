//! What comes of asking whether two records are of the same thing.

use isopolity_proto::{
    cooperation::{Cooperation, CooperationKind, CooperationState},
    options::Audience,
    registry::{MatchAssertion, MatchVerdict},
    types::Provenance,
};

/// The decision that each participant's registry keeps once all who were asked have given the same answer. `None`: they have not, or
/// there are other than two records. Left open: when it was decided.
#[must_use]
pub fn match_record(cooperation: &Cooperation) -> Option<MatchAssertion> {
    if cooperation.kind() != CooperationKind::DuplicateResolution || cooperation.state() != CooperationState::Concluded
    {
        return None;
    }
    let [left, right] = cooperation.subjects.as_slice() else { return None };
    let answers = || cooperation.participations.iter().filter_map(|one| Some((one, one.answer.as_ref()?)));
    let (_, first) = answers().next()?;
    let verdict = first.verdict();
    let is_decided = matches!(verdict, MatchVerdict::Same | MatchVerdict::Different);
    if !is_decided || answers().any(|(_, answer)| answer.verdict() != verdict) {
        return None;
    }
    let cities: Vec<&str> = answers().map(|(one, _)| one.city.as_str()).collect();
    let found = if verdict == MatchVerdict::Same { "the same" } else { "different" };
    Some(MatchAssertion {
        audience: Audience::Federation.into(),
        left: left.name.clone(),
        right: right.name.clone(),
        verdict: verdict.into(),
        provenance: Some(Provenance { source: cooperation.name.clone(), ..Default::default() }),
        decided_by: cooperation.name.clone(),
        reason: format!("{} found them {found}, asked in {}", cities.join(", "), cooperation.name),
        ..Default::default()
    })
}
