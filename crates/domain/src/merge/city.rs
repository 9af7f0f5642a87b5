//! One city's part in a merge, from its first word to its outcome.

use std::{collections::VecDeque, time::Duration};

use isopolity_proto::{
    catalog::{CityOutcome, FeedPosition, Outcome},
    error::Reason,
    federation::FacetCounts,
};
use time::OffsetDateTime;

use super::{Breach, CityDetail, MergedHit, Terms, check::Check};
use crate::{
    CityId,
    answer::{AnswerEnd, AnswerHit, AnswerStart, Effort, Ending},
    clock,
};

/// The most hits of a city that wait for their turn, and the most bytes of records among them.
const QUEUE_HITS: usize = 64;
const QUEUE_BYTES: usize = 1024 * 1024;

/// Of what a city answers, hits come from a replica.
#[derive(Clone, Debug)]
pub(super) struct FromReplica {
    pub(super) as_of: OffsetDateTime,
    /// Why there is no whole live answer.
    pub(super) reason: Reason,
    pub(super) description: String,
}

/// How far a city's answer has come.
#[derive(Debug)]
enum Progress {
    Open,
    /// It broke the protocol.
    Broken(Breach),
    /// It ended, or was ended.
    Ended(Ending),
    /// The merged answer was whole before this one: nothing more of it was wanted.
    Stopped,
}

#[derive(Debug)]
pub(super) struct City {
    pub(super) id: CityId,
    check: Check,
    start: Option<AnswerStart>,
    progress: Progress,
    from_replica: Option<FromReplica>,
    took: Option<Duration>,
    records_before: i64,
    effort: Effort,
    /// Its next hit stands in the merger's heap; these follow.
    queue: VecDeque<Box<MergedHit>>,
    queued_bytes: usize,
    pub(super) at_head: bool,
    pub(super) taken: usize,
}

/// What came of a city in the end.
pub(super) struct Concluded {
    pub(super) id: CityId,
    pub(super) outcome: CityOutcome,
    /// Its part counts in totals and facets, in full or in part.
    pub(super) used: bool,
    /// The records that it is known to hold for the asker.
    pub(super) records: i64,
    pub(super) facets: Vec<FacetCounts>,
    pub(super) detail: CityDetail,
}

impl City {
    pub(super) fn new(id: CityId, terms: &Terms) -> Self {
        Self {
            check: Check::new(id.clone(), terms),
            id,
            start: None,
            progress: Progress::Open,
            from_replica: None,
            took: None,
            records_before: 0,
            effort: Effort::default(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            at_head: false,
            taken: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Open)
    }

    /// It may still have a hit that comes before all those that are known.
    pub(super) fn is_waited_for(&self) -> bool {
        self.is_open() && !self.at_head
    }

    /// It has not even begun, so neither its total nor its facets are known.
    pub(super) fn is_silent(&self) -> bool {
        self.is_open() && self.start.is_none()
    }

    pub(super) fn wants_more(&self) -> bool {
        self.is_open() && self.queue.len() + usize::from(self.at_head) < QUEUE_HITS && self.queued_bytes < QUEUE_BYTES
    }

    /// How many records match, if its part counts as far as is known.
    pub(super) fn total(&self) -> i64 {
        match (&self.progress, &self.start) {
            (Progress::Open | Progress::Stopped | Progress::Ended(Ending::Complete), Some(start)) => {
                start.known_total().0
            }
            (Progress::Ended(Ending::Fault { outcome, .. }), Some(start)) if self.is_partial(*outcome) => start.total,
            _ => 0,
        }
    }

    /// Whether more may match than [`Self::total`] says.
    pub(super) fn total_is_least(&self) -> bool {
        self.total() > 0 && self.start.as_ref().is_some_and(|start| start.known_total().1)
    }

    pub(super) fn begin(&mut self, start: AnswerStart, terms: &Terms) -> Result<(), Breach> {
        let checked = self.check.start(&start, terms);
        if checked.is_ok() {
            self.start = Some(start);
        }
        self.or_broken(checked)
    }

    pub(super) fn put(&mut self, hit: AnswerHit, terms: &Terms) -> Result<(), Breach> {
        let checked = self.check.hit(hit, terms).map(|hit| self.enqueue(hit));
        self.or_broken(checked)
    }

    pub(super) fn end(&mut self, end: AnswerEnd, terms: &Terms) -> Result<(), Breach> {
        let AnswerEnd { took, ending, records_before, effort } = end;
        (self.took, self.records_before, self.effort) = (Some(took), records_before.max(0), effort);
        if !self.is_open() {
            return Ok(());
        }
        let checked = match &ending {
            Ending::Complete => self.check.end(terms),
            // Part of an answer that never began.
            Ending::Fault { outcome: Outcome::Partial, .. } if self.start.is_none() => self.check.end(terms),
            Ending::Fault { .. } => Ok(()),
        };
        if checked.is_ok() {
            if let Ending::Fault { outcome, .. } = &ending
                && !self.is_partial(*outcome)
            {
                self.forget_hits();
            }
            self.progress = Progress::Ended(ending);
        }
        self.or_broken(checked)
    }

    pub(super) fn stop(&mut self, took: Duration, records_before: i64, effort: Effort) {
        (self.took, self.records_before, self.effort) = (Some(took), records_before.max(0), effort);
        if self.is_open() && self.start.is_some() {
            self.progress = Progress::Stopped;
        }
    }

    /// Takes in hits that are checked already, as a complete answer.
    pub(super) fn adopt(&mut self, start: AnswerStart, hits: Vec<MergedHit>, end: AnswerEnd, from: FromReplica) {
        self.start = Some(start);
        for hit in hits {
            self.enqueue(hit);
        }
        let AnswerEnd { took, ending, records_before, effort } = end;
        (self.took, self.records_before, self.effort) = (Some(took), records_before.max(0), effort);
        self.progress = Progress::Ended(ending);
        self.from_replica = Some(from);
    }

    /// The next hit in its queue, to be put at the head.
    pub(super) fn dequeue(&mut self) -> Option<Box<MergedHit>> {
        let hit = self.queue.pop_front()?;
        self.queued_bytes = self.queued_bytes.saturating_sub(hit.envelope.payload.len());
        Some(hit)
    }

    pub(super) fn queued(&self) -> impl Iterator<Item = &MergedHit> {
        self.queue.iter().map(AsRef::as_ref)
    }

    fn enqueue(&mut self, hit: MergedHit) {
        self.queued_bytes = self.queued_bytes.saturating_add(hit.envelope.payload.len());
        self.queue.push_back(Box::new(hit));
    }

    fn forget_hits(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
    }

    fn or_broken(&mut self, checked: Result<(), Breach>) -> Result<(), Breach> {
        if let Err(breach) = &checked {
            self.forget_hits();
            self.progress = Progress::Broken(breach.clone());
        }
        checked
    }

    /// Whether an answer that ended with this fault is used as far as it came: it was on its way, and nothing says that
    /// what came is wrong.
    fn is_partial(&self, fault: Outcome) -> bool {
        let broke_off =
            matches!(fault, Outcome::TimedOut | Outcome::Unreachable | Outcome::Refused | Outcome::Incompatible);
        fault == Outcome::Partial || (broke_off && self.check.sent() > 0)
    }

    /// Whether hits that came were not taken, and those in the queue still count.
    fn keeps_hits(&self) -> bool {
        match &self.progress {
            Progress::Open | Progress::Stopped | Progress::Ended(Ending::Complete) => true,
            Progress::Ended(Ending::Fault { outcome, .. }) => self.is_partial(*outcome),
            Progress::Broken(_) => false,
        }
    }

    /// Whether a hit of it that stands at the head may stay there.
    pub(super) fn keeps_head(&self) -> bool {
        self.at_head && self.keeps_hits()
    }

    pub(super) fn conclude(self) -> Concluded {
        let (outcome, reason, description) = self.outcome();
        let partly = matches!(outcome, Outcome::Partial | Outcome::FromReplica);
        let used = partly || matches!(outcome, Outcome::Answered | Outcome::AnsweredEmpty);
        let hits_sent = self.check.sent();
        let untaken = self.at_head || !self.queue.is_empty();
        let last = self.check.into_last();
        let start = self.start.unwrap_or_default();
        let (total, at_least) = start.known_total();
        let mut city = CityOutcome {
            city: self.id.to_string(),
            took: self.took.and_then(|took| took.try_into().ok()),
            hits: i32::try_from(self.taken).unwrap_or(i32::MAX),
            total: if outcome == Outcome::Invalid { 0 } else { total.max(0) },
            reason: description,
            as_of_time: self.from_replica.map(|from| clock::to_timestamp(from.as_of)),
            ..Default::default()
        };
        city.set_outcome(outcome);
        city.set_error_reason(reason);
        if used {
            city.total_at_least = at_least;
            if !start.gives_records() {
                city.set_granularity(start.granularity);
                city.threshold = start.threshold.max(0);
            }
            let (epoch, sequence) = (start.position.epoch, start.position.sequence);
            city.position = Some(FeedPosition { epoch, sequence });
        }
        let records = if matches!(outcome, Outcome::Answered | Outcome::AnsweredEmpty) {
            start.records
        } else {
            self.records_before
        };
        let detail = CityDetail {
            hits_sent,
            untaken,
            last,
            city_took: used.then_some(start.took),
            statistics: start.statistics.filter(|_| used),
            effort: self.effort,
        };
        Concluded { id: self.id, outcome: city, used, records, facets: start.facets, detail }
    }

    fn outcome(&self) -> (Outcome, Reason, String) {
        let total = self.start.as_ref().map_or(0, |start| start.known_total().0);
        match (&self.progress, &self.from_replica) {
            (Progress::Broken(breach), _) => (Outcome::Invalid, Reason::AnswerInvalid, breach.0.clone()),
            (_, Some(from)) => (Outcome::FromReplica, from.reason, from.description.clone()),
            (Progress::Stopped | Progress::Ended(Ending::Complete), None) => {
                let outcome = if total == 0 { Outcome::AnsweredEmpty } else { Outcome::Answered };
                (outcome, Reason::Unspecified, String::new())
            }
            (Progress::Ended(Ending::Fault { outcome, reason, description }), None) => {
                let outcome = match *outcome {
                    fault if self.is_partial(fault) => Outcome::Partial,
                    // A fault that claims an answer contradicts itself.
                    Outcome::Unspecified | Outcome::Answered | Outcome::AnsweredEmpty | Outcome::FromReplica => {
                        Outcome::Invalid
                    }
                    fault => fault,
                };
                (outcome, *reason, description.clone())
            }
            (Progress::Open, None) => {
                (Outcome::Unreachable, Reason::Internal, "its answer was not read to the end".to_owned())
            }
        }
    }
}

/// Reads a whole answer for itself.
pub(super) fn read_whole(
    city: &CityId,
    start: &AnswerStart,
    hits: Vec<AnswerHit>,
    complete: bool,
    terms: &Terms,
) -> Result<Vec<MergedHit>, Breach> {
    let mut check = Check::new(city.clone(), terms);
    check.start(start, terms)?;
    let read = hits.into_iter().map(|hit| check.hit(hit, terms)).collect::<Result<Vec<_>, Breach>>()?;
    if complete {
        check.end(terms)?;
    }
    Ok(read)
}
