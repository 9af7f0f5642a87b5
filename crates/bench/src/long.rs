//! Long answers: many cities that stream very many hits each, merged into one order. What the asking side holds meanwhile.

use std::{fs, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use isopolity_domain::{
    CityId, Clock as _,
    clock::SystemClock,
    merge::{Merger, Next, Terms},
};
use isopolity_federation::{Asking, Bundle, Identity, Limits, Link, LinkError, PeerSettings, Peers};
use isopolity_proto::{
    admin::PeerState,
    catalog::Outcome,
    error::Reason,
    federation::{
        Envelope, GetBundleRequest, GetBundleResponse, GetRecordRequest, HelloRequest, HelloResponse, QueryEnd,
        QueryHit, QueryRequest, QueryResponse, QueryStart, Record, SearchOrder, SortKey, query_response::Part,
        sort_key::Key,
    },
    registry::Organization,
    type_url,
    types::LocalizedText,
};
use prost::Message as _;
use prost_types::Any;

use crate::{
    figures::{Figures, Goal, Series},
    measure::{Failure, Stopwatch},
};

/// What is merged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) cities: usize,
    pub(crate) hits: usize,
    pub(crate) text: usize,
}

/// What the asking side may hold, in MiB: a few hits of each city, and which names it has seen.
const MEMORY: f64 = 256.0;

/// A city that says hits as long as somebody takes them.
#[derive(Debug)]
struct Talker {
    city: CityId,
    number: usize,
    hits: usize,
    text: String,
}

impl Talker {
    /// Each next hit of a city is worth less; those of different cities take turns.
    fn hit(&self, at: usize) -> QueryResponse {
        let name = format!("cities/{}/organizations/o{at:06}", self.city);
        let said = LocalizedText { text: self.text.clone(), language: "en".to_owned(), ..LocalizedText::default() };
        let resource = Organization { name: name.clone(), summaries: vec![said], ..Organization::default() };
        let kind = "isopolity.registry.v1.Organization";
        let record = Record {
            city: self.city.to_string(),
            kind: "organization".to_owned(),
            name: name.clone(),
            version: 1,
            resource: Some(Any { type_url: type_url(kind), value: resource.encode_to_vec() }),
            ..Record::default()
        };
        let envelope = Envelope {
            payload: record.encode_to_vec().into(),
            payload_type: "application/vnd.isopolity.record.v1+protobuf".to_owned(),
            ..Envelope::default()
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^24")]
        let score = (self.hits * 40 - at * 40 - self.number) as f32;
        let sort_key = Some(SortKey { key: Some(Key::Score(score)) });
        QueryResponse { part: Some(Part::Hit(QueryHit { sort_key, name, envelope: Some(envelope) })) }
    }
}

/// The way to a talker.
#[derive(Debug)]
struct Lane(Arc<Talker>);

fn not_here() -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, "this call is not simulated")
}

#[async_trait]
impl Link for Lane {
    async fn hello(&self, _request: HelloRequest, _within: Duration) -> Result<HelloResponse, LinkError> {
        Err(not_here())
    }

    async fn get_bundle(&self, _: GetBundleRequest, _: Duration) -> Result<GetBundleResponse, LinkError> {
        Err(not_here())
    }

    fn query(&self, request: QueryRequest, _within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let talker = Arc::clone(&self.0);
        let count = talker.hits.min(usize::try_from(request.limit).unwrap_or_default());
        let total = i64::try_from(talker.hits).unwrap_or(i64::MAX);
        let start = QueryStart { total, records: total, epoch: "e".to_owned(), sequence: 1, ..QueryStart::default() };
        let end = QueryEnd { hits: i32::try_from(count).unwrap_or(i32::MAX) };
        let hits = stream::iter(0..count).map(move |at| talker.hit(at));
        let start = stream::iter([QueryResponse { part: Some(Part::Start(start)) }]);
        let end = stream::iter([QueryResponse { part: Some(Part::End(end)) }]);
        start.chain(hits).chain(end).map(Ok).boxed()
    }

    async fn get_record(&self, _request: GetRecordRequest, _within: Duration) -> Result<Envelope, LinkError> {
        Err(not_here())
    }
}

/// Merges all of it, and looks at what the process holds.
pub(crate) fn run(plan: Plan) -> Result<Figures, Failure> {
    let mut figures = Figures::new("long");
    figures.note("hits are made as they are taken, in the same process: what that holds is counted, too");
    figures.setting("cities", plan.cities);
    figures.setting("hits of each city", plan.hits);
    figures.setting("text of each record, in bytes", plan.text);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = tempfile::Builder::new().prefix("isopolity-bench-long").tempdir()?;
    let mut talkers = std::collections::BTreeMap::new();
    let mut table = Vec::new();
    let now = SystemClock.now();
    for number in 0..plan.cities {
        let city: CityId = format!("c{number:03}.bench.example").parse()?;
        let identity = Identity::create(&folder.path().join(city.as_str()), &city, now)?;
        let bundle = Bundle::parse(&identity.sign_bundle(&format!("https://{city}:443"), 1, now))?;
        table.push(PeerSettings {
            city: city.clone(),
            state: PeerState::Active,
            state_reason: String::new(),
            bundle,
            records: 0,
            circuit: Bytes::new(),
        });
        let text = "olive oil and cork ".chars().cycle().take(plan.text).collect();
        talkers.insert(city.clone(), Arc::new(Talker { city, number, hits: plan.hits, text }));
    }
    let asker = Identity::create(&folder.path().join("asker"), &"asker.bench.example".parse()?, now)?;
    let nobody = talkers.values().next().cloned().ok_or("there are no cities")?;
    let cities: Vec<CityId> = talkers.keys().cloned().collect();
    let factory = Arc::new(move |peer: &PeerSettings| -> Arc<dyn Link> {
        Arc::new(Lane(Arc::clone(talkers.get(&peer.city).unwrap_or(&nobody))))
    });
    let limits = Limits { digests: false, allow_private_addresses: true, ..Limits::default() };
    let peers = Peers::with_links(asker, Arc::new(SystemClock), limits, factory)?;
    peers.set(table);

    let before = held()?;
    let watch = Stopwatch::start();
    let (given, bytes, most) = runtime.block_on(merge_all(&peers, cities, plan))?;
    let seconds = watch.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let (given_f, bytes_mib) = (given as f64, bytes as f64 / f64::from(1 << 20));
    if given != plan.cities * plan.hits {
        return Err(format!("{given} hits came of {}", plan.cities * plan.hits).into());
    }
    let mut rate = Series::default();
    rate.push(given_f / seconds);
    figures.alone("hits merged in a second", "", &rate);
    figures.verdict("records passed on, in MiB", bytes_mib, None);
    figures.verdict("memory before, in MiB", before, None);
    figures.verdict("more memory than before, at most, in MiB", most - before, Some(Goal::Most(MEMORY)));
    Ok(figures)
}

async fn merge_all(peers: &Peers, cities: Vec<CityId>, plan: Plan) -> Result<(usize, usize, f64), Failure> {
    let request = QueryRequest { limit: i32::try_from(plan.hits)?, ..QueryRequest::default() };
    let asking = Asking::new(request, SearchOrder::Relevance, Duration::from_hours(1));
    let terms = Terms { each: plan.hits, ..Terms::new(SearchOrder::Relevance, plan.cities * plan.hits) };
    let mut streams = peers.stream(&asking);
    let mut merger = Merger::new(cities, terms);
    let (mut given, mut bytes, mut most) = (0, 0, 0.0_f64);
    let mut before: Option<f32> = None;
    loop {
        match merger.take_next() {
            Next::Hit(hit) => {
                let isopolity_domain::answer::SortKey::Score(score) = hit.key else {
                    return Err("a hit of another order came".into());
                };
                if before.is_some_and(|before| before < score) {
                    return Err(format!("hit {given} is out of its place").into());
                }
                before = Some(score);
                given += 1;
                bytes += hit.envelope.payload.len();
                if given % 50_000 == 0 {
                    most = most.max(held()?);
                }
            }
            Next::Waiting(_) => {
                if let Some((city, breach)) = streams.feed(&mut merger).await.into_iter().next() {
                    return Err(format!("{city} {breach}").into());
                }
            }
            Next::Done => break,
        }
    }
    Ok((given, bytes, most.max(held()?)))
}

/// What this process holds at present, in MiB.
fn held() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("the system does not tell")?;
    let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("the system does not tell")?.parse()?;
    Ok(kibibytes / 1024.0)
}
