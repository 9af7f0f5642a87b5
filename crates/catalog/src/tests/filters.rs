use isopolity_domain::record;
use isopolity_proto::{
    federation::{Question, SectorPrefix},
    options::Audience,
    registry::{Partnership, PartnershipStage},
    types::SectorScheme,
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
