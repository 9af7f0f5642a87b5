//! One peer, as something that can be called.
//!
//! A [`Link`] is either a [`GrpcLink`], over mutual TLS, or something in the same process in tests. Whatever goes wrong on
//! the way becomes a [`LinkError`] here and nowhere else.

mod connect;
mod error;
mod grpc;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use isopolity_proto::federation::{
    Envelope, GetRecordRequest, HelloRequest, HelloResponse, QueryRequest, QueryResponse,
};

pub use error::LinkError;
pub(crate) use error::in_seconds;
pub use grpc::GrpcLink;

/// The largest message that is read from a peer, in bytes.
pub const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// A peer that can be called. Each call is given the time left; it is sent along, and a call that takes longer ends.
#[async_trait]
pub trait Link: Send + Sync + Debug {
    /// Greets the peer.
    async fn hello(&self, request: HelloRequest, within: Duration) -> Result<HelloResponse, LinkError>;

    /// Reads the peer's present trust bundle.
    async fn get_bundle(&self, within: Duration) -> Result<Envelope, LinkError>;

    /// Asks the peer's catalogue. An error ends the stream; dropping the stream ends the call.
    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>>;

    /// Reads one record.
    async fn get_record(&self, request: GetRecordRequest, within: Duration) -> Result<Envelope, LinkError>;
}
