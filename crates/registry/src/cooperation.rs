//! Working together with other cities.

use isopolity_domain::CityId;
use isopolity_proto::federation::{
    DeliverEventsRequest, DeliverEventsResponse, FetchEventsRequest, FetchEventsResponse,
};

use crate::{Error, Registry};

impl Registry {
    /// Receives events of a cooperation from a peer.
    ///
    /// # Errors
    /// What the store says.
    pub async fn receive_events(
        &self,
        peer: &CityId,
        _request: DeliverEventsRequest,
    ) -> Result<DeliverEventsResponse, Error> {
        self.must_be_active(peer)?;
        Err(Error::MethodClosed)
    }

    /// Events of a cooperation for a participant.
    ///
    /// # Errors
    /// What the store says.
    pub async fn events_for_peer(
        &self,
        peer: &CityId,
        _request: &FetchEventsRequest,
    ) -> Result<FetchEventsResponse, Error> {
        self.must_be_active(peer)?;
        Err(Error::MethodClosed)
    }
}
