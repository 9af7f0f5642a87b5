//! Whether what a person enters may be signed, field by field. Stricter than what is taken from others: see [`super::shape`].

use isopolity_proto::{
    cooperation::{Cooperation, CooperationKind, Proposal, Step, Terms, step},
    options::Audience,
    to_dynamic,
};

use super::{
    moves,
    shape::{Shape, city_of},
};
use crate::{CityId, Kind, Name, Violation, Violations, validate};

/// The kinds of records that a cooperation can be about.
const SUBJECTS: [Kind; 6] =
    [Kind::Partnership, Kind::Agreement, Kind::Organization, Kind::Opportunity, Kind::Place, Kind::GoodPractice];

/// Checks a draft as it is to be proposed, with paths from it, for example `terms.titles`. What depends on the time (a consent that has
/// ended, a day for the reply that has passed) is looked at by [`next_event`](super::next_event).
///
/// # Errors
/// All that is wrong.
pub fn check_draft(host: &CityId, draft: &Proposal) -> Result<(), Violations> {
    let mut found = Shape::default();
    found.proposal(host, draft, None);
    let mut found = found.0;
    for (at, subject) in draft.subjects.iter().enumerate() {
        if let Ok(name) = subject.name.parse::<Name>()
            && !SUBJECTS.contains(&name.kind())
        {
            let kinds: Vec<_> = SUBJECTS.into_iter().map(Kind::as_str).collect();
            let what = format!("is a {}; a cooperation is about one of: {}", name.kind(), kinds.join(", "));
            found.push(Violation::invalid(format!("subjects[{at}].name"), what));
        }
    }
    if let Some(statement) = &draft.statement
        && city_of(&statement.mirror).is_some_and(|city| city != *host)
    {
        found.push(Violation::invalid("statement.mirror", "must be a record of this city"));
    }
    let kind = CooperationKind::try_from(draft.kind).unwrap_or_default();
    agreement_of(kind, draft.terms.as_ref(), "terms", &mut found);
    let mut plain = draft.clone();
    if let Some(terms) = &mut plain.terms {
        take_audiences(terms, "terms", &mut found);
    }
    settle(found, validate::fields(&to_dynamic(&plain)))
}

/// Checks what a step says, with paths from it, for example `counter.terms.titles`. Whether it is possible is for
/// [`next_event`](super::next_event), and a proposal is checked as a draft.
///
/// # Errors
/// All that is wrong.
pub fn check_step(cooperation: &Cooperation, city: &CityId, step: &Step) -> Result<(), Violations> {
    let Some(action) = &step.action else { return Err(Violation::required("action").into()) };
    if let step::Action::Proposal(proposal) = action {
        return check_draft(city, proposal).map_err(|violations| violations.below("proposal"));
    }
    let pinned = super::pin(cooperation, step);
    let action = moves::to_event(pinned.action.as_ref().unwrap_or(action));
    let mut shape = Shape::default();
    shape.action(&action, cooperation, city.as_str(), cooperation.sequence.saturating_add(1));
    let mut found = shape.0;
    let mut plain = step.clone();
    match &mut plain.action {
        Some(step::Action::Counter(one)) => terms(cooperation.kind(), one.terms.as_mut(), &mut found),
        Some(step::Action::Amendment(one)) => terms(cooperation.kind(), one.terms.as_mut(), &mut found),
        Some(step::Action::Answer(one)) => {
            let mirror = one.statement.as_ref().and_then(|statement| city_of(&statement.mirror));
            if mirror.is_some_and(|of| of != *city) {
                found.push(Violation::invalid("statement.mirror", "must be a record of this city"));
            }
        }
        _ => {}
    }
    let name = super::Move::of(&action).as_str();
    for violation in &mut found {
        violation.field = format!("{name}.{}", violation.field);
    }
    settle(found, validate::fields(&to_dynamic(&plain)))
}

fn terms(kind: CooperationKind, terms: Option<&mut Terms>, found: &mut Vec<Violation>) {
    agreement_of(kind, terms.as_deref(), "terms", found);
    if let Some(terms) = terms {
        take_audiences(terms, "terms", found);
    }
}

/// A partnership of cities ends in an agreement.
fn agreement_of(kind: CooperationKind, terms: Option<&Terms>, path: &str, found: &mut Vec<Violation>) {
    if kind == CooperationKind::JointPartnership && terms.is_some_and(|terms| terms.agreement.is_none()) {
        found.push(Violation {
            description: "is required for a JOINT_PARTNERSHIP, which ends in an agreement".to_owned(),
            ..Violation::required(format!("{path}.agreement"))
        });
    }
}

/// Checks the audiences of documents against that of the agreement, and takes them out: the terms themselves are for the participants,
/// so the rules for records, where what holds a thing limits who may see it, do not fit.
fn take_audiences(terms: &mut Terms, path: &str, found: &mut Vec<Violation>) {
    let ceiling = terms.agreement.as_mut().map_or(0, |agreement| std::mem::take(&mut agreement.audience));
    for (at, document) in terms.documents.iter_mut().enumerate() {
        let own = std::mem::take(&mut document.audience);
        let field = format!("{path}.documents[{at}].audience");
        match Audience::try_from(own) {
            Ok(Audience::Unspecified) => {}
            Ok(_) if own >= ceiling => {}
            Ok(_) => found.push(Violation::invalid(field, "is wider than the agreement's")),
            Err(_) => found.push(Violation::invalid(field, "is none that this version knows")),
        }
    }
}

/// Each field is complained about once: by the rule for its place rather than by the one for its form.
fn settle(mut found: Vec<Violation>, forms: Vec<Violation>) -> Result<(), Violations> {
    for form in forms {
        if !found.iter().any(|one| one.field == form.field) {
            found.push(form);
        }
    }
    found.truncate(100);
    Violations::check(found)
}
