//! Reading and changing a city's own resources: what is kept, what is refused, and which field is named.

use isopolity_proto::{
    options::Audience,
    registry::{
        self, Agreement, CreatePartnershipRequest, DeleteAgreementRequest, DeleteOrganizationRequest,
        GetAgreementRequest, GetCityRequest, GetOrganizationRequest, GetPartnershipRequest, Organization, Partnership,
        UpdateAgreementRequest, UpdateCityRequest, UpdateOrganizationRequest, UpdatePartnershipRequest,
    },
};
use isopolity_tests::{
    TestNode,
    refusal::{fields, metadata, reason, resource},
    sample::{self, agreement, nace, organization, partnership, partnerships, text},
};
use prost_types::FieldMask;
use time::Duration;
use tonic::{Code, Status};

const FEIRA: &str = "feira.example";

fn is(status: &Status, code: Code, expected: &str) {
    assert_eq!(reason(status), (code, expected.to_owned()), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partnership_is_created_read_changed_and_deleted() {
    let feira = TestNode::start(FEIRA).await;
    let created = feira.api.create("bread", partnership("Bread", "MA")).await;
    assert_eq!((created.name.as_str(), created.etag.as_str()), ("cities/feira.example/partnerships/bread", "1"));
    assert!(created.create_time.is_some() && created.create_time == created.update_time);
    assert_eq!(feira.api.get(&created.name).await.unwrap(), created);

    feira.clock.advance(Duration::minutes(1));
    let change =
        Partnership { origin_countries: vec!["TN".into()], titles: vec![text("Not this", "en")], ..created.clone() };
    let changed = feira.api.update(change, &["origin_countries"]).await.unwrap();
    assert_eq!((changed.origin_countries[0].as_str(), changed.etag.as_str()), ("TN", "2"));
    assert_eq!(
        (&changed.titles, changed.create_time),
        (&created.titles, created.create_time),
        "the mask names one field"
    );
    assert!(changed.update_time.unwrap().seconds == created.update_time.unwrap().seconds + 60);
    assert_eq!(feira.api.get(&created.name).await.unwrap(), changed);

    let all = UpdatePartnershipRequest { partnership: Some(created.clone()), ..Default::default() };
    let refused = feira.api.partnerships().update_partnership(all).await.unwrap_err();
    is(&refused, Code::Aborted, "ETAG_MISMATCH");
    let unchanged = feira.api.update(changed.clone(), &[]).await.unwrap();
    assert_eq!(unchanged, changed, "a change that changes nothing is none");

    feira.api.delete(&created.name, &changed.etag).await.unwrap();
    assert!(feira.api.get(&created.name).await.unwrap().delete_time.is_some(), "it is kept for those who may read");
    is(&feira.api.delete(&created.name, "").await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    is(&feira.api.update(changed, &[]).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    let named = feira.api.create("", partnership("Bread", "MA")).await;
    assert!(named.name.len() > created.name.len(), "without an id the node gives one: {}", named.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_kinds_are_kept_the_same_way() {
    let feira = TestNode::start(FEIRA).await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let read = GetOrganizationRequest { name: mill.name.clone() };
    let found = feira.api.organizations().get_organization(read.clone()).await.unwrap().into_inner().organization;
    assert_eq!(found.as_ref(), Some(&mill));
    let change = UpdateOrganizationRequest {
        organization: Some(Organization { country: "TN".into(), ..mill.clone() }),
        update_mask: Some(FieldMask { paths: vec!["country".into()] }),
        validate_only: false,
        ..Default::default()
    };
    let changed =
        feira.api.organizations().update_organization(change).await.unwrap().into_inner().organization.unwrap();
    assert_eq!((changed.country.as_str(), changed.etag.as_str()), ("TN", "2"));
    let delete = DeleteOrganizationRequest { name: mill.name, etag: "1".into(), ..Default::default() };
    is(
        &feira.api.organizations().delete_organization(delete.clone()).await.unwrap_err(),
        Code::Aborted,
        "ETAG_MISMATCH",
    );
    let delete = DeleteOrganizationRequest { etag: "2".into(), ..delete };
    let deleted = feira.api.organizations().delete_organization(delete).await.unwrap().into_inner().organization;
    let found = feira.api.organizations().get_organization(read).await.unwrap().into_inner().organization;
    assert_eq!(found, deleted);

    let twinning = feira.api.create_agreement("twinning", agreement(FEIRA, "Feira – Kénitra", "MA")).await;
    let read = GetAgreementRequest { name: twinning.name.clone() };
    let found = feira.api.agreements().get_agreement(read).await.unwrap().into_inner().agreement;
    assert_eq!(found.as_ref(), Some(&twinning));
    let change = UpdateAgreementRequest {
        agreement: Some(Agreement { sign_date: "2013-03-15".into(), ..twinning.clone() }),
        ..Default::default()
    };
    let changed = feira.api.agreements().update_agreement(change).await.unwrap().into_inner().agreement.unwrap();
    assert_eq!(changed.sign_date, "2013-03-15");
    let delete = DeleteAgreementRequest { name: twinning.name, etag: String::new(), ..Default::default() };
    feira.api.agreements().delete_agreement(delete).await.unwrap();
    assert!(feira.api.all_agreements().await.is_empty());

    let mut profile = feira.api.city().await;
    assert_eq!((profile.name.as_str(), profile.display_names[0].text.as_str()), ("cities/feira.example", "Feira"));
    profile.website = "https://feira.example".into();
    profile = feira.api.set_city(profile).await;
    assert_eq!(feira.api.city().await, profile);
    let elsewhere = GetCityRequest { name: "cities/geneve.example".into() };
    is(&feira.api.cities().get_city(elsewhere).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    let lost = UpdateCityRequest {
        city: Some(isopolity_proto::registry::City { etag: "1".into(), ..profile }),
        ..Default::default()
    };
    is(&feira.api.cities().update_city(lost).await.unwrap_err(), Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_second_with_a_change_is_told_and_changes_nothing() {
    let feira = TestNode::start(FEIRA).await;
    let read = feira.api.create("bread", partnership("Bread", "MA")).await;
    let first = Partnership { internal_notes: "first".into(), ..read.clone() };
    let first = feira.api.update(first, &["internal_notes"]).await.unwrap();
    let second = Partnership { internal_notes: "second".into(), ..read.clone() };
    let refused = feira.api.update(second.clone(), &["internal_notes"]).await.unwrap_err();
    is(&refused, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(resource(&refused), read.name);
    is(&feira.api.delete(&read.name, &read.etag).await.unwrap_err(), Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(feira.api.get(&read.name).await.unwrap(), first);
    let careless = Partnership { etag: String::new(), ..second };
    assert_eq!(feira.api.update(careless, &["internal_notes"]).await.unwrap().internal_notes, "second");

    // Many at once: one wins, the others are told.
    let read = feira.api.get(&read.name).await.unwrap();
    let changes = (0..8).map(|number| {
        let change = Partnership { internal_notes: format!("number {number}"), ..read.clone() };
        let api = feira.api.clone();
        async move { api.update(change, &["internal_notes"]).await }
    });
    let results = futures::future::join_all(changes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter_map(Result::err) {
        is(&refused, Code::Aborted, "ETAG_MISMATCH");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_validate_only_writes_nothing() {
    let feira = TestNode::start(FEIRA).await;
    let before = feira.api.node().await;
    let request = |partnership| CreatePartnershipRequest {
        parent: "cities/feira.example".into(),
        partnership_id: "bread".into(),
        partnership: Some(partnership),
        validate_only: true,
        ..Default::default()
    };
    let checked = feira.api.partnerships().create_partnership(request(partnership("Bread", "MA"))).await.unwrap();
    let checked = checked.into_inner().partnership.unwrap();
    assert_eq!((checked.name.as_str(), checked.etag.as_str()), ("cities/feira.example/partnerships/bread", "1"));
    is(&feira.api.get(&checked.name).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
    let refused = feira.api.partnerships().create_partnership(request(partnership("Bread", "XX"))).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "CODE_UNKNOWN");

    let kept = feira.api.create("bread", partnership("Bread", "MA")).await;
    assert_eq!(kept.etag, "1");
    let change = UpdatePartnershipRequest {
        partnership: Some(Partnership { internal_notes: "new".into(), ..kept.clone() }),
        update_mask: None,
        validate_only: true,
        ..Default::default()
    };
    let checked = feira.api.partnerships().update_partnership(change).await.unwrap().into_inner().partnership.unwrap();
    assert_eq!((checked.internal_notes.as_str(), checked.etag.as_str()), ("new", "2"));
    assert_eq!(feira.api.get(&kept.name).await.unwrap(), kept);
    assert_eq!(
        feira.api.node().await.published_sequence,
        before.published_sequence + 2,
        "one creation, with its first event"
    );
    assert_eq!(feira.api.ask(partnerships()).await.total, 1);
    is(
        &feira.api.try_create("bread", partnership("Bread", "MA")).await.unwrap_err(),
        Code::AlreadyExists,
        "RESOURCE_EXISTS",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_field_is_named_with_its_reason() {
    let feira = TestNode::start(FEIRA).await;
    let good = || partnership("Bread", "MA");
    let with_participant = |name: &str| {
        let mut wrong = good();
        wrong.participants[1].organization = name.into();
        wrong
    };
    let cases: Vec<(&str, Partnership, &str, &[&str])> = vec![
        ("an unknown country", partnership("Bread", "XX"), "CODE_UNKNOWN", &["origin_countries[0]"]),
        (
            "an unknown sector",
            Partnership { sectors: vec![nace("99.99")], ..good() },
            "CODE_UNKNOWN",
            &["sectors[0].code"],
        ),
        ("no title", Partnership { titles: Vec::new(), ..good() }, "FIELD_REQUIRED", &["titles"]),
        ("no audience", Partnership { audience: 0, ..good() }, "FIELD_REQUIRED", &["audience"]),
        ("no stage", Partnership { stage: 0, ..good() }, "FIELD_REQUIRED", &["stage"]),
        ("an unknown stage", Partnership { stage: 77, ..good() }, "FIELD_INVALID", &["stage"]),
        (
            "no language",
            Partnership { titles: vec![text("Bread", "")], ..good() },
            "FIELD_REQUIRED",
            &["titles[0].language"],
        ),
        (
            "no language tag",
            Partnership { titles: vec![text("Bread", "english!")], ..good() },
            "CODE_UNKNOWN",
            &["titles[0].language"],
        ),
        (
            "a date",
            Partnership { last_verified_date: "15.3.2013".into(), ..good() },
            "FIELD_INVALID",
            &["last_verified_date"],
        ),
        (
            "somebody who is not there",
            with_participant("cities/feira.example/organizations/nobody"),
            "REFERENCE_DANGLING",
            &["participants[1].organization"],
        ),
        ("no name of one", with_participant("the mill"), "FIELD_INVALID", &["participants[1].organization"]),
        (
            "several at once",
            Partnership { titles: Vec::new(), stage: 0, origin_countries: vec!["MA".into(), "XX".into()], ..good() },
            "CODE_UNKNOWN",
            &["origin_countries[1]", "stage", "titles"],
        ),
    ];
    for (what, wrong, expected, named) in cases {
        let refused = feira.api.try_create("bread", wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{what}");
        let mut found = fields(&refused);
        found.sort();
        assert_eq!(found, named.iter().map(|field| format!("partnership.{field}")).collect::<Vec<_>>(), "{what}");
        let reasons = if named.len() > 1 { vec![expected, "FIELD_REQUIRED"] } else { vec![expected] };
        assert!(reasons.contains(&reason(&refused).1.as_str()), "{what}: {refused:?}");
    }
    assert_eq!(feira.api.node().await.published_sequence, 1, "nothing was written");
    // Another city's organisation can't be checked here.
    feira.api.create("elsewhere", with_participant("cities/kenitra.example/organizations/mill")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_around_a_resource_is_checked_as_well() {
    let feira = TestNode::start(FEIRA).await;
    let request = CreatePartnershipRequest {
        parent: "cities/feira.example".into(),
        partnership_id: "bread".into(),
        partnership: Some(partnership("Bread", "MA")),
        validate_only: false,
        ..Default::default()
    };
    let cases = [
        (CreatePartnershipRequest { parent: String::new(), ..request.clone() }, "FIELD_REQUIRED", "parent"),
        (
            CreatePartnershipRequest { parent: "cities/geneve.example".into(), ..request.clone() },
            "FIELD_INVALID",
            "parent",
        ),
        (
            CreatePartnershipRequest { partnership_id: "No Id!".into(), ..request.clone() },
            "FIELD_INVALID",
            "partnership_id",
        ),
        (CreatePartnershipRequest { partnership: None, ..request.clone() }, "FIELD_REQUIRED", "partnership"),
    ];
    for (wrong, expected, field) in cases {
        let refused = feira.api.partnerships().create_partnership(wrong).await.unwrap_err();
        is(&refused, Code::InvalidArgument, expected);
        assert_eq!(fields(&refused), [field]);
    }
    let kept = feira.api.partnerships().create_partnership(request).await.unwrap().into_inner().partnership.unwrap();
    for (name, expected) in [
        ("cities/geneve.example/partnerships/bread", "RESOURCE_FOREIGN"),
        ("cities/feira.example/organizations/bread", "FIELD_INVALID"),
        ("bread", "FIELD_INVALID"),
        ("", "FIELD_INVALID"),
    ] {
        let refused = feira.api.update(Partnership { name: name.into(), ..kept.clone() }, &[]).await.unwrap_err();
        is(&refused, Code::InvalidArgument, expected);
        assert_eq!(fields(&refused), ["partnership.name"], "{name}");
    }
    for name in ["cities/feira.example/organizations/bread", "bread", ""] {
        let refused = feira.api.get(name).await.unwrap_err();
        is(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(fields(&refused), ["name"], "{name}");
    }
    let refused = feira.api.update(kept, &["titles", "tittles", "participants.side"]).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(fields(&refused), ["update_mask", "update_mask"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_use_is_not_deleted() {
    let feira = TestNode::start(FEIRA).await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let twinning = feira.api.create_agreement("twinning", agreement(FEIRA, "Feira – Kénitra", "MA")).await;
    let mut bread = partnership("Bread", "MA");
    bread.participants[1].organization.clone_from(&mill.name);
    bread.agreements = vec![twinning.name.clone()];
    let bread = feira.api.create("bread", bread).await;
    let delete_mill =
        || DeleteOrganizationRequest { name: mill.name.clone(), etag: String::new(), ..Default::default() };
    let delete_twinning =
        || DeleteAgreementRequest { name: twinning.name.clone(), etag: String::new(), ..Default::default() };
    for (refused, name) in [
        (feira.api.organizations().delete_organization(delete_mill()).await.unwrap_err(), &mill.name),
        (feira.api.agreements().delete_agreement(delete_twinning()).await.unwrap_err(), &twinning.name),
    ] {
        is(&refused, Code::FailedPrecondition, "RESOURCE_IN_USE");
        assert_eq!((metadata(&refused, "used_by"), resource(&refused)), (Some(bread.name.clone()), name.clone()));
    }
    let mut without = bread.clone();
    without.participants[1].organization.clear();
    let without = feira.api.update(without, &["participants"]).await.unwrap();
    feira.api.organizations().delete_organization(delete_mill()).await.unwrap();
    feira.api.delete(&bread.name, &without.etag).await.unwrap();
    feira.api.agreements().delete_agreement(delete_twinning()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_message_is_refused_and_harms_nobody() {
    let feira = TestNode::start(FEIRA).await;
    let large = |size: usize| Partnership { internal_notes: "x".repeat(size), ..partnership("Large", "MA") };
    let refused = feira.api.try_create("large", large((1 << 20) + 1)).await.unwrap_err();
    is(&refused, Code::InvalidArgument, "MESSAGE_TOO_LARGE");
    assert_eq!(fields(&refused), ["partnership"]);
    let refused = feira.api.try_create("larger", large(5 << 20)).await.unwrap_err();
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused:?}");
    let long = feira.api.try_create("long", large(2_001)).await.unwrap_err();
    is(&long, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(fields(&long), ["partnership.internal_notes"]);
    feira.api.create("bread", partnership("Bread", "MA")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_staff_read_everything_and_the_audience_decides_what_is_published() {
    let feira = TestNode::start(FEIRA).await;
    let inside = Partnership {
        audience: Audience::Internal.into(),
        internal_notes: "notes".into(),
        ..partnership("Inside", "MA")
    };
    let inside = feira.api.create("inside", inside).await;
    let reader = feira.api.new_token(isopolity_proto::admin::Role::Viewer).await;
    let reader = feira.api_with(Some(&reader)).await;
    let request = GetPartnershipRequest { name: inside.name.clone() };
    let read = reader.partnerships().get_partnership(request).await.unwrap().into_inner().partnership;
    assert_eq!(read, Some(inside));
    assert_eq!(reader.ask(partnerships()).await.total, 1);
}

/// Takes a resource of a kind through all standard methods.
macro_rules! all_its_life {
    ($node:expr, $module:ident::$client:ident, $one:ident, $many:ident, $id:ident, $sample:expr,
     $create:ident($create_request:ident), $get:ident($get_request:ident), $list:ident($list_request:ident),
     $update:ident($update_request:ident), $delete:ident($delete_request:ident),
     $undelete:ident($undelete_request:ident)) => {{
        let node: &TestNode = $node;
        let what = stringify!($one);
        let mut service = registry::$module::$client::new(node.api.client.clone());
        let request = registry::$create_request {
            parent: node.parent(),
            $id: "life".into(),
            $one: Some($sample),
            ..Default::default()
        };
        let created = service.$create(request).await.unwrap().into_inner().$one.unwrap();
        assert!(created.name.ends_with("/life") && created.etag == "1", "{what}");
        let read = registry::$get_request { name: created.name.clone() };
        let found = service.$get(read.clone()).await.unwrap().into_inner().$one;
        assert_eq!(found.as_ref(), Some(&created), "{what}");
        let list = registry::$list_request { parent: node.parent(), ..Default::default() };
        let listed = service.$list(list.clone()).await.unwrap().into_inner().$many;
        assert!(listed.contains(&created), "{what}");

        let mut change = created.clone();
        change.last_verified_date = "2026-01-15".into();
        let request = registry::$update_request {
            $one: Some(change),
            update_mask: Some(FieldMask { paths: vec!["last_verified_date".into()] }),
            ..Default::default()
        };
        let changed = service.$update(request).await.unwrap().into_inner().$one.unwrap();
        assert_eq!((changed.last_verified_date.as_str(), changed.etag.as_str()), ("2026-01-15", "2"), "{what}");

        let request = registry::$delete_request { name: created.name.clone(), etag: "2".into(), ..Default::default() };
        let deleted = service.$delete(request).await.unwrap().into_inner().$one.unwrap();
        assert!(deleted.delete_time.is_some() && deleted.etag == "3", "{what}");
        assert_eq!(service.$get(read).await.unwrap().into_inner().$one.as_ref(), Some(&deleted), "{what}");
        let listed = service.$list(list.clone()).await.unwrap().into_inner().$many;
        assert!(listed.iter().all(|one| one.name != created.name), "{what}");
        let all = registry::$list_request { show_deleted: true, ..list };
        assert!(service.$list(all).await.unwrap().into_inner().$many.contains(&deleted), "{what}");

        let request = registry::$undelete_request { name: created.name, ..Default::default() };
        let restored = service.$undelete(request).await.unwrap().into_inner().$one.unwrap();
        assert!(restored.delete_time.is_none() && restored.etag == "4", "{what}");
        assert_eq!(restored.last_verified_date, changed.last_verified_date, "{what}");
    }};
}

#[expect(clippy::too_many_lines, reason = "a table with an entry for each kind")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_created_read_listed_changed_deleted_and_restored() {
    let feira = TestNode::start(FEIRA).await;
    let other = feira.api.create("other", partnership("Other", "MA")).await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let baker = feira.api.create_organization("baker", organization("Baker", "MA")).await;
    all_its_life!(
        &feira,
        place_service_client::PlaceServiceClient,
        place,
        places,
        place_id,
        sample::place("Feira", "PT"),
        create_place(CreatePlaceRequest),
        get_place(GetPlaceRequest),
        list_places(ListPlacesRequest),
        update_place(UpdatePlaceRequest),
        delete_place(DeletePlaceRequest),
        undelete_place(UndeletePlaceRequest)
    );
    all_its_life!(
        &feira,
        organization_service_client::OrganizationServiceClient,
        organization,
        organizations,
        organization_id,
        organization("Mill", "MA"),
        create_organization(CreateOrganizationRequest),
        get_organization(GetOrganizationRequest),
        list_organizations(ListOrganizationsRequest),
        update_organization(UpdateOrganizationRequest),
        delete_organization(DeleteOrganizationRequest),
        undelete_organization(UndeleteOrganizationRequest)
    );
    all_its_life!(
        &feira,
        agreement_service_client::AgreementServiceClient,
        agreement,
        agreements,
        agreement_id,
        agreement(FEIRA, "Feira – Kénitra", "MA"),
        create_agreement(CreateAgreementRequest),
        get_agreement(GetAgreementRequest),
        list_agreements(ListAgreementsRequest),
        update_agreement(UpdateAgreementRequest),
        delete_agreement(DeleteAgreementRequest),
        undelete_agreement(UndeleteAgreementRequest)
    );
    all_its_life!(
        &feira,
        partnership_service_client::PartnershipServiceClient,
        partnership,
        partnerships,
        partnership_id,
        partnership("Bread", "MA"),
        create_partnership(CreatePartnershipRequest),
        get_partnership(GetPartnershipRequest),
        list_partnerships(ListPartnershipsRequest),
        update_partnership(UpdatePartnershipRequest),
        delete_partnership(DeletePartnershipRequest),
        undelete_partnership(UndeletePartnershipRequest)
    );
    all_its_life!(
        &feira,
        condition_assessment_service_client::ConditionAssessmentServiceClient,
        condition_assessment,
        condition_assessments,
        condition_assessment_id,
        sample::condition_assessment(&other.name),
        create_condition_assessment(CreateConditionAssessmentRequest),
        get_condition_assessment(GetConditionAssessmentRequest),
        list_condition_assessments(ListConditionAssessmentsRequest),
        update_condition_assessment(UpdateConditionAssessmentRequest),
        delete_condition_assessment(DeleteConditionAssessmentRequest),
        undelete_condition_assessment(UndeleteConditionAssessmentRequest)
    );
    all_its_life!(
        &feira,
        support_service_service_client::SupportServiceServiceClient,
        support_service,
        support_services,
        support_service_id,
        sample::support_service("Advice"),
        create_support_service(CreateSupportServiceRequest),
        get_support_service(GetSupportServiceRequest),
        list_support_services(ListSupportServicesRequest),
        update_support_service(UpdateSupportServiceRequest),
        delete_support_service(DeleteSupportServiceRequest),
        undelete_support_service(UndeleteSupportServiceRequest)
    );
    all_its_life!(
        &feira,
        opportunity_service_client::OpportunityServiceClient,
        opportunity,
        opportunities,
        opportunity_id,
        sample::opportunity("Flour", "MA"),
        create_opportunity(CreateOpportunityRequest),
        get_opportunity(GetOpportunityRequest),
        list_opportunities(ListOpportunitiesRequest),
        update_opportunity(UpdateOpportunityRequest),
        delete_opportunity(DeleteOpportunityRequest),
        undelete_opportunity(UndeleteOpportunityRequest)
    );
    all_its_life!(
        &feira,
        indicator_observation_service_client::IndicatorObservationServiceClient,
        indicator_observation,
        indicator_observations,
        indicator_observation_id,
        sample::indicator_observation(&other.name),
        create_indicator_observation(CreateIndicatorObservationRequest),
        get_indicator_observation(GetIndicatorObservationRequest),
        list_indicator_observations(ListIndicatorObservationsRequest),
        update_indicator_observation(UpdateIndicatorObservationRequest),
        delete_indicator_observation(DeleteIndicatorObservationRequest),
        undelete_indicator_observation(UndeleteIndicatorObservationRequest)
    );
    all_its_life!(
        &feira,
        advantage_factor_service_client::AdvantageFactorServiceClient,
        advantage_factor,
        advantage_factors,
        advantage_factor_id,
        sample::advantage_factor("MA"),
        create_advantage_factor(CreateAdvantageFactorRequest),
        get_advantage_factor(GetAdvantageFactorRequest),
        list_advantage_factors(ListAdvantageFactorsRequest),
        update_advantage_factor(UpdateAdvantageFactorRequest),
        delete_advantage_factor(DeleteAdvantageFactorRequest),
        undelete_advantage_factor(UndeleteAdvantageFactorRequest)
    );
    all_its_life!(
        &feira,
        good_practice_service_client::GoodPracticeServiceClient,
        good_practice,
        good_practices,
        good_practice_id,
        sample::good_practice("Bread", "MA"),
        create_good_practice(CreateGoodPracticeRequest),
        get_good_practice(GetGoodPracticeRequest),
        list_good_practices(ListGoodPracticesRequest),
        update_good_practice(UpdateGoodPracticeRequest),
        delete_good_practice(DeleteGoodPracticeRequest),
        undelete_good_practice(UndeleteGoodPracticeRequest)
    );
    all_its_life!(
        &feira,
        match_assertion_service_client::MatchAssertionServiceClient,
        match_assertion,
        match_assertions,
        match_assertion_id,
        sample::match_assertion(&mill.name, &baker.name),
        create_match_assertion(CreateMatchAssertionRequest),
        get_match_assertion(GetMatchAssertionRequest),
        list_match_assertions(ListMatchAssertionsRequest),
        update_match_assertion(UpdateMatchAssertionRequest),
        delete_match_assertion(DeleteMatchAssertionRequest),
        undelete_match_assertion(UndeleteMatchAssertionRequest)
    );
}
