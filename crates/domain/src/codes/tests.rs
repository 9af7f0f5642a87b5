use proptest::prelude::*;

use super::*;

#[test]
fn every_list_is_read_whole() {
    let counts: Vec<_> = lists().iter().map(|list| (list.id, list.count())).collect();
    let expected = [
        ("bcp47", 1_121),
        ("elf", 3_430),
        ("iati-activity-date-type", 4),
        ("iati-activity-scope", 8),
        ("iati-activity-status", 6),
        ("iati-aid-type", 24),
        ("iati-budget-status", 2),
        ("iati-budget-type", 2),
        ("iati-collaboration-type", 7),
        ("iati-condition-type", 3),
        ("iati-contact-type", 4),
        ("iati-country", 251),
        ("iati-currency", 176),
        ("iati-description-type", 4),
        ("iati-document-category", 30),
        ("iati-finance-type", 68),
        ("iati-flow-type", 10),
        ("iati-gazetteer-agency", 3),
        ("iati-geographic-exactness", 2),
        ("iati-geographic-location-class", 4),
        ("iati-geographic-location-reach", 2),
        ("iati-geographic-vocabulary", 6),
        ("iati-indicator-measure", 5),
        ("iati-indicator-vocabulary", 10),
        ("iati-language", 181),
        ("iati-location-type", 682),
        ("iati-organisation-role", 4),
        ("iati-organisation-type", 16),
        ("iati-policy-marker", 12),
        ("iati-policy-significance", 5),
        ("iati-publisher-type", 3),
        ("iati-region", 26),
        ("iati-region-vocabulary", 3),
        ("iati-related-activity-type", 5),
        ("iati-result-type", 4),
        ("iati-result-vocabulary", 1),
        ("iati-sector", 325),
        ("iati-sector-category", 44),
        ("iati-sector-vocabulary", 14),
        ("iati-tag-vocabulary", 6),
        ("iati-transaction-type", 13),
        ("iati-verification-status", 2),
        ("iati-version", 8),
        ("isic-4", 766),
        ("iso3166-1", 250),
        ("iso3166-2", 4_672),
        ("iso4217", 307),
        ("iso639", 486),
        ("nace-2", 996),
        ("nace-2.1", 1_047),
        ("nuts-2021", 2_119),
        ("org-id", 823),
        ("sdg-goal", 17),
        ("sdg-target", 169),
        ("un-locode", 11_496),
    ];
    assert_eq!(counts, expected);
    assert!(lists().iter().map(List::bytes).sum::<usize>() < 1_600_000);
}

#[test]
fn the_documentation_of_the_lists_is_right() {
    let grouped = |number: usize| {
        if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
    };
    let rows: Vec<_> = include_str!("../codes.rs").lines().filter(|line| line.starts_with("//! | `")).collect();
    assert_eq!(rows.len(), 15);
    for row in rows {
        let (id, _) = row.trim_start_matches("//! | `").split_once('`').unwrap();
        let about =
            |list: &&List| list.id == id || id.strip_suffix('…').is_some_and(|group| list.id.starts_with(group));
        let lists: Vec<_> = lists().iter().filter(about).collect();
        let count = lists.iter().map(|list| list.count()).sum();
        let bytes = lists.iter().map(|list| list.bytes()).sum();
        let figures = format!("| {} | {} | ", grouped(count), grouped(bytes));
        assert!(row.contains(&figures), "{id}: {figures}");
        assert!(
            lists.iter().all(|list| row.replace('`', "").contains(list.licence.trim_start_matches("ODC "))),
            "{id}"
        );
    }
}

#[test]
fn every_list_is_in_order_and_says_where_it_comes_from() {
    for list in lists() {
        assert!([list.title, list.version, list.source, list.licence].iter().all(|text| !text.is_empty()), "{list:?}");
        let codes: Vec<_> = list.table().rows().iter().map(|row| row.code).collect();
        assert!(codes.is_sorted_by(|one, other| one < other), "{list:?}");
        for code in codes {
            assert!(!code.is_empty() && code.trim() == code && list.contains(code), "{list:?} {code:?}");
        }
    }
}

#[test]
fn every_code_has_a_name_and_what_it_refers_to_exists() {
    for list in lists() {
        for row in list.table().rows() {
            let code = list.code(*row);
            // CLDR doesn't say what the languages are called that ISO 639 doesn't know, nor has ISIC titles here.
            if !["bcp47", "iati-version", "isic-4"].contains(&list.id) {
                assert!(code.label("fr").is_some_and(|label| !label.is_empty()), "{list:?} {code:?}");
            }
            assert!(code.labels.iter().all(|label| check("bcp47", label.language).is_ok() || label.language == "und"));
            assert!(code.parent.is_none_or(|parent| list.contains(parent)), "{list:?} {code:?}");
            for (name, value) in code.notes {
                assert!(!value.is_empty());
                if let Some(other) = lists::find(name) {
                    assert!(value.split('|').all(|code| other.contains(code)), "{list:?} {} {name}", row.code);
                }
            }
        }
    }
}

#[test]
fn codes_are_found_in_their_own_list_only() {
    for (list, good, bad) in [
        ("iso3166-1", ["PT", "XK"], ["pt", "PRT"]),
        ("iso3166-2", ["PT-01", "MA-KEN"], ["PT01", "PT-99"]),
        ("iso4217", ["EUR", "PTE"], ["eur", "EURO"]),
        ("iso639", ["pt", "mul"], ["por", "PT"]),
        ("bcp47", ["fr-CH", "kea"], ["por", "fr_CH"]),
        ("un-locode", ["MANNA", "CHGVA"], ["MA NNA", "XXNNA"]),
        ("nace-2", ["10.71", "C"], ["1071", "c"]),
        ("elf", ["8888", "0AWU"], ["0awu", "0000"]),
        ("nuts-2021", ["PT11", "EL"], ["PT-11", "GR"]),
        ("sdg-target", ["8.3", "17.17"], ["8", "8.99"]),
        ("iati-activity-status", ["1", "6"], ["0", "7"]),
        ("org-id", ["XI-LEI", "PT-NIPPC"], ["LEI", "PT-NIPC"]),
    ] {
        for code in good {
            assert_eq!(check(list, code), Ok(()), "{list}");
        }
        for code in bad {
            assert!(matches!(check(list, code), Err(CodeError::Unknown { .. })), "{list} {code}");
        }
    }
    assert_eq!(check("iso", "PT"), Err(CodeError::UnknownList("iso".into())));
}

#[test]
fn every_list_that_the_proto_names_exists() {
    for field in isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        if let Some(list) = isopolity_proto::field::codes(&field) {
            assert!(!matches!(check(&list, ""), Err(CodeError::UnknownList(_))), "{}", field.full_name());
        }
    }
}

#[test]
fn an_error_says_what_was_probably_meant() {
    for (list, code, meant) in [
        ("iso3166-1", "TR1", Some("TR")),
        ("iso3166-1", "PRT", Some("PT")),
        ("iso3166-1", "cote d'ivoire", Some("CI")),
        ("iso3166-1", "Maroc", Some("MA")),
        ("iso3166-1", "Morroco", Some("MA")),
        ("iso3166-1", "المغرب", Some("MA")),
        ("iso3166-1", "摩洛哥", Some("MA")),
        ("iso3166-1", "Kingdom of Morocco", Some("MA")),
        ("iso3166-1", "UK", Some("GB")),
        ("iso3166-1", "EL", Some("GR")),
        ("iso3166-1", "Chil", None),
        ("iso3166-1", "??", None),
        ("iso3166-2", "PT01", Some("PT-01")),
        ("iso3166-2", "Aveiro", Some("PT-01")),
        ("iso4217", "eur", Some("EUR")),
        ("iso4217", "Euro", Some("EUR")),
        ("iso4217", "moroccan dirham", Some("MAD")),
        ("iso4217", "ERU", None),
        ("iso639", "por", Some("pt")),
        ("bcp47", "por-BR", Some("pt-BR")),
        ("bcp47", "fr_CH", Some("fr-CH")),
        ("bcp47", "Portuguese", Some("pt")),
        ("un-locode", "ma nna", Some("MANNA")),
        ("un-locode", "chgva", Some("CHGVA")),
        ("un-locode", "geneve", Some("CHGVA")),
        ("nace-2", "1071", Some("10.71")),
        ("nace-2", "1.11", Some("01.11")),
        ("nace-2", "C10.71", Some("10.71")),
        ("sdg-goal", "08", Some("8")),
        ("sdg-target", "SDG 8.3", Some("8.3")),
        ("iso3166-2", "PT-1", Some("PT-01")),
        ("nace-2", "Growing of rice", Some("01.12")),
        ("nace-2", "hairdressing", Some("96.02")),
        ("nace-2", "bread", None),
        ("isic-4", "01.12", Some("0112")),
        ("nuts-2021", "pt-11", Some("PT11")),
        ("sdg-target", "8-3", Some("8.3")),
        ("sdg-goal", "Zero hunger", None),
        ("iati-activity-status", "Implementation", Some("2")),
        ("iati-activity-status", "Actif", Some("2")),
        ("iati-sector", "primary education", Some("11220")),
        ("org-id", "pt nippc", Some("PT-NIPPC")),
        ("org-id", "PT-NIPC", Some("PT-NIPPC")),
    ] {
        let Err(CodeError::Unknown { nearest, .. }) = check(list, code) else { panic!("{list} holds {code}") };
        assert_eq!(nearest.as_deref(), meant, "{list} {code}");
    }
    let error = check("iso3166-1", "TR1").unwrap_err().to_string();
    assert_eq!(error, r#""TR1" is not in iso3166-1; did you mean "TR"?"#);
    let error = check_sector(SectorScheme::Nace, "2", "1071").unwrap_err().to_string();
    assert_eq!(error, r#""1071" is not in NACE 2; did you mean "10.71"?"#);
}

#[test]
fn a_look_up_says_what_the_list_knows() {
    let portugal = look_up("iso3166-1", "PT").unwrap();
    assert_eq!((portugal.note("alpha3"), portugal.note("numeric")), (Some("PRT"), Some("620")));
    assert_eq!(portugal.label("ar"), Some("البرتغال"));
    assert_eq!(portugal.label("de"), Some("Portugal"));
    assert_eq!(list("iso3166-1").unwrap().languages(), ["en", "fr", "ar", "es", "ru", "zh"]);

    let escudo = look_up("iso4217", "PTE").unwrap();
    assert_eq!(escudo.status, Status::Withdrawn { since: Some("2002-03") });
    assert_eq!(look_up("iso4217", "JPY").unwrap().note("minor_unit"), Some("0"));

    let form = look_up("elf", "106J").unwrap();
    assert_eq!((form.note("country"), form.label("ru")), (Some("BY"), Some("Закрытое акционерное общество")));
    assert_eq!(form.label("be-Latn"), Some("Zakrytae akcyyanernae tavarystva"));

    let target = look_up("sdg-target", "8.3").unwrap();
    assert_eq!(target.note("sdg-goal"), Some("8"));
    assert_eq!(look_up("nace-2.1", "10.71").unwrap().parent, Some("10.7"));
    assert_eq!(look_up("iati-sector", "11220").unwrap().note("iati-sector-category"), Some("112"));
    assert_eq!(look_up("iso3166-1", "PRT"), None);
    assert_eq!(look_up("iso", "PT"), None);
}

#[test]
fn a_well_formed_code_of_an_open_list_may_have_no_name() {
    assert_eq!(look_up("un-locode", "CHGVA").unwrap().label("fr"), Some("Genève"));
    let unknown = look_up("un-locode", "MAZZ9").unwrap();
    assert_eq!((unknown.code.as_ref(), unknown.label("fr")), ("MAZZ9", None));
    assert_eq!(look_up("bcp47", "fr-CH").unwrap().label("fr"), Some("français (Suisse)"));
    assert_eq!(look_up("bcp47", "FR-ch").unwrap().label("en"), Some("French (Switzerland)"));
    assert_eq!(look_up("bcp47", "ar-Latn-MA").unwrap().label("en"), Some("Arabic (Latn, Morocco)"));
    let open: Vec<_> = lists().iter().filter(|list| list.open).map(|list| list.id).collect();
    assert_eq!(open, ["bcp47", "un-locode"]);
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    for list in lists() {
        let (mut after, mut seen) = (String::new(), 0);
        loop {
            let page = list.entries(&after, 700, "");
            let Some(last) = page.last() else { break };
            assert!(page.first().is_some_and(|first| first.code.as_ref() > after.as_str()));
            seen += page.len();
            after = last.code.clone().into_owned();
        }
        assert_eq!(seen, list.count(), "{list:?}");
    }
}

#[test]
fn codes_are_found_by_words_in_any_language() {
    let found = |list: &str, query: &str| -> Vec<String> {
        entries(list, "", 5, query).unwrap().into_iter().map(|code| code.code.into_owned()).collect()
    };
    assert_eq!(found("iso3166-1", "maroc"), ["MA"]);
    assert_eq!(found("iso3166-1", "المغرب"), ["MA"]);
    assert_eq!(found("iso3166-1", "saint pier"), ["PM"]);
    assert_eq!(found("nace-2", "BREAD"), ["10.71", "47.24"]);
    assert_eq!(found("nace-2", "10.71"), ["10.71"]);
    assert_eq!(found("isic-4", "bread"), ["1071", "4721"]);
    assert_eq!(found("bcp47", "french switz"), ["fr-CH"]);
    assert_eq!(found("iati-sector", "enseignement primaire"), ["11220"]);
    assert!(found("iso3166-1", "no such country").is_empty());
    assert_eq!(entries("nace-2", "10.71", 5, "bread").unwrap().len(), 1);
    assert!(matches!(entries("iso", "", 5, ""), Err(CodeError::UnknownList(_))));
}

#[test]
fn a_sector_leads_up_to_its_section() {
    assert_eq!(sector_ancestors(SectorScheme::Nace, "2", "10.71"), ["10.71", "10.7", "10", "C"]);
    assert_eq!(sector_ancestors(SectorScheme::Isic, "4", "1071"), ["1071", "107", "10", "C"]);
    assert_eq!(sector_ancestors(SectorScheme::Nace, "2.1", "C"), ["C"]);
    assert!(sector_ancestors(SectorScheme::Nace, "3", "C").is_empty());
    assert!(sector_ancestors(SectorScheme::Nace, "2", "10.99").is_empty());
}

#[test]
fn every_sector_belongs_to_a_section_and_has_a_title() {
    for (scheme, version) in [(SectorScheme::Nace, "2"), (SectorScheme::Nace, "2.1"), (SectorScheme::Isic, "4")] {
        for row in sector::list(scheme, version).unwrap().table().rows() {
            let ancestors = sector_ancestors(scheme, version, row.code);
            assert_eq!(ancestors.last().map(String::len), Some(1), "{scheme:?} {version} {}", row.code);
            let titled = sector_label(scheme, version, row.code).is_some();
            assert_eq!(
                titled,
                scheme == SectorScheme::Nace || row.code.len() <= 2,
                "{scheme:?} {version} {}",
                row.code
            );
        }
    }
}

#[test]
fn a_country_has_its_name_in_six_languages() {
    assert_eq!(country_name("MA", "fr"), Some("Maroc"));
    assert_eq!(country_name("CH", "en"), Some("Switzerland"));
    assert_eq!(country_name("TR", "es"), Some("Türkiye"));
    assert_eq!(country_name("CH", "de"), None);
    assert_eq!(country_name("ch", "en"), None);
    for country in list("iso3166-1").unwrap().entries("", usize::MAX, "") {
        for language in ["ar", "en", "es", "fr", "ru", "zh"] {
            assert!(country_name(&country.code, language).is_some(), "{} {language}", country.code);
        }
    }
}

#[test]
fn a_megabyte_is_no_code_and_only_its_beginning_is_looked_at() {
    for piece in ["a", "10.", "é", "\u{fdfa}", " ", "PT-"] {
        let text = piece.repeat(1_000_000 / piece.len());
        for list in lists() {
            let Err(CodeError::Unknown { code, .. }) = check(list.id, &text) else { panic!("{list:?}") };
            assert!(code.chars().count() <= 100);
            assert_eq!(list.look_up(&text), None);
            assert!(list.entries(&text, 1, &text).len() <= 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_upsets_the_lists(text in ".{0,120}", code in "[A-Za-z0-9 .-]{0,12}") {
        for list in lists() {
            for text in [&text, &code] {
                match check(list.id, text) {
                    Ok(()) => prop_assert!(list.look_up(text).is_some()),
                    Err(CodeError::Unknown { nearest, .. }) => {
                        prop_assert!(list.look_up(text).is_none());
                        if let Some(nearest) = nearest {
                            prop_assert_eq!(check(list.id, &nearest), Ok(()));
                        }
                    }
                    Err(error) => prop_assert!(false, "{}", error),
                }
                prop_assert!(list.entries(text, 3, text).len() <= 3);
            }
        }
    }
}
