//! The table. A new method is one line here; without it, nobody may call it, and a test names it.

use isopolity_proto::admin::Scope;

use super::{
    Permission::{self, Everyone, Has, Known, Peer, Public},
    Standing,
};
use crate::Right::{Administer, Audit, Coordinate, Edit, Read};

type Entry = (&'static str, Permission);

/// Services that say nothing of the city, and are for everyone.
pub(super) const OF_EVERYONE: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The standard methods of a collection.
macro_rules! collection {
    ($one:literal, $many:literal) => {
        [
            (concat!("isopolity.registry.v1.", $one, "Service/Get", $one), Public(Scope::RecordsRead)),
            (concat!("isopolity.registry.v1.", $one, "Service/List", $many), Public(Scope::RecordsRead)),
            (concat!("isopolity.registry.v1.", $one, "Service/Create", $one), Has(Edit, Scope::RecordsWrite)),
            (concat!("isopolity.registry.v1.", $one, "Service/Update", $one), Has(Edit, Scope::RecordsWrite)),
            (concat!("isopolity.registry.v1.", $one, "Service/Delete", $one), Has(Edit, Scope::RecordsWrite)),
            (concat!("isopolity.registry.v1.", $one, "Service/Undelete", $one), Has(Edit, Scope::RecordsWrite)),
        ]
    };
}

const COLLECTIONS: [[Entry; 6]; 11] = [
    collection!("AdvantageFactor", "AdvantageFactors"),
    collection!("Agreement", "Agreements"),
    collection!("ConditionAssessment", "ConditionAssessments"),
    collection!("GoodPractice", "GoodPractices"),
    collection!("IndicatorObservation", "IndicatorObservations"),
    collection!("MatchAssertion", "MatchAssertions"),
    collection!("Opportunity", "Opportunities"),
    collection!("Organization", "Organizations"),
    collection!("Partnership", "Partnerships"),
    collection!("Place", "Places"),
    collection!("SupportService", "SupportServices"),
];

const REGISTRY: &[Entry] = &[
    ("isopolity.registry.v1.CityService/GetCity", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.CityService/UpdateCity", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.StageEventService/GetStageEvent", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.StageEventService/ListStageEvents", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.PartnershipService/AdvancePartnership", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.PartnershipService/SuspendPartnership", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.PartnershipService/ResumePartnership", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.PartnershipService/EndPartnership", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.PartnershipService/CorrectStageEvent", Has(Edit, Scope::RecordsWrite)),
    ("isopolity.registry.v1.PartnershipService/GetReadiness", Has(Read, Scope::RecordsRead)),
    ("isopolity.registry.v1.MatchAssertionService/FindMatches", Has(Read, Scope::RecordsRead)),
    ("isopolity.registry.v1.HistoryService/ListRevisions", Has(Read, Scope::RecordsRead)),
    ("isopolity.registry.v1.CodeService/ListCodeLists", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.CodeService/ListCodes", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.CodeService/ConvertCode", Public(Scope::RecordsRead)),
    ("isopolity.registry.v1.ExportService/Export", Public(Scope::Export)),
    ("isopolity.registry.v1.ImportService/Import", Has(Edit, Scope::Import)),
    ("isopolity.registry.v1.ImportService/GuessMapping", Has(Edit, Scope::Import)),
    ("isopolity.registry.v1.ImportService/ListImports", Has(Read, Scope::Import)),
    ("isopolity.registry.v1.ImportService/ListQuarantinedRows", Has(Read, Scope::Import)),
    ("isopolity.registry.v1.ImportService/RedriveQuarantinedRow", Has(Edit, Scope::Import)),
    ("isopolity.registry.v1.ImportService/DiscardQuarantinedRow", Has(Edit, Scope::Import)),
];

const CATALOG: &[Entry] = &[
    ("isopolity.catalog.v1.CatalogService/Search", Public(Scope::Search)),
    ("isopolity.catalog.v1.CatalogService/StreamSearch", Public(Scope::Search)),
    ("isopolity.catalog.v1.CatalogService/Watch", Public(Scope::Search)),
    ("isopolity.catalog.v1.CatalogService/GetRecord", Public(Scope::Search)),
];

const ADMIN: &[Entry] = &[
    ("isopolity.admin.v1.TrustService/GetTrust", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/PrepareKey", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/RotateKey", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/RevokeCertificates", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/WithdrawAuthority", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/ExportBundle", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TrustService/ResetPeerBundle", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.SharingAgreementService/GetSharingAgreement", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.SharingAgreementService/SetSharingAgreement", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.SharingAgreementService/ListSharingAgreements", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.AuditService/ListAuditEntries", Has(Audit, Scope::Audit)),
    ("isopolity.admin.v1.AuditService/GetAuditLog", Has(Audit, Scope::Audit)),
    ("isopolity.admin.v1.AuditService/VerifyAuditLog", Has(Audit, Scope::Audit)),
    ("isopolity.admin.v1.AuditService/ExportAuditLog", Has(Audit, Scope::Audit)),
    ("isopolity.admin.v1.AuditService/CompareAuditedCalls", Has(Audit, Scope::Audit)),
    ("isopolity.admin.v1.AuditService/EraseAuditDetails", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.DirectoryService/GetDirectory", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.DirectoryService/OfferDirectory", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.DirectoryService/ResetDirectory", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/CreateInvitation", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/ListInvitations", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/RevokeInvitation", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/JoinPeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/LeavePeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/TestPeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/PreviewCleanUp", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/RunCleanUp", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/ListCleanUps", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/EraseResource", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/EraseHistory", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/ListTombstones", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PrivacyService/ExportSubject", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.NodeService/GetNode", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/GetOwnBundle", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/AddPeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/ApprovePeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/SuspendPeer", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.PeerService/ListPeers", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.SessionService/Login", Everyone),
    ("isopolity.admin.v1.SessionService/Logout", Known),
    ("isopolity.admin.v1.SessionService/GetSession", Known),
    ("isopolity.admin.v1.SessionService/ChangePassword", Known),
    ("isopolity.admin.v1.TokenService/CreateToken", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TokenService/ListTokens", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.TokenService/RevokeToken", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/CreateUser", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/GetUser", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/ListUsers", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/UpdateUser", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/SetPassword", Has(Administer, Scope::Administer)),
    ("isopolity.admin.v1.UserService/DeleteUser", Has(Administer, Scope::Administer)),
];

const COOPERATION: &[Entry] = &[
    ("isopolity.cooperation.v1.CooperationService/GetCooperation", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/ListCooperations", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/ListCooperationEvents", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/ExportCooperation", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/ListInbox", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/WatchInbox", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/ListDeliveries", Has(Read, Scope::RecordsRead)),
    ("isopolity.cooperation.v1.CooperationService/CreateCooperation", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/UpdateDraft", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/DeleteDraft", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/TakeStep", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/ApproveStep", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/DropStep", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/ConfirmRecord", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.cooperation.v1.CooperationService/RedriveDeliveries", Has(Coordinate, Scope::Coordinate)),
    ("isopolity.insight.v1.InsightService/GetCooperationStatus", Has(Read, Scope::Search)),
    ("isopolity.insight.v1.InsightService/SuggestPartners", Has(Read, Scope::Search)),
    ("isopolity.insight.v1.InsightService/FindOverlaps", Has(Read, Scope::Search)),
];

const FEDERATION: &[Entry] = &[
    ("isopolity.federation.v1.FederationService/Hello", Peer(Standing::Held)),
    ("isopolity.federation.v1.FederationService/GetInviterBundle", Peer(Standing::Guest)),
    ("isopolity.federation.v1.FederationService/Join", Peer(Standing::Guest)),
    ("isopolity.federation.v1.FederationService/GetDirectory", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/GetAuditHead", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/WitnessAuditHead", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/ListAuditedCalls", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/GetBundle", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/Query", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/GetRecord", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/GetStatistics", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/GetDigest", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/Watch", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/DeliverEvents", Peer(Standing::Active)),
    ("isopolity.federation.v1.FederationService/FetchEvents", Peer(Standing::Active)),
];

/// Every method and what it needs.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let others = [REGISTRY, CATALOG, COOPERATION, ADMIN, FEDERATION];
    COLLECTIONS.into_iter().flatten().chain(others.into_iter().flatten().copied())
}
