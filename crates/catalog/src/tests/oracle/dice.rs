//! Random records and questions, the same on every run.

use isopolity_domain::{
    answer::{After, SortKey},
    feed::Publication,
};
use isopolity_proto::{
    federation::{DateRange, Near, Question, SectorPrefix},
    options::{Audience, Facet},
    registry::{Participant, Partnership, PartnershipEnd},
    types::{LocalizedText, Period, Place, Point, SectorScheme},
};
use prost_types::Timestamp;

use crate::tests::support::{Desk, at, full, publication, sector};

const WORDS: [&str; 14] = [
    "padaria",
    "cortiça",
    "Kénitra",
    "القنيطرة",
    "Αθήνα",
    "harbour",
    "神戸",
    "São",
    "market",
    "permit",
    "hills",
    "tour",
    "olive oil",
    "olives",
];
const COUNTRIES: [&str; 5] = ["MA", "CV", "SN", "TR", "XK"];
const LANGUAGES: [&str; 6] = ["pt", "pt-BR", "fr", "ar", "zh-Hant-TW", "und"];
const REGIONS: [&str; 5] = ["PT11A", "PT17", "PT-01", "MA-KEN", "DE212"];
const DATES: [&str; 8] = ["", "2013", "2014-02", "2013-03-15", "2014-02-28", "2013-12-31", "2015-01-01", "soon"];
const CITIES: [&str; 3] = ["a.b", "a.b.c", "feira.example"];

/// The same numbers on every run (splitmix64).
pub(in crate::tests) struct Dice(pub(in crate::tests) u64);

/// A record, and the widest audience that may see it.
pub(in crate::tests) type Records = std::collections::BTreeMap<String, (Audience, Partnership)>;

impl Dice {
    pub(in crate::tests) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    pub(in crate::tests) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(in crate::tests) fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(from)).collect()
    }

    fn number(&mut self, end: usize) -> i32 {
        i32::try_from(self.below(end)).unwrap()
    }

    fn texts(&mut self, most: usize) -> Vec<LocalizedText> {
        let one = |dice: &mut Self| {
            let text = dice.some(&WORDS, most).join(", ");
            LocalizedText { text, language: dice.pick(&LANGUAGES).into(), ..LocalizedText::default() }
        };
        (0..self.below(3)).map(|_| one(self)).collect()
    }

    fn end(&mut self) -> PartnershipEnd {
        let point = Point { latitude: f64::from(self.number(5)) / 10.0, longitude: 179.5 - f64::from(self.number(2)) };
        let place = Place {
            names: self.texts(1),
            country: self.pick(&COUNTRIES).into(),
            subdivision: self.pick(&REGIONS).into(),
            point: (self.below(3) > 0).then_some(point),
            ..Place::default()
        };
        PartnershipEnd { place: Some(place), ..PartnershipEnd::default() }
    }

    fn period(&mut self) -> Option<Period> {
        let period = Period { start_date: self.pick(&DATES).into(), end_date: self.pick(&DATES).into() };
        (self.below(2) == 0).then_some(period)
    }

    fn partnership(&mut self) -> Partnership {
        let sectors = [
            sector(SectorScheme::Nace, "2", "10.71"),
            sector(SectorScheme::Nace, "2.1", "10.71"),
            sector(SectorScheme::Isic, "4", "1071"),
            sector(SectorScheme::Nace, "2", "A"),
            sector(SectorScheme::Nace, "2", "62"),
        ];
        Partnership {
            titles: self.texts(3),
            summaries: self.texts(6),
            lessons: if self.below(2) == 0 { self.texts(4) } else { Vec::new() },
            internal_notes: if self.below(4) == 0 { "permit".into() } else { String::new() },
            origin_countries: self.some(&COUNTRIES, 2).into_iter().map(str::to_owned).collect(),
            sectors: self.some(&sectors, 2),
            stage: self.number(5),
            ends: (0..self.below(3)).map(|_| self.end()).collect(),
            participants: vec![Participant { roles: self.some(&[1, 2, 3, 99], 3), ..Participant::default() }],
            sdg_goals: self.some(&["8", "10"], 1).into_iter().map(str::to_owned).collect(),
            sdg_targets: self.some(&["8.3", "10.7"], 1).into_iter().map(str::to_owned).collect(),
            open_conditions: self.some(&[1, 2], 1),
            planned_period: self.period(),
            actual_period: self.period(),
            update_time: Some(Timestamp { seconds: 1_000 + i64::from(self.number(6)), nanos: 5_000 }),
            ..Partnership::default()
        }
    }

    fn text(&mut self) -> String {
        let words = ["KENITRA", "cortica", "القنيطره", "戸", "神戸", "market", "sao", "permit", "unheard", "olive oil"];
        let rarer = [
            "\"olive oil\"",
            "title:market",
            "oli*",
            "title:ol*",
            "-hills",
            "-title:tour",
            "-\"olive oil\"",
            "-har*",
            "\"market permit\"",
            "title:\"sao market\"",
        ];
        let mut parts = self.some(&words, 2);
        parts.extend(self.some(&rarer, 2));
        parts.join(" ")
    }

    pub(in crate::tests) fn question(&mut self) -> Question {
        let prefixes = ["C", "10", "10.7", "1071", "A", "6", "J"].map(str::to_owned);
        let sometimes = |dice: &mut Self| dice.below(6) == 0;
        let strings = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let mut question = Question { order: 1 + self.number(4), ..Question::default() };
        if self.below(3) > 0 {
            question.text = self.text();
        }
        if sometimes(self) {
            question.kinds = strings(self.some(&["partnership", "organization"], 2));
        }
        if sometimes(self) {
            question.origin_countries = strings(self.some(&COUNTRIES, 3));
        }
        if sometimes(self) {
            question.countries = strings(self.some(&COUNTRIES, 3));
        }
        if sometimes(self) {
            question.regions = strings(self.some(&["PT", "PT1", "PT17", "PT-01", "MA", "DE21"], 2));
        }
        if sometimes(self) {
            let scheme = self.pick(&[SectorScheme::Unspecified, SectorScheme::Nace, SectorScheme::Isic]).into();
            let version = self.pick(&["", "2", "2.1"]).to_owned();
            question.sectors = vec![SectorPrefix { scheme, version, code: self.pick(&prefixes) }];
        }
        if sometimes(self) {
            question.stages = self.some(&[1, 2, 3, 4], 3);
        }
        if sometimes(self) {
            question.roles = self.some(&[1, 2, 3, 4, 99], 3);
        }
        if sometimes(self) {
            question.sdgs = strings(self.some(&["8", "8.3", "10", "10.7", "1"], 2));
        }
        if sometimes(self) {
            question.languages = strings(self.some(&["pt", "pt-br", "zh", "zh-hant", "und"], 2));
        }
        if sometimes(self) {
            let (start_date, end_date) = (self.pick(&DATES[3..7]).to_owned(), self.pick(&DATES[3..7]).to_owned());
            let range = DateRange { start_date, end_date };
            let open = DateRange { start_date: range.start_date.clone(), end_date: String::new() };
            question.dates = Some(self.pick(&[range, open]));
        }
        if sometimes(self) {
            let kilometres = self.pick(&[0.5, 12.0, 60.0, 130.0, 20_040.0]);
            question.near = Some(Near { point: Some(Point { latitude: 0.1, longitude: -179.5 }), kilometres });
        }
        if sometimes(self) {
            question.open_conditions = self.number(3);
        }
        question
    }

    pub(in crate::tests) fn facets(&mut self) -> Vec<Facet> {
        let all = isopolity_domain::facet::ALL;
        let first = self.below(all.len());
        let count = self.below(4);
        (0..count).map(|place| all[(first + place) % all.len()]).collect()
    }

    /// A point in an order: at one of the hits, or anywhere.
    pub(in crate::tests) fn after(&mut self, expected: &[(SortKey, String)]) -> Option<After> {
        if expected.is_empty() || self.below(2) == 0 {
            return None;
        }
        let (key, name) = self.pick(expected);
        let key = match (self.below(4), key) {
            (0, SortKey::Score(score)) => SortKey::Score(score * 0.75),
            (0, SortKey::UpdateTime(time)) => SortKey::UpdateTime(time + 1),
            (0, SortKey::StartDay(day)) => SortKey::StartDay(day.saturating_sub(1)),
            (0, SortKey::Title(title)) => SortKey::Title(title + "a"),
            (_, key) => key,
        };
        let name = match self.below(3) {
            0 => String::new(),
            1 => format!("{name}-"),
            _ => name,
        };
        Some(After { key, name, key_taken: self.below(4) == 0 })
    }

    /// Publishes, replaces and withdraws at random, in commits of random size. Gives what is there then, and all that was
    /// published.
    pub(in crate::tests) fn fill(&mut self, desk: &mut Desk, publications: usize) -> (Records, Vec<Publication>) {
        let (mut records, mut all, mut batch) = (Records::new(), Vec::new(), Vec::new());
        for _ in 0..publications {
            desk.sequence += 1;
            let collection = self.pick(&["partnerships", "partnerships", "organizations"]);
            let name = format!("cities/{}/{collection}/p{}", self.pick(&CITIES), self.below(60));
            let one = if self.below(10) == 0 {
                records.remove(&full(&name));
                Publication { sequence: desk.sequence, name: full(&name), kind: String::new(), records: Vec::new() }
            } else {
                let audiences = [Audience::Public, Audience::Public, Audience::Federation, Audience::Internal];
                let ceiling = self.pick(&audiences);
                let partnership = self.partnership();
                let one = publication(&name, ceiling, &partnership, desk.sequence);
                records.insert(full(&name), (ceiling, partnership));
                one
            };
            all.push(one.clone());
            batch.push(one);
            if self.below(25) == 0 {
                desk.catalog.apply(&std::mem::take(&mut batch), at(desk.sequence)).unwrap();
            }
        }
        desk.catalog.apply(&batch, at(desk.sequence)).unwrap();
        (records, all)
    }
}
