//! What is said of something that was done, before it has a place in the chain.

use std::fmt::Display;

use bytes::Bytes;
use isopolity_proto::{
    admin::{AuditAction, AuditDetail, AuditEntry, AuditSubject, AuditSubjectKind, Role},
    error::Reason,
    federation::{AuditOutcome, Question},
};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use time::OffsetDateTime;

use super::changes::changes;
use crate::{CityId, clock::to_timestamp};

/// The longest resource name or the like, in bytes.
const RESOURCE_MAX: usize = 500;
/// The longest purpose, in characters.
const PURPOSE_MAX: usize = 200;
/// The longest pseudonym, in characters.
const REQUESTER_MAX: usize = 100;
/// The longest text, in characters.
const TEXT_MAX: usize = 500;
/// The longest id of a question, in characters.
const QUERY_ID_MAX: usize = 64;
/// The largest question that is kept, in bytes.
const QUESTION_MAX: usize = 8 << 10;

/// Who did something. Ids only, never names: an entry can't be erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject(pub(super) AuditSubject);

impl Subject {
    fn of(kind: AuditSubjectKind, id: &str, role: Role) -> Self {
        Self(AuditSubject { kind: kind.into(), id: id.to_owned(), role: role.into() })
    }

    /// This node, by itself.
    #[must_use]
    pub fn node() -> Self {
        Self::of(AuditSubjectKind::Node, "node", Role::Unspecified)
    }

    /// The bearer of a token. `id` is its public id.
    #[must_use]
    pub fn token(id: &str, role: Role) -> Self {
        Self::of(AuditSubjectKind::Token, id, role)
    }

    /// A person with an account here. `id` is the account's id, from which nobody can tell who it is.
    #[must_use]
    pub fn user(id: &str, role: Role) -> Self {
        Self::of(AuditSubjectKind::User, id, role)
    }

    /// Another city's node.
    #[must_use]
    pub fn peer(city: &CityId) -> Self {
        Self::of(AuditSubjectKind::Peer, city.as_str(), Role::Unspecified)
    }

    /// Somebody who did not say who.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of(AuditSubjectKind::Anonymous, "anonymous", Role::Unspecified)
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }
}

/// Something that was done, asked or answered. Texts that are too long are cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub(super) entry: AuditEntry,
    pub(super) detail: AuditDetail,
    pub(super) before: Option<Bytes>,
    pub(super) after: Option<Bytes>,
}

impl Event {
    /// Something that was done, and well.
    #[must_use]
    pub fn new(action: AuditAction, subject: &Subject, now: OffsetDateTime) -> Self {
        let entry = AuditEntry {
            time: Some(to_timestamp(now)),
            subject: Some(subject.0.clone()),
            action: action.into(),
            outcome: AuditOutcome::Succeeded.into(),
            ..AuditEntry::default()
        };
        Self { entry, detail: AuditDetail::default(), before: None, after: None }
    }

    /// To which resource, by its name; or to what else: `tokens/…`.
    #[must_use]
    pub fn about(mut self, resource: impl Display) -> Self {
        let mut text = resource.to_string();
        text.truncate(text.floor_char_boundary(RESOURCE_MAX));
        self.entry.resource = text;
        self
    }

    /// With which other city.
    #[must_use]
    pub fn with_peer(mut self, city: &CityId) -> Self {
        self.entry.peer = city.to_string();
        self
    }

    /// A reason, a label, or what else was said. Can be erased.
    #[must_use]
    pub fn saying(mut self, text: &str) -> Self {
        self.detail.text = cut(text, TEXT_MAX);
        self
    }

    /// Why and by whom it was asked. Can be erased.
    #[must_use]
    pub fn asked_for(mut self, purpose: &str, requester: &str) -> Self {
        self.detail.purpose = cut(purpose, PURPOSE_MAX);
        self.detail.requester = cut(requester, REQUESTER_MAX);
        self
    }

    /// The question, and the id by which both cities find it.
    #[must_use]
    pub fn asking(mut self, question: Option<&Question>, query_id: &str) -> Self {
        self.detail.question = question.filter(|one| one.encoded_len() <= QUESTION_MAX).cloned();
        self.entry.query_id = cut(query_id, QUERY_ID_MAX);
        self
    }

    /// What came of it, and why not more.
    #[must_use]
    pub fn came_to(mut self, outcome: AuditOutcome, reason: Reason) -> Self {
        self.entry.outcome = outcome.into();
        self.entry.reason = reason.into();
        self
    }

    /// How many records matched or were taken, and how many were sent.
    #[must_use]
    pub fn counting(mut self, total: i64, hits: i64) -> Self {
        self.entry.total = total;
        self.entry.hits = hits;
        self
    }

    /// It stands for so many.
    #[must_use]
    pub fn times(mut self, count: i64) -> Self {
        self.entry.count = count;
        self
    }

    /// The details of all entries about the resource, or of all if none is named, were erased up to this sequence.
    #[must_use]
    pub fn erasing_through(mut self, sequence: i64) -> Self {
        self.entry.erased_through_sequence = sequence;
        self
    }

    /// How the resource was, and how it is: the message, and its bytes as they are stored.
    #[must_use]
    pub fn changing(
        mut self,
        before: Option<(&DynamicMessage, Bytes)>,
        after: Option<(&DynamicMessage, Bytes)>,
    ) -> Self {
        let changed = changes(before.as_ref(), after.as_ref());
        self.detail.changed_fields = changed.fields;
        self.detail.before = changed.before;
        self.detail.after = changed.after;
        self.before = before.map(|(_, bytes)| bytes);
        self.after = after.map(|(_, bytes)| bytes);
        self
    }

    /// What was done.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        self.entry.action()
    }

    pub(super) fn has_detail(&self) -> bool {
        self.before.is_some() || self.after.is_some() || self.detail != AuditDetail::default()
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
