//! The one place where comparisons call what they measure, so that a change of its signature is a change here alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, future, stream, stream::BoxStream};
use isopolity_catalog::{Catalog, CatalogError};
use isopolity_domain::{
    CityId, Clock as _,
    answer::{AnswerHit, Ending},
    clock::SystemClock,
    query,
    sight::Sight,
    text::ANALYSER,
};
use isopolity_federation::{Limits, Link, LinkError, ask::Asking};
use isopolity_node::client::Client;
use isopolity_proto::{
    catalog::{FacetRequest, Outcome, SearchRequest, SearchResponse, catalog_service_client::CatalogServiceClient},
    error::Reason,
    federation::{
        Envelope, GetBundleRequest, GetBundleResponse, GetDigestRequest, GetDigestResponse, GetRecordRequest,
        GetStatisticsRequest, GetStatisticsResponse, HelloRequest, HelloResponse, QueryEnd, QueryHit, QueryHits,
        QueryRequest, QueryResponse, QueryStart, query_response::Part,
    },
    options::{Audience, Facet},
};
use isopolity_registry::Registry;
use tokio::time::sleep;

use crate::{generate::Asked, measure::Failure, nodes::administrator, simulation::City};

/// What `federation` calls the time of a city's own answer, and `simulation` looks for.
pub(crate) const OWN_TIME: &str = "a city's own answer, asked directly";

/// The time for one question.
const WITHIN: Duration = Duration::from_mins(1);

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) total: i64,
    pub(crate) names: Vec<String>,
}

/// The facets that a question asks for.
fn facets(asked: &Asked) -> &'static [Facet] {
    if asked.class.with_facets() { &[Facet::Kind, Facet::OriginCountry] } else { &[] }
}

/// Asks a catalogue as a peer of the federation, and reads the records of the hits.
pub(crate) fn local(catalog: &Catalog, asked: &Asked, limit: usize) -> Result<Found, Failure> {
    let mut found = catalog.ask(&isopolity_catalog::Asked {
        question: &asked.question,
        sight: Sight::of(Audience::Federation),
        order: asked.question.order(),
        statistics: None,
        after: None,
        limit,
        facets: facets(asked),
    })?;
    let names = found.hits.next_batch(limit)?.into_iter().map(|hit| hit.name).collect();
    Ok(Found { total: found.total, names })
}

/// Asks one peer directly, over the link over which the federation is asked.
pub(crate) async fn direct(registry: &Registry, city: &CityId, asked: &Asked, limit: usize) -> Result<Found, Failure> {
    let request = QueryRequest {
        question: Some(asked.question.clone()),
        limit: i32::try_from(limit)?,
        facets: facets(asked).iter().map(|facet| (*facet).into()).collect(),
        purpose: "bench".to_owned(),
        analyser: ANALYSER.to_owned(),
        ..Default::default()
    };
    let selected = Some(BTreeSet::from([city.clone()]));
    let asking = Asking { selected, ..Asking::new(request, asked.question.order(), WITHIN) };
    let answers = registry.federation().ask(&asking).await;
    let answer = answers.into_iter().find(|answer| answer.city == *city).ok_or("the city is no peer")?;
    match (answer.ending, answer.start) {
        (Ending::Complete, Some(start)) => {
            Ok(Found { total: start.total, names: answer.hits.into_iter().map(|hit| hit.name).collect() })
        }
        (ending, _) => Err(format!("{city} did not answer in full: {ending:?}").into()),
    }
}

/// Asks the federation through one of its registries.
pub(crate) async fn federated(registry: &Registry, asked: &Asked, limit: usize) -> Result<Found, Failure> {
    complete(registry.search(&administrator(), &request(asked, limit)?, Some(WITHIN)).await?)
}

/// Asks the federation through the API of one of its nodes.
pub(crate) async fn through_api(client: &Client, asked: &Asked, limit: usize) -> Result<Found, Failure> {
    let mut client = CatalogServiceClient::new(client.clone()).max_decoding_message_size(16 << 20);
    complete(client.search(request(asked, limit)?).await?.into_inner())
}

fn request(asked: &Asked, limit: usize) -> Result<SearchRequest, Failure> {
    Ok(SearchRequest {
        question: Some(asked.question.clone()),
        page_size: i32::try_from(limit)?,
        facets: facets(asked).iter().map(|facet| FacetRequest { facet: (*facet).into(), limit: 0 }).collect(),
        ..Default::default()
    })
}

/// The answer, if every city gave its own.
fn complete(answer: SearchResponse) -> Result<Found, Failure> {
    let coverage = answer.coverage.unwrap_or_default();
    if coverage.cities_answered != coverage.cities {
        return Err(format!("not every city answered: {}", coverage.summary).into());
    }
    Ok(Found { total: answer.total, names: answer.hits.into_iter().map(|hit| hit.name).collect() })
}

/// The limits of an asking city, with digests or without.
pub(crate) fn limits(digests: bool) -> Limits {
    Limits { digests, ask_all_up_to: 0, allow_private_addresses: true, ..Limits::default() }
}

/// Waits until the digest of each of these peers is there.
pub(crate) async fn digests_are_there(asking: &Registry, cities: &[CityId]) -> Result<(), Failure> {
    let begun = Instant::now();
    while begun.elapsed() < WITHIN {
        let has = |city: &CityId| asking.federation().digest_state(city).is_some_and(|digest| digest.bytes > 0);
        if cities.iter().all(has) {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err("the peers' digests do not come".into())
}

/// The size of a peer's digest in bytes, and how often its words let a city through that has none.
pub(crate) fn digest_size(asking: &Registry, city: &CityId) -> Option<(i64, f64)> {
    asking.federation().digest_state(city).map(|digest| (digest.bytes, digest.false_positive_rate))
}

/// Brings the digests of all cities up to date.
pub(crate) async fn refresh_digests(asking: &Registry, cities: &[Arc<City>]) -> Result<(), Failure> {
    let refreshed = stream::iter(cities).map(|city| asking.federation().refresh_digest(&city.id, WITHIN));
    refreshed.buffer_unordered(64).try_for_each(|()| future::ok(())).await.map_err(|error| error.description)?;
    Ok(())
}

/// The way to a simulated city: its catalogue, after the time that a call takes.
#[derive(Debug)]
pub(crate) struct Lane(pub(crate) Arc<City>);

fn not_simulated() -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, "this call is not simulated")
}

#[async_trait]
impl Link for Lane {
    async fn hello(&self, _request: HelloRequest, _within: Duration) -> Result<HelloResponse, LinkError> {
        Err(not_simulated())
    }

    async fn get_bundle(&self, _: GetBundleRequest, _: Duration) -> Result<GetBundleResponse, LinkError> {
        Err(not_simulated())
    }

    fn query(&self, request: QueryRequest, _within: Duration) -> BoxStream<'static, Result<QueryResponse, LinkError>> {
        let city = Arc::clone(&self.0);
        city.asked.fetch_add(1, Ordering::Relaxed);
        let answer = async move {
            sleep(city.takes()).await;
            answer(&city.catalog, &request)
        };
        stream::once(answer).map_ok(|parts| stream::iter(parts.into_iter().map(Ok))).try_flatten().boxed()
    }

    async fn get_record(&self, _request: GetRecordRequest, _within: Duration) -> Result<Envelope, LinkError> {
        Err(not_simulated())
    }

    async fn get_statistics(
        &self,
        request: GetStatisticsRequest,
        _within: Duration,
    ) -> Result<GetStatisticsResponse, LinkError> {
        sleep(self.0.takes()).await;
        let (statistics, position) =
            self.0.catalog.statistics(&request.words, Sight::of(Audience::Federation)).map_err(broken)?;
        Ok(GetStatisticsResponse { statistics: Some(statistics), epoch: position.epoch, sequence: position.sequence })
    }

    async fn get_digest(&self, request: GetDigestRequest, _within: Duration) -> Result<GetDigestResponse, LinkError> {
        sleep(self.0.takes()).await;
        let now = SystemClock.timestamp();
        let digest = self.0.catalog.digest(&self.0.id, Sight::of(Audience::Federation), now).map_err(broken)?;
        let known = (digest.epoch == request.epoch) && (digest.sequence == request.sequence);
        Ok(GetDigestResponse { digest: (!known).then_some(digest), ..Default::default() })
    }
}

/// The catalogue itself failed.
#[expect(clippy::needless_pass_by_value, reason = "made from an error")]
fn broken(error: CatalogError) -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Internal, error.to_string())
}

/// What a city's node would answer.
fn answer(catalog: &Catalog, request: &QueryRequest) -> Result<Vec<QueryResponse>, LinkError> {
    let question = request.question.clone().unwrap_or_default();
    let limit = usize::try_from(request.limit).unwrap_or_default();
    let facets: Vec<Facet> = request.facets().collect();
    let mut found = catalog
        .ask(&isopolity_catalog::Asked {
            question: &question,
            sight: Sight::of(Audience::Federation),
            order: question.order(),
            statistics: request.statistics.as_ref(),
            after: None,
            limit,
            facets: &facets,
        })
        .map_err(broken)?;
    let hits = found.hits.next_batch(limit).map_err(broken)?;
    let statistics = if request.include_statistics {
        let words: Vec<String> = query::parse(&question.text).words().into_iter().map(|word| word.word).collect();
        Some(catalog.statistics(&words, Sight::of(Audience::Federation)).map_err(broken)?.0)
    } else {
        None
    };
    let start = QueryStart {
        total: found.total,
        records: found.records,
        epoch: found.position.epoch,
        sequence: found.position.sequence,
        facets: found.facets,
        statistics,
        ..QueryStart::default()
    };
    let end = QueryEnd { hits: i32::try_from(hits.len()).unwrap_or(i32::MAX) };
    let hits = hits.into_iter().map(|AnswerHit { key, name, envelope }| QueryHit {
        sort_key: key.map(|key| key.to_proto()),
        name,
        envelope: Some(envelope),
    });
    let hits = QueryHits { hits: hits.collect() };
    let hits = (!hits.hits.is_empty()).then_some(Part::Hits(hits));
    let parts = std::iter::once(Part::Start(start)).chain(hits).chain(std::iter::once(Part::End(end)));
    Ok(parts.map(|part| QueryResponse { part: Some(part) }).collect())
}
