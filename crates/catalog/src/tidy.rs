//! Making one segment of many small ones, while there is nothing else to do.
//!
//! Each commit leaves a segment, and every question is put to each of them. The library merges them when there are many; but
//! what a quiet city is asked would always be put to eight or ten. How often a record is written again is bounded: segments
//! are merged only with others that are not much smaller together.

use std::sync::{Arc, PoisonError};

use tantivy::{FutureResult, SegmentMeta, index::SegmentId};

use crate::{CatalogError, Inner, snapshot::Snapshot};

/// A segment is merged with the smaller ones if it is at most so many times as large as they are together.
const TIMES_LARGER: u64 = 8;

impl Inner {
    /// Begins to merge what is worth it. `None`: nothing is.
    pub(crate) fn begin_tidying(&self) -> Result<Option<FutureResult<Option<SegmentMeta>>>, CatalogError> {
        let mut kept = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let small = small(&self.snapshot.borrow());
        if small.len() < 2 {
            return Ok(None);
        }
        let mut writer = match kept.take() {
            Some(writer) => writer,
            None => self.new_writer()?,
        };
        let merging = writer.merge(&small);
        *kept = Some(writer);
        Ok(Some(merging))
    }

    /// Lets searches see the index as it is after merging. What they find is the same.
    pub(crate) fn end_tidying(&self) -> Result<(), CatalogError> {
        // As long as this is held, nobody commits.
        let kept = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.reader.reload()?;
        let before = self.snapshot.borrow().clone();
        let now = Snapshot::new(self.reader.searcher(), self.fields, before.position.clone(), Some(&before));
        self.snapshot.send_replace(Arc::new(now));
        drop(kept);
        Ok(())
    }
}

/// The segments that are worth merging, from the smallest up.
fn small(snapshot: &Snapshot) -> Vec<SegmentId> {
    let mut segments: Vec<(u64, SegmentId)> = snapshot
        .segments
        .iter()
        .map(|segment| (u64::from(segment.reader.max_doc()), segment.reader.segment_id()))
        .collect();
    segments.sort_unstable();
    let mut together = 0;
    let worth = |(documents, _): &&(u64, SegmentId)| {
        let is_worth = together == 0 || *documents <= TIMES_LARGER * together;
        together += documents;
        is_worth
    };
    segments.iter().take_while(worth).map(|(_, id)| *id).collect()
}
