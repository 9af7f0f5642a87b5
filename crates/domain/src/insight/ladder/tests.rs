use isopolity_proto::{
    registry::{AgreementEvidence, AgreementSigning, Ending, Meetings, Participant, PartnershipEnd},
    types::{Commitment, Period, Place, RecordState},
};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-16 09:00 UTC);
const COOPERATION: &str = "cities/feira.example/cooperations/protocol";

fn text(text: &str) -> LocalizedText {
    LocalizedText { text: text.into(), ..Default::default() }
}

fn side(city: &str, name: &str, country: &str) -> Side {
    let place = Place { names: vec![text(name)], country: country.into(), ..Default::default() };
    let profile = isopolity_proto::registry::City { place: Some(place), ..Default::default() };
    let city = Described::of_profile(city.parse().unwrap(), &profile);
    Side { city, answered: true, agreements: Vec::new(), partnerships: Vec::new() }
}

fn two() -> [Side; 2] {
    [side("feira.example", "Santa Maria da Feira", "PT"), side("kenitra.example", "Kénitra", "MA")]
}

/// A protocol of a city with another, in force since 2013.
fn protocol(city: &str, other: &str) -> Agreement {
    let party = |city: &str| AgreementParty {
        display_names: vec![text("A city")],
        city: format!("cities/{city}.example"),
        ..Default::default()
    };
    Agreement {
        name: format!("cities/{city}.example/agreements/protocol"),
        kind: AgreementKind::CooperationProtocol.into(),
        status: AgreementStatus::Active.into(),
        parties: vec![party(city), party(other)],
        sign_date: "2013-03-15".into(),
        ..Default::default()
    }
}

fn confirmation(stance: ConfirmationStance, cooperation: &str) -> Confirmation {
    Confirmation {
        city: "cities/kenitra.example".into(),
        stance: stance.into(),
        cooperation: cooperation.into(),
        ..Default::default()
    }
}

fn commitment(city: &str, kind: CommitmentKind) -> Commitment {
    Commitment { city: format!("cities/{city}.example"), kind: kind.into(), ..Default::default() }
}

fn ladder_of(agreement: Agreement) -> Ladder {
    let [mut feira, kenitra] = two();
    feira.agreements.push(agreement);
    status(&feira, &kenitra, NOW)
}

#[test]
fn each_further_fact_leads_a_level_up() {
    let [mut feira, mut kenitra] = two();
    let level = |feira: &Side, kenitra: &Side| {
        let found = status(feira, kenitra, NOW);
        assert_eq!(status(kenitra, feira, NOW).level, found.level, "whoever is named first");
        assert!(!found.disputed && !found.may_be_higher);
        found.number()
    };
    assert_eq!(level(&feira, &kenitra), 0);
    feira.agreements.push(protocol("feira", "kenitra"));
    assert_eq!(level(&feira, &kenitra), 1);
    kenitra.agreements.push(protocol("kenitra", "feira"));
    assert_eq!(level(&feira, &kenitra), 2);
    feira.agreements[0].meetings = Some(Meetings { per_year: 1, ..Default::default() });
    assert_eq!(level(&feira, &kenitra), 3);
    feira.agreements[0].commitments =
        vec![commitment("feira", CommitmentKind::Funding), commitment("kenitra", CommitmentKind::Premises)];
    assert_eq!(level(&feira, &kenitra), 4);
    feira.agreements[0].commitments.push(commitment("kenitra", CommitmentKind::Funding));
    assert_eq!(level(&feira, &kenitra), 4, "money of both, but no evaluation");
    feira.agreements[0].commitments.push(commitment("kenitra", CommitmentKind::Evaluation));
    assert_eq!(level(&feira, &kenitra), 5);

    let found = status(&feira, &kenitra, NOW);
    let levels: Vec<(i32, &str)> = found.evidence.iter().map(|one| (one.level, one.city.as_str())).collect();
    assert_eq!(levels, [(6, "feira.example"), (3, "kenitra.example")], "the highest first");
    assert_eq!(
        found.evidence[0].explanation,
        "feira.example states a cooperation protocol with kenitra.example; kenitra.example states it too \
         (cities/kenitra.example/agreements/protocol); they agreed to meet once a year; both commit money, and an evaluation is \
         agreed"
    );
    assert_eq!(found.sides[1].records, ["cities/kenitra.example/agreements/protocol"]);
}

#[test]
fn each_level_holds_all_below_it() {
    let commitments =
        vec![commitment("feira", CommitmentKind::Funding), commitment("kenitra", CommitmentKind::Funding)];
    let confirmations = vec![confirmation(ConfirmationStance::Confirmed, COOPERATION)];
    let found = ladder_of(Agreement { commitments, confirmations, ..protocol("feira", "kenitra") });
    assert_eq!(found.number(), 2);
    assert!(found.evidence[0].explanation.contains("but no yearly meeting is recorded"), "{:?}", found.evidence);
}

#[test]
fn a_confirmation_counts_if_the_other_city_gave_it_itself() {
    use ConfirmationStance::{Confirmed, Disputed, Ended, UnknownHere};
    for (stance, cooperation, level, disputed) in [
        (Confirmed, COOPERATION, 2, false),
        (Confirmed, "", 1, false),
        (UnknownHere, COOPERATION, 1, false),
        (Disputed, COOPERATION, 1, true),
        (Disputed, "", 1, true),
        (Ended, COOPERATION, 1, true),
    ] {
        let confirmations = vec![confirmation(stance, cooperation)];
        let found = ladder_of(Agreement { confirmations, ..protocol("feira", "kenitra") });
        assert_eq!((found.number(), found.disputed), (level, disputed), "{stance:?} {cooperation}");
        assert_eq!(found.sides[1].confirmations.len(), 1, "what Kénitra says of Feira's record is on its side");
        if (stance, cooperation) == (Confirmed, "") {
            let why = &found.evidence[0].explanation;
            assert!(
                why.contains("is feira.example's word: no cooperation is shown by which kenitra.example did"),
                "{why}"
            );
        }
    }
    // What it said itself comes before what was entered later by hand.
    let confirmations = vec![confirmation(Disputed, COOPERATION), confirmation(Confirmed, "")];
    assert!(ladder_of(Agreement { confirmations, ..protocol("feira", "kenitra") }).disputed);
}

#[test]
fn what_is_disputed_falls_to_one_although_the_other_city_states_it_too() {
    let [mut feira, mut kenitra] = two();
    let confirmations = vec![confirmation(ConfirmationStance::Disputed, COOPERATION)];
    feira.agreements.push(Agreement { confirmations, ..protocol("feira", "kenitra") });
    kenitra.agreements.push(protocol("kenitra", "feira"));
    let found = status(&feira, &kenitra, NOW);
    assert_eq!((found.evidence[1].level(), found.disputed), (CooperationLevel::OneSided, true));
    assert_eq!(found.level, CooperationLevel::Confirmed, "Kénitra's own statement of its own half still stands");
}

#[test]
fn both_acceptances_of_its_terms_confirm_an_agreement() {
    let signing = |city: &str| AgreementSigning { city: format!("cities/{city}.example"), ..Default::default() };
    let signed = |signings| {
        let evidence = Some(AgreementEvidence { cooperation: COOPERATION.into(), signings, ..Default::default() });
        ladder_of(Agreement { evidence, ..protocol("feira", "kenitra") }).number()
    };
    assert_eq!(signed(vec![signing("feira")]), 1);
    assert_eq!(signed(vec![signing("feira"), signing("kenitra")]), 2);
}

#[test]
fn what_is_not_in_force_is_history() {
    use AgreementStatus::{Active, Dormant, Expired, InNegotiation, Suspended, Terminated, Unspecified};
    let meetings = Some(Meetings { per_year: 2, ..Default::default() });
    for (status, end, level) in [
        (Active, "", 3),
        (Unspecified, "2026", 3),
        (Dormant, "", 2),
        (Active, "2026-03-15", 1),
        (InNegotiation, "", 1),
        (Suspended, "", 1),
        (Expired, "", 1),
        (Terminated, "", 1),
    ] {
        let found = ladder_of(Agreement {
            status: status.into(),
            period: Some(Period { end_date: end.into(), ..Default::default() }),
            meetings: meetings.clone(),
            confirmations: vec![confirmation(ConfirmationStance::Confirmed, COOPERATION)],
            ..protocol("feira", "kenitra")
        });
        assert_eq!((found.number(), found.disputed), (level, false), "{status:?} {end}");
    }
    let superseded = Agreement { state: RecordState::Superseded.into(), ..protocol("feira", "kenitra") };
    assert_eq!(ladder_of(superseded).number(), 0);
}

#[test]
fn a_mirror_that_ended_disputes_and_one_that_is_of_another_tie_says_nothing() {
    let with = |theirs: Agreement| {
        let [mut feira, mut kenitra] = two();
        let mirrors = vec!["cities/kenitra.example/agreements/mirror".into()];
        feira.agreements.push(Agreement { mirrors, ..protocol("feira", "kenitra") });
        kenitra.agreements.push(theirs);
        let found = status(&feira, &kenitra, NOW);
        let of_feira = found.evidence.iter().find(|one| one.city == "feira.example").unwrap();
        (of_feira.level, found.disputed)
    };
    let mirror = Agreement { name: "cities/kenitra.example/agreements/mirror".into(), ..protocol("kenitra", "feira") };
    let kind = AgreementKind::Twinning.into();
    assert_eq!(with(Agreement { kind, ..mirror.clone() }), (3, false), "linked by name, whatever each calls it");
    assert_eq!(with(Agreement { status: AgreementStatus::Terminated.into(), ..mirror.clone() }), (2, true));
    assert_eq!(with(Agreement { status: AgreementStatus::InNegotiation.into(), ..mirror }), (2, false));
    assert_eq!(with(Agreement { kind, ..protocol("kenitra", "feira") }), (2, false), "a twinning is another tie");
}

#[test]
fn a_meeting_counts_for_twelve_months() {
    for (last, level) in [
        ("2025-03-16", 3),
        ("2025-03-15", 2),
        ("2025-03", 3),
        ("2025", 3),
        ("2024", 2),
        ("2026-03-16", 3),
        ("2026-04", 2),
        ("", 2),
    ] {
        let found = ladder_of(Agreement {
            meetings: Some(Meetings { last_date: last.into(), ..Default::default() }),
            confirmations: vec![confirmation(ConfirmationStance::Confirmed, COOPERATION)],
            ..protocol("feira", "kenitra")
        });
        assert_eq!(found.number(), level, "{last}");
    }
}

#[test]
fn a_city_without_a_node_is_found_by_its_names_and_denies_nothing() {
    let [mut feira, _] = two();
    let kenitra = |names: &[&'static str]| Side {
        city: Described::new("kenitra.example".parse().unwrap()).also_called(names.iter().copied()),
        answered: false,
        agreements: Vec::new(),
        partnerships: Vec::new(),
    };
    let mut agreement = protocol("feira", "kenitra");
    agreement.parties[1] = AgreementParty { display_names: vec![text("القنيطرة")], ..Default::default() };
    feira.agreements.push(agreement);
    let found = status(&feira, &kenitra(&["Kénitra"]), NOW);
    assert_eq!((found.number(), found.may_be_higher), (0, true));
    let found = status(&feira, &kenitra(&["Kénitra", "قنيطرة"]), NOW);
    assert_eq!((found.number(), found.may_be_higher), (1, true));
    assert!(found.evidence[0].explanation.ends_with("which denies nothing"), "{:?}", found.evidence);
    // Named by id it is nobody else.
    feira.agreements[0].parties[1].city = "cities/rabat.example".into();
    assert_eq!(status(&feira, &kenitra(&["قنيطرة"]), NOW).number(), 0);
}

#[test]
fn a_partnership_shows_that_they_know_of_each_other_and_no_more() {
    let [mut feira, mut kenitra] = two();
    let place = Place { names: vec![text("KENITRA")], country: "MA".into(), ..Default::default() };
    feira.partnerships.push(Partnership {
        name: "cities/feira.example/partnerships/cork".into(),
        ends: vec![PartnershipEnd { place: Some(place), ..Default::default() }],
        ..Default::default()
    });
    assert_eq!(status(&feira, &kenitra, NOW).number(), 1);
    kenitra.partnerships.push(Partnership {
        name: "cities/kenitra.example/partnerships/cork".into(),
        participants: vec![Participant {
            organization: "cities/feira.example/organizations/chamber".into(),
            ..Default::default()
        }],
        ..Default::default()
    });
    assert_eq!(status(&feira, &kenitra, NOW).number(), 1, "two partnerships are not one for being between two cities");
    kenitra.partnerships[0].mirrors.push("cities/feira.example/partnerships/cork".into());
    assert_eq!(status(&feira, &kenitra, NOW).number(), 2);
    kenitra.partnerships[0].ending = Some(Ending::default());
    let found = status(&feira, &kenitra, NOW);
    assert_eq!((found.number(), found.disputed), (1, true));
    let confirmations = vec![confirmation(ConfirmationStance::Confirmed, COOPERATION)];
    feira.partnerships[0].confirmations = confirmations;
    kenitra.partnerships.clear();
    assert_eq!(status(&feira, &kenitra, NOW).number(), 2);
}
