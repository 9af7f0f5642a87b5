//! Who decided, when, and what the comparison said.

use isopolity_proto::registry::MatchAssertion;

use super::{METHOD, Match};

/// Sets who decided and when (`YYYY-MM-DD`), which the node knows and no caller says. Where an update does not change
/// the decision, they stay as they were before.
pub fn stamp(assertion: &mut MatchAssertion, before: Option<&MatchAssertion>, token_id: &str, today: &str) {
    let (by, date) = match before {
        Some(before) if decision(before) == decision(assertion) => (&before.decided_by, &before.decide_date),
        _ => (&token_id.to_owned(), &today.to_owned()),
    };
    assertion.decided_by.clone_from(by);
    assertion.decide_date.clone_from(date);
}

/// Whether whoever decides says nothing of a comparison.
#[must_use]
pub fn is_unexplained(assertion: &MatchAssertion) -> bool {
    assertion.score <= 0.0 && assertion.features.is_empty() && assertion.method.is_empty()
}

/// Says how alike the two records were found to be, why, and by which method.
pub fn explain(assertion: &mut MatchAssertion, found: &Match) {
    assertion.score = found.score;
    assertion.features = found.feature_messages();
    METHOD.clone_into(&mut assertion.method);
}

/// What was decided about what.
fn decision(assertion: &MatchAssertion) -> (&str, &str, i32, bool, &str, &str) {
    let MatchAssertion { left, right, verdict, revoked, reason, revoke_reason, .. } = assertion;
    (left, right, *verdict, *revoked, reason, revoke_reason)
}

#[cfg(test)]
mod tests {
    use isopolity_proto::registry::MatchVerdict;

    use super::*;

    #[test]
    fn whoever_decides_is_named_and_whoever_only_adds_to_it_is_not() {
        let mut first = MatchAssertion {
            left: "a".into(),
            right: "b".into(),
            verdict: MatchVerdict::Same.into(),
            decided_by: "somebody else".into(),
            ..Default::default()
        };
        stamp(&mut first, None, "anna", "2026-03-01");
        assert_eq!((first.decided_by.as_str(), first.decide_date.as_str()), ("anna", "2026-03-01"));

        let mut checked = MatchAssertion { last_verified_date: "2026-04-01".into(), ..first.clone() };
        stamp(&mut checked, Some(&first), "bela", "2026-04-01");
        assert_eq!((checked.decided_by.as_str(), checked.decide_date.as_str()), ("anna", "2026-03-01"));

        let mut revoked = MatchAssertion { revoked: true, revoke_reason: "another seat".into(), ..checked.clone() };
        stamp(&mut revoked, Some(&checked), "bela", "2026-04-02");
        assert_eq!((revoked.decided_by.as_str(), revoked.decide_date.as_str()), ("bela", "2026-04-02"));
    }
}
