use isopolity_proto::{
    federation::SectorPrefix,
    types::{Identifier, SectorScheme},
};

use super::*;

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn sector(scheme: impl Into<i32>, version: &str, code: &str) -> Value {
    let sector = Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() };
    Value::Message(isopolity_proto::to_dynamic(&sector))
}

fn prefix(scheme: SectorScheme, version: &str, code: &str) -> SectorPrefix {
    SectorPrefix { scheme: scheme.into(), version: version.into(), code: code.into() }
}

fn is_found(value: &Value, prefix: &SectorPrefix) -> bool {
    let question = Question { sectors: vec![prefix.clone()], ..Default::default() };
    found_by(Facet::Sector, value).contains(&asked(&question)[0].terms[0])
}

#[test]
fn a_sector_is_found_by_each_beginning_of_its_code() {
    let value = sector(SectorScheme::Nace, "2", "10.71");
    let finds = |scheme, version, code| is_found(&value, &prefix(scheme, version, code));
    for code in ["C", "c", "10", "10.7", "107", "10.71", "1071", "1", ""] {
        for scheme in [SectorScheme::Unspecified, SectorScheme::Nace] {
            assert!(finds(scheme, "", code) && finds(scheme, "2", code), "{scheme:?} {code:?}");
        }
        assert!(!finds(SectorScheme::Isic, "", code) && !finds(SectorScheme::Nace, "2.1", code), "{code:?}");
    }
    for code in ["A", "71", "10.72", "10.711"] {
        assert!(!finds(SectorScheme::Nace, "2", code), "{code}");
    }
}

#[test]
fn a_sector_is_counted_with_everything_that_it_belongs_to() {
    let counted_as = |value| counted(Facet::Sector, &value).into_iter().collect::<Vec<_>>();
    assert_eq!(
        counted_as(sector(SectorScheme::Nace, "2", "10.71")),
        ["NACE/2/10", "NACE/2/10.7", "NACE/2/10.71", "NACE/2/C"]
    );
    assert_eq!(counted_as(sector(SectorScheme::Other, "", "bakery")), ["OTHER//bakery"]);
    assert_eq!(counted_as(sector(99, "a/b", "Z.9")), ["99/a-b/Z.9"]);
    assert!(counted_as(sector(SectorScheme::Nace, "2", "")).is_empty());
    let endless = counted_as(sector(SectorScheme::Other, &"ж".repeat(1_000), &"7".repeat(10_000)));
    assert!(endless.len() == 1 && endless[0].len() <= VALUE_BYTES_MAX, "{endless:?}");
}

#[test]
fn a_code_that_no_list_holds_is_found_all_the_same() {
    assert!(is_found(&sector(99, "x", "Z.9"), &prefix(SectorScheme::Unspecified, "x", "z")));
    assert_eq!(found_by(Facet::Sector, &sector(0, "", &"7".repeat(10_000))).len(), 17);
}

#[test]
fn whoever_is_found_by_a_sector_is_counted_under_a_value_that_does_not_exclude_it() {
    let versions = ["", "2", "2.1", "4", "a/b", "very long version of a list"];
    let codes =
        ["C", "c", "10", "107", "10.7", "10.71", "1071", "Z.9", "1", "", "..1", "31120", "311", &"7".repeat(60)];
    let schemes =
        [SectorScheme::Unspecified, SectorScheme::Nace, SectorScheme::Isic, SectorScheme::Dac, SectorScheme::Other];
    let (mut found, mut excluded) = (0, 0);
    for value in schemes
        .iter()
        .flat_map(|scheme| versions.iter().flat_map(|version| codes.iter().map(|code| sector(*scheme, version, code))))
    {
        let values = counted(Facet::Sector, &value);
        let parts: Vec<_> = values.iter().map(|value| SectorParts::of_value(value).unwrap()).collect();
        for asked in schemes.iter().flat_map(|scheme| {
            versions.iter().flat_map(|version| codes.iter().map(|code| prefix(*scheme, version, code)))
        }) {
            let possible = parts.iter().any(|value| SectorParts::of_prefix(&asked).may_find(value));
            if !asked.code.is_empty() && !values.is_empty() && is_found(&value, &asked) {
                assert!(possible, "{asked:?} finds {value:?}, which is counted as {values:?}");
                found += 1;
            }
            excluded += usize::from(!possible);
        }
    }
    assert!(found > 1_000 && excluded > 10_000, "{found} found, {excluded} excluded");
    assert_eq!(SectorParts::of_value("what is that"), None);
}

#[test]
fn a_language_is_found_by_wider_ones_in_any_case() {
    let counted_as = |tag: &str| counted(Facet::Language, &text(tag)).into_iter().collect::<Vec<_>>();
    assert_eq!(counted_as("zh-hant-TW"), ["zh", "zh-Hant", "zh-Hant-TW"]);
    assert_eq!(counted_as("PT"), ["pt"]);
    assert_eq!(counted_as("sr-latn"), ["sr", "sr-Latn"]);
    assert_eq!(counted_as("en-x-ab"), ["en", "en-x", "en-x-ab"], "what follows a single letter is no region");
    let question = Question { languages: vec!["PT-br".into(), "pt-BR".into()], ..Default::default() };
    assert_eq!(asked(&question), [Condition { facet: Facet::Language, terms: vec!["pt-BR".into()] }]);
    assert!(found_by(Facet::Language, &text("pt-BR")).contains("pt"));
    assert!(counted_as("").is_empty());
}

#[test]
fn a_region_is_found_by_what_it_lies_in() {
    let counted_as = |code: &str| counted(Facet::Region, &text(code)).into_iter().collect::<Vec<_>>();
    assert_eq!(counted_as("PT-01"), ["PT-01"]);
    assert_eq!(counted_as("pt11d"), ["PT", "PT1", "PT11", "PT11D"]);
    assert_eq!(counted_as("no code at all"), ["NO CODE AT ALL"]);
    assert!(counted_as(&"é".repeat(500))[0].len() <= VALUE_BYTES_MAX);
}

#[test]
fn a_target_counts_for_its_goal() {
    assert!(counted(Facet::Sdg, &text("8.3")).into_iter().eq(["8", "8.3"]));
    assert!(counted(Facet::Sdg, &text("8")).into_iter().eq(["8"]));
}

#[test]
fn enumerations_have_the_names_that_people_read() {
    for (facet, number, name) in [
        (Facet::Stage, i32::from(PartnershipStage::MarketResearch), "MARKET_RESEARCH"),
        (Facet::Role, ParticipantRole::LeadEnterprise.into(), "LEAD_ENTERPRISE"),
        (Facet::OrganizationKind, OrganizationKind::Chamber.into(), "CHAMBER"),
        (Facet::SizeClass, SizeClass::SmallMidCap.into(), "SMALL_MID_CAP"),
        (Facet::Direction, OpportunityDirection::Seeks.into(), "SEEKS"),
        (Facet::Subject, OpportunitySubject::Supply.into(), "SUPPLY"),
        (Facet::OpenCondition, OpenCondition::M1.into(), "M1"),
        (Facet::Stage, 4_711, "4711"),
    ] {
        assert!(counted(facet, &Value::EnumNumber(number)).into_iter().eq([name]), "{name}");
    }
    assert!(counted(Facet::Stage, &Value::EnumNumber(0)).is_empty());
    assert!(counted(Facet::Country, &Value::EnumNumber(1)).is_empty());
}

#[test]
fn lists_are_taken_value_by_value_and_other_types_give_nothing() {
    let list = Value::List(vec![text("ma"), text("pt"), text("MA"), text("")]);
    assert!(found_by(Facet::OriginCountry, &list).into_iter().eq(["MA", "PT"]));
    let identifier = Value::Message(isopolity_proto::to_dynamic(&Identifier::default()));
    assert!(counted(Facet::Sector, &identifier).is_empty() && counted(Facet::Country, &identifier).is_empty());
    assert!(counted(Facet::Sector, &text("C")).is_empty());
}

#[test]
fn each_list_of_a_question_is_a_condition() {
    let question = Question {
        text: "oil".into(),
        kinds: vec!["partnership".into(), "city".into()],
        origin_countries: vec!["MA".into()],
        sectors: vec![prefix(SectorScheme::Nace, "2", "10.7")],
        stages: vec![PartnershipStage::Launch.into()],
        languages: vec!["pt".into()],
        countries: vec!["PT".into()],
        regions: vec!["PT11".into(), "PT-01".into()],
        roles: vec![ParticipantRole::Enterprise.into()],
        organization_kinds: vec![OrganizationKind::Enterprise.into()],
        size_classes: vec![SizeClass::Micro.into()],
        sdgs: vec!["8".into()],
        directions: vec![OpportunityDirection::Offers.into()],
        subjects: vec![OpportunitySubject::Technology.into()],
        ..Default::default()
    };
    let conditions: Vec<_> =
        asked(&question).into_iter().map(|condition| (condition.facet, condition.terms.join(" "))).collect();
    assert_eq!(
        conditions,
        [
            (Facet::Kind, "city partnership"),
            (Facet::OriginCountry, "MA"),
            (Facet::Sector, "2/107/2"),
            (Facet::Stage, "LAUNCH"),
            (Facet::Language, "pt"),
            (Facet::Country, "PT"),
            (Facet::Region, "PT-01 PT11"),
            (Facet::Role, "ENTERPRISE"),
            (Facet::OrganizationKind, "ENTERPRISE"),
            (Facet::SizeClass, "MICRO"),
            (Facet::Sdg, "8"),
            (Facet::Direction, "OFFERS"),
            (Facet::Subject, "TECHNOLOGY"),
        ]
        .map(|(facet, terms)| (facet, terms.to_owned()))
    );
    assert!(asked(&Question::default()).is_empty());
}

#[test]
fn all_facets_are_known_by_their_numbers() {
    let known = (1..=1_000).filter_map(|number| Facet::try_from(number).ok());
    assert!(known.eq(ALL));
}

#[test]
fn counts_come_greatest_first_and_say_how_many_are_left_off() {
    let given = [("b", 2), ("a", 2), ("none", 0), ("c", 5)].map(|(value, count)| (value.to_owned(), count));
    let counts = counts(Facet::Region, given, 2);
    let values: Vec<_> = counts.values.iter().map(|one| (one.value.as_str(), one.count)).collect();
    assert_eq!((values, counts.values_left_off, counts.facet()), (vec![("c", 5), ("a", 2)], 1, Facet::Region));
}
