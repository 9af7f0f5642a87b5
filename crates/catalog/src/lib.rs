//! The search index of a node.
//!
//! A [`Catalog`] reads the feed as any other reader does: it takes publications in the feed's order, remembers up to which
//! point it went, and goes on from there after a crash. All that is kept here comes from the feed: the folder can be
//! deleted at any time and is built anew.
//!
//! What is found how follows from the proto's field options (`search`), read from the descriptor: a new field is one line
//! in a proto file. Everything is answered for a [`Sight`]: a record that the asker does not see is not there for him, also not in the
//! relevance of other records, for word frequencies are those of the records that he sees.
//!
//! | module | what it does |
//! | --- | --- |
//! | `schema` | the index's fields |
//! | `words` | gives the index library the words of a text |
//! | `walk`, `days` | what is to be indexed of a resource |
//! | `folder` | opens the index, or begins an empty one |
//! | `writer` | takes publications |
//! | `tidy` | merges segments |
//! | `snapshot`, `segment` | the index as one commit left it, with what is known of it |
//! | `ask` | from a question to what is found |
//! | `conditions`, `circle` | which records match |
//! | `documents` | sets of records |
//! | `counting` | how many have which value of a facet |
//! | `rank` | the best of a segment in their exact order |
//! | `digest` | what an audience's records are like |
//! | `hits` | the best of all, read when they are taken |
//!
//! Not here: whether somebody may ask, whether a question is well formed, and signatures. A record comes from the own
//! store or was verified before it came into it.

mod ask;
mod circle;
mod conditions;
mod counting;
mod days;
mod digest;
mod documents;
mod error;
mod folder;
mod hits;
mod purge;
mod rank;
mod schema;
mod segment;
mod snapshot;
mod tidy;
mod walk;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isopolity_domain::{
    CityId,
    digest::SALT_BYTES,
    feed::{Position, Publication},
    sight::Sight,
};
use isopolity_proto::federation::{Digest, Question, Statistics};
use prost_types::Timestamp;
use tantivy::{Index, IndexReader, IndexWriter, TantivyError};
use tokio::sync::watch;

pub use ask::{Asked, Found, Published};
pub use error::CatalogError;
pub use hits::Hits;
use schema::Fields;
use snapshot::Snapshot;

/// How often the files are written again at once while more is withdrawn.
const PURGES_MAX: usize = 8;
/// How many digests are kept. Each may take some hundred kilobytes.
const DIGESTS_MAX: usize = 32;

type KeptDigest = Arc<Mutex<Option<Digest>>>;

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
    /// The last digest for each sight, that which was used last at the end.
    digests: Mutex<VecDeque<(Sight, KeptDigest)>>,
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
        let snapshot = Snapshot::new(opened.reader.searcher(), opened.fields, opened.position, None);
        Ok(Self(Arc::new(Inner {
            index: opened.index,
            fields: opened.fields,
            reader: opened.reader,
            writer: Mutex::new(None),
            snapshot: watch::Sender::new(Arc::new(snapshot)),
            digests: Mutex::default(),
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

    /// Merges small segments, so that questions are answered more quickly. Returns whether there was anything to merge; then
    /// there may be more. Can be dropped at any time, and publications may be taken meanwhile.
    ///
    /// # Errors
    /// [`CatalogError::Full`], [`CatalogError::Busy`] or [`CatalogError::Index`]; what searches find is the same as before.
    pub async fn tidy(&self) -> Result<bool, CatalogError> {
        let Some(merging) = self.0.begin_tidying()? else { return Ok(false) };
        match merging.await {
            // The library has merged some of them by itself meanwhile.
            Ok(_) | Err(TantivyError::InvalidArgument(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.0.end_tidying()?;
        Ok(true)
    }

    /// Writes the files again without what was withdrawn. `false` if something still is in them: a search was reading them, or more
    /// was withdrawn meanwhile.
    ///
    /// # Errors
    /// [`CatalogError::Full`], [`CatalogError::Busy`] or [`CatalogError::Index`]; what searches find is the same as before.
    pub async fn purge(&self) -> Result<bool, CatalogError> {
        for _ in 0..PURGES_MAX {
            let Some(merging) = self.0.begin_purging()? else { break };
            match merging.await {
                // The library has merged some of them by itself meanwhile.
                Ok(_) | Err(TantivyError::InvalidArgument(_)) => {}
                Err(error) => return Err(error.into()),
            }
            self.0.end_tidying()?;
        }
        self.0.collect().await?;
        Ok(self.0.with_withdrawn().is_empty())
    }

    /// Waits until the index has reached this point of its epoch. `false` if it has not `within` that time.
    pub async fn reached(&self, position: &Position, within: Duration) -> bool {
        let mut seen = self.0.snapshot.subscribe();
        let there =
            seen.wait_for(|seen| seen.position.epoch == position.epoch && seen.position.sequence >= position.sequence);
        matches!(tokio::time::timeout(within, there).await, Ok(Ok(_)))
    }

    /// Answers a question: what matches, counted exactly, and the first hits in their exact order. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn ask(&self, asked: &Asked<'_>) -> Result<Found, CatalogError> {
        Ok(ask::ask(&self.snapshot(), asked)?)
    }

    /// The statistics of the records that are seen, with a line for each of the words, in byte order; and the
    /// point of the feed up to which they are true. The words are taken as the analyser gives them. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn statistics(&self, words: &[String], sight: &Sight) -> Result<(Statistics, Position), CatalogError> {
        let snapshot = self.snapshot();
        let sight = snapshot.plainest(sight)?;
        Ok((snapshot.statistics(words, &sight)?, snapshot.position.clone()))
    }

    /// The first records, in the order of their sequences, that match and were published after a sequence; and the point
    /// of the feed up to which that is all, if they are fewer than `limit`. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn published_after(
        &self,
        question: &Question,
        sight: &Sight,
        after_sequence: i64,
        limit: usize,
    ) -> Result<(Vec<Published>, Position), CatalogError> {
        let snapshot = self.snapshot();
        let published = ask::published_after(&snapshot, question, sight, after_sequence, limit)?;
        Ok((published, snapshot.position.clone()))
    }

    /// What the records of this city are like that are seen. Made anew, with this time, if something was published since the last; it
    /// takes about as long as to read all words. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read, [`CatalogError::Random`] if the system gives no random numbers.
    pub fn digest(&self, city: &CityId, sight: &Sight, create_time: Timestamp) -> Result<Digest, CatalogError> {
        let snapshot = self.snapshot();
        let sight = snapshot.plainest(sight)?;
        let place = self.0.digest_of(&sight);
        // Who asks at the same time waits for it and makes none of his own.
        let mut kept = kept_digest(&place);
        if let Some(digest) = kept.as_ref()
            && (&digest.epoch, digest.sequence) == (&snapshot.position.epoch, snapshot.position.sequence)
            && digest.city == city.as_str()
        {
            return Ok(digest.clone());
        }
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(CatalogError::Random)?;
        let digest = digest::digest(&snapshot, city, &sight, create_time, salt)?;
        *kept = Some(digest.clone());
        Ok(digest)
    }

    /// How many records are seen. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn records(&self, sight: &Sight) -> Result<i64, CatalogError> {
        let snapshot = self.snapshot();
        Ok(snapshot::signed(snapshot.records(&snapshot.plainest(sight)?)?))
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.borrow().clone()
    }
}

impl Inner {
    /// Where the digest of a sight is kept.
    fn digest_of(&self, sight: &Sight) -> KeptDigest {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let known = digests.iter().position(|(one, _)| one == sight).and_then(|at| digests.remove(at));
        let (sight, kept) = known.unwrap_or_else(|| (sight.clone(), KeptDigest::default()));
        digests.push_back((sight, Arc::clone(&kept)));
        if digests.len() > DIGESTS_MAX {
            digests.pop_front();
        }
        kept
    }
}

fn kept_digest(digest: &Mutex<Option<Digest>>) -> MutexGuard<'_, Option<Digest>> {
    digest.lock().unwrap_or_else(PoisonError::into_inner)
}
