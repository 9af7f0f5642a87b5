//! One peer, as something that can be called.
//!
//! A [`Link`] is either a [`GrpcLink`], over mutual TLS, or something in the same process in tests. Whatever goes wrong on
//! the way becomes a [`LinkError`] here and nowhere else.

mod connect;
mod error;
mod grpc;
mod observed;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{
        DeliverEventsRequest, DeliverEventsResponse, Envelope, FetchEventsRequest, FetchEventsResponse,
        GetAuditHeadRequest, GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest,
        GetDigestResponse, GetDirectoryRequest, GetDirectoryResponse, GetRecordRequest, GetStatisticsRequest,
        GetStatisticsResponse, HelloRequest, HelloResponse, ListAuditedCallsRequest, ListAuditedCallsResponse,
        QueryRequest, QueryResponse, WatchRequest, WatchResponse, WitnessAuditHeadRequest,
    },
};

pub(crate) use connect::may_be_called;
pub use error::LinkError;
pub(crate) use error::in_seconds;
pub use grpc::GrpcLink;
pub(crate) use observed::Observed;

/// The largest message that is read from a peer, in bytes.
pub const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// A peer that can be called. Each call is given the time left; it is sent along, and a call that takes longer ends.
#[async_trait]
pub trait Link: Send + Sync + Debug {
    /// Greets the peer.
    async fn hello(&self, request: HelloRequest, within: Duration) -> Result<HelloResponse, LinkError>;

    /// Reads the peer's present trust bundle, and those that lead to it from the one that is held here.
    async fn get_bundle(&self, request: GetBundleRequest, within: Duration) -> Result<GetBundleResponse, LinkError>;

    /// The same from whoever answers in the peer's name, though what is held of it does not prove that it is the peer: the bundles
    /// prove themselves. For a peer whose CA was replaced while the two did not see each other. A link that is not made for it
    /// says so.
    async fn recover_bundle(&self, _: GetBundleRequest, _: Duration) -> Result<GetBundleResponse, LinkError> {
        Err(not_spoken("recovering a bundle"))
    }

    /// Asks the peer's catalogue. An error ends the stream; dropping the stream ends the call.
    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>>;

    /// Reads one record.
    async fn get_record(&self, request: GetRecordRequest, within: Duration) -> Result<Envelope, LinkError>;

    /// Counts words in the peer's catalogue. A link that is not made for it says so.
    async fn get_statistics(&self, _: GetStatisticsRequest, _: Duration) -> Result<GetStatisticsResponse, LinkError> {
        Err(not_spoken("statistics"))
    }

    /// Reads the peer's digest. A link that is not made for it says so.
    async fn get_digest(&self, _: GetDigestRequest, _: Duration) -> Result<GetDigestResponse, LinkError> {
        Err(not_spoken("digests"))
    }

    /// Reads the membership list that the peer has in force. A link that is not made for it says so.
    async fn get_directory(&self, _: GetDirectoryRequest, _: Duration) -> Result<GetDirectoryResponse, LinkError> {
        Err(not_spoken("directories"))
    }

    /// Reads how far the peer's audit log goes. A link that is not made for it says so.
    async fn get_audit_head(&self, _: GetAuditHeadRequest, _: Duration) -> Result<GetAuditHeadResponse, LinkError> {
        Err(not_spoken("audit logs"))
    }

    /// Hands over a receipt or an objection. A link that is not made for it says so.
    async fn witness_audit_head(&self, _: WitnessAuditHeadRequest, _: Duration) -> Result<(), LinkError> {
        Err(not_spoken("audit logs"))
    }

    /// Lists what the peer's audit log has of calls with this city. A link that is not made for it says so.
    async fn list_audited_calls(
        &self,
        _: ListAuditedCallsRequest,
        _: Duration,
    ) -> Result<ListAuditedCallsResponse, LinkError> {
        Err(not_spoken("audit logs"))
    }

    /// Hands over events of a cooperation. A link that is not made for it says so.
    async fn deliver_events(&self, _: DeliverEventsRequest, _: Duration) -> Result<DeliverEventsResponse, LinkError> {
        Err(not_spoken("cooperations"))
    }

    /// Reads events of a cooperation. A link that is not made for it says so.
    async fn fetch_events(&self, _: FetchEventsRequest, _: Duration) -> Result<FetchEventsResponse, LinkError> {
        Err(not_spoken("cooperations"))
    }

    /// Watches what the peer publishes. Goes on without an end of its own; an error ends the stream, dropping the stream
    /// ends the call. A link that is not made for it says so.
    fn watch(&self, _: WatchRequest) -> BoxStream<'static, Result<WatchResponse, LinkError>> {
        stream::iter([Err(not_spoken("watching"))]).boxed()
    }
}

fn not_spoken(what: &str) -> LinkError {
    let text = format!("this link is not made for {what}");
    LinkError::new(Outcome::Incompatible, Reason::ProtocolIncompatible, text)
}
