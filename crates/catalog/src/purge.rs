//! Writing segments again without what was withdrawn: the library only marks it, and it would stay in the files until they are
//! merged some time.

use std::sync::PoisonError;

use tantivy::{FutureResult, SegmentMeta, TantivyError, index::SegmentId};

use crate::{CatalogError, Inner};

impl Inner {
    /// Begins to write again the segments in which something was withdrawn. `None`: there are none.
    pub(crate) fn begin_purging(&self) -> Result<Option<FutureResult<Option<SegmentMeta>>>, CatalogError> {
        let mut kept = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let with_withdrawn = self.with_withdrawn();
        if with_withdrawn.is_empty() {
            return Ok(None);
        }
        let mut writer = match kept.take() {
            Some(writer) => writer,
            None => self.new_writer()?,
        };
        let merging = writer.merge(&with_withdrawn);
        *kept = Some(writer);
        Ok(Some(merging))
    }

    /// Deletes files that no search uses any more.
    pub(crate) async fn collect(&self) -> Result<(), TantivyError> {
        let collecting = {
            let mut kept = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let writer = match kept.take() {
                Some(writer) => writer,
                None => self.new_writer()?,
            };
            let collecting = writer.garbage_collect_files();
            *kept = Some(writer);
            collecting
        };
        collecting.await.map(drop)
    }

    pub(crate) fn with_withdrawn(&self) -> Vec<SegmentId> {
        let snapshot = self.snapshot.borrow();
        let readers = snapshot.segments.iter().map(|segment| &segment.reader);
        readers.filter(|reader| reader.has_deletes()).map(tantivy::SegmentReader::segment_id).collect()
    }
}
