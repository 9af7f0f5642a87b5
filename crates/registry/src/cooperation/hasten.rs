//! Ending the wait of deliveries when a city comes back.
//!
//! Any answer and any call of a city is a sign of life. Only a city that was not reached is looked out for; one that is there and puts
//! an event off is tried again by the clock, and when it greets.

use isopolity_domain::{CityId, clock::from_timestamp};
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{Error, Registry, error::with_causes};

impl Registry {
    /// Tries at once what waits to be delivered to a city: it has given a sign of life. Costs a read where nothing waits.
    ///
    /// # Errors
    /// What the store says.
    pub async fn hasten(&self, city: &CityId) -> Result<(), Error> {
        let now = self.now();
        if self.asked_to_wait(city).is_some_and(|until| until > now) || !self.store().holds_back(city, now).await? {
            return Ok(());
        }
        let mut tx = self.store().begin("hasten deliveries").await?;
        let hastened = tx.hasten_deliveries(city, now).await?;
        tx.commit().await?;
        info!(peer.city = %city, delivery.waiting = hastened, "the peer is there: what waits for it is tried at once");
        self.outbox_news().notify_one();
        Ok(())
    }

    pub(crate) async fn hasten_quietly(&self, city: &CityId) {
        if let Err(error) = self.hasten(city).await {
            warn!(peer.city = %city, error = %with_causes(&error), "deliveries can't be hastened");
        }
    }

    /// Looks out for the cities for which something waited when this process began.
    pub(super) async fn look_out(&self) -> Result<(), Error> {
        let begin = async || {
            for depth in self.store().delivery_depths().await? {
                if depth.waiting > 0 {
                    self.federation().look_out_for(&depth.city);
                }
            }
            Ok(())
        };
        self.inner.looked_out.get_or_try_init(begin).await.copied()
    }

    pub(super) async fn look_out_quietly(&self) {
        if let Err(error) = self.look_out().await {
            warn!(error = %with_causes(&error), "for whom something waits can't be read");
        }
    }

    /// Until when a city asked not to be called.
    pub(super) fn asked_to_wait(&self, city: &CityId) -> Option<OffsetDateTime> {
        self.federation().circuit(city).pushed_back_until_time.as_ref().and_then(from_timestamp)
    }
}
