//! Numbers that tell an operator how the node is, for a program that collects them.
//!
//! They are read anew each time. What is told of peers comes from the functions that `ListPeers` calls, so the two never disagree;
//! nothing is counted for this alone. Six words are left out: to make them is slow on purpose.

use isopolity_proto::admin::{self, PeerDeliveries, PeerState};
use time::{Duration, OffsetDateTime};

pub use isopolity_store::Counts;

use crate::{Error, Registry};

/// How the node is.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The time at which that is so.
    pub time: OffsetDateTime,
    /// Every peer, by id. One that was left is among them only while something is still to be delivered to it.
    pub peers: Vec<PeerFigures>,
    /// What is on its way to cities that are no peers: others brought them into a cooperation.
    pub elsewhere: PeerDeliveries,
    /// How much there is of what is open and waits.
    pub counts: Counts,
}

/// How a peer is.
#[derive(Clone, Debug, Default)]
pub struct PeerFigures {
    /// As `ListPeers` shows it, but for the words and what the directory and the peer itself say of it.
    pub shown: admin::Peer,
    /// How far its clock was ahead of ours at the last greeting. `None`: there was none since this node's start.
    pub clock_skew: Option<Duration>,
}

impl Registry {
    /// Reads how the node is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn figures(&self) -> Result<Figures, Error> {
        let (peers, witnesses) = (self.store().peers().await?, self.store().witnesses().await?);
        let mut deliveries = self.peer_deliveries().await?;
        let mut figures = Figures {
            time: self.now(),
            peers: Vec::with_capacity(peers.len()),
            elsewhere: PeerDeliveries::default(),
            counts: self.store().counts().await?,
        };
        for peer in peers {
            let on_their_way = deliveries.remove(peer.city.as_str());
            if peer.state == PeerState::Left && on_their_way.is_none() {
                continue;
            }
            let mut shown = self.describe(&peer);
            shown.deliveries = on_their_way;
            if let Some(witness) = witnesses.iter().find(|one| one.city == peer.city) {
                shown.audit_witnessed_sequence = witness.receipt_sequence;
                shown.audit_contradiction.clone_from(&witness.contradiction);
            }
            let clock_skew = self.federation().health(&peer.city).clock_skew;
            figures.peers.push(PeerFigures { shown, clock_skew });
        }
        for rest in deliveries.into_values() {
            add(&mut figures.elsewhere, &rest);
        }
        Ok(figures)
    }
}

fn add(sum: &mut PeerDeliveries, more: &PeerDeliveries) {
    sum.waiting_count = sum.waiting_count.saturating_add(more.waiting_count);
    sum.dead_count = sum.dead_count.saturating_add(more.dead_count);
    let oldest = sum.oldest_time.iter().chain(&more.oldest_time).min_by_key(|time| (time.seconds, time.nanos)).copied();
    sum.oldest_time = oldest;
}
