//! How a node ends.

use std::time::{Duration, Instant};

use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::support::City;

#[test]
fn a_signal_to_end_drains_the_node() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    for signal in ["TERM", "INT"] {
        // As soon as it says that it is ready.
        let node = city.serve();
        node.running.signal(signal);
        let ended = node.running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("node has stopped"), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
        // Whatever the log was written to is whole in the database's own file.
        assert!(!city.folder.join("registry.db-wal").exists());
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_node_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let city = City::init(parent.path(), "feira.example");
    let mut node = city.serve();
    // A call that does not end by itself.
    let mut health = HealthClient::new(node.access.connect().await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());

    let begun = Instant::now();
    node.running.signal("TERM");
    node.running.wait_for("draining");
    node.running.signal("TERM");
    let ended = node.running.end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopped at once"), "{}", ended.stderr);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
