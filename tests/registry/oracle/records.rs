//! Random resources of cities, in few words, so that much matches and much is equal.

use isopolity_proto::{
    options::Audience,
    registry::{
        Opportunity, OpportunityDirection, OpportunitySubject, Organization, OrganizationKind, Participant,
        ParticipantRole, Partnership, PartnershipEnd, PartnershipStage, Side, SizeClass, SupportService,
    },
    to_dynamic,
    types::{LocalizedText, Period, Place, Point, Sector, SectorScheme},
};
use isopolity_tests::{Dice, sample};

use isopolity_domain::Kind;
use prost_reflect::{DynamicMessage, Value};

/// Words in several scripts; some hold others, some differ by diacritics alone.
pub(super) const WORDS: [&str; 16] = [
    "padaria",
    "cortiça",
    "cortica",
    "Kénitra",
    "القنيطرة",
    "Αθήνα",
    "Београд",
    "神戸",
    "São",
    "market",
    "permit",
    "hills",
    "tour",
    "olive oil",
    "olives",
    "oil",
];
pub(super) const COUNTRIES: [&str; 5] = ["MA", "CV", "SN", "TR", "XK"];
pub(super) const SUBDIVISIONS: [(&str, &str); 3] = [("PT", "PT-01"), ("PT", "PT-11"), ("MA", "MA-04")];
pub(super) const LANGUAGES: [&str; 5] = ["pt", "pt-BR", "fr", "ar", "zh-Hant-TW"];
pub(super) const DAYS: [&str; 5] = ["2012-02-01", "2013-03-15", "2014-02-28", "2014-12-31", "2016-06-01"];
/// Where points lie, in degrees.
pub(super) const PLACES: [(f64, f64); 4] = [(40.93, -8.54), (41.15, -8.61), (34.26, -6.58), (-0.1, 179.9)];

const AUDIENCES: [Audience; 8] = [
    Audience::Public,
    Audience::Public,
    Audience::Public,
    Audience::Federation,
    Audience::Federation,
    Audience::Shared,
    Audience::Shared,
    Audience::Internal,
];
/// Cities with which something is shared; the first is the one that asks.
const SHARED_WITH: [&str; 3] = ["feira.example", "a.b.c", "nobody.example"];

/// A resource of some kind of this city.
pub(super) fn resource(dice: &mut Dice, city: &str) -> (Kind, DynamicMessage) {
    let (kind, mut resource) = match dice.below(6) {
        0 => (Kind::Organization, to_dynamic(&organization(dice))),
        1 => (Kind::Opportunity, to_dynamic(&opportunity(dice))),
        2 => (Kind::SupportService, to_dynamic(&support_service(dice))),
        _ => (Kind::Partnership, to_dynamic(&partnership(dice))),
    };
    share(&mut resource, dice, city);
    (kind, resource)
}

/// Names cities, where the resource or a part of it may be shared.
fn share(resource: &mut DynamicMessage, dice: &mut Dice, city: &str) {
    let audience = resource.get_field_by_name("audience").and_then(|audience| audience.as_enum_number());
    let others: Vec<&str> = SHARED_WITH.into_iter().filter(|other| *other != city).collect();
    let shared = audience == Some(Audience::Shared.into());
    if shared || (audience != Some(Audience::Internal.into()) && dice.once_in(2)) {
        let cities = dice.distinct(&others, 2).into_iter().map(|city| Value::String(city.to_owned())).collect();
        resource.set_field_by_name("shared_with", Value::List(cities));
    }
}

fn texts(dice: &mut Dice, least: usize, most: usize, words: usize) -> Vec<LocalizedText> {
    let count = least + dice.place(most - least + 1);
    dice.distinct(&LANGUAGES, LANGUAGES.len())
        .into_iter()
        .cycle()
        .take(count)
        .map(|language| {
            let first = dice.pick(&WORDS);
            let rest = dice.some(&WORDS, words);
            sample::text(&std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" "), language)
        })
        .collect()
}

fn strings(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn sectors(dice: &mut Dice) -> Vec<Sector> {
    let sector = |scheme: SectorScheme, version: &str, code: &str| Sector {
        scheme: scheme.into(),
        version: version.into(),
        code: code.into(),
        ..Sector::default()
    };
    let all = [
        sector(SectorScheme::Nace, "2.1", "10.71"),
        sector(SectorScheme::Nace, "2", "10.71"),
        sector(SectorScheme::Isic, "4", "1071"),
        sector(SectorScheme::Nace, "2.1", "62"),
        sector(SectorScheme::Nace, "2", "A"),
    ];
    dice.distinct(&all, 2)
}

fn place(dice: &mut Dice) -> Place {
    let (country, subdivision) = dice.pick(&SUBDIVISIONS);
    let (latitude, longitude) = dice.pick(&PLACES);
    Place {
        names: texts(dice, 1, 1, 0),
        country: country.into(),
        subdivision: if dice.once_in(2) { subdivision.into() } else { String::new() },
        point: dice.once_in(2).then_some(Point { latitude, longitude }),
        ..Place::default()
    }
}

fn period(dice: &mut Dice) -> Option<Period> {
    let (from, to) = (dice.place(DAYS.len()), dice.place(DAYS.len()));
    let day = |place: usize| DAYS.get(place).copied().unwrap_or_default().to_owned();
    let end_date = if dice.once_in(3) { String::new() } else { day(from.max(to)) };
    dice.once_in(2).then(|| Period { start_date: day(from.min(to)), end_date })
}

fn partnership(dice: &mut Dice) -> Partnership {
    let participant = |dice: &mut Dice, side: Side| Participant {
        display_names: texts(dice, 1, 1, 1),
        roles: dice
            .distinct(&[ParticipantRole::LeadEnterprise, ParticipantRole::Enterprise, ParticipantRole::Investor], 2)
            .into_iter()
            .map(Into::into)
            .collect(),
        side: side.into(),
        ..Participant::default()
    };
    let stages = [
        PartnershipStage::Opportunity,
        PartnershipStage::MarketResearch,
        PartnershipStage::Launch,
        PartnershipStage::Operating,
    ];
    let end = |dice: &mut Dice, side: Side| PartnershipEnd { side: side.into(), place: Some(place(dice)) };
    let audience = dice.pick(&AUDIENCES);
    let mut participants = vec![participant(dice, Side::Destination), participant(dice, Side::Origin)];
    if audience < Audience::Internal && dice.once_in(2) {
        participants.push(Participant { audience: Audience::Shared.into(), ..participant(dice, Side::Origin) });
    }
    Partnership {
        audience: audience.into(),
        titles: texts(dice, 1, 2, 2),
        summaries: texts(dice, 0, 2, 5),
        lessons: if dice.once_in(3) { texts(dice, 1, 1, 3) } else { Vec::new() },
        internal_notes: if dice.once_in(4) { "permit".into() } else { String::new() },
        origin_countries: strings(dice.distinct(&COUNTRIES, 2)),
        sectors: sectors(dice),
        stage: dice.pick(&stages).into(),
        participants,
        ends: if dice.once_in(2) { vec![end(dice, Side::Destination), end(dice, Side::Origin)] } else { Vec::new() },
        sdg_goals: strings(dice.some(&["8", "10"], 1)),
        sdg_targets: strings(dice.some(&["8.3", "10.7"], 1)),
        planned_period: period(dice),
        actual_period: period(dice),
        ..Partnership::default()
    }
}

fn organization(dice: &mut Dice) -> Organization {
    Organization {
        audience: dice.pick(&AUDIENCES).into(),
        kind: dice.pick(&[OrganizationKind::Enterprise, OrganizationKind::DiasporaAssociation]).into(),
        size_class: dice.pick(&[SizeClass::Unspecified, SizeClass::Micro, SizeClass::Large]).into(),
        sole_trader: dice.once_in(6),
        summaries: texts(dice, 0, 1, 4),
        seat: dice.once_in(2).then(|| place(dice)),
        display_names: texts(dice, 1, 2, 1),
        ..sample::organization("", dice.pick(&COUNTRIES))
    }
}

fn opportunity(dice: &mut Dice) -> Opportunity {
    Opportunity {
        audience: dice.pick(&AUDIENCES).into(),
        titles: texts(dice, 1, 1, 3),
        summaries: texts(dice, 0, 1, 4),
        direction: dice.pick(&[OpportunityDirection::Seeks, OpportunityDirection::Offers]).into(),
        subjects: dice
            .distinct(&[OpportunitySubject::Supply, OpportunitySubject::Distribution], 2)
            .into_iter()
            .map(Into::into)
            .collect(),
        countries: strings(dice.distinct(&COUNTRIES, 2)),
        sectors: sectors(dice),
        languages: strings(dice.some(&LANGUAGES, 2)),
        ..sample::opportunity("", "MA")
    }
}

fn support_service(dice: &mut Dice) -> SupportService {
    SupportService {
        audience: dice.pick(&AUDIENCES).into(),
        titles: texts(dice, 1, 1, 2),
        summaries: texts(dice, 0, 1, 4),
        countries: strings(dice.some(&COUNTRIES, 2)),
        languages: strings(dice.distinct(&LANGUAGES, 2)),
        ..sample::support_service("")
    }
}
