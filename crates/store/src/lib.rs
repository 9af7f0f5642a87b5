//! Keeps what a city has: documents, the feed of what it published, peers, tokens.
//!
//! In one SQLite file, or in PostgreSQL where a city runs that already; the URL decides. Everything else is the same on
//! both: one set of migrations, one order of names (by byte), one kind of time (microseconds since 1970, UTC).
//!
//! Reading goes through [`Store`]. Writing goes through a [`Tx`], begun with [`Store::begin`], and exists only once
//! [`Tx::commit`] has returned; a `Tx` that is dropped leaves nothing. Transactions write one after the other, in this
//! process and among processes that share a database, so sequences of the feed have no gaps and appear in order.
//!
//! The store knows no policy: it does not ask who may do what, whether a document is valid, or what a body means. SQL,
//! entities and migrations are private.
//!
//! | module | what it keeps |
//! | --- | --- |
//! | `document`, `reference` | the registry's documents, and which refers to which |
//! | `list` | many documents, in an order, page by page |
//! | `revision`, `request` | what documents were before, and what was asked with an id of its own |
//! | `import` | how far imports came, and the rows that they did not take |
//! | `feed` | what was published, in which order |
//! | `audit`, `witness` | the chain of what was done, asked and answered, and who has seen it |
//! | `sharing` | what peers may do here, and might before |
//! | `cooperation` | what is done with other cities, with its history |
//! | `delivery`, `mail` | what is on its way to other cities, and to people |
//! | `count` | how much there is of all that |
//! | `peer`, `token`, `setting` | other cities, tokens for the API, small values |
//! | `tombstone`, `clean_up` | what is left of what is gone, and what is past its limit |
//! | `invitation`, `standing` | who may become a peer, and how this city stands at its peers |
//! | `membership` | whom the directory names |
//! | `user`, `session` | people who sign in, and how they tried |
//! | `tx`, `error`, `open` | a unit of work, what can go wrong, how a database is opened |
//! | `stop` | where tests let a process die |
//! | `entity`, `migration` | the tables, and how they came to be |

mod audit;
mod clean_up;
mod cooperation;
mod count;
mod delivery;
mod document;
mod entity;
mod error;
mod feed;
mod import;
mod invitation;
mod list;
mod mail;
mod membership;
mod micros;
mod migration;
mod open;
mod own_bundle;
mod peer;
mod reference;
mod request;
mod revision;
mod session;
mod setting;
mod sharing;
mod standing;
mod stop;
#[cfg(test)]
mod tests;
mod token;
mod tombstone;
mod tx;
mod user;
mod witness;

use std::{fmt, sync::Arc, time::Duration};

use isopolity_domain::CityId;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex;

pub use audit::{AuditChain, AuditFilter, AuditRow};
pub use clean_up::{Old, OldCount, PastCleanUp};
pub use cooperation::{CooperationFilter, CooperationRow, EventRow, PendingRow};
pub use count::Counts;
pub use delivery::{DeliveryDepth, DeliveryFilter, DeliveryRow, Reach, Redrive};
pub use document::Document;
pub use error::StoreError;
pub use import::{ImportRun, Quarantined};
pub use invitation::Invitation;
pub use list::{ListPoint, Listing};
pub use mail::MailRow;
pub use membership::Membership;
pub use peer::Peer;
pub use request::Request;
pub use revision::Revision;
pub use session::{Attempts, Session};
pub use standing::Standing;
pub use stop::{Moment, Stop};
pub use token::Token;
pub use tombstone::Tombstone;
pub use tx::Tx;
pub use user::User;
pub use witness::{SeenHead, Witness};

use error::Fault;

/// The most names in one statement that reads.
const NAMES_AT_ONCE: usize = 500;
/// The most rows in one statement that writes.
const ROWS_AT_ONCE: usize = 200;

/// A limit in the range that the databases know.
fn at_most(limit: u64) -> u64 {
    limit.min(u32::MAX.into())
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A file beside the node.
    Sqlite,
    /// A server.
    Postgresql,
}

impl StorageKind {
    /// The word for it: `sqlite` or `postgresql`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgresql => "postgresql",
        }
    }
}

impl fmt::Display for StorageKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How long to wait, and how much to hold.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long a call waits for a lock or a connection before it is told that the database is busy.
    wait: Duration,
    /// Connections in the pool.
    connections: u32,
    /// The most pages of an SQLite database. `None`: as many as the disk holds.
    pages: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wait: Duration::from_secs(5), connections: 8, pages: None }
    }
}

/// A city's database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: DatabaseConnection,
    kind: StorageKind,
    /// The URL without its password.
    place: Arc<str>,
    /// Writers of this process queue here, in order, instead of each holding a connection while it waits.
    writer: Arc<Mutex<()>>,
    limits: Limits,
    /// Where tests stop it.
    stops: stop::Stops,
}

impl Store {
    /// Opens a city's database, `sqlite://path/registry.db` or `postgres://user:password@host/database`, and brings its
    /// schema up to date. A missing SQLite file is created, for its owner only; its folder must exist.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if it is another city's, [`StoreError::SchemaTooNew`] if a newer version of this software
    /// changed it, [`StoreError::Open`] if there is no database that could be used, [`StoreError::Busy`] if it is locked or
    /// does not answer. The database is then as it was.
    pub async fn open(url: &str, city: &CityId) -> Result<Self, StoreError> {
        open::open(url, city, Limits::default()).await
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> StorageKind {
        self.inner.kind
    }

    /// Closes the database for all clones of this store. Waits for what is under way, but no longer than for a lock.
    pub async fn close(self) {
        match tokio::time::timeout(self.inner.limits.wait, self.inner.pool.close_by_ref()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(store.place = %self.inner.place, %error, "the database did not close cleanly");
            }
            Err(_) => tracing::warn!(store.place = %self.inner.place, "the database was closed while it was in use"),
        }
    }

    fn pool(&self) -> &DatabaseConnection {
        &self.inner.pool
    }

    /// Says where a fault happened and at what.
    fn fault(&self, doing: &'static str) -> impl FnOnce(Fault) -> StoreError + use<'_> {
        move |fault| fault.at(&self.inner.place, doing)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Store").field(&self.inner.place).finish()
    }
}
