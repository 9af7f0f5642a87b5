//! A link that tells what comes of each call: to the peer's circuit, and to what is known of the peer.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use isopolity_domain::CityId;
use isopolity_proto::federation::{
    DeliverEventsRequest, DeliverEventsResponse, Envelope, FetchEventsRequest, FetchEventsResponse,
    GetAuditHeadRequest, GetAuditHeadResponse, GetBundleRequest, GetBundleResponse, GetDigestRequest,
    GetDigestResponse, GetDirectoryRequest, GetDirectoryResponse, GetRecordRequest, GetStatisticsRequest,
    GetStatisticsResponse, HelloRequest, HelloResponse, ListAuditedCallsRequest, ListAuditedCallsResponse,
    QueryRequest, QueryResponse, QueryStart, WatchRequest, WatchResponse, WitnessAuditHeadRequest,
    query_response::Part,
};
use tokio::time::Instant;

use super::{Link, LinkError, in_seconds};
use crate::{
    Peers,
    circuit::{Permit, Verdict},
    digests::Sample,
};

/// A link that was given leave to call. Made for one question and dropped with it.
///
/// It sees what the layers above would have to report otherwise: they give up by dropping the call, and so do callers that
/// went away. Who dropped it while the peer owed an answer for all its time has run out of patience; who dropped it earlier
/// has lost interest, which says nothing of the peer.
#[derive(Clone, Debug)]
pub(crate) struct Observed(Arc<Call>);

struct Call {
    link: Arc<dyn Link>,
    peers: Peers,
    city: CityId,
    sample: Option<Sample>,
    _permit: Permit,
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Call").field("city", &self.city).field("link", &self.link).finish_non_exhaustive()
    }
}

impl Observed {
    /// Observes the calls over this link. With a sample, the answer tells whether the digest was right.
    pub(crate) fn new(
        peers: &Peers,
        city: &CityId,
        link: Arc<dyn Link>,
        permit: Permit,
        sample: Option<Sample>,
    ) -> Self {
        Self(Arc::new(Call { link, peers: peers.clone(), city: city.clone(), sample, _permit: permit }))
    }

    async fn observe<T>(
        &self,
        within: Duration,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let mut patience = Patience::new(self.0.clone(), within);
        patience.wait();
        let answer = call.await;
        patience.come();
        match &answer {
            Ok(_) => patience.judge(&Verdict::Alive),
            Err(error) => patience.fail(error),
        }
        answer
    }
}

#[async_trait]
impl Link for Observed {
    async fn hello(&self, request: HelloRequest, within: Duration) -> Result<HelloResponse, LinkError> {
        self.observe(within, self.0.link.hello(request, within)).await
    }

    async fn get_bundle(&self, request: GetBundleRequest, within: Duration) -> Result<GetBundleResponse, LinkError> {
        self.observe(within, self.0.link.get_bundle(request, within)).await
    }

    async fn recover_bundle(
        &self,
        request: GetBundleRequest,
        within: Duration,
    ) -> Result<GetBundleResponse, LinkError> {
        self.observe(within, self.0.link.recover_bundle(request, within)).await
    }

    fn query(&self, request: QueryRequest, within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let parts = self.0.link.query(request, within);
        let (peers, city) = (self.0.peers.clone(), self.0.city.clone());
        // A long answer may take longer, but not longer to be waited for.
        let within = within.min(self.0.peers.limits().budget);
        let parts = Answering { parts, patience: Patience::new(self.0.clone(), within), read: take_query_part }.boxed();
        peers.while_active(&city, parts)
    }

    async fn get_record(&self, request: GetRecordRequest, within: Duration) -> Result<Envelope, LinkError> {
        self.observe(within, self.0.link.get_record(request, within)).await
    }

    async fn get_statistics(
        &self,
        request: GetStatisticsRequest,
        within: Duration,
    ) -> Result<GetStatisticsResponse, LinkError> {
        self.observe(within, self.0.link.get_statistics(request, within)).await
    }

    async fn get_digest(&self, request: GetDigestRequest, within: Duration) -> Result<GetDigestResponse, LinkError> {
        self.observe(within, self.0.link.get_digest(request, within)).await
    }

    async fn get_directory(
        &self,
        request: GetDirectoryRequest,
        within: Duration,
    ) -> Result<GetDirectoryResponse, LinkError> {
        self.observe(within, self.0.link.get_directory(request, within)).await
    }

    async fn get_audit_head(
        &self,
        request: GetAuditHeadRequest,
        within: Duration,
    ) -> Result<GetAuditHeadResponse, LinkError> {
        self.observe(within, self.0.link.get_audit_head(request, within)).await
    }

    async fn witness_audit_head(&self, request: WitnessAuditHeadRequest, within: Duration) -> Result<(), LinkError> {
        self.observe(within, self.0.link.witness_audit_head(request, within)).await
    }

    async fn list_audited_calls(
        &self,
        request: ListAuditedCallsRequest,
        within: Duration,
    ) -> Result<ListAuditedCallsResponse, LinkError> {
        self.observe(within, self.0.link.list_audited_calls(request, within)).await
    }

    async fn deliver_events(
        &self,
        request: DeliverEventsRequest,
        within: Duration,
    ) -> Result<DeliverEventsResponse, LinkError> {
        self.observe(within, self.0.link.deliver_events(request, within)).await
    }

    async fn fetch_events(
        &self,
        request: FetchEventsRequest,
        within: Duration,
    ) -> Result<FetchEventsResponse, LinkError> {
        self.observe(within, self.0.link.fetch_events(request, within)).await
    }

    fn watch(&self, request: WatchRequest) -> BoxStream<'static, Result<WatchResponse, LinkError>> {
        let parts = self.0.link.watch(request);
        // It has no end: the first part is the answer.
        let read = |_: &Call, _: &WatchResponse| true;
        let parts = Answering { parts, patience: Patience::new(self.0.clone(), Duration::MAX), read }.boxed();
        self.0.peers.while_active(&self.0.city, parts)
    }
}

/// Looks at a part of an answer. Returns whether it is the last.
fn take_query_part(call: &Call, part: &QueryResponse) -> bool {
    if let Some(Part::Start(start)) = &part.part {
        call.take_start(start);
    }
    matches!(part.part, Some(Part::End(_)))
}

impl Call {
    fn take_start(&self, start: &QueryStart) {
        self.peers.seen_position(&self.city, &start.epoch, start.sequence);
        if let Some(statistics) = &start.statistics {
            self.peers.learn(&self.city, statistics);
        }
        self.peers.compare_digest(&self.city, start, self.sample.as_ref());
    }
}

/// How long a peer has been waited for, and whether its circuit knows what came of it.
struct Patience {
    call: Arc<Call>,
    within: Duration,
    /// Waiting that is over.
    waited: Duration,
    waiting: Option<Instant>,
    begun: bool,
    judged: bool,
}

impl Patience {
    fn new(call: Arc<Call>, within: Duration) -> Self {
        Self { call, within, waited: Duration::ZERO, waiting: None, begun: false, judged: false }
    }

    fn wait(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    fn come(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    fn fail(&mut self, error: &LinkError) {
        let fair = self.is_fair();
        self.judge(&Verdict::of(error, fair));
    }

    /// The first judgement stands.
    fn judge(&mut self, verdict: &Verdict) {
        if !std::mem::replace(&mut self.judged, true) {
            self.call.peers.judge(&self.call.city, verdict);
        }
    }

    /// Whether the peer has as much time as it takes to say something of it: half of the usual.
    fn is_fair(&self) -> bool {
        self.within >= self.call.peers.limits().budget / 2
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if self.judged {
            return;
        }
        let last = self.waiting.map_or(Duration::ZERO, |since| since.elapsed());
        let all = self.waited + last;
        let silent = self.begun && is_over(last, self.call.peers.limits().silence);
        let verdict = if silent || is_over(all, self.within) {
            let text = if self.begun { "not finished" } else { "no answer" };
            let error =
                LinkError { description: format!("{text} within {}", in_seconds(all)), ..LinkError::timed_out(all) };
            Verdict::of(&error, self.is_fair())
        } else if self.begun {
            Verdict::Alive
        } else {
            Verdict::Open
        };
        self.judge(&verdict);
    }
}

/// Whether the time is over, as far as two clocks that did not start at the same moment can agree on it.
fn is_over(elapsed: Duration, limit: Duration) -> bool {
    elapsed >= limit.saturating_sub(limit / 20)
}

/// The parts of an answer, observed.
struct Answering<T, R> {
    parts: BoxStream<'static, Result<T, LinkError>>,
    patience: Patience,
    /// Looks at a part; says whether the answer is complete with it.
    read: R,
}

impl<T, R: Fn(&Call, &T) -> bool + Unpin> Stream for Answering<T, R> {
    type Item = Result<T, LinkError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // Only what is waited for the peer counts, not how slowly its answer is read.
        let Poll::Ready(part) = this.parts.poll_next_unpin(context) else {
            this.patience.wait();
            return Poll::Pending;
        };
        this.patience.come();
        match &part {
            Some(Ok(part)) => {
                this.patience.begun = true;
                if (this.read)(&this.patience.call, part) {
                    this.patience.judge(&Verdict::Alive);
                }
            }
            Some(Err(error)) => this.patience.fail(error),
            None => this.patience.judge(&Verdict::Failed("the answer broke off".to_owned())),
        }
        Poll::Ready(part)
    }
}
