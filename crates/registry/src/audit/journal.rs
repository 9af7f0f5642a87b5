//! What waits to be written to the audit log: questions, answers, exports, failed logins.
//!
//! These have no transaction of their own, and one for each would make answers slow. So room is kept before something is done
//! ([`Journal::reserve`]), what came of it is put there, and the worker writes what has gathered, many entries in one
//! transaction. What a crash can lose is what has gathered since the last of these: about 20 ms and the time of one
//! transaction.
//!
//! The room is limited. Where the disk fails, entries stay here and are tried again; when the room is used up, whatever must be
//! logged is refused. Only questions about what is PUBLIC are answered all the same; how many of these could not be kept is
//! logged later.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isopolity_domain::audit::{Event, Subject};
use isopolity_proto::{admin::AuditAction, federation::AuditOutcome};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{Error, Registry, author::NODE, error::with_causes};

/// As many entries may wait while the worker runs.
const ROOM: usize = 8_192;
/// As many are written in one transaction.
const BATCH: usize = 500;
/// How long entries gather.
const GATHER: Duration = Duration::from_millis(20);
/// After a fault the disk is left alone for so long.
const AGAIN: Duration = Duration::from_secs(1);
/// How often failed logins are told of.
const FAILURES: Duration = Duration::from_mins(1);
/// Of so many different ids failed logins are counted apart; further ones together.
const IDS_MAX: usize = 64;

/// What waits. Before [`Registry::keep_audit`] there is room for everything: nothing is served then.
#[derive(Debug, Default)]
pub struct Journal {
    state: Mutex<State>,
    news: Notify,
    /// Held while entries are written, so that they are in their order.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    /// Room that was promised.
    reserved: usize,
    /// `None`: unlimited.
    room: Option<usize>,
    /// Entries for which there was none.
    lost: i64,
    /// Failed logins by token.
    failed: BTreeMap<String, i64>,
}

/// Room for some entries. What is not used is given back.
#[derive(Debug)]
pub(crate) struct Reserved {
    journal: Arc<Journal>,
    left: usize,
}

impl Journal {
    /// Keeps room for so many entries.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if there is none.
    pub(crate) fn reserve(self: &Arc<Self>, count: usize) -> Result<Reserved, Error> {
        let mut state = self.state();
        let used = state.waiting.len() + state.reserved;
        if state.room.is_some_and(|room| used + count > room) {
            return Err(Error::AuditUnavailable);
        }
        state.reserved += count;
        drop(state);
        Ok(Reserved { journal: Arc::clone(self), left: count })
    }

    /// The same for what may be done unlogged if need be: then it is counted.
    pub(crate) fn reserve_or_count(self: &Arc<Self>, count: usize) -> Reserved {
        self.reserve(count).unwrap_or_else(|_full| {
            self.state().lost += i64::try_from(count).unwrap_or(i64::MAX);
            Reserved { journal: Arc::clone(self), left: 0 }
        })
    }

    /// Counts a caller who could not say who it is. `id` is that of a token that is known, else empty.
    pub(crate) fn authentication_failed(&self, id: &str) {
        let mut state = self.state();
        let id = if state.failed.len() < IDS_MAX || state.failed.contains_key(id) { id } else { "" };
        *state.failed.entry(id.to_owned()).or_default() += 1;
    }

    /// How many entries wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Limits the room.
    pub fn limit(&self, room: usize) {
        self.state().room = Some(room);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved {
    /// Puts an entry where room was kept for it. Without room it was counted when that was asked for.
    pub(crate) fn put(&mut self, event: Event) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let mut state = self.journal.state();
        state.reserved -= 1;
        state.waiting.push_back(event);
        drop(state);
        self.journal.news.notify_one();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.journal.state().reserved -= self.left;
    }
}

impl Registry {
    /// What waits to be written to the audit log.
    #[must_use]
    pub fn journal(&self) -> &Arc<Journal> {
        &self.inner.journal
    }

    /// Writes what waits until it is told to stop. What comes after that is for [`Registry::flush_audit`].
    pub async fn keep_audit(&self, cancelled: CancellationToken) {
        self.journal().limit(ROOM);
        let mut failures = interval(FAILURES);
        failures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_trouble = false;
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = self.journal().news.notified() => sleep(GATHER).await,
                _ = failures.tick() => self.tell_failures(),
            }
            while let Err(fault) = self.write_waiting().await {
                if !std::mem::replace(&mut in_trouble, true) {
                    error!(
                        error = %with_causes(&fault),
                        audit.waiting = self.journal().waiting(),
                        "the audit log can't be written; trying again each second"
                    );
                }
                tokio::select! {
                    () = cancelled.cancelled() => return,
                    () = sleep(AGAIN) => {}
                }
            }
            if std::mem::take(&mut in_trouble) {
                info!("the audit log is written again");
            }
        }
    }

    /// Writes all that waits.
    ///
    /// # Errors
    /// What the store says. What could not be written still waits.
    pub async fn flush_audit(&self) -> Result<(), Error> {
        self.tell_failures();
        self.write_waiting().await
    }

    /// Logs that the node started or stopped.
    ///
    /// # Errors
    /// What the store says.
    pub async fn audit_node(&self, action: AuditAction, text: &str) -> Result<(), Error> {
        let mut tx = self.store().begin("audit").await?;
        tx.audit(self.event(NODE, action).saying(text));
        Ok(tx.commit().await?)
    }

    async fn write_waiting(&self) -> Result<(), Error> {
        let _turn = self.journal().writing.lock().await;
        loop {
            let (batch, lost) = {
                let state = self.journal().state();
                (state.waiting.iter().take(BATCH).cloned().collect::<Vec<_>>(), state.lost)
            };
            if batch.is_empty() && lost == 0 {
                return Ok(());
            }
            let mut tx = self.store().begin("audit").await?;
            let written = batch.len();
            for event in batch {
                tx.audit(event);
            }
            if lost > 0 {
                tx.audit(self.event(NODE, AuditAction::EntriesLost).times(lost));
            }
            tx.commit().await?;
            let mut state = self.journal().state();
            state.waiting.drain(..written);
            state.lost -= lost;
        }
    }

    /// Puts what is known of failed logins among what waits.
    fn tell_failures(&self) {
        let failed = std::mem::take(&mut self.journal().state().failed);
        for (id, count) in failed {
            let event = self.event(Subject::anonymous(), AuditAction::AuthenticationFailed);
            let event = event.came_to(AuditOutcome::Refused, isopolity_proto::error::Reason::TokenInvalid).times(count);
            let event = if id.is_empty() { event } else { event.about(format!("tokens/{id}")) };
            self.journal().reserve_or_count(1).put(event);
        }
    }
}
