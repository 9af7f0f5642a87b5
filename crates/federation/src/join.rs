//! Taking an invitation: two calls to a city that is no peer yet.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use isopolity_domain::{CityId, envelope};
use isopolity_proto::federation::{JoinRequest, JoinResponse};

use crate::{Bundle, LinkError, Peers, link::GrpcLink};

impl Peers {
    /// Asks whoever answers at an endpoint for the bundle of the city that invites. Nothing secret is said, and nothing of the answer
    /// is to be believed before it was compared with the code.
    ///
    /// # Errors
    /// [`LinkError`] if nobody answers, or answers as another city.
    pub async fn inviter_bundle(&self, city: &CityId, endpoint: &str, within: Duration) -> Result<Bytes, LinkError> {
        let (trust, leaf) = (self.shared_trust(), self.leaf().clone());
        let link = GrpcLink::unproven(trust, leaf, Arc::default(), self.ages(), city.clone(), endpoint.to_owned());
        let sealed = link.get_inviter_bundle(within).await?;
        Ok(Bytes::from(envelope::to_file(&sealed)))
    }

    /// Presents an invitation to the city of this bundle, on a connection that is verified against it.
    ///
    /// # Errors
    /// [`LinkError`] with the reason for which the city refuses.
    pub async fn join(
        &self,
        inviter: &Bundle,
        request: JoinRequest,
        within: Duration,
    ) -> Result<JoinResponse, LinkError> {
        let trust = self.trust_in(inviter);
        let (city, endpoint) = (inviter.city.clone(), inviter.endpoint.clone());
        let link = GrpcLink::new(trust, self.leaf().clone(), Arc::default(), self.ages(), city, endpoint);
        link.join(request, within).await
    }
}
