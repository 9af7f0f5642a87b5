//! Asking cities that dawdle, die, lie or say nothing. Time stands still but for what the test waits for.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_proto::federation::{Envelope, GetRecordRequest, HelloRequest, HelloResponse, QueryResponse};

use super::*;
use crate::{
    Limits,
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

/// A peer that answers by a script and counts the answers that are under way.
#[derive(Debug)]
struct Scripted {
    steps: Vec<Step>,
    open: Arc<AtomicUsize>,
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Link for Scripted {
    async fn hello(&self, _: HelloRequest, _: Duration) -> Result<HelloResponse, LinkError> {
        Err(LinkError::timed_out(Duration::ZERO))
    }

    async fn get_bundle(&self, _: Duration) -> Result<Envelope, LinkError> {
        Err(LinkError::timed_out(Duration::ZERO))
    }

    fn query(&self, _: QueryRequest, _: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.open.clone());
        stream::iter(self.steps.clone())
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

/// Peers that answer by these scripts, named a.example, b.example and so on.
fn federation(scripts: Vec<Vec<Step>>) -> (Peers, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let table: Vec<_> = (b'a'..)
        .zip(&scripts)
        .map(|(letter, _)| identity(&format!("{}.example", char::from(letter))))
        .map(|identity| peer_of(&identity, "https://127.0.0.1:1", PeerState::Active))
        .collect();
    let counter = open.clone();
    let factory: LinkFactory = Arc::new(move |peer| {
        let index = usize::from(peer.city.as_str().as_bytes()[0] - b'a');
        let steps = scripts.get(index).cloned().unwrap_or_default();
        Arc::new(Scripted { steps, open: counter.clone() })
    });
    let peers = Peers::with_links(identity("own.example"), clock(), Limits::default(), factory).unwrap();
    peers.set(table);
    (peers, open)
}

fn good() -> Vec<Step> {
    vec![Say(start_part(2)), Say(hit_part(0)), Say(hit_part(1)), Say(end_part(2))]
}

async fn ask(peers: &Peers) -> Vec<Answer> {
    let request = QueryRequest { limit: 5, ..QueryRequest::default() };
    peers.ask(&request, SearchOrder::Relevance, None, WITHIN).await
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

#[tokio::test(start_paused = true)]
async fn q1_one_slow_city_of_ten_costs_neither_the_deadline_nor_the_other_nine() {
    let mut scripts = vec![good(); 10];
    scripts[3] = vec![Hang];
    let (peers, open) = federation(scripts);
    let started = Instant::now();
    let answers = ask(&peers).await;
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!(answers.len(), 10);
    for answer in &answers {
        let slow = answer.city == city("d.example");
        assert_eq!(outcome(answer), slow.then_some(Outcome::TimedOut), "{}", answer.city);
        assert_eq!(answer.hits.len(), if slow { 0 } else { 2 });
        assert_eq!(answer.records_before, 7);
    }
    assert_eq!(open.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn q1_the_callers_deadline_counts_if_it_is_shorter_than_the_budget() {
    let (peers, _) = federation(vec![vec![Hang], good()]);
    let started = Instant::now();
    let request = QueryRequest { limit: 5, ..QueryRequest::default() };
    let answers = peers.ask(&request, SearchOrder::Relevance, None, Duration::from_millis(600)).await;
    assert_eq!(started.elapsed().as_millis() / 10, 50, "600 ms less the margin");
    assert_eq!(answers.iter().map(outcome).collect::<Vec<_>>(), [Some(Outcome::TimedOut), None]);
}

#[tokio::test(start_paused = true)]
async fn q2_a_city_that_dribbles_cant_hold_the_answer() {
    let mut dribble = vec![Say(start_part(100))];
    for number in 0..100 {
        dribble.extend([Wait(Duration::from_millis(800)), Say(hit_part(number))]);
    }
    let (peers, _) = federation(vec![dribble, good()]);
    let started = Instant::now();
    let answers = ask(&peers).await;
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!((outcome(&answers[0]), answers[0].hits.len()), (Some(Outcome::TimedOut), 3));
    assert_eq!(outcome(&answers[1]), None);
}

#[tokio::test(start_paused = true)]
async fn q2_a_city_that_falls_silent_is_given_up_before_the_budget_is_spent() {
    let (peers, _) = federation(vec![vec![Say(start_part(5)), Say(hit_part(0)), Hang]]);
    let started = Instant::now();
    let answers = ask(&peers).await;
    assert_eq!(started.elapsed().as_millis() / 100, 15);
    assert_eq!((outcome(&answers[0]), answers[0].hits.len()), (Some(Outcome::TimedOut), 1));
    let trouble = peers.health(&answers[0].city).outbound.unwrap();
    assert_eq!(trouble.description, "silent for 1.5 s after 1 hits");
}

#[tokio::test(start_paused = true)]
async fn q3_a_city_that_dies_after_any_number_of_records_is_named_with_what_came() {
    for count in 0..=5 {
        let begun: Vec<_> = std::iter::once(start_part(5)).chain((0..count).map(hit_part)).map(Say).collect();
        let reset = LinkError::new(Outcome::Unreachable, Reason::Connection, "the connection broke");
        let broken: Vec<_> = begun.iter().cloned().chain([Break(reset)]).collect();
        for steps in [begun, broken] {
            let answer = ask_one(steps).await;
            assert_eq!((outcome(&answer), answer.hits.len()), (Some(Outcome::Unreachable), count));
            assert_eq!(answer.start.map(|start| start.total), Some(5));
        }
    }
    let answer = ask_one(Vec::new()).await;
    assert_eq!((outcome(&answer), answer.start), (Some(Outcome::Unreachable), None));
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask_gives_no_answers() {
    assert_eq!(ask(&federation(Vec::new()).0).await, []);
}

#[tokio::test(start_paused = true)]
async fn of_an_answer_that_breaks_the_protocol_nothing_is_used() {
    let huge = {
        let mut part = hit_part(0);
        if let Some(isopolity_proto::federation::query_response::Part::Hit(hit)) = &mut part.part {
            hit.envelope = Some(Envelope { payload: vec![0; 3 * 1024 * 1024].into(), ..Envelope::default() });
        }
        part
    };
    let (start, hit, end) = (|| Say(start_part(9)), || Say(hit_part(0)), |hits| Say(end_part(hits)));
    let breaches = [
        ("hit before start", vec![hit(), start(), end(1)]),
        ("end before start", vec![end(0)]),
        ("two starts", vec![start(), start(), end(0)]),
        ("more after the end", vec![start(), hit(), end(1), hit()]),
        ("two ends", vec![start(), hit(), end(1), end(1)]),
        ("wrong count", vec![start(), hit(), end(2)]),
        ("negative count", vec![start(), hit(), end(-1)]),
        ("unknown part", vec![start(), Say(QueryResponse { part: None }), end(0)]),
        ("more than asked for", vec![start(), hit(), hit(), hit(), hit(), hit(), hit(), end(6)]),
        ("more than match", vec![Say(start_part(1)), hit(), hit(), end(2)]),
        ("negative total", vec![Say(start_part(-1)), end(0)]),
        ("too many bytes", vec![start(), Say(huge.clone()), Say(huge.clone()), Say(huge), end(3)]),
    ];
    for (what, steps) in breaches {
        let answer = ask_one(steps).await;
        assert_eq!(outcome(&answer), Some(Outcome::Invalid), "{what}");
        assert_eq!((answer.start, answer.hits.len()), (None, 0), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_exactly_the_limit_is_taken() {
    let mut steps = vec![Say(start_part(5))];
    steps.extend((0..5).map(hit_part).map(Say));
    steps.push(Say(end_part(5)));
    let answer = ask_one(steps).await;
    assert_eq!((outcome(&answer), answer.hits.len()), (None, 5));
    // A peer that keeps the stream open after the end has answered all the same.
    let answer = ask_one(good().into_iter().chain([Hang]).collect()).await;
    assert_eq!((outcome(&answer), answer.hits.len()), (None, 2));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_selected_suspended_or_invited_is_not_asked() {
    let (peers, _) = federation(vec![good(); 4]);
    let mut table = peers.all();
    table[1].state = PeerState::Suspended;
    table[2].state = PeerState::Invited;
    peers.set(table);
    let answers = ask(&peers).await;
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes, [None, Some(Outcome::Suspended), None], "an invited city is no member");
    let Ending::Fault { description, .. } = &answers[1].ending else { panic!("it is suspended") };
    assert!(description.contains("a test"), "{description}");

    let selected = BTreeSet::from([city("d.example")]);
    let request = QueryRequest { limit: 5, ..QueryRequest::default() };
    let answers = peers.ask(&request, SearchOrder::Relevance, Some(&selected), WITHIN).await;
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::NotAsked), Some(Outcome::NotAsked), None]);
}

#[tokio::test(start_paused = true)]
async fn health_tells_the_last_trouble_until_the_city_answers() {
    let refusal = LinkError::new(Outcome::Refused, Reason::PeerNotApproved, "the peer says: not approved");
    let (peers, _) = federation(vec![vec![Break(refusal)]]);
    let name = city("a.example");
    assert_eq!(outcome(&ask(&peers).await[0]), Some(Outcome::Refused));
    let health = peers.health(&name);
    assert_eq!(health.approved_by_peer, Some(false));
    assert_eq!(health.outbound.unwrap().reason, Reason::PeerNotApproved);

    let (peers, _) = federation(vec![good()]);
    ask(&peers).await;
    let health = peers.health(&name);
    assert_eq!((health.outbound, health.approved_by_peer, health.records), (None, Some(true), Some(9)));
    assert_eq!(health.last_answer, Some(crate::testing::NOW));
}

#[tokio::test(start_paused = true)]
async fn q9_a_cancelled_question_frees_every_stream() {
    let (peers, open) = federation(vec![vec![Say(start_part(1)), Hang]; 10]);
    {
        let asking = ask(&peers);
        tokio::pin!(asking);
        tokio::select! {
            _ = &mut asking => panic!("nobody answers"),
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
        assert_eq!(open.load(Ordering::SeqCst), 10);
    }
    // Aborted tasks are dropped when the runtime gets round to them.
    while open.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}
