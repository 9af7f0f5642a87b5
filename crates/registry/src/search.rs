//! One question to this city and all its peers.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use isopolity_domain::{
    CityId, Kind, Name, Violation, Violations,
    answer::{Answer, AnswerStart, Ending, SortKey},
    clock::to_timestamp,
    freshness,
    merge::{MergedHit, merge, require},
    question::{check_page_size, check_partial_response, check_question},
    record,
};
use isopolity_proto::{
    admin::PeerState,
    catalog::{Hit, Outcome, SearchRequest, SearchResponse},
    error::Reason,
    federation::{Envelope, GetRecordRequest, QueryRequest, Question, Record, SearchOrder},
    options::Audience,
};
use prost::Message as _;
use prost_reflect::ReflectMessage as _;
use tracing::info;

use crate::{Caller, Error, Registry, Right};

/// The most hits of one search.
const PAGE_MAX: i32 = 100;
/// The hits of a search where the caller names no size.
const PAGE_DEFAULT: i32 = 25;
/// The longest purpose.
const PURPOSE_MAX: usize = 200;

impl Registry {
    /// Asks this city and its peers at once and merges the answers. Takes no longer than `within`, or than the node's own
    /// patience where the caller sets no limit.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a question that can't be asked, [`Error::TokenMissing`] where a caller without a token asks
    /// for other cities, [`Error::Incomplete`] if fewer cities answered than the caller requires.
    pub async fn search(
        &self,
        caller: &Caller,
        request: &SearchRequest,
        within: Option<Duration>,
    ) -> Result<SearchResponse, Error> {
        let begun = Instant::now();
        let within = within.unwrap_or(self.patience().search).min(self.patience().search);
        let question = request.question.clone().unwrap_or_default();
        let order = check_question(&question, "question")?;
        let limit = check_page_size(request.page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        check_partial_response(request.partial_response.as_ref(), "partial_response")?;
        if request.purpose.chars().count() > PURPOSE_MAX {
            let limit = format!("is longer than {PURPOSE_MAX} characters");
            return Err(Violation::invalid("purpose", limit).into());
        }
        let selected = self.selected(caller, request)?;

        // A peer that is newer may keep kinds that this version can't read: they are not asked for.
        let kinds = match question.kinds.as_slice() {
            [] => Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec(),
            kinds => kinds.to_vec(),
        };
        let query = QueryRequest {
            question: Some(Question { order: order.into(), kinds, ..question.clone() }),
            limit: i32::try_from(limit).unwrap_or(PAGE_MAX),
            purpose: request.purpose.clone(),
            requester: format!("{}@{}", caller.id(), self.city()),
        };
        let peers = selected.as_ref();
        let (own, others) = tokio::join!(
            self.ask_own(caller.clearance(), &question, order, limit, peers, within),
            self.federation().ask(&query, order, peers, within),
        );
        let merged = merge(std::iter::once(own).chain(others).collect(), order, limit);
        // Merging alone sees that an answer breaks the order or holds other cities' records.
        for broken in merged.outcomes.iter().filter(|outcome| outcome.outcome() == Outcome::Invalid) {
            if let Ok(city) = broken.city.parse() {
                self.federation().answered_wrongly(&city, broken.error_reason(), &broken.reason);
            }
        }
        info!(
            caller.id = caller.id(),
            search.hits = merged.hits.len(),
            search.total = merged.total,
            search.coverage = %merged.coverage.summary,
            took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "question answered"
        );
        if let Err(insufficient) = require(&merged, request.partial_response.as_ref()) {
            return Err(Error::Incomplete {
                required: insufficient.to_string(),
                outcomes: merged.outcomes,
                coverage: Some(merged.coverage),
                took: begun.elapsed(),
            });
        }
        let now = self.now();
        let hits = merged.hits.into_iter().map(|hit| to_hit(hit, request.include_envelope, now)).collect();
        Ok(SearchResponse { hits, total: merged.total, coverage: Some(merged.coverage), outcomes: merged.outcomes })
    }

    /// Returns a record of any member city as its home city signed it, as `audience` sees it and never as more than the
    /// caller is. Unspecified: as the widest audience that may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PeerUnknown`], [`Error::HomeUnreachable`].
    pub async fn record(
        &self,
        caller: &Caller,
        name: &Name,
        audience: Audience,
        within: Option<Duration>,
    ) -> Result<(Envelope, Record), Error> {
        let not_found = || Error::NotFound(name.to_string());
        let envelope = if name.city() == self.city() {
            self.own_record(name, caller.clearance(), audience).await?.ok_or_else(not_found)?
        } else {
            caller.must(Right::Read)?;
            let peer = self.federation().get(name.city()).ok_or_else(|| Error::PeerUnknown(name.city().to_string()))?;
            match peer.state {
                PeerState::Active => {}
                PeerState::Suspended => {
                    return Err(Error::PeerSuspended { city: peer.city, reason: peer.state_reason });
                }
                _ => return Err(Error::PeerNotApproved(peer.city)),
            }
            let within = within.unwrap_or(self.patience().search).min(self.patience().search);
            let request = GetRecordRequest { name: name.to_string(), audience: audience.into() };
            let fetched = self.federation().get_record(name.city(), request, within).await;
            let envelope = fetched.map_err(|error| match error.reason {
                Reason::ResourceNotFound => not_found(),
                _ => Error::HomeUnreachable { city: name.city().clone(), description: error.description },
            })?;
            // Relayed to others and kept as files: so it is checked here, and not only by the channel.
            record::verify(&envelope, name.city(), &peer.bundle.keys)
                .ok()
                .filter(|record| record.name == name.to_string())
                .ok_or_else(|| Error::HomeUnreachable {
                    city: name.city().clone(),
                    description: "what it sent is not that record, signed by one of its keys".to_owned(),
                })?;
            envelope
        };
        let record = record::read(&envelope).map_err(Error::internal)?;
        Ok((envelope, record))
    }

    /// The record of one of this city's resources as `audience` sees it (unspecified: the widest that may), if it is for
    /// this clearance.
    pub(crate) async fn own_record(
        &self,
        name: &Name,
        clearance: Audience,
        audience: Audience,
    ) -> Result<Option<Envelope>, Error> {
        let Some(publication) = self.store().publication(name).await? else { return Ok(None) };
        let record = match audience {
            Audience::Unspecified => publication.records.first().filter(|record| record.audience <= clearance),
            audience => publication.record_for(audience.min(clearance)),
        };
        let Some(record) = record else { return Ok(None) };
        Ok(Some(Envelope::decode(record.envelope.clone()).map_err(Error::internal)?))
    }

    /// The cities to ask, or `None` for all.
    fn selected(&self, caller: &Caller, request: &SearchRequest) -> Result<Option<BTreeSet<CityId>>, Error> {
        let anonymous = caller.must(Right::Read).is_err();
        if request.cities.is_empty() {
            return Ok(anonymous.then(|| BTreeSet::from([self.city().clone()])));
        }
        let mut cities = BTreeSet::new();
        let mut violations = Vec::new();
        for (at, text) in request.cities.iter().enumerate() {
            match text.parse::<CityId>() {
                Ok(city) if city == *self.city() || self.is_member(&city) => {
                    cities.insert(city);
                }
                Ok(city) => violations.push(Violation::invalid(
                    format!("cities[{at}]"),
                    format!("{city} is not a member of this city's federation"),
                )),
                Err(error) => violations.push(Violation::invalid(format!("cities[{at}]"), error.to_string())),
            }
        }
        if anonymous && cities.iter().any(|city| city != self.city()) {
            return Err(Error::TokenMissing);
        }
        Violations::check(violations)?;
        Ok(Some(cities))
    }

    fn is_member(&self, city: &CityId) -> bool {
        let state = self.federation().get(city).map(|peer| peer.state);
        matches!(state, Some(PeerState::Active | PeerState::Suspended))
    }

    /// This city's own answer, with everything that was published before the question came.
    async fn ask_own(
        &self,
        clearance: Audience,
        question: &Question,
        order: SearchOrder,
        limit: usize,
        selected: Option<&BTreeSet<CityId>>,
        within: Duration,
    ) -> Answer {
        let begun = Instant::now();
        let answer = |start, hits, ending| Answer {
            city: self.city().clone(),
            took: begun.elapsed(),
            start,
            hits,
            ending,
            records_before: 0,
        };
        if selected.is_some_and(|cities| !cities.contains(self.city())) {
            let ending = Ending::fault(Outcome::NotAsked, Reason::Unspecified, "not selected");
            return answer(None, Vec::new(), ending);
        }
        let head = self.inner.head.borrow().clone();
        let current = self.catalog().reached(&head, self.patience().index.min(within)).await;
        let (catalog, question) = (self.catalog().clone(), Question { order: order.into(), ..question.clone() });
        let found = tokio::task::spawn_blocking(move || catalog.search(&question, clearance, limit)).await;
        let fault = |description: String| Ending::fault(Outcome::Unreachable, Reason::Internal, description);
        match found {
            Ok(Ok(found)) => {
                let behind = head.sequence - found.position.sequence;
                let ending = if current {
                    Ending::Complete
                } else {
                    let lag =
                        format!("the search index is {behind} publications behind; what was written last is missing");
                    Ending::fault(Outcome::Partial, Reason::DeadlineExceeded, lag)
                };
                let start = AnswerStart { total: found.total, records: found.records, position: found.position };
                answer(Some(start), found.hits, ending)
            }
            Ok(Err(error)) => {
                tracing::error!(error = %crate::error::with_causes(&error), "the search index can't answer");
                answer(None, Vec::new(), fault("this node's search index can't answer; its log says why".to_owned()))
            }
            Err(error) => {
                tracing::error!(%error, "a search ended abnormally");
                answer(None, Vec::new(), fault("this node's search ended abnormally; its log says why".to_owned()))
            }
        }
    }
}

fn to_hit(hit: MergedHit, include_envelope: bool, now: time::OffsetDateTime) -> Hit {
    let resource = record::resource(&hit.record);
    let kind = resource.as_ref().and_then(|resource| Kind::of_message(resource.descriptor().full_name()));
    let stale_reasons = match (&resource, kind) {
        (Some(resource), Some(kind)) => freshness::of(kind, resource, now),
        _ => Vec::new(),
    };
    let update_time = resource
        .as_ref()
        .and_then(|resource| resource.get_field_by_name("update_time").and_then(|value| value.as_message().cloned()))
        .and_then(|time| time.transcode_to().ok());
    let (score, update_time) = match hit.key {
        SortKey::Score(score) => (score, update_time),
        SortKey::UpdateTime(nanos) => {
            let exact = time::OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(to_timestamp);
            (0.0, exact.or(update_time))
        }
    };
    Hit {
        city: hit.city.to_string(),
        name: hit.name,
        kind: hit.record.kind,
        score,
        update_time,
        resource: hit.record.resource,
        envelope: include_envelope.then_some(hit.envelope),
        stale: !stale_reasons.is_empty(),
        stale_reasons: stale_reasons.into_iter().map(Into::into).collect(),
    }
}
