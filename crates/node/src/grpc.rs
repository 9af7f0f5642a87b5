//! The gRPC services. Each method authenticates, makes one call of [`Registry`], and maps the error in one place.
//!
//! Two servers: the API for staff, programs and the public, and the federation for peers. They share nothing but the
//! registry: what is served on one is not served on the other.

mod admin;
mod audit;
mod callers;
mod catalog;
mod city;
mod codes;
mod cooperation;
mod crowd;
mod deadline;
mod directory;
mod export;
mod federation;
mod gate;
mod history;
mod import;
mod insight;
mod matching;
mod partnership;
mod privacy;
mod resources;
mod session;
mod sharing;
mod status;
mod trust;
mod user;

use std::{io, sync::Arc, time::Duration};

use isopolity_federation::{CallerAddress, Connection, LeafKeeper, PeerIdentity};
use isopolity_proto::{
    DESCRIPTORS,
    admin::{
        audit_service_server::AuditServiceServer, directory_service_server::DirectoryServiceServer,
        node_service_server::NodeServiceServer, peer_service_server::PeerServiceServer,
        privacy_service_server::PrivacyServiceServer, session_service_server::SessionServiceServer,
        sharing_agreement_service_server::SharingAgreementServiceServer, token_service_server::TokenServiceServer,
        trust_service_server::TrustServiceServer, user_service_server::UserServiceServer,
    },
    catalog::catalog_service_server::CatalogServiceServer,
    cooperation::cooperation_service_server::CooperationServiceServer,
    federation::federation_service_server::FederationServiceServer,
    insight::insight_service_server::InsightServiceServer,
    registry::{
        advantage_factor_service_server::AdvantageFactorServiceServer,
        agreement_service_server::AgreementServiceServer, city_service_server::CityServiceServer,
        code_service_server::CodeServiceServer, condition_assessment_service_server::ConditionAssessmentServiceServer,
        export_service_server::ExportServiceServer, good_practice_service_server::GoodPracticeServiceServer,
        history_service_server::HistoryServiceServer, import_service_server::ImportServiceServer,
        indicator_observation_service_server::IndicatorObservationServiceServer,
        match_assertion_service_server::MatchAssertionServiceServer,
        opportunity_service_server::OpportunityServiceServer, organization_service_server::OrganizationServiceServer,
        partnership_service_server::PartnershipServiceServer, place_service_server::PlaceServiceServer,
        stage_event_service_server::StageEventServiceServer,
        support_service_service_server::SupportServiceServiceServer,
    },
};
use isopolity_registry::Registry;
use prost_types::Timestamp;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{server::NamedService as _, transport::Server};
use tower::layer::util::{Identity, Stack};

use self::crowd::Crowd;
use crate::oidc::Provider;
use gate::Gate;

/// The largest message that a caller of the API may send.
const API_MESSAGE_MAX: usize = 4 << 20;
/// The largest message with which somebody signs in.
const SIGN_IN_MESSAGE_MAX: usize = 4 << 10;
/// The largest message that a peer may send: events of a cooperation, 512 KiB of them and what goes around them.
const PEER_MESSAGE_MAX: usize = 520 << 10;
/// After about how long a caller's connection takes no further calls.
const CALLER_CONNECTION_AGE: Duration = Duration::from_hours(1);
/// Streams that one connection may have open.
const STREAMS_MAX: u32 = 100;

/// The services of the API, as reflection lists them.
const SERVED: [&str; 31] = [
    "grpc.health.v1.Health",
    CityServiceServer::<Services>::NAME,
    OrganizationServiceServer::<Services>::NAME,
    AgreementServiceServer::<Services>::NAME,
    PartnershipServiceServer::<Services>::NAME,
    PlaceServiceServer::<Services>::NAME,
    StageEventServiceServer::<Services>::NAME,
    ConditionAssessmentServiceServer::<Services>::NAME,
    SupportServiceServiceServer::<Services>::NAME,
    OpportunityServiceServer::<Services>::NAME,
    IndicatorObservationServiceServer::<Services>::NAME,
    AdvantageFactorServiceServer::<Services>::NAME,
    GoodPracticeServiceServer::<Services>::NAME,
    MatchAssertionServiceServer::<Services>::NAME,
    HistoryServiceServer::<Services>::NAME,
    ImportServiceServer::<Services>::NAME,
    ExportServiceServer::<Services>::NAME,
    CodeServiceServer::<Services>::NAME,
    CatalogServiceServer::<Services>::NAME,
    InsightServiceServer::<Services>::NAME,
    CooperationServiceServer::<Services>::NAME,
    PeerServiceServer::<Services>::NAME,
    PrivacyServiceServer::<Services>::NAME,
    SharingAgreementServiceServer::<Services>::NAME,
    TrustServiceServer::<Services>::NAME,
    TokenServiceServer::<Services>::NAME,
    DirectoryServiceServer::<Services>::NAME,
    UserServiceServer::<Services>::NAME,
    SessionServiceServer::<Services>::NAME,
    NodeServiceServer::<Services>::NAME,
    AuditServiceServer::<Services>::NAME,
];

/// What the services work with.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) registry: Registry,
    pub(crate) anonymous_reads: bool,
    /// How long a token lasts whose maker does not say. `None`: without an end.
    pub(crate) token_life: Option<time::Duration>,
    /// Who vouches for people, if the city has such a provider.
    pub(crate) provider: Option<Arc<Provider>>,
    pub(crate) started: Timestamp,
    pub(crate) endpoint: String,
    /// Where the API is reached, for those who read a description of it.
    pub(crate) api_endpoint: String,
    pub(crate) keeper: LeafKeeper,
    pub(crate) draining: CancellationToken,
}

impl Services {
    /// Serves the API until it is told to drain.
    pub(crate) async fn serve_api(
        self,
        incoming: impl Stream<Item = io::Result<Connection<CallerAddress>>> + Send + 'static,
    ) -> Result<(), tonic::transport::Error> {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", tonic_health::ServingStatus::Serving).await;
        let drain = self.draining.clone();
        let limit = API_MESSAGE_MAX;
        let mut router = server()
            // Whoever is here goes on for as long as his calls do, and comes back: so that nobody keeps a place for ever.
            .max_connection_age(self.registry.federation().jittered(CALLER_CONNECTION_AGE))
            .layer(Gate::api(&self))
            .add_service(health_service)
            .add_service(CityServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(OrganizationServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(AgreementServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(PartnershipServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(PlaceServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(StageEventServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(ConditionAssessmentServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(SupportServiceServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(OpportunityServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(IndicatorObservationServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(AdvantageFactorServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(GoodPracticeServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(MatchAssertionServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(HistoryServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(ImportServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(ExportServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(CodeServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(CatalogServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(InsightServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(CooperationServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(PeerServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(PrivacyServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(SharingAgreementServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(TrustServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(TokenServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(DirectoryServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(AuditServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(UserServiceServer::new(self.clone()).max_decoding_message_size(limit))
            .add_service(SessionServiceServer::new(self.clone()).max_decoding_message_size(SIGN_IN_MESSAGE_MAX))
            .add_service(NodeServiceServer::new(self).max_decoding_message_size(limit));
        // Reflection in both versions: older tools ask for v1alpha. The descriptors were decoded at build time.
        let reflection = || {
            let all = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            // What is served here, and not what peers get on the other listener.
            SERVED.into_iter().fold(all, tonic_reflection::server::Builder::with_service_name)
        };
        match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(v1), Ok(v1alpha)) => router = router.add_service(v1).add_service(v1alpha),
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "reflection is not served"),
        }
        let draining = async move {
            drain.cancelled().await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        };
        router.serve_with_incoming_shutdown(incoming, draining).await
    }

    /// Serves peers until it is told to drain.
    pub(crate) async fn serve_federation(
        self,
        incoming: impl Stream<Item = io::Result<Connection<PeerIdentity>>> + Send + 'static,
    ) -> Result<(), tonic::transport::Error> {
        let (drain, ages) = (self.draining.clone(), self.registry.federation().ages());
        server()
            // So that what has changed in trust takes hold: the handshake is repeated. The caller's side, which makes connections
            // anew a little earlier, sees to it that not all of them come at once.
            .max_connection_age((ages.age * 2).saturating_sub(self.registry.federation().jittered(ages.age)))
            .max_connection_age_grace(ages.grace)
            .layer(Gate::federation(&self))
            .add_service(FederationServiceServer::new(self).max_decoding_message_size(PEER_MESSAGE_MAX))
            .serve_with_incoming_shutdown(incoming, async move { drain.cancelled().await })
            .await
    }
}

fn server() -> Server<Stack<Crowd, Identity>> {
    Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .concurrency_limit_per_connection(STREAMS_MAX as usize)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(16 << 10)
        .http2_max_pending_accept_reset_streams(Some(50))
        .http2_max_local_error_reset_streams(Some(100))
        .layer(Crowd::default())
}
