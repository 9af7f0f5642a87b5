mod hostile;
mod model;

use isopolity_proto::{
    federation::{Digest, FacetCounts, SectorPrefix},
    registry::PartnershipStage,
    types::SectorScheme,
};

use super::*;
use crate::query;

fn city() -> CityId {
    "kenitra.example".parse().unwrap()
}

fn counts(facet: Facet, values: &[(&str, i64)]) -> FacetCounts {
    facet::counts(facet, values.iter().map(|(value, count)| ((*value).to_owned(), *count)), VALUES_MAX)
}

/// A city with three partnerships and an organisation.
fn digest() -> Digest {
    let words = [("oil", true), ("mill", true), ("olive", false), ("kenitra", false), ("神", false), ("戸", false)];
    Digest {
        city: city().to_string(),
        epoch: "e1".into(),
        sequence: 40,
        create_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        audience: Audience::Federation.into(),
        analyser: ANALYSER.into(),
        statistics: Some(Statistics { records: 4, title_words: 6, body_words: 9, words: Vec::new() }),
        facets: vec![
            counts(Facet::Kind, &[("partnership", 3), ("organization", 1)]),
            counts(Facet::OriginCountry, &[("MA", 3)]),
            counts(Facet::Stage, &[("LAUNCH", 2), ("OPERATING", 1)]),
            counts(Facet::Sector, &[("NACE/2/C", 2), ("NACE/2/10", 2), ("NACE/2/10.4", 2), ("NACE/2/10.41", 2)]),
            counts(Facet::OpenCondition, &[("M1", 1)]),
        ],
        words: Some(word_filter(words, [9; SALT_BYTES])),
        pairs: false,
    }
}

fn checked(digest: Digest) -> CheckedDigest {
    CheckedDigest::check(digest, &city()).unwrap()
}

fn of_text(text: &str) -> Option<String> {
    checked(digest()).rules_out(&Question { text: text.into(), ..Default::default() }, &query::parse(text))
}

fn of_question(question: &Question) -> Option<String> {
    checked(digest()).rules_out(question, &TextQuery::default())
}

#[test]
fn a_word_that_does_not_occur_rules_out() {
    assert_eq!(of_text("olive oil"), None);
    assert_eq!(of_text("olive Feira").as_deref(), Some("no record there holds \"feira\""));
    assert_eq!(of_text("\"olive feira\"").as_deref(), Some("no record there holds \"feira\""));
    assert_eq!(of_text("神戸 \"olive oil\""), None);
    assert_eq!(of_text("title:oil -title:mill"), None);
    assert_eq!(of_text("title:olive").as_deref(), Some("no record there holds \"olive\" in its title"));
}

#[test]
fn a_phrase_of_which_two_words_stand_nowhere_beside_each_other_rules_out_where_pairs_are_known() {
    let words = [("olive", true), ("oil", true), ("mill", false), ("olive oil", true), ("oil mill", false)];
    let with = Digest { words: Some(word_filter(words, [9; SALT_BYTES])), pairs: true, ..digest() };
    let without = Digest { pairs: false, ..with.clone() };
    let asked =
        |digest: &Digest, text: &str| checked(digest.clone()).rules_out(&Question::default(), &query::parse(text));
    for text in ["\"olive oil mill\"", "title:\"olive oil\"", "mill olive", "-\"mill olive\"", "\"oil mill\" olive"] {
        assert_eq!(asked(&with, text), None, "{text}");
    }
    let beside = |pair: &str| Some(format!("no record there holds \"{pair}\", one word beside the other"));
    assert_eq!(asked(&with, "\"mill olive\""), beside("mill olive"));
    assert_eq!(asked(&with, "\"olive oil olive\""), beside("oil olive"));
    let in_title = asked(&with, "title:\"oil olive\"");
    assert_eq!(
        in_title.as_deref(),
        Some("no record there holds \"oil olive\", one word beside the other, in its title")
    );
    assert_eq!(asked(&without, "\"mill olive\""), None, "an older city enters no pairs");
}

#[test]
fn beginnings_and_exclusions_rule_nothing_out() {
    for text in ["fei*", "-feira", "-\"feira oil\"", "oil -feira fei*", ""] {
        assert_eq!(of_text(text), None, "{text}");
    }
}

#[test]
fn a_value_that_no_record_has_rules_out() {
    let sector = |scheme: SectorScheme, version: &str, code: &str| SectorPrefix {
        scheme: scheme.into(),
        version: version.into(),
        code: code.into(),
    };
    let any = Question::default;
    for (question, reason) in [
        (Question { kinds: vec!["partnership".into()], ..any() }, None),
        (Question { kinds: vec!["city".into(), "stage_event".into()], ..any() }, Some("no city or stage event there")),
        (Question { kinds: vec!["city".into(), "partnership".into()], ..any() }, None),
        (Question { origin_countries: vec!["MA".into(), "PT".into()], ..any() }, None),
        (
            Question { origin_countries: ["PT", "FR", "LU", "CH", "BE"].map(String::from).into(), ..any() },
            Some("no record there has the country of origin BE, CH, FR or 2 more"),
        ),
        (Question { stages: vec![PartnershipStage::Launch.into()], ..any() }, None),
        (
            Question { stages: vec![PartnershipStage::Scaling.into()], ..any() },
            Some("no record there has the stage SCALING"),
        ),
        (Question { sectors: vec![sector(SectorScheme::Nace, "2", "104")], ..any() }, None),
        (Question { sectors: vec![sector(SectorScheme::Unspecified, "", "1")], ..any() }, None),
        (
            Question {
                sectors: vec![sector(SectorScheme::Nace, "2", "10.7"), sector(SectorScheme::Isic, "", "C")],
                ..any()
            },
            Some("no record there has the sector NACE 2 107 or ISIC C"),
        ),
        // The digest says nothing about languages.
        (Question { languages: vec!["pt".into()], ..any() }, None),
        (any(), None),
    ] {
        assert_eq!(of_question(&question).as_deref(), reason, "{question:?}");
    }
}

#[test]
fn open_conditions_rule_out_where_no_partnership_has_any() {
    let asked = |value: OpenConditions| Question { open_conditions: value.into(), ..Default::default() };
    assert_eq!(of_question(&asked(OpenConditions::Some)), None);
    assert_eq!(of_question(&asked(OpenConditions::None)), None);
    let mut none_open = digest();
    none_open.facets.last_mut().unwrap().values.clear();
    let none_open = checked(none_open);
    let text = TextQuery::default();
    assert_eq!(
        none_open.rules_out(&asked(OpenConditions::Some), &text).as_deref(),
        Some("no partnership there has an open condition")
    );
    assert_eq!(none_open.rules_out(&asked(OpenConditions::None), &text), None);
    let mut no_partnership = digest();
    no_partnership.facets[0] = counts(Facet::Kind, &[("organization", 4)]);
    let reason = checked(no_partnership).rules_out(&asked(OpenConditions::None), &text);
    assert_eq!(reason.as_deref(), Some("no partnership there"));
    let unknown = checked(Digest { facets: vec![counts(Facet::Kind, &[("partnership", 4)])], ..digest() });
    assert_eq!(unknown.rules_out(&asked(OpenConditions::Some), &text), None, "the facet is missing");
}

#[test]
fn a_city_without_records_is_never_worth_asking() {
    let empty = Digest {
        statistics: Some(Statistics::default()),
        facets: Vec::new(),
        words: Some(word_filter(std::iter::empty::<(&str, bool)>(), [0; SALT_BYTES])),
        ..digest()
    };
    let reason = checked(empty).rules_out(&Question::default(), &TextQuery::default());
    assert_eq!(reason.as_deref(), Some("no record there"));
}

#[test]
fn dates_and_distances_rule_nothing_out() {
    let question = Question {
        dates: Some(isopolity_proto::federation::DateRange {
            start_date: "1900-01-01".into(),
            end_date: "1900-01-01".into(),
        }),
        near: Some(isopolity_proto::federation::Near { point: None, kilometres: 0.1 }),
        ..Default::default()
    };
    assert_eq!(of_question(&question), None);
}

#[test]
fn what_a_good_digest_says_is_kept() {
    let (sent, read) = (digest(), checked(digest()));
    assert_eq!((read.city(), read.audience(), read.analyser()), (&city(), Audience::Federation, ANALYSER));
    assert_eq!(read.position(), &Position { epoch: "e1".into(), sequence: 40 });
    assert_eq!(read.create_time().map(OffsetDateTime::unix_timestamp), Some(1_790_000_000));
    assert_eq!(read.statistics().records, 4);
    assert_eq!(read.bytes(), prost::Message::encoded_len(&sent));
    assert!((read.false_positive_rate() - sent.words.unwrap().false_positive_rate).abs() < 1e-9);
}

#[test]
fn d2_the_measured_false_positive_rate_is_within_20_percent_of_the_stated_one() {
    for entered in [100, 1_000, 7_777, 50_000] {
        let words = (0..entered).map(|number| (format!("word{number}"), number % 10 == 0));
        let filter = word_filter(words, [u8::try_from(entered % 251).unwrap(); SALT_BYTES]);
        let filter = super::filter::Filter::check(&filter).unwrap();
        let (probes, mut taken) = (100_000, 0_u32);
        for number in 0..probes {
            // Half of them in titles.
            taken += u32::from(filter.contains(&format!("other{number}"), number % 2 == 0));
        }
        let (measured, stated) = (f64::from(taken) / f64::from(probes), filter.rate);
        assert!((measured - stated).abs() <= stated * 0.2, "{entered} words: {measured} measured, {stated} stated");
        assert!(stated <= FALSE_POSITIVE_RATE * 1.01, "{entered} words: {stated}");
    }
}
