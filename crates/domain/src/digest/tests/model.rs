//! A city whose records come and go, against the digests that it makes on the way.

use std::collections::HashMap;

use isopolity_proto::types::Sector;
use prost_reflect::Value;

use super::*;
use crate::text;

/// What can be asked of a record, and what a digest is made of.
struct Template {
    words: Vec<(String, bool)>,
    values: Vec<(Facet, String)>,
    /// Each of them finds the record.
    questions: Vec<(Question, TextQuery)>,
    /// Finds this record alone.
    own: TextQuery,
}

/// Numbers that look random and are the same each time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn template(number: usize, numbers: &mut Numbers) -> Template {
    let mut word = || {
        format!("{}{}", numbers.one_of(&["Oliv", "Ção", "мельница", "شركة", "Esch-sur-", "神戸"]), numbers.below(400))
    };
    let (title, body, own) = (word(), format!("{} {}", word(), word()), format!("unique{number}"));
    let kind = numbers.one_of(&["partnership", "organization", "opportunity", "place"]);
    let (scheme, version, code) = [
        (SectorScheme::Nace, "2", numbers.one_of(&["10.71", "10.41", "C", "01.2", "62"])),
        (SectorScheme::Isic, "4", numbers.one_of(&["1071", "A", "620"])),
        (SectorScheme::Other, "", numbers.one_of(&["bakery", "Z.9"])),
    ][numbers.below(3)];
    let sector = Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() };
    let stage = i32::try_from(1 + numbers.below(9)).unwrap();
    let (country, region) =
        (numbers.one_of(&["MA", "PT", "LU", "ST"]), numbers.one_of(&["PT11D", "PT-01", "LU00", "ES61"]));
    let (language, goal) =
        (numbers.one_of(&["pt-BR", "ar", "sr-latn-RS", "FR"]), numbers.one_of(&["8", "8.3", "17.9"]));
    let open = kind == "partnership" && numbers.below(2) == 0;

    let mut fields = vec![
        (Facet::Kind, Value::String(kind.into())),
        (Facet::Sector, Value::Message(isopolity_proto::to_dynamic(&sector))),
        (Facet::Stage, Value::EnumNumber(stage)),
        (Facet::OriginCountry, Value::String(country.into())),
        (Facet::Region, Value::String(region.into())),
        (Facet::Language, Value::String(language.into())),
        (Facet::Sdg, Value::String(goal.into())),
    ];
    if open {
        fields.push((Facet::OpenCondition, Value::EnumNumber(1)));
    }
    let in_title = text::words(&title).into_iter().map(|word| (word, true));
    let words = in_title.chain(text::words(&format!("{body} {own}")).into_iter().map(|word| (word, false))).collect();
    let values =
        fields.iter().flat_map(|(facet, value)| facet::counted(*facet, value).into_iter().map(|value| (*facet, value)));

    let prefix = |code: &str, scheme: SectorScheme, version: &str| SectorPrefix {
        scheme: scheme.into(),
        version: version.into(),
        code: code.into(),
    };
    let narrow = Question {
        text: format!("{body} title:\"{title}\" {}* -absent", &own[..4]),
        kinds: vec![kind.into(), "city".into()],
        sectors: vec![prefix(code, scheme, version)],
        stages: vec![stage],
        origin_countries: vec![country.into()],
        regions: vec![region.into()],
        languages: vec![language.into()],
        sdgs: vec![goal.into()],
        ..Default::default()
    };
    let section = crate::codes::sector_ancestors(scheme, version, code).pop().unwrap_or_else(|| code.to_owned());
    let wide = Question {
        text: format!("\"{own}\" {title}"),
        sectors: vec![prefix(&section, SectorScheme::Unspecified, ""), prefix("99", SectorScheme::Isic, "4")],
        regions: vec![region[..2].into(), region.into()],
        languages: vec![language.split('-').next().unwrap().into()],
        sdgs: vec![goal.split('.').next().unwrap().into()],
        open_conditions: match (kind, open) {
            ("partnership", true) => OpenConditions::Some,
            ("partnership", false) => OpenConditions::None,
            _ => OpenConditions::Unspecified,
        }
        .into(),
        ..Default::default()
    };
    for question in [&narrow, &wide] {
        for condition in facet::asked(question) {
            let finding: Vec<_> = fields.iter().filter(|(facet, _)| *facet == condition.facet).collect();
            let finds = finding.iter().flat_map(|(facet, value)| facet::found_by(*facet, value));
            assert!(
                finds.into_iter().any(|term| condition.terms.contains(&term)),
                "{condition:?} does not find its record"
            );
        }
    }
    let questions =
        [narrow, wide].map(|question| (query::parse(&question.text), question)).map(|(text, asked)| (asked, text));
    Template { words, values: values.collect(), questions: questions.into(), own: query::parse(&own) }
}

fn digest_of(present: &[&Template], round: u8) -> Digest {
    let mut words: HashMap<&str, bool> = HashMap::new();
    let mut values: HashMap<Facet, HashMap<&str, i64>> = HashMap::new();
    let (mut title_words, mut body_words) = (0, 0);
    for record in present {
        for (word, in_title) in &record.words {
            *words.entry(word).or_default() |= in_title;
            if *in_title { title_words += 1 } else { body_words += 1 }
        }
        for (facet, value) in &record.values {
            *values.entry(*facet).or_default().entry(value).or_default() += 1;
        }
    }
    let records = i64::try_from(present.len()).unwrap();
    let facets = [
        Facet::Kind,
        Facet::Sector,
        Facet::Stage,
        Facet::OriginCountry,
        Facet::Region,
        Facet::Language,
        Facet::Sdg,
        Facet::OpenCondition,
    ];
    let counted = |facet| values.get(&facet).into_iter().flatten().map(|(value, count)| ((*value).to_owned(), *count));
    Digest {
        statistics: Some(Statistics { records, title_words, body_words, words: Vec::new() }),
        facets: facets.into_iter().map(|facet| facet::counts(facet, counted(facet), VALUES_MAX)).collect(),
        words: Some(word_filter(words, [round; SALT_BYTES])),
        ..digest()
    }
}

#[test]
fn d1_no_present_record_is_ever_ruled_out_over_a_million_inserts_and_deletes() {
    const ROUNDS: u8 = 40;
    const CHANGES: usize = 26_000;
    const SLOTS: usize = 800;
    let mut numbers = Numbers(4);
    let templates: Vec<_> = (0..1_500).map(|number| template(number, &mut numbers)).collect();
    let mut slots: Vec<Option<usize>> = vec![None; SLOTS];
    let (mut inserts, mut deletes, mut asked, mut absent, mut ruled_out) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    for round in 0..ROUNDS {
        // How full the city is changes from round to round; now and then it is empty.
        let fill = usize::from(round % 8) * 14;
        for _ in 0..CHANGES {
            let slot = &mut slots[numbers.below(SLOTS)];
            deletes += u32::from(slot.is_some());
            *slot = (numbers.below(100) < fill).then(|| numbers.below(templates.len()));
            inserts += u32::from(slot.is_some());
        }
        let mut is_present = vec![false; templates.len()];
        slots.iter().flatten().for_each(|at| is_present[*at] = true);
        let present: Vec<_> = slots.iter().flatten().map(|at| &templates[*at]).collect();
        let digest = checked(digest_of(&present, round));
        for (template, is_present) in templates.iter().zip(is_present) {
            if is_present {
                for (question, text) in &template.questions {
                    assert_eq!(digest.rules_out(question, text), None, "round {round}: {question:?}");
                    asked += 1;
                }
            } else {
                absent += 1;
                ruled_out += u32::from(digest.rules_out(&Question::default(), &template.own).is_some());
            }
        }
    }
    assert!(inserts + deletes >= 1_000_000, "{inserts} inserts and {deletes} deletes");
    assert!(asked > 20_000 && absent > 10_000, "{asked} questions for what is present, {absent} for what is absent");
    assert!(ruled_out > absent / 100 * 97, "{ruled_out} of {absent} ruled out");
}
