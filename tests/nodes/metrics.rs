//! How nodes are, as Prometheus reads it.

use std::net::SocketAddr;

use isopolity_domain::{Clock as _, clock::from_timestamp};
use isopolity_node::StartError;
use isopolity_proto::admin::Peer;
use isopolity_store::{DeliveryFilter, DeliveryRow};
use isopolity_tests::{TestNode, clock::eventually, cut::Mode, federation::among, town::administrator};
use time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::deliveries::ask;

const FEIRA: &str = "feira.example";
const KENITRA: &str = "kenitra.example";

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// What was answered: the line with the status, the header, the body.
struct Answer {
    status: String,
    header: String,
    body: String,
}

impl Answer {
    /// The value of a sample, as it is written.
    fn value(&self, sample: &str) -> Option<&str> {
        self.body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
    }

    /// The value of a sample of Kénitra.
    fn of_kenitra(&self, metric: &str) -> Option<&str> {
        self.value(&format!("isopolity_{metric}{{peer=\"{KENITRA}\"}}"))
    }

    /// The same of one that is a number of seconds.
    fn seconds(&self, metric: &str) -> f64 {
        self.of_kenitra(metric).unwrap().parse().unwrap()
    }

    /// How much waits for Kénitra, how much was given up, and for how many seconds the oldest waits.
    fn depth(&self) -> [&str; 3] {
        ["delivery_waiting", "delivery_dead", "delivery_oldest_age_seconds"]
            .map(|metric| self.of_kenitra(metric).unwrap())
    }
}

async fn call(city: &TestNode, method: &str, path: &str) -> Answer {
    let mut tcp = TcpStream::connect(city.node().metrics_address().unwrap()).await.unwrap();
    tcp.write_all(format!("{method} {path} HTTP/1.1\r\nhost: {FEIRA}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, header) = head.split_once("\r\n").unwrap();
    Answer { status: status.to_owned(), header: header.to_owned(), body: body.to_owned() }
}

async fn scrape(city: &TestNode) -> Answer {
    let answer = call(city, "GET", "/metrics").await;
    assert_eq!(answer.status, "HTTP/1.1 200 OK", "{}", answer.body);
    answer
}

/// The one peer, as administrators see it.
async fn listed(city: &TestNode) -> Peer {
    city.registry().list_peers(&administrator(), false, false).await.unwrap().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_city_that_is_away_grows_and_ages_and_is_nothing_once_it_is_delivered() {
    let plans = [TestNode::plan(FEIRA).with_metrics_at(anywhere()), TestNode::plan(KENITRA)];
    let [feira, kenitra] = among(plans).await;
    let before = scrape(&feira).await;
    assert_eq!(before.depth(), ["0", "0", "0.0"], "a peer for which nothing waits is there");
    assert_eq!(before.value("isopolity_cooperations_open"), Some("0"));

    kenitra.cut.set(Mode::Refuse);
    kenitra.cut.break_all();
    ask(&feira, KENITRA, "visit", "When do you come?").await;
    assert_eq!(scrape(&feira).await.depth(), ["1", "0", "0.0"]);
    for city in [&feira, &kenitra] {
        city.clock.advance(Duration::hours(1));
    }
    assert_eq!(scrape(&feira).await.depth(), ["1", "0", "3600.0"]);
    let name = ask(&feira, KENITRA, "market", "Who buys our cheese?").await;
    let away = scrape(&feira).await;
    assert_eq!(away.depth(), ["2", "0", "3600.0"], "the oldest counts");
    assert_eq!(away.value("isopolity_cooperations_open"), Some("2"));

    // The administrators' list says the same.
    let deliveries = listed(&feira).await.deliveries.unwrap();
    assert_eq!((deliveries.waiting_count, deliveries.dead_count), (2, 0));
    let since = from_timestamp(&deliveries.oldest_time.unwrap()).unwrap();
    assert_eq!((feira.clock.now() - since).whole_seconds(), 3_600);

    kenitra.cut.set(Mode::Pass);
    kenitra.registry().tend_peers().await;
    eventually("everything is delivered", async || (scrape(&feira).await.depth() == ["0", "0", "0.0"]).then_some(()))
        .await;
    kenitra.registry().cooperation(&administrator(), &name).await.unwrap();
}

/// For how many seconds the one peer has not answered, by what administrators see.
async fn age(city: &TestNode) -> f64 {
    let answered = from_timestamp(&listed(city).await.last_answer_time.unwrap()).unwrap();
    (city.clock.now() - answered).as_seconds_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_peer_answers_is_told_as_administrators_see_it() {
    let plans = [TestNode::plan(FEIRA).with_metrics_at(anywhere()), TestNode::plan(KENITRA)];
    let [feira, kenitra] = among(plans).await;
    feira.registry().list_peers(&administrator(), false, true).await.unwrap();
    feira.clock.advance(Duration::minutes(2));
    // Kénitra may answer something meanwhile: then its age falls.
    let before = age(&feira).await;
    let answer = scrape(&feira).await;
    let told = answer.seconds("peer_last_answer_age_seconds");
    assert!((age(&feira).await - 0.001..=before + 0.001).contains(&told), "{told} of {before}");
    assert!(answer.seconds("peer_clock_skew_seconds").abs() < 180.0, "{}", answer.body);
    assert!(answer.seconds("peer_bundle_left_seconds") > 86_400.0);
    let state = |metric: &str, state: &str| {
        answer.value(&format!("isopolity_{metric}{{peer=\"{KENITRA}\",state=\"{state}\"}}")).unwrap()
    };
    assert_eq!((state("peer_state", "active"), state("peer_state", "suspended")), ("1", "0"));
    assert_eq!((state("peer_circuit", "closed"), state("peer_circuit", "open")), ("1", "0"));

    feira.registry().suspend_peer(&administrator(), KENITRA, "a test").await.unwrap();
    assert_eq!(
        scrape(&feira).await.value(&format!("isopolity_peer_state{{peer=\"{KENITRA}\",state=\"suspended\"}}")),
        Some("1")
    );
    feira.registry().leave_peer(&administrator(), KENITRA, "the test is over").await.unwrap();
    assert!(!scrape(&feira).await.body.contains(KENITRA), "nothing is told of a city that was left");
    drop(kenitra);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_waits_for_a_city_that_was_left_and_for_one_that_never_was_a_peer_is_told() {
    let plans = [TestNode::plan(FEIRA).with_metrics_at(anywhere()), TestNode::plan(KENITRA)];
    let [feira, kenitra] = among(plans).await;
    kenitra.cut.set(Mode::Refuse);
    kenitra.cut.break_all();
    ask(&feira, KENITRA, "visit", "When do you come?").await;
    feira.registry().leave_peer(&administrator(), KENITRA, "a test").await.unwrap();

    // As one that Kénitra had brought into a cooperation, which Feira has to pass something on to.
    let store = feira.registry().store();
    let waiting = store.deliveries(&DeliveryFilter::default(), 1, None).await.unwrap().remove(0);
    let praia = DeliveryRow { id: format!("{}-praia", waiting.id), city: "praia.example".parse().unwrap(), ..waiting };
    let mut tx = store.begin("test").await.unwrap();
    tx.enqueue_deliveries(&[praia]).await.unwrap();
    tx.commit().await.unwrap();

    feira.clock.advance(Duration::hours(1));
    let answer = scrape(&feira).await;
    assert_eq!(answer.depth(), ["1", "0", "3600.0"]);
    let left = format!("isopolity_peer_state{{peer=\"{KENITRA}\",state=\"left\"}}");
    assert_eq!(answer.value(&left), Some("1"));
    assert_eq!(answer.value("isopolity_delivery_elsewhere_waiting"), Some("1"));
    assert_eq!(answer.value("isopolity_delivery_elsewhere_oldest_age_seconds"), Some("3600.0"));
    assert!(!answer.body.contains("praia"), "only peers are named");
}

#[tokio::test]
async fn nothing_but_metrics_is_served_and_nothing_but_reading_them() {
    let feira = TestNode::plan(FEIRA).with_metrics_at(anywhere()).start().await;
    let answer = scrape(&feira).await;
    let form = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.header.lines().any(|line| line == form), "{}", answer.header);
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
    assert!(!answer.body.contains("peer="), "there are no peers");
    for path in ["/", "/metrics/", "/metrics/x", "/isopolity.admin.v1.PeerService/ListPeers"] {
        assert_eq!(call(&feira, "GET", path).await.status, "HTTP/1.1 404 Not Found", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(call(&feira, method, "/metrics").await.status, "HTTP/1.1 405 Method Not Allowed", "{method}");
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_not_told_as_if_it_were_nothing() {
    let feira = TestNode::plan(FEIRA).with_metrics_at(anywhere()).start().await;
    feira.registry().store().clone().close().await;
    let answer = call(&feira, "GET", "/metrics").await;
    assert_eq!(answer.status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(answer.body, "metrics can't be read; the node's log says why\n");
}

#[tokio::test]
async fn metrics_are_served_only_where_the_configuration_says_so_and_as_long_as_the_node_runs() {
    let mut feira = TestNode::start(FEIRA).await;
    assert_eq!(feira.node().metrics_address(), None);
    feira.stop().await;

    let mut kenitra = TestNode::plan(KENITRA).with_metrics_at(anywhere()).start().await;
    let address = kenitra.node().metrics_address().unwrap();
    drop(TcpStream::connect(address).await.unwrap());
    kenitra.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_the_node_does_not_start() {
    let taken = TcpListener::bind(anywhere()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let refused = TestNode::plan(FEIRA).with_metrics_at(address).try_start().await.err().unwrap();
    assert!(matches!(refused, StartError::Listen { key: "metrics.listen", .. }), "{refused}");
    assert!(
        refused.to_string().starts_with(&format!("metrics.listen = \"{address}\" can't be listened on")),
        "{refused}"
    );
}
