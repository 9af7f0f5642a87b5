use isopolity_domain::record;
use isopolity_proto::{
    federation::{DateRange, Near, OpenConditions, Question, SectorPrefix},
    options::Audience,
    registry::{
        Condition, Opportunity, OpportunityDirection, OpportunitySubject, Organization, OrganizationKind, Partnership,
        PartnershipEnd, PartnershipStage, SizeClass,
    },
    types::{Period, Place, Point, SectorScheme},
};

use super::support::{Desk, sector, texts, titled};

/// Three partnerships that differ in everything, and an organisation.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let bakery = Partnership {
        titles: texts("bakery", "pt-BR"),
        origin_countries: vec!["MA".into(), "SN".into()],
        sectors: vec![sector(SectorScheme::Nace, "2", "10.71")],
        stage: PartnershipStage::Launch.into(),
        ..Partnership::default()
    };
    let cork = Partnership {
        titles: texts("cork", "fr"),
        origin_countries: vec!["CV".into()],
        sectors: vec![sector(SectorScheme::Isic, "4", "1629"), sector(SectorScheme::Nace, "2.1", "A")],
        stage: PartnershipStage::Operating.into(),
        ..Partnership::default()
    };
    let tour = Partnership {
        titles: texts("tour", "pt"),
        origin_countries: vec!["MA".into()],
        stage: PartnershipStage::Operating.into(),
        ..Partnership::default()
    };
    desk.publish(&[
        ("partnerships/bakery", Audience::Public, bakery),
        ("partnerships/cork", Audience::Public, cork),
        ("partnerships/tour", Audience::Public, tour),
        ("organizations/chamber", Audience::Public, titled("chamber")),
    ]);
    desk
}

fn countries(codes: &[&str]) -> Question {
    Question { origin_countries: codes.iter().map(ToString::to_string).collect(), ..Question::default() }
}

fn languages(tags: &[&str]) -> Question {
    Question { languages: tags.iter().map(ToString::to_string).collect(), ..Question::default() }
}

fn in_sector(scheme: SectorScheme, version: &str, code: &str) -> Question {
    let prefix = SectorPrefix { scheme: scheme.into(), version: version.to_owned(), code: code.to_owned() };
    Question { sectors: vec![prefix], ..Question::default() }
}

#[test]
fn a_question_without_conditions_finds_everything() {
    assert_eq!(desk().ids(&Question::default()), ["chamber", "bakery", "cork", "tour"]);
}

#[test]
fn kinds_narrow_a_search() {
    let desk = desk();
    let of =
        |kinds: &[&str]| Question { kinds: kinds.iter().map(ToString::to_string).collect(), ..Question::default() };
    assert_eq!(desk.ids(&of(&["organization"])), ["chamber"]);
    assert_eq!(desk.ids(&of(&["organization", "partnership", "partnership"])).len(), 4);
    assert!(desk.ids(&of(&["city"])).is_empty());
}

#[test]
fn countries_of_origin_narrow_a_search_in_upper_and_lower_case() {
    let desk = desk();
    assert_eq!(desk.ids(&countries(&["MA"])), ["bakery", "tour"]);
    assert_eq!(desk.ids(&countries(&["sn", "CV"])), ["bakery", "cork"]);
    assert!(desk.ids(&countries(&["TR"])).is_empty());
}

#[test]
fn a_sector_is_found_by_its_section_and_by_each_beginning_of_its_code() {
    let desk = desk();
    for code in ["C", "10", "10.7", "107", "10.71"] {
        let any = desk.ids(&in_sector(SectorScheme::Unspecified, "", code));
        assert!(any.contains(&"bakery".to_owned()), "{code}");
        assert_eq!(desk.ids(&in_sector(SectorScheme::Nace, "2", code)), ["bakery"], "{code}");
        assert!(desk.ids(&in_sector(SectorScheme::Nace, "2.1", code)).is_empty(), "{code}");
    }
    assert_eq!(desk.ids(&in_sector(SectorScheme::Unspecified, "", "C")), ["bakery", "cork"]);
    assert_eq!(desk.ids(&in_sector(SectorScheme::Unspecified, "", "16.2")), ["cork"]);
    assert_eq!(desk.ids(&in_sector(SectorScheme::Nace, "", "A")), ["cork"]);
    assert!(desk.ids(&in_sector(SectorScheme::Isic, "", "A")).is_empty());
}

#[test]
fn stages_narrow_a_search() {
    let desk = desk();
    let at = |stages: &[PartnershipStage]| Question {
        stages: stages.iter().map(|stage| i32::from(*stage)).collect(),
        ..Question::default()
    };
    assert_eq!(desk.partner_ids(&at(&[PartnershipStage::Operating])), ["cork", "tour"]);
    assert_eq!(desk.partner_ids(&at(&[PartnershipStage::Launch, PartnershipStage::Scaling])), ["bakery"]);
    assert!(desk.partner_ids(&at(&[PartnershipStage::Opportunity])).is_empty());
    // Everyone may know where a partnership stands, not its exact stage; nor can they learn it by asking.
    assert!(desk.ids(&at(&[PartnershipStage::Operating])).is_empty());
}

#[test]
fn a_language_finds_its_varieties_and_a_variety_only_itself() {
    let desk = desk();
    assert_eq!(desk.ids(&languages(&["pt"])), ["bakery", "tour"]);
    assert_eq!(desk.ids(&languages(&["PT-br"])), ["bakery"]);
    assert_eq!(desk.ids(&languages(&["fr", "en"])), ["chamber", "cork"]);
}

#[test]
fn all_that_is_given_must_hold() {
    let desk = desk();
    let both = Question { languages: vec!["pt".into()], text: "bakery".into(), ..countries(&["MA"]) };
    assert_eq!(desk.ids(&both), ["bakery"]);
    assert!(desk.ids(&Question { text: "cork".into(), ..both.clone() }).is_empty());
    assert!(desk.ids(&Question { kinds: vec!["organization".into()], ..both.clone() }).is_empty());
    assert!(desk.ids(&Question { stages: vec![PartnershipStage::Operating.into()], ..both }).is_empty());
}

#[test]
fn a_hit_carries_the_record_as_it_was_signed() {
    let desk = desk();
    let found = desk.search(&countries(&["CV"]));
    let record = record::read(&found.hits[0].envelope).unwrap();
    assert_eq!(record.name, "cities/feira.example/partnerships/cork");
    assert_eq!((found.hits[0].name.as_str(), record.audience()), (record.name.as_str(), Audience::Public));
}

fn ranged(start: &str, end: &str) -> Question {
    Question { dates: Some(DateRange { start_date: start.into(), end_date: end.into() }), ..Question::default() }
}

#[test]
fn days_find_what_overlaps_them() {
    let mut desk = Desk::new();
    let lasting = |start: &str, end: &str| Partnership {
        actual_period: Some(Period { start_date: start.into(), end_date: end.into() }),
        ..Partnership::default()
    };
    desk.publish_open("partnerships/ended", lasting("2010", "2012-06"));
    desk.publish_open("partnerships/going", lasting("2013-03-15", ""));
    desk.publish_open("partnerships/always", lasting("", "2013"));
    desk.publish_open("partnerships/undated", Partnership::default());
    let found = |start, end| {
        let mut ids = desk.ids(&ranged(start, end));
        ids.sort_unstable();
        ids
    };
    assert_eq!(found("2012-06-30", "2012-06-30"), ["always", "ended"]);
    assert_eq!(found("2012-07-01", "2013-03-14"), ["always"]);
    assert_eq!(found("2013-03-15", ""), ["always", "going"]);
    assert_eq!(found("2014-01-01", "2100-12-31"), ["going"]);
    assert_eq!(found("", "2009-12-31"), ["always"]);
    assert_eq!(found("", ""), ["always", "ended", "going"], "what has a time at all");
}

#[test]
fn a_circle_finds_what_has_a_point_in_it() {
    let mut desk = Desk::new();
    let at = |points: &[(f64, f64)]| Partnership {
        ends: points
            .iter()
            .map(|(latitude, longitude)| PartnershipEnd {
                place: Some(Place {
                    point: Some(Point { latitude: *latitude, longitude: *longitude }),
                    ..Place::default()
                }),
                ..PartnershipEnd::default()
            })
            .collect(),
        ..Partnership::default()
    };
    let near = |latitude, longitude, kilometres| Question {
        near: Some(Near { point: Some(Point { latitude, longitude }), kilometres }),
        ..Question::default()
    };
    desk.publish_open("partnerships/placeless", titled("bakery"));
    assert!(desk.ids(&near(0.0, 0.0, 20_040.0)).is_empty(), "nothing there has a point");
    desk.publish_open("partnerships/both", at(&[(40.93, -8.54), (34.26, -6.58)]));
    desk.publish_open("partnerships/north", at(&[(59.33, 18.07)]));
    assert_eq!(desk.ids(&near(34.0, -6.8, 50.0)), ["both"]);
    assert_eq!(desk.ids(&near(41.0, -8.6, 50.0)), ["both"]);
    assert!(desk.ids(&near(37.0, -7.5, 50.0)).is_empty(), "between its points it is not");
    assert_eq!(desk.ids(&near(50.0, 5.0, 2_500.0)), ["both", "north"]);
}

#[test]
fn open_conditions_are_a_matter_of_partnerships_and_of_who_asks() {
    let mut desk = Desk::new();
    let open = Partnership { open_conditions: vec![Condition::M1.into()], ..Partnership::default() };
    desk.publish_open("partnerships/open", open);
    desk.publish_open("partnerships/closed", Partnership::default());
    desk.publish_open("organizations/chamber", titled("chamber"));
    let of = |open: OpenConditions| Question { open_conditions: open.into(), ..Question::default() };
    assert_eq!(desk.partner_ids(&of(OpenConditions::Some)), ["open"]);
    assert_eq!(desk.partner_ids(&of(OpenConditions::None)), ["closed"]);
    assert_eq!(desk.partner_ids(&of(OpenConditions::Unspecified)).len(), 3);
    // Everyone may know the partnership, not its conditions.
    assert!(desk.ids(&of(OpenConditions::Some)).is_empty());
}

#[test]
fn opportunities_and_organisations_are_found_by_what_they_are() {
    let mut desk = Desk::new();
    let opportunity = Opportunity {
        direction: OpportunityDirection::Seeks.into(),
        subjects: vec![OpportunitySubject::try_from(1).unwrap().into()],
        ..Opportunity::default()
    };
    let organization = Organization {
        kind: OrganizationKind::try_from(2).unwrap().into(),
        size_class: SizeClass::try_from(1).unwrap().into(),
        ..Organization::default()
    };
    desk.publish_message("opportunities/seeks", &opportunity);
    desk.publish_message("organizations/firm", &organization);
    let none = Question::default();
    let federation = |question: Question| desk.partner_ids(&question);
    assert_eq!(
        federation(Question { directions: vec![OpportunityDirection::Seeks.into()], ..none.clone() }),
        ["seeks"]
    );
    assert!(federation(Question { directions: vec![OpportunityDirection::Offers.into()], ..none.clone() }).is_empty());
    assert_eq!(federation(Question { subjects: vec![1, 2], ..none.clone() }), ["seeks"]);
    assert_eq!(federation(Question { organization_kinds: vec![2], ..none.clone() }), ["firm"]);
    assert_eq!(federation(Question { size_classes: vec![1], ..none.clone() }), ["firm"]);
    assert!(federation(Question { size_classes: vec![1], subjects: vec![1], ..none }).is_empty());
}
