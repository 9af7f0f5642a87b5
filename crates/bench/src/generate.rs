//! A registry as a city might have it, made up: invented organisations in real places, with real sectors and countries,
//! and texts in ten languages and five scripts. The same seed gives the same registry.

mod publication;
mod question;
mod vocabulary;
mod words;

use std::sync::LazyLock;

use csv::StringRecord;
use isopolity_domain::Kind;
use isopolity_proto::{
    json,
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementParty, Opportunity, OpportunityDirection, OpportunityStatus,
        OpportunitySubject, Organization, OrganizationKind, Participant, ParticipantRole, Partnership, PartnershipEnd,
        PartnershipStage, Side, SupportService,
    },
    type_url,
    types::{LocalizedText, Period, Place, Point, Provenance, ProvenanceMethod, Sector, SectorScheme},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use crate::measure::Failure;

pub(crate) use publication::{Seal, publications};
pub(crate) use question::{Asked, Class, questions};
use vocabulary::Vocabulary;
pub(crate) use words::{Indexed, indexed};

/// The city whose registry it is, where there is but one.
pub(crate) const CITY: &str = "generated.example";
const PAIRS: &str = include_str!("../../../tests/data/twin-towns/twin_pairs_eu25.csv");
const NACE: &str = include_str!("../../domain/data/nace/nace-2.tsv");
const ISIC: &str = include_str!("../../domain/data/isic/isic-4.tsv");
/// Of a hundred records so many have an English summary.
const ENGLISH: u32 = 75;

/// The partners of the real twin-town pairs.
static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    csv::Reader::from_reader(PAIRS.as_bytes()).into_records().filter_map(|row| place(&row.ok()?)).collect()
});

/// Classes of NACE and ISIC: scheme, version, code, English name.
static CLASSES: LazyLock<Vec<(SectorScheme, &str, &str, &str)>> = LazyLock::new(|| {
    let classes = |table: &'static str, length: usize| {
        table.lines().skip(1).filter_map(move |line| {
            let mut cells = line.split('\t');
            let code = cells.next().filter(|code| code.len() == length)?;
            // The name, or where the table has only other words for it, the first of these.
            let name = cells.skip(2).find(|name| !name.is_empty())?;
            Some((code, name.split('|').next().unwrap_or(name)))
        })
    };
    let nace = classes(NACE, 5).map(|(code, name)| (SectorScheme::Nace, "2", code, name));
    let isic = classes(ISIC, 4).map(|(code, name)| (SectorScheme::Isic, "4", code, name));
    nace.chain(isic).collect()
});

/// A resource of a generated registry.
#[derive(Clone, Debug)]
pub(crate) enum Resource {
    Organization(Box<Organization>),
    Partnership(Box<Partnership>),
    Agreement(Box<Agreement>),
    Opportunity(Box<Opportunity>),
    SupportService(Box<SupportService>),
}

/// Does the same with the message, whichever it is.
macro_rules! with {
    ($resource:expr, $message:ident => $do:expr) => {
        match $resource {
            Resource::Organization($message) => $do,
            Resource::Partnership($message) => $do,
            Resource::Agreement($message) => $do,
            Resource::Opportunity($message) => $do,
            Resource::SupportService($message) => $do,
        }
    };
}
use with;

impl Resource {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Organization(_) => Kind::Organization,
            Self::Partnership(_) => Kind::Partnership,
            Self::Agreement(_) => Kind::Agreement,
            Self::Opportunity(_) => Kind::Opportunity,
            Self::SupportService(_) => Kind::SupportService,
        }
    }

    pub(crate) fn name(&self) -> &str {
        with!(self, message => &message.name)
    }

    /// As a line of JSON, with its line end.
    fn line(&self) -> String {
        format!("{}\n", with!(self, message => tagged(message.as_ref())))
    }
}

/// Writes a registry record by record: organisations first, then what refers to them.
#[derive(Debug)]
pub(crate) struct Generator {
    random: StdRng,
    city: String,
    organizations: u64,
    next: u64,
    records: u64,
}

impl Generator {
    /// The registry of the one city.
    pub(crate) fn new(records: u64, seed: u64) -> Result<Self, Failure> {
        Self::of(CITY, records, seed)
    }

    /// A city's registry: the same for the same city, size and seed.
    pub(crate) fn of(city: &str, records: u64, seed: u64) -> Result<Self, Failure> {
        if PLACES.is_empty() || CLASSES.is_empty() {
            return Err("the places or sectors that records are made of can't be read".into());
        }
        let of_city = city.bytes().fold(seed, |sum, byte| sum.wrapping_mul(1_000_003).wrapping_add(byte.into()));
        Ok(Self {
            random: StdRng::seed_from_u64(of_city),
            city: city.to_owned(),
            organizations: (records * 2 / 5).max(2),
            next: 0,
            records,
        })
    }

    /// The next record as a line of JSON; `None` after the last.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.resource().map(|resource| resource.line())
    }

    /// The next record; `None` after the last.
    pub(crate) fn resource(&mut self) -> Option<Resource> {
        let at = self.next;
        if at >= self.records {
            return None;
        }
        self.next += 1;
        Some(if at < self.organizations {
            Resource::Organization(Box::new(self.organization(at)))
        } else {
            match at % 6 {
                0 | 1 => Resource::Partnership(Box::new(self.partnership(at))),
                2 => Resource::Agreement(Box::new(self.agreement(at))),
                3 | 4 => Resource::Opportunity(Box::new(self.opportunity(at))),
                _ => Resource::SupportService(Box::new(self.service(at))),
            }
        })
    }

    fn place(&mut self) -> Place {
        let at = self.random.random_range(0..PLACES.len().max(1));
        PLACES.get(at).cloned().unwrap_or_default()
    }

    fn class(&mut self) -> (SectorScheme, &'static str, &'static str, &'static str) {
        // Some trades are in every city, others in few.
        let skew: f64 = self.random.random_range(0.0_f64..1.0).powi(3);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a table of some hundred lines"
        )]
        let at = (skew * CLASSES.len() as f64) as usize;
        CLASSES.get(at).copied().unwrap_or((SectorScheme::Nace, "2", "10.71", "Bakery"))
    }

    fn organization_name(&mut self) -> String {
        format!("cities/{}/organizations/o{}", self.city, self.random.random_range(0..self.organizations))
    }

    /// A language, and what something is called in it: an invented name, what it does and where.
    fn named(&mut self, trade: &str, place: &Place) -> (Option<&'static Vocabulary>, Vec<LocalizedText>) {
        let words = vocabulary::any(&mut self.random);
        let town = place.names.first().map(|name| name.text.as_str()).unwrap_or_default();
        let (name, what, language) = match words {
            Some(words) if words.language != "en" => {
                (words.name(&mut self.random), words.text(&mut self.random, 2), words.language)
            }
            Some(words) => (words.name(&mut self.random), trade.to_lowercase(), words.language),
            None => (String::new(), trade.to_lowercase(), "en"),
        };
        (words, vec![text(&format!("{name} {what} {town}"), language)])
    }

    fn summaries(&mut self, words: Option<&'static Vocabulary>) -> Vec<LocalizedText> {
        let mut summaries = Vec::new();
        let own = words.filter(|words| words.language != "en");
        let english = vocabulary::english().filter(|_| own.is_none() || self.random.random_range(0..100) < ENGLISH);
        for words in own.into_iter().chain(english) {
            let length = self.random.random_range(8..=40);
            summaries.push(text(&words.text(&mut self.random, length), words.language));
        }
        summaries
    }

    fn date(&mut self, years: std::ops::RangeInclusive<i32>) -> String {
        let (year, month) = (self.random.random_range(years), self.random.random_range(1..=12));
        format!("{year}-{month:02}-{:02}", self.random.random_range(1..=28))
    }

    fn organization(&mut self, at: u64) -> Organization {
        let place = self.place();
        let (scheme, version, code, trade) = self.class();
        let (words, display_names) = self.named(trade, &place);
        let kind = match self.random.random_range(0..20) {
            0 => OrganizationKind::DiasporaAssociation,
            1 => OrganizationKind::BusinessDevelopmentAgency,
            2 => OrganizationKind::Ngo,
            _ => OrganizationKind::Enterprise,
        };
        Organization {
            name: format!("cities/{}/organizations/o{at}", self.city),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            display_names,
            kind: kind.into(),
            country: country(&place),
            sectors: vec![sector(scheme, version, code)],
            summaries: self.summaries(words),
            languages: languages(words),
            seat: Some(place),
            ..Default::default()
        }
    }

    fn partnership(&mut self, at: u64) -> Partnership {
        let place = self.place();
        let participant = |organization: String, role: ParticipantRole, side: Side| Participant {
            organization,
            roles: vec![role.into()],
            side: side.into(),
            ..Default::default()
        };
        let stage = self.random.random_range(1..=9);
        let (lead, other) = (self.organization_name(), self.organization_name());
        let (scheme, version, code, trade) = self.class();
        let (words, titles) = self.named(trade, &place);
        Partnership {
            name: format!("cities/{}/partnerships/p{at}", self.city),
            audience: Audience::Federation.into(),
            provenance: Some(provenance()),
            titles,
            summaries: self.summaries(words),
            origin_countries: vec![country(&place)],
            ends: vec![PartnershipEnd { side: Side::Origin.into(), place: Some(place) }],
            stage: PartnershipStage::try_from(stage).unwrap_or_default().into(),
            participants: vec![
                participant(lead, ParticipantRole::LeadEnterprise, Side::Destination),
                participant(other, ParticipantRole::Enterprise, Side::Origin),
            ],
            sectors: vec![sector(scheme, version, code)],
            planned_period: Some(Period { start_date: self.date(2012..=2025), end_date: self.date(2026..=2031) }),
            internal_notes: "asked twice for the accounts".into(),
            ..Default::default()
        }
    }

    fn agreement(&mut self, at: u64) -> Agreement {
        let place = self.place();
        let party = |names: Vec<LocalizedText>, city: String| AgreementParty {
            display_names: names,
            city,
            ..Default::default()
        };
        let (words, titles) = self.named("twinning of towns", &place);
        Agreement {
            name: format!("cities/{}/agreements/a{at}", self.city),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles,
            summaries: self.summaries(words),
            kind: AgreementKind::Twinning.into(),
            parties: vec![
                party(vec![text("Generated", "en")], format!("cities/{}", self.city)),
                party(place.names.clone(), String::new()),
            ],
            sign_date: self.date(1955..=2024),
            partner_countries: vec![country(&place)],
            ..Default::default()
        }
    }

    fn opportunity(&mut self, at: u64) -> Opportunity {
        let place = self.place();
        let direction =
            if self.random.random_bool(0.5) { OpportunityDirection::Seeks } else { OpportunityDirection::Offers };
        let subject = OpportunitySubject::try_from(self.random.random_range(1..=10)).unwrap_or_default();
        let (scheme, version, code, trade) = self.class();
        let (words, titles) = self.named(trade, &place);
        Opportunity {
            name: format!("cities/{}/opportunities/q{at}", self.city),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles,
            summaries: self.summaries(words),
            direction: direction.into(),
            subjects: vec![subject.into()],
            organization: self.organization_name(),
            status: OpportunityStatus::Open.into(),
            countries: vec![country(&place)],
            sectors: vec![sector(scheme, version, code)],
            languages: languages(words),
            ..Default::default()
        }
    }

    fn service(&mut self, at: u64) -> SupportService {
        let place = self.place();
        let (words, titles) = self.named("advice for new firms", &place);
        let stage = self.random.random_range(1..=8);
        SupportService {
            name: format!("cities/{}/supportServices/s{at}", self.city),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles,
            summaries: self.summaries(words),
            provider: self.organization_name(),
            side: Side::Destination.into(),
            stages: [stage, stage + 1].map(|stage| PartnershipStage::try_from(stage).unwrap_or_default().into()).into(),
            languages: languages(words),
            countries: vec![country(&place)],
            mainstream: true,
            ..Default::default()
        }
    }
}

fn languages(words: Option<&'static Vocabulary>) -> Vec<String> {
    let mut languages = vec!["en".to_owned()];
    languages.extend(words.map(|words| words.language.to_owned()).filter(|language| language != "en"));
    languages
}

fn sector(scheme: SectorScheme, version: &str, code: &str) -> Sector {
    Sector { scheme: scheme.into(), version: version.into(), code: code.into(), ..Default::default() }
}

fn text(text: &str, language: &str) -> LocalizedText {
    LocalizedText { text: text.into(), language: language.into(), ..Default::default() }
}

fn country(place: &Place) -> String {
    if place.country.is_empty() { "MA".into() } else { place.country.clone() }
}

fn provenance() -> Provenance {
    Provenance {
        source: "generated".into(),
        method: ProvenanceMethod::Imported.into(),
        illustrative: true,
        ..Default::default()
    }
}

/// The partner of a twin-town pair.
fn place(row: &StringRecord) -> Option<Place> {
    let point = Point { latitude: row.get(8)?.parse().ok()?, longitude: row.get(9)?.parse().ok()? };
    let (name, country) = (row.get(5)?, row.get(6)?);
    Some(Place {
        names: vec![text(name, "und")],
        country: country.to_owned(),
        point: Some(point),
        ..Default::default()
    })
}

fn tagged<M: prost::Name>(message: &M) -> Value {
    let mut value = json::to_value(message, false);
    if let Some(object) = value.as_object_mut() {
        object.insert("@type".into(), Value::String(type_url(&M::full_name())));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_registry_and_each_city_has_its_own() {
        let lines = |city: &str, seed| {
            let mut generator = Generator::of(city, 30, seed).unwrap();
            std::iter::from_fn(move || generator.line()).collect::<Vec<_>>()
        };
        assert_eq!(lines("a.example", 1), lines("a.example", 1));
        assert_ne!(lines("a.example", 1), lines("a.example", 2));
        let other: Vec<_> =
            lines("b.example", 1).into_iter().map(|line| line.replace("b.example", "a.example")).collect();
        assert_ne!(lines("a.example", 1), other);
    }
}
