//! Erasure, clean-ups and exports about somebody, as programs see them.

use isopolity_proto::{
    admin::{
        EraseResourceRequest, ExportSubjectRequest, ListTombstonesRequest, PreviewCleanUpRequest, Role,
        RunCleanUpRequest, TombstoneReason, export_subject_request::Subject,
    },
    registry::CreateOrganizationRequest,
    types::ContactPoint,
};
use isopolity_tests::{
    TestNode,
    refusal::{fields, reason},
    sample::organization,
};
use tonic::{Code, Status};

fn is(status: &Status, code: Code, expected: &str) {
    assert_eq!(reason(status), (code, expected.to_owned()), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_erased_and_its_name_is_refused_from_then_on() {
    let feira = TestNode::start("feira.example").await;
    let bakery = feira.api.create_organization("bakery", organization("Padaria", "PT")).await;
    let erase = |name: &str, reason: &str| EraseResourceRequest {
        name: name.into(),
        reason: reason.into(),
        ..Default::default()
    };
    let unnamed = feira.api.privacy().erase_resource(erase("bakery", "17/2026")).await.unwrap_err();
    assert_eq!(fields(&unnamed), ["name"]);
    let unreasoned = feira.api.privacy().erase_resource(erase(&bakery.name, " ")).await.unwrap_err();
    assert_eq!(fields(&unreasoned), ["reason"]);
    let profile = feira.api.privacy().erase_resource(erase(&feira.parent(), "17/2026")).await.unwrap_err();
    is(&profile, Code::FailedPrecondition, "NOT_ERASABLE");

    let erased = feira.api.privacy().erase_resource(erase(&bakery.name, "17/2026")).await.unwrap().into_inner();
    assert!(erased.database_cleaned && erased.index_cleaned, "{erased:?}");
    let listed = feira.api.privacy().list_tombstones(ListTombstonesRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.tombstones.len(), 1);
    assert_eq!(
        (listed.tombstones[0].name.as_str(), listed.tombstones[0].reason()),
        (bakery.name.as_str(), TombstoneReason::Erased)
    );
    let again = CreateOrganizationRequest {
        parent: feira.parent(),
        organization_id: "bakery".into(),
        organization: Some(organization("Padaria", "PT")),
        ..Default::default()
    };
    let refused = feira.api.organizations().create_organization(again).await.unwrap_err();
    is(&refused, Code::FailedPrecondition, "RESOURCE_ERASED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn privacy_is_the_administrators_alone() {
    let feira = TestNode::start("feira.example").await;
    for (role, code, expected) in [
        (Some(Role::Editor), Code::PermissionDenied, "RIGHT_MISSING"),
        (Some(Role::Auditor), Code::PermissionDenied, "RIGHT_MISSING"),
        (None, Code::Unauthenticated, "TOKEN_MISSING"),
    ] {
        let token = match role {
            Some(role) => Some(feira.api.new_token(role).await),
            None => None,
        };
        let api = feira.api_with(token.as_deref()).await;
        let person = ExportSubjectRequest { subject: Some(Subject::Person("Quirina".into())) };
        for refused in [
            api.privacy().preview_clean_up(PreviewCleanUpRequest {}).await.unwrap_err(),
            api.privacy().run_clean_up(RunCleanUpRequest {}).await.unwrap_err(),
            api.privacy().list_tombstones(ListTombstonesRequest::default()).await.unwrap_err(),
            api.privacy().export_subject(person).await.unwrap_err(),
        ] {
            is(&refused, code, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_kept_about_a_person_comes_as_lines_with_their_counts() {
    let feira = TestNode::start("feira.example").await;
    // More than a piece holds.
    for number in 0..40 {
        let contact = ContactPoint {
            function: "f".repeat(150),
            person_name: "Quirina Xylofonova".into(),
            languages: Vec::new(),
            ..Default::default()
        };
        let bakery = isopolity_proto::registry::Organization {
            contact_points: vec![contact; 20],
            ..organization(&format!("Padaria {number}"), "PT")
        };
        feira.api.create_organization(&format!("bakery{number}"), bakery).await;
    }
    let asked = ExportSubjectRequest { subject: Some(Subject::Person("Xylofonova".into())) };
    let mut pieces = feira.api.privacy().export_subject(asked).await.unwrap().into_inner();
    let (mut file, mut counts, mut many) = (Vec::new(), Vec::new(), 0);
    while let Some(piece) = pieces.message().await.unwrap() {
        assert!(piece.chunk.len() <= 256 << 10);
        file.extend_from_slice(&piece.chunk);
        counts.extend(piece.counts.into_iter().map(|one| (one.source, one.count)));
        many += 1;
    }
    assert!(many > 1, "all of it came at once");
    assert_eq!(counts, [("record".to_owned(), 40), ("revision".to_owned(), 40)]);
    assert_eq!(String::from_utf8(file).unwrap().lines().count(), 80);
    let nothing = feira.api.privacy().export_subject(ExportSubjectRequest { subject: None }).await.unwrap_err();
    assert_eq!(fields(&nothing), ["subject"]);
}
