//! A peer over gRPC and mutual TLS.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream, stream::BoxStream};
use hyper_util::rt::TokioIo;
use isopolity_domain::CityId;
use isopolity_proto::{
    catalog::Outcome,
    error::Reason,
    federation::{
        DeliverEventsRequest, DeliverEventsResponse, Envelope, FetchEventsRequest, FetchEventsResponse,
        GetAuditHeadRequest, GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest,
        GetDigestResponse, GetDirectoryRequest, GetDirectoryResponse, GetInviterBundleRequest, GetRecordRequest,
        GetStatisticsRequest, GetStatisticsResponse, HelloRequest, HelloResponse, JoinRequest, JoinResponse,
        ListAuditedCallsRequest, ListAuditedCallsResponse, QueryRequest, QueryResponse, WatchRequest, WatchResponse,
        WitnessAuditHeadRequest, federation_service_client::FederationServiceClient,
    },
};
use tokio::time::{Instant, timeout};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint},
};

use super::{
    LARGEST_MESSAGE, Link, LinkError,
    connect::{Breakage, Connector},
    error::connection_died,
};
use crate::{
    connections::{Ages, Connections},
    identity::KeyState,
    tls::LeafKeeper,
    trust::Trust,
};

/// The time for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// After so much silence on a connection the peer is probed, and after [`PROBE`] without an echo it is given up.
const IDLE: Duration = Duration::from_secs(20);
const PROBE: Duration = Duration::from_secs(5);
/// The time until a watch begins. What follows has no end, so no deadline is sent along.
const WATCH_BEGINS: Duration = Duration::from_secs(10);

type Client = FederationServiceClient<Channel>;

/// A peer over gRPC and mutual TLS. Connects when first called, again by itself after a break, and anew after a while, so that
/// what has changed in trust takes hold: calls under way end on the connection that they began on.
#[derive(Clone, Debug)]
pub struct GrpcLink {
    connector: Connector,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// The client that new calls go through.
#[derive(Clone, Debug)]
struct Kept {
    client: Client,
    /// Its own: a connection of an earlier client that breaks late says nothing of this one.
    breakage: Breakage,
    /// Counts the clients of this link, so that one on which several calls died is replaced once.
    number: u64,
    /// Until when it takes new calls.
    until: Instant,
}

impl GrpcLink {
    pub(crate) fn new(
        trust: Arc<Trust>,
        keeper: LeafKeeper,
        connections: Arc<Connections>,
        ages: Ages,
        city: CityId,
        endpoint: String,
    ) -> Self {
        let breakage = Breakage::default();
        let connector =
            Connector { trust, keeper, city, endpoint, within: CONNECT, breakage, connections, ages, unproven: false };
        Self { connector, kept: Arc::default() }
    }

    /// A city of which no bundle is known yet: whoever answers in its name is taken for it.
    pub(crate) fn unproven(
        trust: Arc<Trust>,
        keeper: LeafKeeper,
        connections: Arc<Connections>,
        ages: Ages,
        city: CityId,
        endpoint: String,
    ) -> Self {
        let mut link = Self::new(trust, keeper, connections, ages, city, endpoint);
        link.connector.unproven = true;
        link
    }

    /// Reads the bundle of a city that invites.
    pub(crate) async fn get_inviter_bundle(&self, within: Duration) -> Result<Envelope, LinkError> {
        let message = GetInviterBundleRequest {};
        let call = |mut client: Client, request| async move { client.get_inviter_bundle(request).await };
        self.call(message, within, call).await?.bundle.ok_or_else(|| missing("bundle"))
    }

    /// Presents an invitation. A second attempt does no harm: the same city is told the same.
    pub(crate) async fn join(&self, message: JoinRequest, within: Duration) -> Result<JoinResponse, LinkError> {
        self.call(message, within, |mut client: Client, request| async move { client.join(request).await }).await
    }

    /// The client for a call; for a second attempt another one than that on which the first died. Made when it is needed, because
    /// it needs the runtime.
    fn client(&self, dead: Option<u64>) -> Result<Kept, LinkError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(present) = &*kept
            && now < present.until
            && dead != Some(present.number)
        {
            return Ok(present.clone());
        }
        let (client, breakage) = client_of(&self.connector)?;
        let number = kept.as_ref().map_or(0, |last| last.number.wrapping_add(1));
        let Connector { ages, trust, .. } = &self.connector;
        let until = now + Ages::jittered(ages.age, trust.dice.roll());
        Ok(kept.insert(Kept { client, breakage, number, until }).clone())
    }

    /// One call with one answer, ended when the time is over.
    async fn call<Q: Clone, A, F>(
        &self,
        message: Q,
        within: Duration,
        call: impl Fn(Client, Request<Q>) -> F,
    ) -> Result<A, LinkError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let attempts = self.attempt(message, Some(within), call);
        let (answer, _) =
            timeout(within, attempts).await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))?;
        Ok(answer)
    }

    /// Calls, and once more if the connection turns out to have died: a peer that was restarted is not missing from the next
    /// answer. Every call between nodes only reads, so a second one does no harm; how many there may be is limited, so that they
    /// never come to a storm. With the answer comes what will say why its connection broke.
    async fn attempt<Q: Clone, A, F>(
        &self,
        message: Q,
        within: Option<Duration>,
        call: impl Fn(Client, Request<Q>) -> F,
    ) -> Result<(A, Breakage), LinkError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let Connector { trust, city, .. } = &self.connector;
        trust.circuits.earn_retry(city);
        let started = Instant::now();
        let Kept { client, mut breakage, number, .. } = self.client(None)?;
        let mut answer = call(client, request(message.clone(), within)).await;
        let refused = breakage.cause().is_some_and(|cause| cause.reason == Reason::TlsHandshake);
        if answer.as_ref().is_err_and(connection_died) && !refused && trust.circuits.take_retry(city) {
            // The call may learn that the connection died before the channel does, which would then send the second one after it.
            let second = self.client(Some(number))?;
            let left = within.map(|within| within.saturating_sub(started.elapsed()));
            answer = call(second.client, request(message, left)).await;
            breakage = second.breakage;
        }
        match answer {
            Ok(answer) => Ok((answer.into_inner(), breakage)),
            Err(status) => Err(explain(&status, &breakage)),
        }
    }

    /// Reads the bundle over a connection of its own that proves nothing, as whom each of our CAs says that we are: the peer may
    /// know the present one, or one of before.
    async fn read_unproven(&self, message: GetBundleRequest, within: Duration) -> Result<GetBundleResponse, LinkError> {
        let present = &self.connector.keeper;
        let now = self.connector.trust.clock.now();
        let former = present.identity().authorities().into_iter().filter(|one| one.state == KeyState::Former);
        let keepers = std::iter::once(present.clone()).chain(former.filter_map(|one| present.of_authority(&one, now)));
        let mut last = None;
        for keeper in keepers {
            let connector = Connector { keeper, unproven: true, ..self.connector.clone() };
            let (mut client, breakage) = client_of(&connector)?;
            let answer = client.get_bundle(request(message, Some(within))).await;
            match answer.map_err(|status| explain(&status, &breakage)) {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(error) if error.reason == Reason::TlsHandshake => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| missing("bundle")))
    }
}

/// A client that connects as the connector says, and what will say why its connection broke.
fn client_of(connector: &Connector) -> Result<(Client, Breakage), LinkError> {
    let endpoint = Endpoint::from_shared(connector.endpoint.clone())
        .map_err(|error| LinkError::new(Outcome::Unreachable, Reason::Connection, error.to_string()))?
        .http2_keep_alive_interval(IDLE)
        .keep_alive_timeout(PROBE)
        .keep_alive_while_idle(true);
    let breakage = Breakage::default();
    let connector = Connector { breakage: breakage.clone(), ..connector.clone() };
    let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
        connector.clone().connect().map_ok(TokioIo::new)
    }));
    Ok((FederationServiceClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE), breakage))
}

/// A request that carries its deadline, if it has one, in the header `grpc-timeout`.
fn request<Q>(message: Q, within: Option<Duration>) -> Request<Q> {
    let mut request = Request::new(message);
    if let Some(within) = within {
        request.set_timeout(within);
    }
    request
}

/// What a status means; where it only says that the connection broke, what the connection itself saw.
fn explain(status: &Status, breakage: &Breakage) -> LinkError {
    let error = LinkError::of(status);
    let vague = error.outcome == Outcome::Unreachable && error.reason == Reason::Connection;
    breakage.cause().filter(|_| vague).unwrap_or(error)
}

fn missing(what: &str) -> LinkError {
    LinkError::new(Outcome::Invalid, Reason::AnswerInvalid, format!("the answer holds no {what}"))
}

#[async_trait]
impl Link for GrpcLink {
    async fn hello(&self, message: HelloRequest, within: Duration) -> Result<HelloResponse, LinkError> {
        self.call(message, within, |mut client, request| async move { client.hello(request).await }).await
    }

    async fn get_bundle(&self, message: GetBundleRequest, within: Duration) -> Result<GetBundleResponse, LinkError> {
        self.call(message, within, |mut client, request| async move { client.get_bundle(request).await }).await
    }

    async fn recover_bundle(
        &self,
        message: GetBundleRequest,
        within: Duration,
    ) -> Result<GetBundleResponse, LinkError> {
        let read = self.read_unproven(message, within);
        timeout(within, read).await.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(within)))
    }

    fn query(&self, message: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let link = self.clone();
        parts(async move {
            let query = |mut client: Client, request| async move { client.query(request).await };
            link.attempt(message, Some(within), query).await
        })
    }

    async fn get_record(&self, request: GetRecordRequest, within: Duration) -> Result<Envelope, LinkError> {
        self.call(request, within, |mut client, request| async move { client.get_record(request).await })
            .await?
            .envelope
            .ok_or_else(|| missing("record"))
    }

    async fn get_statistics(
        &self,
        request: GetStatisticsRequest,
        within: Duration,
    ) -> Result<GetStatisticsResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.get_statistics(request).await }).await
    }

    async fn get_digest(&self, request: GetDigestRequest, within: Duration) -> Result<GetDigestResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.get_digest(request).await }).await
    }

    async fn get_directory(
        &self,
        request: GetDirectoryRequest,
        within: Duration,
    ) -> Result<GetDirectoryResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.get_directory(request).await }).await
    }

    async fn get_audit_head(
        &self,
        request: GetAuditHeadRequest,
        within: Duration,
    ) -> Result<GetAuditHeadResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.get_audit_head(request).await }).await
    }

    async fn witness_audit_head(&self, request: WitnessAuditHeadRequest, within: Duration) -> Result<(), LinkError> {
        self.call(request, within, |mut client, request| async move { client.witness_audit_head(request).await })
            .await
            .map(drop)
    }

    async fn list_audited_calls(
        &self,
        request: ListAuditedCallsRequest,
        within: Duration,
    ) -> Result<ListAuditedCallsResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.list_audited_calls(request).await }).await
    }

    async fn deliver_events(
        &self,
        request: DeliverEventsRequest,
        within: Duration,
    ) -> Result<DeliverEventsResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.deliver_events(request).await }).await
    }

    async fn fetch_events(
        &self,
        request: FetchEventsRequest,
        within: Duration,
    ) -> Result<FetchEventsResponse, LinkError> {
        self.call(request, within, |mut client, request| async move { client.fetch_events(request).await }).await
    }

    fn watch(&self, message: WatchRequest) -> BoxStream<'static, Result<WatchResponse, LinkError>> {
        let link = self.clone();
        parts(async move {
            let watch = |mut client: Client, request| async move { client.watch(request).await };
            let begun = timeout(WATCH_BEGINS, link.attempt(message, None, watch)).await;
            begun.unwrap_or_else(|_elapsed| Err(LinkError::timed_out(WATCH_BEGINS)))
        })
    }
}

/// The parts of an answer, whose errors say what the connection saw.
fn parts<A: Send + 'static>(
    start: impl Future<Output = Result<(Streaming<A>, Breakage), LinkError>> + Send + 'static,
) -> BoxStream<'static, Result<A, LinkError>> {
    stream::once(start)
        .map_ok(|(parts, breakage)| parts.map_err(move |status| explain(&status, &breakage)))
        .try_flatten()
        .boxed()
}

#[cfg(test)]
mod tests;
