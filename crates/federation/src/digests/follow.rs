//! Hearing at once when a peer publishes something, so that a digest of before is not used.
//!
//! One call for each peer, in which it names the point of its feed whenever that moves on, and every 15 s. Where it breaks the
//! digest is doubted until the peer has said anew that it is true.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use isopolity_domain::{CityId, feed::Position};
use isopolity_proto::{admin::PeerState, federation::WatchRequest};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use crate::{Peers, watch::Told};

/// How long a peer is left alone after it broke off, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// The peers whose feeds are followed. Ends with this.
#[derive(Debug, Default)]
pub(super) struct Followed(BTreeMap<CityId, AbortOnDropHandle<()>>);

impl Peers {
    /// Follows all active peers, and no others.
    pub(super) fn follow_feeds(&self, followed: &mut Followed) {
        if !self.uses_digests() {
            followed.0.clear();
            return;
        }
        let table = self.trust().table();
        let is_active = |city: &CityId| table.get(city).is_some_and(|peer| peer.state == PeerState::Active);
        followed.0.retain(|city, _| is_active(city));
        for city in table.keys().filter(|city| is_active(city)) {
            followed.0.entry(city.clone()).or_insert_with(|| {
                let (peers, city) = (self.clone(), city.clone());
                AbortOnDropHandle::new(tokio::spawn(async move { peers.follow_feed(&city).await }))
            });
        }
    }

    async fn follow_feed(&self, city: &CityId) {
        let mut pause = PAUSE.0;
        let mut told = Position::default();
        loop {
            if !self.gives_records(city) {
                sleep(PAUSE.1).await;
                continue;
            }
            let request = WatchRequest {
                epoch: told.epoch.clone(),
                after_sequence: told.sequence,
                purpose: "digest".to_owned(),
                ..WatchRequest::default()
            };
            let mut parts = self.watch(city, request);
            while let Some(part) = parts.next().await {
                match part {
                    Ok(Told::Position(position)) => {
                        pause = PAUSE.0;
                        self.confirm_digest(city, &position);
                        told = position;
                    }
                    // Nothing was asked for.
                    Ok(Told::Hit(_)) => {}
                    Err(error) => {
                        debug!(peer.city = %city, %error, "the feed is not followed");
                        break;
                    }
                }
            }
            self.doubt_digest(city);
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}
