use isopolity_proto::{
    descriptor,
    options::Audience,
    registry::{Contribution, Organization, OrganizationKind, Participant, Partnership, PartnershipStage, Side},
    to_dynamic,
    types::{LocalizedText, Period, Place, Point},
};
use proptest::prelude::*;

use super::*;

fn text(text: &str) -> LocalizedText {
    LocalizedText { text: text.into(), language: "pt".into(), ..Default::default() }
}

fn partnership() -> Partnership {
    Partnership {
        name: "cities/feira.pt/partnerships/kenitra".into(),
        update_time: Some(prost_types::Timestamp { seconds: 1_772_000_000, nanos: 500 }), // 2026-02-25T06:13:20Z
        audience: Audience::Public.into(),
        last_verified_date: "2025-06".into(),
        titles: vec![text("Padarias de Santa Maria da Feira e Kénitra"), text("Bakeries (Feira)")],
        origin_countries: vec!["MA".into(), "CV".into()],
        stage: PartnershipStage::Launch.into(),
        participants: vec![
            Participant { side: Side::Origin.into(), profit_share_percent: "12.5".into(), ..Default::default() },
            Participant {
                side: Side::Destination.into(),
                decision_right: "one of \"three\"".into(),
                ..Default::default()
            },
        ],
        planned_period: Some(Period { start_date: "2024-03-01".into(), ..Default::default() }),
        contributions: vec![Contribution { public_money: true, quantity: "90".into(), ..Default::default() }],
        ..Default::default()
    }
}

fn passes(filter: &str) -> bool {
    let checked = parse(filter).and_then(|read| read.checked(&descriptor::<Partnership>(), Audience::Internal));
    checked.unwrap_or_else(|error| panic!("{filter}: {error}")).matches(&to_dynamic(&partnership()))
}

fn error(filter: &str, clearance: Audience) -> FilterError {
    parse(filter).and_then(|read| read.checked(&descriptor::<Partnership>(), clearance)).unwrap_err()
}

#[track_caller]
fn all_pass(filters: &[&str]) {
    for filter in filters {
        assert!(passes(filter), "{filter} should pass");
        assert!(!passes(&format!("NOT ({filter})")), "NOT ({filter}) should not pass");
    }
}

#[track_caller]
fn none_pass(filters: &[&str]) {
    for filter in filters {
        assert!(!passes(filter), "{filter} should not pass");
    }
}

#[test]
fn an_empty_filter_lets_everything_pass() {
    for filter in ["", "  \n"] {
        assert!(parse(filter).unwrap().checked(&descriptor::<Partnership>(), Audience::Public).is_ok());
        assert!(passes(filter));
    }
}

#[test]
fn text_is_exact_with_equals_and_folded_with_has() {
    all_pass(&[
        "name = cities/feira.pt/partnerships/kenitra",
        "name = 'cities/feira.pt/partnerships/kenitra'",
        "name = cities/feira.pt/*",
        "titles.text:kenitra",
        "titles.text:\"SANTA MARIA\"",
        "titles.text:padar*",
        "titles.text = \"Bakeries (Feira)\"",
        "participants.decision_right = \"one of \\\"three\\\"\"",
        "internal_notes = \"\"",
        "name != cities/feira.pt",
        "originCountries:MA",
    ]);
    none_pass(&[
        "titles.text = kenitra",
        "titles.text:kenitr",
        "titles.text:\"Maria Santa\"",
        "titles.text = \"bakeries (feira)\"",
        "name = \"cities/feira.pt/\\*\"",
        "internal_notes:a",
    ]);
}

#[test]
fn a_list_has_what_any_of_its_elements_is() {
    all_pass(&[
        "origin_countries:MA",
        "origin_countries = CV",
        "origin_countries != PT",
        "participants.side = ORIGIN AND participants.side = DESTINATION",
        "participants:*",
        "participants:decision_right",
        "planned_period:start_date",
    ]);
    none_pass(&[
        "origin_countries != MA",
        "origin_countries:PT",
        "mirrors:*",
        "actual_period:*",
        "planned_period:end_date",
    ]);
}

#[test]
fn enums_go_by_short_and_full_names_and_by_their_order() {
    all_pass(&[
        "stage = LAUNCH",
        "stage = PARTNERSHIP_STAGE_LAUNCH",
        "stage = launch",
        "stage > FORMALISED",
        "stage <= LAUNCH",
        "stage:LAUNCH",
        "audience = PUBLIC",
    ]);
    none_pass(&["stage != LAUNCH", "stage > LAUNCH", "stage = OPERATING"]);
}

#[test]
fn partial_dates_are_all_their_days() {
    all_pass(&[
        "last_verified_date = 2025",
        "last_verified_date = 2025-06",
        "last_verified_date >= 2025-06-01",
        "last_verified_date < 2025-07",
        "last_verified_date <= 2025-06-30",
        "last_verified_date > 2025-05-31",
        "planned_period.start_date < 2024-03-02",
        "planned_period.start_date = 2024",
        "planned_period.end_date = \"\"",
    ]);
    none_pass(&[
        "last_verified_date = 2025-06-15",
        "last_verified_date < 2025-06-30",
        "last_verified_date > 2025-06-01",
        "planned_period.end_date < 2030",
        "planned_period.end_date > 1900",
    ]);
}

#[test]
fn times_are_compared_with_moments_and_days() {
    all_pass(&[
        "update_time = 2026-02-25",
        "update_time > 2026-02-24",
        "update_time < 2026-02-25T06:13:21Z",
        "update_time >= 2026-02-25T07:13:20+01:00",
        "update_time <= 2026",
        "update_time:*",
        "create_time != 2026",
    ]);
    none_pass(&["update_time > 2026-02-25", "update_time < 2026", "create_time < 2030", "create_time > 1900"]);
}

#[test]
fn numbers_are_compared_by_size_also_in_texts() {
    all_pass(&[
        "participants.profit_share_percent > 9.75",
        "participants.profit_share_percent <= 12.50",
        "contributions.quantity > 9",
        "contributions.public_money = true",
    ]);
    none_pass(&["contributions.quantity > 100", "contributions.quantity < -1", "contributions.public_money = false"]);
    let organization = Organization {
        seat: Some(Place {
            population: 140_000,
            point: Some(Point { latitude: 38.7, longitude: -9.1 }),
            ..Default::default()
        }),
        kind: OrganizationKind::Chamber.into(),
        ..Default::default()
    };
    for (filter, expected) in [
        ("seat.population > 99999", true),
        ("seat.population = 140000 AND kind = CHAMBER", true),
        ("seat.point.longitude < -9", true),
        ("seat.point.latitude > 40", false),
        ("seat.geonames_id < 5", false),
        ("seat.geonames_id = 0", true),
    ] {
        let checked = parse(filter).unwrap().checked(&descriptor::<Organization>(), Audience::Public).unwrap();
        assert_eq!(checked.matches(&to_dynamic(&organization)), expected, "{filter}");
        assert!(!checked.matches(&to_dynamic(&partnership())), "another kind of message never passes");
    }
}

#[test]
fn or_binds_tighter_than_and() {
    all_pass(&[
        "stage = LAUNCH OR stage = OPERATING origin_countries:MA",
        "stage = SCALING OR stage = LAUNCH AND origin_countries:MA",
        "-stage = SCALING AND NOT origin_countries:PT",
        "NOT (stage = SCALING OR origin_countries:PT)",
        "(((stage = LAUNCH)))",
    ]);
    none_pass(&[
        "stage = LAUNCH OR stage = LAUNCH AND origin_countries:PT",
        "stage = LAUNCH -origin_countries:MA",
        "NOT stage = LAUNCH",
    ]);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (filter, position, part) in [
        ("stage = LUNCH", 9, "\"LUNCH\" is no PartnershipStage; did you mean LAUNCH?"),
        ("staeg = LAUNCH", 1, "Partnership has no field staeg; did you mean stage?"),
        ("titles.txt:a", 8, "LocalizedText has no field txt; did you mean text?"),
        ("stage = LAUNCH AND xyzzy = 1", 20, "there are name, etag"),
        ("stage", 6, "after stage one of = != < <= > >= : is expected"),
        ("stage =", 8, "a value is expected"),
        ("stage = LAUNCH)", 15, "without its \"(\""),
        ("(stage = LAUNCH", 1, "without its \")\""),
        ("stage = LAUNCH AND", 19, "a restriction is expected"),
        ("AND stage = LAUNCH", 1, "AND stands between"),
        ("\"bread\"", 1, "a field is expected before a value"),
        ("name = \"a", 8, "no closing"),
        ("name = a*b", 11, "only understood at the end"),
        ("name = a=b", 9, "needs quotes"),
        ("stage = LAUNCH*", 9, "a * needs a text"),
        ("name = *", 8, "name:*"),
        ("origin_countries.code = MA", 18, "origin_countries has no fields below it"),
        ("titles = a", 1, "has fields of its own"),
        ("titles:txt", 8, "did you mean text?"),
        ("last_verified_date < 2025-02-30", 22, "days that exist"),
        ("update_time > yesterday", 15, "2026-03-15T08:00:00Z"),
        ("update_time:2026", 13, "is compared with"),
        ("contributions.public_money = yes", 30, "true or false"),
    ] {
        let found = error(filter, Audience::Internal);
        assert_eq!(found.position, position, "{filter}: {found}");
        assert!(found.description.contains(part), "{filter}: {found}");
    }
}

#[test]
fn nobody_filters_on_what_they_may_not_see() {
    for (filter, field) in [
        ("internal_notes:secret", "internal_notes"),
        ("participants.profit_share_percent > 10", "profit_share_percent"),
        ("participants:profit_share_percent", "profit_share_percent"),
        ("NOT internal_notes:*", "internal_notes"),
        ("origin_countries:MA AND (name:a OR -etag = a)", "etag"),
    ] {
        for clearance in [Audience::Unspecified, Audience::Public, Audience::Federation] {
            let found = error(filter, clearance).description;
            assert!(clearance == Audience::Unspecified || found.contains(field), "{filter}: {found}");
        }
    }
    assert!(error("lessons.text:a", Audience::Public).description.contains("for the audience federation"));
    assert!(parse("lessons.text:a").unwrap().checked(&descriptor::<Partnership>(), Audience::Federation).is_ok());
    assert_eq!(parse("b.c = 1 (a:x OR NOT a = 2)").unwrap().fields(), ["a", "b.c"]);
}

#[test]
fn limits_are_kept() {
    let within = format!("name = \"{}\"", "ã".repeat(TEXT_MAX - 9));
    assert!(parse(&within).is_ok());
    assert_eq!(parse(&format!("{within} ")).unwrap_err().position, TEXT_MAX + 1);
    let deep = |depth| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(DEPTH_MAX - 1)).is_ok());
    assert!(parse(&deep(DEPTH_MAX)).unwrap_err().description.contains("nested deeper"));
    // Printed with all its parentheses, this is twice as deep.
    let printed = |depth| format!("{}a = 1{}", "(".repeat(depth), " OR a = 1 a = 1)".repeat(depth));
    assert!(parse(&printed(15)).is_ok());
    assert!(parse(&printed(20)).unwrap_err().description.contains("nested deeper"));
    assert!(parse(&"-".repeat(TEXT_MAX)).unwrap_err().description.contains("nested deeper"));
    assert!(parse(&"NOT ".repeat(100)).unwrap_err().description.contains("nested deeper"));
    assert!(parse(&"a = 1 ".repeat(TERMS_MAX)).is_ok());
    assert!(parse(&"a = 1 ".repeat(TERMS_MAX + 1)).unwrap_err().description.contains("at most 100"));
}

/// Found by fuzzing. Nothing reads what is printed, which is for people.
#[test]
fn a_filter_full_of_stars_is_printed_longer_than_what_is_read() {
    let filter = format!("d:\"{}\"", "*x".repeat(TEXT_MAX / 2 - 2));
    let printed = parse(&filter).unwrap().to_string();
    assert!(printed.len() > TEXT_MAX);
    assert!(parse(&printed).unwrap_err().description.contains("at most 2000 characters"));
}

#[test]
fn a_filter_is_printed_in_its_plainest_form() {
    for (filter, printed) in [
        ("a=1   b : 'x y'", "a = 1 AND b:\"x y\""),
        ("-a=1 OR (b=2 c=3)", "NOT a = 1 OR (b = 2 AND c = 3)"),
        ("a = \"x\\*\" b:* c = 'it\\'s' d = \"\"", "a = \"x\\*\" AND b:* AND c = \"it's\" AND d = \"\""),
        ("a:\"x y*\"", "a:\"x y*\""),
        ("", ""),
    ] {
        assert_eq!(parse(filter).unwrap().to_string(), printed, "{filter}");
    }
}

#[test]
fn a_list_is_ordered_by_what_the_store_keeps() {
    let order = Order::parse(" update_time desc ,name").unwrap();
    assert_eq!(order.fields, [(OrderField::UpdateTime, true), (OrderField::Name, false)]);
    assert_eq!(order.to_string(), "update_time desc, name");
    assert_eq!(Order::parse("create_time asc").unwrap().fields, [(OrderField::CreateTime, false)]);
    assert_eq!(Order::parse("  "), Ok(Order::default()));
    for (order, position, part) in [
        ("stage", 1, "lists are not ordered by stage; possible are name, create_time, update_time"),
        ("name, update_tme desc", 7, "did you mean update_time?"),
        ("name desc, name", 12, "name stands twice"),
        ("name down", 1, "only asc or desc"),
        ("name desc desc", 1, "only asc or desc"),
        ("name,", 6, "a field is expected"),
    ] {
        let found = Order::parse(order).unwrap_err();
        assert_eq!(found.position, position, "{order}: {found}");
        assert!(found.description.contains(part), "{order}: {found}");
    }
}

/// Filters of good form over fields of a partnership.
fn filters() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[A-Za-z0-9_./-]{1,8}\\*?",
        r#"["\\*a-zã ()']{0,8}"#.prop_map(|text: String| {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
            format!("\"{escaped}\"")
        }),
    ];
    let sign = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">=", ":"]);
    let field = prop::sample::select(vec!["name", "titles.text", "origin_countries", "participants.decision_right"]);
    let term = (field, sign, value).prop_map(|(field, sign, value)| format!("{field} {sign} {value}"));
    term.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.clone().prop_map(|part| format!("NOT {part}")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} {other})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_at_a_place_in_it(
        text in "\\PC{0,60}|[a-c.:=<>!()\"'*\\\\ -]{0,60}|(\\(|-|NOT |a=1 |OR |AND ){0,60}"
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.position >= 1 && error.position <= text.chars().count() + 1, "{error}");
        }
        drop(Order::parse(&text));
    }

    #[test]
    fn printing_and_reading_again_gives_the_same_filter(text in filters()) {
        // Long ones are refused, which is another test's matter.
        if let Ok(filter) = parse(&text) {
            let printed = filter.to_string();
            if let Ok(again) = parse(&printed) {
                prop_assert_eq!(&again.to_string(), &printed);
                let check = |filter: &Filter| {
                    let checked = filter.checked(&descriptor::<Partnership>(), Audience::Internal);
                    checked
                        .map(|checked| checked.matches(&to_dynamic(&partnership())))
                        .map_err(|error| error.description)
                };
                prop_assert_eq!(check(&again), check(&filter), "{}", printed);
            } else {
                prop_assert!(printed.chars().count() > TEXT_MAX, "{}", printed);
            }
        }
    }
}
