//! Long answers: what is known so far while cities are waited for, then hit by hit, in memory that does not grow.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use isopolity_domain::{
    CityId,
    merge::{Merger, Next, Terms},
};
use isopolity_federation::Asking;
use isopolity_proto::catalog::{
    Preview, StreamSearchEnd, StreamSearchRequest, StreamSearchResponse, stream_search_response::Part,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{Asked, Wanted, explain::Course, hit, sufficient, weights::Weights};
use crate::{Caller, Error, Registry, answer::Parts};

/// How often a preview comes, at most.
const PREVIEW_EVERY: Duration = Duration::from_millis(100);
/// The hits of a preview.
const PREVIEW_HITS: usize = 25;
/// The time that peers are told where the caller sets none: as long as somebody may read.
const READING: Duration = Duration::from_hours(1);
/// Parts that wait for a slow reader.
const PARTS_WAITING: usize = 32;

type Sender = mpsc::Sender<Result<StreamSearchResponse, Error>>;

/// A long answer on its way.
struct Answering {
    registry: Registry,
    caller: Caller,
    request: StreamSearchRequest,
    asked: Asked,
    weights: Weights,
    begun: Instant,
    within: Option<Duration>,
    sender: Sender,
    /// The time spent merging.
    merging: Duration,
}

impl Registry {
    /// Asks this city and its peers at once and hands the merged answer on as it comes. Each peer is waited for as in
    /// [`Registry::search`]; `within`, where the caller sets it, is the time for the whole. Dropping the stream ends all calls.
    ///
    /// # Errors
    /// As [`Registry::search`]; [`Error::Incomplete`] in place of the end.
    pub async fn stream_search(
        &self,
        caller: &Caller,
        request: StreamSearchRequest,
        within: Option<Duration>,
    ) -> Result<Parts<StreamSearchResponse>, Error> {
        let begun = Instant::now();
        let patience = self.patience().search;
        let asked = self.asked(caller, &Wanted::of_stream(&request))?;
        let reading = self.inner.callers.read(&caller.id().to_owned())?;
        let weights = self.weights(caller, &asked, within.unwrap_or(patience).min(patience)).await?;
        let (sender, parts) = mpsc::channel(PARTS_WAITING);
        let answering = Answering {
            registry: self.clone(),
            caller: caller.clone(),
            request,
            asked,
            weights,
            begun,
            within,
            sender,
            merging: Duration::ZERO,
        };
        let task = async move {
            let _reading = reading;
            let sender = answering.sender.clone();
            let whole = tokio::time::timeout(within.unwrap_or(Duration::MAX), answering.run()).await;
            let error = match whole {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_elapsed) => Error::DeadlineExceeded,
            };
            // Nobody listens where that fails.
            let _: Result<_, _> = sender.send(Err(error)).await;
        };
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        let parts = stream::unfold((parts, task), |(mut parts, task)| async move {
            let part = parts.recv().await?;
            Some((part, (parts, task)))
        });
        Ok(parts.boxed())
    }
}

impl Answering {
    async fn run(mut self) -> Result<(), Error> {
        // The time of the whole is the caller's; how long each peer is waited for is limited anyway.
        let within = self.within.unwrap_or(READING).saturating_sub(self.begun.elapsed());
        let limit = self.asked.limit;
        let asking = Asking {
            selected: self.asked.selected.clone(),
            ..Asking::new(
                self.registry.query(&self.caller, &self.asked, &self.weights, limit),
                self.asked.order,
                within,
            )
        };
        let logged = self.registry.asking(&self.caller, asking.selected.as_ref(), &asking.request)?;
        let mut streams = self.registry.federation().stream(&asking);
        let peers: Vec<CityId> = streams.cities().cloned().collect();
        let own = self.registry.stream_own(self.caller.clearance(), &self.asked, &self.weights, within);
        streams.push(own.await);
        let members = std::iter::once(self.registry.city().clone()).chain(peers);
        let terms = Terms { facets: self.asked.facets.clone(), ..Terms::new(self.asked.order, limit) };
        let mut merger = Merger::new(members, terms);
        let mut sent = 0;
        let mut next_preview = Instant::now();
        loop {
            let merging = Instant::now();
            let next = merger.take_next();
            self.merging += merging.elapsed();
            match next {
                Next::Hit(found) => {
                    let shown = hit::Shown {
                        envelopes: self.asked.include_envelope,
                        highlights: self.asked.highlighted(),
                        now: self.registry.now(),
                    };
                    let part = Part::Hit(hit::to_proto(*found, &shown));
                    sent += 1;
                    if !self.send(part).await {
                        return Ok(());
                    }
                }
                Next::Waiting(cities) => {
                    if sent == 0 && Instant::now() >= next_preview {
                        if !self.preview(&merger, &cities).await {
                            return Ok(());
                        }
                        next_preview = Instant::now() + PREVIEW_EVERY;
                    }
                    // The breaches stand in the outcomes, too.
                    for (city, breach) in streams.feed(&mut merger).await {
                        let reason = isopolity_proto::error::Reason::AnswerInvalid;
                        self.registry.federation().answered_wrongly(&city, reason, &breach.0);
                    }
                }
                Next::Done => break,
            }
        }
        streams.stop(&mut merger);
        let answer = merger.finish();
        logged.told(&answer.outcomes);
        self.registry.judge(&self.caller, &answer, self.begun);
        sufficient(&answer, self.request.partial_response.as_ref(), self.begun)?;
        let course = Course { weights: &self.weights, merge_took: self.merging, took: self.begun.elapsed() };
        let explanation = self.request.explain.then(|| self.registry.explain(&self.asked, &answer, &course));
        let end = StreamSearchEnd {
            hits: sent,
            total: answer.total,
            coverage: Some(answer.coverage),
            outcomes: answer.outcomes,
            facets: answer.facets,
            explanation,
            total_at_least: answer.total_at_least,
        };
        self.send(Part::End(end)).await;
        Ok(())
    }

    /// Tells what is known so far. `false`: nobody listens any more.
    async fn preview(&self, merger: &Merger, waiting_for: &[CityId]) -> bool {
        let shown = hit::Shown { envelopes: false, highlights: self.asked.highlighted(), now: self.registry.now() };
        let hits = merger.preview(PREVIEW_HITS).into_iter().map(|found| hit::to_proto(found.clone(), &shown)).collect();
        let waiting_for = waiting_for.iter().map(ToString::to_string).collect();
        self.send(Part::Preview(Preview {
            hits,
            total: merger.total(),
            waiting_for,
            total_at_least: merger.total_is_least(),
        }))
        .await
    }

    /// `false`: nobody listens any more.
    async fn send(&self, part: Part) -> bool {
        self.sender.send(Ok(StreamSearchResponse { part: Some(part) })).await.is_ok()
    }
}
