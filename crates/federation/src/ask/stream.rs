//! Answers that are read while they come.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt as _, Stream, StreamExt,
    stream::{self, BoxStream, FuturesUnordered, StreamFuture},
};
use isopolity_domain::{
    CityId,
    answer::{AnswerEnd, AnswerHit, AnswerStart, Effort, Ending},
    merge::{Breach, Merger},
};
use isopolity_proto::{
    catalog::{Outcome, Routing},
    error::Reason,
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    BYTES_ON_THE_WAY, HITS_ON_THE_WAY,
    read::{Outlet, Sent},
};

/// A part of one city's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerPart {
    /// What it says before its hits. At most one, before all hits.
    Start(AnswerStart),
    /// A hit.
    Hit(AnswerHit),
    /// The end. The last part of every answer, also of one that never began.
    End(AnswerEnd),
}

/// One city's answer, part by part; the last is always an [`AnswerPart::End`]. Whoever reads slowly is waited for, and the
/// time that this takes is not the city's. Dropping it ends the call.
pub struct CityStream {
    city: CityId,
    parts: BoxStream<'static, AnswerPart>,
    routing: Routing,
    records_before: i64,
    since: Instant,
    ended: bool,
}

impl CityStream {
    /// An answer that comes from elsewhere than from a peer: this city's own. `records_before` is how many records the asker
    /// may see there, as far as is known before it answers.
    pub fn new(city: CityId, records_before: i64, parts: impl Stream<Item = AnswerPart> + Send + 'static) -> Self {
        let (parts, since) = (parts.boxed(), Instant::now());
        Self { city, parts, routing: Routing::Asked, records_before, since, ended: false }
    }

    /// The answer of a city that is not asked.
    pub(super) fn without(city: CityId, records_before: i64, ending: Ending, routing: Routing) -> Self {
        let effort = Effort { routing, ..Effort::default() };
        let end = AnswerEnd { took: Duration::ZERO, ending, records_before, effort };
        let only = stream::once(std::future::ready(AnswerPart::End(end)));
        Self { routing, ..Self::new(city, records_before, only) }
    }

    /// The answer that a task reads from a peer. The task goes on no longer than this.
    pub(super) fn of_task(
        city: CityId,
        records_before: i64,
        routing: Routing,
        spawn: impl FnOnce(Outlet) -> AbortOnDropHandle<()>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel::<Sent>(HITS_ON_THE_WAY);
        let task = spawn(Outlet::Passed(sender, Arc::new(Semaphore::new(BYTES_ON_THE_WAY))));
        let parts = stream::unfold((receiver, task), |(mut receiver, task)| async move {
            let (part, _free_again) = receiver.recv().await?;
            Some((part, (receiver, task)))
        });
        Self { routing, ..Self::new(city, records_before, parts) }
    }

    /// The city.
    #[must_use]
    pub fn city(&self) -> &CityId {
        &self.city
    }

    /// The end of an answer that is not read to its end.
    fn cut_off(&self, ending: Ending) -> AnswerEnd {
        let effort = Effort { routing: self.routing, calls: 1, ..Effort::default() };
        AnswerEnd { took: self.since.elapsed(), ending, records_before: self.records_before, effort }
    }
}

impl Stream for CityStream {
    type Item = AnswerPart;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<AnswerPart>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let part = match this.parts.as_mut().poll_next(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(part)) => part,
            Poll::Ready(None) => {
                // A task that came to grief; its log says more.
                let text = "reading its answer ended abnormally; this node's log says why";
                AnswerPart::End(this.cut_off(Ending::fault(Outcome::Unreachable, Reason::Internal, text)))
            }
        };
        this.ended = matches!(part, AnswerPart::End(_));
        Poll::Ready(Some(part))
    }
}

impl fmt::Debug for CityStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CityStream")
            .field("city", &self.city)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The answers of several cities, to be fed into a [`Merger`]. Dropping it ends all calls.
#[derive(Debug, Default)]
pub struct Streams {
    /// Streams of which more is wanted: whichever has something to say comes out first.
    wanted: FuturesUnordered<StreamFuture<CityStream>>,
    /// Streams of which enough waits for its turn. They are not read, so what they send is held up.
    held_up: Vec<CityStream>,
}

impl Streams {
    /// Adds a city's answer: this city's own.
    pub fn push(&mut self, stream: CityStream) {
        self.held_up.push(stream);
    }

    /// Adds the answers of other cities, after those that are there.
    pub fn extend(&mut self, others: Self) {
        let Self { wanted, held_up } = others;
        self.wanted.extend(wanted);
        self.held_up.extend(held_up);
    }

    /// The cities whose answers go on: before any was fed into a merger all of them, in the order in which they were
    /// added, peers by id.
    pub fn cities(&self) -> impl Iterator<Item = &CityId> {
        let wanted = self.wanted.iter().filter_map(StreamFuture::get_ref);
        self.held_up.iter().chain(wanted).map(CityStream::city)
    }

    /// Feeds a merger with what has come, as far as it wants it; waits if nothing has. Returns at once if it wants nothing.
    /// Which cities broke the protocol is returned; their calls are ended.
    ///
    /// Can be dropped while it waits; nothing is lost.
    pub async fn feed(&mut self, merger: &mut Merger) -> Vec<(CityId, Breach)> {
        let wanted_again = self.held_up.extract_if(.., |stream| merger.wants(&stream.city));
        self.wanted.extend(wanted_again.map(StreamExt::into_future));
        let mut breaches = Vec::new();
        let mut next = self.wanted.next().await;
        while let Some((Some(part), stream)) = next {
            match take_in(part, stream, merger) {
                Ok(Some(stream)) if merger.wants(&stream.city) => self.wanted.push(stream.into_future()),
                Ok(Some(stream)) => self.held_up.push(stream),
                Ok(None) => {}
                Err(breach) => breaches.push(breach),
            }
            // What else is there already.
            next = self.wanted.next().now_or_never().flatten();
        }
        breaches
    }

    /// Ends all calls that go on, because the merged answer is whole, and tells the merger so.
    pub fn stop(self, merger: &mut Merger) {
        let wanted = self.wanted.iter().filter_map(StreamFuture::get_ref);
        for stream in self.held_up.iter().chain(wanted) {
            let end = stream.cut_off(Ending::Complete);
            merger.stop(&stream.city, end.took, end.records_before, end.effort);
        }
    }
}

/// Takes in a part of a stream, and what else has come of it. Returns the stream, unless it is over, or how it broke the
/// protocol.
fn take_in(
    part: AnswerPart,
    mut stream: CityStream,
    merger: &mut Merger,
) -> Result<Option<CityStream>, (CityId, Breach)> {
    let mut next = Some(part);
    while let Some(part) = next {
        let (taken, over) = match part {
            AnswerPart::Start(start) => (merger.start(&stream.city, start), false),
            AnswerPart::Hit(hit) => (merger.hit(&stream.city, hit), false),
            AnswerPart::End(end) => (merger.end(&stream.city, end), true),
        };
        if let Err(breach) = taken {
            if !over {
                // It counts how long it took, and for coverage what it held before.
                let end = stream.cut_off(Ending::fault(Outcome::Invalid, Reason::AnswerInvalid, breach.0.clone()));
                let _known = merger.end(&stream.city, end);
            }
            return Err((stream.city, breach));
        }
        if over {
            return Ok(None);
        }
        let more = merger.wants(&stream.city).then(|| stream.next().now_or_never().flatten());
        next = more.flatten();
    }
    Ok(Some(stream))
}
