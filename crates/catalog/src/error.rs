//! Why the search index can't be used.

use std::{io, path::PathBuf};

use tantivy::{
    TantivyError,
    directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
};

/// A search index that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The folder can't be used.
    #[error("the search index can't be kept in {}; the folder must be writable for this user", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes the index.
    #[error("another process writes the same search index; stop it, or give this node a folder of its own")]
    Busy,
    /// The disk is full. Nothing is lost: the publications are in the feed.
    #[error("the disk that holds the search index is full; free some space and indexing goes on")]
    Full(#[source] TantivyError),
    /// The index can't be read or written.
    #[error("the search index can't be read or written; if this stays, delete its folder and it is built anew")]
    Index(#[source] TantivyError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

impl From<TantivyError> for CatalogError {
    fn from(error: TantivyError) -> Self {
        if matches!(&error, TantivyError::LockFailure(LockError::LockBusy, _)) {
            return Self::Busy;
        }
        match io_kind(&error) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Self::Full(error),
            _ => Self::Index(error),
        }
    }
}

/// Which fault of the system is behind an error, if one is. (None is its `source`.)
pub(crate) fn io_kind(error: &TantivyError) -> Option<io::ErrorKind> {
    match error {
        TantivyError::IoError(io_error)
        | TantivyError::LockFailure(LockError::IoError(io_error), _)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error, .. }) => Some(io_error.kind()),
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_))
        | TantivyError::OpenDirectoryError(OpenDirectoryError::DoesNotExist(_)) => Some(io::ErrorKind::NotFound),
        TantivyError::OpenDirectoryError(OpenDirectoryError::NotADirectory(_)) => Some(io::ErrorKind::NotADirectory),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_another_writer_are_told_apart_from_other_faults() {
        let of = |kind: io::ErrorKind| CatalogError::from(TantivyError::from(io::Error::from(kind)));
        assert!(matches!(of(io::ErrorKind::StorageFull), CatalogError::Full(_)));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), CatalogError::Full(_)));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), CatalogError::Index(_)));
        let opened = OpenWriteError::wrap_io_error(io::ErrorKind::StorageFull.into(), "x".into());
        assert!(matches!(CatalogError::from(TantivyError::from(opened)), CatalogError::Full(_)));
        assert!(matches!(CatalogError::from(TantivyError::from(LockError::LockBusy)), CatalogError::Busy));
    }
}
