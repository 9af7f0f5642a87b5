//! How two cities stand to each other, told on both sides, and what follows at once from a change.

use std::time::Duration;

use futures::stream::BoxStream;
use isopolity_domain::{CityId, clock::to_timestamp, words::six_words};
use isopolity_federation::{Bundle, standing::until};
use isopolity_proto::{
    admin::{self, AuditAction, PeerState, TestResult},
    options::Audience,
};
use isopolity_store::{Peer, Standing};
use tracing::{info, warn};

use crate::{Caller, Error, Registry, Right, error::with_causes, invitation::fingerprint, peers};

/// How long telling a city may take.
const TELLING: Duration = Duration::from_secs(3);
/// How long a city that is held back has to read why, before its connections are closed.
const GRACE: Duration = Duration::from_secs(2);
/// The longest reason of another city that is kept, in characters.
const REASON_MAX: usize = 500;

impl Registry {
    /// Ends peering, and tells the other city why. What was known of it stays, so that no older bundle of it can come back.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::Invalid`] for a reason that is too long.
    pub async fn leave_peer(&self, caller: &Caller, city: &str, reason: &str) -> Result<admin::Peer, Error> {
        caller.must(Right::Administer)?;
        let reason = peers::checked_reason(reason)?;
        let peer = self
            .change_peer(caller, AuditAction::PeerLeft, city, Audience::Unspecified, |peer| {
                peer.state = PeerState::Left;
                peer.state_reason.clone_from(&reason);
                Ok(())
            })
            .await?;
        warn!(peer.city = %peer.city, reason, caller.id = caller.id(), "peer left");
        self.tell_and_close(&peer.city).await;
        self.shown(&peer).await
    }

    /// Tries each step of reaching a peer. That a step fails is no error.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::PeerUnknown`].
    pub async fn test_peer(&self, caller: &Caller, city: &str) -> Result<Vec<TestResult>, Error> {
        caller.must(Right::Administer)?;
        let known = city.parse().ok().and_then(|id| self.federation().get(&id));
        let peer = known.ok_or_else(|| Error::PeerUnknown(city.to_owned()))?;
        Ok(self.federation().probe(&peer).await)
    }

    /// Tells a city how it stands here. Its connections are closed a moment later: what was under way has ended with the reason by then,
    /// unless the city does not read it.
    pub(crate) async fn tell_and_close(&self, city: &CityId) {
        match self.federation().tell(city, TELLING).await {
            Ok(answer) => self.heard_quietly(city, answer.state(), &answer.state_reason).await,
            Err(error) => info!(peer.city = %city, "the city could not be told now, it will be when it calls: {error}"),
        }
        let (federation, city) = (self.federation().clone(), city.clone());
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            if federation.get(&city).is_none_or(|peer| peer.state != PeerState::Active) {
                federation.close_connections(&city);
            }
        });
    }

    /// Keeps what a city said of how this one stands there. A failure is no fault of the call in which it was said.
    pub(crate) async fn heard_quietly(&self, city: &CityId, state: PeerState, reason: &str) {
        if let Err(error) = self.heard(city, state, reason).await {
            warn!(peer.city = %city, error = %with_causes(&error), "what the peer said of this city can't be kept");
        }
    }

    async fn heard(&self, city: &CityId, state: PeerState, reason: &str) -> Result<(), Error> {
        // An older node does not say.
        if state == PeerState::Unspecified {
            return Ok(());
        }
        let reason: String = reason.chars().filter(|letter| !letter.is_control()).take(REASON_MAX).collect();
        let before = self.store().standing(city).await?;
        if before.is_some_and(|before| before.state == state && before.reason == reason) {
            return Ok(());
        }
        let standing = Standing { city: city.clone(), state, reason, time: self.now() };
        let mut tx = self.store().begin("keep standing").await?;
        tx.put_standing(&standing).await?;
        tx.commit().await?;
        if matches!(state, PeerState::Suspended | PeerState::Left) {
            let reason = standing.reason;
            warn!(peer.city = %city, peer.state = state.as_str_name(), reason, "the peer holds this city back");
        }
        Ok(())
    }

    /// A peer as administrators see it, with what both sides say.
    pub(crate) async fn shown(&self, peer: &Peer) -> Result<admin::Peer, Error> {
        let mut shown = self.describe(peer);
        if let Some(said) = self.store().standing(&peer.city).await? {
            shown.peer_state = said.state.into();
            shown.peer_state_reason = said.reason;
            shown.peer_state_time = Some(to_timestamp(said.time));
        }
        if peer.state == PeerState::Invited {
            shown.words = self.words_with(peer).await?;
        }
        self.show_membership(&mut shown, &peer.city).await?;
        Ok(shown)
    }

    /// The six words of this city's bundle and a peer's.
    pub(crate) async fn words_with(&self, peer: &Peer) -> Result<String, Error> {
        let own = fingerprint(&self.present_bundle().await?);
        let theirs = fingerprint(&Bundle::parse(&peer.bundle).map_err(Error::internal)?);
        // Slow on purpose.
        tokio::task::spawn_blocking(move || six_words(&own, &theirs)).await.map_err(Error::internal)
    }

    /// The parts of an answer to a peer, as long as it is active here. After that the error that says why it is not, and the end.
    #[must_use]
    pub fn while_active<T: Send + 'static>(
        &self,
        peer: &CityId,
        parts: BoxStream<'static, Result<T, Error>>,
    ) -> BoxStream<'static, Result<T, Error>> {
        let (registry, peer) = (self.clone(), peer.clone());
        until(Box::pin(async move { registry.held_back(&peer).await }), parts)
    }

    /// Waits until a peer is not active here any more, and says why.
    pub async fn held_back(&self, peer: &CityId) -> Error {
        self.federation().held_back(peer).await;
        match self.must_be_active(peer) {
            Err(why) => why,
            // Approved again in this very moment.
            Ok(()) => Error::PeerSuspended { city: peer.clone(), reason: "and approved again; call again".to_owned() },
        }
    }
}
