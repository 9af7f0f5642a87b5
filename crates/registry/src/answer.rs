//! What a peer gets when it asks. From this city's own catalogue only: a call of a peer never causes a call to a third.

mod disclose;
mod parts;
mod watch;

use std::time::Duration;

use futures::stream::BoxStream;
use isopolity_catalog::Asked;
use isopolity_domain::{
    CityId, Name, Violation, Violations,
    answer::After,
    clock::to_timestamp,
    question::{check_query_facets, check_question},
    sharing::{Grant, Use},
    sight::Sight,
    text::ANALYSER,
};
use isopolity_federation::PROTOCOL_VERSION;
use isopolity_proto::{
    admin::{AuditAction, PeerState},
    federation::{
        Envelope, GetDigestRequest, GetDigestResponse, GetRecordRequest, GetStatisticsRequest, GetStatisticsResponse,
        HelloRequest, HelloResponse, QueryRequest, QueryResponse, Question, SearchOrder, Statistics,
    },
    options::{Audience, Facet},
};
use tracing::info;

use crate::{
    Error, Registry,
    audit::{Answering, Called},
    permission::Standing,
};

/// The most hits that a peer may ask for.
const LIMIT_MAX: i32 = 100_000;
/// The most words that are counted at once.
const WORDS_MAX: usize = 64;
/// The longest word, in bytes.
const WORD_BYTES_MAX: usize = 100;

/// What the software calls itself to peers and administrators.
pub const SOFTWARE: &str = concat!("isopolity/", env!("CARGO_PKG_VERSION"));

/// The parts of an answer, read as they are taken.
pub type Parts<T> = BoxStream<'static, Result<T, Error>>;

impl Registry {
    /// Answers a greeting: the only thing that a peer gets that is not approved, is suspended or was left. It is told so, and why.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`] if the city is no peer.
    pub async fn greeted(&self, peer: &CityId, greeting: &HelloRequest) -> Result<HelloResponse, Error> {
        let settings = self.federation().get(peer).ok_or_else(|| Error::PeerUnknown(peer.to_string()))?;
        let approved = settings.state == PeerState::Active;
        self.heard_quietly(peer, greeting.state(), &greeting.state_reason).await;
        let grant = if approved { self.sight_of(peer, Use::Greeting).ok() } else { None };
        let records = match &grant {
            Some(grant) => self.records_for_peer(grant).await?,
            None => 0,
        };
        info!(peer.city = %peer, peer.software = %greeting.software.chars().take(100).collect::<String>(), peer.approved = approved, "peer greeted us");
        self.federation().heard_of_bundle(peer, greeting.bundle_sequence);
        self.federation().heard_what_it_holds(peer, greeting.held_bundle_sequence);
        if approved {
            self.hasten_quietly(peer).await;
        }
        let head = self.inner.head.borrow().clone();
        Ok(HelloResponse {
            city: self.city().to_string(),
            protocol_version: PROTOCOL_VERSION,
            software: SOFTWARE.to_owned(),
            time: Some(self.clock().timestamp()),
            bundle_sequence: *self.federation().bundle_sequence().borrow(),
            approved,
            records,
            audience: grant.as_ref().map_or(Audience::Unspecified, |grant| grant.sight.audience()).into(),
            analyser: ANALYSER.to_owned(),
            state: settings.state.into(),
            state_reason: settings.state_reason,
            directory_version: if approved { self.directory_version() } else { 0 },
            epoch: if grant.is_some() { head.epoch } else { String::new() },
            sequence: if grant.is_some() { head.sequence } else { 0 },
            sharing_agreement: if approved { self.agreement_for_peer(peer) } else { None },
            held_bundle_sequence: settings.bundle.sequence,
        })
    }

    /// Answers a peer's question in the parts in which the answer travels: start, hits in order, end. What was published
    /// before the question came is found, unless the index would take more than half of the time that the peer gives.
    ///
    /// Records are read as they are taken: a long answer costs nothing while nobody reads it.
    ///
    /// # Errors
    /// [`Error::PeerNotApproved`], [`Error::PeerSuspended`], [`Error::NotShared`], [`Error::RateExceeded`], [`Error::Invalid`],
    /// [`Error::Incompatible`] with text that is cut
    /// into words in another way, [`Error::Overloaded`], or what the index says.
    pub async fn answer(
        &self,
        peer: &CityId,
        request: QueryRequest,
        within: Duration,
    ) -> Result<Parts<QueryResponse>, Error> {
        let called = Called {
            purpose: &request.purpose,
            requester: &request.requester,
            question: request.question.as_ref(),
            query_id: &request.query_id,
        };
        let mut logged = self.answering(peer, AuditAction::QueryAnswered, &called)?;
        let answer = self.answer_unlogged(peer, request, within, &mut logged).await;
        logged.ended(answer)
    }

    async fn answer_unlogged(
        &self,
        peer: &CityId,
        request: QueryRequest,
        within: Duration,
        logged: &mut Answering,
    ) -> Result<Parts<QueryResponse>, Error> {
        let grant = self.admit(peer, Use::Query(&request.purpose))?;
        let checked = Checked::of(request)?;
        let place = self.inner.desk.enter(peer, within / 2).await?;
        let reading = if checked.limit > parts::SHORT { Some(self.inner.desk.read(peer)?) } else { None };
        self.catch_up(peer, within).await;
        let catalog = self.catalog().clone();
        let (purpose, requester) = (checked.purpose.clone(), checked.requester.clone());
        let asker = peer.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let _until_found = place;
            parts::begin(&catalog, &checked, &grant, &asker)
        });
        let answer = answer.await.map_err(Error::internal)??;
        self.hand_out(peer, answer.len())?;
        logged.answered(answer.total(), answer.len());
        info!(
            peer.city = %peer,
            query.purpose = %purpose,
            query.requester = %requester,
            query.total = answer.total(),
            query.hits = answer.len(),
            "peer's question answered"
        );
        Ok(answer.into_stream(reading))
    }

    /// How often words occur in what a peer may see.
    ///
    /// # Errors
    /// As [`Registry::answer`].
    pub async fn statistics_for_peer(
        &self,
        peer: &CityId,
        request: GetStatisticsRequest,
        within: Duration,
    ) -> Result<GetStatisticsResponse, Error> {
        let Grant { sight, .. } = self.admit(peer, Use::Statistics)?;
        must_mean_the_same(&request.analyser)?;
        if request.words.len() > WORDS_MAX {
            let many = format!("has {} values; at most {WORDS_MAX} are allowed", request.words.len());
            return Err(Violation::invalid("words", many).into());
        }
        let long = |word: &String| word.is_empty() || word.len() > WORD_BYTES_MAX;
        if let Some(at) = request.words.iter().position(long) {
            let limit = format!("must have 1 to {WORD_BYTES_MAX} bytes");
            return Err(Violation::invalid(format!("words[{at}]"), limit).into());
        }
        let place = self.inner.desk.enter(peer, within / 2).await?;
        self.catch_up(peer, within).await;
        let catalog = self.catalog().clone();
        let counted = tokio::task::spawn_blocking(move || {
            let _until_counted = place;
            catalog.statistics(&request.words, &sight)
        });
        let (statistics, position) = counted.await.map_err(Error::internal)??;
        Ok(GetStatisticsResponse { statistics: Some(statistics), epoch: position.epoch, sequence: position.sequence })
    }

    /// What the records that a peer may see are like, unless the peer knows it.
    ///
    /// # Errors
    /// As [`Registry::answer`].
    pub async fn digest_for_peer(
        &self,
        peer: &CityId,
        request: &GetDigestRequest,
        within: Duration,
    ) -> Result<GetDigestResponse, Error> {
        let Grant { sight, etag, .. } = self.sight_of(peer, Use::Digest)?;
        let place = self.inner.desk.enter(peer, within / 2).await?;
        self.catch_up(peer, within).await;
        let known = self.catalog().position();
        if !known.epoch.is_empty()
            && (&request.epoch, request.sequence) == (&known.epoch, known.sequence)
            && request.sharing_agreement == etag
        {
            return Ok(GetDigestResponse { digest: None, sharing_agreement: etag });
        }
        let (catalog, city, now) = (self.catalog().clone(), self.city().clone(), to_timestamp(self.now()));
        let made = tokio::task::spawn_blocking(move || {
            let _until_made = place;
            catalog.digest(&city, &sight, now)
        });
        Ok(GetDigestResponse { digest: Some(made.await.map_err(Error::internal)??), sharing_agreement: etag })
    }

    /// The record of one of this city's resources, as the peer may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`] also where the peer may not know of it.
    pub async fn record_for_peer(&self, peer: &CityId, request: &GetRecordRequest) -> Result<Envelope, Error> {
        let called = Called {
            purpose: &request.purpose,
            requester: &request.requester,
            question: None,
            query_id: &request.query_id,
        };
        let mut logged = self.answering(peer, AuditAction::RecordAnswered, &called)?.about(&request.name);
        logged.ended(self.record_unlogged(peer, request).await)
    }

    async fn record_unlogged(&self, peer: &CityId, request: &GetRecordRequest) -> Result<Envelope, Error> {
        let Grant { sight, .. } = self.admit(peer, Use::Record(&request.purpose))?;
        let name: Name = request
            .name
            .parse()
            .map_err(|error: isopolity_domain::name::NameError| Violation::invalid("name", error.to_string()))?;
        self.must_be_ours(&name, "name")?;
        let found = self.own_record(&name, &sight, request.audience()).await?;
        let envelope = found.ok_or_else(|| Error::NotFound(name.to_string()))?;
        self.hand_out(peer, 1)?;
        info!(
            peer.city = %peer,
            query.purpose = %request.purpose.chars().take(200).collect::<String>(),
            query.requester = %request.requester.chars().take(100).collect::<String>(),
            resource.name = %name,
            "a peer read a record"
        );
        Ok(envelope)
    }

    /// How many records a peer is told that it may see.
    async fn records_for_peer(&self, grant: &Grant) -> Result<i64, Error> {
        let (catalog, sight) = (self.catalog().clone(), grant.sight.clone());
        let counted = tokio::task::spawn_blocking(move || catalog.records(&sight));
        let records = counted.await.map_err(Error::internal)??;
        Ok(disclose::records(records, grant.granularity))
    }

    /// Refuses a peer that does not stand close enough.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::PeerNotApproved`], [`Error::PeerSuspended`].
    pub fn peer_must(&self, peer: &CityId, needed: Standing) -> Result<(), Error> {
        let settings = self.federation().get(peer).ok_or_else(|| Error::PeerUnknown(peer.to_string()))?;
        if Standing::of(settings.state).is_some_and(|standing| standing >= needed) {
            return Ok(());
        }
        Err(match settings.state {
            PeerState::Suspended => Error::PeerSuspended { city: peer.clone(), reason: settings.state_reason },
            PeerState::Left => Error::PeerLeft { city: peer.clone(), reason: settings.state_reason },
            _ => Error::PeerNotApproved(peer.clone()),
        })
    }

    /// How long a peer's question may take when it sets no limit.
    #[must_use]
    pub fn patience_with_peers(&self) -> Duration {
        self.patience().search
    }

    /// Waits until the index has what was published before, for at most half of the peer's time.
    async fn catch_up(&self, peer: &CityId, within: Duration) {
        let head = self.inner.head.borrow().clone();
        if !self.catalog().reached(&head, self.patience().index.min(within / 2)).await {
            info!(peer.city = %peer, "the search index is behind; a peer is answered without the latest publications");
        }
    }
}

/// A peer's question, in a form in which it can be answered.
#[derive(Debug)]
struct Checked {
    question: Question,
    order: SearchOrder,
    limit: usize,
    after: Option<After>,
    facets: Vec<Facet>,
    statistics: Option<Statistics>,
    include_statistics: bool,
    omit_records: bool,
    purpose: String,
    requester: String,
}

impl Checked {
    fn of(request: QueryRequest) -> Result<Self, Error> {
        let mut question = request.question.unwrap_or_default();
        let order = check_question(&question, "question")?;
        question.order = order.into();
        if !question.text.is_empty() {
            must_mean_the_same(&request.analyser)?;
        }
        let mut violations = Vec::new();
        let limit = usize::try_from(request.limit).ok().filter(|_| request.limit <= LIMIT_MAX).unwrap_or_else(|| {
            violations.push(Violation::invalid("limit", format!("{} is not within 0 to {LIMIT_MAX}", request.limit)));
            0
        });
        let after = request.after.as_ref().and_then(|after| After::from_proto(after, order));
        if request.after.is_some() && after.is_none() {
            violations.push(Violation::invalid("after", "holds no key of the order that is asked for"));
        }
        if let Some(statistics) = &request.statistics {
            violations.extend(impossible(statistics));
        }
        Violations::check(violations)?;
        let facets = check_query_facets(&request.facets, "facets")?;
        Ok(Self {
            question,
            order,
            limit,
            after,
            facets,
            statistics: request.statistics,
            include_statistics: request.include_statistics,
            omit_records: request.omit_records,
            purpose: request.purpose.chars().take(200).collect(),
            requester: request.requester.chars().take(100).collect(),
        })
    }

    fn asked<'a>(&'a self, sight: &'a Sight) -> Asked<'a> {
        Asked {
            question: &self.question,
            sight,
            order: self.order,
            statistics: self.statistics.as_ref(),
            after: self.after.as_ref(),
            limit: self.limit,
            facets: &self.facets,
        }
    }
}

/// Words mean the same only where they are cut and folded in the same way.
fn must_mean_the_same(analyser: &str) -> Result<(), Error> {
    if analyser.is_empty() || analyser == ANALYSER {
        return Ok(());
    }
    let theirs: String = analyser.chars().take(100).collect();
    Err(Error::Incompatible(format!(
        "the question's words were cut by {theirs}; this node speaks {ANALYSER}: one of the two is to be upgraded"
    )))
}

/// What is wrong with statistics.
fn impossible(statistics: &Statistics) -> Option<Violation> {
    let Statistics { records, title_words, body_words, words } = statistics;
    let good = words.len() <= WORDS_MAX
        && [records, title_words, body_words].iter().all(|count| **count >= 0)
        && words.iter().all(|word| {
            let within = |count: i64| (0..=*records).contains(&count);
            word.word.len() <= WORD_BYTES_MAX && within(word.title_records) && within(word.body_records)
        });
    (!good).then(|| Violation::invalid("statistics", "holds counts that can't be, or too many words"))
}
