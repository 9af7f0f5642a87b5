//! Calls between cities: what is logged of them, and both cities' views side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use isopolity_domain::{
    CityId, Violation,
    audit::{Event, Subject},
    clock::{from_timestamp, to_timestamp},
    page_token::{self, PageTokenError},
    question::check_page_size,
};
use isopolity_proto::{
    admin::{
        AuditAction, AuditDetail, AuditEntry, CompareAuditedCallsRequest, CompareAuditedCallsResponse, ComparedCall,
        PeerState,
    },
    catalog::{CityOutcome, Outcome},
    error::Reason,
    federation::{
        AuditOutcome, AuditedCall, CallDirection, CallKind, ListAuditedCallsRequest, ListAuditedCallsResponse,
        QueryRequest, Question,
    },
    options::Audience,
};
use isopolity_store::{AuditFilter, AuditRow};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::journal::Reserved;
use crate::{Caller, Error, Registry, Right, export::Export};

/// Actions of questions that this city asked, and of those that it answered.
const ASKED: [AuditAction; 3] = [AuditAction::QueryAsked, AuditAction::RecordAsked, AuditAction::WatchAsked];
const ANSWERED: [AuditAction; 3] =
    [AuditAction::QueryAnswered, AuditAction::RecordAnswered, AuditAction::WatchAnswered];
/// Calls on a page where the peer names no size, and at most.
const PAGE: (i32, i32) = (100, 500);
/// Calls that are compared where the caller names no number, and at most.
const COMPARED: (i32, i32) = (200, 1_000);
/// By so much two cities' clocks may differ.
const SKEW: time::Duration = time::Duration::minutes(5);
/// How long a peer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// From when on calls are compared, if the caller does not say.
const LATELY: time::Duration = time::Duration::days(7);

/// What a call says of itself.
pub(crate) struct Called<'a> {
    /// Why it is asked.
    pub(crate) purpose: &'a str,
    /// Who asks, by a pseudonym.
    pub(crate) requester: &'a str,
    /// The question, if it is one.
    pub(crate) question: Option<&'a Question>,
    /// By which both cities find it.
    pub(crate) query_id: &'a str,
}

/// A call of a peer on its way into the log. What is dropped before it is told of has failed.
pub(crate) struct Answering {
    event: Option<Event>,
    room: Reserved,
}

impl Answering {
    /// The record that was read.
    pub(crate) fn about(mut self, name: &str) -> Self {
        self.event = self.event.take().map(|event| event.about(name));
        self
    }

    /// So many records were exported so far.
    pub(crate) fn counted(&mut self, records: i64) {
        self.event = self.event.take().map(|event| event.counting(records, 0));
    }

    /// It was answered: so many match, so many are sent.
    pub(crate) fn answered(&mut self, total: i64, hits: usize) {
        let hits = i64::try_from(hits).unwrap_or(i64::MAX);
        if let Some(event) = self.event.take() {
            self.room.put(event.counting(total, hits).came_to(AuditOutcome::Succeeded, Reason::Unspecified));
        }
    }

    /// Tells what came of it, if it was not told yet.
    pub(crate) fn ended<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match (&result, self.event.take()) {
            (Ok(_), Some(event)) => self.room.put(event.came_to(AuditOutcome::Succeeded, Reason::Unspecified)),
            (Err(error), Some(event)) => {
                let outcome = match error.reason() {
                    // There being none that it may see is an answer.
                    Reason::ResourceNotFound => AuditOutcome::Succeeded,
                    Reason::Internal | Reason::StorageBusy | Reason::StorageFull => AuditOutcome::Failed,
                    _ => AuditOutcome::Refused,
                };
                self.room.put(event.came_to(outcome, error.reason()));
            }
            (_, None) => {}
        }
        result
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.room.put(event);
        }
    }
}

/// A question on its way to peers and into the log. What is dropped before it is told of was not answered.
pub(crate) struct Asking {
    events: BTreeMap<CityId, Event>,
    room: Reserved,
}

impl Asking {
    /// Tells what came of it. Peers that were not asked are not in the log.
    pub(crate) fn told(mut self, outcomes: &[CityOutcome]) {
        for outcome in outcomes {
            let Some(event) = outcome.city.parse().ok().and_then(|city: CityId| self.events.remove(&city)) else {
                continue;
            };
            let came_to = match outcome.outcome() {
                Outcome::Answered | Outcome::AnsweredEmpty | Outcome::Partial => AuditOutcome::Succeeded,
                Outcome::Refused | Outcome::Incompatible => AuditOutcome::Refused,
                Outcome::TimedOut | Outcome::Unreachable => AuditOutcome::Unanswered,
                Outcome::Invalid => AuditOutcome::Failed,
                _ => continue,
            };
            let event = event.counting(outcome.total, outcome.hits.into());
            self.room.put(event.came_to(came_to, outcome.error_reason()));
        }
        self.events.clear();
    }

    /// The record that is read.
    pub(crate) fn about(mut self, name: &str) -> Self {
        let events = std::mem::take(&mut self.events);
        self.events = events.into_iter().map(|(city, event)| (city, event.about(name))).collect();
        self
    }

    /// Tells what came of asking one peer.
    pub(crate) fn ended<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        let (outcome, reason) = match &result {
            Ok(_) => (AuditOutcome::Succeeded, Reason::Unspecified),
            Err(Error::NotFound(_)) => (AuditOutcome::Succeeded, Reason::ResourceNotFound),
            Err(error) => (AuditOutcome::Unanswered, error.reason()),
        };
        for event in std::mem::take(&mut self.events).into_values() {
            self.room.put(event.came_to(outcome, reason));
        }
        result
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        for event in std::mem::take(&mut self.events).into_values() {
            self.room.put(event.came_to(AuditOutcome::Unanswered, Reason::Unspecified));
        }
    }
}

/// A new id for a call to peers.
pub(crate) fn new_query_id() -> String {
    Uuid::now_v7().simple().to_string()
}

impl Registry {
    /// Keeps room in the log for a peer's call.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if there is none and the peer may see more than what is PUBLIC: nobody is told such things
    /// unlogged.
    pub(crate) fn answering(
        &self,
        peer: &CityId,
        action: AuditAction,
        called: &Called<'_>,
    ) -> Result<Answering, Error> {
        let agreement = self.agreement_for_peer(peer);
        let may_see_more = agreement.is_some_and(|agreement| agreement.audience() > Audience::Public);
        let journal = self.journal();
        let room = if may_see_more { journal.reserve(1)? } else { journal.reserve_or_count(1) };
        let event = self.event(Subject::peer(peer), action).with_peer(peer);
        let event = event
            .asked_for(called.purpose, called.requester)
            .asking(called.question, called.query_id)
            .came_to(AuditOutcome::Failed, Reason::Unspecified);
        Ok(Answering { event: Some(event), room })
    }

    /// Keeps room in the log for an export.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if there is none and more than what is PUBLIC is exported.
    pub(crate) fn exporting(&self, export: &Export) -> Result<Answering, Error> {
        let (format, audience) = (export.format.as_str_name(), export.audience.as_str_name());
        let journal = self.journal();
        let room = if export.audience > Audience::Public { journal.reserve(1)? } else { journal.reserve_or_count(1) };
        let event = self.event(export.by.clone(), AuditAction::RecordsExported);
        let kinds: Vec<&str> = export.kinds.iter().map(|kind| kind.as_str()).collect();
        let event = event.saying(&format!("{format}, {audience}, {}", kinds.join(" ")));
        Ok(Answering { event: Some(event.came_to(AuditOutcome::Failed, Reason::Unspecified)), room })
    }

    /// Keeps room in the log for a question to peers: all that are approved and among those that are selected.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if there is none.
    pub(crate) fn asking(
        &self,
        caller: &Caller,
        selected: Option<&BTreeSet<CityId>>,
        query: &QueryRequest,
    ) -> Result<Asking, Error> {
        let peers = self.federation().all().into_iter().filter(|peer| peer.state == PeerState::Active);
        let peers = peers.map(|peer| peer.city).filter(|city| selected.is_none_or(|wanted| wanted.contains(city)));
        let said = Called {
            purpose: &query.purpose,
            requester: &query.requester,
            question: query.question.as_ref(),
            query_id: &query.query_id,
        };
        self.asking_all(caller.into(), AuditAction::QueryAsked, peers.collect(), &said)
    }

    /// Keeps room in the log for a call to these peers, each with the same id.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] if there is none.
    pub(crate) fn asking_all(
        &self,
        by: Subject,
        action: AuditAction,
        peers: Vec<CityId>,
        called: &Called<'_>,
    ) -> Result<Asking, Error> {
        let room = self.journal().reserve(peers.len())?;
        let event = self.event(by, action).asked_for(called.purpose, called.requester);
        let event = event.asking(called.question, called.query_id);
        let events = peers.into_iter().map(|city| (city.clone(), event.clone().with_peer(&city))).collect();
        Ok(Asking { events, room })
    }

    /// What this city's log has of calls with a peer, for that peer and about nobody else.
    ///
    /// # Errors
    /// As [`Registry::answer`], and [`Error::Invalid`] without a direction.
    pub async fn audited_calls_for_peer(
        &self,
        peer: &CityId,
        request: &ListAuditedCallsRequest,
    ) -> Result<ListAuditedCallsResponse, Error> {
        self.must_be_active(peer)?;
        let actions = actions(request.direction())?;
        let size = check_page_size(request.page_size, "page_size", PAGE.0, PAGE.1)?;
        let times = [&request.start_time, &request.end_time].map(|time| time.as_ref().and_then(from_timestamp));
        let purpose = format!("calls {peer} {} {times:?}", request.direction);
        let after = match request.page_token.as_str() {
            "" => None,
            token => {
                let text = page_token::decode(&self.inner.page_key, &purpose, token).ok();
                Some(text.and_then(|text| text.parse().ok()).ok_or_else(|| PageTokenError.at("page_token"))?)
            }
        };
        let filter = AuditFilter {
            start: times[0],
            end: times[1],
            actions: actions.map(Into::into).to_vec(),
            peer: Some(peer.to_string()),
            ..AuditFilter::default()
        };
        self.flush_audit().await?;
        let mut rows = self.store().audit_entries(&filter, true, after, (size + 1) as u64).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some(last) if more => page_token::encode(&self.inner.page_key, &purpose, &last.sequence.to_string()),
            _ => String::new(),
        };
        let calls = rows.into_iter().map(call).collect::<Result<_, _>>()?;
        Ok(ListAuditedCallsResponse { calls, next_page_token })
    }

    /// Sets this city's view of its calls with a peer beside the peer's own.
    ///
    /// # Errors
    /// [`Error::RightMissing`], [`Error::Invalid`], [`Error::PeerUnknown`], or what the store says. That the peer does not answer is
    /// no error.
    pub async fn compare_audited_calls(
        &self,
        caller: &Caller,
        request: &CompareAuditedCallsRequest,
    ) -> Result<CompareAuditedCallsResponse, Error> {
        caller.must(Right::Audit)?;
        let actions = actions(request.direction())?;
        let city: CityId = request
            .city
            .parse()
            .map_err(|error: isopolity_domain::city_id::CityIdError| Violation::invalid("city", error.to_string()))?;
        let limit = check_page_size(request.limit, "limit", COMPARED.0, COMPARED.1)?;
        if self.federation().get(&city).is_none() {
            return Err(Error::PeerUnknown(city.to_string()));
        }
        let end = request.end_time.as_ref().and_then(from_timestamp).unwrap_or_else(|| self.now() + SKEW * 2);
        let start = request.start_time.as_ref().and_then(from_timestamp).unwrap_or_else(|| self.now() - LATELY);
        let filter = AuditFilter {
            start: Some(start),
            end: Some(end),
            actions: actions.map(Into::into).to_vec(),
            peer: Some(city.to_string()),
            ..AuditFilter::default()
        };
        self.flush_audit().await?;
        let mut rows = self.store().audit_entries(&filter, false, None, (limit + 1) as u64).await?;
        // Where there are more, those before are left out on both sides.
        let start = if rows.len() > limit { rows.pop().map_or(start, |left_out| left_out.time) } else { start };
        rows.reverse();
        let here = rows.into_iter().map(call).collect::<Result<Vec<_>, _>>()?;
        let other = match request.direction() {
            CallDirection::Asked => CallDirection::Answered,
            _ => CallDirection::Asked,
        };
        let (there, unanswered) = match self.calls_there(&city, other, start - SKEW, end + SKEW).await {
            Ok(there) => (Some(there), String::new()),
            Err(description) => (None, description),
        };
        let calls = match there {
            Some(there) => compare(here, there, (start + SKEW, end - SKEW)),
            None => here.into_iter().map(|here| ComparedCall { here: Some(here), ..Default::default() }).collect(),
        };
        let differences = calls.iter().filter(|call| !call.difference.is_empty()).count();
        Ok(CompareAuditedCallsResponse {
            calls,
            differences: i32::try_from(differences).unwrap_or(i32::MAX),
            unanswered,
        })
    }

    /// The peer's view, or why there is none.
    async fn calls_there(
        &self,
        city: &CityId,
        direction: CallDirection,
        start: OffsetDateTime,
        end: OffsetDateTime,
    ) -> Result<Vec<AuditedCall>, String> {
        let mut request = ListAuditedCallsRequest {
            direction: direction.into(),
            start_time: Some(to_timestamp(start)),
            end_time: Some(to_timestamp(end)),
            page_size: PAGE.1,
            page_token: String::new(),
        };
        let mut calls = Vec::new();
        // A peer that never ends is not followed for ever.
        for _ in 0..20 {
            let page = self.federation().list_audited_calls(city, request.clone(), PATIENCE).await;
            let page = page.map_err(|error| error.description)?;
            calls.extend(page.calls);
            if page.next_page_token.is_empty() {
                return Ok(calls);
            }
            request.page_token = page.next_page_token;
        }
        Err(format!("{city} has more calls than can be compared at once: name a shorter time"))
    }
}

fn actions(direction: CallDirection) -> Result<[AuditAction; 3], Violation> {
    match direction {
        CallDirection::Asked => Ok(ASKED),
        CallDirection::Answered => Ok(ANSWERED),
        CallDirection::Unspecified => Err(Violation::required("direction")),
    }
}

fn call(row: AuditRow) -> Result<AuditedCall, Error> {
    let entry = AuditEntry::decode(row.entry.bytes).map_err(Error::internal)?;
    let detail = match row.entry.kept {
        Some(kept) => AuditDetail::decode(kept.detail).map_err(Error::internal)?,
        None => AuditDetail::default(),
    };
    let kind = match entry.action() {
        AuditAction::QueryAsked | AuditAction::QueryAnswered => CallKind::Query,
        AuditAction::RecordAsked | AuditAction::RecordAnswered => CallKind::Record,
        AuditAction::WatchAsked | AuditAction::WatchAnswered => CallKind::Watch,
        _ => CallKind::Unspecified,
    };
    Ok(AuditedCall {
        sequence: entry.sequence,
        time: entry.time,
        kind: kind.into(),
        purpose: detail.purpose,
        requester: detail.requester,
        outcome: entry.outcome,
        reason: entry.reason,
        total: entry.total,
        hits: entry.hits,
        resource: entry.resource,
        query_id: entry.query_id,
    })
}

/// Sets calls side by side by their ids. One that only the other city has counts only within these times: at their edges clocks
/// differ.
fn compare(
    here: Vec<AuditedCall>,
    there: Vec<AuditedCall>,
    (start, end): (OffsetDateTime, OffsetDateTime),
) -> Vec<ComparedCall> {
    let is_inside = |call: &AuditedCall| {
        call.time.as_ref().and_then(from_timestamp).is_some_and(|time| (start..end).contains(&time))
    };
    let mut others: BTreeMap<(i32, String), AuditedCall> = BTreeMap::new();
    let mut compared = Vec::new();
    for call in there {
        // A watch that was taken up again is one watch.
        others.entry((call.kind, call.query_id.clone())).or_insert(call);
    }
    let mut seen = BTreeSet::new();
    for call in here {
        let id = (call.kind, call.query_id.clone());
        if !seen.insert(id.clone()) {
            continue;
        }
        let other = others.remove(&id);
        let difference = match &other {
            Some(other) => differences(&call, other),
            None if call.outcome() == AuditOutcome::Unanswered => String::new(),
            None if is_inside(&call) => "the peer has no such call".to_owned(),
            None => String::new(),
        };
        compared.push(ComparedCall { here: Some(call), there: other, difference });
    }
    for call in others.into_values().filter(is_inside) {
        let difference = "only the peer has it".to_owned();
        compared.push(ComparedCall { here: None, there: Some(call), difference });
    }
    let time = |compared: &ComparedCall| {
        let call = compared.here.as_ref().or(compared.there.as_ref());
        call.and_then(|call| call.time.as_ref()).map(|time| (time.seconds, time.nanos))
    };
    compared.sort_by_key(time);
    compared
}

/// In what two views of a call differ. What was erased on one side is no difference, nor what got lost on the way.
fn differences(here: &AuditedCall, there: &AuditedCall) -> String {
    let mut found = Vec::new();
    for (what, one, other) in [
        ("purpose", &here.purpose, &there.purpose),
        ("requester", &here.requester, &there.requester),
        ("record", &here.resource, &there.resource),
    ] {
        if !one.is_empty() && !other.is_empty() && one != other {
            found.push(format!("{what}: here {one:?}, there {other:?}"));
        }
    }
    let answered = |call: &AuditedCall| call.outcome() == AuditOutcome::Succeeded;
    match (answered(here), answered(there)) {
        (true, true) if here.total != there.total => {
            found.push(format!("matching records: here {}, there {}", here.total, there.total));
        }
        (one, other) if one != other => {
            let lost = [here, there].iter().any(|call| call.outcome() == AuditOutcome::Unanswered);
            if !lost {
                found.push(format!("outcome: here {}, there {}", word(here.outcome()), word(there.outcome())));
            }
        }
        _ => {}
    }
    found.join("; ")
}

fn word(outcome: AuditOutcome) -> String {
    outcome.as_str_name().trim_start_matches("AUDIT_OUTCOME_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn made(id: &str, total: i64) -> AuditedCall {
        AuditedCall {
            time: Some(to_timestamp(datetime!(2026-03-16 09:00 UTC))),
            query_id: id.into(),
            total,
            purpose: "p".into(),
            outcome: AuditOutcome::Succeeded.into(),
            ..Default::default()
        }
    }

    fn differences_of(here: Vec<AuditedCall>, there: Vec<AuditedCall>) -> Vec<String> {
        let times = (datetime!(2026-03-16 08:00 UTC), datetime!(2026-03-16 10:00 UTC));
        compare(here, there, times).into_iter().map(|call| call.difference).collect()
    }

    #[test]
    fn calls_that_both_cities_have_alike_do_not_differ() {
        assert_eq!(differences_of(vec![made("a", 3)], vec![made("a", 3)]), [""]);
        let erased = AuditedCall { purpose: String::new(), ..made("a", 3) };
        assert_eq!(differences_of(vec![made("a", 3)], vec![erased]), [""]);
        let unanswered = AuditedCall { outcome: AuditOutcome::Unanswered.into(), ..made("b", 0) };
        assert_eq!(differences_of(vec![unanswered.clone()], vec![]), [""], "it may have got lost on the way");
        assert_eq!(differences_of(vec![unanswered], vec![made("b", 3)]), [""], "so may the answer");
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(differences_of(vec![made("a", 3)], vec![made("a", 4)]), ["matching records: here 3, there 4"]);
        assert_eq!(differences_of(vec![made("a", 3)], vec![]), ["the peer has no such call"]);
        assert_eq!(differences_of(vec![], vec![made("a", 3)]), ["only the peer has it"]);
        let other = AuditedCall { purpose: "q".into(), ..made("a", 3) };
        assert_eq!(differences_of(vec![made("a", 3)], vec![other]), [r#"purpose: here "p", there "q""#]);
        let refused = AuditedCall { outcome: AuditOutcome::Refused.into(), ..made("a", 0) };
        assert_eq!(differences_of(vec![refused], vec![made("a", 3)]), ["outcome: here refused, there succeeded"]);
    }
}
