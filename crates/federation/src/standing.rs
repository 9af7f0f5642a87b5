//! How a peer stands here, as it bears on calls: telling it, and ending what is under way.

use std::{pin::Pin, time::Duration};

use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, clock};
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    error::Reason,
    federation::{HelloRequest, HelloResponse},
};
use tokio::time::timeout;

use crate::{LinkError, PROTOCOL_VERSION, Peers};

impl Peers {
    /// Greets a city in whatever state it is, so that it learns how it stands here. Neither its circuit nor its troubles change.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer in time.
    pub async fn tell(&self, city: &CityId, within: Duration) -> Result<HelloResponse, LinkError> {
        let link = self.any_link(city)?;
        let told = timeout(within, link.hello(self.greeting(city), within)).await;
        told.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))
    }

    /// What this city says when it greets.
    pub(crate) fn greeting(&self, city: &CityId) -> HelloRequest {
        let table = self.trust().table();
        let known = table.get(city);
        HelloRequest {
            protocol_version: PROTOCOL_VERSION,
            software: concat!("isopolity/", env!("CARGO_PKG_VERSION")).to_owned(),
            time: Some(clock::to_timestamp(self.trust().clock.now())),
            bundle_sequence: *self.bundle_sequence().borrow(),
            held_bundle_sequence: known.map_or(0, |peer| peer.bundle.sequence),
            state: known.map_or(PeerState::Unspecified, |peer| peer.state).into(),
            state_reason: known.map(|peer| peer.state_reason.clone()).unwrap_or_default(),
        }
    }

    /// Waits until a city is no active peer any more, and says why it is not.
    pub async fn held_back(&self, city: &CityId) -> LinkError {
        let mut changes = self.trust().changes();
        loop {
            if let Some(why) = self.why_held_back(city) {
                return why;
            }
            // The sender lives as long as these peers.
            if changes.changed().await.is_err() {
                return LinkError::new(Outcome::NotAsked, Reason::ShuttingDown, "the node is shutting down");
            }
        }
    }

    fn why_held_back(&self, city: &CityId) -> Option<LinkError> {
        // Without a copy: this is looked at with each question.
        let table = self.trust().table();
        let Some(peer) = table.get(city) else {
            let text = format!("{city} is not a peer here");
            return Some(LinkError::new(Outcome::NotAsked, Reason::PeerUnknown, text));
        };
        let why = &peer.state_reason;
        Some(match peer.state {
            PeerState::Active => return None,
            PeerState::Suspended => {
                let text = format!("the peering is suspended here: {why}");
                LinkError::new(Outcome::Suspended, Reason::PeerSuspended, text)
            }
            PeerState::Left => {
                LinkError::new(Outcome::NotAsked, Reason::PeerLeft, format!("the peering has ended here: {why}"))
            }
            _ => {
                let text = format!("{city} is not an approved peer here");
                LinkError::new(Outcome::NotAsked, Reason::PeerNotApproved, text)
            }
        })
    }

    /// The parts of an answer of a peer, as long as it is active here. After that an error that says why, and the end.
    pub(crate) fn while_active<T: Send + 'static>(
        &self,
        city: &CityId,
        parts: BoxStream<'static, Result<T, LinkError>>,
    ) -> BoxStream<'static, Result<T, LinkError>> {
        let (peers, city) = (self.clone(), city.clone());
        let held = Box::pin(async move { peers.held_back(&city).await });
        until(held, parts)
    }
}

/// The parts of a stream until a future is ready with the error that ends it.
#[must_use]
pub fn until<T: Send + 'static, E: Send + 'static>(
    held: Pin<Box<dyn Future<Output = E> + Send>>,
    parts: BoxStream<'static, Result<T, E>>,
) -> BoxStream<'static, Result<T, E>> {
    stream::unfold(Some((held, parts)), |open| async move {
        let (mut held, mut parts) = open?;
        tokio::select! {
            biased;
            why = &mut held => Some((Err(why), None)),
            part = parts.next() => Some((part?, Some((held, parts)))),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Node, city, pair};

    const WITHIN: Duration = Duration::from_secs(20);

    async fn held(peers: &Peers, of: &CityId) -> LinkError {
        timeout(WITHIN, peers.held_back(of)).await.unwrap()
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_reason_as_soon_as_its_peer_is_held_back() {
        let (geneve, feira) = pair().await;
        let endless = stream::repeat(Ok::<_, LinkError>(1)).boxed();
        let mut parts = geneve.peers.while_active(feira.city(), endless);
        assert_eq!(parts.next().await, Some(Ok(1)));
        let mut silent = geneve.peers.while_active(feira.city(), stream::pending::<Result<i32, LinkError>>().boxed());
        let waiting = tokio::spawn(async move { (silent.next().await, silent.next().await) });
        geneve.peers.set(vec![feira.as_peer(PeerState::Suspended)]);
        let error = parts.next().await.unwrap().unwrap_err();
        assert_eq!((error.outcome, error.reason), (Outcome::Suspended, Reason::PeerSuspended));
        assert!(error.description.contains("a test"), "{error}");
        assert_eq!(parts.next().await, None);
        let (first, second) = timeout(WITHIN, waiting).await.unwrap().unwrap();
        assert_eq!(
            (first.unwrap().unwrap_err().reason, second),
            (Reason::PeerSuspended, None),
            "also where nothing comes"
        );
        geneve.peers.set(vec![feira.as_peer(PeerState::Left)]);
        assert_eq!(held(&geneve.peers, feira.city()).await.reason, Reason::PeerLeft);
        assert_eq!(held(&geneve.peers, &city("a.example")).await.reason, Reason::PeerUnknown);
    }

    #[tokio::test]
    async fn a_city_that_is_suspended_or_was_left_can_still_be_told_so() {
        let (geneve, feira) = pair().await;
        for state in [PeerState::Suspended, PeerState::Left] {
            geneve.peers.set(vec![feira.as_peer(state)]);
            let greeting = geneve.peers.greeting(feira.city());
            assert_eq!((greeting.state(), greeting.state_reason.as_str()), (state, "a test"));
            geneve.peers.tell(feira.city(), WITHIN).await.unwrap();
        }
        let nobody = Node::start("nobody.example").await;
        assert!(geneve.peers.tell(nobody.city(), WITHIN).await.is_err());
    }
}
