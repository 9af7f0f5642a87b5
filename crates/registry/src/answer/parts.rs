//! An answer to a peer, part by part.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use isopolity_catalog::{Asked, Catalog, Found, Hits};
use isopolity_domain::{CityId, answer::AnswerHit, query, sharing::Grant, sight::Sight};
use isopolity_proto::{
    admin::Granularity,
    federation::{QueryEnd, QueryHit, QueryHits, QueryResponse, QueryStart, query_response::Part},
    options::Audience,
};
use prost::Message as _;
use tokio::{sync::mpsc, time::timeout};
use tracing::info;

use super::{Checked, Parts, disclose};
use crate::{Error, desk::Reading};

/// An answer with no more hits than this is read at once.
pub(super) const SHORT: usize = 128;
/// Records that are read from the index at once.
const BATCH: usize = 64;
/// The size of the hits in one part, in bytes, unless one alone is larger. Fewer parts are quicker; but of a city on a poor line
/// only whole parts are heard.
const PART_BYTES: usize = 16 * 1024;
/// A peer that takes nothing for so long is not read for any more.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// An answer that was found. Of a long one, nothing is read yet.
pub(super) struct Answering {
    start: QueryStart,
    hits: Hits,
    hits_found: usize,
    omit_records: bool,
    /// The hits of a short one.
    read: Vec<QueryResponse>,
}

/// Finds what matches, as far as the peer may be told. Blocking.
pub(super) fn begin(catalog: &Catalog, checked: &Checked, grant: &Grant, peer: &CityId) -> Result<Answering, Error> {
    let sight = &grant.sight;
    let start = match grant.granularity {
        Granularity::YesNo => disclose::yes_or_no(catalog, checked, sight)?,
        Granularity::Counts => disclose::counts(catalog, checked, sight, peer)?,
        Granularity::Records | Granularity::Unspecified => return with_records(catalog, checked, sight),
    };
    let nothing = catalog.ask(&Asked { limit: 0, facets: &[], ..checked.asked(Sight::of(Audience::Unspecified)) })?;
    Ok(Answering { start, hits: nothing.hits, hits_found: 0, omit_records: true, read: Vec::new() })
}

fn with_records(catalog: &Catalog, checked: &Checked, sight: &Sight) -> Result<Answering, Error> {
    let begun = Instant::now();
    let statistics = if checked.include_statistics {
        let words = query::parse(&checked.question.text).words().into_iter().map(|one| one.word).collect::<Vec<_>>();
        Some(catalog.statistics(&words, sight)?.0)
    } else {
        None
    };
    let Found { total, records, position, facets, mut hits, .. } = catalog.ask(&checked.asked(sight))?;
    let hits_found = hits.len();
    let read = if hits_found <= SHORT { parts(hits.next_batch(SHORT)?, checked.omit_records) } else { Vec::new() };
    let start = QueryStart {
        total,
        records,
        epoch: position.epoch,
        sequence: position.sequence,
        facets,
        statistics,
        took: begun.elapsed().try_into().ok(),
        ..QueryStart::default()
    };
    Ok(Answering { start, hits, hits_found, omit_records: checked.omit_records, read })
}

impl Answering {
    pub(super) fn total(&self) -> i64 {
        self.start.total
    }

    pub(super) fn len(&self) -> usize {
        self.hits_found
    }

    /// The parts in order. A long answer is read as it is taken, by a task that ends with the stream.
    pub(super) fn into_stream(self, reading: Option<Reading>) -> Parts<QueryResponse> {
        let Self { start, hits, hits_found, omit_records, read } = self;
        let end = QueryEnd { hits: i32::try_from(hits_found).unwrap_or(i32::MAX) };
        let start = QueryResponse { part: Some(Part::Start(start)) };
        let end = QueryResponse { part: Some(Part::End(end)) };
        if hits.is_empty() {
            return stream::iter(std::iter::once(start).chain(read).chain(std::iter::once(end)).map(Ok)).boxed();
        }
        let (sender, taken) = mpsc::channel(2);
        tokio::spawn(async move {
            read_on(hits, omit_records, end, sender).await;
            drop(reading);
        });
        let batches = stream::unfold(taken, |mut taken| async move { Some((taken.recv().await?, taken)) });
        stream::once(async { Ok(start) }).chain(batches.flat_map(stream::iter)).boxed()
    }
}

type Batch = Vec<Result<QueryResponse, Error>>;

/// Reads batch after batch as long as somebody takes them, and says the end. What breaks off has no end, so that the peer sees
/// that it is not whole.
async fn read_on(mut hits: Hits, omit_records: bool, end: QueryResponse, sender: mpsc::Sender<Batch>) {
    loop {
        let reading = tokio::task::spawn_blocking(move || {
            let batch = hits.next_batch(BATCH);
            (hits, batch)
        });
        let batch: Batch = match reading.await {
            Ok((left, Ok(batch))) => {
                hits = left;
                if batch.is_empty() {
                    // Nobody listens where that fails.
                    let _: Result<_, _> = sender.send(vec![Ok(end)]).await;
                    return;
                }
                parts(batch, omit_records).into_iter().map(Ok).collect()
            }
            Ok((_, Err(error))) => {
                let _: Result<_, _> = sender.send(vec![Err(Error::from(error))]).await;
                return;
            }
            Err(error) => {
                let _: Result<_, _> = sender.send(vec![Err(Error::internal(error))]).await;
                return;
            }
        };
        match timeout(READER_PATIENCE, sender.send(batch)).await {
            Ok(Ok(())) => {}
            Ok(Err(_gone)) => return,
            Err(_elapsed) => {
                info!("a peer has taken nothing of a long answer for {} s: broken off", READER_PATIENCE.as_secs());
                return;
            }
        }
    }
}

/// As few parts as their size allows.
fn parts(hits: Vec<AnswerHit>, omit_records: bool) -> Vec<QueryResponse> {
    let (mut parts, mut next, mut size) = (Vec::new(), QueryHits::default(), 0);
    for AnswerHit { key, name, envelope } in hits {
        let hit =
            QueryHit { sort_key: key.map(|key| key.to_proto()), name, envelope: (!omit_records).then_some(envelope) };
        let length = hit.encoded_len();
        if size > 0 && size + length > PART_BYTES {
            parts.push(std::mem::take(&mut next));
            size = 0;
        }
        size += length;
        next.hits.push(hit);
    }
    if !next.hits.is_empty() {
        parts.push(next);
    }
    parts.into_iter().map(|hits| QueryResponse { part: Some(Part::Hits(hits)) }).collect()
}
