//! New keys while nodes run and are asked all the time, while they do not see each other, and because a key was stolen.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use isopolity_domain::Clock as _;
use isopolity_proto::{
    admin::{KeyKind, KeyState, RevokeCertificatesRequest},
    federation::{WatchRequest, federation_service_client::FederationServiceClient, watch_response::Part},
};
use isopolity_tests::{
    Api, Mode, TestNode,
    clock::eventually,
    federation,
    refusal::{metadata, reason},
    sample::{partnership, partnerships},
    stranger,
};
use time::Duration;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

const FEIRA: &str = "feira.example";
const GENEVE: &str = "geneve.example";
const KENITRA: &str = "kenitra.example";

/// Questions to the whole federation, one after the other without a pause, and what came of them.
struct Load {
    asked: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Load {
    fn start(apis: &[&Api], cities: i32) -> Self {
        let (asked, failures): (Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) = (Arc::default(), Arc::default());
        let ask = |api: &Api| {
            let (api, asked, failures) = (api.clone(), asked.clone(), failures.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    let answer = api.ask(partnerships()).await;
                    if answer.coverage.as_ref().unwrap().cities_answered != cities {
                        failures.lock().unwrap().push(format!("{:?}", answer.outcomes));
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            }))
        };
        let tasks = apis.iter().map(|api| ask(api)).collect();
        Self { asked, failures, _tasks: tasks }
    }

    /// Goes on until so many more questions were answered.
    async fn goes_on(&self, questions: usize) {
        let goal = self.asked.load(Ordering::SeqCst) + questions;
        eventually("the questions go on", async || (self.asked.load(Ordering::SeqCst) >= goal).then_some(())).await;
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{} failed; the first: {}", failures.len(), failures[0]);
    }
}

/// Prepares a key, waits until the peers know it, and takes it into use.
async fn prepare_and_rotate(city: &TestNode, kind: KeyKind) {
    city.api.prepare(kind).await;
    eventually("peers know the key that comes next", async || {
        let refused = match city.api.rotate(kind, false).await {
            Ok(()) => return Some(()),
            Err(refused) => refused,
        };
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "PEERS_BEHIND".into()));
        assert!(metadata(&refused, "peers").is_some());
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_leaf_ca_and_record_key_are_rotated_under_load_without_a_failed_call() {
    let plans = [FEIRA, GENEVE, KENITRA].map(|city| TestNode::plan(city).with_young_connections());
    let [feira, geneve, kenitra] = federation::among(plans).await;
    let before = geneve.api.create("before", partnership("Before", "MA")).await;
    let load = Load::start(&[&feira.api, &geneve.api, &kenitra.api], 3);
    load.goes_on(60).await;

    for city in [&geneve, &feira] {
        let first = city.api.trust().await;
        city.registry().federation().leaf().renew(city.clock.now()).unwrap();
        load.goes_on(150).await;
        for kind in [KeyKind::Record, KeyKind::Authority] {
            prepare_and_rotate(city, kind).await;
            load.goes_on(150).await;
        }
        let last = city.api.trust().await;
        let current = |trust: &isopolity_proto::admin::GetTrustResponse| {
            let keys = trust.keys.iter().filter(|key| key.state() == KeyState::Current);
            keys.map(|key| key.id.clone()).collect::<Vec<_>>()
        };
        assert!(current(&first).iter().all(|key| !current(&last).contains(key)), "both keys are new");
        assert!(last.certificates.len() >= 3, "{:?}", last.certificates);
    }

    // What the former key signed is believed as what the new one signs; a page goes on.
    let after = geneve.api.create("after", partnership("After", "MA")).await;
    for record in [&before, &after] {
        assert!(feira.api.record(&record.name).await.unwrap().envelope.is_some(), "{}", record.name);
    }
    load.goes_on(30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t2_two_cities_that_rotated_everything_while_partitioned_find_each_other_again() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    geneve.api.create("one", partnership("One", "MA")).await;
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);

    for city in [&feira, &geneve] {
        city.cut.set(Mode::Refuse);
    }
    for city in [&feira, &geneve] {
        for kind in [KeyKind::Record, KeyKind::Authority, KeyKind::Record, KeyKind::Record, KeyKind::Authority] {
            city.api.prepare(kind).await;
            city.api.rotate(kind, true).await.unwrap();
        }
    }
    for city in [&feira, &geneve] {
        city.cut.set(Mode::Pass);
    }
    // Neither believes the other's certificate: this is what the worker does by the clock, and nothing else is done here.
    eventually("they find each other again", async || {
        feira.registry().tend_peers().await;
        geneve.registry().tend_peers().await;
        let answered = async |city: &TestNode| city.api.ask(partnerships()).await.coverage.unwrap().cities_answered;
        (answered(&feira).await == 2 && answered(&geneve).await == 2).then_some(())
    })
    .await;
    assert_eq!(feira.api.peer(GENEVE, false).await.bundle_sequence, geneve.api.trust().await.bundle_sequence);
    assert_eq!(geneve.api.peer(FEIRA, false).await.bundle_sequence, feira.api.trust().await.bundle_sequence);
    let record = feira.api.record("cities/geneve.example/partnerships/one").await.unwrap();
    assert!(record.envelope.is_some(), "a record that a key of before signed is believed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t3_a_stolen_certificate_is_worth_nothing_as_soon_as_peers_hear_of_it_also_on_open_streams() {
    let [feira, geneve] = federation::of([FEIRA, GENEVE]).await;
    let now = geneve.clock.now();
    let stolen = geneve.identity().issue_node_leaf(now, Duration::days(7)).unwrap();
    geneve.identity().enter_leaf(&stolen.chain, now);
    let address = feira.node().federation_address();
    let again = || {
        stranger::Shown::from(isopolity_federation::Leaf {
            chain: stolen.chain.clone(),
            key: stolen.key.clone_key().into(),
            ..stolen
        })
    };

    // The thief watches Feira in Genève's name.
    let mut thief = FederationServiceClient::new(stranger::channel(address, Some(again())));
    let mut stream = thief.watch(WatchRequest::default()).await.unwrap().into_inner();
    assert!(matches!(stream.message().await.unwrap().unwrap().part, Some(Part::Position(_))));

    let request = RevokeCertificatesRequest { serials: Vec::new() };
    let revoked = geneve.api.trusts().revoke_certificates(request).await.unwrap().into_inner();
    assert!(revoked.certificates.len() >= 2, "the one in use and the stolen one: {revoked:?}");
    assert!(revoked.certificates.iter().all(|one| one.revoke_time.is_some()));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while let Ok(Some(_)) = stream.message().await {}
    });
    ended.await.expect("the thief's stream ends");
    let refused = stranger::call(address, Some(again())).await.unwrap_err();
    assert!(refused.contains("CertificateRevoked"), "{refused}");
    let trouble = feira.api.trouble(GENEVE, true).await.unwrap();
    assert!(trouble.description.contains("was revoked by its city"), "{trouble:?}");

    // Genève itself goes on with a new one.
    for city in [&feira, &geneve] {
        eventually("both answer", async || {
            (city.api.ask(partnerships()).await.coverage?.cities_answered == 2).then_some(())
        })
        .await;
    }
    let certificates = geneve.api.trust().await.certificates;
    assert!(certificates.iter().any(|one| one.in_use && one.revoke_time.is_none()), "{certificates:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_not_prepared_does_not_take_over() {
    let feira = TestNode::start(FEIRA).await;
    for kind in [KeyKind::Record, KeyKind::Authority] {
        let refused = feira.api.rotate(kind, true).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "KEY_NOT_PREPARED".into()));
    }
    let refused = feira.api.rotate(KeyKind::Unspecified, true).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "FIELD_REQUIRED".into()));
    let request = RevokeCertificatesRequest { serials: vec!["00".into()] };
    let refused = feira.api.trusts().revoke_certificates(request).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "KEY_UNKNOWN".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rotated_is_there_after_a_restart() {
    let mut feira = TestNode::start(FEIRA).await;
    for kind in [KeyKind::Record, KeyKind::Authority] {
        feira.api.prepare(kind).await;
        feira.api.rotate(kind, false).await.unwrap();
    }
    let before = feira.api.trust().await;
    feira.restart().await;
    let after = feira.api.trust().await;
    assert_eq!((before.keys, before.bundle_sequence), (after.keys, after.bundle_sequence));
    assert_eq!(feira.api.node().await.bundle_sequence, after.bundle_sequence);
}
