//! Who in this process waits for news of cooperations.

use isopolity_proto::cooperation::WatchInboxResponse;
use tokio::sync::{Notify, broadcast};

use crate::Registry;

/// Notices that one who watches may be behind before it has to begin anew.
const BEHIND_MAX: usize = 1_024;

/// Who waits. What is told here was committed.
#[derive(Debug)]
pub(crate) struct News {
    notices: broadcast::Sender<WatchInboxResponse>,
    outbox: Notify,
    mailbox: Notify,
}

impl Default for News {
    fn default() -> Self {
        Self { notices: broadcast::Sender::new(BEHIND_MAX), outbox: Notify::new(), mailbox: Notify::new() }
    }
}

impl Registry {
    /// Where changes of cooperations are told.
    pub(crate) fn notices(&self) -> &broadcast::Sender<WatchInboxResponse> {
        &self.inner.news.notices
    }

    /// Told when something new is to be delivered to other cities. For the one worker that delivers.
    pub(crate) fn outbox_news(&self) -> &Notify {
        &self.inner.news.outbox
    }

    /// Told when a mail is to be sent. For the one worker that sends.
    pub(crate) fn mailbox_news(&self) -> &Notify {
        &self.inner.news.mailbox
    }

    /// Tells of what a transaction has written, after its commit. Who waits for nothing misses nothing: workers look at the
    /// database when they begin.
    pub(crate) fn tell(&self, notices: Vec<WatchInboxResponse>) {
        for notice in notices {
            // Without anybody who watches there is nobody to tell.
            drop(self.notices().send(notice));
        }
        self.outbox_news().notify_one();
        self.mailbox_news().notify_one();
    }
}
