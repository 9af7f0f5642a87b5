//! Deleting and restoring: what stays, what goes along, and what stands against it.

use isopolity_domain::{Kind, Name};
use isopolity_proto::{
    admin::Role,
    error::Reason,
    options::Audience,
    registry::{
        CreateConditionAssessmentRequest, CreateIndicatorObservationRequest, CreatePlaceRequest,
        DeleteOrganizationRequest, DeletePartnershipRequest, GetConditionAssessmentRequest, GetPartnershipRequest,
        GoodPractice, ListPartnershipsRequest, ListPartnershipsResponse, Organization, Partnership, PartnershipStage,
        Place, StageEvent, StageEventKind, UndeleteConditionAssessmentRequest, UndeleteOrganizationRequest,
        UndeletePartnershipRequest, UpdateOrganizationRequest, UpdatePlaceRequest,
        condition_assessment_service_client::ConditionAssessmentServiceClient,
        indicator_observation_service_client::IndicatorObservationServiceClient,
        place_service_client::PlaceServiceClient,
    },
    to_dynamic,
    types::RecordState,
};
use isopolity_registry::author::Terms;
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, metadata, reason, resource},
    sample::{self, condition_assessment, indicator_observation, organization, partnership, partnerships},
    town::administrator,
};
use time::Duration;
use tonic::{Code, Status};

const PARENT: &str = "cities/feira.example";

fn is(status: &Status, code: Code, expected: &str) {
    assert_eq!(reason(status), (code, expected.to_owned()), "{status:?}");
}

async fn delete(api: &Api, name: &str) -> Result<Partnership, Status> {
    let request = DeletePartnershipRequest { name: name.into(), ..Default::default() };
    Ok(api.partnerships().delete_partnership(request).await?.into_inner().partnership.unwrap())
}

async fn undelete(api: &Api, name: &str) -> Result<Partnership, Status> {
    let request = UndeletePartnershipRequest { name: name.into(), ..Default::default() };
    Ok(api.partnerships().undelete_partnership(request).await?.into_inner().partnership.unwrap())
}

async fn list(api: &Api, show_deleted: bool) -> Result<ListPartnershipsResponse, Status> {
    let request = ListPartnershipsRequest { parent: PARENT.into(), show_deleted, ..Default::default() };
    Ok(api.partnerships().list_partnerships(request).await?.into_inner())
}

async fn delete_organization(api: &Api, name: &str) -> Result<Organization, Status> {
    let request = DeleteOrganizationRequest { name: name.into(), ..Default::default() };
    Ok(api.organizations().delete_organization(request).await?.into_inner().organization.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_is_kept_for_staff_and_hidden_from_everyone_else() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let everyone = feira.api_with(None).await;
    let bread = feira.api.create("bread", partnership("Bread", "MA")).await;
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    feira.clock.advance(Duration::minutes(1));
    let deleted = delete(&feira.api, &bread.name).await.unwrap();
    assert_eq!((deleted.state(), deleted.etag.as_str()), (RecordState::Withdrawn, "2"));
    assert_eq!((deleted.delete_time, deleted.audience()), (deleted.update_time, Audience::Public));
    assert!(deleted.delete_time.is_some() && deleted.create_time == bread.create_time);

    assert_eq!(feira.api.get(&bread.name).await.unwrap(), deleted);
    is(&everyone.get(&bread.name).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    assert_eq!(feira.api.ask(partnerships()).await.total, 0, "it is withdrawn from the feed");
    assert!(list(&feira.api, false).await.unwrap().partnerships.is_empty());
    assert_eq!(list(&feira.api, true).await.unwrap().partnerships, std::slice::from_ref(&deleted));
    is(&list(&everyone, true).await.unwrap_err(), Code::Unauthenticated, "TOKEN_MISSING");
    let reader = feira.api_with(Some(&feira.api.new_token(Role::Viewer).await)).await;
    let request = GetPartnershipRequest { name: bread.name.clone() };
    assert!(reader.partnerships().get_partnership(request).await.is_ok());
    is(&undelete(&reader, &bread.name).await.unwrap_err(), Code::PermissionDenied, "RIGHT_MISSING");

    let restored = undelete(&feira.api, &bread.name).await.unwrap();
    let expected = Partnership { etag: "3".into(), update_time: restored.update_time, ..bread.clone() };
    assert_eq!(restored, expected, "it is as it was");
    assert_eq!(everyone.get(&bread.name).await.unwrap().titles, bread.titles);
    assert_eq!(feira.api.ask(partnerships()).await.total, 1, "it is published again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_is_neither_changed_nor_deleted_again_nor_replaced() {
    let feira = TestNode::start("feira.example").await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let restore = || UndeleteOrganizationRequest { name: mill.name.clone(), ..Default::default() };
    let refused = feira.api.organizations().undelete_organization(restore()).await.unwrap_err();
    is(&refused, Code::FailedPrecondition, "RESOURCE_NOT_DELETED");
    assert_eq!(resource(&refused), mill.name);

    let deleted = delete_organization(&feira.api, &mill.name).await.unwrap();
    is(&delete_organization(&feira.api, &mill.name).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    let change = UpdateOrganizationRequest { organization: Some(deleted.clone()), ..Default::default() };
    let refused = feira.api.organizations().update_organization(change).await.unwrap_err();
    is(&refused, Code::NotFound, "RESOURCE_NOT_FOUND");
    assert!(refused.message().contains("was deleted"), "{refused:?}");
    let again = isopolity_proto::registry::CreateOrganizationRequest {
        parent: PARENT.into(),
        organization_id: "mill".into(),
        organization: Some(organization("Another mill", "MA")),
        ..Default::default()
    };
    let refused = feira.api.organizations().create_organization(again).await.unwrap_err();
    is(&refused, Code::AlreadyExists, "RESOURCE_EXISTS");
    assert!(refused.message().contains("deleted and can be restored"), "{refused:?}");

    let stale = UndeleteOrganizationRequest { etag: "1".into(), ..restore() };
    let refused = feira.api.organizations().undelete_organization(stale).await.unwrap_err();
    is(&refused, Code::Aborted, "ETAG_MISMATCH");
    let only_checked = UndeleteOrganizationRequest { validate_only: true, ..restore() };
    feira.api.organizations().undelete_organization(only_checked).await.unwrap();
    assert!(delete_organization(&feira.api, &mill.name).await.is_err(), "it is deleted still");
    feira.api.organizations().undelete_organization(restore()).await.unwrap();

    let mut withdrawn = partnership("Bread", "MA");
    withdrawn.set_state(RecordState::Withdrawn);
    let refused = feira.api.try_create("bread", withdrawn).await.unwrap_err();
    assert_eq!(fields(&refused), ["partnership.state"], "only deletion sets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_use_names_up_to_ten_users_and_deleted_users_do_not_count() {
    let feira = TestNode::start("feira.example").await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let mut names = Vec::new();
    for number in 10..22 {
        let mut user = partnership("Bread", "MA");
        user.participants[1].organization.clone_from(&mill.name);
        names.push(feira.api.create(&format!("bread{number}"), user).await.name);
    }
    let refused = delete_organization(&feira.api, &mill.name).await.unwrap_err();
    is(&refused, Code::FailedPrecondition, "RESOURCE_IN_USE");
    assert_eq!(metadata(&refused, "used_by"), Some(names[..10].join(",")));
    for name in &names {
        delete(&feira.api, name).await.unwrap();
    }
    delete_organization(&feira.api, &mill.name).await.unwrap();
    let refused = undelete(&feira.api, &names[0]).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "REFERENCE_DANGLING");
    let mut new = partnership("Bread", "MA");
    new.participants[1].organization.clone_from(&mill.name);
    let refused = feira.api.try_create("new", new).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "REFERENCE_DANGLING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_a_partnership_goes_and_comes_back_with_it() {
    let feira = TestNode::start("feira.example").await;
    let mut assessments = ConditionAssessmentServiceClient::new(feira.api.client.clone());
    let mut observations = IndicatorObservationServiceClient::new(feira.api.client.clone());
    let bread = feira.api.create("bread", partnership("Bread", "MA")).await;
    let mut made = Vec::new();
    for id in ["first", "second"] {
        let request = CreateConditionAssessmentRequest {
            parent: PARENT.into(),
            condition_assessment_id: id.into(),
            condition_assessment: Some(condition_assessment(&bread.name)),
            ..Default::default()
        };
        let response = assessments.create_condition_assessment(request).await.unwrap().into_inner();
        made.push(response.condition_assessment.unwrap());
    }
    let request = CreateIndicatorObservationRequest {
        parent: PARENT.into(),
        indicator_observation: Some(indicator_observation(&bread.name)),
        ..Default::default()
    };
    observations.create_indicator_observation(request).await.unwrap();
    // One that was deleted before does not come back.
    let early = isopolity_proto::registry::DeleteConditionAssessmentRequest {
        name: made[0].name.clone(),
        ..Default::default()
    };
    assessments.delete_condition_assessment(early).await.unwrap();
    feira.clock.advance(Duration::minutes(1));

    let deleted = delete(&feira.api, &bread.name).await.unwrap();
    let read = async |name: &str| {
        let mut client = ConditionAssessmentServiceClient::new(feira.api.client.clone());
        let request = GetConditionAssessmentRequest { name: name.into() };
        client.get_condition_assessment(request).await.unwrap().into_inner().condition_assessment.unwrap()
    };
    assert_eq!(read(&made[1].name).await.delete_time, deleted.delete_time);
    assert_ne!(read(&made[0].name).await.delete_time, deleted.delete_time);
    let alone = UndeleteConditionAssessmentRequest { name: made[1].name.clone(), ..Default::default() };
    let refused = assessments.undelete_condition_assessment(alone).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "REFERENCE_DANGLING");

    undelete(&feira.api, &bread.name).await.unwrap();
    let back = read(&made[1].name).await;
    assert_eq!((back.delete_time, back.state()), (None, RecordState::Unspecified));
    assert!(read(&made[0].name).await.delete_time.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_on_one_another_does_not_lead_back() {
    let feira = TestNode::start("feira.example").await;
    let mut places = PlaceServiceClient::new(feira.api.client.clone());
    let mut within = String::new();
    let mut made: Vec<Place> = Vec::new();
    for id in ["country", "region", "town"] {
        let place = Place { parent: within, ..sample::place(id, "PT") };
        let request =
            CreatePlaceRequest { parent: PARENT.into(), place_id: id.into(), place: Some(place), ..Default::default() };
        made.push(places.create_place(request).await.unwrap().into_inner().place.unwrap());
        within = made.last().unwrap().name.clone();
    }
    for parent in [&made[1].name, &made[2].name] {
        let change = Place { parent: parent.clone(), ..made[0].clone() };
        let request = UpdatePlaceRequest { place: Some(change), ..Default::default() };
        let refused = places.update_place(request).await.unwrap_err();
        is(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(fields(&refused), ["place.parent"]);
        assert!(refused.message().contains("leads back"), "{refused:?}");
    }

    let mut old = feira.api.create_organization("old", organization("Old", "PT")).await;
    let new = Organization { successor: old.name.clone(), ..organization("New", "PT") };
    old.successor = feira.api.create_organization("new", new).await.name;
    let request = UpdateOrganizationRequest { organization: Some(old), ..Default::default() };
    let refused = feira.api.organizations().update_organization(request).await.unwrap_err();
    assert!(fields(&refused).contains(&"organization.successor".to_owned()), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_event_is_never_rewritten_but_goes_with_its_partnership() {
    let feira = TestNode::start("feira.example").await;
    let bread = feira.api.create("bread", partnership("Bread", "MA")).await;
    let event = StageEvent {
        audience: Audience::Federation.into(),
        partnership: bread.name.clone(),
        kind: StageEventKind::Entered.into(),
        to_stage: PartnershipStage::Launch.into(),
        date: "2026-01".into(),
        ..Default::default()
    };
    // The API writes them itself; so this goes the way that the node goes.
    let (registry, caller) = (feira.registry(), administrator());
    let made = registry
        .create(&caller, Kind::StageEvent, PARENT, "entered", to_dynamic(&event), Terms::default())
        .await
        .unwrap();
    let made: StageEvent = made.transcode_to().unwrap();
    let name: Name = made.name.parse().unwrap();
    let change = to_dynamic(&StageEvent { date: "2026-02".into(), ..made.clone() });
    let refused = registry.update(&caller, Kind::StageEvent, change, &[], Terms::default()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::AppendOnly);
    let refused = registry.delete(&caller, &name, "", Terms::default()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::AppendOnly);

    let deleted = delete(&feira.api, &bread.name).await.unwrap();
    let gone: StageEvent = registry.get(&caller, &name).await.unwrap().transcode_to().unwrap();
    assert_eq!(gone.delete_time, deleted.delete_time);
    undelete(&feira.api, &bread.name).await.unwrap();
    let back: StageEvent = registry.get(&caller, &name).await.unwrap().transcode_to().unwrap();
    assert_eq!((back.delete_time, back.date), (None, made.date));

    // A story about the partnership is somebody else's: it stands against the deletion.
    let story = GoodPractice { partnerships: vec![bread.name.clone()], ..sample::good_practice("Bread", "MA") };
    let story = to_dynamic(&story);
    registry.create(&caller, Kind::GoodPractice, PARENT, "story", story, Terms::default()).await.unwrap();
    let refused = delete(&feira.api, &bread.name).await.unwrap_err();
    assert_eq!(metadata(&refused, "used_by"), Some(format!("{PARENT}/goodPractices/story")));
}
