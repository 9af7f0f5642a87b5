//! What is to be indexed of a resource: what its field options say, at every depth.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use isopolity_domain::{answer::TITLE_BYTES_MAX, facet, text};
use isopolity_proto::{
    field::{self, Search},
    options::{DateRole, Facet},
    types::{Period, Point},
};
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use prost_types::Timestamp;

use crate::days::days;

/// What was found in a resource.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    pub(crate) title: Vec<String>,
    pub(crate) body: Vec<String>,
    /// By which values it is counted and by which terms it is found.
    pub(crate) facets: BTreeMap<Facet, Facets>,
    /// Nanoseconds since 1970; the latest, if there are several.
    pub(crate) update_time: Option<i64>,
    /// The record's own time.
    own_time: Days,
    /// When it is planned.
    planned_time: Days,
    /// Degrees north and east.
    pub(crate) points: Vec<(f64, f64)>,
}

/// See [`facet`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facets {
    pub(crate) counted: BTreeSet<String>,
    pub(crate) found_by: BTreeSet<String>,
}

/// The earliest start and the latest end, in days since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) start: Option<i32>,
    pub(crate) end: Option<i32>,
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
        if let Some(facet) = search.facet
            && !matches!(value, Value::List(_))
        {
            self.facet(facet, value);
        }
        if search.date
            && let Value::Message(message) = value
            && let Ok(time) = message.transcode_to::<Timestamp>()
        {
            self.update_time = self.update_time.max(Some(nanoseconds(&time)));
        }
        if let Some(role) = search.date_role {
            self.date(role, value);
        }
        if search.point
            && let Value::Message(message) = value
            && let Ok(Point { latitude, longitude }) = message.transcode_to::<Point>()
            && latitude.is_finite()
            && longitude.is_finite()
        {
            self.points.push((latitude, longitude));
        }
    }

    /// Adds what a value says in a facet.
    pub(crate) fn facet(&mut self, facet: Facet, value: &Value) {
        let found = self.facets.entry(facet).or_default();
        found.counted.extend(facet::counted(facet, value));
        found.found_by.extend(facet::found_by(facet, value));
    }

    fn date(&mut self, role: DateRole, value: &Value) {
        match (role, value) {
            (DateRole::Start, Value::String(date)) => self.own_time.begins(date),
            (DateRole::End, Value::String(date)) => self.own_time.ends(date),
            (DateRole::Day, Value::String(date)) => {
                self.own_time.begins(date);
                self.own_time.ends(date);
            }
            (DateRole::Period | DateRole::PlannedPeriod, Value::Message(message)) => {
                let planned = role == DateRole::PlannedPeriod;
                let time = if planned { &mut self.planned_time } else { &mut self.own_time };
                if let Ok(period) = message.transcode_to::<Period>() {
                    time.begins(&period.start_date);
                    time.ends(&period.end_date);
                }
            }
            // Lists are taken value by value.
            _ => {}
        }
    }

    /// When the record's time is: as planned only if nothing else is said of it.
    pub(crate) fn days(&self) -> Days {
        if self.own_time == Days::default() { self.planned_time } else { self.own_time }
    }

    /// The first title as results are ordered by it. Empty if there is none.
    pub(crate) fn title_order(&self) -> String {
        let mut title = self.title.first().map(|title| text::fold(title)).unwrap_or_default();
        title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
        title
    }
}

impl Days {
    fn begins(&mut self, date: &str) {
        if let Some((first, _)) = days(date) {
            self.start = Some(self.start.map_or(first, |start| start.min(first)));
        }
    }

    fn ends(&mut self, date: &str) {
        if let Some((_, last)) = days(date) {
            self.end = self.end.max(Some(last));
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
        registry::{
            Agreement, Condition, Opportunity, Organization, Partnership, PartnershipEnd, PartnershipStage, StageEvent,
        },
        to_dynamic,
        types::{ContactPoint, Identifier, LocalizedText, Place, Sector, SectorScheme},
    };
    use prost::Name as _;

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
                place: Some(Place {
                    names: vec![text("Kénitra", "ar")],
                    point: Some(Point { latitude: 34.26, longitude: -6.58 }),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            planned_period: Some(Period { start_date: "1971".into(), end_date: String::new() }),
            open_conditions: vec![Condition::M1.into()],
            internal_notes: "note".into(),
            update_time: Some(Timestamp { seconds: 2, nanos: 5_000 }),
            create_time: Some(Timestamp { seconds: 9, nanos: 0 }),
            ..Default::default()
        };
        let findings = walk(&to_dynamic(&partnership));
        assert_eq!(findings.title, ["title"]);
        assert_eq!(findings.body, ["summary", "Kénitra"]);
        let counted = |facet| findings.facets[&facet].counted.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(counted(Facet::OriginCountry), ["MA"]);
        assert_eq!(counted(Facet::Stage), ["LAUNCH"]);
        assert_eq!(counted(Facet::Language), ["ar", "fr", "pt", "pt-BR"]);
        assert_eq!(counted(Facet::Sector), ["NACE/2/C"]);
        assert_eq!(counted(Facet::OpenCondition), ["M1"]);
        assert!(findings.facets[&Facet::Sector].found_by.contains("2/C/2"));
        assert_eq!(findings.update_time, Some(2_000_005_000));
        assert_eq!(findings.points, [(34.26, -6.58)]);
        assert_eq!(findings.days(), Days { start: Some(365), end: None });
    }

    #[test]
    fn what_lies_deeper_is_found_too() {
        let organization = Organization {
            identifiers: vec![Identifier { scheme: "PT-NIPPC".into(), value: "501".into(), ..Default::default() }],
            contact_points: vec![ContactPoint { languages: vec!["kea".into()], ..Default::default() }],
            ..Default::default()
        };
        let findings = walk(&to_dynamic(&organization));
        assert_eq!((findings.title.len(), &findings.body), (0, &vec!["501".to_owned()]));
        assert!(findings.facets[&Facet::Language].counted.iter().eq(["kea"]));
        assert_eq!(findings.title_order(), "");
    }

    #[test]
    fn the_widest_time_counts_and_what_is_planned_only_alone() {
        let period = |start: &str, end: &str| Some(Period { start_date: start.into(), end_date: end.into() });
        let of = |planned_period, actual_period| {
            let partnership = Partnership { planned_period, actual_period, ..Default::default() };
            let days = walk(&to_dynamic(&partnership)).days();
            (days.start, days.end)
        };
        assert_eq!(of(period("1970", "1971"), None), (Some(0), Some(729)));
        assert_eq!(of(period("1970", "1971"), period("", "1970-01-03")), (None, Some(2)));
        assert_eq!(of(period("1970", "1971"), period("", "")), (Some(0), Some(729)));
        assert_eq!(of(None, period("soon", "")), (None, None));
        let agreement =
            Agreement { sign_date: "1970-01-05".into(), period: period("1970-02", ""), ..Default::default() };
        assert_eq!(walk(&to_dynamic(&agreement)).days(), Days { start: Some(4), end: None });
        let event = StageEvent { date: "1970-01".into(), ..Default::default() };
        assert_eq!(walk(&to_dynamic(&event)).days(), Days { start: Some(0), end: Some(30) });
        let opportunity = Opportunity { expire_date: "1970-01-02".into(), ..Default::default() };
        assert_eq!(walk(&to_dynamic(&opportunity)).days(), Days { start: None, end: Some(1) });
    }

    #[test]
    fn a_title_by_which_is_ordered_is_folded_and_cut_between_letters() {
        let titled = |title: &str| Findings { title: vec![title.to_owned(), "Z".to_owned()], ..Findings::default() };
        assert_eq!(titled("São João").title_order(), "sao joao");
        let long = titled(&format!("a{}", "語".repeat(100))).title_order();
        assert_eq!(long.len(), 199);
    }

    #[test]
    fn every_search_option_stands_on_a_type_that_is_understood() {
        for field in isopolity_proto::pool().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
            let (search, kind) = (field::search(&field), field.kind());
            let message = kind.as_message().map(|message| message.full_name().to_owned()).unwrap_or_default();
            let enumeration = kind.as_enum().map(|one| one.full_name().to_owned()).unwrap_or_default();
            let of_enum = |name: &str| enumeration == format!("isopolity.registry.v1.{name}");
            let facet = match search.facet {
                None => true,
                Some(Facet::Sector) => message == Sector::full_name(),
                Some(Facet::Stage) => of_enum("PartnershipStage"),
                Some(Facet::Role) => of_enum("ParticipantRole"),
                Some(Facet::OrganizationKind) => of_enum("OrganizationKind"),
                Some(Facet::SizeClass) => of_enum("SizeClass"),
                Some(Facet::Direction) => of_enum("OpportunityDirection"),
                Some(Facet::Subject) => of_enum("OpportunitySubject"),
                Some(Facet::OpenCondition) => of_enum("Condition"),
                Some(Facet::OriginCountry | Facet::Country | Facet::Language | Facet::Region | Facet::Sdg) => {
                    matches!(kind, Kind::String)
                }
                // These stand on no field.
                Some(Facet::Kind | Facet::City | Facet::Unspecified) => false,
            };
            let date_role = match search.date_role {
                None => true,
                Some(DateRole::Start | DateRole::End | DateRole::Day) => matches!(kind, Kind::String),
                Some(DateRole::Period | DateRole::PlannedPeriod) => message == Period::full_name(),
                Some(DateRole::Unspecified) => false,
            };
            assert!(facet && date_role, "{}", field.full_name());
            assert!(!search.date || message == Timestamp::full_name(), "{}", field.full_name());
            assert!(!search.point || message == Point::full_name(), "{}", field.full_name());
            assert!(!search.text || matches!(kind, Kind::String), "{}", field.full_name());
        }
    }

    #[test]
    fn a_time_that_does_not_fit_is_the_nearest_that_does() {
        assert_eq!(nanoseconds(&Timestamp { seconds: i64::MAX, nanos: 0 }), i64::MAX);
        assert_eq!(nanoseconds(&Timestamp { seconds: -62_135_596_800, nanos: 0 }), i64::MIN);
    }
}
