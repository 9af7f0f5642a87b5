//! Asking all peers at once.
//!
//! Each peer is asked in a task of its own, which keeps the time itself: whatever one peer does, the others' answers and
//! the end of the whole are not touched by it. Every member of the federation has exactly one [`Answer`] in the end.

mod collect;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use isopolity_domain::{
    CityId,
    answer::{Answer, Ending},
};
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    error::Reason,
    federation::{QueryRequest, SearchOrder},
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tracing::{Instrument as _, debug, error, info_span};

use crate::{Link, LinkError, PeerSettings, Peers, link::in_seconds};
use collect::Collector;

impl Peers {
    /// Asks all members, or those selected of them, and returns one answer for each, by city. Takes no longer than `within`
    /// less the margin, nor than the budget. Dropping the future ends all calls.
    ///
    /// Members are the peers that are active or suspended; this city is not among them.
    pub async fn ask(
        &self,
        request: &QueryRequest,
        order: SearchOrder,
        selected: Option<&BTreeSet<CityId>>,
        within: Duration,
    ) -> Vec<Answer> {
        let limits = self.limits();
        let budget = limits.budget.min(within.saturating_sub(limits.margin));
        let started = Instant::now();
        let mut answers = BTreeMap::new();
        let mut tasks = JoinSet::new();
        let table = self.trust().table();
        for (city, peer) in table.iter().filter(|(_, peer)| is_member(peer)) {
            let records_before = self.health(city).records.unwrap_or(peer.records);
            let without = |ending| blank(city, records_before, ending);
            if selected.is_some_and(|selected| !selected.contains(city)) {
                let ending = Ending::fault(Outcome::NotAsked, Reason::Unspecified, "not selected");
                answers.insert(city.clone(), without(ending));
                continue;
            }
            match self.link(city, &[PeerState::Active]) {
                Err(error) => {
                    answers.insert(city.clone(), without(fault(&error)));
                }
                Ok(link) => {
                    // Stands if the task itself comes to grief.
                    answers.insert(city.clone(), without(fault(&LinkError::timed_out(budget))));
                    let (peers, city, request) = (self.clone(), city.clone(), request.clone());
                    let span = info_span!("federation.ask", peer.city = %city);
                    let task = async move { peers.ask_one(&city, link, request, order, budget, records_before).await };
                    tasks.spawn(task.instrument(span));
                }
            }
        }
        // The tasks keep the time; this is for a machine that does not get round to one of them.
        let last = started + budget + limits.margin / 2;
        while let Ok(Some(done)) = timeout_at(last, tasks.join_next()).await {
            match done {
                Ok(answer) => {
                    answers.insert(answer.city.clone(), answer);
                }
                Err(panic) => error!("a task that asks a peer broke off: {panic}"),
            }
        }
        answers.into_values().collect()
    }

    async fn ask_one(
        &self,
        city: &CityId,
        link: Arc<dyn Link>,
        request: QueryRequest,
        order: SearchOrder,
        budget: Duration,
        records_before: i64,
    ) -> Answer {
        let limits = self.limits();
        let started = Instant::now();
        let most = usize::try_from(request.limit).unwrap_or_default();
        let mut collector = Collector::new(order, most, limits.answer_bytes, limits.silence);
        let ending = match timeout(budget, collector.run(link.query(request, budget))).await {
            // The call ends by the same clock; which of the two strikes first is chance and must not show.
            Ok(Ending::Fault { reason: Reason::DeadlineExceeded, .. }) if started.elapsed() >= budget => {
                collector.overtime(budget)
            }
            Ok(ending) => ending,
            Err(_elapsed) => collector.overtime(budget),
        };
        let took = started.elapsed();
        let (start, hits) = collector.into_parts(&ending);
        let answer = Answer { city: city.clone(), took, start, hits, ending, records_before };
        self.remember(&answer);
        answer
    }

    /// Keeps what an answer tells about the peer itself.
    fn remember(&self, answer: &Answer) {
        let took_ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
        match &answer.ending {
            Ending::Complete => {
                debug!(peer.outcome = "ANSWERED", took_ms, hits = answer.hits.len(), "peer answered");
                let now = self.trust().clock.now();
                self.trust().health.update(&answer.city, |health| {
                    health.last_answer = Some(now);
                    health.approved_by_peer = Some(true);
                    health.outbound = None;
                    health.records = answer.start.as_ref().map(|start| start.records).or(health.records);
                });
            }
            Ending::Fault { outcome, reason, description } => {
                debug!(peer.outcome = outcome.as_str_name(), took_ms, hits = answer.hits.len(), "peer did not answer");
                self.note(&answer.city, LinkError::new(*outcome, *reason, description.clone()));
            }
        }
    }
}

fn is_member(peer: &PeerSettings) -> bool {
    matches!(peer.state, PeerState::Active | PeerState::Suspended)
}

/// The answer of a city that has said nothing.
fn blank(city: &CityId, records_before: i64, ending: Ending) -> Answer {
    Answer { city: city.clone(), took: Duration::ZERO, start: None, hits: Vec::new(), ending, records_before }
}

fn fault(error: &LinkError) -> Ending {
    Ending::fault(error.outcome, error.reason, error.description.clone())
}

#[cfg(test)]
mod tests;
