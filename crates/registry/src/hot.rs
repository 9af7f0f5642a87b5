//! What is read often, kept in memory: publications, and tokens and sessions for a moment.
//!
//! A publication is dropped the moment that this process publishes another of the same name; what another process of the same
//! node has published is noticed when the index reads the feed, within seconds. A token, and a session with its user, count for a second as they were read, so
//! that one that is revoked through another process of the same node lives no longer than that; one that is revoked here is
//! dropped at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use isopolity_domain::feed::Publication;
use isopolity_store::{Session, Token, User};
use moka::sync::Cache;

/// The most bytes of publications that are kept.
const PUBLICATION_BYTES: u64 = 32 * 1024 * 1024;
/// The most tokens that are kept.
const TOKENS: u64 = 10_000;
/// How long a token counts as it was read.
const TOKEN_AGE: Duration = Duration::from_secs(1);

/// What is read often.
#[derive(Debug)]
pub(crate) struct Hot {
    publications: Cache<String, Arc<Publication>>,
    tokens: Cache<String, Arc<Token>>,
    sessions: Cache<String, Arc<(Session, User)>>,
    /// Goes up before anything is dropped: what was read before must not be kept afterwards.
    changes: AtomicU64,
}

/// When reading from the database began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(u64);

impl Default for Hot {
    fn default() -> Self {
        let size = |name: &String, publication: &Arc<Publication>| {
            let records: usize = publication.records.iter().map(|record| record.envelope.len() + 64).sum();
            u32::try_from(name.len() + records + 128).unwrap_or(u32::MAX)
        };
        Self {
            publications: Cache::builder().max_capacity(PUBLICATION_BYTES).weigher(size).build(),
            tokens: Cache::builder().max_capacity(TOKENS).time_to_live(TOKEN_AGE).build(),
            sessions: Cache::builder().max_capacity(TOKENS).time_to_live(TOKEN_AGE).build(),
            changes: AtomicU64::new(0),
        }
    }
}

impl Hot {
    pub(crate) fn publication(&self, name: &str) -> Option<Arc<Publication>> {
        self.publications.get(name)
    }

    /// To be called before something is read from the database.
    pub(crate) fn begin(&self) -> Begun {
        Begun(self.changes.load(Ordering::SeqCst))
    }

    /// Keeps a publication, unless something was published since reading began.
    pub(crate) fn keep(&self, begun: Begun, publication: Publication) -> Arc<Publication> {
        let (name, kept) = (publication.name.clone(), Arc::new(publication));
        if self.changes.load(Ordering::SeqCst) == begun.0 {
            self.publications.insert(name.clone(), Arc::clone(&kept));
            // Whoever publishes counts first and drops then: one of us two sees the other.
            if self.changes.load(Ordering::SeqCst) != begun.0 {
                self.publications.invalidate(&name);
            }
        }
        kept
    }

    /// Drops publications that were superseded.
    pub(crate) fn superseded<'a>(&self, names: impl Iterator<Item = &'a str>) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        names.for_each(|name| self.publications.invalidate(name));
    }

    pub(crate) fn token(&self, id: &str) -> Option<Arc<Token>> {
        self.tokens.get(id)
    }

    /// Keeps a token, unless something was changed since reading began.
    pub(crate) fn keep_token(&self, begun: Begun, token: Token) -> Arc<Token> {
        let (id, kept) = (token.id.clone(), Arc::new(token));
        if self.changes.load(Ordering::SeqCst) == begun.0 {
            self.tokens.insert(id.clone(), Arc::clone(&kept));
            if self.changes.load(Ordering::SeqCst) != begun.0 {
                self.tokens.invalidate(&id);
            }
        }
        kept
    }

    /// Drops a token that was changed.
    pub(crate) fn changed_token(&self, id: &str) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.tokens.invalidate(id);
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<(Session, User)>> {
        self.sessions.get(id)
    }

    /// Keeps a session and its user, unless something was changed since reading began.
    pub(crate) fn keep_session(&self, begun: Begun, session: Session, user: User) -> Arc<(Session, User)> {
        let (id, kept) = (session.id.clone(), Arc::new((session, user)));
        if self.changes.load(Ordering::SeqCst) == begun.0 {
            self.sessions.insert(id.clone(), Arc::clone(&kept));
            if self.changes.load(Ordering::SeqCst) != begun.0 {
                self.sessions.invalidate(&id);
            }
        }
        kept
    }

    /// Drops the sessions of a user that was changed, or whose sessions were.
    pub(crate) fn changed_user(&self, id: &str) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        for (session, kept) in &self.sessions {
            if kept.1.id == id {
                self.sessions.invalidate(session.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(sequence: i64) -> Publication {
        Publication { sequence, name: "cities/a.b".into(), kind: "city".into(), records: Vec::new() }
    }

    #[test]
    fn what_was_superseded_is_not_kept_even_by_a_reader_that_was_late() {
        let hot = Hot::default();
        let early = hot.begin();
        assert_eq!(hot.keep(early, publication(1)).sequence, 1);
        assert_eq!(hot.publication("cities/a.b").unwrap().sequence, 1);
        let late = hot.begin();
        hot.superseded(std::iter::once("cities/a.b"));
        assert!(hot.publication("cities/a.b").is_none());
        // It read the old one before, and comes to keep it only now.
        hot.keep(late, publication(1));
        assert!(hot.publication("cities/a.b").is_none());
        hot.keep(hot.begin(), publication(2));
        assert_eq!(hot.publication("cities/a.b").unwrap().sequence, 2);
    }
}
