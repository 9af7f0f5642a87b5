//! Hits, read from the index only when they are taken.

use std::{sync::Arc, vec};

use isopolity_domain::answer::{AnswerHit, SortKey};
use isopolity_proto::federation::SearchOrder;
use tantivy::{DocAddress, TantivyError};

use crate::{CatalogError, rank::Candidate, schema::name_of, segment::Texts, snapshot::Snapshot};

/// Hits that are still to come, in their exact order. A waiting hit takes 16 bytes; its record is read when it is taken,
/// from the index as it was when it was asked.
pub struct Hits {
    snapshot: Arc<Snapshot>,
    order: SearchOrder,
    runs: Vec<Run>,
    left: usize,
}

/// The hits of one segment.
struct Run {
    segment: u32,
    names: Texts,
    titles: Option<Texts>,
    waiting: vec::IntoIter<Candidate>,
    /// Only where there is none, nothing waits.
    next: Option<Next>,
}

struct Next {
    key: SortKey,
    /// In the order of names.
    name: String,
    address: DocAddress,
}

impl Hits {
    /// The first `limit` of what was found, each list in a segment and in order.
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        order: SearchOrder,
        mut found: Vec<(usize, Vec<Candidate>)>,
        limit: usize,
    ) -> Result<Self, TantivyError> {
        cut(&mut found, order, limit);
        let left = found.iter().map(|(_, candidates)| candidates.len()).sum::<usize>().min(limit);
        let mut runs = Vec::new();
        for (place, candidates) in found.into_iter().filter(|(_, candidates)| !candidates.is_empty()) {
            let Some(segment) = snapshot.segments.get(place) else { continue };
            let titles = if order == SearchOrder::Title { segment.titles()? } else { None };
            let (names, waiting) = (segment.names()?, candidates.into_iter());
            let segment = u32::try_from(place).unwrap_or(u32::MAX);
            let mut run = Run { segment, names, titles, waiting, next: None };
            run.advance(order)?;
            runs.push(run);
        }
        Ok(Self { snapshot, order, runs, left })
    }

    /// How many are still to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether all were taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Takes the next hits, at most so many. None: all were taken. Blocking.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<AnswerHit>, CatalogError> {
        let mut batch = Vec::with_capacity(most.min(self.left));
        while batch.len() < most
            && let Some(next) = self.take()?
        {
            let envelope = self.snapshot.envelope(next.address)?;
            batch.push(AnswerHit { key: Some(next.key), name: name_of(&next.name), envelope });
        }
        Ok(batch)
    }

    /// The same for those who only want to know which they are: keys and resource names.
    ///
    /// # Errors
    /// [`CatalogError::Index`] if the index can't be read.
    pub fn next_keys(&mut self, most: usize) -> Result<Vec<(SortKey, String)>, CatalogError> {
        let mut batch = Vec::with_capacity(most.min(self.left));
        while batch.len() < most
            && let Some(next) = self.take()?
        {
            batch.push((next.key, name_of(&next.name)));
        }
        Ok(batch)
    }

    fn take(&mut self) -> Result<Option<Next>, TantivyError> {
        if self.left == 0 {
            return Ok(None);
        }
        let waiting = self.runs.iter_mut().filter(|run| run.next.is_some());
        let first = waiting.min_by(|one, two| match (&one.next, &two.next) {
            (Some(one), Some(two)) => one.key.better_first(&two.key).then_with(|| one.name.cmp(&two.name)),
            _ => std::cmp::Ordering::Equal,
        });
        let Some(run) = first else { return Ok(None) };
        let next = run.next.take();
        run.advance(self.order)?;
        self.left -= 1;
        Ok(next)
    }
}

impl Run {
    fn advance(&mut self, order: SearchOrder) -> Result<(), TantivyError> {
        self.next = match self.waiting.next() {
            None => None,
            Some(candidate) => Some(Next {
                key: candidate.key(order, self.titles.as_ref())?,
                name: self.names.text(candidate.name)?,
                address: DocAddress::new(self.segment, candidate.doc),
            }),
        };
        Ok(())
    }
}

/// Drops what can't be among the first `limit` of all, so that it is not kept.
fn cut(found: &mut [(usize, Vec<Candidate>)], order: SearchOrder, limit: usize) {
    let count: usize = found.iter().map(|(_, candidates)| candidates.len()).sum();
    if limit == 0 || count <= limit {
        return;
    }
    let all = found.iter().flat_map(|(_, candidates)| candidates);
    // Titles have numbers of their own in each segment.
    let Some(mut ranks) = all.map(|candidate| candidate.global_rank(order)).collect::<Option<Vec<_>>>() else { return };
    let (_, worst, _) = ranks.select_nth_unstable(limit - 1);
    for (_, candidates) in found {
        candidates.retain(|candidate| candidate.global_rank(order).is_none_or(|rank| rank <= *worst));
        candidates.shrink_to_fit();
    }
}
