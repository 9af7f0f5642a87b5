//! Resources and questions, as small as they may be.

use isopolity_proto::{
    catalog::{CityOutcome, Outcome, PartialResponse, SearchRequest, SearchResponse, partial_response::Accept},
    federation::Question,
    options::Audience,
    registry::{
        Agreement, AgreementKind, AgreementParty, Organization, OrganizationKind, Participant, ParticipantRole,
        Partnership, PartnershipStage, Side,
    },
    types::{LocalizedText, Sector, SectorScheme},
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
