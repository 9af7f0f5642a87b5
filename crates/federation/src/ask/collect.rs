//! Taking in one peer's answer, part by part, and holding it to the protocol.

use std::time::Duration;

use futures::{StreamExt as _, stream::BoxStream};
use isopolity_domain::{
    answer::{AnswerHit, AnswerStart, Ending, SortKey},
    feed::Position,
};
use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{QueryEnd, QueryHit, QueryResponse, QueryStart, SearchOrder, query_response::Part},
};
use prost::Message as _;
use tokio::time::timeout;

use super::{fault, in_seconds};
use crate::LinkError;

/// The longest feed epoch that is taken in.
const LONGEST_EPOCH: usize = 100;

/// What has come of one peer's answer. Keeps what came when the time runs out.
#[derive(Debug)]
pub(super) struct Collector {
    order: SearchOrder,
    most: usize,
    bytes_left: usize,
    silence: Duration,
    start: Option<AnswerStart>,
    hits: Vec<AnswerHit>,
}

impl Collector {
    pub(super) fn new(order: SearchOrder, most: usize, most_bytes: usize, silence: Duration) -> Self {
        Self { order, most, bytes_left: most_bytes, silence, start: None, hits: Vec::new() }
    }

    /// Reads to the end of the answer. The caller sets the limit for the whole; silence in between is limited here.
    pub(super) async fn run(&mut self, mut parts: BoxStream<'static, Result<QueryResponse, LinkError>>) -> Ending {
        // The first part has the whole time: until then the peer may be connecting or searching.
        let mut next = parts.next().await;
        loop {
            let part = match next {
                None => return Ending::fault(Outcome::Unreachable, Reason::Connection, self.broke_off()),
                Some(Err(error)) => return fault(&error),
                Some(Ok(part)) => part,
            };
            match self.take(part) {
                Err(breach) => return Ending::fault(Outcome::Invalid, Reason::AnswerInvalid, breach),
                Ok(false) => {}
                Ok(true) => break,
            }
            next = match timeout(self.silence, parts.next()).await {
                Ok(next) => next,
                Err(_elapsed) => {
                    let text = format!("silent for {} after {} hits", in_seconds(self.silence), self.hits.len());
                    return Ending::fault(Outcome::TimedOut, Reason::DeadlineExceeded, text);
                }
            };
        }
        // The answer is whole; only something more would spoil it.
        match timeout(self.silence, parts.next()).await {
            Ok(Some(Ok(_))) => Ending::fault(Outcome::Invalid, Reason::AnswerInvalid, "something follows the end"),
            _ => Ending::Complete,
        }
    }

    /// The ending when the whole time is over.
    pub(super) fn overtime(&self, budget: Duration) -> Ending {
        let text = match &self.start {
            None => format!("no answer within {}", in_seconds(budget)),
            Some(_) => format!("not finished within {}; {} hits came", in_seconds(budget), self.hits.len()),
        };
        Ending::fault(Outcome::TimedOut, Reason::DeadlineExceeded, text)
    }

    /// What may be used. Of an answer that broke the protocol, nothing.
    pub(super) fn into_parts(self, ending: &Ending) -> (Option<AnswerStart>, Vec<AnswerHit>) {
        match ending {
            Ending::Fault { outcome: Outcome::Invalid, .. } => (None, Vec::new()),
            _ => (self.start, self.hits),
        }
    }

    /// Takes a part in. Returns whether it was the last, or how it breaks the protocol.
    fn take(&mut self, part: QueryResponse) -> Result<bool, String> {
        let left = self.bytes_left.checked_sub(part.encoded_len());
        self.bytes_left = left.ok_or("it is larger than an answer may be")?;
        match part.part {
            Some(Part::Start(start)) => self.take_start(start).map(|()| false),
            Some(Part::Hit(hit)) => self.take_hit(hit).map(|()| false),
            Some(Part::End(end)) => self.take_end(end).map(|()| true),
            None => Err("a part of it is of no known kind".to_owned()),
        }
    }

    fn take_start(&mut self, start: QueryStart) -> Result<(), String> {
        if self.start.is_some() {
            return Err("it begins twice".to_owned());
        }
        if start.total < 0 || start.records < 0 || start.sequence < 0 || start.epoch.len() > LONGEST_EPOCH {
            return Err("its beginning holds impossible values".to_owned());
        }
        let position = Position { epoch: start.epoch, sequence: start.sequence };
        self.start = Some(AnswerStart { total: start.total, records: start.records, position });
        Ok(())
    }

    fn take_hit(&mut self, hit: QueryHit) -> Result<(), String> {
        let Some(start) = &self.start else { return Err("a hit comes before the beginning".to_owned()) };
        if self.hits.len() >= self.most {
            return Err(format!("it holds more than the {} hits that were asked for", self.most));
        }
        if i64::try_from(self.hits.len()).is_ok_and(|hits| hits >= start.total) {
            return Err(format!("it holds more hits than the {} that it says match", start.total));
        }
        let Some(envelope) = hit.envelope else { return Err(format!("hit {} holds no record", self.hits.len() + 1)) };
        let key = SortKey::from_proto(hit.sort_key.as_ref(), self.order);
        self.hits.push(AnswerHit { key, name: hit.name, envelope });
        Ok(())
    }

    fn take_end(&self, end: QueryEnd) -> Result<(), String> {
        if self.start.is_none() {
            return Err("it ends before it begins".to_owned());
        }
        if usize::try_from(end.hits) != Ok(self.hits.len()) {
            return Err(format!("{} hits came, but it says {}", self.hits.len(), end.hits));
        }
        Ok(())
    }

    fn broke_off(&self) -> String {
        match &self.start {
            None => "the answer broke off before it began".to_owned(),
            Some(_) => format!("the answer broke off after {} hits", self.hits.len()),
        }
    }
}
