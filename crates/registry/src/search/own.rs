//! This city's own answer, with everything that was published before the question came.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use isopolity_catalog::{Asked as Query, CatalogError, Found, Hits};
use isopolity_domain::{
    answer::{After, Answer, AnswerEnd, AnswerStart, Effort, Ending, Source},
    feed::Position,
    sight::Sight,
};
use isopolity_federation::{AnswerPart, CityStream};
use isopolity_proto::{
    catalog::{Outcome, Routing},
    error::Reason,
    federation::Statistics,
    options::{Audience, Facet},
};

use super::{Asked, weights::Weights};
use crate::{Registry, error::with_causes};

/// Records that are read from the index at once.
const BATCH: usize = 64;

/// A question to the own index, in a form in which a thread can take it along.
struct Asking {
    question: isopolity_proto::federation::Question,
    order: isopolity_proto::federation::SearchOrder,
    statistics: Option<Statistics>,
    after: Option<After>,
    facets: Vec<Facet>,
    limit: usize,
    clearance: Audience,
}

/// What was found, or why nothing could be.
type Answered = Result<(AnswerStart, Hits, Ending), Ending>;

impl Registry {
    /// The first hits.
    pub(super) async fn ask_own(
        &self,
        clearance: Audience,
        asked: &Asked,
        weights: &Weights,
        after: Option<&After>,
        limit: usize,
        within: Duration,
    ) -> Answer {
        let begun = Instant::now();
        let blank = |ending, routing| Answer {
            city: self.city().clone(),
            source: Source::Live,
            took: begun.elapsed(),
            start: None,
            hits: Vec::new(),
            ending,
            records_before: 0,
            effort: Effort { routing, ..Effort::default() },
        };
        if !self.asks_itself(asked) {
            let records = self.own_records(clearance).await;
            return Answer { records_before: records, ..blank(not_selected(), Routing::NotSelected) };
        }
        let answered = self.find(clearance, asked, weights, after, limit, within).await;
        let (start, mut hits, ending) = match answered {
            Ok(answered) => answered,
            Err(ending) => return blank(ending, Routing::Asked),
        };
        let read = tokio::task::spawn_blocking(move || hits.next_batch(limit)).await;
        match read {
            Ok(Ok(hits)) => Answer { start: Some(start), hits, ..blank(ending, Routing::Asked) },
            Ok(Err(error)) => blank(cannot_answer(&error), Routing::Asked),
            Err(error) => blank(ended_abnormally(&error), Routing::Asked),
        }
    }

    /// All hits up to the limit, read as they are taken.
    pub(super) async fn stream_own(
        &self,
        clearance: Audience,
        asked: &Asked,
        weights: &Weights,
        within: Duration,
    ) -> CityStream {
        let begun = Instant::now();
        let city = self.city().clone();
        if !self.asks_itself(asked) {
            let records = self.own_records(clearance).await;
            let end = end(begun, not_selected(), records, Routing::NotSelected);
            return CityStream::new(city, records, stream::iter([end]));
        }
        let (start, hits, ending) = match self.find(clearance, asked, weights, None, asked.limit, within).await {
            Ok(answered) => answered,
            Err(ending) => {
                return CityStream::new(city, 0, stream::iter([end(begun, ending, 0, Routing::Asked)]));
            }
        };
        let records = start.records;
        let end_of = move |ending| end(begun, ending, records, Routing::Asked);
        let rest = stream::unfold(Some((hits, ending)), move |left| async move {
            let (mut hits, ending) = left?;
            let read = tokio::task::spawn_blocking(move || {
                let batch = hits.next_batch(BATCH);
                (hits, batch)
            });
            let (parts, left): (Vec<AnswerPart>, _) = match read.await {
                Ok((_, Ok(batch))) if batch.is_empty() => (vec![end_of(ending)], None),
                Ok((hits, Ok(batch))) => (batch.into_iter().map(AnswerPart::Hit).collect(), Some((hits, ending))),
                Ok((_, Err(error))) => (vec![end_of(cannot_answer(&error))], None),
                Err(error) => (vec![end_of(ended_abnormally(&error))], None),
            };
            Some((stream::iter(parts), left))
        });
        let start = stream::once(std::future::ready(AnswerPart::Start(start)));
        CityStream::new(city, records, start.chain(rest.flatten()))
    }

    /// Waits until the index has what was published before the question came. Returns how far the feed had come, and whether it
    /// has.
    pub(super) async fn catch_up_with_own(&self, within: Duration) -> (Position, bool) {
        let head = self.inner.head.borrow().clone();
        let reached = self.catalog().reached(&head, self.patience().index.min(within / 2)).await;
        (head, reached)
    }

    async fn find(
        &self,
        clearance: Audience,
        asked: &Asked,
        weights: &Weights,
        after: Option<&After>,
        limit: usize,
        within: Duration,
    ) -> Answered {
        let (head, current) = self.catch_up_with_own(within).await;
        let asking = Asking {
            question: asked.question.clone(),
            order: asked.order,
            statistics: weights.statistics.clone(),
            after: after.cloned(),
            facets: asked.facet_fields(),
            limit,
            clearance,
        };
        let catalog = self.catalog().clone();
        let found = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let found = catalog.ask(&Query {
                question: &asking.question,
                sight: Sight::of(asking.clearance),
                order: asking.order,
                statistics: asking.statistics.as_ref(),
                after: asking.after.as_ref(),
                limit: asking.limit,
                facets: &asking.facets,
            });
            found.map(|found| (found, begun.elapsed()))
        });
        match found.await {
            Ok(Ok((Found { total, records, position, facets, hits, .. }, took))) => {
                let behind = head.sequence - position.sequence;
                let ending = if current {
                    Ending::Complete
                } else {
                    let lag =
                        format!("the search index is {behind} publications behind; what was written last is missing");
                    Ending::fault(Outcome::Partial, Reason::DeadlineExceeded, lag)
                };
                let start = AnswerStart { total, records, position, facets, took, ..AnswerStart::default() };
                Ok((start, hits, ending))
            }
            Ok(Err(error)) => Err(cannot_answer(&error)),
            Err(error) => Err(ended_abnormally(&error)),
        }
    }

    fn asks_itself(&self, asked: &Asked) -> bool {
        asked.selected.as_ref().is_none_or(|selected| selected.contains(self.city()))
    }

    /// How many records of its own the caller may see; 0 where the index can't say.
    async fn own_records(&self, clearance: Audience) -> i64 {
        let catalog = self.catalog().clone();
        match tokio::task::spawn_blocking(move || catalog.records(Sight::of(clearance))).await {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => {
                tracing::error!(error = %with_causes(&error), "the search index can't count its records");
                0
            }
            Err(error) => {
                tracing::error!(%error, "counting records ended abnormally");
                0
            }
        }
    }
}

fn end(begun: Instant, ending: Ending, records_before: i64, routing: Routing) -> AnswerPart {
    let effort = Effort { routing, ..Effort::default() };
    AnswerPart::End(AnswerEnd { took: begun.elapsed(), ending, records_before, effort })
}

fn not_selected() -> Ending {
    Ending::fault(Outcome::NotAsked, Reason::Unspecified, "not selected")
}

fn cannot_answer(error: &CatalogError) -> Ending {
    tracing::error!(error = %with_causes(error), "the search index can't answer");
    Ending::fault(Outcome::Unreachable, Reason::Internal, "this node's search index can't answer; its log says why")
}

fn ended_abnormally(error: &tokio::task::JoinError) -> Ending {
    tracing::error!(%error, "a search ended abnormally");
    Ending::fault(Outcome::Unreachable, Reason::Internal, "this node's search ended abnormally; its log says why")
}
