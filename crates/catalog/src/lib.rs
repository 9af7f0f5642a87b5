//! The search index of a node.
//!
//! A [`Catalog`] reads the feed as any other reader does: it takes publications in the feed's order, remembers up to which
//! point it went, and goes on from there after a crash. All that is kept here comes from the feed: the folder can be
//! deleted at any time and is built anew.
//!
//! What is found how follows from the proto's field options (`search`), read from the descriptor: a new field is one line
//! in a proto file. A record that an audience may not see is not there for that audience, also not in the relevance of
//! other records: word frequencies are those of the records that the asker may see.
//!
//! | module | what it does |
//! | --- | --- |
//! | `schema` | the index's fields |
//! | `words` | the words of a text, as they are indexed and looked up |
//! | `facet` | the terms of facets, the same for records and questions |
//! | `walk` | what is to be indexed of a resource |
//! | `folder` | opens the index, or begins an empty one |
//! | `writer` | takes publications |
//! | `snapshot` | the index as one commit left it, with its statistics |
//! | `search` | from a question to a query |
//! | `rank` | the best hits in their exact order |
//!
//! Not here: whether somebody may ask, whether a question is well formed, and signatures. A record comes from the own
//! store or was verified before it came into it.

mod error;
mod facet;
mod folder;
mod rank;
mod schema;
mod search;
mod snapshot;
mod walk;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use isopolity_domain::{
    answer::AnswerHit,
    feed::{Position, Publication},
};
use isopolity_proto::{federation::Question, options::Audience};
use tantivy::{Index, IndexReader, IndexWriter};
use tokio::sync::watch;

pub use error::CatalogError;
use schema::Fields;
use snapshot::Snapshot;

/// The most hits of one search.
const LIMIT_MAX: usize = 100;

/// The search index. Clones share it.
#[derive(Clone)]
pub struct Catalog(Arc<Inner>);

struct Inner {
    index: Index,
    fields: Fields,
    reader: IndexReader,
    /// Made when the first publication comes: who only reads holds no lock and no threads. Then kept: an idle one has
    /// three threads and no buffers, and a new one for each commit takes longer and more memory.
    writer: Mutex<Option<IndexWriter>>,
    /// What searches see.
    snapshot: watch::Sender<Arc<Snapshot>>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Records that match, counted exactly.
    pub total: i64,
    /// Records that the asker may see in all.
    pub records: i64,
    /// The point of the feed up to which the index went that was searched.
    pub position: Position,
    /// The best hits: by key, the best first, then by resource name in byte order.
    pub hits: Vec<AnswerHit>,
}

impl Catalog {
    /// Opens the index in a folder or creates it. One that is damaged or of another version is deleted and starts empty;
    /// other files in the folder stay. Blocking: it reads the whole index once to verify its checksums.
    ///
    /// # Errors
    /// [`CatalogError::Folder`] if the folder can't be used, [`CatalogError::Busy`] if the index had to be deleted but
    /// another process writes it.
    pub fn open(folder: &Path) -> Result<Self, CatalogError> {
        let opened = folder::open(folder)?;
        let snapshot = Snapshot::new(opened.reader.searcher(), opened.fields, opened.position);
        Ok(Self(Arc::new(Inner {
            index: opened.index,
            fields: opened.fields,
            reader: opened.reader,
            writer: Mutex::new(None),
            snapshot: watch::Sender::new(Arc::new(snapshot)),
        })))
    }

    /// The point of the feed up to which searches see. The default for an empty index.
    #[must_use]
    pub fn position(&self) -> Position {
        self.snapshot().position.clone()
    }

    /// Takes publications in the feed's order, commits once, and goes to `to`; searches then see them. Publications that
    /// the index already went past are skipped, and within an epoch it never goes back. Another epoch than the index's
    /// clears the index in the same commit. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Full`], [`CatalogError::Busy`] or [`CatalogError::Index`]; the index is then where it was, and the
    /// same call may be made again.
    pub fn apply(&self, publications: &[Publication], to: Position) -> Result<(), CatalogError> {
        self.0.apply(publications, to)
    }

    /// Waits until the index has reached this point of its epoch. `false` if it has not `within` that time.
    pub async fn reached(&self, position: &Position, within: Duration) -> bool {
        let mut seen = self.0.snapshot.subscribe();
        let there =
            seen.wait_for(|seen| seen.position.epoch == position.epoch && seen.position.sequence >= position.sequence);
        matches!(tokio::time::timeout(within, there).await, Ok(Ok(_)))
    }

    /// Finds records among those that this clearance sees. The question is taken as it is: [`isopolity_domain::question`]
    /// says whether it may be asked. `limit` is held to 1 to 100. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn search(&self, question: &Question, clearance: Audience, limit: usize) -> Result<Found, CatalogError> {
        let snapshot = self.snapshot();
        Ok(search::search(&snapshot, question, clearance, limit.clamp(1, LIMIT_MAX))?)
    }

    /// How many records this clearance sees. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn records(&self, clearance: Audience) -> Result<i64, CatalogError> {
        Ok(snapshot::signed(self.snapshot().records(clearance)?))
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.borrow().clone()
    }
}
