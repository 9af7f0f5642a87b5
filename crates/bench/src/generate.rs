//! A registry as a city might have it, made up: invented organisations in real places, with real sectors and countries. The
//! same seed gives the same registry.

use csv::StringRecord;
use isopolity_proto::{
    json,
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementParty, Opportunity, OpportunityDirection, OpportunityStatus,
        OpportunitySubject, Organization, OrganizationKind, Participant, ParticipantRole, Partnership,
        PartnershipStage, Side, SupportService,
    },
    type_url,
    types::{LocalizedText, Place, Point, Provenance, ProvenanceMethod, Sector, SectorScheme},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use crate::measure::Failure;

/// The city whose registry it is.
pub(crate) const CITY: &str = "generated.example";
const PAIRS: &str = include_str!("../../../tests/data/twin-towns/twin_pairs_eu25.csv");

const CODES: [&str; 12] =
    ["01.13", "10.41", "10.71", "13.20", "14.13", "31.01", "46.31", "47.11", "56.10", "62.01", "79.12", "96.02"];
const TRADES: [(&str, &str); 12] = [
    ("Olive oil", "en"),
    ("Boulangerie", "fr"),
    ("Cortiça", "pt"),
    ("Textiles", "en"),
    ("مخبز", "ar"),
    ("Möbelbau", "de"),
    ("Пекарня", "uk"),
    ("Ελαιόλαδο", "el"),
    ("茶叶", "zh"),
    ("Frutas", "es"),
    ("Konfeksiyon", "tr"),
    ("Logiciels", "fr"),
];

/// Writes a registry record by record: organisations first, then what refers to them.
#[derive(Debug)]
pub(crate) struct Generator {
    random: StdRng,
    places: Vec<Place>,
    organizations: u64,
    next: u64,
    records: u64,
}

impl Generator {
    pub(crate) fn new(records: u64, seed: u64) -> Result<Self, Failure> {
        let mut places = Vec::new();
        for row in csv::Reader::from_reader(PAIRS.as_bytes()).into_records() {
            places.extend(place(&row?));
        }
        Ok(Self {
            random: StdRng::seed_from_u64(seed),
            places,
            organizations: (records * 2 / 5).max(2),
            next: 0,
            records,
        })
    }

    fn one_of<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(self.random.random_range(0..values.len().max(1)))
    }

    fn place(&mut self) -> Place {
        let at = self.random.random_range(0..self.places.len().max(1));
        self.places.get(at).cloned().unwrap_or_default()
    }

    fn organization_name(&mut self) -> String {
        format!("cities/{CITY}/organizations/o{}", self.random.random_range(0..self.organizations))
    }

    fn names(&mut self, at: u64, place: &Place) -> Vec<LocalizedText> {
        let (trade, language) = self.one_of(&TRADES).copied().unwrap_or_default();
        let town = place.names.first().map(|name| name.text.clone()).unwrap_or_default();
        vec![text(&format!("{trade} {town} {at}"), language)]
    }

    fn sector(&mut self) -> Sector {
        let code = self.one_of(&CODES).copied().unwrap_or_default();
        Sector { scheme: SectorScheme::Nace.into(), version: "2".into(), code: code.into(), ..Default::default() }
    }

    /// The next record as a line of JSON, with its line end; `None` after the last.
    pub(crate) fn line(&mut self) -> Option<String> {
        let at = self.next;
        if at >= self.records {
            return None;
        }
        self.next += 1;
        let value = if at < self.organizations {
            tagged(&self.organization(at))
        } else {
            match at % 6 {
                0 | 1 => tagged(&self.partnership(at)),
                2 => tagged(&self.agreement(at)),
                3 | 4 => tagged(&self.opportunity(at)),
                _ => tagged(&self.service(at)),
            }
        };
        Some(format!("{value}\n"))
    }

    fn organization(&mut self, at: u64) -> Organization {
        let place = self.place();
        Organization {
            name: format!("cities/{CITY}/organizations/o{at}"),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            display_names: self.names(at, &place),
            kind: OrganizationKind::Enterprise.into(),
            country: country(&place),
            sectors: vec![self.sector()],
            summaries: vec![text(
                "Looks for partners for distribution and for research on the market of origin.",
                "en",
            )],
            languages: vec!["en".into(), "fr".into()],
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
        Partnership {
            name: format!("cities/{CITY}/partnerships/p{at}"),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles: self.names(at, &place),
            summaries: vec![text(
                "From prospective market research to profit-taking, with know-how of both sides.",
                "en",
            )],
            origin_countries: vec![country(&place)],
            stage: PartnershipStage::try_from(stage).unwrap_or_default().into(),
            participants: vec![
                participant(lead, ParticipantRole::LeadEnterprise, Side::Destination),
                participant(other, ParticipantRole::Enterprise, Side::Origin),
            ],
            sectors: vec![self.sector()],
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
        Agreement {
            name: format!("cities/{CITY}/agreements/a{at}"),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles: self.names(at, &place),
            kind: AgreementKind::Twinning.into(),
            parties: vec![
                party(vec![text("Generated", "en")], format!("cities/{CITY}")),
                party(place.names.clone(), String::new()),
            ],
            partner_countries: vec![country(&place)],
            ..Default::default()
        }
    }

    fn opportunity(&mut self, at: u64) -> Opportunity {
        let place = self.place();
        let direction =
            if self.random.random_bool(0.5) { OpportunityDirection::Seeks } else { OpportunityDirection::Offers };
        Opportunity {
            name: format!("cities/{CITY}/opportunities/q{at}"),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles: self.names(at, &place),
            direction: direction.into(),
            subjects: vec![OpportunitySubject::Distribution.into()],
            organization: self.organization_name(),
            status: OpportunityStatus::Open.into(),
            countries: vec![country(&place)],
            sectors: vec![self.sector()],
            languages: vec!["en".into()],
            ..Default::default()
        }
    }

    fn service(&mut self, at: u64) -> SupportService {
        let place = self.place();
        SupportService {
            name: format!("cities/{CITY}/supportServices/s{at}"),
            audience: Audience::Public.into(),
            provenance: Some(provenance()),
            titles: self.names(at, &place),
            provider: self.organization_name(),
            side: Side::Destination.into(),
            stages: vec![PartnershipStage::MarketResearch.into(), PartnershipStage::Feasibility.into()],
            languages: vec!["en".into(), "ar".into()],
            mainstream: true,
            ..Default::default()
        }
    }
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
