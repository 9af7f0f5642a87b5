//! What is to be indexed of a resource: what its field options say, at every depth.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use isopolity_proto::{
    field::{self, Search},
    options::Facet,
    types::Sector,
};
use prost::Name as _;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use prost_types::Timestamp;

use crate::facet;

/// What was found in a resource.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) title: Vec<String>,
    pub(crate) body: Vec<String>,
    pub(crate) origin_countries: BTreeSet<String>,
    pub(crate) sectors: BTreeSet<String>,
    pub(crate) stages: BTreeSet<String>,
    pub(crate) languages: BTreeSet<String>,
    /// Nanoseconds since 1970; the latest, if there are several.
    pub(crate) update_time: Option<i64>,
}

/// A field that is to be looked into.
struct Step {
    number: u32,
    search: Search,
}

/// The fields to look into, by the message's full name. Decoding options is slow, so it is done once.
static PLANS: LazyLock<HashMap<String, Vec<Step>>> = LazyLock::new(|| {
    isopolity_proto::pool()
        .all_messages()
        .filter(|message| message.package_name().starts_with("isopolity."))
        .map(|message| {
            let steps = message.fields().filter_map(|one| {
                let search = field::search(&one);
                let enter = matches!(one.kind(), Kind::Message(_));
                (enter || search != Search::default()).then_some(Step { number: one.number(), search })
            });
            (message.full_name().to_owned(), steps.collect())
        })
        .collect()
});

/// Walks a resource.
pub(crate) fn walk(resource: &DynamicMessage) -> Findings {
    let mut findings = Findings::default();
    findings.enter(resource, false);
    findings
}

impl Findings {
    fn enter(&mut self, message: &DynamicMessage, below_title: bool) {
        let Some(plan) = PLANS.get(message.descriptor().full_name()) else { return };
        for step in plan.iter().filter(|step| message.has_field_by_number(step.number)) {
            if let Some(value) = message.get_field_by_number(step.number) {
                self.look(&value, step.search, below_title);
            }
        }
    }

    fn look(&mut self, value: &Value, search: Search, below_title: bool) {
        let title = below_title || search.title;
        match value {
            Value::List(values) => values.iter().for_each(|value| self.look(value, search, below_title)),
            Value::Map(entries) => entries.values().for_each(|value| self.look(value, search, below_title)),
            Value::String(text) if search.title || (search.text && below_title) => self.title.push(text.clone()),
            Value::String(text) if search.text => self.body.push(text.clone()),
            Value::Message(message) => self.enter(message, title),
            _ => {}
        }
        if let Some(facet) = search.facet {
            self.facet(facet, value);
        }
        if search.date
            && let Value::Message(message) = value
            && let Ok(time) = message.transcode_to::<Timestamp>()
        {
            self.update_time = self.update_time.max(Some(nanoseconds(&time)));
        }
    }

    fn facet(&mut self, facet: Facet, value: &Value) {
        match (facet, value) {
            (Facet::OriginCountry, Value::String(code)) => {
                self.origin_countries.insert(facet::country(code));
            }
            (Facet::Language, Value::String(tag)) => self.languages.extend(facet::languages(tag)),
            (Facet::Stage, Value::EnumNumber(number)) => {
                self.stages.insert(number.to_string());
            }
            (Facet::Sector, Value::Message(message)) if message.descriptor().full_name() == Sector::full_name() => {
                if let Ok(sector) = message.transcode_to::<Sector>() {
                    self.sectors.extend(facet::sectors(&sector));
                }
            }
            // The options' test sees to it that no facet stands on another type; lists are taken value by value.
            _ => {}
        }
    }
}

/// Outside the years 1677 to 2262: the nearest within.
fn nanoseconds(time: &Timestamp) -> i64 {
    time.seconds.saturating_mul(1_000_000_000).saturating_add(time.nanos.into())
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{Organization, Partnership, PartnershipEnd, PartnershipStage},
        to_dynamic,
        types::{ContactPoint, Identifier, LocalizedText, Place, SectorScheme},
    };

    use super::*;

    fn text(text: &str, language: &str) -> LocalizedText {
        LocalizedText { text: text.into(), language: language.into(), ..Default::default() }
    }

    #[test]
    fn a_partnership_is_found_by_what_its_options_say() {
        let partnership = Partnership {
            name: "cities/feira.example/partnerships/kenitra".into(),
            titles: vec![text("title", "pt-BR")],
            summaries: vec![text("summary", "fr")],
            origin_countries: vec!["ma".into()],
            stage: PartnershipStage::Launch.into(),
            sectors: vec![Sector {
                scheme: SectorScheme::Nace.into(),
                version: "2".into(),
                code: "C".into(),
                main: true,
                ..Default::default()
            }],
            ends: vec![PartnershipEnd {
                place: Some(Place { names: vec![text("Kénitra", "ar")], ..Default::default() }),
                ..Default::default()
            }],
            internal_notes: "note".into(),
            update_time: Some(Timestamp { seconds: 2, nanos: 5_000 }),
            create_time: Some(Timestamp { seconds: 9, nanos: 0 }),
            ..Default::default()
        };
        let findings = walk(&to_dynamic(&partnership));
        assert_eq!(findings.title, ["title"]);
        assert_eq!(findings.body, ["summary", "Kénitra"]);
        assert!(findings.origin_countries.iter().eq(["MA"]));
        assert!(findings.stages.iter().eq(["6"]));
        assert!(findings.languages.iter().eq(["ar", "fr", "pt", "pt-br"]));
        assert!(findings.sectors.contains("2/C/2") && findings.sectors.contains("0/C/"));
        assert_eq!(findings.update_time, Some(2_000_005_000));
    }

    #[test]
    fn what_lies_deeper_is_found_too() {
        let organization = Organization {
            identifiers: vec![Identifier { scheme: "PT-NIPPC".into(), value: "501".into(), ..Default::default() }],
            contact_points: vec![ContactPoint { languages: vec!["kea".into()], ..Default::default() }],
            ..Default::default()
        };
        let findings = walk(&to_dynamic(&organization));
        assert_eq!((findings.title.len(), findings.body), (0, vec!["501".to_owned()]));
        assert!(findings.languages.iter().eq(["kea"]));
    }

    #[test]
    fn every_facet_and_date_stands_on_a_type_that_is_understood() {
        for field in isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
            let (search, kind) = (field::search(&field), field.kind());
            let message = kind.as_message().map(|message| message.full_name().to_owned()).unwrap_or_default();
            let understood = match search.facet {
                None => true,
                Some(Facet::Sector) => message == Sector::full_name(),
                Some(Facet::Stage) => matches!(kind, Kind::Enum(_)),
                Some(_) => matches!(kind, Kind::String),
            };
            assert!(understood && (!search.date || message == Timestamp::full_name()), "{}", field.full_name());
            assert!(!search.text || matches!(kind, Kind::String), "{}", field.full_name());
        }
    }

    #[test]
    fn a_time_that_does_not_fit_is_the_nearest_that_does() {
        assert_eq!(nanoseconds(&Timestamp { seconds: i64::MAX, nanos: 0 }), i64::MAX);
        assert_eq!(nanoseconds(&Timestamp { seconds: -62_135_596_800, nanos: 0 }), i64::MIN);
    }
}
