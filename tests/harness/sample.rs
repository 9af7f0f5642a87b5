//! Resources and questions, as small as they may be.

use isopolity_proto::{
    catalog::{CityOutcome, Outcome, PartialResponse, SearchRequest, SearchResponse, partial_response::Accept},
    federation::Question,
    options::Audience,
    registry::{
        Advantage, AdvantageFactor, Agreement, AgreementKind, AgreementParty, Condition, ConditionAssessment,
        ConditionStatus, EvidenceGrade, GoodPractice, Indicator, IndicatorObservation, MatchAssertion, MatchVerdict,
        Measure, Opportunity, OpportunityDirection, OpportunityStatus, OpportunitySubject, Organization,
        OrganizationKind, Participant, ParticipantRole, Partnership, PartnershipStage, Place, PlaceKind, Side,
        SupportService,
    },
    types::{LocalizedText, Period, Sector, SectorScheme},
};

/// A text in a language.
pub fn text(text: &str, language: &str) -> LocalizedText {
    LocalizedText { text: text.into(), language: language.into(), ..Default::default() }
}

/// A sector of NACE 2.1.
pub fn nace(code: &str) -> Sector {
    Sector { scheme: SectorScheme::Nace.into(), version: "2.1".into(), code: code.into(), ..Default::default() }
}

/// A public partnership that bakes bread, at its launch.
pub fn partnership(title: &str, country: &str) -> Partnership {
    let participant = |name: &str, role: ParticipantRole, side: Side| Participant {
        display_names: vec![text(name, "en")],
        roles: vec![role.into()],
        side: side.into(),
        ..Default::default()
    };
    Partnership {
        audience: Audience::Public.into(),
        titles: vec![text(title, "en")],
        origin_countries: vec![country.into()],
        stage: PartnershipStage::Launch.into(),
        sectors: vec![nace("10.71")],
        participants: vec![
            participant("A bakery", ParticipantRole::LeadEnterprise, Side::Destination),
            participant("A mill", ParticipantRole::Enterprise, Side::Origin),
        ],
        ..Default::default()
    }
}

/// A public enterprise.
pub fn organization(name: &str, country: &str) -> Organization {
    Organization {
        audience: Audience::Public.into(),
        display_names: vec![text(name, "en")],
        kind: OrganizationKind::Enterprise.into(),
        country: country.into(),
        ..Default::default()
    }
}

/// A public twinning of a city.
pub fn agreement(city: &str, title: &str, country: &str) -> Agreement {
    let party =
        |name: &str, city: String| AgreementParty { display_names: vec![text(name, "en")], city, ..Default::default() };
    Agreement {
        audience: Audience::Public.into(),
        titles: vec![text(title, "en")],
        kind: AgreementKind::Twinning.into(),
        parties: vec![party("This city", format!("cities/{city}")), party("The other city", String::new())],
        partner_countries: vec![country.into()],
        ..Default::default()
    }
}

/// A public municipality.
pub fn place(name: &str, country: &str) -> Place {
    Place {
        audience: Audience::Public.into(),
        display_names: vec![text(name, "en")],
        kind: PlaceKind::Municipality.into(),
        country: country.into(),
        ..Default::default()
    }
}

/// What partner cities may know: a partnership, by name, has the mandate of the authority of destination.
pub fn condition_assessment(partnership: &str) -> ConditionAssessment {
    ConditionAssessment {
        audience: Audience::Federation.into(),
        partnership: partnership.into(),
        condition: Condition::A1.into(),
        side: Side::Destination.into(),
        status: ConditionStatus::Met.into(),
        assess_date: "2026-01-15".into(),
        ..Default::default()
    }
}

/// A public service that helps to find partners.
pub fn support_service(title: &str) -> SupportService {
    SupportService {
        audience: Audience::Public.into(),
        titles: vec![text(title, "en")],
        provider_names: vec![text("The chamber", "en")],
        side: Side::Destination.into(),
        stages: vec![PartnershipStage::PartnerSearch.into()],
        languages: vec!["en".into()],
        ..Default::default()
    }
}

/// A bakery that publicly seeks flour.
pub fn opportunity(title: &str, country: &str) -> Opportunity {
    Opportunity {
        audience: Audience::Public.into(),
        titles: vec![text(title, "en")],
        direction: OpportunityDirection::Seeks.into(),
        subjects: vec![OpportunitySubject::Supply.into()],
        organization_names: vec![text("A bakery", "en")],
        status: OpportunityStatus::Open.into(),
        countries: vec![country.into()],
        sectors: vec![nace("10.71")],
        ..Default::default()
    }
}

/// What was measured in a partnership, by name, or in the city as a whole. For own staff.
pub fn indicator_observation(partnership: &str) -> IndicatorObservation {
    IndicatorObservation {
        audience: Audience::Internal.into(),
        indicator: Indicator::I01.into(),
        partnership: partnership.into(),
        period: Some(Period { start_date: "2025-01-01".into(), end_date: "2025-12-31".into() }),
        actual: Some(Measure { value: "12".into(), ..Default::default() }),
        unit: "count".into(),
        ..Default::default()
    }
}

/// How many residents have ties to a country. Public.
pub fn advantage_factor(country: &str) -> AdvantageFactor {
    AdvantageFactor {
        audience: Audience::Public.into(),
        country: country.into(),
        advantage: Advantage::MigrantStock.into(),
        value: "1200".into(),
        unit: "persons".into(),
        year: 2024,
        ..Default::default()
    }
}

/// A story for partner cities.
pub fn good_practice(title: &str, country: &str) -> GoodPractice {
    GoodPractice {
        audience: Audience::Federation.into(),
        titles: vec![text(title, "en")],
        stories: vec![text("They baked bread together.", "en")],
        countries: vec![country.into()],
        evidence_grade: EvidenceGrade::Documented.into(),
        ..Default::default()
    }
}

/// A decision for own staff that two records, by name, are not of the same thing.
pub fn match_assertion(left: &str, right: &str) -> MatchAssertion {
    MatchAssertion {
        audience: Audience::Internal.into(),
        left: left.into(),
        right: right.into(),
        verdict: MatchVerdict::Different.into(),
        ..Default::default()
    }
}

/// A question for all partnerships, the latest first.
pub fn partnerships() -> Question {
    Question { kinds: vec!["partnership".into()], ..Default::default() }
}

/// A question with nothing around it.
pub fn asking(question: Question) -> SearchRequest {
    SearchRequest { question: Some(question), page_size: 100, ..Default::default() }
}

/// The same with what is enough.
pub fn requiring(question: Question, accept: Accept) -> SearchRequest {
    SearchRequest { partial_response: Some(PartialResponse { accept: Some(accept) }), ..asking(question) }
}

/// The names of the hits, in order.
pub fn names(answer: &SearchResponse) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.name.as_str()).collect()
}

/// Each city's outcome, in order.
pub fn outcomes(outcomes: &[CityOutcome]) -> Vec<(&str, Outcome)> {
    outcomes.iter().map(|one| (one.city.as_str(), one.outcome())).collect()
}

/// One city's outcome.
pub fn outcome<'a>(answer: &'a SearchResponse, city: &str) -> &'a CityOutcome {
    answer.outcomes.iter().find(|one| one.city == city).unwrap()
}
