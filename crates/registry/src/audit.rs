//! The audit log.
//!
//! # To log a change
//!
//! Inside the transaction that makes it, in one line before its commit:
//!
//! ```text
//! tx.audit(self.event(caller, AuditAction::TokenCreated).about(format!("tokens/{id}")).saying(label));
//! ```
//!
//! The entry is chained when the transaction commits, and there is none if it does not. [`Registry::event`] takes whoever did
//! it: a [`Caller`], a peer's [`CityId`], or `NODE`. What else is said is a method of [`Event`]: `about` (a resource's name, or
//! `tokens/…`), `with_peer`, `saying` (a reason or label), `changing` (a document before and after), `came_to`, `counting`. What
//! an action is not yet named for gets a line in `AuditAction` (`proto/isopolity/admin/v1/audit_entry.proto`).
//!
//! Changes of resources need nothing: `settle` logs each. Names, addresses and free text of people go into what `saying`,
//! `asked_for` and `changing` take, which can be erased; `about` and ids can not.
//!
//! # To log what has no transaction
//!
//! Questions, answers, exports and failed logins go through the [`journal`]: room is kept before the thing is done, and the
//! worker writes it within a moment. Without room the thing is refused.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`journal`] | what waits to be written, and its worker |
//! | `calls` | calls between cities: what is logged of them, and both cities' views side by side |
//! | `read` | listing, checking and exporting the log |
//! | `keep` | erasing details, moving older entries to files |
//! | `witness` | seeing one another's logs, so that nobody rewrites one unnoticed |

mod calls;
pub mod journal;
mod keep;
mod read;
mod witness;

use isopolity_domain::audit::{Event, Subject};
use isopolity_proto::{
    admin::{AuditAction, Identification},
    registry::RevisionChange,
};
use isopolity_store::Tx;

pub(crate) use calls::{Answering, Called, new_query_id};
pub use read::Entries;
pub(crate) use read::stored;
pub(crate) use witness::Claims;

use crate::{
    Caller, Error, Registry,
    author::{Change, Node, Resource},
};

impl From<&Caller> for Subject {
    fn from(caller: &Caller) -> Self {
        match caller {
            Caller::Anonymous => Self::anonymous(),
            Caller::Known(known) => match known.identification {
                Identification::Token => Self::token(&known.id, known.role),
                _ => Self::user(&known.id, known.role),
            },
        }
    }
}

impl From<Node> for Subject {
    fn from(_: Node) -> Self {
        Self::node()
    }
}

impl Registry {
    /// Something that was done now, for [`Tx::audit`].
    pub(crate) fn event(&self, by: impl Into<Subject>, action: AuditAction) -> Event {
        Event::new(action, &by.into(), self.now())
    }

    /// Logs what a transaction did to a document. `after` is the document as a message.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn audit_change(
        &self,
        tx: &mut Tx,
        by: &Subject,
        change: &Change,
        after: &Resource,
    ) -> Result<(), Error> {
        let Change { document, kind, before } = change;
        let action = match (document.name.kind(), kind) {
            (isopolity_domain::Kind::StageEvent, RevisionChange::Created) => AuditAction::StageStepped,
            (isopolity_domain::Kind::MatchAssertion, RevisionChange::Created | RevisionChange::Updated) => {
                AuditAction::MatchDecided
            }
            (_, RevisionChange::Updated | RevisionChange::Unspecified) => AuditAction::ResourceUpdated,
            (_, RevisionChange::Created) => AuditAction::ResourceCreated,
            (_, RevisionChange::Deleted) => AuditAction::ResourceDeleted,
            (_, RevisionChange::Restored) => AuditAction::ResourceRestored,
        };
        let before = match before {
            Some(body) => Some(body.clone()),
            None if document.revision == 1 => None,
            // Whoever changed it did not say; the history does.
            None => tx.revision(&document.name, document.revision - 1).await?.map(|revision| revision.body),
        };
        let before = match before {
            Some(body) => Some((Resource::decode(document.name.kind(), body.clone())?, body)),
            None => None,
        };
        let event = self.event(by.clone(), action).about(&document.name);
        let before = before.as_ref().map(|(message, body)| (&message.0, body.clone()));
        tx.audit(event.changing(before, Some((&after.0, document.body.clone()))));
        Ok(())
    }
}
