use isopolity_proto::{
    catalog::{FacetRequest, NamedCities, PartialResponse, partial_response::Accept},
    federation::{DateRange, Near},
    options::Facet,
    types::Point,
};

use super::*;

fn fields(question: &Question) -> Vec<String> {
    check_question(question, "question").unwrap_err().0.into_iter().map(|violation| violation.field).collect()
}

fn near(latitude: f64, longitude: f64, kilometres: f64) -> Near {
    Near { point: Some(Point { latitude, longitude }), kilometres }
}

#[test]
fn an_empty_question_asks_for_everything() {
    assert_eq!(check_question(&Question::default(), "question"), Ok(SearchOrder::UpdateTime));
}

#[test]
fn text_is_ordered_by_relevance_unless_the_question_says_otherwise() {
    let ask = |text: &str, order: SearchOrder| {
        let question = Question { text: text.into(), order: order.into(), ..Default::default() };
        check_question(&question, "question").unwrap()
    };
    assert_eq!(ask("olive oil", SearchOrder::Unspecified), SearchOrder::Relevance);
    assert_eq!(ask(" -- ", SearchOrder::Unspecified), SearchOrder::UpdateTime);
    assert_eq!(ask("olive oil", SearchOrder::UpdateTime), SearchOrder::UpdateTime);
    assert_eq!(ask("", SearchOrder::Relevance), SearchOrder::Relevance);
}

#[test]
fn a_question_that_uses_everything_well_is_good() {
    let sector = SectorPrefix { scheme: SectorScheme::Nace.into(), version: "2".into(), code: "10.7".into() };
    let question = Question {
        text: "ã".repeat(TEXT_MAX),
        kinds: Kind::ALL.map(|kind| kind.to_string()).into(),
        origin_countries: vec!["MA".into()],
        sectors: vec![sector, SectorPrefix { code: "C".into(), ..Default::default() }],
        stages: vec![PartnershipStage::Launch.into()],
        languages: vec!["pt".into(), "sr-Latn".into()],
        order: SearchOrder::Title.into(),
        countries: vec!["PT".into(), "XK".into()],
        regions: vec!["PT-01".into(), "PT11D".into(), "PT".into(), "GB-ENG".into()],
        roles: vec![ParticipantRole::Enterprise.into()],
        organization_kinds: vec![OrganizationKind::Chamber.into()],
        size_classes: vec![SizeClass::Micro.into()],
        sdgs: vec!["8".into(), "8.3".into()],
        directions: vec![OpportunityDirection::Seeks.into()],
        subjects: vec![OpportunitySubject::Supply.into()],
        dates: Some(DateRange { start_date: "2024-02-29".into(), end_date: "2024-02-29".into() }),
        near: Some(near(-90.0, 180.0, KILOMETRES_MAX)),
        open_conditions: OpenConditions::None.into(),
    };
    assert_eq!(check_watch(&question, "question"), Ok(()));
    assert_eq!(check_question(&question, "question"), Ok(SearchOrder::Title));
}

#[test]
fn everything_that_is_wrong_is_named() {
    let sector =
        |scheme, version: &str, code: &str| SectorPrefix { scheme, version: version.into(), code: code.into() };
    let question = Question {
        text: "a".repeat(TEXT_MAX + 1),
        kinds: vec!["city".into(), "boat".into()],
        origin_countries: vec!["TR1".into()],
        sectors: vec![
            sector(0, "", ""),
            sector(0, "", "10.71000000"),
            sector(0, "10.71000000", "C"),
            sector(8, "", "C"),
        ],
        stages: vec![0, 99],
        languages: vec!["p t".into()],
        order: 7,
        countries: vec!["PT".into(), "UK".into()],
        regions: vec![
            "pt11".into(),
            "PT-".into(),
            "P".into(),
            "PT1234".into(),
            "PT-0123".into(),
            "1T".into(),
            "é1".into(),
        ],
        roles: vec![0],
        organization_kinds: vec![-1],
        size_classes: vec![99],
        sdgs: vec!["18".into(), "8.99".into()],
        directions: vec![9],
        subjects: vec![0],
        dates: Some(DateRange { start_date: "2023-02-29".into(), end_date: "today".into() }),
        near: Some(Near { point: None, kilometres: f64::NAN }),
        open_conditions: 9,
    };
    assert_eq!(
        fields(&question),
        [
            "question.text",
            "question.kinds[1]",
            "question.origin_countries[0]",
            "question.sectors[0].code",
            "question.sectors[1].code",
            "question.sectors[2].version",
            "question.sectors[3].scheme",
            "question.stages[0]",
            "question.stages[1]",
            "question.languages[0]",
            "question.countries[1]",
            "question.regions[0]",
            "question.regions[1]",
            "question.regions[2]",
            "question.regions[3]",
            "question.regions[4]",
            "question.regions[5]",
            "question.regions[6]",
            "question.roles[0]",
            "question.organization_kinds[0]",
            "question.size_classes[0]",
            "question.sdgs[0]",
            "question.sdgs[1]",
            "question.directions[0]",
            "question.subjects[0]",
            "question.dates.start_date",
            "question.dates.end_date",
            "question.near.point",
            "question.near.kilometres",
            "question.open_conditions",
            "question.order",
        ]
    );
}

#[test]
fn a_list_has_at_most_fifty_values() {
    let question = |length| Question { languages: vec!["pt".into(); length], ..Default::default() };
    assert!(check_question(&question(50), "question").is_ok());
    assert_eq!(fields(&question(51)), ["question.languages"]);
}

#[test]
fn all_lists_together_have_at_most_two_hundred_values() {
    let question = |countries| Question {
        kinds: Kind::ALL.map(|kind| kind.to_string()).into(),
        origin_countries: vec!["MA".into(); 50],
        languages: vec!["pt".into(); 50],
        stages: vec![PartnershipStage::Launch.into(); 50],
        sdgs: vec!["8".into(); 40],
        countries: vec!["PT".into(); countries],
        ..Default::default()
    };
    assert!(check_question(&question(10), "question").is_ok(), "kinds do not count");
    let violations = check_watch(&question(11), "question").unwrap_err().0;
    assert_eq!((violations.len(), violations[0].field.as_str()), (1, "question"));
    assert!(violations[0].description.contains("201 values") && violations[0].description.contains("at most 200"));
}

#[test]
fn a_period_does_not_run_backwards() {
    let fields_of = |start: &str, end: &str| {
        let dates = Some(DateRange { start_date: start.into(), end_date: end.into() });
        check_question(&Question { dates, ..Default::default() }, "q")
            .map_err(|violations| violations.0[0].field.clone())
    };
    assert!(fields_of("", "").is_ok() && fields_of("2024-01-01", "").is_ok() && fields_of("", "2024-12-31").is_ok());
    assert_eq!(fields_of("2024-01-02", "2024-01-01"), Err("q.dates.end_date".to_owned()));
    assert_eq!(fields_of("2024-01", ""), Err("q.dates.start_date".to_owned()));
}

#[test]
fn a_circle_lies_on_the_earth() {
    let field_of = |circle| {
        let violations = check_question(&Question { near: Some(circle), ..Default::default() }, "q").err()?;
        Some(violations.0[0].field.clone())
    };
    assert_eq!(field_of(near(34.26, -6.58, 0.5)), None);
    for (circle, field) in [
        (near(90.5, 0.0, 1.0), "q.near.point.latitude"),
        (near(f64::NAN, 0.0, 1.0), "q.near.point.latitude"),
        (near(0.0, f64::INFINITY, 1.0), "q.near.point.longitude"),
        (near(0.0, 0.0, 0.0), "q.near.kilometres"),
        (near(0.0, 0.0, -1.0), "q.near.kilometres"),
        (near(0.0, 0.0, 20_041.0), "q.near.kilometres"),
    ] {
        assert_eq!(field_of(circle).as_deref(), Some(field));
    }
}

#[test]
fn facets_are_known_few_and_each_comes_once() {
    let request = |facet, limit| FacetRequest { facet, limit };
    let good = [request(Facet::City.into(), 0), request(Facet::Sector.into(), 1_000)];
    assert_eq!(check_facets(&good, "facets"), Ok(vec![(Facet::City, 20), (Facet::Sector, 1_000)]));
    assert_eq!(check_facets(&[], "facets"), Ok(Vec::new()));
    let fields = |requests: &[FacetRequest]| {
        let violations = check_facets(requests, "facets").unwrap_err().0;
        violations.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    assert_eq!(
        fields(&[request(2, 1_001), request(2, 5), request(0, -1), request(99, 1)]),
        ["facets[1].facet", "facets[2].facet", "facets[3].facet", "facets[0].limit", "facets[2].limit"]
    );
    let many: Vec<_> = (1..=11).map(|facet| request(facet, 1)).collect();
    assert_eq!(fields(&many), ["facets"]);
    assert_eq!(check_query_facets(&[13, 14], "facets"), Ok(vec![Facet::Kind, Facet::City]));
    let violations = check_query_facets(&[13, 13, 77], "facets").unwrap_err().0;
    assert_eq!(violations.into_iter().map(|one| one.field).collect::<Vec<_>>(), ["facets[1]", "facets[2]"]);
}

#[test]
fn a_page_size_out_of_range_is_refused_with_its_limits() {
    for (value, size) in [(0, Some(25)), (1, Some(1)), (100, Some(100)), (101, None), (-1, None), (i32::MIN, None)] {
        let checked = check_page_size(value, "page_size", 25, 100);
        assert_eq!(checked.as_ref().ok().copied(), size);
        if let Err(violation) = checked {
            assert_eq!(violation.reason, Reason::PageSizeOutOfRange);
            assert_eq!(violation.description, format!("{value} is not within 1 to 100, nor 0 for 25"));
        }
    }
}

#[test]
fn what_is_enough_must_be_possible() {
    let named =
        |cities: &[&str]| Accept::Named(NamedCities { cities: cities.iter().map(|&city| city.into()).collect() });
    for (accept, field) in [
        (None, None),
        (Some(Accept::AtLeast(1)), None),
        (Some(Accept::AtLeast(0)), Some("p.at_least")),
        (Some(named(&["a.b"])), None),
        (Some(named(&[])), Some("p.named.cities")),
        (Some(named(&["a.b", "boat"])), Some("p.named.cities[1]")),
    ] {
        let partial_response = PartialResponse { accept };
        let violations = check_partial_response(Some(&partial_response), "p").err();
        assert_eq!(violations.map(|violations| violations.0[0].field.clone()).as_deref(), field);
    }
    assert!(check_partial_response(None, "p").is_ok());
}
