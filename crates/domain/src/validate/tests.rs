use isopolity_proto::{
    error::Reason,
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementParty, Attendance, City, Contribution, ContributionKind, Organization,
        OrganizationKind, Participant, ParticipantRole, Partnership, PartnershipEnd, PartnershipEvent,
        PartnershipEventKind, PartnershipStage, Side,
    },
    to_dynamic,
    types::{
        ContactPoint, Document, Identifier, LocalizedText, Money, Period, Place, Point, Provenance, Sector,
        SectorScheme,
    },
};
use prost_types::Timestamp;

use super::*;

mod kinds;

fn text(text: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.into(), language: "pt".into(), ..Default::default() }]
}

fn participant(organization: &str) -> Participant {
    Participant {
        organization: format!("cities/feira.example/organizations/{organization}"),
        roles: vec![ParticipantRole::LeadEnterprise.into()],
        side: Side::Destination.into(),
        ..Default::default()
    }
}

fn sector(scheme: SectorScheme, version: &str, code: &str) -> Sector {
    Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() }
}

fn partnership() -> Partnership {
    Partnership {
        name: "cities/feira.example/partnerships/cork".into(),
        audience: Audience::Public.into(),
        titles: text("Cortiça"),
        origin_countries: vec!["MA".into()],
        stage: PartnershipStage::Launch.into(),
        participants: vec![participant("a"), participant("b")],
        sectors: vec![sector(SectorScheme::Nace, "2", "16.29")],
        ..Default::default()
    }
}

fn agreement() -> Agreement {
    let party = |city: &str| AgreementParty { display_names: text("Câmara"), city: city.into(), ..Default::default() };
    Agreement {
        name: "cities/feira.example/agreements/kenitra".into(),
        audience: Audience::Public.into(),
        titles: text("Geminação"),
        kind: AgreementKind::Twinning.into(),
        parties: vec![party("cities/feira.example"), party("")],
        ..Default::default()
    }
}

fn organization() -> Organization {
    Organization {
        audience: Audience::Public.into(),
        display_names: text("Corticeira"),
        kind: OrganizationKind::Enterprise.into(),
        country: "PT".into(),
        ..Default::default()
    }
}

fn city() -> City {
    City { audience: Audience::Public.into(), display_names: text("Feira"), ..Default::default() }
}

fn violations<M: prost::Name>(message: &M) -> Vec<Violation> {
    let message = to_dynamic(message);
    let kind = Kind::of_message(message.descriptor().full_name()).unwrap();
    validate(kind, &message).err().map(|violations| violations.0).unwrap_or_default()
}

/// Paths and reasons.
fn wrong<M: prost::Name>(message: &M) -> Vec<(String, Reason)> {
    violations(message).into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

/// One change to a good partnership, and the one thing that is wrong then.
fn refused(change: impl FnOnce(&mut Partnership), field: &str, reason: Reason) {
    let mut partnership = partnership();
    change(&mut partnership);
    assert_eq!(wrong(&partnership), [(field.to_owned(), reason)]);
}

#[test]
fn what_says_all_that_is_required_may_be_kept() {
    assert_eq!(wrong(&partnership()), []);
    assert_eq!(wrong(&agreement()), []);
    assert_eq!(wrong(&organization()), []);
    assert_eq!(wrong(&city()), []);
}

#[test]
fn everything_that_is_required_and_missing_is_named() {
    let fields = |violations: Vec<(String, Reason)>| {
        assert!(violations.iter().filter(|(_, reason)| *reason != Reason::FieldRequired).count() <= 1);
        violations.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
    };
    assert_eq!(fields(wrong(&City::default())), ["audience", "display_names"]);
    assert_eq!(fields(wrong(&Organization::default())), ["audience", "display_names", "kind", "country"]);
    assert_eq!(fields(wrong(&Agreement::default())), ["audience", "titles", "kind", "parties"]);
    assert_eq!(
        fields(wrong(&Partnership::default())),
        ["audience", "titles", "origin_countries", "stage", "sectors", "participants"]
    );
    let nested = Partnership {
        ends: vec![PartnershipEnd::default()],
        participants: vec![participant("a"), Participant::default()],
        contributions: vec![Contribution::default()],
        events: vec![PartnershipEvent::default()],
        ..partnership()
    };
    assert_eq!(
        fields(wrong(&nested)),
        [
            "participants[1].organization",
            "participants[1].roles",
            "contributions[0].kind",
            "events[0].kind",
            "events[0].date",
        ]
    );
}

#[test]
fn codes_are_checked_at_every_depth() {
    let code = Reason::CodeUnknown;
    refused(|one| one.origin_countries = vec!["MA".into(), "TR1".into()], "origin_countries[1]", code);
    refused(|one| one.titles[0].language = "xx".into(), "titles[0].language", code);
    refused(|one| one.sectors[0].code = "10.99".into(), "sectors[0].code", code);
    refused(|one| one.sectors[0].version = "9".into(), "sectors[0].version", code);
    refused(
        |one| {
            let place = Place { names: text("Kénitra"), country: "maroc".into(), ..Default::default() };
            one.ends = vec![PartnershipEnd { side: Side::Origin.into(), place: Some(place) }];
        },
        "ends[0].place.country",
        code,
    );
    let description = &violations(&Organization { country: "TR1".into(), ..organization() })[0].description;
    assert_eq!(description, r#""TR1" is not in iso3166-1; did you mean "TR"?"#);
}

#[test]
fn every_field_with_a_code_list_is_checked() {
    let place = Place {
        names: text("x"),
        country: "?".into(),
        subdivision: "?".into(),
        locode: "?".into(),
        ..Default::default()
    };
    let contact = ContactPoint { function: "office".into(), languages: vec!["?".into()], ..Default::default() };
    let city = City {
        place: Some(place),
        languages: vec!["?".into()],
        diaspora_countries: vec!["?".into()],
        contact_points: vec![contact],
        ..city()
    };
    let mut fields = wrong(&city);
    fields.sort();
    let expected = [
        "contact_points[0].languages[0]",
        "diaspora_countries[0]",
        "languages[0]",
        "place.country",
        "place.locode",
        "place.subdivision",
    ];
    assert_eq!(fields, expected.map(|field| (field.to_owned(), Reason::CodeUnknown)));
}

#[test]
fn a_sector_needs_scheme_version_and_code() {
    let required = Reason::FieldRequired;
    refused(|one| one.sectors[0].scheme = 0, "sectors[0].scheme", required);
    refused(|one| one.sectors[0].version = String::new(), "sectors[0].version", required);
    refused(|one| one.sectors[0].code = String::new(), "sectors[0].code", required);
    refused(|one| one.sectors = vec![sector(SectorScheme::Isic, "4", "C"); 21], "sectors", Reason::FieldInvalid);
}

#[test]
fn texts_have_a_language_and_an_end() {
    refused(|one| one.titles[0].text = " ".into(), "titles[0].text", Reason::FieldRequired);
    refused(|one| one.titles[0].language = String::new(), "titles[0].language", Reason::FieldRequired);
    refused(|one| one.titles[0].text = "ã".repeat(10_001), "titles[0].text", Reason::FieldInvalid);
    refused(|one| one.internal_notes = "ã".repeat(2_001), "internal_notes", Reason::FieldInvalid);
    refused(|one| one.internal_notes = "a\u{0}b".into(), "internal_notes", Reason::FieldInvalid);
    refused(|one| one.lessons = vec![text("x")[0].clone(); 1_001], "lessons", Reason::FieldInvalid);
    refused(|one| one.origin_countries.push(String::new()), "origin_countries[1]", Reason::FieldRequired);
    let long =
        Partnership { titles: text(&"ã".repeat(10_000)), internal_notes: "one\n\ttwo".repeat(100), ..partnership() };
    assert_eq!(wrong(&long), []);
}

#[test]
fn enum_values_that_are_not_known_are_refused() {
    refused(|one| one.stage = 99, "stage", Reason::FieldInvalid);
    refused(|one| one.audience = 7, "audience", Reason::FieldInvalid);
    refused(|one| one.participants[0].roles.push(0), "participants[0].roles[1]", Reason::FieldRequired);
    refused(|one| one.participants[0].roles.push(99), "participants[0].roles[1]", Reason::FieldInvalid);
}

#[test]
fn dates_are_dates_and_periods_do_not_run_backwards() {
    let period = |start: &str, end: &str| Some(Period { start_date: start.into(), end_date: end.into() });
    for good in [period("", ""), period("2013", ""), period("2013-03", "2013"), period("2013", "2013")] {
        assert_eq!(wrong(&Partnership { actual_period: good, ..partnership() }), []);
    }
    let invalid = Reason::FieldInvalid;
    refused(|one| one.actual_period = period("2014", "2013-12-31"), "actual_period.end_date", invalid);
    refused(|one| one.planned_period = period("15.3.2013", ""), "planned_period.start_date", invalid);
    refused(|one| one.last_verified_date = "2013-03".into(), "last_verified_date", invalid);
    let provenance =
        Provenance { retrieve_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }), ..Default::default() };
    refused(|one| one.provenance = Some(provenance), "provenance.retrieve_time", invalid);
    assert_eq!(wrong(&Agreement { sign_date: "1999-02-30".into(), ..agreement() }), [("sign_date".into(), invalid)]);
}

#[test]
fn events_are_in_order_of_time() {
    let event = |date: &str| PartnershipEvent {
        kind: PartnershipEventKind::Training.into(),
        date: date.into(),
        ..Default::default()
    };
    let events = vec![event("2013-03"), event("2013"), event("2013-03-01"), event("2014")];
    assert_eq!(wrong(&Partnership { events, ..partnership() }), []);
    refused(|one| one.events = vec![event("2013-03"), event("2013-02")], "events[1].date", Reason::FieldInvalid);
}

#[test]
fn each_side_of_an_event_is_counted_once() {
    let counted = |attendances: &[(Side, i64)]| PartnershipEvent {
        kind: PartnershipEventKind::Training.into(),
        date: "2013".into(),
        attendances: attendances
            .iter()
            .map(|(side, people)| Attendance { side: (*side).into(), people: *people })
            .collect(),
        ..Default::default()
    };
    let events = vec![counted(&[(Side::Destination, 4), (Side::Origin, 12)])];
    assert_eq!(wrong(&Partnership { events, ..partnership() }), []);
    let twice = vec![counted(&[(Side::Origin, 4), (Side::Origin, 12)])];
    refused(|one| one.events = twice.clone(), "events[0].attendances[1].side", Reason::FieldInvalid);
    let none = vec![counted(&[(Side::Origin, 0)])];
    refused(|one| one.events = none.clone(), "events[0].attendances[0].people", Reason::FieldInvalid);
    let nobodys = vec![counted(&[(Side::Unspecified, 3)])];
    refused(|one| one.events = nobodys.clone(), "events[0].attendances[0].side", Reason::FieldRequired);
}

#[test]
fn money_is_exact_and_public_only_if_it_is_public_money() {
    let gift = |public_money, amount: &str| Contribution {
        kind: ContributionKind::Grant.into(),
        side: Side::Origin.into(),
        public_money,
        public_amount: Some(Money { currency_code: "EUR".into(), amount: amount.into() }),
        ..Default::default()
    };
    assert_eq!(wrong(&Partnership { contributions: vec![gift(true, "12500.50")], ..partnership() }), []);
    let (invalid, required) = (Reason::FieldInvalid, Reason::FieldRequired);
    refused(|one| one.contributions = vec![gift(false, "1")], "contributions[0].public_amount", invalid);
    refused(|one| one.contributions = vec![gift(true, "1e3")], "contributions[0].public_amount.amount", invalid);
    refused(|one| one.contributions = vec![gift(true, "")], "contributions[0].public_amount.amount", required);
    let mut private =
        Contribution { private_amount: gift(true, "1").public_amount, public_amount: None, ..gift(false, "") };
    private.quantity = "ten".into();
    refused(|one| one.contributions = vec![private], "contributions[0].quantity", invalid);
    refused(
        |one| one.participants[0].profit_share_percent = "101".into(),
        "participants[0].profit_share_percent",
        invalid,
    );
}

#[test]
fn places_lie_on_the_earth() {
    let place = |place: Place| City { place: Some(Place { names: text("Feira"), ..place }), ..city() };
    let point = |latitude, longitude| place(Place { point: Some(Point { latitude, longitude }), ..Default::default() });
    assert_eq!(wrong(&point(-90.0, 180.0)), []);
    let invalid = |field: &str| [(field.to_owned(), Reason::FieldInvalid)];
    assert_eq!(wrong(&point(90.1, 0.0)), invalid("place.point.latitude"));
    assert_eq!(wrong(&point(0.0, f64::NAN)), invalid("place.point.longitude"));
    assert_eq!(wrong(&place(Place { population: -1, ..Default::default() })), invalid("place.population"));
    assert_eq!(wrong(&place(Place { wikidata: "193".into(), ..Default::default() })), invalid("place.wikidata"));
    let nameless = City { place: Some(Place::default()), ..city() };
    assert_eq!(wrong(&nameless), [("place.names".to_owned(), Reason::FieldRequired)]);
}

#[test]
fn addresses_and_identifiers_are_checked() {
    let contact = ContactPoint { mailbox: "nobody".into(), ..Default::default() };
    let organization = Organization {
        website: "javascript:alert(1)".into(),
        contact_points: vec![contact],
        identifiers: vec![Identifier::default()],
        ..organization()
    };
    let (invalid, required) = (Reason::FieldInvalid, Reason::FieldRequired);
    assert_eq!(
        wrong(&organization),
        [
            ("identifiers[0].scheme".into(), required),
            ("identifiers[0].value".into(), required),
            ("website".into(), invalid),
            ("contact_points[0].function".into(), required),
            ("contact_points[0].mailbox".into(), invalid),
        ]
    );
    let document = Document { uri: "file:///etc/passwd".into(), ..Default::default() };
    let agreement = Agreement { documents: vec![document], ..agreement() };
    assert_eq!(wrong(&agreement), [("documents[0].uri".into(), invalid)]);
}

#[test]
fn references_are_names_of_the_right_kind() {
    let invalid = Reason::FieldInvalid;
    refused(|one| one.participants[1].organization = "Corticeira".into(), "participants[1].organization", invalid);
    refused(|one| one.agreements = vec!["cities/a.b/partnerships/c".into()], "agreements[0]", invalid);
    refused(|one| one.mirrors = vec!["cities/a.b/agreements/c".into()], "mirrors[0]", invalid);
    refused(|one| one.mirrors = vec!["cities/feira.example/partnerships/c".into()], "mirrors[0]", invalid);
    let mut foreign = agreement();
    foreign.parties[0].city = "cities/geneve.example".into();
    assert_eq!(wrong(&foreign), [("parties".into(), invalid)]);
    foreign.parties[0].city = "Feira".into();
    assert_eq!(wrong(&foreign), [("parties[0].city".into(), invalid), ("parties".into(), invalid)]);
}

#[test]
fn at_most_a_hundred_things_are_told_at_once() {
    assert_eq!(wrong(&Partnership { mirrors: vec!["boat".into(); 500], ..partnership() }).len(), 100);
}

#[test]
fn a_message_of_another_type_is_no_resource_of_this_kind() {
    let violations = validate(Kind::City, &to_dynamic(&partnership())).unwrap_err();
    assert_eq!(violations.0[0].field, "@type");
}

#[test]
fn references_lead_to_organizations_and_agreements() {
    let partnership = Partnership {
        agreements: vec!["boat".into(), "cities/geneve.example/agreements/x".into()],
        mirrors: vec!["cities/geneve.example/partnerships/y".into()],
        ..partnership()
    };
    let found = references(Kind::Partnership, &to_dynamic(&partnership));
    let found: Vec<_> = found.iter().map(|(field, name)| (field.as_str(), name.to_string())).collect();
    assert_eq!(
        found,
        [
            ("participants[0].organization", "cities/feira.example/organizations/a".to_owned()),
            ("participants[1].organization", "cities/feira.example/organizations/b".to_owned()),
            ("agreements[1]", "cities/geneve.example/agreements/x".to_owned()),
        ]
    );
    assert!(references(Kind::City, &to_dynamic(&city())).is_empty());
}

#[test]
fn the_shared_messages_that_have_rules_exist() {
    for name in
        ["LocalizedText", "Money", "Period", "Point", "Place", "Sector", "Identifier", "ContactPoint", "Provenance"]
    {
        let full = format!("isopolity.type.v1.{name}");
        assert!(isopolity_proto::pool().get_message_by_name(&full).is_some(), "{full}");
    }
    assert!(isopolity_proto::descriptor::<LocalizedText>().get_field_by_name("text").is_some());
}
