//! Requests that are sent again.

use isopolity_proto::{
    admin::Role,
    registry::{
        CreateOrganizationRequest, CreatePartnershipRequest, DeleteOrganizationRequest, Organization,
        UndeleteOrganizationRequest, UpdateOrganizationRequest,
    },
};
use isopolity_tests::{
    TestNode,
    refusal::{fields, reason},
    sample::{organization, partnership},
};
use time::Duration;
use tonic::Code;

const ID: &str = "8c5d9a52-7c0e-4d3a-9d0b-0f6f1f2f3a4b";
const OTHER: &str = "3f1c2b1e-0d64-4f0a-8f3c-2b0a9f6f7e11";

fn create(request_id: &str) -> CreatePartnershipRequest {
    CreatePartnershipRequest {
        parent: "cities/feira.example".into(),
        partnership: Some(partnership("Bread", "MA")),
        request_id: request_id.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_same_answer_for_a_day_and_does_nothing_more() {
    let feira = TestNode::start("feira.example").await;
    let first = feira.api.partnerships().create_partnership(create(ID)).await.unwrap().into_inner();
    let name = first.partnership.as_ref().unwrap().name.clone();
    let mut changed = first.partnership.clone().unwrap();
    changed.internal_notes = "changed meanwhile".into();
    feira.api.update(changed, &["internal_notes"]).await.unwrap();
    feira.clock.advance(Duration::hours(23));
    // The same id in another form is the same id.
    for id in [ID, &ID.to_uppercase()] {
        let again = feira.api.partnerships().create_partnership(create(id)).await.unwrap().into_inner();
        assert_eq!(again, first);
    }
    let editor = feira.api_with(Some(&feira.api.new_token(Role::Editor).await)).await;
    let of_another = editor.partnerships().create_partnership(create(ID)).await.unwrap().into_inner();
    assert_ne!(of_another.partnership.unwrap().name, name, "ids are each caller's own");
    feira.clock.advance(Duration::hours(2));
    let later = feira.api.partnerships().create_partnership(create(ID)).await.unwrap().into_inner();
    assert_ne!(later.partnership.unwrap().name, name, "after a day it is forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_of_one_request_and_a_uuid() {
    let feira = TestNode::start("feira.example").await;
    let checked = CreatePartnershipRequest { validate_only: true, ..create(ID) };
    feira.api.partnerships().create_partnership(checked).await.unwrap();
    feira.api.partnerships().create_partnership(create(ID)).await.unwrap();
    let other = CreatePartnershipRequest { partnership: Some(partnership("Cakes", "MA")), ..create(ID) };
    let refused = feira.api.partnerships().create_partnership(other).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
    assert_eq!(fields(&refused), ["request_id"]);
    for bad in ["1", "8c5d9a52-7c0e-4d3a-9d0b", "request"] {
        let refused = feira.api.partnerships().create_partnership(create(bad)).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "FIELD_INVALID".into()));
        assert_eq!(fields(&refused), ["request_id"], "{bad}");
    }
    // What was refused is not remembered.
    let wrong = CreatePartnershipRequest { partnership: Some(partnership("Bread", "XX")), ..create(OTHER) };
    assert!(feira.api.partnerships().create_partnership(wrong).await.is_err());
    feira.api.partnerships().create_partnership(create(OTHER)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_deletions_and_restorations_can_be_repeated() {
    let feira = TestNode::start("feira.example").await;
    let mut service = feira.api.organizations();
    let request = CreateOrganizationRequest {
        parent: "cities/feira.example".into(),
        organization_id: "mill".into(),
        organization: Some(organization("Mill", "MA")),
        request_id: ID.into(),
        ..Default::default()
    };
    let created = service.create_organization(request.clone()).await.unwrap().into_inner();
    assert_eq!(service.create_organization(request).await.unwrap().into_inner(), created);
    let mill = created.organization.unwrap();

    // Each with its own id; the etag of the first time is long past.
    let request = UpdateOrganizationRequest {
        organization: Some(Organization { country: "TN".into(), ..mill.clone() }),
        request_id: "00000000-0000-4000-8000-000000000001".into(),
        ..Default::default()
    };
    let changed = service.update_organization(request.clone()).await.unwrap().into_inner();
    assert_eq!(service.update_organization(request).await.unwrap().into_inner(), changed);
    let unchanged = UpdateOrganizationRequest {
        organization: changed.organization.clone(),
        request_id: "00000000-0000-4000-8000-000000000002".into(),
        ..Default::default()
    };
    for _ in 0..2 {
        let answer = service.update_organization(unchanged.clone()).await.unwrap().into_inner();
        assert_eq!(answer, changed);
    }
    let request = DeleteOrganizationRequest {
        name: mill.name.clone(),
        etag: "2".into(),
        request_id: "00000000-0000-4000-8000-000000000003".into(),
        ..Default::default()
    };
    let deleted = service.delete_organization(request.clone()).await.unwrap().into_inner();
    assert_eq!(service.delete_organization(request).await.unwrap().into_inner(), deleted);
    let request = UndeleteOrganizationRequest {
        name: mill.name,
        request_id: "00000000-0000-4000-8000-000000000004".into(),
        ..Default::default()
    };
    let restored = service.undelete_organization(request.clone()).await.unwrap().into_inner();
    assert_eq!(service.undelete_organization(request).await.unwrap().into_inner(), restored);
    assert_eq!(restored.organization.unwrap().etag, "4");
}
