//! Figures as `OpenMetrics` text. The names are what operators' rules and graphs hold on to: they stay.

use std::fmt;

use isopolity_domain::clock::from_timestamp;
use isopolity_proto::{
    admin::{Circuit, CircuitState, PeerDeliveries, PeerState},
    cooperation::PendingState,
};
use isopolity_registry::figures::{Figures, PeerFigures};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    metrics::MetricType,
    registry::{Registry, Unit},
};
use prost_types::Timestamp;
use time::{Duration, OffsetDateTime};

const PEER_STATES: [(PeerState, &str); 4] = [
    (PeerState::Invited, "invited"),
    (PeerState::Active, "active"),
    (PeerState::Suspended, "suspended"),
    (PeerState::Left, "left"),
];
const CIRCUIT_STATES: [(CircuitState, &str); 3] =
    [(CircuitState::Closed, "closed"), (CircuitState::HalfOpen, "half_open"), (CircuitState::Open, "open")];
const PENDING_STATES: [(PendingState, &str); 4] = [
    (PendingState::AwaitsApproval, "awaits_approval"),
    (PendingState::Submitted, "submitted"),
    (PendingState::Overtaken, "overtaken"),
    (PendingState::Refused, "refused"),
];

/// The text.
pub(super) fn of(figures: Figures) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("isopolity");
    registry.register_collector(Box::new(Exposition(figures)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Exposition(Figures);

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page { figures: &self.0, encoder };
        page.build()?;
        page.deliveries()?;
        page.standing()?;
        page.reach()?;
        page.trust()?;
        page.work()
    }
}

/// What is being written.
struct Page<'a, 'w> {
    figures: &'a Figures,
    encoder: DescriptorEncoder<'w>,
}

impl Page<'_, '_> {
    fn build(&mut self) -> fmt::Result {
        let mut build = self.encoder.encode_descriptor("build", "The program that runs.", None, MetricType::Info)?;
        build.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }

    fn deliveries(&mut self) -> fmt::Result {
        let (now, elsewhere) = (self.figures.time, &self.figures.elsewhere);
        self.of_peers("delivery_waiting", "Events of cooperations that wait to be delivered to the peer.", |peer| {
            Some(deliveries(peer).waiting_count.into())
        })?;
        self.of_peers(
            "delivery_dead",
            "Events of cooperations whose delivery to the peer was given up, until they are driven anew.",
            |peer| Some(deliveries(peer).dead_count.into()),
        )?;
        self.seconds_of_peers(
            "delivery_oldest_age",
            "For how long the oldest of those waits that wait. 0: none waits.",
            |peer| Some(age_of_oldest(&deliveries(peer), now)),
        )?;
        self.number(
            "delivery_elsewhere_waiting",
            "Events that wait to be delivered to cities that are no peers, together.",
            elsewhere.waiting_count.into(),
        )?;
        self.number(
            "delivery_elsewhere_dead",
            "Events whose delivery to cities that are no peers was given up, together.",
            elsewhere.dead_count.into(),
        )?;
        self.seconds(
            "delivery_elsewhere_oldest_age",
            "For how long the oldest of those waits that wait for cities that are no peers. 0: none waits.",
            age_of_oldest(elsewhere, now),
        )
    }

    /// How peers stand here, and whether they are called.
    fn standing(&mut self) -> fmt::Result {
        self.states_of_peers(
            "peer_state",
            "How far peering has come on this side: 1 for what it is.",
            PEER_STATES,
            |peer| peer.shown.state(),
        )?;
        self.states_of_peers(
            "peer_circuit",
            "Whether the peer is called: 1 for what it is. Closed: yes; open: not at present, it failed too often.",
            CIRCUIT_STATES,
            |peer| peer.shown.circuit.as_ref().map_or(CircuitState::Unspecified, Circuit::state),
        )?;
        self.of_peers("peer_failures", "How many calls of the peer failed in a row.", |peer| {
            peer.shown.circuit.as_ref().map(|circuit| circuit.failures.into())
        })
    }

    /// How peers answer.
    fn reach(&mut self) -> fmt::Result {
        let now = self.figures.time;
        self.seconds_of_peers(
            "peer_last_answer_age",
            "The time since the peer last answered a greeting or a question. Absent: it has not since this node's start.",
            |peer| age(peer.shown.last_answer_time.as_ref(), now),
        )?;
        self.seconds_of_peers(
            "peer_clock_skew",
            "How far the peer's clock was ahead of ours at the last greeting. Absent: there was none since this node's start.",
            |peer| peer.clock_skew,
        )?;
        self.of_peers(
            "peer_troubles",
            "Troubles with the peer that have not ended, of each direction at most one, and of its audit log.",
            |peer| i64::try_from(peer.shown.troubles.len()).ok(),
        )?;
        self.of_peers("peer_records", "How many records the peer last said we may see there.", |peer| {
            Some(peer.shown.records)
        })?;
        let help = "How often the peer had an answer though its digest said that it has none, since this node's start. Must be 0.";
        let mut metric =
            self.encoder.encode_descriptor("peer_digest_false_exclusions", help, None, MetricType::Counter)?;
        for peer in &self.figures.peers {
            let Some(digest) = &peer.shown.digest else { continue };
            let count = u64::try_from(digest.false_exclusions).unwrap_or_default();
            metric.encode_family(&labels(peer))?.encode_counter::<[(&str, &str); 1], _, f64>(&count, None)?;
        }
        Ok(())
    }

    /// How sure it is who peers are, and that they show everyone the same.
    fn trust(&mut self) -> fmt::Result {
        let now = self.figures.time;
        self.seconds_of_peers(
            "peer_bundle_left",
            "The time until the trust bundle that is held of the peer ends. Negative: it has ended.",
            |peer| Some(from_timestamp(peer.shown.bundle_expire_time.as_ref()?)? - now),
        )?;
        self.of_peers("peer_trust_warnings", "How much of the peer's trust is about to end or too old.", |peer| {
            i64::try_from(peer.shown.warnings.len()).ok()
        })?;
        self.of_peers(
            "peer_audit_contradiction",
            "1: what was seen of the peer's audit log does not agree, or the peer says so of ours. Otherwise 0.",
            |peer| Some((!peer.shown.audit_contradiction.is_empty()).into()),
        )
    }

    /// What waits in this city.
    fn work(&mut self) -> fmt::Result {
        let counts = &self.figures.counts;
        self.number(
            "cooperations_open",
            "Cooperations that are not over, drafts too.",
            number(counts.open_cooperations),
        )?;
        let help = "Steps of this city that are not part of a history yet, by the reason why not.";
        let mut metric = self.encoder.encode_descriptor("cooperation_steps_pending", help, None, MetricType::Gauge)?;
        for (state, name) in PENDING_STATES {
            let count = counts.pending_steps.get(&state.into()).copied().unwrap_or_default();
            metric.encode_family(&[("state", name)])?.encode_gauge(&number(count))?;
        }
        self.number("mail_waiting", "Mails that wait to be sent.", number(counts.waiting_mails))?;
        self.number("mail_given_up", "Mails that were given up and are still kept.", number(counts.given_up_mails))
    }

    fn number(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn seconds(&mut self, name: &str, help: &str, value: Duration) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
        metric.encode_gauge(&value.as_seconds_f64())
    }

    /// A number of each peer of which it is known.
    fn of_peers(&mut self, name: &str, help: &str, value: impl Fn(&PeerFigures) -> Option<i64>) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for peer in &self.figures.peers {
            if let Some(value) = value(peer) {
                metric.encode_family(&labels(peer))?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// A time of each peer of which it is known.
    fn seconds_of_peers(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&PeerFigures) -> Option<Duration>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for peer in &self.figures.peers {
            if let Some(value) = value(peer) {
                metric.encode_family(&labels(peer))?.encode_gauge(&value.as_seconds_f64())?;
            }
        }
        Ok(())
    }

    /// In which of these states each peer is: 1 for that one, 0 for the others, so that a rule can name any of them.
    fn states_of_peers<S: PartialEq + Copy, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        states: [(S, &str); N],
        of: impl Fn(&PeerFigures) -> S,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for peer in &self.figures.peers {
            for (state, name) in states {
                let labels = [("peer", peer.shown.city.as_str()), ("state", name)];
                metric.encode_family(&labels)?.encode_gauge(&i64::from(of(peer) == state))?;
            }
        }
        Ok(())
    }
}

fn labels(peer: &PeerFigures) -> [(&'static str, &str); 1] {
    [("peer", peer.shown.city.as_str())]
}

/// What is on its way to a peer. `ListPeers` leaves it out where there is nothing; here that is 0.
fn deliveries(peer: &PeerFigures) -> PeerDeliveries {
    peer.shown.deliveries.unwrap_or_default()
}

fn age_of_oldest(deliveries: &PeerDeliveries, now: OffsetDateTime) -> Duration {
    age(deliveries.oldest_time.as_ref(), now).unwrap_or_default()
}

/// The time since then. A clock that was set back makes nothing younger than new.
fn age(since: Option<&Timestamp>, now: OffsetDateTime) -> Option<Duration> {
    Some((now - from_timestamp(since?)?).max(Duration::ZERO))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
