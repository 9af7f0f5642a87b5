//! What peers say of audit logs: their own, this city's, and of the calls between both.
//!
//! A peer of before knows none of this and says so; that is no trouble with it, so nothing is kept of it.

use std::time::Duration;

use isopolity_domain::CityId;
use isopolity_proto::federation::{
    GetAuditHeadRequest, GetAuditHeadResponse, ListAuditedCallsRequest, ListAuditedCallsResponse,
    WitnessAuditHeadRequest,
};
use tokio::time::timeout;

use crate::{LinkError, Peers};

impl Peers {
    /// Reads how far a peer's audit log goes. Whether to believe it is for the caller to decide.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn get_audit_head(
        &self,
        city: &CityId,
        request: GetAuditHeadRequest,
        within: Duration,
    ) -> Result<GetAuditHeadResponse, LinkError> {
        let link = self.admitted_link(city)?;
        in_time(within, link.get_audit_head(request, within)).await
    }

    /// Hands a peer a receipt for the head of its audit log, or an objection.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer, or refuses.
    pub async fn witness_audit_head(
        &self,
        city: &CityId,
        request: WitnessAuditHeadRequest,
        within: Duration,
    ) -> Result<(), LinkError> {
        let link = self.admitted_link(city)?;
        in_time(within, link.witness_audit_head(request, within)).await
    }

    /// Lists what a peer's audit log has of calls with this city.
    ///
    /// # Errors
    /// [`LinkError`] if it does not answer.
    pub async fn list_audited_calls(
        &self,
        city: &CityId,
        request: ListAuditedCallsRequest,
        within: Duration,
    ) -> Result<ListAuditedCallsResponse, LinkError> {
        let link = self.admitted_link(city)?;
        in_time(within, link.list_audited_calls(request, within)).await
    }
}

async fn in_time<T>(within: Duration, call: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    timeout(within, call).await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))
}
