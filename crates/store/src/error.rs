//! What can go wrong, and what the databases call it.

use std::{error::Error, sync::Arc};

use isopolity_domain::{CityId, Name};
use sea_orm::{DbErr, RuntimeErr, SqlxError, SqlxSqliteError};

/// What the database said.
type Source = Box<dyn Error + Send + Sync>;

/// Why the store could not do something. `Display` says what and where and never shows a password; what the database
/// said is the `source`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is locked, does not answer or has no connection free. Nothing was changed and it may be tried again; only
    /// where the connection was lost during [`crate::Tx::commit`] nobody knows.
    #[error("{place} is busy or does not answer ({doing})")]
    Busy {
        /// The database.
        place: Arc<str>,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: Source,
    },
    /// The database or its disk is full. Nothing was changed.
    #[error("{place} or its disk is full ({doing}); make room")]
    Full {
        /// The database.
        place: Arc<str>,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: Source,
    },
    /// There is a document of this name.
    #[error("{name} exists already")]
    Exists {
        /// The name.
        name: String,
    },
    /// A document of this name was erased; its name is not given again.
    #[error("{name} was erased and its name is not given again")]
    Erased {
        /// The name.
        name: String,
    },
    /// It is the database of another city.
    #[error("{place} belongs to {found}, not to {expected}; give each city a database of its own")]
    Foreign {
        /// The database.
        place: Arc<str>,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: CityId,
    },
    /// A newer version of this software changed the schema.
    #[error(
        "{place} has schema {found}, which is newer than {known}, the last that this version knows; run a newer version"
    )]
    SchemaTooNew {
        /// The database.
        place: Arc<str>,
        /// The newest migration that was applied.
        found: String,
        /// The newest migration that this version knows.
        known: String,
    },
    /// There is no database that could be used.
    #[error("{place} can't be opened")]
    Open {
        /// The database.
        place: Arc<str>,
        /// Why not.
        source: Source,
    },
    /// A fault of this software or damage to the database.
    #[error("{place} could not do this ({doing})")]
    Internal {
        /// The database.
        place: Arc<str>,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: Source,
    },
}

/// What went wrong, before it is known where.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database refused.
    Database(DbErr),
    /// It holds something that makes no sense.
    Damaged(String),
    /// There is a document of this name.
    Exists(Name),
    /// There was one, and it was erased.
    Erased(Name),
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    /// Whether it may be gone after a while.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(class(error), Class::Busy))
    }

    /// Says where it happened and at what.
    pub(crate) fn at(self, place: &Arc<str>, doing: &'static str) -> StoreError {
        let place = Arc::clone(place);
        match self {
            Self::Database(error) => match class(&error) {
                Class::Busy => StoreError::Busy { place, doing, source: error.into() },
                Class::Full => StoreError::Full { place, doing, source: error.into() },
                Class::Other => StoreError::Internal { place, doing, source: error.into() },
            },
            Self::Damaged(what) => StoreError::Internal { place, doing, source: what.into() },
            Self::Exists(name) => StoreError::Exists { name: name.to_string() },
            Self::Erased(name) => StoreError::Erased { name: name.to_string() },
        }
    }

    /// The same while a database is being opened, when most faults mean that it is none of ours.
    pub(crate) fn at_opening(self, place: &Arc<str>) -> StoreError {
        match self.at(place, "open") {
            StoreError::Internal { place, source, .. } => StoreError::Open { place, source },
            other => other,
        }
    }
}

enum Class {
    Busy,
    Full,
    Other,
}

fn class(error: &DbErr) -> Class {
    let error = match error {
        DbErr::ConnectionAcquire(_) => return Class::Busy,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error.as_ref(),
        _ => return Class::Other,
    };
    match error {
        SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::Io(_) => Class::Busy,
        SqlxError::Database(error) => {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<SqlxSqliteError>().is_some() {
                code.parse().map_or(Class::Other, sqlite)
            } else {
                postgresql(&code)
            }
        }
        _ => Class::Other,
    }
}

/// Extended result codes of SQLite; the lowest byte is the primary one.
fn sqlite(code: u32) -> Class {
    match (code & 0xff, code) {
        // SQLITE_BUSY, SQLITE_LOCKED.
        (5 | 6, _) => Class::Busy,
        // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE: no room to enlarge the index of the write-ahead log.
        (13, _) | (_, 4_874) => Class::Full,
        _ => Class::Other,
    }
}

/// SQLSTATE codes (appendix A of the PostgreSQL manual).
fn postgresql(code: &str) -> Class {
    match code {
        "53100" => Class::Full,
        // Deadlock or serialization failure, out of memory or connections, lock not available, cancelled, shutting down.
        "40001" | "40P01" | "53200" | "53300" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" => {
            Class::Busy
        }
        // The connection broke.
        _ if code.starts_with("08") => Class::Busy,
        _ => Class::Other,
    }
}
