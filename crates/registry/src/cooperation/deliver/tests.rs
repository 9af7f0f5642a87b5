//! Deliveries to one peer whose answers the test writes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use isopolity_domain::{CityId, Clock as _, cooperation::seal_receipt};
use isopolity_federation::{Identity, Link, LinkError};
use isopolity_proto::{
    admin::Role,
    catalog::Outcome,
    cooperation::{DeliveryStanding, NoticeKind, RedriveDeliveriesRequest},
    error::Reason,
    federation::{
        CooperationReceipt, DeliverEventsRequest, DeliverEventsResponse, DeliveryOutcome, DeliveryResult, Envelope,
        GetBundleRequest, GetBundleResponse, GetRecordRequest, HelloRequest, HelloResponse, QueryRequest,
        QueryResponse,
    },
    options::Audience,
};
use isopolity_store::{DeliveryFilter, DeliveryRow, EventRow};
use prost::Message as _;
use tempfile::TempDir;
use time::{Duration as Span, OffsetDateTime, macros::datetime};
use tokio::{sync::Notify, task::yield_now};
use tokio_util::sync::CancellationToken;

use super::Delivered;
use crate::{Caller, testing::Feira};

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
const NAME: &str = "cities/feira.example/cooperations/craft";
const OTHER: &str = "cities/feira.example/cooperations/music";

/// What the peer does when it is called.
#[derive(Clone, Debug)]
enum Does {
    /// Keeps everything, with receipts.
    Keeps,
    /// Says this.
    Says(Vec<DeliveryResult>),
    /// Is not reached, or refuses the call.
    Fails(LinkError),
    /// Keeps everything, but what is of this cooperation only once it is told to.
    Dawdles(&'static str, Arc<Notify>),
}

/// A peer that does as it is told, the last thing again and again.
#[derive(Debug)]
pub(in crate::cooperation) struct Peer {
    pub(in crate::cooperation) city: CityId,
    pub(in crate::cooperation) identity: Identity,
    script: Mutex<VecDeque<Does>>,
    /// How many events came with each call, and whether it is there for greetings.
    calls: Mutex<Vec<usize>>,
}

impl Peer {
    fn receipt(&self, event: &Envelope, cooperation: &str) -> DeliveryResult {
        let receipt = CooperationReceipt {
            cooperation: cooperation.to_owned(),
            // The events of these tests have their sequence as their first byte.
            sequence: event.payload[0].into(),
            event_hash: isopolity_domain::cooperation::event_hash(&event.payload).to_vec().into(),
            receiver: self.city.to_string(),
            sender: "feira.example".to_owned(),
            time: None,
        };
        let receipt = Some(seal_receipt(&receipt, &self.identity.record_key()));
        DeliveryResult { outcome: DeliveryOutcome::Kept.into(), receipt, ..DeliveryResult::default() }
    }

    fn next(&self) -> Does {
        let mut script = self.script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script.front().cloned().unwrap() }
    }
}

#[async_trait]
impl Link for Peer {
    async fn hello(&self, _: HelloRequest, _: Duration) -> Result<HelloResponse, LinkError> {
        match self.next() {
            Does::Fails(error) => Err(error),
            _ => Ok(HelloResponse {
                city: self.city.to_string(),
                protocol_version: 1,
                approved: true,
                ..Default::default()
            }),
        }
    }

    async fn get_bundle(&self, _: GetBundleRequest, _: Duration) -> Result<GetBundleResponse, LinkError> {
        Err(absent())
    }

    fn query(&self, _: QueryRequest, _: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        Box::pin(futures::stream::iter([Err(absent())]))
    }

    async fn get_record(&self, _: GetRecordRequest, _: Duration) -> Result<Envelope, LinkError> {
        Err(absent())
    }

    async fn deliver_events(
        &self,
        request: DeliverEventsRequest,
        _: Duration,
    ) -> Result<DeliverEventsResponse, LinkError> {
        self.calls.lock().unwrap().push(request.events.len());
        let results = match self.next() {
            Does::Fails(error) => return Err(error),
            Does::Says(results) => results,
            Does::Dawdles(name, told) => {
                if request.cooperation == name {
                    told.notified().await;
                }
                request.events.iter().map(|event| self.receipt(event, &request.cooperation)).collect()
            }
            Does::Keeps => request.events.iter().map(|event| self.receipt(event, &request.cooperation)).collect(),
        };
        Ok(DeliverEventsResponse { results })
    }
}

fn absent() -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, "nobody listens there")
}

fn said(outcome: DeliveryOutcome) -> DeliveryResult {
    let description = "because".to_owned();
    DeliveryResult { outcome: outcome.into(), reason: Reason::EventInvalid.into(), description, ..Default::default() }
}

/// Feira, with Kénitra as its only peer.
pub(in crate::cooperation) struct Scene {
    pub(in crate::cooperation) feira: Feira,
    pub(in crate::cooperation) peer: Arc<Peer>,
    _folder: TempDir,
}

impl Scene {
    pub(in crate::cooperation) async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let city: CityId = "kenitra.example".parse().unwrap();
        let identity = Identity::create(&folder.path().join("trust"), &city, NOW).unwrap();
        let bundle = identity.sign_bundle("https://127.0.0.1:1", 1, NOW);
        let script = Mutex::new(VecDeque::from([Does::Keeps]));
        let peer = Arc::new(Peer { city, identity, script, calls: Mutex::default() });
        let link = peer.clone();
        let feira = Feira::linked(NOW, Arc::new(move |_| link.clone())).await;
        let operator = Caller::token("x", Role::Administrator);
        feira.registry.add_peer(&operator, &bundle).await.unwrap();
        feira.registry.approve_peer(&operator, "kenitra.example", Audience::Public, "").await.unwrap();
        Self { feira, peer, _folder: folder }
    }

    fn peer_does<const N: usize>(&self, does: [Does; N]) {
        *self.peer.script.lock().unwrap() = VecDeque::from(does);
    }

    pub(in crate::cooperation) fn calls(&self) -> Vec<usize> {
        std::mem::take(&mut self.peer.calls.lock().unwrap())
    }

    fn event(sequence: i64, size: usize) -> Envelope {
        let payload = [vec![u8::try_from(sequence).unwrap()], vec![7; size]].concat();
        Envelope { payload_type: "x".to_owned(), payload: payload.into(), signatures: Vec::new() }
    }

    fn row(&self, name: &str, sequence: i64, size: usize) -> DeliveryRow {
        let now = self.feira.clock.now();
        let event = Self::event(sequence, size);
        DeliveryRow {
            id: format!("{name} {sequence:04}"),
            city: self.peer.city.clone(),
            cooperation: name.to_owned(),
            sequence,
            event_hash: isopolity_domain::cooperation::event_hash(&event.payload),
            submission: false,
            relay: false,
            envelope: event.encode_to_vec().into(),
            standing: DeliveryStanding::Waiting.into(),
            create_time: now,
            attempts: 0,
            next_time: now,
            problem: String::new(),
            receipt: None,
        }
    }

    async fn put(&self, row: DeliveryRow) {
        let mut tx = self.feira.registry.store().begin("test").await.unwrap();
        tx.enqueue_deliveries(&[row]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Puts an event of a cooperation into the outbox.
    async fn enqueue_to(&self, name: &str, sequence: i64, size: usize) {
        self.put(self.row(name, sequence, size)).await;
    }

    /// Puts a step into it of which nothing else is known here.
    pub(in crate::cooperation) async fn enqueue_step(&self, name: &str, sequence: i64) {
        self.put(DeliveryRow { submission: true, ..self.row(name, sequence, 0) }).await;
    }

    async fn enqueue(&self, sequence: i64) {
        self.enqueue_to(NAME, sequence, 0).await;
    }

    /// Keeps an event as part of the history.
    async fn keep(&self, sequence: i64) {
        let event = Self::event(sequence, 0);
        let mut tx = self.feira.registry.store().begin("test").await.unwrap();
        let row = EventRow {
            cooperation: NAME.to_owned(),
            sequence,
            hash: isopolity_domain::cooperation::event_hash(&event.payload),
            city: "feira.example".parse().unwrap(),
            envelope: event.encode_to_vec().into(),
            keep_time: NOW,
        };
        tx.append_event(&row).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(in crate::cooperation) async fn deliver(&self) -> Delivered {
        self.feira.registry.deliver_once().await.unwrap()
    }

    pub(in crate::cooperation) async fn rows(&self) -> Vec<DeliveryRow> {
        self.feira.registry.store().deliveries(&DeliveryFilter::default(), 100, None).await.unwrap()
    }

    /// Standings and problems, in order.
    async fn standings(&self) -> Vec<(DeliveryStanding, String)> {
        let rows = self.rows().await.into_iter();
        rows.map(|row| (DeliveryStanding::try_from(row.standing).unwrap(), row.problem)).collect()
    }
}

/// Lets others go on until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.unwrap();
}

const WAITING: DeliveryStanding = DeliveryStanding::Waiting;
const DELIVERED: DeliveryStanding = DeliveryStanding::Delivered;
const DEAD: DeliveryStanding = DeliveryStanding::Dead;

#[tokio::test]
async fn what_waits_goes_in_one_call_and_its_receipts_are_kept() {
    let scene = Scene::begin().await;
    for sequence in 1..=3 {
        scene.enqueue(sequence).await;
    }
    assert_eq!(scene.deliver().await, Delivered { kept: 3, ..Delivered::default() });
    assert_eq!(scene.calls(), [3]);
    let rows = scene.rows().await;
    let keys = scene.feira.registry.federation().get(&scene.peer.city).unwrap().bundle.keys;
    for row in rows {
        let receipt = Envelope::decode(row.receipt.unwrap()).unwrap();
        let receipt = isopolity_domain::cooperation::open_receipt(&receipt, &keys).unwrap();
        assert_eq!((receipt.sequence, row.standing), (row.sequence, DELIVERED.into()));
    }
    assert_eq!(scene.deliver().await, Delivered::default(), "nothing is left");
    assert_eq!(scene.calls(), [0; 0]);
}

#[tokio::test]
async fn what_a_city_had_no_time_for_is_sent_again() {
    let scene = Scene::begin().await;
    for sequence in 1..=3 {
        scene.enqueue(sequence).await;
    }
    let first = scene.peer.receipt(&Scene::event(1, 0), NAME);
    scene.peer_does([Does::Says(vec![first]), Does::Keeps]);
    assert_eq!(scene.deliver().await, Delivered { kept: 3, ..Delivered::default() });
    assert_eq!(scene.calls(), [3, 2]);
}

#[tokio::test]
async fn no_call_holds_more_than_512_kib() {
    let scene = Scene::begin().await;
    for sequence in 1..=30 {
        scene.enqueue_to(NAME, sequence, 45 << 10).await;
    }
    assert_eq!(scene.deliver().await.kept, 30);
    assert_eq!(scene.calls(), [11, 11, 8]);
}

#[tokio::test]
async fn a_city_that_is_away_is_called_once_for_all_and_its_return_ends_the_wait() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.enqueue(2).await;
    scene.enqueue_to(OTHER, 1, 1).await;
    scene.peer_does([Does::Fails(absent())]);
    assert_eq!(scene.deliver().await.put_off, 2, "the first of each cooperation");
    assert_eq!(scene.calls(), [1 + 1]);
    for hours in 0..14 * 24 {
        scene.feira.clock.advance(Span::hours(1));
        assert_eq!(scene.deliver().await.put_off, 2, "hour {hours}");
    }
    let rows = scene.rows().await;
    assert!(rows.iter().all(|row| row.standing == i32::from(WAITING)));
    assert_eq!(rows[0].attempts, 14 * 24 + 1);
    assert!(rows[0].next_time - scene.feira.clock.now() <= Span::hours(1));
    assert!(rows[0].problem.contains("nobody listens there"), "{}", rows[0].problem);

    scene.peer_does([Does::Keeps]);
    assert_eq!(scene.deliver().await, Delivered::default(), "nobody knows yet that it is back");
    scene.feira.registry.federation().greet(&scene.peer.city, Duration::from_secs(5)).await.unwrap();
    assert_eq!(scene.deliver().await.kept, 3);
}

#[tokio::test]
async fn what_could_not_be_sent_goes_as_soon_as_something_else_reaches_the_city() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    for _ in 0..12 {
        scene.peer_does([Does::Fails(absent())]);
        scene.feira.clock.advance(Span::hours(1));
        scene.deliver().await;
    }
    // The next attempt is half an hour away or more. Something of another cooperation comes before it, and arrives.
    scene.feira.clock.advance(Span::minutes(20));
    scene.peer_does([Does::Keeps]);
    scene.enqueue_to(OTHER, 1, 1).await;
    assert_eq!(scene.deliver().await.kept, 1);
    assert_eq!(scene.deliver().await.kept, 1, "it waits for its time although the city is there");
    assert!(scene.rows().await.iter().all(|row| row.standing == i32::from(DELIVERED)));
}

#[tokio::test]
async fn a_cooperation_that_takes_its_time_holds_up_no_other_of_the_same_city() {
    let scene = Scene::begin().await;
    let told = Arc::new(Notify::new());
    let third = "cities/feira.example/cooperations/bread";
    // The city has answered before: from then on it is called for more than one cooperation at a time.
    scene.enqueue_to(third, 1, 2).await;
    scene.enqueue(1).await;
    scene.peer_does([Does::Dawdles(NAME, told.clone())]);
    let cancelled = CancellationToken::new();
    let (registry, stop) = (scene.feira.registry.clone(), cancelled.clone());
    let worker = tokio::spawn(async move { registry.deliver(stop).await });
    until(async || scene.peer.calls.lock().unwrap().len() == 2).await;
    // What becomes due while the first is still under way does not wait for it either.
    scene.enqueue_to(OTHER, 1, 1).await;
    let standing = async |name: &str| {
        let mut rows = scene.rows().await;
        rows.retain(|row| row.cooperation == name);
        rows[0].standing
    };
    until(async || standing(OTHER).await == i32::from(DELIVERED)).await;
    assert_eq!(standing(third).await, i32::from(DELIVERED));
    assert_eq!(standing(NAME).await, i32::from(WAITING));
    told.notify_one();
    until(async || standing(NAME).await == i32::from(DELIVERED)).await;
    assert_eq!(scene.calls().len(), 3, "nothing was sent twice");
    cancelled.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn what_has_waited_longest_goes_first() {
    let scene = Scene::begin().await;
    for (size, id) in ["zinc", "music", "art"].iter().enumerate() {
        scene.feira.clock.advance(Span::minutes(1));
        scene.enqueue_to(&format!("cities/feira.example/cooperations/{id}"), 1, size).await;
    }
    let due = scene.feira.registry.due().await.unwrap();
    let order: Vec<_> = due.iter().map(|(_, name)| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(order, ["zinc", "music", "art"]);
}

#[tokio::test]
async fn who_has_restarted_still_looks_out_for_those_for_whom_something_waits() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    let mut tx = scene.feira.registry.store().begin("test").await.unwrap();
    let mut row = tx.delivery(&format!("{NAME} 0001")).await.unwrap().unwrap();
    row.next_time += Span::hours(1);
    tx.update_delivery(&row).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(scene.deliver().await, Delivered::default());
    scene.feira.registry.federation().served(&scene.peer.city);
    assert_eq!(scene.deliver().await.kept, 1);
}

#[tokio::test]
async fn a_city_that_is_there_and_puts_an_event_off_is_tried_again_by_the_clock_and_when_it_greets() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.peer_does([Does::Says(vec![said(DeliveryOutcome::Later)])]);
    assert_eq!(scene.deliver().await.put_off, 1);
    scene.feira.registry.federation().served(&scene.peer.city);
    assert_eq!(scene.deliver().await, Delivered::default(), "that it is there was known");
    assert_eq!(scene.standings().await, [(WAITING, "the peer says: because (EVENT_INVALID)".to_owned())]);
    scene.feira.clock.advance(Span::seconds(5));
    assert_eq!(scene.deliver().await.put_off, 1);
    scene.peer_does([Does::Keeps]);
    scene.feira.registry.greeted(&scene.peer.city, &HelloRequest::default()).await.unwrap();
    assert_eq!(scene.deliver().await.kept, 1);
}

#[tokio::test]
async fn what_a_city_asks_for_is_waited_out_whatever_signs_of_life_it_gives() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.enqueue_to(OTHER, 1, 1).await;
    let mut full = LinkError::new(Outcome::Refused, Reason::Overloaded, "too many");
    full.retry_after = Some(Duration::from_mins(3));
    scene.peer_does([Does::Fails(full), Does::Keeps]);
    assert_eq!(scene.deliver().await.put_off, 2);
    assert_eq!(scene.calls().len(), 1);
    scene.feira.clock.advance(Span::seconds(179));
    scene.feira.registry.federation().served(&scene.peer.city);
    scene.feira.registry.hasten(&scene.peer.city).await.unwrap();
    assert_eq!(scene.deliver().await, Delivered::default());
    scene.feira.clock.advance(Span::seconds(1));
    assert_eq!(scene.deliver().await.kept, 2);
}

#[tokio::test]
async fn what_is_refused_is_a_dead_letter_that_holds_up_what_follows_until_it_is_tried_anew() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.enqueue(2).await;
    let mut notices = scene.feira.registry.notices().subscribe();
    scene.peer_does([Does::Says(vec![said(DeliveryOutcome::Refused)]), Does::Keeps]);
    assert_eq!(scene.deliver().await, Delivered { dead: 1, ..Delivered::default() });
    assert_eq!(scene.standings().await[0], (DEAD, "the peer says: because (EVENT_INVALID)".to_owned()));
    let notice = notices.recv().await.unwrap();
    assert_eq!((notice.kind(), notice.sequence), (NoticeKind::DeliveryDead, 1));
    scene.feira.clock.advance(Span::days(1));
    assert_eq!(scene.deliver().await, Delivered::default());
    let operator = Caller::token("x", Role::Administrator);
    let all = RedriveDeliveriesRequest::default();
    assert_eq!(scene.feira.registry.redrive_deliveries(&operator, &all).await.unwrap(), 2);
    assert_eq!(scene.deliver().await.kept, 2);
}

#[tokio::test]
async fn what_can_not_be_delivered_for_thirty_days_is_given_up() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.peer_does([Does::Fails(absent())]);
    scene.deliver().await;
    scene.feira.clock.advance(Span::days(30) - Span::seconds(1));
    assert_eq!(scene.deliver().await.put_off, 1);
    scene.feira.clock.advance(Span::hours(1));
    assert_eq!(scene.deliver().await.dead, 1);
    let (standing, problem) = scene.standings().await.remove(0);
    assert_eq!(standing, DEAD);
    assert!(problem.contains("DELIVERY_EXPIRED") && problem.contains("nobody listens there"), "{problem}");
}

#[tokio::test]
async fn a_receipt_that_is_missing_forged_or_for_something_else_is_none() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    let good = scene.peer.receipt(&Scene::event(1, 0), NAME);
    let mut forged = good.clone();
    let receipt = forged.receipt.as_mut().unwrap();
    receipt.payload = [&receipt.payload[..], b"x"].concat().into();
    let elsewhere = scene.peer.receipt(&Scene::event(2, 0), NAME);
    let other = scene.peer.receipt(&Scene::event(1, 0), OTHER);
    for (result, problem) in [
        (said(DeliveryOutcome::Kept), "no receipt"),
        (forged, "its receipt is not good"),
        (elsewhere, "for something else"),
        (other, "for something else"),
    ] {
        scene.peer_does([Does::Says(vec![result])]);
        assert_eq!(scene.deliver().await.put_off, 1, "{problem}");
        let (standing, found) = scene.standings().await.remove(0);
        assert!(standing == WAITING && found.contains(problem), "{found}");
        scene.feira.clock.advance(Span::hours(1));
    }
    scene.peer_does([Does::Says(vec![good])]);
    assert_eq!(scene.deliver().await.kept, 1);
}

#[tokio::test]
async fn what_a_city_lacks_is_sent_from_the_history_first() {
    let scene = Scene::begin().await;
    for sequence in 1..=4 {
        scene.keep(sequence).await;
    }
    scene.enqueue(5).await;
    let early = |next_sequence| DeliveryResult { next_sequence, ..said(DeliveryOutcome::Early) };
    scene.peer_does([Does::Says(vec![early(2)]), Does::Keeps]);
    assert_eq!(scene.deliver().await.kept, 1);
    assert_eq!(scene.calls(), [1, 3, 1]);

    scene.enqueue(6).await;
    scene.peer_does([Does::Says(vec![early(2)])]);
    assert_eq!(scene.deliver().await.put_off, 1, "what helps nothing is not repeated for ever");
    assert_eq!(scene.calls().len(), 2);
}

#[tokio::test]
async fn a_fork_that_is_not_proven_is_only_a_problem() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    for event in [None, Some(Scene::event(1, 5))] {
        scene.peer_does([Does::Says(vec![DeliveryResult { event, ..said(DeliveryOutcome::Forked) }])]);
        assert_eq!(scene.deliver().await.put_off, 1);
        assert!(scene.standings().await[0].1.contains("does not prove it"));
        scene.feira.clock.advance(Span::hours(1));
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_put_off_and_nothing_more() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    for results in [vec![], vec![said(DeliveryOutcome::Unspecified)], vec![said(DeliveryOutcome::Overtaken)]] {
        scene.peer_does([Does::Says(results.clone())]);
        assert_eq!(scene.deliver().await.put_off, 1, "{results:?}");
        scene.feira.clock.advance(Span::hours(1));
    }
    let more = vec![scene.peer.receipt(&Scene::event(1, 0), NAME), said(DeliveryOutcome::Refused)];
    scene.peer_does([Does::Says(more)]);
    assert_eq!(scene.deliver().await, Delivered { kept: 1, ..Delivered::default() }, "more than was asked for");
}

#[tokio::test]
async fn operators_see_how_much_waits_for_whom_and_since_when() {
    let scene = Scene::begin().await;
    scene.enqueue(1).await;
    scene.enqueue(2).await;
    let operator = Caller::token("x", Role::Administrator);
    let deliveries = async || {
        let mut peers = scene.feira.registry.list_peers(&operator, false, false).await.unwrap();
        peers.remove(0).deliveries
    };
    let waiting = deliveries().await.unwrap();
    assert_eq!((waiting.waiting_count, waiting.dead_count), (2, 0));
    assert_eq!(waiting.oldest_time, Some(isopolity_domain::clock::to_timestamp(NOW)));
    scene.feira.registry.log_delivery_depths().await;
    scene.deliver().await;
    assert_eq!(deliveries().await, None);
    scene.feira.registry.log_delivery_depths().await;
}
