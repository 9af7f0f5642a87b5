//! Two nodes that work together while the way between them breaks and they are killed: nothing that was acknowledged is lost or there
//! twice, and both end with the same history.
//!
//! As a test it takes half a minute on each database. `ISOPOLITY_CHAOS_SECONDS` makes it longer, `ISOPOLITY_CHAOS_SEED` gives it other
//! dice; what it did is on standard error at its end.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use isopolity_node::client::Client;
use isopolity_proto::{
    cooperation::{
        Cooperation, CooperationKind, CooperationState, Counter, CreateCooperationRequest, DeliveryStanding,
        GetCooperationRequest, KeptEvent, ListCooperationEventsRequest, ListDeliveriesRequest, Message, PendingState,
        Proposal, Step, StepOutcome, TakeStepRequest, Terms, cooperation_event,
        cooperation_service_client::CooperationServiceClient, step,
    },
    types::LocalizedText,
};
use isopolity_tests::{
    cut::{Cut, Mode},
    dice::Dice,
    on_both_databases,
    storage::Databases,
};
use tokio::time::sleep;
use tonic::Code;

use super::support::{Access, City, Node, PATIENCE, run};

const NORTH: &str = "north.example";
const SOUTH: &str = "south.example";

on_both_databases!(two_nodes_end_with_equal_histories_and_every_acknowledged_event_there_once);

/// One of the two, with the way that leads to it.
struct Place {
    city: City,
    way: Cut,
    node: Mutex<Option<Node>>,
    access: Mutex<Access>,
}

impl Place {
    async fn prepare(parent: &Path, id: &str, databases: &Databases) -> Self {
        let way = Cut::listening().await;
        let folder = parent.join(id);
        let mut words: Vec<String> = ["init", "--output", "json", "--city", id].map(str::to_owned).into();
        words.extend(["--api-listen", "127.0.0.1:0", "--federation-listen", "127.0.0.1:0"].map(str::to_owned));
        words.extend(["--federation-endpoint".to_owned(), way.endpoint()]);
        words.extend(["--dir".to_owned(), folder.to_str().unwrap().to_owned()]);
        if let Some(url) = databases.url().await {
            words.extend(["--storage".to_owned(), url]);
        }
        let token = run(words).json()["token"].as_str().unwrap().to_owned();
        let city = City { id: id.to_owned(), folder, token };
        let node = city.serve();
        way.lead_to(node.federation.parse().unwrap());
        let access = Mutex::new(node.access.clone());
        Self { city, way, node: Mutex::new(Some(node)), access }
    }

    /// Kills the node as a power cut would, and starts it anew.
    fn kill(&self) {
        let node = self.node.lock().unwrap().take().unwrap();
        node.running.signal("KILL");
        assert_eq!(node.running.end().code, None, "it ended by itself");
        let node = self.city.serve();
        self.way.lead_to(node.federation.parse().unwrap());
        *self.access.lock().unwrap() = node.access.clone();
        *self.node.lock().unwrap() = Some(node);
    }

    fn access(&self) -> Access {
        self.access.lock().unwrap().clone()
    }

    async fn client(&self) -> CooperationServiceClient<Client> {
        CooperationServiceClient::new(self.access().connect().await).max_decoding_message_size(16 << 20)
    }
}

/// What came of a step, as far as whoever took it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It was acknowledged as part of the history, or as on its way and not to be overtaken.
    Acknowledged,
    /// It was acknowledged as on its way, and may be overtaken.
    OnItsWay,
    /// The call broke: it may be there or not.
    Nothing,
}

fn text(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..Default::default() }]
}

fn terms(title: &str) -> Terms {
    Terms { titles: text(title), ..Default::default() }
}

async fn cooperation(place: &Place, other: &str, id: &str) -> String {
    let draft = Proposal {
        kind: CooperationKind::GoodPracticeExchange.into(),
        participants: vec![other.to_owned()],
        terms: Some(terms("the first offer")),
        ..Default::default()
    };
    let mut client = place.client().await;
    let request = CreateCooperationRequest { cooperation_id: id.to_owned(), draft: Some(draft), ..Default::default() };
    let name = client.create_cooperation(request).await.unwrap().into_inner().cooperation.unwrap().name;
    let step = Step { action: Some(step::Action::Proposal(Proposal::default())) };
    let request = TakeStepRequest { name: name.clone(), step: Some(step), ..Default::default() };
    client.take_step(request).await.unwrap();
    name
}

/// All cooperations, in the order in which they were begun.
type Names = Arc<Mutex<Vec<String>>>;

/// Those that are worked on: one is left before it has as many events as it may have.
fn latest(names: &Names) -> Vec<String> {
    let names = names.lock().unwrap();
    names[names.len().saturating_sub(3)..].to_vec()
}

/// Writes down what it does until it is told to stop.
async fn work(place: Arc<Place>, names: Names, mut dice: Dice, stop: Arc<AtomicBool>) -> Vec<(String, Told)> {
    let mut done = Vec::new();
    let mut number = 0;
    let mut client: Option<CooperationServiceClient<Client>> = None;
    while !stop.load(Ordering::Relaxed) {
        // A person who writes; not a wait for something.
        sleep(Duration::from_millis(20 + dice.below(120))).await;
        if client.is_none() {
            let access = place.access();
            let root = std::fs::read_to_string(&access.ca).unwrap();
            let Ok(connected) = isopolity_node::client::connect(&access.api, &root, Some(&access.token)).await else {
                continue;
            };
            client = Some(CooperationServiceClient::new(connected));
        }
        let Some(present) = client.as_mut() else { continue };
        number += 1;
        let mark = format!("{} {number}", place.city.id);
        let counters = dice.once_in(8);
        let action = if counters {
            step::Action::Counter(Counter { terms: Some(terms(&mark)), texts: Vec::new() })
        } else {
            step::Action::Message(Message { texts: text(&mark), in_reply_to: 0 })
        };
        let taken = Some(Step { action: Some(action) });
        let request = TakeStepRequest { name: dice.pick(&latest(&names)), step: taken, ..Default::default() };
        let told = tokio::time::timeout(Duration::from_secs(10), present.take_step(request)).await;
        match told {
            Ok(Ok(answer)) => match answer.into_inner().outcome() {
                StepOutcome::Submitted if counters => done.push((mark, Told::OnItsWay)),
                StepOutcome::Done | StepOutcome::Submitted => done.push((mark, Told::Acknowledged)),
                other => panic!("{other:?}"),
            },
            // An earlier counter of this city is still on its way, or the participant has not heard of the proposal yet.
            Ok(Err(refused)) if matches!(refused.code(), Code::FailedPrecondition | Code::NotFound | Code::Aborted) => {
            }
            Ok(Err(refused)) if refused.code() == Code::ResourceExhausted => {}
            Ok(Err(_)) | Err(_) => {
                done.push((mark, Told::Nothing));
                client = None;
            }
        }
    }
    done
}

/// The marks of a history: of messages and of offers.
fn marks(events: &[KeptEvent]) -> Vec<String> {
    let of = |event: &KeptEvent| match event.event.as_ref()?.action.as_ref()? {
        cooperation_event::Action::Message(message) => Some(message.texts.first()?.text.clone()),
        cooperation_event::Action::Counter(counter) => Some(counter.terms.as_ref()?.titles.first()?.text.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

async fn history(place: &Place, name: &str) -> Vec<KeptEvent> {
    let mut client = place.client().await;
    let mut all: Vec<KeptEvent> = Vec::new();
    loop {
        let after_sequence = all.last().and_then(|last| last.event.as_ref()).map_or(0, |event| event.sequence);
        let request = ListCooperationEventsRequest { name: name.to_owned(), after_sequence, page_size: 500 };
        let page = client.list_cooperation_events(request).await.unwrap().into_inner();
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events);
    }
}

async fn present(place: &Place, name: &str) -> Option<Cooperation> {
    let request = GetCooperationRequest { name: name.to_owned() };
    place.client().await.get_cooperation(request).await.ok()?.into_inner().cooperation
}

/// Whether nothing of a city waits any more.
async fn is_quiet(place: &Place, names: &[String]) -> bool {
    let standings = vec![DeliveryStanding::Waiting.into(), DeliveryStanding::Dead.into()];
    let request = ListDeliveriesRequest { standings, ..Default::default() };
    if !place.client().await.list_deliveries(request).await.unwrap().into_inner().deliveries.is_empty() {
        return false;
    }
    for name in names {
        let Some(cooperation) = present(place, name).await else { return false };
        if cooperation.pending_steps.iter().any(|step| step.state() == PendingState::Submitted) {
            return false;
        }
    }
    true
}

/// The steps that never became part of a history, with the reason.
async fn left_over(places: &[&Place], names: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    for place in places {
        for name in names {
            let Some(cooperation) = present(place, name).await else { continue };
            left.extend(cooperation.pending_steps.iter().map(|step| {
                let what = match step.step.as_ref().and_then(|step| step.action.as_ref()) {
                    Some(step::Action::Message(message)) => message.texts.first().map(|text| text.text.clone()),
                    _ => None,
                };
                format!("{} {name} {:?} {what:?}: {}", place.city.id, step.state(), step.reason)
            }));
        }
    }
    left
}

fn seconds() -> u64 {
    env::var("ISOPOLITY_CHAOS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

fn seed() -> u64 {
    env::var("ISOPOLITY_CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

async fn two_nodes_end_with_equal_histories_and_every_acknowledged_event_there_once(databases: Databases) {
    let parent = tempfile::tempdir().unwrap();
    let north = Arc::new(Place::prepare(parent.path(), NORTH, &databases).await);
    let south = Arc::new(Place::prepare(parent.path(), SOUTH, &databases).await);
    befriend(&north, &south, parent.path());
    let names: Names = Arc::default();
    for number in 0..3 {
        begin(&north, &south, &names, number).await;
    }

    let stop = Arc::new(AtomicBool::new(false));
    let workers = [(&north, 1), (&south, 2)].map(|(place, number)| {
        tokio::spawn(work(Arc::clone(place), Arc::clone(&names), Dice(seed() * 10 + number), Arc::clone(&stop)))
    });
    let begun = Instant::now();
    let mut dice = Dice(seed());
    let (mut kills, mut breaks) = (0_u32, 0_u32);
    while begun.elapsed() < Duration::from_secs(seconds()) {
        let begun_so_far = names.lock().unwrap().len();
        if begun.elapsed().as_secs() / 20 + 3 > u64::try_from(begun_so_far).unwrap() {
            begin(&north, &south, &names, begun_so_far).await;
        }
        let place = if dice.once_in(2) { &north } else { &south };
        if dice.below(10) < 2 {
            let place = Arc::clone(place);
            tokio::task::spawn_blocking(move || place.kill()).await.unwrap();
            kills += 1;
        } else if harm(&place.way, &mut dice) {
            breaks += 1;
        }
        sleep(Duration::from_millis(100 + dice.below(1_400))).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut told = BTreeMap::new();
    for worker in workers {
        told.extend(worker.await.unwrap());
    }
    let names = names.lock().unwrap().clone();
    for place in [&north, &south] {
        place.way.set(Mode::Pass);
        place.way.break_all();
    }

    let healed = Instant::now();
    while !(is_quiet(&north, &names).await && is_quiet(&south, &names).await) {
        assert!(healed.elapsed() < PATIENCE, "something still waits after {PATIENCE:?}");
        sleep(Duration::from_millis(200)).await;
    }
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let mut events = 0;
    for name in &names {
        let [there, elsewhere] = [history(&north, name).await, history(&south, name).await];
        let hashes = |events: &[KeptEvent]| events.iter().map(|one| one.hash.clone()).collect::<Vec<_>>();
        assert_eq!(hashes(&there), hashes(&elsewhere), "{name}: the histories differ");
        assert_eq!(present(&north, name).await.unwrap().state(), CooperationState::Proposed);
        events += there.len();
        for mark in marks(&there) {
            *found.entry(mark).or_default() += 1;
        }
    }
    let missing: Vec<&String> = told
        .iter()
        .filter(|(mark, told)| **told == Told::Acknowledged && !found.contains_key(*mark))
        .map(|(mark, _)| mark)
        .collect();
    assert!(missing.is_empty(), "{missing:?} were acknowledged; {:?}", left_over(&[&north, &south], &names).await);
    for (mark, told) in &told {
        let times = found.get(mark).copied().unwrap_or_default();
        match told {
            Told::Acknowledged => assert_eq!(times, 1, "{mark} was acknowledged"),
            Told::OnItsWay | Told::Nothing => assert!(times <= 1, "{mark} is there {times} times"),
        }
    }
    let acknowledged = told.values().filter(|told| **told == Told::Acknowledged).count();
    eprintln!(
        "{}: {} s, {kills} kills, {breaks} breaks, {} steps, {acknowledged} acknowledged, {events} events, equal {} ms after healing",
        databases.kind(),
        begun.elapsed().as_secs(),
        told.len(),
        healed.elapsed().as_millis()
    );
    assert!(kills > 0 && breaks > 0 && acknowledged > 10, "it was too quiet to say anything");
}

/// Breaks the way to a node, or mends it. Returns whether it broke it.
fn harm(way: &Cut, dice: &mut Dice) -> bool {
    let mode = match dice.below(8) {
        0..=1 => Mode::Pass,
        2 => Mode::Refuse,
        3 => Mode::Silent,
        // Somewhere in the middle of a request or an answer.
        4..=5 => Mode::CutAfter(usize::try_from(dice.below(6_000)).unwrap()),
        6 => Mode::Delay(Duration::from_millis(dice.below(400))),
        _ => {
            way.break_all();
            return true;
        }
    };
    way.set(mode);
    mode != Mode::Pass
}

/// Begins one more cooperation, here or there.
async fn begin(north: &Place, south: &Place, names: &Names, number: usize) {
    let id = format!("number-{number}");
    let name = if number % 3 == 2 { cooperation(south, NORTH, &id) } else { cooperation(north, SOUTH, &id) }.await;
    names.lock().unwrap().push(name);
}

fn befriend(north: &Place, south: &Place, parent: &Path) {
    for (at, other) in [(north, south), (south, north)] {
        let file = parent.join(format!("{}.bundle", other.city.id));
        let bundle = [OsStr::new("peer"), OsStr::new("bundle"), OsStr::new("--out"), file.as_os_str()];
        other.access().run(bundle).text();
        at.access().run([OsStr::new("peer"), OsStr::new("add"), file.as_os_str()]).text();
    }
    for (at, other) in [(north, south), (south, north)] {
        at.access().run(["peer", "approve", &other.city.id]).text();
    }
}
