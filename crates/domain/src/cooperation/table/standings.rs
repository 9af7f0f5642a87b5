//! Where a cooperation can stand.

use isopolity_proto::cooperation::{
    Activation, Conclusion, Cooperation, CooperationKind, CooperationState, Decline, DocumentAttachment, Expiry,
    MilestoneCompletion, Offer, Participation, Termination, Withdrawal, cooperation_event::Action,
};

use super::play::{
    A, ACTORS, B, EARLY, HOST, LATE, Turn, acceptance, amendment, counter, document, done, milestone, signature, texts,
};
use crate::cooperation::{EVENTS_MAX, EVENTS_RESERVED, refusal::word};

/// Where it stands.
pub(super) struct Standing {
    pub(super) words: &'static str,
    pub(super) cooperation: Option<Cooperation>,
}

/// A way through a history.
#[derive(Clone)]
struct Path {
    kind: CooperationKind,
    at: Cooperation,
}

impl Path {
    fn begin(kind: CooperationKind) -> Self {
        let proposal = Turn { before: None, city: HOST, kind }.proposal();
        let proposed = done(None, kind, HOST, Action::Proposal(proposal), EARLY);
        let path = Self { kind, at: proposed };
        if path.at.state() != CooperationState::Proposed {
            return path;
        }
        let completion = MilestoneCompletion {
            milestone: "done".to_owned(),
            complete_date: "2026-03-02".to_owned(),
            ..MilestoneCompletion::default()
        };
        let attachment = DocumentAttachment { document: Some(document("a")) };
        path.then(HOST, |_| milestone("open", A))
            .then(HOST, |_| milestone("done", A))
            .then(A, |_| Action::MilestoneCompletion(completion.clone()))
            .then(B, |_| Action::DocumentAttachment(attachment.clone()))
    }

    fn then_at(&self, city: &str, action: impl FnOnce(&Turn<'_>) -> Action, at: i64) -> Self {
        let turn = Turn { before: Some(&self.at), city, kind: self.kind };
        let action = action(&turn);
        Self { kind: self.kind, at: done(Some(&self.at), self.kind, city, action, at) }
    }

    fn then(&self, city: &str, action: impl FnOnce(&Turn<'_>) -> Action) -> Self {
        self.then_at(city, action, EARLY)
    }

    fn accepted(&self, city: &str) -> Self {
        self.then(city, |turn| acceptance(turn.counting()))
    }

    fn signed(&self, city: &str) -> Self {
        self.then(city, |turn| Action::Signature(signature(turn.agreed())))
    }

    fn concluded(&self, city: &str) -> Self {
        self.then(city, |_| Action::Conclusion(Conclusion { outcomes: texts("Twelve jobs") }))
    }

    fn answered(&self, city: &str) -> Self {
        self.then(city, |turn| Action::Answer(turn.answer()))
    }

    fn countered(&self, city: &str) -> Self {
        self.then(city, |turn| counter(turn.next_version()))
    }

    fn amended(&self, city: &str) -> Self {
        self.then(city, |turn| amendment(turn.next_version()))
    }

    fn declined(&self) -> Self {
        self.then(A, |_| Action::Decline(Decline { reason: "no time".to_owned() }))
    }

    fn withdrawn(&self) -> Self {
        self.then(HOST, |_| Action::Withdrawal(Withdrawal { reason: "a mistake".to_owned() }))
    }

    fn expired(&self) -> Self {
        self.then_at(HOST, |_| Action::Expiry(Expiry {}), LATE)
    }

    fn terminated(&self) -> Self {
        self.then(B, |_| Action::Termination(Termination { reason: "no budget".to_owned() }))
    }

    /// As if so many events had been.
    fn long(&self, sequence: i64) -> Self {
        Self { kind: self.kind, at: Cooperation { sequence, ..self.at.clone() } }
    }

    fn standing(&self, words: &'static str) -> Standing {
        Standing { words, cooperation: Some(self.at.clone()) }
    }
}

/// The standings of a class of kinds.
pub(super) fn of(kind: CooperationKind) -> Vec<Standing> {
    let mut standings = vec![Standing { words: "Not proposed", cooperation: None }];
    let proposed = Path::begin(kind);
    if super::has_terms(kind) {
        negotiated(&proposed, &mut standings);
    } else if kind == CooperationKind::Unspecified {
        standings.push(proposed.standing("CONCLUDED by the statement"));
    } else {
        let answered = proposed.answered(A);
        standings.extend(vec![
            proposed.standing("PROPOSED, nobody has answered"),
            answered.standing("PROPOSED, A has answered"),
            proposed.answered(B).standing("PROPOSED, B has answered"),
            answered.answered(B).standing("CONCLUDED"),
            proposed.declined().standing("DECLINED"),
            proposed.withdrawn().standing("WITHDRAWN"),
            answered.expired().standing("EXPIRED"),
        ]);
    }
    standings
}

fn negotiated(proposed: &Path, standings: &mut Vec<Standing>) {
    let by_a = proposed.countered(A);
    let by_both = by_a.countered(B);
    standings.extend(vec![
        proposed.standing("PROPOSED, the host's offer, accepted by nobody else"),
        proposed.accepted(A).standing("PROPOSED, the host's offer, accepted by A"),
        by_a.standing("PROPOSED, A's counter-offer, accepted by nobody else"),
        by_a.accepted(HOST).standing("PROPOSED, A's counter-offer, accepted by the host"),
        by_a.accepted(B).standing("PROPOSED, A's counter-offer, accepted by B"),
        by_both.standing("PROPOSED, B's counter-offer to A's, accepted by nobody else"),
        by_both.countered(HOST).standing("PROPOSED, the host's counter-offer to theirs, accepted by nobody else"),
    ]);
    let agreed = proposed.accepted(A).accepted(B);
    let signed = agreed.signed(HOST).signed(A).signed(B);
    standings.extend(vec![
        agreed.standing("AGREED, signed by nobody"),
        agreed.signed(HOST).standing("AGREED, signed by the host"),
        agreed.signed(A).standing("AGREED, signed by A"),
        agreed.signed(A).signed(HOST).standing("AGREED, signed by all but B"),
        signed.standing("AGREED, signed by all"),
    ]);
    let active = signed.then(A, |_| Action::Activation(Activation::default()));
    let concluded = active.concluded(HOST);
    standings.extend(vec![
        active.standing("ACTIVE"),
        active.amended(HOST).standing("ACTIVE, the host's amendment is open, accepted by nobody else"),
        active.amended(HOST).accepted(A).standing("ACTIVE, the host's amendment is open, accepted by A"),
        active.amended(A).standing("ACTIVE, A's amendment is open, accepted by nobody else"),
        active.amended(A).accepted(HOST).accepted(B).standing("ACTIVE, amended"),
        concluded.standing("ACTIVE, the host is done"),
        concluded.concluded(A).standing("ACTIVE, all but B are done"),
        concluded.amended(A).standing("ACTIVE, the host is done, A's amendment is open"),
        active.long(EVENTS_MAX - EVENTS_RESERVED).standing("ACTIVE, 1,900 events"),
        active.long(EVENTS_MAX).standing("ACTIVE, 2,000 events"),
    ]);
    standings.extend(vec![
        concluded.concluded(A).concluded(B).standing("CONCLUDED"),
        by_a.then(B, |_| Action::Decline(Decline { reason: "no time".to_owned() })).standing("DECLINED"),
        by_a.withdrawn().standing("WITHDRAWN"),
        proposed.expired().standing("EXPIRED before it was agreed"),
        active.expired().standing("EXPIRED after its last day"),
        active.terminated().standing("TERMINATED"),
    ]);
}

/// A standing in words.
pub(super) fn describe(cooperation: &Cooperation) -> String {
    let version = |offer: &Offer| offer.terms.as_ref().map_or(0, |terms| terms.version);
    let mut parts = vec![word(cooperation.state()).to_owned()];
    match (cooperation.state(), &cooperation.offer) {
        (CooperationState::Proposed, Some(offer)) => {
            parts.push(format!("version {} by {}", version(offer), short(&offer.city)));
            parts.push(format!("accepted by {}", those(cooperation, |one| one.accepted_version == version(offer))));
        }
        (CooperationState::Proposed, None) => {
            parts.push(format!("answered by {}", those(cooperation, |one| one.answer.is_some())));
        }
        (CooperationState::Agreed, _) => {
            parts.push(format!("signed by {}", those(cooperation, |one| one.signature.is_some())));
        }
        (CooperationState::Active, _) => {
            parts.extend(cooperation.agreed.as_ref().map(|agreed| format!("version {} holds", version(agreed))));
            if let Some(open) = &cooperation.amendment {
                parts.push(format!("version {} by {} on offer", version(open), short(&open.city)));
                parts.push(format!("accepted by {}", those(cooperation, |one| one.amendment_sequence > 0)));
            }
            if cooperation.participations.iter().any(|one| one.conclusion.is_some()) {
                parts.push(format!("done: {}", those(cooperation, |one| one.conclusion.is_some())));
            }
        }
        _ => {}
    }
    parts.join(", ")
}

/// A city as the table calls it.
fn short(id: &str) -> &str {
    ACTORS.iter().find(|(_, one)| *one == id).map_or(id, |(short, _)| *short)
}

fn those(cooperation: &Cooperation, has: impl Fn(&Participation) -> bool) -> String {
    let cities: Vec<&str> =
        cooperation.participations.iter().filter(|one| has(one)).map(|one| short(&one.city)).collect();
    if cities.is_empty() { "nobody".to_owned() } else { cities.join(", ") }
}
