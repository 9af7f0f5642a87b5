use isopolity_proto::admin::SharingRates;
use time::macros::datetime;

use super::*;
use crate::clock::to_timestamp;

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);
const USES: [Use<'static>; 8] = [
    Use::Greeting,
    Use::Query("enquiry"),
    Use::Record("enquiry"),
    Use::Watch("enquiry"),
    Use::Position,
    Use::Statistics,
    Use::Digest,
    Use::Replication,
];

fn praia() -> CityId {
    "praia.example".parse().unwrap()
}

fn reasons(agreement: Option<&SharingAgreement>) -> Vec<Option<Reason>> {
    USES.iter().map(|wanted| decide(agreement, &praia(), *wanted, NOW).err().map(|refusal| refusal.reason())).collect()
}

fn agreement() -> SharingAgreement {
    by_default(&praia(), Audience::Public)
}

#[test]
fn without_an_agreement_in_force_everything_is_refused() {
    let missing = vec![Some(Reason::AgreementMissing); USES.len()];
    assert_eq!(reasons(None), missing);
    let (before, after) = (NOW - time::Duration::SECOND, NOW + time::Duration::SECOND);
    let ended = SharingAgreement { valid_until_time: Some(to_timestamp(NOW)), ..agreement() };
    assert_eq!(reasons(Some(&ended)), missing);
    let not_yet = SharingAgreement { valid_from_time: Some(to_timestamp(after)), ..agreement() };
    assert_eq!(reasons(Some(&not_yet)), missing);
    let never = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    for broken in [
        SharingAgreement { valid_until_time: Some(never), ..agreement() },
        SharingAgreement { valid_from_time: Some(never), ..agreement() },
    ] {
        assert_eq!(reasons(Some(&broken)), missing);
    }
    let now = SharingAgreement {
        valid_from_time: Some(to_timestamp(before)),
        valid_until_time: Some(to_timestamp(after)),
        ..agreement()
    };
    assert_eq!(reasons(Some(&now)).iter().flatten().count(), 1, "all but copies");
}

#[test]
fn what_comes_with_approval_is_public_and_live_and_without_copies() {
    let refused = Some(Reason::UseNotAgreed);
    assert_eq!(reasons(Some(&agreement())), [None, None, None, None, None, None, None, refused]);
    let grant = decide(Some(&agreement()), &praia(), Use::Digest, NOW).unwrap();
    assert_eq!((&grant.sight, grant.granularity), (Sight::of(Audience::Public), Granularity::Records));
    let copies = SharingAgreement { live_query: false, replication: true, ..agreement() };
    assert_eq!(reasons(Some(&copies)), [None, refused, refused, refused, refused, refused, refused, None]);
}

#[test]
fn a_purpose_is_stated_and_is_one_of_those_that_are_agreed() {
    let limited = SharingAgreement {
        purposes: vec![SharingPurpose::Statistics.into(), SharingPurpose::Policy.into()],
        ..agreement()
    };
    let reason = |agreement: &SharingAgreement, wanted| {
        decide(Some(agreement), &praia(), wanted, NOW).err().map(|refusal| refusal.reason())
    };
    for use_for in [Use::Query, Use::Watch, Use::Record] {
        assert_eq!(reason(&limited, use_for("policy: evaluation 2026")), None);
        assert_eq!(reason(&limited, use_for("research")), Some(Reason::PurposeNotAgreed));
        assert_eq!(reason(&limited, use_for("policy research")), Some(Reason::PurposeNotAgreed));
        assert_eq!(reason(&agreement(), use_for("whatever they say")), None);
    }
    for use_for in [Use::Query, Use::Watch] {
        assert_eq!(reason(&agreement(), use_for(" ")), Some(Reason::FieldRequired));
    }
    assert_eq!(reason(&limited, Use::Record("")), Some(Reason::PurposeNotAgreed));
    let refusal = decide(Some(&limited), &praia(), Use::Query("research"), NOW).unwrap_err();
    assert!(refusal.to_string().contains("it includes statistics, policy"), "{refusal}");
}

#[test]
fn with_less_than_records_only_questions_are_answered() {
    let detail = Some(Reason::DetailNotAgreed);
    for granularity in [Granularity::YesNo, Granularity::Counts] {
        let counts = SharingAgreement { granularity: granularity.into(), replication: true, ..agreement() };
        assert_eq!(reasons(Some(&counts)), [None, None, detail, detail, detail, detail, detail, detail]);
        assert_eq!(decide(Some(&counts), &praia(), Use::Query("x"), NOW).unwrap().granularity, granularity);
    }
    let later = SharingAgreement { granularity: 99, ..agreement() };
    assert_eq!(decide(Some(&later), &praia(), Use::Query("x"), NOW).unwrap().granularity, Granularity::YesNo);
}

#[test]
fn what_this_version_does_not_know_grants_nothing() {
    let sight = |agreement: &SharingAgreement| decide(Some(agreement), &praia(), Use::Digest, NOW).unwrap().sight;
    for unknown in [
        SharingAgreement { audience: Audience::Internal.into(), ..agreement() },
        SharingAgreement { audience: 99, ..agreement() },
        SharingAgreement { audience: 0, ..agreement() },
        SharingAgreement { kinds: vec!["later".into()], ..agreement() },
    ] {
        assert_eq!(sight(&unknown).audience(), Audience::Unspecified, "{unknown:?}");
    }
    let some = SharingAgreement { kinds: vec!["organization".into(), "later".into()], ..agreement() };
    assert_eq!(sight(&some).kinds(), &BTreeSet::from([Kind::Organization]));
}

#[test]
fn what_is_wrong_with_an_agreement_is_named_by_its_field() {
    check(&agreement()).unwrap();
    let wrong = |change: fn(&mut SharingAgreement)| {
        let mut changed = agreement();
        change(&mut changed);
        check(&changed).unwrap_err().0.into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    let named = |fields: &[&str]| fields.iter().map(|field| format!("sharing_agreement.{field}")).collect::<Vec<_>>();
    assert_eq!(wrong(|one| one.city = "praia".into()), named(&["city"]));
    assert_eq!(
        wrong(|one| one.kinds = vec!["city".into(), "x".into(), "city".into()]),
        named(&["kinds[1]", "kinds[2]"])
    );
    for audience in [0, 30, 40, 99] {
        let changed = SharingAgreement { audience, ..agreement() };
        assert_eq!(check(&changed).unwrap_err().0.len(), 1);
    }
    assert_eq!(wrong(|one| one.granularity = 99), named(&["granularity"]));
    assert_eq!(wrong(|one| one.purposes = vec![1, 0, 1]), named(&["purposes[1]", "purposes[2]"]));
    assert_eq!(wrong(|one| one.legal_basis = 99), named(&["legal_basis"]));
    assert_eq!(wrong(|one| one.transfer_tool = 99), named(&["transfer_tool"]));
    assert_eq!(wrong(|one| one.note = "x".repeat(2_001)), named(&["note"]));
    assert_eq!(
        wrong(|one| one.rates = Some(SharingRates { questions_per_minute: -1, records_per_day: i64::MAX })),
        named(&["rates.questions_per_minute", "rates.records_per_day"])
    );
    assert_eq!(
        wrong(|one| {
            one.valid_from_time = Some(to_timestamp(NOW));
            one.valid_until_time = Some(to_timestamp(NOW));
        }),
        named(&["valid_until_time"])
    );
}
