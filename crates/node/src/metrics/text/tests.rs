use isopolity_domain::clock::to_timestamp;
use isopolity_proto::admin::{Peer, PeerDigest, PeerTrouble};
use isopolity_registry::figures::Counts;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00:00 UTC);

fn ago(time: Duration) -> Timestamp {
    to_timestamp(NOW - time)
}

fn nobody() -> Figures {
    Figures { time: NOW, peers: Vec::new(), elsewhere: PeerDeliveries::default(), counts: Counts::default() }
}

/// A peer of which nothing is known but that it was approved.
fn quiet(city: &str) -> PeerFigures {
    let shown = Peer {
        city: city.to_owned(),
        state: PeerState::Active.into(),
        circuit: Some(Circuit { state: CircuitState::Closed.into(), ..Circuit::default() }),
        ..Peer::default()
    };
    PeerFigures { shown, clock_skew: None }
}

/// The samples, without what describes them.
fn samples(figures: Figures) -> Vec<String> {
    of(figures).unwrap().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn has(samples: &[String], sample: &str) {
    assert!(samples.iter().any(|one| one == sample), "{sample} is not in {samples:#?}");
}

#[test]
fn a_node_without_peers_says_so_and_nothing_of_any() {
    let expected = [
        concat!("isopolity_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "isopolity_delivery_elsewhere_waiting 0",
        "isopolity_delivery_elsewhere_dead 0",
        "isopolity_delivery_elsewhere_oldest_age_seconds 0.0",
        "isopolity_cooperations_open 0",
        "isopolity_cooperation_steps_pending{state=\"awaits_approval\"} 0",
        "isopolity_cooperation_steps_pending{state=\"submitted\"} 0",
        "isopolity_cooperation_steps_pending{state=\"overtaken\"} 0",
        "isopolity_cooperation_steps_pending{state=\"refused\"} 0",
        "isopolity_mail_waiting 0",
        "isopolity_mail_given_up 0",
    ];
    assert_eq!(samples(nobody()), expected);
}

#[test]
fn a_metric_is_described_with_its_unit_and_the_text_has_an_end() {
    let text = of(nobody()).unwrap();
    let described = "# HELP isopolity_delivery_oldest_age_seconds For how long the oldest of those waits that wait. 0: none waits.\n\
                     # TYPE isopolity_delivery_oldest_age_seconds gauge\n\
                     # UNIT isopolity_delivery_oldest_age_seconds seconds\n";
    assert!(text.contains(described), "{text}");
    assert!(text.contains("# TYPE isopolity_build info\n"), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}

#[test]
fn a_peer_for_which_nothing_waits_is_there_with_zeros() {
    let found = samples(Figures { peers: vec![quiet("kenitra.example")], ..nobody() });
    for name in ["delivery_waiting", "delivery_dead", "peer_failures", "peer_troubles", "peer_audit_contradiction"] {
        has(&found, &format!("isopolity_{name}{{peer=\"kenitra.example\"}} 0"));
    }
    has(&found, "isopolity_delivery_oldest_age_seconds{peer=\"kenitra.example\"} 0.0");
    has(&found, "isopolity_peer_state{peer=\"kenitra.example\",state=\"active\"} 1");
    has(&found, "isopolity_peer_state{peer=\"kenitra.example\",state=\"suspended\"} 0");
    has(&found, "isopolity_peer_circuit{peer=\"kenitra.example\",state=\"closed\"} 1");
    has(&found, "isopolity_peer_circuit{peer=\"kenitra.example\",state=\"open\"} 0");
}

#[test]
fn what_is_not_known_of_a_peer_is_left_out() {
    let found = samples(Figures { peers: vec![quiet("kenitra.example")], ..nobody() });
    for name in ["peer_last_answer_age", "peer_clock_skew", "peer_bundle_left", "peer_digest_false_exclusions"] {
        assert!(!found.iter().any(|one| one.starts_with(&format!("isopolity_{name}"))), "{name}: {found:#?}");
    }
}

#[test]
fn what_is_known_of_a_peer_is_told() {
    let mut peer = quiet("kenitra.example");
    peer.clock_skew = Some(Duration::milliseconds(-1_500));
    peer.shown = Peer {
        deliveries: Some(PeerDeliveries { waiting_count: 3, dead_count: 2, oldest_time: Some(ago(Duration::days(2))) }),
        circuit: Some(Circuit { state: CircuitState::Open.into(), failures: 7, ..Circuit::default() }),
        last_answer_time: Some(ago(Duration::minutes(90))),
        bundle_expire_time: Some(ago(Duration::hours(-1))),
        troubles: vec![PeerTrouble::default()],
        digest: Some(PeerDigest { false_exclusions: 1, ..PeerDigest::default() }),
        audit_contradiction: "it was rewritten".to_owned(),
        records: 12,
        ..peer.shown
    };
    let found = samples(Figures { peers: vec![quiet("feira.example"), peer], ..nobody() });
    for (name, value) in [
        ("delivery_waiting", "3"),
        ("delivery_dead", "2"),
        ("delivery_oldest_age_seconds", "172800.0"),
        ("peer_failures", "7"),
        ("peer_last_answer_age_seconds", "5400.0"),
        ("peer_clock_skew_seconds", "-1.5"),
        ("peer_bundle_left_seconds", "3600.0"),
        ("peer_troubles", "1"),
        ("peer_records", "12"),
        ("peer_digest_false_exclusions_total", "1"),
        ("peer_audit_contradiction", "1"),
    ] {
        has(&found, &format!("isopolity_{name}{{peer=\"kenitra.example\"}} {value}"));
    }
    has(&found, "isopolity_delivery_waiting{peer=\"feira.example\"} 0");
    has(&found, "isopolity_peer_circuit{peer=\"kenitra.example\",state=\"open\"} 1");
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_younger_than_new() {
    let mut peer = quiet("kenitra.example");
    peer.shown.deliveries =
        Some(PeerDeliveries { waiting_count: 1, dead_count: 0, oldest_time: Some(ago(Duration::hours(-1))) });
    let found = samples(Figures { peers: vec![peer], ..nobody() });
    has(&found, "isopolity_delivery_oldest_age_seconds{peer=\"kenitra.example\"} 0.0");
}

#[test]
fn what_waits_in_the_city_and_for_cities_that_are_no_peers_is_told() {
    let counts = Counts {
        open_cooperations: 4,
        pending_steps: [(PendingState::AwaitsApproval.into(), 2), (PendingState::Refused.into(), 1)].into(),
        waiting_mails: 5,
        given_up_mails: 6,
    };
    let elsewhere = PeerDeliveries { waiting_count: 8, dead_count: 9, oldest_time: Some(ago(Duration::minutes(1))) };
    let found = samples(Figures { counts, elsewhere, ..nobody() });
    for sample in [
        "isopolity_cooperations_open 4",
        "isopolity_cooperation_steps_pending{state=\"awaits_approval\"} 2",
        "isopolity_cooperation_steps_pending{state=\"submitted\"} 0",
        "isopolity_cooperation_steps_pending{state=\"refused\"} 1",
        "isopolity_mail_waiting 5",
        "isopolity_mail_given_up 6",
        "isopolity_delivery_elsewhere_waiting 8",
        "isopolity_delivery_elsewhere_dead 9",
        "isopolity_delivery_elsewhere_oldest_age_seconds 60.0",
    ] {
        has(&found, sample);
    }
}
