//! Reading and changing a city's own resources: what is kept, what is refused, and which field is named.

use isopolity_proto::{
    options::Audience,
    registry::{
        Agreement, CreatePartnershipRequest, DeleteAgreementRequest, DeleteOrganizationRequest, GetAgreementRequest,
        GetCityRequest, GetOrganizationRequest, GetPartnershipRequest, Organization, Partnership,
        UpdateAgreementRequest, UpdateCityRequest, UpdateOrganizationRequest, UpdatePartnershipRequest,
    },
};
use isopolity_tests::{
    TestNode,
    refusal::{fields, metadata, reason, resource},
    sample::{agreement, nace, organization, partnership, partnerships, text},
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
    is(&feira.api.get(&created.name).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
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
    feira.api.organizations().delete_organization(delete).await.unwrap();
    is(&feira.api.organizations().get_organization(read).await.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");

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
    assert_eq!(feira.api.node().await.published_sequence, before.published_sequence + 1, "one publication, not three");
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
    let reader = feira.api.new_token(isopolity_proto::admin::Role::Reader).await;
    let reader = feira.api_with(Some(&reader)).await;
    let request = GetPartnershipRequest { name: inside.name.clone() };
    let read = reader.partnerships().get_partnership(request).await.unwrap().into_inner().partnership;
    assert_eq!(read, Some(inside));
    assert_eq!(reader.ask(partnerships()).await.total, 1);
}
