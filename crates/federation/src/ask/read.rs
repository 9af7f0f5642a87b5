//! Reading one peer's answer, part by part, within its time, and holding it to the protocol.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use isopolity_domain::{
    answer::{AnswerHit, AnswerStart, Ending, SortKey},
    feed::Position,
};
use isopolity_proto::{
    admin::Granularity,
    catalog::Outcome,
    error::Reason,
    federation::{Envelope, QueryEnd, QueryHit, QueryResponse, QueryStart, SearchOrder, query_response::Part},
};
use prost::Message as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout},
};

use super::AnswerPart;
use crate::{LinkError, admission::fault, link::in_seconds};

/// The longest feed epoch that is taken in.
const LONGEST_EPOCH: usize = 100;

/// What comes of one peer's answer, if it goes on.
type Told = Option<Result<QueryResponse, LinkError>>;

/// A part that was taken in.
enum Taken {
    Start(AnswerStart),
    Hits(Vec<AnswerHit>),
    End,
}

/// A part on its way to who reads it. The bytes that it holds are free again when it is taken.
pub(super) type Sent = (AnswerPart, Option<OwnedSemaphorePermit>);

/// Where the parts of an answer go.
#[derive(Debug)]
pub(super) enum Outlet {
    /// They are kept until the answer is over: for a page.
    Kept(Option<AnswerStart>, Vec<AnswerHit>),
    /// They are handed on as they come, as fast as they are taken. The semaphore holds the bytes that may be on the way.
    Passed(mpsc::Sender<Sent>, Arc<Semaphore>),
}

impl Outlet {
    /// Hands on a part of this size. Returns whether anybody wants more.
    pub(super) async fn put(&mut self, part: AnswerPart, size: usize) -> bool {
        match (self, part) {
            (Self::Kept(kept, _), AnswerPart::Start(start)) => {
                *kept = Some(start);
                true
            }
            (Self::Kept(_, hits), AnswerPart::Hit(hit)) => {
                hits.push(hit);
                true
            }
            // Whoever keeps an answer learns its end otherwise.
            (Self::Kept(..), AnswerPart::End(_)) => true,
            (Self::Passed(parts, bytes), part) => {
                let share = u32::try_from(size.min(super::BYTES_ON_THE_WAY)).unwrap_or(u32::MAX);
                let Ok(permit) = bytes.clone().acquire_many_owned(share).await else { return false };
                parts.send((part, Some(permit))).await.is_ok()
            }
        }
    }
}

/// The limits of one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) order: SearchOrder,
    /// Hits.
    pub(super) hits: usize,
    /// Bytes of all parts together.
    pub(super) bytes: usize,
    pub(super) omit_records: bool,
    /// The time that may be spent waiting for the peer, in all.
    pub(super) budget: Duration,
    /// The time for each part but the first.
    pub(super) silence: Duration,
}

/// How far the reading of an answer has come.
#[derive(Debug)]
pub(super) struct Reading {
    bounds: Bounds,
    /// The time spent waiting for the peer. While its parts wait for us, no time of it passes.
    pub(super) waited: Duration,
    /// The time until the first part.
    pub(super) first_took: Option<Duration>,
    pub(super) bytes: usize,
    total: Option<i64>,
    pub(super) hits: usize,
}

impl Reading {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, waited: Duration::ZERO, first_took: None, bytes: 0, total: None, hits: 0 }
    }

    /// Reads to the end of the answer. `None`: nobody wants more of it. `heard` is told how it begins.
    pub(super) async fn run(
        &mut self,
        mut parts: BoxStream<'static, Result<QueryResponse, LinkError>>,
        outlet: &mut Outlet,
        heard: impl Fn(&AnswerStart),
    ) -> Option<Ending> {
        loop {
            let part = match self.next(&mut parts).await {
                Ok(Some(Ok(part))) => part,
                Ok(Some(Err(error))) => return Some(self.broken_by(&error)),
                Ok(None) => return Some(Ending::fault(Outcome::Unreachable, Reason::Connection, self.broke_off())),
                Err(ending) => return Some(ending),
            };
            let size = part.encoded_len();
            match self.take(part, size) {
                Err(breach) => return Some(Ending::fault(Outcome::Invalid, Reason::AnswerInvalid, breach)),
                Ok(Taken::End) => break,
                Ok(Taken::Start(start)) => {
                    heard(&start);
                    if !outlet.put(AnswerPart::Start(start), size).await {
                        return None;
                    }
                }
                Ok(Taken::Hits(hits)) => {
                    for hit in hits {
                        let size = hit.size();
                        if !outlet.put(AnswerPart::Hit(hit), size).await {
                            return None;
                        }
                    }
                }
            }
        }
        // The answer is whole; only something more would spoil it.
        match self.next(&mut parts).await {
            Ok(Some(Ok(_))) => {
                Some(Ending::fault(Outcome::Invalid, Reason::AnswerInvalid, "something follows the end"))
            }
            _ => Some(Ending::Complete),
        }
    }

    /// Waits for the next part. The first has the whole time: until then the peer may be connecting or searching.
    async fn next(&mut self, parts: &mut BoxStream<'static, Result<QueryResponse, LinkError>>) -> Result<Told, Ending> {
        let left = self.bounds.budget.saturating_sub(self.waited);
        let within = if self.first_took.is_some() { left.min(self.bounds.silence) } else { left };
        let since = Instant::now();
        let next = timeout(within, parts.next()).await;
        self.waited += since.elapsed();
        match next {
            Ok(told) => {
                if let Some(Ok(_)) = told {
                    self.first_took.get_or_insert(self.waited);
                }
                Ok(told)
            }
            Err(_elapsed) if self.is_overtime() => Err(self.overtime()),
            Err(_elapsed) => {
                let text = format!("silent for {} after {} hits", in_seconds(self.bounds.silence), self.hits);
                Err(Ending::fault(Outcome::TimedOut, Reason::DeadlineExceeded, text))
            }
        }
    }

    fn is_overtime(&self) -> bool {
        self.waited >= self.bounds.budget
    }

    /// What an error of the way to the peer means. The call ends by the same clock as the waiting; which of the two strikes
    /// first is chance and must not show.
    fn broken_by(&self, error: &LinkError) -> Ending {
        if error.reason == Reason::DeadlineExceeded && self.is_overtime() { self.overtime() } else { fault(error) }
    }

    fn overtime(&self) -> Ending {
        let budget = in_seconds(self.bounds.budget);
        let text = match self.total {
            None => format!("no answer within {budget}"),
            Some(_) => format!("not finished within {budget}; {} hits came", self.hits),
        };
        Ending::fault(Outcome::TimedOut, Reason::DeadlineExceeded, text)
    }

    fn broke_off(&self) -> String {
        match self.total {
            None => "the answer broke off before it began".to_owned(),
            Some(_) => format!("the answer broke off after {} hits", self.hits),
        }
    }

    /// Takes a part in. Returns what is to be handed on, or how it breaks the protocol.
    fn take(&mut self, part: QueryResponse, size: usize) -> Result<Taken, String> {
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.bounds.bytes {
            return Err("it is larger than an answer may be".to_owned());
        }
        match part.part {
            Some(Part::Start(start)) => self.take_start(start).map(Taken::Start),
            Some(Part::Hit(hit)) => self.take_hit(hit).map(|hit| Taken::Hits(vec![hit])),
            Some(Part::Hits(hits)) if hits.hits.is_empty() => Err("a part of it holds no hits".to_owned()),
            Some(Part::Hits(hits)) => {
                let hits = hits.hits.into_iter().map(|hit| self.take_hit(hit));
                hits.collect::<Result<_, _>>().map(Taken::Hits)
            }
            Some(Part::End(end)) => self.take_end(end).map(|()| Taken::End),
            None => Err("a part of it is of no known kind".to_owned()),
        }
    }

    fn take_start(&mut self, start: QueryStart) -> Result<AnswerStart, String> {
        if self.total.is_some() {
            return Err("it begins twice".to_owned());
        }
        let QueryStart { total, records, sequence, threshold, .. } = start;
        if total < 0 || records < 0 || sequence < 0 || threshold < 0 || start.epoch.len() > LONGEST_EPOCH {
            return Err("its beginning holds impossible values".to_owned());
        }
        self.total = Some(total);
        Ok(AnswerStart {
            total,
            records,
            position: Position { epoch: start.epoch, sequence },
            facets: start.facets,
            statistics: start.statistics,
            took: start.took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default(),
            // What this version does not know is taken to be the least.
            granularity: Granularity::try_from(start.granularity).unwrap_or(Granularity::YesNo),
            any: start.any,
            total_suppressed: start.total_suppressed,
            threshold,
        })
    }

    fn take_hit(&mut self, hit: QueryHit) -> Result<AnswerHit, String> {
        let Some(total) = self.total else { return Err("a hit comes before the beginning".to_owned()) };
        if self.hits >= self.bounds.hits {
            return Err(format!("it holds more than the {} hits that were asked for", self.bounds.hits));
        }
        if i64::try_from(self.hits).is_ok_and(|hits| hits >= total) {
            return Err(format!("it holds more hits than the {total} that it says match"));
        }
        let envelope = match hit.envelope {
            Some(envelope) => envelope,
            None if self.bounds.omit_records => Envelope::default(),
            None => return Err(format!("hit {} holds no record", self.hits + 1)),
        };
        self.hits += 1;
        let key = SortKey::from_proto(hit.sort_key.as_ref(), self.bounds.order);
        Ok(AnswerHit { key, name: hit.name, envelope })
    }

    fn take_end(&self, end: QueryEnd) -> Result<(), String> {
        if self.total.is_none() {
            return Err("it ends before it begins".to_owned());
        }
        if usize::try_from(end.hits) != Ok(self.hits) {
            return Err(format!("{} hits came, but it says {}", self.hits, end.hits));
        }
        Ok(())
    }
}
