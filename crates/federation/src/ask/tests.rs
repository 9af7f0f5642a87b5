//! Asking cities that dawdle, die, lie or say nothing. Time stands still but for what the test waits for.

mod enough;
mod faults;
mod members;
mod seeds;
mod streams;
mod timing;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{
    answer::{AnswerHit, SortKey},
    envelope,
    merge::{Merged, MergedHit, Merger, Next, Terms, merge},
};
use isopolity_proto::{
    error::Reason,
    federation::{
        Envelope, GetBundleRequest, GetBundleResponse, GetRecordRequest, HelloRequest, HelloResponse, QueryHit,
        QueryResponse, Record, query_response::Part,
    },
    registry::Partnership,
    type_url,
};
use prost::{Message as _, Name as _};

use super::*;
use crate::{
    Limits, Link,
    peers::LinkFactory,
    testing::{city, clock, end_part, hit_part, identity, peer_of, start_part},
};

#[derive(Clone, Debug)]
enum Step {
    Say(QueryResponse),
    Wait(Duration),
    Break(LinkError),
    Hang,
}
use Step::{Break, Hang, Say, Wait};

/// How peers answer, what they were asked, and how many of their answers are under way.
#[derive(Debug, Default)]
struct Stage {
    scripts: Mutex<Vec<Vec<Step>>>,
    asked: Mutex<Vec<(usize, QueryRequest, Duration)>>,
    open: AtomicUsize,
}

impl Stage {
    fn play(&self, scripts: Vec<Vec<Step>>) {
        *self.scripts.lock().unwrap() = scripts;
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until no answer is under way. Aborted tasks are dropped when the runtime gets round to them.
    async fn empty(&self) {
        while self.open() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// A peer that answers by a script.
#[derive(Debug)]
struct Scripted {
    stage: Arc<Stage>,
    number: usize,
}

struct Open(Arc<Stage>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Link for Scripted {
    async fn hello(&self, _: HelloRequest, _: Duration) -> Result<HelloResponse, LinkError> {
        Err(LinkError::timed_out(Duration::ZERO))
    }

    async fn get_bundle(&self, _: GetBundleRequest, _: Duration) -> Result<GetBundleResponse, LinkError> {
        Err(LinkError::timed_out(Duration::ZERO))
    }

    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        self.stage.asked.lock().unwrap().push((self.number, request, within));
        let steps = self.stage.scripts.lock().unwrap().get(self.number).cloned().unwrap_or_default();
        self.stage.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.stage.clone());
        stream::iter(steps)
            .then(|step| async {
                match step {
                    Say(part) => Some(Ok(part)),
                    Break(error) => Some(Err(error)),
                    Wait(time) => {
                        tokio::time::sleep(time).await;
                        None
                    }
                    Hang => std::future::pending().await,
                }
            })
            .filter_map(move |said| {
                let _held = &open;
                std::future::ready(said)
            })
            .boxed()
    }

    async fn get_record(&self, _: GetRecordRequest, _: Duration) -> Result<Envelope, LinkError> {
        Err(LinkError::timed_out(Duration::ZERO))
    }
}

const WITHIN: Duration = Duration::from_secs(10);

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The id of a peer: a.example, b.example and so on.
fn peer(number: usize) -> CityId {
    let letter = char::from(b'a' + u8::try_from(number).unwrap());
    city(&format!("{letter}.example"))
}

/// Peers that answer by these scripts.
fn federation(scripts: Vec<Vec<Step>>) -> (Peers, Arc<Stage>) {
    let table = (0..scripts.len())
        .map(|number| peer_of(&identity(peer(number).as_str()), "https://127.0.0.1:1", PeerState::Active))
        .collect();
    let stage = Arc::new(Stage::default());
    stage.play(scripts);
    let shared = stage.clone();
    let factory: LinkFactory = Arc::new(move |settings| {
        let number = usize::from(settings.city.as_str().as_bytes()[0] - b'a');
        Arc::new(Scripted { stage: shared.clone(), number })
    });
    let peers = Peers::with_links(identity("own.example"), clock(), Limits::default(), factory).unwrap();
    peers.set(table);
    (peers, stage)
}

/// Two hits that nobody looks into.
fn good() -> Vec<Step> {
    vec![Say(start_part(2)), Say(hit_part(0)), Say(hit_part(1)), Say(end_part(2))]
}

/// A hit with a real record. The lower its number the better.
fn hit(number: usize, at: usize) -> QueryResponse {
    hit_named(number, at, &format!("cities/{}/partnerships/p{at:06}", peer(number)))
}

fn hit_named(number: usize, at: usize, name: &str) -> QueryResponse {
    let AnswerHit { key, name, envelope } = answer_hit(peer(number).as_str(), at, name);
    let hit = QueryHit { sort_key: key.map(|key| key.to_proto()), name, envelope: Some(envelope) };
    QueryResponse { part: Some(Part::Hit(hit)) }
}

fn answer_hit(city: &str, at: usize, name: &str) -> AnswerHit {
    let mut record = Record {
        city: city.to_owned(),
        kind: "partnership".into(),
        name: name.to_owned(),
        version: 1,
        ..Default::default()
    };
    let resource = record.resource.get_or_insert_default();
    resource.type_url = type_url(&Partnership::full_name());
    resource.value = Partnership { name: name.to_owned(), ..Default::default() }.encode_to_vec();
    let payload = record.encode_to_vec().into();
    let envelope = Envelope { payload, payload_type: envelope::RECORD.into(), signatures: Vec::new() };
    let score = 1_000_000.0 - f32::from(u16::try_from(at).unwrap());
    AnswerHit { key: Some(SortKey::Score(score)), name: name.to_owned(), envelope }
}

/// A whole answer of so many hits with real records.
fn real(number: usize, hits: usize) -> Vec<Step> {
    let start = std::iter::once(start_part(i64::try_from(hits).unwrap()));
    let end = std::iter::once(end_part(i32::try_from(hits).unwrap()));
    start.chain((0..hits).map(|at| hit(number, at))).chain(end).map(Say).collect()
}

fn asking(limit: i32) -> Asking {
    Asking::new(QueryRequest { limit, ..QueryRequest::default() }, SearchOrder::Relevance, WITHIN)
}

async fn ask(peers: &Peers) -> Vec<Answer> {
    peers.ask(&asking(5)).await
}

async fn ask_one(steps: Vec<Step>) -> Answer {
    ask(&federation(vec![steps]).0).await.pop().unwrap()
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    match &answer.ending {
        Ending::Complete => None,
        Ending::Fault { outcome, .. } => Some(*outcome),
    }
}

fn terms(limit: usize) -> Terms {
    Terms::new(SearchOrder::Relevance, limit)
}

/// What this city itself answers: nothing matches.
fn own() -> Answer {
    Answer {
        start: Some(isopolity_domain::answer::AnswerStart { records: 5, ..Default::default() }),
        ..blank(&city("own.example"), 0, Ending::Complete, Routing::Asked)
    }
}

/// Asks all and merges their whole answers with that of this city.
async fn page(peers: &Peers, limit: usize) -> Merged {
    let mut answers = vec![own()];
    answers.extend(peers.ask(&asking(i32::try_from(limit).unwrap())).await);
    merge(answers, &terms(limit))
}

fn of(merged: &Merged, number: usize) -> &isopolity_proto::catalog::CityOutcome {
    merged.outcomes.iter().find(|outcome| outcome.city == peer(number).as_str()).unwrap()
}

/// Reads streams until the merged answer is whole.
async fn drain(mut streams: Streams, mut merger: Merger) -> (Vec<MergedHit>, Merged) {
    let mut hits = Vec::new();
    loop {
        match merger.take_next() {
            Next::Hit(hit) => hits.push(*hit),
            Next::Waiting(_) => {
                streams.feed(&mut merger).await;
            }
            Next::Done => break,
        }
    }
    streams.stop(&mut merger);
    (hits, merger.finish())
}

/// The same as a page, but merged while the answers come.
async fn streamed(peers: &Peers, limit: usize) -> (Vec<MergedHit>, Merged) {
    let (streams, merger) = begin(peers, limit);
    drain(streams, merger).await
}

fn begin(peers: &Peers, limit: usize) -> (Streams, Merger) {
    begin_within(peers, limit, WITHIN)
}

fn begin_within(peers: &Peers, limit: usize, within: Duration) -> (Streams, Merger) {
    let mut streams = peers.stream(&Asking { within, ..asking(i32::try_from(limit).unwrap()) });
    let Answer { city, start, ending, took, records_before, effort, .. } = own();
    let end = AnswerEnd { took, ending, records_before, effort };
    let parts = [AnswerPart::Start(start.unwrap()), AnswerPart::End(end)];
    streams.push(CityStream::new(city.clone(), 0, stream::iter(parts)));
    let members: Vec<CityId> = std::iter::once(city).chain(streams.cities().cloned()).collect();
    (streams, Merger::new(members, terms(limit)))
}
