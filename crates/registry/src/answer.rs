//! What a peer gets when it asks. From this city's own catalogue only: a call of a peer never causes a call to a third.

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
    text::ANALYSER,
};
use isopolity_federation::PROTOCOL_VERSION;
use isopolity_proto::{
    admin::PeerState,
    federation::{
        Envelope, GetDigestRequest, GetDigestResponse, GetRecordRequest, GetStatisticsRequest, GetStatisticsResponse,
        HelloRequest, HelloResponse, QueryRequest, QueryResponse, Question, SearchOrder, Statistics,
    },
    options::{Audience, Facet},
};
use tracing::info;

use crate::{Error, Registry};

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
    /// Answers a greeting: the only thing that a peer gets before it is approved.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`] if the city is no peer, [`Error::PeerSuspended`] if it is held back.
    pub async fn greeted(&self, peer: &CityId, greeting: &HelloRequest) -> Result<HelloResponse, Error> {
        let settings = self.federation().get(peer).ok_or_else(|| Error::PeerUnknown(peer.to_string()))?;
        let approved = match settings.state {
            PeerState::Active => true,
            PeerState::Suspended => {
                return Err(Error::PeerSuspended { city: peer.clone(), reason: settings.state_reason });
            }
            _ => false,
        };
        let records = if approved {
            let (catalog, clearance) = (self.catalog().clone(), self.clearance_of(peer)?);
            tokio::task::spawn_blocking(move || catalog.records(clearance)).await.map_err(Error::internal)??
        } else {
            0
        };
        info!(peer.city = %peer, peer.software = %greeting.software.chars().take(100).collect::<String>(), peer.approved = approved, "peer greeted us");
        self.federation().heard_of_bundle(peer, greeting.bundle_sequence);
        self.federation().heard_what_it_holds(peer, greeting.held_bundle_sequence);
        let head = self.inner.head.borrow().clone();
        Ok(HelloResponse {
            city: self.city().to_string(),
            protocol_version: PROTOCOL_VERSION,
            software: SOFTWARE.to_owned(),
            time: Some(self.clock().timestamp()),
            bundle_sequence: *self.federation().bundle_sequence().borrow(),
            approved,
            records,
            audience: if approved { settings.audience.into() } else { Audience::Unspecified.into() },
            analyser: ANALYSER.to_owned(),
            epoch: if approved { head.epoch } else { String::new() },
            sequence: if approved { head.sequence } else { 0 },
            held_bundle_sequence: settings.bundle.sequence,
        })
    }

    /// Answers a peer's question in the parts in which the answer travels: start, hits in order, end. What was published
    /// before the question came is found, unless the index would take more than half of the time that the peer gives.
    ///
    /// Records are read as they are taken: a long answer costs nothing while nobody reads it.
    ///
    /// # Errors
    /// [`Error::PeerNotApproved`], [`Error::PeerSuspended`], [`Error::Invalid`], [`Error::Incompatible`] with text that is cut
    /// into words in another way, [`Error::Overloaded`], or what the index says.
    pub async fn answer(
        &self,
        peer: &CityId,
        request: QueryRequest,
        within: Duration,
    ) -> Result<Parts<QueryResponse>, Error> {
        let clearance = self.clearance_of(peer)?;
        let checked = Checked::of(request)?;
        let place = self.inner.desk.enter(peer, within / 2).await?;
        let reading = if checked.limit > parts::SHORT { Some(self.inner.desk.read(peer)?) } else { None };
        self.catch_up(peer, within).await;
        let catalog = self.catalog().clone();
        let (purpose, requester) = (checked.purpose.clone(), checked.requester.clone());
        let answer = tokio::task::spawn_blocking(move || {
            let _until_found = place;
            parts::begin(&catalog, &checked, clearance)
        });
        let answer = answer.await.map_err(Error::internal)??;
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
        let clearance = self.clearance_of(peer)?;
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
            catalog.statistics(&request.words, clearance)
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
        let clearance = self.clearance_of(peer)?;
        let place = self.inner.desk.enter(peer, within / 2).await?;
        self.catch_up(peer, within).await;
        let known = self.catalog().position();
        if !known.epoch.is_empty() && request.epoch == known.epoch && request.sequence == known.sequence {
            return Ok(GetDigestResponse { digest: None });
        }
        let (catalog, city, now) = (self.catalog().clone(), self.city().clone(), to_timestamp(self.now()));
        let made = tokio::task::spawn_blocking(move || {
            let _until_made = place;
            catalog.digest(&city, clearance, now)
        });
        Ok(GetDigestResponse { digest: Some(made.await.map_err(Error::internal)??) })
    }

    /// The record of one of this city's resources, as the peer may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`] also where the peer may not know of it.
    pub async fn record_for_peer(&self, peer: &CityId, request: &GetRecordRequest) -> Result<Envelope, Error> {
        let clearance = self.clearance_of(peer)?;
        let name: Name = request
            .name
            .parse()
            .map_err(|error: isopolity_domain::name::NameError| Violation::invalid("name", error.to_string()))?;
        self.must_be_ours(&name, "name")?;
        self.own_record(&name, clearance, request.audience()).await?.ok_or_else(|| Error::NotFound(name.to_string()))
    }

    /// What an active peer may see here.
    ///
    /// # Errors
    /// [`Error::PeerUnknown`], [`Error::PeerNotApproved`], [`Error::PeerSuspended`].
    pub fn clearance_of(&self, peer: &CityId) -> Result<Audience, Error> {
        let settings = self.federation().get(peer).ok_or_else(|| Error::PeerUnknown(peer.to_string()))?;
        match settings.state {
            // Whatever the table says, what is for own staff never leaves.
            PeerState::Active => Ok(settings.audience.min(Audience::Federation)),
            PeerState::Suspended => Err(Error::PeerSuspended { city: peer.clone(), reason: settings.state_reason }),
            _ => Err(Error::PeerNotApproved(peer.clone())),
        }
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

    fn asked(&self, clearance: Audience) -> Asked<'_> {
        Asked {
            question: &self.question,
            clearance,
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
