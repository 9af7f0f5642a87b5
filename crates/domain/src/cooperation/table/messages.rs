//! What can be sent.

use bytes::Bytes;
use isopolity_proto::cooperation::{
    Activation, AgreementSignature, AmendmentDecline, Answer, Conclusion, Decline, DocumentAttachment, Expiry,
    Message as Said, MilestoneCompletion, Termination, Withdrawal, cooperation_event::Action,
};

use super::play::{EARLY, LATE, Turn, acceptance, amendment, counter, document, milestone, renewal, signature, texts};
use crate::cooperation::Verified;

/// A message: how it is called, and the event.
pub(super) struct Message {
    pub(super) words: &'static str,
    pub(super) make: fn(&Turn<'_>) -> Verified,
}

const fn message(words: &'static str, make: fn(&Turn<'_>) -> Verified) -> Message {
    Message { words, make }
}

/// A hash that no event has.
const NO_HASH: Bytes = Bytes::from_static(&[9; 32]);

/// All of them: each step well made, each in the ways in which it can be ill made, and events that can't be the next.
pub(super) const ALL: [Message; 42] = [
    message("proposal", |turn| turn.early(Action::Proposal(turn.proposal()))),
    message("proposal to nobody", |turn| {
        let mut proposal = turn.proposal();
        proposal.participants.clear();
        turn.early(Action::Proposal(proposal))
    }),
    message("counter", |turn| turn.early(counter(turn.next_version()))),
    message("counter with a version that was given before", |turn| turn.early(counter(turn.next_version() - 1))),
    message("acceptance of the terms on offer", |turn| turn.early(acceptance(turn.counting()))),
    message("acceptance of an earlier version", |turn| {
        let (version, hash) = turn.counting();
        turn.early(acceptance(((version - 1).max(1), if version > 1 { hash } else { NO_HASH })))
    }),
    message("acceptance with another hash", |turn| turn.early(acceptance((turn.counting().0, NO_HASH)))),
    message("decline", |turn| turn.early(Action::Decline(Decline { reason: "no time".to_owned() }))),
    message("decline without a reason", |turn| turn.early(Action::Decline(Decline::default()))),
    message("withdrawal", |turn| turn.early(Action::Withdrawal(Withdrawal { reason: "a mistake".to_owned() }))),
    message("expiry before the time is over", |turn| turn.early(Action::Expiry(Expiry {}))),
    message("expiry after the time is over", |turn| {
        Verified::made_here(turn.event(Some(Action::Expiry(Expiry {})), LATE))
    }),
    message("signature", |turn| turn.early(Action::Signature(signature(turn.agreed())))),
    message("signature with another hash", |turn| turn.early(Action::Signature(signature((turn.agreed().0, NO_HASH))))),
    message("signature without an office", |turn| {
        let signature = AgreementSignature { signing_office: String::new(), ..signature(turn.agreed()) };
        turn.early(Action::Signature(signature))
    }),
    message("activation", |turn| turn.early(Action::Activation(Activation::default()))),
    message("amendment", |turn| turn.early(amendment(turn.next_version()))),
    message("amendment with a version that was given before", |turn| turn.early(amendment(turn.next_version() - 1))),
    message("renewal", |turn| turn.early(renewal(turn, false))),
    message("renewal that changes more than the period", |turn| turn.early(renewal(turn, true))),
    message("amendment_decline", |turn| turn.early(amendment_decline(turn.counting().0))),
    message("amendment_decline of another version", |turn| turn.early(amendment_decline(turn.counting().0 + 7))),
    message("conclusion", |turn| turn.early(Action::Conclusion(Conclusion { outcomes: texts("Twelve jobs") }))),
    message("termination", |turn| turn.early(Action::Termination(Termination { reason: "no budget".to_owned() }))),
    message("termination without a reason", |turn| turn.early(Action::Termination(Termination::default()))),
    message("answer", |turn| turn.early(Action::Answer(turn.answer()))),
    message("answer that says nothing", |turn| turn.early(Action::Answer(Answer::default()))),
    message("message", |turn| turn.early(said(0))),
    message("message that answers an event to come", |turn| turn.early(said(9_999))),
    message("milestone_setting, a new one", |turn| turn.early(milestone("new", turn.city))),
    message("milestone_setting, `open`", |turn| turn.early(milestone("open", super::play::A))),
    message("milestone_setting, `done`", |turn| turn.early(milestone("done", super::play::A))),
    message("milestone_setting for a city that does not take part", |turn| {
        turn.early(milestone("other", "nowhere.example"))
    }),
    message("milestone_completion, `open`", |turn| turn.early(completion("open"))),
    message("milestone_completion, `done`", |turn| turn.early(completion("done"))),
    message("document_attachment", |turn| turn.early(attachment("b"))),
    message("document_attachment, one that is attached", |turn| turn.early(attachment("a"))),
    message("a step that only a newer version knows", |turn| Verified::made_here(turn.event(None, EARLY))),
    message("an event of another cooperation", |turn| {
        let mut event = turn.event(Some(said(0)), EARLY);
        event.cooperation.push_str("-two");
        Verified::made_here(event)
    }),
    message("an event in the place of the last", |turn| {
        let mut event = turn.event(Some(said(0)), EARLY);
        event.sequence -= 1;
        Verified::made_here(event)
    }),
    message("an event that comes after the next", |turn| {
        let mut event = turn.event(Some(said(0)), EARLY);
        event.sequence += 1;
        Verified::made_here(event)
    }),
    message("an event that follows another than the last", |turn| {
        let event = turn.event(Some(said(0)), EARLY);
        Verified::made_here(isopolity_proto::cooperation::CooperationEvent { previous_hash: NO_HASH, ..event })
    }),
];

fn amendment_decline(terms_version: i32) -> Action {
    Action::AmendmentDecline(AmendmentDecline { terms_version, reason: "too much".to_owned() })
}

fn said(in_reply_to: i64) -> Action {
    Action::Message(Said { texts: texts("Good morning"), in_reply_to })
}

fn completion(id: &str) -> Action {
    let complete_date = "2026-03-02".to_owned();
    Action::MilestoneCompletion(MilestoneCompletion { milestone: id.to_owned(), complete_date, outcomes: Vec::new() })
}

fn attachment(digit: &str) -> Action {
    Action::DocumentAttachment(DocumentAttachment { document: Some(document(digit)) })
}
