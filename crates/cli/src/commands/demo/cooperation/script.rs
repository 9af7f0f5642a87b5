//! What the two cities say.

use isopolity_proto::{
    cooperation::{
        Acceptance, Activation, AgreementSignature, AgreementTerms, CooperationKind, Counter, Milestone,
        MilestoneCompletion, MilestoneSetting, Offer, PartyAims, Proposal, Statement, Subject, Terms, step::Action,
    },
    options::Audience,
    registry::{AgreementKind, ConfirmationStance},
    types::{Commitment, CommitmentKind, LocalizedText, Period, TextKind},
};

use super::{HOST, PARTNER};

/// The day on which the protocol was signed, in Kénitra.
const SIGNED: &str = "2013-03-15";
/// The day on which the memorandum was signed, in Feira.
const MEMORANDUM: &str = "2012-10-17";
/// Nobody wrote down when the return visits should be. So far ahead that it waits in the inbox for a while.
const RETURN_VISITS: &str = "2030-12-31";

fn said(text: &str, language: &str, kind: TextKind) -> LocalizedText {
    LocalizedText { text: text.to_owned(), language: language.to_owned(), kind: kind.into(), machine: false }
}

fn original(text: &str, language: &str) -> Vec<LocalizedText> {
    vec![said(text, language, TextKind::Original)]
}

/// A text as it was written, and in English.
fn with_english(text: &str, language: &str, english: &str) -> Vec<LocalizedText> {
    vec![said(text, language, TextKind::Original), said(english, "en", TextKind::Translation)]
}

/// Feira proposes what it came for: business.
pub(super) fn proposal() -> Proposal {
    let partnership = Subject {
        name: format!("cities/{HOST}/partnerships/feira-kenitra"),
        display_names: with_english("Parceria económica Feira–Kenitra", "pt", "Business partnership Feira–Kenitra"),
        ..Subject::default()
    };
    let terms = Terms {
        titles: with_english(
            "Protocolo de cooperação entre Santa Maria da Feira e Kenitra",
            "pt",
            "Cooperation protocol between Santa Maria da Feira and Kenitra",
        ),
        summaries: with_english("Cooperação na área económica.", "pt", "Cooperation in the economic field."),
        party_aims: vec![PartyAims {
            city: HOST.to_owned(),
            aims: with_english(
                "Ligar as empresas locais aos países de origem dos imigrantes.",
                "pt",
                "To link local firms with the countries of origin of its immigrants.",
            ),
        }],
        commitments: vec![meeting(
            HOST,
            with_english("Missão empresarial a Kenitra.", "pt", "A business mission to Kenitra."),
            SIGNED,
        )],
        // Until when it holds is not on record.
        period: Some(Period { start_date: SIGNED.to_owned(), end_date: String::new() }),
        agreement: Some(AgreementTerms {
            kind: AgreementKind::CooperationProtocol.into(),
            audience: Audience::Public.into(),
            ..AgreementTerms::default()
        }),
        ..Terms::default()
    };
    Proposal {
        kind: CooperationKind::JointPartnership.into(),
        participants: vec![PARTNER.to_owned()],
        subjects: vec![partnership],
        terms: Some(terms),
        texts: with_english(
            "Depois da visita da delegação em 2012 e do memorando de 17 de outubro, propomos um protocolo. (Demonstração.)",
            "pt",
            "After the delegation's visit in 2012 and the memorandum of 17 October we propose a protocol. (A demonstration.)",
        ),
        ..Proposal::default()
    }
}

/// Kénitra wants more than business, and says what it brings.
pub(super) fn counter(offer: &Offer) -> Counter {
    let mut terms = offer.terms.clone().unwrap_or_default();
    terms.version = 2;
    terms.summaries = with_english(
        "Coopération dans les domaines économique, culturel, social et sportif.",
        "fr",
        "Cooperation in the economic, cultural, social and sports fields.",
    );
    terms.commitments.push(meeting(
        PARTNER,
        with_english(
            "Visites d'entrepreneurs de Kénitra en retour.",
            "fr",
            "Return visits by entrepreneurs of Kenitra.",
        ),
        "",
    ));
    Counter {
        terms: Some(terms),
        texts: with_english(
            "D'accord, et aussi la culture, le social et le sport.",
            "fr",
            "Agreed, and culture, social matters and sport as well.",
        ),
    }
}

fn meeting(city: &str, descriptions: Vec<LocalizedText>, due_date: &str) -> Commitment {
    Commitment {
        city: format!("cities/{city}"),
        kind: CommitmentKind::Meeting.into(),
        descriptions,
        due_date: due_date.to_owned(),
        ..Commitment::default()
    }
}

pub(super) fn acceptance(offer: &Offer) -> Acceptance {
    Acceptance {
        terms_version: offer.terms.as_ref().map_or(0, |terms| terms.version),
        offer_hash: offer.hash.clone(),
        office: "Gabinete de desenvolvimento económico".to_owned(),
    }
}

/// Offices, not persons. Which offices signed is not on record; these are the heads of the two authorities.
pub(super) fn signature(city: &str, agreed: &Offer) -> AgreementSignature {
    let office = if city == HOST { "Presidente da Câmara Municipal" } else { "Président de la Commune urbaine" };
    AgreementSignature {
        terms_version: agreed.terms.as_ref().map_or(0, |terms| terms.version),
        offer_hash: agreed.hash.clone(),
        signing_office: office.to_owned(),
        sign_date: SIGNED.to_owned(),
        place: "Kénitra".to_owned(),
        ..AgreementSignature::default()
    }
}

pub(super) fn activation() -> Activation {
    Activation { start_date: SIGNED.to_owned() }
}

/// What was done, and what was announced.
pub(super) fn milestones() -> [Milestone; 3] {
    let done = |id: &str, date: &str, titles| Milestone {
        id: id.to_owned(),
        titles,
        owner: HOST.to_owned(),
        due_date: date.to_owned(),
        complete_date: date.to_owned(),
        ..Milestone::default()
    };
    let memorandum = with_english(
        "Memorando de entendimento.",
        "pt",
        "Memorandum of understanding, signed in the town hall of Feira.",
    );
    let mission = with_english("Missão empresarial a Kenitra.", "pt", "Business mission to Kenitra.");
    [
        done("memorandum", MEMORANDUM, memorandum),
        Milestone {
            outcomes: with_english(
                "Empresários anunciaram visitas em retorno.",
                "pt",
                "Entrepreneurs announced return visits.",
            ),
            ..done("business-mission", SIGNED, mission)
        },
        Milestone {
            id: "return-visits".to_owned(),
            titles: with_english(
                "Visitas de empresários de Kenitra; a data é inventada.",
                "pt",
                "Return visits by entrepreneurs of Kenitra; the date is invented.",
            ),
            owner: PARTNER.to_owned(),
            due_date: RETURN_VISITS.to_owned(),
            ..Milestone::default()
        },
    ]
}

pub(super) fn setting(stone: &Milestone) -> Action {
    let open = Milestone { complete_date: String::new(), outcomes: Vec::new(), ..stone.clone() };
    Action::MilestoneSetting(MilestoneSetting { milestone: Some(open) })
}

pub(super) fn completion(stone: &Milestone) -> Action {
    Action::MilestoneCompletion(MilestoneCompletion {
        milestone: stone.id.clone(),
        complete_date: stone.complete_date.clone(),
        outcomes: stone.outcomes.clone(),
    })
}

/// Kénitra confirms Feira's record of the protocol of 2013, and names its own half.
pub(super) fn confirmation() -> Statement {
    Statement {
        record: format!("cities/{HOST}/agreements/protocolo-kenitra-2013"),
        stance: ConfirmationStance::Confirmed.into(),
        mirror: format!("cities/{PARTNER}/agreements/protocole-feira-2013"),
        remarks: original("Signé à Kénitra.", "fr"),
        ..Statement::default()
    }
}
