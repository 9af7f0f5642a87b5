//! Trying each step of reaching a peer, on connections of its own, and saying of each what came of it and what to do.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use isopolity_domain::{CityId, clock, text::ANALYSER};
use isopolity_proto::{
    admin::{PeerState, TestOutcome, TestResult, TestStep},
    error::Reason,
    federation::HelloResponse,
    options::Audience,
};
use rustls_pki_types::ServerName;
use time::OffsetDateTime;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use crate::{
    HandshakeRefusal, Link as _, LinkError, PROTOCOL_VERSION, PeerSettings, Peers,
    bundle::parse_endpoint,
    link::{GrpcLink, in_seconds, may_be_called},
    tls::{self, H2},
};

/// The time for each step.
const STEP: Duration = Duration::from_secs(4);
/// Clocks may differ by less than this.
const SKEW: time::Duration = time::Duration::minutes(5);
/// The steps in order.
const STEPS: [TestStep; 7] = [
    TestStep::Dns,
    TestStep::Tcp,
    TestStep::Tls,
    TestStep::Identity,
    TestStep::Clock,
    TestStep::Version,
    TestStep::Agreement,
];

/// The results so far.
struct Report {
    results: Vec<TestResult>,
    begun: Instant,
}

impl Report {
    fn new() -> Self {
        Self { results: Vec::with_capacity(STEPS.len()), begun: Instant::now() }
    }

    fn add(&mut self, step: TestStep, outcome: TestOutcome, detail: String, advice: &str, reason: Reason) {
        let took = std::mem::replace(&mut self.begun, Instant::now()).elapsed();
        self.results.push(TestResult {
            step: step.into(),
            outcome: outcome.into(),
            took: prost_types::Duration::try_from(took).ok(),
            detail,
            advice: advice.to_owned(),
            reason: reason.into(),
        });
    }

    fn ok(&mut self, step: TestStep, detail: impl Into<String>) {
        self.add(step, TestOutcome::Ok, detail.into(), "", Reason::Unspecified);
    }

    fn failed(&mut self, step: TestStep, reason: Reason, detail: impl Into<String>, advice: &str) {
        self.add(step, TestOutcome::Failed, detail.into(), advice, reason);
    }

    /// All steps: those that were not reached were skipped.
    fn whole(mut self) -> Vec<TestResult> {
        for step in STEPS.into_iter().skip(self.results.len()) {
            self.results.push(TestResult {
                step: step.into(),
                outcome: TestOutcome::Skipped.into(),
                detail: "not reached".to_owned(),
                ..TestResult::default()
            });
        }
        self.results
    }
}

impl Peers {
    /// Tries each step of reaching a peer. Every step has a result; what comes after a step without which nothing works is skipped.
    pub async fn probe(&self, peer: &PeerSettings) -> Vec<TestResult> {
        let mut report = Report::new();
        if let Some(tcp) = self.probe_way(peer, &mut report).await
            && self.probe_handshake(peer, tcp, &mut report).await
        {
            self.probe_greeting(peer, &mut report).await;
        }
        report.whole()
    }

    /// The name, the addresses, something that listens.
    async fn probe_way(&self, peer: &PeerSettings, report: &mut Report) -> Option<TcpStream> {
        let endpoint = &peer.bundle.endpoint;
        let (host, port) = match parse_endpoint(endpoint) {
            Ok(parts) => parts,
            Err(problem) => {
                report.failed(TestStep::Dns, Reason::BundleInvalid, problem, "ask the city for its present bundle");
                return None;
            }
        };
        let found = timeout(STEP, tokio::net::lookup_host((host.as_str(), port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                let advice = "check the endpoint with the other city, and this machine's name server";
                let detail = format!("the name {host} can't be resolved: {error}");
                report.failed(TestStep::Dns, Reason::Connection, detail, advice);
                return None;
            }
            Err(_elapsed) => {
                let detail = format!("the name {host} was not resolved within {}", in_seconds(STEP));
                report.failed(TestStep::Dns, Reason::Connection, detail, "check this machine's name server");
                return None;
            }
        };
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in addresses {
            match may_be_called(self.trust(), address.ip(), endpoint) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = Some(error),
            }
        }
        if allowed.is_empty() {
            let error = refused.map_or_else(|| format!("the name {host} has no address"), |error| error.description);
            let advice = "if the federation runs on this network, set federation.allow_private_addresses; else tell the other city";
            report.failed(TestStep::Dns, Reason::AddressNotAllowed, error, advice);
            return None;
        }
        let listed: Vec<String> = allowed.iter().map(|address| address.ip().to_string()).collect();
        report.ok(TestStep::Dns, format!("{host} is {}", listed.join(", ")));

        let mut last = String::new();
        for address in allowed {
            last = match timeout(STEP, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    report.ok(TestStep::Tcp, format!("connected to {address}"));
                    return Some(tcp);
                }
                Ok(Err(error)) => format!("no connection to {address}: {error}"),
                Err(_elapsed) => format!("no connection to {address} within {}", in_seconds(STEP)),
            };
        }
        let advice =
            "ask whether the other city's node runs and its firewall lets this city in; check this city's own firewall";
        report.failed(TestStep::Tcp, Reason::Connection, last, advice);
        None
    }

    /// The handshake, and whose certificate it was.
    async fn probe_handshake(&self, peer: &PeerSettings, tcp: TcpStream, report: &mut Report) -> bool {
        let Some(name) =
            parse_endpoint(&peer.bundle.endpoint).ok().and_then(|(host, _)| ServerName::try_from(host).ok())
        else {
            report.failed(TestStep::Tls, Reason::BundleInvalid, "the endpoint's host can't be called", "");
            return false;
        };
        let (config, verifier) = tls::peer_client_config(&self.shared_trust(), self.leaf(), &peer.city);
        let shaken = timeout(STEP, TlsConnector::from(config).connect(name, tcp)).await;
        let problem = match shaken {
            Ok(Ok(tls)) if tls.get_ref().1.alpn_protocol() == Some(H2) => {
                report.ok(TestStep::Tls, "TLS 1.3 and HTTP/2");
                report.ok(TestStep::Identity, format!("it is {}", peer.city.spiffe_id()));
                return true;
            }
            Ok(Ok(_)) => "what answers there does not speak HTTP/2".to_owned(),
            Ok(Err(error)) => LinkError::of_io(&error).description,
            Err(_elapsed) => format!("the handshake was not finished within {}", in_seconds(STEP)),
        };
        match verifier.refusal() {
            None => {
                let advice =
                    "something else than a node may answer there, or a proxy that ends TLS: it must pass TCP through";
                report.failed(TestStep::Tls, Reason::TlsHandshake, problem, advice);
            }
            Some(refusal @ (HandshakeRefusal::Expired { .. } | HandshakeRefusal::NotYetValid { .. })) => {
                let advice = "compare both clocks; if they agree, the other city's node has to renew its certificate";
                report.failed(TestStep::Tls, Reason::TlsHandshake, refusal.to_string(), advice);
            }
            Some(refusal) => {
                report.ok(TestStep::Tls, "TLS 1.3, and a certificate in date");
                let advice = "another city's node may answer there, or the city has made new keys: telephone before you take its new bundle";
                report.failed(TestStep::Identity, Reason::TlsHandshake, refusal.to_string(), advice);
            }
        }
        false
    }

    /// What the peer says about itself and about us.
    async fn probe_greeting(&self, peer: &PeerSettings, report: &mut Report) {
        let (city, endpoint) = (peer.city.clone(), peer.bundle.endpoint.clone());
        let link = GrpcLink::new(self.shared_trust(), self.leaf().clone(), Arc::default(), self.ages(), city, endpoint);
        let clock = &self.trust().clock;
        let (sent, started) = (clock.now(), Instant::now());
        let greeting = self.greeting(&peer.city);
        let answer = match link.hello(greeting, STEP).await {
            Ok(answer) => answer,
            Err(error) => return greeting_failed(error, report),
        };
        let half = time::Duration::try_from(started.elapsed() / 2).unwrap_or_default();
        clock_step(&answer, sent + half, report);
        version_step(&answer, &peer.city, report);
        agreement_step(&answer, peer, report);
    }
}

/// What it means that there is no answer to a greeting, though the way is there.
fn greeting_failed(error: LinkError, report: &mut Report) {
    match error.reason {
        // In TLS 1.3 the other side judges our certificate after our half of the handshake.
        Reason::TlsHandshake => {
            report.results.pop();
            let advice = "send the other city this city's present bundle, and compare both clocks";
            report.failed(TestStep::Identity, error.reason, error.description, advice);
        }
        Reason::PeerUnknown | Reason::PeerSuspended | Reason::PeerLeft | Reason::PeerNotApproved => {
            skipped(report, &[TestStep::Clock, TestStep::Version], "it does not answer this city's greetings");
            let advice = "ask the other city to add this one, or to say why not";
            report.failed(TestStep::Agreement, error.reason, error.description, advice);
        }
        Reason::ProtocolIncompatible => {
            skipped(report, &[TestStep::Clock], "there was no answer to a greeting");
            report.failed(TestStep::Version, error.reason, error.description, "upgrade the older of the two nodes");
        }
        reason => {
            skipped(report, &[TestStep::Clock], "there was no answer to a greeting");
            let advice = "the node is there but does not answer: ask the other city to look at its log";
            report.failed(TestStep::Version, reason, error.description, advice);
        }
    }
}

fn skipped(report: &mut Report, steps: &[TestStep], why: &str) {
    for step in steps {
        report.add(*step, TestOutcome::Skipped, why.to_owned(), "", Reason::Unspecified);
    }
}

fn clock_step(answer: &HelloResponse, middle: OffsetDateTime, report: &mut Report) {
    match answer.time.as_ref().and_then(clock::from_timestamp).map(|theirs| theirs - middle) {
        None => report.failed(TestStep::Clock, Reason::AnswerInvalid, "it does not tell its time", "upgrade that node"),
        Some(skew) if skew.abs() < SKEW => {
            report.ok(TestStep::Clock, format!("the clocks differ by {:.1} s", skew.as_seconds_f64().abs()));
        }
        Some(skew) => {
            let way = if skew.is_positive() { "ahead of" } else { "behind" };
            let minutes = skew.abs().as_seconds_f64() / 60.0;
            let detail = format!("its clock is {minutes:.1} min {way} this one");
            report.failed(
                TestStep::Clock,
                Reason::ClockSkew,
                detail,
                "compare both with a time server (NTP) and set the wrong one",
            );
        }
    }
}

fn version_step(answer: &HelloResponse, city: &CityId, report: &mut Report) {
    let analyser: String = answer.analyser.chars().filter(|letter| !letter.is_control()).take(100).collect();
    if answer.city != city.as_str() {
        let detail = "it answers in the name of another city";
        report.failed(
            TestStep::Version,
            Reason::AnswerInvalid,
            detail,
            "ask the other city to look at its configuration",
        );
    } else if answer.protocol_version < PROTOCOL_VERSION {
        let detail = format!("it speaks protocol {}, this node speaks {PROTOCOL_VERSION}", answer.protocol_version);
        report.failed(TestStep::Version, Reason::ProtocolIncompatible, detail, "upgrade the older of the two nodes");
    } else if analyser != ANALYSER {
        let detail = format!("it cuts words by {analyser:?}, this node by {ANALYSER:?}");
        report.failed(TestStep::Version, Reason::ProtocolIncompatible, detail, "upgrade the older of the two nodes");
    } else {
        report.ok(TestStep::Version, format!("protocol {PROTOCOL_VERSION}, {analyser}"));
    }
}

fn agreement_step(answer: &HelloResponse, peer: &PeerSettings, report: &mut Report) {
    let said: String = answer.state_reason.chars().filter(|letter| !letter.is_control()).take(500).collect();
    let why = |said: &str| if said.is_empty() { String::new() } else { format!(": {said}") };
    let city = &peer.city;
    let (reason, detail, advice) = match (peer.state, answer.state()) {
        (PeerState::Suspended, _) => {
            let detail = format!("suspended here{}", why(&peer.state_reason));
            (Reason::PeerSuspended, detail, "approve it again, if that is over")
        }
        (PeerState::Left, _) => {
            let detail = format!("left here{}", why(&peer.state_reason));
            (Reason::PeerLeft, detail, "invite the city anew, or join with a code of its")
        }
        (_, PeerState::Suspended) => {
            (Reason::PeerSuspended, format!("suspended by {city}{}", why(&said)), "telephone with the other city")
        }
        (_, PeerState::Left) => {
            (Reason::PeerLeft, format!("left by {city}{}", why(&said)), "telephone with the other city")
        }
        (PeerState::Active, _) if answer.approved => {
            let may =
                if answer.audience() == Audience::Federation { "what is for partner cities" } else { "what is public" };
            let detail =
                format!("both have approved; this city may see {may} there, {} records", answer.records.max(0));
            return report.ok(TestStep::Agreement, detail);
        }
        (PeerState::Active, _) => {
            let detail = format!("{city} has not approved this city yet");
            (Reason::PeerNotApproved, detail, "ask the other city to approve this one")
        }
        _ => {
            let detail = "not approved here yet".to_owned();
            (Reason::PeerNotApproved, detail, "compare the six words by telephone, then approve it")
        }
    };
    report.failed(TestStep::Agreement, reason, detail, advice);
}
