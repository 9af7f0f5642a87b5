//! What a network does to events of cooperations: it loses calls, loses answers, and remembers everything that was ever sent, so that a
//! test can send it again.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use isopolity_domain::CityId;
use isopolity_federation::LinkError;
use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{DeliverEventsRequest, DeliverEventsResponse, DeliveryOutcome, DeliveryResult},
};

use crate::Dice;

/// Something that was sent, whether it arrived or not.
#[derive(Clone, Debug)]
pub struct Sent {
    /// From which city.
    pub from: CityId,
    /// To which.
    pub to: CityId,
    /// What.
    pub request: DeliverEventsRequest,
}

/// How likely something is lost: one time in so many. 0: never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// The call, before it arrives.
    pub calls: u64,
    /// The answer, after everything was done.
    pub answers: u64,
}

/// The same for all cities of a town.
#[derive(Clone, Default)]
pub struct Weather(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    losses: Losses,
    dice: Option<Dice>,
    sent: Vec<Sent>,
    /// Which city refuses what of which cooperation, in these words.
    refused: Option<(String, String, DeliveryResult)>,
}

impl fmt::Debug for Weather {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Weather").finish_non_exhaustive()
    }
}

impl Weather {
    /// Loses calls and answers from now on, by this seed.
    pub fn lose(&self, losses: Losses, seed: u64) {
        let mut state = self.state();
        state.losses = losses;
        state.dice = Some(Dice(seed));
    }

    /// A city refuses events of a cooperation from now on, as a program that can't read them does.
    pub fn refuse(&self, city: &str, cooperation: &str, reason: Reason, description: &str) {
        let result = DeliveryResult {
            outcome: DeliveryOutcome::Refused.into(),
            reason: reason.into(),
            description: description.to_owned(),
            ..Default::default()
        };
        self.state().refused = Some((city.to_owned(), cooperation.to_owned(), result));
    }

    /// It takes everything again.
    pub fn take_all(&self) {
        self.state().refused = None;
    }

    /// Everything that was sent since this was last called, also what was lost, in order.
    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    pub(crate) async fn carry(
        &self,
        from: &CityId,
        to: &CityId,
        request: DeliverEventsRequest,
        receiving: impl AsyncFnOnce(DeliverEventsRequest) -> Result<DeliverEventsResponse, LinkError>,
    ) -> Result<DeliverEventsResponse, LinkError> {
        self.state().sent.push(Sent { from: from.clone(), to: to.clone(), request: request.clone() });
        if self.throws(|losses| losses.calls) {
            return Err(lost());
        }
        let refused = self.state().refused.clone();
        let answer = match refused {
            Some((city, cooperation, result)) if city == to.as_str() && cooperation == request.cooperation => {
                Ok(DeliverEventsResponse { results: vec![result] })
            }
            _ => receiving(request).await,
        };
        if self.throws(|losses| losses.answers) { Err(lost()) } else { answer }
    }

    fn throws(&self, times: impl FnOnce(&Losses) -> u64) -> bool {
        let mut state = self.state();
        let times = times(&state.losses);
        times > 0 && state.dice.as_mut().is_some_and(|dice| dice.once_in(times))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn lost() -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, "the connection broke")
}
