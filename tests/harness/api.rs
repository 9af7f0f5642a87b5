//! A node's API with a token, and what tests do with it.

use std::path::Path;

use bytes::Bytes;
use isopolity_node::{
    Node,
    client::{Client, connect},
};
use isopolity_proto::{
    admin::{
        AddPeerRequest, ApprovePeerRequest, CreateInvitationRequest, CreateTokenRequest, GetNodeRequest,
        GetNodeResponse, GetOwnBundleRequest, GetTrustRequest, GetTrustResponse, JoinPeerRequest, KeyKind,
        LeavePeerRequest, ListPeersRequest, Peer, PeerTrouble, PrepareKeyRequest, Role, RotateKeyRequest,
        SuspendPeerRequest, TestPeerRequest, TestResult, audit_service_client::AuditServiceClient,
        node_service_client::NodeServiceClient, peer_service_client::PeerServiceClient,
        privacy_service_client::PrivacyServiceClient, token_service_client::TokenServiceClient,
        trust_service_client::TrustServiceClient,
    },
    catalog::{
        GetRecordRequest, GetRecordResponse, SearchRequest, SearchResponse,
        catalog_service_client::CatalogServiceClient,
    },
    federation::Question,
    options::Audience,
    registry::{
        Agreement, City, CreateAgreementRequest, CreateOrganizationRequest, CreatePartnershipRequest,
        DeletePartnershipRequest, GetCityRequest, GetPartnershipRequest, ImportProgress, ImportRequest, ImportStart,
        ListAgreementsRequest, Organization, Partnership, RowOutcome, RowReport, UpdateCityRequest,
        UpdatePartnershipRequest, agreement_service_client::AgreementServiceClient,
        city_service_client::CityServiceClient, import_request::Part, import_response::News,
        import_service_client::ImportServiceClient, match_assertion_service_client::MatchAssertionServiceClient,
        organization_service_client::OrganizationServiceClient, partnership_service_client::PartnershipServiceClient,
    },
};
use prost_types::FieldMask;
use tonic::Status;

use crate::sample;

/// A node's API, called with one token or none.
#[derive(Clone)]
pub struct Api {
    /// The channel, for services that have no method here.
    pub client: Client,
    parent: String,
}

macro_rules! services {
    ($($name:ident: $service:ident),* $(,)?) => {
        $(
            #[doc = concat!("A client of `", stringify!($service), "`.")]
            pub fn $name(&self) -> $service<Client> {
                $service::new(self.client.clone())
            }
        )*
    };
}

impl Api {
    pub(crate) async fn connect(node: &Node, folder: &Path, token: Option<&str>) -> Self {
        let root = std::fs::read_to_string(folder.join("trust").join("ca.pem")).unwrap();
        let client = connect(&node.api_address().to_string(), &root, token).await.unwrap();
        Self { client, parent: format!("cities/{}", node.registry().city()) }
    }

    services! {
        partnerships: PartnershipServiceClient,
        organizations: OrganizationServiceClient,
        agreements: AgreementServiceClient,
        cities: CityServiceClient,
        imports: ImportServiceClient,
        match_assertions: MatchAssertionServiceClient,
        catalog: CatalogServiceClient,
        peers: PeerServiceClient,
        privacy: PrivacyServiceClient,
        tokens: TokenServiceClient,
        nodes: NodeServiceClient,
        audit: AuditServiceClient, trusts: TrustServiceClient,
    }

    /// Creates a partnership.
    pub async fn create(&self, id: &str, partnership: Partnership) -> Partnership {
        self.try_create(id, partnership).await.unwrap()
    }

    /// Creates a partnership, or not.
    pub async fn try_create(&self, id: &str, partnership: Partnership) -> Result<Partnership, Status> {
        let request = CreatePartnershipRequest {
            parent: self.parent.clone(),
            partnership_id: id.into(),
            partnership: Some(partnership),
            validate_only: false,
            ..Default::default()
        };
        let created = self.partnerships().create_partnership(request).await?;
        Ok(created.into_inner().partnership.unwrap())
    }

    /// Reads a partnership.
    pub async fn get(&self, name: &str) -> Result<Partnership, Status> {
        let request = GetPartnershipRequest { name: name.into() };
        Ok(self.partnerships().get_partnership(request).await?.into_inner().partnership.unwrap())
    }

    /// Changes the fields of a partnership that the mask names.
    pub async fn update(&self, partnership: Partnership, mask: &[&str]) -> Result<Partnership, Status> {
        let request = UpdatePartnershipRequest {
            partnership: Some(partnership),
            update_mask: Some(FieldMask { paths: mask.iter().map(|&path| path.into()).collect() }),
            validate_only: false,
            ..Default::default()
        };
        Ok(self.partnerships().update_partnership(request).await?.into_inner().partnership.unwrap())
    }

    /// Deletes a partnership.
    pub async fn delete(&self, name: &str, etag: &str) -> Result<(), Status> {
        let request = DeletePartnershipRequest { name: name.into(), etag: etag.into(), ..Default::default() };
        self.partnerships().delete_partnership(request).await.map(drop)
    }

    /// Creates an organisation.
    pub async fn create_organization(&self, id: &str, organization: Organization) -> Organization {
        let request = CreateOrganizationRequest {
            parent: self.parent.clone(),
            organization_id: id.into(),
            organization: Some(organization),
            validate_only: false,
            ..Default::default()
        };
        self.organizations().create_organization(request).await.unwrap().into_inner().organization.unwrap()
    }

    /// Creates an agreement.
    pub async fn create_agreement(&self, id: &str, agreement: Agreement) -> Agreement {
        let request = CreateAgreementRequest {
            parent: self.parent.clone(),
            agreement_id: id.into(),
            agreement: Some(agreement),
            validate_only: false,
            ..Default::default()
        };
        self.agreements().create_agreement(request).await.unwrap().into_inner().agreement.unwrap()
    }

    /// All agreements.
    pub async fn all_agreements(&self) -> Vec<Agreement> {
        let request = ListAgreementsRequest { parent: self.parent.clone(), page_size: 1_000, ..Default::default() };
        let page = self.agreements().list_agreements(request).await.unwrap().into_inner();
        assert_eq!(page.next_page_token, "", "there are more than a page holds");
        page.agreements
    }

    /// The city's profile.
    pub async fn city(&self) -> City {
        let request = GetCityRequest { name: self.parent.clone() };
        self.cities().get_city(request).await.unwrap().into_inner().city.unwrap()
    }

    /// Changes all of the city's profile.
    pub async fn set_city(&self, city: City) -> City {
        let request = UpdateCityRequest { city: Some(city), ..Default::default() };
        self.cities().update_city(request).await.unwrap().into_inner().city.unwrap()
    }

    /// Asks the federation.
    pub async fn ask(&self, question: Question) -> SearchResponse {
        self.search(sample::asking(question)).await.unwrap()
    }

    /// Searches.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse, Status> {
        Ok(self.catalog().search(request).await?.into_inner())
    }

    /// Reads a record as the widest audience that may see it.
    pub async fn record(&self, name: &str) -> Result<GetRecordResponse, Status> {
        self.record_as(name, Audience::Unspecified).await
    }

    /// Reads a record as an audience sees it.
    pub async fn record_as(&self, name: &str, audience: Audience) -> Result<GetRecordResponse, Status> {
        let request = GetRecordRequest { name: name.into(), audience: audience.into(), ..Default::default() };
        Ok(self.catalog().get_record(request).await?.into_inner())
    }

    /// This city's own trust bundle.
    pub async fn bundle(&self) -> Bytes {
        self.peers().get_own_bundle(GetOwnBundleRequest {}).await.unwrap().into_inner().bundle
    }

    /// Adds a peer.
    pub async fn add_peer(&self, bundle: &Bytes) -> Result<Peer, Status> {
        let request = AddPeerRequest { bundle: bundle.clone() };
        Ok(self.peers().add_peer(request).await?.into_inner().peer.unwrap())
    }

    /// Approves a peer.
    pub async fn approve(&self, city: &str, audience: Audience) -> Peer {
        let request = ApprovePeerRequest { city: city.into(), audience: audience.into(), ..Default::default() };
        self.peers().approve_peer(request).await.unwrap().into_inner().peer.unwrap()
    }

    /// Suspends a peer.
    pub async fn suspend(&self, city: &str, reason: &str) -> Peer {
        let request = SuspendPeerRequest { city: city.into(), reason: reason.into() };
        self.peers().suspend_peer(request).await.unwrap().into_inner().peer.unwrap()
    }

    /// Leaves a peer.
    pub async fn leave(&self, city: &str) -> Peer {
        let request = LeavePeerRequest { city: city.into(), reason: "a test".into() };
        self.peers().leave_peer(request).await.unwrap().into_inner().peer.unwrap()
    }

    /// The code of a new invitation.
    pub async fn invite(&self) -> String {
        self.peers().create_invitation(CreateInvitationRequest::default()).await.unwrap().into_inner().code
    }

    /// Joins with a code.
    pub async fn join(&self, code: &str) -> Result<Peer, Status> {
        let request = JoinPeerRequest { code: code.into() };
        Ok(self.peers().join_peer(request).await?.into_inner().peer.unwrap())
    }

    /// Tries each step of reaching a peer.
    pub async fn test_peer(&self, city: &str) -> Vec<TestResult> {
        let request = TestPeerRequest { city: city.into() };
        self.peers().test_peer(request).await.unwrap().into_inner().results
    }

    /// What is known of a peer. Greets it first if asked to.
    pub async fn peer(&self, city: &str, greet: bool) -> Peer {
        let request = ListPeersRequest { include_left: true, greet };
        let peers = self.peers().list_peers(request).await.unwrap().into_inner().peers;
        peers.into_iter().find(|peer| peer.city == city).unwrap()
    }

    /// The last trouble with a peer, when it called or when it was called.
    pub async fn trouble(&self, city: &str, inbound: bool) -> Option<PeerTrouble> {
        self.peer(city, false).await.troubles.into_iter().find(|trouble| trouble.inbound == inbound)
    }

    /// The city's keys.
    pub async fn trust(&self) -> GetTrustResponse {
        self.trusts().get_trust(GetTrustRequest {}).await.unwrap().into_inner()
    }

    /// Prepares a key.
    pub async fn prepare(&self, kind: KeyKind) {
        self.trusts().prepare_key(PrepareKeyRequest { kind: kind.into() }).await.unwrap();
    }

    /// Lets the key that was prepared take over, or not.
    pub async fn rotate(&self, kind: KeyKind, force: bool) -> Result<(), Status> {
        self.trusts().rotate_key(RotateKeyRequest { kind: kind.into(), force }).await.map(drop)
    }

    /// How the node is.
    pub async fn node(&self) -> GetNodeResponse {
        self.nodes().get_node(GetNodeRequest {}).await.unwrap().into_inner()
    }

    /// The secret of a new token.
    pub async fn new_token(&self, role: Role) -> String {
        let request = CreateTokenRequest { label: "a test".into(), role: role.into(), ..Default::default() };
        self.tokens().create_token(request).await.unwrap().into_inner().secret
    }

    /// Imports a file, in chunks of a few bytes less than a power of two, so that rows lie across them.
    pub async fn import(&self, start: ImportStart, file: &[u8]) -> Result<Imported, Status> {
        let chunks = file.chunks(8_191).map(|chunk| Part::Chunk(Bytes::copy_from_slice(chunk)));
        let parts = std::iter::once(Part::Start(start)).chain(chunks);
        self.import_parts(parts.collect()).await
    }

    /// Sends these parts and reads all the news.
    pub async fn import_parts(&self, parts: Vec<Part>) -> Result<Imported, Status> {
        let requests = parts.into_iter().map(|part| ImportRequest { part: Some(part) });
        let mut news = self.imports().import(tokio_stream::iter(requests)).await?.into_inner();
        let mut imported = Imported::default();
        while let Some(response) = news.message().await? {
            match response.news.unwrap() {
                News::Row(row) => {
                    if matches!(row.outcome(), RowOutcome::Rejected | RowOutcome::Doubtful) {
                        imported.rejected.push(row.clone());
                    }
                    imported.rows.push(row);
                }
                News::Progress(progress) => imported.progress = progress,
            }
        }
        Ok(imported)
    }
}

/// What came of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The rows that were not taken over.
    pub rejected: Vec<RowReport>,
    /// All rows that were reported.
    pub rows: Vec<RowReport>,
    /// The last word about progress.
    pub progress: ImportProgress,
}

impl Imported {
    /// Created, updated, unchanged and rejected rows.
    pub fn counts(&self) -> (i64, i64, i64, i64) {
        let ImportProgress { created, updated, unchanged, rejected, .. } = self.progress;
        (created, updated, unchanged, rejected)
    }
}
