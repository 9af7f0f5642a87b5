//! Being told of what a peer publishes.

use std::time::Duration;

use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{CityId, feed::Position};
use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{WatchHit, WatchRequest, WatchResponse, watch_response::Part},
};
use tokio::time::timeout;

use crate::{LinkError, Peers, digests::LONGEST_EPOCH, link::in_seconds};

/// A peer that watches says something at least each 15 s. After so much silence it is given up.
const SILENCE: Duration = Duration::from_secs(45);

/// What a peer tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A record that matches. Its signature is for the caller to check.
    Hit(WatchHit),
    /// Everything up to this point of the peer's feed has been told.
    Position(Position),
}

impl Peers {
    /// Watches a peer until the stream is dropped or broken by its one error, the last item. After that the caller waits a
    /// moment and goes on from the last position. A peer that is left alone at present is an error at once, which says until
    /// when.
    #[must_use]
    pub fn watch(&self, city: &CityId, request: WatchRequest) -> BoxStream<'static, Result<Told, LinkError>> {
        let link = match self.admitted_link(city) {
            Ok(link) => link,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let watching =
            Watching { peers: self.clone(), city: city.clone(), parts: Some(link.watch(request)), begun: false };
        stream::unfold(watching, |mut watching| async move {
            let told = watching.next().await?;
            Some((told, watching))
        })
        .boxed()
    }
}

struct Watching {
    peers: Peers,
    city: CityId,
    /// `None` once it is over.
    parts: Option<BoxStream<'static, Result<WatchResponse, LinkError>>>,
    begun: bool,
}

impl Watching {
    async fn next(&mut self) -> Option<Result<Told, LinkError>> {
        let parts = self.parts.as_mut()?;
        let told = match timeout(SILENCE, next_part(&self.peers, &self.city, parts)).await {
            Ok(Some(Ok(part))) => self.take(part),
            Ok(Some(Err(error))) => Err(error),
            Ok(None) => Err(broken(Outcome::Unreachable, Reason::Connection, "the peer ended the watch")),
            Err(_elapsed) => {
                let text = format!("silent for {} while watching", in_seconds(SILENCE));
                Err(broken(Outcome::TimedOut, Reason::DeadlineExceeded, &text))
            }
        };
        Some(told.map_err(|error| {
            self.parts = None;
            self.peers.note(&self.city, error)
        }))
    }

    fn take(&mut self, part: WatchResponse) -> Result<Told, LinkError> {
        let begun = std::mem::replace(&mut self.begun, true);
        let invalid = |text: &str| Err(broken(Outcome::Invalid, Reason::AnswerInvalid, text));
        match part.part {
            Some(Part::Position(position)) if position.sequence >= 0 && position.epoch.len() <= LONGEST_EPOCH => {
                self.peers.seen_position(&self.city, &position.epoch, position.sequence);
                Ok(Told::Position(Position { epoch: position.epoch, sequence: position.sequence }))
            }
            Some(Part::Position(_)) => invalid("a position in its watch holds impossible values"),
            Some(Part::Hit(_)) if !begun => invalid("its watch does not begin with a position"),
            Some(Part::Hit(hit)) if hit.envelope.is_none() => invalid("a hit in its watch holds no record"),
            Some(Part::Hit(hit)) => Ok(Told::Hit(hit)),
            // Taken before.
            Some(Part::Trust(_)) | None => invalid("a part of its watch is of no known kind"),
        }
    }
}

/// The next part that tells of the feed. What is said about trust is passed on at once.
async fn next_part(
    peers: &Peers,
    city: &CityId,
    parts: &mut BoxStream<'static, Result<WatchResponse, LinkError>>,
) -> Option<Result<WatchResponse, LinkError>> {
    loop {
        match parts.next().await? {
            Ok(WatchResponse { part: Some(Part::Trust(trust)) }) => peers.heard_of_bundle(city, trust.bundle_sequence),
            part => return Some(part),
        }
    }
}

fn broken(outcome: Outcome, reason: Reason, text: &str) -> LinkError {
    LinkError::new(outcome, reason, text)
}

#[cfg(test)]
mod tests;
