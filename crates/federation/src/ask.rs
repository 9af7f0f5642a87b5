//! Asking all peers at once.
//!
//! Each peer is asked in a task of its own, which keeps the time itself: whatever one peer does, the others' answers and
//! the end of the whole are not touched by it. Every member of the federation has exactly one answer in the end: kept until
//! it is over, for a page ([`Peers::ask`]), or handed on as it comes ([`Peers::stream`]). Both are read by the same code.

mod read;
mod stream;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use isopolity_domain::{
    CityId,
    answer::{After, Answer, AnswerEnd, Effort, Ending, Source},
};
use isopolity_proto::{
    admin::PeerState,
    catalog::{Outcome, Routing},
    federation::{QueryRequest, SearchOrder},
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, error, info_span};

use crate::{
    LinkError, PeerSettings, Peers,
    admission::{Admitted, fault},
};
use read::{Bounds, Outlet, Reading};

pub use stream::{AnswerPart, CityStream, Streams};

/// The hits of one stream that wait to be read, at most.
const HITS_ON_THE_WAY: usize = 64;
/// And their bytes, but for one hit, which may be as large as a message.
const BYTES_ON_THE_WAY: usize = 1024 * 1024;

/// A question to all members of the federation.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The question as it goes to each of them; where it is to go on is filled in from `after`.
    pub request: QueryRequest,
    /// The order of hits, as it was decided.
    pub order: SearchOrder,
    /// The cities to ask. `None`: all.
    pub selected: Option<BTreeSet<CityId>>,
    /// The points after which cities are asked. A city that is not named is asked from the beginning.
    pub after: BTreeMap<CityId, After>,
    /// The time that the caller has.
    pub within: Duration,
}

impl Asking {
    /// A question to all, from the beginning.
    #[must_use]
    pub fn new(request: QueryRequest, order: SearchOrder, within: Duration) -> Self {
        Self { request, order, selected: None, after: BTreeMap::new(), within }
    }
}

/// A question to one peer.
struct Call {
    city: CityId,
    admitted: Admitted,
    request: QueryRequest,
    bounds: Bounds,
    /// The time that is sent along.
    within: Duration,
    records_before: i64,
}

/// A member, and what is to be done about it.
type Member = Result<Call, Box<Answer>>;

impl Peers {
    /// Asks all members, or those selected of them, and returns one answer for each, by city. Takes no longer than the time
    /// given less the margin, nor than the budget. Dropping the future ends all calls.
    ///
    /// Members are the peers that are active or suspended; this city is not among them.
    pub async fn ask(&self, asking: &Asking) -> Vec<Answer> {
        let limits = self.limits();
        let budget = self.budget(asking);
        let started = Instant::now();
        let mut answers = BTreeMap::new();
        let mut tasks = JoinSet::new();
        for member in self.members(asking, budget, limits.answer_bytes) {
            match member {
                Err(answer) => {
                    answers.insert(answer.city.clone(), *answer);
                }
                Ok(call) => {
                    // Stands if the task itself comes to grief.
                    let ending = fault(&LinkError::timed_out(budget));
                    let lost = blank(&call.city, call.records_before, ending, call.admitted.routing);
                    answers.insert(call.city.clone(), lost);
                    let (peers, span) = (self.clone(), info_span!("federation.ask", peer.city = %call.city));
                    tasks.spawn(async move { peers.ask_one(call).await }.instrument(span));
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

    /// Asks in the same way and returns the answers while they come. Each peer is waited for no longer than the budget and
    /// the time given allow; while its hits wait to be read, no time of it passes. So the whole may take longer: the caller
    /// keeps the time of the whole.
    #[must_use]
    pub fn stream(&self, asking: &Asking) -> Streams {
        let budget = self.budget(asking);
        let mut streams = Streams::default();
        for member in self.members(asking, budget, usize::MAX) {
            streams.push(match member {
                Err(answer) => {
                    let Answer { city, ending, records_before, effort, .. } = *answer;
                    CityStream::without(city, records_before, ending, effort.routing)
                }
                Ok(call) => {
                    let call = Call { within: asking.within, ..call };
                    let (peers, span) = (self.clone(), info_span!("federation.stream", peer.city = %call.city));
                    let (city, records_before, routing) =
                        (call.city.clone(), call.records_before, call.admitted.routing);
                    CityStream::of_task(city, records_before, routing, |mut outlet| {
                        let task = async move {
                            if let Some(end) = peers.put_question(call, &mut outlet).await {
                                outlet.put(AnswerPart::End(end), 0).await;
                            }
                        };
                        AbortOnDropHandle::new(tokio::spawn(task.instrument(span)))
                    })
                }
            });
        }
        streams
    }

    fn budget(&self, asking: &Asking) -> Duration {
        let limits = self.limits();
        limits.budget.min(asking.within.saturating_sub(limits.margin))
    }

    /// All members, each with the call that is to be made or with its answer.
    fn members(&self, asking: &Asking, budget: Duration, bytes: usize) -> Vec<Member> {
        let bounds = Bounds {
            order: asking.order,
            hits: usize::try_from(asking.request.limit).unwrap_or_default(),
            bytes,
            omit_records: asking.request.omit_records,
            budget,
            silence: self.limits().silence,
        };
        let table = self.trust().table();
        let members = table.iter().filter(|(_, peer)| is_member(peer));
        let each = members.map(|(city, peer)| {
            let records_before = self.health(city).records.unwrap_or(peer.records);
            let admitted = self
                .admission(city, peer, asking)
                .map_err(|(ending, routing)| Box::new(blank(city, records_before, ending, routing)))?;
            let after = asking.after.get(city).map(After::to_proto);
            let request = QueryRequest { after, ..asking.request.clone() };
            Ok(Call { city: city.clone(), admitted, request, bounds, within: budget, records_before })
        });
        each.collect()
    }

    async fn ask_one(&self, call: Call) -> Answer {
        let (city, records_before, routing) = (call.city.clone(), call.records_before, call.admitted.routing);
        let mut outlet = Outlet::Kept(None, Vec::new());
        let end = self.put_question(call, &mut outlet).await;
        let (Some(AnswerEnd { took, ending, records_before, effort }), Outlet::Kept(start, hits)) = (end, outlet)
        else {
            // What is kept is always wanted.
            return blank(&city, records_before, fault(&LinkError::timed_out(Duration::ZERO)), routing);
        };
        let (start, hits) = match &ending {
            // Of an answer that broke the protocol nothing is used.
            Ending::Fault { outcome: Outcome::Invalid, .. } => (None, Vec::new()),
            _ => (start, hits),
        };
        Answer { city, source: Source::Live, took, start, hits, ending, records_before, effort }
    }

    /// Asks one peer. `None`: nobody wants the answer any more.
    async fn put_question(&self, call: Call, outlet: &mut Outlet) -> Option<AnswerEnd> {
        let Call { city, admitted, request, bounds, within, records_before } = call;
        let mut reading = Reading::new(bounds);
        let parts = admitted.link.query(request, within);
        let ending = reading.run(parts, outlet, |start| self.heard(&city, &admitted, start)).await?;
        let Reading { waited: took, first_took, bytes, hits, .. } = reading;
        let routing = admitted.routing;
        self.concluded(&city, admitted, hits, took, &ending);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Some(AnswerEnd { took, ending, records_before, effort: Effort { routing, first_took, bytes, calls: 1 } })
    }
}

fn is_member(peer: &PeerSettings) -> bool {
    matches!(peer.state, PeerState::Active | PeerState::Suspended)
}

/// The answer of a city that has said nothing.
fn blank(city: &CityId, records_before: i64, ending: Ending, routing: Routing) -> Answer {
    Answer {
        city: city.clone(),
        source: Source::Live,
        took: Duration::ZERO,
        start: None,
        hits: Vec::new(),
        ending,
        records_before,
        effort: Effort { routing, ..Effort::default() },
    }
}

#[cfg(test)]
mod tests;
