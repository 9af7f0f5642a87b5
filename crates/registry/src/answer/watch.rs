//! Telling a peer what is published, as far as it asked for it.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use isopolity_domain::{
    CityId,
    feed::Position,
    question::check_watch,
    sharing::{Grant, Refusal, Use},
};
use isopolity_proto::{
    admin::AuditAction,
    federation::{Question, WatchHit, WatchPosition, WatchRequest, WatchResponse, WatchTrust, watch_response::Part},
};
use tokio::sync::watch;
use tracing::info;

use super::{Parts, must_mean_the_same};
use crate::{Error, Registry, audit::Called, desk::Reading};

/// At least so often the peer is told that all has been told.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Publications that are told of at once.
const BATCH: usize = 64;

/// Where the telling stands.
struct Telling {
    registry: Registry,
    peer: CityId,
    /// `None`: only points of the feed are told.
    question: Option<Question>,
    purpose: String,
    /// The etag of the sharing agreement under which it began.
    agreement: String,
    changes: watch::Receiver<u64>,
    told: Position,
    begun: bool,
    /// The sequence of this city's own trust bundle.
    trust: tokio::sync::watch::Receiver<i64>,
    /// Parts that are ready to be taken.
    ready: std::vec::IntoIter<WatchResponse>,
    over: bool,
    _reading: Reading,
}

impl Registry {
    /// Tells a peer of records that match a question, as they are published, until it goes away or may not see them any more.
    ///
    /// # Errors
    /// As [`Registry::answer`]; later in the stream, too.
    pub fn watched_by_peer(&self, peer: &CityId, request: WatchRequest) -> Result<Parts<WatchResponse>, Error> {
        if request.question.is_none() {
            // Only points of the feed are told.
            return self.watched_unlogged(peer, request);
        }
        let called = Called {
            purpose: &request.purpose,
            requester: &request.requester,
            question: request.question.as_ref(),
            query_id: &request.query_id,
        };
        let mut logged = self.answering(peer, AuditAction::WatchAnswered, &called)?;
        logged.ended(self.watched_unlogged(peer, request))
    }

    fn watched_unlogged(&self, peer: &CityId, request: WatchRequest) -> Result<Parts<WatchResponse>, Error> {
        let wanted = wanted(request.question.as_ref(), &request.purpose);
        let Grant { etag, .. } =
            if request.question.is_some() { self.admit(peer, wanted)? } else { self.sight_of(peer, wanted)? };
        if let Some(question) = &request.question {
            check_watch(question, "question")?;
            if !question.text.is_empty() {
                must_mean_the_same(&request.analyser)?;
            }
        }
        let reading = self.inner.desk.read(peer)?;
        info!(
            peer.city = %peer,
            query.purpose = %request.purpose.chars().take(200).collect::<String>(),
            query.requester = %request.requester.chars().take(100).collect::<String>(),
            "a peer watches"
        );
        let told = self.told_before(&request.epoch, request.after_sequence);
        let telling = Telling {
            registry: self.clone(),
            peer: peer.clone(),
            question: request.question,
            purpose: request.purpose,
            agreement: etag,
            changes: self.inner.sharing.changes(),
            told,
            begun: false,
            trust: self.federation().bundle_sequence(),
            ready: Vec::new().into_iter(),
            over: false,
            _reading: reading,
        };
        Ok(stream::unfold(telling, Telling::next).boxed())
    }

    /// From where on to tell: the sequence that was told before, the present end where there is none, everything where the
    /// feed has begun anew since.
    pub(crate) fn told_before(&self, epoch: &str, after_sequence: i64) -> Position {
        let head = self.inner.head.borrow().clone();
        match (epoch.is_empty() || after_sequence <= 0, epoch == head.epoch) {
            (true, _) => head,
            (false, true) => Position { sequence: after_sequence.min(head.sequence), ..head },
            (false, false) => Position { sequence: 0, ..head },
        }
    }
}

impl Telling {
    async fn next(mut self) -> Option<(Result<WatchResponse, Error>, Self)> {
        loop {
            if let Some(part) = self.ready.next() {
                return Some((Ok(part), self));
            }
            if self.over {
                return None;
            }
            if !self.begun {
                self.begun = true;
                return Some((Ok(position(&self.told)), self));
            }
            match self.look().await {
                Ok(parts) => self.ready = parts.into_iter(),
                Err(error) => {
                    self.over = true;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// What was published since, at the latest after a heartbeat.
    async fn look(&mut self) -> Result<Vec<WatchResponse>, Error> {
        let next = Position { sequence: self.told.sequence + 1, ..self.told.clone() };
        let published = self.registry.catalog().clone();
        tokio::select! {
            _ = published.reached(&next, HEARTBEAT) => {}
            // The sender lives as long as the registry.
            _ = self.changes.changed() => {}
            Ok(()) = self.trust.changed() => {
                self.registry.must_be_active(&self.peer)?;
                let trust = WatchTrust { bundle_sequence: *self.trust.borrow_and_update() };
                return Ok(vec![WatchResponse { part: Some(Part::Trust(trust)) }]);
            }
        }
        // Anew each time: a suspension ends the watch, and so does another agreement, for under that other records are seen.
        let Grant { sight, etag, .. } =
            self.registry.sight_of(&self.peer, wanted(self.question.as_ref(), &self.purpose))?;
        if etag != self.agreement {
            return Err(Error::NotShared(Refusal::Changed(self.peer.clone())));
        }
        let mut parts = Vec::new();
        if self.registry.catalog().position().epoch != self.told.epoch {
            // A restored backup: everything is told again.
            self.told = Position { epoch: self.registry.catalog().position().epoch, sequence: 0 };
            parts.push(position(&self.told));
        }
        let Some(question) = self.question.clone() else {
            let now = self.registry.catalog().position();
            self.told.sequence = now.sequence.max(self.told.sequence);
            parts.push(position(&self.told));
            return Ok(parts);
        };
        let (catalog, after) = (self.registry.catalog().clone(), self.told.sequence);
        let published = tokio::task::spawn_blocking(move || catalog.published_after(&question, &sight, after, BATCH));
        let (hits, upto) = published.await.map_err(Error::internal)??;
        if upto.epoch != self.told.epoch {
            return Ok(parts);
        }
        self.registry.hand_out(&self.peer, hits.len())?;
        // Where there may be more, only so far as was told.
        let whole = hits.len() < BATCH;
        let last = hits.last().map(|(sequence, _, _)| *sequence);
        parts.extend(hits.into_iter().map(|(_, name, envelope)| {
            let hit = WatchHit { name, envelope: Some(envelope) };
            WatchResponse { part: Some(Part::Hit(hit)) }
        }));
        let told = if whole { upto.sequence } else { last.unwrap_or(upto.sequence) };
        self.told.sequence = told.max(self.told.sequence);
        parts.push(position(&self.told));
        Ok(parts)
    }
}

/// What watching needs.
fn wanted<'a>(question: Option<&Question>, purpose: &'a str) -> Use<'a> {
    if question.is_some() { Use::Watch(purpose) } else { Use::Position }
}

fn position(position: &Position) -> WatchResponse {
    let part = WatchPosition { epoch: position.epoch.clone(), sequence: position.sequence };
    WatchResponse { part: Some(Part::Position(part)) }
}
