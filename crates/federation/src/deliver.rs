//! Handing events of cooperations to peers, and reading those that are missing.

use std::time::Duration;

use isopolity_domain::CityId;
use isopolity_proto::federation::{
    DeliverEventsRequest, DeliverEventsResponse, FetchEventsRequest, FetchEventsResponse,
};
use tokio::time::timeout;

use crate::{LinkError, Peers};

impl Peers {
    /// Hands a peer events of a cooperation. What came of each is in the answer; whether to believe its receipts is for the caller to
    /// decide.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn deliver_events(
        &self,
        city: &CityId,
        request: DeliverEventsRequest,
        within: Duration,
    ) -> Result<DeliverEventsResponse, LinkError> {
        let link = self.admitted_link(city)?;
        in_time(within, link.deliver_events(request, within)).await
    }

    /// Reads events of a cooperation that are missing here. Whether to believe them is for the caller to decide.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn fetch_events(
        &self,
        city: &CityId,
        request: FetchEventsRequest,
        within: Duration,
    ) -> Result<FetchEventsResponse, LinkError> {
        let link = self.admitted_link(city)?;
        in_time(within, link.fetch_events(request, within)).await
    }
}

async fn in_time<T>(within: Duration, call: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    timeout(within, call).await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))
}
