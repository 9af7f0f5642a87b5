//! Whatever a partnership says, even what no node would accept, the file is valid, and reading it again does not stop.

use std::collections::HashMap;

use isopolity_proto::{
    registry::{
        Contribution, Dimension, Ending, IndicatorObservation, Measure, Organization, Participant, Partnership,
        PartnershipEnd, Suspension,
    },
    types::{ContactPoint, Document, Identifier, LocalizedText, Money, Period, Place, Point, Sector},
};
use proptest::{collection::vec, prelude::*};

use super::{Read, assert_valid, rows, written};

/// What people, machines and attackers write.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        "und",
        "en",
        "pt-BR",
        "not a language",
        "2013",
        "2013-02",
        "2013-03-15",
        "2013-02-30",
        "0000-01-01",
        "12500.50",
        "-1",
        "1e9",
        "999999999999999999.999999",
        "EUR",
        "MA",
        "https://example.org/a?b=c#d",
        "http://a b/ü%",
        "#a#b",
        "://",
        "4",
        "99",
        "A12",
        "]]>",
        "<!DOCTYPE a>",
        "&amp;",
        "\u{0}",
        "\r\n\t",
        "\u{fffe}",
        "Budget for 2013-01-01 to 2013-12-31",
        "Budget for 2013-99-01 to x",
        "o1",
        "o2",
        "isopolity:date=\"1\"",
        "'\"",
        "𝄞 é ع",
    ];
    prop_oneof![
        3 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => vec(any::<char>(), 0..8).prop_map(String::from_iter),
    ]
}

/// Draws the parts of a message one after the other.
struct Supply {
    words: Vec<String>,
    numbers: Vec<i32>,
    at: usize,
}

impl Supply {
    fn word(&mut self) -> String {
        self.at += 1;
        self.words[self.at % self.words.len()].clone()
    }

    fn number(&mut self) -> i32 {
        self.at += 1;
        self.numbers[self.at % self.numbers.len()]
    }

    fn flag(&mut self) -> bool {
        self.number() % 2 == 0
    }

    fn some<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.number() % 3).map(|_| make(self)).collect()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn words(&mut self) -> Vec<String> {
        self.some(Self::word)
    }

    fn text(&mut self) -> LocalizedText {
        LocalizedText { text: self.word(), language: self.word(), ..Default::default() }
    }

    fn texts(&mut self) -> Vec<LocalizedText> {
        self.some(Self::text)
    }

    fn period(&mut self) -> Option<Period> {
        self.maybe(|supply| Period { start_date: supply.word(), end_date: supply.word() })
    }

    fn money(&mut self) -> Option<Money> {
        self.maybe(|supply| Money { currency_code: supply.word(), amount: supply.word() })
    }

    fn sector(&mut self) -> Sector {
        Sector {
            scheme: self.number(),
            version: self.word(),
            code: self.word(),
            vocabulary_uri: self.word(),
            labels: self.texts(),
            share_percent: self.word(),
            ..Default::default()
        }
    }

    fn contribution(&mut self) -> Contribution {
        Contribution {
            kind: self.number(),
            contributor: self.word(),
            contributor_organization: self.word(),
            public_money: self.flag(),
            public_amount: self.money(),
            private_amount: self.money(),
            date: self.word(),
            value_date: self.word(),
            rendered: self.flag(),
            transaction_type: self.word(),
            finance_type: self.word(),
            descriptions: self.texts(),
            ..Default::default()
        }
    }

    fn end(&mut self) -> PartnershipEnd {
        let point = |supply: &mut Self| Point {
            latitude: f64::from(supply.number()) / 0.0,
            longitude: f64::from(supply.number()),
        };
        let place = |supply: &mut Self| Place {
            names: supply.texts(),
            country: supply.word(),
            geonames_id: supply.number().into(),
            point: supply.maybe(point),
            ..Default::default()
        };
        PartnershipEnd { side: self.number(), place: self.maybe(place) }
    }

    fn document(&mut self) -> Document {
        Document {
            titles: self.texts(),
            descriptions: self.texts(),
            uri: self.word(),
            reference: self.word(),
            media_type: self.word(),
            categories: self.words(),
            languages: self.words(),
            date: self.word(),
            ..Default::default()
        }
    }

    fn measure(&mut self) -> Measure {
        Measure { value: self.word(), date: self.word(), remarks: self.texts() }
    }

    fn observation(&mut self) -> IndicatorObservation {
        IndicatorObservation {
            indicator: self.number(),
            titles: self.texts(),
            summaries: self.texts(),
            level: self.number(),
            vocabulary: self.word(),
            vocabulary_code: self.word(),
            unit: self.word(),
            period: self.period(),
            baseline: self.maybe(Self::measure),
            target: self.maybe(Self::measure),
            actual: self.maybe(Self::measure),
            dimensions: self.some(|supply| Dimension { name: supply.word(), value: supply.word() }),
            ..Default::default()
        }
    }

    fn organization(&mut self) -> Organization {
        Organization {
            display_names: self.texts(),
            kind: self.number(),
            website: self.word(),
            identifiers: self.some(|supply| Identifier {
                scheme: supply.word(),
                value: supply.word(),
                retired: supply.flag(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn participant(&mut self) -> Participant {
        Participant {
            organization: self.word(),
            display_names: self.texts(),
            roles: self.some(Self::number),
            ..Default::default()
        }
    }

    fn partnership(&mut self) -> Partnership {
        Partnership {
            name: self.word(),
            titles: self.texts(),
            summaries: self.texts(),
            aims: self.texts(),
            origin_countries: self.words(),
            ends: self.some(Self::end),
            stage: self.number(),
            status: self.number(),
            participants: self.some(Self::participant),
            sectors: self.some(Self::sector),
            planned_period: self.period(),
            actual_period: self.period(),
            contributions: self.some(Self::contribution),
            suspension: self.maybe(|supply| Suspension { start_date: supply.word(), ..Default::default() }),
            ending: self.maybe(|supply| Ending { kind: supply.number(), date: supply.word(), ..Default::default() }),
            iati_identifier: self.word(),
            sdg_goals: self.words(),
            sdg_targets: self.words(),
            scope: self.word(),
            collaboration_type: self.word(),
            documents: self.some(Self::document),
            contact_points: self.some(|supply| ContactPoint {
                function: supply.word(),
                mailbox: supply.word(),
                phone: supply.word(),
                ..Default::default()
            }),
            create_time: self
                .maybe(|supply| prost_types::Timestamp { seconds: i64::from(supply.number()) << 33, nanos: 0 }),
            update_time: self
                .maybe(|supply| prost_types::Timestamp { seconds: i64::from(supply.number()) << 33, nanos: 0 }),
            ..Default::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_partnership_is_written_as_a_valid_activity(words in vec(word(), 20..60), numbers in vec(-1..16_i32, 20..50)) {
        let mut supply = Supply { words, numbers, at: 0 };
        let all: Vec<Read> = (0..3).map(|_| Read {
            partnership: supply.partnership(),
            organizations: HashMap::from([(String::from("o1"), supply.organization()), (String::from("o2"), supply.organization())]),
            observations: supply.some(Supply::observation),
        }).collect();
        let file = written(&all);
        assert_valid(&file);
        prop_assert_eq!(rows(file.as_bytes()).len(), 3);
        if let Some(directory) = std::env::var_os("ISOPOLITY_KEEP_WRITTEN") {
            let name = format!("any-{:x}.xml", file.len());
            std::fs::write(std::path::Path::new(&directory).join(name), &file).unwrap();
        }
    }
}
