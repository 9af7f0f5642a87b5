//! Which services are where: health and reflection, and that the two listeners share nothing.

use isopolity_domain::Clock as _;
use isopolity_proto::{
    admin::{ListTokensRequest, token_service_client::TokenServiceClient},
    catalog::{SearchRequest, catalog_service_client::CatalogServiceClient},
    federation::{
        GetRecordRequest, HelloRequest, QueryRequest, federation_service_client::FederationServiceClient,
        query_response::Part,
    },
    registry::{GetCityRequest, city_service_client::CityServiceClient},
};
use isopolity_tests::{
    TestNode, federation,
    refusal::{fields, reason},
    sample::partnership,
    stranger,
};
use time::Duration;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_answer_without_a_token() {
    let feira = TestNode::start("feira.example").await;
    let anyone = feira.api_with(None).await;
    let health = HealthClient::new(anyone.client.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);

    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
            };
            let ask = async |question: MessageRequest| {
                let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
                let mut client = ServerReflectionClient::new(anyone.client.clone());
                let mut answers =
                    client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
                answers.message().await.unwrap().unwrap().message_response.unwrap()
            };
            let MessageResponse::ListServicesResponse(listed) = ask(MessageRequest::ListServices(String::new())).await
            else {
                panic!("no list of services")
            };
            let symbol = "isopolity.registry.v1.Partnership".to_owned();
            let MessageResponse::FileDescriptorResponse(file) = ask(MessageRequest::FileContainingSymbol(symbol)).await
            else {
                panic!("no description")
            };
            assert!(!file.file_descriptor_proto.is_empty());
            listed.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
        }};
    }
    for services in [services!(v1), services!(v1alpha)] {
        for service in [
            "grpc.health.v1.Health",
            "isopolity.admin.v1.AuditService",
            "isopolity.admin.v1.NodeService",
            "isopolity.admin.v1.PeerService",
            "isopolity.admin.v1.TokenService",
            "isopolity.catalog.v1.CatalogService",
            "isopolity.registry.v1.AgreementService",
            "isopolity.registry.v1.CityService",
            "isopolity.registry.v1.HistoryService",
            "isopolity.registry.v1.ImportService",
            "isopolity.registry.v1.OrganizationService",
            "isopolity.registry.v1.PartnershipService",
        ] {
            assert!(services.iter().any(|one| one == service), "{service} is not in {services:?}");
        }
        let foreign = services.iter().find(|service| service.contains("federation"));
        assert_eq!(foreign, None, "what peers get is not served here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_two_listeners_share_no_service() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    let leaf = geneve.identity().issue_node_leaf(feira.clock.now(), Duration::days(1)).unwrap();
    let peer = stranger::channel(feira.node().federation_address(), Some(leaf.into()));
    assert!(
        FederationServiceClient::new(peer.clone()).hello(HelloRequest::default()).await.unwrap().into_inner().approved
    );
    for refused in [
        CatalogServiceClient::new(peer.clone()).search(SearchRequest::default()).await.unwrap_err(),
        CityServiceClient::new(peer.clone()).get_city(GetCityRequest::default()).await.unwrap_err(),
        TokenServiceClient::new(peer.clone()).list_tokens(ListTokensRequest {}).await.unwrap_err(),
        HealthClient::new(peer).check(HealthCheckRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::Unimplemented, "{refused:?}");
    }
    let mut federation = FederationServiceClient::new(feira.api.client.clone());
    for refused in [
        federation.hello(HelloRequest::default()).await.unwrap_err(),
        federation.query(QueryRequest::default()).await.unwrap_err(),
        federation.get_record(GetRecordRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::Unimplemented, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_s_question_is_checked_like_anyone_s() {
    let [feira, geneve] = federation::of(["feira.example", "geneve.example"]).await;
    feira.api.create("bread", partnership("Bread", "MA")).await;
    let leaf = geneve.identity().issue_node_leaf(feira.clock.now(), Duration::days(1)).unwrap();
    let mut peer =
        FederationServiceClient::new(stranger::channel(feira.node().federation_address(), Some(leaf.into())));
    for limit in [-1, 100_001] {
        let refused =
            peer.query(QueryRequest { limit, purpose: "enquiry".into(), ..Default::default() }).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["limit".to_owned()]), "{limit}");
    }
    let question = isopolity_proto::federation::Question { kinds: vec!["boat".into()], ..Default::default() };
    let request = QueryRequest { question: Some(question), limit: 1, purpose: "enquiry".into(), ..Default::default() };
    assert_eq!(fields(&peer.query(request).await.unwrap_err()), ["question.kinds[0]"]);
    let request = GetRecordRequest { name: "cities/geneve.example".into(), ..Default::default() };
    let refused = peer.get_record(request).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "RESOURCE_FOREIGN".into()), "a node answers for itself alone");
    let large = QueryRequest { purpose: "p".repeat(1 << 20), limit: 1, ..Default::default() };
    assert!(peer.query(large).await.is_err(), "a peer's message is at most 64 KiB");

    let mut answer = peer
        .query(QueryRequest { limit: 1, purpose: "enquiry".into(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let mut parts = Vec::new();
    while let Some(part) = answer.message().await.unwrap() {
        parts.push(part.part.unwrap());
    }
    let [Part::Start(start), Part::Hits(_), Part::End(end)] = parts.as_slice() else { panic!("{parts:?}") };
    // The profile, the partnership, its first event.
    assert_eq!((start.total, start.records, end.hits), (3, 3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_how_it_is() {
    let feira = TestNode::start("feira.example").await;
    feira.api.create("bread", partnership("Bread", "MA")).await;
    feira.api.ask(isopolity_tests::sample::partnerships()).await;
    let node = feira.api.node().await;
    assert_eq!((node.city.as_str(), node.storage.as_str(), node.records), ("feira.example", "sqlite", 3));
    assert!(node.software.starts_with("isopolity/"), "{}", node.software);
    assert_eq!(node.federation_endpoint, feira.cut.endpoint());
    assert_eq!((node.published_sequence, node.indexed_sequence), (3, 3));
    assert!(!node.epoch.is_empty() && node.start_time.is_some());
    let week = node.certificate_expire_time.unwrap().seconds - feira.clock.now().unix_timestamp();
    assert!((7 * 24 * 3600 - 60..=7 * 24 * 3600).contains(&week), "{week}");
}
