//! The audit log of real nodes: asked for, checked, exported, compared over the wire; on both databases.

use isopolity_proto::{
    admin::{
        AuditAction, CompareAuditedCallsRequest, EraseAuditDetailsRequest, ExportAuditLogRequest, GetAuditLogRequest,
        ListAuditEntriesRequest, Role, StoredAuditEntry, VerifyAuditLogRequest, VerifyAuditLogResponse,
    },
    federation::CallDirection,
};
use isopolity_registry::verify::LogVerifier;
use isopolity_tests::{
    Api, Databases, TestNode, federation, on_both_databases,
    refusal::reason,
    sample::{asking, partnership, partnerships},
};
use tonic::Code;

on_both_databases!(
    what_was_asked_and_answered_is_in_both_logs_over_the_wire,
    a_node_that_stops_loses_nothing_of_its_log,
    a_log_is_exported_and_checked_without_the_node,
);

async fn entries(api: &Api, actions: &[AuditAction]) -> Vec<StoredAuditEntry> {
    let request = ListAuditEntriesRequest {
        actions: actions.iter().map(|action| (*action).into()).collect(),
        oldest_first: true,
        page_size: 500,
        ..Default::default()
    };
    api.audit().list_audit_entries(request).await.unwrap().into_inner().entries
}

async fn verified(api: &Api) -> VerifyAuditLogResponse {
    let mut told = api.audit().verify_audit_log(VerifyAuditLogRequest {}).await.unwrap().into_inner();
    let mut last = VerifyAuditLogResponse::default();
    while let Some(message) = told.message().await.unwrap() {
        last = message;
    }
    assert!(last.done);
    last
}

async fn what_was_asked_and_answered_is_in_both_logs_over_the_wire(databases: Databases) {
    let plans = ["feira.example", "kenitra.example"].map(|city| TestNode::plan(city).on(&databases));
    let [feira, kenitra] = federation::among(plans).await;
    kenitra.api.create("bread", partnership("Bread", "MA")).await;
    let mut request = asking(partnerships());
    request.purpose = "a visit".into();
    feira.api.search(request).await.unwrap();
    kenitra.registry().tend_peers().await;
    feira.registry().tend_peers().await;

    let [asked] = entries(&feira.api, &[AuditAction::QueryAsked]).await.try_into().unwrap();
    let [answered] = entries(&kenitra.api, &[AuditAction::QueryAnswered]).await.try_into().unwrap();
    assert_eq!(asked.entry.unwrap().query_id, answered.entry.unwrap().query_id);
    assert_eq!(answered.detail.unwrap().purpose, "a visit");
    for (node, city, direction) in
        [(&feira, "kenitra.example", CallDirection::Asked), (&kenitra, "feira.example", CallDirection::Answered)]
    {
        let request =
            CompareAuditedCallsRequest { city: city.into(), direction: direction.into(), ..Default::default() };
        let compared = node.api.audit().compare_audited_calls(request).await.unwrap().into_inner();
        assert_eq!((compared.calls.len(), compared.differences, compared.unanswered.as_str()), (1, 0, ""));
        let log = node.api.audit().get_audit_log(GetAuditLogRequest {}).await.unwrap().into_inner();
        let witness = &log.witnesses[0];
        assert!(witness.witnessed_sequence > 0 && witness.seen_sequence > 0, "{witness:?}");
        assert_eq!(verified(&node.api).await.findings, Vec::<String>::new());
        let peer = node.api.peer(city, false).await;
        assert_eq!(peer.audit_witnessed_sequence, witness.witnessed_sequence);
        assert_eq!(peer.audit_contradiction, "");
    }
    let viewer = feira.api_with(Some(&feira.api.new_token(Role::Viewer).await)).await;
    let refused = viewer.audit().verify_audit_log(VerifyAuditLogRequest {}).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "RIGHT_MISSING".to_owned()));
    let auditor = feira.api_with(Some(&feira.api.new_token(Role::Auditor).await)).await;
    assert_eq!(verified(&auditor).await.findings, Vec::<String>::new());
    let erase = EraseAuditDetailsRequest { resource: "x".into(), reason: "y".into() };
    let refused = auditor.audit().erase_audit_details(erase).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "RIGHT_MISSING".to_owned()));
    let stranger = feira.api_with(Some("iso_0000_bad")).await;
    stranger.audit().get_audit_log(GetAuditLogRequest {}).await.unwrap_err();
    assert_eq!(entries(&feira.api, &[AuditAction::AuthenticationFailed]).await.len(), 1);
}

async fn a_node_that_stops_loses_nothing_of_its_log(databases: Databases) {
    let plans = ["feira.example", "kenitra.example"].map(|city| TestNode::plan(city).on(&databases));
    let [mut feira, kenitra] = federation::among(plans).await;
    for _ in 0..20 {
        feira.api.ask(partnerships()).await;
    }
    // At once: nothing waits for the worker.
    feira.stop().await;
    feira.start_again().await;
    assert_eq!(entries(&feira.api, &[AuditAction::QueryAsked]).await.len(), 20);
    assert_eq!(entries(&kenitra.api, &[AuditAction::QueryAnswered]).await.len(), 20);
    let node = entries(&feira.api, &[AuditAction::NodeStarted, AuditAction::NodeStopped]).await;
    let actions: Vec<_> = node.iter().map(|stored| stored.entry.as_ref().unwrap().action()).collect();
    assert_eq!(actions, [AuditAction::NodeStarted, AuditAction::NodeStopped, AuditAction::NodeStarted]);
    assert_eq!(verified(&feira.api).await.findings, Vec::<String>::new());
}

async fn a_log_is_exported_and_checked_without_the_node(databases: Databases) {
    let feira = TestNode::plan("feira.example").on(&databases).start().await;
    for at in 0..30 {
        feira.api.create(&format!("p{at}"), partnership("Bread", "MA")).await;
    }
    let mut pieces = feira.api.audit().export_audit_log(ExportAuditLogRequest {}).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        file.extend_from_slice(&piece.chunk);
    }
    let bundle = feira.api.bundle().await;
    let checked = LogVerifier::begin(&bundle, &[]).unwrap().file(file.as_slice()).unwrap();
    assert!(checked.end.sequence > 60, "each partnership comes with its first event");
    let half = LogVerifier::begin(&bundle, &[]).unwrap().file(&file[..file.len() / 2]).unwrap_err().to_string();
    assert!(half.contains("line "), "{half}");
}
