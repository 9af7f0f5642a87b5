//! Which peers are asked a question, and what is remembered of how they answered.

use std::{sync::Arc, time::Duration};

use isopolity_domain::{
    CityId,
    answer::{AnswerStart, Ending},
    circuit::HeldWhy,
    query,
};
use isopolity_proto::{
    admin::PeerState,
    catalog::{Outcome, Routing},
    error::Reason,
};
use tracing::debug;

use crate::{Asking, Link, LinkError, PeerSettings, Peers, digests::Advice, link::Observed};

/// Leave to ask one peer one question. It is held until the answer is over, or nobody wants it any more.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The way to the peer.
    pub(crate) link: Arc<dyn Link>,
    /// Why it is asked.
    pub(crate) routing: Routing,
}

impl Peers {
    /// Decides whether a member is asked. If not, this is its answer, and the reason as explanations give it.
    pub(crate) fn admission(
        &self,
        city: &CityId,
        _peer: &PeerSettings,
        asking: &Asking,
    ) -> Result<Admitted, (Ending, Routing)> {
        if asking.selected.as_ref().is_some_and(|selected| !selected.contains(city)) {
            let ending = Ending::fault(Outcome::NotAsked, Reason::Unspecified, "not selected");
            return Err((ending, Routing::NotSelected));
        }
        let link = self.link(city, &[PeerState::Active]).map_err(|error| {
            let suspended = error.outcome == Outcome::Suspended;
            // A peer that has no valid keys left was to be asked; the reason tells why it could not be.
            (fault(&error), if suspended { Routing::Suspended } else { Routing::Asked })
        })?;
        // First: a proof is an answer, also while the peer is left alone.
        let (routing, sample) = match self.advice(city, asking) {
            Advice::Ask => (Routing::Asked, None),
            Advice::Test(sample) => (Routing::Sampled, Some(sample)),
            Advice::LeaveOut(reason) => {
                return Err((Ending::fault(Outcome::RuledOut, Reason::Unspecified, reason), Routing::RuledOut));
            }
        };
        let permit = self.admits(city).map_err(|held| {
            let routing = match held.why {
                HeldWhy::PushedBack => Routing::PushedBack,
                HeldWhy::Open { .. } | HeldWhy::Trying { .. } => Routing::CircuitOpen,
            };
            (fault(&LinkError::held(&held)), routing)
        })?;
        Ok(Admitted { link: Arc::new(Observed::new(self, city, link, permit, sample)), routing })
    }

    /// What the peer's digest says of the question.
    fn advice(&self, city: &CityId, asking: &Asking) -> Advice {
        match &asking.request.question {
            Some(question) => self.digest_advice(city, question, &query::parse(&question.text)),
            None => Advice::Ask,
        }
    }

    /// Remembers that a peer began to answer. Of an answer that nobody reads to its end nothing else is known.
    pub(crate) fn heard(&self, city: &CityId, _admitted: &Admitted, start: &AnswerStart) {
        let now = self.trust().clock.now();
        self.trust().health.update(city, |health| {
            health.last_answer = Some(now);
            health.approved_by_peer = Some(true);
            health.records = Some(start.records);
        });
    }

    /// Keeps what the end of an answer tells about the peer itself.
    pub(crate) fn concluded(&self, city: &CityId, _admitted: Admitted, hits: usize, took: Duration, ending: &Ending) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match ending {
            Ending::Complete => {
                debug!(peer.outcome = "ANSWERED", took_ms, hits, "peer answered");
                self.trust().health.update(city, |health| health.outbound = None);
            }
            Ending::Fault { outcome, reason, description } => {
                debug!(peer.outcome = outcome.as_str_name(), took_ms, hits, "peer did not answer");
                self.note(city, LinkError::new(*outcome, *reason, description.clone()));
            }
        }
    }
}

/// What an error means as the end of an answer.
pub(crate) fn fault(error: &LinkError) -> Ending {
    Ending::fault(error.outcome, error.reason, error.description.clone())
}
