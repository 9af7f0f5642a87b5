//! What a peer gets when it asks. From this city's own catalogue only: a call of a peer never causes a call to a third.

use std::time::Duration;

use isopolity_domain::{
    CityId, Name, Violation,
    answer::AnswerHit,
    question::{check_page_size, check_question},
};
use isopolity_federation::PROTOCOL_VERSION;
use isopolity_proto::{
    admin::PeerState,
    federation::{
        Envelope, GetRecordRequest, HelloRequest, HelloResponse, QueryEnd, QueryHit, QueryRequest, QueryResponse,
        QueryStart, query_response::Part,
    },
    options::Audience,
};
use tracing::info;

use crate::{Error, Registry};

/// The most hits that a peer may ask for.
const LIMIT_MAX: i32 = 100;

/// What the software calls itself to peers and administrators.
pub const SOFTWARE: &str = concat!("isopolity/", env!("CARGO_PKG_VERSION"));

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
        Ok(HelloResponse {
            city: self.city().to_string(),
            protocol_version: PROTOCOL_VERSION,
            software: SOFTWARE.to_owned(),
            time: Some(self.clock().timestamp()),
            bundle_sequence: self.own_bundle_sequence().await?,
            approved,
            records,
            audience: if approved { settings.audience.into() } else { Audience::Unspecified.into() },
        })
    }

    /// Answers a peer's question in the parts in which the answer travels: start, hits in order, end. What was published
    /// before the question came is found, unless the index would take more than half of the time that the peer gives.
    ///
    /// # Errors
    /// [`Error::PeerNotApproved`], [`Error::PeerSuspended`], [`Error::Invalid`], or what the index says.
    pub async fn answer(
        &self,
        peer: &CityId,
        request: QueryRequest,
        within: Duration,
    ) -> Result<Vec<QueryResponse>, Error> {
        let clearance = self.clearance_of(peer)?;
        let mut question = request.question.unwrap_or_default();
        question.order = check_question(&question, "question")?.into();
        if request.limit < 1 {
            return Err(Violation::invalid("limit", format!("must be 1 to {LIMIT_MAX}")).into());
        }
        let limit = check_page_size(request.limit, "limit", LIMIT_MAX, LIMIT_MAX)?;
        let head = self.inner.head.borrow().clone();
        if !self.catalog().reached(&head, self.patience().index.min(within / 2)).await {
            info!(peer.city = %peer, "the search index is behind; a peer is answered without the latest publications");
        }
        let catalog = self.catalog().clone();
        let found = tokio::task::spawn_blocking(move || catalog.search(&question, clearance, limit))
            .await
            .map_err(Error::internal)??;
        info!(
            peer.city = %peer,
            query.purpose = %request.purpose.chars().take(200).collect::<String>(),
            query.requester = %request.requester.chars().take(100).collect::<String>(),
            query.total = found.total,
            query.hits = found.hits.len(),
            "peer's question answered"
        );
        let start = QueryStart {
            total: found.total,
            records: found.records,
            epoch: found.position.epoch,
            sequence: found.position.sequence,
        };
        let end = QueryEnd { hits: i32::try_from(found.hits.len()).unwrap_or(LIMIT_MAX) };
        let hits = found.hits.into_iter().map(|AnswerHit { key, name, envelope }| {
            Part::Hit(QueryHit {
                sort_key: key.map(isopolity_domain::answer::SortKey::to_proto),
                name,
                envelope: Some(envelope),
            })
        });
        let parts = std::iter::once(Part::Start(start)).chain(hits).chain(std::iter::once(Part::End(end)));
        Ok(parts.map(|part| QueryResponse { part: Some(part) }).collect())
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
}
